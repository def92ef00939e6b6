"""Who gets it: from raw frames to guarded callbacks, with order, backpressure, a data pool and exact counts."""

from __future__ import annotations

from upbit_ws_qt.routing.data_pool import AccountView, DataPoolManager, PoolStatistics
from upbit_ws_qt.routing.engine import DataRoutingEngine, owner_lives
from upbit_ws_qt.routing.fanout import FanoutHub
from upbit_ws_qt.routing.gc_pauses import CollectorMonitor, CollectorPauses
from upbit_ws_qt.routing.pull_route import PullRoute, pulled
from upbit_ws_qt.routing.route import Route
from upbit_ws_qt.routing.statistics import (
    ComponentStats,
    ConsumerStats,
    RouteStats,
    RoutingStatistics,
    StreamStats,
    SweepResult,
)

__all__ = [
    "AccountView",
    "CollectorMonitor",
    "CollectorPauses",
    "ComponentStats",
    "ConsumerStats",
    "DataPoolManager",
    "DataRoutingEngine",
    "FanoutHub",
    "PoolStatistics",
    "PullRoute",
    "Route",
    "RouteStats",
    "RoutingStatistics",
    "StreamStats",
    "SweepResult",
    "owner_lives",
    "pulled",
]
