"""Waiting for a condition instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Seconds between two beats of `at_leisure`.
BEAT = 0.01


async def until(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Return as soon as `condition()` is true; TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)


@contextlib.contextmanager
def at_leisure() -> Iterator[Callable[[], float]]:
    """Measure for how many seconds the loop had been free to act.

    What is asserted about it holds on a busy machine too: a loop that stood still, or had to wait for the processor,
    counts fewer beats, while one that waits for something in idleness counts them all.
    """
    loop = asyncio.get_running_loop()
    beats: list[asyncio.TimerHandle] = []

    def beat() -> None:
        beats.append(loop.call_later(BEAT, beat))

    beat()
    try:
        yield lambda: (len(beats) - 1) * BEAT
    finally:
        beats[-1].cancel()
