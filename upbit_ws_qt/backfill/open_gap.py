"""The gap of an endpoint until all its streams are done with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.backfill.report import GapReport, StreamRecovery

if TYPE_CHECKING:
    from upbit_ws_qt.connection import GapEvent
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["OpenGap"]


class OpenGap:
    """Adds up what becomes of a gap; a second cut in the meantime goes into the same one, and into the same report.

    Args:
        gap: as it was found.
        now: loop clock, seconds.

    Attributes:
        ws_type: which endpoint.
        resumed_at: when the line was proved, loop clock; None while it is not.
        done: what became of each stream so far.
    """

    def __init__(self, gap: GapEvent, now: float) -> None:
        self.ws_type: WebSocketType = gap.ws_type
        self.resumed_at: float | None = None
        self.done: dict[StreamKey, StreamRecovery] = {}
        self._old, self._new = gap.old, gap.new
        self._lost_at = now - gap.down_seconds
        self._dark = 0.0
        if gap.old == gap.new:  # the line stands: the program itself had no room for what came
            self.resumed_at = now

    def goes_on(self, gap: GapEvent, now: float) -> None:
        """Note another gap before this one is healed."""
        self._new = gap.new
        if gap.old != gap.new and self.resumed_at is not None:
            self._lost_at, self.resumed_at = now - gap.down_seconds, None

    def resumed(self, now: float) -> None:
        """Note that the line is proved."""
        if self.resumed_at is None:
            self.resumed_at = now
            self._dark += now - self._lost_at

    def add(self, recovery: StreamRecovery) -> None:
        """Note what became of a stream; what became of it before is counted with it."""
        before = self.done.get(recovery.stream)
        self.done[recovery.stream] = recovery if before is None else _sum(before, recovery)

    def report(self, now: float) -> GapReport:
        """Return the sum."""
        took = 0.0 if self.resumed_at is None else max(0.0, now - self.resumed_at)
        return GapReport(self.ws_type, self._old, self._new, self._dark, tuple(self.done.values()), took)


def _sum(one: StreamRecovery, other: StreamRecovery) -> StreamRecovery:
    return StreamRecovery(
        one.stream,
        one.expected + other.expected,
        one.recovered + other.recovered,
        other.reason or one.reason,
        one.in_order and other.in_order,
        one.duration + other.duration,
    )
