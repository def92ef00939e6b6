"""The client against the embedded exchange."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from upbit_ws_qt import ConfigurationError, Priority, RestClient, RestError, ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

START_MS = 1_790_000_000_000


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    async with EmbeddedExchange(ExchangeSettings(markets=12, rate=400, stopped=True, start_ms=START_MS)) as running:
        yield running


@pytest.fixture
async def rest(exchange: EmbeddedExchange) -> AsyncIterator[RestClient]:
    async with RestClient(ServiceConfig.for_exchange(exchange)) as client:
        yield client


async def test_markets_come_with_their_warnings_or_without(rest: RestClient) -> None:
    detailed = await rest.markets()
    assert [market.market for market in detailed][:1] == ["KRW-BTC"]
    assert all(market.market_event is not None for market in detailed)
    assert all(market.market_event is None for market in await rest.markets(details=False))


async def test_tickers_and_instruments_are_exact(rest: RestClient) -> None:
    (ticker,) = await rest.tickers("krw-btc")
    assert ticker.market == "KRW-BTC"
    assert isinstance(ticker.acc_trade_price, Decimal)
    assert ticker.signed_change_price == ticker.trade_price - ticker.prev_closing_price
    (instrument,) = await rest.instruments(["KRW-BTC"])
    assert instrument.supported_levels[0] == 0


async def test_candles_are_paged_back_without_a_hole_or_a_repeat(rest: RestClient) -> None:
    now = datetime.fromtimestamp(START_MS / 1000, UTC)
    pages = []
    async for page in rest.candle_pages("KRW-BTC", "1m", to=now):
        pages.append(page)
        if len(pages) == 3:
            break
    starts = [candle.start for page in pages for candle in page]
    assert len(starts) == 600
    assert starts == sorted(set(starts), reverse=True)
    since = starts[450]
    again = [candle.start async for page in rest.candle_pages("KRW-BTC", "1m", to=now, since=since) for candle in page]
    assert again == starts[:451]


async def test_books_come_as_deep_as_they_are_wanted(rest: RestClient) -> None:
    (book,) = await rest.orderbook("KRW-BTC", depth=5)
    assert len(book.orderbook_units) == 5
    asks = [unit.ask_price for unit in book.orderbook_units]
    assert asks == sorted(asks)
    assert book.orderbook_units[0].bid_price < asks[0]


async def test_all_tickers_of_a_currency(rest: RestClient) -> None:
    assert {ticker.market[:4] for ticker in await rest.all_tickers("krw")} == {"KRW-"}


@pytest.mark.parametrize("unit", ["days", "weeks", "months", "years"])
async def test_long_candles_know_their_first_day(rest: RestClient, unit: str) -> None:
    candles = await rest.candles("KRW-BTC", unit, count=3)
    assert candles
    if unit != "days":
        assert all(candle.first_day is not None for candle in candles)


async def test_trades_are_walked_back_newest_first_each_once_to_where_they_are_known(rest: RestClient) -> None:
    pages = [page async for page in aiter_some(rest.trade_pages("KRW-BTC"), 3)]
    ids = [trade.sequential_id for page in pages for trade in page]
    assert len(ids) == len(set(ids))
    times = [trade.timestamp for page in pages for trade in page]
    assert times == sorted(times, reverse=True)
    known = ids[-1]
    again = [trade.sequential_id async for trade in rest.trades("KRW-BTC", since=known)]
    assert again == ids[:-1]
    since = pages[0][10].time
    newer = [trade async for trade in rest.trades("KRW-BTC", since=since)]
    assert min(trade.time for trade in newer) == since


async def aiter_some(pages: AsyncGenerator[Any, None], most: int) -> AsyncGenerator[Any, None]:
    async with aclosing(pages):
        async for page in pages:
            yield page
            most -= 1
            if not most:
                return


async def test_an_unknown_market_is_told_with_the_integer_name_of_market_data(rest: RestClient) -> None:
    with pytest.raises(RestError) as caught:
        await rest.tickers("KRW-NOPE")
    error = caught.value
    assert (error.status, error.name, error.call, error.is_temporary) == (404, 404, "/ticker", False)
    assert error.group == "ticker"


@pytest.mark.parametrize("codes", ["", "KRWBTC", [], ["KRW-BTC", "x"]])
async def test_a_code_that_can_be_none_is_not_asked_for(rest: RestClient, codes: list[str]) -> None:
    with pytest.raises(ValueError, match="market code"):
        await rest.tickers(codes)
    assert rest.usage() == ()


async def test_bounds_of_the_exchange_are_known_before_anything_is_asked(rest: RestClient) -> None:
    with pytest.raises(ValueError, match="from 1 to 200"):
        await rest.candles("KRW-BTC", "1m", count=201)
    with pytest.raises(ValueError, match="unit of candles"):
        await rest.candles("KRW-BTC", "2m")
    with pytest.raises(ValueError, match="zone"):
        await rest.candles("KRW-BTC", "1m", datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="days_ago"):
        await rest.trade_page("KRW-BTC", days_ago=8)
    with pytest.raises(ValueError, match="one of the two"):
        await rest.orders(["a"], identifiers=["b"])
    with pytest.raises(ValueError, match="one of the two"):
        await rest.order()
    with pytest.raises(ValueError, match="states"):
        await rest.open_orders(states=["done"])
    assert rest.usage() == ()


async def test_without_credentials_account_data_is_a_matter_of_configuration(exchange: EmbeddedExchange) -> None:
    config = ServiceConfig.for_exchange(exchange, credentials=None)
    async with RestClient(config) as rest:
        with pytest.raises(ConfigurationError, match="credentials"):
            await rest.accounts()
        assert rest.usage() == ()


async def test_many_questions_at_once_are_never_too_many(rest: RestClient) -> None:
    answers = await asyncio.gather(*(rest.at(Priority.LOW).candles("KRW-BTC", "1m", count=1) for _ in range(25)))
    assert {len(page) for page in answers} == {1}
    (usage,) = rest.usage()
    assert (usage.asked, usage.refused, usage.waiting) == (25, 0, 0)


async def test_after_its_end_every_question_is_told_so(exchange: EmbeddedExchange) -> None:
    rest = RestClient(ServiceConfig.for_exchange(exchange))
    waiting = [asyncio.ensure_future(rest.candles("KRW-BTC", "1m")) for _ in range(15)]
    await waiting[0]
    await rest.close()
    await rest.close()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [end.name for end in ends if isinstance(end, RestError)].count("closed") >= 5
    assert not [end for end in ends if isinstance(end, BaseException) and not isinstance(end, RestError)]
    with pytest.raises(RestError) as caught:
        await rest.markets()
    assert caught.value.name == "closed"


@pytest.mark.qasync_loop
async def test_it_works_on_the_loop_that_desktops_run_on(rest: RestClient) -> None:
    pages = await asyncio.gather(rest.markets(), rest.candles("KRW-BTC", "1s"), rest.tickers("KRW-BTC"))
    assert all(pages)
