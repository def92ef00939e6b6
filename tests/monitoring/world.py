"""A simulated program for the monitor: lines that send, fail and come back, in simulated seconds."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from upbit_ws_qt.monitoring.monitor import AlertRaised, Change, Monitor
from upbit_ws_qt.monitoring.readings import ConnectionReading, Readings, RttSample
from upbit_ws_qt.types import ConnectionState, WebSocketType

WALL = 1_795_000_000.0
PING_EVERY = 20.0


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

    def read(self, now: float, rng: random.Random, step: float) -> ConnectionReading:
        """Live for `step` seconds up to `now` and return the counters."""
        rtts: tuple[RttSample, ...] = ()
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
            rtts = self._ping(now, rng)
        return ConnectionReading(
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
            rtt_samples=rtts,
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

    def _ping(self, now: float, rng: random.Random) -> tuple[RttSample, ...]:
        if self.ping_sent_at is None and now >= self.next_ping:
            self.next_ping = now + PING_EVERY
            self.ping_sent_at = now
        if self.ping_sent_at is not None and not self.black_hole and now - self.ping_sent_at + 1 > self.rtt:
            self.ping_sent_at = None
            self.last_pong_at = now
            return (RttSample(max(0.001, rng.gauss(self.rtt, self.rtt / 10))),)
        return ()


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
            readings = Readings(
                connections=tuple(line.read(self.now, self._rng, self.step) for line in self.lines),
                wall_clock=WALL + self.now,
                loop_lag=self.loop_lag,
                memory_bytes=self.memory,
                **self.extra,  # type: ignore[arg-type]  # each test passes fields of Readings
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
