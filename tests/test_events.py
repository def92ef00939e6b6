"""What an event offers besides its fields."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.frames import DEFAULT_FRAMES
from upbit_ws_qt import events
from upbit_ws_qt.events import (
    AskBid,
    BaseWebSocketEvent,
    Change,
    MyAssetEvent,
    MyAssetItem,
    MyOrderEvent,
    OrderbookEvent,
    OrderbookUnit,
    OrderState,
    SmpType,
    StreamType,
    stamp,
)
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire import decode

DECODED = [message for frame in DEFAULT_FRAMES for message in decode(frame)]
EVENTS: list[Any] = [message for message in DECODED if isinstance(message, BaseWebSocketEvent)]
BY_TYPE: dict[str, Any] = {event.type: event for event in reversed(EVENTS)}
KNOWN = {data_type.value: data_type for data_type in DataType}


def order(**fields: Any) -> MyOrderEvent:
    needed: dict[str, Any] = {
        "type": "myOrder",
        "code": "KRW-BTC",
        "timestamp": 1795148467045,
        "uuid": "u",
        "ask_bid": AskBid.BID,
        "order_type": "limit",
        "state": OrderState.WAIT,
    }
    return MyOrderEvent(**{**needed, **fields})


def book(*rows: tuple[str, str, str, str]) -> OrderbookEvent:
    units = tuple(
        OrderbookUnit(ask_price=Decimal(a), ask_size=Decimal(b), bid_price=Decimal(c), bid_size=Decimal(d))
        for a, b, c, d in rows
    )
    return OrderbookEvent(
        type="orderbook",
        code="KRW-BTC",
        timestamp=1,
        total_ask_size=Decimal(1),
        total_bid_size=Decimal(1),
        orderbook_units=units,
    )


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_cannot_be_changed(event: Any) -> None:
    for name in event.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(event, name, None)
    with pytest.raises(AttributeError):
        event.new = 1


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_knows_its_line_and_market(event: Any) -> None:
    assert event.websocket_type is KNOWN[event.type].websocket_type
    assert event.symbol == event.code
    assert (event.code == "") == (event.type in ("myAsset", "announcement"))
    assert event.time == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=event.timestamp)
    assert event.time.utcoffset() == timedelta(0)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_an_event_can_be_hashed_compared_and_copied(event: Any) -> None:
    twin = copy.copy(event)
    assert twin == event
    assert hash(twin) == hash(event)
    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 - our own bytes
    stamp(twin, 3, 12.5)
    assert twin != event


def test_the_receiver_stamps_the_meta_fields() -> None:
    (event,) = decode(DEFAULT_FRAMES[0])
    assert isinstance(event, BaseWebSocketEvent)
    assert (event.epoch, event.received_at) == (0, 0.0)
    stamp(event, 7, 1234.5)
    assert (event.epoch, event.received_at) == (7, 1234.5)


def test_the_line_is_a_constant_of_the_class() -> None:
    assert events.TickerEvent.websocket_type is WebSocketType.PUBLIC
    assert events.AnnouncementEvent.websocket_type is WebSocketType.PRIVATE
    assert events.IndicatorSignalEvent.websocket_type is WebSocketType.INFO
    assert "websocket_type" not in events.TickerEvent.__struct_fields__


def test_a_stamped_event_can_be_encoded_and_shows_its_meta_fields() -> None:
    event = copy.copy(BY_TYPE["trade"])
    stamp(event, 2, 0.5)
    assert msgspec.structs.asdict(event)["epoch"] == 2
    assert b'"@epoch":2' in msgspec.json.encode(event)


def test_snapshot_or_news() -> None:
    assert BY_TYPE["candle.240m"].is_snapshot
    assert not BY_TYPE["ticker"].is_snapshot
    assert not book().is_snapshot
    assert BY_TYPE["ticker"].stream_type == StreamType.REALTIME
    assert BY_TYPE["ticker"].change == Change.RISE


@pytest.mark.statement("P9.8")
def test_times_of_trades_are_aware_and_exact_to_the_millisecond() -> None:
    expected = datetime(2026, 11, 20, 4, 21, 7, 13_000, tzinfo=UTC)
    assert BY_TYPE["ticker"].traded_at == expected
    assert BY_TYPE["trade"].traded_at == expected
    assert BY_TYPE["trade"].traded_at.strftime("%H:%M:%S") == BY_TYPE["trade"].trade_time
    assert BY_TYPE["myOrder"].traded_at == expected
    assert BY_TYPE["myOrder"].ordered_at == datetime(2026, 11, 20, 4, 20, 0, 120_000, tzinfo=UTC)
    assert order().traded_at is None
    assert order().ordered_at is None


def test_the_last_time_that_a_frame_can_carry_does_not_overflow() -> None:
    assert order(timestamp=253_402_300_799_999).time.year == 9999


def test_candles_and_indicators_start_in_utc() -> None:
    assert BY_TYPE["candle.240m"].unit == "240m"
    assert BY_TYPE["candle.240m"].start == datetime(2026, 11, 20, 4, tzinfo=UTC)
    assert BY_TYPE["indicator"].start == datetime(2026, 11, 20, 4, 15, tzinfo=UTC)
    assert BY_TYPE["indicator_signal"].start == datetime(2026, 11, 20, 4, tzinfo=UTC)


def test_the_money_of_a_trade() -> None:
    assert BY_TYPE["trade"].funds == Decimal("109868000.0") * Decimal("0.00121484")


def test_a_full_book() -> None:
    full = BY_TYPE["orderbook"]
    assert (full.best_ask, full.best_bid) == (Decimal("109868000.0"), Decimal("109867000.0"))
    assert full.spread == 1000
    assert full.mid == Decimal("109867500")
    assert len(full.asks) == len(full.bids) == 30
    assert full.asks[0] == (full.orderbook_units[0].ask_price, full.orderbook_units[0].ask_size)


@pytest.mark.statement("P9.11")
def test_a_thin_book_is_shown_without_its_padding() -> None:
    thin = book(("12", "1", "10", "2"), ("13", "3", "0", "0"), ("0.0", "0.0", "0", "0"))
    assert thin.asks == ((Decimal(12), Decimal(1)), (Decimal(13), Decimal(3)))
    assert thin.bids == ((Decimal(10), Decimal(2)),)
    assert (thin.spread, thin.mid) == (Decimal(2), Decimal(11))


@pytest.mark.parametrize(
    ("rows", "best_ask", "best_bid"),
    [
        ([], None, None),
        ([("0", "0", "10", "1")], None, Decimal(10)),
        ([("12", "1", "0.0", "0.0")], Decimal(12), None),
    ],
)
def test_a_book_with_an_empty_side_has_no_spread(rows: Any, best_ask: Any, best_bid: Any) -> None:
    one_sided = book(*rows)
    assert (one_sided.best_ask, one_sided.best_bid) == (best_ask, best_bid)
    assert one_sided.spread is None
    assert one_sided.mid is None


def test_the_state_of_an_order() -> None:
    fill = BY_TYPE["myOrder"]
    assert fill.is_bid
    assert fill.is_fill
    assert not fill.is_final
    assert fill.filled_ratio == Decimal("0.121484")
    assert not order(ask_bid=AskBid.ASK).is_bid
    assert [order(state=state).is_final for state in ("wait", "done", "cancel", "prevented", "new")] == [
        False, True, True, False, False,
    ]  # fmt: skip


def test_an_order_that_prevention_has_reduced_goes_on_with_what_is_left() -> None:
    reduced = order(
        state="prevented",
        smp_type=SmpType.REDUCE,
        executed_volume=Decimal(1),
        remaining_volume=Decimal(1),
        prevented_volume=Decimal(2),
    )
    assert not reduced.is_final
    assert reduced.filled_ratio == Decimal("0.25")
    assert order(state="prevented", remaining_volume=Decimal(0)).is_final, "as it was before November 2026"


def test_the_filled_part_is_unknown_without_a_volume() -> None:
    assert order().filled_ratio is None
    assert order(executed_volume=Decimal(0), remaining_volume=Decimal(0)).filled_ratio is None
    assert order(executed_volume=Decimal(1), remaining_volume=Decimal(0)).filled_ratio == 1


def test_assets_by_currency() -> None:
    item = MyAssetItem(currency="BTC", balance=Decimal(1), locked=Decimal(0))
    event = MyAssetEvent(type="myAsset", timestamp=1, asset_uuid="u", assets=(item,), asset_timestamp=1)
    assert event.get("BTC") is item
    assert event.get("KRW") is None


def test_the_public_names() -> None:
    assert sorted(events.__all__) == events.__all__
    assert all(hasattr(events, name) for name in events.__all__)


@pytest.mark.parametrize(
    "frame", [frame for frame in DEFAULT_FRAMES if isinstance(decode(frame)[0], BaseWebSocketEvent)]
)
def test_as_a_dictionary_it_is_what_the_wire_said(frame: bytes) -> None:
    said: dict[str, Any] = json.loads(frame, parse_float=Decimal)
    (event,) = decode(frame)
    assert isinstance(event, BaseWebSocketEvent)
    fields = event.to_dict()
    assert _as_said(fields, said) == said
    assert fields.keys().isdisjoint({"epoch", "received_at", "@epoch", "@received_at"})
    assert json.loads(json.dumps(fields, default=str))["type"] == said["type"]


def _as_said(value: Any, said: Any) -> Any:
    """Return of a value what the wire names, and arrays as it has them."""
    if isinstance(said, dict):
        return {name: _as_said(value[name], inner) for name, inner in said.items()}
    return [_as_said(*pair) for pair in zip(value, said, strict=True)] if isinstance(said, list) else value


def test_numbers_in_the_dictionary_are_as_exact_as_in_the_event() -> None:
    units = BY_TYPE["orderbook"].to_dict()["orderbook_units"]
    assert {type(value) for unit in units for value in unit.values()} == {Decimal}
