"""The doctor on the embedded exchange: all of it holds, nothing is exceeded, and what was not looked at says why."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.doctor.examining import EXPECTED, SETTINGS, WAITS, examine, target_of
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.doctor import (
    CHECKS,
    STATEMENTS,
    Examination,
    Expected,
    Finding,
    NotExaminedError,
    Recording,
    Report,
    Target,
    Verdict,
)
from upbit_ws_qt.errors import ConfigurationError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName

if TYPE_CHECKING:
    from pathlib import Path

# What nobody can see of an exchange on this machine, or in a few seconds.
NEVER_HERE = {"P1.5", "P1.8"} | {each.number for each in STATEMENTS if each.unchecked}
# Own orders and announcements come when the demonstration has them, which may be later than the examination lasts.
BY_CHANCE = {"P9.19", "P9.20", "P9.21"}


def verdicts(report: Report, verdict: Verdict) -> set[str]:
    return {each.number for each in report.findings if each.verdict is verdict}


async def test_everything_that_can_be_looked_at_holds_on_the_embedded_exchange() -> None:
    # All markets at once are prepared in one go, which may take some of the seconds after which idle lines are closed.
    patient = replace(EXPECTED, idle=(6.0, 6.0))
    report, exchange = await examine(expected=patient, markets=None, idle_timeout=6.0)
    assert {each.number: each.seen for each in report.findings if each.verdict is Verdict.BROKEN} == {}
    here = {each.number for each in STATEMENTS if not each.regions or "kr" in each.regions}
    assert {each.number for each in report.findings} == here
    assert verdicts(report, Verdict.UNCHECKED) - BY_CHANCE == NEVER_HERE & here
    # Beyond the limits once each, on purpose, and with a wrong token as often as that is asked about.
    assert exchange.counters.message_violations == 3
    assert exchange.counters.connect_violations == 1
    assert exchange.counters.connects_with_origin == 0
    assert not [note for note in report.notes if "decoder" in note]
    assert any("idle 6 s" in note for note in report.notes), "shortened waits are told"


async def test_within_the_limits_at_all_times_where_it_is_not_told_to_exceed_them() -> None:
    report, exchange = await examine(
        expected=Expected(idle=None, status_interval=None), connects_per_second=5, messages_per_second=5
    )
    assert report.broken == ()
    assert exchange.counters.rate_limit_violations == 0
    assert exchange.counters.connects_with_origin == 0
    assert {"P6.1", "P6.6", "P8.1", "P8.2", "P8.3", "P8.7"} <= verdicts(report, Verdict.UNCHECKED)


async def test_without_a_key_only_the_public_part_is_looked_at() -> None:
    report, exchange = await examine(with_key=False, expected=replace(EXPECTED, exceed=False))
    assert report.broken == ()
    needing = {number for each in CHECKS if each.needs == "key" for number in each.numbers}
    here = {each.number for each in report.findings}
    assert needing & here <= verdicts(report, Verdict.UNCHECKED)
    assert exchange.counters.auth_failures == 1, "that there is no way in without a token is asked without a key"
    assert "key no" in report.line_to_share


async def test_it_changes_nothing_of_the_account() -> None:
    exchange = EmbeddedExchange(ExchangeSettings(**{**SETTINGS, "demo": False}))
    async with exchange:
        before = exchange.world.account.balances()
        await Examination(target_of(exchange), waits=WAITS, expected=EXPECTED).run()
        assert exchange.world.account.balances() == before
        assert not exchange.world.account.orders()


async def test_nobody_at_home_is_an_error_of_ours() -> None:
    async with EmbeddedExchange(ExchangeSettings(**SETTINGS)) as exchange:
        target = target_of(exchange)
    with pytest.raises(NotExaminedError, match=r"127\.0\.0\.1"):
        await Examination(target, waits=WAITS, expected=EXPECTED).run()


async def test_an_exchange_that_wants_to_be_left_alone_is_left_alone() -> None:
    async with EmbeddedExchange(ExchangeSettings(**SETTINGS)) as exchange:

        def refuse_from_now_on(finding: Finding) -> None:
            exchange.faults.inject(FaultName.TOO_MANY, endpoint="public")

        examination = Examination(target_of(exchange), waits=WAITS, expected=EXPECTED, on_finding=refuse_from_now_on)
        report = await examination.run()
        connects = exchange.counters.connects_refused
    assert report.is_stopped
    assert "429" in report.notes[0]
    assert any(each.seen == "the examination was stopped" for each in report.findings)
    # Those that were being dialled at that moment, and no more.
    assert connects < 12


async def test_limits_are_exceeded_on_this_machine_only() -> None:
    with pytest.raises(ConfigurationError, match="this machine"):
        Examination(Target.live(), expected=Expected(exceed=True))


def test_a_target_is_checked() -> None:
    assert Target.live("sg").private_url == "wss://sg-api.upbit.com/websocket/v1/private"
    assert Target.at("ws://127.0.0.1:1234/websocket/v1").rest_url == "http://127.0.0.1:1234"
    assert Target.at("ws://127.0.0.1:1234/websocket/v1").is_loopback
    with pytest.raises(ConfigurationError, match="region"):
        Target.live("us")
    with pytest.raises(ConfigurationError, match="public_url"):
        Target.at("http://127.0.0.1:1234/")
    with pytest.raises(ConfigurationError, match="wss://"):
        Target.at("ws://127.0.0.1:1234/websocket/v1", credentials=Credentials("a real key", "a real secret"))


async def test_what_is_recorded_can_be_handed_on_and_played(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    exchange = EmbeddedExchange(ExchangeSettings(**SETTINGS))
    async with exchange:
        recording = Recording(path, (exchange.access_key, exchange.secret_key))
        await Examination(target_of(exchange), waits=WAITS, expected=EXPECTED, recording=recording).run()
        recording.close()
        orders = {order.uuid for order in exchange.world.account.orders()}
    text = path.read_text("utf-8")
    entries = [json.loads(line) for line in text.splitlines()][1:]
    assert sum("frame" in entry for entry in entries) == recording.frames > 100
    assert {"sent", "handshake", "closed"} <= {name for entry in entries for name in entry.get("note", {})}
    assert exchange.access_key not in text
    assert exchange.secret_key not in text
    assert "Bearer" not in text
    assert not [uuid for uuid in orders if uuid in text]
    async with EmbeddedExchange(ExchangeSettings(replay=path)) as player:
        assert "KRW-BTC" in player.world.codes


def test_the_report_says_it_for_people_and_for_programs() -> None:
    report = Report(
        (Finding("P3.2", Verdict.HOLDS, "NO_TICKET"), Finding("P7.3", Verdict.BROKEN, "closed with 1011")),
        ("a note",),
        {"region": "kr", "host": "loopback"},
    )
    text = report.text(with_statements=False)
    assert "✔ P3.2   NO_TICKET" in text
    assert "✘ P7.3   After an error" in text
    assert text.endswith("region kr · loopback · 1 ✔ 1 ✘ 0 –: P7.3")
    value = json.loads(report.to_json())
    assert value["broken"] == ["P7.3"]
    assert value["counts"] == {"holds": 1, "broken": 1, "unchecked": 0}
    assert value["findings"][0]["source"] == "documented"
