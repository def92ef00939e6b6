"""GlobalWebSocketManager: the wishes of all components on one line per endpoint."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError, WebSocketError
from upbit_ws_qt.manager.journal import Journal
from upbit_ws_qt.manager.questions import ManagerQuestions
from upbit_ws_qt.manager.snapshots import fetch_snapshot
from upbit_ws_qt.manager.trace import TraceDesk
from upbit_ws_qt.manager.watch import Watch
from upbit_ws_qt.types import GlobalManagerState, IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.manager.handle import ComponentSubscription
    from upbit_ws_qt.manager.listener import ManagerListener
    from upbit_ws_qt.manager.trace import FrameTrace
    from upbit_ws_qt.monitoring import AdaptationPlan
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import SubscriptionSpec

__all__ = ["GlobalWebSocketManager"]

_STOP_WITHIN = 2.0


class GlobalWebSocketManager(ManagerQuestions):
    """Holds one line per endpoint that is needed and serves every component from it.

    It is made inside a running asyncio loop and stays on it; `get_instance()` makes the one of the program. Nothing is
    dialled before `start()`, and a stopped manager cannot be started again. Without credentials only public data
    can be wanted.
    """

    _instance: ClassVar[GlobalWebSocketManager | None] = None
    # A plain lock does what an asyncio lock would: making an instance never awaits. It also holds between threads.
    _instance_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, config: ServiceConfig | None = None, *, rng: Random | None = None) -> None:
        super().__init__(config, rng=rng)
        self._watch = Watch(self)
        _, self._metrics_collector_task, self._health_monitor_task, self._cleanup_monitor_task = self._watch.tasks
        self._journal = Journal(self._loop.time, json_lines=self.config.json_logs)
        self._news.add(self._journal)
        self._stopping: asyncio.Task[None] | None = None
        self._moves: set[asyncio.Task[None]] = set()
        self._traces = TraceDesk(self._endpoints)

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
        self._journal.open()
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
        for move in self._moves:
            move.cancel()
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
            self._journal.close()

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

    # -- actions -------------------------------------------------------------------------------------------------------
    async def optimize_subscriptions(self) -> dict[WebSocketType, tuple[SubscriptionSpec, ...]]:
        """Return the fewest wishes that one request for each line's union needs."""
        return {ws_type: await self._wishes.optimize_subscription_requests(ws_type) for ws_type in self._endpoints}

    async def reconnect(self, ws_type: WebSocketType) -> None:
        """Replace a line: the new one is up and proved before the old one goes. A failed line is tried again."""
        self._check_usable()
        await self._endpoint(ws_type).connection.reconnect()

    def adapt(self, plan: AdaptationPlan) -> None:
        """Give up under load what a plan says, or take it back; what is decided by the monitor comes here by itself."""
        self._desk.adapt(plan)
        self._routing.slow_frames(plan.frame_divisor)

    def undo_adaptation(self) -> bool:
        """Take back the latest thing given up under load, for ten minutes at least; False where nothing is."""
        return self._watch.undo_adaptation()

    def raise_independence(self, level: IndependenceLevel) -> None:
        """Separate the lines better from now on; a level below the one in force changes nothing.

        ISOLATED moves each line to a thread of its own; the old socket serves until the new one is proved.
        """
        if level is not IndependenceLevel.BASIC:
            self._drain.level = max(self._drain.level, level, key=list(IndependenceLevel).index)
        if level is IndependenceLevel.ISOLATED:
            for endpoint in self._endpoints.values():
                move = self._loop.create_task(self._isolate(endpoint), name=f"isolate {endpoint.ws_type.value}")
                self._moves.add(move)
                move.add_done_callback(self._moves.discard)

    async def _isolate(self, endpoint: Endpoint) -> None:
        try:
            await endpoint.isolate()
        except WebSocketError as error:
            self.on_connection_error(error)

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

    def trace_frames(self) -> FrameTrace:
        """Begin to keep the last 500 raw frames, the private ones masked; costs time for each frame until closed."""
        return self._traces.open()

    def add_listener(self, listener: ManagerListener) -> None:
        """Tell a listener what happens from now on."""
        self._news.add(listener)

    def remove_listener(self, listener: ManagerListener) -> None:
        """Stop telling a listener."""
        self._news.remove(listener)

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
