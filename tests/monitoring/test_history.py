"""Rings over time: steps, gaps, folding, bounds, and marks."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.monitoring.world import line_stats
from upbit_ws_qt.monitoring.history import (
    COARSE_SLOTS,
    FINE_SLOTS,
    History,
    LineEvent,
    LineEventKind,
    MarkMaker,
    Metric,
    _Ring,
)
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.monitoring.stats import LineStats

WALL = 1_795_000_000.0
PUBLIC = WebSocketType.PUBLIC
MARK = LineEvent(at=WALL + 4, ws_type=PUBLIC, kind=LineEventKind.EPOCH)


def put(history: History, now: float, value: float | None, metric: Metric = Metric.RTT) -> None:
    history.begin(now, WALL + now)
    history.put(metric, PUBLIC, value)


def values(history: History, seconds: float, metric: Metric = Metric.RTT) -> list[float]:
    return list(history.series(metric, PUBLIC, seconds).values)


def test_each_second_has_its_value_and_time() -> None:
    history = History()
    for now in range(100):
        put(history, now, now * 2.0)
    series = history.series(Metric.RTT, PUBLIC, 10)
    assert list(series.values) == [n * 2.0 for n in range(90, 100)]
    assert list(series.times) == [WALL + n for n in range(90, 100)]
    assert series.step == 1.0


def test_it_never_reaches_back_before_the_start() -> None:
    history = History()
    for now in range(1000, 1005):
        put(history, now, 1.0)
    assert values(history, 900) == [1.0] * 5


def test_what_was_not_known_is_a_gap() -> None:
    history = History()
    for now in range(6):
        put(history, now, None if now in (2, 3) else 1.0)
    assert [math.isnan(value) for value in values(history, 6)] == [False, False, True, True, False, False]


def test_a_reading_that_came_late_leaves_no_hole_and_a_pause_does() -> None:
    history = History()
    put(history, 0.9, 1.0)
    put(history, 2.1, 2.0)
    put(history, 10.0, 3.0)
    assert values(history, 100)[:3] == [1.0, 1.0, 2.0]
    assert all(math.isnan(value) for value in values(history, 100)[3:10])


def test_beyond_fifteen_minutes_it_is_ten_seconds_each() -> None:
    history = History()
    for now in range(3600):
        put(history, now, float(now % 10))
    series = history.series(Metric.RTT, PUBLIC, 3600)
    assert series.step == 10.0
    assert len(series.values) == 360
    assert set(series.values) == {4.5}


@pytest.mark.parametrize(
    ("metric", "folded"),
    [(Metric.RTT, 4.5), (Metric.SCORE, 0.0), (Metric.PENDING, 9.0), (Metric.EPOCH, 9.0), (Metric.LOOP_LAG, 9.0)],
)
def test_ten_seconds_are_folded_as_the_figure_needs_it(metric: Metric, folded: float) -> None:
    history = History()
    for now in range(20):
        put(history, now, float(now % 10), metric)
    assert values(history, 2000, metric) == [folded, folded]


def test_gaps_do_not_count_in_a_mean() -> None:
    history = History()
    for now in range(10):
        put(history, now, 8.0 if now in (1, 7) else None)
    assert values(history, 2000) == [8.0]


def test_two_days_stay_within_the_rings() -> None:
    history = History()
    for now in range(0, 2 * 86_400, 1):
        put(history, now, 1.0)
    assert len(values(history, 900)) == FINE_SLOTS
    assert len(values(history, 10 * 86_400)) == COARSE_SLOTS
    assert sum(len(track.ring(fine=fine)._values) for track in history._tracks.values() for fine in (True, False)) == (
        FINE_SLOTS + COARSE_SLOTS
    )


def test_a_computer_that_slept_leaves_a_hole_as_long_as_its_sleep() -> None:
    history, slept = History(), 300.0
    for now in range(5):  # the loop's clock stands still during sleep
        put(history, now, 1.0)
    history.note(MARK)
    for now in range(5, 10):
        history.begin(now, WALL + now + slept)
        history.put(Metric.RTT, PUBLIC, 2.0)
    series = history.series(Metric.RTT, PUBLIC, 900)
    assert series.times[-1] == WALL + 9 + slept  # a window that ends now shows the newest
    assert (series.times[0], series.values[0]) == (WALL, 1.0)
    assert all(b - a == 1 for a, b in itertools.pairwise(series.times))
    assert [value for value in series.values if not math.isnan(value)] == [1.0] * 5 + [2.0] * 5
    assert history.events(1000)[0].at == MARK.at
    assert history.events(100) == ()


@pytest.mark.parametrize("back", [5.0, 3600.0, 86_400.0 * 400])
def test_a_wall_clock_that_was_set_back_hides_nothing(back: float) -> None:
    history = History()
    for now in range(5):
        put(history, now, 1.0)
    history.note(MARK)
    for now in range(5, 10):
        history.begin(now, WALL + now - back)
        history.put(Metric.RTT, PUBLIC, 2.0)
    series = history.series(Metric.RTT, PUBLIC, 60)
    assert list(series.values) == [1.0] * 5 + [2.0] * 5
    assert list(series.times) == [WALL - back + now for now in range(10)]
    assert [event.at for event in history.events(60)] == [MARK.at - back]


def test_a_wall_clock_that_drifts_bends_nothing() -> None:
    history = History()
    for now in range(1000):
        history.begin(now, WALL + now * 1.0005)
        history.put(Metric.RTT, PUBLIC, 1.0)
    assert list(history.series(Metric.RTT, PUBLIC, 60).times) == [WALL + now for now in range(940, 1000)]


@pytest.mark.parametrize("seconds", [0, -1, math.nan])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        History().series(Metric.RTT, PUBLIC, seconds)


def reading(
    state: ConnectionState, epoch: int, reconnects: int = 0, cause: str = "", code: int | None = 1006
) -> LineStats:
    return line_stats(
        ws_type=PUBLIC, state=state, epoch=epoch, reconnects=reconnects, close_cause=cause, close_code=code
    )


def test_marks_tell_loss_restoration_and_downtime() -> None:
    maker = MarkMaker()
    up, down = ConnectionState.CONNECTED, ConnectionState.RECONNECTING
    steps = [
        (0, reading(up, 3)),
        (1, reading(down, 3, 1, "reset\x1b[2J")),
        (2, reading(ConnectionState.SYNCING, 4, 1)),
        (4, reading(up, 4, 1)),
    ]
    marks = [mark for now, look in steps for mark in maker.look(now, WALL + now, look)]
    assert [mark.kind for mark in marks] == [LineEventKind.LOST, LineEventKind.RESTORED]
    assert marks[0].cause == "reset\\x1b[2J"
    assert marks[0].close_code == 1006
    assert (marks[1].old_epoch, marks[1].new_epoch, marks[1].down_seconds) == (3, 4, 3)


def test_a_restoration_tells_why_the_line_went_and_not_why_dials_failed() -> None:
    maker = MarkMaker()
    up, down = ConnectionState.CONNECTED, ConnectionState.RECONNECTING
    refused = "HTTP 503"
    steps = [reading(up, 1), reading(down, 1, 1, "reset"), reading(down, 1, 1, refused, None)]
    steps += [reading(up, epoch, 1, refused, None) for epoch in (2, 3)]  # a renewal has no cause
    marks = [mark for now, look in enumerate(steps) for mark in maker.look(now, WALL + now, look)]
    assert [(mark.kind.value, mark.cause, mark.close_code) for mark in marks] == [
        ("lost", "reset", 1006),
        ("restored", "reset", 1006),
        ("epoch", "", None),
    ]


def test_a_line_that_was_up_only_between_two_readings_was_lost_all_the_same() -> None:
    maker = MarkMaker()
    down = ConnectionState.RECONNECTING
    steps = [reading(ConnectionState.SYNCING, 1), reading(down, 1, 1, "reset"), reading(down, 1, 1, "HTTP 503")]
    steps.append(reading(ConnectionState.CONNECTED, 2, 1))
    marks = [mark for now, look in enumerate(steps) for mark in maker.look(now, WALL + now, look)]
    assert [(mark.kind.value, mark.cause, mark.down_seconds) for mark in marks] == [
        ("lost", "reset", 0),
        ("restored", "reset", 2),
    ]


def test_a_renewal_is_an_epoch_mark_and_no_loss() -> None:
    maker = MarkMaker()
    marks = [
        mark
        for now, epoch in enumerate((1, 1, 2))
        for mark in maker.look(now, WALL, reading(ConnectionState.CONNECTED, epoch))
    ]
    assert [mark.kind for mark in marks] == [LineEventKind.EPOCH]


def test_closing_on_purpose_is_no_loss() -> None:
    maker = MarkMaker()
    list(maker.look(0, WALL, reading(ConnectionState.CONNECTED, 1)))
    assert list(maker.look(1, WALL, reading(ConnectionState.DISCONNECTED, 1))) == []
    assert list(maker.look(2, WALL, reading(ConnectionState.CONNECTED, 2))) == []


def test_marks_are_bounded() -> None:
    history, maker = History(), MarkMaker()
    for now in range(5_000):
        history.begin(now, WALL + now)
        for mark in maker.look(now, WALL + now, reading(ConnectionState.CONNECTED, now)):
            history.note(mark)
    assert len(history.events(1e9)) == 500
    assert len(history.events(9)) == 10


@given(
    st.integers(1, 12),
    st.lists(st.sampled_from([0, 1, 1, 1, 2, 3, 5, 20]), max_size=30),
    st.integers(-3, 80),
    st.integers(0, 30),
)
def test_a_slice_of_a_ring_is_what_its_slots_hold(size: int, steps: list[int], first: int, length: int) -> None:
    ring, slot = _Ring(size), 0
    for number, step in enumerate(steps):
        slot += step
        ring.put(slot, float(number))
    found = ring.since(first, first + length)
    assert [str(value) for value in found] == [str(ring.get(n)) for n in range(first, first + length + 1)]
