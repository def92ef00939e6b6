"""How the market follows its clock, in virtual time: what was lost is made up for as readers take it."""

from __future__ import annotations

import asyncio
import itertools
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from tests.subscriptions.virtual import elapse, play
from upbit_ws_qt.exchange.clock import ExchangeClock
from upbit_ws_qt.exchange.pump import Pump
from upbit_ws_qt.exchange.views import Counters

if TYPE_CHECKING:
    from collections.abc import Iterator

_TURN_MS = 11
MARKETS = 5


class QuietWorld:
    """Nothing happens in it; it only knows how late it is."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.prepared = 0

    def advance_to(self, ms: int) -> list[Any]:
        self.now_ms = ms
        return []

    def prepare(self) -> Iterator[None]:
        for self.prepared in range(1, MARKETS + 1):
            yield


class Lines:
    """The hub's side of a pump: whether some client is behind."""

    def __init__(self) -> None:
        self.world = QuietWorld()
        self.has_full_lines = False

    def deliver(self, changes: list[Any]) -> bool:
        assert changes == []
        return False

    def flush_all(self) -> None: ...

    def drop_slow_readers(self) -> None: ...


def test_time_that_was_lost_is_made_up_for_at_once_where_readers_keep_up() -> None:
    assert play(lag_after_a_stall(is_full=False)) <= _TURN_MS


def test_time_that_was_lost_does_not_come_down_on_readers_that_have_yet_to_take_what_is_there() -> None:
    lag = play(lag_after_a_stall(is_full=True))
    assert 500 <= lag <= 600 + _TURN_MS  # the market goes on at its clock's speed, and stays late


def test_a_market_that_cannot_make_up_for_a_second_lets_its_clock_slip() -> None:
    assert play(lag_after_a_stall(1500, is_full=True)) <= _TURN_MS


async def lag_after_a_stall(stall_ms: int = 600, *, is_full: bool) -> int:
    loop, lines, counters = asyncio.get_running_loop(), Lines(), Counters()
    clock = ExchangeClock(0, loop.time)
    pump = Pump(cast("Any", lines), clock, counters, loop.time)
    pump.start()
    await elapse(0.1)
    assert clock.now_ms() - lines.world.now_ms <= _TURN_MS
    lines.has_full_lines = is_full
    clock.set_ms(clock.now_ms() + stall_ms)
    await elapse(0.2)
    assert bool(counters.clock_slipped_ms) is (stall_ms > 1000)
    lag = clock.now_ms() - lines.world.now_ms
    lines.has_full_lines = False
    await elapse(0.05)
    assert clock.now_ms() - lines.world.now_ms <= _TURN_MS
    pump.stop()
    return lag


def test_it_beats_on_where_no_loop_counts_as_running() -> None:
    """As Qt calls back while an asyncio loop of qasync's is between two runs."""

    async def beats() -> None:
        loop, lines, counters = asyncio.get_running_loop(), Lines(), Counters()
        pump = Pump(cast("Any", lines), ExchangeClock(0, loop.time), counters, loop.time)
        pump.start()
        done: list[float] = []
        pump.later(0.05, lambda: done.append(loop.time()))
        loop.call_later(0.005, asyncio._set_running_loop, None)
        loop.call_later(0.015, asyncio._set_running_loop, loop)
        await elapse(0.1)
        pump.stop()
        assert done

    play(beats())


def prepared_in_six_turns(prepare: bool) -> list[int]:
    async def prepared() -> list[int]:
        loop, lines, counters = asyncio.get_running_loop(), Lines(), Counters()
        readings = itertools.count()
        pump = Pump(
            cast("Any", lines), ExchangeClock(0, loop.time), counters, lambda: next(readings) * 0.003, prepare=prepare
        )
        seen = []
        pump.start()
        for _ in range(6):
            seen.append(lines.world.prepared)
            await elapse(0.01)
        pump.stop()
        return seen

    return play(prepared())


def test_markets_are_prepared_a_few_in_a_turn() -> None:
    seen = prepared_in_six_turns(prepare=True)
    assert seen[0] == 0
    assert seen[-1] == MARKETS
    assert max(after - before for before, after in pairwise(seen)) == 2


def test_no_market_is_prepared_where_that_is_switched_off() -> None:
    assert set(prepared_in_six_turns(prepare=False)) == {0}
