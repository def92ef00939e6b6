"""Who waits is told what he waits for in vain: a line that is dead or given up, a code that does not exist."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.qt.serving import config_for, served
from upbit_ws_qt.client import SimpleWebSocketClient
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import ConfigurationError, ConnectionLostError, SubscriptionError
from upbit_ws_qt.qt import SubscriptionState, WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange


@served()
async def test_a_dead_line_is_told_from_an_unknown_code(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    nobody = "ws://127.0.0.1:9/websocket/v1"  # no port that is given to whoever asks for any
    dead = WebSocketService(config_for(exchange).replace(public_url=nobody))
    for made_by, error in ((service, SubscriptionError), (dead, ConnectionLostError)):
        async with WebSocketClientProxy("c", service=made_by) as proxy:
            subscription = proxy.subscribe_ticker("KRW-NOPE", print)
            with pytest.raises(error):
                await subscription.served(timeout=300 if made_by is service else 0.2)
            if made_by is dead:
                with pytest.raises(ConnectionLostError, match=r"within 0\.2 s"):
                    await proxy.get_ticker_snapshot("KRW-BTC", timeout=0.2)
                assert not await SimpleWebSocketClient("d", dead.manager).register_interests(
                    "KRW-BTC", "ticker", timeout=0.2
                )
            else:
                assert await proxy.get_ticker_snapshot("KRW-NOPE", timeout=300) == {}
                assert (subscription.state, len(subscription.unserved)) == (SubscriptionState.FAILED, 1)
    await dead.stop()


@served()
async def test_a_line_that_is_up_and_has_not_answered_yet_is_another_thing(service: WebSocketService) -> None:
    async with WebSocketClientProxy("c", service=service) as proxy:
        await proxy.subscribe_ticker("KRW-BTC", print)
        with pytest.raises(TimeoutError, match="ticker KRW-NOPE"):
            await proxy.subscribe_ticker("KRW-NOPE", print).served(timeout=0.0)


@served()
async def test_nobody_waits_for_a_line_that_was_given_up(
    service: WebSocketService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under the guard against the real exchange, say: it is not dialled, however long one waits."""
    monkeypatch.setenv("UPBIT_LOOPBACK_ONLY", "1")
    guarded = WebSocketService(ServiceConfig())
    await guarded.start()
    proxy = WebSocketClientProxy("c", service=guarded)
    waiting = asyncio.ensure_future(proxy.subscribe_ticker("KRW-BTC", print).served())
    with pytest.raises(ConfigurationError, match="public_url"):
        await waiting  # while it is given up
    assert guarded.connection_state(WebSocketType.PUBLIC) is ConnectionState.FAILED
    with pytest.raises(ConfigurationError, match="public_url"):
        await proxy.subscribe_ticker("KRW-ETH", print)  # and afterwards
    with pytest.raises(ConfigurationError, match="public_url"):
        await proxy.get_ticker_snapshot("KRW-XRP", timeout=300)
    await guarded.stop()


@served(credentials=None)
async def test_private_data_without_a_key_are_refused_in_the_same_words_everywhere(service: WebSocketService) -> None:
    async with WebSocketClientProxy("c", service=service) as proxy:
        for ask in (proxy.my_order, service.my_asset, lambda: proxy.subscribe_my_order(print)):
            with pytest.raises(SubscriptionError, match="the private line is not available: it needs credentials"):
                ask()
        with pytest.raises(SubscriptionError, match="needs credentials"):
            await anext(proxy.my_orders())
