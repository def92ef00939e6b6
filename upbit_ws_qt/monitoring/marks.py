"""The marks on the time axis, found by comparing a line's readings: lost, restored, a new epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.history import LineEvent, LineEventKind
from upbit_ws_qt.monitoring.phrases import cause_of
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.monitoring.readings import ConnectionReading
    from upbit_ws_qt.types import WebSocketType

__all__ = ["MarkMaker"]

_ENDED = frozenset({ConnectionState.DISCONNECTED, ConnectionState.STOPPED})


class _Line:
    """What the last reading said."""

    def __init__(self, reading: ConnectionReading) -> None:
        self.connected = False
        self.lost_at: float | None = None
        self.lost: LineEvent | None = None
        self.epoch = reading.epoch
        self.reconnects = reading.reconnects


class MarkMaker:
    """Finds what happened to each line between two readings, what began and ended between them too."""

    def __init__(self) -> None:
        self._lines: dict[WebSocketType, _Line] = {}

    def look(self, now: float, wall_clock: float, reading: ConnectionReading) -> Iterator[LineEvent]:
        """Yield what happened to a line since its last reading, in order."""
        line = self._lines.setdefault(reading.ws_type, _Line(reading))
        connected = reading.state is ConnectionState.CONNECTED
        again = reading.reconnects > line.reconnects
        if reading.state in _ENDED:
            line.lost_at = None
        elif again or (line.connected and not connected):
            line.lost_at = now
            line.lost = _lost(wall_clock, reading)
            yield line.lost
        if connected and line.lost_at is not None:
            yield _mark(wall_clock, reading, LineEventKind.RESTORED, line, down=now - line.lost_at)
            line.lost_at = None
        elif connected and line.connected and reading.epoch != line.epoch:
            yield _mark(wall_clock, reading, LineEventKind.EPOCH, line)
        line.connected = connected
        line.reconnects = reading.reconnects
        if connected:
            line.epoch = reading.epoch


def _lost(wall_clock: float, reading: ConnectionReading) -> LineEvent:
    return LineEvent(
        at=wall_clock,
        ws_type=reading.ws_type,
        kind=LineEventKind.LOST,
        cause=cause_of(reading),
        close_code=reading.close_code,
        old_epoch=reading.epoch,
        new_epoch=reading.epoch,
    )


def _mark(
    wall_clock: float, reading: ConnectionReading, kind: LineEventKind, line: _Line, *, down: float = 0.0
) -> LineEvent:
    lost = line.lost if kind is LineEventKind.RESTORED else None
    return LineEvent(
        at=wall_clock,
        ws_type=reading.ws_type,
        kind=kind,
        # Why it went: failed dials since then have causes of their own.
        cause="" if lost is None else lost.cause,
        close_code=None if lost is None else lost.close_code,
        down_seconds=down,
        old_epoch=line.epoch,
        new_epoch=reading.epoch,
        restored=reading.restored,
        restorable=reading.restorable,
    )
