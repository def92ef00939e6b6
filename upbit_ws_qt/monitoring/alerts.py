"""Alerts: raised once when a figure stays beyond its threshold, cleared when it stays well within it."""

from __future__ import annotations

import math
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct, structs

from upbit_ws_qt.config import AlertLimits

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.types import WebSocketType

__all__ = ["RULES", "Alert", "AlertBook", "AlertKind", "AlertRule", "AlertSeverity", "Condition", "rules_for"]

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


class AlertBook:
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
