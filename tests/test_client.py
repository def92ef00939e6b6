"""The pull interface: values to look at, their age, and None for what is not known."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.manager.conftest import config_for
from tests.waiting import until
from upbit_ws_qt.client import SimpleWebSocketClient
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.rest import RestCandle
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.events import BaseWebSocketEvent

# Nothing here is about what comes too late: on a busy machine everything may.
PATIENT: dict[str, Any] = dict.fromkeys(
    ("connect_timeout", "list_timeout", "pong_timeout", "proof_timeout", "busy_silence_timeout"), 60.0
)
PUBLIC_TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK, DataType.CANDLE_1M)


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    limits: dict[str, Any] = dict.fromkeys(("connects_per_second", "messages_per_second", "messages_per_minute"))
    async with EmbeddedExchange(ExchangeSettings(seed=5, markets=20, rate=400, prepare=False, **limits)) as running:
        yield running


@pytest.fixture
async def manager(exchange: EmbeddedExchange) -> AsyncIterator[GlobalWebSocketManager]:
    made = GlobalWebSocketManager(config_for(exchange, history_length=50, **PATIENT))
    yield made
    await made.stop()


async def serves(client: SimpleWebSocketClient, *interests: Any) -> bool:
    return await client.register_interests(*interests, timeout=100.0)


async def test_the_past_is_asked_for_oldest_first_and_needs_no_interest(manager: GlobalWebSocketManager) -> None:
    async with SimpleWebSocketClient("bot", manager) as client:
        candles = await client.history("krw-btc", DataType.CANDLE_1M, 250)
        starts = [candle.start for candle in candles if isinstance(candle, RestCandle)]
        assert len(starts) == 250
        assert starts == sorted(set(starts))
        since = starts[-20]
        newer = await client.history("KRW-BTC", "candle.1m", since=since)
        assert [candle.start for candle in newer if isinstance(candle, RestCandle)][:20] == starts[-20:]
        assert client.get_history("KRW-BTC", DataType.CANDLE_1M) == (), "that is what came over the line"
        with pytest.raises(SubscriptionError, match="history"):
            await client.history("KRW-BTC", DataType.ORDERBOOK)
        with pytest.raises(ValueError, match="above 0"):
            await client.history("KRW-BTC", DataType.TRADE, 0)


async def test_values_are_typed_and_there_when_wanted(manager: GlobalWebSocketManager) -> None:
    async with SimpleWebSocketClient("bot", manager) as client:
        assert await serves(client, ["krw-btc", "KRW-ETH"], PUBLIC_TYPES)
        await until(lambda: client.get_candle("KRW-BTC") and client.get_trade("KRW-BTC"))
        ticker, trade = client.get_ticker("KRW-BTC"), client.get_trade("krw-btc")
        book, candle = client.get_orderbook("KRW-BTC"), client.get_candle("KRW-BTC", "1m")
        assert ticker is not None
        assert trade is not None
        assert book is not None
        assert candle is not None
        assert (ticker.type, trade.type, book.type, candle.type) == ("ticker", "trade", "orderbook", "candle.1m")
        assert set(client.get_multiple_tickers(["KRW-BTC", "KRW-ETH", "KRW-NOSUCH"])) == {"KRW-BTC", "KRW-ETH"}
        age = client.age("KRW-BTC", DataType.TICKER)
        assert age is not None
        assert age >= 0
        await until(lambda: len(client.get_history("KRW-BTC", DataType.TRADE)) >= 3)
        assert len(client.get_history("KRW-BTC", DataType.TRADE, limit=2)) == 2


async def test_what_is_served_is_fresh_at_once_although_other_streams_are_still_being_proved(
    manager: GlobalWebSocketManager, exchange: EmbeddedExchange
) -> None:
    exchange.faults.inject("missing_codes", endpoint="public", codes=["KRW-ETH"], listed=True, times=None)
    async with SimpleWebSocketClient("slow", manager) as slow, SimpleWebSocketClient("bot", manager) as client:
        never = asyncio.create_task(slow.register_interests("KRW-ETH", "ticker", timeout=0.5))
        assert await serves(client, "KRW-BTC", "ticker")
        assert not client.is_stale("KRW-BTC", DataType.TICKER)
        assert slow.is_stale("KRW-ETH", DataType.TICKER)
        assert await never is False


async def test_all_that_is_served_can_be_read_when_that_is_said_however_slow_another_component_is(
    exchange: EmbeddedExchange, manager: GlobalWebSocketManager
) -> None:
    codes = list(exchange.world.codes)[:20]

    def slow(event: BaseWebSocketEvent) -> None:
        time.sleep(0.02)  # on the loop, as a program does that paints too much

    await manager.start()
    manager.register_component("slow", [SubscriptionSpec("ticker", codes)], slow)
    async with SimpleWebSocketClient("bot", manager) as client:
        assert await serves(client, codes, DataType.TICKER)
        assert [code for code in codes if client.get_ticker(code) is None] == []


async def test_what_is_not_known_is_none_and_no_error(manager: GlobalWebSocketManager) -> None:
    client = SimpleWebSocketClient("bot", manager)
    assert client.get_ticker("KRW-BTC") is None
    assert client.get_history("KRW-BTC", DataType.TICKER) == ()
    assert client.my_orders() == ()
    assert client.my_assets() == {}
    assert await client.register_interests("KRW-NOSUCH", DataType.TICKER, timeout=0.5) is False
    assert client.get_ticker("KRW-NOSUCH") is None
    assert client.get_multiple_tickers(["nonsense"]) == {}
    assert client.age("KRW-NOSUCH", DataType.TICKER) is None
    assert client.is_stale("KRW-NOSUCH", DataType.TICKER)
    with pytest.raises(SubscriptionError):
        await client.register_interests("KRWBTC", DataType.TICKER)
    with pytest.raises(SubscriptionError):
        client.get_candle("KRW-BTC", "7m")
    await client.close()
    await client.close()


async def test_what_the_exchange_does_not_serve_is_said_when_it_is_known(exchange: EmbeddedExchange) -> None:
    manager = GlobalWebSocketManager(config_for(exchange, proof_timeout=0.2))
    client = SimpleWebSocketClient("bot", manager)
    assert await client.register_interests("KRW-NOSUCH", "ticker", timeout=1000.0) is False  # much later than now
    await manager.stop()


async def test_a_lost_line_makes_values_stale_but_keeps_them(
    exchange: EmbeddedExchange, manager: GlobalWebSocketManager
) -> None:
    client = SimpleWebSocketClient("bot", manager)
    assert await serves(client, "KRW-BTC", DataType.TICKER)
    exchange.faults.inject("refuse", endpoint="public")
    exchange.faults.inject("drop", endpoint="public", times=1)
    await until(lambda: client.is_stale("KRW-BTC", DataType.TICKER))
    assert client.get_ticker("KRW-BTC") is not None
    exchange.faults.clear()
    await until(lambda: not client.is_stale("KRW-BTC", DataType.TICKER))
    await until(lambda: manager.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)


async def test_the_account_is_told_from_its_events(exchange: EmbeddedExchange, manager: GlobalWebSocketManager) -> None:
    client = SimpleWebSocketClient("bot", manager)
    assert await serves(client, (), (DataType.MY_ORDER, DataType.MY_ASSET))
    exchange.place_order("KRW-BTC", "BID", "limit", "1000000", "0.01", identifier="mine")
    await until(lambda: client.my_orders() and client.my_assets())
    (order,) = client.my_orders("KRW-BTC", open_only=True)
    assert order.identifier == "mine"
    assert client.my_orders("KRW-ETH") == ()
    assert client.my_assets()["KRW"].locked > 0


async def test_closing_ends_the_interest(exchange: EmbeddedExchange, manager: GlobalWebSocketManager) -> None:
    client = SimpleWebSocketClient("bot", manager)
    assert await serves(client, "KRW-BTC", DataType.TICKER)
    await client.close()
    await until(lambda: not exchange.connections)
    assert manager.wiring.pool is not None
    assert manager.wiring.pool.statistics().clients == 0


async def test_without_the_pool_it_says_so(exchange: EmbeddedExchange) -> None:
    manager = GlobalWebSocketManager(config_for(exchange, data_pool=False))
    with pytest.raises(ConfigurationError, match="data_pool"):
        await SimpleWebSocketClient("bot", manager).register_interests("KRW-BTC", DataType.TICKER)
    await manager.stop()


async def test_without_a_manager_it_takes_the_programs_one(exchange: EmbeddedExchange) -> None:
    manager = await GlobalWebSocketManager.get_instance(config_for(exchange, **PATIENT))
    client = SimpleWebSocketClient("bot")
    assert await serves(client, "KRW-BTC", DataType.TICKER)
    assert manager.get_active_subscriptions()
    await client.close()
    await GlobalWebSocketManager.reset_instance()
