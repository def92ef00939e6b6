"""Names on the server say which stream they are of, headers what came first, and wishes survive the way."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.connection.inbox import stream_of
from upbit_ws_qt.desk.subjects import Names, Stamp, as_json, read_json, subject_finder, wishes_of_request
from upbit_ws_qt.errors import DecodeError, SubscriptionError
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.streams import StreamKey, indicator_variant, streams_of
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire import build_request

KR = Names("kr")
CODES = st.sampled_from(("KRW-BTC", "BTC-ETH", "USDT-XRP"))
BANDS = IndicatorSpec.of("bollinger_bands", {"period": 20, "multiplier": Decimal("2.5")})
STREAMS = st.one_of(
    st.builds(StreamKey, st.sampled_from([t for t in DataType if t.websocket_type is WebSocketType.PUBLIC]), CODES),
    st.builds(StreamKey, st.just(DataType.ORDERBOOK), CODES, st.sampled_from(("10000", "0.1"))),
    st.just(StreamKey(DataType.MY_ASSET)),
    st.just(StreamKey(DataType.MY_ORDER)),
    st.builds(
        StreamKey,
        st.just(DataType.INDICATOR),
        CODES,
        st.just(indicator_variant("5m", BANDS)),
    ),
)


@given(STREAMS)
def test_a_subject_leads_back_to_its_stream_and_is_one_that_nats_takes(stream: StreamKey) -> None:
    subject = KR.subject(stream)
    assert KR.stream_key(subject) == stream
    assert 5 <= len(subject.split(".")) <= 6
    assert all(part and not set(part) & set(" \t>") for part in subject.split("."))


def test_subjects_are_as_documented() -> None:
    assert KR.subject(StreamKey(DataType.TRADE, "KRW-BTC")) == "upbit.kr.public.trade.KRW-BTC"
    assert KR.subject(StreamKey(DataType.CANDLE_1M, "KRW-BTC")) == "upbit.kr.public.candle_1m.KRW-BTC"
    assert KR.subject(StreamKey(DataType.ORDERBOOK, "KRW-BTC", "0.1")) == "upbit.kr.public.orderbook.KRW-BTC.0%2E1"


@pytest.mark.parametrize("subject", ["", "a.b", "upbit.sg.public.trade.KRW-BTC", "upbit.kr.public.beat._"])
def test_what_is_no_frame_of_the_region_has_no_stream(subject: str) -> None:
    assert KR.stream_key(subject) is None


@given(st.integers(1, 2**40), st.integers(1, 2**50), st.integers(0, 10**6), st.integers(0, 2 * 10**15))
def test_headers_say_what_they_were_made_of(term: int, number: int, epoch: int, micros: int) -> None:
    stamp = Stamp(term, number, epoch, micros / 1e6)
    read = Stamp.read(stamp.headers())
    assert read is not None
    assert read[:3] == stamp[:3]
    assert abs(read.received_at - stamp.received_at) < 1e-5


@pytest.mark.parametrize("headers", [None, {}, {"Upbit-Epoch": "x", "Upbit-Sequence": "1", "Upbit-Received-At": "0"}])
def test_headers_of_another_message_are_none(headers: dict[str, str] | None) -> None:
    assert Stamp.read(headers) is None


def test_a_later_term_is_later_whatever_its_numbers() -> None:
    assert Stamp(3, 1).order > Stamp(2, 10**9).order


FRAMES = {
    b'{"ty":"trade","cd":"KRW-BTC","tp":1}': "upbit.kr.public.trade.KRW-BTC",
    b'{"type": "ticker", "code": "KRW-ETH"}': "upbit.kr.public.ticker.KRW-ETH",
    b'{"ty":"orderbook","cd":"KRW-BTC","obu":[],"lv":10000}': "upbit.kr.public.orderbook.KRW-BTC.10000",
    b'{"ty":"orderbook","cd":"KRW-BTC","obu":[],"lv":0}': "upbit.kr.public.orderbook.KRW-BTC",
    b'{"ty":"myAsset","astuid":"x"}': "upbit.kr.private.myAsset._",
}


@pytest.mark.parametrize("frame", FRAMES)
def test_the_subject_of_a_frame_is_found_by_its_first_bytes(frame: bytes) -> None:
    assert subject_finder(KR, stream_of)(frame) == FRAMES[frame]


def test_what_is_no_frame_has_no_subject() -> None:
    with pytest.raises(DecodeError):
        subject_finder(KR, stream_of)(b"nonsense")


SPECS = [
    SubscriptionSpec("ticker", ["KRW-BTC", "KRW-ETH"]),
    SubscriptionSpec("orderbook", ["KRW-BTC"], depth=5, level=10000),
    SubscriptionSpec("candle.1m", ["KRW-BTC"], only_snapshot=True),
]


def test_a_request_to_the_exchange_says_which_streams_are_wanted() -> None:
    objects = [each for each in json.loads(build_request(SPECS)) if "type" in each]
    wishes = wishes_of_request(objects)
    assert {s for wish in wishes for s in wish.streams} == {s for spec in SPECS for s in streams_of(spec)}
    assert [wish.spec.only_snapshot for wish in wishes if wish.spec.data_type is DataType.CANDLE_1M] == [True]
    (book,) = [wish for wish in wishes if wish.spec.data_type is DataType.ORDERBOOK]
    assert book.spec.symbols == ("KRW-BTC.5",)


def test_indicators_survive_the_way_whatever_their_numbers_are_spelt_like() -> None:
    spec = SubscriptionSpec("indicator", ["KRW-BTC"], timeframe="5m", indicators=[BANDS])
    objects = [each for each in json.loads(build_request([spec])) if "type" in each]
    assert wishes_of_request(objects)[0].streams == streams_of(spec)


@pytest.mark.parametrize("each", [{}, {"type": "nothing"}, {"type": "ticker", "codes": 7}, 3, {"type": "ticker"}])
def test_what_is_no_wish_is_refused(each: object) -> None:
    if each == {"type": "ticker"}:  # which the exchange refuses; here it has no stream
        assert wishes_of_request([{"type": "ticker"}])[0].streams == ()
        return
    with pytest.raises(SubscriptionError):
        wishes_of_request([each])  # type: ignore[list-item]


def test_what_is_said_is_read_and_nonsense_is_nothing() -> None:
    assert read_json(as_json({"a": [1, "한"]})) == {"a": [1, "한"]}
    assert read_json(b"nonsense") == read_json(b"[1]") == {}
