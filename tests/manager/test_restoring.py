"""A picture of who wants what, put back: the same wishes, handed to the same callbacks."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING, Any

from tests.waiting import until
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from tests.manager.conftest import Desk
    from upbit_ws_qt.exchange import EmbeddedExchange

TICKER, TRADE, BOOK = DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK


def on_the_wire(exchange: EmbeddedExchange) -> set[tuple[str, str]]:
    """Return the (type, code) pairs that the exchange sends."""
    return {(entry[0], entry[1]) for entry in exchange.subscribed("public")}


async def test_what_was_captured_comes_back_with_its_callbacks_and_nothing_else(
    exchange: EmbeddedExchange, desk: Desk
) -> None:
    manager = desk.manager
    seen: dict[str, list[Any]] = {"same": [], "closed": [], "changed": [], "later": [], "again": []}
    same = manager.register_component("same", SubscriptionSpec(TICKER, "KRW-BTC"), seen["same"].append)
    closed = manager.register_component("closed", SubscriptionSpec(BOOK, "KRW-BTC"), seen["closed"].append)
    changed = manager.register_component("changed", SubscriptionSpec(TICKER, "KRW-ETH"), seen["changed"].append)
    for handle in (same, closed, changed):
        await handle.wait_served(30.0)
    picture = manager.capture_state()
    before = manager.get_active_subscriptions()
    assert picture.served == before.keys()
    closed.close()
    changed.set_specs(SubscriptionSpec(TICKER, "KRW-XRP"))
    manager.register_component("later", SubscriptionSpec(TRADE, "KRW-BTC"), seen["later"].append)
    extra = manager.register_component("same", SubscriptionSpec(BOOK, "KRW-ETH"), seen["again"].append)
    await until(lambda: on_the_wire(exchange) >= {("trade", "KRW-BTC"), ("ticker", "KRW-XRP")})
    assert picture.compare(manager.capture_state()).components_new == ("later",)

    seen["closed"].clear()
    result = await manager.restore_state(picture)
    assert result
    assert set(result.restored) == {"closed", "changed", "same"}
    assert result.removed == ("later",)
    assert extra.closed
    assert manager.get_active_subscriptions() == before
    await closed.wait_served(30.0)
    assert on_the_wire(exchange) == {("ticker", "KRW-BTC"), ("orderbook", "KRW-BTC"), ("ticker", "KRW-ETH")}
    await until(lambda: seen["closed"])
    again = await manager.restore_state(picture)
    assert (again.restored, again.removed, set(again.unchanged)) == ((), (), {"same", "closed", "changed"})
    closed.close()  # whoever held the registration holds it again
    await until(lambda: ("orderbook", "KRW-BTC") not in on_the_wire(exchange))


class Owner:
    def __init__(self) -> None:
        self.seen: list[Any] = []

    def take(self, event: object) -> None:
        self.seen.append(event)


async def test_an_owner_that_is_gone_is_kept_by_no_picture_and_comes_back_by_none(
    exchange: EmbeddedExchange, desk: Desk
) -> None:
    owners = [Owner()]
    gone = weakref.ref(owners[0])
    desk.manager.register_component("gone", owners[0], SubscriptionSpec(TICKER, "KRW-BTC"), owners[0].take)
    kept = desk.manager.register_component("kept", SubscriptionSpec(TICKER, "KRW-ETH"), print_nothing)
    picture = desk.manager.capture_state()
    owners.clear()
    await until(lambda: gc.collect() >= 0 and gone() is None)
    kept.close()
    result = await desk.manager.restore_state(picture)
    assert not result
    assert result.restored == ("kept",)
    assert isinstance(result.failed["gone"], SubscriptionError)
    assert "owner is gone" in str(result.failed["gone"])
    await until(lambda: on_the_wire(exchange) == {("ticker", "KRW-ETH")})


def print_nothing(event: object) -> None:
    """Take an event and do nothing with it."""
