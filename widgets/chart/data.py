"""Candles of one market and unit: history and the live stream in one sequence, without a seam.

Each candle is kept twice: exact, for what is said of it, and as floats in columns, for what is reckoned and drawn.
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal  # noqa: TC003 - msgspec reads the types
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from ..formulas.candles import Columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import CandleEvent, RestCandle

__all__ = ["Bar", "CandleSeries", "bar_from", "bar_of", "bars_of"]

MOST_BARS = 40_000  # some 30 MB; days since the exchange began are a tenth of that, minutes four weeks
_SPARE = 512  # columns made ahead, so that a new candle costs nothing


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
    return bar_from(
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
        bar_from(
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


def bar_from(start: int, timestamp: int, *values: Decimal, recovered: bool = False) -> Bar:
    """Return the bar of opening, high, low, close and volume."""
    opening, high, low, close, volume = values
    shown = (float(opening), float(high), float(low), float(close), float(volume))
    return Bar(start, timestamp, opening, high, low, close, volume, shown, recovered)


class CandleSeries:
    """Bars by start, oldest first, at most 40,000; beyond that the oldest go.

    Attributes:
        complete: whether the exchange has nothing older.
        revision: another number whenever any candle but the newest changed, or one was added.
        tick: another number whenever anything changed.
    """

    def __init__(self) -> None:
        self.bars: list[Bar] = []
        self._starts: list[int] = []
        self.complete = False
        self.revision = 0
        self.tick = 0
        self._filled = 0  # columns that are as the bars are
        self._start_column = np.empty(0, dtype=np.int64)
        self._table = np.empty((5, 0))

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
            self._changed(len(starts) - 1)
            self._trim()
            return 1
        place = bisect_left(starts, bar.start)
        if starts[place] == bar.start:
            if bar.timestamp >= self.bars[place].timestamp:
                self.bars[place] = bar
                self._changed(place, is_newest=place == len(starts) - 1)
            return 0
        self.bars.insert(place, bar)
        starts.insert(place, bar.start)
        self._changed(place)
        self._trim()
        return 0

    def merge(self, bars: Iterable[Bar]) -> int:
        """Take many; returns how many were new."""
        before = len(self.bars)
        coming = list({bar.start: bar for bar in sorted(bars, key=lambda each: each.start)}.values())
        if self._starts and coming and coming[-1].start < self._starts[0]:  # a page of what is older
            coming = coming[-max(0, MOST_BARS - before) :] if before < MOST_BARS else []
            self.bars[:0] = coming
            self._starts[:0] = [bar.start for bar in coming]
            if coming:
                self._changed(0)
        else:
            for bar in coming:
                self.take(bar)
        return len(self.bars) - before

    @property
    def columns(self) -> Columns:
        """All of it as columns; they change with the series, so nobody keeps them."""
        count = len(self.bars)
        if self._filled < count:
            if self._table.shape[1] < count:
                self._filled = 0
                self._table = np.empty((5, count + _SPARE))
                self._start_column = np.empty(count + _SPARE, dtype=np.int64)
            coming = self.bars[self._filled :]
            self._table[:, self._filled : count] = np.array([bar.shown for bar in coming]).T
            self._start_column[self._filled : count] = self._starts[self._filled :]
            self._filled = count
        return Columns.of(self._start_column[:count], self._table[:, :count])

    @property
    def is_full(self) -> bool:
        """Whether no older bar would be kept."""
        return len(self.bars) >= MOST_BARS

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
            self._changed(0)

    def _changed(self, place: int, *, is_newest: bool = False) -> None:
        """Note that the bars from a place on are others than the columns say."""
        self.tick += 1
        if not is_newest:
            self.revision += 1
        self._filled = min(self._filled, place)

    def _trim(self) -> None:
        self.keep_newest(MOST_BARS)
