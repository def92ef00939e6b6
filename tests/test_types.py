"""The vocabulary: names, endpoints, and wishes that are put right or refused when they are made."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec, normalize_symbols
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, DataType, Delivery, Priority, WebSocketType

FIELDS = json.loads((Path(__file__).parent / "data" / "fields.json").read_text())


def test_data_types_are_the_wire_names_of_the_protocol() -> None:
    names = {
        value for rows in FIELDS.values() for row in rows if row["name"] == "type" for value in row.get("values", [])
    }
    assert {t.value for t in DataType} == names - {"SMA", "EMA"}


def test_each_type_knows_its_line() -> None:
    assert {t for t in DataType if t.websocket_type is WebSocketType.PRIVATE} == {
        DataType.MY_ORDER,
        DataType.MY_ASSET,
        DataType.ANNOUNCEMENT,
    }
    assert {t for t in DataType if t.websocket_type is WebSocketType.INFO} == {
        DataType.INDICATOR,
        DataType.INDICATOR_SIGNAL,
    }
    assert {t for t in DataType if t.has_snapshot} == {t for t in DataType if not t.is_event_only}
    assert DataType.CANDLE_240M.is_candle
    assert not DataType.TRADE.is_candle


def test_candle_units() -> None:
    assert DataType.candle("1m") is DataType.CANDLE_1M
    with pytest.raises(SubscriptionError, match=r"unknown candle unit '2m'.*240m"):
        DataType.candle("2m")


@pytest.mark.parametrize(
    "given_symbols", ["krw-btc", ["KRW-BTC"], ("krw-btc", "KRW-BTC"), iter([" KRW-BTC "]), {"KRW-BTC"}]
)
def test_symbols_come_as_text_or_any_iterable(given_symbols: Any) -> None:
    assert SubscriptionSpec(DataType.TICKER, given_symbols).symbols == ("KRW-BTC",)


@pytest.mark.parametrize(
    "code", ["", "KRWBTC", "KRW-", "-BTC", "KRW BTC", "KRW-BTC.", "KRW-비트", "K" * 99 + "-BTC", 7, None]
)
def test_a_malformed_code_is_refused_at_once(code: Any) -> None:
    with pytest.raises(SubscriptionError, match="market code"):
        normalize_symbols([code])


@given(st.lists(st.sampled_from(["KRW-BTC", "krw-eth", "BTC-XRP", "usdt-btc", "KRW-BTC.15"])))
def test_normalizing_keeps_order_and_drops_repeats(codes: list[str]) -> None:
    once = normalize_symbols(codes)
    assert once == tuple(dict.fromkeys(code.upper() for code in codes))
    assert normalize_symbols(once) == once


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("data_type", "tickers"),
        ("level", -1),
        ("level", "NaN"),
        ("level", "much"),
        ("priority", 17),
        ("delivery", "sometimes"),
        ("level", "1e999999999"),
        ("depth", "15"),
        ("depth", None),
        ("only_snapshot", "yes"),
        ("only_realtime", 1),
        ("categories", 5),
        ("categories", ["notice", 1]),
        ("include_body", "no"),
        ("timeframe", 5),
        ("indicators", 5),
        ("indicators", "rsi"),
        ("indicators", [{"type": "rsi"}]),
        ("backpressure", {}),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_when_made(field: str, value: Any) -> None:
    arguments: dict[str, Any] = {"data_type": DataType.ORDERBOOK, "symbols": "KRW-BTC", field: value}
    with pytest.raises(SubscriptionError, match=f"{field}|{field.replace('_', ' ')}"):
        SubscriptionSpec(**arguments)


@pytest.mark.parametrize("symbols", [None, 7, 1.5])
def test_what_is_neither_a_code_nor_a_list_of_codes_is_refused_at_once(symbols: Any) -> None:
    with pytest.raises(SubscriptionError, match="alone or in a list"):
        SubscriptionSpec("ticker", symbols)


def test_one_indicator_needs_no_list() -> None:
    rsi: Any = IndicatorSpec.of("rsi", {"period": 14})
    assert SubscriptionSpec("indicator", "KRW-BTC", timeframe="5m", indicators=rsi).indicators == (rsi,)


@pytest.mark.parametrize("params", [{"period": 14}, (("period", [14]),)])
def test_parameters_that_are_no_value_are_refused_when_the_wish_is_made(params: Any) -> None:
    with pytest.raises(SubscriptionError, match=r"IndicatorSpec\.of"):
        IndicatorSpec("rsi", params)


def test_a_wish_is_a_value() -> None:
    one = SubscriptionSpec("orderbook", "KRW-BTC", level="10000", depth=5, priority=Priority.HIGH, categories="notice")
    two = SubscriptionSpec(
        DataType.ORDERBOOK, ["krw-btc"], level=Decimal(10000), depth=5, priority=Priority.HIGH, categories=["notice"]
    )
    assert one == two
    assert hash(one) == hash(two)
    assert dataclasses.replace(one, delivery=Delivery.FRAME).delivery is Delivery.FRAME
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.depth = 15  # type: ignore[misc]


def test_a_wish_reads_well() -> None:
    assert str(SubscriptionSpec("ticker", [f"KRW-C{i}" for i in range(7)])) == (
        "ticker(KRW-C0, KRW-C1, KRW-C2, KRW-C3, KRW-C4 and 2 more)"
    )


def test_indicator_entries_as_the_wire_wants_them() -> None:
    plain = IndicatorSpec.of("rsi", {"period": 14})
    assert plain.to_wire() == {"type": "rsi", "params": {"period": 14}}
    signal = IndicatorSpec.of("rsi", {"period": 14}, trigger="overbought", event_params={"threshold": 70})
    assert signal.to_wire()["trigger"] == "overbought"
    assert signal.to_wire()["event_params"] == {"threshold": 70}
    assert "event_params" not in IndicatorSpec.of("macd", {}, trigger="golden_cross").to_wire()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strategy", "drop"),
        ("max_queue_size", 0),
        ("warning_threshold", 0.0),
        ("warning_threshold", 1.1),
        ("max_rate", 0.0),
        ("deadline", -1.0),
        *(
            (name, odd)
            for name in ("max_queue_size", "warning_threshold", "max_rate", "deadline")
            for odd in ("1", None, True, float("nan"))
        ),
        ("max_queue_size", 1.5),
    ],
)
def test_backpressure_is_checked(field: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        BackpressureConfig(**{field: value})
    assert caught.value.field == field
    assert BackpressureConfig(strategy=BackpressureStrategy.BLOCK).max_queue_size == 10_000


def test_what_is_known_of_the_data_types() -> None:
    def all_that(name: str) -> set[str]:
        return {data_type.value for data_type in DataType if getattr(data_type, name)}

    every = {data_type.value for data_type in DataType}
    candles = {value for value in every if value.startswith("candle.")}
    account = {"myOrder", "myAsset"}
    assert all_that("is_candle") == candles
    assert all_that("is_indicator") == {"indicator", "indicator_signal"}
    assert all_that("takes_codes") == every - {"myAsset", "announcement"}
    assert all_that("needs_codes") == every - {"myAsset", "announcement", "myOrder"}
    assert all_that("has_snapshot") == {"ticker", "trade", "orderbook", *candles}
    assert all_that("is_event_only") == every - all_that("has_snapshot")
    assert all_that("newest_suffices") == {"ticker", "orderbook"}
    assert all_that("every_message_counts") == {"trade", *account}
