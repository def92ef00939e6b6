"""`error.recovery` is what the library does next: each kind of error is provoked and what follows is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import until
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import (
    AuthenticationError,
    BackpressureError,
    ConnectionLostError,
    DecodeError,
    RateLimitError,
    RecoveryError,
    RecoveryStrategy,
    SubscriptionError,
    WebSocketError,
)
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable


PUBLIC, PRIVATE = WebSocketType.PUBLIC, WebSocketType.PRIVATE
BTC, ETH = SubscriptionSpec(DataType.TICKER, "KRW-BTC"), SubscriptionSpec(DataType.TICKER, "KRW-ETH")
ORDERS, ASSETS = SubscriptionSpec(DataType.MY_ORDER), SubscriptionSpec(DataType.MY_ASSET)


def ignore(_: object) -> None:
    """Take an event."""


async def _told(desk: Any, kind: type[WebSocketError]) -> WebSocketError:
    await until(lambda: any(type(error) is kind for error in desk.diary.errors))
    return next(error for error in desk.diary.errors if type(error) is kind)


async def test_a_lost_line_is_dialled_again(exchange: EmbeddedExchange, make_desk: Callable[..., Any]) -> None:
    desk = await make_desk()
    await desk.manager.register_component("one", BTC, ignore).wait_served(60)
    dials = exchange.counters.connects_accepted
    exchange.faults.inject("drop")
    error = await _told(desk, ConnectionLostError)
    assert error.recovery is RecoveryStrategy.RECONNECT
    await until(lambda: desk.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED)
    assert exchange.counters.connects_accepted > dials


async def test_a_line_that_proves_nothing_is_given_up_for_another_one(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk = await make_desk(proof_timeout=0.3, list_timeout=0.3)
    exchange.faults.inject("ignored_request", times=6)
    handle = desk.manager.register_component("one", BTC, ignore)
    error = await _told(desk, RecoveryError)
    assert error.recovery is RecoveryStrategy.RECONNECT
    exchange.faults.clear()
    await handle.wait_served(60)
    assert exchange.counters.connects_accepted >= 2


async def test_a_refused_key_is_not_tried_again(exchange: EmbeddedExchange, make_desk: Callable[..., Any]) -> None:
    exchange.faults.inject("invalid_auth", http=True)
    desk = await make_desk()
    desk.manager.register_component("one", ORDERS, ignore)
    await _told(desk, AuthenticationError)
    await until(lambda: desk.diary.errors[-1].recovery is RecoveryStrategy.NONE)
    assert desk.manager.connection_state(PRIVATE) is ConnectionState.FAILED
    assert all(error.recovery is RecoveryStrategy.RECONNECT for error in desk.diary.errors[:-1])


async def test_a_limit_is_waited_out(exchange: EmbeddedExchange, make_desk: Callable[..., Any]) -> None:
    fault = exchange.faults.inject("too_many", times=1)
    desk = await make_desk()
    handle = desk.manager.register_component("one", BTC, ignore)
    error = await _told(desk, RateLimitError)
    assert isinstance(error, RateLimitError)
    assert error.recovery is RecoveryStrategy.WAIT
    assert error.retry_after is not None
    await handle.wait_served(60)
    assert fault.hits == 1


async def test_what_the_exchange_does_not_serve_stays_asked_for(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk = await make_desk(proof_timeout=0.3)
    handle = desk.manager.register_component("one", SubscriptionSpec(DataType.TICKER, ["KRW-BTC", "KRW-NOPE"]), ignore)
    with pytest.raises(SubscriptionError) as raised:
        await handle.wait_served(60)
    assert raised.value.codes == ("KRW-NOPE",)
    assert raised.value.recovery is RecoveryStrategy.RETRY
    exchange.faults.inject("drop")
    await until(lambda: desk.manager.get_current_epoch(PUBLIC) == 2)
    await until(lambda: ("ticker", "KRW-NOPE") in exchange.subscribed("public"))


async def test_a_gap_is_not_about_what_the_exchange_never_served(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk = await make_desk(proof_timeout=0.3)
    trades = SubscriptionSpec(DataType.TRADE, ["KRW-BTC", "KRW-NOPE"])
    with pytest.raises(SubscriptionError):
        await desk.manager.register_component("one", trades, ignore).wait_served(60)
    exchange.faults.inject("drop")
    await until(lambda: desk.diary.gaps)
    (gap,) = desk.diary.gaps
    assert [stream.symbol for stream in gap.streams] == ["KRW-BTC"]
    assert [each.stream.symbol for each in gap.ranges] == ["KRW-BTC"]


async def test_what_cannot_be_read_is_skipped(exchange: EmbeddedExchange, make_desk: Callable[..., Any]) -> None:
    desk = await make_desk()
    await desk.manager.register_component("one", BTC, ignore).wait_served(60)
    exchange.faults.inject("garbage", kind="not_json")
    error = await _told(desk, DecodeError)
    assert error.recovery is RecoveryStrategy.SKIP
    assert desk.manager.connection_state(PUBLIC) is ConnectionState.CONNECTED


async def test_a_component_that_fails_too_often_is_put_aside_until_it_is_resumed(
    exchange: EmbeddedExchange, make_desk: Callable[..., Any]
) -> None:
    desk = await make_desk()
    is_broken, calls = [True], []

    def callback(event: object) -> None:
        if is_broken:
            raise ValueError("a bug")
        calls.append(event)

    desk.manager.register_component("good", BTC, ignore)
    desk.manager.register_component("bad", BTC, callback)
    await until(lambda: any(isinstance(error, BackpressureError) for _, error in desk.diary.failures))
    error = next(error for _, error in desk.diary.failures if isinstance(error, BackpressureError))
    assert error.recovery is RecoveryStrategy.QUARANTINE
    is_broken.clear()
    assert not calls
    assert desk.manager.resume("bad")
    await until(lambda: calls)


async def test_the_rest_is_subscribed_without_what_was_refused(make_desk: Callable[..., Any]) -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=20, prepare=False, scopes=("view_orders",))) as exchange:
        credentials = Credentials(exchange.access_key, exchange.secret_key)
        desk = await make_desk(private_url=exchange.private_url, credentials=credentials)
        desk.manager.register_component("assets", ASSETS, ignore)
        orders = desk.manager.register_component("orders", ORDERS, ignore)
        error = await _told(desk, SubscriptionError)
        assert isinstance(error, SubscriptionError)
        assert error.recovery is RecoveryStrategy.RESUBSCRIBE
        assert error.component_id == "assets"
        await orders.wait_served(60)
        await until(lambda: exchange.subscribed("private") == {("myOrder", "")})
