"""Queues are bounded by their strategy, lose only what they count, and keep the order of what they keep."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.routing.rig import event_of
from upbit_ws_qt.routing.queues import (
    BlockingQueue,
    LatestQueue,
    OldestDropsQueue,
    ThrottledQueue,
    make_queue,
    queue_rules,
)
from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, DataType

EVENTS = {(code, at): event_of(code=code, timestamp=at) for code in ("KRW-A1", "KRW-B1", "KRW-C1") for at in range(40)}
by_code = attrgetter("code")


def test_a_full_queue_loses_its_oldest() -> None:
    queue = OldestDropsQueue(3)
    for at in range(5):
        queue.push(EVENTS["KRW-A1", at], 0.0)
    assert [queue.pop().timestamp for _ in range(len(queue))] == [2, 3, 4]
    assert (queue.dropped, queue.conflated, queue.high_water) == (2, 0, 3)


def test_the_newest_per_symbol_takes_the_place_of_the_older() -> None:
    queue = LatestQueue(10, by_code)
    for code, at in (("KRW-A1", 0), ("KRW-B1", 1), ("KRW-A1", 2), ("KRW-A1", 3)):
        queue.push(EVENTS[code, at], 0.0)
    assert [(e.code, e.timestamp) for e in (queue.pop(), queue.pop())] == [("KRW-A1", 3), ("KRW-B1", 1)]
    assert (queue.conflated, queue.dropped) == (2, 0)


def test_more_symbols_than_room_lose_the_one_that_waited_longest() -> None:
    queue = LatestQueue(2, by_code)
    for code in ("KRW-A1", "KRW-B1", "KRW-C1"):
        queue.push(EVENTS[code, 0], 0.0)
    assert [queue.pop().code, queue.pop().code] == ["KRW-B1", "KRW-C1"]
    assert queue.dropped == 1


def test_a_blocking_queue_loses_nothing_and_knows_since_when_it_overflows() -> None:
    queue = BlockingQueue(2)
    for at in range(4):
        queue.push(EVENTS["KRW-A1", at], 10.0 + at)
    since = [queue.overflow_since]
    for at in range(2):
        assert queue.pop().timestamp == at
        since.append(queue.overflow_since)
    assert since == [12.0, 12.0, None]
    assert queue.dropped == 0


def test_a_throttle_lets_each_symbol_through_at_its_rate_and_no_faster() -> None:
    queue = ThrottledQueue(10, by_code, 8.0)
    now, taken = 100.0, []
    for at in range(40):
        for code in ("KRW-A1", "KRW-B1"):
            queue.push(EVENTS[code, at], now)
        while (due := queue.take(now)) is None:
            event = queue.pop()
            taken.append((event.code, event.timestamp, now))
            if not queue:
                break
        assert due is None or due > now
        now += 1 / 32
    assert [at for code, at, _ in taken if code == "KRW-A1"] == list(range(0, 40, 4)), "the newest, each eighth"
    assert [code for code, _, _ in taken] == ["KRW-A1", "KRW-B1"] * 10
    assert len(taken) + queue.conflated + len(queue) == 80
    assert queue.clear() == 2


def test_a_throttle_has_a_quiet_symbol_go_at_once() -> None:
    queue = ThrottledQueue(10, by_code, 1.0)
    queue.push(EVENTS["KRW-A1", 0], 5.0)
    assert queue.take(5.0) is None
    assert queue.pop().timestamp == 0
    queue.push(EVENTS["KRW-A1", 1], 5.1)
    assert queue.take(5.1) == 6.0
    queue.push(EVENTS["KRW-B1", 0], 5.2)
    assert queue.take(5.2) is None
    assert queue.pop().code == "KRW-B1"
    assert queue.take(5.9) == 6.0
    assert queue.take(6.0) is None
    assert queue.pop().timestamp == 1
    assert (len(queue), queue.high_water, queue.conflated, queue.dropped) == (0, 2, 0, 0)


@pytest.mark.parametrize("data_type", [DataType.TRADE, DataType.CANDLE_1M, DataType.MY_ORDER, DataType.MY_ASSET])
@pytest.mark.parametrize("strategy", [BackpressureStrategy.COALESCE_BY_SYMBOL, BackpressureStrategy.THROTTLE])
def test_a_conflating_default_holds_for_nobody_whose_every_event_counts(
    data_type: DataType, strategy: BackpressureStrategy
) -> None:
    default = BackpressureConfig(strategy, max_queue_size=7)
    rules = queue_rules(data_type, None, default)
    assert (rules.strategy, rules.max_queue_size) == (BackpressureStrategy.DROP_OLDEST, 7)
    assert queue_rules(data_type, default, BackpressureConfig()) is default  # asked for
    assert queue_rules(DataType.TICKER, None, default) is default


@given(
    st.sampled_from(BackpressureStrategy),
    st.integers(1, 6),
    st.lists(st.one_of(st.none(), st.sampled_from(sorted(EVENTS))), max_size=80),
)
def test_what_goes_in_comes_out_or_is_counted(
    strategy: BackpressureStrategy, size: int, steps: list[tuple[str, int] | None]
) -> None:
    queue: Any = make_queue(BackpressureConfig(strategy, max_queue_size=size), by_code)
    pushed, popped = 0, Counter[str]()
    for step in steps:
        if step is not None:
            queue.push(EVENTS[step], 0.0)
            pushed += 1
        elif queue:
            popped[queue.pop().code] += 1
        assert pushed == popped.total() + queue.conflated + queue.dropped + len(queue)
        if strategy is not BackpressureStrategy.BLOCK:
            assert len(queue) <= size
    waiting, dropped = len(queue), queue.dropped
    assert queue.clear() == waiting
    assert (len(queue), queue.dropped) == (0, dropped + waiting)
