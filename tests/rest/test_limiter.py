"""Whose turn it is: groups apart, the urgent first, learnt from answers, given back by who gives up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from upbit_ws_qt import Priority, RestError
from upbit_ws_qt.rest.budget import Remaining
from upbit_ws_qt.rest.limiter import Limiter

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.rest.limiter import Group


class Hours:
    """A clock that only a test moves, with the timers that belong to it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None], asyncio.TimerHandle]] = []

    def call_later(self, wait: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        handle = asyncio.get_running_loop().call_later(3600, do)  # never by itself: the test ends before
        self.timers.append((self.now + wait, do, handle))
        return handle

    async def move(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted((at, index) for index, (at, _, handle) in enumerate(self.timers) if not handle.cancelled()):
            at, index = due[0]
            if at > end:
                break
            self.now = at
            _, do, handle = self.timers.pop(index)
            handle.cancel()
            do()
            await asyncio.sleep(0)
        self.now = end
        for _ in range(3):
            await asyncio.sleep(0)

    def armed(self) -> int:
        return sum(not handle.cancelled() for _, _, handle in self.timers)


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def limiter(hours: Hours) -> Limiter:
    return Limiter(lambda: hours.now, hours.call_later)


async def _ask(
    limiter: Limiter, log: list[str], name: str, call: str = "/x", priority: Priority = Priority.NORMAL
) -> None:
    group = await limiter.turn(call, "candle", priority)
    log.append(name)
    limiter.done(group)


async def _full(limiter: Limiter, group: str = "candle", times: int = 10) -> Group:
    for _ in range(times):
        asked = await limiter.turn("/x", group, Priority.NORMAL)
        limiter.done(asked)
    return asked


async def test_what_a_person_waits_for_goes_before_what_came_earlier(limiter: Limiter, hours: Hours) -> None:
    await _full(limiter)
    log: list[str] = []
    wanted = [("low", Priority.LOW), ("first", Priority.NORMAL), ("second", Priority.NORMAL), ("person", Priority.HIGH)]
    tasks = [asyncio.ensure_future(_ask(limiter, log, name, priority=priority)) for name, priority in wanted]
    await asyncio.sleep(0)
    assert log == []
    await hours.move(1.0)
    await asyncio.gather(*tasks)
    assert log == ["person", "first", "second", "low"]
    assert hours.armed() == 0


async def test_groups_do_not_wait_for_each_other(limiter: Limiter) -> None:
    await _full(limiter)
    asked = await limiter.turn("/trades/ticks", "trade", Priority.LOW)
    limiter.done(asked)
    assert {usage.group: usage.asked for usage in limiter.usage()} == {"candle": 10, "trade": 1}


async def test_thirty_a_second_for_the_account(limiter: Limiter) -> None:
    await _full(limiter, "default", 30)
    (usage,) = limiter.usage()
    assert (usage.in_use, usage.per_second) == (30, 30)


async def test_who_gives_up_while_waiting_leaves_nothing_behind(limiter: Limiter, hours: Hours) -> None:
    await _full(limiter)
    log: list[str] = []
    task = asyncio.ensure_future(_ask(limiter, log, "x"))
    await asyncio.sleep(0)
    assert limiter.usage()[0].waiting == 1
    task.cancel()
    await asyncio.wait({task})
    assert limiter.usage()[0].waiting == 0
    assert hours.armed() == 0


async def test_who_gives_up_in_the_moment_of_its_turn_gives_it_back(limiter: Limiter, hours: Hours) -> None:
    await _full(limiter)
    log: list[str] = []
    task = asyncio.ensure_future(_ask(limiter, log, "x"))
    await asyncio.sleep(0)
    hours.now += 1.0
    hours.timers[-1][1]()  # its turn has come, and it does not know yet
    task.cancel()
    await asyncio.wait({task})
    assert log == []
    await hours.move(2.0)
    await _full(limiter)


async def test_a_group_is_called_what_its_answers_call_it(limiter: Limiter) -> None:
    asked = await limiter.turn("/candles/days", "candle", Priority.NORMAL)
    limiter.done(asked)
    limiter.answered("/candles/days", asked, Remaining("candles", 9))
    assert [usage.group for usage in limiter.usage()] == ["candles"]


async def test_calls_whose_answers_name_one_group_share_its_budget(limiter: Limiter, hours: Hours) -> None:
    for call, group in (("/ticker", "ticker"), ("/market/all", "market")):
        asked = await limiter.turn(call, group, Priority.NORMAL)
        limiter.done(asked)
        limiter.answered(call, asked, Remaining("one for all", 9))
    for call in ("/ticker", "/market/all") * 4:
        limiter.done(await limiter.turn(call, "market" if call == "/market/all" else "ticker", Priority.NORMAL))
    log: list[str] = []
    task = asyncio.ensure_future(_ask(limiter, log, "x", "/market/all"))
    await asyncio.sleep(0)
    assert log == [], "ten together, not ten each"
    await hours.move(1.0)
    await task


async def test_calls_of_one_documented_group_that_answers_tell_apart_are_apart(limiter: Limiter) -> None:
    for call, told in (("/orderbook", "orderbook"), ("/orderbook/instruments", "instruments")):
        asked = await limiter.turn(call, "orderbook", Priority.NORMAL)
        limiter.done(asked)
        limiter.answered(call, asked, Remaining(told, 9))
    for call in ("/orderbook", "/orderbook/instruments") * 8:
        limiter.done(await limiter.turn(call, "orderbook", Priority.NORMAL))
    assert {usage.group: usage.asked for usage in limiter.usage()} == {"orderbook": 10, "instruments": 8}


async def test_names_without_end_are_not_learnt_without_end(limiter: Limiter, hours: Hours) -> None:
    for number in range(100):
        call = f"/candles/minutes/{number}"
        asked = await limiter.turn(call, "candle", Priority.NORMAL)
        limiter.done(asked)
        limiter.answered(call, asked, Remaining(f"group{number}", 9))
        await hours.move(1.0)
    assert len(limiter.usage()) <= 30


async def test_at_the_end_nobody_waits_any_longer(limiter: Limiter, hours: Hours) -> None:
    await _full(limiter)
    log: list[str] = []
    tasks = [asyncio.ensure_future(_ask(limiter, log, str(number))) for number in range(3)]
    await asyncio.sleep(0)
    limiter.fail_all(lambda: RestError("/", "", "closed", "over"))
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end.name for end in ends if isinstance(end, RestError)] == ["closed"] * 3
    assert hours.armed() == 0
