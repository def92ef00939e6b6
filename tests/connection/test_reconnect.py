"""The back-off, which is a function of its random numbers."""

from __future__ import annotations

import random

from upbit_ws_qt.connection.retry import Backoff


def backoff(seed: int = 1) -> Backoff:
    return Backoff(0.5, 30.0, 5.0, random.Random(seed))


def test_delays_are_spread_over_the_whole_range_below_a_doubling_ceiling() -> None:
    firsts = [backoff(seed).next_delay() for seed in range(2000)]
    assert min(firsts) < 0.01
    assert max(firsts) > 0.49
    assert max(firsts) <= 0.5
    assert 0.24 < sum(firsts) / len(firsts) < 0.26
    one = backoff()
    ceilings = []
    for _ in range(9):
        ceilings.append(one.ceiling)
        assert one.next_delay() <= ceilings[-1]
    assert ceilings == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_it_goes_on_for_ever() -> None:
    one = backoff()
    for _ in range(5000):
        assert 0 <= one.next_delay() <= 30
    assert one.attempts == 5000


def test_a_line_that_is_dropped_at_once_forgives_nothing() -> None:
    one = backoff()
    for second in range(0, 100, 10):
        one.next_delay()
        one.flowed(second)
        one.flowed(second + 4.9)
        one.line_lost()
    assert one.attempts == 10


def test_a_line_that_carried_data_for_a_while_forgives_everything() -> None:
    one = backoff()
    for _ in range(6):
        one.next_delay()
    one.flowed(100.0)
    assert one.ceiling == 30
    one.flowed(105.0)
    assert one.ceiling == 0.5


def test_being_asked_starts_anew() -> None:
    one = backoff()
    one.next_delay()
    one.reset()
    assert one.attempts == 0
