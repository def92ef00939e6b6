"""Lines with a token: fresh each time, renewed in time, and what a refusal means."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.connection.kit import (
    INFO,
    ORDERS,
    PRIVATE,
    rig_for,
    until,
)
from upbit_ws_qt.connection import supervisor
from upbit_ws_qt.errors import (
    AuthenticationError,
    ConnectionLostError,
    RecoveryError,
    RecoveryStrategy,
    WebSocketError,
)
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange


async def test_private_lines_shake_hands_with_a_new_token_each_time(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE) as rig:
        await rig.connected()
        for _ in range(2):
            await rig.connection.reconnect()
        tokens = [view.headers["authorization"] for view in exchange.closed_connections + exchange.connections]
        assert len(set(tokens)) == 3
        assert exchange.counters.auth_failures == 0


async def test_no_handshake_carries_an_origin(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE) as rig:
        await rig.connected()
        headers = exchange.connections[0].headers
        assert "origin" not in headers
        assert headers["user-agent"] == "upbit_ws_qt"
        assert exchange.counters.connects_with_origin == 0


@pytest.mark.parametrize("http", [False, True])
async def test_a_refused_token_gets_one_more_try_and_then_the_line_is_given_up(
    exchange: EmbeddedExchange, http: bool
) -> None:
    exchange.faults.inject("invalid_auth", http=http)
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE) as rig:
        await until(lambda: rig.connection.state is ConnectionState.FAILED)
        assert exchange.counters.fault_hits["invalid_auth"] == 2
        await until(lambda: any(isinstance(error, AuthenticationError) for error in rig.errors))
        assert "INVALID_AUTH" in str(rig.errors[-1])
        await asyncio.sleep(0.3)
        assert rig.connection.figures().dials == 2
        rig.connection.set_wanted(True)
        await asyncio.sleep(0.05)
        assert rig.connection.figures().dials == 2
        exchange.faults.clear()
        await rig.connection.reconnect()
        assert rig.path[-4:] == ["failed", "connecting", "syncing", "connected"]


@pytest.mark.parametrize("proof_error", [RecoveryError, ConnectionLostError])
async def test_a_refused_token_is_called_what_it_is_whatever_fails_first(
    exchange: EmbeddedExchange, proof_error: type[RecoveryError | ConnectionLostError]
) -> None:
    exchange.faults.inject("invalid_auth")
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE) as rig:
        rig.fails_when_refused = proof_error
        await until(lambda: rig.connection.state is ConnectionState.FAILED)
        await until(lambda: len(rig.errors) == 2)
        assert [type(error) for error in rig.errors] == [AuthenticationError] * 2
        assert exchange.counters.fault_hits["invalid_auth"] == 2


async def test_one_refused_token_is_forgiven(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("invalid_auth", times=1)
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE) as rig:
        await rig.connected()
        assert exchange.counters.fault_hits["invalid_auth"] == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_private_endpoint_that_forbids_is_not_asked_again(exchange: EmbeddedExchange, status: int) -> None:
    exchange.faults.inject("refuse", status=status)
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE) as rig:
        await until(lambda: rig.connection.state is ConnectionState.FAILED)
        with pytest.raises(AuthenticationError):
            await rig.connection.reconnect()
        assert rig.connection.figures().dials == 2


async def test_without_a_key_a_private_endpoint_fails_without_a_dial(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE, changes={"credentials": None}) as rig:
        await until(lambda: rig.connection.state is ConnectionState.FAILED)
        await until(lambda: rig.errors)
        assert isinstance(rig.errors[0], AuthenticationError)
        assert rig.connection.figures().dials == 0


async def test_an_endpoint_that_the_region_lacks_fails_by_name(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, ws_type=INFO, changes={"info_url": None}) as rig:
        await until(lambda: rig.connection.state is ConnectionState.FAILED)
        await until(lambda: rig.errors)
        assert "info_url" in str(rig.errors[0])


async def test_a_token_that_gets_old_is_replaced_without_a_gap(exchange: EmbeddedExchange) -> None:
    ahead = [0.0]
    async with rig_for(
        exchange, ORDERS, ws_type=PRIVATE, clock=lambda: time.monotonic() + ahead[0], changes={"token_lifetime": 100.0}
    ) as rig:
        await rig.connected()
        assert await rig.jwt.refresh_token_if_needed() == ()
        ahead[0] = 81.0
        assert await rig.jwt.refresh_token_if_needed() == (PRIVATE,)
        assert rig.epoch == 2
        await until(lambda: len(rig.gaps) == 1)
        assert rig.gaps[0].down_seconds == 0
        assert rig.path == ["connecting", "syncing", "connected"]


async def test_the_renewal_of_the_token_comes_by_itself(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE, changes={"token_lifetime": 1.0}) as rig:
        await until(lambda: rig.epoch == 3)
        assert rig.path == ["connecting", "syncing", "connected"]
        assert exchange.counters.auth_failures == 0


async def test_a_renewal_that_fails_says_whether_it_is_tried_again_and_the_old_line_serves_on(
    exchange: EmbeddedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "TOKEN_RETRY", 0.05)
    ahead = [0.0]
    async with rig_for(
        exchange, ORDERS, ws_type=PRIVATE, clock=lambda: time.monotonic() + ahead[0], changes={"token_lifetime": 100.0}
    ) as rig:
        await rig.connected()
        refused = exchange.faults.inject("refuse", status=503)
        with pytest.raises(WebSocketError) as asked:
            await rig.connection.reconnect()
        assert asked.value.recovery is RecoveryStrategy.NONE
        assert refused.hits == 1
        ahead[0] = 81.0
        with pytest.raises(WebSocketError) as due:
            await rig.jwt.refresh_token_if_needed()
        assert due.value.recovery is RecoveryStrategy.RETRY
        assert rig.path == ["connecting", "syncing", "connected"]
        assert rig.epoch == 1


async def test_a_token_whose_renewal_failed_is_renewed_later(
    exchange: EmbeddedExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "TOKEN_RETRY", 0.05)
    async with rig_for(exchange, ORDERS, ws_type=PRIVATE, changes={"token_lifetime": 1.0}) as rig:
        await rig.connected()
        refused = exchange.faults.inject("refuse", status=503, times=2)
        await until(lambda: rig.epoch == 2)
        assert refused.hits == 2
        assert rig.path == ["connecting", "syncing", "connected"]
