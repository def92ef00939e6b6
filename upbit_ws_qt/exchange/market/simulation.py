"""One market at work: trades at the best price, quotes that follow the fair price, totals that add up."""

from __future__ import annotations

import math
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.exchange.messages import (
    BOOK_LEVELS,
    CandleChange,
    Change,
    OrderbookChange,
    Profile,
    TickerChange,
    TradeChange,
)

from .archive import Archive
from .book import Book
from .candles import DAY, DAY_MS, MINUTE_MS, SECOND, UNITS, LiveCandles, gathered
from .catalog import KRW_OF
from .history import FIVE_MS, HOUR_MS, History
from .made_trades import trades_of
from .numbers import UNIT, clock_texts, from_units
from .path import PricePath
from .tape import Tape
from .ticks import GRIDS
from .totals import LastDay

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.exchange.messages import CandleValues

    from .catalog import Listing
    from .shared import Shared

_MILLE = 1000
_STABLE = {"USDT", "USDC", "USD1"}
_SECONDS_MS = 90 * DAY_MS  # how far back the exchange has candles of a second
_FINE_TICK = 2e-4
"""A tick of this share of the price, or less, holds nothing up."""
_STEPS = 4  # ticks a busy book follows the fair price at once


class MarketSimulation:
    """The state of one trading pair and what may happen to it."""

    def __init__(self, listing: Listing, rank: int, shared: Shared) -> None:
        self.listing, self.shared, self.rank = listing, shared, rank
        self.code = listing.code
        self.state = "ACTIVE"
        self.grid = GRIDS[listing.quote]
        krw_price = listing.price / UNIT * float(KRW_OF[listing.quote])
        self._volatility = 0.0015 if listing.base in _STABLE else 0.022 + 0.04 * min(1.0, rank / 120)
        name = f"{shared.seed} {self.code}"
        self.path = PricePath(shared.noise, name, listing.price, self._volatility, shared.start_ms)
        value = 180_000 + 1_500_000 * math.sqrt(listing.weight)  # KRW of a typical trade
        self.typical = max(20, int(value / krw_price * UNIT))
        depth = BOOK_LEVELS if listing.quote not in ("BTC", "USDT") and rank < 200 else 6 + rank * 7 % 23
        unit = max(1, self.typical * 8 // _MILLE) * _MILLE
        if shared.lifelike:  # where a tick is much, much rests on each, and prices do not leap from one to the next
            share = self.grid.tick(listing.price) / listing.price
            unit = int(unit * max(1.0, share / _FINE_TICK)) // _MILLE * _MILLE
        self.book = Book(self.grid, unit, depth, has_level=shared.has_levels)
        self._rhythm = (-1, self.typical)  # the five minutes, and the size of an average trade in it
        self._fair_second = -1
        self._fair = float(listing.price)
        self._quote(shared.start_ms)
        self.book_ms = shared.start_ms
        self.trades_per_minute = 1.0  # what the past is made to look like; set before the first look at it
        self._begun = False
        self._opens_day = False
        self.candles = LiveCandles(shared.start_ms // MINUTE_MS * MINUTE_MS)
        self.tape = Tape(shared.tapes)
        self.last_day = LastDay()
        self.price = self.high = self.low = listing.price
        self.day_trades = False
        self.volume = self.funds = self.ask_volume = self.bid_volume = 0

    @cached_property
    def history(self) -> History:
        """The past, before the minute in which the world began."""
        daily = int(self.trades_per_minute * 1440 * self.typical)
        grid, seam = self.grid, self.candles.seam_ms
        return History(self.path, grid, seam, daily, self.trades_per_minute, self._volatility)

    @cached_property
    def archive(self) -> Archive:
        """What REST tells of the past beyond the shorter candles."""
        return Archive(self)

    def begin(self) -> None:
        """Take the state over from history; done when a market is first looked at, as it costs about 2 ms."""
        if self._begun:
            return
        self._begun = True
        with self.history.remembering():
            self._take_over(self.history)
        if self._opens_day:
            self.open_day()

    def _take_over(self, history: History) -> None:
        candles = self.candles
        seam = candles.seam_ms
        last = history.last_minute()
        today = seam // DAY_MS * DAY_MS
        closing = history.close_at(today)
        so_far = history.whole(today, seam) if seam > today else None
        self.price = last[4]
        if so_far is not None:
            _, opening, self.high, self.low, _, self.volume, self.funds = so_far
            self.day_trades = True
        else:
            opening = self.high = self.low = self.price
        share = 0.5 + 0.1 * self.path.dice(today // DAY_MS, 10)
        self.ask_volume = int(self.volume * share)
        self.bid_volume = self.volume - self.ask_volume
        for piece in reversed(list(history.pieces(seam - DAY_MS, seam, by_minute=False))):
            self.last_day.add(piece[0], piece[5], piece[6])
        for kind, length in UNITS.items():
            if length > 1000:
                candles.running[kind] = history.candles(length, seam, 1)[0]
        if so_far is not None:
            candles.running[DAY] = so_far
        self.profile = self._profile(opening, closing, history.year)
        self._last_trade(last)

    def _last_trade(self, minute: CandleValues) -> None:
        """Make up the last trade before the world began: the last of the last second there is."""
        second = self.history.seconds(minute)[-1]
        number, traded, price, volume, buying = trades_of(second, self.path, self.typical, self.rank)[-1]
        side = "BID" if buying else "ASK"
        self.candles.running[SECOND] = second
        self.candles.last_trade_ms = traded
        asks, bids = self.book.asks.frame, self.book.bids.frame
        best = (price, asks.sizes[0], self.grid.down(price), bids.sizes[0])
        if side == "ASK":
            best = (self.grid.up(price), asks.sizes[0], price, bids.sizes[0])
        self._latest = (price, volume, side, traded, traded, number, *best)

    def _profile(self, opening: int, prev_close: int, year: tuple[int, str, int, str]) -> Profile:
        listing = self.listing
        return Profile(self.code, opening, prev_close, year, listing.caution, listing.delisting_date, self.state)

    def mark(self, listing: Listing, state: str = "ACTIVE") -> None:
        """Take over what the exchange warns of, and whether the market is still one."""
        self.begin()
        self.listing, self.state = listing, state
        self.profile = self._profile(self.profile.opening, self.profile.prev_close, self.profile.year)

    def fair(self, ms: int) -> float:
        """Return the fair price, looked up once a second."""
        if ms // 1000 != self._fair_second:
            self._fair_second = ms // 1000
            self._fair = self.path.at(self._fair_second * 1000)
            if self.shared.lifelike:
                self._fair *= self.path.flutter(self._fair_second * 1000)
        return self._fair

    def trade(self, ms: int, out: list[Change]) -> None:
        """Let one market order come in."""
        if not self._begun:
            self.begin()
        shared, book = self.shared, self.book
        random = shared.random
        asks, bids = book.asks.frame, book.bids.frame
        ask, bid = asks.prices[0], bids.prices[0]
        pull = (self.fair(ms) - (ask + bid) / 2) / (4 * (ask - bid))
        buying = random.random() < 0.5 + max(-0.4, min(0.4, pull))
        if ms // FIVE_MS != self._rhythm[0]:
            self._rhythm = (ms // FIVE_MS, int(self.typical * self.history.activity(ms)))
        volume = self._rhythm[1] * shared.sizes[random.getrandbits(10)] // _MILLE
        before = (ask, asks.sizes[0], bid, bids.sizes[0])
        second = ms - ms % 1000
        traded = max(ms - random.getrandbits(4), second, self.candles.last_trade_ms)
        for price, part in book.take(buying, max(1, volume)):
            if price not in before:  # the second fill meets the level behind the eaten one
                before = (
                    (price, book.asks.frame.sizes[0] + part, bid, bids.sizes[0])
                    if buying
                    else (ask, asks.sizes[0], price, book.bids.frame.sizes[0] + part)
                )
            self._record(price, part, buying, traded, ms, before, out)
        self._book_changed(ms, out)

    def _book_changed(self, ms: int, out: list[Change]) -> None:
        beat = self.shared.beat
        if beat is None:
            self.send_book(ms, out)
        else:
            self.book_ms = ms
            beat.book_changed(self, ms)

    def send_book(self, ms: int, out: list[Change]) -> None:
        """Send the book as it stands."""
        book = self.book
        self.book_ms = ms
        out.append(OrderbookChange(self.code, book.asks.show(), book.bids.show(), book, ms))

    def _record(
        self,
        price: int,
        volume: int,
        buying: bool,
        traded: int,
        ms: int,
        best: tuple[int, int, int, int],
        out: list[Change],
    ) -> None:
        funds = price * volume
        self.price = price
        self.volume += volume
        self.funds += funds
        self.last_day.add(traded, volume, funds)
        if buying:
            self.bid_volume += volume
            side = "BID"
        else:
            self.ask_volume += volume
            side = "ASK"
        if not self.day_trades or price > self.high or price < self.low:
            self._mark(price, traded)
        if self.candles.trade(traded, price, volume, funds):
            self.shared.traded.append(self.fold)
        number = self.shared.sequential_id(ms)
        self._latest = (price, volume, side, traded, ms, number, *best)
        self.tape.add(number, traded, price, volume, buying)
        out.append(TradeChange(self.code, self.profile, self._latest))
        out.append(self.ticker())

    def last_trade(self) -> TradeChange:
        """Return the latest trade."""
        self.begin()
        return TradeChange(self.code, self.profile, self._latest)

    def ticker(self) -> TickerChange:
        """Return the ticker as it stands."""
        price, volume, side, traded, ms, _, _, _, _, _ = self._latest
        last_day = self.last_day
        return TickerChange(
            self.code,
            self.profile,
            (
                self.high,
                self.low,
                price,
                volume,
                self.volume,
                last_day.volume,
                self.funds,
                last_day.funds,
                traded,
                side,
                self.ask_volume,
                self.bid_volume,
                ms,
            ),
        )

    def last_ticker(self, now_ms: int) -> TickerChange:
        """Return the ticker of a market that may have been quiet for long."""
        self.begin()
        self.last_day.expire(now_ms)
        return self.ticker()

    def _mark(self, price: int, ms: int) -> None:
        """Keep the marks of the day and of the year."""
        profile = self.profile
        opening = profile.opening
        if not self.day_trades:
            self.day_trades = True
            self.high = self.low = opening = price
        self.high, self.low = max(self.high, price), min(self.low, price)
        high, high_day, low, low_day = profile.year
        if price > high or price < low:
            day = clock_texts(ms // 1000)[2]
            year = (
                max(high, price),
                day if price > high else high_day,
                min(low, price),
                day if price < low else low_day,
            )
        else:
            year = profile.year
        if opening != profile.opening or year is not profile.year:
            self.profile = self._profile(opening, profile.prev_close, year)

    def quote(self, ms: int, out: list[Change]) -> None:
        """Let makers move: nearer to the fair price, or by another size somewhere near the top."""
        book, random = self.book, self.shared.random
        if not self._quote(ms):
            side = book.asks if random.getrandbits(1) else book.bids
            place = min(random.getrandbits(3), random.getrandbits(4), len(side.frame.prices) - 1)
            side.resize(place, max(1, book.unit * self.shared.sizes[random.getrandbits(10)] // _MILLE))
        self._book_changed(ms, out)

    def _quote(self, ms: int) -> bool:
        """Follow the fair price; False when the book stands right already."""
        grid, book = self.grid, self.book
        bid = grid.floor(int(self.fair(ms)))
        ask = grid.up(bid)
        asks, bids = book.asks.frame.prices, book.bids.frame.prices
        if asks and bids:
            tick = ask - bid
            if abs(asks[0] - ask) <= tick and abs(bids[0] - bid) <= tick:
                if asks[0] - bids[0] <= 2 * tick:
                    return False
            elif max(abs(asks[0] - ask), abs(bids[0] - bid)) < BOOK_LEVELS * tick and not book.thin:
                limit = _STEPS * tick
                bid = max(min(bid, bids[0] + limit), grid.floor(bids[0] - limit))
                bid = grid.floor(bid)
                ask = grid.up(bid)
        book.quote(bid, ask)
        return True

    def orderbook(self) -> OrderbookChange:
        """Return the book as it stands."""
        book = self.book
        return OrderbookChange(self.code, book.asks.show(), book.bids.show(), book, self.book_ms)

    def fold(self, out: list[Change]) -> None:
        """End the second: send the candles its trades changed."""
        candles = self.candles
        candles.fold()
        running, ms = candles.running, candles.last_trade_ms
        out.extend([CandleChange(kind, self.code, running[kind], ms) for kind in UNITS])

    def past_candles(self, minutes: int, before_ms: int, count: int) -> list[CandleValues]:
        """Return up to `count` candles that begin before `before_ms`, newest first, live ones and history in one."""
        self.begin()
        length = minutes * MINUTE_MS
        before = -(-before_ms // length) * length
        return gathered(self._pieces(minutes, before, before - 40 * length * (count + 2)), length, count)

    def past_seconds(self, before_ms: int, count: int) -> list[CandleValues]:
        """Return up to `count` traded seconds that begin before `before_ms`, newest first; none of 90 days ago."""
        self.begin()
        live, start = self.candles.pieces(0)

        def seconds() -> Iterator[CandleValues]:
            yield from live
            oldest = max(self.shared.start_ms - _SECONDS_MS, before_ms - 40 * MINUTE_MS * (count + 2))
            for minute in self._pieces(1, min(start, before_ms), oldest):
                yield from reversed(self.history.seconds(minute))

        return list(islice((second for second in seconds() if second[0] < before_ms), count))

    def _pieces(self, minutes: int, before: int, oldest: int) -> Iterator[CandleValues]:
        """Yield candles that `minutes` is a multiple of, newest first: live ones, and history behind them."""
        live, start = self.candles.pieces(minutes)
        yield from (piece for piece in live if piece[0] < before)
        if start <= self.candles.seam_ms:
            yield from self.history.pieces(max(0, oldest), min(start, before), by_minute=minutes % 5 != 0)

    def closed_candles(self, kind: str, length: int, before_ms: int, count: int) -> list[CandleValues]:
        """Return up to `count` candles that ended by `before_ms`, oldest first; longer ones with close and volume only.

        `kind` is a candle type or "1d", `length` its milliseconds.
        """
        self.begin()
        candles = self.candles
        running = candles.running.get(kind)
        if count == 1 and running is not None and running[0] + length <= before_ms:
            return [running]
        if length < HOUR_MS:
            return self.past_candles(length // MINUTE_MS, before_ms, count)[::-1]
        seam = candles.seam_ms // length * length
        if kind == DAY:
            known = candles.days()
        else:
            since = max(0, (before_ms - seam) // length)
            known = self.past_candles(length // MINUTE_MS, before_ms, min(count, since)) if since else []
        live = [each for each in known if seam <= each[0] <= before_ms - length][:count]
        return (live + self.history.summaries(length, min(seam, before_ms), count - len(live)))[::-1]

    def candle(self, kind: str) -> CandleChange:
        """Return the last existing candle of a unit."""
        self.begin()
        values = self.candles.now(kind)
        assert values is not None, "a market that has begun has a candle of every unit"
        return CandleChange(kind, self.code, values, self.candles.last_trade_ms)

    def open_day(self) -> None:
        """Turn over at 00:00 UTC: the last price becomes the closing price, the totals of the day begin again."""
        if not self._begun:
            self._opens_day = True
            return
        self.day_trades = False
        self.volume = self.funds = self.ask_volume = self.bid_volume = 0
        self.high = self.low = self.price
        self.profile = self._profile(self.price, self.price, self.profile.year)

    def instrument(self) -> dict[str, Any]:
        """Return the grid at the best price as the REST interface tells it."""
        best = self.book.asks.frame.prices[0]
        levels = self.grid.levels(best)
        return {
            "market": self.code,
            "quote_currency": self.listing.quote,
            "tick_size": _shortest(self.grid.tick(best)),
            "supported_levels": [_shortest(level) for level in levels],
        }


def _shortest(units: int) -> str:
    return format(from_units(units).normalize(), "f")
