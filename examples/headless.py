"""The same without Qt, by asyncio alone: each trade is pushed to a callback until SIGTERM or Ctrl+C."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import AsyncExitStack

from upbit_ws_qt import BaseWebSocketEvent, DataType, GlobalWebSocketManager, ServiceConfig, SubscriptionSpec
from upbit_ws_qt.exchange import EmbeddedExchange

CODES = ("KRW-BTC", "KRW-ETH")


class Strategy:
    """Is called with each trade, and counts them."""

    def __init__(self) -> None:
        self.seen = 0

    def on_trade(self, trade: BaseWebSocketEvent) -> None:
        """Decide; a coroutine function would do as well."""
        self.seen += 1


async def main() -> None:
    """Run until the system, or somebody, wants it to end."""
    end, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(end.set))
    strategy = Strategy()
    async with AsyncExitStack() as stack:
        config = None
        if "--live" not in sys.argv:
            config = ServiceConfig.for_exchange(await stack.enter_async_context(EmbeddedExchange()))
        manager = await GlobalWebSocketManager.get_instance(config)
        stack.push_async_callback(GlobalWebSocketManager.reset_instance)  # stops it: all lines are closed
        await manager.start()
        trades = manager.register_component("strategy", SubscriptionSpec(DataType.TRADE, CODES), strategy.on_trade)
        await trades.wait_served()
        print("begun", flush=True)
        await end.wait()
    print(f"ended after {strategy.seen} trades", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
