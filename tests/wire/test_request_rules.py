"""What the exchange accepts, checked against the protocol's table."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from typing import Any

import pytest

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire import INDICATOR_RULES, build_request, check_spec, count_combinations
from upbit_ws_qt.wire.request_rules import check_indicator

Spec = SubscriptionSpec
RSI = IndicatorSpec.of("rsi", {"period": 14})


def indicator(entry: IndicatorSpec, *, signal: bool = False, **options: Any) -> SubscriptionSpec:
    data_type = DataType.INDICATOR_SIGNAL if signal else DataType.INDICATOR
    return Spec(data_type, options.pop("symbols", "KRW-BTC"), **{"timeframe": "5m", "indicators": [entry], **options})


GOOD = [
    Spec(DataType.TICKER, "KRW-BTC", only_snapshot=True),
    Spec(DataType.TRADE, ["BTC-ETH", "USDT-BTC"], only_realtime=True),
    Spec(DataType.ORDERBOOK, ["KRW-BTC.15", "KRW-ETH"], level=Decimal(1000), depth=1),
    Spec(DataType.CANDLE_1S, "KRW-BTC"),
    Spec(DataType.MY_ORDER),
    Spec(DataType.MY_ORDER, "KRW-BTC"),
    Spec(DataType.MY_ASSET),
    Spec(DataType.ANNOUNCEMENT, categories=["trading", "something_new"], include_body=True),
    indicator(RSI),
]

BAD = [
    (Spec(DataType.TICKER), "ticker needs at least one code"),
    (Spec(DataType.INDICATOR, timeframe="5m", indicators=[RSI]), "indicator needs at least one code"),
    (Spec(DataType.MY_ASSET, "KRW-BTC"), "myAsset takes no codes"),
    (Spec(DataType.ANNOUNCEMENT, "KRW-BTC"), "announcement takes no codes"),
    (Spec(DataType.TICKER, "KRW-BTC", only_snapshot=True, only_realtime=True), "exclude each other"),
    (Spec(DataType.MY_ORDER, only_realtime=True), "neither snapshots nor flags"),
    (indicator(RSI, only_snapshot=True), "neither snapshots nor flags"),
    (Spec(DataType.TICKER, "KRW-BTC.5"), "depth suffix"),
    (Spec(DataType.ORDERBOOK, "KRW-BTC.7"), "1, 5, 15 or 30"),
    (Spec(DataType.ORDERBOOK, "KRW-BTC", depth=10), "1, 5, 15 or 30"),
    (Spec(DataType.TICKER, "KRW-BTC", depth=5), "orderbook only"),
    (Spec(DataType.TRADE, "KRW-BTC", level=Decimal(10)), "orderbook only"),
    (Spec(DataType.ORDERBOOK, ["KRW-BTC", "BTC-ETH"], level=Decimal(10)), "BTC-ETH: only KRW markets have levels"),
    (Spec(DataType.TICKER, "KRW-BTC", categories=["trade"]), "announcement only"),
    (Spec(DataType.TICKER, "KRW-BTC", include_body=True), "announcement only"),
    (Spec(DataType.ANNOUNCEMENT, categories=[""]), "category"),
    (Spec(DataType.TICKER, "KRW-BTC", timeframe="5m"), "indicator and indicator_signal only"),
    (Spec(DataType.TICKER, "KRW-BTC", indicators=[RSI]), "indicator and indicator_signal only"),
    (indicator(RSI, timeframe="3m"), "timeframe '3m'"),
    (indicator(RSI, timeframe=None), "timeframe None"),
    (indicator(RSI, symbols=["KRW-BTC", "USDT-BTC"]), "USDT-BTC: only KRW markets"),
    (indicator(RSI, indicators=[]), "at least one indicator"),
    (indicator(IndicatorSpec.of("vwap")), "unknown indicator 'vwap'"),
    (indicator(IndicatorSpec.of("rsi", {"period": 15})), "period 2/3/4"),
    (indicator(IndicatorSpec.of("rsi", {"period": True})), "does not take params"),
    (indicator(IndicatorSpec.of("rsi", {"period": "14"})), "does not take params"),
    (indicator(IndicatorSpec.of("rsi", {"period": 14.04})), "does not take params"),
    (indicator(IndicatorSpec.of("rsi", {"period": float("nan")})), "does not take params"),
    (indicator(IndicatorSpec.of("rsi", {"period": Decimal("1e999999")})), "does not take params"),
    (indicator(IndicatorSpec.of("rsi")), "does not take params"),
    (indicator(IndicatorSpec.of("rsi", {"period": 14, "type": "SMA"})), "does not take params"),
    (indicator(IndicatorSpec.of("moving_average", {"type": "WMA", "period": 5})), "SMA/EMA"),
    (indicator(IndicatorSpec.of("ma_crossover", {"type": "SMA", "short_period": 5, "long_period": 60})), " or "),
    (indicator(IndicatorSpec.of("macd", {"fast": 12, "slow": 17, "signal_period": 9})), "does not take params"),
    (indicator(IndicatorSpec.of("rsi", {"period": 14}, trigger="oversold")), "indicator_signal only"),
    (indicator(RSI, signal=True), "no trigger None"),
    (
        indicator(IndicatorSpec.of("rsi", {"period": 14}, trigger="golden_cross"), signal=True),
        "no trigger 'golden_cross'; expected one of overbought, oversold",
    ),
    (indicator(IndicatorSpec.of("rsi", {"period": 13}, trigger="oversold"), signal=True), "period 7/9/14/21/25"),
    (
        indicator(
            IndicatorSpec.of("rsi", {"period": 14}, trigger="oversold", event_params={"threshold": 70}), signal=True
        ),
        "threshold 20/30",
    ),
    (
        indicator(
            IndicatorSpec.of(
                "ma_crossover",
                {"type": "SMA", "short_period": 5, "long_period": 20},
                trigger="dead_cross",
                event_params={"threshold": 1},
            ),
            signal=True,
        ),
        "allowed: none",
    ),
    (indicator(RSI, symbols=[f"KRW-C{n}" for n in range(101)]), "101 indicator combinations"),
]


@pytest.mark.parametrize("spec", GOOD, ids=str)
def test_takes_what_the_exchange_takes(spec: SubscriptionSpec) -> None:
    check_spec(spec)
    _, *asked, _ = json.loads(build_request([spec], ticket="t"))
    assert [entry["type"] for entry in asked] == [spec.data_type.value]


@pytest.mark.parametrize(("spec", "reason"), BAD)
@pytest.mark.statement("P3.5", "P3.7", "P10.4")
def test_refuses_what_the_exchange_refuses(spec: SubscriptionSpec, reason: str) -> None:
    with pytest.raises(SubscriptionError) as caught:
        check_spec(spec, 3)
    assert reason in caught.value.reason
    assert caught.value.index == 3
    assert caught.value.codes == spec.symbols


# Protocol sheet, "Indicators (INFO)": how many ways the table leaves.
TABLE = {
    "volume": (10, 3, {"volume_spike": 3}),
    "rsi": (15, 5, {"overbought": 2, "oversold": 2}),
    "moving_average": (30, 16, {"price_cross_above": 1, "price_cross_below": 1}),
    "ma_crossover": (8, 8, {"golden_cross": 1, "dead_cross": 1}),
    "bollinger_bands": (15, 3, {"price_cross_above": 1, "price_cross_below": 1}),
    "macd": (3, 3, {"golden_cross": 1, "dead_cross": 1, "zero_cross_above": 1, "zero_cross_below": 1}),
}


def ways(choices: tuple[Any, ...]) -> list[dict[str, Any]]:
    return [
        dict(zip(choice, values, strict=True)) for choice in choices for values in itertools.product(*choice.values())
    ]


@pytest.mark.statement("P10.2")
def test_the_table_is_that_of_the_protocol() -> None:
    assert set(INDICATOR_RULES) == set(TABLE)
    for name, (plain, signal, triggers) in TABLE.items():
        rule = INDICATOR_RULES[name]
        assert len(ways(rule.params)) == plain
        assert len(ways(rule.signal_params)) == signal
        assert {trigger: len(ways((limits,))) for trigger, limits in rule.triggers.items()} == triggers


@pytest.mark.parametrize("name", TABLE)
def test_every_way_of_the_table_is_taken(name: str) -> None:
    rule = INDICATOR_RULES[name]
    for params in ways(rule.params):
        assert check_indicator(IndicatorSpec.of(name, params), signal=False) is None
    for params in ways(rule.signal_params):
        for trigger, limits in rule.triggers.items():
            for event_params in ways((limits,)):
                entry = IndicatorSpec.of(name, params, trigger=trigger, event_params=event_params)
                assert check_indicator(entry, signal=True) is None


@pytest.mark.parametrize("value", [2, 2.0, Decimal(2), Decimal("2.00")])
def test_a_number_is_the_same_however_it_is_spelt(value: Any) -> None:
    entry = IndicatorSpec.of("bollinger_bands", {"period": 20.0, "multiplier": value})
    assert check_indicator(entry, signal=False) is None
    same = IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": 2})
    assert count_combinations([indicator(entry), indicator(same)]) == 1


@pytest.mark.statement("P8.7")
def test_combinations_are_counted_over_everything() -> None:
    bands = IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": 2.5})
    specs = [
        indicator(RSI, symbols=["KRW-A", "KRW-B"], indicators=[RSI, bands]),
        indicator(RSI, symbols=["KRW-A"], timeframe="15m"),
        Spec(DataType.TICKER, "KRW-A"),
    ]
    assert count_combinations(specs) == 5
