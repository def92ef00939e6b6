"""Several consumers of one stream are handed each event in one go, and each answers for itself all the same."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.routing.rig import Listener, engine_rig, event_of, raw
from tests.routing.test_dialogs import run_dialog
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.types import DataType, Delivery

if TYPE_CHECKING:
    from tests.routing.rig import Rig
    from upbit_ws_qt.routing import Route
    from upbit_ws_qt.routing.lane import Lane

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

    def blocks(event: Any) -> None:
        time.sleep(SLOW)

    async with engine_rig(quarantine_after=3, slow_callback=SLOW) as rig:
        witness = Listener()
        register(rig, raises, blocks, witness)
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
