"""What the decoder accepts, what it refuses, and that it refuses with DecodeError only."""

from __future__ import annotations

import contextlib
import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.frames import DEFAULT_FRAMES, SIMPLE_FRAMES, all_frames, listed
from tests.fuzz_decoder import run
from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.events import (
    BaseWebSocketEvent,
    CandleEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
)
from upbit_ws_qt.wire import decode, decoder, peek


def sample(start: bytes, frames: list[bytes] = DEFAULT_FRAMES) -> bytes:
    return next(frame for frame in frames if frame.startswith(start))


TICKER = sample(b'{"type":"ticker"')
TRADE = sample(b'{"type":"trade"')
BOOK = sample(b'{"type":"orderbook"')
CANDLE = sample(b'{"type":"candle.1s"')
ORDER = sample(b'{"type":"myOrder"')
ASSET = sample(b'{"type":"myAsset"')
NEWS = sample(b'{"type":"announcement"')
INDICATOR = sample(b'{"type":"indicator"')


def one(frame: Any) -> Any:
    (message,) = decode(frame)
    return message


def replaced(frame: bytes, name: str, value: bytes) -> bytes:
    """Return the frame with another value under a key that holds a plain one."""
    changed, count = re.subn(rb'("%b":)("[^"]*"|[^,}\]]*)' % name.encode(), rb"\g<1>" + value, frame, count=1)
    assert count == 1
    return changed


def without(frame: bytes, name: str) -> bytes:
    changed, count = re.subn(rb',"%b":("[^"]*"|[^,}\]]*)' % name.encode(), b"", frame, count=1)
    assert count == 1
    return changed


def decimals_in(value: Any) -> list[Decimal]:
    """Return all exact numbers of an event, however deep they stand."""
    if isinstance(value, Decimal):
        return [value]
    if isinstance(value, msgspec.Struct):
        value = msgspec.structs.asdict(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [number for part in parts for number in decimals_in(part)]


def refusal(frame: Any) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(frame)
    return caught.value


@pytest.mark.parametrize(("long", "simple"), list(zip(DEFAULT_FRAMES, SIMPLE_FRAMES, strict=True)))
@pytest.mark.statement("P9.6", "P9.7")
def test_the_samples_read_the_same_in_every_format(long: bytes, simple: bytes) -> None:
    expected = one(long)
    for frame in (simple, listed(long), listed(simple), long.decode(), b"\n " + listed(simple) + b" \n"):
        assert one(frame) == expected
        assert type(one(frame)) is type(expected)


@pytest.mark.statement("P9.1")
def test_numbers_are_exact() -> None:
    asset = one(ASSET)
    assert str(asset.assets[0].balance) == "1386929.37231066771348207123"
    assert str(asset.assets[1].balance) == "1E-20"
    assert str(one(replaced(TRADE, "trade_volume", b"123.00000000")).trade_volume) == "123.00000000"
    assert one(replaced(TRADE, "trade_volume", b"9.101e-05")).trade_volume == Decimal("0.00009101")
    assert one(TRADE).sequential_id == 17951484670130001
    assert one(replaced(TRADE, "sequential_id", b"9223372036854775808")).sequential_id == 2**63


def test_fields_that_old_captures_lack_cost_nothing() -> None:
    old = TRADE
    for name in ("best_ask_price", "best_ask_size", "best_bid_price", "best_bid_size", "stream_type"):
        old = without(old, name)
    event = one(old)
    assert (event.best_ask_price, event.best_bid_size, event.stream_type) == (None, None, None)
    assert event.trade_price == one(TRADE).trade_price
    assert one(without(without(BOOK, "level"), "stream_type")).level == Decimal(0)
    lean = without(without(without(TICKER, "is_trading_suspended"), "market_warning"), "delisting_date")
    assert one(lean).market_warning is None


@pytest.mark.statement("P9.17")
def test_unknown_values_of_open_enumerations_pass_through() -> None:
    assert one(replaced(ORDER, "state", b'"resting"')).state == "resting"
    assert one(replaced(TICKER, "change", b'"LIMIT_UP"')).change == "LIMIT_UP"
    assert one(replaced(ORDER, "ask_bid", b'"BOTH"')).ask_bid == "BOTH"


def test_a_zero_keeps_its_digits_and_prints_them_where_it_is_told_to() -> None:
    nothing = one(replaced(ORDER, "executed_volume", b"0.00000000")).executed_volume
    assert nothing == 0
    assert f"{nothing}" == "0E-8"
    assert f"{nothing:f}" == "0.00000000"


def test_an_unknown_candle_unit_passes_through() -> None:
    frame = replaced(CANDLE, "type", b'"candle.7m"')
    event = one(frame)
    assert type(event) is CandleEvent
    assert (event.type, event.unit) == ("candle.7m", "7m")
    assert peek(frame) is None


def test_the_meta_fields_cannot_be_set_from_the_wire() -> None:
    for key in (b"epoch", b"received_at", b"websocket_type", b"symbol"):
        for frame in (TICKER, TRADE, ORDER, sample(b'{"ty":"ticker"', SIMPLE_FRAMES)):
            assert one(frame[:-1] + b',"' + key + b'":5}') == one(frame)
    for key in (b"@epoch", b"@received_at"):
        refused = refusal(TICKER[:-1] + b',"' + key + b'":5}')
        assert key.decode() in refused.reason
    event = one(TICKER[:-1] + b',"@epoch":0}')
    assert (event.epoch, event.received_at) == (0, 0.0)


def test_a_code_on_a_type_without_markets_is_not_taken_for_one() -> None:
    for frame in (ASSET, NEWS):
        coded = frame[:-1] + b',"code":"KRW-BTC"}'
        assert one(coded).code == ""
        assert one(b" " + coded).code == ""
        assert peek(coded) == (one(frame).type, "")


def test_a_list_of_several_messages_comes_in_order() -> None:
    frame = b"[" + TICKER + b"," + TRADE + b', {"status":"UP"}]'
    assert [type(message).__name__ for message in decode(frame)] == ["TickerEvent", "TradeEvent", "ServerStatus"]
    assert peek(frame) is None


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "truncated"),
        (b"   ", "truncated"),
        (b"[]", "empty list"),
        (b"[[]]", "object"),
        (b"{}", "neither type"),
        (b"null", "object"),
        (b"5", "object"),
        (b'"PING"', "object"),
        (b'{"type":"ticker"}', "missing required field"),
        (b'{"type":"future"}', "unknown message type 'future'"),
        (b'{"type":5}', "`$.type`"),
        (b'{"type":"tickers","code":"KRW-BTC"}', "unknown message type"),
        (b"\xef\xbb\xbf" + TICKER, "malformed"),
        (TICKER[:-1], "truncated"),
        (TICKER + b"}", "trailing"),
        (b"{'type':'ticker'}", "malformed"),
        (b"\x00\x01", "malformed"),
        ("\ud800", "UTF-8"),
        (TICKER.decode().replace("RISE", "\udfff"), "UTF-8"),
        (TICKER.replace(b"RISE", b"\xff\xfe"), "UTF-8"),
        (7, "bytes or text, not int"),
        (None, "bytes or text, not NoneType"),
    ],
)
def test_refuses_with_the_reason(frame: Any, reason: str) -> None:
    assert reason in refusal(frame).reason


DECIMALS = [
    (TICKER, "trade_price"),
    (TICKER, "signed_change_rate"),
    (TRADE, "best_bid_size"),
    (BOOK, "level"),
    (BOOK, "total_ask_size"),
    (BOOK, "bid_size"),
    (CANDLE, "candle_acc_trade_volume"),
    (ORDER, "trade_fee"),
    (ORDER, "locked"),
    (ASSET, "balance"),
    (INDICATOR, "bb_upper"),
    (INDICATOR, "multiplier"),
]


INSANE_NUMBERS = [
    b'"1.0"', b'"NaN"', b'"sNaN1"', b'"-inf"', b'" Infinity "', b"NaN", b"Infinity", b"-Infinity", b"true", b"[]",
    b"{}", b"1e301", b"-1e301", b"1e999999999", b"1e-999999999", b"0e-999999999", b"0e-99999", b"0x10", b"1_0", b"+1",
    b"0." + b"0" * 400 + b"1", b"1" * 302, b"1" * 5000, b"1e99999999999999999999", b".5", b"1.", b"1." + b"3" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize(("frame", "name"), DECIMALS)
def test_a_decimal_takes_sane_numbers_only(frame: bytes, name: str) -> None:
    for value in INSANE_NUMBERS:
        bad = replaced(frame, name, value)
        refusal(bad)
        refusal(listed(bad))
        refusal(b" " + bad)


@pytest.mark.parametrize(("frame", "name"), DECIMALS)
def test_a_decimal_takes_every_sane_number(frame: bytes, name: str) -> None:
    for value in (b"0", b"0.00000000", b"1e-300", b"9.99e299", b"0." + b"7" * 100, b"1" * 290):
        assert Decimal(value.decode()) in decimals_in(one(replaced(frame, name, value)))


@pytest.mark.parametrize("value", [b"-1", b"253402300800000", b"1.5", b'"1"', b"null", b"1e400"])
def test_a_timestamp_is_a_time(value: bytes) -> None:
    refusal(replaced(TICKER, "timestamp", value))
    refusal(replaced(TRADE, "trade_timestamp", value))


@pytest.mark.parametrize("value", [b'"2026-11-31T00:00:00"', b'""', b'"yesterday"', b"5"])
def test_a_candle_starts_at_a_time(value: bytes) -> None:
    refusal(replaced(CANDLE, "candle_date_time_utc", value))
    refusal(replaced(INDICATOR, "candle_date_time_utc", value))


@pytest.mark.parametrize("frame", [ORDER, ASSET, NEWS])
def test_private_types_refuse_a_key_that_stands_there_twice(frame: bytes) -> None:
    name = one(frame).type.encode()
    assert "twice" in refusal(frame[:-1] + b',"timestamp":1795148467049}').reason
    assert "twice" in refusal(b" " + frame[:-1] + b',"timestamp":1795148467049}').reason
    assert "twice" in refusal(frame[:-1] + b',"new":{"a":[{"b":1,"b":1}]}}').reason
    assert "twice" in refusal(b'{"type":"' + name + b'",' + frame[1:]).reason


def test_private_duplicates_inside_an_asset_are_refused() -> None:
    assert "twice" in refusal(ASSET.replace(b'"locked":0.0', b'"locked":0.0,"locked":1.0')).reason


def test_on_public_types_the_last_of_equal_keys_counts() -> None:
    assert one(TICKER[:-1] + b',"trade_price":1}').trade_price == 1


@pytest.mark.parametrize("frame", [TICKER, BOOK, CANDLE, sample(b'{"ty":"trade"', SIMPLE_FRAMES)])
def test_contradicting_keys_cannot_fool_the_routing(frame: bytes) -> None:
    one(frame)  # the code is known now: the quickest way is taken
    type_key, code_key = (b"type", b"code") if b'"type"' in frame else (b"ty", b"cd")
    for extra in (b',"%b":"KRW-OTHER"}' % code_key, b',"%b":"myAsset"}' % type_key):
        assert "twice" in refusal(frame[:-1] + extra).reason
        assert "twice" in refusal(listed(frame[:-1] + extra)).reason
        refusal(listed(frame[:-1] + extra) + b" ")


def test_a_code_spelt_with_escapes_is_left_to_the_decoder() -> None:
    frame = TICKER.replace(b"KRW-BTC", b"KRW\\u002dBTC")
    assert peek(frame) is None
    assert one(frame).code == "KRW-BTC"


def test_a_code_of_any_length_decodes_and_a_long_one_is_not_peeked() -> None:
    for size, told in ((30, True), (39, True), (40, False), (400, False)):
        code = "K" * size
        frame = TICKER.replace(b"KRW-BTC", code.encode())
        assert one(frame).code == code
        assert peek(frame) == (("ticker", code) if told else None)


def spaced(frame: bytes, comma: bytes = b", ", colon: bytes = b": ") -> bytes:
    """Return the frame with white space between its tokens."""
    tokens = re.compile(rb'("(?:[^"\\]|\\.)*")|([,:])')
    return tokens.sub(lambda found: found[1] or (comma if found[2] == b"," else colon), frame)


@pytest.mark.parametrize("frame", [f for f in all_frames() if peek(f) is not None][:200])
def test_white_space_between_tokens_changes_nothing_that_a_frame_says(frame: bytes) -> None:
    for comma, colon in ((b", ", b": "), (b",", b": "), (b" ,\n", b" :\t")):
        wide = spaced(frame, comma, colon)
        assert peek(wide) == peek(frame)
        assert peek(wide.decode()) == peek(frame)
        assert peek(b" \n" + wide) == peek(frame)
        assert decode(wide) == decode(frame)


def test_white_space_does_not_hide_what_contradicts_the_first_bytes() -> None:
    for frame in (spaced(TICKER), spaced(TRADE), b" " + TICKER):
        assert "twice" in refusal(frame[:-1] + b', "code": "KRW-OTHER"}').reason
        refusal(frame[:-1] + b', "type": "myAsset"}')
    two = spaced(b"[" + TRADE + b"," + TRADE + b"]")
    assert peek(two) is None
    assert len(decode(two)) == 2


@pytest.mark.parametrize("frame", [BOOK, TICKER, TRADE, ORDER, CANDLE, *(f for f in SIMPLE_FRAMES if b'"ttms"' in f)])
@pytest.mark.statement("P9.15")
def test_a_timestamp_in_microseconds_is_read_as_milliseconds(frame: bytes) -> None:
    one(frame)
    key = b"timestamp" if b'"timestamp"' in frame else b"tms"
    late = replaced(frame, key.decode(), b"1691530805062789")
    for spelling in (late, listed(late), spaced(late)):
        assert one(spelling) == one(replaced(frame, key.decode(), b"1691530805062"))


def test_peek_never_raises() -> None:
    for frame in (
        "\ud800",
        b"",
        b'{"type":"ticker","code":"\xff"}',
        b'{"type":"ticker","code":"KRW',
        b'{"type":"ticker"',
    ):
        assert peek(frame) is None
    assert peek(b'{"status":"UP"}') is None
    assert peek(b'{"type":"future","code":"KRW-BTC"}') is None


def test_the_ready_made_codes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_MOST_CODES", 0)
    kept = len(decoder._codes)
    for number in range(5):
        code = f"KRW-NEW{number}"
        frame = TICKER.replace(b"KRW-BTC", code.encode())
        assert one(frame).code == code
        assert peek(frame) == ("ticker", code)
    assert len(decoder._codes) == kept


@pytest.mark.parametrize("depth", [200, 10_000, 200_000])
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"type":"ticker","code":'])
def test_deep_nesting_is_refused(depth: int, opening: bytes) -> None:
    refusal(opening * depth)
    refusal(b'{"type":"myOrder","x":' + opening * depth + b"}")


def test_deep_nesting_in_an_unknown_field_of_a_private_event_is_refused_or_read() -> None:
    assert one(_nested_order(50)) == one(ORDER)
    for depth in (1_000, 5_000, 10_000):  # how deep json reads differs from one Python to the next
        with contextlib.suppress(DecodeError):
            assert one(_nested_order(depth)) == one(ORDER)
    assert "deep" in refusal(_nested_order(100_000)).reason


def _nested_order(depth: int) -> bytes:
    return ORDER[:-1] + b',"new":' + b"[" * depth + b"]" * depth + b"}"


def test_a_string_of_a_mebibyte_is_read_or_refused_with_a_short_excerpt() -> None:
    long = b"x" * (1 << 20)
    assert len(one(replaced(NEWS, "title", b'"' + long + b'"')).title) == 1 << 20
    error = refusal(replaced(TICKER, "type", b'"' + long + b'"'))
    assert len(error.excerpt) <= 201
    assert len(str(error)) < 700


def test_the_excerpt_is_safe_and_short() -> None:
    error = refusal(b'{"type":"\x1b[2J\xe2\x80\xae' + b"x" * 500)
    assert "\x1b" not in str(error)
    assert "\u202e" not in str(error)
    assert len(error.excerpt) <= 201
    assert refusal(memoryview(b"{'")).excerpt == "{'"
    assert refusal(bytearray(b"{'")).excerpt == "{'"
    assert "\x1b" not in refusal('{"type":"\\u001b[2J"}').reason


def test_truncated_frames_are_refused_at_every_length() -> None:
    for frame in all_frames():
        step = max(1, len(frame) // 60)
        for end in range(0, len(frame), step):
            refusal(frame[:end])


def test_what_the_event_classes_are() -> None:
    expected: dict[bytes, type[BaseWebSocketEvent]] = {
        TICKER: TickerEvent,
        TRADE: TradeEvent,
        BOOK: OrderbookEvent,
        ORDER: MyOrderEvent,
        ASSET: MyAssetEvent,
    }
    for frame, event_class in expected.items():
        assert type(one(frame)) is event_class


@pytest.mark.parametrize("frames", [5_000, pytest.param(200_000, marks=pytest.mark.soak)])
def test_a_fuzz_run_finds_nothing(frames: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(frames, seed=7) == 0
    assert "0 findings" in capsys.readouterr().out
