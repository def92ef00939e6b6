"""Panels and the connection monitor in a program with a theme and price colours of its own."""

from __future__ import annotations

import sys

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QMainWindow, QSplitter

from upbit_ws_qt import ServiceConfig, WebSocketService, run
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.widgets import (
    ConnectionMonitorDock,
    MarketCatalog,
    MarketColours,
    OrderBookWidget,
    TapeWidget,
    WatchListWidget,
    set_price_colours,
)

THEME = """
QWidget { background: #1d2433; color: #dfe6f3; font-size: 10pt; }
QHeaderView::section { background: #273149; color: #9fb0cf; border: 0; padding: 4px; }
QToolButton, QPushButton, QComboBox { background: #33405c; border: 1px solid #4a5a7d; padding: 3px 8px; }
QTableView { selection-background-color: #3d5a98; }
"""


def dashboard(service: WebSocketService, code: str) -> QMainWindow:
    """Return a window whose panels take their colours from the theme it has."""
    window = QMainWindow()
    window.setWindowTitle("Dashboard")
    window.resize(1280, 860)
    catalog = MarketCatalog(service.rest, None, window)
    watch_list = WatchListWidget(service, catalog)
    book, tape = OrderBookWidget(service, code), TapeWidget(service, code)
    watch_list.symbolSelected.connect(book.set_symbol)
    watch_list.symbolSelected.connect(tape.set_symbol)
    panels = QSplitter(Qt.Orientation.Horizontal)
    for panel in (watch_list, book, tape):
        panels.addWidget(panel)
    window.setCentralWidget(panels)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, ConnectionMonitorDock(service))
    catalog.load()
    return window


async def main() -> object:
    """Open it; what is returned is kept until the end."""
    exchange = EmbeddedExchange()
    if "--live" not in sys.argv:
        await exchange.start()
        WebSocketService.instance(ServiceConfig.for_exchange(exchange))
    window = dashboard(WebSocketService.instance(), "KRW-BTC")
    window.show()
    return exchange, window


if __name__ == "__main__":
    app = QApplication([])
    app.setStyleSheet(THEME)
    set_price_colours(MarketColours(up="#ff8f66", down="#5cc8ff", flat="#9fb0cf"))  # else red and blue, as in Korea
    raise SystemExit(run(main))
