"""A bounded sketch of a distribution: percentiles of millions of figures without keeping the figures."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["QuantileSketch", "SketchSummary"]

RELATIVE_ERROR = 0.01
SMALLEST = 1e-9
LARGEST = 1e12
"""What is not between SMALLEST and LARGEST is counted as 0, or as LARGEST, in the percentiles (not in min and max)."""

_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_PER_LOG = 1 / math.log(_GAMMA)
# Added so that every index is above 0, where int() rounds down.
_BIAS = 1 - math.log(SMALLEST) * _PER_LOG
_ZERO = 0
# The value in the middle of bucket i, relative to which no member of the bucket is off by more than RELATIVE_ERROR.
_MIDDLE = 2 * _GAMMA / (1 + _GAMMA)
# Figures wait here until so many are there: sorting them in together costs a third of one at a time.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class SketchSummary:
    """What a sketch holds, in seven numbers; all 0 where nothing was added."""

    count: int = 0
    minimum: float = 0.0
    maximum: float = 0.0
    mean: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0


class QuantileSketch:
    """Count, minimum, maximum and mean exactly, and any quantile within 1 % of its value.

    Made for durations in seconds and other figures of 0 and more: whatever is below 1e-9, negative numbers too,
    counts as 0 in the quantiles. NaN and infinity are not added but counted in `rejected`. Holds at most about 2,500
    whole numbers however much is added. Not for use by several threads at once.

    Attributes:
        rejected: how many figures were not finite.
    """

    __slots__ = ("_buckets", "_count", "_maximum", "_minimum", "_summary", "_total", "_waiting", "rejected")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self._waiting: list[float] = []
        self.reset()
        for value in values:
            self.add(value)

    def reset(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        self._summary: SketchSummary | None = None
        self._buckets: Counter[int] = Counter()
        self._count = 0
        self._total = 0.0
        self._minimum = math.inf
        self._maximum = -math.inf
        self.rejected = 0

    def add(self, value: float) -> None:
        """Add one figure."""
        waiting = self._waiting
        waiting.append(value)
        if len(waiting) >= _BATCH:
            self._sort_in()

    def merge(self, other: QuantileSketch) -> None:
        """Add everything that `other` holds; `other` stays as it is."""
        other._sort_in()
        self._sort_in()
        self._summary = None
        self._buckets.update(other._buckets)
        self._count += other._count
        self._total += other._total
        self._minimum = min(self._minimum, other._minimum)
        self._maximum = max(self._maximum, other._maximum)
        self.rejected += other.rejected

    @property
    def count(self) -> int:
        """How many finite figures were added."""
        self._sort_in()
        return self._count

    @property
    def minimum(self) -> float:
        """The smallest figure, 0 where there is none."""
        self._sort_in()
        return self._minimum if self._count else 0.0

    @property
    def maximum(self) -> float:
        """The largest figure, 0 where there is none."""
        self._sort_in()
        return self._maximum if self._count else 0.0

    @property
    def mean(self) -> float:
        """The arithmetic mean, 0 where there is none."""
        self._sort_in()
        return self._total / self._count if self._count else 0.0

    def quantile(self, share: float) -> float:
        """Return the figure that `share` (0 to 1) of all figures do not exceed, 0 where there is none.

        A share outside 0 to 1 raises ValueError.
        """
        return self.quantiles(share)[0]

    def quantiles(self, *shares: float) -> tuple[float, ...]:
        """Return several quantiles for the price of one, in the order asked."""
        for share in shares:
            if not 0 <= share <= 1:
                raise ValueError(f"a share is a number from 0 to 1, not {share!r}")
        self._sort_in()
        if not self._count:
            return (0.0,) * len(shares)
        found = dict.fromkeys(shares, self._maximum)
        left = sorted(found, reverse=True)
        seen = 0
        for index in sorted(self._buckets):
            seen += self._buckets[index]
            while left and seen > left[-1] * (self._count - 1):
                share = left.pop()
                found[share] = min(max(_value(index), self._minimum), self._maximum)
            if not left:
                break
        if 0 in found:
            found[0] = self._minimum
        if 1 in found:
            found[1] = self._maximum
        return tuple(found[share] for share in shares)

    def summary(self) -> SketchSummary:
        """Return the seven numbers that figures are shown by."""
        self._sort_in()
        if self._summary is None:
            p50, p95, p99 = self.quantiles(0.5, 0.95, 0.99)
            self._summary = SketchSummary(self.count, self.minimum, self.maximum, self.mean, p50, p95, p99)
        return self._summary

    def _sort_in(self) -> None:
        waiting = self._waiting
        if not waiting:
            return
        self._summary = None
        total = sum(waiting)
        if not math.isfinite(total):
            before = len(waiting)
            waiting[:] = filter(math.isfinite, waiting)
            self.rejected += before - len(waiting)
            total = sum(waiting)
            if not waiting:
                return
        low, high = min(waiting), max(waiting)
        log = math.log
        if low >= SMALLEST and high <= LARGEST:
            self._buckets.update([int(log(value) * _PER_LOG + _BIAS) for value in waiting])
        else:
            self._buckets.update([_index(value) for value in waiting])
        self._count += len(waiting)
        self._total += total
        self._minimum = min(self._minimum, low)
        self._maximum = max(self._maximum, high)
        waiting.clear()


def _index(value: float) -> int:
    if value < SMALLEST:
        return _ZERO
    return int(math.log(min(value, LARGEST)) * _PER_LOG + _BIAS)


def _value(index: int) -> float:
    if index == _ZERO:
        return 0.0
    return math.exp((index - _BIAS) / _PER_LOG) * _MIDDLE
