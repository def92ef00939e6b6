"""The quick way: frames that differ from a checked one in digits only; it must never differ from the careful way."""

from __future__ import annotations

import random
import re

import pytest

from tests.frames import DEFAULT_FRAMES, SIMPLE_FRAMES
from tests.fuzz_decoder import digits
from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.wire import CODE_BEGINS, decode, decode_late, decoder, outlines
from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS

FLAT = [
    frame
    for frame in (*DEFAULT_FRAMES, *SIMPLE_FRAMES)
    if re.match(rb'\{"ty(pe)?":"(ticker|trade|orderbook)","(code|cd)":"KRW-', frame)
    and not re.search(rb"\d[eE]", frame)
]
TICKER, TRADE, BOOK = FLAT[0], FLAT[1], FLAT[2]


@pytest.fixture(autouse=True)
def _nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "_known", {})


def kept() -> int:
    return sum(len(known.kept) for known in decoder._known.values())


def careful(frame: bytes) -> object:
    """Return what the careful way says: the messages, or that there are none."""
    try:
        return decode(b" " + frame)
    except DecodeError:
        return DecodeError


def quick(frame: bytes) -> object:
    """Return what the quick ways say; the one on which numbers are made late has no say of its own."""
    late = decode_late(frame, head_of(frame))
    try:
        found = decode(frame)
    except DecodeError:
        assert late is None
        return DecodeError
    assert late is None or (late,) == found
    return found


def head_of(frame: bytes) -> bytes:
    return frame[: frame.find(b",", CODE_BEGINS)]


def test_there_is_one_of_each() -> None:
    for kind in (b"ticker", b"trade", b"orderbook"):
        assert {frame[:6] for frame in FLAT if b'":"%b"' % kind in frame} == {b'{"type', b'{"ty":'}


@pytest.mark.parametrize("frame", FLAT)
def test_a_checked_frame_is_remembered_and_reads_the_same(frame: bytes) -> None:
    first = decode(frame)
    assert kept() == 1
    assert decode(frame) == first == careful(frame)
    assert kept() == 1


@pytest.mark.parametrize("frame", FLAT)
def test_whatever_happens_to_the_digits_both_ways_agree(frame: bytes) -> None:
    rng = random.Random(3)
    decode(frame)
    agreed = 0
    for _ in range(3000):
        changed = digits(frame, rng)
        assert quick(changed) == careful(changed), changed
        agreed += careful(changed) is not DecodeError
    assert agreed > 100, "too few of them were valid to mean anything"


def test_keys_differ_in_more_than_their_digits() -> None:
    for kind in ("ticker", "trade", "orderbook", "orderbook_units"):
        for names in (SIMPLE_KEYS[kind].keys(), SIMPLE_KEYS[kind].values()):
            assert len({re.sub(r"\d", "", name) for name in names}) == len(names)


@pytest.mark.parametrize(
    "change",
    [
        (b'"trade_price":109868000.0', b'"trade_price":1.09868E8'),  # its exponent could become any
        (b'"change":"RISE"', b'"change":"\\u0052ISE"'),  # its escape could become any
        (b'"change":"RISE"', b'"change":"RISE","change1":"1"'),  # its key could become the other
        (b'"change":"RISE"', b'"change":"FALL","change":"RISE"'),
        (b'"code":"KRW-BTC"', b'"code":"KRW-' + b"A" * 100 + b'"'),
        (b'"code":"KRW-BTC"', b'"code":"KRW,BTC"'),  # its head tells half of it
    ],
)
def test_a_frame_that_could_turn_bad_by_its_digits_is_not_remembered(change: tuple[bytes, bytes]) -> None:
    for frame in (TICKER, TRADE):
        changed = frame.replace(*change)
        assert changed != frame
        assert decode(changed) == decode(changed) == careful(changed)
    assert kept() == 0


def test_other_types_and_lists_are_not_remembered() -> None:
    for frame in DEFAULT_FRAMES:
        if not re.match(rb'\{"type":"(ticker|trade|orderbook)"', frame):
            decode(frame)
    decode(b"[" + TICKER + b"]")
    assert kept() == 0


@pytest.mark.parametrize(
    "change",
    [
        (b'"ask_price":', b'"ask_price1":1,"ask_price":'),  # its key could become the other
        (b'"ask_price":', b'"ask_price":1,"ask_price":'),
        (b'"total_ask_size":6.8', b'"total_ask_size":6.8e0'),
    ],
)
def test_a_book_is_remembered_with_all_of_its_rows_or_not_at_all(change: tuple[bytes, bytes]) -> None:
    changed = BOOK.replace(*change)
    assert changed != BOOK
    assert quick(changed) == quick(changed) == careful(changed)
    assert kept() == 0
    decode(BOOK)
    assert kept() == 1
    assert decode_late(BOOK, head_of(BOOK)) is not None
    assert decode_late(changed, head_of(changed)) is None


def whole_book(price: bytes = b"110345000.0") -> bytes:
    """Return a book with more digits than a flat frame may have."""
    row = b'{"ask_price":%b,"bid_price":110344000.0,"ask_size":0.12345678,"bid_size":12.345678}'
    rows = b",".join([row % price, *[row % b"110345000.0"] * 29])
    return re.sub(rb'"orderbook_units":\[.*?\]', lambda _: b'"orderbook_units":[' + rows + b"]", BOOK)


@pytest.mark.parametrize(
    ("price", "is_quick"),
    [
        (b"9" * 250, True),
        (b"0." + b"0" * 250 + b"1", True),
        (b"9" * 286, False),
        (b"9" * 300, False),
        (b"9" * 302, False),  # which nobody can show
        (b"0." + b"0" * 330 + b"1", False),
        (b"9" * 9000, False),
    ],
)
def test_the_numbers_of_a_whole_book_may_be_many_but_none_of_them_long(price: bytes, is_quick: bool) -> None:
    decode(whole_book())
    (known,) = decoder._known.values()
    assert len(whole_book()) > known.longest
    assert decode_late(whole_book(), head_of(BOOK)) is not None
    changed = whole_book(price)
    assert (decode_late(changed, head_of(changed)) is not None) == is_quick
    assert quick(changed) == careful(changed)


def test_a_long_number_is_found_wherever_it_begins() -> None:
    for begins in range(2 * 13):
        assert outlines.has_long_number(b"," * begins + b"7" * 286)
        assert not outlines.has_long_number(b"," * begins + b"7" * 273 + b",")


def test_a_long_number_is_refused_on_the_quick_way_too() -> None:
    decode(TRADE)
    for size, fits in ((250, True), (290, True), (302, False), (5000, False)):
        frame = TRADE.replace(b"109868000.0", b"9" * size, 1)
        if fits:
            assert decode(frame) == careful(frame)
        else:
            with pytest.raises(DecodeError):
                decode(frame)


def test_a_kept_outline_with_more_room_does_not_widen_another() -> None:
    decode(TICKER)
    (known,) = decoder._known.values()
    longest = known.longest
    decode(TICKER.replace(b'"RISE"', b'"A_VERY_LONG_NAME_OF_A_CHANGE"'))
    assert len(known.kept) == 2
    assert known.longest == longest


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlines, "_MOST_PER_MARKET", 3)
    monkeypatch.setattr(outlines, "_MOST_MARKETS", 2)
    for market in range(4):
        for change in ("RISE", "EVEN", "FALL", "X", "Y"):
            frame = TRADE.replace(b"KRW-BTC", b"KRW-M%d" % market).replace(b"RISE", change.encode())
            assert decode(frame) == careful(frame)
    assert len(decoder._known) == 2
    assert kept() == 6
