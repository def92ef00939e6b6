"""`async for` on a proxy and on a client: bounded, counted, lazy, and over with its owner."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QObject

from tests.qt.serving import served, wanted
from tests.waiting import until
from upbit_ws_qt.client import SimpleWebSocketClient
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import AuthenticationError, BackpressureError, SubscriptionError
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.qt import WebSocketClientProxy
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

CODES = ["KRW-BTC", "KRW-ETH"]


async def first(stream: Any, count: int = 1) -> list[Any]:
    found = []
    async for event in stream:
        found.append(event)
        if len(found) == count:
            break
    return found


@served()
async def test_each_event_comes_once_and_a_break_is_enough(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with WebSocketClientProxy("strategy", service=service) as proxy:
        trades = await first(proxy.trades(CODES), 20)
        assert {trade.code for trade in trades} == set(CODES)
        for code in CODES:
            ids = [trade.sequential_id for trade in trades if trade.code == code]
            assert len(ids) == len(set(ids))
        await until(lambda: not service.manager.get_active_subscriptions())
        kinds = (proxy.tickers("KRW-BTC"), proxy.orderbooks("KRW-BTC", depth=5), proxy.candles("KRW-BTC", unit="1m"))
        assert [(await first(stream))[0].type for stream in kinds] == ["ticker", "orderbook", "candle.1m"]
        assert (await first(proxy.events(SubscriptionSpec("ticker", "KRW-ETH"))))[0].code == "KRW-ETH"


@served()
async def test_nothing_begins_before_it_is_iterated(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    proxy = WebSocketClientProxy("strategy", service=service)
    streams = [proxy.tickers("KRW-BTC"), proxy.my_orders(), proxy.my_assets(), proxy.announcements()]
    await asyncio.sleep(0)
    assert not service.manager.get_active_subscriptions()
    assert not wanted(exchange)
    assert [repr(stream) for stream in streams][:2] == [
        "<EventStream ticker(KRW-BTC) not begun>",
        "<EventStream myOrder not begun>",
    ]
    with pytest.raises(SubscriptionError):
        proxy.tickers("nonsense")
    await proxy.cleanup()
    assert [await first(stream) for stream in streams] == [[]] * 4
    with pytest.raises(SubscriptionError, match="ended"):
        proxy.tickers("KRW-BTC")


@served()
async def test_it_ends_with_its_owner_and_by_hand(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    owner = QObject()
    proxy = WebSocketClientProxy("table", owner, service=service)
    tickers, books = proxy.tickers(CODES), proxy.orderbooks(CODES)
    loops = [asyncio.create_task(first(stream, 10**9)) for stream in (tickers, books)]
    await until(lambda: len(service.manager.get_active_subscriptions()) == 4)
    assert [spec.data_type.value for spec in service.wishes_of(owner)] == ["ticker", "orderbook"]
    await books.aclose()
    await loops[1]
    assert len(service.manager.get_active_subscriptions()) == 2
    sip.delete(owner)
    await loops[0]
    assert tickers.ended
    assert not service.manager.get_active_subscriptions()


@served()
async def test_what_is_not_taken_is_bounded_counted_and_told(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    told: list[Exception] = []
    service.componentFailed.connect(lambda name, error: told.append(error))
    async with WebSocketClientProxy("slow", service=service) as proxy:
        stream = proxy.trades(CODES, backpressure=BackpressureConfig(max_queue_size=5))
        await anext(stream)
        await until(lambda: stream.dropped > 3 and told)
        assert stream.waiting == 5
        assert isinstance(told[0], BackpressureError)
        (figures,) = (each for each in service.manager.wiring.routing.get_routing_statistics().components)
        assert figures.received == figures.delivered + figures.conflated + figures.dropped + figures.waiting
        assert figures.delivered == 1
        newest = proxy.tickers(CODES, backpressure=BackpressureConfig(BackpressureStrategy.THROTTLE))
        await anext(newest)
        await until(lambda: newest.waiting == 2)
        assert newest.dropped == 0


@served()
async def test_a_cancelled_loop_loses_nothing_and_may_go_on(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with WebSocketClientProxy("strategy", service=service) as proxy:
        orders = proxy.my_orders()
        waiting = asyncio.create_task(anext(orders))
        await until(lambda: wanted(exchange, "private"))
        with pytest.raises(RuntimeError, match="in another place"):
            await anext(orders)
        waiting.cancel()
        await asyncio.wait({waiting})
        exchange.place_order("KRW-BTC", "BID", "limit", price="1000000", volume="1")
        assert (await anext(orders)).code == "KRW-BTC"


@served()
async def test_what_the_exchange_does_not_serve_is_raised_and_named(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with WebSocketClientProxy("strategy", service=service) as proxy:
        with pytest.raises(SubscriptionError) as caught:
            await first(proxy.tickers("KRW-NOPE"))
        assert caught.value.codes == ("KRW-NOPE",)
        some = proxy.tickers(["KRW-BTC", "KRW-NOPE"])
        await anext(some)
        await until(lambda: some.unserved)
        assert some.unserved == ("KRW-NOPE",)
        assert (await anext(some)).code == "KRW-BTC"


@served(credentials=Credentials.dummy("wrong"))
async def test_a_refused_key_is_raised(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with WebSocketClientProxy("strategy", service=service) as proxy:
        with pytest.raises(AuthenticationError):
            await first(proxy.my_orders())
        with pytest.raises(AuthenticationError):  # the line has been given up by now
            await first(proxy.my_assets())
        with pytest.raises(AuthenticationError):
            await proxy.subscribe_my_order(print)


@served()
async def test_without_qt_a_client_has_the_same(exchange: EmbeddedExchange) -> None:
    manager = GlobalWebSocketManager(ServiceConfig.testing(exchange))
    async with SimpleWebSocketClient("strategy", manager) as client:
        assert (await first(client.tickers("KRW-BTC")))[0].code == "KRW-BTC"
        assert len(await first(client.trades("KRW-BTC"), 3)) == 3
        orders = client.events(SubscriptionSpec("myOrder"))
        task = asyncio.create_task(first(orders))
        await until(lambda: wanted(exchange, "private"))
    assert await task == []
    ticks = SimpleWebSocketClient("other", manager).tickers("KRW-BTC")
    await anext(ticks)
    await manager.stop()
    assert await first(ticks) == []
