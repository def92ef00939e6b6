"""How it goes: figures, health with reasons, history, alerts, advice; fed with readings, no tasks of its own."""

from __future__ import annotations

from upbit_ws_qt.monitoring.adaptive import AdaptationPlan, AdaptationStep, AdaptiveSubscriptionManager
from upbit_ws_qt.monitoring.alerts import Alert, AlertKind, AlertRule
from upbit_ws_qt.monitoring.health import HealthLevel, HealthStatus
from upbit_ws_qt.monitoring.history import HistorySeries, LineEvent, Metric
from upbit_ws_qt.monitoring.independence import ConnectionIndependenceMonitor, IsolationDecision
from upbit_ws_qt.monitoring.metrics import ConnectionMetrics, PerformanceMetrics
from upbit_ws_qt.monitoring.monitor import Monitor
from upbit_ws_qt.monitoring.performance import PerformanceIssue, SubscriptionPerformanceMonitor
from upbit_ws_qt.monitoring.readings import ComponentReading, ConnectionReading, Readings, RttSample, StreamReading

__all__ = [
    "AdaptationPlan",
    "AdaptationStep",
    "AdaptiveSubscriptionManager",
    "Alert",
    "AlertKind",
    "AlertRule",
    "ComponentReading",
    "ConnectionIndependenceMonitor",
    "ConnectionMetrics",
    "ConnectionReading",
    "HealthLevel",
    "HealthStatus",
    "HistorySeries",
    "IsolationDecision",
    "LineEvent",
    "Metric",
    "Monitor",
    "PerformanceIssue",
    "PerformanceMetrics",
    "Readings",
    "RttSample",
    "StreamReading",
    "SubscriptionPerformanceMonitor",
]
