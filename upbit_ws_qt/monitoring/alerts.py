"""Alerts: raised once when a figure stays beyond its threshold, cleared when it stays well within it."""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, structs

from upbit_ws_qt.config import AlertLimits
from upbit_ws_qt.monitoring.penalties import DIAL_GRACE, LATE_SAMPLES
from upbit_ws_qt.monitoring.phrases import cause_of, duration, names_of
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upbit_ws_qt.monitoring.line_metrics import LineMonitor
    from upbit_ws_qt.monitoring.program_metrics import ProgramMonitor
    from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = [
    "RULES",
    "Alert",
    "AlertKind",
    "AlertRule",
    "AlertSeverity",
    "AlertStore",
    "Condition",
    "MaintenanceNotices",
    "conditions",
    "rules_for",
]

CLEARED_KEPT = 200
ACTIVE_KEPT = 500


class AlertSeverity(StrEnum):
    """How urgent."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertKind(StrEnum):
    """What it is about."""

    CONNECTION_LOST = "connection_lost"
    RECONNECTING_OFTEN = "reconnecting_often"
    SLOW = "slow"
    LATE = "late"
    ERRORS = "errors"
    MEMORY = "memory"
    BACKLOG = "backlog"
    LOOP_LAG = "loop_lag"
    UNSERVED = "unserved"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"
    """Overload kept events from consumers that wanted every one."""
    RATE_LIMIT = "rate_limit"
    MAINTENANCE = "maintenance"


class AlertRule(Struct, frozen=True, kw_only=True):
    """When an alert is raised and cleared.

    Attributes:
        severity: how urgent.
        raise_at: the figure from which on it is raised.
        raise_for: seconds that the figure must stay there.
        clear_at: the figure up to which it is cleared.
        clear_for: seconds that the figure must stay there.
    """

    severity: AlertSeverity
    raise_at: float
    raise_for: float
    clear_at: float
    clear_for: float


def _rule(severity: AlertSeverity, raise_at: float, raise_for: float, clear_at: float, clear_for: float) -> AlertRule:
    return AlertRule(severity=severity, raise_at=raise_at, raise_for=raise_for, clear_at=clear_at, clear_for=clear_for)


def rules_for(limits: AlertLimits) -> dict[AlertKind, AlertRule]:
    """Return when each alert is raised and cleared; the limits are the configuration's, the rest is docs/health.md."""
    warning, critical = AlertSeverity.WARNING, AlertSeverity.CRITICAL
    losses, missing = limits.reconnecting_often, limits.unserved
    return {
        # What is back within two seconds is told by the reconnect count.
        AlertKind.CONNECTION_LOST: _rule(critical, limits.connection_lost, 0, 0, 5),
        AlertKind.RECONNECTING_OFTEN: _rule(warning, losses, 0, max(0, losses - 2), 0),
        AlertKind.SLOW: _rule(warning, limits.slow, 10, 0.75 * limits.slow, 30),
        AlertKind.LATE: _rule(warning, limits.late, 10, limits.late / 3, 30),
        AlertKind.ERRORS: _rule(warning, limits.errors, 0, 0.2 * limits.errors, 30),
        AlertKind.MEMORY: _rule(warning, limits.memory, 10, 0.9 * limits.memory, 30),
        AlertKind.BACKLOG: _rule(warning, limits.backlog, 5, 0.25 * limits.backlog, 10),
        AlertKind.LOOP_LAG: _rule(warning, limits.loop_lag, 3, 0.2 * limits.loop_lag, 10),
        AlertKind.UNSERVED: _rule(warning, missing, 10, missing - 1, 2),
        # 1 while put aside
        AlertKind.QUARANTINED: _rule(critical, 1, 0, 0, 0),
        # events of the last minute
        AlertKind.SKIPPED: _rule(warning, 1, 0, 0, 0),
        AlertKind.RATE_LIMIT: _rule(warning, limits.rate_limit, 5, limits.rate_limit / 0.9 * 0.7, 10),
        # 1 for a day, or until acknowledged
        AlertKind.MAINTENANCE: _rule(AlertSeverity.INFO, 1, 0, 0, 0),
    }


RULES: Mapping[AlertKind, AlertRule] = rules_for(AlertLimits())


class Condition(NamedTuple):
    """One figure that an alert may be about.

    Attributes:
        kind: of the alert.
        subject: what it is about, so that two components have two alerts; "" where the line says it all.
        ws_type: the line, or None.
        value: the figure; NaN where nothing is known now, which neither raises nor clears.
        text: what happened, in words.
    """

    kind: AlertKind
    subject: str
    ws_type: WebSocketType | None
    value: float
    text: str


class Alert(Struct, frozen=True, kw_only=True):
    """Something that a person should know.

    Attributes:
        alert_id: unique while the program runs.
        kind: what it is about.
        severity: how urgent.
        ws_type: the line it is about, None for the program.
        subject: the component or notice it is about, else "".
        message: in words, as of the last look that did not find the figure well.
        value: the figure, as of the same look.
        threshold: from which on it is raised.
        clear_at: up to which it is over.
        raised_at: seconds since 1970.
        cleared_at: seconds since 1970, None while it lasts.
        acknowledged: whether somebody said "seen".
    """

    alert_id: int
    kind: AlertKind
    severity: AlertSeverity
    ws_type: WebSocketType | None
    subject: str
    message: str
    value: float
    threshold: float
    clear_at: float
    raised_at: float
    cleared_at: float | None = None
    acknowledged: bool = False

    @property
    def is_active(self) -> bool:
        """Whether it still lasts."""
        return self.cleared_at is None


_Key = tuple[AlertKind, "WebSocketType | None", str]


class AlertStore:
    """All alerts: at most one that lasts for each matter, and the last 200 that are over.

    Attributes:
        suppressed: alerts of components and notices that were not raised because 500 alerts lasted already; the others
            are few by their nature, and always raised.
    """

    def __init__(self, rules: Mapping[AlertKind, AlertRule] = RULES) -> None:
        self._rules = rules
        self._active: dict[_Key, Alert] = {}
        self._cleared: deque[Alert] = deque(maxlen=CLEARED_KEPT)
        self._beyond: dict[_Key, float] = {}
        self._within: dict[_Key, float] = {}
        self._held_back: set[_Key] = set()
        self._next_id = 1
        self.suppressed = 0

    def evaluate(
        self, now: float, wall_clock: float, conditions: Iterable[Condition]
    ) -> tuple[list[Alert], list[Alert]]:
        """Weigh all figures at `now`; return what is newly raised and what is newly cleared.

        A matter that is not among the conditions any more counts as 0.
        """
        raised: list[Alert] = []
        seen: set[_Key] = set()
        cleared: list[Alert] = []
        for condition in conditions:
            key = (condition.kind, condition.ws_type, condition.subject)
            seen.add(key)
            if key in self._active:
                cleared += self._weigh_active(now, wall_clock, key, condition.value, condition.text)
            else:
                raised += self._weigh_quiet(now, wall_clock, key, condition)
        for key in self._active.keys() - seen:
            cleared += self._weigh_active(now, wall_clock, key, 0.0, None)
        for key in self._beyond.keys() - seen:
            del self._beyond[key]
        self._held_back &= seen
        return raised, cleared

    def _weigh_quiet(self, now: float, wall_clock: float, key: _Key, condition: Condition) -> list[Alert]:
        rule = self._rules[condition.kind]
        if not condition.value >= rule.raise_at:
            self._beyond.pop(key, None)
            self._held_back.discard(key)
            return []
        if now - self._beyond.setdefault(key, now) < rule.raise_for:
            return []
        if condition.subject and len(self._active) >= ACTIVE_KEPT:
            self.suppressed += key not in self._held_back
            self._held_back.add(key)
            return []
        del self._beyond[key]
        self._held_back.discard(key)
        alert = Alert(
            alert_id=self._next_id,
            kind=condition.kind,
            severity=rule.severity,
            ws_type=condition.ws_type,
            subject=condition.subject,
            message=condition.text,
            value=condition.value,
            threshold=rule.raise_at,
            clear_at=rule.clear_at,
            raised_at=wall_clock,
        )
        self._next_id += 1
        self._active[key] = alert
        return [alert]

    def _weigh_active(self, now: float, wall_clock: float, key: _Key, value: float, text: str | None) -> list[Alert]:
        rule = self._rules[key[0]]
        alert = self._active[key]
        if math.isnan(value):
            self._within.pop(key, None)
            return []
        if value > rule.clear_at:
            self._within.pop(key, None)
            message = alert.message if text is None else text
            self._active[key] = structs.replace(alert, value=value, message=message)
            return []
        if now - self._within.setdefault(key, now) < rule.clear_for:
            return []
        del self._within[key]
        over = structs.replace(self._active.pop(key), cleared_at=wall_clock)
        self._cleared.append(over)
        return [over]

    def acknowledge(self, alert_id: int) -> Alert | None:
        """Mark an alert as seen and return it; None where no such alert lasts."""
        for key, alert in self._active.items():
            if alert.alert_id == alert_id:
                self._active[key] = seen = structs.replace(alert, acknowledged=True)
                return seen
        return None

    def listed(self, *, cleared: bool = True) -> tuple[Alert, ...]:
        """Return the alerts that last, newest first, then (unless told not to) those that are over, newest first."""
        active = sorted(self._active.values(), key=lambda alert: -alert.alert_id)
        return (*active, *(reversed(self._cleared) if cleared else ()))


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
