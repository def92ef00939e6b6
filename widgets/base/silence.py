"""Which of many markets were busy and have fallen silent; by looks, not by the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt import SilenceDetector

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BUSY_LOOKS", "QUIET_LOOKS", "SilenceWatch"]

BUSY_LOOKS = SilenceDetector.BUSY_LOOKS
QUIET_LOOKS = SilenceDetector.QUIET_LOOKS


class SilenceWatch:
    """Looks at the newest event of each market now and then."""

    def __init__(self) -> None:
        self._detectors: dict[str, SilenceDetector] = {}

    def look(self, newest: Iterable[tuple[str, object]]) -> list[str]:
        """Look at (market, newest event) of all that are listened to; return those that are busy ones fallen silent."""
        before, self._detectors = self._detectors, {}
        silent = []
        for code, event in newest:
            detector = self._detectors[code] = before.get(code) or SilenceDetector()
            if detector.look(event):
                silent.append(code)
        return silent

    def forget(self) -> None:
        """Begin anew: nobody listened for a while."""
        self._detectors.clear()
