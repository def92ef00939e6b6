"""What a callback took is known by stream: exactly, and whatever kind of callback it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.routing.rig import Listener, engine_rig, event_of, in_loop, raw
from tests.waiting import until
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.streams import StreamKey, key_of_event
from upbit_ws_qt.types import DataType, Delivery

if TYPE_CHECKING:
    from tests.routing.rig import Rig
    from upbit_ws_qt.routing import ConsumerStats

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
SLOW = 0.02


def consumers(rig: Rig) -> dict[tuple[str, str], ConsumerStats]:
    return {
        (stream.key.symbol, consumer.component_id): consumer
        for stream in rig.engine.stream_stats()
        for consumer in stream.consumers
    }


@pytest.mark.parametrize("kind", ["plain", "coroutine"])
async def test_each_stream_of_a_wish_is_charged_with_its_own_calls(kind: str) -> None:
    async with engine_rig(slow_callback=60.0) as rig:
        done = Listener()

        def plain(event: Any) -> None:
            if event.code == "KRW-ETH":
                time.sleep(SLOW)
            done(event)

        async def as_coroutine(event: Any) -> None:
            plain(event)

        callback = plain if kind == "plain" else as_coroutine
        route = rig.engine.register_route("c", SubscriptionSpec("ticker", CODES), callback)
        rig.engine.register_route("other", SubscriptionSpec("ticker", "KRW-BTC"), lambda event: None)
        for at in range(1, 4):
            await rig.feed(raw(code="KRW-BTC", timestamp=2 * at), raw(code="KRW-BTC", timestamp=2 * at + 1))
            await rig.feed(raw(code="KRW-ETH", timestamp=at))
        await until(lambda: len(done.events) == 9)
        found = consumers(rig)
        slow, busy, silent = (found[code, "c"] for code in ("KRW-ETH", "KRW-BTC", "KRW-XRP"))
        assert (slow.delivered, busy.delivered, silent.delivered) == (3, 6, 0)
        assert slow.busy_time >= 3 * SLOW
        assert slow.longest >= SLOW
        assert slow.busy_time + busy.busy_time == pytest.approx(route.busy_time)
        assert max(slow.longest, busy.longest) == route.longest
        assert (silent.busy_time, silent.longest) == (0.0, 0.0)
        assert found["KRW-BTC", "other"].delivered == 6


async def test_a_wish_for_one_stream_is_that_streams_and_orders_of_every_market_are_one() -> None:
    async with engine_rig() as rig:
        route = rig.engine.register_route("one", SubscriptionSpec("ticker", "KRW-BTC"), lambda event: None)
        rig.engine.register_route("orders", SubscriptionSpec("myOrder"), lambda event: None)
        await rig.feed(raw(timestamp=1), raw("myOrder", code="KRW-ETH", uuid="a"), raw("myOrder", uuid="b"))
        found = consumers(rig)
        assert found["KRW-BTC", "one"][1:] == (1, route.busy_time, route.longest)
        assert found["", "orders"].delivered == 2


async def test_indicators_of_one_market_are_told_apart() -> None:
    rsi = [IndicatorSpec.of("rsi", {"period": period}) for period in (7, 14)]
    spec = SubscriptionSpec("indicator", "KRW-BTC", timeframe="5m", indicators=rsi)
    async with engine_rig() as rig:
        route = rig.engine.register_route("c", spec, lambda event: None)
        event = event_of("indicator", indicator="rsi", timeframe="5m", params={"period": 14}, value={"rsi": 55})
        key = key_of_event(event)
        assert key in route.keys
        await in_loop(rig.engine.route_event, event)
        other = next(one for one in route.keys if one != key)
        assert isinstance(key, StreamKey)
        assert (route.stats_for(key).delivered, route.stats_for(other).delivered) == (1, 0)


async def test_what_is_counted_goes_on_when_it_is_served_otherwise() -> None:
    async with engine_rig() as rig:
        route = rig.engine.register_route("c", SubscriptionSpec(DataType.TICKER, CODES), lambda event: None)
        await rig.feed(raw(code="KRW-ETH", timestamp=1))
        rig.engine.serve_otherwise(route, delivery=Delivery.FRAME, depth=30)
        await rig.feed(raw(code="KRW-ETH", timestamp=2))
        await in_loop(rig.engine.flush_frames)
        assert consumers(rig)["KRW-ETH", "c"].delivered == 2
