"""The engine's own counters, and how they become statistics."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from upbit_ws_qt.routing.statistics import RouteFigures, RoutingStatistics, figures_of
from upbit_ws_qt.sketch import QuantileSketch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.collector import CollectorWatch
    from upbit_ws_qt.routing.conduct import Component
    from upbit_ws_qt.routing.dispatch import Dispatcher
    from upbit_ws_qt.routing.fanout import FanoutHub
    from upbit_ws_qt.routing.overload import FrameHold
    from upbit_ws_qt.routing.route import Route
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Meter"]

_SHORTEST_SPAN = 1.0  # seconds over which a rate is worth something
_TOTALS = ("received", "delivered", "conflated", "skipped", "dropped", "failures")


class Meter:
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
        "decode_errors",
        "duplicates_on",
        "events",
        "frames",
        "longest_wait",
        "measured_cpu",
        "measured_time",
        "old_epoch",
        "replayed",
        "stale_on",
        "unrouted",
        "unwanted",
        "work",
    )

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.frames = self.events = self.unwanted = self.unrouted = self.old_epoch = 0
        self.decode_errors = self.control = self.replayed = 0
        self.stale_on: Counter[WebSocketType] = Counter()
        self.duplicates_on: Counter[WebSocketType] = Counter()
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
        received_at = event.received_at
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

    def refuse(self, ws_type: WebSocketType, *, stale: bool) -> None:
        """Count an event that is no news."""
        (self.stale_on if stale else self.duplicates_on)[ws_type] += 1

    def add_closed(self, route: Route) -> None:
        """Keep the totals of a route that is gone."""
        for name in _TOTALS:
            self._closed[name] += getattr(route, name)

    def statistics(
        self, dispatcher: Dispatcher, hub: FanoutHub, hold: FrameHold, collector: CollectorWatch, *, brief: bool
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
            decode_errors=self.decode_errors,
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
            past={} if brief else {c.component_id: c.past for c in components if c.past.received},
            collector=collector.pauses(),
            **totals,
        )

    def _totals(self, routes: Iterable[RouteFigures]) -> dict[str, int]:
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


def _route_figures(components: Iterable[Component]) -> tuple[RouteFigures, ...]:
    return tuple(
        figures_of(route, component.quarantine.reason if component.quarantine is not None else "")
        for component in components
        for route in component.routes
    )
