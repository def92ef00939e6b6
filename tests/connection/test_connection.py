"""A connection's life against the embedded exchange: opened when wanted, proved, restored, closed."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from tests.connection.kit import (
    INFO,
    PRIVATE,
    PUBLIC,
    TICKERS,
    TRADES,
    UP,
    Rig,
    config_for,
    lost,
    rig_for,
    until,
)
from upbit_ws_qt.connection import ConnectLimiter, Line
from upbit_ws_qt.errors import ConnectionLostError, RecoveryError
from upbit_ws_qt.events import TradeEvent
from upbit_ws_qt.streams import DISORDER_MS
from upbit_ws_qt.types import ConnectionState, DataType
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.exchange import EmbeddedExchange


async def test_it_opens_when_wanted_and_closes_when_nothing_wants_it(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, wanted=False) as rig:
        await asyncio.sleep(0.05)
        assert exchange.counters.connects_accepted == 0
        rig.connection.set_wanted(True)
        await rig.connected()
        await rig.served(10)
        unwanted_at = asyncio.get_running_loop().time()
        rig.connection.set_wanted(False)
        await until(lambda: rig.connection.state is ConnectionState.DISCONNECTED)
        assert rig.connection.history[-1].at - unwanted_at >= rig.config.idle_grace
        await until(lambda: not exchange.connections)
        assert exchange.closed_connections[0].close_reason == "client close 1000"
        assert rig.path == ["connecting", "syncing", "connected", "disconnected"]
        assert rig.errors == []
        assert rig.gaps == []


async def test_wanted_again_within_the_grace_nothing_happens(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, changes={"idle_grace": 0.2}) as rig:
        await rig.connected()
        rig.connection.set_wanted(False)
        await asyncio.sleep(0)
        rig.connection.set_wanted(True)
        await asyncio.sleep(0.3)
        assert rig.path == ["connecting", "syncing", "connected"]
        assert rig.epoch == 1


async def test_it_can_be_stopped_within_the_grace(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, changes={"idle_grace": 60.0}) as rig:
        await rig.connected()
        rig.connection.set_wanted(False)


async def test_wanted_again_while_it_closes_it_opens_anew(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, changes={"idle_grace": 0.0, "close_timeout": 0.5}) as rig:
        await rig.connected()
        exchange.faults.inject("half_open")  # so that closing takes a while
        rig.connection.set_wanted(False)
        await asyncio.sleep(0.05)
        rig.connection.set_wanted(True)
        await until(lambda: rig.epoch == 2)
        await rig.connected()
        assert rig.path == [*UP, "disconnected", *UP]


async def test_opened_again_after_idling_it_is_a_new_epoch_with_a_gap_that_missed_nothing(
    exchange: EmbeddedExchange,
) -> None:
    async with rig_for(exchange, TRADES, changes={"idle_grace": 0.0}) as rig:
        await rig.connected()
        rig.connection.set_wanted(False)
        await until(lambda: rig.connection.state is ConnectionState.DISCONNECTED)
        rig.connection.set_wanted(True)
        await rig.connected()
        await until(lambda: len(rig.gaps) == 1)
        gap = rig.gaps[0]
        assert (gap.old, gap.new, gap.down_seconds, gap.streams) == (1, 2, 0.0, ())


async def test_a_cut_line_is_restored_with_one_gap_that_names_what_may_be_missing(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, TRADES) as rig:
        await rig.served(20)
        exchange.faults.inject("drop", times=1)
        await until(lambda: rig.epoch == 2)
        await rig.connected()
        await rig.served(20)
        assert rig.path == ["connecting", "syncing", "connected", "reconnecting", "syncing", "connected"]
        error = await lost(rig)
        assert error.endpoint == "public"
        assert error.close_code == 1006
        assert len(rig.gaps) == 1
        gap = rig.gaps[0]
        assert (gap.ws_type, gap.old, gap.new) == (PUBLIC, 1, 2)
        assert gap.down_seconds > 0
        assert {(s.data_type, s.symbol) for s in gap.streams} == {
            (DataType.TRADE, "KRW-BTC"),
            (DataType.TRADE, "KRW-ETH"),
        }
        handed_on = [decode(frame.data)[0] for frame in rig.frames if frame.epoch == 1]
        trades = [event for event in handed_on if isinstance(event, TradeEvent)]
        newest = {event.code: event.trade_timestamp for event in trades}
        assert {each.stream.symbol: each.last_timestamp for each in gap.ranges} == newest
        assert gap.since == min(newest.values()) - DISORDER_MS
        assert {frame.epoch for frame in rig.frames} == {1, 2}
        assert [frame.epoch for frame in rig.frames] == sorted(frame.epoch for frame in rig.frames)
        figures = rig.connection.figures()
        assert (figures.connects, figures.losses, figures.epoch) == (2, 1, 2)
        assert figures.failures == {"lost": 1}


async def test_a_close_with_1000_that_nobody_asked_for_is_a_failure(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS) as rig:
        await rig.connected()
        exchange.faults.inject("close", code=1000, text="bye", times=1)
        await until(lambda: rig.epoch == 2)
        await rig.connected()
        error = await lost(rig)
        assert error.close_code == 1000
        assert "bye" in error.cause
        assert rig.connection.history[3].close_code == 1000


async def test_frames_of_the_line_before_are_dropped_and_counted(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, drain=False) as rig:
        await rig.connected()
        await until(lambda: len(rig.inbox) > 20)
        exchange.faults.inject("drop", times=1)
        await until(lambda: rig.epoch == 2)
        rig.drain.add(rig.inbox)
        await rig.served(10)
        assert {frame.epoch for frame in rig.frames} == {2}
        assert rig.connection.figures().inbox.stale >= 20  # the mark behind the proof waits among them


async def test_a_line_that_cannot_be_proved_is_dropped_and_dialled_again(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, wanted=False) as rig:
        rig.fail_proof = 3
        rig.connection.set_wanted(True)
        await rig.connected()
        await until(lambda: len(rig.gaps) == 3)
        assert rig.path.count("syncing") == 4
        assert rig.path.count("reconnecting") == 3
        assert [type(error) for error in rig.errors] == [RecoveryError] * 3
        assert rig.connection.figures().failures == {"not proved": 3}
        await until(lambda: len(exchange.connections) == 1)


async def test_losses_that_follow_each_other_are_one_gap_from_the_last_proved_line_on(
    exchange: EmbeddedExchange,
) -> None:
    async with rig_for(exchange, TRADES) as rig:
        await rig.served(5)
        rig.fail_proof = 2
        exchange.faults.inject("drop", times=1)
        await until(lambda: rig.epoch == 4)
        await rig.connected()
        await until(lambda: len(rig.gaps) == 3)
        assert [(gap.old, gap.new) for gap in rig.gaps] == [(1, 2), (2, 3), (3, 4)]
        assert len({gap.since for gap in rig.gaps}) == 1
        downs = [gap.down_seconds for gap in rig.gaps]
        assert downs == sorted(downs)
        assert all(gap.streams for gap in rig.gaps)


async def test_a_server_that_is_away_is_dialled_for_ever_within_the_limit(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("refuse", status=503)
    async with rig_for(exchange, TICKERS) as rig:
        await until(lambda: rig.connection.figures().dials >= 8)
        assert rig.connection.state is ConnectionState.RECONNECTING
        assert rig.connection.figures().failures["HTTP 503"] >= 7
        assert [error.attempts for error in rig.errors if isinstance(error, ConnectionLostError)][:4] == [0, 1, 2, 3]
        exchange.faults.clear()
        await rig.connected()
        assert exchange.counters.rate_limit_violations == 0


async def test_flapping_never_exceeds_the_connect_limit(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("drop", on="open")
    limiter = ConnectLimiter()
    rigs = []
    for ws_type in (PUBLIC, PRIVATE, INFO):
        rig = Rig(config_for(exchange, backoff_max=0.02), ws_type, limiter=limiter)
        rig.connection.set_wanted(True)
        rigs.append(rig)
    await until(lambda: exchange.counters.connects_accepted >= 16)
    for rig in rigs:
        await rig.stop()
    assert exchange.counters.rate_limit_violations == 0
    starts = sorted(view.opened_at for view in exchange.closed_connections)
    assert all(later - earlier > 1.0 for earlier, later in zip(starts, starts[5:], strict=False))


async def test_stop_is_quick_and_idempotent_at_every_moment(exchange: EmbeddedExchange) -> None:
    for moment in range(12):
        async with rig_for(exchange, TICKERS, limiter=ConnectLimiter(1000)) as rig:
            await asyncio.sleep(0.002 * moment)
        await rig.stop()
        await until(lambda: not exchange.connections)
        with pytest.raises(ConnectionLostError):
            await rig.connection.reconnect()
        rig.connection.set_wanted(True)
        assert rig.connection.state is ConnectionState.STOPPED


@pytest.mark.parametrize("turns", range(8))
async def test_stop_in_the_turns_after_a_loss_breaks_nothing(exchange: EmbeddedExchange, turns: int) -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    async with rig_for(exchange, TICKERS) as rig:
        await rig.connected()
        assert rig.connection.line is not None
        rig.connection.line.abort("the test says so")
        for _ in range(turns):
            await asyncio.sleep(0)
    assert reports == []
    assert rig.path[-1] == "stopped"


@pytest.fixture
async def deaf_server() -> AsyncIterator[int]:
    """A port where everything is accepted and nothing answered."""
    writers = []

    async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    for writer in writers:
        writer.transport.abort()
    server.close()
    await server.wait_closed()


async def test_stop_does_not_wait_for_a_dial_that_nobody_answers(exchange: EmbeddedExchange, deaf_server: int) -> None:
    changes = {"public_url": f"ws://127.0.0.1:{deaf_server}/", "connect_timeout": 60.0}
    async with rig_for(exchange, changes=changes) as rig:
        await until(lambda: rig.connection.figures().dials == 1)
        await asyncio.sleep(0.05)
        assert rig.connection.state is ConnectionState.CONNECTING


async def test_a_dial_that_nobody_answers_is_given_up_in_time(exchange: EmbeddedExchange, deaf_server: int) -> None:
    changes = {"public_url": f"ws://127.0.0.1:{deaf_server}/", "connect_timeout": 0.1}
    async with rig_for(exchange, changes=changes) as rig:
        await until(lambda: rig.connection.figures().failures.get("timeout", 0) >= 2)
        assert rig.path == ["connecting", "reconnecting"]


async def test_stop_does_not_wait_for_a_peer_that_went_silent(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS, changes={"close_timeout": 10.0}) as rig:
        await rig.connected()
        exchange.faults.inject("half_open")
        await asyncio.sleep(0.02)


async def test_a_bug_in_proving_is_loud_and_leaves_no_line(exchange: EmbeddedExchange) -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    async with rig_for(exchange, wanted=False) as rig:
        rig.bug = ZeroDivisionError("a bug")
        rig.connection.set_wanted(True)
        await until(lambda: rig.connection.state is ConnectionState.FAILED)
        await until(lambda: not exchange.connections)
        assert [type(report["exception"]) for report in reports] == [ZeroDivisionError]


async def test_a_proof_that_fails_while_its_line_goes_down_is_no_stray_exception(exchange: EmbeddedExchange) -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))

    class Stubborn(Rig):
        async def synchronize(self, line: Line) -> None:
            self.lines.append(line)
            try:
                await asyncio.Event().wait()
            finally:
                raise ConnectionLostError(line.ws_type.value, "closed while its subscriptions were proved")

    rig = Stubborn(config_for(exchange))
    rig.connection.set_wanted(True)
    await until(lambda: rig.lines)
    await rig.stop()
    gc.collect()
    assert reports == []


@pytest.mark.qasync_loop
async def test_it_lives_on_a_qt_loop(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS) as rig:
        await rig.served(5)
        exchange.faults.inject("drop", times=1)
        await until(lambda: rig.epoch == 2)
        await rig.served(5)
        await rig.connection.reconnect()
        assert rig.epoch == 3
