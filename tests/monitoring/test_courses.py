"""Every labelled fault from beginning to end: one flip at most, its cause the heaviest reason, good again in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.monitoring.world import Line, World
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.monitoring.health import HealthLevel
from upbit_ws_qt.monitoring.monitor import AlertCleared, Monitor
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable


class Course(NamedTuple):
    """One fault, as docs/health.md tells it.

    `cause` is the heaviest reason when the score is lowest ("" for no fault at all), `lowest` where the score must have
    been at least once, `back` the seconds after which it must be good again, `alerts` what is raised meanwhile.
    """

    fault: Callable[[World], None]
    cause: str
    lowest: float
    back: float
    alerts: set[str]


def cut(world: World) -> None:
    line = world.lines[0]
    line.lose("connection reset by peer")
    world.run(3)
    line.restore(world.now)


def black_hole(world: World) -> None:
    line = world.lines[0]
    line.black_hole = True
    world.run(10)
    line.black_hole = False
    line.lose("a busy line fell silent for 10 s")
    world.run(1)
    line.restore(world.now)


def slow_line(world: World) -> None:
    line = world.lines[0]
    line.rtt, line.age = 0.9, 0.5
    world.run(120)
    line.rtt, line.age = 0.04, 0.03


def error_storm(world: World) -> None:
    world.lines[0].error_share = 0.2
    world.run(30)
    world.lines[0].error_share = 0.0


def garbage(world: World) -> None:
    world.lines[0].unreadable_share = 0.2
    world.run(30)
    world.lines[0].unreadable_share = 0.0


def flapping(world: World) -> None:
    for _ in range(12):
        cut(world)
        world.run(7)


def stalled_window(world: World) -> None:
    line = world.lines[0]
    line.rtt = line.age = world.loop_lag = 6.0  # what a stall of ours looks like from inside
    world.run(1)
    line.rtt, line.age, world.loop_lag = 0.04, 0.03, 0.001


def quiet_market(world: World) -> None:
    line = world.lines[0]
    line.rate, line.requests = 0.02, line.requests + 1
    world.run(3600)


def busy_market(world: World) -> None:
    world.lines[0].rate = 8000.0
    world.run(600)
    world.lines[0].rate = 50.0


def maintenance(world: World) -> None:
    world.extra["maintenance"] = ("서버 점검 안내",)
    world.run(1)
    world.extra.clear()
    world.run(60)
    for line in world.lines:
        line.lose("closed by the exchange: maintenance", 1001)
    world.run(600)
    for line in world.lines:
        line.restore(world.now)


COURSES = {
    "cut": Course(cut, "lost", 45, 60, {"connection_lost"}),
    "black hole": Course(black_hole, "silent", 45, 60, set()),
    "slow line": Course(slow_line, "rtt", 75, 260, {"slow"}),
    "error storm": Course(error_storm, "errors", 60, 120, {"errors"}),
    "garbage": Course(garbage, "unreadable", 60, 120, {"errors"}),
    "flapping": Course(flapping, "lost", 45, 700, {"connection_lost", "reconnecting_often"}),
    "stalled window": Course(stalled_window, "loop_lag", 75, 60, {"loop_lag"}),
    "quiet market": Course(quiet_market, "", 100, 0, set()),
    "busy market": Course(busy_market, "", 100, 0, set()),
    "maintenance": Course(maintenance, "lost", 0, 60, {"connection_lost", "maintenance"}),
}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in (2, 3))])
@pytest.mark.parametrize("name", COURSES)
def test_the_course_of_a_fault(name: str, seed: int) -> None:
    course = COURSES[name]
    world = World(Monitor(ServiceConfig()), [Line(), Line(WebSocketType.PRIVATE, rate=0.0)], seed=seed)
    world.run(120)
    assert world.monitor.health_status().score == 100
    course.fault(world)
    world.run(course.back)
    health = world.monitor.health_status()
    assert health.level is HealthLevel.GOOD, health.reasons
    assert health.score >= 80
    assert world.flips == (1 if course.cause else 0)
    assert world.worst_reason == course.cause
    assert world.lowest <= course.lowest
    assert set(world.raised) == course.alerts
    world.run(700)  # until everything is long past
    over = {change.alert.alert_id for change in world.changes if isinstance(change, AlertCleared)}
    lasting = [alert.kind.value for alert in world.monitor.alerts(cleared=False)]
    assert lasting == (["maintenance"] if "maintenance" in course.alerts else [])
    assert len(over) == len(world.raised) - len(lasting)
    assert world.flips == (1 if course.cause else 0)
    assert world.monitor.health_status().score == 100
