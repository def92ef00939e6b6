"""The keeper in virtual time: whether one type may be asked for in two ways, found out on the way."""

from __future__ import annotations

import asyncio

import pytest

from tests.subscriptions.keeping import BTC, ETH, LIVE, UNSERVED, desk, entries, refuse_codes, serving
from tests.subscriptions.model import ModelExchange
from tests.subscriptions.specs import book, codes, ticker, trade
from tests.subscriptions.virtual import elapse, in_virtual_time
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions import SplitTrust


@in_virtual_time
async def test_an_exchange_that_takes_only_the_last_object_of_a_type_is_asked_plainly_from_then_on() -> None:
    exchange = ModelExchange()
    exchange.split = "last"
    async with serving(exchange, ticker(*codes(5))) as d:
        d.want("b", BTC)
        await d.settled()
        await elapse(2)
        assert exchange.table() == entries(ticker(*codes(5)), BTC)
        assert d.sync.statistics().split is SplitTrust.BROKEN
        d.want("c", ETH)
        await d.settled()
        await elapse(2)
        assert len(exchange.requests[-1]) == 1
        assert exchange.table() == entries(ticker(*codes(5)), BTC, ETH)


@in_virtual_time
async def test_an_exchange_that_sends_no_snapshot_beside_realtime_only_is_asked_plainly_from_then_on() -> None:
    exchange = ModelExchange()
    exchange.split = "unsnapped"
    async with serving(exchange, ticker(*codes(5))) as d:
        d.want("b", BTC)
        await d.settled()
        assert d.status(BTC) == LIVE
        assert d.sync.statistics().split is SplitTrust.BROKEN


@in_virtual_time
async def test_an_unknown_code_is_not_taken_for_a_broken_split() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with serving(exchange, ticker(*codes(5))) as d:
        d.want("b", ticker("KRW-NOPE"))
        await d.settled()
        assert d.status(ticker("KRW-NOPE")) == UNSERVED
        assert d.sync.statistics().split is SplitTrust.UNKNOWN
        assert len(exchange.requests) <= 3


@in_virtual_time
async def test_an_exchange_that_refuses_one_type_in_two_ways_blames_nobody() -> None:
    exchange = ModelExchange()
    exchange.split = "refused"
    async with serving(exchange, ticker(*codes(5))) as d:
        d.want("b", BTC)
        await d.settled()
        await elapse(2)
        assert d.rejected == []
        assert d.status(BTC) == LIVE
        assert d.sync.statistics().split is SplitTrust.BROKEN


@in_virtual_time
async def test_an_exchange_that_refuses_one_type_in_two_ways_and_a_wish_besides_blames_that_wish_alone() -> None:
    exchange = ModelExchange()
    exchange.split = "refused"
    exchange.refuses = refuse_codes("KRW-BAD")
    async with serving(exchange, ticker(*codes(5))) as d:
        d.want("b", BTC, ticker("KRW-BAD"), ETH)
        await d.settled()
        await elapse(2)
        d.want("c", trade("KRW-BTC"), ticker("KRW-XRP"))
        await elapse(2)
        await d.settled()
        assert [error.codes for _, error in d.rejected] == [("KRW-BAD",)]
        assert exchange.table() == entries(ticker(*codes(5)), BTC, ETH, ticker("KRW-XRP"), trade("KRW-BTC"))
        assert d.sync.statistics().split is SplitTrust.BROKEN


@in_virtual_time
async def test_a_stream_known_from_the_list_that_owes_a_snapshot_now_is_asked_for_plainly_when_none_comes() -> None:
    exchange = ModelExchange()
    exchange.split = "unsnapped"
    async with desk(exchange) as d:
        d.want("base", ticker("KRW-BASE", "KRW-BTC", only_realtime=True))
        await d.settled()
        await elapse(2)
        d.want("a", ticker("KRW-BTC"))
        await elapse(10)
        assert d.status(ticker("KRW-BTC")) == LIVE
        assert ("ticker", "KRW-BTC") in exchange.snapshots


@in_virtual_time
async def test_an_event_that_happens_to_come_does_not_show_that_snapshots_come_beside_realtime_only() -> None:
    exchange = ModelExchange()
    exchange.split = "unsnapped"
    async with desk(exchange) as d:
        d.want("base", ticker("KRW-BASE"))
        await d.settled()
        await elapse(2)
        d.want("a", ticker("KRW-BTC", "KRW-ETH"))
        await elapse(0.1)
        exchange.trade("KRW-BTC")
        await elapse(10)
        assert d.status(ticker("KRW-BTC", "KRW-ETH")) == LIVE
        assert d.sync.statistics().split is SplitTrust.BROKEN


@in_virtual_time
async def test_a_snapshot_that_a_repair_brings_does_not_show_that_they_come_beside_realtime_only() -> None:
    exchange = ModelExchange()
    exchange.split = "unsnapped"
    async with desk(exchange) as d:
        d.want("base", ticker("KRW-BASE"))
        await d.settled()
        await elapse(2)
        exchange.forget.append(1)
        d.want("a", ticker("KRW-BTC", "KRW-ETH"), book("KRW-ADA"))
        await elapse(2)
        d.want("b", ticker("KRW-XRP"))
        await elapse(10)
        assert d.status(ticker("KRW-BTC", "KRW-ETH", "KRW-XRP")) == LIVE
        assert d.sync.statistics().split is SplitTrust.BROKEN


@in_virtual_time
async def test_what_is_overdue_while_another_stream_is_asked_for_plainly_is_judged_by_itself() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with serving(exchange, BTC) as d:
        d.want("b", ticker("KRW-NOPE"))
        await elapse(1)
        d.want("c", trade("KRW-NOPE"))
        await elapse(3.5)
        assert d.sync.statistics().split is SplitTrust.BROKEN  # for as long as it is tried
        assert d.status(trade("KRW-NOPE")) == UNSERVED
        assert d.status(ticker("KRW-NOPE")) != UNSERVED
        await elapse(3)
        assert d.status(ticker("KRW-NOPE")) == UNSERVED
        assert d.sync.statistics().split is SplitTrust.UNKNOWN


@in_virtual_time
async def test_a_fetched_snapshot_that_is_all_that_is_tried_ends_the_trial_too() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with serving(exchange, BTC) as d:
        d.want("b", trade("KRW-BTC"))
        await elapse(2)
        fetch = asyncio.create_task(d.sync.fetch_snapshots([ticker("KRW-NOPE")]))
        await elapse(4)
        assert d.sync.statistics().split is SplitTrust.BROKEN
        d.want("a")
        with pytest.raises(SubscriptionError, match="KRW-NOPE"):
            await fetch
        assert d.sync.statistics().split is SplitTrust.UNKNOWN
        assert exchange.table() == entries(trade("KRW-BTC"))
