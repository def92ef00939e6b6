"""Whether something that was busy has fallen silent; told by looks, not by the clock."""

from __future__ import annotations

__all__ = ["SilenceDetector"]


class SilenceDetector:
    """Looks at the newest of something now and then.

    A program that stood still looks once, however long that took: it takes nobody for silent whom it did not listen to.
    Where silence is normal nothing is ever busy for long enough to be missed.
    """

    BUSY_LOOKS = 20
    """So many looks in a row that each saw something new make it known to be busy."""
    QUIET_LOOKS = 10
    """After so many that saw nothing, what was busy is silent."""

    __slots__ = ("_fresh", "_quiet", "_seen")

    def __init__(self) -> None:
        self._seen: object = None
        self._fresh = self._quiet = 0

    def look(self, newest: object) -> bool:
        """Take in what is newest now, None for nothing yet; return whether the silence of a busy one has begun."""
        if newest is not self._seen:
            self._seen = newest
            self._fresh = self._fresh + 1 if self._quiet == 0 else 1
            self._quiet = 0
            return False
        self._quiet += 1
        return self._fresh >= self.BUSY_LOOKS and self._quiet >= self.QUIET_LOOKS
