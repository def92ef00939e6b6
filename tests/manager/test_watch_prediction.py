"""What subscriptions will cost, told from what others were measured to cost on a live exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.test_watch_figures import ignore
from tests.waiting import until
from upbit_ws_qt.types import DataType, SubscriptionSpec, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.exchange import EmbeddedExchange

PUBLIC = WebSocketType.PUBLIC
KINDS = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)


async def test_the_cost_of_some_markets_is_foretold_within_thirty_percent(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    exchange.set_rate(1500)
    markets = sorted(exchange.world.codes)
    desk = await make_desk()
    learnt = [SubscriptionSpec(kind, markets) for kind in KINDS]
    await desk.manager.register_component("all", learnt, ignore).wait_served(10)
    # The program that the forecast is for runs at the same time: a busy machine slows both down alike.
    planned = [SubscriptionSpec(kind, markets[:20]) for kind in KINDS]
    other = await make_desk()
    await other.manager.register_component("some", planned, ignore).wait_served(10)
    connection = other.manager.endpoints[PUBLIC].connection
    before, begun = connection.figures(), other.manager.loop.time()
    await until(lambda: other.manager.loop.time() > begun + 8, 30)
    after, seconds = connection.figures(), other.manager.loop.time() - begun

    foretold = desk.manager.monitor.adaptive.predict_resource_usage(planned)
    assert foretold.streams == 60
    assert foretold.measured_share > 0.9
    assert foretold.messages_per_second == pytest.approx((after.frames - before.frames) / seconds, rel=0.3)
    measured = (after.bytes_inflated - before.bytes_inflated) / seconds
    assert foretold.bytes_per_second == pytest.approx(measured, rel=0.3)
