"""A simulated program for the monitor: lines that send, fail and come back, in simulated seconds."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tests.frames import DEFAULT_FRAMES
from upbit_ws_qt.connection import ConnectionFigures, InboxFigures, SocketFigures
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.monitoring.monitor import AlertRaised, Change, Monitor
from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats
from upbit_ws_qt.quantiles import SketchSummary
from upbit_ws_qt.routing import RoutingStatistics, StreamStats
from upbit_ws_qt.subscriptions import SubscriptionStatistics
from upbit_ws_qt.subscriptions.endpoint_memory import SplitTrust
from upbit_ws_qt.types import ConnectionState, DataFormat, WebSocketType
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from typing import Any

    from upbit_ws_qt.streams import StreamKey

WALL = 1_795_000_000.0
PING_EVERY = 20.0


_pongs = itertools.count(1)
_EVENT = decode(DEFAULT_FRAMES[0])[0]


def line_stats(
    ws_type: WebSocketType = WebSocketType.PUBLIC,
    state: ConnectionState = ConnectionState.CONNECTED,
    *,
    rtt: float | None = None,
    **told: Any,
) -> LineStats:
    """Return what the rooms would tell of a line.

    Args:
        ws_type: which.
        state: of its connection.
        rtt: seconds of a round trip that came since the last reading.
        told: what else is not as of a line that does nothing, by the names of ConnectionMetrics where they differ.
    """
    errors, decode_errors = told.pop("errors", 0), told.pop("decode_errors", 0)
    connection = ConnectionFigures(
        ws_type=ws_type,
        state=state,
        epoch=told.pop("epoch", 0),
        dials=0,
        connects=0,
        losses=told.pop("reconnects", 0),
        rotations=0,
        failed_rotations=0,
        attempts=told.pop("attempts", 0),
        failures={},
        refusals={"INVALID_PARAM": errors - decode_errors},
        opened_at=told.pop("connected_since", None),
        next_attempt_at=told.pop("next_attempt_at", None),
        last_frame_at=told.pop("last_message_at", None),
        last_pong_at=told.pop("last_pong_at", None),
        ping_sent_at=told.pop("ping_sent_at", None),
        carried=SocketFigures(
            frames=told.pop("frames", 0),
            bytes_wire=told.pop("bytes_wire", 0),
            bytes_inflated=told.pop("bytes_inflated", 0),
            sink_failures=told.pop("sink_failures", 0),
            peer=told.pop("peer", ""),
            connect_budget=told.pop("connect_budget", None),
        ),
        rtt_last=rtt,
        rtt=SketchSummary(count=0 if rtt is None else next(_pongs)),
        inbox=InboxFigures(
            waiting=told.pop("pending", 0),
            dropped=told.pop("dropped", 0),
            superseded=told.pop("conflated", 0),
            stale=told.pop("stale", 0),
        ),
        limiter=None,
        gaps=told.pop("gaps", 0),
        lossy_gaps=told.pop("lossy_gaps", 0),
        close_code=told.pop("close_code", None),
        close_cause=told.pop("close_cause", ""),
        addresses_avoided=told.pop("addresses_avoided", 0),
    )
    subscriptions = SubscriptionStatistics(
        ws_type=ws_type,
        wishes=0,
        streams=told.pop("current_subscriptions", 0),
        live=told.pop("live_subscriptions", 0),
        unserved=(),
        quarantined=(),
        conflicts=(),
        requests=told.pop("requests", 0),
        lists=0,
        bytes_sent=0,
        snapshots=0,
        changes=0,
        cancelled=0,
        repairs=0,
        rejections=0,
        refusals=0,
        lists_unanswered=0,
        stray_errors=0,
        efficiency_score=100.0,
        budget_used=told.pop("rate_budget_used", 0.0),
        split=SplitTrust.UNKNOWN,
        restores=0,
        last_restore=None,
        restored=told.pop("restored", 0),
        restorable=told.pop("restorable", 0),
        data_format=DataFormat.DEFAULT,
        format_reason="",
        format_savings=None,
    )
    routing = RoutingStatistics(
        decode_errors_on={ws_type: decode_errors}, duplicates_on={ws_type: told.pop("duplicates", 0)}
    )
    return LineStats(connection=connection, subscriptions=subscriptions, routing=routing, **told)


def stream_stats(
    key: StreamKey, events: int = 0, size: float = 0.0, *, last_event_at: float | None = None, depth: int = 0
) -> StreamStats:
    """Return what routing would tell of a stream whose messages have `size` bytes."""
    assert isinstance(_EVENT, BaseWebSocketEvent)
    latest = None if last_event_at is None else replace(_EVENT, received_at=last_event_at)
    return StreamStats(key, events, size, latest, depth, ())


def observe_streams(monitor: Monitor, now: float, *streams: StreamStats, **told: Any) -> list[Change]:
    """Have a monitor observe one moment in which all streams have been gone through."""
    monitor.streams.look(now, streams)
    return monitor.observe(now, ProgramStats(has_streams=True, **told))


@dataclass
class Line:
    """One line; a test sets what goes wrong with it.

    `rate` is in frames a second, `rtt` in seconds; a black hole takes everything and gives nothing.
    """

    ws_type: WebSocketType = WebSocketType.PUBLIC
    rate: float = 50.0
    rtt: float = 0.04
    age: float = 0.03
    state: ConnectionState = ConnectionState.CONNECTED
    black_hole: bool = False
    error_share: float = 0.0
    unreadable_share: float = 0.0
    drop_share: float = 0.0
    pending: int = 0
    wanted: bool = True
    close_cause: str = ""
    close_code: int | None = None
    epoch: int = 1
    reconnects: int = 0
    frames: int = 0
    errors: int = 0
    decode_errors: int = 0
    dropped: int = 0
    attempts: int = 0
    inbox_wait: float = 0.0
    connected_since: float | None = 0.0
    last_message_at: float | None = None
    last_pong_at: float | None = None
    ping_sent_at: float | None = None
    next_ping: float = 1.0
    requests: int = 1
    rate_budget_used: float = 0.0
    subscriptions: int = 20

    def lose(self, cause: str, code: int | None = 1006) -> None:
        """Lose the line."""
        self.state = ConnectionState.RECONNECTING
        self.close_cause, self.close_code = cause, code
        self.reconnects += 1
        self.connected_since = self.ping_sent_at = None

    def restore(self, now: float) -> None:
        """Bring it back in a new epoch."""
        self.state = ConnectionState.CONNECTED
        self.epoch += 1
        self.connected_since = now
        self.next_ping = now + 1
        self.attempts = 0

    def read(self, now: float, rng: random.Random, step: float) -> LineStats:
        """Live for `step` seconds up to `now` and return the counters."""
        rtt: float | None = None
        ages: tuple[float, ...] = ()
        if self.state is ConnectionState.CONNECTED:
            frames = 0 if self.black_hole else _poisson(rng, self.rate * step)
            self.frames += frames
            if frames:
                self.last_message_at = now - min(step, rng.expovariate(max(self.rate, 0.01))) * 0.5
                ages = tuple(max(0.0, rng.gauss(self.age, self.age / 5)) for _ in range(min(frames, 20)))
            unreadable = round(frames * self.unreadable_share)
            self.decode_errors += unreadable
            self.errors += unreadable + round(frames * self.error_share)
            self.dropped += round(frames * self.drop_share)
            rtt = self._ping(now, rng)
        return line_stats(
            ws_type=self.ws_type,
            state=self.state,
            wanted=self.wanted,
            epoch=self.epoch,
            connected_since=self.connected_since,
            last_message_at=self.last_message_at,
            last_pong_at=self.last_pong_at,
            ping_sent_at=self.ping_sent_at,
            attempts=self.attempts,
            close_code=self.close_code,
            close_cause=self.close_cause,
            frames=self.frames,
            bytes_wire=self.frames * 300,
            bytes_inflated=self.frames * 900,
            rtt=rtt,
            event_ages=ages,
            errors=self.errors,
            decode_errors=self.decode_errors,
            reconnects=self.reconnects,
            pending=self.pending,
            inbox_wait=self.inbox_wait,
            dropped=self.dropped,
            current_subscriptions=self.subscriptions,
            requests=self.requests,
            rate_budget_used=self.rate_budget_used,
        )

    def _ping(self, now: float, rng: random.Random) -> float | None:
        if self.ping_sent_at is None and now >= self.next_ping:
            self.next_ping = now + PING_EVERY
            self.ping_sent_at = now
        if self.ping_sent_at is not None and not self.black_hole and now - self.ping_sent_at + 1 > self.rtt:
            self.ping_sent_at = None
            self.last_pong_at = now
            return max(0.001, rng.gauss(self.rtt, self.rtt / 10))
        return None


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(rng.gauss(mean, mean**0.5)))
    count, left = 0, rng.expovariate(1.0)
    while left < mean:
        count += 1
        left += rng.expovariate(1.0)
    return count


@dataclass
class World:
    """A program with some lines, run by simulated seconds."""

    monitor: Monitor
    lines: list[Line]
    seed: int = 1
    step: float = 1.0
    now: float = 0.0
    loop_lag: float = 0.001
    memory: int = 200 * 1024**2
    extra: dict[str, object] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    flips: int = 0
    lowest: float = 100.0
    worst_reason: str = ""
    kinds: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def run(self, seconds: float) -> None:
        """Let time pass, watching how often the overall level leaves good, and why."""
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += self.step
            before = self.monitor.health_status()
            readings = ProgramStats(
                lines=tuple(line.read(self.now, self._rng, self.step) for line in self.lines),
                wall_clock=WALL + self.now,
                loop_lag=self.loop_lag,
                memory_bytes=self.memory,
                **self.extra,  # type: ignore[arg-type]  # each test passes fields of ProgramStats
            )
            self.changes += self.monitor.observe(self.now, readings)
            health = self.monitor.health_status()
            self.flips += before.is_healthy and not health.is_healthy
            if health.score < self.lowest and health.reasons:
                self.worst_reason = health.reasons[0].kind.value
            self.lowest = min(self.lowest, health.score)
            self.kinds |= {reason.kind.value for reason in health.reasons}

    @property
    def raised(self) -> list[str]:
        """The kinds of the alerts raised so far, in order."""
        return [change.alert.kind.value for change in self.changes if isinstance(change, AlertRaised)]
