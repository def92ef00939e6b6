"""The array that subscribes: few type objects, the same for the same wishes, nothing that would be refused."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.types import DataFormat, DataType
from upbit_ws_qt.wire import TypeObject, build_list_request, build_request, encode_request

if TYPE_CHECKING:
    import random

Spec = SubscriptionSpec
RSI = IndicatorSpec.of("rsi", {"period": 14})
BANDS = IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": 2.5})


def objects(*specs: SubscriptionSpec) -> list[dict[str, Any]]:
    """Return the type objects of the request."""
    between: list[dict[str, Any]]
    ticket, *between, last = json.loads(build_request(specs))
    assert list(ticket) == ["ticket"]
    assert last == {"format": "DEFAULT"}
    return between


@pytest.mark.statement("P3.1")
def test_the_whole_request() -> None:
    request = build_request(
        [Spec(DataType.TRADE, "krw-eth"), Spec(DataType.TICKER, ["krw-eth", "KRW-BTC"])],
        format=DataFormat.SIMPLE,
        ticket="t-1",
    )
    assert request == (
        b'[{"ticket":"t-1"},{"type":"ticker","codes":["KRW-BTC","KRW-ETH"]},'
        b'{"type":"trade","codes":["KRW-ETH"]},{"format":"SIMPLE"}]'
    )


def test_a_fresh_ticket_is_a_uuid_and_new_each_time() -> None:
    first, second = (json.loads(build_request([Spec(DataType.MY_ASSET)]))[0]["ticket"] for _ in range(2))
    assert uuid.UUID(first).version == 4
    assert first != second


@pytest.mark.parametrize("data_format", [f for f in DataFormat if f is not DataFormat.AUTO])
@pytest.mark.statement("P3.10")
def test_the_format_comes_last_whatever_it_is(data_format: DataFormat) -> None:
    assert json.loads(build_request([Spec(DataType.MY_ASSET)], format=data_format))[-1] == {"format": data_format.value}
    assert json.loads(build_list_request(format=data_format, ticket="a")) == [
        {"ticket": "a"},
        {"method": "LIST_SUBSCRIPTIONS"},
        {"format": data_format.value},
    ]


def test_auto_has_to_be_resolved_before() -> None:
    with pytest.raises(ConfigurationError, match="AUTO"):
        build_request([Spec(DataType.MY_ASSET)], format=DataFormat.AUTO)
    with pytest.raises(ConfigurationError, match="AUTO"):
        build_list_request(format=DataFormat.AUTO)


def test_codes_with_equal_options_share_an_object() -> None:
    assert objects(
        Spec(DataType.CANDLE_1M, "KRW-ETH"),
        Spec(DataType.TICKER, "KRW-B"),
        Spec(DataType.TICKER, ["KRW-A", "KRW-B"]),
        Spec(DataType.CANDLE_1M, "KRW-BTC"),
    ) == [
        {"type": "ticker", "codes": ["KRW-A", "KRW-B"]},
        {"type": "candle.1m", "codes": ["KRW-BTC", "KRW-ETH"]},
    ]


def test_flags_make_groups() -> None:
    assert objects(
        Spec(DataType.TICKER, "KRW-A", only_snapshot=True),
        Spec(DataType.TICKER, "KRW-B", only_realtime=True),
        Spec(DataType.TICKER, "KRW-C"),
    ) == [
        {"type": "ticker", "codes": ["KRW-A"], "is_only_snapshot": True},
        {"type": "ticker", "codes": ["KRW-B"], "is_only_realtime": True},
        {"type": "ticker", "codes": ["KRW-C"]},
    ]


def test_who_wants_the_snapshot_and_who_wants_the_stream_are_served_by_one_object() -> None:
    assert objects(
        Spec(DataType.TICKER, "KRW-A", only_snapshot=True), Spec(DataType.TICKER, "KRW-A", only_realtime=True)
    ) == [{"type": "ticker", "codes": ["KRW-A"]}]


@pytest.mark.statement("P3.16", "P3.17")
def test_orderbooks_by_level_and_depth() -> None:
    assert objects(
        Spec(DataType.ORDERBOOK, "KRW-BTC", level=Decimal("1E+4"), depth=15),
        Spec(DataType.ORDERBOOK, ["KRW-BTC", "KRW-ETH"], depth=5),
        Spec(DataType.ORDERBOOK, "KRW-BTC", depth=1),
        Spec(DataType.ORDERBOOK, "KRW-XRP"),
        Spec(DataType.ORDERBOOK, "KRW-DOGE.15"),
        Spec(DataType.ORDERBOOK, "KRW-DOGE", level=Decimal("0.10")),
        Spec(DataType.ORDERBOOK, "KRW-SOL.30"),
    ) == [
        {"type": "orderbook", "codes": ["KRW-BTC.5", "KRW-DOGE.15", "KRW-ETH.5", "KRW-SOL", "KRW-XRP"]},
        {"type": "orderbook", "codes": ["KRW-DOGE"], "level": 0.1},
        {"type": "orderbook", "codes": ["KRW-BTC.15"], "level": 10000},
    ]


@pytest.mark.statement("P3.17")
def test_the_level_is_a_plain_number() -> None:
    request = build_request([Spec(DataType.ORDERBOOK, "KRW-BTC", level=Decimal("1E+6"))])
    assert b'"level":1000000}' in request
    assert b'"level":0.000001}' in build_request([Spec(DataType.ORDERBOOK, "KRW-PEPE", level=Decimal("1E-6"))])


def test_private_types() -> None:
    assert objects(Spec(DataType.MY_ORDER, ["KRW-ETH", "KRW-BTC"]), Spec(DataType.MY_ASSET)) == [
        {"type": "myOrder", "codes": ["KRW-BTC", "KRW-ETH"]},
        {"type": "myAsset"},
    ]
    assert objects(Spec(DataType.MY_ORDER, "KRW-ETH"), Spec(DataType.MY_ORDER)) == [{"type": "myOrder"}]


def test_announcements() -> None:
    assert objects(Spec(DataType.ANNOUNCEMENT)) == [{"type": "announcement"}]
    assert objects(
        Spec(DataType.ANNOUNCEMENT, categories=["trade", "event"]),
        Spec(DataType.ANNOUNCEMENT, categories=["notice"], include_body=True),
    ) == [{"type": "announcement", "categories": ["event", "notice", "trade"], "include_body": True}]
    assert objects(Spec(DataType.ANNOUNCEMENT, categories=["trade"]), Spec(DataType.ANNOUNCEMENT)) == [
        {"type": "announcement"}
    ]


@pytest.mark.statement("P10.1")
def test_indicators_are_united_per_code_and_grouped_without_adding_a_combination() -> None:
    exact = IndicatorSpec.of("rsi", {"period": Decimal("14.00")})
    rsi = {"type": "rsi", "params": {"period": 14}}
    bands = {"type": "bollinger_bands", "params": {"multiplier": 2.5, "period": 20}}
    assert objects(
        Spec(DataType.INDICATOR, ["KRW-A", "KRW-B"], timeframe="5m", indicators=[RSI]),
        Spec(DataType.INDICATOR, ["KRW-B", "KRW-C"], timeframe="5m", indicators=[BANDS, exact]),
        Spec(DataType.INDICATOR, ["KRW-A"], timeframe="1d", indicators=[RSI]),
    ) == [
        {"type": "indicator", "codes": ["KRW-A"], "timeframe": "1d", "indicators": [rsi]},
        {"type": "indicator", "codes": ["KRW-A"], "timeframe": "5m", "indicators": [rsi]},
        {"type": "indicator", "codes": ["KRW-B", "KRW-C"], "timeframe": "5m", "indicators": [bands, rsi]},
    ]


@pytest.mark.statement("P10.6")
def test_signals_carry_trigger_and_limit() -> None:
    spike = IndicatorSpec.of("volume", {"period": 20}, trigger="volume_spike", event_params={"multiplier": 3.0})
    cross = IndicatorSpec.of("macd", {"fast": 12, "slow": 26, "signal_period": 9}, trigger="golden_cross")
    (entry,) = objects(Spec(DataType.INDICATOR_SIGNAL, "KRW-BTC", timeframe="240m", indicators=[spike, cross]))
    assert entry["indicators"] == [
        {"type": "macd", "params": {"fast": 12, "signal_period": 9, "slow": 26}, "trigger": "golden_cross"},
        {"type": "volume", "params": {"period": 20}, "trigger": "volume_spike", "event_params": {"multiplier": 3}},
    ]


public_specs = st.builds(
    lambda data_type, codes, flag, depth, level: Spec(
        data_type,
        codes,
        only_snapshot=flag == 1,
        only_realtime=flag == 2,
        depth=depth if data_type is DataType.ORDERBOOK else 30,
        level=level if data_type is DataType.ORDERBOOK else Decimal(0),
    ),
    st.sampled_from([DataType.TICKER, DataType.ORDERBOOK, DataType.CANDLE_5M]),
    st.lists(st.sampled_from(["KRW-A", "krw-b", "KRW-C"]), min_size=1, max_size=3),
    st.integers(0, 2),
    st.sampled_from([1, 5, 15, 30]),
    st.sampled_from([Decimal(0), Decimal(10), Decimal("10.0"), Decimal(1000)]),
)


@given(st.lists(public_specs, min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_same_wishes_give_the_same_bytes_and_serve_everyone(specs: list[Spec], rng: random.Random) -> None:
    request = build_request(specs, ticket="t")
    shuffled = rng.sample([*specs, rng.choice(specs)], len(specs) + 1)
    assert build_request(shuffled, ticket="t") == request
    entries = json.loads(request)[1:-1]
    options = [tuple((k, v) for k, v in entry.items() if k != "codes") for entry in entries]
    assert len(set(options)) == len(options), "two objects with the same options could be one"
    for entry in entries:
        assert entry["codes"] == sorted(set(entry["codes"]))
    for spec in specs:
        for code in spec.symbols:
            assert any(_serves(entry, spec, code) for entry in entries)


def _serves(entry: dict[str, Any], spec: Spec, code: str) -> bool:
    depths = {name.partition(".")[0]: int(name.partition(".")[2] or 30) for name in entry["codes"]}
    return (
        entry["type"] == spec.data_type.value
        and depths.get(code, 0) >= spec.depth * (spec.data_type is DataType.ORDERBOOK)
        and code in depths
        and entry.get("level", 0) == spec.level
        and not (entry.get("is_only_snapshot") and not spec.only_snapshot)
        and not (entry.get("is_only_realtime") and not spec.only_realtime)
    )


def test_refuses_and_says_which_spec_and_why() -> None:
    bad = Spec(DataType.MY_ASSET, "KRW-BTC")
    with pytest.raises(SubscriptionError) as caught:
        build_request([Spec(DataType.MY_ORDER), bad])
    assert caught.value.index == 1
    assert caught.value.spec == str(bad)
    assert caught.value.codes == ("KRW-BTC",)
    assert "takes no codes" in caught.value.reason


def test_refuses_what_cannot_be_one_request() -> None:
    with pytest.raises(SubscriptionError, match="at least one type"):
        build_request([])
    with pytest.raises(SubscriptionError, match="private and public"):
        build_request([Spec(DataType.TICKER, "KRW-BTC"), Spec(DataType.MY_ASSET)])
    with pytest.raises(SubscriptionError, match="ticket"):
        build_request([Spec(DataType.MY_ASSET)], ticket="")


@pytest.mark.statement("P8.7")
def test_refuses_more_than_a_hundred_combinations_over_all_specs() -> None:
    codes = [f"KRW-C{number}" for number in range(51)]
    first = Spec(DataType.INDICATOR, codes[:50], timeframe="5m", indicators=[RSI, BANDS])
    build_request([first, first])  # the same hundred
    with pytest.raises(SubscriptionError, match="101 indicator combinations"):
        build_request([first, Spec(DataType.INDICATOR, codes[50:], timeframe="5m", indicators=[RSI])])


def test_what_is_united_already_is_encoded_as_it_is_in_the_order_given() -> None:
    united = [
        TypeObject(DataType.TRADE, ("KRW-BTC", "KRW-ETH")),
        TypeObject(DataType.ORDERBOOK, ("KRW-BTC.15", "KRW-XRP.5"), level=Decimal("1E+4")),
        TypeObject(DataType.TICKER, ("KRW-BTC",), only_realtime=True),
    ]
    assert json.loads(encode_request(united, format=DataFormat.SIMPLE, ticket="t")) == [
        {"ticket": "t"},
        {"type": "trade", "codes": ["KRW-BTC", "KRW-ETH"]},
        {"type": "orderbook", "codes": ["KRW-BTC.15", "KRW-XRP.5"], "level": 10000},
        {"type": "ticker", "codes": ["KRW-BTC"], "is_only_realtime": True},
        {"format": "SIMPLE"},
    ]
