"""How it stands with a stream, and the figures of one endpoint's subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.conflicts import ConflictInfo
    from upbit_ws_qt.subscriptions.planner import SplitTrust
    from upbit_ws_qt.types import DataFormat, SubscriptionSpec, WebSocketType
    from upbit_ws_qt.wire import FormatSavings

__all__ = ["Quarantined", "StreamStatus", "SubscriptionStatistics"]


class StreamStatus(StrEnum):
    """The life of one stream."""

    WANTED = "wanted"
    """Not asked for yet: no line, no budget, or held while a refused request is looked into."""
    REQUESTED = "requested"
    """Asked for, not proved yet."""
    LIVE = "live"
    """Proved: its data came, or, where silence is normal, the exchange lists it."""
    WARMING_UP = "warming_up"
    """Listed; an account's first myAsset may be silent for minutes."""
    UNSERVED = "unserved"
    """Asked for, and nothing came: delisted or misspelt. Becomes LIVE when data comes after all."""
    REJECTED = "rejected"
    """The exchange refuses the wish."""

    @property
    def is_served(self) -> bool:
        """Whether a consumer can rely on it."""
        return self in (StreamStatus.LIVE, StreamStatus.WARMING_UP)

    @property
    def is_failed(self) -> bool:
        """Whether a consumer waits in vain for now."""
        return self in (StreamStatus.UNSERVED, StreamStatus.REJECTED)


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A wish that the exchange refuses.

    Attributes:
        spec: the wish.
        components: who holds it.
        reason: what the exchange said.
    """

    spec: SubscriptionSpec
    components: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class SubscriptionStatistics:
    """The subscriptions of one endpoint, and what keeping them took since the start.

    Attributes:
        ws_type: the endpoint.
        wishes: distinct specs.
        streams: streams of the union.
        live: streams that are proved (warming up included).
        unserved: streams that stay silent.
        quarantined: wishes that the exchange refuses.
        conflicts: wishes that differ and what was made of it, in words.
        requests: requests sent, without lists.
        lists: LIST_SUBSCRIPTIONS sent.
        bytes_sent: of both.
        snapshots: snapshots asked for.
        changes: changes of the wishes handed in.
        cancelled: times that changes undid each other before anything was sent.
        repairs: requests sent again because the exchange's list lacked something or had too much.
        rejections: requests that the exchange refused.
        refusals: times that the exchange said "too many".
        lists_unanswered: lists that got no answer.
        stray_errors: errors of the exchange that no request of ours explains.
        efficiency_score: 0 to 100, see IntelligentSubscriptionOptimizer.calculate_efficiency_score.
        budget_used: share of the minute's messages that is used now, 0 without a line.
        split: whether the exchange takes one type in both ways in one request.
        restores: lines that were proved.
        last_restore: seconds from the open line to the proof, None before the first.
        restored: streams proved on the latest line, and `restorable` how many there were to prove.
        restorable: see there.
        data_format: that the next request names; never AUTO.
        format_reason: why, in words.
        format_savings: what AUTO has measured for it, None where it has not.
    """

    ws_type: WebSocketType
    wishes: int
    streams: int
    live: int
    unserved: tuple[StreamKey, ...]
    quarantined: tuple[Quarantined, ...]
    conflicts: tuple[ConflictInfo, ...]
    requests: int
    lists: int
    bytes_sent: int
    snapshots: int
    changes: int
    cancelled: int
    repairs: int
    rejections: int
    refusals: int
    lists_unanswered: int
    stray_errors: int
    efficiency_score: float
    budget_used: float
    split: SplitTrust
    restores: int
    last_restore: float | None
    restored: int
    restorable: int
    data_format: DataFormat
    format_reason: str
    format_savings: FormatSavings | None
