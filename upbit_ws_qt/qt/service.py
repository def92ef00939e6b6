"""The service: one object per program that holds the exchange's lines and speaks Qt."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar
from weakref import ref

from PyQt6 import sip

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import ConfigurationError, WebSocketError
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.program import require_same
from upbit_ws_qt.qt.base import ServiceBase
from upbit_ws_qt.qt.bridge import Bridge
from upbit_ws_qt.qt.channel_hub import ChannelHub
from upbit_ws_qt.qt.channel_source import ChannelSource
from upbit_ws_qt.qt.figures import ServiceFigures
from upbit_ws_qt.qt.subscription import Subscription
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtCore import QObject

    from upbit_ws_qt.manager import ComponentsSnapshot
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.metrics import ConnectionMetrics, PerformanceMetrics
    from upbit_ws_qt.qt.channel import Channel
    from upbit_ws_qt.subscriptions import OptimizationResult, RestoreResult, SubscriptionStatistics
    from upbit_ws_qt.types import SubscriptionSpec

__all__ = ["WebSocketService"]


class WebSocketService(ServiceBase, ChannelSource, ServiceFigures):
    """Holds one line per endpoint that is needed, for all widgets of the program.

    Everything but `start()` and `stop()` is a plain call. All of it belongs to the thread the service was made in, and
    needs the running asyncio (qasync) loop; anything else raises a clear RuntimeError or ConfigurationError. A service
    that was stopped stays stopped.

    The first service that lives is the program's one, whether `instance()` made it or its class was called: it is what
    `instance()` returns and what proxies without a service ask, and its manager is the program's manager. Any other
    has lines of its own; so has one whose configuration differs from that of the program's manager.

    Example:
        >>> service.connectionStateChanged.connect(lambda line, state: print(line, state))
        >>> channel = service.orderbook("KRW-BTC", depth=5)
        >>> channel.frame.connect(lambda book: label.setText(f"{book.best_bid} / {book.best_ask}"))
        >>> service.connection_state(WebSocketType.INFO)
        <ConnectionState.DISCONNECTED: 'disconnected'>

    Args:
        config: by default that of the program's manager, else public data of the Korean exchange.
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

    # The program's service: weakly, so that one made by hand and never used goes when its maker lets go of it. What
    # instance() made has no other owner than this class.
    _of_program: ClassVar[ref[WebSocketService] | None] = None
    _made_here: ClassVar[WebSocketService | None] = None

    def __init__(self, config: ServiceConfig | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        settled = _config_of(GlobalWebSocketManager.living())
        self.config = config or settled or ServiceConfig()
        self._manager: GlobalWebSocketManager | None = None
        self._hub: ChannelHub | None = None
        self._bridge: Bridge | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._is_programs = self._living() is None and settled in (None, self.config)
        if self._is_programs:
            WebSocketService._of_program = ref(self)

    @classmethod
    def instance(cls, config: ServiceConfig | None = None) -> WebSocketService:
        """Return the program's service: the first that was made and lives, else one that is made now.

        It shares its lines with `GlobalWebSocketManager.get_instance()` and with clients that name no manager, whoever
        is asked for first. Without a configuration it is the program's manager's, or the default; another one than
        theirs is a ConfigurationError. After `stop()` the next call makes a new service, with a life of its own.
        """
        found = cls._living()
        settled = _config_of(found or GlobalWebSocketManager.living())
        if settled is not None:
            require_same(settled, config)
        if found is None:
            found = cls._made_here = cls(config)
        return found

    @classmethod
    def _living(cls) -> WebSocketService | None:
        """Return the program's service if it can be used."""
        found = None if cls._of_program is None else cls._of_program()
        if found is None or sip.isdeleted(found) or found._stopped:
            return None
        return found if found._manager is None or found._manager.is_usable else None

    # -- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begin to dial what is wanted; a second call changes nothing. After `stop()` it is a ConfigurationError."""
        await self.manager.start()

    async def stop(self) -> None:
        """End all subscriptions and lines within 2 s, whatever the exchange does; may be called more than once.

        The lines of the program's service are the program's: they end for whoever else shares them, too.
        """
        self.require_thread("stop")
        self._stopped = True
        manager, bridge = self._manager, self._bridge
        if manager is None or bridge is None:
            shared = GlobalWebSocketManager.living() if self._is_programs else None
            if shared is not None and shared.loop is asyncio.get_running_loop():
                await shared.stop()
            return
        for task in tuple(self._tasks):
            task.cancel()
        await manager.stop()
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._finish, bridge, done)  # signals go out first, and not from this Task
        await done

    def _finish(self, bridge: Bridge, done: asyncio.Future[None]) -> None:
        try:
            bridge.close()
            if not sip.isdeleted(self):
                for subscription in self.findChildren(Subscription):
                    subscription.close()
        finally:
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

    def capture_state(self) -> ComponentsSnapshot:
        """Return a picture of who wants what, to compare with a later one or to put back with `restore_state`."""
        return self.manager.capture_state()

    async def restore_state(self, snapshot: ComponentsSnapshot) -> RestoreResult:
        """Make all subscriptions those of a picture, with their callbacks; see the manager's method of this name.

        A subscription that was closed since is made again in its proxy, if that has not ended; one without a callback,
        or that calls a signal, is not, because whoever was connected to it is connected no more.
        """
        return await self.manager.restore_state(snapshot)

    async def optimize_subscriptions(self) -> dict[WebSocketType, OptimizationResult]:
        """Return, for each line, the one request that asks for all that is wanted; see the manager's method."""
        return await self.manager.optimize_subscriptions()

    async def force_cleanup_dead_references(self) -> int:
        """Remove now what belongs to owners that died without a word, or stopped consuming for too long.

        Returns how many components were removed. The clean-up task does this every `cleanup_interval`.
        """
        removed = await self.manager.force_cleanup_dead_references()
        if self._bridge is not None:
            self._bridge.end_the_dead()
        return removed

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
            made_by = GlobalWebSocketManager.instance if self._is_programs else GlobalWebSocketManager
            self._manager = made_by(self.config)
            self._hub = ChannelHub(self._manager, self.errorOccurred.emit)
            self._bridge = Bridge(self._manager, self, self._hub)
        return self._manager

    def own_channel(self, spec: SubscriptionSpec, component_id: str, alive: Callable[[], bool]) -> Channel:
        """Make a channel for one owner, wanted until it is closed; for proxies."""
        return self._channels(spec).own(spec, component_id, alive)

    def _channel(self, spec: SubscriptionSpec) -> Channel:
        return self._channels(spec).channel(spec)

    def _channels(self, spec: SubscriptionSpec) -> ChannelHub:
        if not self.manager.is_available(spec.data_type.websocket_type):
            raise ConfigurationError(
                "credentials", None, f"credentials: {spec} is not public (and needs a region that has it)"
            )
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


def _config_of(holder: WebSocketService | GlobalWebSocketManager | None) -> ServiceConfig | None:
    return None if holder is None else holder.config


GlobalWebSocketManager.config_of_service = staticmethod(lambda: _config_of(WebSocketService._living()))
