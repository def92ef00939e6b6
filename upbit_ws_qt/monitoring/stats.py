"""What the monitor is fed with: the stats of all rooms, read off at one moment about once a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from upbit_ws_qt.connection import ConnectionFigures
    from upbit_ws_qt.quantiles import SketchSummary
    from upbit_ws_qt.rest import BudgetUsage
    from upbit_ws_qt.routing import ComponentStats, RoutingStatistics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import SubscriptionStatistics

__all__ = ["LineStats", "ProgramStats", "TaskReading"]


class LineStats(Struct, frozen=True, kw_only=True):
    """One line, as the rooms tell of it. Counters only grow; one that falls is taken to have begun anew.

    Attributes:
        connection: of its connection.
        subscriptions: of what is subscribed to on it.
        routing: of all lines together; what is told by line is looked up there.
        wanted: whether anything wants the line; a line that nothing wants is not judged.
        event_ages: seconds by our wall clock from the exchange's timestamp to receipt, of REALTIME tickers, trades and
            order books since the last reading; some hundred of them are enough. Negative where our clock is behind.
        inbox_wait: seconds that the slowest message since the last reading waited in the inbox.
    """

    connection: ConnectionFigures
    subscriptions: SubscriptionStatistics
    routing: RoutingStatistics
    wanted: bool = True
    event_ages: tuple[float, ...] = ()
    inbox_wait: float = 0.0


class TaskReading(Struct, frozen=True, kw_only=True):
    """One of the calls that are made every few seconds.

    Attributes:
        name: what it does.
        interval: seconds from one call to the next.
        runs: completed calls.
        failures: calls that raised; the next one is made all the same.
        running: whether another call is due.
    """

    name: str
    interval: float
    runs: int = 0
    failures: int = 0
    running: bool = True


class ProgramStats(Struct, frozen=True, kw_only=True):
    """Everything that was read off at one moment.

    Attributes:
        lines: one for each line.
        wall_clock: seconds since 1970 at the same moment as `now`; needed for every time that is shown.
        loop_lag: seconds that the loop was late at worst since the last reading.
        memory_bytes: of the process (resident).
        cpu_share: of the process, in cores, since the last reading.
        gc_pause: longest garbage collection since the last reading, in seconds.
        messages_processed: events handed out.
        drain_failures: messages lost to a failure of this library while they were handed out.
        stages: seconds per message from receipt to the end of each stage, waiting included, since the start: for show,
            and "total", from receipt to the return of the last callback, for `average_latency`. A sample will do.
        work: seconds of CPU time spent at each stage since the start: "decode", "dispatch", "slot" and "paint". The
            bottleneck is named by them; a stage that is left out is never blamed. "slot" is taken from the components
            where it is left out.
        measured_cpu: seconds of CPU time of some work since the start, and `measured_time` what passed meanwhile: how
            much of the time of callbacks and painting, which are timed by the clock, was CPU time.
        components: one for each component, or None where they were not read this time.
        quarantined: the components that are put aside, where the components were not read.
        has_streams: whether all streams have been gone through since the last reading (see StreamMonitors).
        unserved: streams that were asked for and do not come.
        unhealed: streams with a gap that was to be made good and is not, with what is the matter.
        tasks: the calls that are made every few seconds.
        maintenance: titles of maintenance announcements that came since the last reading.
        rest: the budgets of the REST interface that were used.
        skipped: by component, events that overload kept from it since the last reading although it wanted every one.
    """

    lines: tuple[LineStats, ...] = ()
    wall_clock: float = 0.0
    loop_lag: float = 0.0
    memory_bytes: int = 0
    cpu_share: float = 0.0
    gc_pause: float = 0.0
    messages_processed: int = 0
    drain_failures: int = 0
    stages: dict[str, SketchSummary] = {}
    work: dict[str, float] = {}
    measured_cpu: float = 0.0
    measured_time: float = 0.0
    components: tuple[ComponentStats, ...] | None = ()
    quarantined: tuple[str, ...] = ()
    has_streams: bool = False
    unserved: tuple[StreamKey, ...] = ()
    unhealed: dict[StreamKey, str] = {}
    tasks: tuple[TaskReading, ...] = ()
    maintenance: tuple[str, ...] = ()
    rest: tuple[BudgetUsage, ...] = ()
    skipped: dict[str, int] = {}
