"""The longest turn of the loop that subscribing and reading everything off costs, and what the garbage collector adds.

    python -m benchmarks.turns [--seconds 6]

The exchange runs in a process of its own. What is printed are milliseconds of CPU time of single callbacks of the
client's: a window on the same loop stands still for as long.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import time
from typing import TYPE_CHECKING

from benchmarks._callbacks import Callbacks
from benchmarks._child_exchange import child_exchange, config_for, http
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)
CANDLES = DataType.candle("1m")
TARGET_MS = 8.0
MANY_TARGET_MS = 20.0
READING_EVERY = 2.0  # instead of ten seconds: the same work, sooner


@contextlib.asynccontextmanager
async def a_manager(told: dict[str, str]) -> AsyncIterator[GlobalWebSocketManager]:
    """Yield a manager that runs, and stop it."""
    manager = GlobalWebSocketManager(config_for(told, metrics_interval=READING_EVERY, alerts=True))
    await manager.start()
    try:
        yield manager
    finally:
        await manager.stop()


def ignore(event: object) -> None:
    """Take an event."""


def shown(callbacks: Callbacks, most: int = 3) -> str:
    """Return the longest callbacks in words."""
    longest = sorted(callbacks.longest.items(), key=lambda item: -item[1])[:most]
    return ", ".join(f"{1e3 * took:.1f} {name}" for name, took in longest)


async def crowd(told: dict[str, str], components: int, each: int, types: tuple[DataType, ...], seconds: float) -> float:
    """Print the longest turns with a crowd of components while one wish comes and goes, and while all is read off."""
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    async with a_manager(told) as manager:
        for number in range(components):
            mine = [markets[(number * 7 + step) % len(markets)] for step in range(each)]
            specs = [SubscriptionSpec(data_type, mine) for data_type in types]
            handle = manager.register_component(f"component {number}", specs, ignore)
        await handle.wait_served(60)
        await asyncio.sleep(4.0)  # what is looked at for the first time
        streams = len(manager.get_active_subscriptions())
        print(f"{components} components, {each} symbols each, {streams:,} streams")
        worst = 0.0
        with Callbacks() as callbacks:
            for number in range(5):
                began = time.thread_time()
                wish = manager.register_component("one more", SubscriptionSpec(CANDLES, markets[number]), ignore)
                callbacks.longest["register_component"] = time.thread_time() - began
                await wish.wait_served(10)
                wish.close()
                await asyncio.sleep(0.3)
        print(f"    one wish more, and less: {shown(callbacks)}; in all {1e3 * callbacks.total / 5:.1f}")
        worst = max(worst, callbacks.worst[0])
        with Callbacks() as callbacks:
            await asyncio.sleep(max(seconds, 2 * READING_EVERY))
        print(f"    all is read off: {shown(callbacks)}")
        worst = max(worst, callbacks.worst[0])
        before = manager.wiring.routing.get_routing_statistics(brief=True).collector
        await asyncio.sleep(seconds)
        after = manager.wiring.routing.get_routing_statistics(brief=True).collector
        print(
            f"    the collector, {seconds:g} s of data: {after.count - before.count} collections, "
            f"{after.full - before.full} of them full, the longest since the start {1e3 * after.longest:.1f} ms"
        )
    return 1e3 * worst


async def many_at_once(told: dict[str, str], codes: int) -> float:
    """Print what it takes to subscribe many markets in one call beside nothing, and beside what is up."""
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    names = [f"KRW-M{number}" for number in range(codes - len(markets))]
    async with a_manager(told) as manager:
        await manager.register_component("first", SubscriptionSpec(CANDLES, markets[0]), ignore).wait_served(60)
        with Callbacks() as callbacks:
            began = time.thread_time()
            manager.register_component("many", SubscriptionSpec(DataType.TICKER, markets + names), ignore)
            took = time.thread_time() - began
            await asyncio.sleep(2.0)
        print(f"{codes:,} markets in one call: the call {1e3 * took:.1f}, then {shown(callbacks)}")
    return 1e3 * max(took, callbacks.worst[0])


async def measure(told: dict[str, str], seconds: float) -> bool:
    many = await many_at_once(told, 1000)
    few = await crowd(told, 120, 50, TYPES[:1], seconds)
    large = await crowd(told, 100, 40, TYPES, seconds)
    print(
        f"longest: {max(few, large):.1f} ms (target {TARGET_MS:g}); many at once {many:.1f} (target {MANY_TARGET_MS:g})"
    )
    return max(few, large) <= TARGET_MS and many <= MANY_TARGET_MS


def main() -> int:
    """Measure; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    options = parser.parse_args()
    gc.collect()
    with child_exchange("--markets", "416", "--rate", "300", "--quiet-account") as told:
        return 0 if asyncio.run(measure(told, options.seconds)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
