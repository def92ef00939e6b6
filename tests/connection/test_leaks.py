"""Hundreds of lines come and go and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import statistics
import tracemalloc
from contextlib import asynccontextmanager
from itertools import combinations
from typing import TYPE_CHECKING

import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.connection.kit import Rig, until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import ConnectLimiter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

LINES = 120  # 5,000 twice in the long form
SAMPLE = 250  # lines from one look at the whole process to the next


async def lose_a_line(rig: Rig) -> None:
    epoch = rig.epoch
    assert rig.connection.line is not None
    rig.connection.line.abort("the test says so")
    await until(lambda: rig.epoch > epoch and rig.connection.state.value == "connected")


async def replace_a_line(rig: Rig) -> None:
    await rig.connection.reconnect()


async def change_lines(rig: Rig, change: Callable[[Rig], Awaitable[None]], lines: int) -> None:
    """Let many lines come and go, then wait until the last old one is gone."""
    for _ in range(lines):
        await change(rig)
    for notes in (rig.states, rig.gaps, rig.errors, rig.lines, rig.resumed):
        notes.clear()
    await until(lambda: alive() == {"WireConnection": 1, "Line": 1}, f"one line left, not {alive()}")


def alive() -> dict[str, int]:
    gc.collect()
    kinds = {"WireConnection": 0, "Line": 0}
    for item in gc.get_objects():
        kind = type(item)
        if kind.__module__.startswith("upbit_ws_qt.connection") and kind.__name__ in kinds:
            kinds[kind.__name__] += 1
    return kinds


def own_memory() -> int:
    """Return the bytes that this package and websockets hold."""
    snapshot = tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(True, "*/upbit_ws_qt/*"), tracemalloc.Filter(True, "*/websockets/*")]
    )
    return sum(statistic.size for statistic in snapshot.statistics("filename"))


async def hold(connection: ServerConnection) -> None:
    await connection.wait_closed()


@asynccontextmanager
async def connected_rig() -> AsyncIterator[Rig]:
    asyncio.get_running_loop().set_debug(False)  # it keeps a traceback for every handle
    async with serve(hold, "127.0.0.1", 0, ping_interval=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        config = ServiceConfig.testing(public_url=url, backoff_initial=0.001, backoff_max=0.001)
        rig = Rig(config, limiter=ConnectLimiter(10_000))
        rig.connection.set_wanted(True)
        await rig.connected()
        try:
            yield rig
        finally:
            await rig.stop()


@pytest.mark.parametrize("lines", [LINES, pytest.param(5000, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])])
@pytest.mark.parametrize("change", [lose_a_line, replace_a_line])
async def test_lines_that_went_leave_no_memory_no_tasks_and_no_sockets(
    change: Callable[[Rig], Awaitable[None]], lines: int
) -> None:
    process = psutil.Process()
    async with connected_rig() as rig:
        tracemalloc.start()
        try:
            await change_lines(rig, change, lines)  # fills the history of states, which is bounded
            tasks, memory, descriptors = len(asyncio.all_tasks()), own_memory(), process.num_fds()
            await change_lines(rig, change, lines)
            await until(lambda: len(asyncio.all_tasks()) <= tasks, "as many tasks as before")
            await until(lambda: process.num_fds() <= descriptors, "as many sockets as before")
            per_line = (own_memory() - memory) / lines
            print(f"{per_line:.1f} bytes per line")
            assert per_line < 64, f"{per_line:.0f} bytes per line"
        finally:
            tracemalloc.stop()


@pytest.mark.soak
@pytest.mark.timeout(7200)
async def test_the_process_does_not_grow_with_the_lines_that_went() -> None:
    """All of its resident memory counts here, what C code holds and what falls to pieces too.

    That grows in steps of pages, if at all; the median of the slopes between any two looks at it is 0 where it stays.
    """
    process = psutil.Process()
    async with connected_rig() as rig:
        for change in (lose_a_line, replace_a_line):
            await change_lines(rig, change, 5 * SAMPLE)  # fills what is bounded
        sizes: list[int] = []
        for sample in range(40):
            await change_lines(rig, (lose_a_line, replace_a_line)[sample % 2], SAMPLE)
            sizes.append(process.memory_info().rss)
        slopes = ((last - first) / (SAMPLE * (j - i)) for (i, first), (j, last) in combinations(enumerate(sizes), 2))
        slope = statistics.median(slopes)
        print(f"{slope:.1f} bytes per line, {[size // 1024 for size in sizes]} KiB")
        assert slope <= 0, f"{slope:.1f} bytes per line: {[size // 1024 for size in sizes]} KiB"
