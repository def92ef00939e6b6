"""What was seen on the real exchange costs a program neither order nor figures: late, odd, doubled and respelt data."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.events import CandleEvent, OrderbookEvent, TickerEvent, TradeEvent
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataFormat, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

CODES = ["KRW-BTC", "KRW-ETH", "KRW-XRP"]
KINDS = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK, DataType.CANDLE_1S)
ODDITIES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "realtime before the snapshot": [("wrong_snapshot", {"mode": "behind"})],
    "identical books twice": [("duplicate_books", {"copies": 2})],
    "two bursts of old snapshots": [
        ("late_snapshots", {"first": 0.05, "second": 0.2}),
        ("wrong_snapshot", {"mode": "stale", "age": 143.0}),
    ],
    "microseconds now and then": [("microseconds", {"types": ("orderbook", "ticker", "trade"), "times": 200})],
    "other spellings": [("other_spellings", {})],
}


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """A few busy markets."""
    async with EmbeddedExchange(ExchangeSettings(seed=7, markets=3, rate=300)) as running:
        yield running


@pytest.mark.parametrize("data_format", [DataFormat.DEFAULT, DataFormat.SIMPLE])
@pytest.mark.parametrize("oddity", ODDITIES)
async def test_an_oddity_costs_neither_order_nor_age_nor_health(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any], oddity: str, data_format: DataFormat
) -> None:
    faults = [exchange.faults.inject(name, endpoint="public", **options) for name, options in ODDITIES[oddity]]
    desk = await make_desk(data_format=data_format)
    seen: list[Any] = []
    handle = desk.manager.register_component("desk", [SubscriptionSpec(kind, CODES) for kind in KINDS], seen.append)
    await handle.wait_served()
    last = dict.fromkeys(KINDS, 0)

    def enough() -> bool:
        for kind in KINDS:
            last[kind] = sum(event.type == kind for event in seen)
        return min(last.values()) >= 9 and all(fault.hits for fault in faults)

    await until(enough)
    by_stream: dict[tuple[str, str], list[Any]] = {}
    for event in seen:
        by_stream.setdefault((event.type, event.code), []).append(event)
    for (kind, _), events in by_stream.items():
        if kind != DataType.TRADE:
            times = [event.timestamp for event in events]
            assert times == sorted(times), "never older after newer"
        else:
            ids = [event.sequential_id for event in events]
            assert len(set(ids)) == len(ids), "nothing twice"
        if kind == DataType.ORDERBOOK:
            contents = [(event.timestamp, event.orderbook_units) for event in events]
            assert len(set(contents)) == len(contents), "nothing twice"
    now_ms = exchange.world.now_ms
    assert all(abs(event.timestamp - now_ms) < 1_000_000 for event in seen), "no age of 50,000 years"
    for shape in (TickerEvent, TradeEvent, CandleEvent):
        of_shape: list[Any] = [event for event in seen if isinstance(event, shape)]
        prices = [event.trade_price for event in of_shape if event.code == "KRW-BTC"]
        assert prices
        assert all(isinstance(price, Decimal) and price % 1000 == 0 for price in prices)
    assert any(isinstance(event, OrderbookEvent) for event in seen)
    metrics = (await desk.manager.get_performance_metrics()).connections[WebSocketType.PUBLIC]
    assert metrics.event_age.maximum < 60, "a snapshot tells no age, and neither do microseconds"
    assert (metrics.error_count, metrics.reconnect_count, metrics.unserved) == (0, 0, 0)
    assert metrics.state is ConnectionState.CONNECTED
    assert desk.diary.gaps == []
    assert desk.diary.errors == []
    assert desk.diary.failures == []
    if oddity == "identical books twice":
        assert metrics.duplicates > 0
