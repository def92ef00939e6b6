"""A market that a test can tell what happens in it: trades, tickers, books and candles of its own making.

What is made by hand is the market's state from then on: later snapshots, the answers of REST and what the simulation
does next all begin there, so that a world made by hand cannot contradict itself.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.exchange.messages import BOOK_LEVELS, BookSide, CandleChange, Change, OrderbookChange, TickerChange

from .candles import UNITS
from .numbers import from_units, to_units
from .simulation import MarketSimulation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Amount = Decimal | int | str
Level = tuple[Amount, Amount]

_FUNDS_DIGITS = 8  # funds are units of 1e-16: so many decimals more than prices and volumes
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PRICES = ("opening_price", "high_price", "low_price", "trade_price", "prev_closing_price")
_YEAR = ("highest_52_week_price", "highest_52_week_date", "lowest_52_week_price", "lowest_52_week_date")
_VOLUMES = ("trade_volume", "acc_trade_volume", "acc_trade_volume_24h", "acc_ask_volume", "acc_bid_volume")
_FUNDS = ("acc_trade_price", "acc_trade_price_24h")
TICKER_FIELDS = (*_PRICES, *_VOLUMES, *_FUNDS, *_YEAR, "ask_bid", "market_warning", "delisting_date")
CANDLE_FIELDS = (
    "opening_price",
    "high_price",
    "low_price",
    "trade_price",
    "candle_acc_trade_volume",
    "candle_acc_trade_price",
)


class ByHandError(ValueError):
    """Something that was to happen in the exchange cannot.

    Attributes:
        argument: which argument it was.
        value: what was given.
    """

    def __init__(self, argument: str, value: object, why: str) -> None:
        super().__init__(f"{argument}: {value!r} cannot be; {why}")
        self.argument = argument
        self.value = value


class MarketByHand(MarketSimulation):
    """A market of the simulation whose state a test may set; every amount is exact."""

    def trade_by_hand(self, ms: int, price: Amount, volume: Amount, side: str, out: list[Change]) -> None:
        """Let a trade happen at a chosen price; the book is moved to where it can, and what it takes is there."""
        at, size = self._on_grid("price", price), _units("volume", volume)
        buying = _word("side", side, ("BID", "ASK")) == "BID"
        self.begin()
        grid, book = self.grid, self.book
        bid, ask = (grid.down(at), at) if buying else (at, grid.up(at))
        if not bid:
            raise ByHandError("price", price, f"nothing can be bid below it; the least is {_shown(grid.up(at))}")
        book.quote(bid, ask)
        taken = book.asks if buying else book.bids
        if taken.frame.sizes[0] <= size:
            taken.resize(0, size + book.resting(at))
        best = (ask, book.asks.frame.sizes[0], bid, book.bids.frame.sizes[0])
        book.take(buying, size)
        self.book_ms = ms
        self._record(at, size, buying, ms, ms, best, out)
        out.append(self.orderbook())

    def ticker_by_hand(self, ms: int, fields: Mapping[str, Any]) -> TickerChange:
        """Set fields of the ticker and return it; the others stay, and what follows from them is computed."""
        given = _known(fields, TICKER_FIELDS, "it is computed from the others, or a ticker has no such field")
        self.begin()
        profile = self.profile
        price = self._price_of(given, "trade_price", self._latest[0])
        opening = self._price_of(given, "opening_price", profile.opening)
        closing = self._price_of(given, "prev_closing_price", profile.prev_close)
        high = self._price_of(given, "high_price", max(self.high, price, opening))
        low = self._price_of(given, "low_price", min(self.low, price, opening))
        _within(high, low, price, opening)
        year = self._year_by_hand(given, high, low)
        listing = self.listing
        caution = _word("market_warning", given.get("market_warning", _warning(listing.caution)), ("NONE", "CAUTION"))
        _, last_volume, last_side, traded, _, number, ask, ask_size, bid, bid_size = self._latest
        volume = _units("trade_volume", given["trade_volume"]) if "trade_volume" in given else last_volume
        side = _word("ask_bid", given.get("ask_bid", last_side), ("ASK", "BID"))
        totals = {name: _units(name, given[name]) for name in _VOLUMES[1:] if name in given}
        funds = {name: _units(name, given[name], _FUNDS_DIGITS) for name in _FUNDS if name in given}
        leaving = given.get("delisting_date", listing.delisting_date)
        if leaving is not None:
            _date("delisting_date", leaving)

        # Nothing has changed before this line: what cannot be leaves the market as it was.
        self.price, self.high, self.low, self.day_trades = price, high, low, True
        self._latest = (price, volume, side, max(traded, ms), ms, number, ask, ask_size, bid, bid_size)
        self.volume = totals.get("acc_trade_volume", self.volume)
        self.ask_volume = totals.get("acc_ask_volume", self.ask_volume)
        self.bid_volume = totals.get("acc_bid_volume", self.bid_volume)
        self.funds = funds.get("acc_trade_price", self.funds)
        day = self.last_day
        day.add(
            ms,
            totals.get("acc_trade_volume_24h", day.volume) - day.volume,
            funds.get("acc_trade_price_24h", day.funds) - day.funds,
        )
        self.listing = replace(listing, caution=caution == "CAUTION", delisting_date=leaving)
        self.profile = self._profile(opening, closing, year)
        return self.ticker()

    def book_by_hand(self, ms: int, asks: Iterable[Level], bids: Iterable[Level]) -> OrderbookChange:
        """Make the book these levels and no others, and return it."""
        self.begin()
        sell, buy = self._levels("asks", asks, rising=True), self._levels("bids", bids, rising=False)
        if sell[0][0] <= buy[0][0]:
            raise ByHandError("bids", _shown(buy[0][0]), f"the best ask, {_shown(sell[0][0])}, is not above it")
        self.book.put(
            BookSide(True, [price for price, _ in sell], [size for _, size in sell]),
            BookSide(False, [price for price, _ in buy], [size for _, size in buy]),
        )
        self.book_ms = ms
        return self.orderbook()

    def candle_by_hand(self, ms: int, unit: str, fields: Mapping[str, Any]) -> CandleChange:
        """Set fields of the candle that runs now, and return it; a new one begins where the last one has ended."""
        kind = f"candle.{unit}"
        if kind not in UNITS:
            known = ", ".join(name.removeprefix("candle.") for name in UNITS)
            raise ByHandError("unit", unit, f"a candle has one of {known}")
        given = _known(fields, CANDLE_FIELDS, "a candle has no such field, or it is the exchange's clock that says it")
        self.begin()
        start = ms - ms % UNITS[kind]
        running = self.candles.now(kind)
        if running is None or running[0] != start:
            running = (start, self.price, self.price, self.price, self.price, 0, 0)
        _, opening, high, low, last, volume, funds = running
        fresh = not volume
        last = self._price_of(given, "trade_price", last)
        opening = self._price_of(given, "opening_price", last if fresh else opening)
        high = self._price_of(given, "high_price", max(last, opening, last if fresh else high))
        low = self._price_of(given, "low_price", min(last, opening, last if fresh else low))
        _within(high, low, last, opening)
        if "candle_acc_trade_volume" in given:
            volume = _units("candle_acc_trade_volume", given["candle_acc_trade_volume"])
        if "candle_acc_trade_price" in given:
            funds = _units("candle_acc_trade_price", given["candle_acc_trade_price"], _FUNDS_DIGITS)
        values = (start, opening, high, low, last, volume, funds)
        self.candles.put(kind, values, ms)
        return CandleChange(kind, self.code, values, ms)

    # Reading what was given.

    def _price_of(self, given: Mapping[str, Any], name: str, otherwise: int) -> int:
        return self._on_grid(name, given[name]) if name in given else otherwise

    def _on_grid(self, argument: str, price: Amount) -> int:
        units = _units(argument, price)
        tick = self.grid.tick(units)
        if not units or units % tick:
            raise ByHandError(argument, price, f"prices of {self.code} are multiples of {_shown(tick)} there")
        return units

    def _levels(self, argument: str, levels: Iterable[Level], *, rising: bool) -> list[tuple[int, int]]:
        found = [(self._on_grid(argument, price), _units(argument, size)) for price, size in levels]
        if not 1 <= len(found) <= BOOK_LEVELS:
            raise ByHandError(argument, len(found), f"a side has 1 to {BOOK_LEVELS} levels, as (price, size)")
        prices = [price for price, _ in found]
        if prices != sorted(set(prices), reverse=not rising):
            raise ByHandError(argument, [_shown(price) for price in prices], "the best price comes first, each once")
        if not all(size for _, size in found):
            raise ByHandError(argument, 0, "a level without a size is none")
        return found

    def _year_by_hand(self, given: Mapping[str, Any], high: int, low: int) -> tuple[int, str, int, str]:
        top, top_day, bottom, bottom_day = self.profile.year
        top = self._price_of(given, "highest_52_week_price", max(top, high))
        bottom = self._price_of(given, "lowest_52_week_price", min(bottom, low))
        if top < high:
            raise ByHandError("highest_52_week_price", _shown(top), f"the day's highest is {_shown(high)}")
        if bottom > low:
            raise ByHandError("lowest_52_week_price", _shown(bottom), f"the day's lowest is {_shown(low)}")
        return (
            top,
            _date("highest_52_week_date", given.get("highest_52_week_date", top_day)),
            bottom,
            _date("lowest_52_week_date", given.get("lowest_52_week_date", bottom_day)),
        )


def _within(high: int, low: int, price: int, opening: int) -> None:
    for name, each in (("trade_price", price), ("opening_price", opening)):
        if not low <= each <= high:
            raise ByHandError(name, _shown(each), f"it lies between the lowest, {_shown(low)}, and {_shown(high)}")


def _units(argument: str, amount: Amount, more_digits: int = 0) -> int:
    """Return an amount in 1e-8, or with more decimals; a float is refused, for it is not what was written."""
    if isinstance(amount, bool) or not isinstance(amount, Decimal | int | str):
        raise ByHandError(argument, amount, "an amount is a whole number, a Decimal or a text such as '0.1'")
    try:
        units = to_units(Decimal(amount).scaleb(more_digits))
    except (ValueError, ArithmeticError):
        decimals = 8 + more_digits
        raise ByHandError(argument, amount, f"it is no number with at most {decimals} decimals") from None
    if units < 0:
        raise ByHandError(argument, amount, "nothing of the kind is below zero")
    return units


def _known(fields: Mapping[str, Any], names: tuple[str, ...], why: str) -> Mapping[str, Any]:
    for name in fields:
        if name not in names:
            raise ByHandError(name, fields[name], f"{why}. What can be set: {', '.join(names)}")
    return fields


def _word(argument: str, word: object, words: tuple[str, ...]) -> str:
    if not isinstance(word, str) or word not in words:
        raise ByHandError(argument, word, f"it is {' or '.join(words)}")
    return word


def _date(argument: str, date: object) -> str:
    if not isinstance(date, str) or not _DATE.fullmatch(date):
        raise ByHandError(argument, date, "a date is written as 2026-12-31")
    return date


def _warning(caution: bool) -> str:
    return "CAUTION" if caution else "NONE"


def _shown(units: int) -> str:
    return format(from_units(units).normalize(), "f")
