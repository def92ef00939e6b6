"""A quarantined component gives back what it wants, and gets it back when it is resumed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.errors import BackpressureError, SubscriptionError
from upbit_ws_qt.events import StreamType
from upbit_ws_qt.monitoring.adaptive import AdaptationKind, AdaptationPlan
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import DataType, Delivery, Priority, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.manager.conftest import Desk
    from upbit_ws_qt.exchange import EmbeddedExchange

TICKER, BOOK = DataType.TICKER, DataType.ORDERBOOK


def on_the_wire(exchange: EmbeddedExchange) -> set[tuple[str, str]]:
    """Return the (type, code) pairs that the exchange sends."""
    return {(entry[0], entry[1]) for entry in exchange.subscribed("public")}


def ignore(event: object) -> None:
    """Take an event and do nothing with it."""


class Component:
    """Raises, blocks, or behaves."""

    def __init__(self, deed: Callable[[], None]) -> None:
        self.deed = deed
        self.events: list[Any] = []

    def __call__(self, event: object) -> None:
        self.events.append(event)
        self.deed()

    async def slowly(self, event: object) -> None:
        self(event)


def fail() -> None:
    raise ValueError("as ever")


def block() -> None:
    time.sleep(0.03)


def behave() -> None:
    """Do nothing."""


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize("deed", [fail, block])
async def test_what_only_a_quarantined_component_wants_leaves_the_wire_and_comes_back_with_it(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any], deed: Callable[[], None], awaited: bool
) -> None:
    desk: Desk = await make_desk(slow_callback=0.02, quarantine_after=3, quarantine_window=60.0)
    manager = desk.manager
    good = Component(behave)
    manager.register_component("good", SubscriptionSpec(TICKER, "KRW-BTC"), good)
    await until(lambda: good.events)
    bad = Component(deed)
    specs = [SubscriptionSpec(TICKER, ["KRW-BTC", "KRW-ETH"]), SubscriptionSpec(BOOK, "KRW-XRP")]
    handle = manager.register_component("bad", specs, bad.slowly if awaited else bad)
    await until(lambda: handle.quarantined)
    await until(lambda: on_the_wire(exchange) == {("ticker", "KRW-BTC")})
    assert manager.get_active_subscriptions() == {StreamKey(TICKER, "KRW-BTC"): ("good",)}
    assert manager.quarantined() == {"bad": handle.streams}
    routing = manager.wiring.routing.get_routing_statistics()
    assert {each.component_id: each.streams for each in routing.components} == {"good": 1, "bad": 0}
    assert routing.quarantined == ("bad",)
    await until(lambda: any(isinstance(error, BackpressureError) for _, error in desk.diary.failures))
    with pytest.raises(SubscriptionError, match="quarantined"):
        await handle.wait_served()
    assert {figures.key for figures in manager.wiring.routing.stream_stats()} == {StreamKey(TICKER, "KRW-BTC")}

    bad.deed = behave
    bad.events.clear()
    assert manager.resume("bad") is True
    assert manager.resume("bad") is False
    assert manager.quarantined() == {}
    await handle.wait_served(30.0)
    assert on_the_wire(exchange) == {("ticker", "KRW-BTC"), ("ticker", "KRW-ETH"), ("orderbook", "KRW-XRP")}
    await until(lambda: {event.code for event in bad.events} == {"KRW-BTC", "KRW-ETH", "KRW-XRP"})
    handle.close()
    await until(lambda: on_the_wire(exchange) == {("ticker", "KRW-BTC")})


async def quarantined(desk: Desk, component_id: str, *specs: SubscriptionSpec) -> tuple[Component, Any]:
    """Return a component that is quarantined, and its registration."""
    bad = Component(fail)
    handle = desk.manager.register_component(component_id, specs or SubscriptionSpec(TICKER, "KRW-BTC"), bad)
    await until(lambda: handle.quarantined)
    return bad, handle


async def test_a_component_that_is_resumed_is_told_how_it_stands_with_what_it_gave_back(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(quarantine_after=2)
    manager, bad, told = desk.manager, Component(fail), list[tuple[StreamKey, StreamStatus]]()
    spec = SubscriptionSpec(TICKER, ["KRW-BTC", "KRW-ETH"])
    handle = manager.register_component("bad", spec, bad, on_status=lambda *news: told.append(news[:2]))
    await until(lambda: handle.quarantined)
    await until(lambda: on_the_wire(exchange) == set())
    told.clear()
    bad.deed = behave
    mute = exchange.faults.inject("mute", codes=["KRW-BTC", "KRW-ETH"])  # or they may be served before they are told
    manager.resume("bad")
    await until(lambda: len(told) >= 2)
    assert dict(told[:2]) == dict.fromkeys(handle.streams, StreamStatus.WANTED)
    mute.clear()
    await until(lambda: dict(told) == dict.fromkeys(handle.streams, StreamStatus.LIVE))


async def test_a_quarantined_component_may_want_something_else_and_is_asked_for_it_when_resumed(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(quarantine_after=2)
    bad, handle = await quarantined(desk, "bad")
    await until(lambda: on_the_wire(exchange) == set())
    handle.set_specs(SubscriptionSpec(TICKER, "KRW-ETH"))
    later = desk.manager.register_component("bad", SubscriptionSpec(BOOK, "KRW-ETH"), bad)
    assert later.quarantined
    with pytest.raises(SubscriptionError, match="level and depth"):
        desk.manager.register_component("bad", SubscriptionSpec(TICKER, "KRW-ETH", depth=7), bad)
    assert desk.manager.get_active_subscriptions() == {}
    bad.deed = behave
    desk.manager.resume("bad")
    await handle.wait_served(30.0)
    await later.wait_served(30.0)
    assert on_the_wire(exchange) == {("ticker", "KRW-ETH"), ("orderbook", "KRW-ETH")}
    await until(lambda: {event.type for event in bad.events[2:]} == {"ticker", "orderbook"})


async def test_what_ends_while_it_is_quarantined_leaves_nothing(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(quarantine_after=2)
    _, handle = await quarantined(desk, "bad")
    handle.close()
    assert desk.manager.quarantined() == {}
    assert desk.manager.resume("bad") is False
    fresh = Component(behave)
    again = desk.manager.register_component("bad", SubscriptionSpec(TICKER, "KRW-BTC"), fresh)
    await until(lambda: fresh.events)  # a name that nothing is left of begins anew
    assert not again.quarantined
    assert desk.manager.unregister_component("bad") is True
    await until(lambda: on_the_wire(exchange) == set())


async def test_load_gives_up_nothing_of_a_quarantined_component_and_it_comes_back_as_the_load_has_it(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(quarantine_after=2)
    bad, handle = await quarantined(desk, "bad", SubscriptionSpec(BOOK, "KRW-BTC", priority=Priority.LOW))
    desk.manager.wiring.adapt(AdaptationPlan(steps=(AdaptationKind.BOOK_DEPTH_5,)))
    assert desk.manager.get_active_subscriptions() == {}
    bad.deed = behave
    desk.manager.resume("bad")
    await handle.wait_served(30.0)
    assert desk.manager.wiring.stream_status(StreamKey(BOOK, "KRW-BTC")) is StreamStatus.LIVE
    await until(lambda: bad.events[2:] and len(bad.events[-1].orderbook_units) == 5)


async def test_frames_for_the_display_stop_and_go_on_likewise(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(quarantine_after=2)
    bad, _ = await quarantined(desk, "bad", SubscriptionSpec(TICKER, "KRW-BTC", delivery=Delivery.FRAME))
    await until(lambda: on_the_wire(exchange) == set())
    bad.deed = behave
    bad.events.clear()
    desk.manager.resume("bad")
    await until(lambda: len(bad.events) > 1)


async def test_who_is_resumed_in_a_quiet_market_is_told_the_present_state_of_all_it_wants(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(quarantine_after=2)
    good = Component(behave)
    await desk.manager.register_component("good", SubscriptionSpec(TICKER, "KRW-BTC"), good).wait_served(30.0)
    bad, _ = await quarantined(desk, "bad", SubscriptionSpec(TICKER, ["KRW-BTC", "KRW-ETH"]))
    await until(lambda: on_the_wire(exchange) == {("ticker", "KRW-BTC")})
    exchange.stop_time()
    await until(lambda: not len(desk.manager.wiring.endpoints[WebSocketType.PUBLIC].inbox))
    bad.deed = behave
    bad.events.clear()
    desk.manager.resume("bad")
    await until(lambda: {event.code for event in bad.events} == {"KRW-BTC", "KRW-ETH"})
    assert StreamType.SNAPSHOT in {event.stream_type for event in bad.events}
    exchange.continue_time()
