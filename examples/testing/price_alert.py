"""A window that shows a price, rings where it passes a limit, and tells of orders that are filled.

It knows of no test: test_price_alert.py beside it tests all of it. docs/testing.md tells how.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from upbit_ws_qt import Credentials, ServiceConfig, WebSocketClientProxy, WebSocketService, run

if TYPE_CHECKING:
    from upbit_ws_qt import MyOrderEvent, TickerEvent


class PriceAlert(QWidget):
    """Shows the price of a market; grey while it may be out of date.

    Signals:
        passed: the price has come to the limit or above it; once, until it was below again.
    """

    passed = pyqtSignal(Decimal)

    def __init__(self, code: str, limit: Decimal) -> None:
        super().__init__()
        self.limit = limit
        self.above = False
        self.price = QLabel("–", self)
        self.orders = QLabel("no orders yet", self)
        layout = QVBoxLayout(self)
        layout.addWidget(self.price)
        layout.addWidget(self.orders)
        proxy = WebSocketClientProxy("price alert", owner=self)
        ticker = proxy.ticker(code)
        ticker.received.connect(self._on_ticker)
        ticker.staleChanged.connect(self._on_stale)
        if proxy.service.config.credentials is not None:
            proxy.subscribe_my_order(self._on_order)

    @pyqtSlot(object)
    def _on_ticker(self, event: TickerEvent) -> None:
        self.price.setText(f"{event.trade_price:,.0f}")
        was_above, self.above = self.above, event.trade_price >= self.limit
        if self.above and not was_above:
            self.passed.emit(event.trade_price)

    @pyqtSlot(bool)
    def _on_stale(self, stale: bool) -> None:
        self.price.setEnabled(not stale)

    def _on_order(self, event: MyOrderEvent) -> None:
        self.orders.setText(f"{event.code} {event.ask_bid} {event.state} {event.executed_volume.normalize():f}")


def main() -> PriceAlert:
    """Make the window, on the real exchange, with the key of the environment."""
    WebSocketService.instance(ServiceConfig(credentials=Credentials.from_env()))
    alert = PriceAlert("KRW-BTC", Decimal(160_000_000))
    alert.passed.connect(lambda price: QApplication.beep())
    alert.show()
    return alert


if __name__ == "__main__":
    app = QApplication([])
    run(main)
