"""Other countries: what they lack is refused where it is asked for, in words, and what they have is served."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.events import OrderbookEvent, TickerEvent
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataFormat, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RSI = (IndicatorSpec.of("rsi", {"period": 14}),)
ANNOUNCEMENTS = SubscriptionSpec(DataType.ANNOUNCEMENT)
INDICATORS = SubscriptionSpec(DataType.INDICATOR, ["KRW-BTC"], timeframe="5m", indicators=RSI)


@contextlib.asynccontextmanager
async def desk(region: str, **changes: Any) -> AsyncIterator[tuple[EmbeddedExchange, GlobalWebSocketManager]]:
    settings = ExchangeSettings(region=region, markets=8, rate=200)
    async with EmbeddedExchange(settings) as exchange:
        addresses = ServiceConfig.for_exchange(exchange, **changes)
        manager = GlobalWebSocketManager(
            ServiceConfig.testing(
                **{
                    name: getattr(addresses, name)
                    for name in ("region", "public_url", "private_url", "info_url", "rest_url", "credentials")
                },
                **changes,
            )
        )
        await manager.start()
        try:
            yield exchange, manager
        finally:
            await manager.stop()


@pytest.mark.parametrize("region", ["sg", "id", "th"])
async def test_what_a_region_lacks_is_refused_at_the_call_and_nothing_is_asked(region: str) -> None:
    async with desk(region) as (exchange, manager):
        for spec, words in ((ANNOUNCEMENTS, "no announcements"), (INDICATORS, "no indicators")):
            with pytest.raises(SubscriptionError, match=rf"region \({region}\) has {words}") as refused:
                manager.register_component("panel", [SubscriptionSpec(DataType.MY_ORDER), spec], print)
            assert (refused.value.spec, refused.value.index) == (str(spec), 1)
        assert manager.get_active_subscriptions() == {}
        assert exchange.connections == []


async def test_only_indonesia_lacks_levels() -> None:
    async with desk("id") as (_, manager):
        for code in ("IDR-BTC", "KRW-BTC"):
            with pytest.raises(SubscriptionError, match="does not group order books"):
                manager.register_component("book", SubscriptionSpec(DataType.ORDERBOOK, code, level=1000), print)
    async with desk("kr") as (_, manager):
        manager.register_component("book", SubscriptionSpec(DataType.ORDERBOOK, "KRW-BTC", level=1000), print)
        manager.register_component("news", [ANNOUNCEMENTS, INDICATORS], print)


@pytest.mark.parametrize("data_format", [DataFormat.DEFAULT, DataFormat.SIMPLE])
async def test_indonesias_books_have_no_level_and_its_prices_are_exact(data_format: DataFormat) -> None:
    codes = ["IDR-BTC", "IDR-ETH"]
    async with desk("id", data_format=data_format) as (exchange, manager):
        seen: list[Any] = []
        handle = manager.register_component(
            "desk", [SubscriptionSpec(kind, codes) for kind in (DataType.TICKER, DataType.ORDERBOOK)], seen.append
        )
        orders: list[Any] = []
        manager.register_component("orders", SubscriptionSpec(DataType.MY_ORDER), orders.append)
        await handle.wait_served()
        await until(
            lambda: all(any(isinstance(event, kind) for event in seen) for kind in (TickerEvent, OrderbookEvent))
        )
        book = next(event for event in seen if isinstance(event, OrderbookEvent) and event.code == "IDR-BTC")
        assert not book.level
        price = book.orderbook_units[0].ask_price
        assert isinstance(price, Decimal)
        assert 1_000_000_000 < price == price.to_integral_value()
        requests = [raw for view in exchange.connections for _, raw in view.requests]
        assert requests
        assert not any(b"level" in raw for raw in requests)
        await until(lambda: exchange.subscribed("private"))
        exchange.place_order("IDR-BTC", "BID", price=Decimal(1_000_000_000), volume="0.01")
        await until(lambda: orders)
        assert orders[0].code == "IDR-BTC"
        assert exchange.counters.errors == {}


async def test_a_refused_request_ends_a_line_there_too_and_the_others_are_served_again() -> None:
    async with desk("sg") as (exchange, manager):
        seen: list[Any] = []
        wish = SubscriptionSpec(DataType.TICKER, "SGD-BTC")
        await manager.register_component("desk", wish, seen.append).wait_served()
        exchange.faults.inject("error", endpoint="public", error="INVALID_PARAM")
        await until(lambda: exchange.closed_connections)  # by whom: it is told before it is closed
        assert exchange.counters.errors == {"INVALID_PARAM": 1}
        count = len(seen)
        await until(lambda: len(seen) > count)
        await until(
            lambda: manager.wiring.endpoints[WebSocketType.PUBLIC].connection.state is ConnectionState.CONNECTED
        )
