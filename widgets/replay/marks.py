"""The marks of a recording, read a little at a time, so that a window with a long one is never held up."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import MarkKind, RecordingError, RecordingMark, recording_marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MarkReader"]

MOST_MARKS = 5000
TURN_SECONDS = 0.006
_TOLD_APART = 0.05  # seconds; a gap of two lines is one place to go to


class MarkReader(QObject):
    """Knows the marks of a recording, as far as they have been read.

    Attributes:
        marks: in the order of their times.
        left_out: how many there was no room for.

    Signals:
        changed: more are known, or all have been read.
    """

    changed = pyqtSignal()

    def __init__(self, path: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.marks: list[RecordingMark] = []
        self.left_out = 0
        self.trouble = ""
        self._rest: Iterator[tuple[RecordingMark, ...]] | None = recording_marks(path)
        self._turns = QTimer(self)
        self._turns.setInterval(0)
        self._turns.timeout.connect(self._on_turn)

    def start(self) -> None:
        """Begin to read."""
        if self._rest is not None:
            self._turns.start()

    @property
    def is_done(self) -> bool:
        """Whether all have been read."""
        return self._rest is None

    def next_after(self, moment: float) -> RecordingMark | None:
        """Return the first mark behind a moment."""
        place = bisect_right(self.marks, moment + _TOLD_APART, key=_at)
        return self.marks[place] if place < len(self.marks) else None

    def last_before(self, moment: float) -> RecordingMark | None:
        """Return the last mark before a moment."""
        place = bisect_left(self.marks, moment - _TOLD_APART, key=_at)
        return self.marks[place - 1] if place else None

    @pyqtSlot()
    def _on_turn(self) -> None:
        ends, found = time.monotonic() + TURN_SECONDS, len(self.marks) + self.left_out
        assert self._rest is not None
        try:
            while time.monotonic() < ends:
                part = next(self._rest, None)
                if part is None:
                    self._end()
                    return
                for mark in part:
                    if len(self.marks) < MOST_MARKS:
                        self.marks.insert(bisect_right(self.marks, mark.at, key=_at), mark)
                    else:
                        self.left_out += 1
        except (RecordingError, OSError) as error:
            self.trouble = str(error)
            self._end()
            return
        if len(self.marks) + self.left_out != found:
            self.changed.emit()

    def _end(self) -> None:
        self._rest = None
        self._turns.stop()
        self.changed.emit()


def _at(mark: RecordingMark) -> float:
    return mark.at


LEVELS = {
    MarkKind.SESSION: "idle",
    MarkKind.GAP: "warn",
    MarkKind.LOST: "bad",
    MarkKind.ALERT: "bad",
    MarkKind.FILL: "good",
    MarkKind.NOTE: "idle",
}
"""In which colour of health a mark is drawn."""
