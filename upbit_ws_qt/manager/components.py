"""The components: what each has registered, the wishes that this comes to, and the routes that serve them."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from types import MethodType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakMethod, ref

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.manager.notify import CallQueue
from upbit_ws_qt.monitoring.adaptive import AdaptationPlan
from upbit_ws_qt.routing import owner_lives
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import streams_of
from upbit_ws_qt.subscriptions import RestoreResult, SnapshotData, names_of
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire import region_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping

    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.routing import DataRoutingEngine, Route
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStateManager
    from upbit_ws_qt.types import WebSocketType

__all__ = ["ComponentRegistry", "ComponentSubscription", "ComponentsSnapshot", "hold_callback", "read_arguments"]

_ORDER = "the order is register_component(component_id, instance, subscriptions, callback), or without the instance"


@dataclass(frozen=True, slots=True)
class ComponentsSnapshot(SnapshotData):
    """Who wanted what at one time, with the registrations, and so the callbacks, that it takes to put it back.

    It keeps no owner alive whose own methods are the callbacks; a lambda, and what it mentions, is kept with it.

    Attributes:
        registrations: each with what it wanted.
    """

    registrations: tuple[tuple[ComponentSubscription, tuple[SubscriptionSpec, ...]], ...] = ()


class ComponentSubscription:
    """One registration of a component; made by `GlobalWebSocketManager.register_component`.

    Attributes:
        component_id: whose it is.
        closed: whether it has ended; a closed one stays closed.
        quarantined: whether its component is quarantined: what it wants is not asked of the exchange for its sake, and
            it is handed nothing, until `resume(component_id)`.
    """

    def __init__(
        self,
        owner: ComponentRegistry,
        component_id: str,
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None,
        restorable: bool = True,
        on_restore: Callable[[tuple[SubscriptionSpec, ...]], object] | None = None,
    ) -> None:
        self.component_id = component_id
        self.callback = callback
        self.alive = alive
        self.on_status = on_status
        self.restorable = restorable
        self.on_restore = on_restore
        self.closed = False
        self.quarantined = False
        self.routes: dict[SubscriptionSpec, Route] = {}
        self.asked: tuple[SubscriptionSpec, ...] = ()  # its wishes as they are counted: under load not as they came
        self._owner = owner
        self._specs: tuple[SubscriptionSpec, ...] = ()
        self._streams: frozenset[StreamKey] = frozenset()

    def __await__(self) -> Generator[Any, None, Self]:
        """Return the registration, which is made already; `wait_served` waits for the exchange."""
        yield from ()
        return self

    @property
    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """Its wishes."""
        return self._specs

    @property
    def streams(self) -> frozenset[StreamKey]:
        """The streams its wishes are about."""
        return self._streams

    def status(self, stream: StreamKey) -> StreamStatus:
        """Return how far the exchange serves one of its streams."""
        return self._owner.status(stream)

    def set_specs(self, specs: SubscriptionSpec | Iterable[SubscriptionSpec]) -> None:
        """Want something else from now on, all at once; what stays wanted flows on undisturbed.

        A wish that cannot be served raises SubscriptionError and nothing changes.
        """
        self._owner.change(self, specs)

    async def wait_served(self, timeout: float | None = None) -> None:
        """Return when the exchange serves all its streams.

        Args:
            timeout: seconds; None waits for as long as the line may take to come up.

        Raises:
            SubscriptionError: naming the streams that the exchange refuses or does not serve.
            ConnectionLostError: after `timeout`, where the line is not up.
            TimeoutError: after `timeout`, where it is, and the exchange has neither served nor refused all of it.
            WebSocketError: what the line was given up for (AuthenticationError, say); it is dialled again when asked.
        """
        await self._owner.wait_served(self, timeout)

    def close(self) -> None:
        """End the wishes; may be called at any time, also inside the callback, and more than once."""
        self._owner.close(self)

    def adopt(self, specs: tuple[SubscriptionSpec, ...]) -> None:
        """Take over the wishes that the manager has accepted; for its registry only."""
        self._specs = specs
        self._streams = frozenset(stream for spec in specs for stream in streams_of(spec))


class ComponentRegistry:
    """Keeps registrations, wishes and routes in step; every change is made at once or not at all.

    Args:
        wishes: what all components want.
        routing: who is handed what.
        endpoints: the lines that there are; a wish for another one is refused.
        on_changed: called after each change.
        on_refused: told of a wish that cannot be given back to a component that was resumed.
        begin_with_past: told of a new route whose wish begins with the past, or is for what has no snapshots.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wishes: SubscriptionStateManager,
        routing: DataRoutingEngine,
        endpoints: Mapping[WebSocketType, Endpoint],
        on_changed: Callable[[frozenset[WebSocketType]], None],
        on_refused: Callable[[str, SubscriptionError], None],
        begin_with_past: Callable[[Route], None],
        region: str = "kr",
    ) -> None:
        self._loop = loop
        self._region = region
        self._wishes = wishes
        self._routing = routing
        self._endpoints = endpoints
        self._on_changed = on_changed
        self._on_refused = on_refused
        self._begin_with_past = begin_with_past
        self._plan = AdaptationPlan()
        self._handles: dict[str, dict[ComponentSubscription, None]] = {}
        self._by_stream: dict[StreamKey, set[ComponentSubscription]] = {}
        self._calls = CallQueue(loop)

    def __contains__(self, component_id: str) -> bool:
        return component_id in self._handles

    @property
    def component_ids(self) -> tuple[str, ...]:
        """Everybody who has a registration."""
        return tuple(self._handles)

    def register(
        self,
        component_id: str,
        instance: object,
        subscriptions: SubscriptionSpec | Iterable[SubscriptionSpec],
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None,
        restorable: bool,
        on_restore: Callable[[tuple[SubscriptionSpec, ...]], object] | None,
    ) -> ComponentSubscription:
        """See GlobalWebSocketManager.register_component."""
        if not component_id or not isinstance(component_id, str):
            raise ConfigurationError("component_id", component_id, "a non-empty text")
        if not callable(callback):
            raise ConfigurationError("callback", callback, f"a callable that takes one event; {_ORDER}")
        bond = None if instance is None else _Bond(instance, alive, self._loop)
        handle = ComponentSubscription(
            self,
            component_id,
            hold_callback(callback, instance),
            alive=alive if bond is None else bond.is_alive,
            on_status=on_status,
            restorable=restorable,
            on_restore=on_restore,
        )
        self.change(handle, subscriptions)
        if bond is not None:
            bond.ends(handle)
        return handle

    def change(
        self, handle: ComponentSubscription, subscriptions: SubscriptionSpec | Iterable[SubscriptionSpec]
    ) -> None:
        """Make `subscriptions` all that a registration wants."""
        specs = _distinct(subscriptions)
        if handle.closed:
            raise SubscriptionError("this registration is closed", component_id=handle.component_id)
        if not specs:
            raise SubscriptionError(
                "nothing is wanted; close the registration instead", component_id=handle.component_id
            )
        # All that can be refused is, before anything is changed.
        for index, spec in enumerate(specs):
            self._check_line(handle.component_id, index if len(specs) > 1 else None, spec)
        handle.quarantined = self._routing.quarantine_of(handle.component_id) is not None
        if handle.quarantined:
            self._wishes.check(handle.component_id, specs)
        changed = self._ask_for(handle, () if handle.quarantined else specs)
        # From here on nothing can fail: a wish that was refused above has left no trace.
        self._handles.setdefault(handle.component_id, {})[handle] = None
        self._reroute(handle, specs)
        self._on_changed(changed)

    def close(self, handle: ComponentSubscription) -> None:
        """End a registration; idempotent."""
        if handle.closed:
            return
        handle.closed = True
        changed = self._ask_for(handle, ())
        handles = self._handles[handle.component_id]
        del handles[handle]
        if not handles:
            del self._handles[handle.component_id]
        self._reroute(handle, ())
        self._on_changed(changed)

    def unregister(self, component_id: str) -> bool:
        """End all registrations of a component; False where there was none."""
        handles = tuple(self._handles.get(component_id, ()))
        for handle in handles:
            self.close(handle)
        return bool(handles)

    def quarantine(self, component_id: str) -> None:
        """Give back what a quarantined component wants, so that nothing comes that only it wanted.

        Its registrations stay, and with them the way back: `resume`.
        """
        changed: set[WebSocketType] = set()
        for handle in self._handles.get(component_id, ()):
            handle.quarantined = True
            changed |= self._ask_for(handle, ())
            for route in handle.routes.values():
                self._routing.detach(route)
        if changed:
            self._on_changed(frozenset(changed))

    def resume(self, component_id: str) -> bool:
        """Serve a quarantined component again, and want again what it gave back; False where it is not quarantined.

        A registration with a wish that the exchange has refused meanwhile stays quarantined, and that is told.
        """
        if not self._routing.resume(component_id):
            return False
        changed: set[WebSocketType] = set()
        for handle in self._handles.get(component_id, ()):
            if not handle.quarantined:  # quarantined in this very turn of the loop: it has given nothing back yet
                continue
            try:
                changed |= self._ask_for(handle, handle.specs)
            except SubscriptionError as error:
                self._on_refused(component_id, error)
                continue
            handle.quarantined = False
            self._serve_again(handle)
            # What it gave back it heard nothing more of; from the loop, because this may be called from a Task.
            self._loop.call_soon(self._tell_how_it_stands, handle)
        self._on_changed(frozenset(changed))
        return True

    def _tell_how_it_stands(self, handle: ComponentSubscription) -> None:
        statuses = [(stream, self.status(stream)) for stream in handle.streams]
        self._calls.send([partial(_tell, handle, stream, status, None) for stream, status in statuses])

    def quarantined(self) -> dict[str, frozenset[StreamKey]]:
        """Return the components that are quarantined, with the streams that each has given back."""
        return {
            component_id: frozenset().union(*(handle.streams for handle in handles if handle.quarantined))
            for component_id, handles in self._handles.items()
            if any(handle.quarantined for handle in handles)
        }

    def capture(self, now: float) -> ComponentsSnapshot:
        """Return who wants what, with the registrations that it takes to put it back."""
        everyone = [handle for handles in self._handles.values() for handle in handles]
        return ComponentsSnapshot(
            components=self._wishes.components(),
            served=frozenset(
                stream for handle in everyone for stream in handle.streams if self.status(stream).is_served
            ),
            taken_at=now,
            registrations=tuple((handle, handle.specs) for handle in everyone if handle.restorable),
        )

    def restore(self, snapshot: ComponentsSnapshot) -> RestoreResult:
        """Make the registrations those of a picture, with their callbacks; see GlobalWebSocketManager.restore_state."""
        wanted: dict[str, dict[ComponentSubscription, tuple[SubscriptionSpec, ...]]] = {}
        for handle, specs in snapshot.registrations:
            wanted.setdefault(handle.component_id, {})[handle] = specs
        restored: list[str] = []
        unchanged: list[str] = []
        failed: dict[str, WebSocketError] = {}
        removed = []
        for name in self._handles.keys() - wanted.keys():
            if later := self._not_in({}, name):
                removed.append(name)
                self._close_each(later)
        for name, entries in wanted.items():
            differing = {
                handle: specs
                for handle, specs in entries.items()
                if handle.closed or handle.specs != specs or not owner_lives(handle.alive)
            }
            later = self._not_in(entries, name)
            try:
                for handle, specs in differing.items():  # all of a component's first: it comes back whole or not at all
                    self._check_restorable(handle, specs)
                for handle, specs in differing.items():
                    self._put_back(handle, specs)
            except SubscriptionError as error:
                failed[name] = error
                continue
            self._close_each(later)
            (restored if later or differing else unchanged).append(name)
        return RestoreResult(tuple(restored), tuple(unchanged), tuple(sorted(removed)), failed)

    def _not_in(self, kept: Collection[ComponentSubscription], component_id: str) -> list[ComponentSubscription]:
        """Return a component's registrations that a picture does not have."""
        return [handle for handle in self._handles.get(component_id, ()) if handle.restorable and handle not in kept]

    def _close_each(self, handles: Iterable[ComponentSubscription]) -> None:
        for handle in handles:
            self.close(handle)

    def _check_restorable(self, handle: ComponentSubscription, specs: tuple[SubscriptionSpec, ...]) -> None:
        if not owner_lives(handle.alive):
            raise SubscriptionError("its owner is gone", component_id=handle.component_id)
        for index, spec in enumerate(specs):
            self._check_line(handle.component_id, index, spec)
        self._wishes.check(handle.component_id, [spec for spec in specs if spec not in handle.specs or handle.closed])

    def _put_back(self, handle: ComponentSubscription, specs: tuple[SubscriptionSpec, ...]) -> None:
        if handle.on_restore is not None:
            handle.on_restore(specs)
            return
        was_closed, handle.closed = handle.closed, False
        try:
            self.change(handle, specs)
        except SubscriptionError:
            handle.closed = was_closed
            raise

    def adapt(self, plan: AdaptationPlan) -> None:
        """Serve everybody as a plan says, which gives up something under load or takes it back.

        What a component asked for stays noted; its streams and their order are not touched. A registration with a wish
        that the exchange has refused meanwhile is served on as it is, until the next plan.
        """
        self._plan = plan
        changed: set[WebSocketType] = set()
        touched: list[ComponentSubscription] = []
        for handles in self._handles.values():
            for handle in handles:
                if handle.quarantined or handle.asked == tuple(map(self._served, handle.specs)):
                    continue
                try:
                    changed |= self._ask_for(handle, handle.specs)
                except SubscriptionError:  # its owner was told when it was refused
                    continue
                touched.append(handle)
        for handle in touched:
            self._serve_anew(handle)
        if changed:
            self._on_changed(frozenset(changed))

    def close_all(self) -> None:
        """End everything."""
        for component_id in tuple(self._handles):
            self.unregister(component_id)

    def status(self, stream: StreamKey) -> StreamStatus:
        """Return how far the exchange serves a stream."""
        return self._endpoints[stream.websocket_type].sync.status(stream)

    async def wait_served(self, handle: ComponentSubscription, timeout: float | None) -> None:
        """Return when all streams of a registration are served; see ComponentSubscription.wait_served."""
        if handle.quarantined:
            raise SubscriptionError(
                "the component is quarantined; resume it first", component_id=handle.component_id
            ) from self._routing.quarantine_of(handle.component_id)
        by_line: dict[WebSocketType, list[StreamKey]] = {}
        for stream in handle.streams:
            by_line.setdefault(stream.websocket_type, []).append(stream)
        try:
            async with asyncio.timeout(timeout):
                for ws_type, streams in by_line.items():
                    await self._endpoints[ws_type].sync.wait_served(streams)
        except TimeoutError:
            for ws_type in by_line:
                self._endpoints[ws_type].require_line(f"it did not come up within {timeout:g} s")
            waiting = [s for s in handle.streams if not (self.status(s).is_served or self.status(s).is_failed)]
            reason = f"the exchange has not shown within {timeout:g} s that it serves {names_of(waiting)}"
            raise TimeoutError(reason) from None

    def announce(self, stream: StreamKey, status: StreamStatus, error: WebSocketError | None = None) -> None:
        """Tell the registrations that want a stream how it stands; from a plain callback of the loop."""
        handles = self._by_stream.get(stream, ())
        self._calls.send([partial(_tell, handle, stream, status, error) for handle in handles if handle.on_status])

    def specs(self) -> tuple[SubscriptionSpec, ...]:
        """Return all that is wanted, each wish of each component."""
        return tuple(spec for handles in self._handles.values() for handle in handles for spec in handle.specs)

    def _check_line(self, component_id: str, index: int | None, spec: SubscriptionSpec) -> None:
        ws_type = spec.data_type.websocket_type
        lacking = region_problem(spec, self._region)
        if lacking is None and ws_type not in self._endpoints:
            lacking = f"the {ws_type} line is not available: it needs credentials, and a region that has it"
        if lacking is not None:
            raise SubscriptionError(lacking, spec=spec, index=index, codes=spec.symbols, component_id=component_id)

    def _ask_for(self, handle: ComponentSubscription, specs: tuple[SubscriptionSpec, ...]) -> frozenset[WebSocketType]:
        """Make `specs`, as they are served at present, the wishes of a registration; return the lines they change."""
        wanted = tuple(map(self._served, specs))
        change = self._wishes.swap(handle.component_id, handle.asked, wanted)
        handle.asked = wanted
        return change.changed

    def _served(self, spec: SubscriptionSpec) -> SubscriptionSpec:
        """Return a wish as it is served at present."""
        if not self._plan.steps:  # nothing is given up, as nearly always
            return spec
        delivery = self._plan.delivery_for(spec.priority, spec.delivery)
        depth = spec.depth
        if spec.data_type is DataType.ORDERBOOK:
            depth = self._plan.depth_for(spec.priority, spec.depth)
        if (delivery, depth) == (spec.delivery, spec.depth):
            return spec
        return dataclasses.replace(spec, delivery=delivery, depth=depth)

    def _serve_anew(self, handle: ComponentSubscription) -> None:
        for spec, route in handle.routes.items():
            served = self._served(spec)
            self._routing.serve_otherwise(route, delivery=served.delivery, depth=served.depth)

    def _serve_again(self, handle: ComponentSubscription) -> None:
        """Hand a registration its events again, first the present state of what others have gone on to receive."""
        for spec, route in handle.routes.items():
            self._routing.attach(route)
            # A trade may have been handed out before the quarantine, and must not come twice.
            if not spec.data_type.has_snapshot:
                self._begin_with_past(route)
            elif spec.data_type is not DataType.TRADE:
                self._routing.replay_latest(route)

    def _reroute(self, handle: ComponentSubscription, specs: tuple[SubscriptionSpec, ...]) -> None:
        gone = [handle.routes.pop(spec) for spec in tuple(handle.routes) if spec not in specs]
        # A state may be told twice, and has to be where the newest one waits in a route that goes; a trade may not.
        told = [route for route in gone if route.spec.data_type is DataType.TRADE and not route.waiting]
        heard = frozenset(key for route in told for key in route.keys)
        for stream in handle.streams:
            holders = self._by_stream.get(stream, set())
            holders.discard(handle)
            if not holders:
                self._by_stream.pop(stream, None)
        handle.adopt(specs)
        for stream in handle.streams:
            self._by_stream.setdefault(stream, set()).add(handle)
        for spec in specs:
            if spec not in handle.routes:
                route = self._routing.register_route(
                    handle.component_id, self._served(spec), handle.callback, alive=handle.alive
                )
                handle.routes[spec] = route
                if handle.quarantined:
                    self._routing.detach(route)
                elif spec.since is not None or not spec.data_type.has_snapshot:
                    self._begin_with_past(route)
                else:
                    self._routing.replay_latest(route, heard)
        # Last: a component without any route would be a new one, with its counts and its quarantine forgotten.
        for route in gone:
            route.close()


class _Bond:
    """Ends a registration with the object that it is for, without keeping that object alive."""

    def __init__(self, instance: object, alive: Callable[[], bool] | None, loop: asyncio.AbstractEventLoop) -> None:
        try:
            self._instance = ref(instance, self._on_gone)
        except TypeError:
            raise ConfigurationError(
                "instance", instance, f"an object that can be weakly referred to; {_ORDER}"
            ) from None
        self._alive = alive
        self._loop = loop
        self._handle: ComponentSubscription | None = None

    def ends(self, handle: ComponentSubscription) -> None:
        """End `handle` with the object."""
        self._handle = handle

    def is_alive(self) -> bool:
        """Whether the object lives, and the program's own question does not say otherwise."""
        return self._instance() is not None and (self._alive is None or self._alive())

    def _on_gone(self, _: object) -> None:
        """Close the registration from the loop: the object may be collected anywhere, in any thread."""
        if self._handle is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._handle.close)


def read_arguments(wanted: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Return (instance, subscriptions, callback) of register_component; TypeError where they are not these."""
    names: tuple[str, ...] = ("subscriptions", "callback")
    if len(wanted) + len(named) > len(names):
        names = ("instance", *names)
    values = dict(zip(names, wanted, strict=False))
    if len(wanted) > len(names) or (values.keys() & named.keys()) or set(names) != values.keys() | named.keys():
        raise TypeError(f"wrong arguments: {_ORDER}")
    values.update(named)
    return values.get("instance"), values["subscriptions"], values["callback"]


def _distinct(subscriptions: object) -> tuple[SubscriptionSpec, ...]:
    given = (subscriptions,) if isinstance(subscriptions, SubscriptionSpec) else subscriptions
    if isinstance(given, Iterable):
        specs = tuple(given)
        if all(isinstance(spec, SubscriptionSpec) for spec in specs):
            return tuple(dict.fromkeys(specs))
    raise ConfigurationError("subscriptions", subscriptions, f"one SubscriptionSpec or several; {_ORDER}")


def _tell(handle: ComponentSubscription, stream: StreamKey, status: StreamStatus, error: WebSocketError | None) -> None:
    if handle.on_status is not None and not handle.closed:
        if isinstance(error, SubscriptionError):
            error = error.for_component(handle.component_id)
        handle.on_status(stream, status, error)


def hold_callback(callback: Callable[..., Any], owner: object) -> Callable[[Any], Any]:
    """Return what to call instead of `callback`.

    A method of `owner`, also inside a partial, is held weakly; everything else as it is, so that a lambda which
    mentions its widget keeps that widget's Python half alive for as long as it is subscribed.
    """
    inner = callback if isinstance(callback, partial) else partial(callback)
    method, args, keywords = inner.func, inner.args, inner.keywords
    if owner is None or not isinstance(method, MethodType) or method.__self__ is not owner:
        return callback
    weak = WeakMethod(method)
    if inspect.iscoroutinefunction(method):
        return _weak_coroutine(weak, args, keywords)
    if args or keywords:
        return _weak_partial(weak, args, keywords)

    def deliver(event: Any) -> Any:
        bound = weak()
        return None if bound is None else bound(event)

    return deliver


def _weak_partial(weak: WeakMethod[Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Callable[[Any], Any]:
    def deliver(event: Any) -> Any:
        bound = weak()
        return None if bound is None else bound(*args, event, **keywords)

    return deliver


def _weak_coroutine(weak: WeakMethod[Any], args: tuple[Any, ...], keywords: dict[str, Any]) -> Callable[[Any], Any]:
    async def deliver(event: Any) -> None:
        bound = weak()
        if bound is not None:
            await bound(*args, event, **keywords)

    return deliver
