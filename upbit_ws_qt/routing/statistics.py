"""What routing has done so far: the counters, and the immutable figures made of them; times in seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from upbit_ws_qt.quantiles import QuantileSketch, SketchSummary
from upbit_ws_qt.routing.gc_pauses import CollectorPauses
from upbit_ws_qt.types import Priority

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.components import Component, Dispatcher
    from upbit_ws_qt.routing.display import MessageHold
    from upbit_ws_qt.routing.fanout import FanoutHub
    from upbit_ws_qt.routing.gc_pauses import CollectorMonitor
    from upbit_ws_qt.routing.route import Route
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import DataType, WebSocketType

__all__ = [
    "ComponentStats",
    "ConsumerStats",
    "RouteStats",
    "RoutingCounters",
    "RoutingStatistics",
    "StreamStats",
    "SweepResult",
    "stats_of",
]


class RouteStats(Struct, frozen=True, gc=False):  # there may be a thousand of them
    """One consumer; received == delivered + conflated + dropped + waiting.

    Attributes:
        component_id: whose it is.
        data_type: of its wish; `streams` is how many streams that is.
        received: events that were for it.
        delivered: handed to its callback, failed calls included.
        conflated: replaced by a newer one before they were handed out, or even decoded.
        skipped: those of the conflated that the consumer wanted (Delivery.EVERY) and overload replaced.
        dropped: lost to a full queue or inbox, to quarantine or to its end.
        waiting: in its queue now; `high_water` is the most that ever waited.
        failures: callbacks that raised.
        slow_calls: callbacks that blocked the event loop.
        busy_time: seconds in the callback; `longest` is the longest call.
        times: of single calls, one in eight sampled for direct callbacks.
        quarantine: why it is put aside, "" while it is served.
    """

    component_id: str
    data_type: DataType
    streams: int
    received: int
    delivered: int
    conflated: int
    dropped: int
    waiting: int
    high_water: int
    failures: int
    slow_calls: int
    busy_time: float
    longest: float
    times: SketchSummary
    quarantine: str = ""
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class RoutingStatistics:
    """The whole of routing.

    Attributes:
        frames: raw frames taken in; `frames_per_second` over the time since the figures were last asked for.
        unwanted: frames nobody asked for, not decoded.
        superseded: ticker and book frames replaced under overload, not decoded; `held` wait to be decoded.
        old_epoch: frames of a line that is no longer current.
        decode_errors: frames that could not be read; `decode_errors_on` is the same by line.
        control: messages that are no events.
        events: let through by the order guard.
        stale: events older than what was handed out; `duplicates` were handed out before. `stale_on` and
            `duplicates_on` are the same by line.
        work: seconds of CPU time spent on "decode" and on "dispatch" (the callbacks not included), estimated from a
            sample.
        measured_cpu: seconds of CPU time that the sampled frames took, callbacks included, each for those it stands
            for; `measured_time` is what passed on the clock meanwhile, more where others had the processor.
        unrouted: decoded events that had no consumer (an unwanted level of a wanted book, say).
        replayed: newest known events given to late joiners.
        received: over all consumers, those that are gone included; so for the next four and `failures`.
        waiting: in all queues now.
        quarantines: how often a component was put aside; `quarantined` names those that are now.
        overloads: how often ticker and book frames began to be held back; `overloaded` is now.
        decode_latency: from receipt to decoded; `delivery_latency` from decoded to handed out; `total_latency` both.
            Snapshots and every frame count; one public frame in sixteen is sampled.
        routes: single consumers; none where only the brief figures were asked for, without `received` to `waiting`.
        components: single components; as `routes`.
        collector: garbage collector pauses since the manager was started.
    """

    frames: int = 0
    frames_per_second: float = 0.0
    unwanted: int = 0
    superseded: int = 0
    held: int = 0
    old_epoch: int = 0
    decode_errors: int = 0
    control: int = 0
    events: int = 0
    events_per_second: float = 0.0
    stale: int = 0
    duplicates: int = 0
    stale_on: Mapping[WebSocketType, int] = field(default_factory=dict)
    duplicates_on: Mapping[WebSocketType, int] = field(default_factory=dict)
    decode_errors_on: Mapping[WebSocketType, int] = field(default_factory=dict)
    work: Mapping[str, float] = field(default_factory=dict)
    measured_cpu: float = 0.0
    measured_time: float = 0.0
    unrouted: int = 0
    replayed: int = 0
    received: int = 0
    delivered: int = 0
    conflated: int = 0
    skipped: int = 0
    dropped: int = 0
    waiting: int = 0
    failures: int = 0
    warnings: int = 0
    quarantines: int = 0
    quarantined: tuple[str, ...] = ()
    overloads: int = 0
    overloaded: bool = False
    streams: int = 0
    decode_latency: SketchSummary = field(default_factory=SketchSummary)
    delivery_latency: SketchSummary = field(default_factory=SketchSummary)
    total_latency: SketchSummary = field(default_factory=SketchSummary)
    routes: tuple[RouteStats, ...] = ()
    components: tuple[ComponentStats, ...] = ()
    collector: CollectorPauses = field(default_factory=CollectorPauses)


class ComponentStats(Struct, frozen=True, gc=False):  # there may be a thousand of them
    """One component: its routes taken together, those that are closed included while it has others.

    Attributes:
        component_id: which.
        priority: the most urgent of its wishes.
        streams: how many it is served with.
        received: as in RouteStats, and so are the others.
        times: of its busiest route.
    """

    component_id: str
    priority: Priority = Priority.NORMAL
    streams: int = 0
    received: int = 0
    delivered: int = 0
    conflated: int = 0
    skipped: int = 0
    dropped: int = 0
    waiting: int = 0
    failures: int = 0
    busy_time: float = 0.0
    times: SketchSummary = SketchSummary()
    quarantine: str = ""


class ConsumerStats(NamedTuple):
    """What one consumer of a stream has been handed of it.

    Attributes:
        component_id: whose it is.
        delivered: events handed to its callback.
        busy_time: seconds that took, exactly; `longest` is the longest call.
    """

    component_id: str
    delivered: int
    busy_time: float
    longest: float


class StreamStats(NamedTuple):
    """One stream that is wanted.

    Attributes:
        key: which.
        events: let through since its first consumer came.
        frame_size: bytes of a frame, estimated; 0 before the first.
        latest: the newest event, None before the first.
        depth: the most order book units that a consumer wants; 0 for other types.
        consumers: in the order in which they came; a component with several wishes for it is there several times.
    """

    key: StreamKey
    events: int
    frame_size: float
    latest: BaseWebSocketEvent | None
    depth: int
    consumers: tuple[ConsumerStats, ...]


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep found and removed.

    Attributes:
        dead: components removed because their `alive` probe said no.
        removed: components removed because they had stopped consuming for too long.
    """

    dead: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def stats_of(route: Route, quarantine: str) -> RouteStats:
    """Return the figures of one route."""
    return RouteStats(
        component_id=route.component_id,
        data_type=route.spec.data_type,
        streams=len(route.keys),
        received=route.received,
        delivered=route.delivered,
        conflated=route.conflated,
        dropped=route.dropped,
        waiting=route.waiting,
        high_water=route.high_water,
        failures=route.failures,
        slow_calls=route.slow_calls,
        busy_time=route.busy_time,
        longest=route.longest,
        times=route.times.summary(),
        quarantine=quarantine,
        skipped=route.skipped,
    )


_SHORTEST_SPAN = 1.0  # seconds over which a rate is worth something
_TOTALS = ("received", "delivered", "conflated", "skipped", "dropped", "failures")


class RoutingCounters:
    """Counts what the engine does; attributes are named as in RoutingStatistics."""

    __slots__ = (
        "_clock",
        "_closed",
        "_decode",
        "_delivery",
        "_mark",
        "_rates",
        "_total",
        "control",
        "decode_errors_on",
        "duplicates_on",
        "events",
        "frames",
        "longest_wait",
        "measured_cpu",
        "measured_time",
        "old_epoch",
        "received_offset",
        "replayed",
        "stale_on",
        "unrouted",
        "unwanted",
        "work",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.frames = self.events = self.unwanted = self.unrouted = self.old_epoch = 0
        self.control = self.replayed = 0
        self.decode_errors_on: Counter[WebSocketType] = Counter()
        self.stale_on: Counter[WebSocketType] = Counter()
        self.duplicates_on: Counter[WebSocketType] = Counter()
        self.received_offset = 0.0
        self.longest_wait: dict[WebSocketType, float] = {}
        self.work = {"decode": 0.0, "dispatch": 0.0}
        self.measured_cpu = self.measured_time = 0.0
        self._decode = QuantileSketch()
        self._delivery = QuantileSketch()
        self._total = QuantileSketch()
        self._closed = dict.fromkeys(_TOTALS, 0)
        self._mark = (clock(), 0, 0)
        self._rates = (0.0, 0.0)

    def sample(
        self,
        event: BaseWebSocketEvent,
        *,
        began: float,
        decoded_at: float,
        cpu: tuple[float, float],
        slots: float | None,
        weight: int,
    ) -> None:
        """Note how long one frame took, now that it is handed out.

        Args:
            event: that was in it.
            began: when its turn came.
            decoded_at: when it was decoded.
            cpu: seconds of this thread's CPU time that decoding and handing out took.
            slots: seconds that it spent in callbacks; None where they did something else meanwhile.
            weight: how many frames it stands for.
        """
        now = self._clock()
        received_at = event.received_at + self.received_offset
        self._decode.add(decoded_at - received_at)
        self._delivery.add(now - decoded_at)
        self._total.add(now - received_at)
        # On a busy machine the clock runs on while others have the processor: what is charged is the CPU time.
        decoding, handing = cpu
        work, elapsed = self.work, now - decoded_at
        work["decode"] += decoding * weight
        self.measured_cpu += decoding * weight
        self.measured_time += (decoded_at - began) * weight
        if slots is not None and elapsed > 0:
            work["dispatch"] += max(0.0, handing * (1 - slots / elapsed)) * weight
            self.measured_cpu += handing * weight
            self.measured_time += elapsed * weight
        waits, ws_type = self.longest_wait, event.websocket_type
        if began - received_at > waits.get(ws_type, 0.0):
            waits[ws_type] = began - received_at

    def take_longest_waits(self) -> dict[WebSocketType, float]:
        """Take out how long the slowest sampled frame of each line waited since the last call, in seconds."""
        waits, self.longest_wait = self.longest_wait, {}
        return waits

    def replay(self) -> None:
        """Count a newest known event that is given to a late joiner."""
        self.replayed += 1

    def refuse(self, ws_type: WebSocketType, *, stale: bool) -> None:
        """Count an event that is no news."""
        (self.stale_on if stale else self.duplicates_on)[ws_type] += 1

    def add_closed(self, route: Route) -> None:
        """Keep the totals of a route that is gone."""
        for name in _TOTALS:
            self._closed[name] += getattr(route, name)

    def statistics(
        self, dispatcher: Dispatcher, hub: FanoutHub, hold: MessageHold, collector: CollectorMonitor, *, brief: bool
    ) -> RoutingStatistics:
        """Return all figures; the brief ones leave out all that has to be gathered from the routes."""
        components = tuple(dispatcher.components.values())
        routes = () if brief else _route_figures(components)
        totals = {} if brief else self._totals(routes)
        frames_per_second, events_per_second = self._update_rates()
        return RoutingStatistics(
            frames=self.frames,
            frames_per_second=frames_per_second,
            unwanted=self.unwanted,
            superseded=hold.superseded,
            held=len(hold),
            old_epoch=self.old_epoch,
            decode_errors=self.decode_errors_on.total(),
            decode_errors_on=dict(self.decode_errors_on),
            control=self.control,
            events=self.events,
            events_per_second=events_per_second,
            stale=self.stale_on.total(),
            duplicates=self.duplicates_on.total(),
            stale_on=dict(self.stale_on),
            duplicates_on=dict(self.duplicates_on),
            work=dict(self.work),
            measured_cpu=self.measured_cpu,
            measured_time=self.measured_time,
            unrouted=self.unrouted,
            replayed=self.replayed,
            waiting=sum(route.waiting for route in routes),
            warnings=dispatcher.warnings,
            quarantines=dispatcher.quarantines,
            quarantined=tuple(c.component_id for c in components if c.quarantine is not None),
            overloads=hold.episodes,
            overloaded=hold.active,
            streams=len(hub.topics),
            decode_latency=self._decode.summary(),
            delivery_latency=self._delivery.summary(),
            total_latency=self._total.summary(),
            routes=routes,
            components=() if brief else tuple([component.stats() for component in components]),
            collector=collector.pauses(),
            **totals,
        )

    def _totals(self, routes: Iterable[RouteStats]) -> dict[str, int]:
        return {name: self._closed[name] + sum(getattr(route, name) for route in routes) for name in _TOTALS}

    def _update_rates(self) -> tuple[float, float]:
        """Return frames and events a second since the last look that is at least a second ago."""
        now = self._clock()
        then, frames, events = self._mark
        span = now - then
        if span >= _SHORTEST_SPAN:
            self._rates = ((self.frames - frames) / span, (self.events - events) / span)
            self._mark = (now, self.frames, self.events)
        return self._rates


def _route_figures(components: Iterable[Component]) -> tuple[RouteStats, ...]:
    return tuple(
        stats_of(route, component.quarantine.reason if component.quarantine is not None else "")
        for component in components
        for route in component.routes
    )
