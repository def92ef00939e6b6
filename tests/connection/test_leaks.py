"""Hundreds of lines come and go and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import logging
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
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

LINES = 120  # 5,000 in the long form; as often as it takes, MOST_LOOKS times at most
MOST_LOOKS = 5
MOST_BYTES = 32  # a line; 64 are promised, and it is about 0
SAMPLE = 250  # lines from one look at the whole process to the next


@pytest.fixture(autouse=True)
def _no_record_is_kept() -> Iterator[None]:
    """Let nothing be logged: pytest keeps each record, and what it names, until its test is over.

    That depends on the level that whatever ran in this process before has left: websockets' own records of a connection
    name it by a proxy of 80 bytes, one a line.
    """
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def lose_a_line(rig: Rig) -> None:
    epoch = rig.epoch
    assert rig.connection.line is not None
    rig.connection.line.abort("the test says so")
    await until(lambda: rig.epoch > epoch and rig.connection.state.value == "connected")


async def replace_a_line(rig: Rig) -> None:
    await rig.connection.reconnect()


async def change_lines(rig: Rig, change: Callable[[Rig], Awaitable[None]], lines: int) -> None:
    """Let many lines come and go, then wait until the last old one is gone, at both its ends."""
    for _ in range(lines):
        await change(rig)
    for notes in (rig.states, rig.gaps, rig.errors, rig.lines, rig.resumed):
        notes.clear()
    await until(lambda: set(alive().values()) == {1}, f"one line left, not {alive()}")
    # Their sketch has a place for each of the lengths that there were: bounded, and more of them on a busy machine.
    rig.connection.reset_figures()


def alive() -> dict[str, int]:
    """Return how many lines there are: ours, their sockets, and the other end of those."""
    gc.collect()
    kinds = {"WireConnection": 0, "Line": 0, "ServerConnection": 0}
    for item in gc.get_objects():
        kind = type(item)
        if kind.__module__.startswith(("upbit_ws_qt.connection", "websockets")) and kind.__name__ in kinds:
            kinds[kind.__name__] += 1
    return kinds


def own_memory() -> tracemalloc.Snapshot:
    """Return what this package and websockets hold, by the place in the code where it was made."""
    return tracemalloc.take_snapshot().filter_traces(
        [tracemalloc.Filter(True, "*/upbit_ws_qt/*"), tracemalloc.Filter(True, "*/websockets/*")]
    )


class Growth:
    """What was held more after some lines than before them."""

    def __init__(self, before: tracemalloc.Snapshot, after: tracemalloc.Snapshot, lines: int) -> None:
        self.places = after.compare_to(before, "lineno")
        self.per_line = sum(place.size_diff for place in self.places) / lines
        # One piece for every second line, at one place, is what is kept of the lines; others come and go.
        self.kept = {place.traceback for place in self.places if place.count_diff >= lines / 2}

    def __str__(self) -> str:
        """Return the bytes per line, and where the most of them were made."""
        most = sorted(self.places, key=lambda place: place.size_diff)[:-6:-1]
        return "\n  ".join([f"{self.per_line:.1f} bytes per line", *map(str, most)])


async def growths(rig: Rig, change: Callable[[Rig], Awaitable[None]], lines: int) -> list[Growth]:
    """Look at the memory before and after many lines, until nothing has grown or MOST_LOOKS are over.

    What is kept of each line that went grows every time; a dict that becomes larger once does not.
    """
    found: list[Growth] = []
    await change_lines(rig, change, lines)  # fills the history of states, which is bounded
    before = own_memory()
    while len(found) < MOST_LOOKS and leak_in(found) is not None:
        await change_lines(rig, change, lines)
        after = own_memory()
        found.append(Growth(before, after, lines))
        before = after
    return found


def leak_in(found: list[Growth]) -> str | None:
    """Return what grew each time, None where there is nothing of that kind."""
    looks = "\n".join(map(str, found))
    if not found or all(growth.per_line >= MOST_BYTES for growth in found):
        return f"memory grew each time:\n{looks}"
    kept = frozenset.intersection(*(frozenset(growth.kept) for growth in found))
    return f"kept of each line: {kept}:\n{looks}" if kept else None


async def hold(connection: ServerConnection) -> None:
    await connection.wait_closed()


@asynccontextmanager
async def connected_rig() -> AsyncIterator[Rig]:
    asyncio.get_running_loop().set_debug(False)  # it keeps a traceback for every handle
    async with serve(hold, "127.0.0.1", 0, ping_interval=None) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        config = ServiceConfig.testing(public_url=url, backoff_initial=0.001, backoff_max=0.001)
        rig = Rig(config, limiter=ConnectLimiter(LINES))  # it keeps a time for each dial that a second may have
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
        await change(rig)
        tasks, descriptors = len(asyncio.all_tasks()), process.num_fds()
        tracemalloc.start()
        try:
            found = await growths(rig, change, lines)
        finally:
            tracemalloc.stop()
        print(*found, sep="\n")
        assert (leak := leak_in(found)) is None, leak
        await until(lambda: len(asyncio.all_tasks()) <= tasks, "as many tasks as before")
        await until(lambda: process.num_fds() <= descriptors, "as many sockets as before")


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
