"""A program of ccxt.pro's, ported: `watch_trades` and `watch_order_book` become two subscriptions.

With ccxt.pro it was

    exchange = ccxt.pro.upbit()
    for _ in range(10):
        for trade in await exchange.watch_trades("BTC/KRW"):
            print(trade["datetime"], trade["side"], trade["price"], trade["amount"])
        book = await exchange.watch_order_book("BTC/KRW")
        print(book["bids"][0], book["asks"][0])
    await exchange.close()

Prices are `Decimal`s and no floats; "buy" is "BID"; "BTC/KRW" is "KRW-BTC".
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from upbit_ws_qt import (
    DataType,
    GlobalWebSocketManager,
    ServiceConfig,
    SimpleWebSocketClient,
    SubscriptionSpec,
    TradeEvent,
)
from upbit_ws_qt.exchange import EmbeddedExchange

CODE = "KRW-BTC"


async def main() -> None:
    """Print ten trades, each with the best prices of its moment."""
    async with AsyncExitStack() as stack:
        config = None
        if "--live" not in sys.argv:
            config = ServiceConfig.for_exchange(await stack.enter_async_context(EmbeddedExchange()))
        manager = await GlobalWebSocketManager.get_instance(config)
        stack.push_async_callback(GlobalWebSocketManager.reset_instance)  # exchange.close()
        books = await stack.enter_async_context(SimpleWebSocketClient("books", manager))
        await manager.start()
        await books.register_interests(CODE, DataType.ORDERBOOK)  # the newest one, whenever it is looked at

        trades: asyncio.Queue[TradeEvent] = asyncio.Queue()
        manager.register_component("trades", SubscriptionSpec(DataType.TRADE, CODE), trades.put_nowait)
        for _ in range(10):
            trade = await trades.get()
            side = "buy" if trade.ask_bid == "BID" else "sell"
            print(trade.traded_at.isoformat(), side, trade.trade_price, trade.trade_volume)
            book = books.get_orderbook(CODE)
            if book is not None:
                print(book.best_bid, book.best_ask)


if __name__ == "__main__":
    asyncio.run(main())
