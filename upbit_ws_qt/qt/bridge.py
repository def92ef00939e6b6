"""Turns what the manager notifies of into the service's signals, and ends the manager with the service."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt, pyqtSlot

from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener
from upbit_ws_qt.manager.periodic import Periodic
from upbit_ws_qt.qt.ending import loop_lives, remember
from upbit_ws_qt.qt.nested_loops import keep_tasks_going
from upbit_ws_qt.qt.ownership import Lifetime
from upbit_ws_qt.tasks import inside_task

if TYPE_CHECKING:
    from upbit_ws_qt.backfill import GapReport, StreamRecovery
    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.monitoring.adaptive import AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.incidents import Incident
    from upbit_ws_qt.monitoring.metrics import PerformanceMetrics
    from upbit_ws_qt.qt.channel_hub import ChannelHub
    from upbit_ws_qt.qt.service import WebSocketService
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import GlobalManagerState, WebSocketType

__all__ = ["Bridge"]


class Bridge(QObject, ManagerListener):
    """Listens to one manager for one service.

    It is not a child of the service: it has to do something when the service is destroyed, and its methods would not
    run any more if it died with it.
    """

    def __init__(self, manager: GlobalWebSocketManager, service: WebSocketService, hub: ChannelHub) -> None:
        super().__init__()
        self._manager = manager
        self._service = service
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._stopping: asyncio.Task[None] | None = None
        self._closed = False
        self._sweep = Periodic("lifetimes", manager.config.cleanup_interval, self.end_the_dead)
        self._sweep.start(self._loop)
        manager.add_listener(self)
        self._destroyed = service.destroyed.connect(self._on_service_destroyed)
        self._tasks = keep_tasks_going(self._loop)
        if self._tasks is not None:
            self._tasks.add_listener(self.on_error)
        remember(self)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that manager and service live on."""
        return self._loop

    def close(self) -> None:
        """Stop listening; a second call changes nothing."""
        if self._closed:
            return
        self._closed = True
        self._sweep.stop()
        self._manager.remove_listener(self)
        if self._tasks is not None:
            self._tasks.remove_listener(self.on_error)
        self._hub.close()
        if not sip.isdeleted(self._service):
            self._service.destroyed.disconnect(self._destroyed)

    def abandon(self) -> None:
        """Let go of everything at once, because the process ends: no loop will run any more."""
        self.close()
        self._manager.wiring.abandon()

    def delete(self) -> None:
        """Delete the service and what it needs while nothing is walking over them (see ending.py)."""
        for each in (self._service, self._hub, self):
            if not sip.isdeleted(each) and sip.ispyowned(each):
                sip.delete(each)

    @pyqtSlot()
    def _on_service_destroyed(self) -> None:
        # Service and bridge may be garbage of one cycle, together with their loop; then the garbage collector may have
        # cleared this object before it destroyed the service.
        if not vars(self):
            return
        self.close()
        if self._loop.is_running() and loop_lives(self._loop):
            self._stopping = self._manager.wiring.begin_stop()

    def end_the_dead(self) -> None:
        """End what belongs to owners that died unnoticed: somebody disconnected all of their `destroyed`."""
        if not sip.isdeleted(self._service):
            # Found among the children and not in a list of ours: then there is no list that could keep one alive.
            for lifetime in self._service.findChildren(Lifetime, options=Qt.FindChildOption.FindDirectChildrenOnly):
                if not lifetime.is_alive():
                    lifetime.end()

    def _emits(self) -> bool:
        """Whether the service still lives and can emit.

        In debug mode, make sure that no coroutine is emitting: a slot may open a dialog, and the coroutine would stand
        still until it is closed.
        """
        assert not self._loop.get_debug() or not inside_task(self._loop), "a signal inside a Task"
        return not sip.isdeleted(self._service)

    # -- ManagerListener ----------------------------------------------------------------------------------------------
    def on_state(self, state: GlobalManagerState) -> None:
        """The whole manager's state changed."""
        if self._emits():
            self._service.stateChanged.emit(state)

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """One line's state changed."""
        if self._emits():
            self._hub.on_connection_state(ws_type, change.new)
            self._service.connectionStateChanged.emit(ws_type, change.new)

    def on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        """A new line replaced the old one."""
        if self._emits():
            self._service.epochChanged.emit(ws_type, epoch)

    def on_gap(self, gap: GapEvent) -> None:
        """Something may have been missed between two lines."""
        if self._emits():
            self._hub.on_gap(gap)
            self._service.gapDetected.emit(gap)

    def on_resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        """A new line's subscription is in force and its first data were handed out."""
        if self._emits():
            self._service.feedResumed.emit(ws_type, epoch)

    def on_stream_healed(self, recovery: StreamRecovery) -> None:
        """What was missed of a stream was handed out."""
        if self._emits():
            self._hub.on_stream_healed(recovery)

    def on_gap_healed(self, report: GapReport) -> None:
        """A gap is done with."""
        if self._emits():
            self._service.gapHealed.emit(report)

    def on_error(self, error: WebSocketError) -> None:
        """Something went wrong that a person should be able to see."""
        if self._emits():
            self._service.errorOccurred.emit(error)

    def on_component_failed(self, component_id: str, error: Exception) -> None:
        """A component's callback raised, or the component was quarantined."""
        if self._emits():
            self._service.componentFailed.emit(component_id, error)

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """A stream became served, unserved or rejected."""
        if self._emits():
            self._hub.on_stream_status(stream, status)

    def on_subscriptions_changed(self) -> None:
        """Some component's subscriptions changed."""
        if self._emits():
            self._service.subscriptionsChanged.emit()

    def on_metrics(self, metrics: PerformanceMetrics) -> None:
        """Fresh figures."""
        if self._emits():
            self._service.metricsUpdated.emit(metrics)

    def on_health(self, health: HealthStatus) -> None:
        """The health was judged anew."""
        if self._emits():
            self._service.healthChanged.emit(health)

    def on_adapted(self, step: AdaptationStep) -> None:
        """Something was given up under load, or taken back."""
        if self._emits():
            self._service.loadAdapted.emit(step)

    def on_alert(self, alert: Alert, *, raised: bool) -> None:
        """An alert was raised or cleared."""
        if self._emits():
            (self._service.alertRaised if raised else self._service.alertCleared).emit(alert)

    def on_incident(self, incident: Incident) -> None:
        """Something happened to the lines, or more is known of it."""
        if self._emits():
            self._service.incidentChanged.emit(incident)
