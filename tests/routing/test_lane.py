"""Several consumers of one stream are handed each event in one go, and each answers for itself all the same."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.routing.bench import SLOW as SLOW_CALL
from tests.routing.bench import Bench, ticker
from tests.routing.rig import Listener, StoppedWatch, engine_rig, event_of, in_loop, raw
from tests.routing.test_dialogs import run_dialog
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.routing.lane import Lane
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, Delivery

if TYPE_CHECKING:
    from tests.routing.rig import Rig
    from upbit_ws_qt.routing import Route

BTC = SubscriptionSpec("ticker", "KRW-BTC")
SLOW = 0.02


def lane_of(rig: Rig) -> Lane | None:
    return rig.engine._hub.topics[StreamKey(DataType.TICKER, "KRW-BTC")].lane


def register(rig: Rig, *callbacks: Any) -> list[Route]:
    return [rig.engine.register_route(f"c{place}", BTC, callback) for place, callback in enumerate(callbacks)]


async def feed(rig: Rig, *times: int) -> None:
    await rig.feed(*(raw(timestamp=at) for at in times))


async def test_each_is_counted_and_charged_with_its_own_calls() -> None:
    async with engine_rig(slow_callback=60.0) as rig:
        listeners = [Listener(), Listener(), Listener()]

        def takes_long(event: Any) -> None:
            listeners[1](event)
            time.sleep(SLOW)

        routes = register(rig, listeners[0], takes_long, listeners[2])
        await feed(rig, *range(1, 20))
        assert lane_of(rig) is not None
        assert [listener.timestamps for listener in listeners] == [list(range(1, 20))] * 3
        assert [(route.received, route.delivered) for route in routes] == [(19, 19)] * 3
        assert routes[1].busy_time >= 19 * SLOW
        assert routes[1].longest >= SLOW
        figures = {one.component_id: one for one in rig.engine.get_routing_statistics().routes}
        assert figures["c1"].times.count >= 2
        for other in (routes[0], routes[2]):
            assert other.busy_time < routes[1].busy_time
            assert other.longest <= other.busy_time


async def test_one_that_raises_or_blocks_is_the_only_one_to_answer_for_it() -> None:
    def raises(event: Any) -> None:
        raise ValueError(event.timestamp)

    watch = StoppedWatch()
    async with engine_rig(quarantine_after=3, slow_callback=SLOW, computer=watch) as rig:
        witness = Listener()
        register(rig, raises, watch.takes(2 * SLOW), witness)
        await feed(rig, *range(1, 9))
        await rig.settle()
        reasons = {name: error.reason for name, error in rig.failed if isinstance(error, BackpressureError)}
        assert reasons == {"c0": "failing", "c1": "blocking"}
        assert witness.timestamps == list(range(1, 9))
        figures = {one.component_id: one for one in rig.engine.get_routing_statistics().routes}
        assert [figures[f"c{place}"].delivered for place in range(3)] == [3, 3, 8]
        assert [figures[f"c{place}"].dropped for place in range(3)] == [5, 5, 0]


async def test_a_quarantined_one_ends_the_lane_and_comes_back_to_it() -> None:
    async with engine_rig(quarantine_after=1) as rig:
        is_bad = True
        calls: list[int] = []

        def bad(event: Any) -> None:
            calls.append(event.timestamp)
            if is_bad:
                raise ValueError

        witness = Listener()
        register(rig, bad, witness)
        await feed(rig, 1, 2, 3)
        assert lane_of(rig) is None
        is_bad = False
        assert rig.engine.resume("c0")
        await feed(rig, 4, 5)
        assert lane_of(rig) is not None
        assert calls == [1, 4, 5]
        assert witness.timestamps == [1, 2, 3, 4, 5]


async def test_one_may_close_a_neighbour_itself_or_bring_a_new_one_in_the_middle() -> None:
    async with engine_rig() as rig:
        first, closed, last, late = Listener(), Listener(), Listener(), Listener()
        routes: list[Route] = []

        def closes(event: Any) -> None:
            if event.timestamp == 2:
                routes[2].close()
                routes[1].close()
                rig.engine.register_route("late", BTC, late)

        routes.extend(register(rig, first, closes, closed, last))
        await feed(rig, 1, 2, 3)
        assert first.timestamps == last.timestamps == [1, 2, 3]
        assert closed.timestamps == [1]
        assert late.timestamps == [3]
        assert [(route.received, route.delivered, route.dropped) for route in routes] == [
            (3, 3, 0), (2, 2, 0), (1, 1, 0), (3, 3, 0)
        ]  # fmt: skip


async def test_figures_may_be_asked_for_in_the_middle() -> None:
    async with engine_rig() as rig:
        seen: list[tuple[int, ...]] = []
        routes: list[Route] = []

        def asks(event: Any) -> None:
            seen.append(tuple(route.delivered for route in routes))

        routes.extend(register(rig, Listener(), asks, Listener()))
        await feed(rig, 1, 2)
        assert [each[0] >= each[2] for each in seen] == [True, True]
        assert [route.delivered for route in routes] == [2, 2, 2]


@pytest.mark.qasync_loop
async def test_behind_a_dialog_everybody_is_served_in_order_and_its_own_consumer_is_not_entered_again() -> None:
    async with engine_rig() as rig:
        first, last = Listener(), Listener()
        mine: list[tuple[str, int]] = []

        def opens_a_dialog(event: Any) -> None:
            mine.append(("in", event.timestamp))
            if event.timestamp == 2:
                run_dialog(rig, [raw(timestamp=3), raw(timestamp=4)], done=lambda: last.timestamps[-1:] == [4])
            mine.append(("out", event.timestamp))

        routes = register(rig, first, opens_a_dialog, last)
        await feed(rig, 0, 1)
        assert lane_of(rig) is not None
        await feed(rig, 2)
        await feed(rig, 5)
        assert first.timestamps == last.timestamps == [0, 1, 2, 3, 4, 5]
        assert mine == [(what, at) for at in range(6) for what in ("in", "out")]
        assert [(route.received, route.delivered, route.waiting) for route in routes] == [(6, 6, 0)] * 3
        assert not rig.engine._path._unfinished


async def test_it_goes_on_after_a_callback_was_interrupted() -> None:
    class StopError(BaseException):
        pass

    def stops(event: Any) -> None:
        if event.timestamp == 3:
            raise StopError

    async with engine_rig() as rig:
        first, last = Listener(), Listener()
        routes = register(rig, first, stops, last)
        await feed(rig, 1, 2)
        lane = lane_of(rig)
        assert lane is not None
        with pytest.raises(StopError):
            lane.hand(event_of("ticker", timestamp=3))
        await feed(rig, 4)
        assert first.timestamps == [1, 2, 3, 4]
        assert last.timestamps == [1, 2, 4]
        assert [route.delivered for route in routes] == [3, 3, 3]


async def test_display_frames_and_coroutines_have_no_lane() -> None:
    async def coroutine(event: Any) -> None:
        pass

    async with engine_rig() as rig:
        register(rig, Listener(), coroutine)
        await feed(rig, 1)
        assert lane_of(rig) is None
    async with engine_rig() as rig:
        listener = Listener()
        route, other = register(rig, listener, Listener())
        await feed(rig, 1)
        rig.engine.serve_otherwise(route, delivery=Delivery.FRAME, depth=30)
        await feed(rig, 2)
        assert lane_of(rig) is None
        assert (listener.timestamps, route.waiting, other.delivered) == ([1], 1, 2)
        rig.engine.serve_otherwise(route, delivery=Delivery.EVERY, depth=30)
        await feed(rig, 3)
        assert listener.timestamps == [1, 2, 3]


def lane_at(bench: Bench, *callbacks: Any) -> tuple[Lane, list[Route], list[str]]:
    """Return a lane by itself, its consumers, and a list in which its end is noted."""
    routes, ends = [bench.route(callback) for callback in callbacks], list[str]()
    lane = Lane(bench.dispatcher, tuple(routes), callbacks, lambda: ends.append("end"))
    for route in routes:
        route.use(lane)
    return lane, routes, ends


async def hand(lane: Lane, *times: int) -> None:
    def each() -> None:
        for at in times:
            lane.hand(ticker(at))

    await in_loop(each)


@pytest.mark.parametrize("figure", ["delivered", "busy_time", "longest"])
async def test_whoever_looks_at_a_figure_finds_it_up_to_date(figure: str) -> None:
    bench = Bench()
    lane, routes, _ = lane_at(bench, bench.watch.takes(0.0), bench.watch.takes(0.03125))
    await hand(lane, 1, 2)
    expected = {"delivered": (2, 2), "busy_time": (0.0, 0.0625), "longest": (0.0, 0.03125)}
    assert tuple(getattr(route, figure) for route in routes) == expected[figure]
    assert lane.seconds == 0.0625


async def test_notes_are_put_into_the_books_before_there_are_many() -> None:
    bench = Bench()
    takes = bench.watch.takes(2.0**-12)
    lane, routes, _ = lane_at(bench, takes, takes, takes)
    await hand(lane, *range(255))
    assert [route.times.count for route in routes] == [0, 0, 0]
    await hand(lane, 255)  # the beginning and three ends each: 1,024 notes
    assert [route.times.count for route in routes] == [32, 32, 32]
    assert [route.busy_time for route in routes] == [2.0**-4] * 3
    await hand(lane, 256)
    assert [(route.delivered, route.longest) for route in routes] == [(257, 2.0**-12)] * 3
    assert lane.seconds == 3 * 257 * 2.0**-12


async def test_a_call_that_takes_just_as_long_as_it_may_not_is_found_among_quick_ones() -> None:
    bench = Bench()
    lane, routes, _ = lane_at(bench, Listener(), bench.watch.takes(SLOW_CALL))
    await hand(lane, 1)
    assert [route.slow_calls for route in routes] == [0, 1]


@pytest.mark.parametrize(("took", "blocked"), [(SLOW_CALL / 2, 0), (SLOW_CALL, 1), (3 * SLOW_CALL, 1)])
async def test_a_call_blocks_from_the_limit_on_and_its_neighbours_do_not(took: float, blocked: int) -> None:
    bench = Bench()
    lane, routes, _ = lane_at(bench, bench.watch.takes(0.0625), bench.watch.takes(took), bench.watch.takes(0.03125))
    await hand(lane, 1, 2)
    assert [route.slow_calls for route in routes] == [0, 2 * blocked, 0]
    assert [route.busy_time for route in routes] == [0.125, 2 * took, 0.0625]
    assert [route.longest for route in routes] == [0.0625, took, 0.03125]
    assert [route.delivered for route in routes] == [2, 2, 2]


async def test_many_short_calls_are_no_long_one() -> None:
    bench = Bench()
    lane, routes, _ = lane_at(bench, *([bench.watch.takes(SLOW_CALL / 2)] * 4))
    await hand(lane, 1)
    assert [(route.slow_calls, route.busy_time, route.delivered) for route in routes] == [(0, SLOW_CALL / 2, 1)] * 4


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_the_one_that_raises_is_the_one_that_is_told_of(place: int) -> None:
    bench = Bench()

    def bad(event: Any) -> None:
        raise ValueError

    callbacks: list[Any] = [Listener(), Listener(), Listener()]
    callbacks[place] = bad
    lane, routes, _ = lane_at(bench, *callbacks)
    await hand(lane, 1, 2)
    assert [route.failures for route in routes] == [2 if each == place else 0 for each in range(3)]
    assert [len(each.events) for each in callbacks if each is not bad] == [2, 2]


async def test_what_callbacks_return_is_nobodys_business_unless_it_is_a_coroutine() -> None:
    async def work() -> None:
        pass

    bench, made = Bench(), []

    def returns_a_coroutine(event: Any) -> object:
        made.append(work())
        return made[-1]

    lane, routes, _ = lane_at(bench, lambda event: 5, returns_a_coroutine)
    await hand(lane, 1)
    assert [route.failures for route in routes] == [0, 1]
    with pytest.raises(RuntimeError, match="cannot reuse"):
        made[0].send(None)  # it was closed, so that nobody is told it was never awaited


@pytest.mark.parametrize("ends", ["close", "begin_quarantine", "serve_as"])
async def test_a_change_of_one_ends_the_lane_of_all_once_and_with_its_books_up_to_date(ends: str) -> None:
    bench = Bench()
    listeners = [Listener(), Listener()]
    lane, routes, ended = lane_at(bench, *listeners)
    await hand(lane, 1)
    getattr(routes[0], ends)(*((BTC, None) if ends == "serve_as" else ()))
    assert ended == ["end"]
    assert [route.times.count for route in routes] == [1, 1]
    routes[1].close()
    lane.end()
    assert ended == ["end"]
    assert [route.delivered for route in routes] == [1, 1]


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_ended_in_the_middle_it_leaves_the_rest_to_their_own_way_and_its_caller_is_not_entered_again(
    place: int,
) -> None:
    bench = Bench()
    order: list[tuple[int, int]] = []
    routes: list[Route] = []

    def callback_at(number: int) -> Any:
        def callback(event: Any) -> None:
            order.append((number, event.timestamp))
            bench.watch.now += 0.03125
            if (number, event.timestamp) == (place, 1):
                lane.end()
                for route in routes:
                    route.offer(ticker(2))
                bench.watch.now += 0.03125

        return callback

    lane, made, ended = lane_at(bench, *(callback_at(number) for number in range(3)))
    routes.extend(made)
    await hand(lane, 1)
    assert ended == ["end"]
    assert [[at for who, at in order if who == number] for number in (place, 0)] == [[1, 2], [1, 2]]
    assert sorted(order) == [(number, at) for number in range(3) for at in (1, 2)]
    assert [(route.received, route.delivered, route.waiting) for route in routes] == [(2, 2, 0)] * 3
    # The caller is charged with what it did until it came back; the events it offered are in there.
    assert [route.busy_time >= 0.0625 for route in routes] == [True] * 3
    assert all(route.direct_call is not None for route in routes)


async def test_who_brings_the_next_event_serves_those_behind_and_nobody_twice() -> None:
    bench = Bench()
    listeners = [Listener(), Listener(), Listener()]
    behind: list[int] = []
    left: list[Route] = []

    def brings(event: Any) -> None:
        listeners[0](event)
        if event.timestamp == 2:
            for route in lane:
                behind.append(routes.index(route))
                route.offer(event)
            left.extend(lane)

    lane, routes, _ = lane_at(bench, brings, *listeners[1:])
    assert list(lane) == [], "between two events nobody waits"
    await hand(lane, 1, 2, 3)
    assert (behind, left) == ([1, 2], [])
    assert [listener.timestamps for listener in listeners] == [[1, 2, 3]] * 3
    assert [(route.delivered, route.waiting) for route in routes] == [(3, 0)] * 3


async def test_ctrl_c_in_a_callback_behind_a_dialog_leaves_everybody_served_from_the_next_event_on() -> None:
    class StopError(BaseException):
        pass

    bench = Bench()
    listeners = [Listener(), Listener(), Listener()]

    def first(event: Any) -> None:
        listeners[0](event)
        bench.watch.now += 0.03125

    def stops(event: Any) -> None:
        listeners[1](event)
        bench.watch.now += 0.0625
        if event.timestamp == 2:
            assert next(iter(lane)) is routes[2]
            raise StopError

    lane, routes, _ = lane_at(bench, first, stops, listeners[2])
    await hand(lane, 1)
    with pytest.raises(StopError):
        lane.hand(ticker(2))
    bench.watch.now += 50.0
    await hand(lane, 3, 4)
    assert [listener.timestamps for listener in listeners] == [[1, 2, 3, 4], [1, 2, 3, 4], [1, 3, 4]]
    assert [route.delivered for route in routes] == [3, 3, 3], "of the event that was cut off nothing is counted"
    assert [route.busy_time for route in routes] == [3 * 0.03125, 3 * 0.0625, 0.0]
    assert [route.waiting for route in routes] == [0, 0, 0]
    assert all(route.direct_call is not None for route in routes), "nobody is taken for one whose callback still runs"
