"""Candles of one market and unit: history and the live stream in one sequence, without a seam."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal  # noqa: TC003 - msgspec reads the types
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import CandleEvent, RestCandle

__all__ = ["Bar", "CandleSeries", "bar_of", "bars_of"]

MOST_BARS = 4000


class Bar(msgspec.Struct, frozen=True):
    """One candle.

    Attributes:
        start: seconds since 1970 UTC.
        timestamp: ms of the last trade in it; the newer of two candles of one start is right.
        shown: opening, high, low, close and volume as floats, for drawing only.
        recovered: whether it was missed when it ended, and asked for afterwards.
    """

    start: int
    timestamp: int
    opening: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    shown: tuple[float, float, float, float, float]
    recovered: bool = False


def bar_of(event: CandleEvent) -> Bar:
    """Return the bar of a live candle."""
    return _bar(
        int(event.start.timestamp()),
        event.timestamp,
        event.opening_price,
        event.high_price,
        event.low_price,
        event.trade_price,
        event.candle_acc_trade_volume,
        recovered=event.recovered,
    )


def bars_of(candles: Iterable[RestCandle]) -> list[Bar]:
    """Return the bars of candles of the past, in their order."""
    return [
        _bar(
            int(each.start.timestamp()),
            each.timestamp,
            each.opening_price,
            each.high_price,
            each.low_price,
            each.trade_price,
            each.candle_acc_trade_volume,
        )
        for each in candles
    ]


def _bar(start: int, timestamp: int, *values: Decimal, recovered: bool = False) -> Bar:
    opening, high, low, close, volume = values
    shown = (float(opening), float(high), float(low), float(close), float(volume))
    return Bar(start, timestamp, opening, high, low, close, volume, shown, recovered)


class CandleSeries:
    """Bars by start, oldest first, at most 4,000; beyond that the oldest go."""

    def __init__(self) -> None:
        self.bars: list[Bar] = []
        self._starts: list[int] = []
        self.complete = False
        """Whether the exchange has nothing older."""

    def __len__(self) -> int:
        return len(self.bars)

    def take(self, bar: Bar) -> int:
        """Put a bar in its place; where there is one of that start the newer one stays.

        Returns 1 for a bar that is new at the end, so that a view which does not follow can keep its place.
        """
        starts = self._starts
        if not starts or bar.start > starts[-1]:
            self.bars.append(bar)
            starts.append(bar.start)
            self._trim()
            return 1
        place = bisect_left(starts, bar.start)
        if starts[place] == bar.start:
            if bar.timestamp >= self.bars[place].timestamp:
                self.bars[place] = bar
            return 0
        self.bars.insert(place, bar)
        starts.insert(place, bar.start)
        self._trim()
        return 0

    def merge(self, bars: Iterable[Bar]) -> int:
        """Take many; returns how many were new."""
        before = len(self.bars)
        for bar in sorted(bars, key=lambda each: each.start):
            self.take(bar)
        return len(self.bars) - before

    @property
    def oldest(self) -> int | None:
        """Start of the first bar."""
        return self._starts[0] if self._starts else None

    def index_of(self, start: int) -> int:
        """Return where a bar of that start is, or would be."""
        return bisect_left(self._starts, start)

    def misses(self, start: int) -> bool:
        """Whether there are older bars, but none of this start."""
        place = self.index_of(start)
        return place > 0 and self._starts[place : place + 1] != [start]

    def begin_at(self, start: int) -> None:
        """Forget what is older, because there may be a hole before this; it can be asked for again."""
        self.keep_newest(len(self.bars) - self.index_of(start))

    def keep_newest(self, most: int) -> None:
        """Forget all but the newest bars; what is older can be asked for again."""
        extra = len(self.bars) - most
        if extra > 0:
            del self.bars[:extra], self._starts[:extra]
            self.complete = False

    def _trim(self) -> None:
        self.keep_newest(MOST_BARS)
