"""What the monitor decides is put into force: things given up under load, lines moved to threads."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.monitoring import AdaptationPlan, Monitor
from upbit_ws_qt.monitoring.adaptive import AdaptationKind, AdaptiveTuning
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, Delivery, IndependenceLevel, Priority
from upbit_ws_qt.types import WebSocketType as Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.manager.conftest import Desk
    from upbit_ws_qt.events import TickerEvent
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.monitoring import AdaptationStep
    from upbit_ws_qt.monitoring.metrics import ComponentMetrics

MARKETS = ("KRW-BTC", "KRW-ETH")
ALL = AdaptationPlan(steps=tuple(AdaptationKind), frame_divisor=4)


def _compute(seconds: float) -> None:
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


def book(priority: Priority) -> SubscriptionSpec:
    return SubscriptionSpec(DataType.ORDERBOOK, MARKETS, priority=priority)


def depths(desk: Desk, component_id: str) -> set[int]:
    routes = [handle.routes for handle in desk.manager.wiring.components._handles[component_id]]
    return {route.spec.depth for by_spec in routes for route in by_spec.values()}


def wire_depths(exchange: EmbeddedExchange) -> set[int]:
    (view,) = (view for view in exchange.connections if view.endpoint == "public")
    return {entry["depth"] for entry in view.subscriptions if entry["type"] == "orderbook"}


async def test_books_get_shallow_on_the_wire_and_deep_again(exchange: EmbeddedExchange, desk: Desk) -> None:
    sizes: list[int] = []
    handle = desk.manager.register_component(
        "book", book(Priority.NORMAL), lambda event: sizes.append(len(event.orderbook_units))
    )
    await handle.wait_served(10)
    assert sizes[0] == 30
    desk.manager.wiring.adapt(ALL)
    await until(lambda: sizes[-1] == 5)
    await until(lambda: wire_depths(exchange) == {5})
    assert handle.specs == (book(Priority.NORMAL),)
    desk.manager.wiring.adapt(AdaptationPlan())
    await until(lambda: sizes[-1] == 30)


async def test_what_is_critical_is_never_touched(exchange: EmbeddedExchange, desk: Desk) -> None:
    sizes: list[int] = []
    handle = desk.manager.register_component(
        "must", book(Priority.CRITICAL), lambda event: sizes.append(len(event.orderbook_units))
    )
    other = desk.manager.register_component("may", book(Priority.LOW), lambda event: None)
    await handle.wait_served(10)
    desk.manager.wiring.adapt(ALL)
    assert depths(desk, "must") == {30}
    assert depths(desk, "may") == {5}
    count = len(sizes)
    await until(lambda: len(sizes) > count + 5)
    assert set(sizes) == {30}
    (route,) = other.routes.values()
    assert route.spec.delivery is Delivery.FRAME
    (route,) = handle.routes.values()
    assert route.spec.delivery is Delivery.EVERY


async def test_low_priority_is_served_by_the_frame_and_loses_no_count(exchange: EmbeddedExchange, desk: Desk) -> None:
    exchange.set_rate(2000)
    spec = SubscriptionSpec(DataType.TICKER, sorted(exchange.world.codes)[:20], priority=Priority.LOW)
    handle = desk.manager.register_component("low", spec, lambda event: None)
    await handle.wait_served(10)
    desk.manager.wiring.adapt(ALL)
    await until(lambda: desk.manager.wiring.routing.get_routing_statistics().conflated > 10)
    statistics = desk.manager.wiring.routing.get_routing_statistics()
    assert statistics.received == statistics.delivered + statistics.conflated + statistics.dropped + statistics.waiting
    assert statistics.dropped == 0


async def test_counters_go_on_when_something_is_given_up_and_taken_back(exchange: EmbeddedExchange, desk: Desk) -> None:
    exchange.set_rate(1000)
    seen: list[object] = []
    spec = SubscriptionSpec(DataType.TICKER, sorted(exchange.world.codes)[:20], priority=Priority.LOW)
    handle = desk.manager.register_component("low", spec, seen.append)
    await handle.wait_served(10)

    async def component() -> ComponentMetrics:
        return (await desk.manager.get_performance_metrics()).components[0]

    for plan in (ALL, AdaptationPlan(), ALL):
        count = len(seen)
        await until(lambda count=count: len(seen) > count + 20)  # type: ignore[misc]
        before = await component()
        desk.manager.wiring.adapt(plan)
        after = await component()
        assert after.received >= before.received > 0
        assert after.delivered == len(seen) >= before.delivered
        assert after.received == after.delivered + after.conflated + after.dropped + after.pending
    monitor = desk.manager.monitor  # its readings come every fraction of a second; rates are of what lies between
    await until(lambda: monitor.performance_metrics().components[0].messages_per_second > 0)
    handle.set_specs(SubscriptionSpec(DataType.TICKER, "KRW-BTC"))
    assert (await component()).delivered >= after.delivered


async def test_what_waits_for_a_coroutine_is_handed_out_when_something_is_given_up(
    desk: Desk,
) -> None:
    gate = asyncio.Event()
    seen: list[int] = []

    async def slow(event: TickerEvent) -> None:
        await gate.wait()
        seen.append(event.timestamp)

    handle = desk.manager.register_component(
        "slow", SubscriptionSpec(DataType.TICKER, "KRW-BTC", priority=Priority.LOW), slow
    )
    (route,) = handle.routes.values()
    await until(lambda: route.waiting > 5)
    waiting = route.waiting
    desk.manager.wiring.adapt(ALL)
    desk.manager.wiring.adapt(AdaptationPlan())
    assert tuple(handle.routes.values()) == (route,)
    assert (route.waiting >= waiting, route.dropped) == (True, 0)
    gate.set()
    await until(lambda: len(seen) > waiting)
    assert seen == sorted(seen)
    assert route.dropped == 0


async def test_what_is_put_aside_stays_so_when_it_is_served_otherwise(exchange: EmbeddedExchange, desk: Desk) -> None:
    exchange.set_rate(1000)
    spec = SubscriptionSpec(DataType.TICKER, sorted(exchange.world.codes)[:20], priority=Priority.LOW)
    handle = desk.manager.register_component("broken", spec, lambda event: 1 / 0)
    await until(lambda: desk.manager.wiring.routing.get_routing_statistics().quarantined == ("broken",))
    desk.manager.wiring.adapt(ALL)
    handle.set_specs(SubscriptionSpec(DataType.TICKER, "KRW-BTC"))
    assert desk.manager.wiring.routing.get_routing_statistics().quarantined == ("broken",)
    assert desk.manager.resume("broken")


async def test_a_load_is_answered_step_by_step_told_and_undone(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(metrics_interval=0.1)
    steps: list[AdaptationStep] = []
    desk.diary.on_adapted = lambda step: steps.append(step)  # type: ignore[method-assign]
    tuning = AdaptiveTuning(lag_limit=0.005, step_after=0.2, ease_after=60.0)
    desk.manager.wiring.observer.monitor = Monitor(desk.manager.config, adaptive_tuning=tuning)
    exchange.set_rate(1000)
    handle = desk.manager.register_component(
        "slow",
        [book(Priority.LOW), SubscriptionSpec(DataType.TICKER, sorted(exchange.world.codes)[:20])],
        lambda event: _compute(0.01),
    )
    await until(lambda: len(steps) >= 2)
    assert [step.kind for step in steps[:2]] == [AdaptationKind.LOW_BY_FRAME, AdaptationKind.BOOK_DEPTH_15]
    assert {route.spec.delivery for route in handle.routes.values()} == {Delivery.FRAME, Delivery.EVERY}
    handle.close()
    count = len(desk.manager.monitor.adaptive.plan.steps) if desk.manager.monitor.adaptive else 0
    assert desk.manager.wiring.observer.undo_adaptation()
    assert desk.manager.monitor.adaptive is not None
    assert len(desk.manager.monitor.adaptive.plan.steps) == count - 1
    await until(lambda: steps[-1].by_hand)


async def test_a_critical_frame_consumer_is_shown_every_frame(exchange: EmbeddedExchange, desk: Desk) -> None:
    exchange.set_rate(3000)
    counts = {Priority.CRITICAL: 0, Priority.NORMAL: 0}

    def counter(priority: Priority) -> Callable[[object], None]:
        def count(event: object) -> None:
            counts[priority] += 1

        return count

    desk.manager.wiring.adapt(AdaptationPlan(steps=(), frame_divisor=4))
    for priority in counts:
        spec = SubscriptionSpec(DataType.TICKER, "KRW-BTC", priority=priority, delivery=Delivery.FRAME)
        desk.manager.register_component(priority.name, spec, counter(priority))
    await until(lambda: counts[Priority.CRITICAL] > 40)
    assert counts[Priority.NORMAL] < 0.6 * counts[Priority.CRITICAL]


@pytest.mark.real_time
async def test_lines_move_to_threads_without_a_hole(exchange: EmbeddedExchange, desk: Desk) -> None:
    handle = desk.manager.register_component("all", SubscriptionSpec(DataType.TRADE, MARKETS), lambda event: None)
    await handle.wait_served(10)
    desk.manager.wiring.raise_independence(IndependenceLevel.ISOLATED)
    await until(lambda: desk.manager.get_current_epoch(Line.PUBLIC) == 2)
    assert desk.manager.connection_state(Line.PUBLIC) is ConnectionState.CONNECTED
    assert ConnectionState.RECONNECTING not in desk.diary.path(Line.PUBLIC)
    await until(lambda: desk.diary.gaps)
    assert desk.diary.gaps[0].down_seconds == 0
    assert "upbit-public" in {thread.name for thread in threading.enumerate()}
    assert desk.manager.wiring.drain.level is IndependenceLevel.ISOLATED
    frames = desk.manager.wiring.endpoints[Line.PUBLIC].connection.figures().carried.frames
    await until(lambda: desk.manager.wiring.endpoints[Line.PUBLIC].connection.figures().carried.frames > frames + 10)
    await desk.manager.stop()
    assert "upbit-public" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.real_time
async def test_an_isolated_manager_begins_on_threads(make_desk: Callable[..., Any]) -> None:
    desk: Desk = await make_desk(independence_level=IndependenceLevel.ISOLATED)
    handle = desk.manager.register_component("all", SubscriptionSpec(DataType.TICKER, MARKETS), lambda event: None)
    await handle.wait_served(10)
    assert "upbit-public" in {thread.name for thread in threading.enumerate()}
    await desk.manager.stop()
    assert "upbit-public" not in {thread.name for thread in threading.enumerate()}
