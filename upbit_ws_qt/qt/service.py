"""The service: one object per program that holds the exchange's lines and speaks Qt."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, ClassVar

from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import GapEvent
from upbit_ws_qt.errors import ConfigurationError, WebSocketError
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.monitoring.adaptive import AdaptationStep
from upbit_ws_qt.monitoring.alerts import Alert
from upbit_ws_qt.monitoring.health import HealthStatus
from upbit_ws_qt.monitoring.metrics import ConnectionMetrics, PerformanceMetrics
from upbit_ws_qt.qt.bridge import Bridge
from upbit_ws_qt.qt.channel_hub import ChannelHub
from upbit_ws_qt.qt.channel_source import ChannelSource
from upbit_ws_qt.qt.figures import ServiceFigures
from upbit_ws_qt.qt.subscription import Subscription
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.qt.channel import Channel
    from upbit_ws_qt.qt.channel_hub import ChannelHold
    from upbit_ws_qt.subscriptions import SubscriptionStatistics
    from upbit_ws_qt.types import SubscriptionSpec

__all__ = ["WebSocketService"]


class WebSocketService(QObject, ChannelSource, ServiceFigures):
    """Holds one line per endpoint that is needed, for all widgets of the program.

    Everything but `start()` and `stop()` is a plain call. All of it belongs to the thread the service was made in, and
    needs the running asyncio (qasync) loop; anything else raises a clear RuntimeError or ConfigurationError. A service
    that was stopped stays stopped.

    Args:
        config: public data of the Korean exchange by default.
        parent: of the QObject. A service that is destroyed without `stop()` is stopped from the loop.

    Signals:
        stateChanged: of the whole.
        connectionStateChanged: of one line.
        epochChanged: a new line replaced the old one.
        gapDetected: between two lines something may have been missed; reload from `gap.since`.
        metricsUpdated: fresh figures, every `metrics_interval`.
        healthChanged: the health was judged anew.
        alertRaised, alertCleared: see Alert.
        errorOccurred: something went wrong that a person should be able to see.
        componentFailed: a component's callback raised, or the component was put aside (BackpressureError).
        loadAdapted: something was given up under load or taken back; see `adaptations()`.
        subscriptionsChanged: some component's wishes changed.
    """

    stateChanged = pyqtSignal(GlobalManagerState)
    connectionStateChanged = pyqtSignal(WebSocketType, ConnectionState)
    epochChanged = pyqtSignal(WebSocketType, "qlonglong")
    gapDetected = pyqtSignal(GapEvent)
    metricsUpdated = pyqtSignal(PerformanceMetrics)
    healthChanged = pyqtSignal(HealthStatus)
    alertRaised = pyqtSignal(Alert)
    alertCleared = pyqtSignal(Alert)
    errorOccurred = pyqtSignal(WebSocketError)
    componentFailed = pyqtSignal(str, Exception)
    loadAdapted = pyqtSignal(AdaptationStep)
    subscriptionsChanged = pyqtSignal()

    _instance: ClassVar[WebSocketService | None] = None

    def __init__(self, config: ServiceConfig | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.config = config or ServiceConfig()
        self._thread = threading.current_thread()
        self._manager: GlobalWebSocketManager | None = None
        self._hub: ChannelHub | None = None
        self._bridge: Bridge | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    @classmethod
    def instance(cls, config: ServiceConfig | None = None) -> WebSocketService:
        """Return the program's service, made at the first call and anew after it was stopped.

        Another configuration than that of the living one is a ConfigurationError.
        """
        found = cls._instance
        if found is None or sip.isdeleted(found) or found._stopped:
            found = cls._instance = cls(config)
        elif config is not None and config != found.config:
            raise ConfigurationError(
                "config", "another one", "the configuration that the service was made with, or None"
            )
        return found

    # -- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begin to dial what is wanted; a second call changes nothing. After `stop()` it is a ConfigurationError."""
        await self.manager.start()

    async def stop(self) -> None:
        """End all subscriptions and lines within 2 s, whatever the exchange does; may be called more than once."""
        self.require_thread("stop")
        self._stopped = True
        manager, bridge = self._manager, self._bridge
        if manager is None or bridge is None:
            return
        for task in tuple(self._tasks):
            task.cancel()
        await manager.stop()
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._finish, bridge, done)  # signals go out first, and not from this Task
        await done

    def _finish(self, bridge: Bridge, done: asyncio.Future[None]) -> None:
        bridge.close()
        if not sip.isdeleted(self):
            for subscription in self.findChildren(Subscription):
                subscription.close()
        if not done.done():
            done.set_result(None)

    # -- questions ----------------------------------------------------------------------------------------------------
    @property
    def state(self) -> GlobalManagerState:
        """How it stands with the whole."""
        if self._manager is None:
            return GlobalManagerState.STOPPED if self._stopped else GlobalManagerState.INITIALIZING
        return self._manager.state

    def connection_state(self, ws_type: WebSocketType) -> ConnectionState:
        """Return the state of a line; DISCONNECTED for one that nothing wants, or that is not available."""
        return ConnectionState.DISCONNECTED if self._manager is None else self._manager.connection_state(ws_type)

    def epoch(self, ws_type: WebSocketType) -> int:
        """Return how many lines to this endpoint there have been; 0 before the first."""
        return 0 if self._manager is None else self._manager.get_current_epoch(ws_type)

    def performance_metrics(self) -> PerformanceMetrics:
        """Return the whole program's figures, as of the last reading."""
        return self.manager.monitor.performance_metrics()

    def health_status(self) -> HealthStatus:
        """Return the health of each line and of the whole, with reasons, as of the last reading."""
        return self.manager.monitor.health_status()

    def connection_metrics(self, ws_type: WebSocketType) -> ConnectionMetrics:
        """Return one line's figures, as of the last reading."""
        return self.manager.connection_metrics(ws_type)

    def subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return self.manager.subscription_statistics()

    # -- actions ------------------------------------------------------------------------------------------------------
    def reconnect(self, ws_type: WebSocketType) -> asyncio.Task[None]:
        """Replace a line, the new one first where possible; a failed line is tried again.

        Made for a button: nobody needs to await the task. What goes wrong is told by `errorOccurred` too.
        """
        self.require_thread("reconnect")
        loop = self._running_loop("reconnect")
        task = loop.create_task(self.manager.reconnect(ws_type), name=f"upbit_ws_qt reconnect {ws_type}")
        self._tasks.add(task)
        task.add_done_callback(self._on_reconnected)
        return task

    def _on_reconnected(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, WebSocketError) and not sip.isdeleted(self):
            self.errorOccurred.emit(error)

    # -- for the rest of this room ------------------------------------------------------------------------------------
    @property
    def manager(self) -> GlobalWebSocketManager:
        """The manager behind it, made at the first use; share it with SimpleWebSocketClient(manager=…)."""
        self.require_thread("manager")
        if self._manager is None:
            if self._stopped:
                raise ConfigurationError("service", "stopped", "a new service; a stopped one cannot be used again")
            self._running_loop("manager")
            self._manager = GlobalWebSocketManager(self.config)
            self._hub = ChannelHub(self._manager, self.errorOccurred.emit)
            self._bridge = Bridge(self._manager, self, self._hub)
        return self._manager

    def hold_channel(self, spec: SubscriptionSpec) -> ChannelHold:
        """Return a hold on a channel that keeps its stream wanted until it is closed; for proxies."""
        return self._channels().hold(self._channel(spec))

    def require_thread(self, what: str) -> None:
        """Raise RuntimeError where the caller is not in the service's thread."""
        here = threading.current_thread()
        if here is not self._thread:
            raise RuntimeError(
                f"{what}: the service lives in thread {self._thread.name!r} and was called from {here.name!r}; "
                "hand the call over with loop.call_soon_threadsafe or a queued signal"
            )

    def _channel(self, spec: SubscriptionSpec) -> Channel:
        if not self.manager.is_available(spec.data_type.websocket_type):
            raise ConfigurationError(
                "credentials", None, f"credentials: {spec} is not public (and needs a region that has it)"
            )
        return self._channels().channel(spec)

    def _channels(self) -> ChannelHub:
        if self.manager.state in (GlobalManagerState.STOPPING, GlobalManagerState.STOPPED) or self._hub is None:
            raise ConfigurationError("service", "stopped", "a new service; a stopped one cannot be used again")
        return self._hub

    def _running_loop(self, what: str) -> asyncio.AbstractEventLoop:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                f"{what}: no asyncio loop is running; call it from the setup of upbit_ws_qt.run(), from a slot, or "
                "from a coroutine on the qasync loop"
            ) from None
