"""The public names, pinned: changing this list is a decision, not an accident."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import upbit_ws_qt
from upbit_ws_qt import monitoring, subscriptions

# DESIGN.md, "Public names": these are promised; the others in __all__ were added with them.
PROMISED = set(
    """
    WebSocketType DataType ConnectionState GlobalManagerState IndependenceLevel BackpressureStrategy BackpressureConfig Delivery Priority DataFormat Credentials ServiceConfig
    BaseWebSocketEvent TickerEvent TradeEvent OrderbookEvent OrderbookUnit CandleEvent MyOrderEvent MyAssetEvent MyAssetItem AnnouncementEvent IndicatorEvent IndicatorSignalEvent
    WebSocketError ConfigurationError ConnectionLostError AuthenticationError RateLimitError SubscriptionError RecoveryError BackpressureError DecodeError
    SubscriptionSpec ComponentSubscription SimpleFormatConverter GlobalWebSocketManager EpochManager ConnectionMetrics PerformanceMetrics HealthStatus SubscriptionStateManager
    DataRoutingEngine FanoutHub DataPoolManager ConnectionIndependenceMonitor JWTManager SimpleWebSocketClient WebSocketService WebSocketClientProxy Subscription GapEvent Alert
    """.split()  # noqa: E501, SIM905
)
ADDED = {
    "AdaptationStep",
    "AlertLimits",
    "ComponentMetrics",
    "FrameRecord",
    "FrameTrace",
    "HistorySeries",
    "LineEvent",
    "INDICATOR_RULES",
    "IndicatorRule",
    "IndicatorSpec",
    "MAX_COMBINATIONS",
    "ManagerListener",
    "Channel",
    "PaintMeter",
    "Phrase",
    "RecoveryStrategy",
    "StateChange",
    "StreamKey",
    "StreamStatus",
    "SubscriptionState",
    "TIMEFRAMES",
    "count_combinations",
    "install_excepthook",
    "run",
    "safe_text",
}


def test_the_public_names_are_these() -> None:
    assert set(upbit_ws_qt.__all__) == PROMISED | ADDED
    assert len(upbit_ws_qt.__all__) == len(set(upbit_ws_qt.__all__))


@pytest.mark.parametrize("name", upbit_ws_qt.__all__)
def test_each_name_is_there(name: str) -> None:
    assert getattr(upbit_ws_qt, name) is not None
    assert name in dir(upbit_ws_qt)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'WebSocketServices'"):
        upbit_ws_qt.WebSocketServices  # noqa: B018


def test_only_what_is_asked_for_is_loaded() -> None:
    code = (
        "import sys, upbit_ws_qt\n"
        "upbit_ws_qt.GlobalWebSocketManager, upbit_ws_qt.SimpleWebSocketClient\n"
        "import upbit_ws_qt.exchange\n"
        "sys.exit(any(name.startswith(('PyQt6', 'qasync', 'pyqtgraph')) for name in sys.modules))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=110).returncode == 0


# DESIGN.md, "The mission's vocabulary" and "Public names": methods by class; those with a star are async.
VOCABULARY = {
    "GlobalWebSocketManager": "get_instance* start* stop* reset_instance* register_component unregister_component "
    "get_active_subscriptions get_current_epoch is_current_epoch get_performance_metrics* get_health_status* "
    "optimize_subscriptions* get_subscription_statistics* force_cleanup_dead_references* "
    "analyze_connection_independence* reconnect*",
    "EpochManager": "increment_epoch* get_current_epoch is_current_epoch",
    "SubscriptionStateManager": "register_component_subscriptions* unregister_component* get_active_subscriptions "
    "optimize_subscription_requests*",
    "SubscriptionConflictResolver": "detect_conflicts resolve_conflicts",
    "RateLimitAwareSubscriptionBatcher": "queue_subscription_change process_batched_changes",
    "SubscriptionStateSnapshot": "capture_state restore_state",
    "IntelligentSubscriptionOptimizer": "optimize_subscriptions calculate_efficiency_score",
    "SubscriptionPerformanceMonitor": "track_subscription_metrics detect_performance_issues",
    "AdaptiveSubscriptionManager": "adapt_to_load predict_resource_usage",
    "DataRoutingEngine": "route_event register_route unregister_routes get_routing_statistics",
    "DataPoolManager": "register_client_interest* get_latest_data get_multiple_data",
    "ConnectionIndependenceMonitor": "monitor_cross_connection_impact detect_connection_interference "
    "ensure_connection_isolation",
    "JWTManager": "refresh_token_if_needed*",
    "SimpleFormatConverter": "convert_to_simple_format convert_from_simple_format is_simple_format_beneficial analyze",
    "SimpleWebSocketClient": "register_interests* get_ticker get_trade get_orderbook get_candle get_multiple_tickers "
    "get_history my_orders my_assets close*",
    "WebSocketClientProxy": "subscribe_ticker subscribe_trade subscribe_orderbook subscribe_candle subscribe_my_order "
    "subscribe_my_asset subscribe_announcement subscribe_indicator subscribe_indicator_signal ticker "
    "get_ticker_snapshot* get_trade_snapshot* get_orderbook_snapshot* get_candle_snapshot* is_public_available "
    "is_private_available unsubscribe cleanup*",
    "WebSocketService": "instance start* stop* state connection_state epoch performance_metrics health_status "
    "connection_metrics subscription_statistics reconnect ticker trade orderbook candle my_order my_asset "
    "announcement indicator indicator_signal",
    "ConnectionMetrics": "",
    "PerformanceMetrics": "",
    "HealthStatus": "",
    "FanoutHub": "",
}


@pytest.mark.parametrize("class_name", VOCABULARY)
def test_the_vocabulary_of_the_owner_is_spoken(class_name: str) -> None:
    rooms = (upbit_ws_qt, subscriptions, monitoring)
    owner = next(getattr(room, class_name) for room in rooms if hasattr(room, class_name))
    for word in VOCABULARY[class_name].split():
        name = word.rstrip("*")
        method = getattr(owner, name)
        assert inspect.iscoroutinefunction(inspect.unwrap(method)) == word.endswith("*"), name
