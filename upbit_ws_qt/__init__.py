"""Live Upbit data inside PyQt6: one service, typed exact events, wishes that die with their widgets.

The public names are all here. They are loaded when first asked for, so that a program which only decodes frames, or
only runs the embedded exchange, never loads Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__version__: str

# Type checkers read the imports below, and which of the names are public, from `__all__`; programs find a name by
# `_HOMES`. A test holds the three against each other. What is imported "as" itself is there for who takes the engine
# apart, and not in `__all__`: programs never name it.
if TYPE_CHECKING:
    from upbit_ws_qt.backfill import (
        AccountBalance,
        AccountState,
        GapReport,
        StreamRecovery,
    )
    from upbit_ws_qt.client import (
        SimpleWebSocketClient,
    )
    from upbit_ws_qt.config import (
        AlertLimits,
        ServiceConfig,
        require_reachable,
    )
    from upbit_ws_qt.connection import (
        DialError,
        EpochManager,
        GapEvent,
        JWTManager,
        StateChange,
    )
    from upbit_ws_qt.credentials import (
        Credentials,
    )
    from upbit_ws_qt.errors import (
        AuthenticationError,
        BackpressureError,
        ConfigurationError,
        ConnectionLostError,
        DecodeError,
        RateLimitError,
        RecoveryError,
        RecoveryStrategy,
        RestError,
        SubscriptionError,
        WebSocketError,
    )
    from upbit_ws_qt.events import (
        AnnouncementEvent,
        BaseWebSocketEvent,
        CandleEvent,
        IndicatorEvent,
        IndicatorParams,
        IndicatorSignalEvent,
        IndicatorValue,
        MyAssetEvent,
        MyAssetItem,
        MyOrderEvent,
        OrderbookEvent,
        OrderbookUnit,
        SignalEventParams,
        TickerEvent,
        TradeEvent,
    )
    from upbit_ws_qt.manager import (
        ComponentsSnapshot,
        ComponentSubscription,
        EventStream,
        FrameRecord,
        FrameTrace,
        GlobalWebSocketManager,
        ManagerListener,
    )
    from upbit_ws_qt.monitoring import (
        AdaptationKind,
        AdaptationStep,
        Alert,
        AlertKind,
        AlertSeverity,
        Bottleneck,
        ComponentMetrics,
        ConnectionHealth,
        ConnectionImpact,
        ConnectionIndependenceMonitor,
        ConnectionMetrics,
        DayUptime,
        FreshnessMap,
        HealthLevel,
        HealthReason,
        HealthStatus,
        HistorySeries,
        Incident,
        IncidentAlert,
        IncidentLine,
        Interference,
        InterferenceKind,
        IsolationDecision,
        IssueKind,
        LatencyKind,
        LatencyMap,
        LineEvent,
        LineEventKind,
        LineReading,
        Metric,
        PerformanceIssue,
        PerformanceMetrics,
        ReasonKind,
        ResourcePrediction,
        StreamMetrics,
        SubscriptionMetrics,
        TaskReading,
    )
    from upbit_ws_qt.monitoring import (
        AdaptiveSubscriptionManager as AdaptiveSubscriptionManager,
    )
    from upbit_ws_qt.monitoring import (
        LoadMetrics as LoadMetrics,
    )
    from upbit_ws_qt.monitoring import (
        SubscriptionPerformanceMonitor as SubscriptionPerformanceMonitor,
    )
    from upbit_ws_qt.qt import (
        AnnouncementChannel,
        Attachment,
        CandleChannel,
        Channel,
        ExceptHook,
        IndicatorChannel,
        IndicatorSignalChannel,
        MyAssetChannel,
        MyOrderChannel,
        NestedLoopError,
        OrderbookChannel,
        PaintMeter,
        SlotError,
        Subscription,
        SubscriptionState,
        TickerChannel,
        TradeChannel,
        WebSocketClientProxy,
        WebSocketService,
        attach,
        exec_dialog,
        install_excepthook,
        run,
    )
    from upbit_ws_qt.quantiles import (
        SketchSummary,
    )
    from upbit_ws_qt.recording.flight import (
        FlightRecorder,
    )
    from upbit_ws_qt.recording.marks import (
        MarkKind,
        RecordingMark,
        recording_marks,
    )
    from upbit_ws_qt.recording.recorder import (
        Recorder,
        RecorderFigures,
    )
    from upbit_ws_qt.recording.replay_clock import (
        ReplayClock,
    )
    from upbit_ws_qt.recording.segments import (
        RecordingError,
    )
    from upbit_ws_qt.rest import (
        CANDLE_UNITS,
        BudgetUsage,
        ChanceAccount,
        ChanceMarket,
        ChanceSide,
        MarketWarnings,
        RestAccount,
        RestApiKey,
        RestCandle,
        RestClient,
        RestInstrument,
        RestMarket,
        RestOrder,
        RestOrderbook,
        RestOrderbookUnit,
        RestOrderChance,
        RestOrderTrade,
        RestTicker,
        RestTrade,
    )
    from upbit_ws_qt.routing import (
        DataPoolManager,
        DataRoutingEngine,
        FanoutHub,
        PoolStatistics,
        RoutingStatistics,
    )
    from upbit_ws_qt.silence import (
        SilenceDetector,
    )
    from upbit_ws_qt.specs import (
        HowAsked,
        HowContinued,
        HowDelivered,
        HowQueued,
        HowRecovered,
        HowWanted,
        IndicatorSpec,
        SubscriptionSpec,
        is_market_code,
    )
    from upbit_ws_qt.streams import (
        StreamGap,
        StreamKey,
    )
    from upbit_ws_qt.subscriptions import (
        ConflictInfo,
        ConflictKind,
        Demand,
        OptimizationResult,
        Quarantined,
        Resolution,
        RestoreResult,
        SnapshotData,
        SnapshotDifference,
        SplitTrust,
        StreamStatus,
        SubscriptionStateManager,
        SubscriptionStatistics,
    )
    from upbit_ws_qt.subscriptions import (
        IntelligentSubscriptionOptimizer as IntelligentSubscriptionOptimizer,
    )
    from upbit_ws_qt.subscriptions import (
        RateLimitAwareSubscriptionBatcher as RateLimitAwareSubscriptionBatcher,
    )
    from upbit_ws_qt.subscriptions import (
        SubscriptionChange as SubscriptionChange,
    )
    from upbit_ws_qt.subscriptions import (
        SubscriptionConflictResolver as SubscriptionConflictResolver,
    )
    from upbit_ws_qt.subscriptions import (
        SubscriptionStateSnapshot as SubscriptionStateSnapshot,
    )
    from upbit_ws_qt.text import (
        Phrase,
        safe_text,
    )
    from upbit_ws_qt.types import (
        BackpressureConfig,
        BackpressureStrategy,
        BookDepth,
        CandleUnit,
        ConnectionState,
        DataFormat,
        DataType,
        Delivery,
        GlobalManagerState,
        IndependenceLevel,
        Priority,
        TimeFrame,
        WebSocketType,
    )
    from upbit_ws_qt.wire import (
        INDICATOR_RULES,
        MAX_COMBINATIONS,
        TIMEFRAMES,
        FormatSavings,
        IndicatorRule,
        SimpleFormatConverter,
        TypeObject,
        count_combinations,
    )
    from upbit_ws_qt.wire import (
        ServerError as ServerError,
    )
    from upbit_ws_qt.wire import (
        ServerStatus as ServerStatus,
    )
    from upbit_ws_qt.wire import (
        SubscriptionEntry as SubscriptionEntry,
    )
    from upbit_ws_qt.wire import (
        SubscriptionList as SubscriptionList,
    )
    from upbit_ws_qt.wire import (
        WebSocketMessage as WebSocketMessage,
    )

# Where each name is defined, so that asking for one loads what it needs and nothing else; Qt only for what needs Qt.
_HOMES: dict[str, str] = {
    name: home
    for home, names in {
        "backfill": "AccountBalance AccountState GapReport StreamRecovery",
        "client": "SimpleWebSocketClient",
        "config": "AlertLimits ServiceConfig require_reachable",
        "connection": "DialError EpochManager GapEvent JWTManager StateChange",
        "credentials": "Credentials",
        "errors": """
            AuthenticationError BackpressureError ConfigurationError ConnectionLostError DecodeError
            RateLimitError RecoveryError RecoveryStrategy RestError SubscriptionError WebSocketError
        """,
        "events": """
            AnnouncementEvent BaseWebSocketEvent CandleEvent IndicatorEvent IndicatorParams
            IndicatorSignalEvent IndicatorValue MyAssetEvent MyAssetItem MyOrderEvent OrderbookEvent
            OrderbookUnit SignalEventParams TickerEvent TradeEvent
        """,
        "manager": """
            ComponentsSnapshot ComponentSubscription EventStream FrameRecord FrameTrace GlobalWebSocketManager
            ManagerListener
        """,
        "monitoring": """
            AdaptationKind AdaptationStep AdaptiveSubscriptionManager Alert AlertKind AlertSeverity
            Bottleneck ComponentMetrics ConnectionHealth ConnectionImpact ConnectionIndependenceMonitor
            ConnectionMetrics DayUptime FreshnessMap HealthLevel HealthReason HealthStatus HistorySeries
            Incident IncidentAlert IncidentLine Interference InterferenceKind IsolationDecision IssueKind
            LatencyKind LatencyMap LineEvent LineEventKind LineReading LoadMetrics Metric PerformanceIssue
            PerformanceMetrics ReasonKind ResourcePrediction StreamMetrics SubscriptionMetrics
            SubscriptionPerformanceMonitor TaskReading
        """,
        "qt": """
            Attachment ExceptHook NestedLoopError
            PaintMeter SlotError Subscription SubscriptionState WebSocketClientProxy WebSocketService attach exec_dialog
            install_excepthook run
        """,
        "qt.channel": """
            AnnouncementChannel CandleChannel Channel IndicatorChannel IndicatorSignalChannel MyAssetChannel
            MyOrderChannel OrderbookChannel TickerChannel TradeChannel
        """,
        "quantiles": "SketchSummary",
        "recording.flight": "FlightRecorder",
        "recording.marks": "MarkKind RecordingMark recording_marks",
        "recording.recorder": "Recorder RecorderFigures",
        "recording.replay_clock": "ReplayClock",
        "recording.segments": "RecordingError",
        "rest": """
            CANDLE_UNITS BudgetUsage ChanceAccount ChanceMarket ChanceSide MarketWarnings RestAccount
            RestApiKey RestCandle RestClient RestInstrument RestMarket RestOrder RestOrderbook
            RestOrderbookUnit RestOrderChance RestOrderTrade RestTicker RestTrade
        """,
        "routing": "DataPoolManager DataRoutingEngine FanoutHub PoolStatistics RoutingStatistics",
        "silence": "SilenceDetector",
        "specs": """
            HowAsked HowContinued HowDelivered HowQueued HowRecovered HowWanted IndicatorSpec SubscriptionSpec
            is_market_code
        """,
        "streams": "StreamGap StreamKey",
        "subscriptions": """
            ConflictInfo ConflictKind Demand IntelligentSubscriptionOptimizer OptimizationResult
            Quarantined RateLimitAwareSubscriptionBatcher Resolution RestoreResult SnapshotData
            SnapshotDifference SplitTrust StreamStatus SubscriptionChange SubscriptionConflictResolver
            SubscriptionStateManager SubscriptionStateSnapshot SubscriptionStatistics
        """,
        "text": "Phrase safe_text",
        "types": """
            BackpressureConfig BackpressureStrategy BookDepth CandleUnit ConnectionState DataFormat DataType Delivery
            GlobalManagerState IndependenceLevel Priority TimeFrame WebSocketType
        """,
        "wire": """
            INDICATOR_RULES MAX_COMBINATIONS TIMEFRAMES FormatSavings IndicatorRule ServerError
            ServerStatus SimpleFormatConverter SubscriptionEntry SubscriptionList TypeObject
            WebSocketMessage count_combinations
        """,
    }.items()
    for name in names.split()
}

__all__ = [
    "CANDLE_UNITS",
    "INDICATOR_RULES",
    "MAX_COMBINATIONS",
    "TIMEFRAMES",
    "AccountBalance",
    "AccountState",
    "AdaptationKind",
    "AdaptationStep",
    "Alert",
    "AlertKind",
    "AlertLimits",
    "AlertSeverity",
    "AnnouncementChannel",
    "AnnouncementEvent",
    "Attachment",
    "AuthenticationError",
    "BackpressureConfig",
    "BackpressureError",
    "BackpressureStrategy",
    "BaseWebSocketEvent",
    "BookDepth",
    "Bottleneck",
    "BudgetUsage",
    "CandleChannel",
    "CandleEvent",
    "CandleUnit",
    "ChanceAccount",
    "ChanceMarket",
    "ChanceSide",
    "Channel",
    "ComponentMetrics",
    "ComponentSubscription",
    "ComponentsSnapshot",
    "ConfigurationError",
    "ConflictInfo",
    "ConflictKind",
    "ConnectionHealth",
    "ConnectionImpact",
    "ConnectionIndependenceMonitor",
    "ConnectionLostError",
    "ConnectionMetrics",
    "ConnectionState",
    "Credentials",
    "DataFormat",
    "DataPoolManager",
    "DataRoutingEngine",
    "DataType",
    "DayUptime",
    "DecodeError",
    "Delivery",
    "Demand",
    "DialError",
    "EpochManager",
    "EventStream",
    "ExceptHook",
    "FanoutHub",
    "FlightRecorder",
    "FormatSavings",
    "FrameRecord",
    "FrameTrace",
    "FreshnessMap",
    "GapEvent",
    "GapReport",
    "GlobalManagerState",
    "GlobalWebSocketManager",
    "HealthLevel",
    "HealthReason",
    "HealthStatus",
    "HistorySeries",
    "HowAsked",
    "HowContinued",
    "HowDelivered",
    "HowQueued",
    "HowRecovered",
    "HowWanted",
    "Incident",
    "IncidentAlert",
    "IncidentLine",
    "IndependenceLevel",
    "IndicatorChannel",
    "IndicatorEvent",
    "IndicatorParams",
    "IndicatorRule",
    "IndicatorSignalChannel",
    "IndicatorSignalEvent",
    "IndicatorSpec",
    "IndicatorValue",
    "Interference",
    "InterferenceKind",
    "IsolationDecision",
    "IssueKind",
    "JWTManager",
    "LatencyKind",
    "LatencyMap",
    "LineEvent",
    "LineEventKind",
    "LineReading",
    "ManagerListener",
    "MarkKind",
    "MarketWarnings",
    "Metric",
    "MyAssetChannel",
    "MyAssetEvent",
    "MyAssetItem",
    "MyOrderChannel",
    "MyOrderEvent",
    "NestedLoopError",
    "OptimizationResult",
    "OrderbookChannel",
    "OrderbookEvent",
    "OrderbookUnit",
    "PaintMeter",
    "PerformanceIssue",
    "PerformanceMetrics",
    "Phrase",
    "PoolStatistics",
    "Priority",
    "Quarantined",
    "RateLimitError",
    "ReasonKind",
    "Recorder",
    "RecorderFigures",
    "RecordingError",
    "RecordingMark",
    "RecoveryError",
    "RecoveryStrategy",
    "ReplayClock",
    "Resolution",
    "ResourcePrediction",
    "RestAccount",
    "RestApiKey",
    "RestCandle",
    "RestClient",
    "RestError",
    "RestInstrument",
    "RestMarket",
    "RestOrder",
    "RestOrderChance",
    "RestOrderTrade",
    "RestOrderbook",
    "RestOrderbookUnit",
    "RestTicker",
    "RestTrade",
    "RestoreResult",
    "RoutingStatistics",
    "ServiceConfig",
    "SignalEventParams",
    "SilenceDetector",
    "SimpleFormatConverter",
    "SimpleWebSocketClient",
    "SketchSummary",
    "SlotError",
    "SnapshotData",
    "SnapshotDifference",
    "SplitTrust",
    "StateChange",
    "StreamGap",
    "StreamKey",
    "StreamMetrics",
    "StreamRecovery",
    "StreamStatus",
    "Subscription",
    "SubscriptionError",
    "SubscriptionMetrics",
    "SubscriptionSpec",
    "SubscriptionState",
    "SubscriptionStateManager",
    "SubscriptionStatistics",
    "TaskReading",
    "TickerChannel",
    "TickerEvent",
    "TimeFrame",
    "TradeChannel",
    "TradeEvent",
    "TypeObject",
    "WebSocketClientProxy",
    "WebSocketError",
    "WebSocketService",
    "WebSocketType",
    "attach",
    "count_combinations",
    "exec_dialog",
    "install_excepthook",
    "is_market_code",
    "recording_marks",
    "require_reachable",
    "run",
    "safe_text",
]


def __getattr__(name: str) -> object:
    if name == "__version__":  # looked up when it is asked for, since that takes longer than importing the package
        return globals().setdefault(name, _version())
    if name in _HOMES:
        try:
            value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        except ModuleNotFoundError as error:
            raise _missing(name, error) from error
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _missing(name: str, error: ModuleNotFoundError) -> ModuleNotFoundError:
    """Say what has to be installed for a name: a program may do without Qt, and so without its packages."""
    module = (error.name or "").partition(".")[0]
    if not module or module == __name__:
        return error
    package = {"jwt": "PyJWT"}.get(module, module)
    return ModuleNotFoundError(
        f"{__name__}.{name} needs {package}, which is not installed here: pip install {package}", name=error.name
    )


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("upbit-ws-qt")
    except PackageNotFoundError:
        return "0+unknown"  # a checkout that nobody has installed


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES))
