"""The components: their registrations, the wishes these come to, and the routes that serve them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.manager.handle import ComponentSubscription
from upbit_ws_qt.manager.outbox import Outbox
from upbit_ws_qt.monitoring.adaptive import AdaptationPlan
from upbit_ws_qt.types import DataType, SubscriptionSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.routing import DataRoutingEngine
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStateManager
    from upbit_ws_qt.types import Priority, WebSocketType

__all__ = ["ComponentDesk"]


class ComponentDesk:
    """Keeps registrations, wishes and routes in step; every change is made at once or not at all.

    Args:
        wishes: what all components want.
        routing: who is handed what.
        endpoints: the lines that there are; a wish for another one is refused.
        on_changed: called after each change.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        wishes: SubscriptionStateManager,
        routing: DataRoutingEngine,
        endpoints: Mapping[WebSocketType, Endpoint],
        on_changed: Callable[[frozenset[WebSocketType]], None],
    ) -> None:
        self._loop = loop
        self._wishes = wishes
        self._routing = routing
        self._endpoints = endpoints
        self._on_changed = on_changed
        self._plan = AdaptationPlan()
        self._handles: dict[str, dict[ComponentSubscription, None]] = {}
        self._by_stream: dict[StreamKey, set[ComponentSubscription]] = {}
        self._outbox = Outbox(loop)

    def __contains__(self, component_id: str) -> bool:
        return component_id in self._handles

    @property
    def component_ids(self) -> tuple[str, ...]:
        """Everybody who has a registration."""
        return tuple(self._handles)

    def register(
        self,
        component_id: str,
        subscriptions: SubscriptionSpec | Iterable[SubscriptionSpec],
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None,
        on_status: Callable[[StreamKey, StreamStatus, WebSocketError | None], None] | None,
    ) -> ComponentSubscription:
        """See GlobalWebSocketManager.register_component."""
        if not component_id or not isinstance(component_id, str):
            raise ConfigurationError("component_id", component_id, "a non-empty text")
        if not callable(callback):
            raise ConfigurationError("callback", callback, "a callable that takes one event")
        handle = ComponentSubscription(self, component_id, callback, alive=alive, on_status=on_status)
        self.change(handle, subscriptions)
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
        for index, spec in enumerate(specs):
            self._check_line(handle.component_id, index, spec)
        changed = self._ask_for(handle, specs)
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
                if handle.asked == tuple(map(self._served, handle.specs)):
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
        return self._endpoints[stream.websocket_type].keeper.status(stream)

    async def wait_served(self, handle: ComponentSubscription, timeout: float | None) -> None:
        """Return when all streams of a registration are served; see ComponentSubscription.wait_served."""
        by_line: dict[WebSocketType, list[StreamKey]] = {}
        for stream in handle.streams:
            by_line.setdefault(stream.websocket_type, []).append(stream)
        async with asyncio.timeout(timeout):
            for ws_type, streams in by_line.items():
                await self._endpoints[ws_type].keeper.wait_served(streams)

    def announce(self, stream: StreamKey, status: StreamStatus, error: WebSocketError | None = None) -> None:
        """Tell the registrations that want a stream how it stands; from a plain callback of the loop."""
        handles = self._by_stream.get(stream, ())
        self._outbox.send([partial(_tell, handle, stream, status, error) for handle in handles if handle.on_status])

    def outline(self) -> tuple[dict[str, Priority], dict[str, int]]:
        """Return the most urgent priority of each component, and the number of its streams."""
        priorities = {
            component_id: min(spec.priority for handle in handles for spec in handle.specs)
            for component_id, handles in self._handles.items()
        }
        streams = {
            component_id: len(frozenset().union(*(handle.streams for handle in handles)))
            for component_id, handles in self._handles.items()
        }
        return priorities, streams

    def _check_line(self, component_id: str, index: int, spec: SubscriptionSpec) -> None:
        ws_type = spec.data_type.websocket_type
        if ws_type not in self._endpoints:
            raise SubscriptionError(
                f"the {ws_type} line is not available: it needs credentials, and a region that has it",
                spec=spec,
                index=index,
                component_id=component_id,
            )

    def _ask_for(self, handle: ComponentSubscription, specs: tuple[SubscriptionSpec, ...]) -> frozenset[WebSocketType]:
        """Make `specs`, as they are served at present, the wishes of a registration; return the lines they change."""
        wanted = tuple(map(self._served, specs))
        change = self._wishes.swap(handle.component_id, handle.asked, wanted)
        handle.asked = wanted
        return change.changed

    def _served(self, spec: SubscriptionSpec) -> SubscriptionSpec:
        """Return a wish as it is served at present."""
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
                self._routing.replay_latest(route, heard)
        # Last: a component without any route would be a new one, with its counts and its quarantine forgotten.
        for route in gone:
            route.close()


def _distinct(subscriptions: object) -> tuple[SubscriptionSpec, ...]:
    given = (subscriptions,) if isinstance(subscriptions, SubscriptionSpec) else subscriptions
    if isinstance(given, Iterable):
        specs = tuple(given)
        if all(isinstance(spec, SubscriptionSpec) for spec in specs):
            return tuple(dict.fromkeys(specs))
    raise ConfigurationError("subscriptions", subscriptions, "one SubscriptionSpec or several")


def _tell(handle: ComponentSubscription, stream: StreamKey, status: StreamStatus, error: WebSocketError | None) -> None:
    if handle.on_status is not None and not handle.closed:
        if isinstance(error, SubscriptionError):
            error = error.for_component(handle.component_id)
        handle.on_status(stream, status, error)
