"""When a change leaves: at once, gathered, or as the minute's budget allows; in simulated time."""

from __future__ import annotations

import pytest

from tests.subscriptions.specs import key
from upbit_ws_qt.connection.rate_limit import MessageLimiter
from upbit_ws_qt.subscriptions import Demand, RateLimitAwareSubscriptionBatcher, SubscriptionChange
from upbit_ws_qt.types import DataType, Priority

A = {key(DataType.TICKER, "KRW-BTC"): Demand()}
B = {**A, key(DataType.TICKER, "KRW-ETH"): Demand()}


def make(limiter: MessageLimiter | None = None) -> tuple[RateLimitAwareSubscriptionBatcher, MessageLimiter]:
    limiter = limiter or MessageLimiter()
    return RateLimitAwareSubscriptionBatcher(limiter, gather=0.02), limiter


def test_the_first_change_leaves_within_20_ms() -> None:
    batcher, _ = make()
    assert batcher.delay(10.0) is None
    batcher.queue_subscription_change(SubscriptionChange(A, 10.0))
    wait = batcher.delay(10.0)
    assert wait is not None
    assert 0 < wait < 0.02
    assert batcher.process_batched_changes({}, 10.0) is None
    assert batcher.process_batched_changes({}, 10.0 + wait) == A
    assert not batcher.is_waiting


def test_the_newest_state_wins() -> None:
    batcher, _ = make()
    batcher.queue_subscription_change(SubscriptionChange(A, 10.0))
    batcher.queue_subscription_change(SubscriptionChange(B, 10.01))
    assert batcher.process_batched_changes({}, 10.02) == B


def test_adding_and_removing_cancel_out() -> None:
    batcher, _ = make()
    batcher.queue_subscription_change(SubscriptionChange(B, 10.0))
    batcher.queue_subscription_change(SubscriptionChange(A, 10.01))
    assert batcher.process_batched_changes(A, 10.02) is None
    assert batcher.cancelled == 1
    assert batcher.delay(10.02) is None


def test_a_change_of_urgency_alone_is_not_sent() -> None:
    batcher, _ = make()
    urgent = {stream: demand._replace(priority=Priority.CRITICAL) for stream, demand in A.items()}
    batcher.queue_subscription_change(SubscriptionChange(urgent, 10.0))
    assert batcher.process_batched_changes(A, 10.02) is None


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (Demand(depth=5), Demand(depth=15)),
        (Demand(depth=15), Demand(depth=5)),
        (Demand(snapshot=False), Demand()),
        (Demand(categories=("notice",)), Demand()),
        (Demand(), Demand(include_body=True)),
    ],
)
def test_another_way_of_asking_is_sent(asked: Demand, wanted: Demand) -> None:
    stream = key(DataType.ORDERBOOK, "KRW-BTC")
    batcher, _ = make()
    batcher.queue_subscription_change(SubscriptionChange({stream: wanted}, 10.0))
    assert batcher.process_batched_changes({stream: asked}, 10.02) == {stream: wanted}


def test_somebody_may_insist_on_a_request_that_changes_nothing() -> None:
    batcher, _ = make()
    batcher.queue_subscription_change(SubscriptionChange(A, 10.0))
    assert batcher.process_batched_changes(A, 10.02, insist=True) == A


def test_a_change_that_left_on_another_way_is_forgotten() -> None:
    batcher, _ = make()
    batcher.queue_subscription_change(SubscriptionChange(A, 10.0))
    batcher.clear()
    assert batcher.delay(11.0) is None


def pressure(
    seconds: float, every: float, limiter: MessageLimiter, *, refuse_at: float | None = None
) -> tuple[list[float], list[float]]:
    """Change the wishes every so often; return when requests left and how far behind the newest change each was."""
    batcher, _ = make(limiter)
    sent: list[float] = []
    behind: list[float] = []
    step, now, next_change, oldest = 0.005, 0.0, 0.0, None
    flip = False
    while now < seconds:
        if now >= next_change:
            flip = not flip
            batcher.queue_subscription_change(SubscriptionChange(B if flip else A, now))
            oldest = now if oldest is None else oldest
            next_change += every
        if refuse_at is not None and now >= refuse_at:
            limiter.refused(now)
            refuse_at = None
        if batcher.process_batched_changes({}, now) is not None:
            sent.append(now)
            limiter.record(now)
            assert oldest is not None
            behind.append(now - oldest)
            oldest = None
        now += step
    return sent, behind


def most_in(window: float, sent: list[float]) -> int:
    return max(sum(1 for at in sent if start <= at < start + window) for start in sent)


def test_six_changes_within_half_a_second_are_at_most_five_requests() -> None:
    sent, _ = pressure(0.6, 0.1, MessageLimiter())
    assert 2 <= len(sent) <= 5


def test_a_mind_changed_every_100_ms_breaks_no_limit_and_is_never_a_second_behind() -> None:
    sent, behind = pressure(200.0, 0.1, MessageLimiter())
    assert most_in(1.0, sent) <= 5
    assert most_in(60.0, sent) <= 100
    assert max(behind) <= 1.0


def test_most_of_the_budget_is_used_under_pressure() -> None:
    sent, _ = pressure(180.0, 0.1, MessageLimiter())
    assert most_in(60.0, sent) >= 90
    assert len([at for at in sent if 60.0 <= at < 120.0]) >= 90


def test_a_halved_budget_is_kept_to() -> None:
    limiter = MessageLimiter()
    sent, _ = pressure(10.0, 0.1, limiter, refuse_at=3.0)
    after = [at for at in sent if 3.0 < at < 10.0]
    assert after
    assert after[0] >= 4.0
    assert most_in(1.0, after) <= 2


def test_lists_count_too() -> None:
    batcher, limiter = make()
    for number in range(4):
        limiter.record(10.0 + number * 0.01)
    batcher.queue_subscription_change(SubscriptionChange(A, 10.05))
    wait = batcher.delay(10.05)
    assert wait is not None
    assert wait > 0.15
