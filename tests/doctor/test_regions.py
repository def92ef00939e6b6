"""The doctor in the other countries: what differs there is asked there, and nothing else is found wrong."""

from __future__ import annotations

import pytest

from tests.doctor.examining import examine
from upbit_ws_qt.doctor import STATEMENTS, Verdict


@pytest.mark.statement("P11.1", "P11.2", "P11.3", "P11.4", "P11.5", "P11.6", "P11.7")
@pytest.mark.parametrize("region", ["id", *(pytest.param(each, marks=pytest.mark.soak) for each in ("sg", "th"))])
async def test_everything_holds_in_a_region(region: str) -> None:
    report, exchange = await examine(region=region)
    assert {each.number: each.seen for each in report.findings if each.verdict is Verdict.BROKEN} == {}
    here = [each.number for each in STATEMENTS if not each.regions or region in each.regions]
    assert [each.number for each in report.findings] == here
    told = {each.number for each in report.findings if each.verdict is Verdict.HOLDS}
    assert {number for number in here if number.startswith("P11.")} <= told
    assert exchange.counters.connects_with_origin == 0
    assert f"region {region}" in report.line_to_share
