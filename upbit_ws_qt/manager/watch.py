"""Watches over the manager: reads everything off once a second, judges it, cleans up, and says what it found."""

from __future__ import annotations

import time
from collections import Counter, deque
from functools import partial
from typing import TYPE_CHECKING

import psutil

from upbit_ws_qt.events import AnnouncementCategory, AnnouncementEvent
from upbit_ws_qt.manager.periodic import Periodic
from upbit_ws_qt.manager.readings import StreamLedger, component_readings, connection_reading, stage_summaries
from upbit_ws_qt.monitoring.monitor import (
    AlertCleared,
    AlertRaised,
    HealthChanged,
    IsolationAdvised,
    LoadAdapted,
    Monitor,
)
from upbit_ws_qt.monitoring.readings import Readings
from upbit_ws_qt.routing import CollectorWatch
from upbit_ws_qt.types import DataFormat

if TYPE_CHECKING:
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.core import GlobalWebSocketManager
    from upbit_ws_qt.manager.listener import ManagerListener
    from upbit_ws_qt.monitoring.adaptive import AdaptationPlan, AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.monitor import Change
    from upbit_ws_qt.monitoring.readings import ConnectionReading
    from upbit_ws_qt.routing import RoutingStatistics
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Watch"]

OBSERVE_EVERY = 1.0
"""Seconds between two readings: failures are found within 10 s, and the history has a point a second."""
NOTICES_KEPT = 20


class Watch:
    """The four periodic calls of a manager, and what they read off.

    Attributes:
        monitor: what the readings are judged by.
        collector: pauses of the garbage collector.
        tasks: the periodic calls; each shows its runs, its failures and whether it still runs.
    """

    def __init__(self, manager: GlobalWebSocketManager) -> None:
        config = manager.config
        self._manager = manager
        self._loop = manager.loop
        self._gaps: Counter[WebSocketType] = Counter()
        self._decode_errors: Counter[WebSocketType] = Counter()
        self._pongs: Counter[WebSocketType] = Counter()
        self._process = psutil.Process()
        self._ledger = StreamLedger(simple=config.data_format not in (DataFormat.DEFAULT, DataFormat.JSON_LIST))
        self._streams_due = 0.0
        self._maintenance: deque[str] = deque(maxlen=NOTICES_KEPT)
        self._due = 0.0
        self.monitor = Monitor(config)
        self.collector = CollectorWatch()
        self.tasks = (
            Periodic("observe", min(OBSERVE_EVERY, config.metrics_interval), self._observe_on_time),
            Periodic("metrics", config.metrics_interval, self._tell_metrics),
            Periodic("health", config.health_interval, self._tell_health),
            Periodic("cleanup", config.cleanup_interval, self._clean_up),
        )

    def start(self) -> None:
        """Begin all periodic calls."""
        self.collector.start()
        self._manager.routing.on_announcement = self._note_announcement
        self._due = self._loop.time() + self.tasks[0].interval
        for task in self.tasks:
            task.start(self._loop)

    def stop(self) -> None:
        """End them; idempotent."""
        self.collector.stop()
        self._manager.routing.on_announcement = None
        for task in self.tasks:
            task.stop()

    def observe(self) -> None:
        """Read everything off now, judge it, and tell what changed."""
        self._tell(self.monitor.observe(self._loop.time(), self._read(0.0)))

    def undo_adaptation(self) -> bool:
        """Take back the latest thing given up under load; False where nothing is."""
        adaptive = self.monitor.adaptive
        step = None if adaptive is None else adaptive.undo(self._loop.time())
        if adaptive is None or step is None:
            return False
        self._adapt(step, adaptive.plan)
        return True

    def count_gap(self, ws_type: WebSocketType) -> None:
        """Count a change of epoch."""
        self._gaps[ws_type] += 1

    def count_decode_error(self, ws_type: WebSocketType) -> None:
        """Count a frame that could not be read."""
        self._decode_errors[ws_type] += 1

    def _observe_on_time(self) -> None:
        now = self._loop.time()
        late = max(0.0, now - self._due)
        self._due = now + self.tasks[0].interval
        self._tell(self.monitor.observe(now, self._read(late)))
        self._manager.find_stalled()

    def _clean_up(self) -> None:
        self._manager.sweep()

    def _note_announcement(self, event: BaseWebSocketEvent) -> None:
        if isinstance(event, AnnouncementEvent) and event.category == AnnouncementCategory.MAINTENANCE:
            self._maintenance.append(event.title)

    def _read(self, late: float) -> Readings:
        manager = self._manager
        now, wall_clock = self._loop.time(), time.time()
        routing = manager.routing_statistics()
        self._ledger.look(now, wall_clock, manager.routing.stream_figures())
        pauses = self.collector.pauses()
        self.collector.reset()
        priorities, streams = manager.component_outline()
        maintenance = tuple(self._maintenance)
        self._maintenance.clear()
        return Readings(
            connections=self._read_lines(now, routing),
            wall_clock=wall_clock,
            loop_lag=late,
            memory_bytes=self._process.memory_info().rss,
            cpu_share=self._process.cpu_percent() / 100.0,
            gc_pause=pauses.longest,
            messages_processed=routing.events,
            stages=stage_summaries(routing),
            work=dict(routing.work),
            components=component_readings(routing, priorities, streams, self._ledger),
            streams=self._ledger.readings if self._streams_are_due(now) else None,
            maintenance=maintenance,
            unserved=tuple(
                stream for statistics in manager.subscription_statistics().values() for stream in statistics.unserved
            ),
        )

    def _read_lines(self, now: float, routing: RoutingStatistics) -> tuple[ConnectionReading, ...]:
        waits = self._manager.routing.take_longest_waits()
        readings = []
        for ws_type, endpoint in self._manager.endpoints.items():
            oldest = endpoint.inbox.oldest()  # infinity for an empty one, 0 for a marker
            readings.append(
                connection_reading(
                    endpoint,
                    routing,
                    gaps=self._gaps[ws_type],
                    decode_errors=self._decode_errors[ws_type],
                    pongs_seen=self._pongs[ws_type],
                    bytes_spared=self._ledger.spared[ws_type],
                    event_ages=self._ledger.ages.get(ws_type, ()),
                    inbox_wait=max(waits.get(ws_type, 0.0), now - oldest if oldest else 0.0),
                )
            )
            self._pongs[ws_type] = endpoint.connection.figures().rtt.count
        return tuple(readings)

    def _streams_are_due(self, now: float) -> bool:
        if now < self._streams_due:
            return False
        self._streams_due = now + self._manager.config.metrics_interval
        return True

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

    def _tell_health(self) -> None:
        self._manager.news.tell(partial(_health, self.monitor.health_status()))


def _alert(alert: Alert, listener: ManagerListener, *, raised: bool) -> None:
    listener.on_alert(alert, raised=raised)


def _health(health: HealthStatus, listener: ManagerListener) -> None:
    listener.on_health(health)
