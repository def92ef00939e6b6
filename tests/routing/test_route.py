"""One consumer by itself: what is counted, what waits while its callback runs, how it ends and begins."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.routing.bench import BUDGET, PAIR, SLOW, Bench, Reentered, books, offer, rules, ticker, tickers
from tests.routing.rig import Listener, event_of, in_loop
from tests.waiting import until
from upbit_ws_qt.routing.route import CallStats
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import streams_of
from upbit_ws_qt.types import BackpressureStrategy, Delivery

# -- what is counted --------------------------------------------------------------------------------------------------


async def test_a_new_consumer_has_nothing_in_its_books() -> None:
    route = Bench().route(print)
    assert books(route) == (0, 0, 0, 0, 0)
    assert (route.failures, route.slow_calls, route.skipped, route.high_water, route.times.count) == (0,) * 5
    assert (route.busy_time, route.longest, route.stalled_for(1000.0)) == (0.0, 0.0, 0.0)
    assert (route.closed, route.is_crowded, route.is_lossless) == (False, False, False)
    stats = CallStats()
    assert (stats.delivered, stats.busy_time, stats.longest) == (0, 0.0, 0.0)


async def test_sum_and_longest_are_exact_and_one_call_in_eight_is_sampled() -> None:
    bench = Bench()
    costs = iter([0.0625, 0.03125, *([0.0078125] * 14)])

    def callback(event: Any) -> None:
        bench.watch.now += next(costs)

    route = bench.route(callback)
    await offer(route, *tickers(*range(16)))
    assert route.busy_time == 0.0625 + 0.03125 + 14 * 0.0078125
    assert route.longest == 0.0625
    assert (route.times.count, route.times.maximum) == (2, 0.0078125)
    assert route.stats_for(route.keys[0]) is route


async def test_each_stream_of_several_is_charged_with_its_own() -> None:
    bench = Bench()

    def callback(event: Any) -> None:
        bench.watch.now += 0.0625 if event.timestamp == 1 else 0.03125

    route = bench.route(callback, PAIR)
    await offer(route, ticker(1), ticker(2), ticker(3, "KRW-ETH"))
    first, second = (route.stats_for(key) for key in route.keys)
    assert (first.delivered, first.busy_time, first.longest) == (2, 0.09375, 0.0625)
    assert (second.delivered, second.busy_time, second.longest) == (1, 0.03125, 0.03125)
    assert (route.delivered, route.busy_time, route.longest) == (3, 0.125, 0.0625)


async def test_what_a_lane_notes_adds_up() -> None:
    bench = Bench()
    route = bench.route(print)
    route.note_calls([0.25, 0.5, 0.125], [0.25])
    route.note_calls([0.125], [])
    assert (route.delivered, route.busy_time, route.longest) == (4, 1.0, 0.5)
    assert (route.times.count, route.times.maximum) == (1, 0.25)
    route.note_call(10.0, 10.0625)
    assert (route.delivered, route.busy_time, route.longest, route.slow_calls) == (5, 1.0625, 0.5, 0)
    route.note_call(10.0, 11.0)
    assert (route.delivered, route.busy_time, route.longest, route.slow_calls) == (6, 2.0625, 1.0, 1)
    bench.dispatcher.beat.last_at = 20.5
    route.note_call(20.0, 23.0)  # the loop went on meanwhile: a dialog
    assert (route.delivered, route.busy_time, route.longest, route.slow_calls) == (7, 2.0625, 1.0, 1)
    route.note_call(30.0, 30.0 + SLOW)
    assert route.slow_calls == 2


@pytest.mark.parametrize(("took", "blocked"), [(SLOW / 2, 0), (SLOW, 1), (2 * SLOW, 1)])
async def test_a_call_blocks_from_the_limit_on_and_is_charged_all_the_same(took: float, blocked: int) -> None:
    bench = Bench()
    bench.dispatcher.beat.last_at = bench.watch.now  # before it began, or just then: that says nothing
    route = bench.route(bench.watch.takes(took), PAIR)
    await offer(route, ticker(1))
    assert (route.slow_calls, route.busy_time, route.longest) == (blocked, took, took)
    assert route.stats_for(route.keys[0]).longest == took


async def test_what_a_dialog_took_is_charged_to_nobody() -> None:
    bench = Bench()

    def dialog(event: Any) -> None:
        bench.watch.now += 5.0
        bench.dispatcher.beat.last_at = bench.watch.now

    route = bench.route(dialog, PAIR)
    await offer(route, *(ticker(at) for at in range(8)))
    assert (route.slow_calls, route.busy_time, route.longest, route.times.count) == (0, 0.0, 0.0, 0)
    assert route.stats_for(route.keys[0]).busy_time == 0.0
    assert route.delivered == route.stats_for(route.keys[0]).delivered == 8


async def test_what_a_callback_returns_is_nobodys_business_unless_it_is_a_coroutine() -> None:
    async def work() -> None:
        pass

    bench, made = Bench(), []

    def callback(event: Any) -> object:
        if event.timestamp == 1:
            return 5
        made.append(work())
        return made[-1]

    route = bench.route(callback)
    await offer(route, ticker(1))
    assert route.failures == 0
    await offer(route, ticker(2))
    await asyncio.sleep(0)
    assert [type(error) for _, error in bench.failed] == [TypeError]
    with pytest.raises(RuntimeError, match="cannot reuse"):
        made[0].send(None)  # it was closed, so that nobody is told it was never awaited


async def test_what_was_lost_undecoded_is_in_the_books_and_skipped_only_where_each_was_wanted() -> None:
    bench = Bench(quarantine_after=1)
    every = bench.route(print)
    every.count_lost(3, superseded=True)
    assert books(every) == (3, 0, 3, 0, 0)
    assert (every.skipped, bench.dispatcher.skipped["c"]) == (3, 3)
    every.count_lost(2, superseded=False)
    assert books(every) == (5, 0, 3, 2, 0)
    assert (every.skipped, bench.dispatcher.skipped["c"]) == (3, 3)
    every.count_lost(4, superseded=True)
    assert (every.skipped, bench.dispatcher.skipped["c"]) == (7, 7)
    newest = bench.route(print, queue=rules(BackpressureStrategy.COALESCE_BY_SYMBOL))
    by_frame = bench.route(print, delivery=Delivery.FRAME)
    aside = bench.route(print)
    aside.begin_quarantine()
    for route in (newest, by_frame, aside):
        route.count_lost(2, superseded=True)
        assert (books(route), route.skipped) == ((2, 0, 2, 0, 0), 0)
    assert bench.dispatcher.skipped["c"] == 7


# -- what waits while its callback runs -------------------------------------------------------------------------------


async def test_behind_its_own_callback_events_wait_in_order() -> None:
    bench = Bench()
    seen: list[tuple[int, ...]] = []
    listener = Reentered(*tickers(2, 3), then=lambda: seen.append((*books(route), route.high_water)))
    route = listener.route = bench.route(listener)
    await offer(route, *tickers(1, 4))
    assert listener.timestamps == [1, 2, 3, 4]
    assert seen == [(3, 1, 0, 0, 2, 2)]
    assert books(route) == (4, 4, 0, 0, 0)


async def test_it_is_crowded_from_the_half_on() -> None:
    bench = Bench()
    crowded: list[bool] = []

    def then() -> None:
        for at in range(2, 7):
            route.offer(ticker(at))
            crowded.append(route.is_crowded)

    listener = Reentered(then=then)
    route = listener.route = bench.route(listener, queue=rules(max_queue_size=8))
    await offer(route, ticker(1))
    assert crowded == [False, False, False, True, True]


@pytest.mark.parametrize(("size", "share", "warned_at"), [(10, 0.5, 5), (10, 1.0, 10), (1, 0.5, 1), (2, 0.5, 1)])
async def test_a_queue_that_fills_is_warned_of_once_at_its_threshold(size: int, share: float, warned_at: int) -> None:
    bench = Bench()
    warnings: list[int] = []

    def then() -> None:
        for at in range(2, 2 + size):
            route.offer(ticker(at))
            warnings.append(bench.dispatcher.warnings)

    listener = Reentered(then=then)
    route = listener.route = bench.route(listener, queue=rules(max_queue_size=size, warning_threshold=share))
    await offer(route, ticker(1))
    assert warnings == [0] * (warned_at - 1) + [1] * (size - warned_at + 1)


async def test_a_queue_that_was_half_empty_is_warned_of_again() -> None:
    bench = Bench()
    route = bench.route(lambda event: None, queue=rules(max_queue_size=4, warning_threshold=0.75))
    for times in (1, 2):
        route.enter()
        for at in range(3):
            route.offer(ticker(at))
        await in_loop(route.leave)
        assert (bench.dispatcher.warnings, route.dropped) == (times, 0)


async def test_losses_are_told_once_and_again_after_the_queue_was_half_empty() -> None:
    bench, given = Bench(), []
    # Of 2 to 7 four have room. Behind 5 two wait, and of the three that come one has none; behind 8 two are left.
    more = {1: range(2, 8), 5: range(8, 11), 9: range(20, 25)}

    def callback(event: Any) -> None:
        given.append(event.timestamp)
        for at in more.get(event.timestamp, ()):
            route.offer(ticker(at))

    route = bench.route(callback, queue=rules(max_queue_size=4, warning_threshold=1.0))
    await offer(route, ticker(1))
    await until(lambda: route.waiting == 0)
    await asyncio.sleep(0)
    assert given == [1, 4, 5, 7, 8, 9, 21, 22, 23, 24]
    assert bench.reasons == ["queue full"] * 2
    assert bench.dispatcher.warnings == 2


async def test_a_backlog_is_handed_out_within_the_budget_and_the_rest_in_later_turns() -> None:
    bench = Bench()
    seen: list[int] = []
    listener = Listener()

    def callback(event: Any) -> None:
        listener(event)
        if event.timestamp == 0:
            for at in range(1, 6):
                route.offer(ticker(at))
        else:
            bench.watch.now += BUDGET / 2

    route = bench.route(callback)

    def feed() -> None:
        route.offer(ticker(0))
        seen.append(len(listener.events))  # beyond the budget by the third
        assert route.direct_call is None
        route.offer(ticker(6))
        assert len(listener.events) == seen[0], "what waits is not overtaken"
        assert books(route) == (7, 4, 0, 0, 3)

    await in_loop(feed)
    await asyncio.sleep(0)
    seen.append(len(listener.events))
    await until(lambda: route.waiting == 0)
    assert seen == [4, 7]
    assert listener.timestamps == list(range(7))
    assert route.direct_call is callback


async def test_what_waits_for_its_turn_goes_with_its_route() -> None:
    for end in ("close", "begin_quarantine"):
        bench = Bench()
        listener = Reentered(*tickers(2, 3))
        listener.route = route = bench.route(listener)
        route.enter()
        route.offer(ticker(1))
        route.serve_as(route.spec, None)
        route.leave()
        assert len(listener.events) == 3
        route.enter()
        route.offer(ticker(4))
        getattr(route, end)()
        assert books(route) == (4, 3, 0, 1, 0)
        route.leave()
        assert len(listener.events) == 3


async def test_one_that_is_put_aside_in_its_callback_is_not_entered_again_meanwhile() -> None:
    bench = Bench()
    steps: list[str] = []

    def callback(event: Any) -> None:
        steps.append(f"in {event.timestamp}")
        if event.timestamp == 1:
            route.begin_quarantine()
            route.resume()
            route.offer(ticker(2))
        steps.append(f"out {event.timestamp}")

    route = bench.route(callback)
    await offer(route, ticker(1))
    assert steps == ["in 1", "out 1", "in 2", "out 2"]


async def test_a_turn_that_was_asked_for_is_taken_back() -> None:
    bench = Bench()
    listener = Listener()
    route = bench.route(listener, delivery=Delivery.FRAME)
    await offer(route, ticker(1))
    route.serve_as(SubscriptionSpec("ticker", "KRW-BTC"), None)
    assert books(route) == (1, 0, 0, 0, 1)
    route.begin_quarantine()
    route.resume()
    await offer(route, ticker(2))  # at once: nothing waits any more
    assert listener.timestamps == [2]
    assert route.direct_call is listener


async def test_each_time_what_came_behind_the_callback_follows_it() -> None:
    bench, given = Bench(), []

    def callback(event: Any) -> None:
        given.append(event.timestamp)
        if event.timestamp % 2:
            route.offer(ticker(event.timestamp + 1))

    route = bench.route(callback)
    await offer(route, ticker(1), ticker(3))
    assert given == [1, 2, 3, 4]


async def test_a_turn_that_comes_while_the_callback_runs_leaves_what_waits_to_its_end() -> None:
    bench = Bench()
    listener = Listener()
    route = bench.route(listener, queue=rules(BackpressureStrategy.THROTTLE, max_rate=1.0))
    await offer(route, *tickers(1, 2))
    route.enter()
    await asyncio.sleep(3.0)  # 2 may go meanwhile
    assert listener.timestamps == [1]
    await in_loop(route.leave)
    assert listener.timestamps == [1, 2]


async def test_one_that_is_served_otherwise_in_its_callback_is_not_entered_before_that_is_over() -> None:
    bench = Bench()
    listener = Listener()
    route = bench.route(listener, PAIR, delivery=Delivery.FRAME)
    await offer(route, ticker(1), ticker(2, "KRW-ETH"))
    route.enter()
    route.serve_as(SubscriptionSpec("ticker", PAIR), None)
    await asyncio.sleep(1.0)
    assert listener.timestamps == []
    await in_loop(route.leave)
    assert listener.timestamps == [1, 2]


# -- ends and beginnings ----------------------------------------------------------------------------------------------


async def test_it_closes_once_and_is_deaf_from_then_on() -> None:
    bench = Bench()
    listener = Listener()
    route = bench.route(listener)
    await offer(route, ticker(1))
    route.close()
    route.close()
    assert (route.closed, bench.closed) == (True, [route])
    assert route.direct_call is None
    await offer(route, ticker(2))
    route.begin_quarantine()
    await offer(route, ticker(3))
    route.resume()
    await offer(route, ticker(4))
    route.serve_as(SubscriptionSpec("ticker", "KRW-BTC", delivery=Delivery.FRAME), None)
    await offer(route, ticker(5))
    assert (listener.timestamps, books(route)) == ([1], (1, 1, 0, 0, 0))


async def test_it_knows_whether_its_owner_lives_and_what_it_is_for() -> None:
    def alive() -> bool:
        return True

    route = Bench().route(print, PAIR, alive=alive)
    assert route.alive is alive
    assert (route.component_id, route.spec.symbols) == ("c", PAIR)
    assert route.keys == tuple(streams_of(route.spec))


async def test_one_that_is_put_aside_counts_what_is_for_it_and_nothing_else() -> None:
    bench = Bench()
    route = bench.route(print, data_type="trade", only_realtime=True)
    plain = bench.route(print, data_type="trade")
    snapshot, live = (
        event_of("trade", timestamp=at, stream_type=kind) for at, kind in ((1, "SNAPSHOT"), (2, "REALTIME"))
    )
    for each in (route, plain):
        each.begin_quarantine()
        await offer(each, snapshot, live)
    assert (books(route), books(plain)) == ((1, 0, 0, 1, 0), (2, 0, 0, 2, 0))


async def test_a_resumed_one_is_warned_and_told_of_losses_anew() -> None:
    bench = Bench()
    route = bench.route(print, queue=rules(max_queue_size=2, warning_threshold=1.0))
    for _ in range(2):
        route.enter()
        for at in range(3):
            route.offer(ticker(at))
        route.begin_quarantine()
        route.leave()
        route.resume()
    await asyncio.sleep(0)
    assert (bench.dispatcher.warnings, bench.reasons) == (2, ["queue full"] * 2)


async def test_there_is_a_short_way_only_where_each_event_goes_straight_to_the_callback() -> None:
    bench = Bench()
    route = bench.route(print)
    short: list[object] = [route.direct_call]
    route.enter()
    short.append(route.direct_call)
    route.leave()
    short.append(route.direct_call)
    route.begin_quarantine()
    short.append(route.direct_call)
    assert short == [print, None, print, None]
    others = (
        bench.route(print, PAIR),
        bench.route(print, delivery=Delivery.FRAME),
        bench.route(print, only_realtime=True),
        bench.route(print, queue=rules(BackpressureStrategy.THROTTLE)),
    )
    assert [other.direct_call for other in others] == [None] * 4
