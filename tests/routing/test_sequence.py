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
    _contents,
    content_of,
)

NEWS, STALE, DUPLICATE = Verdict.NEWS, Verdict.STALE, Verdict.DUPLICATE


def test_each_verdict_is_another_and_what_is_in_order_is_said() -> None:
    assert len(Verdict) == 5
    assert (StreamOrder.by_object, TradeOrder.by_object, AccountOrder.by_object) == (False, False, True)


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


class Message:
    """What `content_of` has not seen the like of before."""

    __struct_fields__ = ("code", "price", "stream_type", "epoch", "received_at")
    code, price, stream_type, epoch, received_at = "KRW-BTC", 5, "REALTIME", 3, 9.5


def test_the_content_of_an_event_is_all_but_how_and_when_it_came() -> None:
    message: Any = Message()
    assert content_of(message) == content_of(message) == ("KRW-BTC", 5)
    assert type(message) in _contents, "how to look is worked out once for each kind"


def test_a_recent_set_knows_the_keys_of_both_halves() -> None:
    recent: RecentSet[int] = RecentSet(2)
    for key in (1, 2, 3):
        assert recent.add(key) is True
    assert [key in recent for key in (1, 3, 4)] == [True, True, False]
    assert recent.add(1) is False
    assert recent.known() == {1, 2, 3}


def test_trades_are_remembered_for_thirty_seconds_and_no_longer_than_there_is_room() -> None:
    def kept(order: TradeOrder, number: int) -> bool:
        return number in order.known_ids

    slow = TradeOrder()
    for number in range(256):
        slow.judge(event_of("trade", sequential_id=number, received_at=29.9))
    slow.judge(event_of("trade", sequential_id=256, received_at=30.0))  # thirty seconds: the half is an old one now
    for number in range(1000, 1255):
        slow.judge(event_of("trade", sequential_id=number, received_at=59.9))
    assert kept(slow, 0)
    slow.judge(event_of("trade", sequential_id=1255, received_at=60.0))
    assert not kept(slow, 0)
    assert kept(slow, 1000)
    quick = TradeOrder()
    for number in range(3 * 4096):
        quick.judge(event_of("trade", sequential_id=number, received_at=1.0))
    assert len(quick.known_ids) == 4096


def test_the_same_millisecond_is_compared_with_the_last_65_of_it_and_forgotten_with_the_next() -> None:
    order = StreamOrder()
    for price in range(66):
        order.judge(event_of(timestamp=5, trade_price=price))
    assert order.judge(event_of(timestamp=5, trade_price=1)) is DUPLICATE
    assert order.judge(event_of(timestamp=5, trade_price=0)) is NEWS, "one more than is remembered"
    order.judge(event_of(timestamp=6))
    assert order._same is None


def test_the_first_event_of_a_stream_may_have_any_epoch_and_time() -> None:
    assert StreamOrder().judge(event_of(timestamp=0, epoch=0)) is NEWS
    assert (StreamOrder().epoch, StreamOrder().timestamp) == (-1, -1)


def test_overlap_ends_a_second_after_the_old_lines_last_event() -> None:
    for at, verdict in ((11.0, STALE), (11.001, NEWS)):
        order = StreamOrder()
        order.judge(event_of(timestamp=50, epoch=1, received_at=10.0))
        assert order.judge(event_of(timestamp=40, epoch=2, received_at=at)) is verdict
        # A new line is compared by epoch: of the same time with other content it is news.
    order = StreamOrder()
    order.judge(event_of(timestamp=50, epoch=1))
    assert order.judge(event_of(timestamp=50, epoch=2, trade_price=3)) is NEWS
    assert order.epoch == 2


def test_an_order_that_is_stale_stays_known_and_the_latest_stays_the_latest() -> None:
    order = AccountOrder()
    times = [(30, NEWS), (20, STALE), (25, STALE), (30, NEWS), (29, STALE)]
    for volume, (at, verdict) in enumerate(times):
        event = event_of("myOrder", timestamp=at, uuid="a", executed_volume=volume, state="wait")
        assert order.judge(event) is verdict, at
    assert order.judge(event_of("myOrder", timestamp=5, uuid="a", epoch=2, state="wait")) is NEWS, "another line"


def test_exactly_so_many_orders_are_remembered() -> None:
    order = AccountOrder()
    for number in range(1024):
        order.judge(event_of("myOrder", timestamp=number, uuid=str(number)))
    assert len(order._objects) == 1024
    order.judge(event_of("myOrder", timestamp=5000, uuid="one more", stream_type="RECOVERED", state="done"))
    assert "0" not in order._objects
    for number in range(ACCOUNT_WINDOW):
        order.judge(event_of("myOrder", timestamp=6000 + number, uuid=f"later {number}", state="wait"))
    assert order._reached == {}, "what REST told of an order goes with the order"


STATES = ("watch", "wait", "done")


@pytest.mark.parametrize("told", STATES)
@pytest.mark.parametrize("brought", STATES)
def test_what_rest_has_told_of_an_order_the_line_does_not_tell_again(told: str, brought: str) -> None:
    order = AccountOrder()
    recovered = event_of("myOrder", timestamp=50, uuid="a", state=told, stream_type="RECOVERED", trade_uuid=None)
    assert order.judge(recovered) is NEWS
    assert order.judge(recovered) is NEWS, "whether it was asked for before is known to its own book"
    verdict = order.judge(event_of("myOrder", timestamp=50, uuid="a", state=brought, remaining_fee=7))
    behind = STATES.index(brought) - STATES.index(told)
    assert verdict is (STALE if behind < 0 else DUPLICATE if told == brought != "watch" else NEWS)
    other = event_of("myOrder", timestamp=50, uuid="b", state=brought)
    assert order.judge(other) is NEWS


@pytest.mark.parametrize(
    ("fills", "volume", "verdict"), [(3, 5, DUPLICATE), (3, 6, NEWS), (4, 5, NEWS), (3, 4, STALE), (2, 9, STALE)]
)
def test_an_open_order_is_told_as_far_as_it_is_filled(fills: int, volume: int, verdict: Verdict) -> None:
    order = AccountOrder()
    how: dict[str, Any] = {"timestamp": 50, "uuid": "a", "state": "wait"}
    order.judge(event_of("myOrder", **how, trades_count=3, executed_volume=5, stream_type="RECOVERED", trade_uuid=None))
    event = event_of("myOrder", **how, trades_count=fills, executed_volume=volume, remaining_fee=7)
    assert order.judge(event) is verdict


def test_a_fill_that_rest_has_told_is_not_told_again_and_another_one_is() -> None:
    order = AccountOrder()
    told = event_of("myOrder", timestamp=50, uuid="a", state="done", stream_type="RECOVERED", trade_uuid="t1")
    assert order.judge(told) is NEWS
    fills = [
        event_of("myOrder", timestamp=50 + at, uuid="a", state="trade", trade_uuid=name)
        for at, name in ((0, "t1"), (1, "t2"))
    ]
    assert [order.judge(event) for event in fills] == [DUPLICATE, NEWS]


def test_live_events_of_the_account_can_be_made_to_wait_and_what_was_asked_for_goes_ahead_of_them() -> None:
    order = AccountOrder()
    kept: list[Any] = []
    live, other = (event_of("myOrder", timestamp=at, uuid="a", executed_volume=at) for at in (10, 20))
    recovered = event_of("myOrder", timestamp=15, uuid="b", stream_type="RECOVERED", trade_uuid=None)

    def take(event: Any) -> bool:
        kept.append(event)
        return event is live

    order.hold(take)
    assert [order.judge(event) for event in (live, recovered, other)] == [Verdict.WAITING, NEWS, NEWS]
    assert kept == [live, other], "what was asked for is not asked about"
    order.hold(None)
    assert order.judge(live) is STALE, "it was not judged while it waited"


def test_trades_that_came_otherwise_are_known_and_the_highest_id_is_told() -> None:
    order = TradeOrder()
    assert (order.highest_id, order.known_ids) == (0, frozenset())
    order.judge(event_of("trade", sequential_id=7))
    order.note_ids([9, 8])
    assert (order.highest_id, order.known_ids) == (9, frozenset({7, 8, 9}))
    assert order.judge(event_of("trade", sequential_id=8)) is DUPLICATE
    assert order.timestamp == 1
