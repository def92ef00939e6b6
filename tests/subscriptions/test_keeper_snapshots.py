"""The keeper in virtual time: snapshots on request, beside all else that goes on."""

from __future__ import annotations

import asyncio

import pytest

from tests.subscriptions.model import Desk, ModelExchange
from tests.subscriptions.specs import book, ticker
from tests.subscriptions.virtual import play
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions import SplitTrust, StreamStatus

LIVE = {StreamStatus.LIVE}


def test_a_snapshot_fetched_while_a_refused_wish_is_searched_for_leaves_no_quiet_stream_unserved() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split, exchange.unknown = "unsnapped", {"KRW-NOPE"}
        exchange.refuses = lambda entry: "INVALID_PARAM" if "KRW-BAD" in entry.get("codes", ()) else None
        async with Desk(exchange, ServiceConfig()) as d:
            d.want("base", ticker("KRW-BASE"))
            await d.settled()
            d.want("a", ticker("KRW-BTC", "KRW-BAD"), ticker("KRW-BTC"))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2):
                    await d.keeper.fetch_snapshots([ticker("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-NOPE")])
            await asyncio.sleep(10)
            assert [name for name, _ in d.rejected] == ["a"]
            assert d.status(ticker("KRW-BTC")) == LIVE

    play(main())


def test_a_snapshot_that_does_not_come_takes_nothing_from_a_stream_that_is_new_beside_it() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split, exchange.unknown = "unsnapped", {"KRW-NOPE"}
        async with Desk(exchange, ServiceConfig()) as d:
            d.want("base", ticker("KRW-BASE"))
            await d.settled()
            await asyncio.sleep(2)
            fetch = asyncio.create_task(d.keeper.fetch_snapshots([ticker("KRW-NOPE")]))
            await asyncio.sleep(0.5)
            d.want("a", ticker("KRW-BTC"))
            with pytest.raises(SubscriptionError, match="KRW-NOPE"):
                await fetch
            await asyncio.sleep(5)
            assert d.status(ticker("KRW-BTC")) == LIVE

    play(main())


def test_a_snapshot_that_nobody_waits_for_any_more_is_not_asked_for_again() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.unknown = {"KRW-NOPE"}
        async with Desk(exchange, ServiceConfig()) as d:
            d.want("base", ticker("KRW-BASE"))
            await d.settled()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await d.keeper.fetch_snapshots([ticker("KRW-NOPE")])
            before = len(exchange.requests)
            await asyncio.sleep(10)
            assert len(exchange.requests) == before
            d.want("base")
            assert not d.keeper.is_wanted

    play(main())


def test_a_stream_known_from_the_list_that_owes_a_snapshot_now_is_asked_for_plainly_when_none_comes() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "unsnapped"
        async with Desk(exchange, ServiceConfig()) as d:
            d.want("base", ticker("KRW-BASE", "KRW-BTC", only_realtime=True))
            await d.settled()
            await asyncio.sleep(2)
            d.want("a", ticker("KRW-BTC"))
            await asyncio.sleep(10)
            assert d.status(ticker("KRW-BTC")) == LIVE
            assert ("ticker", "KRW-BTC") in exchange.snapshots

    play(main())


def test_an_event_that_happens_to_come_does_not_show_that_snapshots_come_beside_realtime_only() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "unsnapped"
        async with Desk(exchange, ServiceConfig()) as d:
            d.want("base", ticker("KRW-BASE"))
            await d.settled()
            await asyncio.sleep(2)
            d.want("a", ticker("KRW-BTC", "KRW-ETH"))
            await asyncio.sleep(0.1)
            exchange.trade("KRW-BTC")
            await asyncio.sleep(10)
            assert d.status(ticker("KRW-BTC", "KRW-ETH")) == LIVE
            assert d.keeper.statistics().split is SplitTrust.BROKEN

    play(main())


def test_a_snapshot_that_a_repair_brings_does_not_show_that_they_come_beside_realtime_only() -> None:
    async def main() -> None:
        exchange = ModelExchange()
        exchange.split = "unsnapped"
        async with Desk(exchange, ServiceConfig()) as d:
            d.want("base", ticker("KRW-BASE"))
            await d.settled()
            await asyncio.sleep(2)
            exchange.forget.append(1)
            d.want("a", ticker("KRW-BTC", "KRW-ETH"), book("KRW-ADA"))
            await asyncio.sleep(2)
            d.want("b", ticker("KRW-XRP"))
            await asyncio.sleep(10)
            assert d.status(ticker("KRW-BTC", "KRW-ETH", "KRW-XRP")) == LIVE
            assert d.keeper.statistics().split is SplitTrust.BROKEN

    play(main())
