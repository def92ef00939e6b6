"""Short ways to set up a keeper in front of a model of the exchange."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tests.subscriptions.model import Desk, ModelExchange
from tests.subscriptions.specs import ticker
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.specs import SubscriptionSpec

LIVE, UNSERVED = {StreamStatus.LIVE}, {StreamStatus.UNSERVED}
BTC, ETH = ticker("KRW-BTC"), ticker("KRW-ETH")


def entries(*specs: SubscriptionSpec) -> set[tuple[Any, ...]]:
    """Return what the exchange's table holds of these."""
    return {(spec.data_type.value, code, "0") for spec in specs for code in spec.symbols or ("",)}


def desk(exchange: ModelExchange, ws_type: WebSocketType = WebSocketType.PUBLIC, **settings: Any) -> Desk:
    """Return a keeper with a connection, in front of an exchange."""
    return Desk(exchange, ServiceConfig(**settings), ws_type)


@contextlib.asynccontextmanager
async def serving(exchange: ModelExchange, *specs: SubscriptionSpec) -> AsyncIterator[Desk]:
    """Yield a desk at which component "a" is served what it wants."""
    async with desk(exchange) as d:
        d.want("a", *specs)
        await d.settled()
        yield d


def refuse_codes(*bad: str) -> Any:
    """Return an exchange's refusal of requests that name one of these codes."""
    return lambda entry: "INVALID_PARAM" if set(bad) & set(entry.get("codes", ())) else None
