"""A computer that slept is told from one that did not, and a busy stream that stopped from one that was never busy."""

from __future__ import annotations

import pytest

from upbit_ws_qt.clocks import SLEPT, ClockJump
from upbit_ws_qt.silence import SilenceDetector


@pytest.mark.parametrize("jump", [-3600.0, -0.3, 0.0, 4.9, 5.0, 3600.0])
def test_what_the_wall_clock_ran_ahead_is_told_once(jump: float) -> None:
    clocks = ClockJump()
    assert clocks.look(10.0, 1_000_010.0) == 0.0
    assert clocks.look(11.0, 1_000_011.0) == 0.0
    told = clocks.look(12.0, 1_000_012.0 + jump)
    assert told == pytest.approx(jump)
    assert (told >= SLEPT) == (jump >= 5.0)
    assert clocks.look(13.0, 1_000_013.0 + jump) == 0.0


def test_the_first_look_may_be_the_making() -> None:
    assert ClockJump(10.0, 1_000_010.0).look(11.0, 1_003_611.0) == pytest.approx(3600.0)


def test_what_was_busy_and_stopped_is_silent_until_it_comes_again() -> None:
    detector, last = SilenceDetector(), object()
    for _ in range(SilenceDetector.BUSY_LOOKS - 1):
        assert not detector.look(object())
    assert not detector.look(last)
    looks = [detector.look(last) for _ in range(SilenceDetector.QUIET_LOOKS + 5)]
    assert looks == [False] * (SilenceDetector.QUIET_LOOKS - 1) + [True] * 6
    assert not detector.look(object())
    assert not any(detector.look(last) for _ in range(3))


def test_what_comes_now_and_then_is_never_missed() -> None:
    detector = SilenceDetector()
    for _ in range(10 * SilenceDetector.BUSY_LOOKS):
        newest = object()
        assert not any(detector.look(newest) for _ in range(2))
    assert not any(detector.look(newest) for _ in range(10 * SilenceDetector.QUIET_LOOKS))
    assert not any(SilenceDetector().look(None) for _ in range(100))
