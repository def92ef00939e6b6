"""What was seen on the real exchange, or on one of its family, and can be had here on demand."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.server.raw import BTC, ETH, client
from tests.waiting import until
from upbit_ws_qt.exchange.respelling import as_seen, with_exponents

if TYPE_CHECKING:
    from tests.exchange.server.raw import RawClient
    from upbit_ws_qt.exchange import EmbeddedExchange

BOOKS = {"type": "orderbook", "codes": [BTC, ETH]}


async def rest_of(public: RawClient) -> list[Any]:
    """Return all messages that are under way."""
    await public.request({"method": "LIST_SUBSCRIPTIONS"})
    found = []
    while "method" not in (message := await public.message()):
        found.append(message)
    return found


async def test_a_snapshot_can_come_behind_the_first_realtime_message(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        fault = exchange.faults.inject("wrong_snapshot", mode="behind")
        await public.request({"type": "ticker", "codes": [BTC]})
        await public.listing()
        await exchange.advance(5)
        kinds = [message["stream_type"] for message in await rest_of(public)]
        assert kinds[:3] == ["REALTIME", "SNAPSHOT", "REALTIME"]
        assert kinds.count("SNAPSHOT") == fault.hits == 1


async def test_a_snapshot_of_a_stream_that_is_silent_comes_when_the_fault_ends(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        fault = exchange.faults.inject("wrong_snapshot", mode="behind")
        await public.request({"type": "ticker", "codes": [BTC]})
        assert await rest_of(public) == []
        fault.clear()
        assert [message["stream_type"] for message in await rest_of(public)] == ["SNAPSHOT"]


async def test_a_book_can_come_twice_and_is_identical(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("duplicate_books")
        await public.request({**BOOKS, "is_only_realtime": True})
        await public.listing()
        await exchange.advance(3)
        seen = Counter(json.dumps(message, default=str) for message in await rest_of(public))
        assert len(seen) > 3
        assert set(seen.values()) == {2}


async def test_snapshots_can_come_in_two_bursts_behind_realtime(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        fault = exchange.faults.inject("late_snapshots", first=0.02, second=0.1)
        await public.request(BOOKS)
        await until(lambda: fault.hits == 1)
        first = [message for message in await rest_of(public) if message["stream_type"] == "SNAPSHOT"]
        await until(lambda: fault.hits == 2)
        second = [message for message in await rest_of(public) if message["stream_type"] == "SNAPSHOT"]
        assert [message["code"] for message in [*first, *second]] == [BTC, ETH]


async def test_a_late_snapshot_of_a_request_that_was_replaced_does_not_come(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        fault = exchange.faults.inject("late_snapshots", first=0.01, second=0.05)
        await public.request(BOOKS)
        await public.request({"type": "ticker", "codes": [BTC]})
        await until(lambda: fault.hits == 2)
        assert [message["type"] for message in await rest_of(public)] == ["ticker"]
        assert fault.hits == 2, "both bursts are the second request's"


@pytest.mark.parametrize("format_", ["DEFAULT", "SIMPLE"])
async def test_timestamps_of_books_can_be_microseconds(exchange: EmbeddedExchange, format_: str) -> None:
    key = "timestamp" if format_ == "DEFAULT" else "tms"
    async with client(exchange) as public:
        exchange.faults.inject("microseconds")
        await public.request({"type": "orderbook", "codes": [BTC]}, {"type": "ticker", "codes": [BTC]}, format=format_)
        book, ticker = await public.messages(2)
        assert book[key] > 10**15
        assert ticker[key] < 10**13


async def test_numbers_can_be_spelt_as_they_were_seen(exchange: EmbeddedExchange) -> None:
    await exchange.advance(3)
    async with client(exchange) as public:
        exchange.faults.inject("other_spellings")
        for type_, name in (("ticker", "trade_price"), ("orderbook", "ask_price"), ("trade", "best_ask_price")):
            await public.request({"type": type_, "codes": [BTC], "is_only_snapshot": True})
            frame = (await public.frame()).decode()
            assert f'"{name}":1.' in frame
            assert "E8" in frame
        await public.request({"type": "candle.1m", "codes": [BTC], "is_only_snapshot": True})
        candle = (await public.frame()).decode()
        assert '"opening_price":1' in candle
        assert ".00000000," in candle


def test_a_spelling_changes_no_value() -> None:
    ticker = b'{"trade_price":109868000.0,"change_price":12.5,"low_price":-10000000.0,"stream_type":"REALTIME"}'
    assert as_seen("ticker", ticker) == (
        b'{"trade_price":1.09868E8,"change_price":12.5,"low_price":-1.0E7,"stream_type":"REALTIME"}'
    )
    assert with_exponents(b'{"ask_price":1551410000.0}') == b'{"ask_price":1.55141E9}'
    simple = b'{"tp":109868000.0,"tv":0.00079276,"as":0.00100000,"st":"REALTIME","bs":6E-8,"tas":0}'
    assert as_seen("trade", simple) == (
        b'{"tp":109868000.0,"tv":7.9276E-4,"as":0.00100000,"st":"REALTIME","bs":6.0E-8,"tas":0}'
    )
    candle = b'{"opening_price":91157000.0,"candle_acc_trade_volume":1.0,"stream_type":"REALTIME"}'
    spelt = as_seen("candle.1m", candle)
    assert b'"opening_price":91157000.00000000,"candle_acc_trade_volume":1.0' in spelt
    for before, after in ((ticker, as_seen("ticker", ticker)), (simple, as_seen("trade", simple)), (candle, spelt)):
        assert json.loads(before, parse_float=Decimal) == json.loads(after, parse_float=Decimal)


async def test_a_market_that_is_delisted_falls_silent_and_the_others_go_on(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "ticker", "codes": [BTC, ETH], "is_only_realtime": True})
        await public.listing()
        exchange.warn(BTC, caution=True, delisting_date="2026-12-31")
        exchange.delist(BTC)
        warned, last = await public.messages(2)
        assert (warned["market_state"], warned["market_warning"]) == ("ACTIVE", "CAUTION")
        assert (last["market_state"], last["delisting_date"]) == ("DELISTED", "2026-12-31")
        await exchange.advance(5)
        assert {message["code"] for message in await rest_of(public)} == {ETH}
        await public.request({"type": "ticker", "codes": [BTC]})
        assert await rest_of(public) == [], "an unknown code is no error"
