"""What is wanted and what is asked for: wishes and their union, requests in time, the proof of them, status."""

from __future__ import annotations

from upbit_ws_qt.subscriptions.conflicts import (
    ConflictInfo,
    ConflictKind,
    Resolution,
    SubscriptionConflictResolver,
)
from upbit_ws_qt.subscriptions.endpoint_memory import Effort, Patience, SplitTrust
from upbit_ws_qt.subscriptions.endpoint_sync import EndpointSync
from upbit_ws_qt.subscriptions.line_driver import LineLike
from upbit_ws_qt.subscriptions.pacing import LimiterLike, RateLimitAwareSubscriptionBatcher, SubscriptionChange
from upbit_ws_qt.subscriptions.planner import IntelligentSubscriptionOptimizer, OptimizationResult
from upbit_ws_qt.subscriptions.snapshot import (
    RestoreResult,
    SnapshotData,
    SnapshotDifference,
    SubscriptionStateSnapshot,
)
from upbit_ws_qt.subscriptions.state import SubscriptionStateManager
from upbit_ws_qt.subscriptions.status import Quarantined, StreamStatus, SubscriptionStatistics, names_of
from upbit_ws_qt.subscriptions.stream_table import listed_streams
from upbit_ws_qt.subscriptions.wishes import Demand, Standing, WishChange

__all__ = [
    "ConflictInfo",
    "ConflictKind",
    "Demand",
    "Effort",
    "EndpointSync",
    "IntelligentSubscriptionOptimizer",
    "LimiterLike",
    "LineLike",
    "OptimizationResult",
    "Patience",
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
    "SubscriptionStateManager",
    "SubscriptionStateSnapshot",
    "SubscriptionStatistics",
    "WishChange",
    "listed_streams",
    "names_of",
]
