"""How events wait: for the display frame, their pace, a coroutine, for room; and what becomes of those who stop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.routing.rig import Listener, engine_rig, in_loop, no_time_passes, raw
from tests.waiting import until
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, Delivery

BTC = SubscriptionSpec("ticker", "KRW-BTC")
PAIR = ("KRW-BTC", "KRW-ETH")


def rules(strategy: BackpressureStrategy, **settings: Any) -> BackpressureConfig:
    return BackpressureConfig(strategy, **settings)


# -- display frames ---------------------------------------------------------------------------------------------------


async def test_a_display_frame_carries_the_newest_per_symbol() -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        pending: list[int] = []
        rig.engine.on_frame_pending = lambda: pending.append(rig.engine.frames_pending)
        shown = Listener()
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", PAIR, delivery=Delivery.FRAME), shown)
        await rig.feed(raw(timestamp=1), raw(code="KRW-ETH", timestamp=2), raw(timestamp=3), raw(timestamp=4))
        assert not shown.events
        assert len(pending) == 1  # asked once for a frame
        assert await in_loop(rig.engine.flush_frames) == 1
        assert [(event.code, event.timestamp) for event in shown.events] == [("KRW-BTC", 4), ("KRW-ETH", 2)]
        assert await in_loop(rig.engine.flush_frames) == 0
        asked = len(pending)
        await rig.feed(raw(timestamp=5))
        assert len(pending) == asked + 1
        # What nobody will see is not even decoded.
        statistics = rig.engine.get_routing_statistics()
        assert (statistics.frames, statistics.superseded, statistics.held) == (5, 2, 1)
        assert (route.received, route.delivered, route.conflated, route.waiting) == (4, 2, 2, 0)


async def test_events_for_display_frames_are_conflated_where_somebody_else_wants_each() -> None:
    async with engine_rig(computer=no_time_passes()) as rig:
        shown, every = Listener(), Listener()
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", PAIR, delivery=Delivery.FRAME), shown)
        rig.engine.register_route("d", SubscriptionSpec("ticker", PAIR), every)
        await rig.feed(raw(timestamp=1), raw(code="KRW-ETH", timestamp=2), raw(timestamp=3), raw(timestamp=4))
        assert len(every.events) == 4
        assert await in_loop(rig.engine.flush_frames) == 1
        assert [(event.code, event.timestamp) for event in shown.events] == [("KRW-BTC", 4), ("KRW-ETH", 2)]
        assert (route.received, route.delivered, route.conflated, route.waiting) == (4, 2, 2, 0)


async def test_a_history_misses_nothing_for_the_sake_of_display_frames() -> None:
    async with engine_rig(history_length=10) as rig:
        shown = Listener()
        rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC", delivery=Delivery.FRAME), shown)
        await rig.feed(raw(timestamp=1), raw(timestamp=2), raw(timestamp=3))
        assert await in_loop(rig.engine.flush_frames) == 1
        statistics = rig.engine.get_routing_statistics()
        assert (statistics.events, statistics.superseded) == (3, 0)


async def test_one_that_leaves_before_the_frame_is_not_called() -> None:
    async with engine_rig() as rig:
        shown = Listener()
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", PAIR, delivery=Delivery.FRAME), shown)
        await rig.feed(raw(timestamp=1))
        route.close()
        assert await in_loop(rig.engine.flush_frames) == 0
        assert not shown.events
        assert route.received == route.dropped


async def test_many_consumers_of_one_frame_are_served_in_several_turns() -> None:
    async with engine_rig(drain_budget=0.0005) as rig:
        listeners = [Listener() for _ in range(600)]
        for number, listener in enumerate(listeners):
            spec = SubscriptionSpec("ticker", "KRW-BTC", delivery=Delivery.FRAME)
            rig.engine.register_route(str(number), spec, listener)
        await rig.feed(raw(timestamp=1))
        first = await in_loop(rig.engine.flush_frames)
        await until(lambda: rig.engine.frames_pending == 0)
        assert all(listener.timestamps == [1] for listener in listeners)
        assert first <= 600


async def test_orders_by_display_frame_lose_no_order() -> None:
    async with engine_rig() as rig:
        shown = Listener()
        rig.engine.register_route("c", SubscriptionSpec("myOrder", delivery=Delivery.FRAME), shown)
        await rig.feed(raw("myOrder", timestamp=1, uuid="a"), raw("myOrder", timestamp=2, uuid="b"))
        await in_loop(rig.engine.flush_frames)
        assert shown.timestamps == [1, 2]


# -- pace -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True])
async def test_throttle_hands_out_the_newest_at_its_rate(is_async: bool) -> None:
    async with engine_rig() as rig:
        listener = Listener()

        async def later(event: Any) -> None:
            listener(event)

        slow = rules(BackpressureStrategy.THROTTLE, max_rate=50.0)
        spec = SubscriptionSpec("ticker", PAIR, backpressure=slow)
        route = rig.engine.register_route("c", spec, later if is_async else listener)
        began = rig.loop.time()
        await rig.feed(*(raw(code=code, timestamp=at) for at in range(10) for code in PAIR))
        await until(lambda: route.waiting == 0)
        await until(lambda: len(listener.events) == route.delivered)
        took = rig.loop.time() - began
        assert {event.code: event.timestamp for event in listener.events} == {"KRW-BTC": 9, "KRW-ETH": 9}
        assert route.received == route.delivered + route.conflated == 20
        assert len(listener.events) <= 2 * (1 + took * 50.0) + 1e-6


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_throttled_symbol_keeps_no_other_waiting(is_async: bool) -> None:
    async with engine_rig() as rig:
        listener = Listener()

        async def later(event: Any) -> None:
            listener(event)

        slow = rules(BackpressureStrategy.THROTTLE, max_rate=0.01)
        spec = SubscriptionSpec("ticker", PAIR, backpressure=slow)
        route = rig.engine.register_route("c", spec, later if is_async else listener)
        await rig.feed(raw(timestamp=1))
        await until(lambda: listener.timestamps == [1])
        await rig.feed(raw(timestamp=2), raw(timestamp=3))
        await rig.settle()
        await rig.feed(raw(code="KRW-ETH", timestamp=1))
        await until(lambda: [event.code for event in listener.events] == list(PAIR))
        assert (route.received, route.delivered, route.conflated, route.waiting) == (4, 2, 1, 1)


# -- coroutines -------------------------------------------------------------------------------------------------------


async def test_a_coroutine_never_holds_the_drain_and_gets_everything_in_order() -> None:
    async with engine_rig() as rig:
        gate = asyncio.Event()
        slow, quick = Listener(), Listener()

        async def waits(event: Any) -> None:
            await gate.wait()
            slow(event)

        route = rig.engine.register_route("slow", BTC, waits)
        rig.engine.register_route("quick", BTC, quick)
        await rig.feed(*(raw(timestamp=at) for at in range(50)))
        assert quick.timestamps == list(range(50))
        assert not slow.events
        gate.set()
        await until(lambda: len(slow.events) == 50)
        assert slow.timestamps == list(range(50))
        assert (route.received, route.delivered, route.waiting) == (50, 50, 0)


async def test_a_coroutine_that_never_waits_leaves_the_loop_to_others() -> None:
    async with engine_rig(drain_budget=0.001) as rig:
        seen: list[int] = []
        others = 0

        async def busy(event: Any) -> None:
            seen.append(event.timestamp)
            sum(range(5000))

        rig.engine.register_route("busy", BTC, busy)
        await rig.feed(*(raw(timestamp=at) for at in range(200)))
        while len(seen) < 200:
            others += 1
            await asyncio.sleep(0)
        assert others > 3
        assert seen == list(range(200))


async def test_a_full_queue_loses_the_oldest_and_says_so_once() -> None:
    async with engine_rig() as rig:
        gate, listener = asyncio.Event(), Listener()

        async def waits(event: Any) -> None:
            await gate.wait()
            listener(event)

        small = rules(BackpressureStrategy.DROP_OLDEST, max_queue_size=10)
        route = rig.engine.register_route("c", SubscriptionSpec("trade", "KRW-BTC", backpressure=small), waits)
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in range(30)))
        gate.set()
        await until(lambda: route.waiting == 0 and len(listener.events) == route.delivered)
        assert listener.timestamps[-10:] == list(range(20, 30))
        assert route.received == 30 == route.delivered + route.dropped
        errors = [error for _, error in rig.failed if isinstance(error, BackpressureError)]
        assert [error.reason for error in errors] == ["queue full"]
        figures = rig.engine.get_routing_statistics()
        assert figures.warnings == 1
        assert figures.routes[0].high_water == 10


async def test_a_failing_coroutine_is_guarded_like_any_callback() -> None:
    async with engine_rig(quarantine_after=3) as rig:

        async def bad(event: Any) -> None:
            if event.timestamp == 1:
                raise asyncio.CancelledError  # a user's mistake, not the end of the worker
            raise ValueError("no good")

        rig.engine.register_route("bad", BTC, bad)
        await rig.feed(*(raw(timestamp=at) for at in range(5)))
        await until(lambda: rig.engine.quarantine_of("bad") is not None)
        await rig.settle()
        assert [type(error) for _, error in rig.failed] == [ValueError, RuntimeError, ValueError, BackpressureError]
        (figures,) = rig.engine.get_routing_statistics().routes
        assert (figures.delivered, figures.dropped, figures.waiting) == (3, 2, 0)


async def test_closing_ends_the_worker_in_the_middle_of_a_callback() -> None:
    async with engine_rig() as rig:
        states: list[str] = []

        async def waits(event: Any) -> None:
            states.append("begun")
            try:
                await asyncio.Event().wait()
            finally:
                states.append("ended")

        route = rig.engine.register_route("c", BTC, waits)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        await until(lambda: states)
        route.close()
        await until(lambda: len(states) == 2)
        assert (route.received, route.delivered, route.dropped) == (2, 1, 1)
        await until(lambda: not rig.engine._dispatcher.workers)


async def test_a_coroutine_may_close_its_own_route_and_finish() -> None:
    async with engine_rig() as rig:
        finished: list[int] = []

        async def leaves(event: Any) -> None:
            route.close()
            await asyncio.sleep(0)
            finished.append(event.timestamp)

        route = rig.engine.register_route("c", BTC, leaves)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        await until(lambda: finished)
        await until(lambda: not rig.engine._dispatcher.workers)
        assert finished == [1]


async def test_stop_waits_for_the_workers() -> None:
    async with engine_rig() as rig:
        cleaned: list[int] = []

        async def waits(event: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                cleaned.append(event.timestamp)

        rig.engine.register_route("c", BTC, waits)
        await rig.feed(raw(timestamp=1))
        await rig.settle()
        await rig.engine.stop()
        assert cleaned == [1]


# -- room -------------------------------------------------------------------------------------------------------------


async def test_block_loses_nothing_while_the_deadline_lasts() -> None:
    async with engine_rig() as rig:
        gate, listener = asyncio.Event(), Listener()

        async def waits(event: Any) -> None:
            await gate.wait()
            listener(event)

        strict = rules(BackpressureStrategy.BLOCK, max_queue_size=5, deadline=5.0)
        spec = SubscriptionSpec("trade", "KRW-BTC", backpressure=strict)
        route = rig.engine.register_route("c", spec, waits)
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in range(40)))
        gate.set()
        await until(lambda: len(listener.events) == 40)
        assert listener.timestamps == list(range(40))
        assert route.dropped == 0
        assert not rig.failed


async def test_block_beyond_the_deadline_fails_the_component_and_nobody_else() -> None:
    async with engine_rig() as rig:
        quick = Listener()

        async def waits(event: Any) -> None:
            await asyncio.Event().wait()

        strict = rules(BackpressureStrategy.BLOCK, max_queue_size=5, deadline=0.05)
        spec = SubscriptionSpec("trade", "KRW-BTC", backpressure=strict)
        route = rig.engine.register_route("stuck", spec, waits)
        rig.engine.register_route("quick", SubscriptionSpec("trade", "KRW-BTC"), quick)
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in range(40)))
        await until(lambda: rig.failed)
        (component_id, error) = rig.failed[0]
        assert (component_id, str(getattr(error, "reason", ""))) == ("stuck", "deadline")
        assert len(quick.events) == 40
        assert route.received == route.delivered + route.dropped == 40


async def test_coalescing_hands_out_the_newest_per_symbol_when_its_turn_comes() -> None:
    async with engine_rig() as rig:
        gate, listener = asyncio.Event(), Listener()

        async def waits(event: Any) -> None:
            await gate.wait()
            listener(event)

        newest = rules(BackpressureStrategy.COALESCE_BY_SYMBOL)
        spec = SubscriptionSpec("ticker", PAIR, backpressure=newest)
        route = rig.engine.register_route("c", spec, waits)
        await rig.feed(*(raw(code=code, timestamp=at) for at in range(20) for code in PAIR))
        gate.set()
        await until(lambda: route.waiting == 0 and len(listener.events) == route.delivered)
        assert {event.code: event.timestamp for event in listener.events} == {"KRW-BTC": 19, "KRW-ETH": 19}
        assert route.received == 40 == route.delivered + route.conflated


# -- those who stop ---------------------------------------------------------------------------------------------------


async def test_a_component_that_stops_consuming_is_found_and_later_removed() -> None:
    async with engine_rig(dead_component_timeout=60.0) as rig:

        async def hangs(event: Any) -> None:
            await asyncio.Event().wait()

        rig.engine.register_route("hangs", BTC, hangs)
        rig.engine.register_route("idle", SubscriptionSpec("ticker", "KRW-ETH"), Listener())
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        await rig.settle()
        now = rig.loop.time()
        assert rig.engine.report_stalled(now) == ()
        assert rig.engine.report_stalled(now + 9.0) == ("hangs",)
        assert rig.engine.report_stalled(now + 10.0) == ("hangs",)
        await rig.settle()
        assert [(name, getattr(error, "reason", None)) for name, error in rig.failed] == [
            ("hangs", "stopped consuming")
        ]
        assert rig.engine.sweep(now + 61.0).removed == ("hangs",)
        assert {one.component_id for one in rig.engine.get_routing_statistics().routes} == {"idle"}
        await until(lambda: not rig.engine._dispatcher.workers)


async def test_one_that_waits_for_its_only_event_has_not_stopped() -> None:
    async with engine_rig() as rig:
        gate = asyncio.Event()

        async def waits(event: Any) -> None:
            await gate.wait()

        rig.engine.register_route("waits", BTC, waits)
        await rig.feed(raw(timestamp=1))
        await rig.settle()
        assert rig.engine.report_stalled(rig.loop.time() + 1000.0) == ()
        gate.set()


async def test_the_sweep_removes_whose_owner_died_unnoticed() -> None:
    def raises() -> bool:
        raise RuntimeError("wrapped C/C++ object of type QWidget has been deleted")

    async with engine_rig() as rig:
        for name, alive in (("alive", lambda: True), ("dead", lambda: False), ("deleted", raises)):
            rig.engine.register_route(name, BTC, Listener(), alive=alive)
        rig.engine.register_route("dead", SubscriptionSpec("trade", "KRW-BTC"), Listener())
        assert rig.engine.sweep(rig.loop.time()).dead == ("dead", "deleted")
        assert [one.component_id for one in rig.engine.get_routing_statistics().routes] == ["alive"]
        assert rig.engine.sweep(rig.loop.time()).dead == ()
