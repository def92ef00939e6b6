"""Fifty markets in the table of an old program, which keeps its own `app.exec()` and its own thread.

What is new in it: `attach`, one service, and a proxy that calls the model five times a second, with all that changed.
`--live` asks the real exchange instead of one of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from PyQt6.QtCore import QAbstractTableModel, QModelIndex, Qt, QThread, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QApplication, QLabel, QMainWindow, QTableView

from upbit_ws_qt import (
    Delivery,
    ServiceConfig,
    TickerEvent,
    WebSocketClientProxy,
    WebSocketService,
    attach,
)
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.widgets import price_text

MARKETS = 50
ROOT = QModelIndex()


class OldThread(QThread):
    """What the program had before: a thread with an asyncio loop of its own. Nothing of it has to change."""

    said = pyqtSignal(str)

    def run(self) -> None:
        """Work until somebody wants it to end."""
        asyncio.run(self.work())

    async def work(self) -> None:
        """Tell the time, now and then."""
        while not self.isInterruptionRequested():
            self.said.emit(time.strftime("%H:%M:%S"))
            await asyncio.sleep(0.2)


class Prices(QAbstractTableModel):
    """The newest ticker of each market, in the order of the markets."""

    headings = ("Market", "Price", "Change", "24 h, million won")

    def __init__(self) -> None:
        super().__init__()
        self.codes: list[str] = []
        self.rows: dict[str, int] = {}
        self.tickers: dict[str, TickerEvent] = {}
        self.stale: set[str] = set()

    def set_codes(self, codes: list[str]) -> None:
        """Show these markets."""
        self.beginResetModel()
        self.codes, self.rows = codes, {code: row for row, code in enumerate(codes)}
        self.endResetModel()

    def take(self, tickers: tuple[TickerEvent, ...]) -> None:
        """Show the prices that have changed: one signal for all of them."""
        self.tickers.update((ticker.code, ticker) for ticker in tickers)
        rows = [self.rows[ticker.code] for ticker in tickers]
        self.dataChanged.emit(self.index(min(rows), 1), self.index(max(rows), 3))

    def set_stale(self, code: str, stale: bool) -> None:
        """Do not let an old price look like a new one."""
        (self.stale.add if stale else self.stale.discard)(code)
        row = self.rows[code]
        self.dataChanged.emit(self.index(row, 0), self.index(row, 3))

    def rowCount(self, parent: QModelIndex = ROOT) -> int:  # noqa: N802 - Qt's name
        """One row for each market."""
        return 0 if parent.isValid() else len(self.codes)

    def columnCount(self, parent: QModelIndex = ROOT) -> int:  # noqa: N802 - Qt's name
        """The same for all."""
        return 0 if parent.isValid() else len(self.headings)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:  # noqa: N802 - Qt's name
        """Name a column."""
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.headings[section]
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Write a cell, figures on the right."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        code = self.codes[index.row()]
        if role == Qt.ItemDataRole.ForegroundRole and code in self.stale:
            return QColor("gray")
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        ticker = self.tickers.get(code)
        if index.column() == 0 or ticker is None:
            return "" if index.column() else code
        turnover = ticker.acc_trade_price_24h / 1_000_000
        return (price_text(code, ticker.trade_price), f"{ticker.signed_change_rate:+.2%}", f"{turnover:,.0f}")[
            index.column() - 1
        ]


class MainWindow(QMainWindow):
    """The old window; what is out of date in it is grey."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Markets")
        self.resize(480, 720)
        self.prices = Prices()
        self.table = QTableView()
        self.table.setModel(self.prices)
        self.setCentralWidget(self.table)
        self.clock = QLabel()
        self.setMenuWidget(self.clock)
        self.proxy = WebSocketClientProxy("market table", owner=self)

    async def fill(self) -> None:
        """Find the busiest markets and show what becomes of them."""
        tickers = await self.proxy.service.rest.all_tickers("KRW")
        busiest = sorted(tickers, key=lambda ticker: ticker.acc_trade_price_24h, reverse=True)[:MARKETS]
        codes = [ticker.market for ticker in busiest]
        self.prices.set_codes(codes)
        wish = self.proxy.subscribe_ticker(codes, self.prices.take, delivery=Delivery.BATCH, rate=5)
        wish.staleChanged.connect(self.prices.set_stale)

    @pyqtSlot(str)
    def on_thread(self, text: str) -> None:
        """Show what the thread says."""
        self.clock.setText(text)


def main() -> int:
    """Do what the program always did, between `attach` and `stop`."""
    app = QApplication(sys.argv)
    attachment = attach(app)
    if "--live" not in sys.argv:
        exchange = EmbeddedExchange()
        attachment.loop.run_until_complete(exchange.start())
        WebSocketService.instance(ServiceConfig.for_exchange(exchange))
    window = MainWindow()
    window.show()
    filling = attachment.loop.create_task(window.fill())
    thread = OldThread()
    thread.said.connect(window.on_thread)
    thread.start()
    code = app.exec()
    thread.requestInterruption()
    thread.wait()
    filling.cancel()
    attachment.stop()
    return code


if __name__ == "__main__":
    raise SystemExit(main())
