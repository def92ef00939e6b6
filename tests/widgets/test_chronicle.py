"""What happened outlives the program: the file of incidents and uptimes, and what is done where it cannot be used."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from tests.qt.serving import SETTINGS, running_service
from tests.waiting import until
from tests.widgets.monitor_window import PUBLIC, connected, wanting
from upbit_ws_qt import DayUptime, Incident, IncidentLine, Phrase
from upbit_ws_qt.exchange import EmbeddedExchange
from widgets.base.text import Language, said, set_language
from widgets.monitor.chronicle import Chronicle, chronicle_of
from widgets.monitor.record_file import (
    DAYS_KEPT,
    INCIDENTS_KEPT,
    ForeignFileError,
    incident_from,
    incident_to_text,
    load,
    save,
)

if TYPE_CHECKING:
    from pathlib import Path

    from PyQt6.QtWidgets import QApplication

NOW = 1_795_000_000.0
CAUSE = Phrase("no pong within {seconds:g} s", seconds=15.0)
DAY = int(NOW // 86_400)


def incident(number: int = 1, began_at: float = NOW - 60, *, over: bool = True) -> Incident:
    line = IncidentLine(
        ws_type=PUBLIC, lost_at=began_at, cause=CAUSE, down_seconds=12.0, is_down=not over, said=("X",), stale=("tape",)
    )
    return Incident(incident_id=number, began_at=began_at, ended_at=began_at + 12 if over else None, lines=(line,))


def uptime(day: int, wanted: float, up: float) -> DayUptime:
    return DayUptime(day=day, ws_type=PUBLIC, wanted=wanted, up=up, losses=1)


def test_what_is_written_can_be_said_in_another_language_after_a_restart(qapp: QApplication) -> None:
    read = incident_from(incident_to_text(incident()))
    assert read == incident()
    set_language(Language.KOREAN)
    try:
        assert said(read.headline) == "공개 회선 12.0초 끊김: 15초 안에 pong 없음"
    finally:
        set_language(Language.ENGLISH)


def test_sums_grow_and_an_incident_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    save(path, "first", NOW, [incident(over=False)], [uptime(DAY, 60, 48)])
    save(path, "first", NOW + 5, [replace(incident(over=False), incident_id=1)], [uptime(DAY, 5, 5)])
    kept = load(path, "second", NOW + 10)
    (found,) = kept.incidents
    assert found.ended_at == NOW + 5  # the program ended in the middle of it
    (day,) = kept.uptime
    assert (day.wanted, day.up, day.losses) == (65, 53, 2)
    assert load(path, "first", NOW).incidents == ()  # one's own are in memory


def test_rows_and_age_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    many = [incident(number, NOW - number) for number in range(INCIDENTS_KEPT + 10)]
    old = incident(99_999, NOW - (DAYS_KEPT + 1) * 86_400)
    save(path, "first", NOW, [*many, old], [uptime(DAY, 1, 1), uptime(DAY - DAYS_KEPT - 1, 1, 1)])
    kept = load(path, "second", NOW)
    assert len(kept.incidents) == INCIDENTS_KEPT
    assert kept.incidents[0].began_at == NOW
    assert [day.day for day in kept.uptime] == [DAY]


def test_rows_that_cannot_be_used_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    save(path, "first", NOW, [incident()], [])
    with closing(sqlite3.connect(path)) as file, file:
        for number, body in enumerate(("", "{}", "[1]", "x" * 100_000, '{"incident_id":1,"began_at":1,"lines":[{}]}')):
            file.execute("INSERT INTO incidents VALUES (?, 'bad', ?, 1, ?)", (NOW, number, body))
        file.execute("INSERT INTO uptime VALUES (?, 'nowhere', 1, 1, 0)", (DAY,))
    kept = load(path, "second", NOW)
    assert kept.incidents == (incident(),)
    assert kept.uptime == ()


def test_another_programs_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "record.sqlite"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(ForeignFileError):
        save(path, "first", NOW, [incident()], [])
    assert path.read_bytes() == before


async def _settled(chronicle: Chronicle) -> None:
    await until(lambda: not chronicle.is_busy)


@pytest.mark.qasync_loop
async def test_an_outage_and_the_uptime_of_the_day_are_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "record.sqlite"
    async with EmbeddedExchange(SETTINGS) as exchange:
        async with running_service(exchange) as service:
            chronicle = chronicle_of(service)
            assert chronicle_of(service) is chronicle
            chronicle.keep_in(path)
            with wanting(service, exchange):
                await connected(service, PUBLIC)
                exchange.faults.inject("drop", endpoint="public", times=1)
                await until(lambda: any(each.is_over for each in service.incidents()))
                await until(lambda: any(day.ws_type is PUBLIC and day.wanted > 0 for day in service.uptime()))
                (told,) = service.incidents()
        for damage in (None, "locked", "corrupt"):
            other = sqlite3.connect(path)
            if damage == "locked":
                other.execute("BEGIN EXCLUSIVE")
            async with running_service(exchange) as service:
                chronicle = chronicle_of(service)
                if damage == "corrupt":
                    path.write_bytes(b"no database at all" * 1000)
                chronicle.keep_in(path)
                await _settled(chronicle)
                if damage is None:
                    (entry,) = chronicle.entries()
                    assert entry.incident.lines[0].lost_at == told.lines[0].lost_at
                    (day,) = [day for day in chronicle.uptime() if day.ws_type is PUBLIC]
                    assert day.losses == 1
                    assert 0 < day.up < day.wanted
                    assert chronicle.problem == ""
                elif damage == "locked":
                    assert "locked" in chronicle.problem
                    assert chronicle.entries() == ()
                    other.rollback()
                    chronicle.save()
                    await _settled(chronicle)
                    assert chronicle.problem == ""  # it is free again
                    assert len(chronicle.entries()) == 1
                else:
                    assert "move it away" in chronicle.problem
                    chronicle.save()
                    assert not chronicle.is_busy  # it is not tried again
            other.close()
        assert path.read_bytes().startswith(b"no database")
