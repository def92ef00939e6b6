"""A nats-server on loopback, a relay on the embedded exchange, and programs that read from it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
from typing import TYPE_CHECKING

import pytest

from tests.waiting import until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.desk.nats_link import DeskAddress, NatsLink
from upbit_ws_qt.desk.server import BundledServer
from upbit_ws_qt.desk.station import Relay, RelaySettings
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path
    from typing import Protocol

    class Running(Protocol):
        def __call__(
            self, exchange: EmbeddedExchange, settings: RelaySettings | None = None
        ) -> AbstractAsyncContextManager[Relay]: ...


# The extra `desk` need not be installed, and its server is not stopped and gone on with on Windows.
if importlib.util.find_spec("nats") is None or sys.platform == "win32":
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[BundledServer]:
    """A nats-server of its own folder."""
    found = BundledServer(tmp_path / "nats")
    await found.start()
    yield found
    await found.stop()


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """An exchange with a few markets."""
    async with EmbeddedExchange(ExchangeSettings(markets=8, prepare=False)) as found:
        yield found


@pytest.fixture
async def link(server: BundledServer) -> AsyncIterator[NatsLink]:
    """A connection with the rights of a client."""
    found = await NatsLink.open(DeskAddress(server.client_url), "test")
    yield found
    await found.close()


@pytest.fixture
def running(server: BundledServer) -> Running:
    """What runs a relay over the server."""

    @contextlib.asynccontextmanager
    async def run(exchange: EmbeddedExchange, settings: RelaySettings | None = None) -> AsyncIterator[Relay]:
        relay = Relay(DeskAddress(server.relay_url), ServiceConfig.testing(exchange), settings)
        task = asyncio.create_task(relay.run())
        try:
            await until(lambda: relay.figures().leads or task.done())
            yield relay
        finally:
            relay.stop()
            await task

    return run
