"""What REST tells of a market's past: its trades, and its days with the weeks, months and years made of them.

Nothing of it is made before somebody asks. A day costs some 3 ms, so whoever wants many is given them step by step.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from .candles import DAY, DAY_MS, MINUTE_MS, merged, packed, unpacked
from .made_trades import trades_of
from .periods import period_start

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from upbit_ws_qt.exchange.messages import CandleValues

    from .simulation import MarketSimulation
    from .tape import Trade

_OLDEST_DAYS = 730  # how long the first market has been listed
_YOUNGEST_DAYS, _AGES = 60, 240  # and all others for 60 to 299 days


class Archive:
    """The past of one market.

    Attributes:
        listed_ms: Midnight (UTC) of the day on which the market began; there is nothing before.
    """

    def __init__(self, market: MarketSimulation) -> None:
        self._market = market
        self._days: dict[int, bytes] = {}  # whole days before the world began, as they were asked for
        self._today = market.candles.seam_ms // DAY_MS * DAY_MS
        age = _YOUNGEST_DAYS + market.rank * 37 % _AGES if market.rank else _OLDEST_DAYS
        self.listed_ms = self._today - age * DAY_MS

    def trades(self, first_ms: int, before_ms: int) -> Iterator[Trade]:
        """Yield the trades in [first, before), newest first.

        Those since the world began are the very ones that were told; older ones, and those the tape had to give up, are
        made up out of candles. Of the minute in which the tape begins, what was given up is missing.
        """
        market = self._market
        market.begin()
        first_ms = max(first_ms, self.listed_ms)
        for trade in market.tape.newest_first(before_ms):
            if trade[1] < first_ms:
                return
            yield trade
        seam, forgotten = market.candles.seam_ms, market.tape.forgotten_ms
        live: Iterator[CandleValues] = iter(())
        if forgotten >= 0:
            pieces, start = market.candles.pieces(1)
            edge = min(forgotten // MINUTE_MS * MINUTE_MS, before_ms)
            live = (piece for piece in pieces if max(start, first_ms - MINUTE_MS) < piece[0] < edge)
        past = market.history.pieces(first_ms, min(seam, before_ms), by_minute=True) if first_ms < seam else ()
        for minute in chain(live, past):
            for second in reversed(market.history.seconds(minute)):
                if second[0] >= before_ms:
                    continue
                for trade in reversed(trades_of(second, market.path, market.typical, market.rank)):
                    if trade[1] < first_ms:
                        return
                    if trade[1] < before_ms:
                        yield trade

    def candles(self, period: str, before_ms: int, count: int) -> Generator[None, None, list[CandleValues]]:
        """Return up to `count` days, weeks, months or years that begin before `before_ms`, newest first, in steps."""
        self._market.begin()
        candles: list[CandleValues] = []
        day = self._today
        live = iter(self._live_days())
        while True:
            found = next(live, None)
            if found is None:
                day -= DAY_MS
                if day < self.listed_ms:
                    return candles
                if period_start(period, day) >= before_ms:
                    continue
                if day not in self._days:
                    yield
                found = self._day(day)
            start = period_start(period, found[0])
            if start >= before_ms:
                continue
            if candles and candles[-1][0] == start:
                candles[-1] = merged(found, candles[-1], start)
            elif len(candles) == count:
                return candles
            else:
                candles.append((start, *found[1:]))

    def close_of(self, day_ms: int) -> int:
        """Return at what price the day that begins at `day_ms` closed, or stands."""
        self._market.begin()
        if day_ms < self._today:
            return self._market.history.close_at(day_ms + DAY_MS)
        live = (each[4] for each in self._live_days() if each[0] <= day_ms)
        return next(live, None) or self._market.history.close_at(self._today)

    def _day(self, day_ms: int) -> CandleValues:
        """Return a whole day before the world began; none of them is without trades."""
        data = self._days.get(day_ms)
        if data is None:
            found = self._market.history.whole(day_ms, day_ms + DAY_MS)
            assert found is not None, "the last five minutes of each hour are traded"
            data = self._days[day_ms] = packed(found)
        return unpacked(data)

    def _live_days(self) -> list[CandleValues]:
        """Return the days since the one in which the world began, newest first."""
        candles = self._market.candles
        days, now = candles.days(), candles.now(DAY)
        if now is None:
            return days
        return [now, *(days[1:] if days and days[0][0] == now[0] else days)]
