"""Own orders, fills and the average price of a holding, over the candles."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPen, QPolygonF

from ..base.look import legible
from ..base.price_format import full_text, price_text
from ..base.text import tr
from ..base.theme import colours_of
from ..base.tokens import STROKE
from .frame import index_of_time
from .scale import unit_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from decimal import Decimal

    from PyQt6.QtGui import QPainter

    from .frame import Frame
    from .view import ChartView

__all__ = ["Fill", "OwnMarks"]

MOST_FILLS = 500


@dataclass(frozen=True, slots=True)
class Fill:
    """An own order was filled, or a part of it; `time` in seconds since 1970."""

    market: str
    time: float
    price: Decimal
    volume: Decimal
    is_bid: bool


class OwnMarks:
    """Lies over a chart's candles (an Overlay); the mouse goes through it.

    Attributes:
        orders: (is a bid, price) -> (left to fill, whether that is uncertain), of the market that is shown.
        average: what the holding cost; None where there is none.
    """

    def __init__(self) -> None:
        self.orders: Mapping[tuple[bool, Decimal], tuple[Decimal, bool]] = {}
        self.average: Decimal | None = None
        self._fills: deque[Fill] = deque(maxlen=MOST_FILLS)

    def forget(self) -> None:
        """Know of no fills."""
        self._fills.clear()

    def add_fill(self, fill: Fill) -> None:
        """Note a fill."""
        self._fills.append(fill)

    def fills(self, market: str) -> list[Fill]:
        """Return the fills of a market since the chart listens, oldest first."""
        return [fill for fill in self._fills if fill.market == market]

    def texts(self, view: ChartView) -> list[str]:
        """Return what is said of orders and average price."""
        return [text for text, _, _ in self._lines(view)]

    def paint(self, painter: QPainter, view: ChartView, frame: Frame) -> None:
        """Paint a line for each price at which something is ordered or was bought, and a mark for each fill."""
        rect = frame.price.rect
        for text, price, colour in self._lines(view):
            y = frame.price.scale.y(float(price))
            if not rect.top() <= y <= rect.bottom():
                continue
            painter.setPen(QPen(colour, STROKE, Qt.PenStyle.DashDotLine))
            painter.drawLine(QPointF(rect.left(), y), QPointF(rect.right(), y))
            measures = view.measures
            width = view.fontMetrics().horizontalAdvance(text) + 2 * measures.air
            box = QRectF(rect.right() - width - measures.air, y - measures.line / 2, width, measures.line)
            painter.fillRect(box, QColor(colours_of(view.palette()).base))
            painter.setPen(colour)
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
        self._paint_fills(painter, view, frame)

    def _lines(self, view: ChartView) -> Iterable[tuple[str, Decimal, QColor]]:
        colours, market = colours_of(view.palette()), view.market_colours
        for (is_bid, price), (volume, uncertain) in self.orders.items():
            side = tr("Buy") if is_bid else tr("Sell")
            text = f"◆ {side} {full_text(volume)}{' ?' if uncertain else ''} @ {price_text(view.symbol, price)}"
            yield text, price, legible(market.up if is_bid else market.down, colours.text, colours.base)
        if self.average is not None:
            text = tr("Average price {price}", price=price_text(view.symbol, view.tradable(float(self.average))))
            yield text, self.average, QColor(colours.accent)

    def _paint_fills(self, painter: QPainter, view: ChartView, frame: Frame) -> None:
        colours, market = colours_of(view.palette()), view.market_colours
        starts, unit, size = view.series.columns.start, unit_seconds(view.unit), view.measures.near
        for fill in self.fills(view.symbol):
            at = int(index_of_time(starts, fill.time, unit))  # in the candle in which it was
            x, y = frame.x(at), frame.price.scale.y(float(fill.price))
            ahead = size if fill.is_bid else -size  # a purchase points up from below
            shape = QPolygonF([QPointF(x, y), QPointF(x - size, y + ahead), QPointF(x + size, y + ahead)])
            painter.setPen(QPen(QColor(colours.base), 1))
            painter.setBrush(legible(market.up if fill.is_bid else market.down, colours.text, colours.base))
            painter.drawPolygon(shape)

    def press(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Let the mouse through."""
        return False

    def move(self, view: ChartView, frame: Frame, place: QPointF, *, held: bool) -> bool:
        """Let the mouse through."""
        return False

    def release(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Let the mouse through."""
        return False

    def key(self, view: ChartView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Let keys through."""
        return False
