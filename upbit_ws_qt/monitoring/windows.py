"""What happened lately: sums, percentiles and the clock offset over a moving window, each of bounded size."""

from __future__ import annotations

import math
from collections import deque

from upbit_ws_qt.clocks import ClockJump
from upbit_ws_qt.quantiles import QuantileSketch

__all__ = ["ClockOffset", "Counter", "RecentMean", "RecentSum", "RollingSketch"]

_BUCKETS = 60


class Counter:
    """A counter that is read off from time to time: how much was added since the last look."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: float = 0

    def advance(self, reading: float) -> float:
        """Return what came since the last reading; a reading that fell counts from 0, as its owner was made anew."""
        added = reading - self._last if reading >= self._last else reading
        self._last = reading
        return added


class RecentSum:
    """The sum of what was added within the last `window` seconds, to a sixtieth of the window."""

    __slots__ = ("_buckets", "_sum", "_width", "window")

    def __init__(self, window: float) -> None:
        self.window = window
        self._width = window / _BUCKETS
        self._buckets: deque[tuple[int, float]] = deque()
        self._sum = 0.0

    def add(self, now: float, amount: float) -> None:
        """Add `amount`; nothing is kept for 0."""
        if not amount:
            return
        slot = int(now / self._width)
        if self._buckets and self._buckets[-1][0] >= slot:
            last, held = self._buckets.pop()
            self._buckets.append((last, held + amount))
        else:
            self._buckets.append((slot, amount))
            if len(self._buckets) > _BUCKETS:
                self._sum -= self._buckets.popleft()[1]
        self._sum += amount

    def total(self, now: float) -> float:
        """Return the sum at `now`."""
        oldest = int(now / self._width) - _BUCKETS
        buckets = self._buckets
        while buckets and buckets[0][0] <= oldest:
            self._sum -= buckets.popleft()[1]
        if not buckets:
            self._sum = 0.0  # no rounding error outlives its figures
        return self._sum

    def faded(self, now: float) -> float:
        """Return the sum with each part weighted by its age: 1 for now, falling evenly to 0 at the window's end."""
        self.total(now)
        return sum(amount * max(0.0, 1 - (now - slot * self._width) / self.window) for slot, amount in self._buckets)

    def clear(self) -> None:
        """Forget everything."""
        self._buckets.clear()
        self._sum = 0.0


class RecentMean:
    """An exponentially weighted mean of a figure over time; 0 before the first."""

    __slots__ = ("_last", "_weight", "seconds", "value")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.value = 0.0
        self._weight = 0.0
        self._last: float | None = None

    def add(self, value: float, elapsed: float) -> float:
        """Take in that the figure was `value` for the last `elapsed` seconds; return the mean."""
        keep = math.exp(-elapsed / self.seconds)
        # Dividing by the weight so far makes the first figures count fully, where a start from 0 would take minutes.
        self._weight = self._weight * keep + 1 - keep
        if self._weight:
            self.value += (value - self.value) * (1 - keep) / self._weight
        return self.value


class RollingSketch:
    """Percentiles of what was added within the last `window` seconds, to one part of it."""

    __slots__ = ("_merged", "_parts", "_width", "window")

    def __init__(self, window: float, parts: int = 4) -> None:
        self.window = window
        self._width = window / parts
        self._parts: deque[tuple[int, QuantileSketch]] = deque(maxlen=parts)
        self._merged: QuantileSketch | None = None

    def add(self, now: float, value: float) -> None:
        """Add one figure."""
        slot = int(now / self._width)
        if not self._parts or self._parts[-1][0] < slot:
            self._parts.append((slot, QuantileSketch()))
        self._parts[-1][1].add(value)
        self._merged = None

    def sketch(self, now: float) -> QuantileSketch:
        """Return everything within the window as one sketch; it is the caller's to read, not to change."""
        oldest = int(now / self._width) - (self._parts.maxlen or 1)
        while self._parts and self._parts[0][0] <= oldest:
            self._parts.popleft()
            self._merged = None
        if self._merged is None:
            self._merged = QuantileSketch()
            for _, part in self._parts:
                self._merged.merge(part)
        return self._merged

    def clear(self) -> None:
        """Forget everything."""
        self._parts.clear()
        self._merged = None


class ClockOffset:
    """How far our wall clock is ahead of the exchange's, estimated from the fastest events of the last half hour.

    The fastest event took half the fastest round trip; what its age is beyond that is the offset.
    """

    __slots__ = ("_clocks", "_fastest", "_fastest_rtt")
    MINUTES = 30
    STEP = 0.25
    """Seconds by which the wall clock must have jumped for the estimate to begin anew."""

    def __init__(self) -> None:
        self._fastest: deque[tuple[int, float]] = deque(maxlen=self.MINUTES)
        self._fastest_rtt: float | None = None
        self._clocks = ClockJump()

    def watch(self, now: float, wall_clock: float) -> None:
        """Notice a wall clock that was set: what was learnt from the old one is forgotten."""
        if abs(self._clocks.look(now, wall_clock)) > self.STEP:
            self._fastest.clear()

    def note_rtt(self, seconds: float) -> None:
        """Take in a round trip."""
        if self._fastest_rtt is None or seconds < self._fastest_rtt:
            self._fastest_rtt = seconds

    def note_age(self, now: float, fastest: float) -> None:
        """Take in the smallest raw age of some events."""
        minute = int(now / 60)
        if self._fastest and self._fastest[-1][0] == minute:
            fastest = min(fastest, self._fastest.pop()[1])
        self._fastest.append((minute, fastest))

    @property
    def seconds(self) -> float:
        """The offset, 0 before anything is known."""
        if not self._fastest:
            return 0.0
        return min(age for _, age in self._fastest) - (self._fastest_rtt or 0.0) / 2
