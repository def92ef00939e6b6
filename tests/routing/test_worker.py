"""Coroutine callbacks: each is charged with the time in which it runs, and with nobody else's."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from types import coroutine
from typing import TYPE_CHECKING, Any

import pytest

from tests.routing.rig import Listener, engine_rig, raw
from tests.waiting import until
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from tests.routing.rig import Rig
    from upbit_ws_qt.routing.statistics import RouteStats

BTC = SubscriptionSpec("ticker", "KRW-BTC")


def stats_of(rig: Rig, component_id: str) -> RouteStats:
    """Return the figures of a component's one route."""
    (found,) = (one for one in rig.engine.get_routing_statistics().routes if one.component_id == component_id)
    return found


# -- whose time it is -------------------------------------------------------------------------------------------------


async def test_only_the_one_that_blocks_is_charged_and_put_aside() -> None:
    async with engine_rig(slow_callback=0.1, quarantine_after=3) as rig:
        seen: list[int] = []

        async def blocks(event: Any) -> None:
            await asyncio.sleep(0)
            time.sleep(0.2)  # noqa: ASYNC251 - the misdeed in question

        async def awaits(event: Any) -> None:
            for _ in range(20):  # some of these end in a turn that the other one held up
                await asyncio.sleep(0.01)
            seen.append(event.timestamp)

        rig.engine.register_route("blocks", BTC, blocks)
        rig.engine.register_route("innocent", BTC, awaits)
        await rig.feed(*(raw(timestamp=at) for at in range(3)))
        await until(lambda: len(seen) == 3)
        reason = rig.engine.quarantine_of("blocks")
        assert reason is not None
        assert reason.reason == "blocking"
        assert rig.engine.quarantine_of("innocent") is None
        guilty, innocent = stats_of(rig, "blocks"), stats_of(rig, "innocent")
        assert (guilty.slow_calls, innocent.slow_calls) == (3, 0)
        assert guilty.longest >= 0.2
        assert guilty.busy_time >= 0.6
        assert innocent.longest < 0.2  # each call lasted for longer than that, most of it waiting
        assert [name for name, _ in rig.failed] == ["blocks"]


async def test_a_plain_callback_that_blocks_is_not_charged_to_a_coroutine_that_waits() -> None:
    async with engine_rig(slow_callback=0.05, quarantine_after=1) as rig:
        began, gate, done = asyncio.Event(), asyncio.Event(), Listener()

        async def awaits(event: Any) -> None:
            began.set()
            await gate.wait()
            done(event)

        def blocks(event: Any) -> None:
            time.sleep(0.1)
            gate.set()

        rig.engine.register_route("innocent", BTC, awaits)
        rig.engine.register_route("blocks", SubscriptionSpec("trade", "KRW-BTC"), blocks)
        await rig.feed(raw(timestamp=1))
        await began.wait()
        await rig.feed(raw("trade", timestamp=1))
        await until(lambda: done.events)
        assert rig.engine.quarantine_of("blocks") is not None
        assert rig.engine.quarantine_of("innocent") is None


async def test_the_steps_of_one_call_are_added_up() -> None:
    async with engine_rig(slow_callback=1.0) as rig:
        done = Listener()

        async def in_three_steps(event: Any) -> None:
            for _ in range(3):
                time.sleep(0.01)  # noqa: ASYNC251 - work
                await asyncio.sleep(0.02)
            done(event)

        rig.engine.register_route("c", BTC, in_three_steps)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        await until(lambda: len(done.events) == 2)
        figures = stats_of(rig, "c")
        assert figures.busy_time >= 0.06
        assert figures.longest >= 0.03
        assert figures.times.count == 2
        assert figures.slow_calls == 0


async def test_anything_that_can_be_awaited_may_be_awaited_in_a_callback() -> None:
    @coroutine
    def old_style() -> Generator[Any, Any, str]:
        yield from asyncio.sleep(0).__await__()
        return "old style"

    async def answer() -> str:
        return "task"

    async def fails() -> None:
        raise LookupError

    async with engine_rig() as rig:
        got: list[object] = []

        async def awaits(event: Any) -> None:
            got.append(await old_style())
            got.append(await asyncio.create_task(answer()))
            got.extend(await asyncio.gather(answer(), answer()))
            with pytest.raises(LookupError):
                await asyncio.create_task(fails())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await asyncio.Event().wait()
            got.append("end")

        rig.engine.register_route("c", BTC, awaits)
        await rig.feed(raw())
        await until(lambda: "end" in got or rig.failed)
        assert got == ["old style", "task", "task", "task", "end"]
        assert not rig.failed


# -- one that raises or is cancelled ----------------------------------------------------------------------------------


async def test_one_that_raises_after_it_waited_is_counted_and_served_on() -> None:
    async with engine_rig(quarantine_after=10) as rig:
        done = Listener()

        async def bad(event: Any) -> None:
            await asyncio.sleep(0.001)
            if event.timestamp == 1:
                raise ValueError("after a while")
            done(event)

        rig.engine.register_route("bad", BTC, bad)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        await until(lambda: done.events)
        assert [(name, str(error)) for name, error in rig.failed] == [("bad", "after a while")]
        figures = stats_of(rig, "bad")
        assert (figures.failures, figures.delivered, figures.waiting) == (1, 2, 0)


async def test_what_it_waits_for_is_cancelled() -> None:
    async with engine_rig(quarantine_after=10) as rig:
        done = Listener()
        waits_for: list[asyncio.Future[None]] = []

        async def waits(event: Any) -> None:
            if event.timestamp == 1:
                waits_for.append(asyncio.get_running_loop().create_future())
                await waits_for[0]
            done(event)

        rig.engine.register_route("c", BTC, waits)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        await until(lambda: waits_for)
        waits_for[0].cancel()
        await until(lambda: done.timestamps == [2])
        await rig.settle()
        assert [(name, type(error)) for name, error in rig.failed] == [("c", RuntimeError)]


async def test_one_that_cancels_its_own_task_is_told_and_gets_the_next_event() -> None:
    async with engine_rig(quarantine_after=10) as rig:
        done = Listener()

        async def cancels_itself(event: Any) -> None:
            if event.timestamp == 1:
                me = asyncio.current_task()
                assert me is not None
                me.cancel()
                await asyncio.sleep(0)
            done(event)

        route = rig.engine.register_route("c", BTC, cancels_itself)
        await rig.feed(raw(timestamp=1))
        await until(lambda: not rig.engine._dispatcher.workers)
        await rig.feed(raw(timestamp=2))
        await until(lambda: done.timestamps == [2])
        assert [(name, type(error)) for name, error in rig.failed] == [("c", RuntimeError)]
        assert (route.received, route.delivered) == (2, 2)


@pytest.mark.parametrize("how", ["close", "raise"])
async def test_neither_a_cancelled_nor_a_failed_call_keeps_its_owner_in_a_cycle(how: str) -> None:
    class Owner:
        def __init__(self) -> None:
            self.began = False
            self.gate = asyncio.Event()

        async def on_event(self, event: Any) -> None:
            self.began = True
            await self.gate.wait()
            raise LookupError

    async def owner_that_ended(rig: Rig) -> weakref.ref[Owner]:
        owner = Owner()
        route = rig.engine.register_route("c", BTC, owner.on_event)
        await rig.feed(raw())
        await until(lambda: owner.began)
        if how == "raise":
            owner.gate.set()
            await until(lambda: rig.failed)
            rig.failed.clear()
        route.close()
        await until(lambda: not rig.engine._dispatcher.workers)
        return weakref.ref(owner)

    gc.disable()
    try:
        async with engine_rig() as rig:
            asyncio.get_running_loop().set_debug(False)  # it keeps tracebacks
            found = await owner_that_ended(rig)
            await rig.settle()
            assert found() is None
    finally:
        gc.enable()


# -- one that never ends ----------------------------------------------------------------------------------------------


async def test_one_that_never_ends_is_bounded_reported_and_removed() -> None:
    now = 100.0
    async with engine_rig(dead_component_timeout=60.0) as rig:
        rig.engine._dispatcher.clock = lambda: now
        ended = asyncio.Event()
        others = Listener()

        async def never_ends(event: Any) -> None:
            try:
                while True:
                    await asyncio.sleep(0.005)
            finally:
                ended.set()

        room_for_five = BackpressureConfig(BackpressureStrategy.DROP_OLDEST, max_queue_size=5)
        spec = SubscriptionSpec("trade", "KRW-BTC", backpressure=room_for_five)
        route = rig.engine.register_route("stuck", spec, never_ends)
        rig.engine.register_route("others", SubscriptionSpec("trade", "KRW-BTC"), others)
        await rig.feed(raw("trade", timestamp=0, sequential_id=0))
        await until(lambda: route.delivered == 1)
        assert rig.engine.report_stalled(now + 3600.0) == ()  # it takes its time, and nothing waits for it
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in range(1, 21)))
        assert (route.received, route.delivered, route.waiting, route.dropped) == (21, 1, 5, 15)
        assert rig.engine.report_stalled(now + 4.0) == ()
        assert rig.engine.report_stalled(now + 9.0) == ("stuck",)  # asked every 5 s: within 10 s
        assert rig.engine.report_stalled(now + 10.0) == ("stuck",)
        await rig.settle()
        reasons = [error.reason for _, error in rig.failed if isinstance(error, BackpressureError)]
        assert sorted(reasons) == ["queue full", "stopped consuming"]
        assert rig.engine.sweep(now + 61.0).removed == ("stuck",)
        await until(ended.is_set)
        await until(lambda: not rig.engine._dispatcher.workers)
        assert route.received == route.delivered + route.conflated + route.dropped
        assert len(others.events) == 21


def _gives_in() -> Awaitable[None]:
    return asyncio.sleep(0)


async def _clings() -> None:
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        await asyncio.sleep(0)


@pytest.mark.parametrize("pause", [_gives_in, _clings])
async def test_one_that_never_ends_and_blocks_is_put_aside_and_ended(pause: Callable[[], Awaitable[None]]) -> None:
    async with engine_rig(slow_callback=0.02, quarantine_after=2) as rig:
        steps: list[int] = []
        done = Listener()

        async def blocks_for_ever(event: Any) -> None:
            while event.timestamp == 1 and len(steps) < 6:
                steps.append(event.timestamp)
                time.sleep(0.03)  # noqa: ASYNC251 - the misdeed in question
                await pause()
            done(event)

        rig.engine.register_route("c", BTC, blocks_for_ever)
        await rig.feed(raw(timestamp=1))
        await until(lambda: rig.engine.quarantine_of("c") is not None)
        if pause is _gives_in:
            await rig.settle()
            assert len(steps) == 2  # it was ended where it waited
        else:
            await until(lambda: done.timestamps == [1])  # one that will not be cancelled keeps nobody from the rest
        await rig.settle()
        assert [(name, type(error)) for name, error in rig.failed] == [("c", BackpressureError)]
        done.events.clear()
        assert rig.engine.resume("c")
        await rig.feed(raw(timestamp=2))
        await until(lambda: done.timestamps == [2])


async def test_a_call_in_flight_goes_on_when_its_component_is_put_aside_for_something_else() -> None:
    async with engine_rig(quarantine_after=1) as rig:
        gate, done = asyncio.Event(), Listener()

        async def saves(event: Any) -> None:
            await gate.wait()
            done(event)

        rig.engine.register_route("c", BTC, saves)
        rig.engine.register_route("c", SubscriptionSpec("trade", "KRW-BTC"), lambda event: 1 / 0)
        await rig.feed(raw(timestamp=1))
        await rig.feed(raw("trade", timestamp=1))
        assert rig.engine.quarantine_of("c") is not None
        gate.set()
        await until(lambda: done.timestamps == [1])
