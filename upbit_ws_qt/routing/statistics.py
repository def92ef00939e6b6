"""What routing has done so far, as immutable figures; times in seconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from upbit_ws_qt.routing.collector import CollectorPauses
from upbit_ws_qt.sketch import SketchSummary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.route import Route
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import DataType, WebSocketType

__all__ = [
    "ConsumerFigures",
    "PastFigures",
    "RouteFigures",
    "RoutingStatistics",
    "StreamFigures",
    "SweepResult",
    "figures_of",
]


class RouteFigures(Struct, frozen=True, gc=False):  # there may be a thousand of them
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
        decode_errors: frames that could not be read.
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
        past: of components, what their routes that are closed have counted, while they have others.
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
    routes: tuple[RouteFigures, ...] = ()
    past: Mapping[str, PastFigures] = field(default_factory=dict)
    collector: CollectorPauses = field(default_factory=CollectorPauses)


class PastFigures(NamedTuple):
    """What routes that are closed have counted, as in RouteFigures."""

    received: int = 0
    delivered: int = 0
    conflated: int = 0
    skipped: int = 0
    dropped: int = 0
    failures: int = 0
    busy_time: float = 0.0

    def plus(self, route: Route) -> PastFigures:
        """Return these with those of one more route."""
        return PastFigures(*(value + getattr(route, name) for name, value in zip(self._fields, self, strict=True)))


class ConsumerFigures(NamedTuple):
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


class StreamFigures(NamedTuple):
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
    consumers: tuple[ConsumerFigures, ...]


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep found and removed.

    Attributes:
        dead: components removed because their `alive` probe said no.
        removed: components removed because they had stopped consuming for too long.
    """

    dead: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def figures_of(route: Route, quarantine: str) -> RouteFigures:
    """Return the figures of one route."""
    return RouteFigures(
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
