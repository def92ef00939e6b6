from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
import qasync
from PyQt6.QtCore import QCoreApplication, QEvent, QObject

from tests.qt.serving import config_for, emitted, running_service, served, wanted
from tests.waiting import until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.monitoring.health import HealthStatus
from upbit_ws_qt.monitoring.metrics import PerformanceMetrics
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.connection import GapEvent


def print_nothing(event: object) -> None:
    """Take an event and do nothing with it."""


@served()
async def test_the_signals_tell_what_happens(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    states: list[GlobalManagerState] = []
    lines: list[tuple[WebSocketType, ConnectionState]] = []
    epochs: list[tuple[WebSocketType, int]] = []
    gaps: list[GapEvent] = []
    changes: list[bool] = []
    service.stateChanged.connect(states.append)
    service.connectionStateChanged.connect(lambda ws_type, state: lines.append((ws_type, state)))
    service.epochChanged.connect(lambda ws_type, epoch: epochs.append((ws_type, epoch)))
    service.gapDetected.connect(gaps.append)
    service.subscriptionsChanged.connect(lambda: changes.append(True))
    async with WebSocketClientProxy("watch", service=service) as proxy:
        await proxy.subscribe_trade("KRW-BTC", print_nothing)
        await until(lambda: service.state is GlobalManagerState.ACTIVE)
        assert changes
        assert service.epoch(WebSocketType.PUBLIC) == 1
        assert service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED
        exchange.faults.inject("drop", endpoint="public")
        await until(lambda: gaps)
        exchange.faults.clear()
        await until(lambda: service.state is GlobalManagerState.ACTIVE and len(epochs) >= 2)
    public = [state for ws_type, state in lines if ws_type is WebSocketType.PUBLIC]
    assert public[:3] == [ConnectionState.CONNECTING, ConnectionState.SYNCING, ConnectionState.CONNECTED]
    assert ConnectionState.RECONNECTING in public
    assert epochs[:2] == [(WebSocketType.PUBLIC, 1), (WebSocketType.PUBLIC, 2)]
    assert gaps[0].ws_type is WebSocketType.PUBLIC
    assert {type(state) for state in states} == {GlobalManagerState}  # not plain text


@served(metrics_interval=0.1, health_interval=0.1)
async def test_figures_come_by_signal_and_by_call(service: WebSocketService) -> None:
    async with WebSocketClientProxy("watch", service=service) as proxy:
        await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        (metrics,) = await emitted(service.metricsUpdated)
        (health,) = await emitted(service.healthChanged)
        assert type(metrics) is PerformanceMetrics
        assert type(health) is HealthStatus
        assert type(service.performance_metrics()) is PerformanceMetrics
        assert type(service.health_status()) is HealthStatus
        assert service.connection_metrics(WebSocketType.PUBLIC).ws_type is WebSocketType.PUBLIC
        assert service.subscription_statistics()[WebSocketType.PUBLIC].streams == 1


@served()
async def test_reconnect_is_a_plain_call_that_replaces_the_line(service: WebSocketService) -> None:
    async with WebSocketClientProxy("watch", service=service) as proxy:
        await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        service.reconnect(WebSocketType.PUBLIC)
        await until(lambda: service.epoch(WebSocketType.PUBLIC) == 2)


async def _reconnect_without_credentials() -> None:
    async with (
        EmbeddedExchange(ExchangeSettings(markets=2)) as exchange,
        running_service(exchange, credentials=None) as service,
    ):
        errors: list[Any] = []
        service.errorOccurred.connect(errors.append)
        with pytest.raises(SubscriptionError) as raised:
            await service.reconnect(WebSocketType.PRIVATE)
        await until(lambda: errors)
        assert errors == [raised.value]


@pytest.mark.qasync_loop
async def test_what_goes_wrong_with_a_reconnect_is_told() -> None:
    await _reconnect_without_credentials()


@served()
async def test_a_component_that_fails_is_told(service: WebSocketService) -> None:
    def fail(event: object) -> None:
        raise ValueError("broken")

    async with WebSocketClientProxy("broken", service=service) as proxy:
        proxy.subscribe_ticker("KRW-BTC", fail)
        component_id, error = await emitted(service.componentFailed)
    assert component_id == "broken"
    assert isinstance(error, ValueError)


@served()
async def test_start_and_stop_twice_are_fine_and_a_stopped_service_says_so(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    await service.start()
    proxy = WebSocketClientProxy("watch", service=service)
    subscription = await proxy.subscribe_ticker("KRW-BTC", print_nothing)
    await service.stop()
    await service.stop()
    assert service.state is GlobalManagerState.STOPPED
    assert str(subscription.state) == "closed"
    assert exchange.connections == []
    with pytest.raises(ConfigurationError, match="stopped"):
        proxy.subscribe_ticker("KRW-BTC", print_nothing)
    with pytest.raises(ConfigurationError, match="stopped"):
        service.ticker("KRW-BTC")
    with pytest.raises(ConfigurationError, match="stopped"):
        await service.start()
    await proxy.cleanup()


@pytest.mark.qasync_loop
async def test_a_service_that_was_never_used_can_be_stopped_and_not_used_then() -> None:
    service = WebSocketService()
    assert str(service.state) == "initializing"
    assert service.connection_state(WebSocketType.PUBLIC) is ConnectionState.DISCONNECTED
    assert service.epoch(WebSocketType.PUBLIC) == 0
    await service.stop()
    assert str(service.state) == "stopped"
    with pytest.raises(ConfigurationError, match="stopped"):
        service.ticker("KRW-BTC")


@pytest.mark.qasync_loop
async def test_instance_is_the_same_until_it_is_stopped() -> None:
    first = WebSocketService.instance()
    assert WebSocketService.instance() is first
    assert WebSocketService.instance(ServiceConfig()) is first
    with pytest.raises(ConfigurationError, match="config"):
        WebSocketService.instance(ServiceConfig.testing())
    await first.stop()
    second = WebSocketService.instance(ServiceConfig.testing())
    assert second is not first
    await second.stop()


def test_without_a_running_loop_there_is_a_clear_error(qapp: QCoreApplication) -> None:
    service = WebSocketService()
    proxy = WebSocketClientProxy("watch", service=service)
    calls: tuple[Callable[[], object], ...] = (
        lambda: service.ticker("KRW-BTC"),
        lambda: proxy.subscribe_ticker("KRW-BTC", print_nothing),
        lambda: service.reconnect(WebSocketType.PUBLIC),
        service.health_status,
    )
    for call in calls:
        with pytest.raises(RuntimeError, match="no asyncio loop is running"):
            call()


@served()
async def test_calls_from_another_thread_fail_with_a_clear_error(service: WebSocketService) -> None:
    proxy = WebSocketClientProxy("watch", service=service)
    subscription = proxy.subscribe_ticker("KRW-BTC", print_nothing)
    calls: tuple[Callable[[], object], ...] = (
        lambda: service.ticker("KRW-BTC"),
        lambda: proxy.ticker("KRW-BTC"),
        lambda: proxy.subscribe_ticker("KRW-BTC", print_nothing),
        lambda: WebSocketClientProxy("other", service=service),
        lambda: service.reconnect(WebSocketType.PUBLIC),
        lambda: subscription.set_symbols("KRW-ETH"),
        subscription.close,
        service.performance_metrics,
    )
    errors: list[Exception] = []

    def run() -> None:
        for call in calls:
            try:
                call()
            except RuntimeError as error:
                errors.append(error)

    thread = threading.Thread(target=run, name="stranger")
    thread.start()
    thread.join()
    assert len(errors) == len(calls)
    assert all("stranger" in str(error) for error in errors)
    assert service.state is not GlobalManagerState.STOPPED  # what only reads may be asked from anywhere
    await subscription
    await proxy.cleanup()


@pytest.mark.qasync_loop
async def test_a_service_that_is_destroyed_without_stop_is_stopped_from_the_loop() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=2, rate=50)) as exchange:
        parent = QObject()
        service = WebSocketService(config_for(exchange), parent)
        owner = QObject()
        proxy = WebSocketClientProxy("watch", owner, service=service)
        await proxy.subscribe_ticker("KRW-BTC", print_nothing)
        manager = service.manager
        service.trade("KRW-BTC").received.connect(print_nothing)
        parent.deleteLater()
        await until(lambda: manager.state is GlobalManagerState.STOPPED)
        assert exchange.connections == []
        owner.deleteLater()
        await until(lambda: proxy.ended or not _is_alive(owner))
        await proxy.cleanup()


def _is_alive(thing: QObject) -> bool:
    try:
        thing.objectName()
    except RuntimeError:
        return False
    return True


@pytest.mark.qasync_loop
async def test_data_flows_while_the_service_is_stopped_and_nothing_comes_after() -> None:
    seen: list[object] = []
    async with (
        EmbeddedExchange(ExchangeSettings(markets=5, rate=2000)) as exchange,
        running_service(exchange) as service,
        WebSocketClientProxy("watch", service=service) as proxy,
    ):
        await proxy.subscribe_ticker("KRW-BTC", seen.append)
        await until(lambda: len(seen) > 100)
        await service.stop()
        count = len(seen)
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert len(seen) == count
        assert wanted(exchange) == set()


def test_the_room_needs_no_screen_and_no_widgets() -> None:
    program = """
import asyncio, sys
import qasync
from PyQt6.QtCore import QCoreApplication
before = set(sys.modules)
import upbit_ws_qt.qt
new = {name for name in set(sys.modules) - before if name.startswith("PyQt6.")}
assert not new, new
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService, run
app = QCoreApplication([])
async def main():
    async with EmbeddedExchange(ExchangeSettings(markets=2)) as exchange:
        service = WebSocketService(ServiceConfig.testing(public_url=exchange.public_url))
        async with WebSocketClientProxy("x", service=service) as proxy:
            print(len(await proxy.get_ticker_snapshot("KRW-BTC")), "without a screen")
        await service.stop()
    app.quit()
run(main)
"""
    environment = {"PATH": "/usr/bin:/bin"}  # neither DISPLAY nor QT_QPA_PLATFORM
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=500, check=False, env=environment
    )
    assert done.stdout == "1 without a screen\n", done.stderr
    assert done.returncode == 0


def test_qasync_is_the_loop_the_service_is_made_for(qapp: QCoreApplication) -> None:
    """The service asks nothing of the loop but that it runs: two loops one after the other are fine."""
    for _ in range(2):
        loop = qasync.QEventLoop(qapp)
        with loop:
            loop.run_until_complete(_reconnect_without_credentials())
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
