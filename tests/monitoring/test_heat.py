"""Distributions over time: classes, columns, bounds, holes and bridges."""

from __future__ import annotations

import math

import pytest

from upbit_ws_qt.monitoring.heat import (
    EDGES,
    HEAT_SLOTS,
    HEAT_STEP,
    MOST_STREAMS,
    FreshnessRing,
    LatencyKind,
    LatencyMap,
    LatencyRing,
)
from upbit_ws_qt.monitoring.history import History
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, WebSocketType

WALL = 1_795_000_000.0
PUBLIC = WebSocketType.PUBLIC
KEYS = [StreamKey(DataType.TICKER, f"KRW-{letter}") for letter in "ABC"]


def columns(found: LatencyMap) -> list[list[int]]:
    classes = len(found.edges) + 1
    return [list(found.counts[begin : begin + classes]) for begin in range(0, len(found.counts), classes)]


def ages_of(history: History, key: StreamKey, seconds: float) -> list[float]:
    return list(history.freshness_map(seconds).ages[key])


def test_a_time_is_counted_in_the_class_that_ends_at_or_above_it() -> None:
    ring = LatencyRing()
    ring.add(0, [0.0, 0.001, 0.0011, 0.1, 99.9, 1000.0])
    counts = list(ring.since(0, 0))
    assert counts[0] == 2, "up to 1 ms"
    assert counts[1] == 1
    assert sum(counts) == 6
    assert counts[-1] == 1, "above all edges"
    place = next(place for place, count in enumerate(counts) if count and place > 1)
    assert EDGES[place - 1] < 0.1 <= EDGES[place] * 1.000001


def test_columns_are_ten_seconds_and_never_reach_back_before_the_start() -> None:
    history = History()
    for now in range(1000, 1030):
        history.begin(now, WALL + now)
        history.put_latencies(LatencyKind.WAY, PUBLIC, [0.05])
    found = history.latency_map(LatencyKind.WAY, PUBLIC, 900)
    assert list(found.times) == [WALL + 1000, WALL + 1010, WALL + 1020]
    assert [sum(column) for column in columns(found)] == [10, 10, 10]
    assert [sum(column) for column in columns(history.latency_map(LatencyKind.WAY, PUBLIC, 10))] == [10]


def test_what_was_never_measured_is_an_empty_map() -> None:
    history = History()
    assert not history.latency_map(LatencyKind.WAY, PUBLIC, 60).times
    history.begin(5, WALL)
    assert not history.latency_map(LatencyKind.ROUND_TRIP, PUBLIC, 60).counts
    assert not history.freshness_map(60).ages


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_a_span_must_be_above_zero(seconds: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        History().latency_map(LatencyKind.WAY, PUBLIC, seconds)
    with pytest.raises(ValueError, match="above 0"):
        History().freshness_map(seconds)


def test_a_pause_leaves_empty_columns_and_an_hour_is_kept() -> None:
    ring = LatencyRing()
    ring.add(0, [0.01])
    ring.add(3, [0.01])
    sums = [sum(ring.since(slot, slot)) for slot in range(5)]
    assert sums == [1, 0, 0, 1, 0]
    ring.add(HEAT_SLOTS + 1, [0.01])
    assert sum(ring.since(0, HEAT_SLOTS + 1)) == 2
    ring.add(3, [0.01])
    assert sum(ring.since(3, 3)) == 1, "the past is not changed any more"


def test_counts_stop_at_what_they_can_hold() -> None:
    ring = LatencyRing()
    ring.add(0, [0.01] * 70_000)
    assert sum(ring.since(0, 0)) == 65_535


def test_ages_are_kept_within_an_eighth() -> None:
    history = History()
    history.begin(100, WALL + 100)
    wanted = [0.02, 0.5, 3.0, 47.0, 900.0]
    keys = [StreamKey(DataType.TRADE, f"KRW-{number}") for number in range(5)]
    history.put_ages(zip(keys, wanted, strict=True))
    for key, age in zip(keys, wanted, strict=True):
        (found,) = ages_of(history, key, 10)
        assert found == pytest.approx(max(age, 0.1), rel=0.13)


def test_the_oldest_of_a_column_counts_and_none_is_not_known() -> None:
    history = History()
    history.begin(100, WALL + 100)
    history.put_ages([(KEYS[0], 30.0), (KEYS[1], None)])
    history.put_ages([(KEYS[0], 0.2), (KEYS[1], None)])
    assert ages_of(history, KEYS[0], 10)[0] > 25
    assert math.isnan(ages_of(history, KEYS[1], 10)[0])


def test_a_late_reading_leaves_no_hole_and_a_sleep_does() -> None:
    history = History()
    for now in (100, 120, 400):
        history.begin(now, WALL + now)
        history.put_ages([(KEYS[0], 1.0)])
    found = ages_of(history, KEYS[0], 310)
    assert [not math.isnan(age) for age in found] == [True] * 3 + [False] * 27 + [True]


def test_a_stream_that_ended_is_told_as_long_as_its_past_is_shown_and_then_forgotten() -> None:
    ring = FreshnessRing()
    ring.put(0, [(KEYS[0], 1.0), (KEYS[1], 1.0)])
    for slot in range(1, HEAT_SLOTS + 2):
        ring.put(slot, [(KEYS[0], 1.0)])
        if slot == 5:
            found = ring.since(0, 5)
            assert set(found) == set(KEYS[:2])
    assert set(ring.since(2, HEAT_SLOTS + 1)) == {KEYS[0]}
    assert KEYS[1] not in ring._streams


def test_streams_beyond_the_bound_are_counted() -> None:
    ring = FreshnessRing()
    ring.put(0, [(StreamKey(DataType.TICKER, f"KRW-{number}"), 1.0) for number in range(MOST_STREAMS + 7)])
    assert ring.left_out == 7
    assert len(ring.since(0, 0)) == MOST_STREAMS


def test_a_clock_that_is_set_back_takes_the_columns_with_it() -> None:
    history = History()
    history.begin(100, WALL + 100)
    history.put_latencies(LatencyKind.WAY, PUBLIC, [0.05])
    history.begin(105, WALL - 3600 + 105)
    (at,) = history.latency_map(LatencyKind.WAY, PUBLIC, HEAT_STEP).times
    assert at == WALL - 3600 + 100
