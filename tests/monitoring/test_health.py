"""The parts of the judgement: ramps, the gauge, what our own lag may not do."""

from __future__ import annotations

import random

import pytest

from tests.monitoring.world import line_stats
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.monitoring.health import Gauge, HealthLevel, HealthTuning, level_of, worst_level
from upbit_ws_qt.monitoring.monitor import Monitor
from upbit_ws_qt.monitoring.penalties import ramp
from upbit_ws_qt.monitoring.phrases import duration
from upbit_ws_qt.monitoring.stats import ProgramStats
from upbit_ws_qt.types import ConnectionState, WebSocketType

POINTS = ((0.15, 0.0), (0.4, 20.0), (1.5, 50.0))


@pytest.mark.parametrize(
    ("value", "penalty"), [(0.0, 0), (0.15, 0), (0.275, 10), (0.4, 20), (0.95, 35), (1.5, 50), (9, 50)]
)
def test_a_ramp_is_even_between_its_points_and_flat_beyond(value: float, penalty: float) -> None:
    assert ramp(value, POINTS) == pytest.approx(penalty)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.412, "412 ms"), (0.0, "0 ms"), (2.34, "2.3 s"), (95.4, "1 min 35 s"), (7800.0, "2 h 10 min")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("score", "level"), [(100, "good"), (80, "good"), (79.9, "warn"), (50, "warn"), (49.9, "bad")])
def test_levels_of_scores(score: float, level: str) -> None:
    assert level_of(score) == level


def test_the_worst_level_wins_and_idle_is_not_worse_than_good() -> None:
    assert worst_level([HealthLevel.GOOD, HealthLevel.BAD, HealthLevel.WARN], idle=False) is HealthLevel.BAD
    assert worst_level([HealthLevel.GOOD], idle=True) is HealthLevel.IDLE
    assert worst_level([HealthLevel.WARN], idle=True) is HealthLevel.WARN


def test_a_gauge_falls_at_once_and_rises_slowly() -> None:
    gauge = Gauge(HealthTuning())
    gauge.move(0, 100)
    gauge.move(1, 20)
    assert (gauge.score, gauge.level) == (20, HealthLevel.BAD)
    for now in range(2, 12):
        gauge.move(now, 100)
    assert gauge.score == pytest.approx(100 - 80 * 0.368, abs=1)
    assert gauge.level is HealthLevel.BAD


def test_a_gauge_gets_better_after_the_hold_and_not_before() -> None:
    gauge = Gauge(HealthTuning(recovery_hold=30, rise_seconds=0.1))
    gauge.move(0, 100)
    gauge.move(1, 70)
    levels = []
    for now in range(2, 40):
        gauge.move(now, 100)
        levels.append(gauge.level)
    assert levels == [HealthLevel.WARN] * 30 + [HealthLevel.GOOD] * 8


def test_a_score_that_only_touches_a_level_does_not_reach_it() -> None:
    gauge = Gauge(HealthTuning(recovery_hold=30, rise_seconds=0.1))
    gauge.move(0, 100)
    gauge.move(1, 20)
    levels = set()
    for now in range(2, 200):
        gauge.move(now, 82 if now % 10 == 2 else 78)  # never good for longer than a second
        levels.add(gauge.level)
    assert levels == {HealthLevel.BAD, HealthLevel.WARN}


def test_noise_around_a_limit_is_one_flip() -> None:
    rng = random.Random(9)
    gauge = Gauge(HealthTuning(rise_seconds=0.1))
    flips, before = 0, HealthLevel.GOOD
    for now in range(3600):
        gauge.move(now, rng.uniform(76, 84))
        flips += before is HealthLevel.GOOD and gauge.level is not HealthLevel.GOOD
        before = gauge.level
    assert flips == 1


def observe(monitor: Monitor, now: float, *, slow: bool, lag: float) -> None:
    line = line_stats(
        ws_type=WebSocketType.PUBLIC,
        state=ConnectionState.CONNECTED,
        connected_since=0,
        rtt=3.0 if slow else 0.04,
        event_ages=(6.0 if slow else 0.03,) * 20,
    )
    monitor.observe(now, ProgramStats(lines=(line,), wall_clock=1_795_000_000 + now, loop_lag=lag))


@pytest.mark.parametrize(("lag", "accused"), [(1.0, False), (0.0, True)])
def test_what_was_measured_while_we_were_late_accuses_nobody_afterwards(lag: float, *, accused: bool) -> None:
    monitor = Monitor(ServiceConfig())
    for now in range(60):
        observe(monitor, now, slow=False, lag=0.0)
    for now in range(60, 65):
        observe(monitor, now, slow=True, lag=lag)
    kinds = set()
    for now in range(65, 110):
        observe(monitor, now, slow=False, lag=0.0)
        kinds |= {reason.kind.value for reason in monitor.health_status().reasons if reason.ws_type is not None}
    assert kinds == ({"rtt", "late"} if accused else set())
