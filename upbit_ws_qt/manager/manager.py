"""GlobalWebSocketManager: the wishes of all components on one line per endpoint."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self, overload

from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.manager.components import read_arguments
from upbit_ws_qt.manager.endpoint import fetch_snapshot
from upbit_ws_qt.manager.wiring import Wiring, running_loop
from upbit_ws_qt.program import PROGRAM
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.backfill import AccountState
    from upbit_ws_qt.computer import Computer
    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import RawFrame
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.components import ComponentsSnapshot, ComponentSubscription
    from upbit_ws_qt.manager.endpoint import LineSource
    from upbit_ws_qt.manager.notify import ManagerListener
    from upbit_ws_qt.monitoring import ConnectionImpact, HealthStatus, Monitor, PerformanceMetrics
    from upbit_ws_qt.monitoring.prediction import ResourcePrediction
    from upbit_ws_qt.rest import RestClient
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import OptimizationResult, RestoreResult, StreamStatus, SubscriptionStatistics
    from upbit_ws_qt.types import GlobalManagerState, WebSocketType

__all__ = ["GlobalWebSocketManager"]


class GlobalWebSocketManager:
    """Holds one line per endpoint that is needed and serves every component from it.

    It is made inside a running asyncio loop and stays on it; `get_instance()`, or `instance()` where nothing can be
    awaited, makes the one of the program. Nothing is dialled before `start()`; where something is wanted and nobody
    calls it, one warning says so. A stopped manager cannot be started again. Without credentials only public data
    can be wanted.

    Args:
        config: the settings.
        computer: whose clocks and chance everything goes by.
        source: where the lines come from instead of the network.
        on_frame: is given each frame in place of the routing: nothing is decoded then, no component handed anything.

    Attributes:
        config: the settings.
        wiring: what it is made of, for tests and tools that look inside.
    """

    _instance: ClassVar[GlobalWebSocketManager | None] = None
    # A plain lock does what an asyncio lock would: making an instance never awaits. It also holds between threads.
    _instance_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        config: ServiceConfig | None = None,
        *,
        computer: Computer | None = None,
        source: LineSource | None = None,
        on_frame: Callable[[RawFrame], None] | None = None,
    ) -> None:
        self.wiring = Wiring(config, computer=computer, source=source, on_frame=on_frame)
        self.config = self.wiring.config
        _, self._metrics_collector_task, self._health_monitor_task, self._cleanup_monitor_task = (
            self.wiring.observer.tasks
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state} {len(self.get_active_subscriptions())} streams>"

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
        with cls._instance_lock:
            found = cls._instance
            if found is not None and found.wiring.loop.is_closed():
                found = None  # a new loop is a new life
            if found is not None and not found.wiring.is_usable and PROGRAM.config_of("service") is not None:
                found = None  # and so is a new service
            if found is not None and (not isinstance(found, cls) or found.wiring.loop is not loop):
                raise ConfigurationError(
                    "loop", "another event loop", "calls from the loop that the manager was made on"
                )
            if found is not None and not found.wiring.is_usable:
                raise ConfigurationError("instance", "stopped", "reset_instance() before a new one is made")
            settled = PROGRAM.settle(config)
            if found is None:
                found = cls._instance = cls(settled)
                PROGRAM.claim("manager", lambda: None if cls._instance is None else cls._instance.wiring)
            return found

    @classmethod
    async def reset_instance(cls) -> None:
        """Stop the program's manager, if there is one, and forget it; the next `get_instance()` makes a new one.

        One that lives on a loop which was closed without stopping it is forgotten; its sockets went with the loop.
        """
        with cls._instance_lock:
            instance, cls._instance = cls._instance, None
        if instance is not None and instance.wiring.loop is asyncio.get_running_loop():
            await instance.stop()

    # -- life ----------------------------------------------------------------------------------------------------------
    @property
    def state(self) -> GlobalManagerState:
        """How it stands with the whole."""
        return self.wiring.state

    async def start(self) -> None:
        """Begin to dial what is wanted; a second call changes nothing, after `stop()` it is a ConfigurationError."""
        self.wiring.start()

    async def stop(self) -> None:
        """End everything within 2 s whatever the peers do; no task, socket or timer is left. Idempotent."""
        await asyncio.shield(self.wiring.begin_stop())

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
        self.wiring.require_usable()
        given = read_arguments(wanted, named)
        return self.wiring.components.register(
            component_id, *given, alive=alive, on_status=on_status, restorable=restorable, on_restore=on_restore
        )

    def unregister_component(self, component_id: str) -> bool:
        """End all registrations of a component; False where it has none."""
        return self.wiring.components.unregister(component_id)

    def resume(self, component_id: str) -> bool:
        """Serve a quarantined component again, and want again what it gave back; False where it is not quarantined."""
        return self.wiring.components.resume(component_id)

    def quarantined(self) -> dict[str, frozenset[StreamKey]]:
        """Return the components that are quarantined, with the streams that each has given back."""
        return self.wiring.components.quarantined()

    def capture_state(self) -> ComponentsSnapshot:
        """Return a picture of who wants what, to compare with a later one or to put back with `restore_state`."""
        return self.wiring.components.capture(self.wiring.loop.time())

    async def restore_state(self, snapshot: ComponentsSnapshot) -> RestoreResult:
        """Make the wishes those of a picture, with the callbacks that they had then.

        What was closed since is registered again, what was changed wants what it wanted, and what came later is
        closed. A component whose owner is gone, or one of whose wishes the exchange refuses now, is in `failed` and
        keeps what it has. Channels are left alone: who listens to them decides what they want.
        """
        self.wiring.require_usable()
        return self.wiring.components.restore(snapshot)

    def get_active_subscriptions(self) -> dict[StreamKey, tuple[str, ...]]:
        """Return every stream that is wanted, with the components that want it."""
        return self.wiring.wishes.get_active_subscriptions()

    async def force_cleanup_dead_references(self) -> int:
        """Remove now the components whose owner is gone, or that stopped consuming for too long; return how many.

        The clean-up task does this every `cleanup_interval`.
        """
        return self.wiring.sweep()

    async def fetch_snapshot(self, spec: SubscriptionSpec, timeout: float = 5.0) -> dict[str, BaseWebSocketEvent]:
        """Return the present state of each symbol that the exchange serves within `timeout` seconds.

        The streams of other components are not disturbed. Symbols that the exchange does not know are missing in the
        answer. Types without snapshots raise SubscriptionError, a line that is not up by then ConnectionLostError, and
        one that was given up what it was given up for.
        """
        wiring = self.wiring
        wiring.require_usable()
        ws_type = spec.data_type.websocket_type
        return await fetch_snapshot(
            spec,
            timeout,
            endpoint=wiring.endpoint(ws_type),
            routing=wiring.routing,
            pool=wiring.pool,
            epoch=wiring.epochs.get_current_epoch(ws_type),
        )

    # -- lines ---------------------------------------------------------------------------------------------------------
    def connection_state(self, ws_type: WebSocketType) -> ConnectionState:
        """Return the state of a line; DISCONNECTED for one that is not available."""
        endpoint = self.wiring.endpoints.get(ws_type)
        return ConnectionState.DISCONNECTED if endpoint is None else endpoint.connection.state

    async def reconnect(self, ws_type: WebSocketType) -> None:
        """Replace a line: the new one is up and proved before the old one goes. A failed line is tried again."""
        self.wiring.require_usable()
        await self.wiring.endpoint(ws_type).connection.reconnect()

    def get_current_epoch(self, ws_type: WebSocketType) -> int:
        """Return how many lines to this endpoint there have been; 0 before the first."""
        return self.wiring.epochs.get_current_epoch(ws_type)

    def is_current_epoch(self, ws_type: WebSocketType, epoch: int) -> bool:
        """Whether something stamped with `epoch` came on the present line."""
        return self.wiring.epochs.is_current_epoch(ws_type, epoch)

    def account_state(self) -> AccountState | None:
        """Return balances with what was paid for them, and open orders; None before anything of them is known.

        They are asked for where `ServiceConfig.backfill` has "order" or "asset" and somebody wants such events. What an
        event tells is in it when the event is handed out; `is_complete` says that all was asked for.
        """
        return self.wiring.account.state()

    # -- REST ----------------------------------------------------------------------------------------------------------
    @property
    def rest(self) -> RestClient:
        """What asks the exchange's REST interface, for the whole program within one budget; it ends with `stop()`."""
        return self.wiring.rest

    # -- figures -------------------------------------------------------------------------------------------------------
    @property
    def monitor(self) -> Monitor:
        """Metrics, health, history and alerts, as of the last reading."""
        return self.wiring.observer.monitor

    async def get_performance_metrics(self) -> PerformanceMetrics:
        """Return the whole program's figures, read off now."""
        self.wiring.observer.observe()
        return self.monitor.performance_metrics()

    async def get_health_status(self) -> HealthStatus:
        """Return the health of each line and the whole, with reasons, judged now."""
        self.wiring.observer.observe()
        return self.monitor.health_status()

    async def get_subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return self.wiring.subscription_statistics()

    async def optimize_subscriptions(self) -> dict[WebSocketType, OptimizationResult]:
        """Return, for each line, the one request that asks for all that is wanted, as this session would send it now.

        What flows already is asked for without its snapshot, and what the session has learnt about the exchange is
        kept to. The library sends such requests by itself; this shows what they hold.
        """
        return {ws_type: endpoint.sync.optimize() for ws_type, endpoint in self.wiring.endpoints.items()}

    async def analyze_connection_independence(self) -> tuple[ConnectionImpact, ...] | None:
        """Return whether the lines disturb each other; None where that part is switched off."""
        self.wiring.observer.observe()
        independence = self.monitor.independence
        return None if independence is None else independence.monitor_cross_connection_impact()

    def predict_resource_usage(self, specs: Iterable[SubscriptionSpec] | None = None) -> ResourcePrediction | None:
        """Return what subscriptions would cost together, from the rates that were measured so far.

        Args:
            specs: what would be wanted; None for all that is wanted now.

        Returns:
            Messages, bytes and callbacks a second, share of a core and memory; None where `ServiceConfig.adaptive` is
            off, since nothing is measured for it then.
        """
        adaptive = self.monitor.adaptive
        if adaptive is None:
            return None
        return adaptive.predict_resource_usage(self.wiring.components.specs() if specs is None else specs)

    def add_listener(self, listener: ManagerListener) -> None:
        """Tell a listener what happens from now on."""
        self.wiring.notifier.add(listener)

    def remove_listener(self, listener: ManagerListener) -> None:
        """Stop telling a listener."""
        self.wiring.notifier.remove(listener)
