"""How long the garbage collector keeps everybody waiting, measured where it happens."""

from __future__ import annotations

import gc
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
    """

    count: int = 0
    total: float = 0.0
    longest: float = 0.0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    full: int = 0
    uncollectable: int = 0


class CollectorMonitor:
    """Measures collector pauses between start() and stop(); both may be called twice."""

    def __init__(self, stopwatch: Callable[[], float]) -> None:
        self._stopwatch = stopwatch
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

    def stop(self) -> None:
        """Measure no more."""
        if self.running:
            gc.callbacks.remove(self._on_collection)
        self._began = None

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
