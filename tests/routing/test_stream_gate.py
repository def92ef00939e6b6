"""What stands before a stream's guard after a gap: what it notes, for whom it holds, and in which order it lets go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.routing.rig import Listener, Rig, engine_rig, event_of, in_loop, raw
from tests.waiting import until
from upbit_ws_qt.routing import stream_gate
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamGap, StreamKey
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    import pytest

    from upbit_ws_qt.routing.stream_gate import RouteHold, StreamGate

KEY = StreamKey(DataType.TRADE, "KRW-BTC")
SPEC = SubscriptionSpec("trade", "KRW-BTC")


def trade(number: int) -> bytes:
    return raw("trade", timestamp=number, sequential_id=number, trade_timestamp=number)


def ids(listener: Listener) -> list[int]:
    return [event.sequential_id for event in listener.events]  # type: ignore[attr-defined]


class Held:
    """Two consumers of a stream, of which one waits."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.waits, self.goes = Listener(), Listener()
        self.route = rig.engine.register_route("waits", SPEC, self.waits)
        rig.engine.register_route("goes", SPEC, self.goes)
        gate = rig.engine.open_gate(KEY)
        assert gate is not None
        self.gate: StreamGate = gate
        self.told: list[str] = []
        self.hold = self.new_hold()

    def new_hold(self) -> RouteHold:
        return self.rig.engine.hold_back(
            self.gate, self.route, on_held=lambda: self.told.append("held"), on_full=lambda: self.told.append("full")
        )

    async def hand_out(self, *numbers: int) -> None:
        events = [event_of("trade", timestamp=n, sequential_id=n) for n in numbers]
        self.hold.hand_out(events, lambda: self.told.append("out"))
        await until(lambda: "out" in self.told)


async def test_the_guard_is_back_in_its_place_when_the_first_event_has_come() -> None:
    async with engine_rig() as rig:
        listener = Listener()
        rig.engine.register_route("c", SPEC, listener)
        await rig.feed(trade(5))
        gate = rig.engine.open_gate(KEY)
        assert gate is not None
        came: list[Any] = []
        gate.expect(rig.engine.stream_gap(KEY), 2, came.append)
        assert gate.gap == StreamGap(KEY, 5, 5)
        rig.epoch = 2
        await rig.feed(trade(9), trade(10))
        assert came == [gate]
        assert gate.gap == StreamGap(KEY, 5, 5, 9, 9)
        assert not gate.first_was_known
        assert gate.topic.gate is None
        assert gate.topic.judge == gate.topic.order.judge
        assert ids(listener) == [5, 9, 10]


async def test_what_comes_first_is_noted_also_where_it_had_been_handed_on() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("c", SPEC, Listener())
        await rig.feed(trade(5))
        gate = rig.engine.open_gate(KEY)
        assert gate is not None
        gate.expect(rig.engine.stream_gap(KEY), 2, lambda _: None)
        rig.epoch = 2
        await rig.feed(trade(5))
        assert gate.first_was_known
        assert gate.gap.first_id == 5


async def test_one_consumer_waits_and_the_other_does_not() -> None:
    async with engine_rig() as rig:
        held = Held(rig)
        await rig.feed(trade(7), trade(8))
        assert ids(held.goes) == [7, 8]
        assert ids(held.waits) == []
        await until(lambda: held.told == ["held"])
        await held.hand_out(5, 6)
        assert ids(held.waits) == [5, 6, 7, 8]
        await rig.feed(trade(9))
        assert ids(held.waits) == [5, 6, 7, 8, 9]
        assert ids(held.goes) == [7, 8, 9]
        assert held.gate.topic.gate is None


async def test_what_waits_too_long_goes_and_what_was_missed_comes_afterwards() -> None:
    async with engine_rig() as rig:
        held = Held(rig)
        await rig.feed(trade(7))
        held.hold.expire()
        await until(lambda: ids(held.waits) == [7])
        await rig.feed(trade(8))
        assert ids(held.waits) == [7, 8]
        await held.hand_out(5, 6)
        assert ids(held.waits) == [7, 8, 5, 6]


async def test_too_many_that_wait_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_gate, "MOST_HELD", 3)
    async with engine_rig() as rig:
        held = Held(rig)
        await rig.feed(*(trade(n) for n in range(1, 6)))
        await until(lambda: held.told == ["held", "full"])
        assert len(held.hold.held) == 5


async def test_a_second_hold_takes_over_what_the_first_had_left() -> None:
    async with engine_rig() as rig:
        held = Held(rig)
        await rig.feed(trade(7))
        held.hold.hand_out([event_of("trade", timestamp=5, sequential_id=5)], lambda: held.told.append("first out"))
        held.hold = held.new_hold()
        await rig.feed(trade(9))
        await until(lambda: "first out" in held.told and ids(held.waits) == [5, 7])
        await held.hand_out(8)
        assert ids(held.waits) == [5, 7, 8, 9]
        assert ids(held.goes) == [7, 9]


async def test_a_consumer_that_is_gone_is_handed_nothing() -> None:
    async with engine_rig() as rig:
        held = Held(rig)
        await rig.feed(trade(7))
        held.route.close()
        await held.hand_out(5)
        assert ids(held.waits) == []
        assert held.gate.topic.gate is None


async def test_a_callback_that_ends_its_own_wish_ends_the_rest() -> None:
    async with engine_rig() as rig:
        held = Held(rig)
        seen: list[int] = []

        def once(event: Any) -> None:
            seen.append(event.sequential_id)
            route.close()

        route = rig.engine.register_route("once", SPEC, once)
        hold = rig.engine.hold_back(held.gate, route, on_held=lambda: None, on_full=lambda: None)
        await rig.feed(trade(7))
        hold.hand_out([event_of("trade", timestamp=n, sequential_id=n) for n in (4, 5)], lambda: None)
        await until(lambda: not hold.is_holding)
        assert seen == [4]


async def test_ids_are_noted_for_as_long_as_anybody_asks() -> None:
    async with engine_rig() as rig:
        rig.engine.register_route("c", SPEC, Listener())
        gate = rig.engine.open_gate(KEY)
        assert gate is not None
        gate.note_ids()
        gate.note_ids()
        await rig.feed(trade(1), trade(2), trade(2))
        gate.forget_ids()
        await rig.feed(trade(3))
        assert gate.seen == {1, 2, 3}
        gate.forget_ids()
        assert gate.topic.gate is None


async def test_a_slow_consumer_is_handed_no_more_than_half_its_queue_at_once() -> None:
    async with engine_rig() as rig:
        taken: list[int] = []
        most = 0

        async def slow(event: Any) -> None:
            nonlocal most
            most = max(most, route.waiting)
            taken.append(event.sequential_id)

        route = rig.engine.register_route("slow", SPEC, slow)
        gate = rig.engine.open_gate(KEY)
        assert gate is not None
        hold = rig.engine.hold_back(gate, route, on_held=lambda: None, on_full=lambda: None)
        size = route._rules.max_queue_size
        out: list[str] = []
        events = [event_of("trade", timestamp=n, sequential_id=n) for n in range(1, size * 2)]
        await in_loop(hold.hand_out, events, lambda: out.append("out"))
        await until(lambda: out and len(taken) == len(events))
        assert taken == list(range(1, size * 2))
        assert route.dropped == 0
        assert most <= size // 2 + 1
