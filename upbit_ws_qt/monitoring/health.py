"""How well things go: a score with reasons in words, and a level that does not flicker (docs/health.md)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.types import WebSocketType

__all__ = [
    "ConnectionHealth",
    "Gauge",
    "HealthLevel",
    "HealthReason",
    "HealthStatus",
    "HealthTuning",
    "ReasonKind",
    "level_of",
    "worst_level",
]

GOOD_FROM = 80.0
WARN_FROM = 50.0
_SNAP = 0.25
"""A score this close to where it is going is there."""


class HealthLevel(StrEnum):
    """A score in one word."""

    GOOD = "good"
    """80 and more."""
    WARN = "warn"
    """50 to 79."""
    BAD = "bad"
    """Under 50."""
    IDLE = "idle"
    """Nothing wants it; not judged."""


class ReasonKind(StrEnum):
    """What a score was lowered for; for translations and for programs that act on it."""

    LOST = "lost"
    FAILED = "failed"
    CONNECTING = "connecting"
    SYNCING = "syncing"
    RECONNECTS = "reconnects"
    RTT = "rtt"
    LATE = "late"
    NO_PONG = "no_pong"
    SILENT = "silent"
    UNREADABLE = "unreadable"
    ERRORS = "errors"
    DROPS = "drops"
    UNSERVED = "unserved"
    UNHEALED = "unhealed"
    LOOP_LAG = "loop_lag"
    BACKLOG = "backlog"
    QUARANTINED = "quarantined"
    CPU = "cpu"


class HealthReason(Struct, frozen=True, kw_only=True):
    """One thing that lowers a score.

    Attributes:
        kind: what.
        text: in words, with its figure.
        penalty: points taken off.
        value: the figure, in seconds, counts or shares.
        ws_type: the line it is about, None for the program.
    """

    kind: ReasonKind
    text: str
    penalty: float
    value: float = 0.0
    ws_type: WebSocketType | None = None

    def __str__(self) -> str:
        return self.text if self.ws_type is None else f"{self.ws_type.value}: {self.text}"


class ConnectionHealth(Struct, frozen=True, kw_only=True):
    """How one line is judged.

    Attributes:
        ws_type: which.
        score: 0 to 100.
        level: the score in one word, with hysteresis.
        state: of the line.
        reasons: what lowers the score, the heaviest first.
        withheld: whether RTT, age and silence are not judged because our own loop is late.
    """

    ws_type: WebSocketType
    score: float = 100.0
    level: HealthLevel = HealthLevel.IDLE
    state: ConnectionState = ConnectionState.DISCONNECTED
    reasons: tuple[HealthReason, ...] = ()
    withheld: bool = False


class HealthStatus(Struct, frozen=True, kw_only=True):
    """How everything is judged.

    Attributes:
        score: 0 to 100: the lowest of the program's own and of every wanted line's.
        level: in one word.
        reasons: of the program and all wanted lines, the heaviest first.
        connections: one for each line.
        program_score: of the program alone: lag, backlog, components.
        at: seconds since 1970.
    """

    score: float = 100.0
    level: HealthLevel = HealthLevel.IDLE
    reasons: tuple[HealthReason, ...] = ()
    connections: dict[WebSocketType, ConnectionHealth] = {}
    program_score: float = 100.0
    at: float = 0.0

    @property
    def is_healthy(self) -> bool:
        """Whether nothing needs anybody's attention."""
        return self.level in (HealthLevel.GOOD, HealthLevel.IDLE)


@dataclass(frozen=True, slots=True)
class HealthTuning:
    """How quickly a judgement follows the facts.

    Attributes:
        recovery_hold: seconds that a score must stay in a better level before the level follows.
        rise_seconds: time in which a score makes up 63 % of what it lost.
        lag_limit: seconds of our own loop's lag from which on lines are not accused.
    """

    recovery_hold: float = 30.0
    rise_seconds: float = 10.0
    lag_limit: float = 0.25


def level_of(score: float) -> HealthLevel:
    """Return the level of a score, without hysteresis."""
    if score >= GOOD_FROM:
        return HealthLevel.GOOD
    return HealthLevel.WARN if score >= WARN_FROM else HealthLevel.BAD


_WORSE = {HealthLevel.IDLE: 0, HealthLevel.GOOD: 0, HealthLevel.WARN: 1, HealthLevel.BAD: 2}


def worst_level(levels: Iterable[HealthLevel], *, idle: bool) -> HealthLevel:
    """Return the worst of `levels`; where that is good and everything is `idle`, IDLE."""
    worst = max(levels, key=_WORSE.__getitem__)
    return HealthLevel.IDLE if idle and not _WORSE[worst] else worst


class Gauge:
    """A score that falls at once and rises slowly, with a level that gets worse at once and better after a while.

    Attributes:
        score: 0 to 100.
        level: in one word.
    """

    def __init__(self, tuning: HealthTuning) -> None:
        self._tuning = tuning
        self.score = 100.0
        self.level = HealthLevel.IDLE
        self._since: dict[HealthLevel, float] = {}
        self._last: float | None = None

    def rest(self) -> None:
        """Stop judging: nothing wants what is judged."""
        self.score = 100.0
        self.level = HealthLevel.IDLE
        self._since.clear()
        self._last = None

    def move(self, now: float, target: float) -> None:
        """Follow the facts, which are worth `target` points."""
        if target <= self.score or self._last is None:
            self.score = target
        else:
            share = 1 - math.exp(-(now - self._last) / self._tuning.rise_seconds)
            self.score += (target - self.score) * share
            if target - self.score < _SNAP:
                self.score = target
        self._last = now
        reached = level_of(self.score)
        for level in (HealthLevel.GOOD, HealthLevel.WARN):
            if _WORSE[reached] <= _WORSE[level]:
                self._since.setdefault(level, now)
            else:
                self._since.pop(level, None)
        held = [level for level, since in self._since.items() if now - since >= self._tuning.recovery_hold]
        if self.level is HealthLevel.IDLE or _WORSE[reached] > _WORSE[self.level]:
            self.level = reached
        else:
            self.level = min((self.level, *held), key=_WORSE.__getitem__)
