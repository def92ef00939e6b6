"""An exchange whose time stands still until a test moves it, and which lets tests hurry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.exchange.server.hand_clock import HandClock
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
        prepare=False,
        start_ms=START_MS,
        connects_per_second=None,
        messages_per_second=None,
        messages_per_minute=None,
    )
    async with EmbeddedExchange(settings) as running:
        yield running


@pytest.fixture
def hand() -> HandClock:
    """What the limits of `strict` go by."""
    return HandClock()


@pytest.fixture
async def strict(hand: HandClock) -> AsyncIterator[EmbeddedExchange]:
    """The same with the limits that are on by default, and which no time passes for by itself."""
    settings = ExchangeSettings(markets=12, rate=400, stopped=True, prepare=False, start_ms=START_MS)
    async with EmbeddedExchange(settings, now=hand) as running:
        yield running
