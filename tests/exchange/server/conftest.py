"""An exchange whose time stands still until a test moves it, and which lets tests hurry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

START_MS = 1_790_000_000_000


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """A small exchange, time stopped, without limits of rate (tests of limits make their own)."""
    settings = ExchangeSettings(
        markets=12,
        rate=400,
        stopped=True,
        start_ms=START_MS,
        connects_per_second=None,
        messages_per_second=None,
        messages_per_minute=None,
    )
    async with EmbeddedExchange(settings) as running:
        yield running


@pytest.fixture
async def strict() -> AsyncIterator[EmbeddedExchange]:
    """The same with the limits that are on by default."""
    async with EmbeddedExchange(ExchangeSettings(markets=12, rate=400, stopped=True, start_ms=START_MS)) as running:
        yield running
