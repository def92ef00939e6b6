"""Writes what happens into the log: states, gaps and errors, with the time and cause of each, bounded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.manager.notify import ManagerListener
from upbit_ws_qt.monitoring.logs import configure_logging, remove_logging
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.backfill import GapReport
    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.types import GlobalManagerState, WebSocketType

__all__ = ["Journal"]

_log = logging.getLogger("upbit_ws_qt.manager")
# A peer that sends nothing but garbage must not fill the disk.
UNREADABLE_EVERY = 60.0


class Journal(ManagerListener):
    """The listener that every manager has; the program decides where the log goes, as with any library.

    Args:
        clock: seconds, for the bound on frames that cannot be read: one record a minute, with the number of the others.
        json_lines: from `open()` to `close()` send the package's log to stderr, one JSON object a line.
    """

    def __init__(self, clock: Callable[[], float], *, json_lines: bool) -> None:
        self._clock = clock
        self._json_lines = json_lines
        self._handler: logging.Handler | None = None
        self._unreadable = 0
        self._quiet_until = float("-inf")

    def open(self) -> None:
        """Begin to write JSON where that was asked for."""
        if self._json_lines and self._handler is None:
            self._handler = configure_logging(json_lines=True)

    def close(self) -> None:
        """End what `open()` began; idempotent."""
        if self._handler is not None:
            remove_logging(self._handler)
            self._handler = None

    def on_state(self, state: GlobalManagerState) -> None:
        """Log the whole manager's state."""
        _log.info("%s", Phrase("service: {state}", state=Phrase(state.value)))

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """Log a line's state with its cause."""
        # A loss comes as an error too, which is what warns: once is enough.
        cause = safe_text(change.cause)
        causes: tuple[str, ...] = (cause if isinstance(cause, Phrase) else Phrase(cause),)
        if change.close_code is not None:
            causes += (Phrase("close code {code}", code=change.close_code),)
        old, new = Phrase(change.old.value), Phrase(change.new.value)
        line = Phrase(ws_type.value)
        _log.info("%s", Phrase("{line}: {old} to {new} ({causes})", line=line, old=old, new=new, causes=causes))

    def on_gap(self, gap: GapEvent) -> None:
        """Log what a change of line may have cost, or a line that stands while its program lost something."""
        line = Phrase(gap.ws_type.value)
        values = {"line": line, "old": gap.old, "new": gap.new, "down": gap.down_seconds}
        told = Phrase("{line}: epoch {old} to {new}, down {down:.3f} s", **values)
        if gap.old == gap.new:
            told = Phrase("{line}: {cause}", line=line, cause=gap.cause)
        if gap.streams:
            count = len(gap.streams)
            told = Phrase("{what}, {count} streams may have missed something", what=told, count=count)
        _log.info("%s", told)

    def on_gap_healed(self, report: GapReport) -> None:
        """Log what became of a gap, in one line."""
        told = Phrase("{line}: {what}", line=Phrase(report.ws_type.value), what=report.phrase)
        (_log.info if report.is_whole else _log.warning)("%s", told)

    def on_error(self, error: WebSocketError) -> None:
        """Log an error; of frames that cannot be read one a minute."""
        if isinstance(error, DecodeError):
            now = self._clock()
            if now < self._quiet_until:
                self._unreadable += 1
                return
            others, self._unreadable, self._quiet_until = self._unreadable, 0, now + UNREADABLE_EVERY
            _log.warning("%s; %d more since the last one told", safe_text(str(error)), others)
        else:
            _log.warning("%s", safe_text(str(error)))
