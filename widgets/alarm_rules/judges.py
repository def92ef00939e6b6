"""Says whether a condition has just come true: one judge for each kind, which remembers no more than it has to."""

from __future__ import annotations

import math
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec
import numpy as np

from ..formulas.catalog import FORMULAS, curves_of
from .rules import (
    BAR_SECONDS,
    Condition,
    Crossing,
    DataLost,
    DataSilent,
    IndicatorLevel,
    Keyword,
    NewListing,
    PriceChange,
    PriceLevel,
    SpreadWide,
    VolumeSpike,
)
from .seen import AnnouncementSeen, BookSeen, CandlesSeen, LossSeen, MarketsSeen, PriceSeen, Seen, SilenceSeen

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Judge", "Memory", "Verdict", "judge_for"]

_STEPS = 500  # so many moments of a window are told apart
_MOST_LISTED = 20
_LONGEST_TEXT = 200
_HUNDRED = Decimal(100)


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a judge has to know after a restart.

    Attributes:
        at: exchange time of what was seen last, ms; 0 where nothing was.
        price: the last price.
        holds: whether the condition was true.
        bar: start of the last candle that was judged, seconds.
        codes: the markets that there were.
    """

    at: int = 0
    price: Decimal | None = None
    holds: bool = False
    bar: int = 0
    codes: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """It came true.

    Attributes:
        values: what was seen, as text.
        since: exchange time of the oldest thing that this rests on, ms.
        at: when it came true, ms.
    """

    values: dict[str, str]
    since: int
    at: int


class Judge(Protocol):
    """Looks at what is seen, in its order."""

    memory: Memory

    def see(self, seen: Seen) -> Iterator[Verdict]:
        """Yield a verdict each time that the condition comes true; nothing for what the condition is not about."""


class _PriceLevelJudge:
    def __init__(self, condition: PriceLevel, memory: Memory) -> None:
        self._condition, self.memory = condition, memory

    def see(self, seen: Seen) -> Iterator[Verdict]:
        if not isinstance(seen, PriceSeen):
            return
        before, level, wanted = self.memory, self._condition.price, self._condition.crossing
        self.memory = Memory(at=seen.at, price=seen.price)
        if before.price is None:
            return
        up = before.price < level <= seen.price and wanted is not Crossing.DOWN
        down = before.price > level >= seen.price and wanted is not Crossing.UP
        if up or down:
            values = {"price": _plain(seen.price), "before": _plain(before.price), "way": _way(up=up)}
            yield Verdict(values, before.at, seen.at)


class _PriceChangeJudge:
    """Keeps those prices of the window that may yet be its lowest or highest, and none that can never be."""

    def __init__(self, condition: PriceChange, memory: Memory) -> None:
        self._condition, self.memory = condition, Memory()
        self._length = condition.minutes * 60_000
        self._lows: deque[tuple[int, Decimal]] = deque()
        self._highs: deque[tuple[int, Decimal]] = deque()
        del memory  # a window that has a hole says nothing of what was in it: after a restart it begins anew

    def see(self, seen: Seen) -> Iterator[Verdict]:
        if not isinstance(seen, PriceSeen):
            return
        self.memory = Memory(at=seen.at)
        at, price = seen.at, seen.price
        for extremes in (self._lows, self._highs):
            while extremes and extremes[0][0] < at - self._length:
                extremes.popleft()
        verdict = self._judge(at, price)
        if verdict is not None:  # the next change is counted from here
            self._lows.clear()
            self._highs.clear()
        for extremes, is_low in ((self._lows, True), (self._highs, False)):
            while extremes and (extremes[-1][1] >= price if is_low else extremes[-1][1] <= price):
                extremes.pop()
            if len(extremes) < 2 or at - extremes[-1][0] >= self._length // _STEPS:
                extremes.append((at, price))
        if verdict is not None:
            yield verdict

    def _judge(self, at: int, price: Decimal) -> Verdict | None:
        wanted, percent = self._condition.crossing, self._condition.percent
        for extremes, up in ((self._lows, True), (self._highs, False)):
            if not extremes or wanted is (Crossing.DOWN if up else Crossing.UP):
                continue
            since, other = extremes[0]
            if not other:
                continue
            change = (price - other) / other * _HUNDRED
            if (change if up else -change) >= percent:
                seconds = max(0, at - since) // 1000
                values = {
                    "price": _plain(price), "before": _plain(other), "percent": f"{change:+.2f}",
                    "seconds": str(seconds), "way": _way(up=up),
                }  # fmt: skip
                return Verdict(values, since, at)
        return None


class _VolumeJudge:
    """Judges the present candle; and the one before once more, which may have grown since it was looked at last."""

    def __init__(self, condition: VolumeSpike, memory: Memory) -> None:
        self._condition, self.memory = condition, memory
        self._present = 0  # start of the candle that was the present one

    def see(self, seen: Seen) -> Iterator[Verdict]:
        wanted = self._condition
        if not isinstance(seen, CandlesSeen) or seen.unit != wanted.unit or not len(seen.columns):
            return
        starts, volume, judged = seen.columns.start, seen.columns.volume, self.memory.bar
        count = len(starts)
        has_ended = count > 1 and 0 < self._present == int(starts[-2])
        self._present = int(starts[-1])
        for place in (count - 2, count - 1) if has_ended else (count - 1,):
            start = int(starts[place])
            mean = float(volume[place - wanted.candles : place].mean()) if place >= wanted.candles else 0.0
            last = float(volume[place])
            if start > judged and mean > 0 and last >= float(wanted.times) * mean:
                judged = start
                values = {"volume": _number(last), "mean": _number(mean), "times": f"{last / mean:.2f}"}
                end = (start + BAR_SECONDS[wanted.unit]) * 1000
                yield Verdict(values, seen.at, min(end, seen.at))
        self.memory = Memory(at=seen.at, bar=judged)


class _SpreadJudge:
    def __init__(self, condition: SpreadWide, memory: Memory) -> None:
        self._condition, self.memory = condition, memory

    def see(self, seen: Seen) -> Iterator[Verdict]:
        if not isinstance(seen, BookSeen) or seen.bid <= 0 or seen.ask <= 0:
            return
        spread = (seen.ask - seen.bid) / seen.bid * _HUNDRED
        before, holds = self.memory, spread >= self._condition.percent
        self.memory = Memory(at=seen.at, holds=holds)
        if holds and not before.holds:
            values = {"spread": f"{spread:.3f}", "bid": _plain(seen.bid), "ask": _plain(seen.ask)}
            yield Verdict(values, before.at or seen.at, seen.at)


class _IndicatorJudge:
    """Judges each candle once, when it is closed; or the present one too, once it comes true in it."""

    def __init__(self, condition: IndicatorLevel, memory: Memory) -> None:
        self._condition, self.memory = condition, memory
        self._formula = FORMULAS[condition.formula]
        self._line = [line.name for line in self._formula.lines].index(condition.line)

    def see(self, seen: Seen) -> Iterator[Verdict]:
        wanted = self._condition
        if not isinstance(seen, CandlesSeen) or seen.unit != wanted.unit or len(seen.columns) < 2:
            return
        starts, before = seen.columns.start, self.memory
        end = len(starts) - 1 if wanted.closed else len(starts)
        newest = int(starts[end - 1])
        if newest <= before.bar:
            return  # judged already: the formula need not be reckoned for each tick
        if not before.bar:
            self.memory = Memory(at=seen.at, bar=newest if wanted.closed else int(starts[-2]))
            return
        lengths, line = self._differences(seen)
        judged = before.bar
        for place in range(max(1, int(np.searchsorted(starts, before.bar, side="right"))), end):
            way = self._crossed(lengths, place)
            is_open = place == len(starts) - 1
            if way is not None:
                values = {
                    "value": _number(float(line[place])), "price": _number(float(seen.columns.close[place])),
                    "candle": str(int(starts[place])), "way": way,
                }  # fmt: skip
                at = seen.at if is_open else (int(starts[place]) + BAR_SECONDS[wanted.unit]) * 1000
                yield Verdict(values, before.at, min(at, seen.at))
            if way is not None or not is_open:
                judged = int(starts[place])
        self.memory = Memory(at=seen.at, bar=judged)

    def _differences(self, seen: CandlesSeen) -> tuple[np.ndarray, np.ndarray]:
        curve = curves_of(self._formula, seen.columns, self._condition.values)[self._line]
        line = np.full_like(curve.values, math.nan)
        if curve.shift:
            line[curve.shift :] = curve.values[: -curve.shift]
        else:
            line = curve.values
        level = self._condition.level
        return (seen.columns.close - line if level is None else line - float(level)), line

    def _crossed(self, lengths: np.ndarray, place: int) -> str | None:
        before, now, wanted = float(lengths[place - 1]), float(lengths[place]), self._condition.crossing
        if before <= 0 < now and wanted is not Crossing.DOWN:
            return _way(up=True)
        return _way(up=False) if before >= 0 > now and wanted is not Crossing.UP else None


class _ListingJudge:
    def __init__(self, condition: NewListing, memory: Memory) -> None:
        self._condition, self.memory = condition, memory

    def see(self, seen: Seen) -> Iterator[Verdict]:
        if not isinstance(seen, MarketsSeen) or not seen.codes:
            return
        before = self.memory
        # What was known once stays known: a market that is missing from one answer and back in the next is not new.
        self.memory = Memory(at=seen.at, codes=tuple(sorted(seen.codes.union(before.codes))))
        quote = self._condition.quote
        new = sorted(code for code in seen.codes.difference(before.codes) if not quote or code.startswith(f"{quote}-"))
        if before.codes and new:
            more = f" +{len(new) - _MOST_LISTED}" if len(new) > _MOST_LISTED else ""
            values = {"markets": ", ".join(new[:_MOST_LISTED]) + more}
            yield Verdict(values, before.at, seen.at)


class _KeywordJudge:
    def __init__(self, condition: Keyword, memory: Memory) -> None:
        self.memory = memory
        self._words = [(word, word.casefold()) for word in condition.split()]

    def see(self, seen: Seen) -> Iterator[Verdict]:
        if not isinstance(seen, AnnouncementSeen):
            return
        self.memory = Memory(at=seen.at)
        told = f"{seen.title}\n{seen.body}".casefold()
        found = [word for word, folded in self._words if folded in told]
        if found:
            yield Verdict({"title": seen.title[:_LONGEST_TEXT], "words": ", ".join(found)}, seen.at, seen.at)


class _SilenceJudge:
    def __init__(self, condition: DataSilent, memory: Memory) -> None:
        self._condition, self.memory = condition, memory

    def see(self, seen: Seen) -> Iterator[Verdict]:
        if not isinstance(seen, SilenceSeen):
            return
        holds = seen.seconds >= self._condition.seconds
        before, self.memory = self.memory, Memory(at=seen.at, holds=holds)
        if holds and not before.holds:
            yield Verdict({"seconds": str(int(seen.seconds))}, seen.at, seen.at)


class _LossJudge:
    def __init__(self, condition: DataLost, memory: Memory) -> None:
        del condition
        self.memory = memory

    def see(self, seen: Seen) -> Iterator[Verdict]:
        if isinstance(seen, LossSeen):
            self.memory = Memory(at=seen.at)
            values = {"trades": str(seen.trades), "reason": seen.reason[:_LONGEST_TEXT]}
            yield Verdict(values, seen.at, seen.at)


def judge_for(condition: Condition, memory: Memory | None = None) -> Judge:
    """Return the judge of a condition, with what it knew before."""
    known = memory or Memory()
    match condition:
        case PriceLevel():
            return _PriceLevelJudge(condition, known)
        case PriceChange():
            return _PriceChangeJudge(condition, known)
        case VolumeSpike():
            return _VolumeJudge(condition, known)
        case SpreadWide():
            return _SpreadJudge(condition, known)
        case IndicatorLevel():
            return _IndicatorJudge(condition, known)
        case NewListing():
            return _ListingJudge(condition, known)
        case Keyword():
            return _KeywordJudge(condition, known)
        case DataSilent():
            return _SilenceJudge(condition, known)
        case DataLost():
            return _LossJudge(condition, known)


def _way(*, up: bool) -> str:
    return Crossing.UP.value if up else Crossing.DOWN.value


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")


def _number(value: float) -> str:
    return format(Decimal(f"{value:.10g}"), "f")
