"""The figures of one endpoint's subscriptions, gathered from what it remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.status import Quarantined, StreamStatus, SubscriptionStatistics
from upbit_ws_qt.subscriptions.wish import Standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.memory import EndpointMemory
    from upbit_ws_qt.wire import FormatChoice

__all__ = ["endpoint_statistics"]


def endpoint_statistics(
    memory: EndpointMemory,
    statuses: Mapping[StreamKey, StreamStatus],
    *,
    budget_used: float,
    restores: Sequence[float],
    restored: tuple[int, int],
    choice: FormatChoice,
) -> SubscriptionStatistics:
    """Return the figures.

    Args:
        memory: what the endpoint remembers from line to line.
        statuses: how it stands with each stream that is asked for.
        budget_used: share of the line's messages of a minute that were used, 0 to 1.
        restores: the latest seconds from an open line to its proof.
        restored: streams that the latest line brought again, and those that it should have.
        choice: of the format.
    """
    counters, planner = memory.counters, memory.planner
    quarantined = memory.state.wishes(memory.ws_type, Standing.QUARANTINED)
    return SubscriptionStatistics(
        ws_type=memory.ws_type,
        wishes=len(memory.state.wishes(memory.ws_type)),
        streams=len(statuses),
        live=sum(1 for status in statuses.values() if status.is_served),
        unserved=tuple(stream for stream, status in statuses.items() if status is StreamStatus.UNSERVED),
        quarantined=tuple(
            Quarantined(w.spec, tuple(sorted(w.owners)), w.refusal.reason if w.refusal else "") for w in quarantined
        ),
        conflicts=tuple(c for c in memory.state.conflicts() if c.streams[0].websocket_type is memory.ws_type),
        requests=counters.requests,
        lists=counters.lists,
        bytes_sent=counters.bytes_sent,
        snapshots=counters.snapshots,
        changes=counters.changes,
        cancelled=counters.cancelled,
        repairs=counters.repairs,
        rejections=memory.search.rejections,
        refusals=counters.refusals,
        lists_unanswered=counters.lists_unanswered,
        stray_errors=counters.stray_errors,
        efficiency_score=planner.calculate_efficiency_score(memory.effort),
        budget_used=budget_used,
        split=planner.split,
        restores=len(restores),
        last_restore=restores[-1] if restores else None,
        restored=restored[0],
        restorable=restored[1],
        data_format=choice.format,
        format_reason=choice.reason,
        format_savings=choice.savings,
    )
