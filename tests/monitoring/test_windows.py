"""Moving windows: what counts, what falls out, and the clock of the exchange."""

from __future__ import annotations

import random

import pytest

from upbit_ws_qt.monitoring.windows import ClockOffset, Counter, RecentMean, RecentSum, RollingSketch


def test_counter_gives_what_was_added() -> None:
    counter = Counter()
    assert [counter.advance(value) for value in (5, 5, 12)] == [5, 0, 7]


def test_counter_that_fell_began_anew() -> None:
    counter = Counter()
    counter.advance(100)
    assert counter.advance(3) == 3


def test_recent_sum_forgets_after_its_window() -> None:
    recent = RecentSum(60)
    for second in range(100):
        recent.add(second, 1)
    assert recent.total(99) == pytest.approx(60, abs=1)
    assert recent.total(1000) == 0


def test_recent_sum_is_bounded() -> None:
    recent = RecentSum(60)
    for step in range(100_000):
        recent.add(step / 100, 1)
    assert len(recent._buckets) <= 61


def test_faded_weighs_by_age() -> None:
    recent = RecentSum(600)
    recent.add(1000, 2)
    assert recent.faded(1000) == pytest.approx(2, rel=0.02)
    assert recent.faded(1300) == pytest.approx(1, rel=0.03)
    assert recent.faded(1700) == 0


def test_recent_mean_counts_its_first_figure_fully() -> None:
    mean = RecentMean(60)
    assert mean.add(10, 1) == pytest.approx(10)
    for _ in range(600):
        mean.add(4, 1)
    assert mean.value == pytest.approx(4, rel=0.01)


def test_rolling_p95_is_within_two_percent_of_exact() -> None:
    rng = random.Random(5)
    rolling = RollingSketch(120)
    figures = [(second * 0.01, rng.lognormvariate(-3, 0.7)) for second in range(30_000)]
    for now, value in figures:
        rolling.add(now, value)
    recent = sorted(value for now, value in figures if now >= 210)
    exact = recent[int(0.95 * (len(recent) - 1))]
    assert rolling.sketch(299.99).quantile(0.95) == pytest.approx(exact, rel=0.02)


def test_rolling_sketch_forgets() -> None:
    rolling = RollingSketch(120)
    rolling.add(0, 9.0)
    rolling.add(100, 1.0)
    assert rolling.sketch(100).maximum == 9.0
    assert rolling.sketch(125).maximum == 1.0
    assert rolling.sketch(500).count == 0


def test_clock_offset_is_found_with_half_the_round_trip_taken_off() -> None:
    rng = random.Random(2)
    offset = ClockOffset()
    offset.note_rtt(0.08)
    for now in range(600):
        # Our clock is 5 s ahead; the way takes 40 ms and up to 300 ms of queueing.
        offset.note_age(now, 5 + 0.04 + rng.uniform(0, 0.3))
    assert offset.seconds == pytest.approx(5, abs=0.01)


def test_a_clock_behind_gives_a_negative_offset() -> None:
    offset = ClockOffset()
    offset.note_age(0, -2.0)
    assert offset.seconds == pytest.approx(-2.0)


def test_a_clock_that_was_set_makes_the_estimate_begin_anew() -> None:
    offset = ClockOffset()
    offset.watch(100, 1_000_100)
    offset.note_age(100, 0.05)
    offset.watch(101, 1_003_701)
    offset.note_age(101, 3600.05)
    assert offset.seconds == pytest.approx(3600.05)
