"""The keeper against the embedded exchange over real sockets; the exchange's own table is the oracle."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.subscriptions.sockets import SocketDesk
from tests.subscriptions.specs import ASSETS, book, key, news, orders, rsi, ticker, tickers, trade
from tests.waiting import until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.subscriptions import SplitTrust, StreamStatus
from upbit_ws_qt.types import DataFormat, DataType, Priority, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO
LIVE = {StreamStatus.LIVE}
# The exchange shares this loop: where it stands still, nobody is late. Tests in which something does not come ask for
# less patience, and wait for what has to come all the same.
PATIENT = {"list_timeout": 20.0, "proof_timeout": 20.0}


@asynccontextmanager
async def running(
    ws_type: WebSocketType = PUBLIC, *, settings: dict[str, Any] | None = None, **config: Any
) -> AsyncIterator[SocketDesk]:
    # It counts what arrives, and what one loop sends and receives may arrive long after it left: see `violations`.
    free = {"messages_per_second": None, "messages_per_minute": None}
    values = {"markets": 40, "rate": 200.0, **free, **(settings or {})}
    async with (
        EmbeddedExchange(ExchangeSettings(**values)) as exchange,
        SocketDesk(exchange, ServiceConfig.testing(**{**PATIENT, **config}), ws_type) as desk,
    ):
        yield desk


def markets(desk: SocketDesk, count: int) -> list[str]:
    return [market.market for market in desk.server.world.markets[:count]]


def streams(data_type: str, codes: list[str]) -> set[tuple[Any, ...]]:
    return {(data_type, code) for code in codes}


def violations(desk: SocketDesk) -> int:
    """Count the messages that left when five of their line had left within a second, or a hundred within a minute."""
    return sum(
        later - earlier < seconds
        for line in desk.lines
        for most, seconds in ((5, 1.0), (100, 60.0))
        for earlier, later in zip(line.departures, line.departures[most:], strict=False)
    )


async def test_four_components_that_overlap_are_one_request_and_only_what_nobody_wants_goes() -> None:
    async with running() as d:
        for name in "abcd":
            d.want(name, ticker("KRW-BTC"), trade("KRW-BTC"), book("KRW-BTC", depth=5))
        await d.settled()
        both = streams("ticker", ["KRW-BTC"]) | streams("trade", ["KRW-BTC"])
        assert d.table() == both | {("orderbook", "KRW-BTC", Decimal(0), 5)}
        assert len(d.requests()) == 1
        for name in "bcd":
            d.want(name, ticker("KRW-BTC"), trade("KRW-BTC"))
        d.want("a", ticker("KRW-BTC"))
        await d.holds(both)
        assert d.status(ticker("KRW-BTC")) == LIVE


async def test_a_hundred_components_with_500_streams_each_take_few_requests() -> None:
    async with running(settings={"markets": None, "rate": 800.0}) as d:
        rng = random.Random(7)
        wanted = [(kind, code) for kind in (ticker, trade, book) for code in markets(d, 400)]
        specs: set[Any] = set()
        for number in range(100):
            chosen = rng.sample(wanted, 500)
            for kind in (ticker, trade, book):
                d.want(f"c{number}", *d.state.specs_of(f"c{number}"), kind(*[c for k, c in chosen if k is kind]))
            specs.update(chosen)
        await d.settled()
        assert len(d.requests()) <= 3
        assert len(d.table()) == len(specs) == len(wanted)
        assert d.sync.statistics().unserved == ()
        assert violations(d) == 0


async def test_one_more_symbol_is_one_more_snapshot() -> None:
    async with running() as d:
        d.want("a", ticker(*markets(d, 30)))
        await d.settled()
        codes = markets(d, 31)
        d.want("b", ticker(codes[30]))
        await d.holds(streams("ticker", codes))
        await d.settled()
        parts = json.loads(d.requests()[-1])[1:-1]
        asked = {len(part["codes"]): part.get("is_only_realtime", False) for part in parts}
        assert asked == {1: False, 30: True}
        await until(lambda: d.sync.statistics().split is SplitTrust.PROVED)


async def test_after_a_cut_everything_is_restored_and_proved() -> None:
    async with running(settings={"connects_per_second": None}) as d:
        codes = markets(d, 30)
        for number in range(10):
            d.want(f"c{number}", ticker(*codes), trade(*codes[number : number + 20]))
        await d.settled()
        before = d.table()
        for _ in range(5):
            await d.cut()
            await d.settled()
            assert d.table() == before
            figures = d.sync.statistics()
            assert figures.restored == figures.restorable == len(before)
        assert violations(d) == 0


async def test_levels_of_a_book_are_told_apart() -> None:
    async with running(proof_timeout=1.0) as d:
        (instrument,) = d.server.world.orderbook_instruments(["KRW-BTC"])
        level = next(value for value in map(Decimal, instrument["supported_levels"]) if value)
        d.want("a", book("KRW-BTC"), book("KRW-BTC", level=level))
        await until(lambda: d.status(book("KRW-BTC", level=level)) == LIVE)
        d.want("b", book("KRW-BTC", level=level + 1))  # not supported: no data, no error
        await until(lambda: d.status(book("KRW-BTC", level=level + 1)) == {StreamStatus.UNSERVED})
        await until(lambda: d.status(book("KRW-BTC")) == LIVE)


@pytest.mark.parametrize("data_format", list(DataFormat))
async def test_the_format_of_the_running_streams_stays(data_format: DataFormat) -> None:
    async with running(data_format=data_format) as d:
        d.want("a", ticker("KRW-BTC"))
        await d.settled()
        d.want("b", SubscriptionSpec(DataType.CANDLE_1M, "KRW-BTC"))
        await d.settled()
        assert d.sync.statistics().lists >= 1
        wanted = "SIMPLE" if data_format is DataFormat.AUTO else data_format.value
        assert {view.format for view in d.server.connections} == {wanted}


async def test_private_streams_are_proved_by_the_list_and_assets_warm_up_until_something_happens() -> None:
    async with running(PRIVATE) as d:
        d.want("a", orders("KRW-BTC"), ASSETS, news("notice"))
        await d.settled()
        assert d.status(orders("KRW-BTC")) == d.status(news()) == LIVE
        assert d.status(ASSETS) == {StreamStatus.WARMING_UP}
        d.want("b", orders())
        await until(lambda: ("myOrder", "") in d.table())
        await d.settled()
        assert ("myOrder", "KRW-BTC") not in d.table()
        assert d.status(orders("KRW-BTC")) == LIVE
        d.server.place_order("KRW-BTC", "BID", "limit", Decimal(100_000_000), Decimal("0.001"))
        await until(lambda: d.status(ASSETS) == LIVE)


async def test_indicators_are_proved_by_the_list() -> None:
    async with running(INFO) as d:
        d.want("a", rsi("KRW-BTC", "KRW-ETH", periods=(9, 14)))
        d.want("b", rsi("KRW-BTC", periods=(14,), timeframe="60m"))
        await d.settled()
        assert d.status(rsi("KRW-BTC", "KRW-ETH", periods=(9, 14))) == LIVE
        assert len(d.table()) == 5


async def test_a_scope_that_the_key_lacks_costs_only_the_wish_that_needs_it() -> None:
    async with running(PRIVATE, settings={"scopes": ("view_orders",), "connects_per_second": None}) as d:
        d.want("orders", orders())
        d.want("assets", ASSETS)
        await until(lambda: d.rejected)
        await d.settled()
        assert [name for name, _ in d.rejected] == ["assets"]
        assert d.table() == {("myOrder", "")}


async def test_unknown_codes_are_named_and_the_rest_is_served() -> None:
    async with running(proof_timeout=1.0) as d:
        d.want("a", ticker("KRW-BTC", "KRW-NOPE"))
        with pytest.raises(SubscriptionError, match="KRW-NOPE"):
            await d.sync.wait_served(tickers("KRW-BTC", "KRW-NOPE"))
        await until(lambda: d.status(ticker("KRW-BTC")) == LIVE)
        assert d.sync.statistics().unserved == (key(DataType.TICKER, "KRW-NOPE"),)


async def test_snapshots_on_request_leave_the_table_alone() -> None:
    async with running() as d:
        d.want("a", ticker("KRW-BTC"))
        await d.settled()
        await d.sync.fetch_snapshots([ticker(*markets(d, 20)), book("KRW-ETH", depth=1)])
        assert d.table() == streams("ticker", ["KRW-BTC"])
        assert d.status(ticker("KRW-BTC")) == LIVE


async def test_a_changing_mind_breaks_no_limit_and_ends_exactly() -> None:
    async with running() as d:
        codes = markets(d, 40)
        d.want("a", ticker("KRW-BTC"))
        await d.settled()
        rng = random.Random(3)
        chosen: list[str] = []
        for _ in range(60):
            chosen = rng.sample(codes, 5)
            d.want("b", trade(*chosen))
            await asyncio.sleep(0.05)
        await d.holds(streams("ticker", ["KRW-BTC"]) | streams("trade", chosen))
        await d.settled()
        assert violations(d) == 0


# -- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", [False, True])
async def test_codes_missing_after_a_reconnect_are_found(listed: bool) -> None:
    patience: dict[str, Any] = {"proof_timeout": 1.0} if listed else {}
    async with running(settings={"connects_per_second": None}, **patience) as d:
        codes = markets(d, 20)
        d.want("a", ticker(*codes))
        await d.settled()
        d.server.faults.inject(FaultName.MISSING_CODES, count=3, listed=listed, times=1)
        d.lines[-1].drop()
        await until(lambda: len(d.lines) == 2)
        await d.settled()
        if listed:  # the exchange says that it serves them and does not: their silence gives it away
            await until(lambda: len(d.sync.statistics().unserved) == 3)
        else:
            assert d.sync.statistics().unserved == ()
            assert d.sync.statistics().repairs == 1
        assert d.table() == streams("ticker", codes)


async def test_a_request_that_is_ignored_is_sent_again() -> None:
    async with running(settings={"connects_per_second": None}, list_timeout=1.0, proof_timeout=1.0) as d:
        d.want("a", ticker("KRW-BTC"))
        await d.settled()
        d.server.faults.inject(FaultName.IGNORED_REQUEST, times=1)
        d.lines[-1].drop()
        await until(lambda: len(d.lines) >= 2)
        await d.settled()
        assert d.table() == streams("ticker", ["KRW-BTC"])
        d.server.faults.inject(FaultName.IGNORED_REQUEST, times=1)
        d.want("b", trade("KRW-BTC"))
        await d.holds(streams("ticker", ["KRW-BTC"]) | streams("trade", ["KRW-BTC"]))


@pytest.mark.parametrize("name", ["TOO_MANY_REQUEST", "INVALID_PARAM", "WRONG_FORMAT"])
async def test_an_error_out_of_nowhere_costs_a_line_and_no_wish(name: str) -> None:
    async with running(settings={"connects_per_second": None}) as d:
        d.want("a", ticker("KRW-BTC", "KRW-ETH"))
        await d.settled()
        d.server.faults.inject(FaultName.ERROR, error=name, times=1)
        await until(lambda: len(d.lines) >= 2)
        await d.settled()
        assert d.rejected == []
        assert d.table() == streams("ticker", ["KRW-BTC", "KRW-ETH"])


@pytest.mark.parametrize("name", ["TOO_MANY_REQUEST", "INVALID_PARAM"])
async def test_a_request_that_meets_an_error_is_sent_again(name: str) -> None:
    async with running(settings={"connects_per_second": None}) as d:
        d.want("a", ticker("KRW-BTC"))
        await d.settled()
        d.server.faults.inject(FaultName.ERROR, error=name, on="request", times=1)
        d.want("b", trade("KRW-BTC"))
        await d.holds(streams("ticker", ["KRW-BTC"]) | streams("trade", ["KRW-BTC"]))
        await d.settled()
        assert d.rejected == []


@pytest.mark.parametrize("mode", ["missing", "other_code", "stale", "twice", "realtime"])
async def test_wrong_snapshots_leave_the_right_table(mode: str) -> None:
    async with running(settings={"rate": 1000.0, "connects_per_second": None}) as d:
        d.server.faults.inject(FaultName.WRONG_SNAPSHOT, mode=mode)
        d.want("a", ticker("KRW-BTC", "KRW-ETH"))
        await d.holds(streams("ticker", ["KRW-BTC", "KRW-ETH"]))
        await until(lambda: d.status(ticker("KRW-BTC", "KRW-ETH")) == LIVE)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (FaultName.DELAY, {"seconds": 0.3}),
        (FaultName.DUPLICATE_TRADES, {}),
        (FaultName.WRONG_ORDER, {}),
        (FaultName.TRUNCATED, {"every": 3}),
        (FaultName.CLOCK_SKEW, {}),
    ],
)
async def test_a_troubled_stream_is_still_proved(name: FaultName, options: dict[str, Any]) -> None:
    async with running(settings={"rate": 1000.0, "connects_per_second": None}) as d:
        d.server.faults.inject(name, **options)
        d.want("a", ticker("KRW-BTC", "KRW-ETH"), trade("KRW-BTC"))
        await until(lambda: d.status(ticker("KRW-BTC", "KRW-ETH")) == LIVE)
        await d.settled()
        assert d.rejected == []


@pytest.mark.parametrize("seed", range(3))
async def test_wishes_and_drops_in_any_order_end_in_the_union(seed: int) -> None:
    rng = random.Random(seed)
    async with running(settings={"connects_per_second": None}) as d:
        codes = markets(d, 40)
        kinds = {"ticker": ticker, "trade": trade}
        wanted: dict[str, tuple[str, list[str]]] = {}
        for _ in range(60):
            name = f"c{rng.randrange(10)}"
            if rng.random() < 0.15 and d.lines:
                d.lines[-1].drop()
            elif rng.random() < 0.3:
                wanted.pop(name, None)
                d.want(name)
            else:
                kind, chosen = rng.choice(list(kinds)), rng.sample(codes, rng.randint(1, 20))
                wanted[name] = (kind, chosen)
                priority = rng.choice(list(Priority))
                d.want(name, kinds[kind](*chosen, priority=priority))
            await asyncio.sleep(rng.choice((0.0, 0.01, 0.05)))
        d.want("last", ticker("KRW-BTC"))
        wanted["last"] = ("ticker", ["KRW-BTC"])
        await d.holds({entry for kind, chosen in wanted.values() for entry in streams(kind, chosen)})
        await d.settled()
        assert d.sync.statistics().unserved == ()
        assert violations(d) == 0
