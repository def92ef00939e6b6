"""The clock of an idle machine: waiting and computing count, being kept from the processor does not."""

from __future__ import annotations

import asyncio
import time

import pytest


async def test_what_is_waited_for_counts_and_not_how_late_the_wait_ended() -> None:
    loop = asyncio.get_running_loop()
    began, really_began = loop.time(), time.monotonic()
    await asyncio.sleep(0.2)
    assert 0.2 <= loop.time() - began < 0.3
    assert time.monotonic() - really_began >= 0.2


async def test_what_is_computed_counts() -> None:
    loop = asyncio.get_running_loop()
    began, computed = loop.time(), time.thread_time()
    while time.thread_time() < computed + 0.05:
        pass
    assert loop.time() - began >= 0.05


async def test_standing_still_without_computing_does_not_count() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    time.sleep(0.2)  # noqa: ASYNC251 - as a machine does to us that is busy otherwise
    assert loop.time() - began < 0.1


async def test_the_wall_clock_goes_as_the_loop_does() -> None:
    loop = asyncio.get_running_loop()
    difference = time.time() - loop.time()
    time.sleep(0.2)  # noqa: ASYNC251
    assert time.time() - loop.time() == pytest.approx(difference, abs=0.05)
