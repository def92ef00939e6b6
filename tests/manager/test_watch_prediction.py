"""What subscriptions will cost, told from what others were measured to cost on a live exchange."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.test_watch_figures import ignore
from tests.waiting import until
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.exchange import EmbeddedExchange

PUBLIC = WebSocketType.PUBLIC
KINDS = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)


async def test_the_cost_of_some_markets_is_foretold_within_thirty_percent(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    """How much an exchange sends a second is the machine's affair; which part of it is asked for is not."""
    exchange.set_rate(1500)
    markets = sorted(exchange.world.codes)
    learnt = [SubscriptionSpec(kind, markets) for kind in KINDS]
    planned = [SubscriptionSpec(kind, markets[:20]) for kind in KINDS]
    desk, other = await make_desk(), await make_desk()
    await desk.manager.register_component("all", learnt, ignore).wait_served(10)
    await other.manager.register_component("some", planned, ignore).wait_served(10)
    loop = desk.manager.wiring.loop
    seen = [(loop.time(), counted(desk), counted(other))]
    for _ in range(8):
        await until(lambda: loop.time() >= seen[-1][0] + 1)
        seen.append((loop.time(), counted(desk), counted(other)))

    whole, part = (desk.manager.predict_resource_usage(specs) for specs in (learnt, planned))
    assert desk.manager.predict_resource_usage() == whole  # what is wanted now
    assert part.streams == 60
    assert part.measured_share > 0.9
    (all_frames, all_bytes), (some_frames, some_bytes) = (
        (seen[-1][place][0] - seen[0][place][0], seen[-1][place][1] - seen[0][place][1]) for place in (1, 2)
    )
    assert part.messages_per_second / whole.messages_per_second == pytest.approx(some_frames / all_frames, rel=0.3)
    assert part.bytes_per_second / whole.bytes_per_second == pytest.approx(some_bytes / all_bytes, rel=0.3)
    rates = [(after[1][0] - before[1][0]) / (after[0] - before[0]) for before, after in pairwise(seen)]
    assert min(rates) * 0.7 <= whole.messages_per_second <= max(rates) * 1.3


def counted(desk: Any) -> tuple[int, int]:
    """Return how many frames and inflated bytes have come on the public line."""
    figures = desk.manager.wiring.endpoints[PUBLIC].connection.figures()
    return figures.carried.frames, figures.carried.bytes_inflated
