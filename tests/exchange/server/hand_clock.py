"""A clock for limits, blocks, delays and timeouts that only a test moves: no machine is too slow for it."""

from __future__ import annotations


class HandClock:
    """Seconds that stand still until `move`."""

    def __init__(self) -> None:
        self._seconds = 1000.0

    def __call__(self) -> float:
        return self._seconds

    def move(self, seconds: float) -> None:
        """Let so many seconds pass; what is due then is done in one of the next turns of the exchange."""
        self._seconds += seconds
