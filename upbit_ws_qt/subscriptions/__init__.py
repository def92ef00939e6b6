"""What is wanted and what is asked for: state, conflicts, planner, batcher, snapshot, proof, keeper."""

from __future__ import annotations

from upbit_ws_qt.subscriptions.batcher import RateLimitAwareSubscriptionBatcher, SubscriptionChange
from upbit_ws_qt.subscriptions.conflicts import (
    ConflictInfo,
    ConflictKind,
    Resolution,
    SubscriptionConflictResolver,
)
from upbit_ws_qt.subscriptions.demand import Demand
from upbit_ws_qt.subscriptions.keeper import SubscriptionKeeper
from upbit_ws_qt.subscriptions.line import LimiterLike, LineLike
from upbit_ws_qt.subscriptions.memory import Patience
from upbit_ws_qt.subscriptions.planner import (
    Effort,
    IntelligentSubscriptionOptimizer,
    OptimizationResult,
    SplitTrust,
)
from upbit_ws_qt.subscriptions.restore import Proof, listed_streams
from upbit_ws_qt.subscriptions.snapshot import (
    RestoreResult,
    SnapshotData,
    SnapshotDifference,
    SubscriptionStateSnapshot,
)
from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
from upbit_ws_qt.subscriptions.status import Quarantined, StreamStatus, SubscriptionStatistics
from upbit_ws_qt.subscriptions.wish import Standing, WishChange

__all__ = [
    "ConflictInfo",
    "ConflictKind",
    "Demand",
    "Effort",
    "IntelligentSubscriptionOptimizer",
    "LimiterLike",
    "LineLike",
    "OptimizationResult",
    "Patience",
    "Proof",
    "Quarantined",
    "RateLimitAwareSubscriptionBatcher",
    "Resolution",
    "RestoreResult",
    "SnapshotData",
    "SnapshotDifference",
    "SplitTrust",
    "Standing",
    "StreamStatus",
    "SubscriptionChange",
    "SubscriptionConflictResolver",
    "SubscriptionKeeper",
    "SubscriptionStateManager",
    "SubscriptionStateSnapshot",
    "SubscriptionStatistics",
    "WishChange",
    "listed_streams",
]
