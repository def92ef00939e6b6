"""Exchange time: runs with the loop's clock at a chosen pace, can be stopped and moved by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class ExchangeClock:
    """Milliseconds of exchange time, derived from a clock in seconds.

    Args:
        start_ms: Exchange time at the beginning, in epoch milliseconds.
        seconds: The clock that it follows; asked only while time passes.
        scale: Exchange seconds per second.
        running: Whether time passes at all.
    """

    def __init__(
        self, start_ms: int, seconds: Callable[[], float], scale: float = 1.0, *, running: bool = True
    ) -> None:
        self._seconds = seconds
        self._scale = scale
        self._running = running
        self._anchor_ms = float(start_ms)
        self._anchor = seconds() if running else 0.0

    @property
    def running(self) -> bool:
        """Whether time passes by itself."""
        return self._running

    @property
    def scale(self) -> float:
        """Exchange seconds per second."""
        return self._scale

    def now_ms(self) -> int:
        """Return the exchange time in epoch milliseconds."""
        return int(self._exact_ms())

    def stop(self) -> None:
        """Let time stand still; nothing if it does."""
        ms, self._running = self._exact_ms(), False
        self._move_anchor(ms)

    def go_on(self) -> None:
        """Let time pass again from where it stands; nothing if it does."""
        ms, self._running = self._exact_ms(), True
        self._move_anchor(ms)

    def set_scale(self, scale: float) -> None:
        """Change the pace from now on.

        Raises:
            ValueError: If `scale` is not between 0.001 and 10,000.
        """
        if not 0.001 <= scale <= 10_000:
            raise ValueError(f"time scale must be between 0.001 and 10000, not {scale!r}")
        self._move_anchor(self._exact_ms())
        self._scale = scale

    def set_ms(self, ms: float) -> None:
        """Put the time to `ms`, from where it runs or stands as before."""
        self._move_anchor(ms)

    def _exact_ms(self) -> float:
        if not self._running:
            return self._anchor_ms
        return self._anchor_ms + (self._seconds() - self._anchor) * 1000.0 * self._scale

    def _move_anchor(self, ms: float) -> None:
        self._anchor_ms = ms
        self._anchor = self._seconds() if self._running else 0.0
