"""The program's panels in a window of one's own: a watch list that leads a chart and an order book, and the monitor."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QMainWindow, QSplitter

from upbit_ws_qt import ServiceConfig, WebSocketService, run
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.widgets import (
    ChartWidget,
    ConnectionMonitorDock,
    MarketCatalog,
    OrderBookWidget,
    WatchListWidget,
)


def market_window(service: WebSocketService) -> QMainWindow:
    """Return a window whose panels follow the market that is double-clicked in the watch list."""
    window = QMainWindow()
    window.resize(1200, 900)
    catalog = MarketCatalog(service.rest, None, window)
    markets = WatchListWidget(service, catalog)
    chart, book = ChartWidget(service, "KRW-BTC"), OrderBookWidget(service, "KRW-BTC")
    markets.symbolSelected.connect(chart.set_symbol)
    markets.symbolSelected.connect(book.set_symbol)
    panels = QSplitter(Qt.Orientation.Horizontal)
    for panel in (markets, chart, book):
        panels.addWidget(panel)
    window.setCentralWidget(panels)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, ConnectionMonitorDock(service))
    catalog.load()
    return window


async def main() -> object:
    """Open the window on an exchange of our own; what is returned is kept until the end."""
    exchange = EmbeddedExchange()
    await exchange.start()
    window = market_window(WebSocketService.instance(ServiceConfig.for_exchange(exchange)))
    window.show()
    return exchange, window


if __name__ == "__main__":
    app = QApplication([])
    raise SystemExit(run(main))
