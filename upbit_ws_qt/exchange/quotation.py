"""What Quotation answers: markets, tickers, trades, candles, order books (REST sheet 4)."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from .market.candles import DAY_MS
from .market.numbers import UNIT, to_units
from .market.rest import rest_candle, rest_day, rest_orderbook, rest_period, rest_ticker, rest_trade
from .messages import BOOK_LEVELS
from .query import RestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .market.simulation import MarketSimulation
    from .market.tape import Trade
    from .query import Query
    from .world import World

TRADES_PATH = "/v1/trades/ticks"
UNITS = (1, 3, 5, 10, 15, 30, 60, 240)
_MOST_CANDLES = 200
_MOST_TRADES = 500
_DAYS_BACK = 7  # of trades, behind the current UTC day
_QUOTES = ("KRW", "BTC", "USDT")
_MINUTES = re.compile(r"/v1/candles/minutes/(\d{1,4})")
# An id is a time in ms x 10,000 and a remainder; that time and the trade's own differ by no more than this.
_ID_SLACK_MS = 50


class Quotation:
    """The public calls, by path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._answers: dict[str, tuple[str, Callable[[Query], Any]]] = {
            "/v1/market/all": ("market", self._markets),
            "/v1/ticker": ("ticker", self._tickers),
            "/v1/ticker/all": ("ticker", self._all_tickers),
            TRADES_PATH: ("trades", self._trades),
            "/v1/orderbook": ("orderbook", self._orderbooks),
            "/v1/orderbook/instruments": ("orderbook", self._instruments),
            "/v1/candles/seconds": ("candles", lambda query: self._short_candles(0, query)),
            "/v1/candles/days": ("candles", self._days),
            **{f"/v1/candles/{period}": ("candles", self._periods(period)) for period in ("weeks", "months", "years")},
        }
        self.trades_lag_ms = 0
        """How far the trades of REST are behind those of the stream (a fault)."""

    def find(self, path: str) -> tuple[str, Callable[[Query], Any]] | None:
        """Return the group of a path, as `Remaining-Req` spells it, and what answers; None for no path of Quotation.

        What answers returns the value, or a generator that has it at its end after some steps of milliseconds.
        """
        # REST sheet 3: the names on the wire are not those of the documentation's table; `candles` has been seen.
        minutes = _MINUTES.fullmatch(path)
        if minutes is not None:
            return "candles", lambda query: self._short_candles(_unit(minutes[1], query), query)
        return self._answers.get(path)

    # Markets and tickers.

    def _markets(self, query: Query) -> Any:
        details = query.flag("is_details")
        return [
            {
                "market": each.market,
                "korean_name": each.korean_name,
                "english_name": each.english_name,
                **({"market_event": self._world.market_event(each.market)} if details else {}),
            }
            for each in self._world.markets
        ]

    def _tickers(self, query: Query) -> Any:
        return [self._ticker(market) for market in self._named(query)]

    def _all_tickers(self, query: Query) -> Any:
        quotes = query.required("quote_currencies").split(",")
        if not set(quotes) <= set(_QUOTES):
            raise query.bad(f"Invalid parameter: quote_currencies are {', '.join(_QUOTES)}.")
        codes = [each.market for each in self._world.markets if each.market.split("-")[0] in quotes]
        return self._world.rest_ticker(codes)

    def _ticker(self, market: MarketSimulation) -> Any:
        return rest_ticker(market.last_ticker(self._world.now_ms))

    # Trades.

    def _trades(self, query: Query) -> Any:
        market = self._one(query)
        count = query.number("count", 1, _MOST_TRADES, 1)
        days_ago = query.number("days_ago", 1, _DAYS_BACK, 0)
        now_ms = self._world.now_ms - self.trades_lag_ms
        day = (self._world.now_ms // DAY_MS - days_ago) * DAY_MS
        before = min(day + DAY_MS, now_ms + 1)
        seconds = query.time_of_day("to")
        if seconds is not None:
            before = min(before, day + seconds * 1000)
        cursor = query.number("cursor", 1, 10**19, 0)
        trades = _before(market, cursor, day, before) if cursor else market.archive.trades(day, before)
        prev_close = market.archive.close_of(day - DAY_MS)
        return [rest_trade(market.code, trade, prev_close) for trade in islice(trades, count)]

    # Candles.

    def _short_candles(self, unit: int, query: Query) -> Any:
        market, before, count = self._candle_query(query)
        found = market.past_candles(unit, before, count) if unit else market.past_seconds(before, count)
        last, listed = market.candles.last_trade_ms, market.archive.listed_ms
        return [rest_candle(market.code, unit, values, last) for values in found if values[0] >= listed]

    def _days(self, query: Query) -> Any:
        market, before, count = self._candle_query(query)
        converted = query.text("converting_price_unit")
        if converted not in (None, "KRW"):
            raise query.bad("Invalid parameter: converting_price_unit must be KRW.")

        def work() -> Any:
            days = yield from market.archive.candles("days", before, count + 1)
            closes = [each[4] for each in days[1:]]
            if days and len(days) <= count:
                closes.append(market.archive.close_of(days[-1][0] - DAY_MS))
            answer = []
            for values, close in zip(days, closes, strict=False):
                day = rest_day(market.code, values, close, market.candles.last_trade_ms)
                if converted is not None:
                    day["converted_trade_price"] = self._in_krw(market, values[0], values[4])
                answer.append(day)
            return answer

        return work()

    def _in_krw(self, market: MarketSimulation, day_ms: int, close: int) -> Decimal | None:
        """Return a day's closing price in KRW; None where the quote currency has no price in KRW here."""
        price = Decimal(close) / UNIT
        quote = market.listing.quote
        if quote == "KRW":
            return price
        if f"KRW-{quote}" not in self._world.codes:
            return None
        rate = self._world.market(f"KRW-{quote}").archive.close_of(day_ms)
        return (price * rate / UNIT).quantize(Decimal("1E-8"))

    def _periods(self, period: str) -> Callable[[Query], Any]:
        def answer(query: Query) -> Any:
            market, before, count = self._candle_query(query)

            def work() -> Any:
                found = yield from market.archive.candles(period, before, count)
                last = market.candles.last_trade_ms
                return [rest_period(market.code, period, values, last) for values in found]

            return work()

        return answer

    def _candle_query(self, query: Query) -> tuple[MarketSimulation, int, int]:
        """Return the market, before when candles have to begin (`to` is exclusive), and how many are wanted."""
        market = self._one(query)
        count = query.number("count", 1, _MOST_CANDLES, 1)
        to_ms, now_ms = query.moment("to"), self._world.now_ms
        return market, now_ms + 1 if to_ms is None else min(to_ms, now_ms + 1), count

    # Order books.

    def _orderbooks(self, query: Query) -> Any:
        markets = self._named(query)
        count = query.number("count", 1, BOOK_LEVELS, BOOK_LEVELS)
        level = _level(query)
        found = []
        for market in markets:
            book, change = market.book, market.orderbook()
            if level not in book.levels(change.asks.prices[0]):
                continue  # REST sheet 4: an unsupported level is no error, there is just nothing of it
            rungs = []
            for side in (change.asks, change.bids):
                pairs = (
                    book.grouped(side.prices, side.sizes, level, side.is_ask)
                    if level
                    else list(zip(side.prices, side.sizes, strict=True))
                )
                rungs.append(pairs[:count] + [(0, 0)] * (count - len(pairs)))
            totals = (change.asks.total, change.bids.total)
            found.append(rest_orderbook(market.code, (rungs[0], rungs[1]), totals, level, change.ms))
        return found

    def _instruments(self, query: Query) -> Any:
        return [market.instrument() for market in self._named(query)]

    # Parameters.

    def _named(self, query: Query) -> list[MarketSimulation]:
        return [self._market(code) for code in query.required("markets").split(",")]

    def _one(self, query: Query) -> MarketSimulation:
        return self._market(query.required("market"))

    def _market(self, code: str) -> MarketSimulation:
        if code not in self._world.codes:
            raise RestRefusedError(404, 404, "Code not found")
        return self._world.market(code)


def _before(market: MarketSimulation, cursor: int, day: int, before: int) -> Iterator[Trade]:
    """Yield the trades before the one whose id is `cursor`, newest first; by id where there is no such trade."""
    moment = cursor // 10_000
    trades = market.archive.trades(day, min(before, moment + _ID_SLACK_MS))
    near: list[Trade] = []
    for trade in trades:
        if trade[0] == cursor:
            yield from trades
            return
        if trade[1] < moment - _ID_SLACK_MS:
            near.append(trade)
            break
        near.append(trade)
    yield from (trade for trade in near if trade[0] < cursor)
    yield from trades


def _unit(text: str, query: Query) -> int:
    if int(text) not in UNITS:
        raise query.bad(f"Invalid parameter: the unit must be one of {', '.join(map(str, UNITS))}.")
    return int(text)


def _level(query: Query) -> int:
    text = query.text("level") or "0"
    if not re.fullmatch(r"\d{1,20}(\.\d{1,20})?", text):
        raise query.bad(f"Invalid parameter: level {text}")
    try:
        return to_units(text)
    except ValueError:
        return -1  # finer than any grid
