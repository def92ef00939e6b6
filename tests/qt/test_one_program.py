"""One set of lines for a whole program: the service, the manager and clients that name none share it."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip

from tests.qt.serving import SETTINGS, config_for
from tests.waiting import until
from upbit_ws_qt.client import SimpleWebSocketClient
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.exchange import EmbeddedExchange
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.program import PROGRAM
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import DataType, GlobalManagerState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def ignore(event: object) -> None:
    """Take an event and do nothing with it."""


def program(
    test: Callable[[EmbeddedExchange, ServiceConfig], Awaitable[None]],
) -> Callable[[], Awaitable[None]]:
    """Run a test as a program of its own on the qasync loop, with an exchange and the configuration for it."""

    @functools.wraps(test)
    async def run() -> None:
        async with asyncio.timeout(110), EmbeddedExchange(SETTINGS) as exchange:
            try:
                await test(exchange, config_for(exchange))
            finally:
                if isinstance(service := PROGRAM.living("service"), WebSocketService):
                    await service.stop()
                await GlobalWebSocketManager.reset_instance()

    del run.__wrapped__  # pytest would ask for its parameters
    marked: Callable[[], Awaitable[None]] = pytest.mark.qasync_loop(run)
    return marked


async def _all_three_share_a_line(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    manager = await GlobalWebSocketManager.get_instance()
    assert GlobalWebSocketManager.instance() is service.manager is manager
    client, proxy = SimpleWebSocketClient("bot"), WebSocketClientProxy("panel")
    assert proxy.service is service
    await proxy.subscribe_ticker("KRW-BTC", ignore)
    assert await client.register_interests("KRW-ETH", DataType.TICKER)
    await until(lambda: client.get_ticker("KRW-ETH"))
    assert set(manager.get_active_subscriptions().values()) == {("panel",), ("bot",)}
    assert exchange.counters.connects_accepted == 1
    await client.close()
    await proxy.cleanup()


@program
async def test_the_service_comes_first(exchange: EmbeddedExchange, config: ServiceConfig) -> None:
    await _all_three_share_a_line(exchange, WebSocketService.instance(config))


@program
async def test_the_manager_comes_first(exchange: EmbeddedExchange, config: ServiceConfig) -> None:
    await GlobalWebSocketManager.get_instance(config)
    service = WebSocketService.instance()
    assert service.config is config
    await _all_three_share_a_line(exchange, service)


@program
async def test_a_client_comes_first(exchange: EmbeddedExchange, config: ServiceConfig) -> None:
    service = WebSocketService.instance(config)
    client = SimpleWebSocketClient("early")
    assert await client.register_interests("KRW-BTC", DataType.TRADE)
    assert set(service.manager.get_active_subscriptions().values()) == {("early",)}
    await client.close()
    await _all_three_share_a_line(exchange, service)


@program
async def test_a_service_made_by_its_class_is_the_programs_one_too(
    exchange: EmbeddedExchange, config: ServiceConfig
) -> None:
    service = WebSocketService(config)
    assert WebSocketService.instance() is service
    await _all_three_share_a_line(exchange, service)


@program
async def test_a_service_and_its_class_beside_the_manager(exchange: EmbeddedExchange, config: ServiceConfig) -> None:
    manager = await GlobalWebSocketManager.get_instance(config)
    service = WebSocketService(config)
    assert service.manager is manager
    second = WebSocketService(config)  # of two of them one is the program's
    assert second.manager is not manager
    await second.stop()
    assert manager.state is not GlobalManagerState.STOPPED
    assert WebSocketService.instance() is service


@program
async def test_another_configuration_is_refused_in_either_order(
    exchange: EmbeddedExchange, config: ServiceConfig
) -> None:
    other = ServiceConfig.development()
    service = WebSocketService.instance(config)
    with pytest.raises(ConfigurationError, match="config"):
        await GlobalWebSocketManager.get_instance(other)  # the service has not made its manager yet
    assert service.manager.config is config
    with pytest.raises(ConfigurationError, match="config"):
        GlobalWebSocketManager.instance(other)
    with pytest.raises(ConfigurationError, match="config"):
        WebSocketService.instance(other)
    again = dataclasses.replace(config, credentials=Credentials(exchange.access_key, exchange.secret_key))
    assert again is not config
    assert WebSocketService.instance(again) is service  # the same settings and keys, made anew
    assert await GlobalWebSocketManager.get_instance(again) is service.manager
    await service.stop()

    await GlobalWebSocketManager.reset_instance()
    manager = await GlobalWebSocketManager.get_instance(config)
    with pytest.raises(ConfigurationError, match="config"):
        WebSocketService.instance(other)
    apart = WebSocketService(other)  # by its class it can be had, with lines of its own
    assert apart.manager is not manager
    assert WebSocketService.instance() is not apart
    assert WebSocketService.instance().manager is manager
    await apart.stop()


@program
async def test_after_a_reset_both_begin_anew_together(exchange: EmbeddedExchange, config: ServiceConfig) -> None:
    old = WebSocketService.instance(config)
    await old.start()
    await GlobalWebSocketManager.reset_instance()
    assert old.state is GlobalManagerState.STOPPED
    new = WebSocketService.instance(config.replace(metrics_interval=7.0))
    assert new is not old
    assert new.manager is not old.manager
    assert (await GlobalWebSocketManager.get_instance()).config.metrics_interval == 7.0
    await _all_three_share_a_line(exchange, new)
    await old.stop()  # what it had is over: this must not touch the new one
    assert new.state is not GlobalManagerState.STOPPED


@program
async def test_after_a_stop_nobody_dials_by_accident(exchange: EmbeddedExchange, config: ServiceConfig) -> None:
    service = WebSocketService.instance(config)
    await service.start()
    await service.stop()
    with pytest.raises(ConfigurationError, match="reset_instance"):
        await SimpleWebSocketClient("late").register_interests("KRW-BTC", DataType.TICKER)
    with pytest.raises(ConfigurationError, match="reset_instance"):
        GlobalWebSocketManager.instance()
    again = WebSocketService.instance(config)  # said on purpose
    assert again is not service
    await _all_three_share_a_line(exchange, again)


@program
async def test_a_service_that_was_not_used_ends_the_lines_of_its_program(
    exchange: EmbeddedExchange, config: ServiceConfig
) -> None:
    manager = await GlobalWebSocketManager.get_instance(config)
    await manager.start()
    await WebSocketService.instance().stop()
    assert manager.state is GlobalManagerState.STOPPED


@program
async def test_one_made_in_the_turn_in_which_another_is_destroyed_gets_living_lines(
    exchange: EmbeddedExchange, config: ServiceConfig
) -> None:
    service = WebSocketService.instance(config)
    await service.start()
    manager = service.manager
    sip.delete(service)
    again = WebSocketService.instance(config)
    assert again.manager is not manager
    await until(lambda: manager.state is GlobalManagerState.STOPPED)
    await _all_three_share_a_line(exchange, again)


@program
async def test_one_made_by_hand_and_never_used_is_let_go(exchange: EmbeddedExchange, config: ServiceConfig) -> None:
    service = WebSocketService(ServiceConfig.development())
    del service
    assert (await GlobalWebSocketManager.get_instance(config)).config is config


def test_a_new_loop_is_a_new_life() -> None:
    def config_of_first() -> ServiceConfig:
        async def main() -> ServiceConfig:
            manager = GlobalWebSocketManager.instance(ServiceConfig.testing())
            await manager.stop()
            return manager.config

        return asyncio.run(main())

    async def second() -> None:
        assert GlobalWebSocketManager.instance().config != config_of_first_loop
        await GlobalWebSocketManager.reset_instance()

    config_of_first_loop = config_of_first()
    asyncio.run(second())


def test_outside_a_loop_it_says_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="a running event loop"):
        GlobalWebSocketManager.instance()
