"""The one door to this room: fed with readings about once a second, it answers every question about how it goes."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.monitoring.adaptive import AdaptiveSubscriptionManager, AdaptiveTuning, LoadMetrics
from upbit_ws_qt.monitoring.alerts import AlertKind, AlertStore, MaintenanceNotices, conditions, rules_for
from upbit_ws_qt.monitoring.health import HealthStatus, HealthTuning
from upbit_ws_qt.monitoring.heat import FreshnessMap, LatencyKind, LatencyMap
from upbit_ws_qt.monitoring.history import History, HistorySeries, MarkMaker, Metric
from upbit_ws_qt.monitoring.incidents import Incident, IncidentBook, LineReading
from upbit_ws_qt.monitoring.independence import ConnectionIndependenceMonitor
from upbit_ws_qt.monitoring.line_metrics import ConnectionMetrics, LineMonitor
from upbit_ws_qt.monitoring.metrics import PerformanceMetrics
from upbit_ws_qt.monitoring.penalties import HealthCheck
from upbit_ws_qt.monitoring.performance import SubscriptionPerformanceMonitor
from upbit_ws_qt.monitoring.program_metrics import ProgramMonitor
from upbit_ws_qt.monitoring.stats import ProgramStats
from upbit_ws_qt.monitoring.stream_metrics import StreamMonitors
from upbit_ws_qt.monitoring.uptime import UptimeBook
from upbit_ws_qt.monitoring.windows import ClockOffset
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.monitoring.adaptive import AdaptationPlan, AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert, AlertRule
    from upbit_ws_qt.monitoring.history import LineEvent
    from upbit_ws_qt.monitoring.incidents import Healing, LineStep
    from upbit_ws_qt.monitoring.independence import IsolationDecision
    from upbit_ws_qt.monitoring.metrics import StreamMetrics
    from upbit_ws_qt.monitoring.performance import PerformanceIssue
    from upbit_ws_qt.monitoring.uptime import DayUptime
    from upbit_ws_qt.routing import ComponentStats
    from upbit_ws_qt.streams import StreamKey

__all__ = [
    "AlertCleared",
    "AlertRaised",
    "Change",
    "HealthChanged",
    "IncidentChanged",
    "IsolationAdvised",
    "LoadAdapted",
    "Monitor",
]

logger = logging.getLogger("upbit_ws_qt.monitoring")

SCORE_STEP = 5.0
"""Points by which a score must have moved to be told without any other change."""


class AlertRaised(Struct, frozen=True):
    """An alert began."""

    alert: Alert


class AlertCleared(Struct, frozen=True):
    """An alert is over."""

    alert: Alert


class HealthChanged(Struct, frozen=True):
    """A level, a state or the reasons changed, or a score moved by five points or more."""

    health: HealthStatus


class LoadAdapted(Struct, frozen=True):
    """Something was given up or taken back; `plan` is what the manager has to apply now."""

    step: AdaptationStep
    plan: AdaptationPlan


class IsolationAdvised(Struct, frozen=True):
    """The lines disturb each other: the manager should change to `decision.level`."""

    decision: IsolationDecision


class IncidentChanged(Struct, frozen=True):
    """Something that happened began, went on or is over; or more is known of it."""

    incident: Incident


Change = AlertRaised | AlertCleared | HealthChanged | LoadAdapted | IsolationAdvised | IncidentChanged


class Monitor:
    """How everything goes. No tasks, no clock: `observe` is told the time, in seconds of the loop's clock.

    Parts that are switched off in the configuration are not made: `adaptive` and `independence` are None, `history`
    gives empty series, `alerts` gives nothing.

    Attributes:
        adaptive: what is given up under load, or None.
        independence: whether the lines disturb each other, or None.
        performance: slow consumers, dead streams, the bottleneck.
        streams: all streams and what each component was handed of them; whoever feeds the monitor goes through them.
    """

    def __init__(
        self,
        config: ServiceConfig,
        *,
        tuning: HealthTuning | None = None,
        adaptive_tuning: AdaptiveTuning | None = None,
        rules: Mapping[AlertKind, AlertRule] | None = None,
        is_simple: Callable[[WebSocketType], bool] = lambda _: False,
    ) -> None:
        self._tuning = tuning or HealthTuning()
        self._health_check = HealthCheck(self._tuning)
        self._lines: dict[WebSocketType, LineMonitor] = {}
        self._program = ProgramMonitor()
        self.streams = StreamMonitors(is_simple)
        self._offset = ClockOffset()
        self._notices = MaintenanceNotices()
        self._marks = MarkMaker()
        self._history = History() if config.metrics_history else None
        self._incidents = IncidentBook(self.streams.components_on) if config.metrics_history else None
        self._uptime = UptimeBook()
        self._rules = rules_for(config.alert_limits) if rules is None else rules
        self._alerts = AlertStore(self._rules) if config.alerts else None
        load = adaptive_tuning or AdaptiveTuning(memory_limit=config.alert_limits.memory)
        self.adaptive = AdaptiveSubscriptionManager(load) if config.adaptive else None
        level = config.independence_level
        may_raise = config.raise_independence
        self.independence = (
            ConnectionIndependenceMonitor(level, may_raise=may_raise) if config.independence_monitor else None
        )
        self.performance = SubscriptionPerformanceMonitor(config.slow_callback)
        self._now = 0.0
        self._stats = ProgramStats()
        self._components: tuple[ComponentStats, ...] = ()
        self._quarantined: tuple[str, ...] = ()
        self._health = HealthStatus()
        self._told = HealthStatus()

    # -- fed ----------------------------------------------------------------------------------------------------
    def observe(self, now: float, stats: ProgramStats) -> list[Change]:
        """Take in one reading of everything and return what changed by it, in the order in which it should be told."""
        self._now = now
        self._stats = stats
        if stats.components is not None:
            self._components = stats.components
        self._quarantined = self._quarantined_now()
        self._program.observe(now, stats, self.streams.frame_size)
        if stats.wall_clock:
            self._offset.watch(now, stats.wall_clock)
        trusted = self._program.worst_lag <= self._tuning.lag_limit
        for each in stats.lines:
            ws_type = each.connection.ws_type
            line = self._lines.get(ws_type)
            if line is None:
                line = self._lines[ws_type] = LineMonitor(ws_type)
            line.observe(now, each, self._offset, trusted=trusted)
        self._health = self._health_check.check(
            now,
            stats.wall_clock,
            self._lines.values(),
            self._program,
            unserved=_by_line(stats.unserved),
            unhealed=_by_line(stats.unhealed),
            quarantined=self._quarantined,
        )
        self.performance.track_subscription_metrics(
            now, stats, self._program, self._lines.values(), self.streams.streams.values()
        )
        if self._history is not None:
            self._remember(self._history)
        self._uptime.look(now, stats.wall_clock)
        alerts = self._alert_changes()
        return [*self._health_changes(), *alerts, *self._incident_changes(alerts), *self._adapt(), *self._isolate()]

    def note_step(self, step: LineStep) -> None:
        """Take in a change of a line's state, as it is told; incidents are told by the next reading."""
        self._uptime.step(step)
        if self._incidents is not None:
            self._incidents.step(step)

    def note_gap(self, ws_type: WebSocketType, old: int, new: int, may_miss: int) -> None:
        """Take in a change of epoch after which `may_miss` streams may have missed something, as it is told."""
        if self._incidents is not None:
            self._incidents.gap(ws_type, old, new, may_miss)

    def note_healing(self, healing: Healing) -> None:
        """Take in what became of a gap, as it is told."""
        if self._incidents is not None:
            self._incidents.healed(healing)

    def note_error(self, ws_type: WebSocketType, text: str) -> None:
        """Take in what the exchange told about a line, as it is told."""
        if self._incidents is not None:
            self._incidents.said(ws_type, text)

    def note_work(self, stage: str, seconds: float) -> None:
        """Add work that no reading knows of, such as "paint", as it is done; it counts from the next reading on."""
        self._program.note_work(stage, seconds)

    # -- asked --------------------------------------------------------------------------------------------------
    def connection_metrics(self, ws_type: WebSocketType) -> ConnectionMetrics:
        """Return one line's figures as of the last reading; zeros for a line that was never read."""
        line = self._lines.get(ws_type)
        if line is None:
            return ConnectionMetrics(ws_type=ws_type)
        health = self._health.connections.get(ws_type)
        return line.metrics(
            self._now,
            self._stats.wall_clock - self._now,
            score=100.0 if health is None else health.score,
            unserved=_by_line(self._stats.unserved).get(ws_type, 0),
            offset=self._offset.seconds,
            spared=self.streams.spared[ws_type],
        )

    def performance_metrics(self) -> PerformanceMetrics:
        """Return the program's figures as of the last reading."""
        now, stats, program = self._now, self._stats, self._program
        lines = self._lines.values()
        messages = max(sum(line.messages(now) for line in lines), 100.0)
        return PerformanceMetrics(
            total_subscriptions=sum(line.subscriptions.streams for line in stats.lines),
            messages_processed=stats.messages_processed,
            drain_failures=stats.drain_failures,
            messages_per_second=self._messages_per_second(),
            average_latency=program.latency(now),
            error_rate=sum(line.errors.total(now) for line in lines) / messages,
            memory_usage=stats.memory_bytes,
            uptime_seconds=0.0 if program.started is None else now - program.started,
            loop_lag=program.lag,
            loop_lag_p95=program.lag_p95(now),
            drain_backlog=program.pending,
            backlog_seconds=program.backlog_seconds,
            cpu_share=program.cpu.value,
            gc_pause=stats.gc_pause,
            stages=dict(stats.stages),
            stage_shares=dict(program.stage_shares),
            components=tuple(program.components[c.component_id].metrics(c) for c in self._components),
            unserved=stats.unserved,
            unhealed=stats.unhealed,
            quarantined=self._quarantined,
            connections={ws_type: self.connection_metrics(ws_type) for ws_type in self._lines},
            rest=stats.rest,
            tasks=stats.tasks,
            alerts_suppressed=0 if self._alerts is None else self._alerts.suppressed,
        )

    def stream_metrics(self) -> tuple[StreamMetrics, ...]:
        """Return the figures of each stream as of the last reading that had streams, the busiest first."""
        figures = [stream.metrics(self._now) for stream in self.streams.streams.values()]
        return tuple(sorted(figures, key=lambda figure: -figure.messages_per_second))

    def health_status(self) -> HealthStatus:
        """Return the judgement of the last reading."""
        return self._health

    def history(self, metric: Metric | str, ws_type: WebSocketType | None, seconds: float) -> HistorySeries:
        """Return a figure over the last `seconds`; empty where it is not kept.

        An unknown metric, and `seconds` that are not above 0, raise ValueError.
        """
        history = self._history if self._history is not None else History()
        return history.series(Metric(metric), ws_type, seconds)

    def latency_map(self, kind: LatencyKind | str, ws_type: WebSocketType, seconds: float) -> LatencyMap:
        """Return the distribution of times over the last `seconds`; empty where no history is kept."""
        history = self._history if self._history is not None else History()
        return history.latency_map(LatencyKind(kind), ws_type, seconds)

    def freshness_map(self, seconds: float) -> FreshnessMap:
        """Return how old each stream was over the last `seconds`; empty where no history is kept."""
        history = self._history if self._history is not None else History()
        return history.freshness_map(seconds)

    def events(self, seconds: float) -> tuple[LineEvent, ...]:
        """Return what happened to the lines in the last `seconds`, oldest first, at most 500."""
        return () if self._history is None else self._history.events(seconds)

    def incidents(self) -> tuple[Incident, ...]:
        """Return what happened, the newest first, at most 200; empty where no history is kept."""
        return () if self._incidents is None else self._incidents.incidents()

    def uptime(self) -> tuple[DayUptime, ...]:
        """Return how much of each day of the last 31 each line was up while it was wanted, the oldest day first."""
        return self._uptime.days()

    def alerts(self, *, cleared: bool = True) -> tuple[Alert, ...]:
        """Return the alerts that last, newest first, then those that are over."""
        return () if self._alerts is None else self._alerts.listed(cleared=cleared)

    def acknowledge(self, alert_id: int) -> bool:
        """Mark an alert as seen; False where no such alert lasts. A maintenance notice is over with that."""
        alert = None if self._alerts is None else self._alerts.acknowledge(alert_id)
        if alert is not None and alert.kind is AlertKind.MAINTENANCE:
            self._notices.seen(alert.subject)
        return alert is not None

    def issues(self) -> tuple[PerformanceIssue, ...]:
        """Return what costs speed, with advice."""
        return self.performance.detect_performance_issues()

    # -- inside -------------------------------------------------------------------------------------------------
    def _quarantined_now(self) -> tuple[str, ...]:
        if self._stats.components is None:
            return self._stats.quarantined
        return tuple(c.component_id for c in self._stats.components if c.quarantine)

    def _messages_per_second(self) -> float:
        return sum(line.rates(self._now)[0] for line in self._lines.values())

    def _health_changes(self) -> list[Change]:
        if _outline(self._health) == _outline(self._told) and not _moved(self._health, self._told):
            return []
        self._told = self._health
        return [HealthChanged(self._health)]

    def _alert_changes(self) -> list[Change]:
        if self._alerts is None:
            return []
        self._notices.add(self._now, self._stats.maintenance)
        figures = conditions(
            self._now,
            self._stats,
            self._lines.values(),
            self._program,
            self._notices,
            self._quarantined,
            lost_after=self._rules[AlertKind.CONNECTION_LOST].raise_at,
        )
        raised, cleared = self._alerts.evaluate(self._now, self._stats.wall_clock, figures)
        for alert in raised:
            logger.warning("%s", Phrase("alert: {message}", message=alert.message))
        for alert in cleared:
            logger.info("%s", Phrase("the alert is over: {message}", message=alert.message))
        return [*map(AlertRaised, raised), *map(AlertCleared, cleared)]

    def _incident_changes(self, alerts: Iterable[Change]) -> list[Change]:
        if self._incidents is None:
            return []
        for change in alerts:
            if isinstance(change, AlertRaised | AlertCleared):
                self._incidents.alert(change.alert, raised=isinstance(change, AlertRaised))
        readings, proved = {}, {}
        for ws_type, line in self._lines.items():
            if line.stats is not None and line.is_connected:
                score, rate = self._health.connections[ws_type].score, line.rates(self._now)[0]
                readings[ws_type] = LineReading(score=score, rtt=line.rtt_last, messages_per_second=rate)
                proved[ws_type] = (line.stats.subscriptions.restored, line.stats.subscriptions.restorable)
        return [
            IncidentChanged(incident)
            for incident in self._incidents.look(self._now, self._stats.wall_clock, readings, proved)
        ]

    def _adapt(self) -> list[Change]:
        if self.adaptive is None:
            return []
        if self._stats.has_streams:
            streams, shares = self.streams.streams.values(), self._program.stage_shares
            self.adaptive.rates.learn(self._now, streams, shares, self._messages_per_second())
        load = LoadMetrics(
            loop_lag=self._program.usual_lag,
            backlog_seconds=self._program.backlog_seconds,
            memory_bytes=self._stats.memory_bytes,
        )
        step = self.adaptive.adapt_to_load(self._now, load)
        return [] if step is None else [LoadAdapted(step, self.adaptive.plan)]

    def _isolate(self) -> list[Change]:
        if self.independence is None:
            return []
        self.independence.observe(self._now, self._stats)
        decision = self.independence.ensure_connection_isolation()
        return [] if decision is None else [IsolationAdvised(decision)]

    def _remember(self, history: History) -> None:
        now, stats, program = self._now, self._stats, self._program
        history.begin(now, stats.wall_clock)
        for each in stats.lines:
            for event in self._marks.look(now, stats.wall_clock, each):
                history.note(event)
            self._remember_line(history, self._lines[each.connection.ws_type])
        history.put(Metric.SCORE, None, self._health.score)
        history.put(Metric.MESSAGES_PER_SECOND, None, self._messages_per_second())
        history.put(Metric.PENDING, None, program.pending)
        history.put(Metric.LOOP_LAG, None, stats.loop_lag)
        history.put(Metric.MEMORY, None, stats.memory_bytes)
        history.put(Metric.CPU, None, program.cpu.value)
        if stats.has_streams:
            at = self.streams.at
            history.put_ages(
                (stream.key, None if stream.last_event_at is None else max(0.0, at - stream.last_event_at))
                for stream in self.streams.streams.values()
            )

    def _remember_line(self, history: History, line: LineMonitor) -> None:
        if line.stats is None:
            return
        ws_type, health = line.ws_type, self._health.connections[line.ws_type]
        connection, up = line.stats.connection, line.is_connected
        at_rest = connection.state in (ConnectionState.DISCONNECTED, ConnectionState.STOPPED)
        judged = line.stats.wanted and not at_rest
        per_second, bytes_per_second = line.rates(self._now)
        if line.fresh_ages:
            history.put_latencies(LatencyKind.WAY, ws_type, line.fresh_ages)
        if line.fresh_rtt is not None:
            history.put_latencies(LatencyKind.ROUND_TRIP, ws_type, (line.fresh_rtt,))
        ages = line.age.sketch(self._now)
        history.put(Metric.SCORE, ws_type, health.score if judged else None)
        history.put(Metric.CONNECTED, ws_type, float(up))
        history.put(Metric.EPOCH, ws_type, connection.epoch if up else None)
        history.put(Metric.RTT, ws_type, line.rtt_last if up else None)
        history.put(Metric.EVENT_AGE, ws_type, ages.mean if up and ages.count else None)
        history.put(Metric.MESSAGES_PER_SECOND, ws_type, per_second if up else None)
        history.put(Metric.BYTES_PER_SECOND, ws_type, bytes_per_second if up else None)
        history.put(Metric.PENDING, ws_type, connection.inbox.waiting)
        history.put(Metric.DROPPED, ws_type, connection.inbox.dropped)


def _outline(health: HealthStatus) -> tuple[object, ...]:
    lines = tuple((line.ws_type, line.level, line.state) for line in health.connections.values())
    return health.level, lines, frozenset((reason.kind, reason.ws_type) for reason in health.reasons)


def _moved(health: HealthStatus, told: HealthStatus) -> bool:
    if abs(health.score - told.score) >= SCORE_STEP:
        return True
    return any(
        abs(line.score - told.connections[ws_type].score) >= SCORE_STEP
        for ws_type, line in health.connections.items()
        if ws_type in told.connections
    )


def _by_line(streams: Iterable[StreamKey]) -> Counter[WebSocketType]:
    """Return how many of them each line has."""
    return Counter(stream.websocket_type for stream in streams)
