"""What a gap says, in the exchange's terms: from where on, for how long, of what; a proved line ends it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.connection.kit import TRADES as TRADE_SPEC
from tests.connection.kit import rig_for, until
from upbit_ws_qt.connection.epoch import GapLog
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.streams import StreamGap, StreamKey
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.connection import GapEvent

TRADES = StreamKey(DataType.TRADE, "KRW-BTC")
QUIET = StreamKey(DataType.TRADE, "KRW-ETH")
TICKERS = StreamKey(DataType.TICKER, "KRW-BTC")
CANDLES = StreamKey(DataType.candle("1m"), "KRW-BTC")


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    """One that has to be connected to more often than the real one allows."""
    async with EmbeddedExchange(ExchangeSettings(markets=20, rate=600, connects_per_second=None)) as running:
        yield running


class Rig:
    """A gap log, and what is known of the streams, which a test sets."""

    def __init__(self, *streams: StreamKey) -> None:
        self.known: dict[StreamKey, StreamGap] = {}
        self.newest = 0
        self.told: list[GapEvent] = []
        self.log = GapLog(WebSocketType.PUBLIC, lambda: streams or (TRADES, TICKERS), self, self.told.append)

    def stream_gap(self, stream: StreamKey) -> StreamGap:
        return self.known.get(stream, StreamGap(stream))

    def newest_timestamp(self, ws_type: WebSocketType) -> int:
        return self.newest


def test_a_gap_begins_at_what_was_handed_on_last_by_the_exchanges_clock() -> None:
    rig = Rig(TRADES, CANDLES, TICKERS)
    rig.known = {TRADES: StreamGap(TRADES, 5_000, 50), CANDLES: StreamGap(CANDLES, 4_000)}
    rig.log.lost("no pong within 4 s", 1000.0)
    rig.log.epoch_begun(2, 1003.0, "opened again")
    (gap,) = rig.told
    assert gap.ranges == (StreamGap(TRADES, 5_000, 50), StreamGap(CANDLES, 4_000))
    assert gap.since == 3_000  # an event may come a little out of order
    assert gap.down_seconds == 3.0
    assert gap.cause == "no pong within 4 s"
    assert gap.streams == (TRADES,)
    assert (gap.old, gap.new) == (1, 2)


def test_what_a_line_brought_first_that_was_never_proved_is_where_its_stream_begins_to_miss() -> None:
    rig = Rig(TRADES, CANDLES)
    rig.known = {TRADES: StreamGap(TRADES, 5_000, 50)}
    rig.log.lost("cut", 1000.0)
    rig.log.epoch_begun(2, 1003.0, "opened again")
    rig.known = {TRADES: StreamGap(TRADES, 8_000, 80), CANDLES: StreamGap(CANDLES, 7_000)}
    rig.log.epoch_begun(3, 1006.0, "opened again")
    first, second = rig.told
    assert first.ranges == (StreamGap(TRADES, 5_000, 50), StreamGap(CANDLES))
    assert second.ranges == (StreamGap(TRADES, 5_000, 50), StreamGap(CANDLES, 7_000))


def test_what_was_handed_on_after_the_loss_was_found_is_before_the_gap() -> None:
    rig = Rig()
    rig.known = {TRADES: StreamGap(TRADES, 5_000, 50)}
    rig.log.lost("cut", 1000.0)
    rig.known = {TRADES: StreamGap(TRADES, 6_000, 60)}  # it waited in the inbox
    rig.log.epoch_begun(2, 1003.0, "opened again")
    assert rig.told[0].ranges == (StreamGap(TRADES, 6_000, 60),)


def test_a_stream_of_which_nothing_came_makes_the_gap_no_narrower() -> None:
    rig = Rig(TRADES, QUIET)
    rig.known, rig.newest = {TRADES: StreamGap(TRADES, 5_000, 50)}, 9_000
    rig.log.lost("cut", 1000.0)
    rig.log.epoch_begun(2, 1000.0, "opened again")
    assert rig.told[0].since == 4_000
    assert rig.told[0].ranges[1] == StreamGap(QUIET)


def test_where_nothing_came_of_any_stream_the_gap_begins_at_what_came_last_on_the_line() -> None:
    rig = Rig(QUIET)
    rig.newest = 9_000
    rig.log.lost("cut", 1000.0)
    rig.log.epoch_begun(2, 1000.0, "opened again")
    assert rig.told[0].since == 8_000


def test_a_line_that_was_never_proved_leaves_the_beginning_of_the_gap_where_it_was() -> None:
    rig = Rig()
    rig.known = {TRADES: StreamGap(TRADES, 5_000, 50)}
    rig.log.lost("cut", 1000.0)
    for epoch in (2, 3):
        rig.log.epoch_begun(epoch, 1000.0 + epoch, "opened again")
        rig.known = {TRADES: StreamGap(TRADES, 7_000, 70)}  # something came before the line was lost again
        rig.log.lost("not proved", 1000.0 + epoch)
    assert [gap.ranges for gap in rig.told] == [(StreamGap(TRADES, 5_000, 50),)] * 2
    assert [gap.cause for gap in rig.told] == ["cut", "cut"]
    assert [gap.down_seconds for gap in rig.told] == [2.0, 3.0]


def test_a_gap_that_is_mended_is_not_told_with_a_planned_change_of_lines() -> None:
    rig = Rig()
    rig.known, rig.newest = {TRADES: StreamGap(TRADES, 5_000, 50)}, 9_000
    rig.log.lost("cut", 1000.0)
    rig.log.epoch_begun(2, 1000.0, "opened again")
    rig.log.mended()
    rig.log.epoch_begun(3, 1100.0, "the token is due")
    planned = rig.told[-1]
    assert planned.streams == ()
    assert planned.ranges == ()
    assert planned.down_seconds == 0.0
    assert planned.cause == "the token is due"
    assert planned.since == 8_000


def test_before_the_first_line_nothing_could_be_missed() -> None:
    rig = Rig()
    rig.log.epoch_begun(1, 1000.0, "opened again")
    assert rig.told == []


async def test_a_loss_is_noted_whole_whoever_of_supervisor_and_socket_is_told_first(exchange: EmbeddedExchange) -> None:
    """Loops other than asyncio's need not run a future's callbacks in order."""
    async with rig_for(exchange, TRADE_SPEC) as rig:
        await rig.served(10)
        line = rig.connection.line
        assert line is not None
        note = rig.connection._lines._closed
        (told,) = [each for each, _ in line.closed._callbacks if getattr(each, "func", None) == note]
        line.closed.remove_done_callback(told)
        # The note that the line has gone comes well behind everything else that waits for it.
        line.closed.add_done_callback(lambda closed: asyncio.get_running_loop().call_later(0.05, told, closed))
        exchange.faults.inject("drop", times=1)
        await until(lambda: rig.epoch == 2)
        await rig.served(1)
        await until(lambda: not rig.connection._lines.open - {rig.connection.line})
        assert rig.connection.figures().losses == 1
        (error,) = [error for error in rig.errors if isinstance(error, ConnectionLostError)]
        assert rig.gaps[0].cause == error.cause
        assert [change.new.value for change in rig.connection.history].count("reconnecting") == 1


async def test_the_feed_is_told_to_have_resumed_behind_the_first_data_of_a_proved_line(
    exchange: EmbeddedExchange,
) -> None:
    async with rig_for(exchange, TRADE_SPEC) as rig:
        told: list[tuple[int, str, int]] = []
        rig.connection._on_resumed = lambda ws_type, epoch: told.append(
            (epoch, rig.connection.state.value, sum(frame.epoch == epoch for frame in rig.frames))
        )
        await rig.served(10)
        exchange.faults.inject("drop", times=1)
        await until(lambda: rig.epoch == 2 and len(rig.gaps) == 1)
        await rig.served(1)
        await rig.connection.reconnect()
        await until(lambda: len(told) == 3)
    assert [epoch for epoch, _, _ in told] == [1, 2, 3]
    assert {state for _, state, _ in told} == {"connected"}
    assert all(frames for _, _, frames in told)


async def test_a_line_that_cannot_be_proved_does_not_resume_the_feed(exchange: EmbeddedExchange) -> None:
    async with rig_for(exchange, TRADE_SPEC, wanted=False) as rig:
        rig.fail_proof = 2
        rig.connection.set_wanted(True)
        await rig.served(1)
        await until(lambda: rig.resumed)
        assert rig.resumed == [3]


def test_a_gap_names_its_endpoint_and_is_never_negative() -> None:
    told: list[GapEvent] = []
    rig = Rig()
    rig.newest = 500  # less than the disorder that is allowed for
    log = GapLog(WebSocketType.PRIVATE, lambda: (TRADES,), rig, told.append)
    log.epoch_begun(2, 10.0, "planned")
    log.lost("cut", 20.0)
    log.epoch_begun(3, 19.0, "opened again")  # by a clock that a thread read a moment earlier
    assert [(gap.ws_type, gap.since, gap.down_seconds) for gap in told] == [(WebSocketType.PRIVATE, 0, 0.0)] * 2
