"""An exchange for one endpoint's lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """Three markets, time running, limits on."""
    async with EmbeddedExchange(ExchangeSettings(markets=3, rate=400)) as running:
        yield running
