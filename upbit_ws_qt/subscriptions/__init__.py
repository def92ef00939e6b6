"""What is wanted and what is asked for: state, conflicts, planner, batcher, snapshot, proof, keeper."""

from __future__ import annotations

from upbit_ws_qt.subscriptions.batcher import RateLimitAwareSubscriptionBatcher
from upbit_ws_qt.subscriptions.conflicts import Conflict, ConflictKind, SubscriptionConflictResolver
from upbit_ws_qt.subscriptions.demand import Demand
from upbit_ws_qt.subscriptions.keeper import SubscriptionKeeper
from upbit_ws_qt.subscriptions.line import LimiterLike, LineLike
from upbit_ws_qt.subscriptions.memory import Patience
from upbit_ws_qt.subscriptions.planner import (
    Effort,
    IntelligentSubscriptionOptimizer,
    SplitTrust,
    SubscriptionPlan,
)
from upbit_ws_qt.subscriptions.restore import Proof, listed_streams
from upbit_ws_qt.subscriptions.snapshot import SnapshotDifference, SubscriptionStateSnapshot
from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
from upbit_ws_qt.subscriptions.status import Quarantined, StreamStatus, SubscriptionStatistics
from upbit_ws_qt.subscriptions.wish import Standing, WishChange

__all__ = [
    "Conflict",
    "ConflictKind",
    "Demand",
    "Effort",
    "IntelligentSubscriptionOptimizer",
    "LimiterLike",
    "LineLike",
    "Patience",
    "Proof",
    "Quarantined",
    "RateLimitAwareSubscriptionBatcher",
    "SnapshotDifference",
    "SplitTrust",
    "Standing",
    "StreamStatus",
    "SubscriptionConflictResolver",
    "SubscriptionKeeper",
    "SubscriptionPlan",
    "SubscriptionStateManager",
    "SubscriptionStateSnapshot",
    "SubscriptionStatistics",
    "WishChange",
    "listed_streams",
]
