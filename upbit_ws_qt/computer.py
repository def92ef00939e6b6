"""What the rooms know of the computer they run on: its clocks, its chance, what the process uses."""

from __future__ import annotations

import random
import time
import uuid
from typing import Protocol

__all__ = ["Computer", "Process", "Readings"]


class Readings(Protocol):
    """What a process is read off as."""

    def memory_bytes(self) -> int:
        """Return the memory in use."""

    def cpu_share(self) -> float:
        """Return the share of one processor since the last call, 1.0 for all of it."""


class Process:
    """This process, as the operating system sees it."""

    def __init__(self) -> None:
        import psutil  # here, since only a manager that lives reads its own process off

        self._process = psutil.Process()

    def memory_bytes(self) -> int:
        """Return the resident memory."""
        return int(self._process.memory_info().rss)

    def cpu_share(self) -> float:
        """Return the share of one processor since the last call, 1.0 for all of it."""
        return float(self._process.cpu_percent()) / 100.0


class Computer:
    """The one source of time and chance: rooms are given it, or what they need of it, and read no clock of their own.

    So a simulation can give them another one, in which a second is whatever it says, and a seed tells all. Beside these
    there is the loop's clock, in which timers run.

    Attributes:
        wall_clock: seconds since 1970, as the computer believes.
        monotonic: seconds that only grow, for who has no loop.
        stopwatch: the same at its finest, to measure how long something took.
        thread_time: seconds of processor time that this thread has used.
        chance: random numbers that nobody can guess.
    """

    def __init__(self) -> None:
        # Looked up when one is made and not when this is imported, so that tests can let `time` go as their loop does.
        self.wall_clock = time.time
        self.monotonic = time.monotonic
        self.stopwatch = time.perf_counter
        self.thread_time = time.thread_time
        self.chance: random.Random = random.SystemRandom()

    def new_id(self) -> str:
        """Return a UUID that no other call returns."""
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def process(self) -> Readings:
        """Return what this process can be read off by."""
        return Process()
