"""Observes what a manager is made of: reads it off once a second, judges it, cleans up, and says what it found."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.errors import AuthenticationError, RateLimitError, RecoveryError
from upbit_ws_qt.events import AnnouncementCategory, AnnouncementEvent
from upbit_ws_qt.manager.notify import ManagerListener
from upbit_ws_qt.manager.periodic import Periodic
from upbit_ws_qt.manager.survey import StreamSurvey
from upbit_ws_qt.monitoring.incidents import Healing, LineStep
from upbit_ws_qt.monitoring.monitor import (
    AlertCleared,
    AlertRaised,
    HealthChanged,
    IncidentChanged,
    IsolationAdvised,
    LoadAdapted,
    Monitor,
)
from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats
from upbit_ws_qt.monitoring.stream_metrics import EventAges
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from upbit_ws_qt.backfill import GapReport, Wholeness
    from upbit_ws_qt.computer import Computer
    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import Drain, GapEvent, StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.manager.notify import Notifier
    from upbit_ws_qt.monitoring.adaptive import AdaptationPlan, AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.incidents import Incident
    from upbit_ws_qt.monitoring.monitor import Change
    from upbit_ws_qt.rest import RestClient
    from upbit_ws_qt.routing import DataRoutingEngine, RoutingStatistics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStatistics
    from upbit_ws_qt.types import IndependenceLevel

__all__ = ["Observed", "Observer"]

OBSERVE_EVERY = 1.0
"""Seconds between two readings: failures are found within 10 s, and the history has a point a second."""
NOTICES_KEPT = 20
FEW_COMPONENTS = 100
"""Up to so many are read each second, more only every `metrics_interval`."""
STATISTICS_FOR = 15.0
"""Seconds for which the subscriptions' statistics hold while nothing is told to have changed."""
STALLED_EVERY = 5
"""Readings from one look for stalled components to the next."""


class Observed(Protocol):
    """What the observer reads off, and what it may do about what it finds; a manager's wiring."""

    config: ServiceConfig
    computer: Computer

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that everything runs on."""
        ...

    @property
    def routing(self) -> DataRoutingEngine:
        """Who is handed what."""
        ...

    @property
    def rest(self) -> RestClient:
        """What asks the REST interface."""
        ...

    @property
    def wholeness(self) -> Wholeness:
        """Which streams miss something."""
        ...

    @property
    def drain(self) -> Drain:
        """What hands the frames out."""
        ...

    @property
    def endpoints(self) -> dict[WebSocketType, Endpoint]:
        """The lines that there are."""
        ...

    @property
    def notifier(self) -> Notifier:
        """What tells the listeners."""
        ...

    def adapt(self, plan: AdaptationPlan) -> None:
        """Give something up under load, or take it back."""

    def raise_independence(self, level: IndependenceLevel) -> None:
        """Separate the lines better."""

    def find_stalled(self) -> None:
        """Report components that have stopped consuming; nothing is removed."""

    def sweep(self) -> int:
        """Remove components whose owner is gone, or that stopped consuming for too long."""
        ...


class Observer:
    """The four periodic calls of a manager, and what they read off.

    Attributes:
        monitor: what the readings are judged by.
        tasks: the periodic calls; each shows its runs, its failures and whether it still runs.
    """

    def __init__(self, observed: Observed) -> None:
        config = observed.config
        self._observed = observed
        self._loop = observed.loop
        self._subscriptions = {
            ws_type: _KeptStatistics(endpoint.sync.statistics) for ws_type, endpoint in observed.endpoints.items()
        }
        observed.notifier.add(_Freshness(self._subscriptions))
        self._wall_clock = observed.computer.wall_clock
        self._process = observed.computer.process()
        self._ages = EventAges()
        self._streams_due = self._components_due = 0.0
        self._maintenance: deque[str] = deque(maxlen=NOTICES_KEPT)
        self._due = 0.0
        self._unjudged: tuple[float, ProgramStats] | None = None  # what was read off, and when
        self._judging: asyncio.Handle | None = None
        self.monitor = Monitor(config, is_simple=lambda ws_type: observed.endpoints[ws_type].sync.format.is_simple)
        observed.notifier.add(_Tales(self.monitor))
        self._survey = StreamSurvey(self._loop, observed.routing.stream_stats, self.monitor.streams)
        self._collector = observed.routing.collector
        self.tasks = (
            Periodic("observe", min(OBSERVE_EVERY, config.metrics_interval), self._observe_on_time),
            Periodic("metrics", config.metrics_interval, self._tell_metrics),
            Periodic("health", config.health_interval, self._judge_health),
            Periodic("cleanup", config.cleanup_interval, self._clean_up),
        )

    def start(self) -> None:
        """Begin all periodic calls."""
        self._collector.start()
        self._observed.routing.on_announcement = self._note_announcement
        self._due = self._loop.time() + self.tasks[0].interval
        for task in self.tasks:
            task.start(self._loop)

    def stop(self) -> None:
        """End them; idempotent."""
        self._collector.stop()
        self._survey.stop()
        if self._judging is not None:
            self._judging.cancel()
        self._observed.routing.on_announcement = None
        for task in self.tasks:
            task.stop()

    def observe(self) -> None:
        """Read everything off now, judge it, and tell what changed."""
        for kept in self._subscriptions.values():
            kept.changed()
        self._judge()  # what was read off before, if anything was
        now = self._loop.time()
        self._streams_due, self._components_due = now + self._observed.config.metrics_interval, 0.0
        self._survey.begin(now)
        self._survey.finish()
        self._tell(self.monitor.observe(now, self._read(0.0)))

    def undo_adaptation(self) -> bool:
        """Take back the latest thing given up under load; False where nothing is."""
        adaptive = self.monitor.adaptive
        step = None if adaptive is None else adaptive.undo(self._loop.time())
        if adaptive is None or step is None:
            return False
        self._adapt(step, adaptive.plan)
        return True

    def _observe_on_time(self) -> None:
        now = self._loop.time()
        # This call is itself the measure of how late the loop is with what it has to do.
        late = max(0.0, now - self._due)
        self._due = now + self.tasks[0].interval
        # Judged in a turn of its own: together the two would hold the loop up for twice as long.
        self._unjudged = now, self._read(late)
        self._judging = self._loop.call_soon(self._judge)
        if not self.tasks[0].runs % STALLED_EVERY:
            self._observed.find_stalled()

    def _judge(self) -> None:
        unjudged, self._unjudged = self._unjudged, None
        if unjudged is not None:
            self._tell(self.monitor.observe(*unjudged))

    def _clean_up(self) -> None:
        self._observed.sweep()

    def _note_announcement(self, event: BaseWebSocketEvent) -> None:
        if isinstance(event, AnnouncementEvent) and event.category == AnnouncementCategory.MAINTENANCE:
            self._maintenance.append(event.title)

    def _read(self, late: float) -> ProgramStats:
        observed, routing = self._observed, self._observed.routing
        now, wall_clock = self._loop.time(), self._wall_clock()
        statistics = routing.get_routing_statistics(brief=True)
        components = None
        if now >= self._components_due:
            components = routing.component_stats()
            # A channel for each market makes a thousand components: going through them each second would be noticed.
            seldom = len(components) > FEW_COMPONENTS
            self._components_due = now + observed.config.metrics_interval if seldom else now
        has_streams = self._look_at_streams(now)
        maintenance = tuple(self._maintenance)
        # Told once: the monitor remembers what it was told.
        self._maintenance.clear()
        lines = self._read_lines(now, wall_clock, statistics)
        return ProgramStats(
            lines=lines,
            wall_clock=wall_clock,
            loop_lag=late,
            memory_bytes=self._process.memory_bytes(),
            cpu_share=self._process.cpu_share(),
            gc_pause=self._take_longest_pause(now, statistics.events),
            messages_processed=statistics.events,
            drain_failures=observed.drain.figures().failures,
            stages={
                "decode": statistics.decode_latency,
                "dispatch": statistics.delivery_latency,
                "total": statistics.total_latency,
            },
            work=dict(statistics.work),
            measured_cpu=statistics.measured_cpu,
            measured_time=statistics.measured_time,
            components=components,
            quarantined=statistics.quarantined,
            has_streams=has_streams,
            tasks=tuple(task.reading() for task in self.tasks),
            maintenance=maintenance,
            rest=observed.rest.usage(),
            skipped=routing.take_skipped(),
            unserved=tuple(stream for line in lines for stream in line.subscriptions.unserved),
            unhealed=observed.wholeness.unhealed(),
        )

    def _take_longest_pause(self, now: float, events: int) -> float:
        self._collector.look(now, events)
        return self._collector.take_longest()

    def _read_lines(self, now: float, wall_clock: float, routing: RoutingStatistics) -> tuple[LineStats, ...]:
        waits = self._observed.routing.take_longest_waits()
        offset = self._observed.routing.received_offset
        ages = self._ages.take(now - offset, wall_clock, self._observed.routing.latest_events())
        lines = []
        for ws_type, endpoint in self._observed.endpoints.items():
            connection = endpoint.connection.figures()
            oldest = endpoint.inbox.oldest()  # infinity for an empty one, 0 for a marker
            lines.append(
                LineStats(
                    connection=connection,
                    subscriptions=self._subscriptions[ws_type].get(now, connection.state),
                    routing=routing,
                    wanted=endpoint.is_wanted,
                    event_ages=tuple(ages.get(ws_type, ())),
                    inbox_wait=max(waits.get(ws_type, 0.0), now - offset - oldest if oldest else 0.0),
                )
            )
        return tuple(lines)

    def _look_at_streams(self, now: float) -> bool:
        """Begin to go through all streams where that is due; return whether that was finished since the last call."""
        if now >= self._streams_due:
            self._streams_due = now + self._observed.config.metrics_interval
            self._survey.begin(now)
        return self._survey.take_fresh()

    def _adapt(self, step: AdaptationStep, plan: AdaptationPlan) -> None:
        self._observed.adapt(plan)
        self._observed.notifier.notify(lambda listener: listener.on_adapted(step))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            if isinstance(change, AlertRaised):
                self._observed.notifier.notify(partial(_alert, change.alert, raised=True))
            elif isinstance(change, AlertCleared):
                self._observed.notifier.notify(partial(_alert, change.alert, raised=False))
            elif isinstance(change, HealthChanged):
                self._observed.notifier.notify(partial(_health, change.health))
            elif isinstance(change, IncidentChanged):
                self._observed.notifier.notify(partial(_incident, change.incident))
            elif isinstance(change, LoadAdapted):
                self._adapt(change.step, change.plan)
            elif isinstance(change, IsolationAdvised):
                self._observed.raise_independence(change.decision.level)

    def _tell_metrics(self) -> None:
        metrics = self.monitor.performance_metrics()
        self._observed.notifier.notify(lambda listener: listener.on_metrics(metrics))

    def _judge_health(self) -> None:
        """Judge by what is true now, and tell it.

        The look of each second takes figures of the subscriptions for granted while nobody says that they changed;
        here they are counted anew, so that what was not said is found too.
        """
        for kept in self._subscriptions.values():
            kept.changed()
        self._tell(self.monitor.observe(self._loop.time(), self._read(0.0)))
        self._observed.notifier.notify(partial(_health, self.monitor.health_status()))


class _Tales(ManagerListener):
    """Hands on to a monitor, as it is told, what incidents and uptimes are made of."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        wall = change.at_ms / 1000
        self._monitor.note_step(
            LineStep(ws_type, change.old, change.new, change.at, wall, change.cause, change.close_code)
        )

    def on_gap(self, gap: GapEvent) -> None:
        self._monitor.note_gap(gap.ws_type, gap.old, gap.new, len(gap.streams))

    def on_gap_healed(self, report: GapReport) -> None:
        lost = report.unrecoverable
        reason = lost[0].reason if lost else ""
        self._monitor.note_healing(
            Healing(report.ws_type, report.old, report.new, report.expected, report.recovered, len(lost), reason)
        )

    def on_error(self, error: WebSocketError) -> None:
        # The loss itself is told by the state, with its cause.
        if isinstance(error, AuthenticationError | RateLimitError | RecoveryError):
            self._monitor.note_error(WebSocketType(error.endpoint), error.message)


class _KeptStatistics:
    """The statistics of one line's subscriptions: counting a thousand streams each second would be noticed."""

    def __init__(self, ask: Callable[[], SubscriptionStatistics]) -> None:
        self._ask = ask
        self._kept: SubscriptionStatistics | None = None
        self._until = 0.0

    def changed(self) -> None:
        """Note that something about the subscriptions changed: they are asked for anew."""
        self._kept = None

    def get(self, now: float, state: ConnectionState) -> SubscriptionStatistics:
        """Return them as of the last change, or of some seconds ago."""
        kept = self._kept
        # While a line is being proved its streams come in without each one being told.
        if kept is None or now >= self._until or state is not ConnectionState.CONNECTED:
            kept = self._kept = self._ask()
            self._until = now + STATISTICS_FOR
        return kept


class _Freshness(ManagerListener):
    """Has the subscriptions' figures of a line asked for anew where something about them changed."""

    def __init__(self, lines: Mapping[WebSocketType, _KeptStatistics]) -> None:
        self._lines = lines

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """A line came or went."""
        self._lines[ws_type].changed()

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """A stream is served, or is not any more."""
        self._lines[stream.websocket_type].changed()

    def on_subscriptions_changed(self) -> None:
        """Other streams are wanted."""
        for kept in self._lines.values():
            kept.changed()


def _alert(alert: Alert, listener: ManagerListener, *, raised: bool) -> None:
    listener.on_alert(alert, raised=raised)


def _health(health: HealthStatus, listener: ManagerListener) -> None:
    listener.on_health(health)


def _incident(incident: Incident, listener: ManagerListener) -> None:
    listener.on_incident(incident)
