"""An icon in the tray that speaks when a price passes a limit; there is no window, and no end but "Quit".

python -m upbit_ws_qt.examples tray_alert KRW-BTC 160000000 --live
"""

from __future__ import annotations

import argparse
from decimal import Decimal, InvalidOperation

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication, QMenu, QStyle, QSystemTrayIcon

from upbit_ws_qt import (
    ServiceConfig,
    TickerEvent,
    WebSocketClientProxy,
    WebSocketError,
    WebSocketService,
    run,
)
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.widgets import price_text


class TrayAlert(QObject):
    """Watches the price of one market.

    Signals:
        said(text): what was shown beside the icon.
    """

    said = pyqtSignal(str)

    def __init__(self, code: str, limit: Decimal) -> None:
        super().__init__()
        self.code, self.limit = code, limit
        self.was_above: bool | None = None  # not known before the first price
        self.menu = QMenu()
        self.menu.addAction("Quit", QApplication.quit)
        style = QApplication.style()
        assert style is not None
        self.icon = QSystemTrayIcon(style.standardIcon(QStyle.StandardPixmap.SP_MessageBoxInformation), self)
        self.icon.setContextMenu(self.menu)
        self.icon.setToolTip(f"{code}: no price yet")
        self.icon.show()
        proxy = WebSocketClientProxy("tray alert", owner=self)
        self.ticker = proxy.ticker(code)
        self.ticker.received.connect(self.on_ticker)
        self.ticker.staleChanged.connect(self.on_stale)
        proxy.service.errorOccurred.connect(self.on_error)

    @pyqtSlot(TickerEvent)
    def on_ticker(self, ticker: TickerEvent) -> None:
        """Show the price, and speak where it has come to the other side of the limit."""
        now = price_text(self.code, ticker.trade_price)
        self.icon.setToolTip(f"{self.code}: {now}")
        is_above = ticker.trade_price >= self.limit
        if self.was_above is not None and is_above is not self.was_above:
            limit = price_text(self.code, self.limit)
            self.say(f"{self.code} is {'at or above' if is_above else 'below'} {limit}: {now}")
        self.was_above = is_above

    @pyqtSlot(bool)
    def on_stale(self, stale: bool) -> None:
        """Say that nobody watches while the line is down; a limit that was passed meanwhile is told afterwards."""
        self.say(f"{self.code} is not watched: the line is down" if stale else f"{self.code} is watched again")

    @pyqtSlot(WebSocketError)
    def on_error(self, error: WebSocketError) -> None:
        """Say what a person has to know, an unknown market for example; the library goes on by itself."""
        self.say(str(error))

    def say(self, text: str) -> None:
        """Show something beside the icon."""
        self.icon.showMessage("Price alert", text)
        self.said.emit(text)


def price(text: str) -> Decimal:
    """Read a price; what is none is told by argparse, with the usage."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no price: write it in digits, 160000000 for example")
    return value


def main() -> int:
    """Put the icon into the tray."""
    parser = argparse.ArgumentParser(description="Speaks when a price passes a limit.")
    parser.add_argument("code", nargs="?", default="KRW-BTC")
    parser.add_argument("limit", nargs="?", type=price, default=Decimal(150_000_000))
    parser.add_argument("--live", action="store_true", help="the real exchange instead of one of its own")
    options = parser.parse_args()

    async def begin() -> object:
        exchange = EmbeddedExchange()
        if not options.live:
            await exchange.start()
            WebSocketService.instance(ServiceConfig.for_exchange(exchange))
        return exchange, TrayAlert(options.code, options.limit)

    app = QApplication([])
    app.setQuitOnLastWindowClosed(False)  # there is none, and dialogs come and go
    return run(begin)


if __name__ == "__main__":
    raise SystemExit(main())
