"""Live Upbit data inside PyQt6: one service, typed exact events, wishes that die with their widgets.

The public names are all here. They are loaded when first asked for, so that a program which only decodes frames, or
only runs the embedded exchange, never loads Qt.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upbit_ws_qt.client import SimpleWebSocketClient
    from upbit_ws_qt.config import AlertLimits, ServiceConfig
    from upbit_ws_qt.connection import EpochManager, GapEvent, JWTManager, StateChange
    from upbit_ws_qt.credentials import Credentials
    from upbit_ws_qt.errors import (
        AuthenticationError,
        BackpressureError,
        ConfigurationError,
        ConnectionLostError,
        DecodeError,
        RateLimitError,
        RecoveryError,
        RecoveryStrategy,
        SubscriptionError,
        WebSocketError,
    )
    from upbit_ws_qt.events import (
        AnnouncementEvent,
        BaseWebSocketEvent,
        CandleEvent,
        IndicatorEvent,
        IndicatorSignalEvent,
        MyAssetEvent,
        MyAssetItem,
        MyOrderEvent,
        OrderbookEvent,
        OrderbookUnit,
        TickerEvent,
        TradeEvent,
    )
    from upbit_ws_qt.manager import ComponentSubscription, GlobalWebSocketManager, ManagerListener
    from upbit_ws_qt.manager.trace import FrameRecord, FrameTrace
    from upbit_ws_qt.monitoring.adaptive import AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.history import HistorySeries, LineEvent
    from upbit_ws_qt.monitoring.independence import ConnectionIndependenceMonitor
    from upbit_ws_qt.monitoring.metrics import ComponentMetrics, ConnectionMetrics, PerformanceMetrics
    from upbit_ws_qt.qt import (
        Channel,
        PaintMeter,
        Subscription,
        SubscriptionState,
        WebSocketClientProxy,
        WebSocketService,
        install_excepthook,
        run,
    )
    from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine, FanoutHub
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStateManager
    from upbit_ws_qt.text import Phrase, safe_text
    from upbit_ws_qt.types import (
        BackpressureConfig,
        BackpressureStrategy,
        ConnectionState,
        DataFormat,
        DataType,
        Delivery,
        GlobalManagerState,
        IndependenceLevel,
        IndicatorSpec,
        Priority,
        SubscriptionSpec,
        WebSocketType,
    )
    from upbit_ws_qt.wire.rules import INDICATOR_RULES, MAX_COMBINATIONS, TIMEFRAMES, IndicatorRule, count_combinations
    from upbit_ws_qt.wire.simple_format import SimpleFormatConverter

_HOMES = {
    "upbit_ws_qt.client": "SimpleWebSocketClient",
    "upbit_ws_qt.config": "AlertLimits ServiceConfig",
    "upbit_ws_qt.connection": "EpochManager GapEvent JWTManager StateChange",
    "upbit_ws_qt.credentials": "Credentials",
    "upbit_ws_qt.errors": (
        "AuthenticationError BackpressureError ConfigurationError ConnectionLostError DecodeError RateLimitError "
        "RecoveryError RecoveryStrategy SubscriptionError WebSocketError"
    ),
    "upbit_ws_qt.events": (
        "AnnouncementEvent BaseWebSocketEvent CandleEvent IndicatorEvent IndicatorSignalEvent MyAssetEvent "
        "MyAssetItem MyOrderEvent OrderbookEvent OrderbookUnit TickerEvent TradeEvent"
    ),
    "upbit_ws_qt.manager": "ComponentSubscription GlobalWebSocketManager ManagerListener",
    "upbit_ws_qt.manager.trace": "FrameRecord FrameTrace",
    "upbit_ws_qt.monitoring.adaptive": "AdaptationStep",
    "upbit_ws_qt.monitoring.alerts": "Alert",
    "upbit_ws_qt.monitoring.health": "HealthStatus",
    "upbit_ws_qt.monitoring.history": "HistorySeries LineEvent",
    "upbit_ws_qt.monitoring.independence": "ConnectionIndependenceMonitor",
    "upbit_ws_qt.monitoring.metrics": "ComponentMetrics ConnectionMetrics PerformanceMetrics",
    "upbit_ws_qt.qt": (
        "Channel PaintMeter Subscription SubscriptionState WebSocketClientProxy WebSocketService install_excepthook run"
    ),
    "upbit_ws_qt.routing": "DataPoolManager DataRoutingEngine FanoutHub",
    "upbit_ws_qt.streams": "StreamKey",
    "upbit_ws_qt.subscriptions": "StreamStatus SubscriptionStateManager",
    "upbit_ws_qt.text": "Phrase safe_text",
    "upbit_ws_qt.types": (
        "BackpressureConfig BackpressureStrategy ConnectionState DataFormat DataType Delivery GlobalManagerState "
        "IndependenceLevel IndicatorSpec Priority SubscriptionSpec WebSocketType"
    ),
    "upbit_ws_qt.wire.rules": "INDICATOR_RULES IndicatorRule MAX_COMBINATIONS TIMEFRAMES count_combinations",
    "upbit_ws_qt.wire.simple_format": "SimpleFormatConverter",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "INDICATOR_RULES",
    "MAX_COMBINATIONS",
    "TIMEFRAMES",
    "AdaptationStep",
    "Alert",
    "AlertLimits",
    "AnnouncementEvent",
    "AuthenticationError",
    "BackpressureConfig",
    "BackpressureError",
    "BackpressureStrategy",
    "BaseWebSocketEvent",
    "CandleEvent",
    "Channel",
    "ComponentMetrics",
    "ComponentSubscription",
    "ConfigurationError",
    "ConnectionIndependenceMonitor",
    "ConnectionLostError",
    "ConnectionMetrics",
    "ConnectionState",
    "Credentials",
    "DataFormat",
    "DataPoolManager",
    "DataRoutingEngine",
    "DataType",
    "DecodeError",
    "Delivery",
    "EpochManager",
    "FanoutHub",
    "FrameRecord",
    "FrameTrace",
    "GapEvent",
    "GlobalManagerState",
    "GlobalWebSocketManager",
    "HealthStatus",
    "HistorySeries",
    "IndependenceLevel",
    "IndicatorEvent",
    "IndicatorRule",
    "IndicatorSignalEvent",
    "IndicatorSpec",
    "JWTManager",
    "LineEvent",
    "ManagerListener",
    "MyAssetEvent",
    "MyAssetItem",
    "MyOrderEvent",
    "OrderbookEvent",
    "OrderbookUnit",
    "PaintMeter",
    "PerformanceMetrics",
    "Phrase",
    "Priority",
    "RateLimitError",
    "RecoveryError",
    "RecoveryStrategy",
    "ServiceConfig",
    "SimpleFormatConverter",
    "SimpleWebSocketClient",
    "StateChange",
    "StreamKey",
    "StreamStatus",
    "Subscription",
    "SubscriptionError",
    "SubscriptionSpec",
    "SubscriptionState",
    "SubscriptionStateManager",
    "TickerEvent",
    "TradeEvent",
    "WebSocketClientProxy",
    "WebSocketError",
    "WebSocketService",
    "WebSocketType",
    "count_combinations",
    "install_excepthook",
    "run",
    "safe_text",
]


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
