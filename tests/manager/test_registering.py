"""The ways to register a component: with the object that it is for or without, awaited or not, in the right order."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from tests.manager.conftest import Desk
    from upbit_ws_qt.exchange import EmbeddedExchange

BTC = SubscriptionSpec(DataType.TICKER, "KRW-BTC")


class Strategy:
    """A component that is an object."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_event(self, event: object) -> None:
        self.seen.append(event)

    async def on_event_slowly(self, event: object) -> None:
        self.seen.append(event)


async def test_the_registration_of_an_object_ends_with_its_last_reference(
    exchange: EmbeddedExchange, desk: Desk
) -> None:
    strategies = [Strategy(), Strategy()]
    first = desk.manager.register_component("one", strategies[0], [BTC], strategies[0].on_event)
    second = desk.manager.register_component(
        component_id="two", instance=strategies[1], subscriptions=BTC, callback=strategies[1].on_event_slowly
    )
    await until(lambda: all(strategy.seen for strategy in strategies))
    assert await desk.manager.force_cleanup_dead_references() == 0
    await until(lambda: not desk.manager.wiring.routing.get_routing_statistics().waiting)
    strategies.pop(0)
    await until(lambda: first.closed)
    assert not second.closed
    await asyncio.to_thread(strategies.clear)  # its worker may hold it until its call is over
    await until(lambda: gc.collect() >= 0 and second.closed)
    await until(lambda: not exchange.connections)
    assert desk.manager.get_active_subscriptions() == {}


async def test_without_an_object_it_is_as_it_was_by_position_and_by_name(desk: Desk) -> None:
    seen: list[Any] = []
    by_position = desk.manager.register_component("a", BTC, seen.append)
    by_name = desk.manager.register_component("b", callback=seen.append, subscriptions=[BTC])
    mixed = desk.manager.register_component("c", BTC, callback=seen.append, alive=lambda: True)
    nobodys = desk.manager.register_component("d", None, BTC, seen.append)
    for handle in (by_position, by_name, mixed, nobodys):
        assert handle.specs == (BTC,)
        handle.close()


async def test_it_may_be_awaited_also_before_anything_is_dialled(desk: Desk) -> None:
    strategy = Strategy()
    handle = await desk.manager.register_component("awaited", strategy, [BTC], strategy.on_event)
    assert handle.specs == (BTC,)
    assert await handle is handle
    await until(lambda: strategy.seen)
    handle.close()


@pytest.mark.parametrize(
    "wanted",
    [
        ("callback", "specs"),
        ("specs", "instance", "callback"),
        ("instance", "callback", "specs"),
        ("callback", "specs", "instance"),
        ("instance", "specs"),
    ],
)
async def test_another_order_is_refused_in_words_and_nothing_is_registered(desk: Desk, wanted: tuple[str, ...]) -> None:
    strategy = Strategy()
    given: dict[str, Any] = {"instance": strategy, "specs": [BTC], "callback": strategy.on_event}
    register: Any = desk.manager.register_component
    with pytest.raises(
        ConfigurationError, match=r"register_component\(component_id, instance, subscriptions, callback\)"
    ):
        register("a", *(given[name] for name in wanted))
    for arguments in ((), (BTC,), (strategy, BTC, strategy.on_event, None)):
        with pytest.raises(TypeError, match=r"register_component\(component_id, instance, subscriptions, callback\)"):
            register("a", *arguments)
    with pytest.raises(TypeError, match="the order is"):
        register("a", BTC, strategy.on_event, calback=strategy.on_event)
    with pytest.raises(ConfigurationError, match="weakly"):
        register("a", 7, BTC, strategy.on_event)
    with pytest.raises(SubscriptionError):
        register("a", strategy, SubscriptionSpec(DataType.TICKER, "KRW-BTC", depth=7), strategy.on_event)
    assert desk.manager.get_active_subscriptions() == {}
