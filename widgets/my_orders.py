"""Own orders: what became of them since the program listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QCheckBox, QVBoxLayout

from upbit_ws_qt import MyOrderEvent, Subscription, WebSocketService, WebSocketType
from widgets.event_panel import EventPanel
from widgets.my_orders_ledger import OrderLedger
from widgets.my_orders_model import MyOrdersModel
from widgets.panel import plain_label
from widgets.tables import dim_colour, fit_columns, plain_table
from widgets.text import tr

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QWidget

__all__ = ["MyOrdersWidget"]

_FLUSH_MS = 100
_SAMPLES = ("00-00 00:00:00", "USDT-WWWW", "▲ Sell", "market", "000,000,000", "0.00000000", "100.0%", "000,000,000")


class MyOrdersWidget(EventPanel):
    """All markets' orders, newest on top; without a key it says so.

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
    symbolActivated = pyqtSignal(str)

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(service, WebSocketType.PRIVATE, "my orders", parent)
        self.ledger = OrderLedger()
        self.model = MyOrdersModel(self)
        self.table = plain_table(self.model, self.body)
        self.table.activated.connect(self._on_activated)
        self.only_open = QCheckBox(self)
        self.only_open.toggled.connect(self._refresh)
        self.count = plain_label("", self)
        self.tools.addWidget(self.only_open)
        self.tools.addStretch()
        self.tools.addWidget(self.count)
        layout = QVBoxLayout(self.body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.table)
        self.setFocusProxy(self.table)
        self._flush = QTimer(self)
        self._flush.setSingleShot(True)
        self._flush.setInterval(_FLUSH_MS)
        self._flush.timeout.connect(self._refresh)
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
        return tr("No orders since {time} – normal.", time=since) if since else tr("No orders yet.")

    def on_gap(self) -> None:
        """Doubt what was open."""
        if self.ledger.doubt():
            self._refresh_soon()

    def _on_order(self, event: MyOrderEvent) -> None:
        self.ledger.take(event)
        self.settle()
        self._refresh_soon()
        if event.is_fill:
            self.filled.emit(event)

    # -- what is seen -------------------------------------------------------------------------------------------------
    def activate(self) -> None:
        """Show what has come while hidden."""
        self._refresh()

    def _refresh_soon(self) -> None:
        if self.isVisible() and not self._flush.isActive():
            self._flush.start()

    @pyqtSlot()
    def _refresh(self) -> None:
        rows = [order for order in self.ledger if order.is_open or not self.only_open.isChecked()]
        rows.reverse()
        self.model.replace(rows)
        self._show_count()

    def _show_count(self) -> None:
        still_open = sum(order.is_open for order in self.ledger)
        self.count.setText(tr("%n open", still_open))

    @pyqtSlot("QModelIndex")
    def _on_activated(self, index: QModelIndex) -> None:
        self.symbolActivated.emit(self.model.rows[index.row()].event.code)

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        super().retranslate()
        self.only_open.setText(tr("Open only"))
        self.table.setAccessibleName(tr("My orders"))
        self.model.retranslate()
        fit_columns(self.table, _SAMPLES)
        self._show_count()

    def restyle(self) -> None:
        """Take colours and dimming over."""
        if not hasattr(self, "table"):
            return
        market, model = self.market_colours, self.model
        model.up, model.down, model.muted = QColor(market.up), QColor(market.down), QColor(self.colours.muted)
        palette = self.only_open.palette()  # Fusion's own box cannot be seen on a dark window
        palette.setColor(
            QPalette.ColorRole.Base, QColor(self.colours.border if self.colours.dark else self.colours.base)
        )
        self.only_open.setPalette(palette)
        model.set_dim(dim_colour(self.colours, dimmed=self.dimmed))
