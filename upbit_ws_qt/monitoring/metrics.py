"""The metrics that everybody is shown: frozen, one object per look; those of a line are in line_metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.quantiles import SketchSummary
from upbit_ws_qt.types import Priority

if TYPE_CHECKING:
    from upbit_ws_qt.monitoring.line_metrics import ConnectionMetrics
    from upbit_ws_qt.monitoring.stats import TaskReading
    from upbit_ws_qt.rest import BudgetUsage
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["ComponentMetrics", "PerformanceMetrics", "StreamMetrics"]


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
        unhealed: streams with a gap that was to be made good and is not (yet), with what is the matter.
        quarantined: components put aside.
        connections: one for each line that was ever read.
        rest: how much of its budget each group of the REST interface uses; groups that nobody asked are left out.
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
    unhealed: dict[StreamKey, str] = {}
    quarantined: tuple[str, ...] = ()
    connections: dict[WebSocketType, ConnectionMetrics] = {}
    rest: tuple[BudgetUsage, ...] = ()
    tasks: tuple[TaskReading, ...] = ()
    alerts_suppressed: int = 0
