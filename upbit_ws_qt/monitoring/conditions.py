"""The figures that alerts are about, read off the watches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.alerts import AlertKind, Condition
from upbit_ws_qt.monitoring.judgement import DIAL_GRACE, LATE_SAMPLES
from upbit_ws_qt.monitoring.phrases import cause_of, duration, names_of
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from upbit_ws_qt.monitoring.line_metrics import LineMonitor
    from upbit_ws_qt.monitoring.program_metrics import ProgramMonitor
    from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats
    from upbit_ws_qt.streams import StreamKey

__all__ = ["MaintenanceNotices", "conditions"]

DAY = 86_400.0
NOT_UP = 1e-3
"""Seconds; what a line that is not up counts at least, so that nothing is over before it is back."""
NOTICES_KEPT = 20
NAMES_SHOWN = 5


class MaintenanceNotices:
    """Maintenance that was announced: told for a day, or until somebody has seen it."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, now: float, titles: Iterable[str]) -> None:
        """Take in announcements; the oldest of 20 goes."""
        for title in titles:
            self._until[safe_text(title, 200)] = now + DAY
        while len(self._until) > NOTICES_KEPT:
            del self._until[next(iter(self._until))]

    def seen(self, title: str) -> None:
        """Stop telling."""
        self._until.pop(title, None)

    def current(self, now: float) -> tuple[str, ...]:
        """Return the titles to tell at `now`."""
        for title in [title for title, until in self._until.items() if until <= now]:
            del self._until[title]
        return tuple(self._until)


def conditions(
    now: float,
    stats: ProgramStats,
    lines: Iterable[LineMonitor],
    program: ProgramMonitor,
    notices: MaintenanceNotices,
    quarantined: Iterable[str],
    *,
    lost_after: float,
) -> Iterator[Condition]:
    """Yield every figure that an alert may be about at `now`; a line is lost for good `lost_after` seconds at least."""
    for line in lines:
        if line.stats is not None and line.stats.wanted:
            yield from _line_conditions(now, line, lost_after)
    yield from _unserved(stats.unserved)
    yield from _program_conditions(stats, program)
    yield _skipped(now, program)
    for component_id in quarantined:
        name = safe_text(component_id, 80)
        yield Condition(AlertKind.QUARANTINED, name, None, 1, Phrase("component {name} is put aside", name=name))
    for title in notices.current(now):
        yield Condition(AlertKind.MAINTENANCE, title, None, 1, Phrase("maintenance announced: {title}", title=title))


def _line_conditions(now: float, line: LineMonitor, lost_after: float) -> Iterator[Condition]:
    stats = line.stats
    if stats is None:
        return
    yield from _down(now, line, stats, lost_after)
    name, ws_type = Phrase(line.ws_type.value), line.ws_type
    losses = line.reconnects.total(now)
    text = Phrase("{line} was lost {count:.0f} times in 10 min", line=name, count=losses)
    yield Condition(AlertKind.RECONNECTING_OFTEN, "", ws_type, losses, text)
    errors = line.errors.total(now)
    share = errors / line.messages_in_last_minute(now)
    text = Phrase(
        "{line}: {count:.0f} errors in 60 s, {share:.1%} of the messages", line=name, count=errors, share=share
    )
    yield Condition(AlertKind.ERRORS, "", ws_type, share, text)
    used = stats.subscriptions.budget_used
    text = Phrase("{line}: {share:.0%} of the minute's messages are used", line=name, share=used)
    yield Condition(AlertKind.RATE_LIMIT, "", ws_type, used, text)
    if stats.connection.state is ConnectionState.CONNECTED:
        # After each change of line a ping or two are needed: that a slow one is quick now is not known before.
        rtt = line.judged_rtt(now) if line.rtt.sketch(now).count > 1 else math.nan
        text = Phrase("{line}: RTT p95 {time}", line=name, time=duration(0.0 if math.isnan(rtt) else rtt))
        yield Condition(AlertKind.SLOW, "", ws_type, rtt, text)
        ages = line.age.sketch(now)
        age = ages.quantile(0.95) if ages.count >= LATE_SAMPLES else 0.0
        text = Phrase("{line}: data are {time} old on receipt (p95)", line=name, time=duration(age))
        yield Condition(AlertKind.LATE, "", ws_type, age, text)


def _down(now: float, line: LineMonitor, stats: LineStats, lost_after: float) -> Iterator[Condition]:
    name, kind = Phrase(line.ws_type.value), AlertKind.CONNECTION_LOST
    down = 0.0 if line.down_since is None else now - line.down_since
    if stats.connection.state is ConnectionState.FAILED:
        text = Phrase("{line} is given up: {cause}", line=name, cause=cause_of(stats.connection))
        yield Condition(kind, "", line.ws_type, max(down, lost_after), text)
    elif stats.connection.state is ConnectionState.RECONNECTING:
        text = Phrase(
            "{line} is lost for {time}: {cause}", line=name, time=duration(down), cause=cause_of(stats.connection)
        )
        yield Condition(kind, "", line.ws_type, max(NOT_UP, down), text)
    elif stats.connection.state in (ConnectionState.CONNECTING, ConnectionState.SYNCING):
        text = Phrase("{line} is not up after {time}", line=name, time=duration(down))
        yield Condition(kind, "", line.ws_type, max(NOT_UP, down - DIAL_GRACE), text)


def _unserved(unserved: tuple[StreamKey, ...]) -> Iterator[Condition]:
    for ws_type in dict.fromkeys(key.websocket_type for key in unserved):
        names = [str(key) for key in unserved if key.websocket_type is ws_type]
        text = Phrase("not served: {names}", names=names_of(names, NAMES_SHOWN))
        yield Condition(AlertKind.UNSERVED, "", ws_type, len(names), text)


def _skipped(now: float, program: ProgramMonitor) -> Condition:
    count = program.skipped.total(now)
    text = Phrase(
        "{count:.0f} events were skipped under load in 60 s: {names}",
        count=count,
        names=names_of(program.skipped_by, NAMES_SHOWN),
    )
    return Condition(AlertKind.SKIPPED, "", None, count, text)


def _program_conditions(stats: ProgramStats, program: ProgramMonitor) -> Iterator[Condition]:
    memory, behind, lag = stats.memory_bytes, program.backlog_seconds, program.lag
    text = Phrase("{mebibytes:.0f} MiB of memory are in use", mebibytes=memory / 1024**2)
    yield Condition(AlertKind.MEMORY, "", None, memory, text)
    text = Phrase("{count} frames wait, {time} of work", count=program.pending, time=duration(behind))
    yield Condition(AlertKind.BACKLOG, "", None, behind, text)
    text = Phrase("the program's own loop is {time} late", time=duration(lag))
    yield Condition(AlertKind.LOOP_LAG, "", None, lag, text)
