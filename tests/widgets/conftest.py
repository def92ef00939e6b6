"""What tests of the whole window need after themselves."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def let_go() -> AsyncIterator[None]:
    """A window is many cycles: give them the turns and the collection they need before anybody looks."""
    yield
    for _ in range(3):
        await asyncio.sleep(0.01)
        gc.collect()
