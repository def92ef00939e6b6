"""One registration more or less costs what it costs, however many its component has. Work is counted, not timed."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.manager import ManagerListener
from upbit_ws_qt.manager.wiring import FOLLOW_EVERY
from upbit_ws_qt.monitoring.adaptive import AdaptationKind, AdaptationPlan
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.subscriptions import Standing
from upbit_ws_qt.types import DataType, Priority, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from tests.manager.conftest import Desk
    from upbit_ws_qt.manager import ComponentSubscription, GlobalWebSocketManager

TICKER, BOOK = DataType.TICKER, DataType.ORDERBOOK


def calls_made_by(deed: Callable[[], object]) -> int:
    """Return how many Python functions and turns of generators a deed takes."""
    count = 0

    def note(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    gc.disable()  # what the collector calls is not the deed's
    sys.setprofile(note)
    try:
        deed()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def ignore(event: object) -> None:
    """Take an event and do nothing with it."""


def register(manager: GlobalWebSocketManager, number: int, **changes: Any) -> ComponentSubscription:
    return manager.register_component("one", SubscriptionSpec(TICKER, f"KRW-C{number}", **changes), ignore)


def costs(manager: GlobalWebSocketManager, number: int) -> tuple[int, int, int]:
    """Return what it takes to add, to change and to close one more registration."""
    added: list[ComponentSubscription] = []
    add = calls_made_by(lambda: added.append(register(manager, number)))
    change = calls_made_by(lambda: added[0].set_specs(SubscriptionSpec(TICKER, f"KRW-D{number}")))
    close = calls_made_by(added[0].close)
    return add, change, close


async def test_one_more_costs_the_same_beside_ten_and_beside_a_thousand(desk: Desk) -> None:
    handles = [register(desk.manager, number) for number in range(10)]
    few = costs(desk.manager, 10_000)
    handles += [register(desk.manager, number) for number in range(10, 1000)]
    many = costs(desk.manager, 20_000)
    assert max(many) < 1000  # the measure sees what it should: less than a call for each of the others
    assert many[0] < 220  # a program may want a thousand in one turn of the loop: about 135 calls each
    assert [late - early for early, late in zip(few, many, strict=True)] == pytest.approx([0, 0, 0], abs=5)
    first, last = calls_made_by(handles[0].close), calls_made_by(handles[-1].close)
    assert first == pytest.approx(last, abs=5)
    assert desk.manager.unregister_component("one") is True
    assert desk.manager.get_active_subscriptions() == {}


class Counting(ManagerListener):
    """Counts how often it is told that wishes changed."""

    told = 0

    def on_subscriptions_changed(self) -> None:
        self.told += 1


async def test_a_thousand_changes_in_one_turn_are_one_for_the_line(desk: Desk) -> None:
    first = desk.manager.register_component("first", SubscriptionSpec(TICKER, "KRW-BTC"), ignore)
    await first.wait_served(10)

    def changes() -> int:
        return desk.manager.wiring.subscription_statistics()[WebSocketType.PUBLIC].changes

    listener = Counting()
    desk.manager.add_listener(listener)
    before = changes()
    handles = [register(desk.manager, number) for number in range(1000)]
    for handle in handles:
        handle.close()
    await until(lambda: listener.told)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (changes() - before, listener.told) == (1, 1)


async def test_equal_wishes_of_one_component_are_counted(desk: Desk) -> None:
    stream = StreamKey(TICKER, "KRW-C1")
    twice = [register(desk.manager, 1), register(desk.manager, 1)]
    twice[0].close()
    assert desk.manager.get_active_subscriptions() == {stream: ("one",)}
    twice[1].set_specs([SubscriptionSpec(TICKER, "KRW-C2"), SubscriptionSpec(TICKER, "KRW-C1")])
    assert set(desk.manager.get_active_subscriptions()) == {stream, StreamKey(TICKER, "KRW-C2")}
    twice[1].close()
    assert desk.manager.get_active_subscriptions() == {}


async def test_the_index_of_a_bad_wish_is_that_of_its_registration(desk: Desk) -> None:
    for number in range(3):
        register(desk.manager, number)
    bad = [SubscriptionSpec(TICKER, "KRW-BTC"), SubscriptionSpec(BOOK, "KRW-BTC", depth=7)]
    with pytest.raises(SubscriptionError) as caught:
        desk.manager.register_component("one", bad, ignore)
    assert (caught.value.index, caught.value.component_id) == (1, "one")
    assert StreamKey(TICKER, "KRW-BTC") not in desk.manager.get_active_subscriptions()


async def test_what_is_served_otherwise_under_load_can_be_changed_closed_and_taken_back(desk: Desk) -> None:
    def book(*codes: str, **changes: Any) -> SubscriptionSpec:
        return SubscriptionSpec(BOOK, codes, priority=Priority.LOW, **changes)

    changed = desk.manager.register_component("one", [book("KRW-BTC"), book("KRW-BTC", depth=5)], ignore)
    closed = desk.manager.register_component("one", book("KRW-ETH"), ignore)
    desk.manager.wiring.adapt(AdaptationPlan(steps=(AdaptationKind.BOOK_DEPTH_5,)))
    wishes = desk.manager.wiring.wishes
    assert sorted(wishes.specs_of("one"), key=str) == sorted(
        [book("KRW-BTC", depth=5), book("KRW-BTC", depth=5), book("KRW-ETH", depth=5)], key=str
    )
    assert changed.specs == (book("KRW-BTC"), book("KRW-BTC", depth=5))
    closed.close()
    changed.set_specs([book("KRW-BTC", depth=5), book("KRW-XRP")])
    assert wishes.specs_of("one") == (book("KRW-BTC", depth=5), book("KRW-XRP", depth=5))
    desk.manager.wiring.adapt(AdaptationPlan())
    assert wishes.specs_of("one") == (book("KRW-BTC", depth=5), book("KRW-XRP"))
    changed.close()
    assert wishes.components() == {}


async def test_a_wish_that_was_refused_meanwhile_keeps_nobody_from_what_a_plan_gives_back(desk: Desk) -> None:
    full = [SubscriptionSpec(BOOK, code, priority=Priority.LOW) for code in ("KRW-BTC", "KRW-ETH")]
    refused, other = (desk.manager.register_component("one", spec, ignore) for spec in full)
    wishes = desk.manager.wiring.wishes
    (wish,) = (each for each in wishes.wishes(WebSocketType.PUBLIC) if each.spec == full[0])
    wishes.set_standing([wish], Standing.QUARANTINED, "no")
    desk.manager.wiring.adapt(AdaptationPlan(steps=(AdaptationKind.BOOK_DEPTH_5,)))
    assert {spec.depth for spec in wishes.specs_of("one")} == {5}
    desk.manager.wiring.adapt(AdaptationPlan())
    assert {spec.symbols: spec.depth for spec in wishes.specs_of("one")} == {("KRW-BTC",): 5, ("KRW-ETH",): 30}
    refused.close()
    other.close()
    assert wishes.components() == {}


async def test_a_change_in_each_turn_does_not_go_through_all_of_them_each_time(desk: Desk) -> None:
    first = desk.manager.register_component("first", SubscriptionSpec(TICKER, "KRW-BTC"), ignore)
    await first.wait_served(10)
    listener = Counting()
    desk.manager.add_listener(listener)
    begun = desk.manager.wiring.loop.time()
    handles = []
    for number in range(300):
        handles.append(register(desk.manager, number))
        await asyncio.sleep(0)
    most = 2 + (desk.manager.wiring.loop.time() - begun) / FOLLOW_EVERY
    assert 1 <= listener.told <= most
    assert set(desk.manager.get_active_subscriptions()) == {
        StreamKey(TICKER, "KRW-BTC"),
        *(StreamKey(TICKER, f"KRW-C{number}") for number in range(300)),
    }
    for handle in handles:
        handle.close()
