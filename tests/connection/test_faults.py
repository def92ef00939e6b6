"""Every named fault of the exchange, survived by a connection with the state history that belongs to it."""

from __future__ import annotations

import asyncio
import random
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.connection.kit import TICKERS, TRADES, UP, Rig, config_for, rig_for, until
from tests.waiting import at_leisure
from upbit_ws_qt.connection import ConnectLimiter
from upbit_ws_qt.errors import ConnectionLostError, RateLimitError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

RESTORED = [*UP, "reconnecting", "syncing", "connected"]
QUICK = {"ping_interval": 0.1, "pong_timeout": 0.2, "busy_silence_timeout": 0.6}

# fault, its options, and a part of the cause that the loss is told with
LINE_LOST: list[tuple[str, dict[str, Any], str]] = [
    ("drop", {}, "dropped without a close frame"),
    ("half_open", {}, "no pong within"),
    ("close", {"code": 1000}, "closed by the exchange"),
    ("close", {"code": 1001, "text": "maintenance"}, "closed by the exchange: maintenance"),
    ("close", {"code": 1011}, "closed by the exchange"),
    ("error", {"error": "WRONG_FORMAT"}, "after WRONG_FORMAT"),
    ("error", {"error": "NO_CODES"}, "after NO_CODES"),
    ("error", {"error": "TOO_MANY_REQUEST"}, "after TOO_MANY_REQUEST"),
    ("cut_frame", {}, "dropped without a close frame"),
    ("cut_frame", {"hold": True}, "no pong within"),
    ("huge_message", {}, "PayloadTooBig"),
    ("decompression_bomb", {}, "PayloadTooBig"),
    ("decompression_bomb", {"hold": False}, "PayloadTooBig"),
    ("masked_frame", {}, "protocol error"),
    ("masked_frame", {"hold": False}, "protocol error"),
    *[
        ("protocol_violation", {"kind": kind}, "protocol error")
        for kind in ("opcode", "continuation", "rsv", "long_ping", "fragmented_ping", "length", "close_code")
    ],
    # Text that is no UTF-8 is a frame that cannot be read, like any other; the silence after it is what ends the line.
    ("protocol_violation", {"kind": "utf8"}, "no pong within"),
    ("stall", {"keep": False}, "a busy line fell silent"),
]
LINE_KEPT: list[tuple[str, dict[str, Any]]] = [
    *[
        ("garbage", {"kind": kind, "count": 20})
        for kind in (
            "not_json", "binary", "empty", "deep", "scalar", "array", "unknown_type", "no_type", "wrong_types", "nan",
            "long_number", "duplicate_keys",
        )
    ],
    ("protocol_violation", {"kind": "utf8", "hold": False}),
    ("delay", {"seconds": 0.1}),
    ("mute", {"codes": ["KRW-BTC"]}),
    ("truncated", {}),
    ("wrong_order", {}),
    ("duplicate_trades", {}),
    ("duplicate_books", {}),
    ("microseconds", {}),
    ("other_spellings", {}),
    ("clock_skew", {}),
]  # fmt: skip
AT_THE_REQUEST: list[tuple[str, dict[str, Any]]] = [
    ("wrong_snapshot", {"mode": "other_code"}),
    ("wrong_snapshot", {"mode": "stale"}),
    ("wrong_snapshot", {"mode": "missing"}),
    ("wrong_snapshot", {"mode": "twice"}),
    ("wrong_snapshot", {"mode": "realtime"}),
    ("missing_codes", {}),
    ("late_snapshots", {}),
    ("slow_accept", {"seconds": 0.3}),
]
OWN_TESTS = {"refuse", "too_many", "blocked", "invalid_auth", "maintenance", "ignored_request"}
NOT_OF_A_LINE = {name.value for name in FaultName if name.value.startswith("rest_")}  # tests/exchange, tests/rest


def named(case: tuple[Any, ...]) -> str:
    return f"{case[0]}-{'-'.join(str(value) for value in case[1].values())}"


def test_no_fault_is_forgotten() -> None:
    tried = {case[0] for case in (*LINE_LOST, *LINE_KEPT, *AT_THE_REQUEST)} | OWN_TESTS
    assert tried | NOT_OF_A_LINE == {name.value for name in FaultName}


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    async with EmbeddedExchange(ExchangeSettings(markets=3, rate=2000)) as running:
        yield running


def told_once_each(rig: Rig) -> None:
    """One gap for each change of epoch, none delivered of an older epoch after a newer one."""
    assert [(gap.old, gap.new) for gap in rig.gaps] == [(n, n + 1) for n in range(1, rig.epoch)]
    epochs = [frame.epoch for frame in rig.frames]
    assert epochs == sorted(epochs)
    assert rig.connection.figures().carried.sink_failures == 0


@pytest.mark.parametrize("case", LINE_LOST, ids=named)
async def test_faults_that_end_a_line_are_found_and_mended(
    exchange: EmbeddedExchange, case: tuple[str, dict[str, Any], str]
) -> None:
    name, options, cause = case
    async with rig_for(exchange, TICKERS, TRADES, changes=QUICK) as rig:
        await rig.served(100)
        with at_leisure() as seconds:
            fault = exchange.faults.inject(name, **{**({} if name == "stall" else {"times": 1}), **options})
            await until(lambda: rig.connection.state is not ConnectionState.CONNECTED, f"{name} {options}")
            found = seconds()
        fault.clear()
        await rig.connected()
        await rig.served(10)
        assert rig.path == RESTORED
        change = rig.connection.history[3]
        assert cause in change.cause
        assert change.close_code is not None
        # A protocol error within a second, silence within the configured time and a second.
        assert found < (1.0 if "protocol" in cause or "PayloadTooBig" in cause else 3.0)
        await until(lambda: len(rig.gaps) == 1)
        told_once_each(rig)
        assert isinstance(rig.errors[0], ConnectionLostError)


@pytest.mark.parametrize("case", LINE_KEPT, ids=named)
async def test_faults_in_what_is_sent_cost_no_line(
    exchange: EmbeddedExchange, case: tuple[str, dict[str, Any]]
) -> None:
    name, options = case
    async with rig_for(exchange, TICKERS, TRADES, changes=QUICK) as rig:
        await rig.served(20)
        fault = exchange.faults.inject(
            name, **{**({"times": 1} if name in ("garbage", "protocol_violation") else {}), **options}
        )
        await rig.served(20)
        fault.clear()
        await rig.served(20)
        assert rig.path == UP
        assert rig.errors == []
        told_once_each(rig)


@pytest.mark.parametrize("case", AT_THE_REQUEST, ids=named)
async def test_faults_at_the_beginning_of_a_line(exchange: EmbeddedExchange, case: tuple[str, dict[str, Any]]) -> None:
    name, options = case
    exchange.faults.inject(name, **options)
    async with rig_for(exchange, TICKERS, TRADES, changes=QUICK) as rig:
        await rig.connected()
        await rig.served(20)
        assert rig.path == UP
        told_once_each(rig)


async def test_a_request_that_is_ignored_is_not_proved_and_asked_again(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("ignored_request", times=2)
    async with rig_for(exchange, TICKERS, changes={"list_timeout": 0.2}) as rig:
        await rig.connected()
        assert rig.path == ["connecting", "syncing", "reconnecting", "syncing", "connected"]
        await rig.served(5)
        told_once_each(rig)


@pytest.mark.parametrize("status", [500, 503, 403, 404])
async def test_a_door_that_is_closed_is_knocked_on_again(exchange: EmbeddedExchange, status: int) -> None:
    exchange.faults.inject("refuse", status=status, times=2)
    async with rig_for(exchange, TICKERS) as rig:
        await rig.connected()
        assert rig.path == ["connecting", "reconnecting", "syncing", "connected"]
        assert rig.connection.figures().failures == {f"HTTP {status}": 2}


async def test_too_many_is_waited_out(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("too_many", times=1)
    async with rig_for(exchange, TICKERS) as rig:
        await until(lambda: rig.errors)
        error = rig.errors[0]
        assert isinstance(error, RateLimitError)
        assert error.retry_after is not None
        await rig.connected()
        _, refused, opened, _ = rig.connection.history
        assert opened.at - refused.at >= error.retry_after - 0.01
        assert rig.path == ["connecting", "reconnecting", "syncing", "connected"]
        assert rig.connection.figures().failures == {"rate limit": 1}


async def test_a_block_holds_for_all_endpoints_and_nobody_knocks_meanwhile(exchange: EmbeddedExchange) -> None:
    limiter = ConnectLimiter()
    exchange.faults.inject("blocked", seconds=1.0, times=1)
    first = Rig(config_for(exchange), WebSocketType.PUBLIC, limiter=limiter)
    second = Rig(config_for(exchange), WebSocketType.PRIVATE, limiter=limiter)
    rigs = (first, second)
    first.connection.set_wanted(True)
    await until(lambda: first.errors)
    error = first.errors[0]
    assert isinstance(error, RateLimitError)
    assert error.retry_after is not None
    second.connection.set_wanted(True)
    await first.connected()
    await second.connected()
    over = first.connection.history[1].at + error.retry_after
    opened = [next(change for change in rig.connection.history if change.new.value == "syncing") for rig in rigs]
    assert all(change.at >= over - 0.01 for change in opened)
    assert [rig.connection.figures().dials for rig in rigs] == [2, 1]
    await first.stop()
    await second.stop()


async def test_maintenance_is_sat_through(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS) as rig:
        await rig.served(5)
        fault = exchange.faults.inject("maintenance", notice=0.05, seconds=600.0)
        await until(lambda: rig.connection.figures().failures.get("HTTP 503", 0) >= 2)
        fault.clear()
        await rig.connected()
        await rig.served(5)
        assert rig.path == RESTORED
        assert exchange.counters.rate_limit_violations == 0
        told_once_each(rig)


async def test_a_clock_that_jumps_has_the_line_dialled_anew_at_once(exchange: EmbeddedExchange) -> None:
    slept = [0.0]
    async with rig_for(exchange, TICKERS, wall_clock=lambda: time.time() + slept[0]) as rig:
        await rig.served(5)
        slept[0] = 3600.0
        await until(lambda: rig.epoch == 2)
        await rig.connected()
        assert "the clock jumped by 3600 s" in rig.connection.history[3].cause


async def test_a_clock_that_jumps_ends_the_pause_between_dials(exchange: EmbeddedExchange) -> None:
    slept = [0.0]
    changes = {"backoff_initial": 60.0, "backoff_max": 60.0}
    exchange.faults.inject("refuse", status=503, times=1)
    async with rig_for(exchange, TICKERS, wall_clock=lambda: time.time() + slept[0], changes=changes) as rig:
        await until(lambda: rig.connection.figures().next_attempt_at is not None)
        slept[0] = 3600.0
        await rig.connected()


async def test_too_many_requests_on_a_line_halve_the_budget_of_the_next(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS) as rig:
        await rig.served(5)
        exchange.faults.inject("error", error="TOO_MANY_REQUEST", times=1)
        await until(lambda: rig.epoch == 2)
        await rig.connected()
        usage = rig.connection.figures().limiter
        assert usage is not None
        assert usage.factor == 0.5
        assert rig.connection.figures().refusals == {"TOO_MANY_REQUEST": 1}


async def test_any_faults_in_any_order_leave_one_proved_line(exchange: EmbeddedExchange) -> None:
    """Seeded; a failure prints the seed by its parameter."""
    rng = random.Random(20261120)
    async with rig_for(exchange, TICKERS, TRADES, changes=QUICK) as rig:
        await rig.served(20)
        for _ in range(12):
            name, options, _ = rng.choice(LINE_LOST[:-1])
            moment = rng.choice(["now", "open", "request", "served"])
            fault = exchange.faults.inject(name, on=moment, times=1, **options)
            if rng.random() < 0.4:
                asking = asyncio.ensure_future(rig.connection.reconnect())
                await asyncio.wait({asking})
                if not asking.cancelled():
                    asking.exception()
            await asyncio.sleep(rng.random() * 0.2)
            fault.clear()
        await rig.connected()
        await rig.served(20)
        await until(lambda: len(exchange.connections) == 1)
        assert exchange.subscribed("public") == {
            (kind, code) for kind in ("ticker", "trade") for code in ("KRW-BTC", "KRW-ETH")
        }
        assert exchange.counters.rate_limit_violations == 0
        await until(lambda: len(rig.gaps) == rig.epoch - 1)
        told_once_each(rig)
