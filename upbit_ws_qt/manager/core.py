"""GlobalWebSocketManager: the wishes of all components on one line per endpoint."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError, WebSocketError
from upbit_ws_qt.manager.components import read_arguments
from upbit_ws_qt.manager.journal import Journal
from upbit_ws_qt.manager.parts import running_loop
from upbit_ws_qt.manager.questions import ManagerQuestions
from upbit_ws_qt.manager.snapshots import fetch_snapshot
from upbit_ws_qt.manager.trace import TraceDesk
from upbit_ws_qt.manager.watch import Watch
from upbit_ws_qt.program import require_same
from upbit_ws_qt.types import GlobalManagerState, IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.manager.handle import ComponentsSnapshot, ComponentSubscription
    from upbit_ws_qt.manager.listener import ManagerListener
    from upbit_ws_qt.manager.trace import FrameTrace
    from upbit_ws_qt.monitoring import AdaptationPlan
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import OptimizationResult, RestoreResult, StreamStatus
    from upbit_ws_qt.types import SubscriptionSpec

__all__ = ["GlobalWebSocketManager"]

_OVER = frozenset({GlobalManagerState.STOPPING, GlobalManagerState.STOPPED})


class GlobalWebSocketManager(ManagerQuestions):
    """Holds one line per endpoint that is needed and serves every component from it.

    It is made inside a running asyncio loop and stays on it; `get_instance()`, or `instance()` where nothing can be
    awaited, makes the one of the program. Nothing is dialled before `start()`, and a stopped manager cannot be started
    again. Without credentials only public data can be wanted.
    """

    _instance: ClassVar[GlobalWebSocketManager | None] = None
    # A plain lock does what an asyncio lock would: making an instance never awaits. It also holds between threads.
    _instance_lock: ClassVar[threading.Lock] = threading.Lock()
    # What the program's service was made with, None while there is none that lives; the qt room sets this.
    config_of_service: ClassVar[Callable[[], ServiceConfig | None]] = staticmethod(lambda: None)

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
        """Return the program's manager, made at the first call; see `instance`."""
        return cls.instance(config)

    @classmethod
    def instance(cls, config: ServiceConfig | None = None) -> Self:
        """Return the program's manager, made at the first call; from a coroutine or a callback of its loop.

        It is the one behind the program's WebSocketService, whichever of the two is asked for first: one set of lines
        for the whole program. Without a configuration it is the service's, or the default. One that was stopped is
        replaced where there is a new service, or a new loop after the old one was closed.

        Raises:
            ConfigurationError: it lives on another loop, was stopped (see `reset_instance`), or it or the program's
                service has another configuration than the one given; GlobalWebSocketManager(config) makes one that is
                not the program's.
        """
        loop = running_loop()
        of_service = cls.config_of_service()
        with cls._instance_lock:
            found = cls._instance
            if found is not None and (found._loop.is_closed() or not (found.is_usable or of_service is None)):
                found = None  # a new loop, or a new service, is a new life
            if found is not None and (not isinstance(found, cls) or found._loop is not loop):
                raise ConfigurationError(
                    "loop", "another event loop", "calls from the loop that the manager was made on"
                )
            if found is not None and not found.is_usable:
                raise ConfigurationError("instance", "stopped", "reset_instance() before a new one is made")
            settled = of_service if found is None else found.config
            if settled is not None:
                require_same(settled, config)
            if found is None:
                found = cls._instance = cls(config or settled)
            return found

    @classmethod
    def living(cls) -> GlobalWebSocketManager | None:
        """Return the program's manager if there is one that can be used; makes none."""
        found = cls._instance
        return found if found is not None and found.is_usable else None

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

    @property
    def is_usable(self) -> bool:
        """Whether it can still be used: it was not stopped, and its loop was not closed."""
        return not self._loop.is_closed() and self._state not in _OVER

    async def stop(self) -> None:
        """End everything within 2 s whatever the peers do; no task, socket or timer is left. Idempotent."""
        await asyncio.shield(self.begin_stop())

    def begin_stop(self) -> asyncio.Task[None]:
        """Begin what `stop` awaits, from a plain callback; from now on nothing can be wanted."""
        if self._stopping is None:
            self._set_state(GlobalManagerState.STOPPING)
            self._stopping = self._loop.create_task(self._stop(), name="upbit_ws_qt manager stop")
        return self._stopping

    def abandon(self) -> None:
        """Let go of everything at once, because the process ends: no loop will run any more, and nobody is told."""
        self._state = GlobalManagerState.STOPPED
        self._watch.stop()
        for endpoint in self._endpoints.values():
            endpoint.abandon()
        self._drain.stop()
        self._journal.close()

    async def _stop(self) -> None:
        self._watch.stop()
        for move in self._moves:
            move.cancel()
        self._desk.close_all()
        if self._following is not None:
            self._following.cancel()
            self._news.tell(lambda listener: listener.on_subscriptions_changed())
        try:
            # No limit of time around it: each line cuts itself off after a second, and a loop that stood still for
            # longer than a limit would only be told so by an error, with the lines left as they are.
            await asyncio.gather(*(endpoint.stop() for endpoint in self._endpoints.values()))
        finally:
            self._drain.stop()
            await self._routing.stop()
            if self._frame_timer is not None:
                self._frame_timer.cancel()
            self._set_state(GlobalManagerState.STOPPED)
            self._journal.close()

    # -- components ----------------------------------------------------------------------------------------------------
    @overload
    def register_component(
        self,
        component_id: str,
        subscriptions: SubscriptionSpec | Iterable[SubscriptionSpec],
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None = None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None = None,
        restorable: bool = True,
        on_restore: Callable[[tuple[SubscriptionSpec, ...]], object] | None = None,
    ) -> ComponentSubscription: ...

    @overload
    def register_component(
        self,
        component_id: str,
        instance: object,
        subscriptions: SubscriptionSpec | Iterable[SubscriptionSpec],
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None = None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None = None,
        restorable: bool = True,
        on_restore: Callable[[tuple[SubscriptionSpec, ...]], object] | None = None,
    ) -> ComponentSubscription: ...

    def register_component(
        self,
        component_id: str,
        *wanted: Any,
        alive: Callable[[], bool] | None = None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None = None,
        restorable: bool = True,
        on_restore: Callable[[tuple[SubscriptionSpec, ...]], object] | None = None,
        **named: Any,
    ) -> ComponentSubscription:
        """Hand the events of some wishes to a callback until the registration is closed.

        `register_component(component_id, instance, subscriptions, callback)`, or without the instance. A component may
        register several times; `unregister_component` ends all of it. What is known already comes at once, marked as
        snapshot. The registration is made when this returns; it may be awaited, which adds nothing.

        Args:
            component_id: whose wishes these are; shown in figures and errors.
            *wanted: in this order, or by these names:
                instance: the object that they are for: the registration ends when nothing refers to it any more, and
                its own methods are held weakly. None, or leaving it out, ties the registration to no object. Widgets
                are better served by WebSocketClientProxy, which also notices that Qt deleted one.
                subscriptions: one wish or several.
                callback: called with each event from the loop, never from inside a Task; a coroutine function is
                awaited by a worker of its own.
            alive: asked every `cleanup_interval`; once it returns False the component is removed.
            on_status: called with (stream, status, error) when a stream becomes served, unserved or rejected.
            restorable: whether `capture_state` takes it in; False where something else decides what is wanted.
            on_restore: called by `restore_state` with what it wanted, instead of registering it again.
            **named: see `wanted`.

        Raises:
            SubscriptionError: a wish that the exchange would refuse, or one for a line that is not available
                (no credentials); nothing is registered then.
            ConfigurationError: a bad component id or callback, arguments in another order, or the manager was stopped.
            TypeError: too few or too many arguments.
        """
        self._check_usable()
        given = read_arguments(wanted, named)
        return self._desk.register(
            component_id, *given, alive=alive, on_status=on_status, restorable=restorable, on_restore=on_restore
        )

    def unregister_component(self, component_id: str) -> bool:
        """End all registrations of a component; False where it has none."""
        return self._desk.unregister(component_id)

    def resume(self, component_id: str) -> bool:
        """Serve a quarantined component again, and want again what it gave back; False where it is not quarantined."""
        return self._desk.resume(component_id)

    def capture_state(self) -> ComponentsSnapshot:
        """Return a picture of who wants what, to compare with a later one or to put back with `restore_state`."""
        return self._desk.capture(self._loop.time())

    async def restore_state(self, snapshot: ComponentsSnapshot) -> RestoreResult:
        """Make the wishes those of a picture, with the callbacks that they had then.

        What was closed since is registered again, what was changed wants what it wanted, and what came later is
        closed. A component whose owner is gone, or one of whose wishes the exchange refuses now, is in `failed` and
        keeps what it has. Channels are left alone: who listens to them decides what they want.
        """
        self._check_usable()
        return self._desk.restore(snapshot)

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
    async def optimize_subscriptions(self) -> dict[WebSocketType, OptimizationResult]:
        """Return, for each line, the one request that asks for all that is wanted, as this session would send it now.

        What flows already is asked for without its snapshot, and what the session has learnt about the exchange is
        kept to. The library sends such requests by itself; this shows what they hold.
        """
        return {ws_type: endpoint.keeper.optimize() for ws_type, endpoint in self._endpoints.items()}

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
        if (independence := self._watch.monitor.independence) is not None:
            independence.note_level(level)
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
        """Remove components whose owner is gone or that stopped consuming for too long; return how many there were.

        The clean-up task does this every `cleanup_interval`.
        """
        result = self._routing.sweep(self._loop.time())
        gone = [*result.dead, *result.removed]
        for component_id in gone:
            self._desk.unregister(component_id)
        return len(gone)

    def find_stalled(self) -> None:
        """Report components that have stopped consuming; removing them is the clean-up task's."""
        self._routing.report_stalled(self._loop.time())

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
        if self._state in _OVER:
            raise ConfigurationError("instance", "stopped", "a new manager; a stopped one cannot be used again")
