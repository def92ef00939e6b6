"""The chart's picture: candles, volume, crosshair; painted by hand, because that takes under a millisecond."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QLineF, QPointF, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ..base.focus import paint_focus_frame
from ..base.look import blend, legible, paint_hatching
from ..base.price_format import (
    arrow,
    percent_text,
    price_text,
    prices_decimals,
    tick_size,
    volume_decimals,
    volume_text,
)
from ..base.text import tr
from ..base.theme import Colours, MarketColours, colours_of, number_font
from .data import Bar, CandleSeries
from .scale import grid_prices, on_tick, time_marks, time_step, time_text, unit_seconds

if TYPE_CHECKING:
    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

__all__ = ["ChartView"]

REPAINT_MS = 100
_LEAST_WIDTH, _MOST_WIDTH = 1.5, 40.0
_AXIS = 22
_VOLUME_SHARE = 0.18
_MARGIN = 0.06  # of the height, above and below the candles
_STEP = 10  # bars that an arrow key moves by
_NEAR_OLDEST = 30  # bars left of the picture from which on older ones are asked for
_KST = timedelta(hours=9)
_AXIS_AIR = 12  # beside a price
_MARK_AIR = 8
_MARK_SPACING = 84  # pixels between round times, at least


class ChartView(QWidget):
    """Draws a series; wheel and + − zoom, dragging and arrows move, End goes to the newest.

    Signals:
        olderWanted: the left edge is near.
    """

    olderWanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series = CandleSeries()
        self._symbol = ""
        self._unit = "1m"
        self._bar_width = 8.0
        self._behind = 0.0  # bars between the right edge and the newest
        self._right = 0.0  # of the plot, in pixels, while painting
        self._crosshair: tuple[str, str] | None = None
        self._axis_width = 0  # of the prices beside the plot; it only grows, so that nothing jitters
        self._mouse: QPointF | None = None
        self._dragged_from: tuple[float, float] | None = None
        self._dimmed = False
        self._market = MarketColours("#c84a31", "#1261c4", "#666666")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(200, 140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFont(number_font(self.font()))
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.setInterval(REPAINT_MS)
        self._repaint.timeout.connect(self.update)

    # -- what is shown ------------------------------------------------------------------------------------------------
    def show_series(self, series: CandleSeries, symbol: str, unit: str) -> None:
        """Show another series from its newest bar on."""
        self._series, self._symbol, self._unit = series, symbol, unit
        self._behind = 0.0
        self._axis_width = 0
        self.update()

    def take_colours(self, market: MarketColours, *, dimmed: bool) -> None:
        """Take colours over; what is out of date is grey, and hatched."""
        grey = market.flat
        self._market, self._dimmed = MarketColours(grey, grey, grey) if dimmed else market, dimmed
        self.update()

    def series_changed(self, appended: int = 0) -> None:
        """Draw it anew soon; while it does not follow, the picture keeps its place."""
        if self._behind > 0:
            self._behind += appended
        if not self._repaint.isActive():
            self._repaint.start()

    def want_older(self) -> None:
        """Ask for older bars where the picture reaches, or nearly reaches, the oldest that is known."""
        if len(self._series) and self.visible_bars[0] < _NEAR_OLDEST:
            self.olderWanted.emit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Leave no part of a wider picture blank."""
        super().resizeEvent(event)
        self.want_older()

    @property
    def crosshair(self) -> tuple[str, str] | None:
        """What the tags of the crosshair say, price and time; None while there is none."""
        return self._crosshair

    @property
    def axis_width(self) -> int:
        """Of the prices beside the picture, in pixels."""
        return self._axis_width

    @property
    def axis_height(self) -> int:
        """Of the times below the picture, in pixels."""
        return _AXIS

    @property
    def follows(self) -> bool:
        """Whether the newest bar is kept in sight."""
        return self._behind <= 0

    @property
    def visible_bars(self) -> tuple[int, int]:
        """Return (first, one past the last) bar in the picture."""
        last = len(self._series) - self._behind
        first = last - self._plot().width() / self._bar_width
        return max(0, math.floor(first)), max(0, min(len(self._series), math.ceil(last)))

    @property
    def bar_width(self) -> float:
        """Pixels per bar."""
        return self._bar_width

    def move_by(self, bars: float) -> None:
        """Look so many bars further into the past (or, negative, towards now)."""
        visible = self._plot().width() / self._bar_width
        most = max(0.0, len(self._series) - visible * 0.2)
        self._behind = min(max(0.0, self._behind + bars), most)
        self.want_older()
        self.update()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Make bars wider or narrower; what is at the x coordinate `at` stays there (the right edge by default)."""
        plot = self._plot()
        from_right = max(0.0, plot.right() - (plot.right() if at is None else at))
        there = self._behind + from_right / self._bar_width
        self._bar_width = min(max(self._bar_width * factor, _LEAST_WIDTH), _MOST_WIDTH)
        if self._behind > 0 or at is not None:
            self._behind = max(0.0, there - from_right / self._bar_width) if self._behind > 0 else 0.0
        self.move_by(0)

    def to_newest(self) -> None:
        """Follow again."""
        self._behind = 0.0
        self.update()

    def values_text(self, bar: Bar, before: Bar | None) -> str:
        """Return a bar in words and numbers."""
        rate = (bar.close - before.close) / before.close if before is not None and before.close else None
        change = f"  {arrow(rate)}{percent_text(rate)}" if rate is not None else ""
        moment = datetime.fromtimestamp(bar.start, UTC) + _KST
        price = (price_text(self._symbol, each) for each in (bar.opening, bar.high, bar.low, bar.close))
        opening, high, low, close = price
        volume = volume_text(bar.volume, volume_decimals(self._symbol, bar.close))
        names = (tr("O"), tr("H"), tr("L"), tr("C"), tr("Vol"))
        values = (opening, high, low, close, volume)
        pairs = "  ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
        stamp = f"{moment:%m-%d %H:%M:%S}" if self._unit.endswith("s") else f"{moment:%m-%d %H:%M}"
        return f"{stamp}{'↺' if bar.recovered else ''}{change}  {pairs}"

    # -- keys and mouse -----------------------------------------------------------------------------------------------
    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom at the mouse."""
        if event is not None:
            self.zoom(1.0015 ** event.angleDelta().y(), event.position().x())
            event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Arrows move, + and − (or up and down) zoom, Home and End jump."""
        if event is None:
            return
        match event.key():
            case Qt.Key.Key_Left:
                self.move_by(_STEP)
            case Qt.Key.Key_Right:
                self.move_by(-_STEP)
            case Qt.Key.Key_Up | Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(1.25)
            case Qt.Key.Key_Down | Qt.Key.Key_Minus:
                self.zoom(0.8)
            case Qt.Key.Key_Home:
                self.move_by(len(self._series))
            case Qt.Key.Key_End:
                self.to_newest()
            case _:
                super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to drag."""
        if event is not None and event.button() is Qt.MouseButton.LeftButton:
            self._dragged_from = (event.position().x(), self._behind)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag, or move the crosshair."""
        if event is None:
            return
        self._mouse = event.position()
        if self._dragged_from is not None:
            x, behind = self._dragged_from
            self._behind = behind
            self.move_by((event.position().x() - x) / self._bar_width)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End dragging."""
        self._dragged_from = None

    def leaveEvent(self, event: QEvent | None) -> None:
        """Take the crosshair away."""
        self._mouse = None
        self.update()

    # -- painting -----------------------------------------------------------------------------------------------------
    def _plot(self) -> QRectF:
        return QRectF(0, 0, max(10, self.width() - self._axis_width), max(10, self.height() - _AXIS))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw everything."""
        painter = QPainter(self)
        colours = colours_of(self.palette())
        painter.fillRect(self.rect(), QColor(colours.base))
        first, end = self.visible_bars
        if first < end:
            self._draw_bars(painter, colours, first, end)
        painter.end()
        paint_focus_frame(self)

    def _draw_bars(self, painter: QPainter, colours: Colours, first: int, end: int) -> None:
        bars = self._series.bars[first:end]
        low = min(bar.shown[2] for bar in bars)
        high = max(bar.shown[1] for bar in bars)
        room = (high - low or abs(high) * 0.01 or 1.0) * _MARGIN
        self._make_room_for_prices(low - room, high + room)
        plot = self._plot()
        self._right = plot.right()
        scale = _Scale(plot, low - room, high + room)
        self._draw_grid(painter, colours, scale, first, end)
        painter.save()
        painter.setClipRect(plot)
        if self._dimmed:
            paint_hatching(painter, plot.toRect(), colours.grid)
        self._draw_volume(painter, colours, bars, first)
        self._draw_candles(painter, colours, bars, first, scale)
        painter.restore()
        self._draw_last(painter, colours, scale)
        self._draw_values(painter, colours, first, end, scale)

    def _x(self, index: float) -> float:
        """Return the middle of a bar."""
        return self._right - (len(self._series) - self._behind - index - 0.5) * self._bar_width

    def _make_room_for_prices(self, low: float, high: float) -> None:
        """Have the axis be as wide as the longest price that can stand there; one that is cut off is another price."""
        advance = self.fontMetrics().horizontalAdvance
        newest = self._series.bars[-1].close
        texts = [price_text(self._symbol, newest)]
        texts += [price_text(self._symbol, self._tradable(Decimal(repr(max(each, 0.0))))) for each in (low, high)]
        self._axis_width = max(self._axis_width, max(map(advance, texts)) + _AXIS_AIR)

    def _tradable(self, price: Decimal) -> Decimal:
        """Return the nearest price that the market can have."""
        return on_tick(price, tick_size(self._symbol, price))

    def _draw_grid(self, painter: QPainter, colours: Colours, scale: _Scale, first: int, end: int) -> None:
        plot, metrics = scale.plot, self.fontMetrics()
        grid, text = QPen(QColor(colours.grid)), QPen(QColor(colours.muted))
        last = self._last_y(scale)
        tick = tick_size(self._symbol, Decimal(repr(max(scale.low, 0.0))))
        prices = grid_prices(scale.low, scale.high, max(2, int(plot.height() / 60)), tick)
        decimals = prices_decimals(self._symbol, prices)
        for price in prices:
            y = scale.y(float(price))
            painter.setPen(grid)
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            if abs(y - last) < metrics.height():
                continue  # the tag of the last price stands there
            painter.setPen(text)
            label = price_text(self._symbol, price, decimals)
            painter.drawText(QPointF(plot.right() + 6, y + metrics.ascent() / 2 - 1), label)
        before = max(first - 1, 0)
        starts = [bar.start for bar in self._series.bars[before:end]]
        step = time_step(_MARK_SPACING / self._bar_width * unit_seconds(self._unit))
        taken: list[tuple[float, float]] = []
        for mark in sorted(time_marks(starts, before, step), key=lambda mark: not mark.is_date):  # dates first
            x, half = self._x(mark.place), metrics.horizontalAdvance(mark.text) / 2
            if x - half < 0 or x + half > plot.right():
                continue
            if any(x - half - _MARK_AIR < right and left < x + half + _MARK_AIR for left, right in taken):
                continue
            taken.append((x - half, x + half))
            painter.setPen(grid)
            painter.drawLine(QPointF(x, 0), QPointF(x, plot.bottom()))
            painter.setPen(QColor(colours.text) if mark.is_date else text)
            painter.drawText(QPointF(x - half, plot.bottom() + metrics.ascent() + 3), mark.text)

    def _draw_volume(self, painter: QPainter, colours: Colours, bars: list[Bar], first: int) -> None:
        plot = self._plot()
        most = max(bar.shown[4] for bar in bars) or 1.0
        height, width = plot.height() * _VOLUME_SHARE, max(1.0, self._bar_width * 0.7)
        for rising, colour in ((True, self._market.up), (False, self._market.down)):
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(blend(colour, colours.base, 0.35))
            columns = [
                QRectF(self._x(first + number) - width / 2, plot.bottom() - tall, width, tall)
                for number, bar in enumerate(bars)
                if (bar.shown[3] >= bar.shown[0]) is rising and (tall := bar.shown[4] / most * height) > 0
            ]
            if columns:
                painter.drawRects(*columns)

    def _draw_candles(self, painter: QPainter, colours: Colours, bars: list[Bar], first: int, scale: _Scale) -> None:
        """Rising ones hollow, falling ones filled: never by colour alone."""
        width = max(1.0, self._bar_width * 0.7)
        hollow = width >= 4
        for rising, colour in ((True, self._market.up), (False, self._market.down)):
            wicks, bodies = [], []
            for number, bar in enumerate(bars):
                opening, high, low, close, _ = bar.shown
                if (close >= opening) is not rising:
                    continue
                x = self._x(first + number)
                top, bottom = scale.y(max(opening, close)), scale.y(min(opening, close))
                wicks.append(QLineF(x, scale.y(high), x, top))
                wicks.append(QLineF(x, bottom, x, scale.y(low)))
                bodies.append(QRectF(x - width / 2, top, width, max(1.0, bottom - top)))
            painter.setPen(QPen(QColor(colour)))
            painter.setBrush(QColor(colours.base if rising and hollow else colour))
            if bodies:
                painter.drawLines(*wicks)
                painter.drawRects(*bodies)

    def _draw_last(self, painter: QPainter, colours: Colours, scale: _Scale) -> None:
        bar = self._series.bars[-1]
        rising = bar.close >= bar.opening
        colour = legible(self._market.up if rising else self._market.down, colours.text, colours.base)
        y = self._last_y(scale)
        pen = QPen(colour)
        pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawLine(QPointF(0, y), QPointF(scale.plot.right(), y))
        self._draw_tag(painter, y, price_text(self._symbol, bar.close), colour, QColor(colours.base))

    def _last_y(self, scale: _Scale) -> float:
        return min(max(scale.y(self._series.bars[-1].shown[3]), 8.0), scale.plot.bottom() - 8)

    def _draw_time_tag(self, painter: QPainter, colours: Colours, x: float, text: str) -> None:
        plot = self._plot()
        width = self.fontMetrics().horizontalAdvance(text) + _AXIS_AIR
        left = min(max(x - width / 2, 0.0), max(0.0, self.width() - width))
        box = QRectF(left, plot.bottom() + 1, width, self.height() - plot.bottom() - 1)
        painter.fillRect(box, QColor(colours.muted))
        painter.setPen(QColor(colours.base))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_tag(self, painter: QPainter, y: float, text: str, back: QColor, ink: QColor) -> None:
        box = QRectF(self._plot().right(), min(max(y - 9, 0.0), self._plot().bottom() - 18), self._axis_width, 18)
        painter.fillRect(box, back)
        painter.setPen(ink)
        painter.drawText(box.adjusted(6, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_values(self, painter: QPainter, colours: Colours, first: int, end: int, scale: _Scale) -> None:
        """Draw the crosshair, and the values of its bar; without a mouse those of the newest bar."""
        index, plot = end - 1, scale.plot
        self._crosshair = None
        if self._mouse is not None and plot.contains(self._mouse):
            bars_from_right = (plot.right() - self._mouse.x()) / self._bar_width
            index = min(max(first, math.floor(len(self._series) - self._behind - bars_from_right)), end - 1)
            pen = QPen(QColor(colours.muted))
            pen.setStyle(Qt.PenStyle.DotLine)
            painter.setPen(pen)
            x = self._x(index)
            painter.drawLine(QPointF(x, 0), QPointF(x, plot.bottom()))
            price = self._tradable(scale.price(self._mouse.y()))
            y = min(max(scale.y(float(price)), 0.0), plot.bottom())
            painter.drawLine(QPointF(0, y), QPointF(plot.right(), y))
            self._crosshair = tags = (
                price_text(self._symbol, price),
                time_text(self._series.bars[index].start, self._unit),
            )
            self._draw_tag(painter, y, tags[0], QColor(colours.muted), QColor(colours.base))
            self._draw_time_tag(painter, colours, x, tags[1])
        bar = self._series.bars[index]
        text = self.values_text(bar, self._series.bars[index - 1] if index else None)
        metrics = self.fontMetrics()
        painter.setPen(QColor(colours.text))
        for place, line in enumerate(self._lines(text, int(plot.width()) - 12)):
            height = metrics.height() + 2
            box = QRectF(2, 2 + place * height, metrics.horizontalAdvance(line) + 10, height)
            painter.fillRect(box, QColor(colours.base))
            painter.drawText(box.adjusted(4, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, line)

    def _lines(self, text: str, width: int) -> list[str]:
        """Break values into lines where one is too long: a price is never cut off."""
        lines: list[str] = []
        for part in text.split("  "):
            longer = f"{lines[-1]}  {part}" if lines else part
            if lines and self.fontMetrics().horizontalAdvance(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(part)
        return lines


class _Scale:
    """Prices to pixels."""

    def __init__(self, plot: QRectF, low: float, high: float) -> None:
        self.plot, self.low, self.high = plot, low, high
        self._top = 24.0
        self._height = plot.height() * (1 - _VOLUME_SHARE * 0.8) - self._top

    def y(self, price: float) -> float:
        """Return where a price is."""
        return self._top + (self.high - price) / (self.high - self.low) * self._height

    def price(self, y: float) -> Decimal:
        """Return the price at a place."""
        value = self.high - (y - self._top) / self._height * (self.high - self.low)
        return Decimal(repr(max(value, 0.0)))
