"""One line: the metrics that everybody is shown, and the windows over its stats that they are made of."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.monitoring.phrases import cause_of
from upbit_ws_qt.monitoring.windows import Counter, RecentMean, RecentSum, RollingSketch
from upbit_ws_qt.quantiles import SketchSummary
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.monitoring.stats import LineStats
    from upbit_ws_qt.monitoring.windows import ClockOffset

__all__ = ["ConnectionMetrics", "LineMonitor"]

RATE_SECONDS = 5.0
MINUTE = 60.0
SHOWN_SECONDS = 300.0
JUDGED_SECONDS = 120.0
RECONNECT_SECONDS = 600.0
FEW_MESSAGES = 100
"""A minute with fewer messages than this is taken to have had as many, so that one error is no storm."""

_AT_REST = frozenset({ConnectionState.CONNECTED, ConnectionState.DISCONNECTED, ConnectionState.STOPPED})


class ConnectionMetrics(Struct, frozen=True, kw_only=True):
    """How one line does.

    Attributes:
        ws_type: which line.
        state: of the line.
        is_connected: whether it is up and proved.
        connect_time: when it was proved, seconds since 1970; None while down.
        last_message_time: when the last data frame came, seconds since 1970; None before the first.
        last_message_age: seconds since then.
        last_pong_age: seconds since the last pong; None before the first.
        message_count: data frames since the start.
        messages_per_second: over the last five seconds.
        messages_per_second_lifetime: over the time it was connected.
        error_count: unreadable frames and errors from the exchange.
        error_rate: errors per message over the last minute (a minute with under 100 messages counts as 100).
        reconnect_count: losses that nobody asked for.
        gap_count: gap events: changes of line.
        lossy_gap_count: those behind which trades, orders or assets may be missing.
        bytes_received: on the wire.
        bytes_inflated: what they held.
        bytes_spared: by how much longer that would have been without SIMPLE names, estimated.
        bytes_per_second: on the wire, over the last five seconds.
        current_subscriptions: streams.
        live_subscriptions: those of them that are proved.
        unserved: streams that were asked for and do not come.
        uptime_seconds: of the present connection; 0 while down.
        connected_seconds: of all connections so far.
        health_score: 0 to 100; see docs/health.md.
        rtt_last: seconds, the loop's own lag taken off, as for all round trips; None before the first.
        rtt_average: over the last five minutes; None where there was none.
        rtt_p95: over the last five minutes.
        rtt_p99: over the last five minutes.
        event_age: seconds from the exchange's timestamp to receipt over the last minute, REALTIME only, clock offset
            taken off.
        clock_offset: seconds that our wall clock is estimated to be ahead of the exchange's.
        pending: frames waiting now.
        dropped: frames that the inbox gave up.
        sink_failures: frames lost on receipt to a failure of this library.
        duplicates: events recognised as such.
        conflated: events replaced by newer ones.
        stale: frames and events of older epochs, or older than what was delivered.
        epoch: now.
        attempts: dials since it was last up.
        next_attempt_in: seconds until it is dialled again; None where none is due.
        close_code: of the last close.
        close_cause: of the last close, as safe text.
        rate_budget_used: share of the minute's message budget.
        peer: address of the present line, "" where there was none yet.
        addresses_avoided: addresses of the host that failed lately and are dialled last.
        connects_left: dials that the exchange said were left in the second in which the present line was opened; None
            where it did not say.
        connect_group: the exchange's name for that budget; "origin" where something on the way adds an Origin header.
    """

    ws_type: WebSocketType
    state: ConnectionState = ConnectionState.DISCONNECTED
    is_connected: bool = False
    connect_time: float | None = None
    last_message_time: float | None = None
    last_message_age: float | None = None
    last_pong_age: float | None = None
    message_count: int = 0
    messages_per_second: float = 0.0
    messages_per_second_lifetime: float = 0.0
    error_count: int = 0
    error_rate: float = 0.0
    reconnect_count: int = 0
    gap_count: int = 0
    lossy_gap_count: int = 0
    bytes_received: int = 0
    bytes_inflated: int = 0
    bytes_spared: int = 0
    bytes_per_second: float = 0.0
    current_subscriptions: int = 0
    live_subscriptions: int = 0
    unserved: int = 0
    uptime_seconds: float = 0.0
    connected_seconds: float = 0.0
    health_score: float = 100.0
    rtt_last: float | None = None
    rtt_average: float | None = None
    rtt_p95: float | None = None
    rtt_p99: float | None = None
    event_age: SketchSummary = SketchSummary()
    clock_offset: float = 0.0
    pending: int = 0
    dropped: int = 0
    sink_failures: int = 0
    duplicates: int = 0
    conflated: int = 0
    stale: int = 0
    epoch: int = 0
    attempts: int = 0
    next_attempt_in: float | None = None
    close_code: int | None = None
    close_cause: str = ""
    rate_budget_used: float = 0.0
    peer: str = ""
    addresses_avoided: int = 0
    connects_left: int | None = None
    connect_group: str = ""

    @property
    def connection_type(self) -> WebSocketType:
        """Which line; another name for `ws_type`."""
        return self.ws_type


class LineMonitor:
    """Turns the stats of one line into rates, windows and percentiles.

    Attributes:
        stats: the last ones.
        down_since: loop clock of the loss, or of the first dial; None while up, and while nothing wants the line.
        rtt: round trips of the last two minutes of this epoch, as they are judged.
        age: event ages of the last minute.
        reconnects: losses within ten minutes.
        busy: share of the time (0 to 1) in which data came, before the present silence; 0 where not known.
        pace: frames a second before the present silence.
        fresh_ages: event ages of the last reading, the clock offset taken off; `fresh_rtt` its round trip, or None.
    """

    def __init__(self, ws_type: WebSocketType) -> None:
        self.ws_type = ws_type
        self.stats: LineStats | None = None
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
        self.fresh_ages: tuple[float, ...] = ()
        self.fresh_rtt: float | None = None
        self._shown_rtt = RollingSketch(SHOWN_SECONDS, parts=5)
        self._frames = Counter()
        self._wire = Counter()
        self._errors_counter = Counter()
        self._decode_errors_counter = Counter()
        self._losses = Counter()
        self._dropped = Counter()
        self._pongs = 0
        self._messages = RecentSum(MINUTE)
        self._rate_frames = RecentSum(RATE_SECONDS)
        self._rate_bytes = RecentSum(RATE_SECONDS)
        self._busy_mean = RecentMean(30.0)
        self._pace_mean = RecentMean(30.0)
        self._silent_for = 0.0
        self._connected_seconds = 0.0
        self._first: float | None = None
        self._last = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether the line is up and proved."""
        return self.stats is not None and self.stats.connection.state is ConnectionState.CONNECTED

    @property
    def connected_since(self) -> float | None:
        """Loop clock at which the present line was opened; None while it is not up."""
        return self.stats.connection.opened_at if self.stats is not None and self.is_connected else None

    def observe(self, now: float, stats: LineStats, offset: ClockOffset, *, trusted: bool) -> None:
        """Take in the stats of a moment; `trusted` is false while our own loop is late, when samples prove nothing."""
        before, connection = self.stats, stats.connection
        elapsed = now - self._last if before is not None else 0.0
        if before is None:
            self._first = now
        if connection.state in _AT_REST or not stats.wanted:
            self.down_since = None
        elif self.down_since is None:
            self.down_since = now
        if before is not None and before.connection.epoch != connection.epoch:
            self.rtt.clear()
        if self.is_connected:
            self._connected_seconds += elapsed
        self._last = now
        self.stats = stats
        frames = self._frames.advance(connection.carried.frames)
        self._rate_frames.add(now, frames)
        self._messages.add(now, frames)
        self._rate_bytes.add(now, self._wire.advance(connection.carried.bytes_wire))
        self.errors.add(now, self._errors_counter.advance(self._error_count(stats)))
        unreadable = stats.routing.decode_errors_on.get(self.ws_type, 0)
        self.decode_errors.add(now, self._decode_errors_counter.advance(unreadable))
        self.reconnects.add(now, self._losses.advance(connection.losses))
        self.drops.add(now, self._dropped.advance(connection.inbox.dropped))
        self._learn_pace(frames, elapsed, before)
        self._take_samples(now, stats, offset, trusted=trusted)

    def _error_count(self, stats: LineStats) -> int:
        """Return the unreadable messages and the errors that the exchange told so far; failed dials are none."""
        return stats.routing.decode_errors_on.get(self.ws_type, 0) + sum(stats.connection.refusals.values())

    def _learn_pace(self, frames: float, elapsed: float, before: LineStats | None) -> None:
        stats = self.stats
        if before is None or stats is None or self.ws_type is not WebSocketType.PUBLIC or elapsed <= 0:
            return
        if _what_flows(before) != _what_flows(stats):
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

    def _take_samples(self, now: float, stats: LineStats, offset: ClockOffset, *, trusted: bool) -> None:
        connection = stats.connection
        self.fresh_ages, self.fresh_rtt = (), None
        has_new_pong = connection.rtt.count not in (0, self._pongs)
        self._pongs = connection.rtt.count
        if has_new_pong and connection.rtt_last is not None:
            seconds = max(0.0, connection.rtt_last)
            self.rtt_last = seconds
            self._shown_rtt.add(now, seconds)
            offset.note_rtt(seconds)
            if trusted:
                self.rtt.add(now, seconds)
                self.fresh_rtt = seconds
        if stats.event_ages:
            offset.note_age(now, min(stats.event_ages))
            taken_off = offset.seconds
            if trusted:
                self.fresh_ages = tuple(max(0.0, age - taken_off) for age in stats.event_ages)
                for age in self.fresh_ages:
                    self.age.add(now, age)

    def messages_in_last_minute(self, now: float) -> float:
        """Return the messages that errors and losses are measured against: at least FEW_MESSAGES."""
        return max(self._messages.total(now), FEW_MESSAGES)

    def messages(self, now: float) -> float:
        """Return the frames of the last minute."""
        return self._messages.total(now)

    def silence(self, now: float) -> float:
        """Return for how long no data came on this connection, 0 where it is not connected."""
        since = self.connected_since
        if since is None or self.stats is None:
            return 0.0
        return max(0.0, now - max(since, self.stats.connection.last_frame_at or since))

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
        self, now: float, wall_minus_loop: float, *, score: float, unserved: int, offset: float, spared: int
    ) -> ConnectionMetrics:
        """Return everything at `now`."""
        stats = self.stats
        if stats is None:
            return ConnectionMetrics(ws_type=self.ws_type)
        connection, subscriptions, routing = stats.connection, stats.subscriptions, stats.routing
        shown = self._shown_rtt.sketch(now)
        p95, p99 = shown.quantiles(0.95, 0.99) if shown.count else (None, None)
        per_second, bytes_per_second = self.rates(now)
        since, frame_at, attempt_at = self.connected_since, connection.last_frame_at, connection.next_attempt_at
        budget = connection.carried.connect_budget
        held = routing.superseded if self.ws_type is WebSocketType.PUBLIC else 0
        return ConnectionMetrics(
            ws_type=self.ws_type,
            state=connection.state,
            is_connected=self.is_connected,
            connect_time=None if since is None else since + wall_minus_loop,
            last_message_time=None if frame_at is None else frame_at + wall_minus_loop,
            last_message_age=_age(now, frame_at),
            last_pong_age=_age(now, connection.last_pong_at),
            message_count=connection.carried.frames,
            messages_per_second=per_second,
            messages_per_second_lifetime=connection.carried.frames / (self._connected_seconds or math.inf),
            error_count=self._error_count(stats),
            error_rate=self.errors.total(now) / self.messages_in_last_minute(now),
            reconnect_count=connection.losses,
            gap_count=connection.gaps,
            lossy_gap_count=connection.lossy_gaps,
            bytes_received=connection.carried.bytes_wire,
            bytes_inflated=connection.carried.bytes_inflated,
            bytes_spared=spared,
            bytes_per_second=bytes_per_second,
            current_subscriptions=subscriptions.streams,
            live_subscriptions=subscriptions.live,
            unserved=unserved,
            uptime_seconds=0.0 if since is None else now - since,
            connected_seconds=self._connected_seconds,
            health_score=score,
            rtt_last=self.rtt_last,
            rtt_average=shown.mean if shown.count else None,
            rtt_p95=p95,
            rtt_p99=p99,
            event_age=self.age.sketch(now).summary(),
            clock_offset=offset,
            pending=connection.inbox.waiting,
            dropped=connection.inbox.dropped,
            sink_failures=connection.carried.sink_failures,
            duplicates=routing.duplicates_on.get(self.ws_type, 0),
            conflated=connection.inbox.superseded + held,
            stale=connection.inbox.stale + routing.stale_on.get(self.ws_type, 0),
            epoch=connection.epoch,
            attempts=connection.attempts,
            next_attempt_in=None if attempt_at is None else max(0.0, attempt_at - now),
            close_code=connection.close_code,
            close_cause=cause_of(connection) if connection.close_cause else "",
            rate_budget_used=subscriptions.budget_used,
            peer=connection.carried.peer,
            addresses_avoided=connection.addresses_avoided,
            connects_left=None if budget is None else budget.left,
            connect_group="" if budget is None else budget.group,
        )


def _what_flows(stats: LineStats) -> tuple[int, ...]:
    """Return what changes when other streams are asked for, or come on another line."""
    subscriptions = stats.subscriptions
    return subscriptions.requests + subscriptions.lists, subscriptions.streams, stats.connection.epoch


def _age(now: float, at: float | None) -> float | None:
    return None if at is None else max(0.0, now - at)
