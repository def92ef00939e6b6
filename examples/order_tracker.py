"""Open orders and balances that stay true through a cut: what happened meanwhile is asked for by REST.

Live where UPBIT_ACCESS_KEY and UPBIT_SECRET_KEY are in the environment, offline where not.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtWidgets import QApplication, QLabel, QTableWidget, QTableWidgetItem, QVBoxLayout, QWidget

from upbit_ws_qt import (
    ConnectionState,
    Credentials,
    GapReport,
    MyAssetEvent,
    MyOrderEvent,
    ServiceConfig,
    WebSocketClientProxy,
    WebSocketService,
    WebSocketType,
    run,
)
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.widgets import price_text

if TYPE_CHECKING:
    from decimal import Decimal

BACKFILL = frozenset({"order", "asset"})
HEADINGS = ("Market", "Side", "Price", "Filled", "State")


class OrderTracker(QWidget):
    """A row for each order that is or was open since it looks, the newest first; above them whether it can look."""

    def __init__(self, service: WebSocketService) -> None:
        super().__init__()
        self.setWindowTitle("Orders")
        self.resize(560, 360)
        self.service = service
        self.orders: dict[str, MyOrderEvent] = {}
        self.held: dict[str, Decimal] = {}
        self.standing, self.balances = QLabel("dialling"), QLabel()
        self.table = QTableWidget(0, len(HEADINGS))
        self.table.setHorizontalHeaderLabels(HEADINGS)
        layout = QVBoxLayout(self)
        for part in (self.standing, self.table, self.balances):
            layout.addWidget(part)
        service.connectionStateChanged.connect(self.on_line)
        service.gapHealed.connect(self.on_healed)
        proxy = WebSocketClientProxy("order tracker", owner=self)
        # Whatever is open already comes as `recovered` events first.
        proxy.subscribe_my_order(self.on_order)
        proxy.subscribe_my_asset(self.on_asset)

    def on_order(self, order: MyOrderEvent) -> None:
        """Show how an order stands; that is news of the line, or what was missed while it was down."""
        self.orders[order.uuid] = order
        self.table.setRowCount(len(self.orders))
        for row, each in enumerate(reversed(self.orders.values())):
            price = price_text(each.code, each.avg_price or each.price)
            ratio = "" if each.filled_ratio is None else f"{each.filled_ratio:.0%}"
            state = f"{each.state}, recovered" if each.recovered else each.state
            for column, text in enumerate((each.code, each.ask_bid, price, ratio, state)):
                self.table.setItem(row, column, QTableWidgetItem(text))

    def on_asset(self, event: MyAssetEvent) -> None:
        """Show what is held of each currency; an event has those that changed, the first one all of them."""
        self.held.update({item.currency: item.balance + item.locked for item in event.assets})
        texts = (f"{currency} {amount.normalize():,f}" for currency, amount in self.held.items() if amount)
        self.balances.setText(" · ".join(texts))

    @pyqtSlot(WebSocketType, ConnectionState)
    def on_line(self, line: WebSocketType, state: ConnectionState) -> None:
        """Say at once that orders may change unseen, and when that is over."""
        if line is WebSocketType.PRIVATE:
            up = state is ConnectionState.CONNECTED
            self.standing.setText("listening" if up else f"the line is down ({state.value}): orders may have changed")

    @pyqtSlot(GapReport)
    def on_healed(self, report: GapReport) -> None:
        """Say what was missed, and whether all of it is known again."""
        if report.ws_type is WebSocketType.PRIVATE:
            self.standing.setText(f"{'whole again' if report.is_whole else 'doubtful'}: {report}")


async def main() -> object:
    """Open the window; what is returned is kept until the end."""
    exchange = EmbeddedExchange(ExchangeSettings(demo=True))  # somebody trades on its account
    if "UPBIT_ACCESS_KEY" in os.environ:
        config = ServiceConfig(credentials=Credentials.from_env(), backfill=BACKFILL)
    else:
        await exchange.start()
        config = ServiceConfig.for_exchange(exchange, backfill=BACKFILL)
    tracker = OrderTracker(WebSocketService.instance(config))
    tracker.show()
    return exchange, tracker


if __name__ == "__main__":
    app = QApplication([])
    raise SystemExit(run(main))
