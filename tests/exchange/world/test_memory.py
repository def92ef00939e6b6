"""Simulated time does not make the world grow."""

from __future__ import annotations

import gc
import tracemalloc
from itertools import pairwise

import pytest

from tests.exchange.world.reading import world


@pytest.mark.parametrize("seconds", [600, pytest.param(3600, marks=pytest.mark.soak)])
def test_memory_is_flat_whatever_time_goes_by(seconds: int) -> None:
    of = world(markets=20, rate=30, demo=True)
    of.indicators.watch("KRW-BTC", "5m", "macd", {"fast": 12, "slow": 26, "signal_period": 9})

    def play(seconds: int) -> int:
        changes = 0
        for _ in range(seconds // 10):
            for change in of.advance_to(of.now_ms + 10_000):
                changes += 1
                change.render("DEFAULT", "REALTIME")
        return changes

    play(300)
    tracemalloc.start()
    try:
        play(300)  # what was allocated before is not counted: let the rolling parts roll once
        gc.collect()
        marks = [tracemalloc.get_traced_memory()[0]]
        changes = 0
        for _ in range(2):  # tables of a fixed size grow now and then, what has no bound does so each time
            changes += play(seconds)
            gc.collect()
            marks.append(tracemalloc.get_traced_memory()[0])
        grown = min(after - before for before, after in pairwise(marks))
    finally:
        tracemalloc.stop()
    assert changes > 2 * 22 * seconds
    # Finished candles are kept for REST, of 110 bytes: some 75 an hour and market, and its last 300 seconds; spelt
    # prices up to a fixed number.
    assert grown < 2_000_000 * seconds / 3600 + 20 * 300 * 110, f"{grown} bytes after {changes} changes"
