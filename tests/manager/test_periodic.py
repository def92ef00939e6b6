"""Periodic calls survive their own errors and are visible when they stop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from tests.waiting import until
from upbit_ws_qt.manager.periodic import Periodic

if TYPE_CHECKING:
    from collections.abc import Callable


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
