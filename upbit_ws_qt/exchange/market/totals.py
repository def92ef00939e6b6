"""What was traded in the last 24 hours, in steps of a quarter of an hour."""

from __future__ import annotations

from collections import deque

from .candles import DAY_MS, MINUTE_MS

_STEP_MS = 15 * MINUTE_MS


class LastDay:
    """Rolling sums of volume and funds; never more than 97 steps are kept."""

    __slots__ = ("_steps", "funds", "volume")

    def __init__(self) -> None:
        self.volume = 0
        self.funds = 0
        self._steps: deque[list[int]] = deque()  # [start, volume, funds], oldest first

    def add(self, ms: int, volume: int, funds: int) -> None:
        """Add a trade, or a candle, that began at `ms`; times never run backwards by a whole step."""
        self.volume += volume
        self.funds += funds
        steps = self._steps
        start = ms - ms % _STEP_MS
        if steps and steps[-1][0] >= start:
            steps[-1][1] += volume
            steps[-1][2] += funds
        else:
            steps.append([start, volume, funds])
            self.expire(ms)

    def expire(self, now_ms: int) -> None:
        """Forget the steps that began 24 hours before `now_ms` or earlier."""
        steps = self._steps
        while steps and steps[0][0] <= now_ms - DAY_MS:
            _, volume, funds = steps.popleft()
            self.volume -= volume
            self.funds -= funds
