"""Keeping within the exchange's limits: whoever wants to connect or to send waits here."""

from __future__ import annotations

import asyncio
from collections import deque

__all__ = ["Pace"]


class Pace:
    """Lets at most so many through in any so many seconds; who comes first goes first.

    Args:
        limits: (count, seconds) each, all of which are kept.
    """

    def __init__(self, *limits: tuple[int, float]) -> None:
        self._limits = limits
        self._past: deque[float] = deque(maxlen=max(count for count, _ in limits))
        self._turn = asyncio.Lock()

    async def step(self) -> None:
        """Wait until one more is within the limits, and count it."""
        async with self._turn:
            clock = asyncio.get_running_loop().time
            await asyncio.sleep(max(0.0, self._due() - clock()))
            self._past.append(clock())

    def _due(self) -> float:
        past = self._past
        # A little more than a window: what was sent in time may arrive closer together than it was sent.
        waits = [past[-count] + seconds * 1.05 for count, seconds in self._limits if len(past) >= count]
        return max(waits, default=0.0)
