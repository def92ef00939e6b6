"""What each fact costs: the penalties of the health score, one function each. docs/health.md is their table."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.monitoring.health import (
    ConnectionHealth,
    Gauge,
    HealthLevel,
    HealthReason,
    HealthStatus,
    HealthTuning,
    ReasonKind,
    worst_level,
)
from upbit_ws_qt.monitoring.phrases import cause_of, duration, names_of
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from upbit_ws_qt.monitoring.line_metrics import LineMonitor
    from upbit_ws_qt.monitoring.program_metrics import ProgramMonitor
    from upbit_ws_qt.monitoring.stats import LineStats
    from upbit_ws_qt.types import WebSocketType

__all__ = ["HealthCheck", "ramp"]

_Point = tuple[float, float]
_Finding = tuple[ReasonKind, float, float, Phrase]
"""Kind, penalty, value, text."""

RTT_RAMP: tuple[_Point, ...] = ((0.15, 0), (0.4, 20), (1.5, 50))
LATE_RAMP: tuple[_Point, ...] = ((1, 0), (5, 25))
PONG_RAMP: tuple[_Point, ...] = ((2, 0), (10, 40))
SILENCE_RAMP: tuple[_Point, ...] = ((5, 0), (10, 40))
LOST_RAMP: tuple[_Point, ...] = ((0, 55), (30, 100))
LAG_RAMP: tuple[_Point, ...] = ((0.05, 0), (0.5, 30), (3, 60))
BACKLOG_RAMP: tuple[_Point, ...] = ((1, 0), (10, 40))
CPU_RAMP: tuple[_Point, ...] = ((0.9, 0), (1, 10))
ERROR_RAMP: tuple[_Point, ...] = ((0, 0), (0.1, 50))
DROP_RAMP: tuple[_Point, ...] = ((0, 0), (0.1, 40))
UNSERVED_RAMP: tuple[_Point, ...] = ((0, 0), (0.5, 15))
UNHEALED_RAMP: tuple[_Point, ...] = ((0, 2), (0.5, 10))
RECONNECT_POINTS = 7.0
RECONNECT_CAP = 45.0
QUARANTINE_POINTS = 10.0
QUARANTINE_CAP = 20.0
DIAL_GRACE = 10.0
SYNC_GRACE = 15.0
LATE_SAMPLES = 20
BUSY_SHARE = 0.95
MISSED_FRAMES = 30.0
NAMES_SHOWN = 3
LEAST_PENALTY = 0.5
"""Less than this is neither taken off nor told."""

_ACCUSATIONS = frozenset({ReasonKind.RTT, ReasonKind.LATE, ReasonKind.NO_PONG, ReasonKind.SILENT})
"""What our own lag can look like."""


def ramp(value: float, points: tuple[_Point, ...]) -> float:
    """Return the penalty at `value` on a line through `points`, flat before the first and after the last."""
    if value <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if value <= x1:
            return y0 + (y1 - y0) * (value - x0) / (x1 - x0)
    return points[-1][1]


class _Lacking(NamedTuple):
    """How many streams of a line lack something: data, or a part of the past."""

    unserved: int
    unhealed: int


class HealthCheck:
    """Turns watched figures into HealthStatus, remembering what hysteresis needs."""

    def __init__(self, tuning: HealthTuning) -> None:
        self._tuning = tuning
        self._lines: dict[WebSocketType, tuple[Gauge, dict[ReasonKind, float]]] = {}
        self._program = Gauge(tuning)

    def check(
        self,
        now: float,
        wall_clock: float,
        lines: Iterable[LineMonitor],
        program: ProgramMonitor,
        *,
        unserved: Mapping[WebSocketType, int],
        unhealed: Mapping[WebSocketType, int],
        quarantined: tuple[str, ...],
    ) -> HealthStatus:
        """Return the judgement at `now`."""
        withheld = program.worst_lag > self._tuning.lag_limit
        connections: dict[WebSocketType, ConnectionHealth] = {}
        for line in lines:
            if line.stats is not None:
                lacking = _Lacking(unserved.get(line.ws_type, 0), unhealed.get(line.ws_type, 0))
                connections[line.ws_type] = self._judge_line(now, line, line.stats, lacking, withheld=withheld)
        own = [
            _reason(finding, None) for finding in _program_findings(program, quarantined) if finding[1] >= LEAST_PENALTY
        ]
        self._program.move(now, _left(own))
        wanted = [health for health in connections.values() if health.level is not HealthLevel.IDLE]
        reasons = sorted((*own, *(r for health in wanted for r in health.reasons)), key=lambda r: -r.penalty)
        return HealthStatus(
            score=min([self._program.score, *(health.score for health in wanted)]),
            level=worst_level([self._program.level, *(health.level for health in wanted)], idle=not wanted),
            reasons=tuple(reasons),
            connections=connections,
            program_score=self._program.score,
            at=wall_clock,
        )

    def _judge_line(
        self, now: float, line: LineMonitor, stats: LineStats, lacking: _Lacking, *, withheld: bool
    ) -> ConnectionHealth:
        gauge, before = self._lines.setdefault(line.ws_type, (Gauge(self._tuning), {}))
        if not stats.wanted or stats.connection.state in (ConnectionState.DISCONNECTED, ConnectionState.STOPPED):
            gauge.rest()
            before.clear()
            return ConnectionHealth(ws_type=line.ws_type, state=stats.connection.state)
        reasons = []
        for kind, points, value, text in _line_findings(now, line, stats, lacking):
            penalty = min(points, before.get(kind, 0.0)) if withheld and kind in _ACCUSATIONS else points
            if penalty >= LEAST_PENALTY:
                reasons.append(_reason((kind, penalty, value, text), line.ws_type))
        before.clear()
        before.update((reason.kind, reason.penalty) for reason in reasons)
        reasons.sort(key=lambda reason: -reason.penalty)
        gauge.move(now, _left(reasons))
        return ConnectionHealth(
            ws_type=line.ws_type,
            score=gauge.score,
            level=gauge.level,
            state=stats.connection.state,
            reasons=tuple(reasons),
            withheld=withheld,
        )


def _reason(finding: _Finding, ws_type: WebSocketType | None) -> HealthReason:
    kind, penalty, value, text = finding
    return HealthReason(kind=kind, text=text, penalty=penalty, value=value, ws_type=ws_type)


def _left(reasons: Iterable[HealthReason]) -> float:
    return max(0.0, 100.0 - sum(reason.penalty for reason in reasons))


def _line_findings(now: float, line: LineMonitor, stats: LineStats, lacking: _Lacking) -> Iterator[_Finding]:
    yield from _state(now, line, stats)
    yield from _reconnects(now, line)
    yield from _errors(now, line)
    yield from _streams(stats.subscriptions.streams, lacking)
    if stats.connection.state is ConnectionState.CONNECTED:
        yield from _quality(now, line, stats)


def _streams(all_of_them: int, lacking: _Lacking) -> Iterator[_Finding]:
    if count := lacking.unserved:
        text = Phrase("{count} stream is not served" if count == 1 else "{count} streams are not served", count=count)
        yield (ReasonKind.UNSERVED, ramp(count / max(all_of_them, count), UNSERVED_RAMP), count, text)
    if count := lacking.unhealed:
        text = Phrase(
            "{count} stream has a gap that is not healed"
            if count == 1
            else "{count} streams have a gap that is not healed",
            count=count,
        )
        yield (ReasonKind.UNHEALED, ramp(count / max(all_of_them, count), UNHEALED_RAMP), count, text)


def _state(now: float, line: LineMonitor, stats: LineStats) -> Iterator[_Finding]:
    down = 0.0 if line.down_since is None else now - line.down_since
    if stats.connection.state is ConnectionState.FAILED:
        yield (ReasonKind.FAILED, 100.0, down, Phrase("given up: {cause}", cause=cause_of(stats.connection)))
    elif stats.connection.state is ConnectionState.RECONNECTING:
        causes = [cause_of(stats.connection)]
        if stats.connection.close_code is not None:
            causes.append(Phrase("close code {code}", code=stats.connection.close_code))
        if stats.connection.attempts:
            causes.append(Phrase("attempt {number}", number=stats.connection.attempts))
        text = Phrase("lost for {time}: {causes}", time=duration(down), causes=tuple(causes))
        yield (ReasonKind.LOST, ramp(down, LOST_RAMP), down, text)
    elif stats.connection.state is ConnectionState.CONNECTING:
        penalty = 15.0 if down <= DIAL_GRACE else ramp(down - DIAL_GRACE, LOST_RAMP)
        yield (ReasonKind.CONNECTING, penalty, down, Phrase("connecting for {time}", time=duration(down)))
    elif stats.connection.state is ConnectionState.SYNCING:
        penalty = 10.0 if down <= SYNC_GRACE else 30.0
        yield (ReasonKind.SYNCING, penalty, down, Phrase("subscriptions being proved"))


def _reconnects(now: float, line: LineMonitor) -> Iterator[_Finding]:
    count = line.reconnects.total(now)
    if count:
        penalty = min(RECONNECT_CAP, RECONNECT_POINTS * line.reconnects.faded(now))
        text = Phrase(
            "{count:.0f} reconnect in 10 min" if count == 1 else "{count:.0f} reconnects in 10 min", count=count
        )
        yield (ReasonKind.RECONNECTS, penalty, count, text)


def _errors(now: float, line: LineMonitor) -> Iterator[_Finding]:
    errors = line.errors.total(now)
    drops = line.drops.total(now)
    if not errors and not drops:
        return
    messages = line.messages_in_last_minute(now)
    # One ramp for both kinds, shared out by their counts, so that an error is not weighed twice.
    unreadable = min(errors, line.decode_errors.total(now))
    penalty = ramp(errors / messages, ERROR_RAMP)
    if unreadable:
        text = Phrase("{count:.0f} unreadable frames in 60 s", count=unreadable)
        yield (ReasonKind.UNREADABLE, penalty * unreadable / errors, unreadable, text)
    if errors > unreadable:
        others = errors - unreadable
        text = Phrase("{count:.0f} errors of the exchange in 60 s", count=others)
        yield (ReasonKind.ERRORS, penalty * others / errors, others, text)
    if drops:
        text = Phrase("{count:.0f} frames dropped in 60 s ({share:.1%})", count=drops, share=drops / messages)
        yield (ReasonKind.DROPS, ramp(drops / messages, DROP_RAMP), drops, text)


def _quality(now: float, line: LineMonitor, stats: LineStats) -> Iterator[_Finding]:
    rtt = line.judged_rtt(now)
    yield (ReasonKind.RTT, ramp(rtt, RTT_RAMP), rtt, Phrase("RTT p95 {time}", time=duration(rtt)))
    ages = line.age.sketch(now)
    if ages.count >= LATE_SAMPLES:
        age = ages.quantile(0.95)
        text = Phrase("data are {time} old on receipt (p95)", time=duration(age))
        yield (ReasonKind.LATE, ramp(age, LATE_RAMP), age, text)
    if stats.connection.ping_sent_at is not None:
        waiting = now - stats.connection.ping_sent_at
        text = Phrase("no pong for {time}", time=duration(waiting))
        yield (ReasonKind.NO_PONG, ramp(waiting, PONG_RAMP), waiting, text)
    silence = line.silence(now)
    if line.busy >= BUSY_SHARE and line.pace * silence >= MISSED_FRAMES:
        text = Phrase(
            "silent for {time} where {rate:.0f} messages a second are usual", time=duration(silence), rate=line.pace
        )
        yield (ReasonKind.SILENT, ramp(silence, SILENCE_RAMP), silence, text)


def _program_findings(program: ProgramMonitor, quarantined: tuple[str, ...]) -> Iterator[_Finding]:
    lag, behind, cpu = program.lag, program.backlog_seconds, program.cpu.value
    text = Phrase("own loop is {time} late", time=duration(lag))
    yield (ReasonKind.LOOP_LAG, ramp(lag, LAG_RAMP), lag, text)
    text = Phrase("{count} frames wait, {time} of work", count=program.pending, time=duration(behind))
    yield (ReasonKind.BACKLOG, ramp(behind, BACKLOG_RAMP), behind, text)
    yield (ReasonKind.CPU, ramp(cpu, CPU_RAMP), cpu, Phrase("{share:.0%} of a core in use", share=cpu))
    if quarantined:
        penalty = min(QUARANTINE_CAP, QUARANTINE_POINTS * len(quarantined))
        text = Phrase("put aside: {names}", names=names_of(quarantined, NAMES_SHOWN))
        yield (ReasonKind.QUARANTINED, penalty, len(quarantined), text)
