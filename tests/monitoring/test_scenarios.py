"""Labelled faults: the score falls and comes back, the cause is named, one flip per fault, quiet is never alarming."""

from __future__ import annotations

import pytest

from tests.monitoring.world import Line, World
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.monitoring.health import HealthLevel
from upbit_ws_qt.monitoring.monitor import Monitor
from upbit_ws_qt.types import ConnectionState, WebSocketType


def world(*lines: Line, seed: int = 1, step: float = 1.0) -> World:
    made = World(Monitor(ServiceConfig()), list(lines) or [Line()], seed=seed, step=step)
    made.run(120)
    assert made.monitor.health_status().score == 100
    assert not made.changes or not made.raised
    return made


def assert_recovers(made: World, *, within: float, causes: set[str], lowest: float) -> None:
    made.run(within)
    health = made.monitor.health_status()
    assert health.level is HealthLevel.GOOD, health.reasons
    assert made.flips == 1
    assert causes <= made.kinds
    assert made.lowest <= lowest


def test_cut() -> None:
    made = world()
    made.lines[0].lose("connection reset by peer")
    made.run(3)
    status = made.monitor.health_status()
    assert status.level is HealthLevel.BAD
    assert "connection reset by peer" in str(status.reasons[0])
    assert "close code 1006" in str(status.reasons[0])
    made.lines[0].restore(made.now)
    assert_recovers(made, within=90, causes={"lost", "reconnects"}, lowest=45)


def test_a_cut_that_nobody_saw_between_two_readings_is_counted_but_no_fault_level() -> None:
    made = world()
    made.lines[0].lose("reset")
    made.lines[0].restore(made.now)
    made.run(5)
    assert made.flips == 0
    assert 90 <= made.monitor.health_status().score < 100
    assert [event.kind.value for event in made.monitor.events(60)] == ["lost", "restored"]


def test_black_hole_is_noticed_within_ten_seconds() -> None:
    made = world()
    made.lines[0].black_hole = True
    made.run(10)
    assert not made.monitor.health_status().is_healthy
    assert "silent" in made.kinds
    made.lines[0].black_hole = False
    made.lines[0].lose("no data for 10 s")
    made.run(2)
    made.lines[0].restore(made.now)
    assert_recovers(made, within=90, causes={"silent", "lost"}, lowest=45)


def test_black_hole_on_an_event_only_line_shows_by_the_missing_pong() -> None:
    made = world(Line(WebSocketType.PRIVATE, rate=0.01))
    made.lines[0].black_hole = True
    made.run(32)
    assert not made.monitor.health_status().is_healthy
    assert made.kinds == {"no_pong"}


def test_slow_line() -> None:
    made = world()
    made.lines[0].rtt, made.lines[0].age = 0.9, 0.5
    made.run(120)
    health = made.monitor.health_status()
    assert health.level is HealthLevel.WARN
    assert any(str(reason).startswith("public: RTT p95 9") for reason in health.reasons), health.reasons
    assert made.raised == ["slow"]
    made.lines[0].rtt, made.lines[0].age = 0.04, 0.03
    assert_recovers(made, within=260, causes={"rtt"}, lowest=75)
    assert made.monitor.alerts()[0].cleared_at is not None


def test_late_data_on_a_line_whose_pongs_are_quick() -> None:
    made = world()
    made.lines[0].age = 6.0
    made.run(60)
    assert not made.monitor.health_status().is_healthy
    assert made.kinds == {"late"}
    made.lines[0].age = 0.03
    assert_recovers(made, within=200, causes={"late"}, lowest=76)


def test_error_storm() -> None:
    made = world()
    made.lines[0].error_share = 0.2
    made.run(30)
    assert not made.monitor.health_status().is_healthy
    assert made.raised == ["errors"]
    made.lines[0].error_share = 0.0
    assert_recovers(made, within=150, causes={"errors"}, lowest=60)
    assert "unreadable" not in made.kinds


def test_garbage() -> None:
    made = world()
    made.lines[0].unreadable_share = 0.2
    made.run(30)
    assert "unreadable" in made.kinds
    assert "errors" not in made.kinds
    made.lines[0].unreadable_share = 0.0
    assert_recovers(made, within=150, causes={"unreadable"}, lowest=60)


def test_flapping_is_one_flip_and_named() -> None:
    made = world()
    for _ in range(12):
        made.lines[0].lose("reset")
        made.run(2)
        made.lines[0].restore(made.now)
        made.run(8)
    assert "reconnecting_often" in made.raised
    assert any("12 reconnects in 10 min" in str(reason) for reason in made.monitor.health_status().reasons)
    assert_recovers(made, within=700, causes={"lost", "reconnects"}, lowest=45)


def test_stalled_program_blames_itself_and_no_line() -> None:
    made = world()
    made.lines[0].rtt, made.lines[0].age = 6.0, 6.0  # what a stall of ours looks like from inside
    made.loop_lag = 6.0
    made.run(1)
    made.lines[0].rtt, made.lines[0].age = 0.04, 0.03
    made.loop_lag = 0.001
    assert_recovers(made, within=80, causes={"loop_lag"}, lowest=70)
    assert made.kinds == {"loop_lag"}
    assert made.monitor.health_status().connections[WebSocketType.PUBLIC].score == 100


def test_no_line_is_accused_while_the_loop_is_late() -> None:
    made = world()
    made.loop_lag = 0.4
    made.run(2)
    made.lines[0].black_hole = True
    made.run(30)
    assert made.kinds == {"loop_lag"}
    assert made.monitor.health_status().connections[WebSocketType.PUBLIC].withheld


def test_an_accusation_from_before_the_lag_stays_but_does_not_grow() -> None:
    made = world()
    made.lines[0].black_hole = True
    made.run(8)
    before = made.monitor.health_status().connections[WebSocketType.PUBLIC].score
    made.loop_lag = 0.4
    made.run(5)
    assert made.monitor.health_status().connections[WebSocketType.PUBLIC].score == pytest.approx(before)


def test_a_key_that_is_refused_is_bad_at_once_and_until_it_is_mended() -> None:
    made = world(Line(), Line(WebSocketType.PRIVATE, rate=0.0))
    private = made.lines[1]
    private.lose("the key is refused")
    private.state = ConnectionState.FAILED
    made.run(60)
    assert made.monitor.health_status().connections[WebSocketType.PRIVATE].score == 0
    assert made.raised == ["connection_lost"]
    private.restore(made.now)
    assert_recovers(made, within=120, causes={"failed"}, lowest=0)


def test_a_slow_start_is_no_fault_and_a_start_that_never_ends_is() -> None:
    made = World(Monitor(ServiceConfig()), [Line(state=ConnectionState.CONNECTING, connected_since=None)])
    made.run(9)
    assert made.monitor.health_status().level is HealthLevel.GOOD
    made.run(30)
    assert made.monitor.health_status().level is HealthLevel.BAD
    assert made.raised == ["connection_lost"]


def test_a_line_that_nothing_wants_is_idle_and_weighs_nothing() -> None:
    made = world(Line(), Line(WebSocketType.INFO, state=ConnectionState.DISCONNECTED, wanted=False, rate=0))
    health = made.monitor.health_status()
    assert health.connections[WebSocketType.INFO].level is HealthLevel.IDLE
    assert health.level is HealthLevel.GOOD


def test_maintenance_is_told_once_and_over_when_seen() -> None:
    made = world()
    made.extra["maintenance"] = ("서버 점검 안내\x1b[31m",)
    made.run(1)
    made.extra.clear()
    made.run(10)
    assert made.raised == ["maintenance"]
    alert = made.monitor.alerts()[0]
    assert "\x1b" not in alert.message
    assert made.monitor.acknowledge(alert.alert_id)
    made.run(1)
    assert not made.monitor.alerts(cleared=False)
    assert made.monitor.health_status().score == 100


def test_a_busy_market_is_no_fault() -> None:
    made = world(Line(rate=50))
    made.lines[0].rate = 8000
    made.run(600)
    assert made.flips == 0
    assert made.raised == []


def test_unsubscribing_the_busy_streams_is_not_silence() -> None:
    made = world(Line(rate=200))
    made.lines[0].rate = 0.02
    made.lines[0].requests += 1
    made.run(300)
    assert made.flips == 0
    assert "silent" not in made.kinds


@pytest.mark.parametrize("hours", [4, pytest.param(25, marks=pytest.mark.soak)])
@pytest.mark.parametrize("rate", [0.02, 0.5, 2.0, 10.0])
def test_many_quiet_hours_raise_nothing(rate: float, hours: int) -> None:
    # Four paces from nearly nothing to a calm market, with a silent private line beside it.
    made = World(
        Monitor(ServiceConfig()),
        [Line(rate=rate), Line(WebSocketType.PRIVATE, rate=0.0)],
        seed=round(rate * 100),
        step=10.0,
    )
    made.run(hours * 3600)
    assert made.flips == 0
    assert made.raised == []
    assert made.lowest > 90


def test_bursts_with_long_pauses_between_raise_nothing() -> None:
    made = world(Line(rate=0.0), step=1.0)
    for _ in range(60):
        made.lines[0].rate = 300.0
        made.run(5)
        made.lines[0].rate = 0.0
        made.run(45)
    assert made.flips == 0
    assert made.raised == []


def test_a_line_that_speaks_in_gusts_is_not_silent_between_them() -> None:
    made = world(Line(rate=0.0))
    for _ in range(40):
        made.lines[0].rate = 300.0
        made.run(8)
        made.lines[0].rate = 0.0
        made.run(8)
    assert made.lowest == 100


def test_one_slow_ping_is_no_slow_line() -> None:
    made = world()
    made.lines[0].next_ping = made.now + 1
    made.lines[0].rtt = 1.9
    made.run(3)
    made.lines[0].rtt = 0.04
    made.run(200)
    assert max(made.monitor.history("rtt", WebSocketType.PUBLIC, 250).values) > 1
    assert made.kinds == set()
