"""Watches over the manager: reads everything off once a second, judges it, cleans up, and says what it found."""

from __future__ import annotations

import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

import psutil

from upbit_ws_qt.events import AnnouncementCategory, AnnouncementEvent
from upbit_ws_qt.manager.ledger import StreamLedger, StreamSurvey
from upbit_ws_qt.manager.listener import ManagerListener
from upbit_ws_qt.manager.periodic import Periodic
from upbit_ws_qt.manager.readings import LineReader, component_readings, stage_summaries
from upbit_ws_qt.monitoring.monitor import (
    AlertCleared,
    AlertRaised,
    HealthChanged,
    IsolationAdvised,
    LoadAdapted,
    Monitor,
)
from upbit_ws_qt.monitoring.readings import Readings
from upbit_ws_qt.monitoring.subscriptions import SubscriptionWatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.watched import Watched
    from upbit_ws_qt.monitoring.adaptive import AdaptationPlan, AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.monitor import Change
    from upbit_ws_qt.monitoring.readings import ComponentReading, ConnectionReading
    from upbit_ws_qt.routing import RoutingStatistics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Watch"]

OBSERVE_EVERY = 1.0
"""Seconds between two readings: failures are found within 10 s, and the history has a point a second."""
NOTICES_KEPT = 20
FEW_COMPONENTS = 100
"""Up to so many are read each second, more only every `metrics_interval`."""
STALLED_EVERY = 5
"""Readings from one look for stalled components to the next."""


class Watch:
    """The four periodic calls of a manager, and what they read off.

    Attributes:
        monitor: what the readings are judged by.
        subscriptions: what each component was handed of each stream, as of the last look at the streams.
        tasks: the periodic calls; each shows its runs, its failures and whether it still runs.
    """

    def __init__(self, manager: Watched) -> None:
        config = manager.config
        self._manager = manager
        self._loop = manager.loop
        self._lines = {ws_type: LineReader(endpoint) for ws_type, endpoint in manager.endpoints.items()}
        manager.news.add(_Freshness(self._lines))
        self._process = psutil.Process()
        self._ledger = StreamLedger(lambda ws_type: manager.endpoints[ws_type].keeper.format.is_simple)
        self._streams_due = self._components_due = 0.0
        self._maintenance: deque[str] = deque(maxlen=NOTICES_KEPT)
        self._due = 0.0
        self.monitor = Monitor(config)
        self.subscriptions = SubscriptionWatch()
        self._survey = StreamSurvey(self._loop, manager.routing.stream_figures, self._ledger, self.subscriptions)
        self._collector = manager.routing.collector
        self.tasks = (
            Periodic("observe", min(OBSERVE_EVERY, config.metrics_interval), self._observe_on_time),
            Periodic("metrics", config.metrics_interval, self._tell_metrics),
            Periodic("health", config.health_interval, self._judge_health),
            Periodic("cleanup", config.cleanup_interval, self._clean_up),
        )

    def start(self) -> None:
        """Begin all periodic calls."""
        self._collector.start()
        self._manager.routing.on_announcement = self._note_announcement
        self._due = self._loop.time() + self.tasks[0].interval
        for task in self.tasks:
            task.start(self._loop)

    def stop(self) -> None:
        """End them; idempotent."""
        self._collector.stop()
        self._survey.stop()
        self._manager.routing.on_announcement = None
        for task in self.tasks:
            task.stop()

    def observe(self) -> None:
        """Read everything off now, judge it, and tell what changed."""
        for line in self._lines.values():
            line.changed()
        now = self._loop.time()
        self._streams_due, self._components_due = now + self._manager.config.metrics_interval, 0.0
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

    def count_gap(self, gap: GapEvent) -> None:
        """Count a change of epoch."""
        line = self._lines[gap.ws_type]
        line.gaps += 1
        line.lossy_gaps += bool(gap.streams)

    def count_decode_error(self, ws_type: WebSocketType) -> None:
        """Count a frame that could not be read."""
        self._lines[ws_type].decode_errors += 1

    def _observe_on_time(self) -> None:
        now = self._loop.time()
        late = max(0.0, now - self._due)
        self._due = now + self.tasks[0].interval
        self._tell(self.monitor.observe(now, self._read(late)))
        if not self.tasks[0].runs % STALLED_EVERY:
            self._manager.find_stalled()

    def _clean_up(self) -> None:
        self._manager.sweep()

    def _note_announcement(self, event: BaseWebSocketEvent) -> None:
        if isinstance(event, AnnouncementEvent) and event.category == AnnouncementCategory.MAINTENANCE:
            self._maintenance.append(event.title)

    def _read(self, late: float) -> Readings:
        manager = self._manager
        now, wall_clock = self._loop.time(), time.time()
        components_are_due = now >= self._components_due
        routing = manager.routing.get_routing_statistics(brief=not components_are_due)
        streams_are_due = self._look_at_streams(now)
        maintenance = tuple(self._maintenance)
        self._maintenance.clear()
        return Readings(
            connections=self._read_lines(now, wall_clock, routing),
            wall_clock=wall_clock,
            loop_lag=late,
            memory_bytes=self._process.memory_info().rss,
            cpu_share=self._process.cpu_percent() / 100.0,
            gc_pause=self._collector.take_longest(),
            messages_processed=routing.events,
            drain_failures=manager.drain.figures().failures,
            stages=stage_summaries(routing),
            work=dict(routing.work),
            measured_cpu=routing.measured_cpu,
            measured_time=routing.measured_time,
            components=self._read_components(now, routing) if components_are_due else None,
            quarantined=routing.quarantined,
            streams=self._ledger.readings if streams_are_due else None,
            tasks=tuple(task.reading() for task in self.tasks),
            maintenance=maintenance,
            skipped=manager.routing.take_skipped(),
            unserved=tuple(stream for line in self._lines.values() for stream in line.unserved),
        )

    def _read_lines(self, now: float, wall_clock: float, routing: RoutingStatistics) -> tuple[ConnectionReading, ...]:
        waits = self._manager.routing.take_longest_waits()
        ages = self._ledger.note_ages(now, wall_clock, self._manager.routing.latest_events())
        return tuple(
            line.read(
                now,
                routing,
                ages=ages.get(ws_type, ()),
                longest_wait=waits.get(ws_type, 0.0),
                bytes_spared=self._ledger.spared[ws_type],
            )
            for ws_type, line in self._lines.items()
        )

    def _read_components(self, now: float, routing: RoutingStatistics) -> tuple[ComponentReading, ...]:
        priorities, streams = self._manager.component_outline()
        self._ledger.forget_all_but(priorities)
        readings = component_readings(routing, priorities, streams, self._ledger)
        # A channel for each market makes a thousand components: going through them each second would be noticed.
        seldom = len(readings) > FEW_COMPONENTS
        self._components_due = now + self._manager.config.metrics_interval if seldom else now
        return readings

    def _look_at_streams(self, now: float) -> bool:
        """Begin to go through all streams where that is due; return whether that was finished since the last call."""
        if now >= self._streams_due:
            self._streams_due = now + self._manager.config.metrics_interval
            self._survey.begin(now)
        return self._survey.take_fresh()

    def _adapt(self, step: AdaptationStep, plan: AdaptationPlan) -> None:
        self._manager.adapt(plan)
        self._manager.news.tell(lambda listener: listener.on_adapted(step))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            if isinstance(change, AlertRaised):
                self._manager.news.tell(partial(_alert, change.alert, raised=True))
            elif isinstance(change, AlertCleared):
                self._manager.news.tell(partial(_alert, change.alert, raised=False))
            elif isinstance(change, HealthChanged):
                self._manager.news.tell(partial(_health, change.health))
            elif isinstance(change, LoadAdapted):
                self._adapt(change.step, change.plan)
            elif isinstance(change, IsolationAdvised):
                self._manager.raise_independence(change.decision.level)

    def _tell_metrics(self) -> None:
        metrics = self.monitor.performance_metrics()
        self._manager.news.tell(lambda listener: listener.on_metrics(metrics))

    def _judge_health(self) -> None:
        """Judge by what is true now, and tell it.

        The look of each second takes figures of the subscriptions for granted while nobody says that they changed;
        here they are counted anew, so that what was not said is found too.
        """
        for line in self._lines.values():
            line.changed()
        self._tell(self.monitor.observe(self._loop.time(), self._read(0.0)))
        self._manager.news.tell(partial(_health, self.monitor.health_status()))


class _Freshness(ManagerListener):
    """Has the subscriptions' figures of a line asked for anew where something about them changed."""

    def __init__(self, lines: Mapping[WebSocketType, LineReader]) -> None:
        self._lines = lines

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """A line came or went."""
        self._lines[ws_type].changed()

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """A stream is served, or is not any more."""
        self._lines[stream.websocket_type].changed()

    def on_subscriptions_changed(self) -> None:
        """Other streams are wanted."""
        for line in self._lines.values():
            line.changed()


def _alert(alert: Alert, listener: ManagerListener, *, raised: bool) -> None:
    listener.on_alert(alert, raised=raised)


def _health(health: HealthStatus, listener: ManagerListener) -> None:
    listener.on_health(health)
