"""A strategy without a window: a coroutine is called with each trade and looks up what else it needs to know."""

from __future__ import annotations

import asyncio

from PyQt6.QtCore import QCoreApplication

from upbit_ws_qt import (
    DataType,
    ServiceConfig,
    SimpleWebSocketClient,
    SubscriptionError,
    TradeEvent,
    WebSocketClientProxy,
    WebSocketService,
    run,
)
from upbit_ws_qt.exchange import EmbeddedExchange

CODES = ("KRW-BTC", "KRW-ETH")
ENOUGH = 10


class Strategy:
    """Compares each trade with the best ask of its market; ends the program after ten."""

    def __init__(self) -> None:
        self.proxy = WebSocketClientProxy("strategy")
        self.known = SimpleWebSocketClient("strategy")
        self.seen = 0

    async def begin(self) -> None:
        """Wait until the exchange serves all that is needed; say what it does not serve."""
        await self.known.register_interests(CODES, DataType.ORDERBOOK)
        try:
            await self.proxy.subscribe_trade(CODES, self.on_trade)
        except SubscriptionError as error:
            print("not served:", error, error.codes)

    async def on_trade(self, trade: TradeEvent) -> None:
        """Take as long as it needs: it has a queue of its own, and nothing else waits for it."""
        await asyncio.sleep(0.01)  # a model, a database
        book = self.known.get_orderbook(trade.code)
        if book is None or self.known.is_stale(trade.code, DataType.ORDERBOOK):
            return  # nothing is decided by old prices
        if self.seen == ENOUGH:
            return  # a program that was asked to end goes on for a moment
        self.seen += 1
        print(trade.code, trade.trade_price, "bought" if trade.ask_bid == "BID" else "sold", "best ask", book.best_ask)
        if self.seen == ENOUGH:
            QCoreApplication.quit()


async def main() -> object:
    """Begin on an exchange of our own; what is returned is kept until the end."""
    exchange = EmbeddedExchange()
    await exchange.start()
    WebSocketService.instance(ServiceConfig.for_exchange(exchange))
    strategy = Strategy()
    await strategy.begin()
    return exchange, strategy


if __name__ == "__main__":
    app = QCoreApplication([])
    raise SystemExit(run(main))
