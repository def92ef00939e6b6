"""How long the garbage collector keeps everybody waiting, measured where it happens, and when it does so."""

from __future__ import annotations

import gc
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from upbit_ws_qt.quantiles import QuantileSketch

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CollectorMonitor", "CollectorPauses"]


@dataclass(frozen=True, slots=True)
class CollectorPauses:
    """What the collector cost since the watch was started; times in seconds.

    Attributes:
        count: collections.
        total: all pauses together.
        longest: the longest pause; p50, p95 and p99 are of the single pauses.
        full: collections of the oldest generation, the ones that grow with the program.
        uncollectable: objects that the collector found and could not free.
        quiet: full ones that were made because nothing flowed; `overdue` although something did, see CollectorMonitor.
    """

    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    full: int = 0
    uncollectable: int = 0
    quiet: int = 0
    overdue: int = 0


QUIET_LOOKS = 2
"""Looks in a row at which nothing had flowed since the one before, until a full collection is made."""
NOT_BEFORE = 30.0
"""Seconds from one full collection to the next: nobody may be served, and somebody still type."""
OVERDUE_AFTER = 600.0
"""Seconds after which it is made all the same: what refers to itself in a circle is freed by nothing else."""
_NEVER = 1_000_000


class CollectorMonitor:
    """Measures collector pauses between start() and stop(); both may be called twice.

    A full collection visits all objects that a program keeps, and a window stands still for as long. Python makes one
    when enough objects were made since the last, which is while data flow. `in_quiet`, it makes none by itself between
    start() and stop(): `look` does, when nothing flows, or after ten minutes of data without a pause.

    Args:
        stopwatch: seconds, as exact as there are.
        in_quiet: see above. For the whole interpreter, so it is the program's to say.
    """

    _quiet_ones = 0  # how many keep Python from it

    def __init__(self, stopwatch: Callable[[], float], *, in_quiet: bool = False) -> None:
        self._stopwatch = stopwatch
        # From 3.14 on Python collects the oldest generation bit by bit, and this threshold means nothing.
        self._in_quiet = in_quiet and sys.version_info < (3, 14)
        self._keeps_quiet = False
        self._events = -1
        self._quiet_looks = 0
        self._collected_at: float | None = None
        self._quiet = self._overdue = 0
        self._pauses = QuantileSketch()
        self._began: float | None = None
        self._full = 0
        self._uncollectable = 0
        self._longest = 0.0

    @property
    def running(self) -> bool:
        """Whether it measures."""
        return self._on_collection in gc.callbacks

    def start(self) -> None:
        """Begin to measure; earlier figures are kept."""
        if not self.running:
            gc.callbacks.append(self._on_collection)
        if self._in_quiet and not self._keeps_quiet:
            self._keeps_quiet = True
            self._hold_full_ones(1)

    def stop(self) -> None:
        """Measure no more."""
        if self.running:
            gc.callbacks.remove(self._on_collection)
        self._began = None
        if self._keeps_quiet:
            self._keeps_quiet = False
            self._hold_full_ones(-1)

    @classmethod
    def _hold_full_ones(cls, change: int) -> None:
        """Keep Python from full collections for as long as anybody wants it."""
        before, cls._quiet_ones = cls._quiet_ones, cls._quiet_ones + change
        young, middle, old = gc.get_threshold()
        if not before:
            gc.set_threshold(young, middle, old * _NEVER)
        elif not cls._quiet_ones:
            gc.set_threshold(young, middle, old // _NEVER)

    def look(self, now: float, events: int) -> None:
        """Make a full collection where it is time; to be called once a second.

        Args:
            now: loop clock.
            events: handed out so far.
        """
        self._quiet_looks = self._quiet_looks + 1 if events == self._events else 0
        self._events = events
        if self._collected_at is None:
            self._collected_at = now
        # Objects that have grown old since the last one are what it is for.
        if not self._keeps_quiet or not gc.get_count()[2]:
            return
        passed = now - self._collected_at
        is_quiet = self._quiet_looks >= QUIET_LOOKS and passed >= NOT_BEFORE
        if is_quiet or passed >= OVERDUE_AFTER:
            self._collected_at = now
            self._quiet_looks = 0
            self._quiet += is_quiet
            self._overdue += not is_quiet
            gc.collect()

    def take_longest(self) -> float:
        """Return the longest pause since the last call, in seconds; 0 where there was none."""
        longest, self._longest = self._longest, 0.0
        return longest

    def pauses(self) -> CollectorPauses:
        """Return the figures so far."""
        found = self._pauses.summary()
        return CollectorPauses(
            count=found.count,
            total=found.mean * found.count,
            longest=found.maximum,
            p50=found.p50,
            p95=found.p95,
            p99=found.p99,
            full=self._full,
            uncollectable=self._uncollectable,
            quiet=self._quiet,
            overdue=self._overdue,
        )

    def _on_collection(self, phase: Literal["start", "stop"], info: dict[str, int]) -> None:
        if phase == "start":
            self._began = self._stopwatch()
        elif self._began is not None:
            pause = self._stopwatch() - self._began
            self._pauses.add(pause)
            self._longest = max(self._longest, pause)
            self._began = None
            self._full += info["generation"] == 2
            self._uncollectable += info["uncollectable"]
