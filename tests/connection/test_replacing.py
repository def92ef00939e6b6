"""Lines that replace others: by make-before-break, and when somebody asks."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING

import pytest

from tests.connection.kit import (
    TICKERS,
    TRADES,
    Rig,
    rig_for,
    until,
)
from upbit_ws_qt.connection import open_socket
from upbit_ws_qt.errors import ConnectionLostError, RecoveryError
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from upbit_ws_qt.connection import DialRequest
    from upbit_ws_qt.connection.transport import SocketLike
    from upbit_ws_qt.exchange import EmbeddedExchange


async def test_replacing_the_line_loses_nothing_and_says_so_once(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TRADES) as witness, rig_for(exchange, TRADES) as rig:
        await witness.served(5)
        await rig.served(5)
        for _ in range(3):
            await rig.connection.reconnect()
            await rig.served(10)
        last = _trades(rig)[-1]
        await until(lambda: last in _trades(witness))
        await until(lambda: len(rig.gaps) == 3)
        assert [(gap.old, gap.new, gap.down_seconds, gap.streams) for gap in rig.gaps] == [
            (1, 2, 0.0, ()),
            (2, 3, 0.0, ()),
            (3, 4, 0.0, ()),
        ]
        assert rig.path == ["connecting", "syncing", "connected"]
        assert rig.connection.figures().rotations == 3
        assert [frame.epoch for frame in rig.frames] == sorted(frame.epoch for frame in rig.frames)
        await until(lambda: len(exchange.connections) == 2)
        seen, whole = _trades(rig), _trades(witness)
        common = whole[whole.index(next(trade for trade in seen if trade in whole)) : whole.index(last) + 1]
        assert len(common) >= 30
        assert set(common) <= set(seen)


def _trades(rig: Rig) -> list[tuple[str, int]]:
    trades = (json.loads(frame.data) for frame in rig.frames)
    return [(t["code"], t["sequential_id"]) for t in trades if t["stream_type"] == "REALTIME"]


async def test_a_candidate_that_fails_leaves_line_and_epoch_alone(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TICKERS) as rig:
        await rig.served(5)
        line = rig.connection.line
        rig.fail_proof = 1
        with pytest.raises(RecoveryError):
            await rig.connection.reconnect()
        exchange.faults.inject("refuse", status=503, times=1)
        with pytest.raises(ConnectionLostError, match="503"):
            await rig.connection.reconnect()
        assert rig.connection.line is line
        assert rig.epoch == 1
        assert rig.path == ["connecting", "syncing", "connected"]
        assert rig.connection.figures().failed_rotations == 2
        await rig.served(5)
        await until(lambda: len(exchange.connections) == 1)
        await rig.connection.reconnect()
        assert rig.epoch == 2


async def test_a_change_of_lines_that_is_broken_off_does_not_come_after_the_next_line(
    exchange: EmbeddedExchange,
) -> None:
    """Nothing wants the endpoint while the new line waits behind what the old one has brought."""
    async with rig_for(exchange, TICKERS, drain=False, changes={"idle_grace": 0.0}) as rig:
        await rig.connected()
        asking = asyncio.ensure_future(rig.connection.reconnect())
        await until(lambda: exchange.counters.subscribe_requests == 2 and len(exchange.connections) == 1)
        rig.connection.set_wanted(False)
        await until(lambda: rig.connection.state is ConnectionState.DISCONNECTED)
        with pytest.raises(ConnectionLostError):
            await asking
        rig.connection.set_wanted(True)
        await rig.connected()
        assert rig.connection.line is not None
        rig.drain.add(rig.inbox)
        await rig.served(5)
        assert rig.connection.line.epoch == rig.epoch
        assert [(gap.old, gap.new) for gap in rig.gaps] == [(n, n + 1) for n in range(1, rig.epoch)]


async def test_the_old_line_may_die_while_its_successor_is_proved(exchange: EmbeddedExchange) -> None:
    dials = itertools.count(1)
    at_the_door, may_enter = asyncio.Event(), asyncio.Event()

    async def second_one_late(request: DialRequest) -> SocketLike:
        if next(dials) == 2:
            at_the_door.set()
            await may_enter.wait()
        return await open_socket(request)

    async with rig_for(exchange, TRADES, connect=second_one_late) as rig:
        await rig.served(5)
        asking = asyncio.ensure_future(rig.connection.reconnect())
        await until(lambda: at_the_door.is_set())
        exchange.faults.inject("drop", connection=exchange.connections[0].id, times=1)
        await until(lambda: rig.connection.state is ConnectionState.RECONNECTING)
        may_enter.set()
        await asking
        assert rig.path == ["connecting", "syncing", "connected", "reconnecting", "syncing", "connected"]
        await until(lambda: len(rig.gaps) == 1)
        assert rig.gaps[0].down_seconds >= 0
        assert rig.gaps[0].streams
        assert rig.epoch == 2
        await rig.served(5)


async def test_asked_while_waiting_it_dials_at_once(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("refuse", status=503, times=1)
    async with rig_for(exchange, TICKERS, changes={"backoff_initial": 30.0, "backoff_max": 30.0}) as rig:
        await until(lambda: rig.connection.figures().next_attempt_at is not None)
        await rig.connection.reconnect()
        assert rig.connection.state is ConnectionState.CONNECTED


@pytest.mark.parametrize("turns", range(6))
async def test_asked_in_the_turns_of_a_loss_it_dials_at_once_and_tells_how_that_went(
    exchange: EmbeddedExchange, turns: int
) -> None:
    async with rig_for(exchange, TICKERS, changes={"backoff_initial": 60.0, "backoff_max": 60.0}) as rig:
        await rig.connected()
        assert rig.connection.line is not None
        rig.connection.line.abort("the test says so")
        for _ in range(turns):
            await asyncio.sleep(0)
        await rig.connection.reconnect()
        assert rig.connection.state is ConnectionState.CONNECTED
        assert rig.epoch == 2


async def test_asked_for_nothing_it_does_nothing(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, wanted=False) as rig:
        await rig.connection.reconnect()
        assert rig.path == []
