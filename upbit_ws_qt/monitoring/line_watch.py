"""One line's figures, kept from reading to reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from upbit_ws_qt.monitoring.metrics import ConnectionMetrics
from upbit_ws_qt.monitoring.phrases import cause_of
from upbit_ws_qt.monitoring.windows import Counter, RecentMean, RecentSum, RollingSketch
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.monitoring.readings import ConnectionReading
    from upbit_ws_qt.monitoring.windows import ClockOffset

__all__ = ["LineWatch"]

RATE_SECONDS = 5.0
MINUTE = 60.0
SHOWN_SECONDS = 300.0
JUDGED_SECONDS = 120.0
RECONNECT_SECONDS = 600.0
FEW_MESSAGES = 100
"""A minute with fewer messages than this is taken to have had as many, so that one error is no storm."""

_AT_REST = frozenset({ConnectionState.CONNECTED, ConnectionState.DISCONNECTED, ConnectionState.STOPPED})


class LineWatch:
    """Turns the counters of one line into rates, windows and percentiles.

    Attributes:
        reading: the last one.
        down_since: loop clock of the loss, or of the first dial; None while up, and while nothing wants the line.
        rtt: round trips of the last two minutes of this epoch, as they are judged.
        age: event ages of the last minute.
        reconnects: losses within ten minutes.
        busy: share of the time (0 to 1) in which data came, before the present silence; 0 where not known.
        pace: frames a second before the present silence.
    """

    def __init__(self, ws_type: WebSocketType) -> None:
        self.ws_type = ws_type
        self.reading: ConnectionReading | None = None
        self.down_since: float | None = None
        self.rtt = RollingSketch(JUDGED_SECONDS)
        self.age = RollingSketch(MINUTE)
        self.reconnects = RecentSum(RECONNECT_SECONDS)
        self.errors = RecentSum(MINUTE)
        self.decode_errors = RecentSum(MINUTE)
        self.drops = RecentSum(MINUTE)
        self.busy = 0.0
        self.pace = 0.0
        self.rtt_last: float | None = None
        self._shown_rtt = RollingSketch(SHOWN_SECONDS, parts=5)
        self._frames = Counter()
        self._wire = Counter()
        self._counters = {
            name: (Counter(), window)
            for name, window in (
                ("errors", self.errors),
                ("decode_errors", self.decode_errors),
                ("reconnects", self.reconnects),
                ("dropped", self.drops),
            )
        }
        self._messages = RecentSum(MINUTE)
        self._rate_frames = RecentSum(RATE_SECONDS)
        self._rate_bytes = RecentSum(RATE_SECONDS)
        self._busy_mean = RecentMean(30.0)
        self._pace_mean = RecentMean(30.0)
        self._silent_for = 0.0
        self._connected_seconds = 0.0
        self._first: float | None = None
        self._last = 0.0

    def observe(self, now: float, reading: ConnectionReading, offset: ClockOffset, *, trusted: bool) -> None:
        """Take in one reading; `trusted` is false while our own loop is late, when its samples prove nothing."""
        before = self.reading
        elapsed = now - self._last if before is not None else 0.0
        if before is None:
            self._first = now
        if reading.state in _AT_REST or not reading.wanted:
            self.down_since = None
        elif self.down_since is None:
            self.down_since = now
        if before is not None and before.epoch != reading.epoch:
            self.rtt.clear()
        if before is not None and before.state is ConnectionState.CONNECTED:
            self._connected_seconds += elapsed
        self._last = now
        self.reading = reading
        frames = self._frames.advance(reading.frames)
        self._rate_frames.add(now, frames)
        self._messages.add(now, frames)
        self._rate_bytes.add(now, self._wire.advance(reading.bytes_wire))
        for name, (counter, window) in self._counters.items():
            window.add(now, counter.advance(getattr(reading, name)))
        self._learn_pace(frames, elapsed, before)
        self._take_samples(now, reading, offset, trusted=trusted)

    def _learn_pace(self, frames: float, elapsed: float, before: ConnectionReading | None) -> None:
        reading = self.reading
        if before is None or reading is None or reading.ws_type is not WebSocketType.PUBLIC or elapsed <= 0:
            return
        if (before.requests, before.epoch, before.current_subscriptions) != (
            reading.requests,
            reading.epoch,
            reading.current_subscriptions,
        ):
            # Other streams have another pace: what was learnt from the old ones would accuse the new ones.
            self._busy_mean = RecentMean(30.0)
            self._pace_mean = RecentMean(30.0)
            self.busy = self.pace = self._silent_for = 0.0
            return
        if not frames:
            self._silent_for += elapsed
            return
        if self._silent_for:
            self._busy_mean.add(0.0, self._silent_for)
            self._pace_mean.add(0.0, self._silent_for)
            self._silent_for = 0.0
        self.busy = self._busy_mean.add(1.0, elapsed)
        self.pace = self._pace_mean.add(frames / elapsed, elapsed)

    def _take_samples(self, now: float, reading: ConnectionReading, offset: ClockOffset, *, trusted: bool) -> None:
        for sample in reading.rtt_samples:
            seconds = max(0.0, sample.seconds - sample.lag)
            self.rtt_last = seconds
            self._shown_rtt.add(now, seconds)
            offset.note_rtt(seconds)
            if trusted:
                self.rtt.add(now, seconds)
        if reading.event_ages:
            offset.note_age(now, min(reading.event_ages))
            taken_off = offset.seconds
            if trusted:
                for age in reading.event_ages:
                    self.age.add(now, max(0.0, age - taken_off))

    def messages_in_last_minute(self, now: float) -> float:
        """Return the messages that errors and losses are measured against: at least FEW_MESSAGES."""
        return max(self._messages.total(now), FEW_MESSAGES)

    def messages(self, now: float) -> float:
        """Return the frames of the last minute."""
        return self._messages.total(now)

    def silence(self, now: float) -> float:
        """Return for how long no data came on this connection, 0 where it is not connected."""
        reading = self.reading
        if reading is None or reading.connected_since is None:
            return 0.0
        return max(0.0, now - max(reading.connected_since, reading.last_message_at or reading.connected_since))

    def judged_rtt(self, now: float) -> float:
        """Return the round trip that counts: the p95; 0 where fewer than two samples are known.

        With few samples that is the second slowest: one slow ping is no slow line.
        """
        sketch = self.rtt.sketch(now)
        return sketch.quantile(0.95) if sketch.count > 1 else 0.0

    def rates(self, now: float) -> tuple[float, float]:
        """Return messages and bytes on the wire per second over the last five seconds."""
        begun = self._first if self._first is not None else now
        seconds = min(RATE_SECONDS, max(1.0, now - begun))
        return self._rate_frames.total(now) / seconds, self._rate_bytes.total(now) / seconds

    def metrics(
        self, now: float, wall_minus_loop: float, *, score: float, unserved: int, offset: float
    ) -> ConnectionMetrics:
        """Return the figures at `now`."""
        reading = self.reading
        if reading is None:
            return ConnectionMetrics(ws_type=self.ws_type)
        shown = self._shown_rtt.sketch(now)
        p95, p99 = shown.quantiles(0.95, 0.99) if shown.count else (None, None)
        per_second, bytes_per_second = self.rates(now)
        since = reading.connected_since if reading.state is ConnectionState.CONNECTED else None
        return replace(
            _standing(now, wall_minus_loop, reading),
            messages_per_second=per_second,
            messages_per_second_lifetime=reading.frames / self._connected_seconds if self._connected_seconds else 0.0,
            error_rate=self.errors.total(now) / self.messages_in_last_minute(now),
            bytes_per_second=bytes_per_second,
            unserved=unserved,
            connect_time=None if since is None else since + wall_minus_loop,
            uptime_seconds=0.0 if since is None else now - since,
            connected_seconds=self._connected_seconds,
            health_score=score,
            rtt_last=self.rtt_last,
            rtt_average=shown.mean if shown.count else None,
            rtt_p95=p95,
            rtt_p99=p99,
            event_age=self.age.sketch(now).summary(),
            clock_offset=offset,
        )


def _standing(now: float, wall_minus_loop: float, reading: ConnectionReading) -> ConnectionMetrics:
    """Return what a reading says by itself."""
    message_at, attempt_at = reading.last_message_at, reading.next_attempt_at
    return ConnectionMetrics(
        ws_type=reading.ws_type,
        state=reading.state,
        is_connected=reading.state is ConnectionState.CONNECTED,
        last_message_time=None if message_at is None else message_at + wall_minus_loop,
        last_message_age=_age(now, message_at),
        last_pong_age=_age(now, reading.last_pong_at),
        message_count=reading.frames,
        error_count=reading.errors,
        reconnect_count=reading.reconnects,
        gap_count=reading.gaps,
        lossy_gap_count=reading.lossy_gaps,
        bytes_received=reading.bytes_wire,
        bytes_inflated=reading.bytes_inflated,
        bytes_spared=reading.bytes_spared,
        current_subscriptions=reading.current_subscriptions,
        live_subscriptions=reading.live_subscriptions,
        pending=reading.pending,
        dropped=reading.dropped,
        sink_failures=reading.sink_failures,
        duplicates=reading.duplicates,
        conflated=reading.conflated,
        stale=reading.stale,
        epoch=reading.epoch,
        attempts=reading.attempts,
        next_attempt_in=None if attempt_at is None else max(0.0, attempt_at - now),
        close_code=reading.close_code,
        close_cause=cause_of(reading) if reading.close_cause else "",
        rate_budget_used=reading.rate_budget_used,
    )


def _age(now: float, at: float | None) -> float | None:
    return None if at is None else max(0.0, now - at)
