"""Who waits for streams is told in time, and costs nobody else anything. Work is counted, not timed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.subscriptions.specs import key, tickers
from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.subscriptions.status import StatusTracker, StreamStatus
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from upbit_ws_qt.streams import StreamKey

WANTED, LIVE, UNSERVED = StreamStatus.WANTED, StreamStatus.LIVE, StreamStatus.UNSERVED


def ticker_of(code: str) -> StreamKey:
    return key(DataType.TICKER, code)


class World:
    """A board, how it stands with its streams, and how often that was asked."""

    def __init__(self, *codes: str) -> None:
        self.statuses = dict.fromkeys(map(ticker_of, codes), WANTED)
        self.asked = 0
        self.board = StatusTracker(
            asyncio.get_running_loop(),
            streams=lambda: self.statuses.keys(),
            wants=self.statuses.__contains__,
            status=self._status,
            why=lambda stream, status: None,
            tell=lambda stream, status, error: None,
        )

    def _status(self, stream: StreamKey) -> StreamStatus:
        self.asked += 1
        return self.statuses[stream]

    def turn(self, status: StreamStatus, *codes: str) -> None:
        """Let some streams have a status, and say so."""
        streams = [ticker_of(code) for code in codes]
        self.statuses.update(dict.fromkeys(streams, status))
        self.board.changed(streams)

    def wait(self, *codes: str) -> asyncio.Task[None]:
        return asyncio.create_task(self.board.wait_served(tickers(*codes)))


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


async def test_all_have_to_be_served_at_the_same_time() -> None:
    world = World("KRW-BTC", "KRW-ETH")
    waiting = world.wait("KRW-BTC", "KRW-ETH")
    await settle()
    world.turn(LIVE, "KRW-BTC")
    world.turn(WANTED, "KRW-BTC")
    world.turn(LIVE, "KRW-ETH")
    await settle()
    assert not waiting.done()
    world.turn(LIVE, "KRW-BTC")
    await waiting
    await world.board.wait_served(tickers("KRW-BTC", "KRW-ETH"))  # it is so already


async def test_those_that_are_not_served_are_named_when_all_is_known() -> None:
    world = World("KRW-BTC", "KRW-ETH", "KRW-XRP")
    waiting = world.wait("KRW-BTC", "KRW-ETH", "KRW-XRP", "KRW-GONE")
    await settle()
    world.turn(UNSERVED, "KRW-XRP", "KRW-ETH")
    world.turn(LIVE, "KRW-XRP")  # after all
    await settle()
    assert not waiting.done()
    world.turn(LIVE, "KRW-BTC")
    with pytest.raises(SubscriptionError) as caught:
        await waiting
    assert caught.value.codes == ("KRW-ETH", "KRW-GONE")


async def test_a_stream_that_nobody_wants_any_more_ends_the_waiting() -> None:
    world = World("KRW-BTC")
    waiting = world.wait("KRW-BTC")
    await settle()
    world.statuses.clear()
    world.board.refresh_soon()
    with pytest.raises(SubscriptionError, match="KRW-BTC"):
        await waiting


async def test_who_waits_until_the_end_gets_the_reason_and_who_comes_later_too() -> None:
    world = World("KRW-BTC")
    waiting = [world.wait("KRW-BTC") for _ in range(3)]
    await settle()
    waiting[0].cancel()
    await settle()
    world.board.close(LookupError("over"))
    for task in waiting[1:]:
        with pytest.raises(LookupError):
            await task
    with pytest.raises(LookupError):
        await world.board.wait_served(tickers("KRW-BTC"))


async def test_a_hundred_who_wait_for_others_cost_nothing_when_one_stream_comes() -> None:
    codes = [f"KRW-C{number}" for number in range(100)]
    world = World("KRW-BTC", *codes)
    others = [world.wait(*codes) for _ in range(100)]
    one = world.wait("KRW-BTC")
    await settle()
    world.asked = 0
    world.turn(LIVE, "KRW-BTC")
    await one
    assert world.asked <= 2
    world.asked = 0
    world.turn(LIVE, *codes)
    await asyncio.gather(*others)
    assert world.asked <= 2 * len(codes)
