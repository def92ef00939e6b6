"""The budget of one group: numbers in, seconds to wait out."""

from __future__ import annotations

import pytest

from upbit_ws_qt.rest.budget import Budget, Remaining, block_seconds, read_remaining


def _asked(budget: Budget, times: int, at: float) -> None:
    for _ in range(times):
        assert budget.delay(at) == 0
        budget.begin()
        budget.finished(at)


def test_ten_may_leave_at_once_and_the_eleventh_waits_for_a_second_after_the_first_answer() -> None:
    budget = Budget("candle", 10)
    _asked(budget, 10, 5.0)
    assert budget.delay(5.0) == pytest.approx(1.0)
    assert budget.delay(5.75) == pytest.approx(0.25)
    assert budget.delay(6.0) == 0


def test_what_is_under_way_counts_until_a_second_after_its_end() -> None:
    budget = Budget("candle", 2)
    budget.begin()
    budget.begin()
    assert budget.delay(100.0) > 0
    budget.finished(100.0)
    assert budget.delay(100.5) == pytest.approx(0.5)
    assert budget.delay(101.0) == 0


def test_what_was_given_up_counts_a_second_longer() -> None:
    budget = Budget("candle", 2)
    budget.begin()
    budget.begin()
    budget.finished(5.0, given_up=True)
    budget.finished(5.5)
    assert budget.delay(6.0) == pytest.approx(0.5)
    assert budget.delay(6.5) == 0
    budget.begin()
    assert budget.delay(6.5) == pytest.approx(0.5)
    assert budget.delay(7.0) == 0


@pytest.mark.parametrize("limit", [1, 3, 10, 30])
def test_no_second_of_the_exchange_sees_more_than_the_limit(limit: int) -> None:
    """Each question is under way for a while, and reaches the exchange at the worst moment within that."""
    budget, now, arrivals = Budget("x", limit), 0.0, []
    for number in range(5 * limit):
        now += budget.delay(now)
        budget.begin()
        late = number % 3 * 0.1
        arrivals.append(now + late)  # as late as its answer allows: the next ones come sooner after it
        now += late
        budget.finished(now)
    for first in arrivals:
        assert sum(1 for at in arrivals if first <= at < first + 0.999) <= limit


def test_others_behind_the_same_address_take_their_share_for_a_second() -> None:
    budget = Budget("candle", 10)
    _asked(budget, 1, 0.0)
    budget.told(0.0, left=2)  # 7 of the 8 that are gone were not ours
    _asked(budget, 2, 0.0)
    assert budget.delay(0.0) == pytest.approx(1.0)
    _asked(budget, 10, 1.0)


def test_what_only_we_have_used_is_not_counted_twice() -> None:
    budget = Budget("candle", 10)
    for left in reversed(range(10)):
        _asked(budget, 1, 0.0)
        budget.told(0.0, left)
    assert budget.delay(0.0) == pytest.approx(1.0)


def test_too_many_waits_for_the_next_second_and_longer_where_it_is_said_again() -> None:
    budget = Budget("candle", 10)
    assert [budget.too_many(at) for at in (0.0, 1.0, 3.0)] == [1.0, 2.0, 4.0]
    budget.told(7.0, left=9)
    assert budget.too_many(8.0) == 1.0
    assert budget.too_many(8.5) == 0.5, "the same burst is not punished twice"


def test_a_block_lasts_as_long_as_it_says_else_a_minute_that_doubles() -> None:
    budget = Budget("candle", 10)
    assert budget.blocked(0.0) == 60
    assert budget.blocked(1.0) == 59, "together refused"
    assert budget.blocked(60.0) == 120
    assert budget.blocked(180.0, named=10.0) == pytest.approx(10.05)
    assert budget.delay(185.0) == pytest.approx(5.05)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("group=candles; min=600; sec=9", Remaining("candles", 9)),
        ("group=default;sec=29", Remaining("default", 29)),
        ("sec=0", Remaining(None, 0)),
        ("group=exchange.default; min=1799", Remaining("exchange.default", None)),
        ("", Remaining()),
        (None, Remaining()),
        ("group=; sec=-1", Remaining()),
        ("sec=9999999999999", Remaining()),
    ],
)
def test_remaining_requests_are_read_as_far_as_they_can_be(header: str | None, expected: Remaining) -> None:
    assert read_remaining(header) == expected


@pytest.mark.parametrize(
    ("header", "text", "seconds"),
    [
        ("30", "", 30),
        ("Wed, 21 Oct 2026 07:28:00 GMT", "", None),
        (None, "Too many API requests. You are blocked for 60 seconds.", 60),
        (None, '{"error":{"name":418,"message":"blocked for 10 minutes"}}', 600),
        (None, "blocked: 1.5s left", 1.5),
        (None, "2500 ms", 2.5),
        (None, "600초 동안 차단되었습니다", 600),
        (None, "5분 후 다시 시도", 300),
        (None, "1시간", 3600),
        (None, "99999999 seconds", None),
        (None, "9999999 hours", 86_400),
        (None, "I'm a teapot 418", None),
        (None, "", None),
    ],
)
def test_the_time_of_a_block_is_looked_for_where_it_may_stand(
    header: str | None, text: str, seconds: float | None
) -> None:
    assert block_seconds(header, text) == seconds
