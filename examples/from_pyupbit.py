"""A program of pyupbit's, ported: the same field names, as attributes and exact, and the line comes back by itself.

With pyupbit it was

    print(pyupbit.get_current_price("KRW-BTC"), len(pyupbit.get_ohlcv("KRW-BTC", "minute1", count=5)))
    wm = pyupbit.WebSocketManager("ticker", ["KRW-BTC", "KRW-ETH"])
    for _ in range(10):
        data = wm.get()
        print(data["code"], data["trade_price"], data["signed_change_rate"])
    wm.terminate()
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from upbit_ws_qt import GlobalWebSocketManager, ServiceConfig, SimpleWebSocketClient
from upbit_ws_qt.exchange import EmbeddedExchange


async def main() -> None:
    """Print two answers and ten tickers."""
    async with AsyncExitStack() as stack:
        config = None
        if "--live" not in sys.argv:
            config = ServiceConfig.for_exchange(await stack.enter_async_context(EmbeddedExchange()))
        manager = await GlobalWebSocketManager.get_instance(config)
        stack.push_async_callback(GlobalWebSocketManager.reset_instance)  # wm.terminate()

        (ticker,) = await manager.rest.tickers("KRW-BTC")
        print(ticker.trade_price, len(await manager.rest.candles("KRW-BTC", "1m", count=5)))

        left = 10
        async for data in SimpleWebSocketClient("from pyupbit").tickers(["KRW-BTC", "KRW-ETH"]):
            print(data.code, data.trade_price, data.signed_change_rate)  # data.to_dict() is what wm.get() returned
            left -= 1
            if not left:
                break


if __name__ == "__main__":
    asyncio.run(main())
