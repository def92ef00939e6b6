"""The present state of some symbols, once, without a wish that stays."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from typing import TYPE_CHECKING

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.streams import streams_of

if TYPE_CHECKING:
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
    from upbit_ws_qt.specs import SubscriptionSpec

__all__ = ["fetch_snapshot"]

_numbers = itertools.count(1)


async def fetch_snapshot(
    spec: SubscriptionSpec,
    timeout: float,
    *,
    endpoint: Endpoint,
    routing: DataRoutingEngine,
    pool: DataPoolManager | None,
    epoch: int,
) -> dict[str, BaseWebSocketEvent]:
    """See GlobalWebSocketManager.fetch_snapshot.

    What flows already is taken from the pool; only the rest costs a request.
    """
    if not spec.data_type.has_snapshot:
        raise SubscriptionError("the exchange has no snapshots of this type", spec=spec)
    found: dict[str, BaseWebSocketEvent] = {}
    for stream in streams_of(spec) if pool is not None else ():
        known = pool.get_latest_data(stream.symbol, stream.data_type, stream.variant) if pool is not None else None
        if known is not None and known.epoch == epoch and endpoint.keeper.status(stream).is_served:
            found[stream.symbol] = known
    rest = tuple(symbol for symbol in spec.symbols if symbol.partition(".")[0] not in found)
    if not rest:
        return found
    once = dataclasses.replace(spec, symbols=rest, only_snapshot=True, only_realtime=False)
    route = routing.register_route(
        f"snapshot {next(_numbers)}", once, lambda event: found.setdefault(event.code, event)
    )
    try:
        # What has not come in time, or is not served, is missing in the answer, as promised.
        with contextlib.suppress(TimeoutError, SubscriptionError):
            async with asyncio.timeout(timeout):
                await endpoint.fetch_snapshots(once)
        await endpoint.handed_out()
    finally:
        route.close()
    return found
