"""Reads the rooms' figures off in the form in which the monitor wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from upbit_ws_qt.monitoring.readings import ComponentReading, ConnectionReading, RttSample
from upbit_ws_qt.monitoring.subscriptions import SubscriptionReading
from upbit_ws_qt.routing import PastFigures
from upbit_ws_qt.types import ConnectionState, Priority, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from upbit_ws_qt.connection import ConnectionFigures
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.manager.ledger import StreamLedger
    from upbit_ws_qt.routing import RouteFigures, RoutingStatistics, StreamFigures
    from upbit_ws_qt.sketch import SketchSummary
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import SubscriptionStatistics

__all__ = ["LineReader", "component_readings", "stage_summaries", "subscription_readings"]

_ENDED = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED})


class LineReader:
    """Reads one line off, and keeps what the rooms tell between two readings.

    Attributes:
        gaps: changes of epoch so far; `lossy_gaps` are those of them that may have cost trades, orders or assets.
        decode_errors: frames so far that could not be read.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.gaps = self.lossy_gaps = 0
        self.decode_errors = 0
        self._pongs = 0
        self._statistics: SubscriptionStatistics | None = None

    def changed(self) -> None:
        """Note that something about the subscriptions changed: their figures are asked for anew."""
        self._statistics = None

    @property
    def unserved(self) -> tuple[StreamKey, ...]:
        """The streams that were asked for and do not come, as of the last reading."""
        return () if self._statistics is None else self._statistics.unserved

    def read(
        self, now: float, routing: RoutingStatistics, *, ages: Sequence[float], longest_wait: float, bytes_spared: int
    ) -> ConnectionReading:
        """Return the line's counters.

        Args:
            now: loop clock.
            routing: what became of its events.
            ages: see ConnectionReading.event_ages.
            longest_wait: seconds that the slowest frame handed out since the last reading had waited.
            bytes_spared: see ConnectionReading.
        """
        figures = self._endpoint.connection.figures()
        fresh_pong = figures.rtt.count > self._pongs and figures.rtt_last is not None
        self._pongs = figures.rtt.count
        oldest = self._endpoint.inbox.oldest()  # infinity for an empty one, 0 for a marker
        return replace(
            self._with_subscriptions(self._traffic(figures, routing)),
            bytes_spared=bytes_spared,
            rtt_samples=(RttSample(figures.rtt_last or 0.0),) if fresh_pong else (),
            event_ages=tuple(ages),
            inbox_wait=max(longest_wait, now - oldest if oldest else 0.0),
        )

    def _standing(self, figures: ConnectionFigures) -> ConnectionReading:
        """Return how the line stands, without counters."""
        history = self._endpoint.connection.history
        last = next((change for change in reversed(history) if change.new in _ENDED), None)
        return ConnectionReading(
            ws_type=self._endpoint.ws_type,
            state=figures.state,
            wanted=self._endpoint.is_wanted,
            epoch=figures.epoch,
            connected_since=figures.opened_at if figures.state is ConnectionState.CONNECTED else None,
            last_message_at=figures.last_frame_at,
            last_pong_at=figures.last_pong_at,
            ping_sent_at=figures.ping_sent_at,
            next_attempt_at=figures.next_attempt_at,
            attempts=figures.attempts,
            close_code=None if last is None else last.close_code,
            close_cause="" if last is None else last.cause,
        )

    def _traffic(self, figures: ConnectionFigures, routing: RoutingStatistics) -> ConnectionReading:
        """Return how it stands, with what it carried and what became of that."""
        ws_type = self._endpoint.ws_type
        held = routing.superseded if ws_type is WebSocketType.PUBLIC else 0
        return replace(
            self._standing(figures),
            frames=figures.frames,
            bytes_wire=figures.bytes_wire,
            bytes_inflated=figures.bytes_inflated,
            errors=self.decode_errors + sum(figures.refusals.values()),
            decode_errors=self.decode_errors,
            reconnects=figures.losses,
            gaps=self.gaps,
            lossy_gaps=self.lossy_gaps,
            pending=figures.inbox.waiting,
            dropped=figures.inbox.dropped,
            sink_failures=figures.sink_failures,
            duplicates=routing.duplicates_on.get(ws_type, 0),
            conflated=figures.inbox.superseded + held,
            stale=figures.inbox.stale + routing.stale_on.get(ws_type, 0),
        )

    def _with_subscriptions(self, reading: ConnectionReading) -> ConnectionReading:
        statistics = self._subscriptions(reading.state)
        return replace(
            reading,
            current_subscriptions=statistics.streams,
            live_subscriptions=statistics.live,
            restored=statistics.restored,
            restorable=statistics.restorable,
            requests=statistics.requests + statistics.lists,
            rate_budget_used=statistics.budget_used,
        )

    def _subscriptions(self, state: ConnectionState) -> SubscriptionStatistics:
        """Return the subscriptions' figures; counting a thousand streams each second would be noticed.

        They hold until something is told to have changed (`changed`), or the health task counts anew.
        """
        held = self._statistics
        # While a line is being proved its streams come in without each one being told.
        if held is None or state is not ConnectionState.CONNECTED:
            held = self._statistics = self._endpoint.keeper.statistics()
        return held


def component_readings(
    routing: RoutingStatistics, priorities: Mapping[str, Priority], streams: Mapping[str, int], ledger: StreamLedger
) -> tuple[ComponentReading, ...]:
    """Return the counters of each component: its routes taken together, with those that are closed."""
    by_component: dict[str, list[RouteFigures]] = {}
    for route in routing.routes:
        by_component.setdefault(route.component_id, []).append(route)
    none = PastFigures()
    readings = []
    for component_id, each in by_component.items():
        past = routing.past.get(component_id, none)
        priority, count = priorities.get(component_id, Priority.NORMAL), streams.get(component_id, 0)
        read = _reading_of_one if len(each) == 1 and past is none else _reading_of_several
        readings.append(read(component_id, priority, count, each, past, ledger))
    return tuple(readings)


def _reading_of_one(
    component_id: str,
    priority: Priority,
    streams: int,
    routes: list[RouteFigures],
    past: PastFigures,
    ledger: StreamLedger,
) -> ComponentReading:
    """Return the counters of a component of one route: most are where there are a thousand, and sums take time."""
    del past  # there is none
    (route,) = routes
    return ComponentReading(
        component_id=component_id,
        priority=priority,
        subscriptions=streams,
        received=route.received,
        delivered=route.delivered,
        conflated=route.conflated,
        skipped=route.skipped,
        dropped=route.dropped,
        failures=route.failures,
        bytes=ledger.bytes_of(component_id, route.received),
        slot_seconds=route.busy_time,
        slot=route.times,
        pending=route.waiting,
        quarantined=bool(route.quarantine),
    )


def _reading_of_several(
    component_id: str,
    priority: Priority,
    streams: int,
    routes: list[RouteFigures],
    past: PastFigures,
    ledger: StreamLedger,
) -> ComponentReading:
    received = past.received + sum([route.received for route in routes])
    return ComponentReading(
        component_id=component_id,
        priority=priority,
        subscriptions=streams,
        received=received,
        delivered=past.delivered + sum([route.delivered for route in routes]),
        conflated=past.conflated + sum([route.conflated for route in routes]),
        skipped=past.skipped + sum([route.skipped for route in routes]),
        dropped=past.dropped + sum([route.dropped for route in routes]),
        failures=past.failures + sum([route.failures for route in routes]),
        bytes=ledger.bytes_of(component_id, received),
        slot_seconds=past.busy_time + sum([route.busy_time for route in routes]),
        slot=max(routes, key=lambda route: route.busy_time).times,
        pending=sum([route.waiting for route in routes]),
        quarantined=any(route.quarantine for route in routes),
    )


def subscription_readings(stream: StreamFigures) -> Iterator[SubscriptionReading]:
    """Yield what each consumer of a stream has counted."""
    key, _, frame_size, _, _, consumers = stream
    for component_id, delivered, busy_time, longest in consumers:
        yield SubscriptionReading(component_id, key, delivered, busy_time, longest, frame_size)


def stage_summaries(routing: RoutingStatistics) -> dict[str, SketchSummary]:
    """Return the time that events spend at each stage."""
    return {
        "decode": routing.decode_latency,
        "dispatch": routing.delivery_latency,
        "total": routing.total_latency,
    }
