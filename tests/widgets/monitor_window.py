"""Anybody's window with the monitor dock in it, on a service that somebody wants data from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMainWindow

from tests.waiting import until
from upbit_ws_qt import ConnectionState, WebSocketClientProxy, WebSocketService, WebSocketType
from widgets.monitor.rows import LINES
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.exchange import EmbeddedExchange

__all__ = ["INFO", "PRIVATE", "PUBLIC", "connected", "shown", "text", "wanting"]

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO
STATE, SCORE, RTT, RATE, EPOCH, RECONNECTS, BYTES, GAPS, DROPS = 1, 2, 3, 6, 9, 10, 12, 14, 15


@contextmanager
def shown(service: WebSocketService, size: tuple[int, int] = (1100, 780)) -> Iterator[ConnectionMonitorDock]:
    """Anybody's window with the dock in it: two lines."""
    window = QMainWindow()
    dock = ConnectionMonitorDock(service)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    window.resize(*size)
    window.show()
    try:
        yield dock
    finally:
        window.close()
        window.deleteLater()


@contextmanager
def wanting(service: WebSocketService, exchange: EmbeddedExchange) -> Iterator[WebSocketClientProxy]:
    """A panel that wants public and private data."""
    proxy = WebSocketClientProxy("panel", service=service)
    markets = sorted(exchange.world.codes)[:10]
    subscriptions = [
        proxy.subscribe_ticker(markets, lambda event: None),
        proxy.subscribe_trade(markets, lambda event: None),
        proxy.subscribe_my_order(lambda event: None),
        proxy.subscribe_my_asset(lambda event: None),
    ]
    try:
        yield proxy
    finally:
        for subscription in subscriptions:
            subscription.close()


async def connected(service: WebSocketService, *lines: WebSocketType) -> None:
    """Return when these lines are up."""
    await until(lambda: all(service.connection_state(line) is ConnectionState.CONNECTED for line in lines))


def text(dock: ConnectionMonitorDock, line: WebSocketType, column: int) -> str:
    """Return what a cell of the table of connections says."""
    return dock.panel.lines.rows[LINES.index(line)].texts[column]
