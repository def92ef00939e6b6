"""A computer whose clocks go as the simulation says: right or wrong, drifting, stepped by somebody, after a sleep."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from upbit_ws_qt.computer import Computer

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

__all__ = ["SimulatedComputer"]


class _Steady:
    """A process that is never short of anything."""

    def memory_bytes(self) -> int:
        """Return a hundred megabytes."""
        return 100_000_000

    def cpu_share(self) -> float:
        """Return a twentieth of a processor."""
        return 0.05


class SimulatedComputer(Computer):
    """Goes by a simulated loop.

    Args:
        loop: whose time passes.
        seed: of its chance.
        wall: what its wall clock shows now, seconds since 1970.
    """

    def __init__(self, loop: AbstractEventLoop, seed: str, wall: float) -> None:
        super().__init__()
        self._loop = loop
        self._shown, self._at, self._pace = wall, loop.time(), 1.0
        self.wall_clock = self._wall
        self.monotonic = self.stopwatch = self.thread_time = loop.time
        self.chance = Random(seed)

    def process(self) -> _Steady:
        """Return what this process can be read off by."""
        return _Steady()

    def step(self, seconds: float) -> None:
        """Have somebody set the wall clock, forth or back."""
        self._shown, self._at = self._wall() + seconds, self._loop.time()

    def drift(self, share: float) -> None:
        """Have the wall clock run too fast from now on, or too slow."""
        self._shown, self._at, self._pace = self._wall(), self._loop.time(), 1.0 + share

    def _wall(self) -> float:
        return self._shown + (self._loop.time() - self._at) * self._pace
