"""Nothing older after newer and nothing twice: within a line's life, across lives, and while two lines overlap."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.routing.rig import event_of
from upbit_ws_qt.routing.ordering import (
    ACCOUNT_WINDOW,
    MOST_TRADES,
    OVERLAP,
    TRADE_WINDOW,
    AccountOrder,
    RecentSet,
    StreamOrder,
    TradeOrder,
    Verdict,
)

NEWS, STALE, DUPLICATE = Verdict.NEWS, Verdict.STALE, Verdict.DUPLICATE


def test_an_older_timestamp_within_an_epoch_is_stale() -> None:
    order = StreamOrder()
    verdicts = [order.judge(event_of(timestamp=at)) for at in (10, 20, 15, 20_000, 19_999)]
    assert verdicts == [NEWS, NEWS, STALE, NEWS, STALE]


def test_different_events_of_one_millisecond_are_all_news() -> None:
    order = StreamOrder()
    events = [event_of(timestamp=5, trade_price=price) for price in (1, 2, 3)]
    assert [order.judge(event) for event in events] == [NEWS, NEWS, NEWS]


def test_the_same_event_again_is_a_duplicate_even_behind_another_of_its_millisecond() -> None:
    order = StreamOrder()
    first, second = (event_of(timestamp=5, trade_price=price) for price in (1, 2))
    assert [order.judge(event) for event in (first, second)] == [NEWS, NEWS]
    assert order.judge(event_of(timestamp=5, trade_price=1)) is DUPLICATE
    assert order.judge(event_of(timestamp=5, trade_price=2)) is DUPLICATE


def test_a_millisecond_without_end_is_remembered_in_part_only() -> None:
    order = StreamOrder()
    for price in range(300):
        assert order.judge(event_of(timestamp=5, trade_price=price)) is NEWS
    assert order.judge(event_of(timestamp=5, trade_price=240)) is DUPLICATE
    assert len(order._same or ()) <= 64


def test_the_last_event_comes_as_snapshot_of_a_new_line_and_is_a_duplicate() -> None:
    order = StreamOrder()
    order.judge(event_of(timestamp=7))
    again = event_of(timestamp=7, stream_type="SNAPSHOT", epoch=2, received_at=60.0)
    assert order.judge(again) is DUPLICATE


def test_an_older_epoch_after_a_newer_one_is_stale_whatever_its_timestamp() -> None:
    order = StreamOrder()
    order.judge(event_of(timestamp=7, epoch=2))
    assert order.judge(event_of(timestamp=9, epoch=1)) is STALE


def test_overlap_of_two_lines_is_handed_out_once_and_in_order() -> None:
    order = StreamOrder()
    old_line = [event_of(timestamp=at, epoch=1, received_at=at / 1000) for at in range(100, 200, 10)]
    new_line = [event_of(timestamp=at, epoch=2, received_at=at / 1000) for at in range(150, 250, 10)]
    news = [event.timestamp for event in (*old_line, *new_line) if order.judge(event) is NEWS]
    assert news == list(range(100, 250, 10))


def test_a_clock_that_went_back_does_not_stop_a_stream_for_ever() -> None:
    order = StreamOrder()
    order.judge(event_of(timestamp=50_000, epoch=1, received_at=10.0))
    late = 10.0 + OVERLAP + 1
    assert order.judge(event_of(timestamp=40_000, epoch=2, received_at=late)) is NEWS
    assert order.judge(event_of(timestamp=40_001, epoch=2, received_at=late)) is NEWS


def test_a_trade_is_handed_out_once_across_epochs() -> None:
    order = TradeOrder()
    trade: dict[str, Any] = {"data_type": "trade", "sequential_id": 2**60 + 1}
    assert order.judge(event_of(timestamp=5, **trade)) is NEWS
    assert order.judge(event_of(timestamp=5, **trade)) is DUPLICATE
    assert order.judge(event_of(timestamp=6, epoch=2, received_at=90.0, **trade)) is DUPLICATE


def test_two_trades_that_differ_in_nothing_but_their_id_are_two_trades() -> None:
    order = TradeOrder()
    events = [event_of("trade", timestamp=5, sequential_id=number) for number in (1, 3, 2)]
    assert [order.judge(event) for event in events] == [NEWS, NEWS, NEWS]


@pytest.mark.parametrize("late", [1, 500, 3_600_000])
def test_a_trade_with_a_new_id_is_handed_out_however_old_its_timestamp_is(late: int) -> None:
    order = TradeOrder()
    times = [4_000_000, 4_000_000 - late, 4_000_000, 4_000_001, 4_000_001 - late]
    events = [event_of("trade", timestamp=at, sequential_id=number) for number, at in enumerate(times)]
    assert [order.judge(event) for event in events] == [NEWS] * 5
    assert order.timestamp == 4_000_001
    again = [event_of("trade", timestamp=at, sequential_id=number) for number, at in enumerate(times)]
    assert [order.judge(event) for event in again] == [DUPLICATE] * 5


def test_a_new_trade_that_the_next_line_brings_late_is_handed_out_and_one_of_the_line_before_is_not() -> None:
    order = TradeOrder()
    verdicts = [
        order.judge(event_of("trade", timestamp=at, sequential_id=number, epoch=epoch))
        for number, at, epoch in ((1, 50, 1), (2, 40, 2), (3, 60, 1), (3, 60, 2))
    ]
    assert verdicts == [NEWS, NEWS, STALE, NEWS]


def test_the_window_of_trades_is_bounded_and_holds_what_it_promises() -> None:
    order = TradeOrder()
    for number in range(10_000):
        quiet = event_of("trade", timestamp=number, sequential_id=number, received_at=float(number))
        assert order.judge(quiet) is NEWS
    for number in range(10_000 - TRADE_WINDOW, 10_000):
        again = event_of("trade", timestamp=number, sequential_id=number, epoch=2, received_at=10_000.0)
        assert order.judge(again) is DUPLICATE
    assert len(order._ids) <= 2 * TRADE_WINDOW


def test_the_busiest_market_brings_nothing_twice_while_two_lines_overlap() -> None:
    order = TradeOrder()
    for number in range(2 * MOST_TRADES):
        assert order.judge(event_of("trade", sequential_id=number, received_at=number / 250)) is NEWS
    overlap = range(2 * MOST_TRADES - 250 * 15, 2 * MOST_TRADES)
    assert {
        order.judge(event_of("trade", sequential_id=number, epoch=2, received_at=number / 250)) for number in overlap
    } == {DUPLICATE}
    assert len(order._ids) <= 2 * MOST_TRADES


def test_orders_are_in_order_each_for_itself() -> None:
    order = AccountOrder()
    first = [event_of("myOrder", timestamp=at, uuid="a", executed_volume=at) for at in (10, 30, 20)]
    other = event_of("myOrder", timestamp=15, uuid="b")
    assert [order.judge(event) for event in (*first, other)] == [NEWS, NEWS, STALE, NEWS]


def test_a_second_change_of_an_order_within_a_millisecond_is_handed_out_and_the_same_change_again_is_not() -> None:
    order = AccountOrder()
    first, second = (event_of("myOrder", timestamp=10, uuid="a", executed_volume=volume) for volume in (1, 2))
    assert [order.judge(event) for event in (first, second, first, second)] == [NEWS, NEWS, DUPLICATE, DUPLICATE]


@pytest.mark.parametrize("kind", ["myOrder", "myAsset", "announcement"])
def test_the_same_account_event_on_another_line_is_a_duplicate(kind: str) -> None:
    order = AccountOrder()
    assert order.judge(event_of(kind, timestamp=10, epoch=1)) is NEWS
    assert order.judge(event_of(kind, timestamp=10, epoch=2, received_at=500.0)) is DUPLICATE


def test_what_is_remembered_of_orders_is_bounded() -> None:
    order = AccountOrder()
    for number in range(3 * ACCOUNT_WINDOW):
        assert order.judge(event_of("myOrder", timestamp=number, uuid=str(number))) is NEWS
    assert len(order._objects) <= ACCOUNT_WINDOW
    assert len(order._contents) <= 2 * ACCOUNT_WINDOW


@given(st.lists(st.integers(0, 60), max_size=300), st.integers(1, 20))
def test_a_recent_set_never_forgets_the_last_keys(keys: list[int], size: int) -> None:
    recent: RecentSet[int] = RecentSet(size)
    added: list[int] = []
    for key in keys:
        is_new = recent.add(key)
        if key in added[-size:]:
            assert not is_new
        if is_new:
            added.append(key)
        assert len(recent) <= 2 * size


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 30), st.integers(0, 3)), max_size=60))
def test_whatever_comes_what_is_let_through_is_ordered_and_unique(steps: list[tuple[int, int, int]]) -> None:
    order = StreamOrder()
    let_through = [
        (event.epoch, event.timestamp, event.trade_price)
        for event in (event_of(timestamp=at, epoch=epoch, trade_price=price) for epoch, at, price in steps)
        if order.judge(event) is NEWS
    ]
    assert [(epoch, at) for epoch, at, _ in let_through] == sorted((epoch, at) for epoch, at, _ in let_through)
    assert [at for _, at, _ in let_through] == sorted(at for _, at, _ in let_through)  # all received within OVERLAP
    contents = [(at, price) for _, at, price in let_through]
    assert len(contents) == len(set(contents))
