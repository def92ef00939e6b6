"""A program of ccxt.pro's, ported: `watch_trades` becomes `async for`, and the newest book is there to be looked at.

With ccxt.pro it was

    exchange = ccxt.pro.upbit()
    for _ in range(10):
        book = await exchange.watch_order_book("BTC/KRW")
        for trade in await exchange.watch_trades("BTC/KRW"):
            print(trade["datetime"], trade["side"], trade["price"], trade["amount"])
            print(book["bids"][0], book["asks"][0])
    await exchange.close()

Prices are `Decimal`s and no floats; "buy" is "BID"; "BTC/KRW" is "KRW-BTC".
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from upbit_ws_qt import DataType, GlobalWebSocketManager, ServiceConfig, SimpleWebSocketClient
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

        client = await stack.enter_async_context(SimpleWebSocketClient("from ccxt", manager))
        await client.register_interests(CODE, DataType.ORDERBOOK)  # the newest one, whenever it is looked at
        left = 10
        async for trade in client.trades(CODE):
            side = "buy" if trade.ask_bid == "BID" else "sell"
            print(trade.traded_at.isoformat(), side, trade.trade_price, trade.trade_volume)
            book = client.get_orderbook(CODE)
            if book is not None:
                print(book.best_bid, book.best_ask)
            left -= 1
            if not left:
                break


if __name__ == "__main__":
    asyncio.run(main())
