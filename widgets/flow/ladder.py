"""The ladder of an order book: prices that stand still, what rests at and up to each, and what was traded there."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QRectF, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPainter, QPen
from PyQt6.QtWidgets import QCheckBox, QComboBox, QPushButton, QVBoxLayout

from upbit_ws_qt import Delivery, MyOrderEvent, OrderbookEvent, TickerEvent, TradeEvent

from ..account.order_ledger import OrderLedger
from ..base.look import blend
from ..base.market_panel import MarketPanel
from ..base.panel import plain_label
from ..base.price_format import full_text, price_text, prices_decimals, tick_size, volume_decimals, volume_text
from ..base.spacing import Step, spaced
from ..base.text import tr
from ..base.tokens import BAR_WEIGHT, FRAME, STRIP_WEIGHT, space
from ..order_book.levels import GroupingLevels
from .canvas import FlowCanvas
from .resting import Ladder, LadderRow, depth_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from PyQt6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import Channel, Subscription, WebSocketError, WebSocketService

__all__ = ["LadderWidget"]

_ZERO = Decimal(0)
_PACE_MS = 50
_KEYS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}


class LadderWidget(MarketPanel):
    """Up to 30 asks and 30 bids on prices that do not move: sizes, sums from the best price on, own orders, trades.

    By keyboard the arrows scroll, Home goes back to the middle; Enter takes the price in the middle, a double click the
    one under the mouse.

    Example:
        >>> ladder = LadderWidget(service, "KRW-BTC")
        >>> ladder.priceActivated.connect(lambda price: print("at", price))
        >>> ladder.show()

    Args:
        service: where the data come from; own orders are marked where it has credentials.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.

    Signals:
        priceActivated(object): a price was taken; a Decimal.
    """

    priceActivated = pyqtSignal(object)

    def __init__(self, service: WebSocketService, symbol: str | None = None, parent: QWidget | None = None) -> None:
        super().__init__(service, symbol, "ladder", parent)
        self._levels = GroupingLevels(lambda: service.rest, self)
        self._levels.changed.connect(self._on_levels)
        self._level = _ZERO
        self._offered: tuple[Decimal, ...] = (_ZERO,)
        self._orders = OrderLedger()
        self.canvas = _LadderCanvas(self.body)
        self.canvas.priceActivated.connect(self.priceActivated)
        self.sums = plain_label("", self)
        self.grouping = QComboBox(self)
        self.grouping.addItem("", _ZERO)
        self.grouping.activated.connect(self._on_grouping)
        self.follow = QCheckBox(self)
        self.follow.setChecked(True)
        self.centre = QPushButton(self)
        self.centre.clicked.connect(self.canvas.centre)
        self.tools.addStretch()
        for tool in (self.sums, self.grouping, self.follow, self.centre):
            self.tools.addWidget(tool)
        layout = QVBoxLayout(self.body)
        spaced(layout, Step.NONE)
        layout.addWidget(self.canvas)
        self.begin_at(self.canvas)
        self._pace = QTimer(self)
        self._pace.setInterval(_PACE_MS)
        self._pace.setSingleShot(True)
        self._pace.timeout.connect(self._on_pace)
        self.retranslate()
        self.restyle()
        if service.config.credentials is not None or (service.clock is not None and service.clock.has_account):
            # Kept while hidden and whatever the market: an order that is not heard of now is never heard of.
            self.proxy.subscribe_my_order(self._on_my_order)

    @property
    def level(self) -> Decimal:
        """The grouping in force; 0 for none."""
        return self._level

    # -- wishes -------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want book, ticker and trades."""
        yield self.proxy.subscribe_orderbook(self.symbol, self._on_book, level=self._level, delivery=Delivery.FRAME)
        yield self.proxy.subscribe_ticker(self.symbol, self._on_ticker, delivery=Delivery.FRAME)
        yield self.proxy.subscribe_trade(self.symbol, self._on_trade)

    def main_channel(self) -> Channel:
        """Be about the book."""
        return self.service.orderbook(self.symbol, self._level)

    def forget(self) -> None:
        """Begin with an empty ladder, ungrouped."""
        self._level = _ZERO
        self._offer((_ZERO,))
        self.canvas.begin(self.symbol)
        self._show_own()

    def begin_anew(self) -> None:
        """Show nothing of another moment; the grouping stays."""
        self._orders = OrderLedger()
        self.canvas.begin(self.symbol)
        self._show_own()
        self.show_loading()
        self.renew()

    def on_refused(self, error: WebSocketError) -> None:
        """Go back to no grouping where the exchange does not serve one."""
        if self._level:
            self._set_level(_ZERO)
        else:
            super().on_refused(error)

    # -- data ---------------------------------------------------------------------------------------------------------
    def _on_book(self, event: OrderbookEvent) -> None:
        if event.code != self.symbol or event.level != self._level:
            return
        self.canvas.take(event)
        self.arrived(event)
        if not self._pace.isActive():
            self._pace.start()

    def _on_ticker(self, event: TickerEvent) -> None:
        self.marks.note(event)
        if event.code == self.symbol:
            self.canvas.last = event.trade_price
            self._offer(self._levels.levels(self.symbol, event.trade_price))

    def _on_trade(self, event: TradeEvent) -> None:
        if event.code == self.symbol and not event.is_snapshot:
            self.canvas.add_trade(event)

    def _on_my_order(self, event: MyOrderEvent) -> None:
        self._orders.take(event)
        if event.code == self.symbol:
            self._show_own()

    def _show_own(self) -> None:
        self.canvas.own = self._orders.open_by_price(self.symbol)
        self.canvas.update()

    @pyqtSlot()
    def _on_pace(self) -> None:
        if self.follow.isChecked():
            self.canvas.keep_in_sight()
        self.canvas.update()
        self._show_sums()

    def _show_sums(self) -> None:
        book = self.canvas.book
        share = None if book is None else depth_of(book).imbalance
        self.sums.setText("" if share is None else tr("Buyers {share}", share=f"{share:.0%}"))

    # -- grouping -----------------------------------------------------------------------------------------------------
    @pyqtSlot(str)
    def _on_levels(self, market: str) -> None:
        if market == self.symbol and self.canvas.last is not None:
            self._offer(self._levels.levels(market, self.canvas.last))

    def _offer(self, levels: tuple[Decimal, ...]) -> None:
        if levels == self._offered:
            return
        self._offered = levels
        self.grouping.clear()
        for level in levels:
            self.grouping.addItem(full_text(level) if level else tr("No grouping"), level)
        self.grouping.setCurrentIndex(levels.index(self._level) if self._level in levels else 0)

    @pyqtSlot(int)
    def _on_grouping(self, place: int) -> None:
        self._set_level(self.grouping.itemData(place))

    def _set_level(self, level: Decimal) -> None:
        if level != self._level:
            self._level = level
            self.grouping.setCurrentIndex(self._offered.index(level) if level in self._offered else 0)
            self.canvas.begin(self.symbol, level)
            self.renew()

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        self.setAccessibleName(tr("Ladder"))
        self.canvas.setAccessibleName(tr("Ladder of {symbol}", symbol=self.symbol))
        self.grouping.setItemText(0, tr("No grouping"))
        self.grouping.setAccessibleName(tr("Grouping of prices"))
        self.follow.setText(tr("Follow"))
        self.follow.setToolTip(tr("Go back to the middle of the book before it leaves the ladder"))
        self.centre.setText(tr("Middle"))
        self.centre.setToolTip(tr("Back to the middle (Home)"))
        self._show_sums()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if hasattr(self, "canvas"):
            self.canvas.dimmed = self.dimmed
            self.canvas.update()


class _LadderCanvas(FlowCanvas):
    """Draws the rows: traded, sum and size of bids, price, size and sum of asks.

    Signals:
        priceActivated(object): a price was taken.
    """

    priceActivated = pyqtSignal(object)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.book: OrderbookEvent | None = None
        self.last: Decimal | None = None
        self.own: Mapping[tuple[bool, Decimal], tuple[Decimal, bool]] = {}
        self.ladder = Ladder(_ZERO)
        self._traded: dict[Decimal, tuple[Decimal, Decimal]] = {}
        self._known: set[int] = set()
        self._code = ""
        self._level = _ZERO

    def begin(self, code: str, level: Decimal = _ZERO) -> None:
        """Begin with an empty ladder; what was traded is of the same market as long as it is the same."""
        if code != self._code or not level:
            self._traded.clear()
            self._known.clear()
        self._code, self._level = code, level
        self.book = None
        self.ladder = Ladder(_ZERO)
        self.update()

    def take(self, book: OrderbookEvent) -> None:
        """Take a book over; its prices say how far apart the rows are."""
        self._code = book.code
        best = book.best_bid or book.best_ask
        step = self._level or book.level or (_ZERO if best is None else tick_size(book.code, best))
        if step != self.ladder.step:
            self.ladder = Ladder(step)
        self.book = book
        self.ladder.set_book(book)

    def add_trade(self, trade: TradeEvent) -> None:
        """Add what was traded at a price."""
        if trade.sequential_id in self._known or len(self._known) > _MOST_TRADES:
            return
        self._known.add(trade.sequential_id)
        bought, sold = self._traded.get(trade.trade_price, (_ZERO, _ZERO))
        if trade.ask_bid == "BID":
            bought += trade.trade_volume
        else:
            sold += trade.trade_volume
        self._traded[trade.trade_price] = bought, sold

    @property
    def row_height(self) -> int:
        """Points from one price to the next."""
        return self.fontMetrics().height() + space().tiny

    @property
    def count(self) -> int:
        """How many rows there is room for; an odd number, so that there is a middle."""
        rows = max(1, (self.height() - self.row_height) // self.row_height)
        return rows if rows % 2 else rows - 1

    def shown(self) -> list[LadderRow]:
        """Return the rows that are drawn, highest price first."""
        return self.ladder.rows(self.count, self.own, self._traded, self.last)

    @pyqtSlot()
    def centre(self) -> None:
        """Go back to the middle of the book."""
        self.ladder.centre()
        self.update()

    def keep_in_sight(self) -> None:
        """Go back to the middle before the best prices leave the picture."""
        if self.ladder.away(self.count):
            self.ladder.centre()

    def draw(self, painter: QPainter) -> None:
        """Draw headings and rows."""
        rows, air, height = self.shown(), space().small, self.row_height
        width = self.width() / 6
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        centre = Qt.AlignmentFlag.AlignCenter
        painter.setPen(QColor(self.colours.muted))
        headings = (tr("Traded"), tr("Sum"), tr("Bids"), tr("Price"), tr("Asks"), tr("Sum"))
        for place, text in enumerate(headings):
            area = QRectF(place * width, 0, width - air, height)
            painter.drawText(area, centre if place == 3 else right, text)
        if not rows:
            return
        decimals = prices_decimals(self._code, [row.price for row in rows])
        digits = volume_decimals(self._code, rows[0].price)
        largest = max((max(row.bid, row.ask) for row in rows), default=_ZERO) or Decimal(1)
        traded = max((sum(row.traded) for row in rows), default=_ZERO) or Decimal(1)
        for place, row in enumerate(rows, 1):
            self._draw_row(painter, row, place * height, (decimals, digits), (largest, Decimal(traded)))

    def _draw_row(
        self, painter: QPainter, row: LadderRow, top: int, digits: tuple[int, int], most: tuple[Decimal, Decimal]
    ) -> None:
        air, height, width = space().small, self.row_height, self.width() / 6
        up, down, base = self.market.up, self.market.down, self.colours.base
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        bought, sold = (float(each / most[1]) * (width - air) for each in row.traded)
        bar = blend(up, base, BAR_WEIGHT)
        painter.fillRect(QRectF(0, top, bought, height - FRAME), bar)
        painter.fillRect(QRectF(bought, top, sold, height - FRAME), blend(down, base, BAR_WEIGHT))
        size = float(row.bid / most[0]) * 2 * width
        painter.fillRect(QRectF(3 * width - size, top, size, height - FRAME), bar)
        size = float(row.ask / most[0]) * 2 * width
        painter.fillRect(QRectF(4 * width, top, size, height - FRAME), blend(down, base, BAR_WEIGHT))
        painter.setPen(QColor(self.colours.text))
        for column, value, own in (
            (0, sum(row.traded, _ZERO), _ZERO),
            (1, row.bids_to, _ZERO),
            (2, row.bid, row.own_bid),
            (4, row.ask, row.own_ask),
            (5, row.asks_to, _ZERO),
        ):
            if value or own:
                text = volume_text(value, digits[1])
                if own:
                    text = f"◆ {volume_text(own, digits[1])} / {text}"
                painter.setPen(QColor(self.colours.accent if own else self.colours.text))
                painter.drawText(QRectF(column * width, top, width - air, height), right, text)
        area = QRectF(3 * width, top, width, height - FRAME)
        if row.is_last:
            painter.fillRect(area, blend(self.colours.accent, base, STRIP_WEIGHT))
        painter.setPen(QColor(self.colours.text))
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter, price_text(self._code, row.price, digits[0]))
        if self.pointer is not None and top <= self.pointer.y() < top + height:
            painter.setPen(QPen(QColor(self.colours.accent), FRAME))
            painter.drawRect(QRectF(0.5, top, self.width() - 1, height - FRAME))

    def price_at(self, y: float) -> Decimal | None:
        """Return the price at a height; None for none."""
        rows, place = self.shown(), int(y // self.row_height) - 1
        return rows[place].price if 0 <= place < len(rows) else None

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Take a price."""
        price = None if event is None else self.price_at(event.position().y())
        if price is not None:
            self.priceActivated.emit(price)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Scroll."""
        if event is not None:
            self.ladder.scroll(round(event.angleDelta().y() / 40))
            self.update()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Scroll, go back to the middle, take the price in the middle."""
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        if key in _KEYS:
            self.ladder.scroll(_KEYS[key])
            self.update()
        elif key == Qt.Key.Key_Home:
            self.centre()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.ladder.middle is not None:
            self.priceActivated.emit(self.ladder.middle)
        else:
            super().keyPressEvent(event)


_MOST_TRADES = 200_000
