"""Reads the rooms' figures off in the form in which the monitor wants them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from upbit_ws_qt.events import OrderbookEvent, StreamType, TickerEvent, TradeEvent
from upbit_ws_qt.monitoring.readings import ComponentReading, ConnectionReading, RttSample, StreamReading
from upbit_ws_qt.types import ConnectionState, DataType, Priority, WebSocketType
from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.routing import RouteFigures, RoutingStatistics, StreamFigures
    from upbit_ws_qt.sketch import SketchSummary
    from upbit_ws_qt.streams import StreamKey

__all__ = ["StreamLedger", "component_readings", "connection_reading", "spared_names", "stage_summaries"]

MOST_AGES = 500
_ENDED = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED})
_TIMED = (TickerEvent, TradeEvent, OrderbookEvent)


def spared_names(data_type: DataType, depth: int) -> int:
    """Return the bytes by which SIMPLE names make one frame of a type shorter; for types with a nested part, about."""
    kind = kind_of(data_type.value)
    if kind is None:
        return 0
    spared = _shortened(kind)
    return spared + depth * _shortened("orderbook_units") if data_type is DataType.ORDERBOOK else spared


def _shortened(kind: str) -> int:
    return sum(len(name) - len(short) for name, short in SIMPLE_KEYS[kind].items())


class StreamLedger:
    """Keeps the figures of all streams from look to look: bytes, by stream and by component, and the ages of events.

    Nothing is noted on the way of a frame for it: each look takes the newest event of each stream.

    Args:
        simple: whether frames come with SIMPLE names.

    Attributes:
        readings: of the streams, as of the last look.
        ages: of the newest events since the last look but one, by line.
        spared: bytes that SIMPLE names have spared, by line.
    """

    def __init__(self, *, simple: bool = False) -> None:
        self._simple = simple
        self.spared: Counter[WebSocketType] = Counter()
        self._streams: dict[StreamKey, tuple[int, int]] = {}
        self._components: dict[str, int] = {}
        self._looked_at = 0.0
        self.readings: tuple[StreamReading, ...] = ()
        self.ages: dict[WebSocketType, list[float]] = {}

    def look(self, now: float, wall_clock: float, figures: Iterable[StreamFigures]) -> None:
        """Take the figures in: `readings`, `ages` since the last look (by line) and `bytes_of` tell of them then."""
        since, self._looked_at = self._looked_at, now
        streams, self._streams = self._streams, {}
        components, self._components = self._components, {}
        self.ages = {}
        readings = []
        for figure in figures:
            key = figure.key
            events, size = streams.get(key, (0, 0))
            fresh = figure.events - events if figure.events >= events else figure.events
            added = round(fresh * figure.frame_size)
            if self._simple:
                self.spared[key.websocket_type] += fresh * spared_names(key.data_type, figure.depth)
            self._streams[key] = (figure.events, size + added)
            for component_id in figure.component_ids:
                before = self._components.get(component_id, components.get(component_id, 0))
                self._components[component_id] = before + added
            latest = figure.latest
            at = None if latest is None else latest.received_at
            if at is not None and at > since:
                self._note_age(latest, wall_clock - now)
            readings.append(
                StreamReading(key=key, events=figure.events, bytes=size + added, last_event_at=at, depth=figure.depth)
            )
        self.readings = tuple(readings)

    def bytes_of(self, component_id: str) -> int:
        """Return the bytes of the frames behind a component's events, estimated from a sample of their sizes."""
        return self._components.get(component_id, 0)

    def _note_age(self, event: object, wall_minus_loop: float) -> None:
        if isinstance(event, _TIMED) and event.stream_type == StreamType.REALTIME:
            ages = self.ages.setdefault(event.websocket_type, [])
            if len(ages) < MOST_AGES:
                ages.append(event.received_at + wall_minus_loop - event.timestamp / 1000)


def connection_reading(
    endpoint: Endpoint,
    routing: RoutingStatistics,
    *,
    gaps: int,
    decode_errors: int,
    pongs_seen: int,
    event_ages: Iterable[float] = (),
    inbox_wait: float = 0.0,
    bytes_spared: int = 0,
) -> ConnectionReading:
    """Return one line's counters.

    Args:
        endpoint: the line.
        routing: what became of its events.
        gaps: gap events so far.
        decode_errors: unreadable frames so far.
        pongs_seen: how many round trips the last reading had.
        event_ages: see ConnectionReading.
        inbox_wait: seconds that the slowest frame waited since the last reading.
        bytes_spared: see ConnectionReading.
    """
    figures = endpoint.connection.figures()
    ws_type = endpoint.ws_type
    last = next((change for change in reversed(endpoint.connection.history) if change.new in _ENDED), None)
    statistics = endpoint.keeper.statistics()
    fresh = figures.rtt.count > pongs_seen and figures.rtt_last is not None
    held = routing.superseded if ws_type is WebSocketType.PUBLIC else 0
    return ConnectionReading(
        ws_type=ws_type,
        state=figures.state,
        wanted=endpoint.is_wanted,
        epoch=figures.epoch,
        connected_since=figures.opened_at if figures.state is ConnectionState.CONNECTED else None,
        last_message_at=figures.last_frame_at,
        last_pong_at=figures.last_pong_at,
        ping_sent_at=figures.ping_sent_at,
        next_attempt_at=figures.next_attempt_at,
        attempts=figures.attempts,
        close_code=None if last is None else last.close_code,
        close_cause="" if last is None else last.cause,
        frames=figures.frames,
        bytes_wire=figures.bytes_wire,
        bytes_inflated=figures.bytes_inflated,
        bytes_spared=bytes_spared,
        rtt_samples=(RttSample(figures.rtt_last or 0.0),) if fresh else (),
        event_ages=tuple(event_ages),
        errors=decode_errors + sum(figures.refusals.values()),
        decode_errors=decode_errors,
        reconnects=figures.losses,
        gaps=gaps,
        pending=figures.inbox.waiting,
        inbox_wait=inbox_wait,
        dropped=figures.inbox.dropped,
        duplicates=routing.duplicates_on.get(ws_type, 0),
        conflated=figures.inbox.superseded + held,
        stale=figures.inbox.stale + routing.stale_on.get(ws_type, 0),
        current_subscriptions=statistics.streams,
        live_subscriptions=statistics.live,
        restored=statistics.restored,
        restorable=statistics.restorable,
        requests=statistics.requests + statistics.lists,
        rate_budget_used=statistics.budget_used,
    )


def component_readings(
    routing: RoutingStatistics, priorities: Mapping[str, Priority], streams: Mapping[str, int], ledger: StreamLedger
) -> tuple[ComponentReading, ...]:
    """Return the counters of each component, its routes taken together."""
    by_component: dict[str, list[RouteFigures]] = {}
    for route in routing.routes:
        by_component.setdefault(route.component_id, []).append(route)
    return tuple(
        ComponentReading(
            component_id=component_id,
            priority=priorities.get(component_id, Priority.NORMAL),
            subscriptions=streams.get(component_id, 0),
            received=sum(route.received for route in routes),
            delivered=sum(route.delivered for route in routes),
            conflated=sum(route.conflated for route in routes),
            dropped=sum(route.dropped for route in routes),
            failures=sum(route.failures for route in routes),
            bytes=ledger.bytes_of(component_id),
            slot_seconds=sum(route.busy_time for route in routes),
            slot=max(routes, key=lambda route: route.busy_time).times,
            pending=sum(route.waiting for route in routes),
            quarantined=any(route.quarantine for route in routes),
        )
        for component_id, routes in by_component.items()
    )


def stage_summaries(routing: RoutingStatistics) -> dict[str, SketchSummary]:
    """Return the time that events spend at each stage."""
    return {
        "decode": routing.decode_latency,
        "dispatch": routing.delivery_latency,
        "total": routing.total_latency,
    }
