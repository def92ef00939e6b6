"""The past of a market, made up on demand: the same candles whenever and in whatever unit one asks.

Volume is split from the day down to the hour, the five minutes and the minute; prices follow the market's path; each
longer candle is the sum of its shorter ones. The last five minutes of an hour, and the last minute of a traded five,
are never empty, so that a candle always closes where the path stands.
"""

from __future__ import annotations

import math
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from .candles import DAY_MS, MINUTE_MS, gathered, merged
from .numbers import clock_texts, split
from .seconds import seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.exchange.messages import CandleValues

    from .path import PricePath
    from .ticks import Grid

HOUR_MS = 60 * MINUTE_MS
FIVE_MS = 5 * MINUTE_MS
_WEEK_MS = 7 * DAY_MS
_DAYS_KEPT = 4


class History:
    """Candles of one market before `end_ms`, a whole minute."""

    def __init__(
        self, path: PricePath, grid: Grid, end_ms: int, day_volume: int, trades_per_minute: float, volatility: float
    ) -> None:
        self._path = path
        self._grid = grid
        self.end_ms = end_ms
        self._day_volume = max(day_volume, 10**6)
        self._second_empty = math.exp(-trades_per_minute / 60)
        self._five_empty = math.exp(-5 * trades_per_minute)
        self._minute_empty = math.exp(-trades_per_minute)
        self._spread = volatility * math.sqrt(FIVE_MS / DAY_MS)
        self._days: dict[int, list[int]] = {}  # volumes by hour of the days met lately
        self._hours: dict[int, list[CandleValues]] | None = None
        self._low, self._high = 1, 10**30
        self.year = self._mark_year(volatility)
        self._high, _, self._low, _ = self.year

    def _mark_year(self, volatility: float) -> tuple[int, str, int, str]:
        """Return the marks of 52 weeks with their dates; no candle of the past reaches beyond."""
        today = self.end_ms // DAY_MS * DAY_MS
        days = [today - week * _WEEK_MS for week in range(52)]
        prices = [self._path.at(day) for day in days]
        highest, lowest = max(prices), min(prices)
        room = 2 * volatility
        return (
            self._grid.floor(int(max(highest, self._path.price) * (1 + room))),
            clock_texts(days[prices.index(highest)] // 1000)[2],
            self._grid.floor(int(min(lowest, self._path.price) * (1 - room))),
            clock_texts(days[prices.index(lowest)] // 1000)[2],
        )

    def _snap(self, price: float) -> int:
        return min(max(self._grid.floor(int(price)), self._low), self._high)

    def close_at(self, ms: int) -> int:
        """Return the price at which the day, or any hour, ending at `ms` closed."""
        return self._snap(self._path.at(ms))

    def hour_volume(self, hour_ms: int) -> int:
        """Return the volume of the hour that begins at `hour_ms`."""
        day = hour_ms // DAY_MS
        volumes = self._days.get(day)
        if volumes is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days.clear()
            dice = self._path.dice
            total = int(self._day_volume * (1.0 + 0.6 * dice(day, 1)))
            volumes = self._days[day] = split(total, [1.2 + dice(day * 24 + hour, 2) for hour in range(24)])
        return volumes[hour_ms % DAY_MS // HOUR_MS]

    def activity(self, ms: int) -> float:
        """Return how busy the five minutes around `ms` are, 1 on the average; live markets keep the same rhythm."""
        dice, five = self._path.dice, ms // FIVE_MS
        day, hour = 1.0 + 0.6 * dice(ms // DAY_MS, 1), 1.2 + dice(ms // HOUR_MS, 2)
        return day * (hour / 1.2) * ((1.2 + dice(five, 3)) / 1.2)

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Keep the hours met meanwhile, for a caller who needs the same ones several times."""
        self._hours = {}
        try:
            yield
        finally:
            self._hours = None

    def fives(self, hour_ms: int) -> list[CandleValues]:
        """Return the traded five-minute candles of the hour that begins at `hour_ms`, oldest first."""
        if self._hours is None:
            return self._fives(hour_ms)
        found = self._hours.get(hour_ms)
        if found is None:
            found = self._hours[hour_ms] = self._fives(hour_ms)
        return found

    def _fives(self, hour_ms: int) -> list[CandleValues]:
        dice, grid, spread = self._path.dice, self._grid, self._spread
        first = hour_ms // FIVE_MS
        empty = 2 * self._five_empty - 1
        weights = [1.2 + dice(first + place, 3) if dice(first + place, 4) >= empty else 0.0 for place in range(11)]
        volumes = split(self.hour_volume(hour_ms), [*weights, 1.2 + dice(first + 11, 3)])
        points = grid.floors(self._path.hour(hour_ms, 13), self._low, self._high)
        marks = list(pairwise(points))
        tops = [max(pair) * (1 + spread * abs(dice(first + place, 5))) for place, pair in enumerate(marks)]
        bottoms = [min(pair) * (1 - spread * abs(dice(first + place, 6))) for place, pair in enumerate(marks)]
        highs = grid.floors(tops, self._low, self._high)
        lows = grid.floors(bottoms, self._low, self._high)
        found: list[CandleValues] = []
        for place, volume in enumerate(volumes):
            if volume:
                opening, last = marks[place]
                pivot = grid.floor((opening + last) // 2)
                high, low = max(highs[place], opening, last), min(lows[place], opening, last)
                found.append(((first + place) * FIVE_MS, opening, high, low, last, volume, pivot * volume))
        return found

    def minutes(self, five: CandleValues) -> list[CandleValues]:
        """Return the traded minutes of a five-minute candle; together they are that candle."""
        start, opening, high, low, last, volume, funds = five
        dice = self._path.dice
        first = start // MINUTE_MS
        empty = 2 * self._minute_empty - 1
        weights = [1.2 + dice(first + place, 7) if dice(first + place, 8) >= empty else 0.0 for place in range(4)]
        volumes = split(volume, [*weights, 1.2 + dice(first + 4, 7)])
        traded = [place for place, part in enumerate(volumes) if part]
        pivot = funds // volume  # every minute passes through it, so that all sums agree exactly
        turns = [pivot for _ in traded[1:]]
        for place in range(len(turns)):
            way = dice(first + place, 9)
            turns[place] = self._snap(pivot + (high - pivot if way > 0 else pivot - low) * way * 0.8)
        points = [opening, *turns, last]
        top, bottom = (first + 1) % len(traded), (first + 3) % len(traded)
        found: list[CandleValues] = []
        for place, minute in enumerate(traded):
            here, there = points[place], points[place + 1]
            highest = high if place == top else max(here, there, pivot)
            lowest = low if place == bottom else min(here, there, pivot)
            part = volumes[minute]
            found.append(((first + minute) * MINUTE_MS, here, highest, lowest, there, part, pivot * part))
        return found

    def seconds(self, minute: CandleValues) -> list[CandleValues]:
        """Return the traded seconds of a one-minute candle, live ones included; together they are that candle."""
        return seconds_of(minute, self._path, self._grid, self._second_empty)

    def pieces(self, first_ms: int, last_ms: int, by_minute: bool) -> Iterator[CandleValues]:
        """Yield what was traded in [first, last), newest first, in fives where a whole five fits."""
        last_ms = min(last_ms, self.end_ms)
        hour = (last_ms - 1) // HOUR_MS * HOUR_MS
        while hour + HOUR_MS > first_ms:
            for five in reversed(self.fives(hour)):
                if five[0] >= last_ms or five[0] + FIVE_MS <= first_ms:
                    continue
                if not by_minute and five[0] >= first_ms and five[0] + FIVE_MS <= last_ms:
                    yield five
                    continue
                for minute in reversed(self.minutes(five)):
                    if first_ms <= minute[0] < last_ms:
                        yield minute
            hour -= HOUR_MS

    def whole(self, first_ms: int, last_ms: int) -> CandleValues | None:
        """Return one candle of all that was traded in [first, last), or None."""
        found: CandleValues | None = None
        for piece in self.pieces(first_ms, last_ms, by_minute=False):
            found = piece if found is None else merged(piece, found, first_ms)
        return None if found is None else (first_ms, *found[1:])

    def last_minute(self) -> CandleValues:
        """Return the last traded minute there is."""
        return next(self.pieces(self.end_ms - 2 * HOUR_MS, self.end_ms, by_minute=True))

    def candles(self, length: int, before_ms: int, count: int) -> list[CandleValues]:
        """Return up to `count` candles of `length` ms that begin before `before_ms`, newest first."""
        oldest = max(0, before_ms - 40 * length * (count + 2))  # quiet markets skip candles; not for ever
        return gathered(self.pieces(oldest, before_ms, by_minute=length % FIVE_MS != 0), length, count)

    def summaries(self, length: int, before_ms: int, count: int) -> list[CandleValues]:
        """Return close and volume of up to `count` candles of whole hours that end by `before_ms`, newest first.

        Much cheaper than `candles`, and equal to it in the two; the other prices are the close.
        """
        found: list[CandleValues] = []
        start = (before_ms // length - 1) * length
        while len(found) < count and start >= 0:
            volume = sum(self.hour_volume(hour) for hour in range(start, start + length, HOUR_MS))
            close = self.close_at(start + length)
            found.append((start, close, close, close, close, volume, close * volume))
            start -= length
        return found
