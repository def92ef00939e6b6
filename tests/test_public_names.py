"""The public names, pinned: changing this list is a decision, not an accident."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import upbit_ws_qt

if TYPE_CHECKING:
    from collections.abc import Iterator

# These are promised; the others in __all__ came with them.
PROMISED = set(
    """
    WebSocketType DataType ConnectionState GlobalManagerState IndependenceLevel BackpressureStrategy BackpressureConfig Delivery Priority DataFormat Credentials ServiceConfig
    BaseWebSocketEvent TickerEvent TradeEvent OrderbookEvent OrderbookUnit CandleEvent MyOrderEvent MyAssetEvent MyAssetItem AnnouncementEvent IndicatorEvent IndicatorSignalEvent
    WebSocketError ConfigurationError ConnectionLostError AuthenticationError RateLimitError SubscriptionError RecoveryError BackpressureError DecodeError
    SubscriptionSpec ComponentSubscription SimpleFormatConverter GlobalWebSocketManager EpochManager ConnectionMetrics PerformanceMetrics HealthStatus SubscriptionStateManager
    DataRoutingEngine FanoutHub DataPoolManager ConnectionIndependenceMonitor JWTManager SimpleWebSocketClient WebSocketService WebSocketClientProxy Subscription GapEvent Alert
    """.split()  # noqa: E501, SIM905
)
ADDED = set(
    """
    MarkKind
    RecordingMark
    recording_marks
    Resolution
    ConflictKind
    Demand
    TypeObject
    Bottleneck
    SnapshotDifference
    SnapshotData
    TaskReading
    SplitTrust
    ConflictInfo
    RestoreResult
    OptimizationResult
    GapReport
    Recorder
    FlightRecorder
    RecorderFigures
    RecordingError
    ReplayClock
    AccountBalance
    AccountState
    AdaptationKind
    CANDLE_UNITS
    BudgetUsage
    ChanceAccount
    ChanceMarket
    ChanceSide
    MarketWarnings
    RestAccount
    RestApiKey
    RestCandle
    RestClient
    RestInstrument
    RestMarket
    RestOrder
    RestOrderChance
    RestOrderTrade
    RestOrderbook
    RestOrderbookUnit
    RestTicker
    RestTrade
    RestError
    AdaptationStep
    AlertKind
    AlertLimits
    AlertSeverity
    AnnouncementChannel
    Attachment
    CandleChannel
    Channel
    ComponentMetrics
    ComponentsSnapshot
    ConnectionHealth
    ConnectionImpact
    DayUptime
    DialError
    ExceptHook
    FormatSavings
    FrameRecord
    FrameTrace
    HealthLevel
    HealthReason
    HistorySeries
    FreshnessMap
    LatencyKind
    LatencyMap
    BookDepth
    CandleUnit
    EventStream
    TimeFrame
    HowAsked
    HowContinued
    HowDelivered
    HowQueued
    HowRecovered
    HowWanted
    INDICATOR_RULES
    IndicatorChannel
    IndicatorParams
    IndicatorRule
    IndicatorSignalChannel
    IndicatorSpec
    IndicatorValue
    Incident
    IncidentAlert
    IncidentLine
    Interference
    InterferenceKind
    IsolationDecision
    IssueKind
    LineEvent
    LineEventKind
    LineReading
    MAX_COMBINATIONS
    ManagerListener
    Metric
    MyAssetChannel
    MyOrderChannel
    NestedLoopError
    OrderbookChannel
    PaintMeter
    PerformanceIssue
    Phrase
    PoolStatistics
    Quarantined
    ReasonKind
    RecoveryStrategy
    ResourcePrediction
    RoutingStatistics
    SignalEventParams
    SilenceDetector
    SketchSummary
    SlotError
    StateChange
    StreamGap
    StreamKey
    StreamMetrics
    StreamRecovery
    StreamStatus
    SubscriptionMetrics
    SubscriptionState
    SubscriptionStatistics
    TIMEFRAMES
    TickerChannel
    TradeChannel
    attach
    count_combinations
    exec_dialog
    install_excepthook
    is_market_code
    require_reachable
    run
    safe_text
    """.split()  # noqa: SIM905
)
# The engine's own parts: public for who looks into it or builds on a part; what they show each other is theirs.
ENGINE = set(
    """
    ConnectionIndependenceMonitor DataPoolManager DataRoutingEngine EpochManager FanoutHub JWTManager
    SubscriptionStateManager
    """.split()  # noqa: SIM905
)
# To be had from the root, and not on its front page: parts of the engine that the mission names, and what they hand to
# each other. No program has to name them.
BEHIND = set(
    """
    AdaptiveSubscriptionManager IntelligentSubscriptionOptimizer LoadMetrics
    RateLimitAwareSubscriptionBatcher ServerError ServerStatus
    SubscriptionChange SubscriptionConflictResolver SubscriptionEntry SubscriptionList
    SubscriptionPerformanceMonitor SubscriptionStateSnapshot WebSocketMessage
    """.split()  # noqa: SIM905
)
# What a program is handed and does not make: who makes it is the library's affair.
HANDED_OUT = {"ComponentSubscription", "FrameTrace", "ReplayClock", "Subscription"}
# Shown by public objects to other rooms, not to programs.
INTERNAL = {
    "AdaptationPlan",
    "ChannelHub",
    "Choice",
    "Computer",
    "LineSource",
    "Transport",
    "Question",
    "RawFrame",
    "Service",
    "CollectorPauses",
    "ComponentStats",
    "Drain",
    "Endpoint",
    "Milliseconds",
    "Monitor",
    "RouteStats",
}
PACKAGE = Path(upbit_ws_qt.__file__).parent


def test_the_public_names_are_these() -> None:
    assert set(upbit_ws_qt.__all__) == PROMISED | ADDED
    assert len(upbit_ws_qt.__all__) == len(set(upbit_ws_qt.__all__))


@pytest.mark.parametrize("name", [*upbit_ws_qt.__all__, *sorted(BEHIND)])
def test_each_name_is_there(name: str) -> None:
    assert getattr(upbit_ws_qt, name) is not None
    assert name in dir(upbit_ws_qt)


def test_type_checkers_and_programs_see_the_same_names() -> None:
    (block,) = (
        node for node in ast.parse((PACKAGE / "__init__.py").read_text("utf-8")).body if isinstance(node, ast.If)
    )
    seen: set[str] = set()
    for line in block.body:
        assert isinstance(line, ast.ImportFrom)
        assert line.module is not None
        home = import_module(line.module)
        for alias in line.names:
            assert getattr(upbit_ws_qt, alias.name) is getattr(home, alias.name), alias.name
            seen.add(alias.name)
    assert seen == set(upbit_ws_qt.__all__) | BEHIND
    assert not BEHIND & set(upbit_ws_qt.__all__)


def _classes() -> Iterator[str]:
    """Name every public class and type alias of the package, without the exchange, which has names of its own."""
    for path in PACKAGE.rglob("*.py"):
        if "exchange" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                yield node.name
            elif isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "TypeAlias":
                yield ast.unparse(node.target)


def _annotations(name: str) -> Iterator[str]:
    thing = getattr(upbit_ws_qt, name)
    parts = thing.__mro__ if inspect.isclass(thing) else (thing,) if inspect.isfunction(thing) else ()
    owners = [part for part in parts if part.__module__.startswith("upbit_ws_qt")]
    for owner in owners:
        yield from (str(kind) for field, kind in inspect.get_annotations(owner).items() if not field.startswith("_"))
        for field, member in vars(owner).items() if inspect.isclass(owner) else ():
            if field.startswith("_") and (field != "__init__" or name in HANDED_OUT):
                continue
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function):
                yield from map(str, inspect.unwrap(function).__annotations__.values())


def test_what_public_methods_take_and_return_can_be_imported() -> None:
    public = set(upbit_ws_qt.__all__)
    ours = {name for name in _classes() if not name.startswith("_")}
    for name in public - ENGINE:
        used = {word for annotation in _annotations(name) for word in re.findall(r"\w+", annotation)}
        assert used & ours <= public | INTERNAL, name
