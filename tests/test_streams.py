"""One name per stream, the same whether it comes from a wish or from an event."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.events import (
    BaseWebSocketEvent,
    IndicatorEvent,
    IndicatorParams,
    IndicatorSignalEvent,
    IndicatorValue,
    OrderbookEvent,
    SignalEventParams,
)
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, indicator_variant, key_of_event, level_variant, streams_of
from upbit_ws_qt.types import DataType, WebSocketType


def _book(level: str) -> OrderbookEvent:
    return OrderbookEvent(
        type="orderbook",
        code="KRW-BTC",
        timestamp=1,
        total_ask_size=Decimal(0),
        total_bid_size=Decimal(0),
        orderbook_units=(),
        level=Decimal(level),
    )


@pytest.mark.parametrize("data_type", [t for t in DataType if t.websocket_type is WebSocketType.PUBLIC])
def test_a_public_wish_is_one_stream_per_code(data_type: DataType) -> None:
    spec = SubscriptionSpec(data_type, ["krw-btc", "KRW-ETH"])
    assert streams_of(spec) == (StreamKey(data_type, "KRW-BTC"), StreamKey(data_type, "KRW-ETH"))


def test_depth_is_not_part_of_a_books_name_but_level_is() -> None:
    shallow = SubscriptionSpec(DataType.ORDERBOOK, ["KRW-BTC", "KRW-BTC.5"], depth=5)
    grouped = SubscriptionSpec(DataType.ORDERBOOK, "KRW-BTC", level="10000.0")
    assert streams_of(shallow) == (StreamKey(DataType.ORDERBOOK, "KRW-BTC"),)
    assert streams_of(grouped) == (StreamKey(DataType.ORDERBOOK, "KRW-BTC", "10000"),)
    assert key_of_event(_book("0")) == streams_of(shallow)[0]
    assert key_of_event(_book("1E+4")) == streams_of(grouped)[0]


def test_streams_without_a_market() -> None:
    for data_type in (DataType.MY_ASSET, DataType.ANNOUNCEMENT, DataType.MY_ORDER):
        assert streams_of(SubscriptionSpec(data_type)) == (StreamKey(data_type, ALL_SYMBOLS),)
    assert streams_of(SubscriptionSpec(DataType.MY_ORDER, "KRW-BTC")) == (StreamKey(DataType.MY_ORDER, "KRW-BTC"),)
    assert str(StreamKey(DataType.MY_ASSET)) == "myAsset *"
    assert StreamKey(DataType.MY_ASSET).websocket_type is WebSocketType.PRIVATE


@given(st.decimals(min_value=0, max_value=10**6, allow_nan=False, places=4))
def test_a_levels_name_does_not_depend_on_its_spelling(level: Decimal) -> None:
    assert level_variant(level) == level_variant(level.normalize()) == level_variant(Decimal(f"{level:f}00"))
    assert (level_variant(level) == "") == (level == 0)


@pytest.mark.parametrize("spelling", [2, 2.0, Decimal("2"), Decimal("2.00")])
def test_an_indicators_name_does_not_depend_on_spelling(spelling: Any) -> None:
    entry = IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": spelling})
    wish = streams_of(SubscriptionSpec(DataType.INDICATOR, "KRW-BTC", timeframe="5m", indicators=[entry]))
    event = IndicatorEvent(
        type="indicator",
        code="KRW-BTC",
        timestamp=1,
        timeframe="5m",
        indicator="bollinger_bands",
        params=IndicatorParams(period=20, multiplier=Decimal("2.0")),
        value=IndicatorValue(),
        candle_date_time_utc="2026-11-20T00:00:00",
    )
    assert wish == (key_of_event(event),)


def test_signals_are_told_apart_by_trigger_and_limit() -> None:
    entries = [
        IndicatorSpec.of("rsi", {"period": 14}, trigger="overbought", event_params={"threshold": 70}),
        IndicatorSpec.of("rsi", {"period": 14}, trigger="overbought", event_params={"threshold": 80}),
        IndicatorSpec.of("rsi", {"period": 14}, trigger="oversold", event_params={"threshold": 20}),
    ]
    spec = SubscriptionSpec(DataType.INDICATOR_SIGNAL, "KRW-BTC", timeframe="5m", indicators=entries)
    event = IndicatorSignalEvent(
        type="indicator_signal",
        code="KRW-BTC",
        timestamp=1,
        timeframe="5m",
        indicator="rsi",
        params=IndicatorParams(period=14),
        trigger="overbought",
        event_params=SignalEventParams(threshold=80),
        value=IndicatorValue(),
        candle_date_time_utc="2026-11-20T00:00:00",
    )
    assert len(streams_of(spec)) == 3
    assert key_of_event(event) == streams_of(spec)[1]
    assert indicator_variant("5m", entries[0]) == "5m rsi period=14 overbought threshold=70"


def test_a_type_that_is_not_known_yet_has_no_stream() -> None:
    assert key_of_event(BaseWebSocketEvent(type="candle.7m", code="KRW-BTC", timestamp=1)) is None
    known = BaseWebSocketEvent(type="candle.1m", code="KRW-BTC", timestamp=1)
    assert key_of_event(known) == StreamKey(DataType.CANDLE_1M, "KRW-BTC")


def test_text_and_nothing_are_part_of_an_indicators_name() -> None:
    average = IndicatorSpec.of("moving_average", {"type": "EMA", "period": 5})
    assert indicator_variant("5m", average) == "5m moving_average period=5,type=EMA"
    assert indicator_variant("5m", IndicatorSpec.of("volume", {"period": 0})) == "5m volume period=0"
