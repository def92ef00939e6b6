"""The file in which incidents and uptimes outlive the program: SQLite, opened for each use, bounded in rows and age."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec import structs

from upbit_ws_qt import DayUptime, Incident, Phrase, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = [
    "DAYS_KEPT",
    "INCIDENTS_KEPT",
    "ForeignFileError",
    "Kept",
    "incident_from",
    "incident_to_text",
    "load",
    "save",
]

APPLICATION = 0x55_50_57_53
"""Says in the file's header whose it is."""
VERSION = 1
INCIDENTS_KEPT = 2000
DAYS_KEPT = 90
LONGEST_BODY = 64 * 1024
WAIT = 0.5
"""Seconds for which another program may hold the file."""
_DAY = 86_400.0
_PHRASE = "\u0001"
"""Begins a text that is a phrase with its parts; texts from outside never hold it."""
_TABLES = """
CREATE TABLE IF NOT EXISTS incidents (
    began REAL NOT NULL, session TEXT NOT NULL, number INTEGER NOT NULL, touched REAL NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (session, number)
);
CREATE INDEX IF NOT EXISTS incidents_began ON incidents (began);
CREATE TABLE IF NOT EXISTS uptime (
    day INTEGER NOT NULL, line TEXT NOT NULL, wanted REAL NOT NULL, up REAL NOT NULL, losses INTEGER NOT NULL,
    PRIMARY KEY (day, line)
);
"""


class ForeignFileError(Exception):
    """The file is another program's, or one of a newer version; it is left as it is."""


class Kept(NamedTuple):
    """What a file holds: incidents of earlier runs, the newest first, and the sum of each day."""

    incidents: tuple[Incident, ...] = ()
    uptime: tuple[DayUptime, ...] = ()


def load(path: Path, session: str, now: float) -> Kept:
    """Read all but what this session wrote; OSError, sqlite3.Error and ForeignFileError where that fails."""
    with closing(_open(path)) as file, file:
        _prune(file, now)
        rows = file.execute(
            "SELECT touched, body FROM incidents WHERE session != ? ORDER BY began DESC", (session,)
        ).fetchall()
        days = file.execute("SELECT day, line, wanted, up, losses FROM uptime ORDER BY day").fetchall()
    incidents = [found for touched, body in rows if (found := _read(touched, body)) is not None]
    lines = {line.value: line for line in WebSocketType}
    uptime = tuple(
        DayUptime(day=day, ws_type=lines[line], wanted=wanted, up=up, losses=losses)
        for day, line, wanted, up, losses in days
        if line in lines
    )
    return Kept(tuple(incidents), uptime)


def save(path: Path, session: str, now: float, incidents: Iterable[Incident], more: Iterable[DayUptime]) -> None:
    """Write incidents as they stand now, and add `more` to the sums; all of it or nothing."""
    with closing(_open(path)) as file, file:
        file.executemany(
            "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?)",
            [(each.began_at, session, each.incident_id, now, incident_to_text(each)) for each in incidents],
        )
        file.executemany(
            "INSERT INTO uptime VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, line) DO UPDATE SET"
            " wanted = wanted + excluded.wanted, up = up + excluded.up, losses = losses + excluded.losses",
            [(day.day, day.ws_type.value, day.wanted, day.up, day.losses) for day in more],
        )
        _prune(file, now)


def incident_to_text(incident: Incident) -> str:
    """Return an incident as JSON; phrases keep their parts, so that it can be said in any language later."""
    return msgspec.json.encode(incident, enc_hook=_encode).decode()


def incident_from(text: str) -> Incident:
    """Return what `incident_to_text` was given; msgspec.ValidationError and the like for anything else."""
    plain = msgspec.json.decode(text, type=Incident)
    lines = tuple(
        structs.replace(
            line, cause=_spoken(line.cause), reason=_spoken(line.reason), said=tuple(map(_spoken, line.said))
        )
        for line in plain.lines
    )
    alerts = tuple(structs.replace(alert, message=_spoken(alert.message)) for alert in plain.alerts)
    return structs.replace(plain, lines=lines, alerts=alerts)


def _open(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, timeout=WAIT)
    try:
        (application,) = file.execute("PRAGMA application_id").fetchone()
        (version,) = file.execute("PRAGMA user_version").fetchone()
        (tables,) = file.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if (application, version) != (APPLICATION, VERSION):
            if tables or application:
                raise ForeignFileError
            file.execute(f"PRAGMA application_id = {APPLICATION}")
            file.execute(f"PRAGMA user_version = {VERSION}")
        file.executescript(_TABLES)
    except BaseException:
        file.close()
        raise
    return file


def _prune(file: sqlite3.Connection, now: float) -> None:
    file.execute("DELETE FROM incidents WHERE began < ?", (now - DAYS_KEPT * _DAY,))
    file.execute(
        "DELETE FROM incidents WHERE began < (SELECT began FROM incidents ORDER BY began DESC LIMIT 1 OFFSET ?)",
        (INCIDENTS_KEPT - 1,),
    )
    file.execute("DELETE FROM uptime WHERE day < ?", (int(now / _DAY) - DAYS_KEPT,))


def _read(touched: float, body: object) -> Incident | None:
    """Return an incident of an earlier run; None for a row that cannot be used."""
    if not isinstance(body, str) or len(body) > LONGEST_BODY:
        return None
    try:
        incident = incident_from(body)
    except (ValueError, LookupError, TypeError):
        return None
    # The program ended in the middle of it.
    return incident if incident.is_over else structs.replace(incident, ended_at=max(incident.began_at, touched))


def _encode(value: object) -> str:
    if isinstance(value, Phrase):
        parts = {name: list(each) if isinstance(each, tuple) else each for name, each in value.values.items()}
        return _PHRASE + msgspec.json.encode([value.template, parts], enc_hook=_encode).decode()
    raise TypeError(f"{type(value).__name__} cannot be written")


def _spoken(text: str) -> str:
    if not text.startswith(_PHRASE):
        return text
    template, parts = json.loads(text[1:])
    return Phrase(template, **{name: _value(each) for name, each in parts.items()})


def _value(value: object) -> object:
    if isinstance(value, list):
        return tuple(map(_value, value))
    return _spoken(value) if isinstance(value, str) else value
