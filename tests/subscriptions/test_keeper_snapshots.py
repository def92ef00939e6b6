"""The keeper in virtual time: snapshots on request, beside all else that goes on."""

from __future__ import annotations

import asyncio

import pytest

from tests.subscriptions.keeping import BTC, ETH, LIVE, desk, entries, serving
from tests.subscriptions.model import ModelExchange
from tests.subscriptions.specs import ASSETS, codes, ticker, trade
from tests.subscriptions.virtual import elapse, in_virtual_time
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions import SplitTrust


@in_virtual_time
async def test_snapshots_ride_along_without_disturbing_what_flows() -> None:
    exchange = ModelExchange()
    async with serving(exchange, ticker("KRW-BTC", "KRW-ETH")) as d:
        exchange.snapshots.clear()
        await d.sync.fetch_snapshots([ticker("KRW-XRP", "KRW-BTC"), trade("KRW-XRP")])
        assert sorted(exchange.snapshots) == [("ticker", "KRW-BTC"), ("ticker", "KRW-XRP"), ("trade", "KRW-XRP")]
        assert exchange.table() == entries(BTC, ETH)
        await elapse(5)
        assert len(exchange.requests) == 2
        assert d.status(BTC) == LIVE


@in_virtual_time
async def test_a_snapshot_that_does_not_come_is_named() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with serving(exchange, BTC) as d:
        with pytest.raises(SubscriptionError, match="KRW-NOPE"):
            await d.sync.fetch_snapshots([ticker("KRW-ETH", "KRW-NOPE")])
        with pytest.raises(SubscriptionError, match="has no snapshot"):
            await d.sync.fetch_snapshots([ASSETS])
        await elapse(1)
        assert d.sync.statistics().split is SplitTrust.UNKNOWN
        assert exchange.table() == entries(BTC)


@in_virtual_time
async def test_a_snapshot_needs_no_wish_and_waits_for_a_line() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        fetch = asyncio.create_task(d.sync.fetch_snapshots([BTC]))
        await asyncio.sleep(0)
        assert d.needs_line()
        await fetch
        assert not d.needs_line()
        assert exchange.table() == set()


@in_virtual_time
async def test_a_component_that_wants_the_snapshot_alone_gets_it_once() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC, ticker("KRW-ETH", only_snapshot=True)) as d:
        await elapse(1)
        assert exchange.snapshots.count(("ticker", "KRW-ETH")) == 1
        d.want("b", ticker("KRW-XRP"))
        await elapse(1)
        exchange.line.drop()
        await elapse(1)
        assert exchange.snapshots.count(("ticker", "KRW-ETH")) == 1
        d.want("c", ticker("KRW-ETH", only_snapshot=True))
        await elapse(1)
        assert exchange.snapshots.count(("ticker", "KRW-ETH")) == 2
        assert exchange.table() == entries(BTC, ticker("KRW-XRP"))


@in_virtual_time
async def test_a_snapshot_where_the_split_is_broken_leaves_nothing_behind() -> None:
    exchange = ModelExchange()
    exchange.split = "last"
    async with serving(exchange, ticker(*codes(5))) as d:
        d.want("b", BTC)
        await d.settled()
        await elapse(2)
        await d.sync.fetch_snapshots([ETH])
        await elapse(2)
        assert exchange.table() == entries(ticker(*codes(5)), BTC)


@in_virtual_time
async def test_a_snapshot_that_does_not_come_beside_a_stream_is_asked_for_plainly() -> None:
    exchange = ModelExchange()
    exchange.split = "last"
    async with serving(exchange, ticker("KRW-BTC")) as d:
        await elapse(1)
        await d.sync.fetch_snapshots([ETH])
        await elapse(1)
        assert exchange.table() == entries(BTC)
        assert d.sync.statistics().split is SplitTrust.BROKEN


@in_virtual_time
async def test_a_change_that_proves_itself_by_nothing_is_audited() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC, ETH, trade("KRW-XRP")) as d:
        await elapse(2)
        d.want("b", ticker("KRW-ADA"))
        await d.settled()
        d.want("b")
        await elapse(0.5)
        exchange.forget.append(1)
        d.want("a", BTC, trade("KRW-XRP"))
        await elapse(0.1)
        assert len(exchange.table()) == 1
        await elapse(6)
        assert exchange.table() == entries(BTC, trade("KRW-XRP"))
        lists = exchange.lists
        await elapse(60)
        assert exchange.lists <= lists + 1


@in_virtual_time
async def test_an_exchange_that_goes_on_forgetting_is_not_asked_for_ever() -> None:
    exchange = ModelExchange()
    async with serving(exchange, ticker(*codes(10))) as d:
        exchange.forget.extend([3] * 1000)
        d.want("b", BTC)
        await elapse(60)
        assert len(exchange.requests) < 12
        assert exchange.violations == 0
        assert d.sync.statistics().unserved


@in_virtual_time
async def test_a_snapshot_fetched_while_a_refused_wish_is_searched_for_leaves_no_quiet_stream_unserved() -> None:
    exchange = ModelExchange()
    exchange.split, exchange.unknown = "unsnapped", {"KRW-NOPE"}
    exchange.refuses = lambda entry: "INVALID_PARAM" if "KRW-BAD" in entry.get("codes", ()) else None
    async with desk(exchange) as d:
        d.want("base", ticker("KRW-BASE"))
        await d.settled()
        d.want("a", ticker("KRW-BTC", "KRW-BAD"), ticker("KRW-BTC"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(2):
                await d.sync.fetch_snapshots([ticker("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-NOPE")])
        await elapse(10)
        assert [name for name, _ in d.rejected] == ["a"]
        assert d.status(ticker("KRW-BTC")) == LIVE


@in_virtual_time
async def test_a_snapshot_that_does_not_come_takes_nothing_from_a_stream_that_is_new_beside_it() -> None:
    exchange = ModelExchange()
    exchange.split, exchange.unknown = "unsnapped", {"KRW-NOPE"}
    async with desk(exchange) as d:
        d.want("base", ticker("KRW-BASE"))
        await d.settled()
        await elapse(2)
        fetch = asyncio.create_task(d.sync.fetch_snapshots([ticker("KRW-NOPE")]))
        await elapse(0.5)
        d.want("a", ticker("KRW-BTC"))
        with pytest.raises(SubscriptionError, match="KRW-NOPE"):
            await fetch
        await elapse(5)
        assert d.status(ticker("KRW-BTC")) == LIVE


@in_virtual_time
async def test_a_snapshot_that_nobody_waits_for_any_more_is_not_asked_for_again() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-NOPE"}
    async with desk(exchange) as d:
        d.want("base", ticker("KRW-BASE"))
        await d.settled()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await d.sync.fetch_snapshots([ticker("KRW-NOPE")])
        before = len(exchange.requests)
        await elapse(10)
        assert len(exchange.requests) == before
        d.want("base")
        assert not d.sync.is_wanted
