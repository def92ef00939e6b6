"""The depth chart: what rests in the book from the best price on, cumulated to both sides."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QVBoxLayout

from upbit_ws_qt import Delivery, OrderbookEvent

from ..base.look import blend
from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.price_format import full_text, price_text, prices_decimals, volume_decimals, volume_text
from ..base.spacing import Step as Space
from ..base.spacing import spaced
from ..base.text import tr
from ..base.tokens import BAR_WEIGHT, HAIRLINE, STROKE, space
from .canvas import FlowCanvas
from .resting import Depth, depth_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QKeyEvent
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import Channel, Subscription, WebSocketService

    from .resting import Step

__all__ = ["DepthWidget"]

_NEAR = Decimal("0.001")
"""Within this share of the middle price what rests is told apart."""
_KEYS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class DepthWidget(MarketPanel):
    """What could be bought and sold up to each price, as steps that grow from the middle; the pointer tells the sums.

    Example:
        >>> depth = DepthWidget(service, "KRW-BTC")
        >>> depth.show()

    Args:
        service: where the book comes from; 30 prices a side, as many as the exchange sends.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
    """

    def __init__(self, service: WebSocketService, symbol: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(service, symbol, "depth chart", parent)
        self.canvas = _DepthCanvas(self.body)
        self.sums = plain_label("", self)
        self.note = plain_label("", self.body)
        self.tools.addStretch()
        self.tools.addWidget(self.sums)
        layout = QVBoxLayout(self.body)
        spaced(layout, Space.TINY)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.note)
        self.canvas.told.connect(self.note.setText)
        self.begin_at(self.canvas)
        self.retranslate()
        self.restyle()

    def subscribe(self) -> Iterable[Subscription]:
        """Want the book."""
        yield self.proxy.subscribe_orderbook(self.symbol, self._on_book, delivery=Delivery.FRAME)

    def main_channel(self) -> Channel:
        """Be about the book."""
        return self.service.orderbook(self.symbol)

    def forget(self) -> None:
        """Show no book."""
        self.canvas.show_book("", None)

    def _on_book(self, event: OrderbookEvent) -> None:
        if event.code == self.symbol:
            self.canvas.show_book(self.symbol, event)
            self._show_sums()
            self.arrived(event)

    def _show_sums(self) -> None:
        depth = self.canvas.sides
        share = None if depth is None else depth.imbalance
        if depth is None or share is None or self.canvas.mid is None:
            self.sums.setText("")
            return
        bids, asks = depth.within(self.canvas.mid, _NEAR)
        near = "" if not bids + asks else f" · ±0.1 %: {bids / (bids + asks):.0%}"
        self.sums.setText(tr("Buyers {share}", share=f"{share:.0%}") + near)

    def retranslate(self) -> None:
        """Name everything."""
        self.setAccessibleName(tr("Depth chart"))
        self.canvas.setAccessibleName(tr("Depth chart"))
        self.sums.setToolTip(tr("Of all that rests in the book, what wants to buy; and the same near the price"))
        self._show_sums()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if hasattr(self, "canvas"):
            self.canvas.dimmed = self.dimmed
            self.canvas.update()


class _DepthCanvas(FlowCanvas):
    """Draws both sides; by keyboard the arrows go from price to price."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.sides: Depth | None = None
        self.mid: Decimal | None = None
        self._code = ""

    def show_book(self, code: str, book: OrderbookEvent | None) -> None:
        """Draw another book."""
        self._code = code
        self.sides = None if book is None else depth_of(book)
        self.mid = None if book is None else book.mid
        if self.pointer is not None:
            self.told.emit(self.tell())
        self.update()

    def _span(self) -> tuple[float, float, float] | None:
        depth = self.sides
        if depth is None or not depth.bids or not depth.asks:
            return None
        most = max(depth.bids[-1].cumulated, depth.asks[-1].cumulated)
        return float(depth.bids[-1].price), float(depth.asks[-1].price), float(most) or 1.0

    def place_of(self, price: Decimal) -> float:
        """Return where a price is, in points from the left."""
        span = self._span()
        low, high = (0.0, 1.0) if span is None else span[:2]
        return (float(price) - low) / ((high - low) or 1.0) * self.width()

    def draw(self, painter: QPainter) -> None:
        """Draw the steps, the middle and the pointer."""
        span, depth = self._span(), self.sides
        if span is None or depth is None:
            return
        foot = float(self.height() - self.fontMetrics().height() - space().tiny)
        for side, colour in ((depth.bids, self.market.up), (depth.asks, self.market.down)):
            points = [QPointF(self.place_of(side[0].price), foot)]
            for place, step in enumerate(side):
                y = foot - float(step.cumulated) / span[2] * (foot - space().large)
                end = side[place + 1].price if place + 1 < len(side) else step.price
                points += [QPointF(self.place_of(step.price), y), QPointF(self.place_of(end), y)]
            points.append(QPointF(points[-1].x(), foot))
            painter.setPen(QPen(QColor(colour), STROKE))
            painter.setBrush(blend(colour, self.colours.base, BAR_WEIGHT))
            painter.drawPolygon(QPolygonF(points))
        self._draw_axis(painter, foot, depth)
        found = self._under_pointer()
        if found is not None:
            painter.setPen(QPen(QColor(self.colours.accent), HAIRLINE))
            x = self.place_of(found[1].price)
            painter.drawLine(QPointF(x, 0.0), QPointF(x, foot))

    def _draw_axis(self, painter: QPainter, foot: float, depth: Depth) -> None:
        painter.setPen(QColor(self.colours.muted))
        prices = (depth.bids[-1].price, self.mid or depth.bids[0].price, depth.asks[-1].price)
        decimals = prices_decimals(self._code, (depth.bids[0].price,))
        area = QRectF(space().small, foot, self.width() - 2.0 * space().small, self.height() - foot)
        for price, flag in zip(
            prices,
            (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight),
            strict=True,
        ):
            if flag == Qt.AlignmentFlag.AlignHCenter:
                x = self.place_of(price)
                area = QRectF(x - self.width() / 2, foot, self.width(), self.height() - foot)
            else:
                area = QRectF(space().small, foot, self.width() - 2.0 * space().small, self.height() - foot)
            painter.drawText(area, flag, price_text(self._code, price, decimals))

    def _under_pointer(self) -> tuple[bool, Step] | None:
        depth = self.sides
        if self.pointer is None or depth is None or self._span() is None:
            return None
        x = self.pointer.x()
        both = [(True, step) for step in depth.bids] + [(False, step) for step in depth.asks]
        return min(both, key=lambda each: abs(self.place_of(each[1].price) - x))

    def tell(self) -> str:
        """Say what could be traded up to the price under the pointer."""
        found = self._under_pointer()
        if found is None:
            return ""
        is_bid, step = found
        price = price_text(self._code, step.price)
        size = volume_text(step.cumulated, volume_decimals(self._code, step.price))
        if is_bid:
            return tr("Down to {price}: {size} wanted ({here} here)", price=price, size=size, here=full_text(step.size))
        return tr("Up to {price}: {size} offered ({here} here)", price=price, size=size, here=full_text(step.size))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go from price to price; Escape leaves them."""
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        depth = self.sides
        if key in _KEYS and depth is not None and self._span() is not None:
            prices = [step.price for step in (*reversed(depth.bids), *depth.asks)]
            found = self._under_pointer()
            here = len(depth.bids) - 1 if found is None else prices.index(found[1].price) + _KEYS[key]
            price = prices[min(max(here, 0), len(prices) - 1)]
            self.point_at(QPointF(self.place_of(price), self.height() / 2))
        elif key == Qt.Key.Key_Escape and self.pointer is not None:
            self.point_at(None)
        else:
            super().keyPressEvent(event)
