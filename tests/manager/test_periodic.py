"""Periodic calls survive their own errors and are visible when they stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.waiting import until
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.manager import ManagerListener
from upbit_ws_qt.manager.observer import STALLED_EVERY
from upbit_ws_qt.manager.periodic import Periodic
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.manager.conftest import Desk
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.manager import ComponentSubscription, GlobalWebSocketManager
    from upbit_ws_qt.monitoring import HealthStatus


async def test_it_goes_on_until_stopped_and_never_inside_a_task() -> None:
    tasks: list[object] = []
    periodic = Periodic("count", 0.001, lambda: tasks.append(asyncio.current_task()))
    periodic.start(asyncio.get_running_loop())
    periodic.start(asyncio.get_running_loop())
    await until(lambda: periodic.runs >= 3)
    was_running = periodic.running
    periodic.stop()
    periodic.stop()
    count = periodic.runs
    await asyncio.sleep(0.01)
    assert periodic.runs == count
    assert (was_running, periodic.running) == (True, False)
    assert set(tasks) == {None}


async def test_an_error_is_counted_reported_and_survived() -> None:
    reported: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: reported.append(context))

    def fail_at_first() -> None:
        if not periodic.failures:
            raise ValueError("first")

    periodic = Periodic("fails", 0.001, fail_at_first)
    periodic.start(loop)
    await until(lambda: periodic.runs >= 2)
    periodic.stop()
    assert periodic.failures == 1
    assert [str(context["exception"]) for context in reported] == ["first"]


async def test_an_action_may_stop_its_own_timer() -> None:
    periodic = Periodic("once", 0.001, lambda: periodic.stop())
    periodic.start(asyncio.get_running_loop())
    await until(lambda: periodic.runs == 1)
    assert not periodic.running


async def test_what_fails_or_stops_is_seen_in_figures_and_advice(make_desk: Callable[..., Any]) -> None:
    desk = await make_desk()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: None)
    metrics = desk.manager.monitor.performance_metrics
    await until(lambda: len(metrics().tasks) == 4 and all(task.runs and task.running for task in metrics().tasks))
    assert {task.name for task in metrics().tasks} == {"observe", "metrics", "health", "cleanup"}
    assert all(task.failures == 0 for task in metrics().tasks)  # the one that is reading now among them
    assert desk.manager.monitor.issues() == ()

    def fail() -> None:
        raise RuntimeError("a bug")

    health = desk.manager._health_monitor_task
    health._action = fail
    desk.manager._cleanup_monitor_task.stop()
    await until(lambda: len(desk.manager.monitor.issues()) == 2)
    assert {issue.subject for issue in desk.manager.monitor.issues()} == {"health", "cleanup stopped"}
    assert {task.name for task in metrics().tasks if not task.running} == {"cleanup"}


async def hangs(event: object) -> None:
    """Take an event and never come back."""
    await asyncio.Event().wait()


def ignore(event: object) -> None:
    """Take an event and do nothing with it."""


def register_two_that_are_gone(manager: GlobalWebSocketManager) -> list[ComponentSubscription]:
    """Register one whose owner is dead, and one that never comes back from its first event."""
    return [
        manager.register_component("dead", SubscriptionSpec("ticker", "KRW-BTC"), ignore, alive=lambda: False),
        manager.register_component("hangs", SubscriptionSpec("orderbook", "KRW-BTC"), hangs),
    ]


async def test_the_look_of_each_second_only_reports_what_the_clean_up_task_will_remove(
    make_desk: Callable[..., Any],
) -> None:
    desk: Desk = await make_desk(cleanup_interval=3600.0, dead_component_timeout=0.2)
    handles = register_two_that_are_gone(desk.manager)
    await until(lambda: desk.diary.failures)
    assert [(name, str(error)) for name, error in desk.diary.failures] == [
        ("hangs", str(BackpressureError("hangs", "stopped consuming", dropped=0)))
    ]
    observing = desk.manager.wiring.observer.tasks[0]
    looks = observing.runs
    await until(lambda: observing.runs > looks + 2 * STALLED_EVERY)
    assert not any(handle.closed for handle in handles)
    assert desk.manager._cleanup_monitor_task.runs == 0
    assert await desk.manager.force_cleanup_dead_references() == 2
    assert all(handle.closed for handle in handles)


async def test_the_clean_up_task_removes_at_its_interval(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(cleanup_interval=0.3, dead_component_timeout=0.2)
    handles = register_two_that_are_gone(desk.manager)
    desk.manager.wiring.observer.tasks[0].stop()  # it is not the look of each second that does it
    await until(lambda: all(handle.closed for handle in handles))
    await until(lambda: not exchange.connections)


class HealthHeard(ManagerListener):
    def __init__(self) -> None:
        self.told: list[HealthStatus] = []

    def on_health(self, health: HealthStatus) -> None:
        self.told.append(health)


async def test_the_health_task_judges_by_what_is_true_now(make_desk: Callable[..., Any]) -> None:
    desk: Desk = await make_desk(health_interval=0.1)
    heard = HealthHeard()
    desk.manager.add_listener(heard)
    desk.manager.wiring.observer.tasks[0].stop()  # nothing else reads anything off
    handle = desk.manager.register_component("w", SubscriptionSpec("ticker", "KRW-BTC"), ignore)
    await handle.wait_served(30.0)
    await until(lambda: heard.told and heard.told[-1].connections[WebSocketType.PUBLIC].state == "connected")
    statistics = desk.manager.monitor.connection_metrics(WebSocketType.PUBLIC)
    assert statistics.live_subscriptions == 1


async def test_a_level_that_was_raised_by_hand_is_known_to_whoever_judges_independence(desk: Desk) -> None:
    independence = desk.manager.monitor.independence
    assert independence is not None
    before = independence.level
    desk.manager.wiring.raise_independence(IndependenceLevel.ISOLATED)
    assert (before, independence.level) == (IndependenceLevel.ENHANCED, IndependenceLevel.ISOLATED)
    desk.manager.wiring.raise_independence(IndependenceLevel.BASIC)
    assert independence.level is IndependenceLevel.ISOLATED
