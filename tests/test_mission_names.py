"""The names of the mission: each is at the root, has its methods with their arguments in order, and does what it says.

The names and the orders are the project's promise to whoever has read its first documents; they stay, whatever stands
behind them.
"""

from __future__ import annotations

import functools
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import upbit_ws_qt
from tests.waiting import until
from upbit_ws_qt import (
    ConfigurationError,
    DataPoolManager,
    DataType,
    EpochManager,
    GlobalWebSocketManager,
    ServiceConfig,
    StreamKey,
    SubscriptionSpec,
    SubscriptionStateManager,
    SubscriptionStateSnapshot,
    WebSocketType,
    errors,
    exceptions,
)
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from upbit_ws_qt import BaseWebSocketEvent

ROOT = Path(__file__).parent.parent
PUBLIC, PRIVATE = WebSocketType.PUBLIC, WebSocketType.PRIVATE
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


# The first documents' order of arguments, without self; what stands behind them may be added to.
ORDER = {
    "DataPoolManager.get_latest_data": "symbol data_type",
    "DataPoolManager.get_multiple_data": "requests",
    "DataPoolManager.register_client_interest": "client_id symbols data_types",
    "DataRoutingEngine.route_event": "event",
    "EpochManager.get_current_epoch": "ws_type",
    "EpochManager.increment_epoch": "ws_type",
    "EpochManager.is_current_epoch": "ws_type epoch",
    "GlobalWebSocketManager.get_current_epoch": "ws_type",
    "GlobalWebSocketManager.is_current_epoch": "ws_type epoch",
    "GlobalWebSocketManager.unregister_component": "component_id",
    "SimpleFormatConverter.convert_from_simple_format": "message",
    "SimpleFormatConverter.convert_to_simple_format": "message",
    "SimpleWebSocketClient.get_candle": "symbol unit",
    "SimpleWebSocketClient.get_history": "symbol data_type limit",
    "SimpleWebSocketClient.register_interests": "symbols data_types",
    "SubscriptionStateManager.register_component_subscriptions": "component_id specs",
    "SubscriptionStateManager.unregister_component": "component_id",
    "WebSocketClientProxy.subscribe_ticker": "symbols callback",
}


@pytest.mark.parametrize("name", ORDER)
def test_arguments_come_in_the_order_of_the_documents(name: str) -> None:
    owner, _, method = name.partition(".")
    function = inspect.unwrap(getattr(getattr(upbit_ws_qt, owner), method))
    parameters = [given for given in inspect.signature(function).parameters if given not in ("self", "cls")]
    wanted = ORDER[name].split()
    assert parameters[: len(wanted)] == wanted


PRODUCT = ("upbit_ws_qt", "widgets", "examples", "docs", "README.md", "run_desktop_ui.py")


@functools.cache
def _product() -> set[str]:
    """Return the words that are called or named in all that is shipped or shown to users, without definitions."""
    files: list[Path] = []
    for name in PRODUCT:
        path = ROOT / name
        files += [path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.md")]
    text = "\n".join(file.read_text("utf-8") for file in files)
    return set(re.findall(r"\b\w+(?=[(,):\]`])", re.sub(r"\bdef \w+", "", text)))


@pytest.mark.parametrize("class_name", VOCABULARY)
def test_each_method_is_used_by_the_product_or_shown_to_users(class_name: str) -> None:
    for word in VOCABULARY[class_name].split():
        name = word.rstrip("*")
        assert name in _product(), name


def test_the_module_of_errors_has_the_documents_name_too() -> None:
    assert set(exceptions.__all__) == set(errors.__all__)
    assert all(getattr(exceptions, name) is getattr(upbit_ws_qt, name) for name in errors.__all__)


RESULTS = (
    "ConflictInfo",
    "ConnectionMetrics",
    "LoadMetrics",
    "OptimizationResult",
    "Resolution",
    "RestoreResult",
    "SnapshotData",
    "SubscriptionChange",
)


@pytest.mark.parametrize("name", RESULTS)
def test_the_results_of_the_documents_are_types_of_their_own(name: str) -> None:
    assert inspect.isclass(getattr(upbit_ws_qt, name))
    assert getattr(upbit_ws_qt, name).__name__ == name


# -- what they do ------------------------------------------------------------------------------------------------------


async def test_an_epoch_is_incremented_for_one_line_and_told() -> None:
    epochs = EpochManager()
    told: list[tuple[WebSocketType, int]] = []
    epochs.add_listener(lambda ws_type, epoch: told.append((ws_type, epoch)))
    before = epochs.get_current_epoch(PUBLIC)
    assert await epochs.increment_epoch(PUBLIC) == before + 1
    assert epochs.is_current_epoch(PUBLIC, before + 1)
    assert not epochs.is_current_epoch(PUBLIC, before)
    assert epochs.get_current_epoch(PRIVATE) == 0
    assert told == [(PUBLIC, before + 1)]


async def test_wishes_are_registered_united_captured_and_restored() -> None:
    state = SubscriptionStateManager()
    await state.register_component_subscriptions("chart", [SubscriptionSpec("ticker", ["KRW-BTC"])])
    await state.register_component_subscriptions("table", [SubscriptionSpec("ticker", ["KRW-BTC", "KRW-ETH"])])
    assert state.get_active_subscriptions() == {
        StreamKey(DataType.TICKER, "KRW-BTC"): ("chart", "table"),
        StreamKey(DataType.TICKER, "KRW-ETH"): ("table",),
    }
    picture = SubscriptionStateSnapshot(state)
    captured = picture.capture_state()
    await state.unregister_component("table")
    assert StreamKey(DataType.TICKER, "KRW-ETH") not in state.get_active_subscriptions()
    result = picture.restore_state(captured)
    assert result
    assert result.restored == ("table",)
    assert state.get_active_subscriptions()[StreamKey(DataType.TICKER, "KRW-ETH")] == ("table",)


async def test_wishes_that_differ_are_told_with_what_was_made_of_it() -> None:
    state = SubscriptionStateManager()
    await state.register_component_subscriptions("chart", [SubscriptionSpec("orderbook", "KRW-BTC", depth=5)])
    await state.register_component_subscriptions("ladder", [SubscriptionSpec("orderbook", "KRW-BTC", depth=15)])
    (conflict,) = state.conflicts()
    assert conflict.components == ("chart", "ladder")
    assert "15" in str(conflict.resolution)


async def test_the_pool_answers_by_symbol_and_type_and_refuses_the_other_order_in_words() -> None:
    pool = DataPoolManager()
    await pool.register_client_interest("strategy", ["KRW-BTC"], [DataType.TICKER])
    assert pool.get_latest_data("KRW-BTC", DataType.TICKER) is None
    assert pool.get_multiple_data([("KRW-BTC", DataType.TICKER)]) == {}
    with pytest.raises(ConfigurationError):
        pool.get_latest_data(DataType.TICKER, "KRW-BTC")


class Chart:
    """What a component registers for; the manager does not keep it alive."""


async def test_a_manager_does_what_the_documents_say_of_it() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=10, rate=200, prepare=False)) as exchange:
        await GlobalWebSocketManager.reset_instance()
        manager = await GlobalWebSocketManager.get_instance(ServiceConfig.for_exchange(exchange))
        await manager.start()
        try:
            events: list[BaseWebSocketEvent] = []
            specs = [SubscriptionSpec("ticker", "KRW-BTC"), SubscriptionSpec("trade", "KRW-BTC")]
            chart = Chart()
            handle = await manager.register_component("chart", chart, specs, events.append)
            await handle.wait_served(60)
            await until(lambda: events)
            assert set(manager.get_active_subscriptions()) == {
                StreamKey(DataType.TICKER, "KRW-BTC"),
                StreamKey(DataType.TRADE, "KRW-BTC"),
            }
            assert manager.is_current_epoch(PUBLIC, events[-1].epoch)
            assert (await manager.get_performance_metrics()).connections[PUBLIC].connection_type is PUBLIC
            assert (await manager.get_subscription_statistics())[PUBLIC].efficiency_score == 100
            optimized = (await manager.optimize_subscriptions())[PUBLIC]
            assert len(optimized.objects) == 2
            prediction = manager.predict_resource_usage(specs)
            assert prediction is not None
            assert prediction.messages_per_second > 0
            picture = manager.capture_state()
            assert await manager.force_cleanup_dead_references() == 0
            assert await manager.analyze_connection_independence() is not None
            assert manager.unregister_component("chart")
            assert not manager.get_active_subscriptions()
            assert (await manager.restore_state(picture)).restored == ("chart",)
            before = len(events)
            await until(lambda: len(events) > before)
        finally:
            await GlobalWebSocketManager.reset_instance()
