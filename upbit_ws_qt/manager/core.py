"""GlobalWebSocketManager: the rooms put together, the wishes of all components on one line per endpoint."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import ConnectLimiter, Drain, EpochManager, JWTManager
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.manager.components import ComponentDesk
from upbit_ws_qt.manager.endpoint import Endpoint
from upbit_ws_qt.manager.news import News
from upbit_ws_qt.manager.snapshots import fetch_snapshot
from upbit_ws_qt.manager.watch import Watch
from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStateManager
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.errors import DecodeError, WebSocketError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.handle import ComponentSubscription
    from upbit_ws_qt.manager.listener import ManagerListener
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.metrics import ConnectionMetrics, PerformanceMetrics
    from upbit_ws_qt.monitoring.monitor import Monitor
    from upbit_ws_qt.routing import RoutingStatistics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import SubscriptionStatistics
    from upbit_ws_qt.types import Priority, SubscriptionSpec
    from upbit_ws_qt.wire import Message

__all__ = ["GlobalWebSocketManager"]

_STOP_WITHIN = 2.0
_GOING = frozenset(
    {ConnectionState.CONNECTING, ConnectionState.SYNCING, ConnectionState.RECONNECTING, ConnectionState.DISCONNECTED}
)


class GlobalWebSocketManager:
    """Holds one line per endpoint that is needed and serves every component from it.

    It is made inside a running asyncio loop and stays on it; `get_instance()` makes the one of the program. Nothing is
    dialled before `start()`, and a stopped manager cannot be started again. Without credentials only public data
    can be wanted.
    """

    _instance: ClassVar[GlobalWebSocketManager | None] = None
    # A plain lock does what an asyncio lock would: making an instance never awaits. It also holds between threads.
    _instance_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, config: ServiceConfig | None = None, *, rng: Random | None = None) -> None:
        self._loop = _running_loop()
        self.config = config or ServiceConfig()
        self._state = GlobalManagerState.INITIALIZING
        self._news = News(self._loop)
        self._epochs = EpochManager()
        self._epochs.add_listener(self._on_epoch)
        self._wishes = SubscriptionStateManager(clock=self._loop.time)
        self._pool = self._make_pool()
        self._routing = DataRoutingEngine(
            self.config,
            is_current_epoch=self._epochs.is_current_epoch,
            on_component_failed=self._on_component_failed,
            on_decode_error=self._on_decode_error,
            on_control=self._on_control,
            pool=self._pool,
            backlog=lambda: sum(len(endpoint.inbox) for endpoint in self._endpoints.values()),
        )
        self._drain = Drain(
            self._routing.route_frame, self.config.drain_budget, loop=self._loop, level=self.config.independence_level
        )
        self._jwt = JWTManager(self.config.credentials, self.config.token_lifetime, clock=self._loop.time)
        self._endpoints = self._make_endpoints(rng)
        self._desk = ComponentDesk(self._loop, self._wishes, self._routing, self._endpoints, self._on_wishes_changed)
        self._failed: set[StreamKey] = set()
        self._watch = Watch(self)
        _, self._metrics_collector_task, self._health_monitor_task, self._cleanup_monitor_task = self._watch.tasks
        self._frame_timer: asyncio.TimerHandle | None = None
        self._routing.on_frame_pending = self._arm_frame
        self._stopping: asyncio.Task[None] | None = None

    # -- the one of the program ----------------------------------------------------------------------------------------
    @classmethod
    async def get_instance(cls, config: ServiceConfig | None = None) -> Self:
        """Return the program's manager, made at the first call.

        Raises:
            ConfigurationError: it lives on another loop, was stopped (see `reset_instance`), or has another
                configuration than the one given.
        """
        with cls._instance_lock:
            instance = cls._instance
            if instance is None:
                instance = cls._instance = cls(config)
        if not isinstance(instance, cls) or instance._loop is not asyncio.get_running_loop():
            raise ConfigurationError("loop", "another event loop", "calls from the loop that the manager was made on")
        if instance._state in (GlobalManagerState.STOPPING, GlobalManagerState.STOPPED):
            raise ConfigurationError("instance", "stopped", "reset_instance() before a new one is made")
        if config is not None and config != instance.config:
            raise ConfigurationError(
                "config", "another one", "the configuration that the manager was made with, or None"
            )
        return instance

    @classmethod
    async def reset_instance(cls) -> None:
        """Stop the program's manager, if there is one, and forget it; the next `get_instance()` makes a new one.

        One that lives on a loop which was closed without stopping it is forgotten; its sockets went with the loop.
        """
        with cls._instance_lock:
            instance, cls._instance = cls._instance, None
        if instance is not None and instance._loop is asyncio.get_running_loop():
            await instance.stop()

    # -- life ----------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begin to dial what is wanted; a second call changes nothing, after `stop()` it is a ConfigurationError."""
        self._check_usable()
        if self._state is not GlobalManagerState.INITIALIZING:
            return
        self._set_state(GlobalManagerState.IDLE)
        self._watch.start()
        for endpoint in self._endpoints.values():
            endpoint.wishes_changed()
        self._refresh_state()

    async def stop(self) -> None:
        """End everything within 2 s whatever the peers do; no task, socket or timer is left. Idempotent."""
        if self._stopping is None:
            self._stopping = self._loop.create_task(self._stop(), name="upbit_ws_qt manager stop")
        await asyncio.shield(self._stopping)

    async def _stop(self) -> None:
        self._set_state(GlobalManagerState.STOPPING)
        self._watch.stop()
        self._desk.close_all()
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await asyncio.gather(*(endpoint.stop() for endpoint in self._endpoints.values()))
        finally:
            self._drain.stop()
            await self._routing.stop()
            if self._frame_timer is not None:
                self._frame_timer.cancel()
            self._set_state(GlobalManagerState.STOPPED)

    # -- components ----------------------------------------------------------------------------------------------------
    def register_component(
        self,
        component_id: str,
        subscriptions: SubscriptionSpec | Iterable[SubscriptionSpec],
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None = None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None = None,
    ) -> ComponentSubscription:
        """Hand the events of some wishes to a callback until the registration is closed.

        A component may register several times; `unregister_component` ends all of it. What is known already comes at
        once, marked as snapshot.

        Args:
            component_id: whose wishes these are; shown in figures and errors.
            subscriptions: one wish or several.
            callback: called with each event from the loop, never from inside a Task; a coroutine function is awaited
                by a worker of its own.
            alive: asked every `cleanup_interval`; once it returns False the component is removed.
            on_status: called with (stream, status, error) when a stream becomes served, unserved or rejected.

        Raises:
            SubscriptionError: a wish that the exchange would refuse, or one for a line that is not available
                (no credentials); nothing is registered then.
            ConfigurationError: a bad component id or callback, or the manager was stopped.
        """
        self._check_usable()
        return self._desk.register(component_id, subscriptions, callback, alive=alive, on_status=on_status)

    def unregister_component(self, component_id: str) -> bool:
        """End all registrations of a component; False where it has none."""
        return self._desk.unregister(component_id)

    def resume(self, component_id: str) -> bool:
        """Serve a component again that was put aside; False where it is not."""
        return self._routing.resume(component_id)

    async def fetch_snapshot(self, spec: SubscriptionSpec, timeout: float = 5.0) -> dict[str, BaseWebSocketEvent]:
        """Return the present state of each symbol that the exchange serves within `timeout` seconds.

        The streams of other components are not disturbed. Symbols that the exchange does not know are missing in the
        answer. Types without snapshots raise SubscriptionError.
        """
        self._check_usable()
        ws_type = spec.data_type.websocket_type
        return await fetch_snapshot(
            spec,
            timeout,
            endpoint=self._endpoint(ws_type),
            routing=self._routing,
            pool=self._pool,
            epoch=self._epochs.get_current_epoch(ws_type),
        )

    def latest(self, stream: StreamKey) -> BaseWebSocketEvent | None:
        """Return the newest known event of a stream; None where nothing is known or the data pool is off."""
        return None if self._pool is None else self._pool.get_latest_data(*stream)

    # -- questions -----------------------------------------------------------------------------------------------------
    @property
    def state(self) -> GlobalManagerState:
        """How it stands with the whole."""
        return self._state

    @property
    def pool(self) -> DataPoolManager | None:
        """The newest events, None where the pool is switched off."""
        return self._pool

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that everything runs on."""
        return self._loop

    @property
    def news(self) -> News:
        """What tells the listeners."""
        return self._news

    @property
    def monitor(self) -> Monitor:
        """Metrics, health, history, alerts."""
        return self._watch.monitor

    @property
    def routing(self) -> DataRoutingEngine:
        """Who is handed what."""
        return self._routing

    @property
    def drain(self) -> Drain:
        """What hands the frames out."""
        return self._drain

    @property
    def jwt(self) -> JWTManager:
        """Tokens of the private lines."""
        return self._jwt

    @property
    def endpoints(self) -> dict[WebSocketType, Endpoint]:
        """The lines that there are; private ones need credentials and a region that has them."""
        return dict(self._endpoints)

    def is_available(self, ws_type: WebSocketType) -> bool:
        """Whether data of this line can be wanted at all."""
        return ws_type in self._endpoints

    def connection_state(self, ws_type: WebSocketType) -> ConnectionState:
        """Return the state of a line; DISCONNECTED for one that is not available."""
        endpoint = self._endpoints.get(ws_type)
        return ConnectionState.DISCONNECTED if endpoint is None else endpoint.connection.state

    def get_current_epoch(self, ws_type: WebSocketType) -> int:
        """Return how many lines to this endpoint there have been; 0 before the first."""
        return self._epochs.get_current_epoch(ws_type)

    def is_current_epoch(self, ws_type: WebSocketType, epoch: int) -> bool:
        """Whether something stamped with `epoch` came on the present line."""
        return self._epochs.is_current_epoch(ws_type, epoch)

    def get_active_subscriptions(self) -> dict[StreamKey, tuple[str, ...]]:
        """Return every stream that is wanted, with the components that want it."""
        return self._wishes.get_active_subscriptions()

    def stream_status(self, stream: StreamKey) -> StreamStatus:
        """Return how far the exchange serves a stream."""
        return self._desk.status(stream) if self.is_available(stream.websocket_type) else StreamStatus.WANTED

    def subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return {ws_type: endpoint.keeper.statistics() for ws_type, endpoint in self._endpoints.items()}

    def routing_statistics(self) -> RoutingStatistics:
        """Return rates, latencies and queues."""
        return self._routing.get_routing_statistics()

    def connection_metrics(self, ws_type: WebSocketType) -> ConnectionMetrics:
        """Return one line's figures."""
        return self._watch.monitor.connection_metrics(ws_type)

    async def get_performance_metrics(self) -> PerformanceMetrics:
        """Return the whole program's figures, read off now."""
        self._watch.observe()
        return self._watch.monitor.performance_metrics()

    async def get_health_status(self) -> HealthStatus:
        """Return the health of each line and the whole, with reasons, judged now."""
        self._watch.observe()
        return self._watch.monitor.health_status()

    async def get_subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return self.subscription_statistics()

    async def analyze_connection_independence(self) -> object:
        """Return whether the lines disturb each other; None where that part is switched off."""
        self._watch.observe()
        independence = self._watch.monitor.independence
        return None if independence is None else independence.monitor_cross_connection_impact()

    # -- actions -------------------------------------------------------------------------------------------------------
    async def optimize_subscriptions(self) -> dict[WebSocketType, tuple[SubscriptionSpec, ...]]:
        """Return the fewest wishes that one request for each line's union needs."""
        return {ws_type: await self._wishes.optimize_subscription_requests(ws_type) for ws_type in self._endpoints}

    async def reconnect(self, ws_type: WebSocketType) -> None:
        """Replace a line: the new one is up and proved before the old one goes. A failed line is tried again."""
        self._check_usable()
        await self._endpoint(ws_type).connection.reconnect()

    async def force_cleanup_dead_references(self) -> int:
        """Remove components whose owner is gone or that stopped consuming, now; return how many there were."""
        return self.sweep()

    def sweep(self) -> int:
        """Do what the clean-up task does; return how many components were removed."""
        result = self._routing.sweep(self._loop.time())
        gone = [*result.dead, *result.removed]
        for component_id in gone:
            self._desk.unregister(component_id)
        return len(gone)

    def find_stalled(self) -> None:
        """Report components that have stopped consuming, and remove those that have for too long."""
        self.sweep()

    def component_outline(self) -> tuple[dict[str, Priority], dict[str, int]]:
        """Return the most urgent priority of each component, and the number of its streams."""
        return self._desk.outline()

    def add_listener(self, listener: ManagerListener) -> None:
        """Tell a listener what happens from now on."""
        self._news.add(listener)

    def remove_listener(self, listener: ManagerListener) -> None:
        """Stop telling a listener."""
        self._news.remove(listener)

    # -- what the rooms say (may come from inside a Task) --------------------------------------------------------------
    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """Pass a line's state on."""
        self._news.tell(lambda listener: listener.on_connection_state(ws_type, change))
        self._refresh_state()

    def on_gap(self, gap: GapEvent) -> None:
        """Pass a gap on."""
        self._watch.count_gap(gap.ws_type)
        self._news.tell(lambda listener: listener.on_gap(gap))

    def on_connection_error(self, error: WebSocketError) -> None:
        """Pass an error on."""
        self._news.tell(lambda listener: listener.on_error(error))

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """Pass a stream's status on, to its components and to listeners."""
        error = None
        (self._failed.add if status.is_failed else self._failed.discard)(stream)
        if status is StreamStatus.UNSERVED:
            error = SubscriptionError(
                "the exchange does not serve it: delisted, misspelt, or nothing to say",
                spec=stream,
                codes=(stream.symbol,),
            )
        self._tell_status(stream, status, error)

    def on_rejected(self, component_id: str, error: SubscriptionError) -> None:
        """Pass a refused wish on."""
        self._news.tell(lambda listener: listener.on_error(error))

    # -- inside --------------------------------------------------------------------------------------------------------
    def _make_pool(self) -> DataPoolManager | None:
        if not self.config.data_pool:
            return None
        return DataPoolManager(history_length=self.config.history_length, limit=self.config.data_pool_bytes)

    def _make_endpoints(self, rng: Random | None) -> dict[WebSocketType, Endpoint]:
        limiter = ConnectLimiter(self.config.connects_per_second)
        return {
            ws_type: Endpoint(
                ws_type,
                self.config,
                self,
                wishes=self._wishes,
                drain=self._drain,
                epochs=self._epochs,
                connect_limiter=limiter,
                jwt=self._jwt,
                rng=rng,
            )
            for ws_type in WebSocketType
            if self.config.url(ws_type) is not None
            and (ws_type is WebSocketType.PUBLIC or self.config.credentials is not None)
        }

    def _endpoint(self, ws_type: WebSocketType) -> Endpoint:
        endpoint = self._endpoints.get(ws_type)
        if endpoint is None:
            raise SubscriptionError(
                f"the {ws_type} line is not available: it needs credentials, and a region that has it"
            )
        return endpoint

    def _check_usable(self) -> None:
        if self._state in (GlobalManagerState.STOPPING, GlobalManagerState.STOPPED):
            raise ConfigurationError("instance", "stopped", "a new manager; a stopped one cannot be used again")

    def _on_wishes_changed(self, changed: frozenset[WebSocketType]) -> None:
        if self._state is GlobalManagerState.INITIALIZING:
            return
        for ws_type in changed:
            if ws_type in self._endpoints:
                self._endpoints[ws_type].wishes_changed()
        self._refresh_state()
        self._news.tell(lambda listener: listener.on_subscriptions_changed())

    def _tell_status(self, stream: StreamKey, status: StreamStatus, error: WebSocketError | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon(self._desk.announce, stream, status, error)
        self._news.tell(lambda listener: listener.on_stream_status(stream, status))
        self._refresh_state()

    def _on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        self._news.tell(lambda listener: listener.on_epoch(ws_type, epoch))

    def _on_component_failed(self, component_id: str, error: Exception) -> None:
        self._news.tell(lambda listener: listener.on_component_failed(component_id, error))

    def _on_decode_error(self, ws_type: WebSocketType, error: DecodeError) -> None:
        self._watch.count_decode_error(ws_type)
        self._news.tell(lambda listener: listener.on_error(error))

    def _on_control(self, ws_type: WebSocketType, message: Message) -> None:
        """Hand on what the sink did not recognise as a control frame by its first bytes."""
        line = self._endpoints[ws_type].connection.line
        if line is not None and line.control is not None:
            line.control(message)  # type: ignore[arg-type]  # routing passes events nowhere but to routes

    def _refresh_state(self) -> None:
        if self._state in (GlobalManagerState.INITIALIZING, GlobalManagerState.STOPPING, GlobalManagerState.STOPPED):
            return
        self._set_state(self._judge_state())

    def _judge_state(self) -> GlobalManagerState:
        wanted = [endpoint for endpoint in self._endpoints.values() if endpoint.is_wanted]
        states = {endpoint.connection.state for endpoint in wanted}
        if not wanted:
            return GlobalManagerState.IDLE
        if states == {ConnectionState.FAILED}:
            return GlobalManagerState.ERROR
        if states & _GOING:
            return GlobalManagerState.RECOVERING
        if ConnectionState.FAILED in states or self._has_failed_streams():
            return GlobalManagerState.DEGRADED
        return GlobalManagerState.ACTIVE

    def _has_failed_streams(self) -> bool:
        self._failed = {stream for stream in self._failed if self._wishes.wants(stream)}
        return bool(self._failed)

    def _set_state(self, state: GlobalManagerState) -> None:
        if state is not self._state:
            self._state = state
            self._news.tell(lambda listener: listener.on_state(state))

    def _arm_frame(self) -> None:
        if self._frame_timer is None:
            self._frame_timer = self._loop.call_later(1.0 / self.config.frame_rate, self._flush_frames)

    def _flush_frames(self) -> None:
        self._frame_timer = None
        self._routing.flush_frames()


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "loop", None, "a running event loop: make the manager in a coroutine or in a callback of the loop"
        ) from None
