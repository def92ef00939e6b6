"""The map of the book: what rested at each price over time, with the trades on it."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from PyQt6.QtCore import QPointF, QRectF, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QComboBox, QVBoxLayout

from upbit_ws_qt import GapEvent, OrderbookEvent, TradeEvent, WebSocketType

from ..base.kst import kst_clock
from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.price_format import price_text, tick_size
from ..base.spacing import Step, spaced
from ..base.text import tr
from ..base.tokens import FLOW_DOT, HAIRLINE, LABEL_APART, STROKE, space
from .book_history import BookHistory
from .canvas import FlowCanvas
from .trades import FlowTrades

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QKeyEvent, QWheelEvent
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import Channel, Subscription, WebSocketService

    from ..base.theme import Colours

__all__ = ["BookMapWidget"]

_PACE_MS = 50
SPANS = (60, 300, 900, 3600, 7200)
"""Seconds that are shown at a time."""
_MOST_DOTS = 3000
"""Trades that are drawn: the largest of those that can be seen."""
_LEAST_ROWS, _MOST_ROWS = 20, 400
_USUAL_ROWS = 80
_SHADES = 256
_TENTH = 0.1


class BookMapWidget(MarketPanel):
    """Price by time, each tenth of a second: the stronger, the more rested there; trades are dots by their size.

    It begins when it is shown, and knows two hours: nobody sells books of the past. In a replay it shows what was
    recorded. By keyboard the arrows scroll, + and - change the span, Home goes to the present.

    Example:
        >>> book_map = BookMapWidget(service, "KRW-BTC")
        >>> book_map.show()

    Args:
        service: where books and trades come from.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
    """

    def __init__(self, service: WebSocketService, symbol: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(service, symbol, "book map", parent)
        self.canvas = _MapCanvas(self.body)
        self.span = QComboBox(self)
        for seconds in SPANS:
            self.span.addItem("", seconds)
        self.span.activated.connect(lambda place: self.canvas.set_span(self.span.itemData(place)))
        self.tools.addStretch()
        self.tools.addWidget(self.span)
        self.note = plain_label("", self.body)
        layout = QVBoxLayout(self.body)
        spaced(layout, Step.TINY)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.note)
        self.begin_at(self.canvas)
        self.canvas.told.connect(lambda _words: self._show_note())
        self.canvas.spanChanged.connect(self._on_span)
        self._pace = QTimer(self)
        self._pace.setInterval(_PACE_MS)
        self._pace.timeout.connect(self._on_pace)
        service.gapDetected.connect(self._on_gap)
        self.retranslate()
        self.restyle()

    # -- hooks --------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want each book and each trade."""
        self.canvas.history.break_off()
        self._pace.start()
        yield self.proxy.subscribe_orderbook(self.symbol, self._on_book)
        yield self.proxy.subscribe_trade(self.symbol, self._on_trade)

    def main_channel(self) -> Channel:
        """Be about the book."""
        return self.service.orderbook(self.symbol)

    def forget(self) -> None:
        """Know nothing."""
        self.canvas.clear(self.symbol)

    def deactivate(self) -> None:
        """Know nothing of the time while it is hidden."""
        super().deactivate()
        self._pace.stop()
        self.canvas.history.break_off()

    def _on_book(self, event: OrderbookEvent) -> None:
        if event.code == self.symbol:
            self.canvas.take_book(event)
            self.arrived(event)

    def _on_trade(self, event: TradeEvent) -> None:
        if event.code == self.symbol and not event.is_snapshot:
            self.canvas.trades.take(event)

    @pyqtSlot(GapEvent)
    def _on_gap(self, gap: GapEvent) -> None:
        if gap.ws_type is WebSocketType.PUBLIC and gap.streams:
            self.canvas.history.break_off()

    @pyqtSlot()
    def _on_pace(self) -> None:
        if self.canvas.refresh():
            self._show_note()

    @pyqtSlot()
    def _on_span(self) -> None:
        place = SPANS.index(self.canvas.seconds) if self.canvas.seconds in SPANS else -1
        self.span.setCurrentIndex(place)

    def _show_note(self) -> None:
        told = "" if self.canvas.pointer is None else self.canvas.tell()
        span = self.canvas.history.span
        since = "" if span is None else kst_clock(int(span[0] * 1000))
        source = tr("from the recording") if self.service.clock is not None else tr("live; there are none of before")
        self.note.setText(told or (tr("Books since {time}, {source}", time=since, source=source) if since else ""))

    def retranslate(self) -> None:
        """Name everything."""
        self.setAccessibleName(tr("Book map"))
        self.canvas.setAccessibleName(tr("Map of the book of {symbol}", symbol=self.symbol))
        for place, seconds in enumerate(SPANS):
            self.span.setItemText(place, tr("%n min", seconds // 60))
        self.span.setAccessibleName(tr("Time that is shown"))
        self._show_note()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if hasattr(self, "canvas"):
            self.canvas.dimmed = self.dimmed
            self.canvas.update()


class _MapCanvas(FlowCanvas):
    """Draws the map: an image of floats through a table of colours, lines of the best prices, and dots.

    Signals:
        spanChanged: more or less time is shown.
    """

    spanChanged = pyqtSignal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.history = BookHistory()
        self.trades = FlowTrades()
        self.seconds = SPANS[0]
        self._code = ""
        self._end: float | None = None  # None follows the present
        self._rows = _USUAL_ROWS
        self._middle: Decimal | None = None
        self._book: OrderbookEvent | None = None
        self._table: tuple[str, np.ndarray] | None = None
        self._drawn = (0.0, 0)

    def clear(self, code: str) -> None:
        """Draw nothing."""
        self.history.clear()
        self.trades = FlowTrades()
        self._code, self._book, self._middle, self._end = code, None, None, None
        self.update()

    def take_book(self, book: OrderbookEvent) -> None:
        """Take a book in."""
        self._code, self._book = book.code, book
        self.history.take(book)

    def refresh(self) -> bool:
        """Paint where there is a new column to be seen; return whether there was."""
        span = self.history.span
        now = (0.0 if span is None else span[1], len(self.trades))
        if self._end is not None or now == self._drawn:
            return False
        self._drawn = now
        self.update()
        return True

    def set_span(self, seconds: int) -> None:
        """Show more time, or less."""
        self.seconds = seconds
        self.spanChanged.emit()
        self.update()

    def view(self) -> tuple[float, float, Decimal, Decimal] | None:
        """Return begin and end of the time that is shown, lower edge of the lowest row, and the step of a row."""
        span, book = self.history.span, self._book
        if span is None or book is None or book.mid is None:
            return None
        tick = tick_size(self._code, book.mid)
        ticks = max(1, math.ceil(float(book.asks[-1][0] - book.bids[-1][0]) * 1.5 / float(tick) / self._rows))
        step = tick * ticks
        half = step * (self._rows // 2)
        # It moves only when the price comes near to an edge: what stands still can be read.
        if self._middle is None or abs(book.mid - self._middle) > half / 2 or self._middle % step:
            self._middle = book.mid // step * step
        end = span[1] if self._end is None else self._end
        return end - self.seconds, end, self._middle - half, step

    def draw(self, painter: QPainter) -> None:
        """Draw everything."""
        view = self.view()
        if view is None:
            return
        begin, end, low, step = view
        area = self._area()
        columns = max(1, min(int(area.width()), self.seconds * 10))
        image = self.history.image(begin, end, float(low), float(step), self._rows, columns)
        table = self._colour_table(self.colours)
        with np.errstate(invalid="ignore"):
            shades = np.where(np.isfinite(image.levels), np.sqrt(image.levels) * (_SHADES - 1), 0)
        pixels = table[shades.astype(np.uint8)]
        pixels[~np.isfinite(image.levels)] = QColor(self.colours.base).rgba()
        pixels = np.ascontiguousarray(pixels[::-1])
        picture = QImage(pixels.data, columns, self._rows, columns * 4, QImage.Format.Format_RGB32)  # type: ignore[call-overload]
        painter.drawImage(area, picture)
        self._draw_best(painter, area, image.best, float(low), float(step))
        self._draw_trades(painter, area, view)
        self._draw_axes(painter, area, view)

    def _area(self) -> QRectF:
        widest = "" if self._book is None or self._book.mid is None else price_text(self._code, self._book.mid)
        axis = self.fontMetrics().horizontalAdvance(widest) + 2.0 * space().small
        return QRectF(0, 0, max(1.0, self.width() - axis), max(1.0, self.height() - self.fontMetrics().height()))

    def _y_of(self, area: QRectF, price: float, low: float, step: float) -> float:
        return area.bottom() - (price - low) / (step * self._rows) * area.height()

    def _draw_best(self, painter: QPainter, area: QRectF, best: np.ndarray, low: float, step: float) -> None:
        width = area.width() / len(best)
        for side, colour in enumerate((self.market.up, self.market.down)):
            painter.setPen(QPen(QColor(colour), STROKE))
            points: list[QPointF] = []
            for column, price in enumerate(best[:, side].tolist()):
                if price == price:  # NaN differs from itself
                    points.append(QPointF((column + 0.5) * width, self._y_of(area, price + step / 2, low, step)))
                elif points:
                    painter.drawPolyline(QPolygonF(points))
                    points = []
            painter.drawPolyline(QPolygonF(points))

    def _draw_trades(self, painter: QPainter, area: QRectF, view: tuple[float, float, Decimal, Decimal]) -> None:
        begin, end, low, step = view
        shown = self.trades.between(int(begin * 1000), int(end * 1000) + 1)
        if len(shown) > _MOST_DOTS:
            shown = sorted(shown, key=lambda trade: trade.volume)[-_MOST_DOTS:]
        most = max((trade.volume for trade in shown), default=Decimal(1)) or Decimal(1)
        least, largest = FLOW_DOT
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for trade in shown:
            colour = QColor(self.market.up if trade.is_buy else self.market.down)
            painter.setPen(QPen(QColor(self.colours.base), HAIRLINE))
            painter.setBrush(colour)
            x = (trade.ms / 1000 - begin) / (end - begin) * area.width()
            y = self._y_of(area, float(trade.price) + float(step) / 2, float(low), float(step))
            side = least + (largest - least) * math.sqrt(float(trade.volume / most))
            if area.top() <= y <= area.bottom():
                painter.drawEllipse(QPointF(x, y), side, side)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _draw_axes(self, painter: QPainter, area: QRectF, view: tuple[float, float, Decimal, Decimal]) -> None:
        begin, end, low, step = view
        painter.setPen(QColor(self.colours.muted))
        height = self.fontMetrics().height()
        every = max(1, math.ceil(2 * height / (area.height() / self._rows)))
        for number in range(0, self._rows, every):
            y = self._y_of(area, float(low + step * number) + float(step) / 2, float(low), float(step))
            place = QRectF(area.right() + space().small, y - height / 2, self.width() - area.right(), height)
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft, price_text(self._code, low + step * number))
        count = max(1, int(area.width() // (2 * LABEL_APART)))
        for number in range(count):
            moment = begin + (number + 0.5) * (end - begin) / count
            place = QRectF(number * area.width() / count, area.bottom(), area.width() / count, height)
            painter.drawText(place, Qt.AlignmentFlag.AlignHCenter, kst_clock(int(moment * 1000)))

    def _colour_table(self, colours: Colours) -> np.ndarray:
        if self._table is None or self._table[0] != colours.base:
            stops = [QColor(colours.base), *map(QColor, colours.heat)]
            places = np.linspace(0, _SHADES - 1, len(stops))
            parts = [np.interp(np.arange(_SHADES), places, [getattr(stop, name)() for stop in stops])
                     for name in ("red", "green", "blue")]  # fmt: skip
            red, green, blue = (part.astype(np.uint32) for part in parts)
            table = (np.uint32(0xFF000000) | red << np.uint32(16) | green << np.uint32(8) | blue).astype(np.uint32)
            self._table = colours.base, table
        return self._table[1]

    # -- hands --------------------------------------------------------------------------------------------------------
    def tell(self) -> str:
        """Say what rested under the pointer, and when."""
        view, place = self.view(), self.pointer
        area = self._area()
        if view is None or place is None or not area.contains(place):
            return ""
        begin, end, low, step = view
        moment = begin + place.x() / area.width() * (end - begin)
        row = int((area.bottom() - place.y()) / area.height() * self._rows)
        price = low + step * row
        found = self.history.size_at(moment, float(price), float(price + step))
        head = f"{kst_clock(int(moment * 1000))} {price_text(self._code, price)}"
        if found is None:
            return head + ": " + tr("not known")
        size, is_bid = found
        words = tr("{size} wanted", size=f"{size:g}") if is_bid else tr("{size} offered", size=f"{size:g}")
        return f"{head}: {words if size else tr('nothing rested')}"

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Scroll, show more or less, go to the present."""
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        span = self.history.span
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and span is not None:
            end = (span[1] if self._end is None else self._end) + self.seconds / 10 * (
                -1 if key == Qt.Key.Key_Left else 1
            )
            self._end = None if end >= span[1] else max(end, span[0] + _TENTH)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal, Qt.Key.Key_Minus):
            place = SPANS.index(self.seconds) + (1 if key == Qt.Key.Key_Minus else -1)
            self.set_span(SPANS[min(max(place, 0), len(SPANS) - 1)])
        elif key == Qt.Key.Key_Home:
            self._end = None
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            factor = 0.8 if key == Qt.Key.Key_Up else 1.25
            self._rows = min(max(round(self._rows * factor), _LEAST_ROWS), _MOST_ROWS)
        else:
            super().keyPressEvent(event)
        self.update()

    @property
    def follows(self) -> bool:
        """Whether the present is shown."""
        return self._end is None

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Show more prices, or fewer."""
        if event is not None:
            factor = 0.8 if event.angleDelta().y() > 0 else 1.25
            self._rows = min(max(round(self._rows * factor), _LEAST_ROWS), _MOST_ROWS)
            self.update()
