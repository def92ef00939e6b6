"""Reads the rooms' figures off in the form in which the monitor wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.readings import ComponentReading, ConnectionReading, RttSample
from upbit_ws_qt.types import ConnectionState, Priority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.routing import RouteFigures, RoutingStatistics
    from upbit_ws_qt.sketch import SketchSummary

__all__ = ["component_readings", "connection_reading", "stage_summaries"]


def connection_reading(endpoint: Endpoint, *, gaps: int, decode_errors: int, pongs_seen: int) -> ConnectionReading:
    """Return one line's counters; `pongs_seen` is how many round trips the last reading had."""
    figures = endpoint.connection.figures()
    last = endpoint.connection.history[-1] if endpoint.connection.history else None
    statistics = endpoint.keeper.statistics()
    fresh = figures.rtt.count > pongs_seen and figures.rtt_last is not None
    return ConnectionReading(
        ws_type=endpoint.ws_type,
        state=figures.state,
        wanted=endpoint.is_wanted,
        epoch=figures.epoch,
        connected_since=figures.opened_at if figures.state is ConnectionState.CONNECTED else None,
        last_message_at=figures.last_frame_at,
        last_pong_at=figures.last_pong_at,
        next_attempt_at=figures.next_attempt_at,
        attempts=figures.attempts,
        close_code=None if last is None else last.close_code,
        close_cause="" if last is None else last.cause,
        frames=figures.frames,
        bytes_wire=figures.bytes_wire,
        bytes_inflated=figures.bytes_inflated,
        rtt_samples=(RttSample(figures.rtt_last or 0.0),) if fresh else (),
        errors=decode_errors + sum(figures.refusals.values()),
        decode_errors=decode_errors,
        reconnects=figures.losses,
        gaps=gaps,
        pending=figures.inbox.waiting,
        dropped=figures.inbox.dropped,
        conflated=figures.inbox.superseded,
        stale=figures.inbox.stale,
        current_subscriptions=statistics.streams,
        requests=statistics.requests + statistics.lists,
        rate_budget_used=statistics.budget_used,
    )


def component_readings(
    routing: RoutingStatistics, priorities: Mapping[str, Priority], streams: Mapping[str, int]
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
