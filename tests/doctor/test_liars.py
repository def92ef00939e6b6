"""Each unfaithful exchange is found out: by the statements that it breaks, and by no others."""

from __future__ import annotations

import pytest

from tests.doctor.examining import examine
from tests.doctor.liars import LIARS, Liar

# Of each kind of lie one or two; `make soak` asks all of them.
FIRST = {
    "merges_instead_of_replacing",
    "keeps_tickets_apart",
    "sends_no_snapshot_before_what_follows",
    "sends_a_snapshot_that_nobody_wants",
    "takes_codes_of_assets",
    "takes_fifteen_levels_for_five",
    "forgets_a_code_in_its_list",
    "has_a_short_key_of_its_own",
    "sends_text_frames_which_is_as_good",
    "calls_an_error_by_another_name",
    "closes_with_1011_after_an_error",
    "takes_a_nonce_twice",
    "takes_hs256_with_any_secret",
    "closes_an_idle_line_too_early",
}
LATER = [pytest.param(liar, marks=pytest.mark.soak, id=liar.name) for liar in LIARS if liar.name not in FIRST]


@pytest.mark.parametrize("liar", [*(pytest.param(each, id=each.name) for each in LIARS if each.name in FIRST), *LATER])
async def test_each_lie_is_found_and_nothing_else(liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    liar.lie(monkeypatch)
    report, _ = await examine(**liar.settings)
    found = {each.number: each.seen for each in report.findings if each.number in report.broken}
    assert found.keys() == liar.broken, found


def test_each_liar_has_a_name_of_its_own_and_those_that_are_asked_first_are_there() -> None:
    names = [liar.name for liar in LIARS]
    assert len(names) == len(set(names))
    assert set(names) >= FIRST
