"""Whatever a peer does, it ends in a typed error, and the program goes on."""

from __future__ import annotations

import pytest

from tests.hostile_peers import HostilePeer, run


@pytest.mark.parametrize(
    ("sessions", "frames"), [(100, 50), pytest.param(5000, 4000, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])]
)
def test_hostile_peers_cost_a_typed_error_and_no_more(sessions: int, frames: int) -> None:
    findings = run(sessions, frames, seed=11)
    assert findings.wrong == []
    assert sum(findings.outcomes.values()) == sessions
    assert {how.split()[0] for how in findings.outcomes} == set(HostilePeer.LEVELS)
