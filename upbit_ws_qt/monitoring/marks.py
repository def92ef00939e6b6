"""The marks on the time axis, found by comparing a line's readings: lost, restored, a new epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.history import LineEvent, LineEventKind
from upbit_ws_qt.monitoring.phrases import cause_of
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.connection import ConnectionFigures
    from upbit_ws_qt.monitoring.stats import LineStats
    from upbit_ws_qt.types import WebSocketType

__all__ = ["MarkMaker"]

_ENDED = frozenset({ConnectionState.DISCONNECTED, ConnectionState.STOPPED})


class _Line:
    """What the last reading said."""

    def __init__(self, connection: ConnectionFigures) -> None:
        self.connected = False
        self.lost_at: float | None = None
        self.lost: LineEvent | None = None
        self.epoch = connection.epoch
        self.losses = connection.losses


class MarkMaker:
    """Finds what happened to each line between two readings, what began and ended between them too."""

    def __init__(self) -> None:
        self._lines: dict[WebSocketType, _Line] = {}

    def look(self, now: float, wall_clock: float, stats: LineStats) -> Iterator[LineEvent]:
        """Yield what happened to a line since its last reading, in order."""
        connection = stats.connection
        line = self._lines.setdefault(connection.ws_type, _Line(connection))
        connected = connection.state is ConnectionState.CONNECTED
        again = connection.losses > line.losses
        if connection.state in _ENDED:
            line.lost_at = None
        elif again or (line.connected and not connected):
            line.lost_at = now
            line.lost = _lost(wall_clock, connection)
            yield line.lost
        if connected and line.lost_at is not None:
            yield _mark(wall_clock, stats, LineEventKind.RESTORED, line, down=now - line.lost_at)
            line.lost_at = None
        elif connected and line.connected and connection.epoch != line.epoch:
            yield _mark(wall_clock, stats, LineEventKind.EPOCH, line)
        line.connected = connected
        line.losses = connection.losses
        if connected:
            line.epoch = connection.epoch


def _lost(wall_clock: float, connection: ConnectionFigures) -> LineEvent:
    return LineEvent(
        at=wall_clock,
        ws_type=connection.ws_type,
        kind=LineEventKind.LOST,
        cause=cause_of(connection),
        close_code=connection.close_code,
        old_epoch=connection.epoch,
        new_epoch=connection.epoch,
    )


def _mark(wall_clock: float, stats: LineStats, kind: LineEventKind, line: _Line, *, down: float = 0.0) -> LineEvent:
    lost = line.lost if kind is LineEventKind.RESTORED else None
    return LineEvent(
        at=wall_clock,
        ws_type=stats.connection.ws_type,
        kind=kind,
        # Why it went: failed dials since then have causes of their own.
        cause="" if lost is None else lost.cause,
        close_code=None if lost is None else lost.close_code,
        down_seconds=down,
        old_epoch=line.epoch,
        new_epoch=stats.connection.epoch,
        restored=stats.subscriptions.restored,
        restorable=stats.subscriptions.restorable,
    )
