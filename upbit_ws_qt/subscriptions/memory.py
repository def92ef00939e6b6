"""What one endpoint's subscriptions remember from line to line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from upbit_ws_qt.subscriptions.planner import Effort

if TYPE_CHECKING:
    from collections.abc import Collection

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions.once import SnapshotDesk
    from upbit_ws_qt.subscriptions.planner import IntelligentSubscriptionOptimizer
    from upbit_ws_qt.subscriptions.rejection import RejectionSearch
    from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Counters", "EndpointMemory", "Patience"]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds.

    Attributes:
        gather: how long the first change may wait for others.
        first_data: until the first data of a stream.
        list_answer: until the answer to LIST_SUBSCRIPTIONS.
        settle: without any new stream showing, after which the rest no longer holds a new line up.
        unlisted: until streams that only the list proves are looked up in it; longer than the 150–180 ms after which
            the exchange has closed a line whose request it refused.
        mute: after an error until the line, if the exchange left it open, is used again.
        audit: after the latest request until, if no list has covered it, one is asked for: a change that only drops
            streams, say, proves itself by nothing.
        accepted: after which a request that met no error counts as taken.
        ask_again: after which a stream that earlier lines brought is asked for again, although it was silent on this
            one: the first time since it was given up, then since the try before. It ends with the last of them.
    """

    gather: float = 0.02
    first_data: float = 3.0
    list_answer: float = 2.0
    settle: float = 0.3
    unlisted: float = 0.25
    mute: float = 1.0
    audit: float = 5.0
    accepted: float = 1.5
    ask_again: tuple[float, ...] = (5.0, 15.0, 45.0, 120.0, 300.0)


@dataclass(slots=True)
class Counters:
    """See SubscriptionStatistics."""

    requests: int = 0
    lists: int = 0
    bytes_sent: int = 0
    snapshots: int = 0
    changes: int = 0
    cancelled: int = 0
    repairs: int = 0
    refusals: int = 0
    lists_unanswered: int = 0
    stray_errors: int = 0


@dataclass(slots=True)
class EndpointMemory:
    """Shared by the lines of one endpoint, one after the other or an old and a new one side by side.

    Attributes:
        served_before: wanted streams that some line brought in this session.
        unserved_before: wanted streams that some line asked for in vain; a new line does not wait for them.
        unlisted_before: wanted streams that the list lacked however often they were asked for.
        blank_lines: lines in a row on which nothing came of all that came before.
        doubts_key: whether a line began with INVALID_AUTH: then the next one has to answer a list before anything else,
            which tells a bad token from a scope that one of the wishes lacks.
        accused_at: convictions when a refused request that asked for one type in two ways was put down to that; None
            while that is not suspected.
        list_refusals: errors that only a LIST_SUBSCRIPTIONS explains.
    """

    ws_type: WebSocketType
    state: SubscriptionStateManager
    search: RejectionSearch
    desk: SnapshotDesk
    patience: Patience
    effort: Effort = field(default_factory=Effort)
    counters: Counters = field(default_factory=Counters)
    served_before: set[StreamKey] = field(default_factory=set)
    unserved_before: set[StreamKey] = field(default_factory=set)
    unlisted_before: set[StreamKey] = field(default_factory=set)
    blank_lines: int = 0
    list_refusals: int = 0
    doubts_key: bool = False
    accused_at: int | None = None

    @property
    def planner(self) -> IntelligentSubscriptionOptimizer:
        """What plans this endpoint's requests."""
        return self.state.optimizer(self.ws_type)

    @property
    def lists_work(self) -> bool:
        """Whether the exchange seems to know LIST_SUBSCRIPTIONS."""
        return self.list_refusals < 2

    def count_request(
        self, size: int, snapshots: Collection[StreamKey], new: Collection[StreamKey], *, is_needed: bool
    ) -> None:
        """Count a request of `size` bytes; `is_needed` where it is not a repetition or an extra one."""
        counters, effort = self.counters, self.effort
        counters.requests += 1
        counters.bytes_sent += size
        counters.snapshots += len(snapshots)
        effort.requests += 1
        effort.bytes_sent += size
        effort.snapshots += len(snapshots)
        if is_needed:
            effort.least_requests += 1
            effort.least_bytes += size
        effort.least_snapshots += sum(1 for stream in snapshots if stream in new)

    def count_list(self, *, is_needed: bool) -> None:
        """Count a LIST_SUBSCRIPTIONS; a new line needs one."""
        self.counters.lists += 1
        self.effort.requests += 1
        self.effort.least_requests += is_needed
