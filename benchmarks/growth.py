"""How memory and the loop's time grow: 10 to 5,000 streams, 1 to 1,000 components, 1 to 20,000 messages a second.

    python -m benchmarks.growth

Each row is a manager of its own in front of an exchange in another process, everything served. Bytes are Python's own
allocations (tracemalloc, which makes everything slower), garbage collected first, and for each more than in the first
row; milliseconds are CPU time of this thread. Growth is linear where these stay as they are from row to row.

What is not linear, and why: a stream more costs less the more there are, for tables grow in steps, and tickers, trades
and books, which come first, have more to keep than candles. Of the messages each costs less the more there are: those
that come together are read together, and what is done once a second is shared by more of them. 1,000 a
second cost 6 % of a core, 20,000 cost 23, at load 10. Where hundreds wait, as on a machine that was busy with something
else, tickers that newer ones have replaced are skipped, and the rows say how many.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import time
import tracemalloc
from itertools import islice, product
from typing import TYPE_CHECKING

from benchmarks._child_exchange import child_exchange, config_for, http
from benchmarks._flood import codes, flood_server
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK, *(each for each in DataType if each.is_candle))
STREAMS = (10, 100, 1_000, 5_000)
COMPONENTS = (1, 10, 100, 1_000)
RATES = (1, 10, 100, 1_000, 5_000, 10_000, 20_000)
WRITES = 250  # a second at most: what is more comes several at once, as in a burst
SECONDS = 3.0  # of each rate
EACH = 10  # streams of a component

Wishes = dict[str, list[SubscriptionSpec]]


def ignore(event: object) -> None:
    """Take an event."""


def by_type(pairs: Iterator[tuple[DataType, str]]) -> list[SubscriptionSpec]:
    """Return one wish for each type."""
    codes: dict[DataType, list[str]] = {}
    for data_type, code in pairs:
        codes.setdefault(data_type, []).append(code)
    return [SubscriptionSpec(data_type, each) for data_type, each in codes.items()]


def many_streams(markets: list[str], count: int) -> Wishes:
    """One component wants that many streams."""
    return {"one": by_type(islice(product(TYPES, markets), count))}


def many_components(markets: list[str], count: int) -> Wishes:
    """That many components want ten streams each, the same ten: what they cost beside the streams."""
    return {f"component {number}": [SubscriptionSpec(DataType.TICKER, markets[:EACH])] for number in range(count)}


def taken() -> int:
    """Return the bytes that are allocated once all garbage is gone."""
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


async def measure(told: dict[str, str], wishes: Wishes) -> tuple[int, int, float, float, float]:
    """Return the streams, the bytes they take, and ms: to register all, for one change more, for a reading."""
    manager = GlobalWebSocketManager(config_for(told, metrics_interval=3600.0, health_interval=3600.0))
    await manager.start()
    await manager.register_component("first", SubscriptionSpec(DataType.TICKER, "KRW-BTC"), ignore).wait_served(60)
    before = taken()
    began = time.thread_time()
    handles = [manager.register_component(name, specs, ignore) for name, specs in wishes.items()]
    registering = time.thread_time() - began
    for handle in handles:
        await handle.wait_served(120)
    await asyncio.sleep(1.0)
    grown = taken() - before
    streams = len(manager.get_active_subscriptions())
    sync = next(iter(manager.wiring.endpoints.values())).sync
    began = time.thread_time()
    manager.register_component("one more", SubscriptionSpec(DataType.TICKER, "KRW-ONEMORE"), ignore)
    sync.wishes_changed()
    sync.optimize()
    change = time.thread_time() - began
    began = time.thread_time()
    manager.wiring.observer.observe()
    reading = time.thread_time() - began
    await manager.stop()
    return streams, grown, 1e3 * registering, 1e3 * change, 1e3 * reading


async def curve(
    told: dict[str, str], markets: list[str], what: str, counts: tuple[int, ...], of: Callable[[list[str], int], Wishes]
) -> None:
    print(f"{what:>11} {'streams':>8} {'KiB':>8} {'bytes for':>10} {'register':>9} {'one more':>9} {'reading':>8}")
    print(f"{'':>11} {'':>8} {'':>8} {'each more':>10} {'ms':>9} {'ms':>9} {'ms':>8}")
    first = (0, 0)
    for count in counts:
        streams, grown, registering, change, reading = await measure(told, of(markets, count))
        each = (grown - first[1]) / (count - first[0])
        first = first if first[0] else (count, grown)
        took = f"{registering:9.1f} {change:9.2f} {reading:8.1f}"
        print(f"{count:11,} {streams:8,} {grown / 1024:8,.0f} {each:10,.0f} {took}")


async def measure_rate(url: str) -> tuple[float, float, int]:
    """Return messages a second, the share of a core that takes, and how many were skipped."""
    most = 10**8
    config = ServiceConfig(
        public_url=url, private_url=None, info_url=None, max_bytes_per_second=most, max_frames_per_second=most
    )
    manager = GlobalWebSocketManager(config)
    await manager.start()
    wish = manager.register_component("one", SubscriptionSpec(DataType.TICKER, codes()), ignore)
    await wish.wait_served(60)
    await asyncio.sleep(1.0)
    read = functools.partial(manager.wiring.routing.get_routing_statistics, brief=True)
    gc.collect()
    before, began, cpu = read(), time.monotonic(), time.process_time()
    await asyncio.sleep(SECONDS)
    after, took, used = read(), time.monotonic() - began, time.process_time() - cpu
    await manager.stop()
    return (after.frames - before.frames) / took, used / took, after.superseded - before.superseded


async def rates() -> None:
    print(f"{'messages/s':>11} {'taken/s':>9} {'of a core':>10} {'µs each':>9} {'skipped':>8}")
    for rate in RATES:
        with flood_server("ticker", rate, max(1, rate // WRITES)) as url:
            taken, share, skipped = await measure_rate(url)
        print(f"{rate:11,} {taken:9,.0f} {share:10.1%} {1e6 * share / max(taken, 1e-9):9.1f} {skipped:8,}", flush=True)


async def run(told: dict[str, str]) -> None:
    markets = [entry["market"] for entry in await asyncio.to_thread(http, told, "/v1/market/all")]
    await measure(told, many_streams(markets, 10))  # what is made once
    await curve(told, markets, "streams", STREAMS, many_streams)
    await curve(told, markets, "components", COMPONENTS, many_components)


def main() -> None:
    with child_exchange("--markets", "416", "--rate", "50", "--quiet-account") as told:
        tracemalloc.start()
        asyncio.run(run(told))
        tracemalloc.stop()
    asyncio.run(rates())


if __name__ == "__main__":
    main()
