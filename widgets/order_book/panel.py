"""The order book of one market, with grouping, percentages against the previous close and own open orders."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QComboBox, QVBoxLayout

from upbit_ws_qt import (
    DataType,
    Delivery,
    GapEvent,
    GapReport,
    MyOrderEvent,
    OrderbookEvent,
    SubscriptionError,
    TickerEvent,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)

from ..account.order_ledger import OrderLedger
from ..base.limits import Limit, given_up, undo_until_back
from ..base.market_panel import MarketPanel
from ..base.price_format import full_text
from ..base.spacing import spaced
from ..base.text import tr
from .levels import GroupingLevels
from .model import OrderBookModel
from .view import DEPTH, OrderBookView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import Channel, RestClient, Subscription

__all__ = ["OrderBookWidget"]

_NONE = Decimal(0)
_PACE_MS = 50
_FEWER_ROWS = {"book_depth_15": 15, "book_depth_5": 5}
"""What load may take, and how many rows of a side are left; the fewest last."""


class OrderBookWidget(MarketPanel):
    """Up to 30 asks above 30 bids.

    Example:
        >>> book = OrderBookWidget(service, "KRW-BTC")
        >>> book.priceActivated.connect(lambda price: print("at", price))
        >>> book.show()

    Args:
        service: where the data come from; own orders are marked where it has credentials.
        symbol: market code; None waits for `set_symbol`.
        parent: of the widget.
        rest: where the groupings are asked for; the service's exchange by default.

    Signals:
        priceActivated(object): a price was double-clicked, or chosen by Enter; a Decimal.
    """

    priceActivated = pyqtSignal(object)

    def __init__(
        self,
        service: WebSocketService,
        symbol: str | None = None,
        parent: QWidget | None = None,
        *,
        rest: RestClient | None = None,
    ) -> None:
        super().__init__(service, symbol, "order book", parent)
        self._grouping = GroupingLevels(lambda: rest or service.rest, self)
        self._grouping.changed.connect(self._on_levels)
        self._model = OrderBookModel(self.symbol)
        self._level = _NONE
        self._refused_level = _NONE  # what was asked for and not to be had; 0 for nothing
        self._levels: tuple[Decimal, ...] = ()
        self._offered: tuple[Decimal, ...] = ()  # without one that is in force but no longer offered
        self._orders = OrderLedger()
        self._behind = False
        self._pace = QTimer(self)
        self._pace.setSingleShot(True)
        self._pace.setInterval(_PACE_MS)
        self._pace.timeout.connect(self._on_pace)
        self.view = OrderBookView(self._model, self.body)
        self.view.priceActivated.connect(self.priceActivated)
        self.grouping = QComboBox(self)
        self.grouping.activated.connect(self._on_grouping)
        self.tools.addStretch()
        self.tools.addWidget(self.grouping)
        layout = QVBoxLayout(self.body)
        spaced(layout)
        layout.addWidget(self.view)
        self.begin_at(self.view)
        self.offer_levels((_NONE,))
        self.retranslate()
        self.restyle()
        if service.config.credentials is not None or (service.clock is not None and service.clock.has_account):
            # Kept while hidden and whatever the market: an order that is not heard of now is never heard of.
            self.proxy.subscribe_my_order(self._on_my_order)
            service.gapDetected.connect(self._on_gap)
            service.gapHealed.connect(self._on_gap_healed)

    @property
    def level(self) -> Decimal:
        """The grouping in force; 0 for none."""
        return self._level

    def set_level(self, level: Decimal) -> None:
        """Group the prices; a level that is not offered at the present price is a ValueError."""
        if level not in self._levels:
            raise ValueError(f"level must be one of {', '.join(map(str, self._levels))}, not {level}")
        if level != self._level:
            self._level = level
            self._refused_level = _NONE
            self.show_limits()
            self._show_level()
            self.view.centre()
            self.renew()

    # -- wishes -------------------------------------------------------------------------------------------------------
    def subscribe(self) -> Iterable[Subscription]:
        """Want book and ticker."""
        yield self.proxy.subscribe_orderbook(self.symbol, self._on_book, level=self._level, delivery=Delivery.FRAME)
        yield self.proxy.subscribe_ticker(self.symbol, self._on_ticker, delivery=Delivery.FRAME)

    def main_channel(self) -> Channel:
        """Be about the book."""
        return self.service.orderbook(self.symbol, self._level)

    def forget(self) -> None:
        """Begin with an empty book, ungrouped."""
        self._level = self._refused_level = _NONE
        self.show_limits()
        self._model = OrderBookModel(self.symbol)
        self._model.set_own(self._orders.open_by_price(self.symbol))
        self.view.set_model(self._model)
        self.offer_levels((_NONE,))
        self.retranslate()

    def begin_anew(self) -> None:
        """Show no book of another moment; the grouping stays."""
        self._model = OrderBookModel(self.symbol)
        self._orders = OrderLedger()
        self.view.set_model(self._model)
        self.show_loading()

    def limits(self) -> Iterable[Limit]:
        """Say what load took, rows or pictures a second, and which grouping was not to be had."""
        gone = given_up(self.service)
        kinds = [kind for kind in _FEWER_ROWS if kind in gone]
        if kinds:
            rows = _FEWER_ROWS[kinds[-1]]
            why = tr("{rows} rows a side instead of {all}, to take load off the program. The cause: {why}",
                     rows=rows, all=DEPTH, why=gone[kinds[-1]])  # fmt: skip
            way_back = tr("Show all rows again")
            yield Limit(tr("{rows} rows", rows=rows), why, way_back, lambda: undo_until_back(self.service, kinds))
        yield from self.fewer_frames()
        refused = self._refused_level
        if refused:
            why = tr("The exchange does not serve this book in steps of {level}.", level=full_text(refused))
            yield Limit(tr("Not grouped"), why, tr("Try again"), lambda: self._try_level(refused))

    def show_limits(self) -> None:
        """Say it where the rows are missing too."""
        super().show_limits()
        self.view.set_note(next((limit.why for limit in self.limits_button.limits), ""))

    def _try_level(self, level: Decimal) -> None:
        self._refused_level = _NONE
        self.show_limits()
        if level in self._levels:
            self.set_level(level)

    def on_refused(self, error: WebSocketError) -> None:
        """Go back to no grouping where the exchange does not serve one, and say so."""
        if self._level and isinstance(error, SubscriptionError):
            self._refused_level, self._level = self._level, _NONE
            self._show_level()
            self.show_limits()
            self.renew()
        else:
            super().on_refused(error)

    # -- data ---------------------------------------------------------------------------------------------------------
    def _on_book(self, event: OrderbookEvent) -> None:
        if event.code != self.symbol or event.level != self._level:
            return  # the last frames of what was wanted before
        self._model.set_book(event)
        self.arrived(event)
        self._refresh_soon()

    def _on_ticker(self, event: TickerEvent) -> None:
        self.marks.note(event)
        if event.code == self.symbol and self._model.set_reference(event.prev_closing_price, event.trade_price):
            self._on_levels(self.symbol)
            self._refresh_soon()

    def _on_my_order(self, event: MyOrderEvent) -> None:
        self._orders.take(event)
        if event.code == self.symbol:
            self._show_own()

    @pyqtSlot(GapEvent)
    def _on_gap(self, gap: GapEvent) -> None:
        if gap.ws_type is WebSocketType.PRIVATE and gap.streams and self._orders.doubt():
            self._show_own()

    @pyqtSlot(GapReport)
    def _on_gap_healed(self, report: GapReport) -> None:
        state = self.service.account_state()
        whole = any(each.is_whole for each in report.streams if each.stream.data_type is DataType.MY_ORDER)
        if whole and state is not None and self._orders.trust({order.uuid for order in state.open_orders}):
            self._show_own()

    def _refresh_soon(self) -> None:
        """Paint at once, but not again within 50 ms: what changes faster cannot be read, only paid for."""
        if self._pace.isActive():
            self._behind = True
        else:
            self._pace.start()
            self.view.refresh_changes()

    @pyqtSlot()
    def _on_pace(self) -> None:
        if self._behind:
            self._behind = False
            self._refresh_soon()

    def _show_own(self) -> None:
        self._model.set_own(self._orders.open_by_price(self.symbol))
        if self.isVisible():
            self.view.refresh()

    # -- grouping -----------------------------------------------------------------------------------------------------
    @pyqtSlot(str)
    def _on_levels(self, market: str) -> None:
        price = self._model.last_price
        if market == self.symbol and price is not None:
            levels = self._grouping.levels(market, price)
            if levels != self._offered:
                self.offer_levels(levels)

    def offer_levels(self, levels: tuple[Decimal, ...]) -> None:
        """Offer other groupings; one in force that is no longer among them stays until another is chosen."""
        self._offered = levels
        self._levels = levels if self._level in levels else (*levels, self._level)
        self.grouping.clear()
        for level in self._levels:
            self.grouping.addItem(full_text(level) if level else tr("No grouping"), level)
        self.grouping.setEnabled(len(self._levels) > 1)
        self._show_level()

    def _show_level(self) -> None:
        self.grouping.setCurrentIndex(self._levels.index(self._level))

    @pyqtSlot(int)
    def _on_grouping(self, index: int) -> None:
        if 0 <= index < len(self._levels):
            self.set_level(self._levels[index])

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        self.grouping.setItemText(0, tr("No grouping"))
        self.grouping.setToolTip(tr("Sum prices up in steps of so many KRW"))
        self.grouping.setAccessibleName(tr("Grouping of prices"))
        self.view.setAccessibleName(tr("Order book of {symbol}", symbol=self.symbol))
        self.view.refresh()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if hasattr(self, "view"):
            self.view.set_look(self.colours, self.market_colours, dimmed=self.dimmed)
