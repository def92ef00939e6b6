"""Signals instead of callbacks: a window on the embedded exchange, painted once per display frame."""

from __future__ import annotations

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from upbit_ws_qt import OrderbookEvent, ServiceConfig, TradeEvent, WebSocketClientProxy, WebSocketService, run
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.widgets import price_text


class Market(QWidget):
    """Best prices and the last trade of one market; dimmed while they are out of date."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.setWindowTitle(code)
        self.resize(320, 80)
        self.book, self.last = QLabel("…", self), QLabel("…", self)
        layout = QVBoxLayout(self)
        layout.addWidget(self.book)
        layout.addWidget(self.last)
        self.proxy = WebSocketClientProxy("market", owner=self)
        book = self.proxy.orderbook(code, depth=5)
        book.frame.connect(self._on_book)  # the newest one, at most once per display frame
        book.staleChanged.connect(self.book.setDisabled)
        self.proxy.trade(code).received.connect(self._on_trade)  # each one

    @pyqtSlot(OrderbookEvent)
    def _on_book(self, book: OrderbookEvent) -> None:
        self.book.setText(f"{price_text(book.code, book.best_bid)} / {price_text(book.code, book.best_ask)}")

    @pyqtSlot(TradeEvent)
    def _on_trade(self, trade: TradeEvent) -> None:
        self.last.setText(f"{trade.ask_bid} {trade.trade_volume:f} at {price_text(trade.code, trade.trade_price)}")


async def main() -> object:
    """Open two markets on an exchange of our own; what is returned is kept until the end."""
    exchange = EmbeddedExchange()
    await exchange.start()
    WebSocketService.instance(ServiceConfig.for_exchange(exchange))
    windows = [Market("KRW-BTC"), Market("KRW-ETH")]
    for window in windows:
        window.show()
    return exchange, windows


if __name__ == "__main__":
    app = QApplication([])
    raise SystemExit(run(main))
