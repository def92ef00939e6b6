"""A callback that raises, blocks, opens a dialog, leaves or kills its neighbour: everybody else gets everything."""

from __future__ import annotations

import asyncio
import logging
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QObject, pyqtSignal

from tests.routing.rig import Listener, StoppedWatch, engine_rig, in_loop, raw
from tests.waiting import until
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy

if TYPE_CHECKING:
    from upbit_ws_qt.routing import Route

BTC = SubscriptionSpec("ticker", "KRW-BTC")


class Emitter(QObject):
    received = pyqtSignal(object)


async def test_every_style_of_callback_is_called() -> None:
    async with engine_rig() as rig:
        got: list[str] = []

        def function(event: Any) -> None:
            got.append("function")

        def more(name: str, event: Any) -> None:
            got.append(name)

        async def coroutine(event: Any) -> None:
            got.append("coroutine")

        async def coroutine_more(name: str, event: Any) -> None:
            got.append(name)

        class Owner:
            def method(self, event: Any) -> None:
                got.append("method")

            async def __call__(self, event: Any) -> None:
                got.append("object")

        emitter = Emitter()
        emitter.received.connect(lambda event: got.append("signal"))
        styles: dict[str, Any] = {
            "function": function,
            "method": Owner().method,
            "coroutine": coroutine,
            "partial": partial(more, "partial"),
            "partial of coroutine": partial(coroutine_more, "partial of coroutine"),
            "object": Owner(),
            "signal": emitter.received.emit,
        }
        for name, callback in styles.items():
            rig.engine.register_route(name, BTC, callback)
        await rig.feed(raw())
        await until(lambda: len(got) == len(styles))
        assert sorted(got) == sorted(styles)
        assert not rig.failed


async def test_a_callback_that_raises_is_counted_reported_and_harms_nobody() -> None:
    async with engine_rig() as rig:
        before, after = Listener(), Listener()

        def bad(event: Any) -> None:
            raise ValueError("no good")

        rig.engine.register_route("before", BTC, before)
        rig.engine.register_route("bad", BTC, bad)
        rig.engine.register_route("after", BTC, after)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        await rig.settle()
        assert before.timestamps == after.timestamps == [1, 2]
        assert [(name, str(error)) for name, error in rig.failed] == [("bad", "no good")] * 2
        figures = {one.component_id: one for one in rig.engine.get_routing_statistics().routes}
        assert (figures["bad"].failures, figures["bad"].delivered) == (2, 2)


async def test_one_that_raises_what_cannot_be_said_or_caught_harms_nobody() -> None:
    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise LookupError

    def raises(event: Any) -> None:
        raise UnspeakableError

    def asks_a_cancelled_future(event: Any) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.cancel()
        future.result()

    async with engine_rig() as rig:
        after = Listener()
        rig.engine.register_route("unspeakable", BTC, raises)
        rig.engine.register_route("cancelled", BTC, asks_a_cancelled_future)
        rig.engine.register_route("after", BTC, after)
        await rig.feed(raw(timestamp=1))
        await rig.settle()
        assert after.timestamps == [1]
        assert [(name, type(error)) for name, error in rig.failed] == [
            ("unspeakable", UnspeakableError),
            ("cancelled", RuntimeError),
        ]


async def test_one_place_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def bad(event: Any) -> None:
        if event.timestamp < 4:
            raise ValueError(event.timestamp)
        raise KeyError(event.timestamp)

    async with engine_rig() as rig:
        rig.engine.register_route("bad", BTC, bad)
        with caplog.at_level(logging.ERROR):
            await rig.feed(*(raw(timestamp=at) for at in range(7)))
    assert len(caplog.records) == 2


async def test_repeated_failure_puts_the_component_aside_until_resumed() -> None:
    async with engine_rig(quarantine_after=3) as rig:
        healthy, given = Listener(), Listener()
        is_bad = True

        def sometimes(event: Any) -> None:
            given(event)
            if is_bad:
                raise ValueError

        rig.engine.register_route("healthy", BTC, healthy)
        rig.engine.register_route("bad", BTC, sometimes)
        other = rig.engine.register_route("bad", SubscriptionSpec("trade", "KRW-BTC"), Listener())
        await rig.feed(*(raw(timestamp=at) for at in range(5)), raw("trade", timestamp=1))
        await rig.settle()
        assert given.timestamps == [0, 1, 2]
        assert healthy.timestamps == [0, 1, 2, 3, 4]
        reason = rig.failed[-1][1]
        assert isinstance(reason, BackpressureError)
        assert (reason.component_id, reason.reason) == ("bad", "failing")
        assert rig.engine.quarantine_of("bad") is reason
        assert (other.received, other.dropped) == (1, 1)
        figures = rig.engine.get_routing_statistics()
        assert figures.quarantined == ("bad",)
        late = rig.engine.register_route("bad", BTC, given)
        is_bad = False
        assert rig.engine.resume("bad")
        assert not rig.engine.resume("bad")
        await rig.feed(raw(timestamp=9))
        assert given.timestamps == [0, 1, 2, 9, 9]
        assert (late.received, late.delivered) == (1, 1)
        for route in rig.engine.get_routing_statistics().routes:
            assert route.received == route.delivered + route.conflated + route.dropped


async def test_failures_far_apart_are_forgiven() -> None:
    now = 0.0
    async with engine_rig(quarantine_after=3, quarantine_window=10.0) as rig:
        rig.engine._dispatcher.clock = lambda: now
        rig.engine.register_route("bad", BTC, lambda event: 1 / 0)
        for at in range(6):
            now = at * 6.0
            await rig.feed(raw(timestamp=at))
        assert rig.engine.quarantine_of("bad") is None
        now += 1.0
        await rig.feed(raw(timestamp=10))
        now += 1.0
        await rig.feed(raw(timestamp=11))
        assert rig.engine.quarantine_of("bad") is not None


async def test_a_callback_that_blocks_is_quarantined() -> None:
    watch = StoppedWatch()
    async with engine_rig(slow_callback=0.02, quarantine_after=2, computer=watch) as rig:
        quick = Listener()
        rig.engine.register_route("slow", BTC, watch.takes(0.0625))
        rig.engine.register_route("quick", BTC, quick)
        for at in range(3):
            await rig.feed(raw(timestamp=at))
        await rig.settle()
        reason = rig.engine.quarantine_of("slow")
        assert reason is not None
        assert reason.reason == "blocking"
        assert quick.timestamps == [0, 1, 2]
        slow = next(one for one in rig.engine.get_routing_statistics().routes if one.component_id == "slow")
        assert slow.slow_calls == 2
        assert slow.longest == 0.0625


async def test_a_plain_function_that_returns_a_coroutine_is_told_so() -> None:
    async def work(event: Any) -> None:
        await asyncio.sleep(0)

    async with engine_rig() as rig:
        rig.engine.register_route("c", BTC, lambda event: work(event))
        await rig.feed(raw())
        await rig.settle()
        assert isinstance(rig.failed[0][1], TypeError)


async def test_one_that_closes_itself_and_one_that_closes_its_neighbour() -> None:
    async with engine_rig() as rig:
        routes: dict[str, Route] = {}
        calls: list[str] = []
        last = Listener()

        def suicide(event: Any) -> None:
            calls.append("suicide")
            routes["suicide"].close()

        def killer(event: Any) -> None:
            calls.append("killer")
            routes["victim"].close()

        routes["suicide"] = rig.engine.register_route("suicide", BTC, suicide)
        routes["killer"] = rig.engine.register_route("killer", BTC, killer)
        routes["victim"] = rig.engine.register_route("victim", BTC, lambda event: calls.append("victim"))
        rig.engine.register_route("last", BTC, last)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        assert calls == ["suicide", "killer", "killer"]
        assert last.timestamps == [1, 2]


async def test_who_joins_during_a_dispatch_gets_the_next_event() -> None:
    async with engine_rig() as rig:
        joined = Listener()

        def join(event: Any) -> None:
            if not joined_routes:
                joined_routes.append(rig.engine.register_route("joined", BTC, joined))

        joined_routes: list[Route] = []
        rig.engine.register_route("host", BTC, join)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        assert joined.timestamps == [2]


async def test_a_backlog_behind_a_slow_consumer_is_released_in_turns_and_in_order() -> None:
    async with engine_rig(drain_budget=0.001) as rig:
        given: list[int] = []
        turns: list[int] = []
        turn = 0

        def count_turns() -> None:
            nonlocal turn
            turn += 1
            if len(given) < 61:
                rig.loop.call_soon(count_turns)

        def reenters(event: Any) -> None:
            given.append(event.timestamp)
            turns.append(turn)
            if event.timestamp == 0:
                rig.feed_now(tuple(raw(timestamp=at) for at in range(1, 61)))
            time.sleep(0.0002)

        rig.loop.call_soon(count_turns)
        rig.engine.register_route("c", BTC, reenters)
        await in_loop(rig.feed_now, (raw(timestamp=0),))
        await rig.feed(raw(timestamp=61))  # comes while the backlog waits, and does not overtake it
        await until(lambda: len(given) == 62)
        assert given == list(range(62))
        assert len(set(turns)) > 3


@pytest.mark.parametrize("strategy", BackpressureStrategy)
async def test_put_aside_with_a_backlog_and_resumed_it_is_served_again(strategy: BackpressureStrategy) -> None:
    async with engine_rig(drain_budget=0.001, quarantine_after=3) as rig:
        listener = Listener()
        rules = BackpressureConfig(strategy, max_rate=100_000.0)

        def reenters(event: Any) -> None:
            listener(event)
            time.sleep(0.0005)
            if event.timestamp == 0:
                codes = [f"KRW-C{number}" for number in range(40)]
                rig.feed_now(tuple(raw(code=code, timestamp=1) for code in codes))
            if 0 < len(listener.events) < 5:
                raise ValueError

        codes = ["KRW-BTC", *(f"KRW-C{number}" for number in range(40))]
        spec = SubscriptionSpec("ticker", codes, backpressure=rules)
        route = rig.engine.register_route("c", spec, reenters)
        await rig.feed(raw(timestamp=0))
        await until(lambda: rig.engine.quarantine_of("c") is not None)
        assert route.waiting == 0
        assert rig.engine.resume("c")
        count = len(listener.events)
        await rig.feed(raw(timestamp=5))
        await until(lambda: len(listener.events) == count + 1)
        assert route.received == route.delivered + route.conflated + route.dropped
