"""Own orders: what became of them since the program listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QPushButton

from upbit_ws_qt import DataType, GapReport, MyOrderEvent, Priority, Subscription, WebSocketError

from ..base.asking import Question
from ..base.labels import contained
from ..base.look import legible
from ..base.panel import plain_label
from ..base.table_panel import TablePanel
from ..base.tables import fit_columns
from ..base.text import tr
from ..base.tokens import space
from .order_ledger import KnownOrder, OrderLedger
from .order_model import Column, MyOrdersModel
from .past_orders import MOST_PAST, past_orders

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

    from ..base.event_panel import EventPanel

__all__ = ["MyOrdersWidget"]

_SAMPLES = (
    "00-00 00:00:00", "USDT-WWWW", "▲ Sell", "market", "000,000,000", "00,000.0000", "100.0%", "000,000,000", "filled ?"
)  # fmt: skip
_SIDE_LETTERS = 6
_GIVE_UP = (
    Column.TYPE, Column.AVERAGE, Column.TIME, Column.FILLED, Column.STATE, Column.VOLUME, Column.SIDE,
)  # fmt: skip
"""In a narrow panel, in this order."""


class MyOrdersWidget(TablePanel):
    """All markets' orders, newest on top, as many as a filter leaves; without a key it says so.

    Orders that were finished before it listened are asked for with a button.

    Example:
        >>> orders = MyOrdersWidget(service)
        >>> orders.filled.connect(lambda fill: print(fill.code, fill.price, fill.volume))
        >>> orders.symbolActivated.connect(print)

    Args:
        service: where the data come from.
        parent: of the widget.

    Signals:
        filled(MyOrderEvent): an order was filled, or a part of it.
        symbolActivated(str): the market of an order was chosen by double-click or Enter.
    """

    filled = pyqtSignal(MyOrderEvent)

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        self.model = MyOrdersModel()
        super().__init__(service, "my orders", self.model, parent)
        self.table.setObjectName("orders")
        self.ledger = OrderLedger()
        self.healing.be_about(DataType.MY_ORDER)
        self.only_open = QCheckBox(self)
        self.only_open.toggled.connect(self.refresh)
        self.count = plain_label("", self)
        self.side = contained(QComboBox(self))
        self.side.setMinimumContentsLength(_SIDE_LETTERS)
        for side in ("", "BID", "ASK"):
            self.side.addItem("", side)
        self.side.currentIndexChanged.connect(self.refresh)
        self.filter = QLineEdit(self)
        self.filter.setClearButtonEnabled(True)
        self.filter.setMinimumWidth(space().huge)
        self.filter.textChanged.connect(self.refresh)
        self.past = QPushButton(self)
        self.past.clicked.connect(self.ask_past)
        for tool in (self.only_open, self.side, self.filter, self.past):
            tool.setVisible(service.config.credentials is not None)  # without a key there is nothing to look for
        if service.clock is not None:
            self.past.hide()  # the exchange would tell of another time than the recording's
        self._answer: Question | None = None
        self._past_is_all = True
        for tool in (self.only_open, self.side, self.filter):
            self.tools.addWidget(tool)
        self.tools.addStretch()
        self.tools.addWidget(self.past)
        self.tools.addWidget(self.count)
        self.retranslate()
        self.restyle()
        self.begin()

    # -- wishes and data ----------------------------------------------------------------------------------------------
    def wish(self) -> Subscription:
        """Want the orders of every market."""
        return self.proxy.subscribe_my_order(self._on_order)

    def has_rows(self) -> bool:
        """Whether any order was heard of."""
        return len(self.ledger) > 0

    def silence_text(self, since: str) -> str:
        """Say that silence is normal."""
        if not since:
            return tr("No orders yet.")
        told = tr("No orders since {time} – normal.", time=since)
        if self._begins_full:
            return tr("No open orders, and none since {time} – normal.", time=since)
        return told + "\n" + tr("Orders of before are not listed: the exchange tells of changes only.")

    def show_note(self) -> None:
        """Say since when orders are listed."""
        if self.first_since and self._begins_full:
            text = tr("Open orders, and those placed or changed since {time}.", time=self.first_since)
            self.table.set_note(text)
        elif self.first_since:
            text = tr("Orders placed or changed since {time}; those of before are not listed.", time=self.first_since)
            self.table.set_note(text)

    def on_gap(self) -> None:
        """Doubt what was open."""
        if self.ledger.doubt():
            self.refresh_soon()

    def on_healed(self, report: GapReport) -> None:
        """Doubt what REST knows to be open no more."""
        state = self.service.account_state()
        whole = any(each.is_whole for each in report.streams if each.stream.data_type is DataType.MY_ORDER)
        if whole and state is not None and self.ledger.trust({order.uuid for order in state.open_orders}):
            self.refresh_soon()

    @property
    def _begins_full(self) -> bool:
        """Whether the orders that were open before come too."""
        return "order" in self.service.config.backfill

    def forget(self) -> None:
        """List no orders."""
        self.ledger = OrderLedger()
        self.refresh()

    def inherit(self, old: EventPanel) -> None:
        """Go on with the orders that another panel of the same account knows; the open ones are in doubt."""
        assert isinstance(old, MyOrdersWidget)
        self.ledger = old.ledger
        self.on_gap()
        self.settle()
        self.refresh()

    def _on_order(self, event: MyOrderEvent) -> None:
        self.note_data(event)
        self.ledger.take(event)
        self.settle()
        self.refresh_soon()
        if event.is_fill:
            self.filled.emit(event)

    # -- what is seen -------------------------------------------------------------------------------------------------
    @pyqtSlot()
    def refresh(self) -> None:
        """Show the orders that are wanted, newest on top."""
        found = list(self.ledger)
        rows = [order for order in reversed(found) if self._is_wanted(order)]
        rows.sort(key=lambda order: -(order.event.order_timestamp or order.event.timestamp))
        self.model.replace(rows)
        text = tr("%n open", sum(order.is_open for order in found))
        hidden = len(found) - len(rows)
        self.count.setText(text + (" · " + tr("%n filtered out", hidden) if hidden else ""))

    def _is_wanted(self, order: KnownOrder) -> bool:
        event, words = order.event, self.filter.text().upper().split()
        if self.only_open.isChecked() and not order.is_open:
            return False
        if self.side.currentData() not in ("", event.ask_bid):
            return False
        told = f"{event.code} {self.model.text(order, Column.TYPE)} {self.model.text(order, Column.STATE)}".upper()
        return all(word in told for word in words)

    @pyqtSlot()
    def ask_past(self) -> None:
        """Ask for the orders that were finished in the last seven days."""
        if self._answer is None:
            self.past.setEnabled(False)
            self._answer = Question(past_orders(self.service.rest.at(Priority.LOW)), self)
            self._answer.done.connect(self._on_past)
            self._answer.failed.connect(self._on_past_failed)

    @pyqtSlot(object)
    def _on_past(self, answer: tuple[tuple[MyOrderEvent, ...], bool]) -> None:
        events, self._past_is_all = answer
        self._answer = None
        self.past.setEnabled(True)
        for event in reversed(events):
            self.ledger.take_past(event)
        self.settle()
        self.refresh()
        if not self._past_is_all:
            self.past.setToolTip(tr("The {count} newest of the last seven days; there are more.", count=MOST_PAST))

    @pyqtSlot(object)
    def _on_past_failed(self, error: WebSocketError) -> None:
        self._answer = None
        self.past.setEnabled(True)
        self.past.setToolTip(tr("Earlier orders could not be asked for: {cause}", cause=error.message))
        self.count.setText(tr("Earlier orders could not be asked for: {cause}", cause=error.message))

    def market_at(self, place: int) -> str:
        """Return the market of an order."""
        return self.model.rows[place].event.code

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        super().retranslate()
        self.only_open.setText(tr("Open only"))
        for place, text in enumerate((tr("Both sides"), tr("Buy"), tr("Sell"))):
            self.side.setItemText(place, text)
        self.side.setAccessibleName(tr("Side"))
        self.filter.setPlaceholderText(tr("Market, type, state"))
        self.filter.setAccessibleName(tr("Filter of the orders"))
        self.past.setText(tr("Earlier…"))
        self.past.setAccessibleName(tr("Earlier orders"))
        self.past.setToolTip(tr("Ask for the orders that were finished in the last seven days"))
        self.table.setAccessibleName(tr("My orders"))
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES, _GIVE_UP)
        self.refresh()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        market, colours = self.market_colours, self.colours
        self.model.up, self.model.down = (
            legible(each, colours.text, colours.base) for each in (market.up, market.down)
        )
        super().restyle()
