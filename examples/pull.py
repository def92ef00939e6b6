"""Values to look at instead of callbacks, without Qt: prints a table three times."""

from __future__ import annotations

import asyncio

from upbit_ws_qt import DataType, GlobalWebSocketManager, ServiceConfig, SimpleWebSocketClient
from upbit_ws_qt.exchange import EmbeddedExchange

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")


async def main() -> None:
    """Read the newest tickers twice a second."""
    async with EmbeddedExchange() as exchange:
        await GlobalWebSocketManager.get_instance(ServiceConfig.for_exchange(exchange))
        async with SimpleWebSocketClient("table") as client:
            await client.register_interests(CODES, DataType.TICKER)
            for _ in range(3):
                for code in CODES:
                    ticker = client.get_ticker(code)
                    print(code, "not known yet" if ticker is None else ticker.trade_price)
                await asyncio.sleep(0.5)
        await GlobalWebSocketManager.reset_instance()


if __name__ == "__main__":
    asyncio.run(main())
