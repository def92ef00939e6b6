"""A consumer that is served by another delivery or depth keeps its place, its counts and what waits for it."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.routing.rig import Listener, engine_rig, in_loop, raw
from tests.waiting import until
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, Delivery

if TYPE_CHECKING:
    from tests.routing.rig import Rig
    from upbit_ws_qt.routing import Route

EVERY, FRAME = Delivery.EVERY, Delivery.FRAME
DECODED: dict[str, Any] = {"history_length": 1}  # or frames that only the display wants would wait undecoded
CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")


def serve(rig: Rig, route: Route, delivery: Delivery, depth: int = 30) -> None:
    rig.engine.serve_otherwise(route, delivery=delivery, depth=depth)


def assert_conserved(route: Route) -> None:
    assert route.received == route.delivered + route.conflated + route.dropped + route.waiting


async def test_what_waits_for_a_coroutine_is_handed_out_in_order() -> None:
    async with engine_rig() as rig:
        gate, done = asyncio.Event(), Listener()

        async def slow(event: Any) -> None:
            await gate.wait()
            done(event)

        route = rig.engine.register_route("c", SubscriptionSpec("trade", "KRW-BTC"), slow)
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in range(1, 6)))
        serve(rig, route, FRAME)
        await rig.feed(*(raw("trade", timestamp=at, sequential_id=at) for at in range(6, 9)))
        await in_loop(rig.engine.flush_frames)
        serve(rig, route, EVERY)
        await rig.feed(raw("trade", timestamp=9, sequential_id=9))
        gate.set()
        await until(lambda: len(done.events) == 7)
        assert done.timestamps == [1, 2, 3, 4, 5, 8, 9]  # of the time by the frame the newest
        assert (route.received, route.delivered, route.conflated, route.dropped) == (9, 7, 2, 0)


async def test_what_a_bounded_queue_loses_on_the_way_is_counted() -> None:
    async with engine_rig(**DECODED) as rig:
        gate, done = asyncio.Event(), Listener()

        async def slow(event: Any) -> None:
            await gate.wait()
            done(event)

        room_for_two = BackpressureConfig(BackpressureStrategy.DROP_OLDEST, max_queue_size=2)
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", CODES, backpressure=room_for_two), slow)
        await rig.feed(raw(code=CODES[0]))
        await until(lambda: route.delivered == 1)
        await rig.feed(*(raw(code=code) for code in CODES[1:]))
        serve(rig, route, FRAME)
        await rig.feed(*(raw(code=code, timestamp=2) for code in CODES[:2]))
        serve(rig, route, EVERY)
        assert (route.received, route.waiting, route.dropped) == (5, 2, 2)
        gate.set()
        await until(lambda: len(done.events) == 3)
        assert [(event.code, event.timestamp) for event in done.events] == [
            ("KRW-BTC", 1), ("KRW-BTC", 2), ("KRW-ETH", 2),
        ]  # fmt: skip
        assert_conserved(route)


async def test_what_waits_for_the_display_comes_before_what_is_newer_and_from_no_task() -> None:
    async with engine_rig(**DECODED) as rig:
        seen: list[tuple[int, bool]] = []
        spec = SubscriptionSpec("ticker", "KRW-BTC", delivery=FRAME)
        route = rig.engine.register_route(
            "c", spec, lambda event: seen.append((event.timestamp, asyncio.current_task() is None))
        )
        await rig.feed(raw(timestamp=1))
        serve(rig, route, EVERY)  # this is a Task: nothing may be handed out here
        assert seen == []
        await rig.settle()
        await rig.feed(raw(timestamp=2))
        assert seen == [(1, True), (2, True)]
        assert rig.engine.flush_frames() == 0


async def test_what_comes_before_that_turn_queues_up_behind() -> None:
    async with engine_rig(**DECODED) as rig:
        listener = Listener()
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC", delivery=FRAME), listener)
        await rig.feed(raw(timestamp=1))

        def in_one_turn() -> None:
            serve(rig, route, EVERY)
            rig.feed_now((raw(timestamp=2), raw(timestamp=3)))
            assert listener.events == []

        await in_loop(in_one_turn)
        await rig.settle()
        assert listener.timestamps == [1, 2, 3]
        assert_conserved(route)


async def test_a_callback_may_change_how_it_is_served_while_it_runs() -> None:
    async with engine_rig() as rig:
        seen: list[int] = []

        def callback(event: Any) -> None:
            seen.append(event.timestamp)
            if event.timestamp == 1:
                rig.feed_now((raw(timestamp=2),))  # as a nested event loop would
                serve(rig, route, FRAME)
                rig.feed_now((raw(timestamp=3), raw(timestamp=4)))
                serve(rig, route, EVERY)
                rig.feed_now((raw(timestamp=5),))

        route = rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), callback)
        await rig.feed(raw(timestamp=1))
        await rig.settle()
        assert seen == sorted(seen)
        assert (seen[0], seen[-1]) == (1, 5)
        assert_conserved(route)


async def test_it_keeps_its_place_among_the_consumers_of_an_event_that_is_being_handed_out() -> None:
    async with engine_rig() as rig:
        first, second = Listener(), Listener()
        spec = SubscriptionSpec("ticker", "KRW-BTC")

        def changes_the_next(event: Any) -> None:
            first(event)
            serve(rig, route, FRAME)

        rig.engine.register_route("first", spec, changes_the_next)
        route = rig.engine.register_route("second", spec, second)
        await rig.feed(raw(timestamp=1))
        assert (len(first.events), route.received, route.waiting) == (1, 1, 1)
        await in_loop(rig.engine.flush_frames)
        assert second.timestamps == [1]


async def test_one_that_is_put_aside_or_closed_stays_so() -> None:
    async with engine_rig(quarantine_after=1, **DECODED) as rig:
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC"), lambda event: 1 / 0)
        await rig.feed(raw(timestamp=1))
        assert rig.engine.quarantine_of("c") is not None
        serve(rig, route, FRAME)
        await rig.feed(raw(timestamp=2))
        assert (route.received, route.delivered, route.dropped, route.waiting) == (2, 1, 1, 0)
        route.close()
        serve(rig, route, EVERY)
        assert route.spec.delivery is FRAME
        await rig.feed(raw(timestamp=3))
        assert route.received == 2


async def test_one_snapshot_is_one_snapshot_at_whatever_depth() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        spec = SubscriptionSpec("orderbook", "KRW-BTC", only_snapshot=True)
        route = rig.engine.register_route("c", spec, listener)
        await rig.feed(raw("orderbook", timestamp=1, stream_type="SNAPSHOT"))
        serve(rig, route, EVERY, depth=5)
        await rig.feed(raw("orderbook", timestamp=2, stream_type="SNAPSHOT"))
        assert listener.timestamps == [1]


async def test_frames_are_held_undecoded_only_while_every_consumer_wants_the_display() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", "KRW-BTC", delivery=FRAME), listener)
        await rig.feed(raw(timestamp=1), raw(timestamp=2))
        assert rig.engine.get_routing_statistics().held == 1
        serve(rig, route, EVERY)
        await rig.feed(raw(timestamp=3))
        assert rig.engine.get_routing_statistics().held == 0
        assert listener.timestamps == [3]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_nothing_is_lost_uncounted_or_out_of_order_however_it_is_changed(kind: str, seed: int) -> None:
    async with engine_rig(**DECODED) as rig:
        rng = random.Random(seed)
        seen: list[tuple[str, int]] = []
        clock = iter(range(1, 10_000))
        playing = True

        def callback(event: Any) -> None:
            seen.append((event.code, event.timestamp))
            if rng.random() < 0.2:
                rig.feed_now((raw(code=rng.choice(CODES), timestamp=next(clock)),))
            if playing and rng.random() < 0.2:
                serve(rig, route, rng.choice((EVERY, FRAME)))

        async def as_coroutine(event: Any) -> None:
            for _ in range(rng.randrange(3)):
                await asyncio.sleep(0)
            seen.append((event.code, event.timestamp))

        spec = SubscriptionSpec("ticker", CODES)
        route = rig.engine.register_route("c", spec, callback if kind == "plain" else as_coroutine)
        for _ in range(200):
            match rng.randrange(4):
                case 0:
                    serve(rig, route, rng.choice((EVERY, FRAME)))
                case 1:
                    await in_loop(rig.engine.flush_frames)
                case _:
                    await rig.feed(*(raw(code=rng.choice(CODES), timestamp=next(clock)) for _ in range(3)))
            assert_conserved(route)
        playing = False
        serve(rig, route, EVERY)
        await until(lambda: route.waiting == 0)
        await rig.settle()
        for code in CODES:
            times = [at for name, at in seen if name == code]
            assert times == sorted(times)
        assert len(seen) == route.delivered
        assert route.dropped == 0
        assert_conserved(route)


@pytest.mark.parametrize("seed", range(4))
async def test_what_may_wait_undecoded_is_known_by_who_is_there_whoever_came_and_went(seed: int) -> None:
    rng = random.Random(seed)
    blocking = BackpressureConfig(strategy=BackpressureStrategy.BLOCK)
    kinds: list[dict[str, Any]] = [
        {"delivery": EVERY}, {"delivery": FRAME}, {"only_snapshot": True}, {"only_realtime": True, "delivery": FRAME},
        {"backpressure": blocking},
    ]  # fmt: skip
    async with engine_rig() as rig:
        engine = rig.engine
        routes: list[Route] = []
        attached: set[Route] = set()
        looks = set()
        for number in range(200):
            act = rng.choice(("come", "come", "go", "go", "serve", "leave", "return"))
            route = rng.choice(routes) if routes else None
            if act == "come":
                spec = SubscriptionSpec("ticker", "KRW-BTC", **rng.choice(kinds[: rng.choice((2, 5))]))
                routes.append(engine.register_route(f"c{number}", spec, Listener()))
                attached.add(routes[-1])
            elif route is not None and act == "go":
                route.close()
                routes.remove(route)
                attached.discard(route)
            elif route is not None and act == "serve":
                serve(rig, route, rng.choice((EVERY, FRAME)))
            elif act == "leave" and route in attached:
                engine.detach(route)
                attached.discard(route)
            elif route is not None and act == "return" and route not in attached:
                engine.attach(route)
                attached.add(route)
            group = engine._hub.group("ticker", "KRW-BTC")
            assert (group is None) == (not attached)
            if group is not None:
                conflatable = not any(each.is_lossless or each.spec.only_snapshot for each in attached)
                assert group.conflatable == conflatable
                assert group.is_lazy == (conflatable and all(each.spec.delivery is FRAME for each in attached))
                looks.add((group.conflatable, group.is_lazy))
        assert len(looks) == 3
