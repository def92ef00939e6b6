"""Which of many markets were busy and have fallen silent; by looks, not by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BUSY_LOOKS", "QUIET_LOOKS", "SilenceWatch"]

BUSY_LOOKS = 20
"""So many looks in a row that each saw something new make a market known to be busy, as with a service's channels."""
QUIET_LOOKS = 10
"""After so many that saw nothing, a busy one is silent."""


@dataclass(slots=True)
class _Pace:
    """What the looks at one market have seen."""

    seen: object = None
    fresh: int = 0
    quiet: int = 0


class SilenceWatch:
    """Looks at the newest event of each market now and then.

    A program that stood still looks once, however long that took: it takes nobody for silent whom it did not listen to.
    """

    def __init__(self) -> None:
        self._paces: dict[str, _Pace] = {}

    def look(self, newest: Iterable[tuple[str, object]]) -> list[str]:
        """Look at (market, newest event) of all that are listened to; return those that are busy ones fallen silent."""
        before, self._paces = self._paces, {}
        silent = []
        for code, event in newest:
            pace = self._paces[code] = before.get(code) or _Pace()
            if event is not pace.seen:
                pace.seen = event
                pace.fresh = pace.fresh + 1 if pace.quiet == 0 else 1
                pace.quiet = 0
                continue
            pace.quiet += 1
            if pace.fresh >= BUSY_LOOKS and pace.quiet >= QUIET_LOOKS:
                silent.append(code)
        return silent

    def forget(self) -> None:
        """Begin anew: nobody listened for a while."""
        self._paces.clear()
