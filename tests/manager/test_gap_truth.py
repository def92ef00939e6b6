"""A gap says in the exchange's terms what was missed: a witness that was never cut finds everything inside it."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.manager.conftest import Desk, Diary, config_for
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.events import TradeEvent

PUBLIC = WebSocketType.PUBLIC
CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
TRADES = SubscriptionSpec(DataType.TRADE, CODES)
# What the computer's clock is behind the exchange's, in ms.
SKEWS = [0, 5_000, -5_000, 3_600_000, -3_600_000]


class Resumed(Diary):
    """Notes also where the feed was told to have resumed."""

    def __init__(self, trades: list[TradeEvent]) -> None:
        super().__init__()
        self.resumed: list[tuple[int, int]] = []
        self._trades = trades

    def on_resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        self._note(self.resumed, (epoch, len(self._trades)))

    async def has_resumed(self, epoch: int) -> None:
        """Wait until the feed of an epoch was told to have resumed."""
        await until(lambda: self.resumed and self.resumed[-1][0] == epoch)


async def more(got: list[TradeEvent], count: int) -> None:
    """Wait until so many more have come."""
    goal = len(got) + count
    await until(lambda: len(got) >= goal)


@asynccontextmanager
async def cut_and_witness(start_ms: int | None) -> AsyncIterator[tuple[EmbeddedExchange, Desk, Resumed, list, list]]:  # type: ignore[type-arg]
    """Run an exchange with two managers on it: one to be cut, and one that is left alone."""
    settings = ExchangeSettings(
        seed=5, markets=10, rate=2000, prepare=False, start_ms=start_ms, connects_per_second=None
    )
    async with EmbeddedExchange(settings) as exchange:
        got: list[TradeEvent] = []
        seen: list[TradeEvent] = []
        diary = Resumed(got)
        desk = Desk(GlobalWebSocketManager(config_for(exchange)), diary)
        desk.manager.add_listener(diary)
        witness = GlobalWebSocketManager(config_for(exchange))
        try:
            await witness.start()
            await witness.register_component("w", TRADES, seen.append).wait_served(30)
            await desk.manager.start()
            await desk.manager.register_component("c", TRADES, got.append).wait_served(30)
            await until(lambda: {event.code for event in got} == set(CODES))
            yield exchange, desk, diary, got, seen
        finally:
            await desk.manager.stop()
            await witness.stop()
            assert diary.told_in_task == 0


async def cut(exchange: EmbeddedExchange, seen: list[TradeEvent]) -> None:
    """Cut the newest line, and let it come back when the witness, which was there first and stays, saw some trades."""
    fault = exchange.faults.inject("refuse", status=503)
    exchange.faults.inject("drop", connection=max(line.id for line in exchange.connections))
    await more(seen, 20)
    fault.clear()


def missing(got: list[TradeEvent], seen: list[TradeEvent]) -> list[TradeEvent]:
    """Return what the witness saw between the first and the last that one got of each market, and one did not."""
    known = {(event.code, event.sequential_id) for event in got}
    missed = []
    for code in {event.code for event in got}:
        mine = [event for event in seen if event.code == code]
        both = [place for place, event in enumerate(mine) if (code, event.sequential_id) in known]
        missed += [event for event in mine[both[0] : both[-1]] if (code, event.sequential_id) not in known]
    return missed


@pytest.mark.parametrize("skew", SKEWS)
async def test_everything_that_was_missed_lies_within_the_gap_whatever_the_computers_clock_says(skew: int) -> None:
    async with cut_and_witness(int(time.time() * 1000) + skew) as (exchange, desk, diary, got, seen):
        await more(got, 60)
        await cut(exchange, seen)
        await diary.has_resumed(2)
        await more(got, 60)
        missed = missing(got, seen)
        assert missed, "the cut has to cost something"
        (gap,) = diary.gaps
        whole = desk.manager.wiring.backfill.latest(PUBLIC)
        assert whole is not None
        ranges = {each.stream.symbol: each for each in whole.ranges}
        assert set(ranges) == set(CODES)
        for event in missed:
            place = ranges[event.code]
            assert place.since is not None
            assert place.until is not None
            assert gap.since <= place.since <= event.trade_timestamp <= place.until
        for code in CODES:
            before = [event for event in got if event.code == code and event.epoch == 1]
            after = [event for event in got if event.code == code and event.epoch == 2]
            assert ranges[code].last_id == max(event.sequential_id for event in before)
            assert ranges[code].last_timestamp == before[-1].trade_timestamp
            assert ranges[code].first_id == after[0].sequential_id
            assert ranges[code].first_timestamp == after[0].trade_timestamp


async def test_nothing_is_missed_between_the_feed_that_resumed_and_the_stream() -> None:
    async with cut_and_witness(None) as (exchange, _, diary, got, seen):
        for turn in range(5):
            await more(got, 30)
            await cut(exchange, seen)
            await diary.has_resumed(turn + 2)
        assert [epoch for epoch, _ in diary.resumed] == [1, 2, 3, 4, 5, 6]
        await more(got, 60)
        for epoch, count in diary.resumed:
            on_it = [event for event in got if event.epoch == epoch]
            assert got[count - 1].epoch == epoch, "its first data were handed out before"
            assert missing(on_it, seen) == []
