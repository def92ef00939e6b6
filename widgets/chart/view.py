"""The chart's canvas: panes under one time axis, crosshair, keys and mouse.

Painted by hand, in one widget: a frame of panning over 5,000 candles with six formulas takes less than a display frame,
and half of what plots made of a general library's parts take (benchmarks/chart.py). What closed candles look like is
kept as a picture: a tick paints its own candle alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PyQt6.QtCore import QPointF, QRect, QRectF, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QColor, QImage, QPainter, QPen, QPixmap
from PyQt6.QtWidgets import QSizePolicy, QWidget

from ..base.focus import paint_focus_frame
from ..base.ink import curve_colour
from ..base.look import legible, market_colours_of
from ..base.price_format import (
    arrow,
    brief_text,
    percent_text,
    price_text,
    prices_decimals,
    short_money_text,
    tick_size,
    volume_decimals,
    volume_text,
)
from ..base.text import Language, current_language, tr
from ..base.theme import MarketColours, colours_of, number_font
from ..base.tokens import CHART_LEAST, density
from ..formulas.candles import heikin_ashi
from ..formulas.catalog import Place, Style, curves_of
from .choice import PRICE, VOLUME, ChartChoice, PictureStyle, ScaleKind
from .data import Bar, CandleSeries
from .frame import Frame, Pane
from .measures import Measures
from .picture import Content, Reckoned, axis_label, draw_bars, draw_grid
from .scale import ValueScale, on_tick, time_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtCore import QEvent
    from PyQt6.QtGui import QContextMenuEvent, QKeyEvent, QMouseEvent, QPaintEvent, QResizeEvent, QWheelEvent

    from ..formulas.candles import Column
    from .compare import Comparison

__all__ = ["ChartView", "Overlay"]

REPAINT_MS = 100
_LEAST_WIDTH, _MOST_WIDTH = 0.05, 40.0
_USUAL_WIDTH = 8.0
_MARGIN = 0.06  # of the height, above and below the candles
_STEP = 10  # bars that an arrow key moves by
_NEAR_OLDEST = 30  # bars left of the picture from which on older ones are asked for
_KST = timedelta(hours=9)
_AHEAD_SHARE = 0.3  # of the width, at most, for what is drawn ahead of the newest bar
_LEAST_SPAN = 1e-9
_LEGEND_LINES = 6
_WHEEL = 1.0015
_ZOOM_IN, _ZOOM_OUT = 1.25, 0.8
_OVERLAY_REACH = 1.0  # ranges of the candles, above and below them, that formulas may widen the picture by
_FITTED = {"rsi": (0.0, 100.0), "stochastic": (0.0, 100.0)}


class Overlay(Protocol):
    """What lies over the candles and may be worked with the mouse: drawings, orders, the measure."""

    def paint(self, painter: QPainter, view: ChartView, frame: Frame) -> None:
        """Paint it; clipped to the plot."""

    def press(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Take a press of the left button; False where it means nothing here."""

    def move(self, view: ChartView, frame: Frame, place: QPointF, *, held: bool) -> bool:
        """Take a move of the mouse; True where the overlay has to be painted anew."""

    def release(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Take the release of the button."""

    def key(self, view: ChartView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Take a key; False where it means nothing here."""


class ChartView(QWidget):
    """Draws a series; wheel and + − zoom, dragging and arrows move, End goes to the newest.

    The price axis is dragged to make prices higher or lower, and set back by a double-click; borders between panes are
    dragged too.

    Signals:
        olderWanted: the left edge is near.
        choiceChanged: heights of panes were dragged.
        scaleChanged: the range of prices is set by hand, or by itself again.
        menuWanted(QPoint): a menu was asked for, at that place of the screen.
        pointed(float | None): the crosshair is at a candle, by its start in seconds since 1970, or at none.
    """

    pointed = pyqtSignal(object)
    olderWanted = pyqtSignal()
    choiceChanged = pyqtSignal()
    scaleChanged = pyqtSignal()
    menuWanted = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series = CandleSeries()
        self._symbol = ""
        self._unit = "1m"
        self._choice = ChartChoice()
        self._bar_width = _USUAL_WIDTH
        self._behind = 0.0  # bars between the right edge and the newest
        self._manual: tuple[float, float] | None = None  # prices at the edges, where they are set by hand
        self._crosshair: tuple[str, str] | None = None
        self._measures = Measures.of(self.fontMetrics())
        self._measures_key: object = None
        self._axis_width = 0  # of the values beside the plot; it only grows, so that nothing jitters
        self._mouse: QPointF | None = None
        self._pointer: float | None = None  # where another chart's crosshair is, in seconds since 1970
        self._drag: _Drag | None = None
        self._dimmed = False
        self._market: MarketColours | None = None
        self._content: Content | None = None
        self._content_key: object = None
        self._picture = QPixmap()
        self._picture_key: object = None
        self._painted_key: object = None
        self.pictures = 0
        """How often closed candles were painted."""
        self.overlays: list[Overlay] = []
        self.comparison: Comparison | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(*CHART_LEAST)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFont(number_font(self.font()))
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.setInterval(REPAINT_MS)
        self._repaint.timeout.connect(self.show_changes)

    # -- what is shown ------------------------------------------------------------------------------------------------
    def show_series(self, series: CandleSeries, symbol: str, unit: str) -> None:
        """Show another series from its newest bar on."""
        self._series, self._symbol, self._unit = series, symbol, unit
        self._behind = 0.0
        self._axis_width = 0
        self._set_manual(None)
        self.update()

    @property
    def series(self) -> CandleSeries:
        """What is shown."""
        return self._series

    @property
    def symbol(self) -> str:
        """Its market."""
        return self._symbol

    @property
    def unit(self) -> str:
        """Its unit."""
        return self._unit

    @property
    def market_colours(self) -> MarketColours:
        """The colours of rising and falling prices; grey while they are out of date."""
        return self._market or market_colours_of(self.palette())

    @property
    def choice(self) -> ChartChoice:
        """How it is shown."""
        return self._choice

    def set_choice(self, choice: ChartChoice) -> None:
        """Show it in another way."""
        if choice.scale is not self._choice.scale:
            self._set_manual(None)
        self._choice = choice
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
        self.fill()
        self.want_older()

    def fill(self) -> None:
        """Make bars as wide as it takes to fill the picture, once there are no older ones to come."""
        if self._series.complete or self._series.is_full:
            self._bar_width = max(self._bar_width, self._least_width)
            self._behind = min(self._behind, self._most_behind)

    @property
    def crosshair(self) -> tuple[str, str] | None:
        """What the tags of the crosshair say, value and time; None while there is none."""
        return self._crosshair

    @property
    def pointed_price(self) -> Decimal | None:
        """The price that the mouse points at; None where it points at none."""
        frame, mouse = self.frame(), self._mouse
        if frame is None or mouse is None or not frame.price.rect.contains(mouse):
            return None
        price = self.tradable(frame.price.scale.value(mouse.y()))
        return price if price > 0 else None

    @property
    def axis_width(self) -> int:
        """Of the values beside the picture, in pixels."""
        return self._axis_width

    @property
    def axis_height(self) -> int:
        """Of the times below the picture, in pixels."""
        return self.measures.axis

    @property
    def measures(self) -> Measures:
        """The lengths in force."""
        key = (self.font().key(), density())
        if key != self._measures_key:
            self._measures, self._measures_key = Measures.of(self.fontMetrics()), key
        return self._measures

    @property
    def follows(self) -> bool:
        """Whether the newest bar is kept in sight."""
        return self._behind <= 0

    @property
    def is_manual(self) -> bool:
        """Whether the range of prices is set by hand."""
        return self._manual is not None

    @property
    def visible_bars(self) -> tuple[int, int]:
        """Return (first, one past the last) bar in the picture."""
        last = self._last
        first = last - self._plot().width() / self._bar_width
        return max(0, math.floor(first)), max(0, min(len(self._series), math.ceil(last)))

    @property
    def bar_width(self) -> float:
        """Pixels per bar."""
        return self._bar_width

    def move_by(self, bars: float) -> None:
        """Look so many bars further into the past (or, negative, towards now)."""
        self._behind = min(max(0.0, self._behind + bars), self._most_behind)
        self.want_older()
        self.update()

    def zoom(self, factor: float, at: float | None = None) -> None:
        """Make bars wider or narrower; what is at the x coordinate `at` stays there (the right edge by default)."""
        plot = self._plot()
        from_right = max(0.0, plot.right() - (plot.right() if at is None else at))
        there = self._behind + from_right / self._bar_width
        least = self._least_width if self._series.complete or self._series.is_full else _LEAST_WIDTH
        self._bar_width = min(max(self._bar_width * factor, least), _MOST_WIDTH)
        if self._behind > 0 and at is not None:
            self._behind = max(0.0, there - from_right / self._bar_width)
        self.move_by(0)

    def to_newest(self) -> None:
        """Follow again."""
        self._behind = 0.0
        self.update()

    def scale_prices(self, factor: float) -> None:
        """Make prices higher or lower on the screen, by hand from now on."""
        frame = self.frame()
        if frame is None:
            return
        scale = frame.price.scale
        middle, half = (scale.y(scale.low) + scale.y(scale.high)) / 2, scale.height / 2 / factor
        self._set_manual((scale.value(middle + half), scale.value(middle - half)))

    def fit_prices(self) -> None:
        """Have the range of prices follow the candles again."""
        self._set_manual(None)

    @property
    def _last(self) -> float:
        return len(self._series) - self._behind + self._ahead

    @property
    def _ahead(self) -> float:
        """Bars of room for what is drawn ahead of the newest."""
        shifts = [curve.shift for each in self._reckoned for curve in each.curves]
        return min(max(shifts, default=0), self._plot().width() * _AHEAD_SHARE / self._bar_width)

    @property
    def _reckoned(self) -> tuple[Reckoned, ...]:
        return () if self._content is None else self._content.reckoned

    @property
    def _most_behind(self) -> float:
        visible = self._plot().width() / self._bar_width
        if self._series.complete or self._series.is_full:
            return max(0.0, len(self._series) + self._ahead - visible)  # no blank part, once all is there
        return max(0.0, len(self._series) - visible * 0.2)

    @property
    def _least_width(self) -> float:
        """The width at which all bars that there are fill the picture."""
        return min(self._plot().width() / max(1.0, len(self._series) + self._ahead), _USUAL_WIDTH)

    def values_text(self, bar: Bar, before: Bar | None) -> str:
        """Return a bar in words and numbers."""
        rate = (bar.close - before.close) / before.close if before is not None and before.close else None
        change = f"  {arrow(rate)}{percent_text(rate)}" if rate is not None else ""
        price = (price_text(self._symbol, each) for each in (bar.opening, bar.high, bar.low, bar.close))
        opening, high, low, close = price
        volume = volume_text(bar.volume, volume_decimals(self._symbol, bar.close))
        names = (tr("O"), tr("H"), tr("L"), tr("C"), tr("Vol"))
        values = (opening, high, low, close, volume)
        pairs = "  ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))
        return f"{time_text(bar.start, self._unit)}{'↺' if bar.recovered else ''}{change}  {pairs}"

    # -- keys and mouse -----------------------------------------------------------------------------------------------
    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom at the mouse; over the price axis, or with Ctrl, the prices."""
        if event is None:
            return
        factor = _WHEEL ** event.angleDelta().y()
        by_hand = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if by_hand or event.position().x() > self._plot().right():
            self.scale_prices(factor)
        else:
            self.zoom(factor, event.position().x())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Arrows move, + and − (or up and down) zoom, Home and End jump; with Shift prices are moved and zoomed."""
        if event is None:
            return
        key = event.key()
        if any(each.key(self, key, event.modifiers()) for each in reversed(self.overlays)):
            self.update()
            return
        prices = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        match key:
            case Qt.Key.Key_Up if prices:
                self.scale_prices(_ZOOM_IN)
            case Qt.Key.Key_Down if prices:
                self.scale_prices(_ZOOM_OUT)
            case Qt.Key.Key_A:
                self.fit_prices()
            case Qt.Key.Key_Left:
                self.move_by(_STEP)
            case Qt.Key.Key_Right:
                self.move_by(-_STEP)
            case Qt.Key.Key_Up | Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(_ZOOM_IN)
            case Qt.Key.Key_Down | Qt.Key.Key_Minus:
                self.zoom(_ZOOM_OUT)
            case Qt.Key.Key_Home:
                self.move_by(len(self._series))
            case Qt.Key.Key_End:
                self.to_newest()
            case _:
                super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to drag: the picture, the price axis, a border, or what lies over the candles."""
        frame = self.frame()
        if event is None or event.button() is not Qt.MouseButton.LeftButton or frame is None:
            return
        place = event.position()
        if place.x() > frame.plot.right():
            if frame.price.rect.top() <= place.y() <= frame.price.rect.bottom():
                self._drag = _Drag("axis", place, scale=frame.price.scale)
        elif (border := self._border_at(frame, place)) is not None:
            self._drag = _Drag("border", place, pane=border, height=frame.plot.height())
        elif not any(each.press(self, frame, place) for each in reversed(self.overlays)):
            self._drag = _Drag("picture", place, behind=self._behind, scale=frame.price.scale)
        else:
            self._drag = _Drag("overlay", place)
            self.update()

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Over the price axis: fit the prices again."""
        if event is not None and event.position().x() > self._plot().right():
            self.fit_prices()
        else:
            self.mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag, or move the crosshair."""
        if event is None:
            return
        self._mouse = place = event.position()
        drag, frame = self._drag, self.frame()
        if frame is None:
            return
        held = drag is not None and drag.what == "overlay"
        if drag is None or held:
            for each in reversed(self.overlays):
                if each.move(self, frame, place, held=held):
                    break
            self._show_cursor(frame, place)
            self.pointed.emit(float(self._series.bars[self._bar_at(frame, place)].start))
        elif drag.what == "picture":
            self._behind = drag.behind
            if self._manual is not None and drag.scale is not None:
                moved = place.y() - drag.start.y()
                edges = (drag.scale.top + drag.scale.height - moved, drag.scale.top - moved)
                self._set_manual((drag.scale.value(edges[0]), drag.scale.value(edges[1])))
            self.move_by((place.x() - drag.start.x()) / self._bar_width)
        elif drag.what == "axis" and drag.scale is not None:
            half = drag.scale.height / 2 * math.exp((place.y() - drag.start.y()) / drag.scale.height * 2)
            middle = drag.scale.top + drag.scale.height / 2
            self._set_manual((drag.scale.value(middle + half), drag.scale.value(middle - half)))
        elif drag.what == "border":
            pane = frame.pane(drag.pane)
            if pane is not None:
                self._choice = self._choice.with_height(
                    drag.pane, (pane.rect.bottom() - place.y()) / drag.height
                )  # fmt: skip
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End dragging."""
        drag, self._drag = self._drag, None
        frame = self.frame()
        if drag is None or event is None:
            return
        if drag.what == "border":
            self.choiceChanged.emit()
        elif drag.what == "overlay" and frame is not None:
            for each in reversed(self.overlays):
                if each.release(self, frame, event.position()):
                    break
            self.update()

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Have a menu shown."""
        if event is not None:
            self.menuWanted.emit(event.globalPos())
            event.accept()

    def leaveEvent(self, event: QEvent | None) -> None:
        """Take the crosshair away."""
        self._mouse = None
        self.pointed.emit(None)
        self.update()

    @property
    def pointer(self) -> float | None:
        """Where another chart's crosshair is, in seconds since 1970; None for nowhere."""
        return self._pointer

    def show_pointer(self, moment: float | None) -> None:
        """Show where another chart's crosshair is, by its time; None to end that."""
        if moment != self._pointer:
            self._pointer = moment
            self.update()

    def _bar_at(self, frame: Frame, place: QPointF) -> int:
        return min(max(frame.first, round(frame.index(place.x()))), frame.end - 1)

    def _border_at(self, frame: Frame, place: QPointF) -> str | None:
        """Return the pane whose upper border is at a place."""
        near = self.measures.half
        for pane in frame.panes[1:]:
            if abs(place.y() - pane.rect.top()) <= near:
                return pane.name
        return None

    def _show_cursor(self, frame: Frame, place: QPointF) -> None:
        shape = Qt.CursorShape.ArrowCursor
        if place.x() > frame.plot.right() or self._border_at(frame, place) is not None:
            shape = Qt.CursorShape.SizeVerCursor
        self.setCursor(shape)

    def _set_manual(self, edges: tuple[float, float] | None) -> None:
        if edges is not None:
            low, high = edges
            if not (math.isfinite(low) and math.isfinite(high)) or high - low < max(abs(high), 1.0) * _LEAST_SPAN:
                return
            if low <= 0 and self._choice.scale is ScaleKind.LOG:
                return
        changed = (edges is None) is not (self._manual is None)
        self._manual = edges
        self.update()
        if changed:
            self.scaleChanged.emit()

    # -- what is where ------------------------------------------------------------------------------------------------
    def _plot(self) -> QRectF:
        return QRectF(
            0, 0, max(1, self.width() - self._axis_width), max(1, self.height() - self.measures.axis)
        )  # fmt: skip

    def content(self) -> Content | None:
        """Return what there is to paint now; None while there is no bar."""
        series, choice = self._series, self._choice
        if not len(series) or self._market is None:
            return None
        colours = colours_of(self.palette())
        key = (id(series), series.tick, choice, self._unit, self._symbol, self._market, self._dimmed, colours.base)
        if key == self._content_key and self._content is not None:
            return self._content
        columns = series.columns
        drawn = heikin_ashi(columns) if choice.style is PictureStyle.HEIKIN_ASHI else columns
        reckoned = []
        for at, chosen in enumerate(choice.formulas):
            pane = {Place.PRICE: PRICE, Place.VOLUME: VOLUME}.get(chosen.formula.place, str(at))
            reckoned.append(Reckoned(chosen, curves_of(chosen.formula, columns, chosen.values), pane))
        self._content = Content(
            self._symbol, self._unit, choice, drawn, tuple(reckoned), colours, self._market, self._dimmed
        )
        self._content_key = key
        return self._content

    def frame(self) -> Frame | None:
        """Return where everything is now; None while there is no bar."""
        content = self.content()
        if content is None:
            return None
        first, end = self.visible_bars
        if first >= end:
            return None
        low, high = self._price_range(content, first, end)
        self._make_room_for_values(content, low, high)
        plot, measures = self._plot(), self.measures
        first, end = self.visible_bars
        panes, top = [], plot.top()
        shares = content.choice.shares()
        for name in content.choice.panes:
            rect = QRectF(plot.left(), top, plot.width(), plot.height() * shares[name])
            top = rect.bottom()
            if name == PRICE:
                is_log = content.choice.scale is ScaleKind.LOG and low > 0
                head = measures.line + measures.half
                scale = ValueScale(low, high, rect.top() + head, max(1.0, rect.height() - head - measures.half), is_log)
            else:
                bottom, above = self._range_of(content, name, first, end)
                head = measures.line
                height = max(1.0, rect.height() - head - (0 if name == VOLUME else measures.half))
                scale = ValueScale(bottom, above, rect.top() + head, height)
            panes.append(Pane(name, rect, scale))
        base = float(content.columns.close[first])
        frame = Frame(plot, first, end, len(self._series), self._last, self._bar_width, tuple(panes), base)
        return self._widened(frame) if self.comparison is not None and self._manual is None else frame

    def _widened(self, frame: Frame) -> Frame:
        """Return the frame with room for the markets that this one is compared with."""
        assert self.comparison is not None
        seen = self.comparison.prices(frame)
        if not seen:
            return frame
        scale = frame.price.scale
        low = min(scale.low, *(float(np.nanmin(each)) for each in seen))
        high = max(scale.high, *(float(np.nanmax(each)) for each in seen))
        price = replace(frame.price, scale=replace(scale, low=low, high=high))
        return replace(frame, panes=(price, *frame.panes[1:]))

    def _price_range(self, content: Content, first: int, end: int) -> tuple[float, float]:
        if self._manual is not None:
            return self._manual
        columns, part = content.columns, slice(first, end)
        low, high = float(columns.low[part].min()), float(columns.high[part].max())
        if content.choice.style in (PictureStyle.LINE, PictureStyle.AREA):
            low, high = float(columns.close[part].min()), float(columns.close[part].max())
        reach = (high - low) * _OVERLAY_REACH
        for values in self._seen(content, PRICE, first, end):
            low = min(low, max(float(np.nanmin(values)), low - reach))
            high = max(high, min(float(np.nanmax(values)), high + reach))
        if content.choice.scale is ScaleKind.LOG and low > 0:
            room = (high / low) ** _MARGIN if high > low else 1.01
            return low / room, high * room
        room = (high - low or abs(high) * 0.01 or 1.0) * _MARGIN
        return low - room, high + room

    def _range_of(self, content: Content, name: str, first: int, end: int) -> tuple[float, float]:
        """Return the values at the edges of a pane below the prices."""
        if name == VOLUME:
            most = float(content.columns.volume[first:end].max())
            tops = [float(np.nanmax(values)) for values in self._seen(content, VOLUME, first, end)]
            return 0.0, max(most, *tops, _LEAST_SPAN) if tops else max(most, _LEAST_SPAN)
        [drawn] = [each for each in content.reckoned if each.pane == name]
        fitted = _FITTED.get(drawn.chosen.name)
        if fitted is not None:
            return fitted
        seen = list(self._seen(content, name, first, end))
        levels = drawn.chosen.formula.levels
        low = min([*(float(np.nanmin(values)) for values in seen), *levels], default=0.0)
        high = max([*(float(np.nanmax(values)) for values in seen), *levels], default=1.0)
        room = (high - low or abs(high) * 0.01 or 1.0) * _MARGIN
        return low - room, high + room

    def _seen(self, content: Content, name: str, first: int, end: int) -> Iterator[Column]:
        """Yield the values of each curve in a pane that are in the picture."""
        for each in content.reckoned:
            for curve in each.curves if each.pane == name else ():
                values = curve.values[max(0, first - curve.shift) : max(0, end - curve.shift)]
                if np.isfinite(values).any():
                    yield values

    def _make_room_for_values(self, content: Content, low: float, high: float) -> None:
        """Have the axis be as wide as the longest value that can stand there; one that is cut off is another one."""
        advance = self.fontMetrics().horizontalAdvance
        newest = self._series.bars[-1].close
        texts = [price_text(self._symbol, newest), "-000.0%", "-000.00"]
        texts += [price_text(self._symbol, self.tradable(each)) for each in (low, high)]
        self._axis_width = max(self._axis_width, max(map(advance, texts)) + 2 * self.measures.air)

    def tradable(self, price: float) -> Decimal:
        """Return the nearest price that the market can have."""
        exact = Decimal(repr(max(price, 0.0)))
        return on_tick(exact, tick_size(self._symbol, exact))

    # -- painting -----------------------------------------------------------------------------------------------------
    def show_changes(self) -> None:
        """Paint what changed: after a tick, its own candle and what stands beside it."""
        frame = self.frame()
        if frame is None or self._key_of(frame) != self._painted_key or frame.end < frame.count:
            self.update()
            return
        left = int(frame.x(frame.count - 1.5) - frame.bar_width) - 1
        self.update(QRect(left, 0, self.width() - left, self.height()))
        for pane in frame.panes:  # where values are said
            height = self.measures.line * (_LEGEND_LINES if pane.name == PRICE else 2)
            self.update(QRect(0, int(pane.rect.top()), int(frame.plot.width()), int(height)))

    def _key_of(self, frame: Frame) -> object:
        """Return what the picture of closed candles depends on."""
        content = self._content
        assert content is not None
        shifted = any(curve.shift for each in content.reckoned for curve in each.curves)
        return (
            self.size(), self.devicePixelRatioF(), self.measures, frame.first, frame.end, frame.last, frame.bar_width,
            tuple((pane.name, pane.scale) for pane in frame.panes), self._series.revision, id(self._series),
            self._series.tick if shifted else 0, content.choice, content.colours.base, content.colours.text,
            content.market, content.dimmed, current_language(), self.font().key(),
            frame.base if content.choice.scale is ScaleKind.PERCENT else 0,
        )  # fmt: skip

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw everything."""
        painter = QPainter(self)
        self._crosshair = None
        self._paint(painter)
        painter.end()
        paint_focus_frame(self)

    def picture(self) -> QImage:
        """Return what is seen, without crosshair and focus, for a file."""
        mouse, self._mouse = self._mouse, None
        ratio = self.devicePixelRatioF()
        image = QImage(self.size() * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        painter = QPainter(image)
        painter.setFont(self.font())
        self._paint(painter)
        painter.end()
        self._mouse = mouse
        return image

    def _paint(self, painter: QPainter) -> None:
        frame, content = self.frame(), self._content
        if frame is None or content is None:
            painter.fillRect(self.rect(), QColor(colours_of(self.palette()).base))
            return
        key = self._key_of(frame)
        if key != self._picture_key:
            self._make_picture(frame, content)
            self._picture_key = key
        self._painted_key = key
        painter.drawPixmap(QPointF(), self._picture)
        if frame.end == frame.count:
            draw_bars(painter, replace(content, dimmed=False), frame, self.measures, frame.count - 1, frame.count)
        painter.save()
        painter.setClipRect(frame.plot)
        for each in self.overlays:
            each.paint(painter, self, frame)
        painter.restore()
        self._draw_last(painter, content, frame)
        at = self._draw_crosshair(painter, content, frame)
        self._draw_legends(painter, content, frame, at)

    def _make_picture(self, frame: Frame, content: Content) -> None:
        self.pictures += 1
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(QColor(content.colours.base))
        painter = QPainter(picture)
        painter.setFont(self.font())
        measures = self.measures
        starts = self._series.columns.start[max(frame.first - 1, 0) : frame.end]
        draw_grid(painter, content, frame, measures, self.fontMetrics(), starts)
        draw_bars(painter, content, frame, measures, frame.first, min(frame.end, frame.count - 1))
        if not self._series.complete and frame.x(-0.5) > frame.plot.left():
            self._draw_waiting(painter, content, frame)
        painter.end()
        self._picture = picture

    def _draw_waiting(self, painter: QPainter, content: Content, frame: Frame) -> None:
        """Say, where older candles will be, that they are on their way."""
        text = tr("Older candles are loading…")
        room = QRectF(frame.plot.left(), frame.plot.top(), frame.x(-0.5) - frame.plot.left(), frame.plot.height())
        if self.fontMetrics().horizontalAdvance(text) < room.width():
            painter.setPen(QColor(content.colours.muted))
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_last(self, painter: QPainter, content: Content, frame: Frame) -> None:
        bar = self._series.bars[-1]
        rising = bar.close >= bar.opening
        colours = content.colours
        colour = legible(content.market.up if rising else content.market.down, colours.text, colours.base)
        y = frame.price.scale.y(bar.shown[3])
        rect = frame.price.rect
        if rect.top() <= y <= rect.bottom():
            pen = QPen(colour)
            pen.setStyle(Qt.PenStyle.DashLine)
            painter.setPen(pen)
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
        text = price_text(self._symbol, bar.close)
        if content.choice.scale is ScaleKind.PERCENT:
            text = percent_text(Decimal(repr(bar.shown[3] / frame.base - 1)))
        self.draw_tag(painter, frame, frame.price, y, text, colour)

    def draw_tag(self, painter: QPainter, frame: Frame, pane: Pane, y: float, text: str, back: QColor) -> None:
        """Write a value onto the axis beside a pane."""
        height = self.measures.tag
        top = min(max(y - height / 2, pane.rect.top()), max(pane.rect.top(), pane.rect.bottom() - height))
        box = QRectF(frame.plot.right(), top, self._axis_width, height)
        painter.fillRect(box, back)
        painter.setPen(QColor(colours_of(self.palette()).base))
        air = self.measures.air
        painter.drawText(box.adjusted(air, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)

    def _draw_time_tag(self, painter: QPainter, content: Content, frame: Frame, x: float, text: str) -> None:
        width = self.fontMetrics().horizontalAdvance(text) + 2 * self.measures.air
        left = min(max(x - width / 2, 0.0), max(0.0, self.width() - width))
        box = QRectF(left, frame.plot.bottom() + 1, width, self.height() - frame.plot.bottom() - 1)
        painter.fillRect(box, QColor(content.colours.muted))
        painter.setPen(QColor(content.colours.base))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _draw_crosshair(self, painter: QPainter, content: Content, frame: Frame) -> int:
        """Draw it, and return the bar that it is at; without a mouse the newest one that is seen."""
        mouse = self._mouse
        if mouse is None or not frame.plot.contains(mouse):
            return self._draw_pointer(painter, content, frame)
        index = self._bar_at(frame, mouse)
        pen = QPen(QColor(content.colours.muted))
        pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        x = frame.x(index)
        painter.drawLine(QPointF(x, frame.plot.top()), QPointF(x, frame.plot.bottom()))
        pane = frame.pane_at(mouse) or frame.price
        value = pane.scale.value(mouse.y())
        if pane.name == PRICE:
            price = self.tradable(value)
            y = min(max(pane.scale.y(float(price)), pane.rect.top()), pane.rect.bottom())
            text = price_text(self._symbol, price)
            if content.choice.scale is ScaleKind.PERCENT:
                text = percent_text(Decimal(repr(float(price) / frame.base - 1)))
        else:
            y, text = mouse.y(), axis_label(content, pane, Decimal(repr(value)))
        painter.drawLine(QPointF(frame.plot.left(), y), QPointF(frame.plot.right(), y))
        self._crosshair = tags = (text, time_text(self._series.bars[index].start, self._unit))
        self.draw_tag(painter, frame, pane, y, tags[0], QColor(content.colours.muted))
        self._draw_time_tag(painter, content, frame, x, tags[1])
        return index

    def _draw_pointer(self, painter: QPainter, content: Content, frame: Frame) -> int:
        """Draw the crosshair of another chart at its time, and return the bar that it is in, or else the newest."""
        if self._pointer is None:
            return frame.end - 1
        index = int(np.searchsorted(self._series.columns.start[: frame.end], self._pointer, side="right")) - 1
        if index < frame.first:
            return frame.end - 1
        pen = QPen(QColor(content.colours.muted))
        pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        x = frame.x(index)
        painter.drawLine(QPointF(x, frame.plot.top()), QPointF(x, frame.plot.bottom()))
        self._draw_time_tag(painter, content, frame, x, time_text(self._series.bars[index].start, self._unit))
        return index

    def _draw_legends(self, painter: QPainter, content: Content, frame: Frame, index: int) -> None:
        """Say the values of a bar: its prices in words, and each formula's in the colours of its lines."""
        measures, colours = self.measures, content.colours
        width = int(frame.plot.width()) - measures.air
        bar = self._series.bars[index]
        text = self.values_text(bar, self._series.bars[index - 1] if index else None)
        lines = [[(line, QColor(colours.text))] for line in self._lines(text, width)]
        lines += self._wrapped(self._legend(content, frame.price, index), width)
        for place, line in enumerate(lines):
            self._draw_line(painter, content, frame.price.rect.top() + measures.half + place * measures.line, line)
        for pane in frame.panes[1:]:
            for line in self._wrapped(self._legend(content, pane, index), width)[:1]:
                self._draw_line(painter, content, pane.rect.top() + measures.half, line)

    def legend_text(self, pane: str = PRICE) -> str:
        """Return what is said of the newest bar's formulas in a pane."""
        frame, content = self.frame(), self._content
        found = None if frame is None else frame.pane(pane)
        if frame is None or content is None or found is None:
            return ""
        return "  ".join(text for text, _ in self._legend(content, found, frame.end - 1))

    def _legend(self, content: Content, pane: Pane, index: int) -> list[tuple[str, QColor]]:
        colours, parts = content.colours, []
        if pane.name == VOLUME:
            bar = self._series.bars[index]
            korean = current_language() is Language.KOREAN
            parts.append((f"{tr('Vol')} {short_money_text(bar.volume, korean=korean)}", QColor(colours.muted)))
        for each in content.reckoned:
            if each.pane != pane.name:
                continue
            parts.append((each.chosen.title, QColor(colours.muted)))
            lines = each.chosen.formula.lines
            for line, number, curve in zip(lines, each.chosen.colours, each.curves, strict=True):
                at = index - curve.shift
                value = float(curve.values[at]) if 0 <= at < len(curve.values) else math.nan
                if not math.isfinite(value):
                    continue
                ink = QColor(colours.muted) if line.style is Style.COLUMNS else curve_colour(number, colours)
                parts.append((self._value_text(content, pane, value), ink))
        return parts

    def _value_text(self, content: Content, pane: Pane, value: float) -> str:
        if pane.name == PRICE:
            newest = self._series.bars[-1].close
            decimals = prices_decimals(self._symbol, (newest,))
            return price_text(self._symbol, Decimal(repr(value)), decimals)
        if pane.name == VOLUME:
            return axis_label(content, pane, Decimal(repr(value)))
        return brief_text(Decimal(repr(value)))

    def _draw_line(self, painter: QPainter, content: Content, top: float, parts: list[tuple[str, QColor]]) -> None:
        measures, metrics = self.measures, self.fontMetrics()
        x = float(measures.half)
        for text, ink in parts:
            width = metrics.horizontalAdvance(text)
            painter.fillRect(QRectF(x, top, width + measures.air, measures.line), QColor(content.colours.base))
            painter.setPen(ink)
            painter.drawText(
                QRectF(x + measures.half, top, width + measures.air, measures.line),
                Qt.AlignmentFlag.AlignVCenter, text,
            )  # fmt: skip
            x += width + measures.air

    def _wrapped(self, parts: list[tuple[str, QColor]], width: int) -> list[list[tuple[str, QColor]]]:
        """Break a legend into lines that fit."""
        lines: list[list[tuple[str, QColor]]] = []
        used = 0
        for part in parts:
            need = self.fontMetrics().horizontalAdvance(part[0]) + self.measures.air
            if not lines or used + need > width:
                lines.append([])
                used = 0
            lines[-1].append(part)
            used += need
        return lines

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


@dataclass(frozen=True, slots=True)
class _Drag:
    """What is dragged, and from where."""

    what: str
    start: QPointF
    behind: float = 0.0
    scale: ValueScale | None = None
    pane: str = ""
    height: float = 1.0
