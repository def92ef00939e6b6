"""The figures that programs and the monitor dock are shown: frozen, one object per look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.sketch import SketchSummary
from upbit_ws_qt.types import ConnectionState, Priority

if TYPE_CHECKING:
    from upbit_ws_qt.monitoring.readings import TaskReading
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["ComponentMetrics", "ConnectionMetrics", "PerformanceMetrics", "StreamMetrics"]


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

    @property
    def connection_type(self) -> WebSocketType:
        """Which line; another name for `ws_type`."""
        return self.ws_type


class ComponentMetrics(Struct, frozen=True, kw_only=True):
    """How one component does.

    Attributes:
        component_id: which.
        priority: the most urgent of its wishes.
        subscriptions: its streams.
        messages_per_second: callbacks made, over the last ten seconds.
        bytes_per_second: of the frames behind them.
        slot_share: share of the time that its callbacks took over the last ten seconds, by the clock.
        slot: seconds per callback since the start.
        received: events meant for it.
        delivered: callbacks made.
        conflated: events replaced by newer ones.
        skipped: those of the conflated that it wanted (Delivery.EVERY) and overload replaced.
        dropped: events its queue, or the line's inbox, gave up.
        failures: callbacks that raised.
        pending: events waiting for it.
        quarantined: whether it is put aside.
    """

    component_id: str
    priority: Priority = Priority.NORMAL
    subscriptions: int = 0
    messages_per_second: float = 0.0
    bytes_per_second: float = 0.0
    slot_share: float = 0.0
    slot: SketchSummary = SketchSummary()
    received: int = 0
    delivered: int = 0
    conflated: int = 0
    skipped: int = 0
    dropped: int = 0
    failures: int = 0
    pending: int = 0
    quarantined: bool = False


class StreamMetrics(Struct, frozen=True, kw_only=True):
    """How one stream does.

    Attributes:
        key: which.
        messages_per_second: averaged over about a minute.
        bytes_per_second: inflated, averaged over about a minute.
        events: since the start.
        last_event_age: seconds; None before the first.
    """

    key: StreamKey
    messages_per_second: float = 0.0
    bytes_per_second: float = 0.0
    events: int = 0
    last_event_age: float | None = None


class PerformanceMetrics(Struct, frozen=True, kw_only=True):
    """How the program does.

    Attributes:
        total_subscriptions: streams on all lines.
        messages_processed: events handed out.
        drain_failures: frames lost to a failure of this library while they were handed out.
        messages_per_second: frames received on all lines, over the last five seconds.
        average_latency: mean seconds from a frame's receipt to the return of its last callback, over the last minute;
            None where nothing was measured.
        error_rate: of all lines together, as in ConnectionMetrics.
        memory_usage: bytes, resident.
        uptime_seconds: since the monitor began.
        loop_lag: seconds that the loop is late: the mean of the three worst readings of the last ten seconds.
        loop_lag_p95: of the readings of the last five minutes.
        drain_backlog: frames waiting on all lines.
        backlog_seconds: how long they take at the present pace.
        cpu_share: cores in use by the process, averaged over about ten seconds.
        gc_pause: longest garbage collection of the last reading, in seconds.
        stages: seconds per frame from receipt to the end of each stage, since the start.
        stage_shares: share of a core (CPU time) that the work of each stage took over the last ten seconds or so.
        components: one for each.
        unserved: streams that were asked for and do not come.
        quarantined: components put aside.
        connections: one for each line that was ever read.
        tasks: the calls that are made every few seconds, and whether they still are.
        alerts_suppressed: alerts of components and notices that were not raised because 500 alerts lasted already.
    """

    total_subscriptions: int = 0
    messages_processed: int = 0
    drain_failures: int = 0
    messages_per_second: float = 0.0
    average_latency: float | None = None
    error_rate: float = 0.0
    memory_usage: int = 0
    uptime_seconds: float = 0.0
    loop_lag: float = 0.0
    loop_lag_p95: float = 0.0
    drain_backlog: int = 0
    backlog_seconds: float = 0.0
    cpu_share: float = 0.0
    gc_pause: float = 0.0
    stages: dict[str, SketchSummary] = {}
    stage_shares: dict[str, float] = {}
    components: tuple[ComponentMetrics, ...] = ()
    unserved: tuple[StreamKey, ...] = ()
    quarantined: tuple[str, ...] = ()
    connections: dict[WebSocketType, ConnectionMetrics] = {}
    tasks: tuple[TaskReading, ...] = ()
    alerts_suppressed: int = 0
