"""Events whose numbers are made when they are read: nobody can tell them from those whose numbers are there at once."""

from __future__ import annotations

import copy
import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tests.frames import DEFAULT_FRAMES, SIMPLE_FRAMES
from upbit_ws_qt.events import OrderbookEvent, OrderbookUnit, TickerEvent, TradeEvent, stamp
from upbit_ws_qt.wire import CODE_BEGINS, decode, decode_late

FRAMES = [
    frame
    for frame in (*DEFAULT_FRAMES, *SIMPLE_FRAMES)
    if re.match(rb'\{"ty(pe)?":"(ticker|trade|orderbook)"', frame) and not re.search(rb"\d[eE]", frame)
]
TICKER, TRADE, BOOK = (
    next(frame for frame in FRAMES if frame.startswith(b'{"type":"%b"' % kind))
    for kind in (b"ticker", b"trade", b"orderbook")
)
each_frame = pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame[2:30].decode())


def at_once(frame: bytes) -> Any:
    (event,) = decode(frame)
    return event


def late(frame: bytes) -> Any:
    """Return the event whose numbers nobody has read yet."""
    decode(frame)  # of an outline that is known
    event = decode_late(frame, frame[: frame.find(b",", CODE_BEGINS)])
    assert event is not None
    return event


def unread(event: msgspec.Struct) -> list[str]:
    """Return the names of fields that are still text; msgspec looks past the properties."""
    return [name for name, value in msgspec.structs.asdict(event).items() if isinstance(value, msgspec.Raw)]


def pickled(event: Any) -> Any:
    return pickle.loads(pickle.dumps(event))  # noqa: S301 - our own


@each_frame
def test_a_number_is_made_when_it_is_read_and_only_once(frame: bytes) -> None:
    event, expected = late(frame), at_once(frame)
    names = unread(event)
    assert set(names) == {
        name for name, value in msgspec.structs.asdict(expected).items() if isinstance(value, Decimal)
    } - {"level"}
    for done, name in enumerate(names, 1):
        value = getattr(event, name)
        assert value == getattr(expected, name)
        assert isinstance(value, Decimal)
        assert getattr(event, name) is value
        assert unread(event) == names[done:]


@each_frame
def test_what_looks_at_all_of_an_event_sees_all_of_it(frame: bytes) -> None:
    expected = at_once(frame)
    assert late(frame) == expected
    assert expected == late(frame)
    assert late(frame) == late(frame)
    assert hash(late(frame)) == hash(expected)
    assert len({late(frame), late(frame), expected}) == 1
    assert repr(late(frame)) == repr(expected)
    assert str(late(frame)) == str(expected)
    assert late(frame).to_dict() == expected.to_dict()
    assert list(late(frame).__rich_repr__()) == list(expected.__rich_repr__())
    other = replace(expected, timestamp=1)
    assert late(frame) != other
    assert late(frame) != "something else"
    assert late(frame) != at_once(TRADE if expected.type != "trade" else TICKER)


@each_frame
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_is_a_plain_event(frame: bytes, duplicate: Any) -> None:
    expected = at_once(frame)
    made = duplicate(late(frame))
    assert type(made) is type(expected)
    assert made == expected
    assert not unread(made)
    assert msgspec.json.encode(made) == msgspec.json.encode(expected)
    assert msgspec.structs.asdict(made) == msgspec.structs.asdict(expected)


@each_frame
def test_an_event_is_an_instance_of_its_class_and_frozen(frame: bytes) -> None:
    event, expected = late(frame), at_once(frame)
    assert isinstance(event, type(expected))
    assert (type(event).__name__, type(event).__module__) == (type(expected).__name__, type(expected).__module__)
    assert event.websocket_type is expected.websocket_type
    for name in unread(event):
        with pytest.raises(AttributeError):
            setattr(event, name, Decimal(1))
        with pytest.raises(AttributeError):
            delattr(event, name)
    assert event == expected


@each_frame
def test_the_receivers_fields_are_stamped_and_kept(frame: bytes) -> None:
    event, expected = late(frame), at_once(frame)
    for each in (event, expected):
        stamp(each, 7, 1.5)
    assert (event.epoch, event.received_at) == (7, 1.5)
    assert event == expected
    assert (event.epoch, event.received_at) == (7, 1.5)
    assert copy.copy(event) == expected


@each_frame
def test_replacing_a_field_leaves_the_others_as_they_are(frame: bytes) -> None:
    event = replace(late(frame), code="KRW-XXX")
    assert unread(event)
    assert event == replace(at_once(frame), code="KRW-XXX")


def test_patterns_match() -> None:
    match late(TICKER):
        case TickerEvent(code="KRW-BTC", trade_price=price):
            assert price == at_once(TICKER).trade_price
        case _:
            pytest.fail("it does not match")
    match late(BOOK):
        case OrderbookEvent(orderbook_units=(OrderbookUnit(ask_price=price), *_)):
            assert price == at_once(BOOK).orderbook_units[0].ask_price
        case _:
            pytest.fail("it does not match")


@pytest.mark.parametrize("frame", [each for each in FRAMES if b'"orderbook"' in each])
def test_the_rows_of_a_book_are_a_tuple_and_each_is_made_when_it_is_read(frame: bytes) -> None:
    book, expected = late(frame), at_once(frame)
    rows = book.orderbook_units
    assert type(rows) is tuple
    assert len(rows) == len(expected.orderbook_units)
    first, second, *_ = rows
    assert isinstance(first, OrderbookUnit)
    assert len(unread(first)) == 4
    assert first.bid_size == expected.orderbook_units[0].bid_size
    assert type(first) is OrderbookUnit
    assert first == expected.orderbook_units[0]
    assert len(unread(second)) == 4
    assert expected.orderbook_units[1] == second
    assert rows == expected.orderbook_units
    assert hash(rows) == hash(expected.orderbook_units)


@pytest.mark.parametrize("frame", [each for each in FRAMES if b'"orderbook"' in each])
@pytest.mark.parametrize("name", ["asks", "bids", "best_ask", "best_bid", "spread", "mid"])
@pytest.mark.parametrize("rows_were_read", [False, True])
def test_what_a_book_works_out_is_the_same(frame: bytes, name: str, rows_were_read: bool) -> None:
    book = late(frame)
    if rows_were_read:
        _ = book.orderbook_units[0].ask_price
    assert getattr(book, name) == getattr(at_once(frame), name)
    assert book == at_once(frame)


def test_unread_rows_in_a_book_that_somebody_made_are_read_where_it_is_looked_at_as_a_whole() -> None:
    rows, expected = late(BOOK).orderbook_units, at_once(BOOK)
    made = replace(expected, orderbook_units=rows)
    assert made.to_dict() == expected.to_dict()
    assert made == expected
    assert made.asks == expected.asks


def test_a_best_price_that_is_null_is_none() -> None:
    frame = re.sub(rb'"best_ask_price":[\d.]+', b'"best_ask_price":null', TRADE)
    assert frame != TRADE
    event = late(frame)
    assert event.best_ask_price is None
    assert event.best_bid_price == at_once(frame).best_bid_price
    assert event == at_once(frame)


def test_a_best_price_that_is_missing_is_none() -> None:
    frame = re.sub(rb'"best_\w+":[\d.]+,', b"", TRADE)
    event = late(frame)
    assert isinstance(event, TradeEvent)
    assert event.best_bid_size is None
    assert event == at_once(frame)


def test_many_threads_read_the_same_event() -> None:
    expected = at_once(BOOK)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(50):
            event = late(BOOK)
            looks = [lambda event=event: event.asks, lambda event=event: event.orderbook_units[0].ask_price] * 2
            for found in [pool.submit(look) for look in (*looks, lambda event=event: hash(event))]:
                found.result()
            assert event == expected


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (rb'"(trade_price|tp)":[\d.]+', rb'"\1":1.2.3'),
        (rb'"(trade_price|tp)":[\d.]+', rb'"\1":01'),
        (rb'"(trade_price|tp)":[\d.]+', rb'"\1":1.'),
        (rb'"(trade_price|tp)":[\d.]+', rb'"\1":.'),
        (rb'"(trade_price|tp)":[\d.]+', rb'"\1":'),
        (rb'"(trade_price|tp)":[\d.]+', rb'"\1":' + b"9" * 400),
        (rb'"(ask_price|ap)":[\d.]+', rb'"\1":1.2.3'),
        (rb'"(ask_price|ap)":[\d.]+', rb'"\1":'),
        (rb'"(ask_size|as)":[\d.]+', rb'"\1":' + b"9" * 400),
        (rb'"(ask_size|as)":([\d.]+)', rb'"\1\2":'),
        (rb'"(timestamp|tms)":\d+', rb'"\1":99999999999999999'),
    ],
)
@each_frame
def test_a_frame_with_a_bad_number_is_no_event_at_all(frame: bytes, good: bytes, bad: bytes) -> None:
    late(frame)
    changed = re.sub(good, bad, frame, count=1)
    if changed != frame:
        assert decode_late(changed, changed[: changed.find(b",", CODE_BEGINS)]) is None
