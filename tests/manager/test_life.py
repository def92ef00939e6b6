"""Made once, started, stopped: whatever the peers do, nothing is left."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import Diary, config_for
from tests.waiting import at_leisure, until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import RawFrame
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamKey
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import ConnectionState, DataType, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.manager.conftest import Desk
    from upbit_ws_qt.exchange import EmbeddedExchange

BTC = SubscriptionSpec(DataType.TICKER, "KRW-BTC")


@pytest.fixture
async def _reset() -> AsyncIterator[None]:
    yield
    await GlobalWebSocketManager.reset_instance()


@pytest.mark.usefixtures("_reset")
async def test_ten_first_calls_at_once_make_one_instance(exchange: EmbeddedExchange) -> None:
    config = config_for(exchange)
    made = await asyncio.gather(*(GlobalWebSocketManager.get_instance(config) for _ in range(10)))
    assert len(set(map(id, made))) == 1
    assert await GlobalWebSocketManager.get_instance() is made[0]


@pytest.mark.usefixtures("_reset")
async def test_another_configuration_is_refused(exchange: EmbeddedExchange) -> None:
    config = config_for(exchange, ping_interval=7.0)
    made = await GlobalWebSocketManager.get_instance(config)
    with pytest.raises(ConfigurationError, match="config"):
        await GlobalWebSocketManager.get_instance(ServiceConfig.development())
    with pytest.raises(ConfigurationError) as caught:
        await GlobalWebSocketManager.get_instance(config.replace(ping_interval=8.0, pong_timeout=9.0))
    assert caught.value.field == "config.ping_interval"
    assert caught.value.value == 8.0
    assert "7.0" in caught.value.allowed
    assert "also different: pong_timeout" in caught.value.allowed
    keys = Credentials(exchange.access_key + "another", "key pair")
    with pytest.raises(ConfigurationError) as caught:
        await GlobalWebSocketManager.get_instance(config.replace(credentials=keys))
    assert caught.value.field == "config.credentials"
    assert "another" not in str(caught.value)
    assert exchange.secret_key not in str(caught.value)
    assert await GlobalWebSocketManager.get_instance(config_for(exchange, ping_interval=7.0)) is made


@pytest.mark.usefixtures("_reset")
async def test_another_loop_is_refused(exchange: EmbeddedExchange) -> None:
    await GlobalWebSocketManager.get_instance(config_for(exchange))
    caught: list[BaseException] = []

    def elsewhere() -> None:
        try:
            asyncio.run(GlobalWebSocketManager.get_instance())
        except ConfigurationError as error:
            caught.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert "another event loop" in str(caught[0])


@pytest.mark.usefixtures("_reset")
async def test_a_stopped_instance_says_so_until_it_is_reset(exchange: EmbeddedExchange) -> None:
    config = config_for(exchange)
    first = await GlobalWebSocketManager.get_instance(config)
    await first.start()
    await first.stop()
    with pytest.raises(ConfigurationError, match="reset_instance"):
        await GlobalWebSocketManager.get_instance()
    with pytest.raises(ConfigurationError, match="stopped"):
        await first.start()
    with pytest.raises(ConfigurationError, match="stopped"):
        first.register_component("late", BTC, lambda event: None)
    await GlobalWebSocketManager.reset_instance()
    assert await GlobalWebSocketManager.get_instance(config) is not first


def test_without_a_loop_it_says_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="a running event loop"):
        GlobalWebSocketManager()


async def test_nothing_is_dialled_before_it_is_started(exchange: EmbeddedExchange) -> None:
    manager = GlobalWebSocketManager(config_for(exchange))
    handle = manager.register_component("early", BTC, lambda event: None)
    assert manager.state is GlobalManagerState.INITIALIZING
    assert exchange.counters.connects_accepted == 0
    await manager.start()
    await manager.start()
    await handle.wait_served(10)
    await until(lambda: manager.state is GlobalManagerState.ACTIVE)
    await manager.stop()
    assert (manager.state, handle.closed) == (GlobalManagerState.STOPPED, True)


def is_about_to_remind(manager: GlobalWebSocketManager) -> bool:
    """Whether it will say in a moment that it was not started."""
    return manager.wiring._reminder is not None


async def test_a_manager_that_nobody_starts_says_so_once(
    exchange: EmbeddedExchange, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("upbit_ws_qt.manager.wiring.NOT_STARTED_AFTER", 0.02)
    manager = GlobalWebSocketManager(config_for(exchange))
    diary = Diary()
    manager.add_listener(diary)
    try:
        manager.register_component("gone", SubscriptionSpec("ticker", "KRW-BTC"), print).close()
        assert is_about_to_remind(manager)
        await until(lambda: not is_about_to_remind(manager))
        assert not diary.errors  # nobody wants anything
        for name in ("a", "b"):
            manager.register_component(name, SubscriptionSpec("ticker", "KRW-BTC"), print)
        await until(lambda: diary.errors)
        manager.register_component("c", SubscriptionSpec("ticker", "KRW-ETH"), print)
        assert not is_about_to_remind(manager), "it is said once"
        (error,) = diary.errors
        assert "start()" in str(error)
        assert [record.levelname for record in caplog.records if record.getMessage() == str(error)] == ["WARNING"]
    finally:
        await manager.stop()


async def test_a_manager_that_is_started_in_time_says_nothing(exchange: EmbeddedExchange) -> None:
    manager = GlobalWebSocketManager(config_for(exchange))
    try:
        handle = manager.register_component("a", SubscriptionSpec("ticker", "KRW-BTC"), print)
        assert is_about_to_remind(manager)
        await manager.start()
        assert not is_about_to_remind(manager)
        await handle.wait_served(30)
    finally:
        await manager.stop()


async def test_a_line_is_opened_when_wanted_and_closed_when_not(exchange: EmbeddedExchange, desk: Desk) -> None:
    assert exchange.counters.connects_accepted == 0
    handle = desk.manager.register_component("w", BTC, lambda event: None)
    await handle.wait_served(10)
    handle.close()
    await until(lambda: desk.manager.connection_state(WebSocketType.PUBLIC) is ConnectionState.DISCONNECTED)
    await until(lambda: not exchange.connections)
    again = desk.manager.register_component("w", BTC, lambda event: None)
    await again.wait_served(10)
    await until(lambda: len(desk.diary.path(WebSocketType.PUBLIC)) == 7)
    assert exchange.counters.connects_accepted == 2
    assert desk.diary.path(WebSocketType.PUBLIC) == [
        ConnectionState.CONNECTING,
        ConnectionState.SYNCING,
        ConnectionState.CONNECTED,
        ConnectionState.DISCONNECTED,
        ConnectionState.CONNECTING,
        ConnectionState.SYNCING,
        ConnectionState.CONNECTED,
    ]


async def test_what_is_wanted_again_while_its_line_is_being_closed_counts_as_served_on_the_next_one(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk: Desk = await make_desk(idle_grace=0.0, close_timeout=0.5)
    manager, public = desk.manager, WebSocketType.PUBLIC
    first = manager.register_component("first", BTC, lambda event: None)
    await first.wait_served(30.0)
    epoch = manager.get_current_epoch(public)
    exchange.faults.inject("half_open", endpoint="public")  # closing has to wait for it
    first.close()
    await until(lambda: manager.wiring.endpoints[public].connection.line is None)
    again = manager.register_component("again", BTC, lambda event: None)
    assert manager.wiring.stream_status(StreamKey(DataType.TICKER, "KRW-BTC")) is StreamStatus.WANTED
    await again.wait_served(30.0)
    assert manager.get_current_epoch(public) > epoch
    assert exchange.subscribed("public")


@pytest.mark.parametrize("fault", ["half_open", "stall", "slow_accept", "refuse"])
async def test_stopping_ends_whatever_the_peer_does(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any], fault: str
) -> None:
    desk: Desk = await make_desk()
    handle = desk.manager.register_component("w", BTC, lambda event: None)
    if fault in ("half_open", "stall"):
        await handle.wait_served(10)
        exchange.faults.inject(fault, endpoint="public")
    else:
        exchange.faults.inject(fault, endpoint="public")
        await until(lambda: desk.manager.connection_state(WebSocketType.PUBLIC) is not ConnectionState.DISCONNECTED)
    with at_leisure() as seconds:
        await asyncio.gather(desk.manager.stop(), desk.manager.stop())
        assert seconds() < 2.0
    await desk.manager.stop()
    assert desk.manager.state is GlobalManagerState.STOPPED


async def test_a_loop_that_stands_still_while_it_is_stopped_is_no_error(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk: Desk = await make_desk(close_timeout=5.0)
    handle = desk.manager.register_component("w", BTC, lambda event: None)
    await handle.wait_served(60)
    exchange.faults.inject("half_open", endpoint="public")  # closing has to wait for it
    stopping = desk.manager.wiring.begin_stop()
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    clock = loop.time
    monkeypatch.setattr(loop, "time", lambda: clock() + 30.0)  # as a loop sees it that stood still for half a minute
    await stopping
    assert desk.manager.state is GlobalManagerState.STOPPED
    await until(lambda: not any("connection" in task.get_name() for task in asyncio.all_tasks()))


async def test_figures_are_there(desk: Desk) -> None:
    handle = desk.manager.register_component("w", BTC, lambda event: None)
    await handle.wait_served(10)
    await until(lambda: desk.manager.state is GlobalManagerState.ACTIVE)
    metrics = await desk.manager.get_performance_metrics()
    health = await desk.manager.get_health_status()
    statistics = await desk.manager.get_subscription_statistics()
    assert metrics.total_subscriptions == 1
    assert desk.manager.monitor.connection_metrics(WebSocketType.PUBLIC).is_connected
    assert health.connections[WebSocketType.PUBLIC].score >= 50  # the program's own depends on who else is busy here
    assert 0 < health.score == min(health.program_score, health.connections[WebSocketType.PUBLIC].score)
    assert statistics[WebSocketType.PUBLIC].live == 1
    optimized = await desk.manager.optimize_subscriptions()
    assert {line: [spec.symbols for spec in result.specs] for line, result in optimized.items()} == {
        WebSocketType.PUBLIC: [BTC.symbols],
        WebSocketType.PRIVATE: [],
        WebSocketType.INFO: [],
    }
    assert not optimized[WebSocketType.PUBLIC].snapshots  # it flows already: the session knows
    assert optimized[WebSocketType.PUBLIC].union.keys() == {StreamKey(DataType.TICKER, "KRW-BTC")}
    assert await desk.manager.analyze_connection_independence() is not None
    tasks = (
        desk.manager._metrics_collector_task,
        desk.manager._health_monitor_task,
        desk.manager._cleanup_monitor_task,
    )
    await until(lambda: all(task.runs for task in tasks))
    assert all(task.running and not task.failures for task in tasks)


async def test_a_component_whose_owner_is_gone_is_swept(exchange: EmbeddedExchange, desk: Desk) -> None:
    owner = {"alive": True}
    handle = desk.manager.register_component("w", BTC, lambda event: None, alive=lambda: owner["alive"])
    await handle.wait_served(10)
    assert await desk.manager.force_cleanup_dead_references() == 0
    owner["alive"] = False
    assert await desk.manager.force_cleanup_dead_references() == 1
    assert handle.closed
    await until(lambda: not exchange.connections)


async def test_a_frame_lost_to_a_bug_is_counted_and_its_kind_reported_once(desk: Desk) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    inbox = desk.manager.wiring.endpoints[WebSocketType.PUBLIC].inbox
    for _ in range(3):
        inbox.put([RawFrame(b"{}", 0.0, inbox.epoch, "no endpoint")])  # type: ignore[arg-type]
    await until(lambda: desk.manager.wiring.drain.figures().failures == 3)
    (context,) = reported
    assert isinstance(context["exception"], KeyError)


async def test_the_manager_shows_thirty_names_and_those_of_rest_at_most(desk: Desk) -> None:
    shown = {name for name in dir(desk.manager) if not name.startswith("_")}
    assert len(shown - {"rest", "account_state"}) <= 30, shown
