"""What the simulation has found, each as the shortest course that showed it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tests.prove.course import Course, Step
from tests.prove.stage import play

TRADES = {"types": ("trade",), "codes": ("KRW-BTC", "KRW-ETH"), "backfill": True, "private": False}
PLAIN = {**TRADES, "backfill": False}


def course(seconds: float, rate: float, *steps: Step, seed: int = 1, order: str = "fifo") -> Course:
    return Course(
        seed=seed,
        order=order,
        rate=rate,
        seconds=seconds,
        delay=0.005,
        jitter=0.0,
        fragments=0.0,
        skew=0.0,
        backfill=(),
        hold=2.0,
        data_format="DEFAULT",
        compression=False,
        beat=0.01,
        lag=0.0,
        steps=steps,
    )


def test_a_line_that_was_dead_before_it_was_replaced_leaves_a_gap() -> None:
    """Without one, what it did not bring any more was missing, and the change called itself planned."""
    outcome = play(
        course(
            30.0,
            100.0,
            Step(0.0, "wish", TRADES),
            Step(0.0, "wish", PLAIN),
            Step(10.0, "dead_line", {"endpoint": "public"}),
            Step(12.0, "reconnect", {"endpoint": "public"}),
        )
    )
    assert outcome.violations == []
    assert any("the line before it was dead 2 since" in line for line in outcome.trace)
    assert outcome.counts["trades missed"] > 0  # of the one who does not want the past


def test_what_was_recovered_is_not_handed_out_again_after_a_line_that_was_never_proved() -> None:
    """The gap of the third line goes back to the loss of the first: more than the guard remembers was recovered."""
    outcome = play(
        replace(
            course(
                20.0,
                30.0,
                Step(0.0, "wish", {**TRADES, "codes": ("KRW-BTC",)}),
                Step(10.0, "sleep", {"seconds": 1800.0}),
                Step(10.0, "violation", {"endpoint": "public", "kind": "continuation", "on": "served", "after": 0.0}),
            ),
            delay=0.02,
        )
    )
    assert outcome.violations == []
    assert any("public syncing -> reconnecting: protocol error" in line for line in outcome.trace)


def test_a_recovery_is_late_where_live_events_had_stopped_waiting_before_another_cut() -> None:
    """The report said that all had come in its place."""
    outcome = play(
        course(
            40.0,
            30.0,
            Step(0.0, "wish", TRADES),
            Step(8.0, "rest_refuse", {"seconds": 12.0, "status": 0}),
            Step(9.0, "partition", {"seconds": 8.0}),
            Step(19.5, "drop", {"endpoint": "public", "on": "now", "after": 0.0}),
        )
    )
    assert outcome.violations == []
    assert any(line.endswith("late") for line in outcome.trace)


def test_who_comes_between_two_cuts_is_handed_nothing_from_before_it_came() -> None:
    """It was handed what the others had missed in the first one, with a hole where they had not."""
    outcome = play(
        course(
            40.0,
            100.0,
            Step(0.0, "wish", TRADES),
            Step(8.0, "rest_refuse", {"seconds": 12.0, "status": 0}),
            Step(9.0, "refuse", {"endpoint": "public", "status": 500, "times": 2}),
            Step(9.0, "drop", {"endpoint": "public", "on": "now", "after": 0.0}),
            Step(14.0, "wish", TRADES),
            Step(16.0, "refuse", {"endpoint": "public", "status": 500, "times": 2}),
            Step(16.0, "drop", {"endpoint": "public", "on": "now", "after": 0.0}),
        )
    )
    assert outcome.violations == []
    newcomer = [line.split() for line in outcome.trace if " component 1 trade " in line]
    assert any(line[-1] == "True" for line in newcomer), "it is owed what it missed itself"
    assert newcomer[0][-1] == "False"


def test_candles_of_a_long_sleep_are_those_of_the_market() -> None:
    """The exchange had made up most of them: it was the judge that was wrong, and the market is remembered now."""
    outcome = play(
        replace(
            course(
                20.0,
                30.0,
                Step(0.0, "wish", {"types": ("candle.1s",), "codes": ("KRW-BTC",), "backfill": True, "private": False}),
                Step(10.0, "sleep", {"seconds": 900.0}),
            ),
            backfill=("candle",),
        )
    )
    assert outcome.violations == []
    assert sum(" True" in line for line in outcome.trace if "candle.1s KRW-BTC" in line) > 300


def test_a_candle_that_closed_while_it_was_missed_is_not_followed_by_what_a_lost_line_had_brought_of_it() -> None:
    """What had waited since between two cuts came behind it, and the candle ended at a price of before its end."""
    outcome = play(
        replace(
            course(
                30.0,
                100.0,
                Step(0.0, "wish", {"types": ("candle.1s",), "codes": ("KRW-BTC",), "backfill": True, "private": False}),
                Step(10.0, "rest_slow", {"seconds": 12.0, "slow": 3.0}),
                Step(10.4, "drop", {"endpoint": "public", "on": "now", "after": 0.0}),
                Step(12.4, "drop", {"endpoint": "public", "on": "now", "after": 0.0}),
            ),
            hold=60.0,
        )
    )
    assert outcome.violations == []
    candles = [line.split()[4:] for line in outcome.trace if " component 0 candle.1s " in line]
    starts = [int(start) for _, start, *_ in candles]
    assert starts == sorted(starts)
    assert any(
        one[1] == other[1] and (one[-1], other[-1]) == ("False", "True") for one, other in itertools.pairwise(candles)
    ), "the second line had brought something of a candle that was missed"


def test_a_fill_that_was_missed_is_told_though_the_line_has_gone_on_behind_it() -> None:
    """Where live events do not wait, REST knew nothing new of the order any more when it was asked."""
    outcome = play(
        replace(
            course(
                30.0,
                5.0,
                Step(0.0, "wish", {"types": ("trade",), "codes": ("KRW-BTC",), "backfill": False, "private": True}),
                Step(5.0, "trading", {"fills": 20, "gap": 0.2}),
                Step(5.1, "rest_slow", {"seconds": 10.0, "slow": 0.5}),
                Step(6.1, "drop", {"endpoint": "private", "on": "now", "after": 0.0}),
            ),
            backfill=("order",),
            hold=0.0,
        )
    )
    assert outcome.violations == []
    assert outcome.counts["fills"] == 20
    assert any(" component 0 myOrder " in line and line.endswith("True") for line in outcome.trace)


@pytest.mark.parametrize("after", [0.4, 0.5, 0.6])
def test_a_line_that_is_lost_while_the_next_one_waits_for_its_sign_of_life_takes_nobodys_wishes_with_it(
    after: float,
) -> None:
    """The next line was proved already, and went on with the wishes of then: nothing was asked for on it any more."""
    outcome = play(
        replace(
            course(
                20.0,
                30.0,
                Step(0.0, "wish", TRADES),
                Step(1.0, "wish", {**PLAIN, "types": ("ticker",)}),
                Step(5.0, "reconnect", {"endpoint": "public"}),
                Step(5.0, "drop", {"endpoint": "public", "on": "now", "after": after}),
                Step(15.0, "close", {"which": 0}),
            ),
            delay=0.1,
        )
    )
    assert outcome.violations == []


@pytest.mark.parametrize("after", [0.15, 0.2, 0.25])
def test_a_line_that_is_lost_between_its_proof_and_its_turn_gives_the_wishes_back(after: float) -> None:
    """The old line served on, and nothing was asked for on it any more."""
    outcome = play(
        replace(
            course(
                20.0,
                30.0,
                Step(0.0, "wish", TRADES),
                Step(1.0, "wish", {**PLAIN, "types": ("ticker",)}),
                Step(4.9, "drop", {"endpoint": "public", "on": "open", "after": after}),
                Step(5.0, "reconnect", {"endpoint": "public"}),
                Step(15.0, "close", {"which": 0}),
            ),
            delay=0.1,
        )
    )
    assert outcome.violations == []
    assert outcome.counts["trades missed"] == 0  # the old line has brought all
    assert not any("public epoch 2" in line for line in outcome.trace)


def test_what_waited_behind_a_gap_in_which_nothing_was_missed_stays_in_order() -> None:
    """It was sorted by ids, and those need not rise: two trades of KRW-XRP changed places."""
    outcome = play(
        replace(
            course(
                60.0,
                20.0,
                Step(0.9731, "wish", {**TRADES, "codes": ("KRW-BTC", "KRW-ETH", "KRW-XRP")}),
                Step(52.6206, "stuck", {"endpoint": "public", "after": 0.5}),
                seed=255,
                order="pct",
            ),
            delay=0.02,
            jitter=0.005,
            lag=1.5,
        )
    )
    assert outcome.violations == []
    assert any("0 trades recovered of 0" in line for line in outcome.trace)
