"""The figures that alerts are about, read off the watches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.alerts import RULES, AlertKind, Condition
from upbit_ws_qt.monitoring.judgement import DIAL_GRACE, LATE_SAMPLES, duration
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from upbit_ws_qt.monitoring.line_watch import LineWatch
    from upbit_ws_qt.monitoring.program_watch import ProgramWatch
    from upbit_ws_qt.monitoring.readings import Readings
    from upbit_ws_qt.streams import StreamKey

__all__ = ["MaintenanceNotices", "conditions"]

DAY = 86_400.0
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
    readings: Readings,
    lines: Iterable[LineWatch],
    program: ProgramWatch,
    notices: MaintenanceNotices,
) -> Iterator[Condition]:
    """Yield every figure that an alert may be about at `now`."""
    for line in lines:
        if line.reading is not None and line.reading.wanted:
            yield from _line_conditions(now, line)
    yield from _unserved(readings.unserved)
    yield from _program_conditions(readings, program)
    for title in notices.current(now):
        yield Condition(AlertKind.MAINTENANCE, title, None, 1, f"maintenance announced: {title}")


def _line_conditions(now: float, line: LineWatch) -> Iterator[Condition]:
    reading = line.reading
    if reading is None:
        return
    name, ws_type = line.ws_type.value, line.ws_type
    down = 0.0 if line.down_since is None else now - line.down_since
    cause = safe_text(reading.close_cause, 80)
    about = f": {cause}" if cause else ""
    if reading.state is ConnectionState.FAILED:
        value = max(down, RULES[AlertKind.CONNECTION_LOST].raise_at)
        yield Condition(AlertKind.CONNECTION_LOST, "", ws_type, value, f"{name} is given up{about}")
    elif reading.state is ConnectionState.RECONNECTING:
        text = f"{name} is lost for {duration(down)}{about}"
        yield Condition(AlertKind.CONNECTION_LOST, "", ws_type, down, text)
    elif reading.state in (ConnectionState.CONNECTING, ConnectionState.SYNCING):
        text = f"{name} is not up after {duration(down)}"
        yield Condition(AlertKind.CONNECTION_LOST, "", ws_type, max(0.0, down - DIAL_GRACE), text)
    losses = line.reconnects.total(now)
    text = f"{name} was lost {losses:.0f} times in 10 min"
    yield Condition(AlertKind.RECONNECTING_OFTEN, "", ws_type, losses, text)
    share = line.errors.total(now) / line.messages_in_last_minute(now)
    text = f"{name}: {line.errors.total(now):.0f} errors in 60 s, {share:.1%} of the messages"
    yield Condition(AlertKind.ERRORS, "", ws_type, share, text)
    used = reading.rate_budget_used
    yield Condition(AlertKind.RATE_LIMIT, "", ws_type, used, f"{name}: {used:.0%} of the minute's messages are used")
    if reading.state is ConnectionState.CONNECTED:
        rtt = line.judged_rtt(now)
        yield Condition(AlertKind.SLOW, "", ws_type, rtt, f"{name}: RTT p95 {duration(rtt)}")
        ages = line.age.sketch(now)
        age = ages.quantile(0.95) if ages.count >= LATE_SAMPLES else 0.0
        yield Condition(AlertKind.LATE, "", ws_type, age, f"{name}: data are {duration(age)} old on receipt (p95)")


def _unserved(unserved: tuple[StreamKey, ...]) -> Iterator[Condition]:
    for ws_type in dict.fromkeys(key.websocket_type for key in unserved):
        names = [str(key) for key in unserved if key.websocket_type is ws_type]
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        shown = safe_text(", ".join(names[:NAMES_SHOWN]), 300)
        yield Condition(AlertKind.UNSERVED, "", ws_type, len(names), f"not served: {shown}{more}")


def _program_conditions(readings: Readings, program: ProgramWatch) -> Iterator[Condition]:
    memory = readings.memory_bytes
    yield Condition(AlertKind.MEMORY, "", None, memory, f"{memory / 1024**2:.0f} MiB of memory are in use")
    behind = program.backlog_seconds
    text = f"{program.pending} frames wait, {duration(behind)} of work"
    yield Condition(AlertKind.BACKLOG, "", None, behind, text)
    yield Condition(
        AlertKind.LOOP_LAG, "", None, program.lag, f"the program's own loop is {duration(program.lag)} late"
    )
    for component in readings.components:
        if component.quarantined:
            name = safe_text(component.component_id, 80)
            yield Condition(AlertKind.QUARANTINED, name, None, 1, f"component {name} is put aside")
