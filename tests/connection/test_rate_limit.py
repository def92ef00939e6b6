"""The limiters against a model of the exchange's own counting."""

from __future__ import annotations

import itertools
import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upbit_ws_qt.connection.rate_limit import ConnectLimiter, LimiterUsage, MessageLimiter
from upbit_ws_qt.connection.transport import ConnectBudget


class ExchangeCount:
    """Counts arrivals as the exchange does: at most so many within a second and a minute."""

    def __init__(self) -> None:
        self.arrivals: deque[float] = deque()

    def violates(self, at: float) -> bool:
        self.arrivals.append(at)
        while self.arrivals and self.arrivals[0] <= at - 60.0:
            self.arrivals.popleft()
        return len(self.arrivals) > 100 or sum(1 for t in self.arrivals if t > at - 1.0) > 5


def send_under_pressure(limiter: MessageLimiter, seconds: float, jitter: float, seed: int = 1) -> tuple[int, int]:
    rng = random.Random(seed)
    exchange = ExchangeCount()
    now = sent = violations = 0
    arrived = 0.0
    clock = float(now)
    while clock < seconds:
        wait = limiter.delay(clock)
        if wait > 0:
            clock += wait
            continue
        arrived = max(arrived, clock + rng.uniform(0, jitter))  # one TCP stream keeps its order
        violations += exchange.violates(arrived)
        clock += 0.0001
        limiter.record(clock)
        sent += 1
    return sent, violations


@pytest.mark.parametrize("jitter", [0.0, 0.02, 0.049])
@pytest.mark.statement("P8.2", "P8.3")
def test_under_pressure_nothing_is_violated_and_nine_tenths_are_used(jitter: float) -> None:
    sent, violations = send_under_pressure(MessageLimiter(), 600.0, jitter)
    assert violations == 0
    assert sent >= 0.9 * 1000


def test_five_leave_at_once_and_the_sixth_waits_a_second() -> None:
    limiter = MessageLimiter()
    for _ in range(5):
        assert limiter.delay(10.0) == 0.0
        limiter.record(10.0)
    assert 1.0 < limiter.delay(10.0) <= 1.1
    assert limiter.delay(11.06) == 0.0


def test_a_hundred_messages_leave_room_for_the_next_only_a_minute_and_one_hundredth_later() -> None:
    limiter = MessageLimiter(reserve=0)
    for number in range(100):
        limiter.record(0.2 * number)
    # The exchange counts arrivals: a first message that was 0.6 s on its way and a last one that took no time are
    # still a minute apart there.
    assert limiter.delay(60.0) > 0.5
    assert limiter.delay(60.59) > 0.0
    assert limiter.delay(60.61) == 0.0


@pytest.mark.statement("P8.5")
def test_a_block_that_the_exchange_named_is_outlasted_by_a_margin() -> None:
    messages, dials = MessageLimiter(), ConnectLimiter()
    messages.refused(0.0, retry_after=3.0)
    messages.refused(1.0, retry_after=4.0)  # in the same burst
    assert messages.delay(5.0) >= 0.04
    assert messages.delay(5.06) == 0.0
    dials.refused(0.0, 429, retry_after=3.0)
    assert dials.delay(3.0) >= 0.04
    assert dials.delay(3.06) == 0.0


def test_after_the_whole_budget_has_come_back_the_next_block_is_short_again() -> None:
    limiter = MessageLimiter()
    limiter.refused(0.0)
    limiter.refused(1.5)
    assert limiter.delay(1.5) == pytest.approx(2.0)
    assert limiter.usage(100.0).factor == 1.0
    limiter.refused(100.0)
    assert limiter.delay(100.0) == pytest.approx(1.0)


def test_recovery_may_use_what_ordinary_changes_may_not() -> None:
    limiter = MessageLimiter()
    now = 0.0
    for _ in range(95):
        now += limiter.delay(now)
        limiter.record(now)
    assert limiter.delay(now + 2) > 30
    assert limiter.delay(now + 2, recovery=True) == 0.0


def test_a_refusal_halves_the_budget_waits_and_recovers_step_by_step() -> None:
    limiter = MessageLimiter()
    limiter.record(0.0)
    limiter.refused(0.5, retry_after=3.0)
    assert 3.0 <= limiter.delay(0.5) <= 3.1
    assert limiter.usage(0.5).second_limit == 2
    assert limiter.usage(0.5).minute_limit == 50
    limits = [limiter.usage(3.56 + 10.0 * step).minute_limit for step in range(6)]
    assert limits == [50, 62, 75, 87, 100, 100]


def test_a_burst_of_refusals_counts_once_and_a_later_one_blocks_longer() -> None:
    limiter = MessageLimiter()
    for _ in range(10):
        limiter.refused(1.0)
    assert limiter.usage(1.0).factor == 0.5
    assert limiter.delay(1.0) == pytest.approx(1.0)
    limiter.refused(2.5)
    assert limiter.usage(2.5).factor == 0.25
    assert limiter.delay(2.5) == pytest.approx(2.0)
    assert limiter.usage(2.5).refusals == 11


def test_the_budget_never_falls_below_one_message_a_second() -> None:
    limiter = MessageLimiter()
    now = 0.0
    for _ in range(20):
        now += limiter.delay(now)
        limiter.refused(now)
    assert limiter.usage(now).second_limit == 1
    assert limiter.delay(now) <= 60.0


def test_a_fresh_line_has_fresh_windows_but_remembers_what_was_learnt() -> None:
    limiter = MessageLimiter()
    for _ in range(5):
        limiter.record(0.0)
    limiter.refused(0.0, retry_after=0.5)
    fresh = limiter.successor()
    assert 0.3 <= fresh.delay(0.2) <= 0.4
    assert fresh.delay(0.6) == 0.0
    assert fresh.usage(0.6).factor == 0.5
    assert fresh.usage(0.6).last_minute == 0


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=300))
def test_whatever_the_rhythm_the_exchange_never_counts_too_many(steps: list[tuple[float, bool]]) -> None:
    limiter = MessageLimiter()
    exchange = ExchangeCount()
    now = 0.0
    for pause, recovery in steps:
        now += pause
        now += limiter.delay(now, recovery=recovery)
        assert limiter.delay(now, recovery=recovery) <= 1e-9
        assert not exchange.violates(now)
        limiter.record(now)


@pytest.mark.statement("P8.1")
def test_dials_of_all_endpoints_share_five_a_second() -> None:
    limiter = ConnectLimiter()
    now = 0.0
    started: list[float] = []
    while len(started) < 50:
        wait = limiter.delay(now)
        if wait:
            now += wait
            continue
        limiter.begin()
        started.append(now)
        limiter.finished(now)
    assert all(later - earlier > 1.0 for earlier, later in zip(started, started[5:], strict=False))
    assert now < 10.6  # 90 % of what is allowed


def test_what_the_exchange_says_is_left_is_not_exceeded_though_we_used_less() -> None:
    limiter = ConnectLimiter()
    limiter.begin()
    limiter.accepted(100.0, ConnectBudget(left=1))
    limiter.finished(100.0)
    assert limiter.delay(100.0) == 0.0, "one is left"
    limiter.begin()
    limiter.finished(100.2)
    assert limiter.delay(100.2) == pytest.approx(0.85), "the others at this address have had it all"
    assert limiter.delay(101.1) == 0.0, "a new second"


def test_dials_that_are_under_way_may_not_have_been_counted_by_the_exchange_yet() -> None:
    limiter = ConnectLimiter()
    for _ in range(3):
        limiter.begin()
    limiter.accepted(100.0, ConnectBudget(left=2))
    limiter.finished(100.0)
    assert limiter.delay(100.0) == pytest.approx(1.05)


def test_more_than_is_allowed_is_not_believed_to_be_left() -> None:
    limiter = ConnectLimiter()
    for _ in range(5):
        limiter.begin()
        limiter.accepted(100.0, ConnectBudget(left=1000))
        limiter.finished(100.0)
    assert limiter.delay(100.0) == pytest.approx(1.05)


def test_where_something_adds_an_origin_one_dial_in_ten_seconds_is_all_there_is() -> None:
    limiter = ConnectLimiter()
    limiter.begin()
    limiter.accepted(100.0, ConnectBudget(left=0, group="origin"))
    limiter.finished(100.0)
    assert limiter.delay(101.1) == pytest.approx(9.4)


def test_a_slow_handshake_counts_until_a_second_after_its_end() -> None:
    limiter = ConnectLimiter()
    for _ in range(5):
        limiter.begin()
    assert limiter.delay(100.0) > 0
    limiter.finished(100.0)
    assert limiter.delay(100.0) == pytest.approx(1.05)
    assert limiter.delay(101.1) == 0.0


def test_refused_dials_wait_longer_each_time_and_a_success_forgives() -> None:
    limiter = ConnectLimiter()
    assert limiter.refused(0.0, 429) == pytest.approx(1.0)
    assert limiter.delay(0.0) == pytest.approx(1.0)
    assert limiter.refused(1.0, 429) == pytest.approx(2.0)
    assert limiter.refused(3.0, 418) == pytest.approx(20.0)
    limiter.accepted(30.0)
    assert limiter.refused(30.0, 418) == pytest.approx(5.0)
    assert 7.5 <= limiter.refused(40.0, 429, retry_after=7.5) <= 7.6
    assert 6.5 <= limiter.blocked_for(41.0) <= 6.6
    assert limiter.refusals == 5


def changes_without_end(limiter: MessageLimiter, seconds: float) -> list[float]:
    """Return when each change left that there was always one more of."""
    now, left = 0.0, []
    while now < seconds:
        wait = limiter.change_delay(now)
        if wait <= 0:
            limiter.record(now)
            left.append(now)
        else:
            now += wait + 1e-9
    return left


def test_changes_without_end_are_quick_at_first_and_then_never_a_second_behind() -> None:
    left = changes_without_end(MessageLimiter(), 600.0)
    steps = [later - earlier for earlier, later in itertools.pairwise(left)]
    quick = next(index for index, step in enumerate(steps) if step > 0.5)
    # 94 of 100 in the first minute: so many at five a second that one every 0.9 s still fits until they count no more.
    assert quick == 34
    assert steps[:5] == pytest.approx([0.2, 0.2, 0.2, 0.2, 0.25])
    assert max(steps[:quick]) == pytest.approx(0.25)
    assert max(steps) == pytest.approx(0.9)
    busiest = max(sum(1 for at in left if begin <= at < begin + 60.0) for begin in left)
    assert 92 <= busiest <= 94
    assert sum(1 for at in left if at < 60.0) >= 92


def test_a_change_waits_for_the_second_the_minute_and_the_block_too() -> None:
    limiter = MessageLimiter()
    assert limiter.change_delay(0.0) == 0.0
    limiter.refused(0.0, retry_after=2.0)
    assert limiter.change_delay(0.0) == pytest.approx(2.05)  # though nothing was sent yet
    assert limiter.change_delay(3.0) == 0.0
    limiter.record(3.0)
    assert limiter.change_delay(3.0) == pytest.approx(0.9), "half the budget is left, so nothing is hurried"
    limiter.record(3.0)
    assert limiter.change_delay(3.0) == pytest.approx(1.05), "two a second"
    limiter.refused(5.0, retry_after=4.0)
    assert limiter.change_delay(5.0) == pytest.approx(4.05)
    tight = MessageLimiter(5, 20, reserve=2)
    for number in range(18):
        tight.record(2.0 * number)
    assert tight.change_delay(36.0) == pytest.approx(24.6), "the last two of the minute are for repairs"
    assert MessageLimiter(5, 1).change_delay(0.0) == 0.0


def test_a_budget_comes_back_for_changes_while_nothing_else_asks() -> None:
    limiter = MessageLimiter()
    limiter.refused(0.0, retry_after=0.0)
    limiter.record(100.0)
    assert limiter.change_delay(100.0) == pytest.approx(0.2)


def test_the_figures_count_a_second_and_a_minute_of_the_exchange() -> None:
    limiter = MessageLimiter()
    assert limiter.usage(0.0) == LimiterUsage(0, 5, 0, 100, 1.0, 0.0, 0, 0)
    for at in (0.0, 0.5, 1.0):
        limiter.record(at)
    assert limiter.usage(1.0) == LimiterUsage(2, 5, 3, 100, 1.0, 0.0, 0, 3)
    assert limiter.usage(2.0).last_second == 0
    assert limiter.usage(60.0).last_minute == 2
    assert limiter.usage(61.0).last_minute == 0
    limiter.refused(70.0)
    limiter.refused(70.5)
    assert limiter.usage(70.5) == LimiterUsage(0, 2, 0, 50, 0.5, 0.5, 2, 3)
    assert limiter.successor().usage(70.5) == LimiterUsage(0, 2, 0, 50, 0.5, 0.5, 2, 0)


def test_the_reserve_is_at_most_a_tenth_and_one_message_is_always_left() -> None:
    limiter = MessageLimiter(5, 20)
    for number in range(18):
        limiter.record(float(number))
    assert limiter.delay(20.0) > 30.0
    assert limiter.delay(20.0, recovery=True) == 0.0
    few = MessageLimiter(1, 1)
    assert few.delay(0.0) == 0.0
    few.record(0.0)
    assert few.delay(0.0) == pytest.approx(60.6)
    few.refused(100.0, retry_after=0.0)
    assert (few.usage(100.1).second_limit, few.usage(100.1).minute_limit) == (1, 1)


def test_steps_come_back_at_the_tenth_second_and_blocks_grow_to_a_minute_at_most() -> None:
    limiter = MessageLimiter()
    limiter.refused(0.0, retry_after=0.95)  # until 1.0
    assert limiter.usage(10.999).factor == 0.5
    assert limiter.usage(11.0).factor == 0.625
    now, blocks = 11.0, []
    for _ in range(9):
        limiter.refused(now)
        blocks.append(limiter.delay(now))
        now += blocks[-1]
    assert blocks == pytest.approx([2, 4, 8, 16, 32, 60, 60, 60, 60])
    assert limiter.usage(now).factor == 0.2
    assert MessageLimiter(10, 100).usage(0.0).second_limit == 10


def test_a_refusal_within_a_block_lengthens_it_and_never_shortens_it() -> None:
    limiter = MessageLimiter()
    limiter.refused(0.0, retry_after=5.0)
    limiter.refused(1.0, retry_after=1.0)
    assert limiter.delay(1.0) == pytest.approx(4.05)
    limiter.refused(5.0, retry_after=3.0)
    assert limiter.delay(5.0) == pytest.approx(3.05)
    assert limiter.usage(5.0).factor == 0.5
    assert limiter.usage(8.05 + 9.9).factor == 0.5, "the clean interval begins with the end of the block"
    assert limiter.usage(8.05 + 10.1).factor == 0.625


def test_no_dial_starts_while_five_are_under_way_or_a_block_lasts() -> None:
    limiter = ConnectLimiter()
    for _ in range(5):
        limiter.begin()
    assert limiter.delay(0.0) == pytest.approx(0.05), "look again soon"
    limiter.refused(0.0, 429, retry_after=4.0)
    assert limiter.delay(0.0) == pytest.approx(4.05)
    assert limiter.delay(10.0) == pytest.approx(0.05)
    assert limiter.blocked_for(10.0) == 0.0
    limiter.finished(10.0)
    limiter.finished(10.5)
    assert limiter.delay(10.5) == pytest.approx(0.55)
    limiter.finished(11.0)
    assert limiter.delay(11.0) == pytest.approx(0.05), "two are under way, and three ended less than a second ago"


@pytest.mark.parametrize(
    ("status", "blocks"), [(429, [1, 2, 4, 8, 16, 32, 60, 60]), (418, [5, 10, 20, 40, 80, 160, 320, 600, 600])]
)
def test_blocks_of_dials_double_up_to_a_bound(status: int, blocks: list[float]) -> None:
    limiter = ConnectLimiter()
    now, found = 0.0, []
    for _ in blocks:
        found.append(limiter.refused(now, status))
        now += found[-1]
    assert found == pytest.approx(blocks)
    assert limiter.refusals == len(blocks)
    assert limiter.delay(now) == 0.0
    limiter.refused(now, status, retry_after=900.0)
    assert limiter.refused(now, status) == pytest.approx(900.05), "a block that was named is not cut short"


def test_what_was_said_to_be_left_is_used_up_by_dials_and_holds_for_a_second() -> None:
    limiter = ConnectLimiter()
    limiter.begin()
    limiter.accepted(0.0, ConnectBudget(left=3))
    limiter.finished(0.0)
    for _ in range(3):
        assert limiter.delay(0.0) == 0.0
        limiter.begin()
    assert limiter.delay(0.0) == pytest.approx(1.05)
    assert limiter.delay(1.06) == 0.0
    limiter.accepted(2.0)  # says nothing of a budget
    assert limiter.delay(2.0) == 0.0
