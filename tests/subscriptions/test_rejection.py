"""The search for a refused wish: halves, control, strikes, and a limit to suspicion."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.subscriptions.specs import codes, ticker
from upbit_ws_qt.subscriptions import Standing, SubscriptionStateManager
from upbit_ws_qt.subscriptions.refused_wish_search import RejectionSearch
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.subscriptions.wishes import Wish

PUBLIC = WebSocketType.PUBLIC


class Court:
    """Some wishes, a search, and an exchange that refuses what holds one of the bad ones."""

    def __init__(self, count: int) -> None:
        self.state = SubscriptionStateManager(clock=lambda: 0.0)
        for code in codes(count):
            self.state.replace(code, [ticker(code)])
        self.blamed: list[str] = []
        self.search = RejectionSearch(PUBLIC, self.state, lambda wish: self.blamed.append(*wish.owners))

    def ask(self, bad: set[str], *, has_control: bool = True) -> bool:
        suspects = self.search.suspects()
        if any(bad.intersection(wish.owners) for wish in self.asked()):
            self.search.rejected(suspects, "INVALID_PARAM", has_control=has_control)
            return False
        self.search.accepted(suspects)
        return True

    def asked(self) -> tuple[Wish, ...]:
        return self.state.wishes(PUBLIC, Standing.NEW, Standing.TRUSTED)


@pytest.mark.parametrize("seed", range(20))
def test_every_guilty_wish_is_found_and_nobody_else_is_blamed(seed: int) -> None:
    rng = random.Random(seed)
    court = Court(rng.randint(1, 40))
    bad = set(rng.sample(codes(len(court.asked())), rng.randint(0, min(4, len(court.asked())))))
    for _ in range(500):
        court.ask(bad)
        if not court.search.release_next():
            break
    assert set(court.blamed) == bad
    assert {name for wish in court.asked() for name in wish.owners} == set(codes(len(court.asked()) + len(bad))) - bad
    assert not court.search.is_searching


def lines_lost(court: Court, bad: set[str]) -> int:
    lost = int(not court.ask(bad))
    while court.search.release_next():
        lost += not court.ask(bad)
    assert set(court.blamed) == bad
    return lost


@pytest.mark.parametrize(("count", "mean", "most"), [(1, 2, 2), (2, 2, 2), (8, 3, 4), (64, 4.1, 7)])
def test_one_guilty_among_many_is_found_in_few_lines(count: int, mean: float, most: int) -> None:
    """Wherever it stands; what is taken on the way says as much as what is refused."""
    lost = [lines_lost(Court(count), {code}) for code in codes(count)]
    assert max(lost) <= most
    assert sum(lost) / len(lost) <= mean


def test_a_refusal_that_may_have_had_another_reason_is_not_held_against_anybody() -> None:
    court = Court(1)
    for _ in range(3):
        court.search.rejected(court.search.suspects(), "INVALID_PARAM", has_control=True, is_doubtful=True)
        assert court.search.is_open
        assert court.search.release_next()
    assert court.ask(set())
    assert court.blamed == []
    assert not court.search.is_open


def test_several_refused_before_anything_was_answered_are_not_half_convicted_by_that() -> None:
    court = Court(2)
    for _ in range(2):  # nothing works for a while
        court.search.rejected(court.search.suspects(), "INVALID_PARAM", has_control=False)
        assert court.search.release_next()
    while court.search.is_open:
        assert court.ask(set())
        court.search.release_next()
    assert court.blamed == []


def test_the_trusted_are_asked_for_while_suspects_wait() -> None:
    court = Court(4)
    assert court.ask(set())
    court.state.replace("KRW-NEW", [ticker("KRW-NEW")])
    court.state.replace("KRW-BAD", [ticker("KRW-BAD")])
    assert not court.ask({"KRW-BAD"})
    assert {name for wish in court.asked() for name in wish.owners} == set(codes(4))
    assert court.search.is_searching


def test_without_control_a_lone_suspect_is_only_blamed_after_several_lines() -> None:
    court = Court(1)
    bad = {"KRW-C0"}
    for _ in range(2):
        court.ask(bad, has_control=False)
        assert court.blamed == []
        assert court.search.release_next()
    court.ask(bad, has_control=False)
    assert court.blamed == ["KRW-C0"]


def test_an_error_out_of_nowhere_convicts_nobody() -> None:
    court = Court(1)
    court.search.rejected(court.search.suspects(), "INVALID_PARAM", has_control=True)
    assert court.blamed == []
    assert court.search.release_next()
    assert court.ask(set())
    assert not court.search.is_searching


def test_refusals_of_what_was_taken_before_put_everything_under_suspicion_again() -> None:
    court = Court(3)
    assert court.ask(set())
    bad = {"KRW-C1"}  # the market has been delisted meanwhile, say
    assert not court.ask(bad)
    assert court.blamed == []
    assert len(court.asked()) == 3
    for _ in range(20):
        court.ask(bad)
        court.search.release_next()
    assert court.blamed == ["KRW-C1"]


def test_who_is_left_over_is_not_blamed_for_one_that_has_gone() -> None:
    court = Court(2)
    assert court.ask(set())
    court.state.replace("KRW-BAD", [ticker("KRW-BAD")])
    court.state.replace("KRW-NEW", [ticker("KRW-NEW")])
    suspects = court.search.suspects()
    court.state.replace("KRW-BAD", [])
    court.search.rejected(suspects, "INVALID_PARAM", has_control=True)
    assert court.blamed == []
    assert court.search.release_next()
    assert court.ask({"KRW-BAD"})
    assert len(court.asked()) == 3


def test_one_that_has_gone_is_enough_to_explain_a_refusal() -> None:
    court = Court(1)
    assert court.ask(set())
    for _ in range(3):
        court.state.replace("KRW-BAD", [ticker("KRW-BAD")])
        suspects = court.search.suspects()
        court.state.replace("KRW-BAD", [])
        court.search.rejected(suspects, "INVALID_PARAM", has_control=True)
    assert court.search.systemic == 0
    assert court.search.suspects() == frozenset()


def test_suspects_that_nobody_wants_any_more_are_dropped() -> None:
    court = Court(2)
    court.ask({"KRW-C0"})
    court.state.replace("KRW-C0", [])
    court.state.replace("KRW-C1", [])
    assert not court.search.release_next()
    assert not court.search.is_searching
