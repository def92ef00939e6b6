"""Messages that are no events: errors, status, the list of subscriptions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.specs import IndicatorSpec
from upbit_ws_qt.wire import ServerError, ServerStatus, SubscriptionEntry, SubscriptionList, decode, peek


@pytest.mark.statement("P7.1", "P7.5")
def test_an_error_is_a_message() -> None:
    frame = b'{"error":{"name":"INVALID_AUTH","message":"\xec\x9d\xb8\xec\xa6\x9d"}}'
    assert decode(frame) == (ServerError(name="INVALID_AUTH", message="인증"),)
    assert decode(b"[" + frame + b"]") == decode(frame)
    assert decode(b'{"error":{"name":"NEW","code":7}}') == (ServerError(name="NEW"),)
    assert peek(frame) is None


@pytest.mark.statement("P6.6")
def test_the_status_is_a_message() -> None:
    assert decode('{"status":"UP"}') == (ServerStatus(status="UP"),)


def test_a_field_of_an_event_is_no_error() -> None:
    frame = (
        b'{"type":"myAsset","error":{"name":"X"},"status":"UP","asset_uuid":"u","assets":[],'
        b'"asset_timestamp":1,"timestamp":2}'
    )
    assert type(decode(frame)[0]).__name__ == "MyAssetEvent"


@pytest.mark.statement("P5.1", "P5.2", "P5.6")
def test_the_list_in_both_spellings() -> None:
    long = (
        b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"ticker","codes":["KRW-BTC"]},'
        b'{"type":"orderbook","codes":["KRW-BTC","KRW-ETH.15"],"level":10000},{"type":"myAsset","level":null}],"ticket":"t"}'
    )
    short = (
        b'{"mthd":"LIST_SUBSCRIPTIONS","rslt":[{"ty":"ticker","cds":["KRW-BTC"]},'
        b'{"ty":"orderbook","cds":["KRW-BTC","KRW-ETH.15"],"lv":1E+4},{"ty":"myAsset"}],"tckt":"t"}'
    )
    expected = SubscriptionList(
        result=(
            SubscriptionEntry(type="ticker", codes=("KRW-BTC",)),
            SubscriptionEntry(type="orderbook", codes=("KRW-BTC", "KRW-ETH.15"), level=Decimal(10000)),
            SubscriptionEntry(type="myAsset"),
        ),
        ticket="t",
    )
    assert decode(long) == decode(short) == decode(b"[" + short + b"]") == (expected,)


@pytest.mark.statement("P5.3", "P10.5")
def test_indicators_of_the_list_compare_equal_however_they_are_spelt() -> None:
    long = (
        b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"indicator_signal","codes":["KRW-BTC"],"timeframe":"5m","indicators":'
        b'[{"type":"bollinger_bands","params":{"period":20,"multiplier":2.0},"trigger":"price_cross_above","event_params":{}},'
        b'{"type":"rsi","params":{"period":14},"trigger":"overbought","event_params":{"threshold":70}}]}]}'
    )
    short = (
        b'{"mthd":"LIST_SUBSCRIPTIONS","rslt":[{"ty":"indicator_signal","cds":["KRW-BTC"],"tf":"5m","ind":'
        b'[{"ty":"bollinger_bands","p":{"p":20.0,"m":2},"tr":"price_cross_above"},'
        b'{"ind":"rsi","p":{"p":14},"tr":"overbought","ep":{"th":70}}]}]}'
    )
    bands = IndicatorSpec.of(
        "bollinger_bands", {"period": 20, "multiplier": Decimal("2.0")}, trigger="price_cross_above"
    )
    rsi = IndicatorSpec.of("rsi", {"period": 14}, trigger="overbought", event_params={"threshold": 70})
    for frame in (long, short):
        (answer,) = decode(frame)
        assert isinstance(answer, SubscriptionList)
        (entry,) = answer.result
        assert (entry.timeframe, entry.codes, entry.indicators) == ("5m", ("KRW-BTC",), (bands, rsi))


def test_an_empty_list_is_an_answer() -> None:
    assert decode(b'{"method":"LIST_SUBSCRIPTIONS","result":[],"ticket":"t"}') == (SubscriptionList(ticket="t"),)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b'{"error":null}', "neither type"),
        (b'{"error":"bad"}', "object"),
        (b'{"error":{}}', "name"),
        (b'{"status":5}', "str"),
        (b'{"method":"PING"}', "unknown method 'PING'"),
        (b'{"method":5}', "str"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":5}', "array"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[{}]}', "no type"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"ticker","codes":[1]}]}', "str"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"orderbook","level":"NaN"}]}', "float"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"orderbook","level":-1}]}', "float"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"orderbook","level":1e-999999999}]}', "too small"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"indicator","indicators":[{}]}]}', "no type"),
        (b'{"method":"LIST_SUBSCRIPTIONS","result":[{"ty":"indicator","ind":[{"ty":"rsi","p":{"a":[]}}]}]}', "array"),
    ],
)
def test_refuses_what_is_none_of_them(frame: bytes, reason: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(frame)
    assert reason in caught.value.reason
