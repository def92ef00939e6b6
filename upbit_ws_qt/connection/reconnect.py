"""How long to wait before the next dial: full jitter, without limit, forgiven only after data has flowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["Backoff"]


class Backoff:
    """Delays drawn evenly from 0 to a ceiling that doubles with each attempt, as far as `maximum`.

    A line that is accepted and dropped at once does not bring the ceiling down: only one that has carried
    something for `stable_after` seconds does.

    Attributes:
        attempts: dials since the last stable line.
    """

    def __init__(self, initial: float, maximum: float, stable_after: float, rng: Random) -> None:
        self._initial = initial
        self._maximum = maximum
        self._stable_after = stable_after
        self._rng = rng
        self._first_data_at: float | None = None
        self.attempts = 0

    @property
    def ceiling(self) -> float:
        """The longest that the next delay can be, in seconds."""
        # The exponent is bounded: after 2^1024 a float overflows, and this counts for weeks.
        return min(self._maximum, self._initial * 2.0 ** min(self.attempts, 60))

    def next_delay(self) -> float:
        """Count an attempt and return how many seconds to wait before it."""
        ceiling = self.ceiling
        self.attempts += 1
        self._first_data_at = None
        return self._rng.uniform(0.0, ceiling)

    def flowed(self, now: float) -> None:
        """Note a sign of life (data or a pong) on the present line."""
        if self._first_data_at is None:
            self._first_data_at = now
        elif now - self._first_data_at >= self._stable_after:
            self.attempts = 0

    def line_lost(self) -> None:
        """Note that the present line is gone: the next one has to show again that it is stable."""
        self._first_data_at = None

    def reset(self) -> None:
        """Forget everything, because somebody asked for a dial now."""
        self.attempts = 0
        self._first_data_at = None
