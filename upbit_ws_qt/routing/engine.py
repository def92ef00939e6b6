"""The routing engine: who is registered, how they behave, what is known of all of it."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import inspect
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from upbit_ws_qt.computer import Computer
from upbit_ws_qt.errors import BackpressureError, ConfigurationError
from upbit_ws_qt.events import StreamType
from upbit_ws_qt.routing.account_hold import AccountHold
from upbit_ws_qt.routing.async_route import AsyncRoute
from upbit_ws_qt.routing.batch_route import AsyncBatchRoute, BatchRoute
from upbit_ws_qt.routing.components import Dispatcher
from upbit_ws_qt.routing.filters import ViewCache, filter_of
from upbit_ws_qt.routing.gc_pauses import CollectorMonitor
from upbit_ws_qt.routing.message_path import MessagePath
from upbit_ws_qt.routing.ordering import TradeOrder
from upbit_ws_qt.routing.pull_route import PullRoute, pulled
from upbit_ws_qt.routing.route import Route
from upbit_ws_qt.routing.statistics import ConsumerStats, StreamStats, SweepResult
from upbit_ws_qt.routing.stream_gate import RouteHold, StreamGate, exchange_place
from upbit_ws_qt.streams import StreamGap, StreamKey, streams_of
from upbit_ws_qt.types import DataType, Delivery
from upbit_ws_qt.wire import peek

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection.inbox import LostStream
    from upbit_ws_qt.errors import DecodeError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.data_pool import DataPoolManager
    from upbit_ws_qt.routing.fanout import Topic
    from upbit_ws_qt.routing.statistics import ComponentStats, RoutingStatistics
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.types import WebSocketType
    from upbit_ws_qt.wire import WebSocketMessage

__all__ = ["STALLED_AFTER", "DataRoutingEngine", "owner_lives"]

STALLED_AFTER = 5.0
"""Seconds without progress, while events wait, after which a sweep reports a component."""


class DataRoutingEngine:
    """Routes frames and events to callbacks.

    Runs on one event loop and is not for use by other threads. Frames are handed in from the drain, never from
    inside a Task; callbacks run in that call, except coroutine functions, which have a worker each.

    Args:
        config: thresholds, bounds and defaults.
        is_current_epoch: whether a line's life is the present one; frames of others are dropped and counted.
        on_component_failed: called with a component and its error, or the reason of its quarantine; by call_soon.
        on_decode_error: called for each frame that cannot be read.
        on_control: called for messages that are no events.
        loop: whose timers are used; the running one by default.
        clock: the loop's time, seconds; `received_at` of frames is in its terms.
        pool: takes the newest events; None keeps none.
        backlog: returns how many frames wait; asked now and then, so that overload is noticed. A caller that has
            none calls note_backlog() itself, or does without.
        computer: whose clocks measure what callbacks and the engine itself take.

    Attributes:
        route_frame: takes one raw message from the drain; never from inside a Task.
        collector: measures the garbage collector's pauses, for the statistics; started and stopped by who owns the
            engine.
    """

    def __init__(
        self,
        config: ServiceConfig,
        *,
        is_current_epoch: Callable[[WebSocketType, int], bool],
        on_component_failed: Callable[[str, Exception], None],
        on_decode_error: Callable[[WebSocketType, DecodeError], None],
        on_control: Callable[[WebSocketType, WebSocketMessage], None],
        loop: asyncio.AbstractEventLoop | None = None,
        clock: Callable[[], float] | None = None,
        pool: DataPoolManager | None = None,
        backlog: Callable[[], int] | None = None,
        computer: Computer | None = None,
    ) -> None:
        loop = asyncio.get_running_loop() if loop is None else loop
        self._config = config
        self._loop = loop
        self._pool = pool
        self._dispatcher = Dispatcher(
            config, loop, loop.time if clock is None else clock, on_component_failed, computer or Computer()
        )
        self._path = path = MessagePath(
            config,
            dispatcher=self._dispatcher,
            is_current_epoch=is_current_epoch,
            on_decode_error=on_decode_error,
            on_control=on_control,
            pool=pool,
            backlog=backlog,
        )
        self._hub, self._meter, self._hold = path.hub, path.meter, path.hold
        # Bound once: a method that passes on would cost each message one more call.
        self.route_frame = path.route_frame
        self.collector = CollectorMonitor(self._dispatcher.stopwatch, in_quiet=config.collect_in_quiet)
        self._views: dict[object, ViewCache] = {}

    # -- who wants what ------------------------------------------------------------------------------------------------
    def register_route(
        self,
        component_id: str,
        spec: SubscriptionSpec,
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None = None,
    ) -> Route:
        """Hand the events of a wish to a callback from now on, until the route is closed.

        Args:
            component_id: whose wish it is; a component may have several.
            spec: the wish, with its delivery and queue rules.
            callback: anything callable with one event; a coroutine function, or a partial of one, is awaited.
            alive: asked by each sweep; when it returns False or raises, the whole component is removed.

        Raises:
            ConfigurationError: the callback cannot be called.
        """
        if not callable(callback):
            raise ConfigurationError("callback", callback, "a callable that takes one event")
        dispatcher = self._dispatcher
        component = dispatcher.component(component_id)
        route_class = _route_class(spec, callback)
        route = route_class(
            dispatcher,
            component_id,
            spec,
            streams_of(spec),
            callback,
            alive=alive,
            view=filter_of(spec, self._views),
            on_close=self._on_route_closed,
        )
        component.routes[route] = None
        if component.quarantine is not None:
            route.begin_quarantine()
        self.attach(route)
        return route

    def attach(self, route: Route) -> None:
        """Let a route have the events of its streams."""
        for topic in self._hub.add(route):
            if self._pool is not None:
                topic.cell = self._pool.begin_routing(topic.key)

    def detach(self, route: Route) -> None:
        """Let a route have no events, until it is attached again; its streams count as not routed for it."""
        for topic in self._hub.remove(route):
            if topic.cell is not None and self._pool is not None:
                self._pool.release(topic.key)

    def serve_otherwise(self, route: Route, *, delivery: Delivery, depth: int) -> None:
        """Serve a route by another delivery or book depth from now on; its streams, counts and queue stay."""
        spec = dataclasses.replace(route.spec, delivery=delivery, depth=depth)
        if not route.closed and spec != route.spec:
            self._hub.settle(route)
            before = route.spec.delivery
            route.serve_as(spec, filter_of(spec, self._views, before=route.view))
            self._hub.refresh(route, before)

    def unregister_routes(self, component_id: str) -> int:
        """Close all routes of a component; return how many there were."""
        component = self._dispatcher.components.get(component_id)
        routes = () if component is None else tuple(component.routes)
        for route in routes:
            route.close()
        return len(routes)

    def resume(self, component_id: str) -> bool:
        """Serve a quarantined component again; return False where it is not put aside."""
        component = self._dispatcher.components.get(component_id)
        if component is None or not component.resume():
            return False
        for route in component.routes:
            self._hub.refresh(route)
        return True

    def quarantine_of(self, component_id: str) -> BackpressureError | None:
        """Return why a component is put aside, None while it is served or not known."""
        component = self._dispatcher.components.get(component_id)
        return None if component is None else component.quarantine

    def replay_latest(self, route: Route, heard: Collection[StreamKey] = ()) -> int:
        """Give a late joiner the newest known event of each of its streams, marked SNAPSHOT, in the next turn.

        Not of the streams it has `heard` already by another route.

        Only for types that have snapshots, and not where the wish is for realtime only. A stream on which something
        newer comes before is left out. Returns how many streams have something to be replayed.
        """
        if route.closed or route.spec.only_realtime or not route.spec.data_type.has_snapshot:
            return 0
        topics = (self._hub.topics.get(key) for key in route.keys if key not in heard)
        known = [(topic, topic.latest) for topic in topics if topic is not None and topic.latest is not None]
        if known:
            # In the next turn: who registers has not got the registration in hand yet, and may be a Task.
            self._loop.call_soon(self._replay, route, known)
        return len(known)

    @property
    def received_offset(self) -> float:
        """By how many seconds the loop's clock is ahead of the one that `received_at` is of; 0 but in a replay."""
        return self._meter.received_offset

    @received_offset.setter
    def received_offset(self, seconds: float) -> None:
        self._meter.received_offset = seconds

    @property
    def is_crowded(self) -> bool:
        """Whether any consumer's queue is half full."""
        components = self._dispatcher.components.values()
        return any(route.is_crowded for component in components for route in component.routes)

    def wants_frame(self, name: str, code: str) -> bool:
        """Whether anybody wants frames of a type and market, as far as these say it."""
        return self._hub.group(name, code) is not None

    def forget(self) -> None:
        """Forget what was handed out, because time was set to another moment: what comes next is news."""
        self._hold.forget()
        self._hub.forget()
        if self._pool is not None:
            self._pool.forget()

    # -- what comes in -------------------------------------------------------------------------------------------------
    def route_event(self, event: BaseWebSocketEvent) -> int:
        """Hand out one stamped event, order guard included; return to how many consumers it was offered."""
        return self._path.route_event(event)

    def note_backlog(self, pending: int) -> None:
        """Note how many messages wait in the inboxes.

        Under overload ticker and book messages that a newer one has replaced are not decoded.
        """
        self._hold.note_backlog(pending)

    def note_lost(self, stream: LostStream, count: int, superseded: bool) -> None:
        """Count messages that an inbox gave up for want of room in the books of all that wanted them.

        Args:
            stream: what the messages said of themselves.
            count: how many they were.
            superseded: whether newer ones of the same stream were there.
        """
        for route in self._hub.routes_of_frame(*stream):
            route.count_lost(count, superseded=superseded)

    def conflation_key(self, data: bytes | str) -> tuple[str, str] | None:
        """Return (type, code) of a message that a newer one of the same key makes superfluous, None for any other.

        That is so for tickers and books while no consumer asked for BLOCK and one level of the book is carried, and
        for those that nobody wants. For an inbox that has to make room.
        """
        name = peek(data)
        if name is None or not DataType(name[0]).newest_suffices:
            return None
        group = self._hub.group(*name)
        return name if group is None or group.conflatable else None

    @property
    def on_announcement(self) -> Callable[[BaseWebSocketEvent], None] | None:
        """Called with each announcement, before its consumers."""
        return self._path.on_announcement

    @on_announcement.setter
    def on_announcement(self, callback: Callable[[BaseWebSocketEvent], None] | None) -> None:
        self._path.on_announcement = callback

    # -- the display clock ---------------------------------------------------------------------------------------------
    @property
    def on_account(self) -> Callable[[BaseWebSocketEvent], None] | None:
        """Called with each event of the private line, before its consumers."""
        return self._path.on_account

    @on_account.setter
    def on_account(self, callback: Callable[[BaseWebSocketEvent], None] | None) -> None:
        self._path.on_account = callback

    @property
    def on_unreadable(self) -> Callable[[LostStream], None] | None:
        """Called with what a frame that could not be read says of itself; not where it does not say it."""
        return self._path.on_unreadable

    @on_unreadable.setter
    def on_unreadable(self, callback: Callable[[LostStream], None] | None) -> None:
        self._path.on_unreadable = callback

    @property
    def on_frame_pending(self) -> Callable[[], None] | None:
        """Called when a consumer with Delivery.FRAME begins to wait, so that a stopped display timer can start."""
        return self._dispatcher.frames.on_pending

    @on_frame_pending.setter
    def on_frame_pending(self, callback: Callable[[], None] | None) -> None:
        self._dispatcher.frames.on_pending = callback

    @property
    def frames_pending(self) -> int:
        """How many consumers wait for the next display frame."""
        return len(self._dispatcher.frames)

    def flush_frames(self) -> int:
        """Serve the consumers with Delivery.FRAME; return how many were. For a display timer, never inside a Task."""
        self._dispatcher.beat.keep()
        self._hold.flush()
        return self._dispatcher.frames.flush()

    def slow_frames(self, divisor: int) -> None:
        """Serve consumers with Delivery.FRAME only in each `divisor`-th display frame; CRITICAL ones in every one."""
        self._dispatcher.frames.divisor = divisor

    # -- upkeep --------------------------------------------------------------------------------------------------------
    def report_stalled(self, now: float) -> tuple[str, ...]:
        """Report components that have stopped consuming, each once, and return them; call it every few seconds.

        One whose queue has waited for 5 s without progress has. Nothing is removed: that is `sweep`.
        """
        after = min(STALLED_AFTER, self._config.dead_component_timeout)
        stalled: list[str] = []
        for component_id, component in tuple(self._dispatcher.components.items()):
            if component.stalled_for(now) >= after:
                stalled.append(component_id)
                if component.note_stalled(True):
                    lost = sum(route.dropped for route in component.routes)
                    error = BackpressureError(component_id, "stopped consuming", dropped=lost)
                    self._dispatcher.report(component_id, error)
            else:
                component.note_stalled(False)
        return tuple(stalled)

    def sweep(self, now: float) -> SweepResult:
        """Remove components whose owner died unnoticed, and those that stopped consuming for too long.

        Too long is `dead_component_timeout`. What was removed is the caller's to unsubscribe.
        """
        dead: list[str] = []
        removed: list[str] = []
        for component_id, component in tuple(self._dispatcher.components.items()):
            if not all(
                owner_lives(route.alive) for route in tuple(component.routes)
            ):  # a probe may end its own component
                dead.append(component_id)
            elif component.stalled_for(now) >= self._config.dead_component_timeout:
                removed.append(component_id)
        for component_id in (*dead, *removed):
            self.unregister_routes(component_id)
        # Here and not for each event: it may have to look at every stream.
        if self._pool is not None:
            self._pool.trim()
        return SweepResult(tuple(dead), tuple(removed))

    def get_routing_statistics(self, *, brief: bool = False) -> RoutingStatistics:
        """Return all figures; the brief ones without those of single consumers and their sums, which take time."""
        self._hold.settle()
        return self._meter.statistics(self._dispatcher, self._hub, self._hold, self.collector, brief=brief)

    def component_stats(self) -> tuple[ComponentStats, ...]:
        """Return the figures of each component; there may be a thousand, and each takes a few microseconds."""
        self._hold.settle()
        return tuple([component.stats() for component in self._dispatcher.components.values()])

    def stream_stats(self) -> Iterator[StreamStats]:
        """Yield the figures of each stream that is wanted; streams may come and go meanwhile."""
        for key, topic in tuple(self._hub.topics.items()):
            routes = topic.routes
            if not routes:  # it went
                continue
            yield StreamStats(
                key,
                topic.events,
                self._hub.frame_size(key),
                topic.latest,
                max(route.spec.depth for route in routes) if routes and key.data_type is DataType.ORDERBOOK else 0,
                tuple([_consumer_figures(route, key) for route in routes]),
            )

    def latest_event(self, stream: StreamKey) -> BaseWebSocketEvent | None:
        """Return the newest event of a stream that is wanted; None before the first."""
        topic = self._hub.topics.get(stream)
        return None if topic is None else topic.latest

    def latest_events(self) -> Iterator[BaseWebSocketEvent]:
        """Yield the newest event of each stream that is wanted."""
        return (topic.latest for topic in self._hub.topics.values() if topic.latest is not None)

    # -- where a gap begins and ends -----------------------------------------------------------------------------------
    def stream_of(self, lost: LostStream) -> StreamKey | None:
        """Return the stream of a frame that was never decoded, None where nobody wants it or only that would tell."""
        data_type = DataType(lost.data_type)
        for stream in (StreamKey(data_type, lost.code), StreamKey(data_type)):
            if stream in self._hub.topics:
                return stream
        return None

    def stream_gap(self, stream: StreamKey) -> StreamGap:
        """Return where a gap of a stream would begin now: at what was handed on last, in the exchange's terms."""
        topics = self._topics_of(stream)
        places = [exchange_place(topic.latest) for topic in topics if topic.latest is not None]
        if not places:
            return StreamGap(stream)
        ids = [topic.order.highest_id for topic in topics if isinstance(topic.order, TradeOrder)]
        return StreamGap(stream, max(at for at, _ in places), max(ids, default=None))

    def newest_timestamp(self, ws_type: WebSocketType) -> int:
        """Return the newest exchange timestamp of an endpoint that was handed on, 0 where there was none."""
        return max((event.timestamp for event in self.latest_events() if event.websocket_type is ws_type), default=0)

    def open_gate(self, stream: StreamKey) -> StreamGate | None:
        """Return the gate before the guard of a stream, made where there is none; None where nobody wants the stream.

        It goes by itself when there is nothing to note or hold any more.
        """
        topic = self._hub.topics.get(stream)
        if topic is None:
            return None
        return StreamGate(topic) if topic.gate is None else topic.gate

    def hold_back(
        self, gate: StreamGate, route: Route, *, on_held: Callable[[], None], on_full: Callable[[], None]
    ) -> RouteHold:
        """Have the live events of a stream wait for one consumer, until what was missed before them is handed out.

        Args:
            gate: of the stream.
            route: the consumer.
            on_held: called from the loop when the first event waits.
            on_full: called from the loop when no more should.
        """
        budget = self._config.drain_budget
        hold = RouteHold(
            route,
            gate,
            self._loop,
            budget,
            self._dispatcher.stopwatch,
            self._path.fan_out,
            on_held=on_held,
            on_full=on_full,
        )
        gate.hold(hold)
        return hold

    def hold_account(
        self, data_type: DataType, *, on_held: Callable[[], None], on_full: Callable[[], None]
    ) -> AccountHold:
        """Return what can have live orders, or balances, wait before their guard; it holds nothing yet.

        Args:
            data_type: MY_ORDER or MY_ASSET.
            on_held: called when an event begins to wait.
            on_full: called from the loop when no more should.
        """
        guard = self._hub.account_order(data_type)
        return AccountHold(
            guard,
            self._loop,
            self._config.drain_budget,
            self._dispatcher.stopwatch,
            self.route_event,
            on_held=on_held,
            on_full=on_full,
        )

    def hand_to(self, route: Route, event: BaseWebSocketEvent) -> None:
        """Hand one stamped event to one consumer, past the guard: what others know and it does not."""
        self._path.fan_out((route,), event)

    def known_ids(self, stream: StreamKey) -> frozenset[int]:
        """Return the ids of the trades of a stream that were handed on lately: all of the last 30 s, and more."""
        topic = self._hub.topics.get(stream)
        return topic.order.known_ids if topic is not None and isinstance(topic.order, TradeOrder) else frozenset()

    def note_ids(self, stream: StreamKey, ids: Iterable[int]) -> None:
        """Remember trades of a stream that did not come by the line, so that it does not bring them again."""
        topic = self._hub.topics.get(stream)
        if topic is not None and isinstance(topic.order, TradeOrder):
            topic.order.note_ids(ids)

    def is_routed(self, stream: StreamKey) -> bool:
        """Whether anybody wants a stream."""
        return stream in self._hub.topics

    def _topics_of(self, stream: StreamKey) -> list[Topic]:
        topics = self._hub.topics
        if stream == StreamKey(DataType.MY_ORDER):  # what was for it may have been on the stream of one market too
            return [topic for key, topic in topics.items() if key.data_type is DataType.MY_ORDER]
        topic = topics.get(stream)
        return [] if topic is None else [topic]

    def take_longest_waits(self) -> dict[WebSocketType, float]:
        """Return how many seconds the slowest sampled frame of each line waited for its turn since the last call."""
        return self._meter.take_longest_waits()

    def take_skipped(self) -> dict[str, int]:
        """Return how many events overload kept from components that wanted every one, since the last call."""
        self._hold.settle()
        return dict(self._dispatcher.take_skipped())

    async def stop(self) -> None:
        """Close all routes and end all workers and timers; may be called twice."""
        self._hold.close()
        await self._dispatcher.stop()

    # -- inside --------------------------------------------------------------------------------------------------------
    def _replay(self, route: Route, known: list[tuple[Topic, BaseWebSocketEvent]]) -> None:
        for topic, event in known:
            if route.closed:
                return
            if topic.latest is event and route in topic.routes:
                self._meter.replay()
                self._path.fan_out((route,), replace(event, stream_type=StreamType.SNAPSHOT))

    def _on_route_closed(self, route: Route) -> None:
        self._hub.settle(route)
        self._meter.add_closed(route)
        component = self._dispatcher.components.get(route.component_id)
        if component is not None:
            component.forget(route)
            if not component.routes:
                del self._dispatcher.components[route.component_id]
        self.detach(route)


def _consumer_figures(route: Route, key: StreamKey) -> ConsumerStats:
    stats = route.stats_for(key)
    return ConsumerStats(route.component_id, stats.delivered, stats.busy_time, stats.longest)


def _route_class(spec: SubscriptionSpec, callback: Callable[[Any], Any]) -> type[Route]:
    if callback is pulled:
        return PullRoute
    if spec.delivery is Delivery.BATCH:
        return AsyncBatchRoute if _is_coroutine_function(callback) else BatchRoute
    return AsyncRoute if _is_coroutine_function(callback) else Route


def _is_coroutine_function(callback: Callable[[Any], Any]) -> bool:
    while isinstance(callback, functools.partial):
        callback = callback.func
    call = getattr(type(callback), "__call__", None)  # noqa: B004 - an object with an async __call__ counts too
    return inspect.iscoroutinefunction(callback) or inspect.iscoroutinefunction(call)


def owner_lives(alive: Callable[[], bool] | None) -> bool:
    """Whether the owner that a probe asks about lives; one that raises says no, and without a probe it does."""
    if alive is None:
        return True
    try:
        return bool(alive())
    except Exception:  # noqa: BLE001 - the guarded boundary: a user's callback; a deleted QObject raises RuntimeError
        return False
