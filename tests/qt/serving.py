"""A test with a service on an exchange of its own, and how to await a signal."""

from __future__ import annotations

import asyncio
import functools
import inspect
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.qt import WebSocketService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from PyQt6.QtCore import pyqtBoundSignal

# Time to breathe: limits off, few markets.
SETTINGS = ExchangeSettings(
    markets=20, rate=100, prepare=False, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)
_GIVEN = ("exchange", "service")


async def emitted(signal: pyqtBoundSignal, seconds: float = 300.0) -> tuple[Any, ...]:
    """Return the arguments of the next emission. (qtbot.waitSignal hangs inside a coroutine.)"""
    future: asyncio.Future[tuple[Any, ...]] = asyncio.get_running_loop().create_future()

    def take(*arguments: Any) -> None:
        if not future.done():
            future.set_result(arguments)

    connection = signal.connect(take)
    try:
        async with asyncio.timeout(seconds):
            return await future
    finally:
        signal.disconnect(connection)


def config_for(exchange: EmbeddedExchange, **changes: Any) -> ServiceConfig:
    """Return the settings of a service on an exchange."""
    return ServiceConfig.testing(
        public_url=exchange.public_url,
        private_url=exchange.private_url,
        info_url=exchange.info_url,
        rest_url=exchange.rest_url,
        **{"credentials": Credentials(exchange.access_key, exchange.secret_key), **changes},
    )


@asynccontextmanager
async def running_service(exchange: EmbeddedExchange, **changes: Any) -> AsyncIterator[WebSocketService]:
    """Run a service on an exchange."""
    service = WebSocketService(config_for(exchange, **changes))
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
        service.deleteLater()


def wanted(exchange: EmbeddedExchange, endpoint: str = "public") -> set[tuple[str, str]]:
    """Return the (type, code) pairs that the exchange sends."""
    return {(entry[0], entry[1]) for entry in exchange.subscribed(endpoint)}


def served(
    settings: ExchangeSettings = SETTINGS, *, within: float = 500.0, **changes: Any
) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., Awaitable[None]]]:
    """Run a test on the qasync loop with the `exchange` and `service` it asks for, `within` so many seconds.

    No fixtures: between fixture and test pytest-qt lets Qt run while no asyncio loop does, which no program would.
    """

    def decorate(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        asked = inspect.signature(test)

        @functools.wraps(test)
        async def run(*args: Any, **kwargs: Any) -> None:
            async with (
                asyncio.timeout(within),
                EmbeddedExchange(settings) as exchange,
                running_service(exchange, **changes) as service,
            ):
                given = {"exchange": exchange, "service": service}
                await test(*args, **kwargs, **{name: given[name] for name in _GIVEN if name in asked.parameters})

        others = [parameter for name, parameter in asked.parameters.items() if name not in _GIVEN]
        run.__signature__ = asked.replace(parameters=others)  # type: ignore[attr-defined]  # what pytest reads
        marked: Callable[..., Awaitable[None]] = pytest.mark.qasync_loop(run)
        return marked

    return decorate
