"""The wall clock beside the loop's clock, which stands still while the computer sleeps."""

from __future__ import annotations

__all__ = ["SLEPT", "ClockJump"]

SLEPT = 5.0
"""Seconds by which the wall clock has to run ahead between two looks for the computer to have slept."""


class ClockJump:
    """Notices when the two clocks part: the computer slept, or somebody set the clock.

    Args:
        now: loop clock of the first look, if that is now.
        wall: wall clock at the same moment.
    """

    __slots__ = ("_difference",)

    def __init__(self, now: float | None = None, wall: float | None = None) -> None:
        self._difference = None if now is None or wall is None else wall - now

    def look(self, now: float, wall: float) -> float:
        """Return by how many seconds the wall clock ran ahead since the last look, below 0 where it was set back.

        Args:
            now: loop clock, seconds.
            wall: wall clock, seconds.
        """
        before, self._difference = self._difference, wall - now
        return 0.0 if before is None else self._difference - before
