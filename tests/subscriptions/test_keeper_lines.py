"""The keeper in virtual time: lines that go, lines that take over, and the end."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from tests.subscriptions.keeping import BTC, ETH, LIVE, desk, entries, serving
from tests.subscriptions.model import LATENCY, ModelExchange
from tests.subscriptions.specs import codes, key, ticker, tickers, trade
from tests.subscriptions.virtual import elapse, in_virtual_time
from upbit_ws_qt.errors import ConnectionLostError, RecoveryError, SubscriptionError
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import DataType


@in_virtual_time
async def test_after_a_cut_everything_is_restored_and_proved() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        for number in range(10):
            d.want(f"w{number}", ticker(*codes(50)), trade(f"KRW-C{number}"))
        await d.settled()
        for _ in range(5):
            exchange.line.drop()
            await elapse(0.3)
            await d.settled()
            assert len(exchange.table()) == 60
            assert d.sync.statistics().restored == d.sync.statistics().restorable == 60
        assert max(d.sync.restore_times) < 0.25
        assert [len(line.sent) for line in exchange.lines] == [2] * 6


@in_virtual_time
async def test_a_stream_is_wanted_again_while_there_is_no_line() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        exchange.line.drop()
        await asyncio.sleep(0)
        await elapse(0.01)
        assert d.status(BTC) == {StreamStatus.WANTED}
        d.want("a", ETH)
        await d.settled()
        assert exchange.table() == entries(ETH)


@in_virtual_time
async def test_a_line_that_goes_while_it_is_proved_is_an_error_for_the_connection() -> None:
    exchange = ModelExchange()
    async with desk(exchange) as d:
        d.want("a", BTC)
        await elapse(LATENCY / 2)
        exchange.line.drop()
        await d.settled()
        assert [type(error) for error in d.errors] == [ConnectionLostError]
        assert d.status(BTC) == LIVE


@in_virtual_time
async def test_a_new_line_takes_over_without_disturbing_the_old_one() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        await elapse(1)
        old = exchange.line
        new = d.dial()
        d.want("b", ETH)
        await d.sync.synchronize(new)
        await elapse(LATENCY)
        assert set(old.table) == set(new.table) == entries(BTC, ETH)
        told = len(d.told)
        assert old.observer is None
        assert old.control is None
        d.want("c", trade("KRW-BTC"))
        await d.settled()
        assert exchange.table() == entries(BTC, ETH, trade("KRW-BTC"))
        assert {stream for stream, _ in d.told[told:]} == {key(DataType.TRADE, "KRW-BTC")}
        old.drop()
        await d.sync.stop()


@in_virtual_time
async def test_a_new_line_that_fails_leaves_the_old_one_serving() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        old, new = exchange.line, d.dial()
        exchange.refuses = lambda entry: "INVALID_PARAM"
        with pytest.raises(RecoveryError):
            await d.sync.synchronize(new)
        exchange.refuses = lambda entry: None
        assert d.status(BTC) == LIVE
        exchange.lines.append(old)
        d.want("b", ETH)
        await d.settled()
        assert set(old.table) == entries(BTC, ETH)
        assert d.rejected == []


@in_virtual_time
async def test_stopping_ends_every_wait() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-BTC"}
    async with desk(exchange) as d:
        d.want("a", BTC)
        waiting = [
            asyncio.create_task(d.sync.wait_served(tickers("KRW-BTC"))),
            asyncio.create_task(d.sync.fetch_snapshots([BTC])),
        ]
        await elapse(0.05)
        await d.sync.stop()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [ConnectionLostError] * 2
        await d.sync.stop()
        for call in (d.sync.wait_served([]), d.sync.fetch_snapshots([BTC]), d.sync.synchronize(d.dial())):
            with pytest.raises(ConnectionLostError):
                await call


@in_virtual_time
async def test_a_stream_that_is_dropped_while_somebody_waits_for_it_is_named() -> None:
    exchange = ModelExchange()
    exchange.unknown = {"KRW-BTC"}
    async with desk(exchange) as d:
        d.want("a", BTC)
        waiting = asyncio.create_task(d.sync.wait_served(tickers("KRW-BTC")))
        await elapse(0.05)
        d.want("a")
        with pytest.raises(SubscriptionError, match="KRW-BTC"):
            await waiting


@in_virtual_time
async def test_every_change_of_status_is_told_once_and_in_order() -> None:
    exchange = ModelExchange()
    async with serving(exchange, BTC) as d:
        exchange.line.drop()
        await elapse(0.2)
        await d.settled()
        stream = key(DataType.TICKER, "KRW-BTC")
        told = [status for key_, status in d.told if key_ == stream]
        assert all(a is not b for a, b in itertools.pairwise(told))
        assert told[-1] is StreamStatus.LIVE
        assert told.count(StreamStatus.LIVE) == 2
