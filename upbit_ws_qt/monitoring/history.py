"""Every plotted figure over time, in rings of fixed size, and the marks of what happened to the lines."""

from __future__ import annotations

import math
from array import array
from collections import deque
from enum import Enum, StrEnum
from itertools import count, islice
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, structs

from upbit_ws_qt.monitoring.heat import (
    HEAT_STEP,
    FreshnessMap,
    FreshnessRing,
    LatencyKind,
    LatencyMap,
    LatencyRing,
    span,
    starts,
)
from upbit_ws_qt.monitoring.phrases import cause_of
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upbit_ws_qt.connection import ConnectionFigures
    from upbit_ws_qt.monitoring.stats import LineStats
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["History", "HistorySeries", "LineEvent", "LineEventKind", "MarkMaker", "Metric"]

FINE_STEP = 1.0
FINE_SLOTS = 15 * 60
COARSE_STEP = 10.0
COARSE_SLOTS = 24 * 360
EVENTS = 500
JUMP = 2.0
"""Seconds by which the wall clock must have left the loop's for the time axis to follow it."""
BRIDGED_SLOTS = 3


class Metric(StrEnum):
    """What is kept. Those marked (program) are kept without a line only, SCORE for both."""

    SCORE = "score"
    RTT = "rtt"
    """Seconds, the last pong's; nothing while disconnected."""
    EPOCH = "epoch"
    CONNECTED = "connected"
    """1 or 0."""
    MESSAGES_PER_SECOND = "messages_per_second"
    """For both."""
    BYTES_PER_SECOND = "bytes_per_second"
    EVENT_AGE = "event_age"
    PENDING = "pending"
    """For both."""
    DROPPED = "dropped"
    """Since the start."""
    LOOP_LAG = "loop_lag"
    """(program) seconds"""
    MEMORY = "memory"
    """(program) bytes"""
    CPU = "cpu"
    """(program) cores"""


class _Fold(Enum):
    """How the ten seconds of a coarse slot become one figure."""

    MEAN = 0
    LAST = 1
    LEAST = 2
    MOST = 3


_FOLDS: Mapping[Metric, _Fold] = {
    Metric.SCORE: _Fold.LEAST,
    Metric.EPOCH: _Fold.LAST,
    Metric.CONNECTED: _Fold.LEAST,
    Metric.PENDING: _Fold.MOST,
    Metric.DROPPED: _Fold.LAST,
    Metric.LOOP_LAG: _Fold.MOST,
    Metric.MEMORY: _Fold.LAST,
}


class HistorySeries(Struct, frozen=True, kw_only=True):
    """One figure over a time.

    Attributes:
        metric: which figure.
        ws_type: of which line, None for the program.
        step: seconds from one value to the next.
        times: seconds since 1970, rising, one for each value.
        values: NaN where nothing was known, for example a round trip while disconnected.
    """

    metric: Metric
    ws_type: WebSocketType | None
    step: float
    times: array[float] = msgspec.field(default_factory=lambda: array("d"))
    values: array[float] = msgspec.field(default_factory=lambda: array("d"))


class LineEventKind(StrEnum):
    """What happened to a line."""

    LOST = "lost"
    RESTORED = "restored"
    EPOCH = "epoch"
    """A new epoch without a loss: a renewal."""


class LineEvent(Struct, frozen=True, kw_only=True):
    """One mark on the time axis.

    Attributes:
        at: seconds since 1970.
        ws_type: whose.
        kind: what.
        cause: of the loss, as safe text; of a restoration, that of the loss which it ends.
        close_code: as the cause.
        down_seconds: of a restoration.
        old_epoch: before.
        new_epoch: after.
        restored: streams proved on the new line, and `restorable` how many there were to prove; 0 of a loss.
        restorable: see there.
    """

    at: float
    ws_type: WebSocketType
    kind: LineEventKind
    cause: str = ""
    close_code: int | None = None
    down_seconds: float = 0.0
    old_epoch: int = 0
    new_epoch: int = 0
    restored: int = 0
    restorable: int = 0


class _Ring:
    """The values of `size` consecutive time slots; a slot that nothing was written to holds NaN."""

    __slots__ = ("_last", "_values", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._values = array("d", [math.nan]) * size
        self._last: int | None = None

    def get(self, slot: int) -> float:
        if self._last is None or not self._last - self.size < slot <= self._last:
            return math.nan
        return self._values[slot % self.size]

    def put(self, slot: int, value: float) -> None:
        last = self._last
        if last is not None and slot < last:
            return
        if last is not None:
            # A reading that came a little late leaves no hole; a real pause does.
            bridge = self.get(last) if slot - last <= BRIDGED_SLOTS else math.nan
            for skipped in range(max(last + 1, slot - self.size + 1), slot):
                self._values[skipped % self.size] = bridge
        self._values[slot % self.size] = value
        self._last = slot

    def since(self, first: int, last: int) -> array[float]:
        """Return the values of the slots from `first` to `last`; slices, as there may be thousands."""
        newest = -1 if self._last is None else self._last
        begin, end = max(first, newest - self.size + 1), min(last, newest)
        if end < begin:
            return array("d", [math.nan]) * (last - first + 1)
        low, high = begin % self.size, end % self.size
        kept = self._values[low : high + 1] if low <= high else self._values[low:] + self._values[: high + 1]
        return array("d", [math.nan]) * (begin - first) + kept + array("d", [math.nan]) * (last - end)


class _Track:
    """One figure at both resolutions."""

    __slots__ = ("_coarse", "_count", "_fine", "_fold", "_slot")

    def __init__(self, fold: _Fold) -> None:
        self._fine = _Ring(FINE_SLOTS)
        self._coarse = _Ring(COARSE_SLOTS)
        self._fold = fold
        self._slot = -1
        self._count = 0

    def put(self, now: float, value: float) -> None:
        self._fine.put(int(now / FINE_STEP), value)
        slot = int(now / COARSE_STEP)
        if slot != self._slot:
            self._slot = slot
            self._count = 0
        if math.isnan(value):
            if not self._count:
                self._coarse.put(slot, value)
            return
        self._count += 1
        held = self._coarse.get(slot)
        if self._count > 1:
            if self._fold is _Fold.MEAN:
                value = held + (value - held) / self._count
            elif self._fold is _Fold.LEAST:
                value = min(held, value)
            elif self._fold is _Fold.MOST:
                value = max(held, value)
        self._coarse.put(slot, value)

    def ring(self, *, fine: bool) -> _Ring:
        return self._fine if fine else self._coarse


class History:
    """All figures over time. About 76 KiB for each figure of each line, and 360 bytes for each stream."""

    def __init__(self) -> None:
        self._tracks: dict[tuple[Metric, WebSocketType | None], _Track] = {}
        self._events: deque[LineEvent] = deque(maxlen=EVENTS)
        self._latencies: dict[tuple[LatencyKind, WebSocketType], LatencyRing] = {}
        self._freshness = FreshnessRing()
        self._shift = 0.0
        self._skipped = 0.0
        self._now = 0.0
        self._first: float | None = None

    def begin(self, now: float, wall_clock: float) -> None:
        """Say what time it is before figures are put.

        A wall clock that jumped ahead (the computer slept, and the loop's clock with it) leaves a hole as long as the
        jump; one that was set back takes the past with it, so that the newest is always now.
        """
        if self._first is None:
            self._shift = wall_clock - now
            self._first = now
        jump = wall_clock - (now + self._skipped + self._shift)
        if jump > JUMP:
            self._skipped += jump
        elif jump < -JUMP:
            self._shift += jump
            moved = [structs.replace(event, at=event.at + jump) for event in self._events]
            self._events = deque(moved, maxlen=EVENTS)
        self._now = now + self._skipped

    def put(self, metric: Metric, ws_type: WebSocketType | None, value: float | None) -> None:
        """Keep one figure of the time that `begin` told; None for "not known"."""
        key = (metric, ws_type)
        track = self._tracks.get(key)
        if track is None:
            track = self._tracks[key] = _Track(_FOLDS.get(metric, _Fold.MEAN))
        track.put(self._now, math.nan if value is None else value)

    def put_latencies(self, kind: LatencyKind, ws_type: WebSocketType, seconds: Iterable[float]) -> None:
        """Count times that were measured since the last reading."""
        ring = self._latencies.get((kind, ws_type))
        if ring is None:
            ring = self._latencies[kind, ws_type] = LatencyRing()
        ring.add(int(self._now / HEAT_STEP), seconds)

    def put_ages(self, ages: Iterable[tuple[StreamKey, float | None]]) -> None:
        """Keep how old the newest event of each stream is now; None for none yet."""
        self._freshness.put(int(self._now / HEAT_STEP), ages)

    def latency_map(self, kind: LatencyKind, ws_type: WebSocketType, seconds: float) -> LatencyMap:
        """Return the distribution of times over the last `seconds`, at most an hour; nothing is an empty map."""
        slots = span(self._now, self._first, _above_zero(seconds))
        ring = self._latencies.get((kind, ws_type))
        if ring is None or not slots:
            return LatencyMap(kind=kind, ws_type=ws_type)
        counts = ring.since(slots.start, slots.stop - 1)
        return LatencyMap(kind=kind, ws_type=ws_type, times=starts(slots, self._shift), counts=counts)

    def freshness_map(self, seconds: float) -> FreshnessMap:
        """Return how old each stream was over the last `seconds`, at most an hour."""
        slots = span(self._now, self._first, _above_zero(seconds))
        if not slots:
            return FreshnessMap()
        ages = self._freshness.since(slots.start, slots.stop - 1)
        return FreshnessMap(times=starts(slots, self._shift), ages=ages, left_out=self._freshness.left_out)

    def note(self, event: LineEvent) -> None:
        """Keep a mark; the oldest of 500 goes."""
        self._events.append(event)

    def events(self, seconds: float) -> tuple[LineEvent, ...]:
        """Return the marks of the last `seconds`, oldest first."""
        since = self._now + self._shift - seconds
        return tuple(event for event in self._events if event.at >= since)

    def series(self, metric: Metric, ws_type: WebSocketType | None, seconds: float) -> HistorySeries:
        """Return one figure over the last `seconds`: up to 15 minutes by the second, beyond in steps of ten.

        What was never kept gives an empty series; `seconds` of 0 or less, or NaN, raise ValueError.
        """
        fine = _above_zero(seconds) <= FINE_SLOTS * FINE_STEP
        step, slots = (FINE_STEP, FINE_SLOTS) if fine else (COARSE_STEP, COARSE_SLOTS)
        track = self._tracks.get((metric, ws_type))
        if track is None or self._first is None:
            return HistorySeries(metric=metric, ws_type=ws_type, step=step)
        last = int(self._now / step)
        wanted = int(min(math.ceil(seconds / step), slots))
        first = max(last - wanted + 1, int(self._first / step))
        times = array("d", islice(count(first * step + self._shift, step), last - first + 1))
        values = track.ring(fine=fine).since(first, last)
        return HistorySeries(metric=metric, ws_type=ws_type, step=step, times=times, values=values)


def _above_zero(seconds: float) -> float:
    if not seconds > 0:
        raise ValueError(f"seconds must be above 0, not {seconds!r}")
    return seconds


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
