"""How it goes: figures, health with reasons, history, alerts, advice; fed with readings, no tasks of its own."""

from __future__ import annotations

from upbit_ws_qt.monitoring.adaptive import (
    AdaptationKind,
    AdaptationPlan,
    AdaptationStep,
    AdaptiveSubscriptionManager,
    LoadMetrics,
)
from upbit_ws_qt.monitoring.alerts import (
    Alert,
    AlertKind,
    AlertRule,
    AlertSeverity,
)
from upbit_ws_qt.monitoring.health import (
    ConnectionHealth,
    HealthLevel,
    HealthReason,
    HealthStatus,
    ReasonKind,
)
from upbit_ws_qt.monitoring.heat import (
    FreshnessMap,
    LatencyKind,
    LatencyMap,
)
from upbit_ws_qt.monitoring.history import (
    HistorySeries,
    LineEvent,
    LineEventKind,
    Metric,
)
from upbit_ws_qt.monitoring.incidents import (
    Incident,
    IncidentAlert,
    IncidentLine,
    LineReading,
)
from upbit_ws_qt.monitoring.independence import (
    ConnectionImpact,
    ConnectionIndependenceMonitor,
    Interference,
    InterferenceKind,
    IsolationDecision,
)
from upbit_ws_qt.monitoring.line_metrics import ConnectionMetrics
from upbit_ws_qt.monitoring.metrics import (
    ComponentMetrics,
    PerformanceMetrics,
    StreamMetrics,
)
from upbit_ws_qt.monitoring.monitor import Monitor
from upbit_ws_qt.monitoring.performance import (
    Bottleneck,
    IssueKind,
    PerformanceIssue,
    SubscriptionPerformanceMonitor,
)
from upbit_ws_qt.monitoring.prediction import ResourcePrediction
from upbit_ws_qt.monitoring.stats import LineStats, ProgramStats, TaskReading
from upbit_ws_qt.monitoring.stream_metrics import SubscriptionMetrics
from upbit_ws_qt.monitoring.uptime import DayUptime

__all__ = [
    "AdaptationKind",
    "AdaptationPlan",
    "AdaptationStep",
    "AdaptiveSubscriptionManager",
    "Alert",
    "AlertKind",
    "AlertRule",
    "AlertSeverity",
    "Bottleneck",
    "ComponentMetrics",
    "ConnectionHealth",
    "ConnectionImpact",
    "ConnectionIndependenceMonitor",
    "ConnectionMetrics",
    "DayUptime",
    "FreshnessMap",
    "HealthLevel",
    "HealthReason",
    "HealthStatus",
    "HistorySeries",
    "Incident",
    "IncidentAlert",
    "IncidentLine",
    "Interference",
    "InterferenceKind",
    "IsolationDecision",
    "IssueKind",
    "LatencyKind",
    "LatencyMap",
    "LineEvent",
    "LineEventKind",
    "LineReading",
    "LineStats",
    "LoadMetrics",
    "Metric",
    "Monitor",
    "PerformanceIssue",
    "PerformanceMetrics",
    "ProgramStats",
    "ReasonKind",
    "ResourcePrediction",
    "StreamMetrics",
    "SubscriptionMetrics",
    "SubscriptionPerformanceMonitor",
    "TaskReading",
]
