"""The SIMPLE spelling as dicts and what it saves."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from tests.frames import DEFAULT_FRAMES, SIMPLE_FRAMES
from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.types import DataFormat
from upbit_ws_qt.wire import FormatChoice, FormatSavings, SimpleFormatConverter, spell_out

to_simple = SimpleFormatConverter.convert_to_simple_format
from_simple = SimpleFormatConverter.convert_from_simple_format


@pytest.mark.parametrize(("long", "simple"), list(zip(DEFAULT_FRAMES, SIMPLE_FRAMES, strict=True)))
def test_the_samples_both_ways(long: bytes, simple: bytes) -> None:
    assert to_simple(json.loads(long)) == json.loads(simple)
    assert from_simple(json.loads(simple)) == json.loads(long)


def test_one_short_key_means_different_things() -> None:
    order = {"type": "myOrder", "price": 1, "avg_price": 2, "volume": 3, "trade_fee": 4, "state": "wait"}
    assert to_simple(order) == {"ty": "myOrder", "p": 1, "ap": 2, "v": 3, "tf": 4, "s": "wait"}
    ticker = {"type": "ticker", "change": "RISE"}
    assert to_simple(ticker) == {"ty": "ticker", "c": "RISE"}
    signal = {
        "type": "indicator_signal",
        "timeframe": "5m",
        "params": {"period": 20, "slow": 26},
        "value": {"volume": 1},
        "event_params": {"multiplier": 2},
    }
    short = {"ty": "indicator_signal", "tf": "5m", "p": {"p": 20, "s": 26}, "v": {"vol": 1}, "ep": {"mul": 2}}
    assert to_simple(signal) == short
    assert from_simple(short) == signal
    book = {"type": "orderbook", "orderbook_units": [{"ask_price": 1, "new": 2}, 7]}
    assert to_simple(book) == {"ty": "orderbook", "obu": [{"ap": 1, "new": 2}, 7]}


@pytest.mark.parametrize(
    "message",
    [
        {"error": {"name": "NO_TYPE"}},
        {"status": "UP"},
        {"type": "future"},
        {"ty": "future", "cd": "X"},
        {"type": 5},
        {},
    ],
)
def test_what_has_no_other_spelling_stays_as_it_is(message: dict[str, Any]) -> None:
    for convert in (to_simple, from_simple):
        assert convert(message) == message
        assert convert(message) is not message


def test_values_of_a_wrong_kind_pass_through() -> None:
    assert to_simple({"type": "orderbook", "orderbook_units": None}) == {"ty": "orderbook", "obu": None}
    assert to_simple({"type": "myAsset", "assets": "?"}) == {"ty": "myAsset", "ast": "?"}


def test_whether_simple_is_beneficial_is_measured_on_the_message() -> None:
    is_beneficial = SimpleFormatConverter.is_simple_format_beneficial
    assert not is_beneficial(b'{"status":"UP"}')
    for long, simple in zip(DEFAULT_FRAMES, SIMPLE_FRAMES, strict=True):
        expected = 1 - len(simple) / len(long) >= 0.05
        assert is_beneficial(long) is is_beneficial(simple) is is_beneficial(json.loads(long)) is expected
    body = {"type": "announcement", "uuid": "1", "title": "t", "body": "long text " * 500}
    assert not is_beneficial(body), "of a long text the names are too small a part"
    with pytest.raises(DecodeError, match="sample"):
        is_beneficial(b"[1]")


def test_of_a_size_alone_it_is_said_whether_it_can_be_a_message_with_short_names() -> None:
    assert not SimpleFormatConverter.is_simple_format_beneficial(len('{"status":"UP"}'))
    assert all(SimpleFormatConverter.is_simple_format_beneficial(len(frame)) for frame in DEFAULT_FRAMES)


def test_samples_are_measured_alike_in_either_spelling() -> None:
    from_short, from_long = map(SimpleFormatConverter.analyze, (SIMPLE_FRAMES, DEFAULT_FRAMES))
    assert from_short.simple_bytes == from_long.simple_bytes
    # One sample spells a price as 10 and one as 10.0.
    assert from_short.default_bytes == pytest.approx(from_long.default_bytes, rel=0.001)


def _fed(choice: FormatChoice, frames: list[bytes], start: float = 0.0) -> int | None:
    """Show frames to a choice, nine a second; return after how many it was made."""
    for number in range(1000):
        if choice.note_frame(frames[number % len(frames)], start + number * 0.11):
            return number + 1
    return None


def test_auto_measures_what_is_subscribed_and_says_what_it_found() -> None:
    choice = FormatChoice(DataFormat.AUTO, compressed=False)
    assert (choice.format, choice.wants_frames) == (DataFormat.SIMPLE, False)
    choice.note_request(["ticker", "trade"])
    assert choice.wants_frames
    assert _fed(choice, DEFAULT_FRAMES) == 100
    assert choice.format is DataFormat.SIMPLE
    assert choice.is_simple
    assert choice.reason.startswith("SIMPLE saves")
    assert "ticker, trade" in choice.reason


def test_auto_asks_for_the_plain_names_where_the_short_ones_save_next_to_nothing() -> None:
    choice = FormatChoice(DataFormat.AUTO, compressed=False)
    choice.note_request(["announcement"])
    assert choice.is_simple, "nothing has been measured yet"
    _fed(choice, [b'{"type":"announcement","uuid":"1","title":"t","body":"' + b"long text " * 500 + b'"}'])
    assert choice.format is DataFormat.DEFAULT
    assert choice.reason.startswith("SIMPLE would save only")
    choice.note_request(["ticker"])
    assert choice.wants_frames
    assert choice.format is DataFormat.DEFAULT, "what was found holds until something else is"


def test_auto_measures_a_set_of_types_once() -> None:
    choice = FormatChoice(DataFormat.AUTO, compressed=False)
    choice.note_request(["ticker"])
    _fed(choice, SIMPLE_FRAMES)
    found = choice.savings
    choice.note_request(["ticker", "trade"])
    choice.note_request(["ticker"])
    assert not choice.wants_frames
    assert choice.savings is found


def test_auto_takes_no_more_than_ten_frames_a_second_and_passes_over_what_is_no_message() -> None:
    choice = FormatChoice(DataFormat.AUTO, compressed=False)
    choice.note_request(["ticker"])
    for frame in (*[DEFAULT_FRAMES[0]] * 500, b"{", b"[]"):
        assert not choice.note_frame(frame, 1.0)
    assert not choice.note_frame(b"[1]", 2.0)
    assert _fed(choice, DEFAULT_FRAMES, 3.0) == 99


@pytest.mark.parametrize("data_format", [f for f in DataFormat if f is not DataFormat.AUTO])
def test_a_format_that_was_set_is_not_measured(data_format: DataFormat) -> None:
    choice = FormatChoice(data_format, compressed=True)
    choice.note_request(["ticker"])
    assert not choice.wants_frames
    assert choice.format is data_format
    assert choice.reason == "set by hand"


def test_analyze_counts_bytes_of_both_spellings() -> None:
    savings = SimpleFormatConverter.analyze([*DEFAULT_FRAMES, DEFAULT_FRAMES[0].decode()])
    assert savings.messages == len(DEFAULT_FRAMES) + 1
    assert savings.default_bytes == sum(map(len, DEFAULT_FRAMES)) + len(DEFAULT_FRAMES[0])
    assert savings.simple_bytes == sum(map(len, SIMPLE_FRAMES)) + len(SIMPLE_FRAMES[0])
    assert savings.simple == 1 - savings.simple_bytes / savings.default_bytes
    assert savings.default_deflated < savings.default_bytes
    assert savings.deflate < savings.simple_deflate


def test_deflate_is_measured_as_one_stream_with_context() -> None:
    once = SimpleFormatConverter.analyze(DEFAULT_FRAMES[:1])
    many = SimpleFormatConverter.analyze(DEFAULT_FRAMES[:1] * 10)
    assert many.default_deflated < 2 * once.default_deflated, "a repeated frame costs next to nothing"
    stream = zlib.compressobj(wbits=-15)
    sent = stream.compress(DEFAULT_FRAMES[0]) + stream.flush(zlib.Z_SYNC_FLUSH)
    assert sent.endswith(b"\x00\x00\xff\xff")
    assert once.default_deflated == len(sent) - 4


def test_auto_picks_what_is_smaller_on_the_line() -> None:
    savings = FormatSavings(messages=1, default_bytes=1000, simple_bytes=700, default_deflated=100, simple_deflated=98)
    assert savings.pick(compressed=False) is DataFormat.SIMPLE
    assert savings.pick(compressed=True) is DataFormat.DEFAULT
    assert SimpleFormatConverter.analyze([]).pick(compressed=False) is DataFormat.DEFAULT


@pytest.mark.parametrize("sample", [b"", b"[1]", b"{'", b"\xff", "5", b"[" * 20_000])
def test_analyze_refuses_what_is_no_message(sample: bytes | str) -> None:
    with pytest.raises(DecodeError, match="sample"):
        SimpleFormatConverter.analyze([sample])


@pytest.mark.parametrize(("long", "simple"), list(zip(DEFAULT_FRAMES, SIMPLE_FRAMES, strict=True)))
def test_a_frame_is_spelt_out_with_long_names_whatever_it_came_in(long: bytes, simple: bytes) -> None:
    assert json.loads(spell_out(simple)) == json.loads(long)
    assert json.loads(spell_out(b"[" + simple + b"]")) == [json.loads(long)]
    assert json.loads(spell_out(long.decode())) == json.loads(long)


def test_numbers_keep_their_digits_when_a_frame_is_spelt_out() -> None:
    assert spell_out('{"ty":"trade","tp":0.10,"tv":1E-8}') == '{"type":"trade","trade_price":0.10,"trade_volume":1E-8}'


@pytest.mark.parametrize("frame", ["", '{"ty":"tra', "[1]", "5", "…", '[{"ty":"ticker"},3]'])
def test_what_is_no_message_is_not_spelt_out(frame: str) -> None:
    assert spell_out(frame) == frame
