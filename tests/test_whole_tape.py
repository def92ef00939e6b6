"""The tape of the example is whole, whatever the clocks say, and where REST refuses in the middle."""

from __future__ import annotations

import pytest

from examples.whole_tape import Tape, compare, record


@pytest.mark.parametrize("skew", [0.0, 5.0, -5.0, 3600.0, -3600.0])
async def test_nothing_is_missing_twice_or_out_of_order(skew: float) -> None:
    assert await record(cuts=2, markets=3, skew=skew) == 0


async def test_too_many_in_the_middle_only_takes_longer() -> None:
    assert await record(cuts=3, markets=3, too_many=4) == 0


@pytest.mark.soak
async def test_fifty_cuts_of_twenty_markets() -> None:
    assert await record() == 0


def test_what_is_wrong_with_a_tape_is_seen() -> None:
    tape, witness = Tape(), Tape()
    witness.ids = {"A": [1, 2, 3, 4, 5], "B": [7, 8]}
    tape.ids = {"A": [2, 4, 3, 3], "B": [7, 8]}
    assert compare(tape, witness) == (6, 1, 1, 1)
