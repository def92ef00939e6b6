"""The names of the mission: each is at the root, has its methods with their arguments in order, and does what it says.

The names and the orders are the project's promise to whoever has read its first documents; they stay, whatever stands
behind them.
"""

from __future__ import annotations

import inspect

import pytest

import upbit_ws_qt

# Methods by class; those with a star are async.
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
def test_each_name_is_at_the_root_and_has_its_methods(class_name: str) -> None:
    owner = getattr(upbit_ws_qt, class_name)
    for word in VOCABULARY[class_name].split():
        name = word.rstrip("*")
        method = getattr(owner, name)
        assert inspect.iscoroutinefunction(inspect.unwrap(method)) == word.endswith("*"), name
