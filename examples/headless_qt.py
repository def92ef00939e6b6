"""A strategy as a service of the system, with Qt's core application: it runs until SIGTERM or Ctrl+C, and tidies up."""

from __future__ import annotations

import asyncio
import sys

from PyQt6.QtCore import QCoreApplication

from upbit_ws_qt import ServiceConfig, TradeEvent, WebSocketClientProxy, WebSocketService, run
from upbit_ws_qt.exchange import EmbeddedExchange

CODES = ("KRW-BTC", "KRW-ETH")


class Strategy:
    """Is called with each trade, and counts them."""

    def __init__(self) -> None:
        self.exchange = EmbeddedExchange()
        self.seen = 0

    async def begin(self) -> None:
        """Wait until all is served."""
        if "--live" not in sys.argv:
            await self.exchange.start()
            WebSocketService.instance(ServiceConfig.for_exchange(self.exchange))
        self.proxy = WebSocketClientProxy("strategy")
        await self.proxy.subscribe_trade(CODES, self.on_trade)
        print("begun", flush=True)

    async def on_trade(self, trade: TradeEvent) -> None:
        """Decide; when the program is quit, what is still being decided is cancelled."""
        await asyncio.sleep(0.01)  # a model, a database
        self.seen += 1

    async def end(self) -> None:
        """Say goodbye while the lines are still up."""
        await self.proxy.cleanup()
        print(f"ended after {self.seen} trades", flush=True)


if __name__ == "__main__":
    app = QCoreApplication([])
    strategy = Strategy()
    raise SystemExit(run(strategy.begin, strategy.end))
