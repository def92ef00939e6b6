"""One consumer whose events wait for a display frame, for their pace or for room."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.routing.bench import PAIR, Bench, books, offer, rules, ticker
from tests.routing.rig import Listener, event_of, in_loop
from tests.waiting import until
from upbit_ws_qt.routing.filters import filter_of
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.streams import key_of_event
from upbit_ws_qt.types import BackpressureStrategy, Delivery

# -- display frames and pace ------------------------------------------------------------------------------------------


async def test_a_display_frame_hands_out_the_newest_and_the_books_tell_both_ways_of_waiting() -> None:
    bench = Bench()
    listener = Listener()
    route = bench.route(listener, PAIR, delivery=Delivery.FRAME, queue=rules(max_queue_size=1))
    await offer(route, ticker(1), ticker(2), ticker(3, "KRW-ETH"))
    assert books(route) == (3, 0, 1, 1, 1)
    assert route.high_water == 1
    assert len(bench.dispatcher.frames) == 1
    await in_loop(route.flush_frame)
    assert listener.timestamps == [3]
    assert books(route) == (3, 1, 1, 1, 0)
    route.close()
    await in_loop(route.flush_frame)
    assert books(route) == (3, 1, 1, 1, 0)


async def test_by_the_frame_a_consumer_asks_for_one_frame_at_a_time() -> None:
    bench = Bench()
    asked: list[int] = []
    bench.dispatcher.frames.on_pending = lambda: asked.append(len(bench.dispatcher.frames))
    route = bench.route(print, PAIR, delivery=Delivery.FRAME)
    await offer(route, ticker(1), ticker(2), ticker(3, "KRW-ETH"))
    bench.dispatcher.frames.forget(route)
    await offer(route, ticker(4))
    assert asked == [1]


async def test_a_callback_that_still_runs_has_its_frame_put_off() -> None:
    bench = Bench()
    listener = Listener()
    route = bench.route(listener, delivery=Delivery.FRAME)
    await offer(route, ticker(1))
    bench.dispatcher.frames.forget(route)
    route.enter()
    route.flush_frame()
    assert (listener.events, len(bench.dispatcher.frames)) == ([], 1)
    route.leave()
    await in_loop(route.flush_frame)
    assert listener.timestamps == [1]


async def test_one_that_closed_in_its_callback_waits_for_no_frame() -> None:
    bench = Bench()
    route = bench.route(print, delivery=Delivery.FRAME)
    route.enter()
    await offer(route, ticker(1))
    route.close()
    route.flush_frame()
    assert len(bench.dispatcher.frames) == 0


async def test_a_frame_is_not_handed_on_into_a_callback_that_opened_a_dialog() -> None:
    bench = Bench()
    given: list[int] = []

    def callback(event: Any) -> None:
        given.append(event.timestamp)
        if len(given) == 1:
            route.enter()  # as if it had not come back yet

    route = bench.route(callback, PAIR, delivery=Delivery.FRAME)
    await offer(route, ticker(1), ticker(2, "KRW-ETH"))

    def flush() -> None:
        route.flush_frame()

    await in_loop(flush)
    assert given == [1, 2]


async def test_served_by_the_event_it_leaves_the_frame_and_keeps_what_waited() -> None:
    bench = Bench()
    listener = Listener()
    frame = SubscriptionSpec("ticker", PAIR, delivery=Delivery.FRAME)
    route = bench.route(listener, PAIR)
    route.serve_as(frame, None)
    await offer(route, ticker(1), ticker(2, "KRW-ETH"))
    route.serve_as(frame, None)
    assert books(route) == (2, 0, 0, 0, 2), "served the same way, what waits goes on waiting"
    route.serve_as(SubscriptionSpec("ticker", PAIR), None)
    assert (listener.events, len(bench.dispatcher.frames)) == ([], 0)
    await until(lambda: route.waiting == 0)
    assert listener.timestamps == [1, 2]
    assert books(route) == (2, 2, 0, 0, 0)
    route.serve_as(SubscriptionSpec("ticker", PAIR), None)
    await offer(route, ticker(3))
    assert listener.timestamps == [1, 2, 3], "at once, since nothing waited"


async def test_a_view_is_applied_before_anything_else() -> None:
    bench = Bench()
    listener = Listener()
    snapshot, live = (
        event_of("trade", timestamp=at, stream_type=kind) for at, kind in ((1, "SNAPSHOT"), (2, "REALTIME"))
    )
    route = bench.route(listener, data_type="trade", only_realtime=True)
    await offer(route, snapshot, live)
    assert (listener.timestamps, books(route)) == ([2], (1, 1, 0, 0, 0))


async def test_another_depth_holds_from_the_next_book_on() -> None:
    bench = Bench()
    depths: list[int] = []
    route = bench.route(lambda event: depths.append(len(event.orderbook_units)), data_type="orderbook")
    whole = event_of("orderbook", timestamp=1)
    await offer(route, whole)
    spec = SubscriptionSpec("orderbook", "KRW-BTC", depth=5)
    route.serve_as(spec, filter_of(spec, {}))
    await offer(route, whole)
    assert depths == [len(whole.orderbook_units), 5]
    assert route.spec is spec


async def test_no_longer_by_the_frame_what_has_a_view_is_handed_out_at_once() -> None:
    bench = Bench()
    listener = Listener()
    route = bench.route(listener, data_type="trade", only_realtime=True, delivery=Delivery.FRAME)
    spec = SubscriptionSpec("trade", "KRW-BTC", only_realtime=True)
    route.serve_as(spec, filter_of(spec, {}))
    await offer(route, event_of("trade", timestamp=1))
    assert listener.timestamps == [1]


async def test_what_comes_before_its_time_leaves_no_timer_each() -> None:
    bench = Bench()
    route = bench.route(print, queue=rules(BackpressureStrategy.THROTTLE, max_rate=1.0))
    for at in range(50):
        await offer(route, ticker(at))
    looked = bench.watch.looked
    await until(lambda: route.waiting == 0)
    await asyncio.sleep(2.0)
    assert bench.watch.looked - looked <= 5, "it looks at its stopwatch whenever a timer has it hand something out"


async def test_the_pace_is_kept_by_display_frames_too() -> None:
    bench = Bench()
    listener = Listener()
    pace = rules(BackpressureStrategy.THROTTLE, max_rate=1.0)
    route = bench.route(listener, queue=pace, delivery=Delivery.FRAME)
    for at in (1, 2, 3):
        await offer(route, ticker(at))
        await in_loop(route.flush_frame)
    assert listener.timestamps == [1]
    assert books(route) == (3, 1, 1, 0, 1)
    await until(lambda: route.waiting == 0)
    assert listener.timestamps == [1, 3]


async def test_by_pace_one_timer_waits_for_whoever_is_next() -> None:
    bench = Bench()
    given: list[tuple[str, float]] = []
    pace = rules(BackpressureStrategy.THROTTLE, max_rate=1.0)
    route = bench.route(lambda event: given.append((event.code, bench.loop.time())), PAIR, queue=pace)
    began = bench.loop.time()
    await offer(route, ticker(1), ticker(2), ticker(3, "KRW-ETH"), ticker(4, "KRW-ETH"))
    assert [code for code, _ in given] == list(PAIR)
    await until(lambda: route.waiting == 0)
    assert [code for code, _ in given] == [*PAIR, *PAIR]
    assert [round(at - began) for _, at in given] == [0, 0, 1, 1]
    assert books(route) == (4, 4, 0, 0, 0)
    await offer(route, ticker(5))
    route.close()
    assert books(route) == (5, 4, 0, 1, 0)
    await asyncio.sleep(2.0)
    assert len(given) == 4


# -- room -------------------------------------------------------------------------------------------------------------


async def test_a_consumer_that_has_no_room_for_its_deadline_is_put_aside_and_not_earlier() -> None:
    bench = Bench()
    block = rules(BackpressureStrategy.BLOCK, max_queue_size=2, deadline=10.0)
    route = bench.route(print, queue=block)
    assert route.is_lossless
    route.enter()
    began = bench.loop.time()
    for at in range(4):
        route.offer(ticker(at))
    await asyncio.sleep(9.0)
    assert bench.failed == []
    await until(lambda: bench.failed)
    assert bench.reasons == ["deadline"]
    assert round(bench.loop.time() - began) == 10
    assert books(route) == (4, 0, 0, 4, 0)


async def test_the_deadline_is_that_of_the_overflow_that_lasts() -> None:
    bench = Bench()
    block = rules(BackpressureStrategy.BLOCK, max_queue_size=2, deadline=10.0)
    route = bench.route(lambda event: None, queue=block)
    began = bench.loop.time()
    for after in (0.0, 6.0):  # the second overflow is four seconds old when the first one's deadline comes
        await asyncio.sleep(after)
        route.enter()
        for at in range(4):
            route.offer(ticker(at))
        if after == 0.0:
            await in_loop(route.leave)
    asked = bench.asked
    await until(lambda: bench.failed)
    assert bench.asked - asked <= 3, "one timer watches, however many events have no room"
    assert bench.reasons == ["deadline"]
    assert round(bench.loop.time() - began) == 16
    assert books(route) == (8, 4, 0, 4, 0)


async def test_a_queue_that_was_full_for_long_has_its_deadline_from_the_overflow_on() -> None:
    bench = Bench()
    route = bench.route(print, queue=rules(BackpressureStrategy.BLOCK, max_queue_size=2, deadline=10.0))
    route.enter()
    for at in range(2):
        route.offer(ticker(at))
    await asyncio.sleep(20.0)
    began = bench.loop.time()
    for at in range(2, 4):
        route.offer(ticker(at))
    await until(lambda: bench.failed)
    assert round(bench.loop.time() - began) == 10


async def test_room_in_time_saves_it_and_the_next_overflow_has_a_deadline_of_its_own() -> None:
    bench = Bench()
    block = rules(BackpressureStrategy.BLOCK, max_queue_size=2, deadline=10.0)
    route = bench.route(lambda event: None, queue=block)
    for _ in range(2):
        route.enter()
        for at in range(4):
            route.offer(ticker(at))
        await asyncio.sleep(9.0)
        await in_loop(route.leave)
        await asyncio.sleep(20.0)
        assert bench.failed == []
    route.enter()
    for at in range(4):
        route.offer(ticker(at))
    route.close()
    await asyncio.sleep(20.0)
    assert bench.failed == []


async def test_indicators_of_one_market_have_books_of_their_own() -> None:
    bench = Bench()
    rsi = [IndicatorSpec.of("rsi", {"period": period}) for period in (7, 14)]
    route = bench.route(bench.watch.takes(0.0625), data_type="indicator", timeframe="5m", indicators=rsi)
    event = event_of("indicator", indicator="rsi", timeframe="5m", params={"period": 14}, value={"rsi": 55})
    await offer(route, event)
    key = key_of_event(event)
    shares = {one: route.stats_for(one).busy_time for one in route.keys}
    assert shares == {one: 0.0625 if one == key else 0.0 for one in route.keys}
