"""Quotation, statement by statement of the REST sheet (numbers of its sections in brackets)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.server.asking import ask, ask_raw, refusable, spelt
from tests.exchange.server.conftest import START_MS
from tests.exchange.server.raw import BTC, ETH, client
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.exchange.server.hand_clock import HandClock

Row = dict[str, Any]
DAY_MS = 86_400_000
YOUNG = 1  # rank of a market that has not been listed for long
CAUTIONS = {
    "PRICE_FLUCTUATIONS", "TRADING_VOLUME_SOARING", "DEPOSIT_AMOUNT_SOARING", "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
}  # fmt: skip


@pytest.fixture
async def free() -> AsyncIterator[EmbeddedExchange]:
    """All markets, time stopped, no limits at all."""
    settings = ExchangeSettings(rate=400, stopped=True, start_ms=START_MS, rest_per_second=None, prepare=False)
    async with EmbeddedExchange(settings) as running:
        yield running


@pytest.fixture
async def few() -> AsyncIterator[EmbeddedExchange]:
    """Six markets, time stopped, no limits."""
    settings = ExchangeSettings(
        markets=6, rate=100, stopped=True, start_ms=START_MS, rest_per_second=None, prepare=False
    )
    async with EmbeddedExchange(settings) as running:
        yield running


def moment(row: Row) -> datetime:
    """Return when a candle begins."""
    return datetime.fromisoformat(row["candle_date_time_utc"]).replace(tzinfo=UTC)


def joined(rows: list[Row]) -> Row:
    """Return the candle that candles, oldest first, are together."""
    return {
        "opening_price": rows[0]["opening_price"],
        "high_price": max(row["high_price"] for row in rows),
        "low_price": min(row["low_price"] for row in rows),
        "trade_price": rows[-1]["trade_price"],
        "candle_acc_trade_volume": sum((row["candle_acc_trade_volume"] for row in rows), Decimal(0)),
        "candle_acc_trade_price": sum((row["candle_acc_trade_price"] for row in rows), Decimal(0)),
    }


def said(row: Row, names: Any) -> Row:
    """Return what a candle says under some names."""
    return {name: row[name] for name in names}


async def paged(exchange: EmbeddedExchange, path: str, pages: int, **parameters: Any) -> list[Row]:
    """Page back by `to` and return all candles, newest first."""
    rows: list[Row] = []
    for _ in range(pages):
        to = {"to": rows[-1]["candle_date_time_utc"] + "Z"} if rows else {}
        page = await ask(exchange, path, **{**parameters, **to})
        rows += page
        if len(page) < parameters["count"]:
            break
    return rows


# [1] Common rules.


@pytest.mark.parametrize(
    ("path", "parameters", "error"),
    [
        ("ticker", {}, (400, 400)),
        ("ticker", {"markets": "KRW-NOTHING"}, (404, 404)),
        ("ticker", {"markets": f"{BTC},KRW-NOTHING"}, (404, 404)),
        ("ticker", {"markets": "krw-btc"}, (404, 404)),
        ("ticker/all", {}, (400, 400)),
        ("ticker/all", {"quote_currencies": "EUR"}, (400, 400)),
        ("market/all", {"is_details": "yes"}, (400, 400)),
        ("trades/ticks", {}, (400, 400)),
        ("trades/ticks", {"market": "KRW-NOTHING"}, (404, 404)),
        ("trades/ticks", {"market": BTC, "count": 0}, (400, 400)),
        ("trades/ticks", {"market": BTC, "count": 501}, (400, 400)),
        ("trades/ticks", {"market": BTC, "count": "many"}, (400, 400)),
        ("trades/ticks", {"market": BTC, "days_ago": 0}, (400, 400)),
        ("trades/ticks", {"market": BTC, "days_ago": 8}, (400, 400)),
        ("trades/ticks", {"market": BTC, "to": "25:00:00"}, (400, 400)),
        ("trades/ticks", {"market": BTC, "to": "12:0000"}, (400, 400)),
        ("trades/ticks", {"market": BTC, "cursor": "x"}, (400, 400)),
        ("candles/minutes/2", {"market": BTC}, (400, 400)),
        ("candles/days", {"market": BTC, "count": 201}, (400, 400)),
        ("candles/days", {"market": BTC, "to": "2026-13-01T00:00:00Z"}, (400, 400)),
        ("candles/days", {"market": BTC, "to": "20260101T000000Z"}, (400, 400)),
        ("candles/days", {"market": BTC, "converting_price_unit": "USD"}, (400, 400)),
        ("candles/weeks", {"market": "KRW-NOTHING"}, (404, 404)),
        ("orderbook", {}, (400, 400)),
        ("orderbook", {"markets": BTC, "count": 31}, (400, 400)),
        ("orderbook", {"markets": BTC, "level": "deep"}, (400, 400)),
        ("orderbook/instruments", {}, (400, 400)),
    ],
)
async def test_errors_of_quotation_are_named_by_integers(
    free: EmbeddedExchange, path: str, parameters: Row, error: tuple[int, int]
) -> None:
    assert (await refusable(free, path, **parameters)).error == error


async def test_a_bare_plus_is_a_space_and_no_date(free: EmbeddedExchange) -> None:
    target = f"/v1/candles/days?market={BTC}&to=2026-09-01T09:00:00"
    assert (await ask_raw(free, f"{target}+09:00")).error == (400, 400)
    assert (await ask_raw(free, f"{target}%2B09:00")).status == 200


async def test_a_parameter_given_twice_is_refused(free: EmbeddedExchange) -> None:
    assert (await ask_raw(free, f"/v1/ticker?markets={BTC}&markets={ETH}")).error == (400, 400)
    assert (await ask_raw(free, "/v1/ticker?" + "&".join(f"a{n}=1" for n in range(200)))).error == (400, 400)


async def test_a_header_sent_twice_is_refused(free: EmbeddedExchange) -> None:
    once = await ask_raw(free, "/v1/market/all", "Accept: a")
    twice = await ask_raw(free, "/v1/market/all", "Accept: a", "accept: b")
    assert once.status == 200
    assert twice.status == 400


async def test_gzip_where_it_is_wanted(free: EmbeddedExchange) -> None:
    plain = await ask_raw(free, "/v1/market/all")
    packed = await ask_raw(free, "/v1/market/all", "Accept-Encoding: gzip, deflate")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.value == plain.value


# [3] Rate limits.

GROUPS = [
    ("market", "market/all", {}),
    ("ticker", "ticker", {"markets": BTC}),
    ("ticker", "ticker/all", {"quote_currencies": "KRW"}),
    ("trades", "trades/ticks", {"market": BTC}),
    ("orderbook", "orderbook", {"markets": BTC}),
    ("orderbook", "orderbook/instruments", {"markets": BTC}),
    *(
        ("candles", f"candles/{unit}", {"market": BTC})
        for unit in ("seconds", "minutes/1", "days", "weeks", "months", "years")
    ),
]


@pytest.mark.parametrize(("group", "path", "parameters"), GROUPS)
async def test_each_call_tells_its_group(strict: EmbeddedExchange, group: str, path: str, parameters: Row) -> None:
    assert (await refusable(strict, path, **parameters)).remaining == (group, 9)


async def test_calls_of_a_group_share_ten_a_second(strict: EmbeddedExchange, hand: HandClock) -> None:
    for left in range(9, -1, -1):
        path, parameters = ("ticker", {"markets": BTC}) if left % 2 else ("ticker/all", {"quote_currencies": "KRW"})
        assert (await refusable(strict, path, **parameters)).remaining == ("ticker", left)
    refused = await refusable(strict, "ticker", markets=BTC)
    assert (refused.error, refused.remaining) == ((429, 429), ("ticker", 0))
    assert "retry-after" not in refused.headers
    assert (await refusable(strict, "orderbook", markets=BTC)).remaining == ("orderbook", 9)
    hand.move(1.0)
    assert (await refusable(strict, "ticker", markets=BTC)).remaining == ("ticker", 9)


async def test_a_wrong_call_counts_and_is_told_what_is_left(strict: EmbeddedExchange) -> None:
    assert (await refusable(strict, "ticker")).remaining == ("ticker", 9)


async def test_who_goes_on_after_429_is_blocked_in_all_groups_and_told_for_how_long(
    strict: EmbeddedExchange, hand: HandClock
) -> None:
    for _ in range(10):
        await refusable(strict, "market/all")
    statuses = [(await refusable(strict, "market/all")).status for _ in range(3)]
    assert statuses == [429, 429, 418]
    hand.move(1.5)
    blocked = await refusable(strict, "ticker", markets=BTC)
    assert blocked.error == (418, 418)
    assert "0.5 seconds" in blocked.value["error"]["message"]
    hand.move(0.5)
    assert (await refusable(strict, "ticker", markets=BTC)).status == 200


async def test_an_origin_is_served_once_in_ten_seconds_as_a_group_of_its_own(
    strict: EmbeddedExchange, hand: HandClock
) -> None:
    answers = [await ask_raw(strict, "/v1/market/all", "Origin: http://x") for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 429]
    assert [answer.remaining for answer in answers] == [("origin", 0)] * 2
    assert answers[1].error == (429, 429)
    hand.move(10.0)
    assert (await ask_raw(strict, "/v1/market/all", "Origin: http://x")).status == 200


# [4] Markets, tickers, order books.


async def test_market_events_are_told_on_demand(free: EmbeddedExchange) -> None:
    plain = await ask(free, "market/all")
    assert {tuple(row) for row in plain} == {("market", "korean_name", "english_name")}
    events = {row["market"]: row["market_event"] for row in await ask(free, "market/all", is_details="true")}
    assert all(
        set(event) == {"warning", "caution"} and event["caution"].keys() == CAUTIONS for event in events.values()
    )
    assert any(event["warning"] for event in events.values())
    assert any(any(event["caution"].values()) and not event["warning"] for event in events.values())


async def test_tickers_of_whole_quote_currencies(free: EmbeddedExchange) -> None:
    rows = await ask(free, "ticker/all", quote_currencies="BTC,USDT")
    codes = {row["market"] for row in rows}
    assert codes == {code for code in free.world.codes if code.startswith(("BTC-", "USDT-"))}
    assert rows[0] == (await ask(free, "ticker", markets=rows[0]["market"]))[0]


async def test_a_ticker_says_all_that_the_sheet_lists(free: EmbeddedExchange) -> None:
    (row,) = await ask(free, "ticker", markets=BTC)
    assert set(row) == {
        "market", "trade_date", "trade_time", "trade_date_kst", "trade_time_kst", "trade_timestamp", "opening_price",
        "high_price", "low_price", "trade_price", "prev_closing_price", "change", "change_price", "change_rate",
        "signed_change_price", "signed_change_rate", "trade_volume", "acc_trade_price", "acc_trade_price_24h",
        "acc_trade_volume", "acc_trade_volume_24h", "highest_52_week_price", "highest_52_week_date",
        "lowest_52_week_price", "lowest_52_week_date", "timestamp",
    }  # fmt: skip
    assert abs(row["signed_change_price"]) == row["change_price"] >= 0


async def test_a_book_is_that_of_the_stream(free: EmbeddedExchange) -> None:
    rows = await ask(free, "orderbook", markets=f"{BTC},{ETH}")
    assert [row["market"] for row in rows] == [BTC, ETH]
    async with client(free) as public:
        await public.request({"type": "orderbook", "codes": [f"{BTC}.30"]})
        told = await public.message()
    names = ("timestamp", "total_ask_size", "total_bid_size", "orderbook_units")
    assert said(rows[0], names) == said(told, names)
    assert (len(rows[0]["orderbook_units"]), rows[0]["level"]) == (30, 0)


async def test_a_book_of_few_pairs_and_of_a_level(free: EmbeddedExchange) -> None:
    (instrument,) = await ask(free, "orderbook/instruments", markets=BTC)
    level = instrument["supported_levels"][1]
    (row,) = await ask(free, "orderbook", markets=BTC, count=5, level=level)
    assert (len(row["orderbook_units"]), row["level"]) == (5, Decimal(level))
    assert all(unit["ask_price"] % Decimal(level) == 0 for unit in row["orderbook_units"])
    async with client(free) as public:
        await public.request({"type": "orderbook", "codes": [f"{BTC}.5"], "level": int(level)})
        assert (await public.message())["orderbook_units"] == row["orderbook_units"]


@pytest.mark.parametrize(("code", "level"), [(BTC, "7"), (BTC, "0.00000000001"), ("BTC-ETH", "1")])
async def test_an_unsupported_level_is_no_error(free: EmbeddedExchange, code: str, level: str) -> None:
    assert await ask(free, "orderbook", markets=code, level=level) == []


async def test_instruments_are_texts(free: EmbeddedExchange) -> None:
    btc, other = await ask(free, "orderbook/instruments", markets=f"{BTC},BTC-ETH")
    assert set(btc) == {"market", "quote_currency", "tick_size", "supported_levels"}
    assert (btc["tick_size"], btc["quote_currency"]) == ("1000", "KRW")
    assert all(isinstance(level, str) for level in btc["supported_levels"])
    assert other["supported_levels"] == ["0"]


# [4] and [6] Trades.


async def told_trades(exchange: EmbeddedExchange, seconds: float, code: str = BTC) -> list[Row]:
    """Let time pass and return the trades that the stream told meanwhile, oldest first."""
    async with client(exchange) as public:
        await public.request({"type": "trade", "codes": [code], "is_only_realtime": True})
        await public.listing()
        await exchange.advance(seconds)
        counted = sum(1 for _ in exchange.world.market(code).tape.newest_first(2**60))
        return await public.messages(counted)


async def test_trades_are_those_of_the_stream(few: EmbeddedExchange) -> None:
    told = await told_trades(few, 30.0)
    assert len(told) > 50
    rows = await ask(few, "trades/ticks", market=BTC, count=len(told))
    for row, trade in zip(rows, reversed(told), strict=True):
        assert row == {
            "market": trade["code"],
            "trade_date_utc": trade["trade_date"],
            "trade_time_utc": trade["trade_time"],
            "timestamp": trade["trade_timestamp"],
            "trade_price": trade["trade_price"],
            "trade_volume": trade["trade_volume"],
            "prev_closing_price": trade["prev_closing_price"],
            "change_price": trade["trade_price"] - trade["prev_closing_price"],
            "ask_bid": trade["ask_bid"],
            "sequential_id": trade["sequential_id"],
        }


async def test_the_last_trade_before_the_start_is_that_of_the_snapshot(free: EmbeddedExchange) -> None:
    for code in (BTC, "KRW-XRP", "BTC-ETH"):
        async with client(free) as public:
            await public.request({"type": "trade", "codes": [code]})
            told = await public.message()
        (row,) = await ask(free, "trades/ticks", market=code)
        assert (row["sequential_id"], row["timestamp"]) == (told["sequential_id"], told["trade_timestamp"])
        assert (row["trade_price"], row["trade_volume"]) == (told["trade_price"], told["trade_volume"])


async def test_one_trade_is_told_unless_more_are_asked_for(few: EmbeddedExchange) -> None:
    assert len(await ask(few, "trades/ticks", market=BTC)) == 1
    assert len(await ask(few, "trades/ticks", market=BTC, count=500)) == 500


async def test_pages_by_cursor_leave_nothing_out_and_tell_nothing_twice(few: EmbeddedExchange) -> None:
    await told_trades(few, 10.0)
    whole = await ask(few, "trades/ticks", market=BTC, count=120)
    paged: list[Row] = []
    while len(paged) < 120:
        cursor = {"cursor": paged[-1]["sequential_id"]} if paged else {}
        paged += await ask(few, "trades/ticks", market=BTC, count=23, **cursor)
    assert paged[:120] == whole
    ids = [row["sequential_id"] for row in whole]
    assert len(set(ids)) == 120
    times = [row["timestamp"] for row in whole]
    assert times == sorted(times, reverse=True)
    assert ids != sorted(ids, reverse=True)  # ids are unique, and in no strict order


async def test_a_cursor_that_is_no_trade_is_a_place_all_the_same(few: EmbeddedExchange) -> None:
    whole = await ask(few, "trades/ticks", market=BTC, count=50)
    cursor = whole[20]["sequential_id"] - 1
    rows = await ask(few, "trades/ticks", market=BTC, count=5, cursor=cursor)
    assert rows == whole[21:26]


async def test_a_query_covers_one_utc_day(few: EmbeddedExchange) -> None:
    today = datetime.fromtimestamp(START_MS / 1000, UTC).date()
    for days_ago in range(1, 8):
        first = (await ask(few, "trades/ticks", market="KRW-XRP", days_ago=days_ago))[0]
        day = (today - timedelta(days=days_ago)).isoformat()
        assert first["trade_date_utc"] == day
        rest = await ask(few, "trades/ticks", market="KRW-XRP", days_ago=days_ago, to="00:02:00", count=500)
        assert {row["trade_date_utc"] for row in rest} <= {day}
        last = rest[-1]["sequential_id"]
        assert await ask(few, "trades/ticks", market="KRW-XRP", days_ago=days_ago, cursor=last, to="00:00:00") == []


@pytest.mark.parametrize("to", ["10:00:00", "100000"])
async def test_trades_before_a_time_of_day(few: EmbeddedExchange, to: str) -> None:
    (row,) = await ask(few, "trades/ticks", market=BTC, to=to)
    assert "09:00:00" < row["trade_time_utc"] < "10:00:00"


async def test_the_change_of_a_past_trade_is_against_the_day_before_it(few: EmbeddedExchange) -> None:
    (trade,) = await ask(few, "trades/ticks", market=BTC, days_ago=2)
    rows = await ask(few, "candles/days", market=BTC, count=4)
    assert trade["prev_closing_price"] == rows[3]["trade_price"]
    assert trade["change_price"] == trade["trade_price"] - rows[3]["trade_price"]


async def test_trades_of_a_past_minute_are_its_candle(few: EmbeddedExchange) -> None:
    (candle,) = await ask(few, "candles/minutes/1", market=ETH, to="2026-09-20T10:00:00Z")
    rows = await ask(few, "trades/ticks", market=ETH, days_ago=1, to="10:00:00", count=500)
    start = moment(candle).timestamp() * 1000
    trades = [row for row in rows if row["timestamp"] >= start]
    assert 0 < len(trades) < 500
    prices = [row["trade_price"] for row in reversed(trades)]
    assert (prices[0], max(prices), min(prices), prices[-1]) == (
        candle["opening_price"], candle["high_price"], candle["low_price"], candle["trade_price"],
    )  # fmt: skip
    assert sum(row["trade_volume"] for row in trades) == candle["candle_acc_trade_volume"]


async def test_trades_since_the_start_are_the_candles_of_the_stream(few: EmbeddedExchange) -> None:
    async with client(few) as public:
        await public.request({"type": "candle.1m", "codes": [BTC], "is_only_realtime": True})
        await public.listing()
        await few.advance(130.0)
        told: dict[str, Row] = {}
        while len(told) < 3:
            row = await public.message()
            told[row["candle_date_time_utc"]] = row
    trades: list[Row] = []
    while not trades or trades[-1]["timestamp"] >= START_MS:
        cursor = {"cursor": trades[-1]["sequential_id"]} if trades else {}
        trades += await ask(few, "trades/ticks", market=BTC, count=500, **cursor)
    second = sorted(told)[1]
    mine = [row for row in reversed(trades) if f"{row['trade_date_utc']}T{row['trade_time_utc']}"[:16] == second[:16]]
    (candle,) = await ask(few, "candles/minutes/1", market=BTC, to=sorted(told)[2] + "Z")
    assert candle["candle_date_time_utc"] == second
    assert joined(
        [
            {
                **dict.fromkeys(("opening_price", "high_price", "low_price", "trade_price"), row["trade_price"]),
                "candle_acc_trade_volume": row["trade_volume"],
                "candle_acc_trade_price": row["trade_volume"] * row["trade_price"],
            }
            for row in mine
        ]
    ) == said(candle, joined([candle]))


async def test_what_the_tape_gave_up_is_made_up_of_candles(few: EmbeddedExchange) -> None:
    await few.advance(150.0)
    tape = few.world.market(BTC).tape
    tape.forget()
    kept = list(tape.newest_first(2**60))
    rows: list[Row] = []
    while not rows or rows[-1]["timestamp"] > START_MS - 60_000:
        cursor = {"cursor": rows[-1]["sequential_id"]} if rows else {}
        rows += await ask(few, "trades/ticks", market=BTC, count=500, **cursor)
    assert [row["sequential_id"] for row in rows[: len(kept)]] == [trade[0] for trade in kept]
    times = [row["timestamp"] for row in rows]
    assert times == sorted(times, reverse=True)


# [4] Candles.

LONG = [("days", timedelta(days=1)), ("weeks", timedelta(days=7)), ("months", timedelta(days=31)), ("years", None)]


@pytest.mark.parametrize(("path", "step"), LONG)
async def test_to_is_exclusive_and_pages_join(few: EmbeddedExchange, path: str, step: timedelta | None) -> None:
    whole = await ask(few, f"candles/{path}", market="KRW-XRP", count=8)
    rows = await paged(few, f"candles/{path}", 8, market="KRW-XRP", count=3)
    assert rows[: len(whole)] == whole[: len(rows)]
    starts = [moment(row) for row in rows]
    assert starts == sorted(set(starts), reverse=True)
    assert {start.time().isoformat() for start in starts} == {"00:00:00"}
    if path == "weeks":
        assert all(start.weekday() == 0 for start in starts)
    if path in ("months", "years"):
        assert all(start.day == 1 for start in starts)


@pytest.mark.parametrize("to", ["2026-09-01T00:00:00Z", "2026-09-01 00:00:00", "2026-09-01T09:00:00+09:00"])
async def test_to_in_its_three_forms(few: EmbeddedExchange, to: str) -> None:
    for path, start in (
        ("days", "2026-08-31T00:00:00"),
        ("weeks", "2026-08-31T00:00:00"),
        ("months", "2026-08-01T00:00:00"),
        ("minutes/60", "2026-08-31T23:00:00"),
        ("seconds", "2026-08-31T23:59:59"),
    ):
        (row,) = await ask(few, f"candles/{path}", market=BTC, to=to)
        assert row["candle_date_time_utc"] <= start
        assert path == "seconds" or row["candle_date_time_utc"] == start


async def test_days_are_their_minutes(few: EmbeddedExchange) -> None:
    (_, day) = await ask(few, "candles/days", market="KRW-XRP", count=2)
    minutes = await paged(
        few, "candles/minutes/60", 1, market="KRW-XRP", count=24, to=(moment(day) + timedelta(days=1)).isoformat()
    )
    assert joined(minutes[::-1]) == said(day, joined([day]))


@pytest.mark.parametrize("path", ["weeks", "months"])
async def test_weeks_and_months_are_their_days(few: EmbeddedExchange, path: str) -> None:
    later, row = await ask(few, f"candles/{path}", market="KRW-XRP", count=2)
    days = await ask(few, "candles/days", market="KRW-XRP", count=31, to=later["candle_date_time_utc"] + "Z")
    mine = [day for day in days if moment(day) >= moment(row)]
    assert joined(mine[::-1]) == said(row, joined([row]))
    assert row["first_day_of_period"] == row["candle_date_time_utc"][:10]


async def test_the_running_day_week_month_and_year_agree_with_the_stream(few: EmbeddedExchange) -> None:
    await few.advance(5.0)
    (ticker,) = await ask(few, "ticker", markets=BTC)
    for path in ("days", "weeks", "months", "years"):
        (row,) = await ask(few, f"candles/{path}", market=BTC)
        assert row["trade_price"] == ticker["trade_price"]
        assert row["timestamp"] == ticker["trade_timestamp"]
        assert row["candle_acc_trade_volume"] >= ticker["acc_trade_volume"]
    (day,) = await ask(few, "candles/days", market=BTC)
    assert day["candle_acc_trade_volume"] == ticker["acc_trade_volume"]
    assert day["candle_acc_trade_price"] == ticker["acc_trade_price"]
    assert (day["opening_price"], day["high_price"], day["low_price"]) == (
        ticker["opening_price"], ticker["high_price"], ticker["low_price"],
    )  # fmt: skip
    assert day["prev_closing_price"] == ticker["prev_closing_price"]
    assert day["change_price"] == ticker["signed_change_price"]
    assert day["change_rate"] == ticker["signed_change_rate"]


async def test_days_go_on_over_midnight() -> None:
    midnight = (START_MS // DAY_MS + 1) * DAY_MS  # of the 22nd of September 2026
    settings = ExchangeSettings(
        markets=3, rate=60, stopped=True, start_ms=midnight - 30_000, rest_per_second=None, prepare=False
    )
    async with EmbeddedExchange(settings) as running:
        await ask(running, "candles/days", market=BTC)
        await running.advance(60.0)
        rows = await ask(running, "candles/days", market=BTC, count=3)
        starts = [moment(row).isoformat()[:10] for row in rows]
        assert starts == ["2026-09-22", "2026-09-21", "2026-09-20"]
        assert rows[0]["prev_closing_price"] == rows[1]["trade_price"]
        assert rows[1]["prev_closing_price"] == rows[2]["trade_price"]
        (ticker,) = await ask(running, "ticker", markets=BTC)
        assert rows[0]["candle_acc_trade_volume"] == ticker["acc_trade_volume"]
        (yesterday,) = await ask(running, "trades/ticks", market=BTC, days_ago=1)
        assert yesterday["trade_price"] == rows[1]["trade_price"]
        assert (await ask(running, "trades/ticks", market=BTC))[0]["prev_closing_price"] == rows[1]["trade_price"]
        weeks = await ask(running, "candles/weeks", market=BTC, count=1)
        assert weeks[0]["trade_price"] == ticker["trade_price"]


async def test_nothing_traded_leaves_a_hole(free: EmbeddedExchange) -> None:
    quiet = free.world.markets[-1].market
    rows = await ask(free, "candles/minutes/1", market=quiet, count=200)
    span = (moment(rows[0]) - moment(rows[-1])) / timedelta(minutes=1)
    assert span > 250
    start = moment(rows[-1]).timestamp() * 1000
    trades = await ask(free, "trades/ticks", market=quiet, count=500)
    minutes = {row["timestamp"] // 60_000 for row in trades if row["timestamp"] >= start}
    assert minutes <= {moment(row).timestamp() // 60 for row in rows}


async def test_nothing_is_older_than_the_listing(free: EmbeddedExchange) -> None:
    code = free.world.markets[YOUNG].market
    assert len(await ask(free, "candles/days", market=code, count=200)) < 100
    assert len(await ask(free, "candles/months", market=code, count=200)) < 6
    years = await ask(free, "candles/years", market=code, count=200)
    assert len(years) == 1
    first = years[0]["candle_date_time_utc"] + "Z"
    for path in ("seconds", "minutes/240", "days", "weeks", "months", "years"):
        assert await ask(free, f"candles/{path}", market=code, to=first) == []


async def test_seconds_reach_three_months_back(few: EmbeddedExchange) -> None:
    assert await ask(few, "candles/seconds", market=BTC, to="2026-05-01T00:00:00Z") == []


async def test_days_in_krw(free: EmbeddedExchange) -> None:
    (plain,) = await ask(free, "candles/days", market="BTC-ETH")
    assert "converted_trade_price" not in plain
    (row,) = await ask(free, "candles/days", market="BTC-ETH", converting_price_unit="KRW")
    (rate,) = await ask(free, "candles/days", market=BTC)
    assert row["converted_trade_price"] == (row["trade_price"] * rate["trade_price"]).quantize(Decimal("1E-8"))
    (own,) = await ask(free, "candles/days", market=BTC, converting_price_unit="KRW")
    assert own["converted_trade_price"] == own["trade_price"]


async def test_many_days_are_made_in_steps_while_the_streams_go_on(free: EmbeddedExchange) -> None:
    free.continue_time()
    async with client(free) as public:
        await public.request({"type": "ticker", "codes": [BTC], "is_only_realtime": True})
        await public.listing()
        before = len(free.connections)
        sent = free.counters.frames_sent
        rows = await ask(free, "candles/weeks", market=free.world.markets[YOUNG].market, count=200)
        assert len(rows) > 8
        assert free.counters.frames_sent > sent
        assert len(free.connections) == before


async def test_the_past_is_the_same_in_whatever_order_one_asks() -> None:
    answers = []
    for paths in (("days", "months"), ("months", "days")):
        settings = ExchangeSettings(markets=3, stopped=True, start_ms=START_MS, rest_per_second=None, prepare=False)
        async with EmbeddedExchange(settings) as running:
            answers.append({path: await ask(running, f"candles/{path}", market=ETH, count=2) for path in paths})
    assert answers[0] == answers[1]


# Faults.


async def test_a_call_is_refused_too_many_or_blocked_on_demand(free: EmbeddedExchange) -> None:
    refuse = free.faults.inject(FaultName.REST_REFUSE, path="/v1/ticker", times=1, status=500)
    assert (await refusable(free, "market/all")).status == 200
    assert (await refusable(free, "ticker", markets=BTC)).error == (500, 500)
    assert (await refusable(free, "ticker", markets=BTC)).status == 200
    assert (refuse.hits, free.counters.fault_hits["rest_refuse"]) == (1, 1)
    free.faults.inject(FaultName.REST_TOO_MANY, times=1)
    assert (await refusable(free, "ticker", markets=BTC)).error == (429, 429)
    free.faults.inject(FaultName.REST_BLOCKED, times=1, seconds=7.0)
    blocked = await refusable(free, "ticker", markets=BTC)
    assert blocked.error == (418, 418)
    assert "7.0 seconds" in blocked.value["error"]["message"]


async def test_a_429_on_demand_says_that_nothing_is_left(strict: EmbeddedExchange) -> None:
    strict.faults.inject(FaultName.REST_TOO_MANY, times=1)
    assert (await refusable(strict, "market/all")).remaining == ("market", 0)


async def test_a_slow_answer_comes_late_and_a_cut_one_never_whole(strict: EmbeddedExchange, hand: HandClock) -> None:
    slow = strict.faults.inject(FaultName.REST_SLOW, seconds=5.0, times=1)
    answers: list[int] = []

    async def wait() -> None:
        answers.append((await refusable(strict, "market/all")).status)

    waiting = asyncio.create_task(wait())
    await until(lambda: slow.hits)
    assert answers == []
    hand.move(5.0)
    await waiting
    assert answers == [200]
    strict.faults.inject(FaultName.REST_CUT, times=1)
    with pytest.raises(ConnectionError):
        await refusable(strict, "market/all")
    assert (await refusable(strict, "market/all")).status == 200


async def test_a_connection_ends_without_an_answer_on_demand(free: EmbeddedExchange) -> None:
    free.faults.inject(FaultName.REST_REFUSE, status=0, times=1)
    with pytest.raises(ConnectionError):
        await refusable(free, "market/all")


async def test_rest_may_lag_behind_the_stream(few: EmbeddedExchange) -> None:
    await told_trades(few, 10.0)
    now_ms = few.world.now_ms
    lag = few.faults.inject(FaultName.REST_LAG, seconds=2.0)
    (late,) = await ask(few, "trades/ticks", market=BTC)
    assert late["timestamp"] <= now_ms - 2000
    lag.clear()
    (row,) = await ask(few, "trades/ticks", market=BTC)
    assert row["timestamp"] > now_ms - 2000


def test_faults_of_rest_are_for_paths() -> None:
    board = EmbeddedExchange(ExchangeSettings(markets=1)).faults
    with pytest.raises(ValueError, match="path"):
        board.inject(FaultName.REST_SLOW, "public")


def test_names_of_arrays_are_spelt_plainly() -> None:
    assert spelt(states=["a", "b"], at="1+2") == "states[]=a&states[]=b&at=1%2B2"
