"""The tutorial's program: ten coins in a table that says when it is out of date. `--live` asks the real exchange."""

from __future__ import annotations

import sys

from PyQt6.QtCore import Qt, pyqtSlot
from PyQt6.QtWidgets import QApplication, QTableWidget, QTableWidgetItem

from upbit_ws_qt import Delivery, ServiceConfig, TickerEvent, WebSocketClientProxy, WebSocketService, run
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.widgets import price_text

COINS = [f"KRW-{coin}" for coin in ("BTC", "ETH", "XRP", "SOL", "DOGE", "ADA", "TRX", "AVAX", "LINK", "DOT")]


class Coins(QTableWidget):
    """A row for each coin: its price and how far it has come since nine in the morning."""

    def __init__(self) -> None:
        super().__init__(len(COINS), 2)
        self.setWindowTitle("Ten coins")
        self.resize(320, 400)
        self.setVerticalHeaderLabels(COINS)
        self.setHorizontalHeaderLabels(["Price", "Change"])
        self.cells: dict[str, list[QTableWidgetItem]] = {}
        for row, code in enumerate(COINS):
            self.cells[code] = [QTableWidgetItem("…"), QTableWidgetItem("…")]
            for column, cell in enumerate(self.cells[code]):
                cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, cell)
        proxy = WebSocketClientProxy("coins", owner=self)
        wish = proxy.subscribe_ticker(COINS, self.show_prices, delivery=Delivery.BATCH, rate=5)
        wish.staleChanged.connect(self.show_stale)

    def show_prices(self, tickers: tuple[TickerEvent, ...]) -> None:
        """Show what has changed since the last time; called five times a second at most."""
        for ticker in tickers:
            price, change = self.cells[ticker.code]
            price.setText(price_text(ticker.code, ticker.trade_price))
            change.setText(f"{ticker.signed_change_rate:+.2%}")

    @pyqtSlot(str, bool)
    def show_stale(self, code: str, stale: bool) -> None:
        """Strike out a price that is out of date, until a new one has come."""
        for cell in self.cells[code]:
            font = cell.font()
            font.setStrikeOut(stale)
            cell.setFont(font)


async def main() -> object:
    """Open the window; what is returned is kept until the end."""
    exchange = EmbeddedExchange()
    if "--live" not in sys.argv:
        await exchange.start()
        WebSocketService.instance(ServiceConfig.for_exchange(exchange))
    coins = Coins()
    coins.show()
    return exchange, coins


if __name__ == "__main__":
    app = QApplication(sys.argv)
    raise SystemExit(run(main))
