"""Paints candles, volume, curves and grid of one frame; what is painted of closed candles is kept by the view."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF

from ..base.ink import curve_colour
from ..base.look import blend, paint_hatching
from ..base.price_format import percent_text, price_text, prices_decimals, short_money_text, tick_size
from ..base.text import Language, current_language
from ..base.tokens import HAIRLINE, STROKE
from ..formulas.catalog import Style
from .arrays import draw_curve, draw_lines, draw_rects
from .choice import PRICE, VOLUME, PictureStyle, ScaleKind
from .frame import Bins, Frame, Pane
from .scale import grid_prices, percent_grid, time_marks, time_step, unit_seconds

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PyQt6.QtGui import QFontMetrics

    from ..base.theme import Colours, MarketColours
    from ..formulas.candles import Column, Columns
    from ..formulas.catalog import Curve
    from .choice import ChartChoice, ChosenFormula
    from .measures import Measures

__all__ = ["Content", "Reckoned", "axis_label", "draw_bars", "draw_grid", "grid_of"]

_BODY = 0.7  # share of a bar's width that its body has
_HOLLOW = 4  # pixels from which on a body has an inside
_VOLUME_WEIGHT = 0.45
_AREA_WEIGHT = 0.16
_CLOUD_WEIGHT = 0.14
_GRID_EVERY = 3  # lines of text between grid lines


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A formula with its curves, and the pane they are in."""

    chosen: ChosenFormula
    curves: tuple[Curve, ...]
    pane: str


@dataclass(frozen=True, slots=True)
class Content:
    """What there is to paint.

    Attributes:
        columns: the bars as they are drawn: smoothed ones for Heikin-Ashi.
        curves: of the formulas, and of other markets.
        market: colours of prices; grey while they are out of date.
    """

    symbol: str
    unit: str
    choice: ChartChoice
    columns: Columns
    reckoned: tuple[Reckoned, ...]
    colours: Colours
    market: MarketColours
    dimmed: bool


# -- grid and axes -----------------------------------------------------------------------------------------------------
def grid_of(content: Content, frame: Frame, pane: Pane, measures: Measures) -> list[tuple[float, str]]:
    """Return (value, label) of the grid lines of a pane."""
    scale = pane.scale
    most = max(1, int(scale.height / (measures.line * _GRID_EVERY)))
    if pane.name != PRICE:
        values = grid_prices(scale.low, scale.high, max(most, 2))
        return [(float(each), axis_label(content, pane, each)) for each in values]
    if content.choice.scale is ScaleKind.PERCENT:
        return [(price, percent_text(change, 1)) for price, change in percent_grid(scale, frame.base, most)]
    tick = tick_size(content.symbol, Decimal(repr(max(scale.low, 0.0))))
    prices = grid_prices(scale.low, scale.high, max(2, most), tick)
    if len(prices) < 2:  # round prices are far apart here
        prices = grid_prices(scale.low, scale.high, max(2, most) * 2, tick)
    if scale.is_log and scale.high > scale.low * 4:
        prices = _ratios(scale.low, scale.high, tick)
    decimals = prices_decimals(content.symbol, prices)
    return [(float(price), price_text(content.symbol, price, decimals)) for price in prices]


def _ratios(low: float, high: float, tick: Decimal) -> list[Decimal]:
    """Return the prices 1, 2 and 5 times a power of ten between two others."""
    power = Decimal(1).scaleb(Decimal(repr(low)).adjusted())
    found = []
    while power <= Decimal(repr(high)):
        found += [step * power for step in (1, 2, 5) if low <= float(step * power) <= high and not step * power % tick]
        power *= 10
    return found


def axis_label(content: Content, pane: Pane, value: Decimal) -> str:
    """Return a value of a pane below the prices as text."""
    if pane.name == VOLUME or abs(value) >= 100_000:
        return short_money_text(value, korean=current_language() is Language.KOREAN)
    span = Decimal(repr(pane.scale.high - pane.scale.low))
    decimals = max(0, 2 - span.adjusted())
    return f"{value:,.{min(decimals, 8)}f}"


def draw_grid(
    painter: QPainter, content: Content, frame: Frame, measures: Measures, metrics: QFontMetrics,
    starts: NDArray[np.int64],
) -> None:  # fmt: skip
    """Draw the grid with its labels; `starts` are those of the bars from the one before the first on."""
    colours = content.colours
    grid, muted = QPen(QColor(colours.grid)), QPen(QColor(colours.muted))
    plot = frame.plot
    for number, pane in enumerate(frame.panes):
        for value, label in grid_of(content, frame, pane, measures):
            y = pane.scale.y(value)
            if not pane.rect.top() <= y <= pane.rect.bottom():
                continue
            painter.setPen(grid)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            baseline = y + metrics.ascent() / 2 - 1
            if pane.rect.top() + metrics.ascent() <= baseline <= pane.rect.bottom():
                painter.setPen(muted)
                painter.drawText(QPointF(plot.right() + measures.air, baseline), label)
        if number:
            painter.setPen(QPen(QColor(colours.border)))
            painter.drawLine(QPointF(plot.left(), pane.rect.top()), QPointF(plot.right(), pane.rect.top()))
    _draw_times(painter, content, frame, measures, metrics, starts)


def _draw_times(
    painter: QPainter, content: Content, frame: Frame, measures: Measures, metrics: QFontMetrics,
    starts: NDArray[np.int64],
) -> None:  # fmt: skip
    plot, colours = frame.plot, content.colours
    step = time_step(measures.apart / frame.bar_width * unit_seconds(content.unit))
    taken: list[tuple[float, float]] = []
    before = max(frame.first - 1, 0)
    for mark in sorted(time_marks(starts, before, step), key=lambda mark: not mark.is_date):  # dates first
        x, half = frame.x(mark.place), metrics.horizontalAdvance(mark.text) / 2
        if x - half < 0 or x + half > plot.right():
            continue
        if any(x - half - measures.air < right and left < x + half + measures.air for left, right in taken):
            continue
        taken.append((x - half, x + half))
        painter.setPen(QPen(QColor(colours.grid)))
        painter.drawLine(QPointF(x, plot.top()), QPointF(x, plot.bottom()))
        painter.setPen(QPen(QColor(colours.text if mark.is_date else colours.muted)))
        painter.drawText(QPointF(x - half, plot.bottom() + metrics.ascent() + measures.half), mark.text)


# -- bars --------------------------------------------------------------------------------------------------------------
def draw_bars(painter: QPainter, content: Content, frame: Frame, measures: Measures, first: int, end: int) -> None:
    """Draw bars, and the curves up to them from the bar before the first."""
    if first >= end:
        return
    for pane in frame.panes:
        painter.save()
        painter.setClipRect(pane.rect)
        if content.dimmed and pane.name == PRICE:
            paint_hatching(painter, painter.clipBoundingRect().toRect(), content.colours.grid)
        if pane.name == VOLUME:
            _draw_volume(painter, content, frame, pane, first, end)
        elif pane.name == PRICE:
            _draw_prices(painter, content, frame, pane, first, end)
        for each in content.reckoned:
            if each.pane == pane.name:
                _draw_formula(painter, content, frame, pane, measures, each, first, end)
        painter.restore()


def _draw_volume(painter: QPainter, content: Content, frame: Frame, pane: Pane, first: int, end: int) -> None:
    columns, part = content.columns, slice(first, end)
    rising = columns.close[part] >= columns.opening[part]
    volume, places = columns.volume[part], np.arange(first, end, dtype=np.float64)
    width = max(1.0, frame.bar_width * _BODY)
    if frame.bar_width < 1:
        bins = Bins.of(first, end, frame.bar_width)
        volume, places = bins.highest(volume), bins.middles
        rising = bins.closing(columns.close[part]) >= bins.opening(columns.opening[part])
    x, y = frame.xs(places) - width / 2, pane.scale.ys(volume)
    painter.setPen(Qt.PenStyle.NoPen)
    for wanted, colour in ((True, content.market.up), (False, content.market.down)):
        chosen = rising == wanted
        painter.setBrush(blend(colour, content.colours.base, _VOLUME_WEIGHT))
        draw_rects(painter, x[chosen], y[chosen], width, pane.rect.bottom() - y[chosen])


def _draw_prices(painter: QPainter, content: Content, frame: Frame, pane: Pane, first: int, end: int) -> None:
    if content.choice.style in (PictureStyle.LINE, PictureStyle.AREA):
        _draw_closes(painter, content, frame, pane, first, end)
        return
    columns, part = content.columns, slice(first, end)
    opening, high, low, close = (each[part] for each in (columns.opening, columns.high, columns.low, columns.close))
    places = np.arange(first, end, dtype=np.float64)
    if frame.bar_width < 1:
        bins = Bins.of(first, end, frame.bar_width)
        opening, high, low, close = bins.opening(opening), bins.highest(high), bins.lowest(low), bins.closing(close)
        places = bins.middles
    rising = close >= opening
    x = frame.xs(places)
    y_high, y_low = pane.scale.ys(high), pane.scale.ys(low)
    top, bottom = pane.scale.ys(np.maximum(opening, close)), pane.scale.ys(np.minimum(opening, close))
    width = max(1.0, frame.bar_width * _BODY)
    hollow = width >= _HOLLOW
    height = np.maximum(1.0, bottom - top)
    for wanted, colour in ((True, content.market.up), (False, content.market.down)):
        at = rising == wanted
        pen = QPen(QColor(colour))
        painter.setPen(pen)
        if frame.bar_width < 1:
            draw_lines(painter, x[at], y_high[at], x[at], np.maximum(y_low[at], y_high[at] + 1))
            continue
        draw_lines(painter, x[at], y_high[at], x[at], top[at])
        draw_lines(painter, x[at], bottom[at], x[at], y_low[at])
        # Rising ones hollow, falling ones filled: never by colour alone.
        painter.setBrush(QColor(content.colours.base if wanted and hollow else colour))
        if not hollow:
            painter.setPen(Qt.PenStyle.NoPen)
        draw_rects(painter, x[at] - width / 2, top[at], width, height[at])


def _draw_closes(painter: QPainter, content: Content, frame: Frame, pane: Pane, first: int, end: int) -> None:
    before = max(first - 1, 0)
    x, y = _points(frame, pane, content.columns.close, before, end, 0)
    if content.choice.style is PictureStyle.AREA and len(x) > 1:
        floor = pane.rect.bottom()
        edge = [QPointF(float(a), float(b)) for a, b in zip(x, y, strict=True)]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(blend(content.colours.accent, content.colours.base, _AREA_WEIGHT))
        painter.drawPolygon(QPolygonF([QPointF(float(x[0]), floor), *edge, QPointF(float(x[-1]), floor)]))
    _draw_stroke(painter, QColor(content.market.flat if content.dimmed else content.colours.accent), x, y)


def _points(frame: Frame, pane: Pane, values: Column, first: int, end: int, shift: int) -> tuple[Column, Column]:
    """Return where the values of bars are; where bars share a pixel the least and the greatest of them."""
    part = values[first:end]
    if frame.bar_width >= 1 or not len(part):
        return frame.xs(np.arange(first, end, dtype=np.float64) + shift), pane.scale.ys(part)
    bins = Bins.of(first, end, frame.bar_width)
    both = np.column_stack((bins.lowest(part), bins.highest(part))).ravel()
    return frame.xs(np.repeat(bins.middles, 2) + shift), pane.scale.ys(both)


def _draw_stroke(painter: QPainter, colour: QColor, x: Column, y: Column) -> None:
    is_dense = len(x) > 1 and abs(x[-1] - x[0]) < len(x)
    painter.setPen(QPen(colour, HAIRLINE if is_dense else STROKE))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    draw_curve(painter, x, y)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _draw_formula(
    painter: QPainter, content: Content, frame: Frame, pane: Pane, measures: Measures, drawn: Reckoned,
    first: int, end: int,
) -> None:  # fmt: skip
    formula, chosen = drawn.chosen.formula, drawn.chosen
    for level in formula.levels:
        y = pane.scale.y(level)
        painter.setPen(QPen(QColor(content.colours.border), 0, Qt.PenStyle.DashLine))
        painter.drawLine(QPointF(pane.rect.left(), y), QPointF(pane.rect.right(), y))
    if formula.cloud is not None:
        _draw_cloud(painter, content, frame, pane, drawn, formula.cloud, first, end)
    for line, number, curve in zip(formula.lines, chosen.colours, drawn.curves, strict=True):
        colour = curve_colour(number, content.colours)
        begin, stop = _part(frame, curve, first, end)
        if line.style is Style.COLUMNS:
            _draw_columns(painter, content, frame, pane, curve.values, first, end)
        elif line.style is Style.DOTS:
            _draw_dots(painter, frame, pane, measures, colour, curve.values, first, end)
        else:
            _draw_stroke(painter, colour, *_points(frame, pane, curve.values, begin, stop, curve.shift))


def _part(frame: Frame, curve: Curve, first: int, end: int) -> tuple[int, int]:
    """Return which values of a curve are drawn with some bars: a shifted one shows other bars' values there."""
    stop = min(len(curve.values), end - curve.shift if curve.shift < 0 else end)
    begin = max(0, first - 1 - curve.shift if first == frame.first else first - 1)
    return min(begin, len(curve.values)), stop


def _draw_cloud(
    painter: QPainter, content: Content, frame: Frame, pane: Pane, drawn: Reckoned, names: tuple[str, str],
    first: int, end: int,
) -> None:  # fmt: skip
    """Fill between two lines: in the colour of rising prices where the first is above, of falling ones elsewhere."""
    lines = [line.name for line in drawn.chosen.formula.lines]
    one, other = (drawn.curves[lines.index(name)] for name in names)
    begin, stop = _part(frame, one, first, end)
    known = np.isfinite(one.values[begin:stop] + other.values[begin:stop])
    begin += int(np.argmax(known)) if known.any() else len(known)
    if stop - begin < 2:
        return
    x, y_one = _points(frame, pane, one.values, begin, stop, one.shift)
    _, y_other = _points(frame, pane, other.values, begin, stop, one.shift)
    top = np.minimum(y_one, y_other)  # on the screen higher is less
    painter.setPen(Qt.PenStyle.NoPen)
    for edge, colour in ((y_other, content.market.up), (y_one, content.market.down)):
        tint = QColor(colour)
        tint.setAlphaF(_CLOUD_WEIGHT)
        painter.setBrush(tint)
        there = [QPointF(float(a), float(b)) for a, b in zip(x, top, strict=True)]
        back = [QPointF(float(a), float(b)) for a, b in zip(x[::-1], edge[::-1], strict=True)]
        painter.drawPolygon(QPolygonF([*there, *back]))


def _draw_dots(
    painter: QPainter, frame: Frame, pane: Pane, measures: Measures, colour: QColor, values: Column,
    first: int, end: int,
) -> None:  # fmt: skip
    x, y = _points(frame, pane, values, first, end, 0)
    there = np.isfinite(y)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    size = measures.mark if frame.bar_width > measures.mark else 1.0
    draw_rects(painter, x[there] - size / 2, y[there] - size / 2, size, np.full(int(there.sum()), size))


def _draw_columns(
    painter: QPainter, content: Content, frame: Frame, pane: Pane, values: Column, first: int, end: int
) -> None:
    part, places = values[first:end], np.arange(first, end, dtype=np.float64)
    width = max(1.0, frame.bar_width * _BODY)
    if frame.bar_width < 1:
        bins = Bins.of(first, end, frame.bar_width)
        part, places = bins.closing(part), bins.middles
    y, zero = pane.scale.ys(part), pane.scale.y(0.0)
    x = frame.xs(places) - width / 2
    painter.setPen(Qt.PenStyle.NoPen)
    for at, colour in ((part >= 0, content.market.up), (part < 0, content.market.down)):
        painter.setBrush(blend(colour, content.colours.base, _VOLUME_WEIGHT))
        draw_rects(painter, x[at], np.minimum(y[at], zero), width, np.maximum(1.0, np.abs(zero - y[at])))
