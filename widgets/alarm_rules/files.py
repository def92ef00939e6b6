"""The files of alarms: what there is, replaced at once or not at all, and what fired, one line after the other.

A file that somebody or something has damaged is put aside as it is, under a name beside it, before another takes its
place: nothing in it is lost. What can be read of it stays in force.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import deque
from pathlib import Path
from typing import TypeVar

import msgspec

from .rules import MOST_ALARMS, Alarm
from .watch import AlarmState, Firing

__all__ = ["AlarmFile", "AlarmFileError", "FiringLog", "Stored"]

MOST_BYTES = 4 * 1024 * 1024
MOST_FIRINGS = 1000
_VERSION = 1
_MOST_ASIDE = 100
_T = TypeVar("_T")


class Stored(msgspec.Struct, frozen=True):
    """What a file holds: alarms, and by their ids what became of them."""

    alarms: tuple[Alarm, ...] = ()
    states: dict[str, AlarmState] = {}


class AlarmFileError(Exception):
    """A file of alarms could not be read, or not all of it.

    Attributes:
        path: of the file.
        cause: why, in English.
        aside: where it was put as it is; None where it could not be touched, and is left alone.
        usable: what could be read of it.
    """

    def __init__(self, path: Path, cause: str, aside: Path | None, usable: Stored) -> None:
        super().__init__(f"{path}: {cause}" + (f"; it was put aside as {aside.name}" if aside else ""))
        self.path, self.cause, self.aside, self.usable = path, cause, aside, usable


class _Plain(msgspec.Struct):
    version: int
    alarms: list[msgspec.Raw]
    states: dict[str, msgspec.Raw] = {}


class AlarmFile:
    """Keeps alarms in a JSON file; without a path nothing is kept.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._hands_off = False

    def read(self) -> Stored:
        """Return what is kept; nothing where there is no file yet.

        Raises:
            AlarmFileError: the file is damaged, or cannot be read. Its `usable` is what is in force from now on.
        """
        if self.path is None:
            return Stored()
        try:
            with self.path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except FileNotFoundError:
            return Stored()
        except OSError as error:
            self._hands_off = True  # it may be whole: nothing takes its place
            raise AlarmFileError(self.path, error.strerror or str(error), None, Stored()) from error
        usable, cause = _parsed(data)
        if cause:
            aside = _put_aside(self.path)
            self._hands_off = aside is None
            with contextlib.suppress(OSError):  # what is put aside has it all
                self.write(usable)
            raise AlarmFileError(self.path, cause, aside, usable)
        return usable

    def write(self, stored: Stored) -> None:
        """Keep this instead; OSError where that is not possible, ValueError where it is too much."""
        if self.path is None:
            return
        if self._hands_off:
            raise PermissionError(13, "the file could not be read, and is left as it is")
        data = msgspec.json.encode({"version": _VERSION, "alarms": stored.alarms, "states": stored.states})
        if len(data) > MOST_BYTES:
            raise ValueError(f"{len(data)} bytes are more than {MOST_BYTES}")  # it could not be read back
        _replace(self.path, data)


class FiringLog:
    """The newest firings, in a file of one JSON line each; without a path they last as long as the program.

    A line that was cut off by a crash, or damaged, is passed over and counted.

    Args:
        path: of the file.

    Attributes:
        unread: how many lines could not be read; a file that is far too long is one, and put aside.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._firings: deque[Firing] = deque(maxlen=MOST_FIRINGS)
        self._lines = 0
        self.unread = 0

    @property
    def firings(self) -> tuple[Firing, ...]:
        """The newest ones, oldest first."""
        return tuple(self._firings)

    def read(self) -> None:
        """Read what fired before; OSError where there is a file that cannot be read."""
        if self._path is None or not self._path.exists():
            return
        if self._path.stat().st_size > MOST_BYTES:
            self.unread = 1
            _put_aside(self._path)
            return
        cut_off = False
        with self._path.open("rb") as file:
            for line in file:
                self._lines += 1
                cut_off = not line.endswith(b"\n")
                try:
                    self._firings.append(msgspec.json.decode(line, type=Firing))
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    self.unread += 1
        if (self.unread and _put_aside(self._path) is not None) or (
            not self.unread and (cut_off or self._lines > 2 * MOST_FIRINGS)
        ):
            self._compact()

    def add(self, firing: Firing) -> None:
        """Note a firing; OSError where it cannot be written, it is known for as long as the program runs even so."""
        self._firings.append(firing)
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._lines > 2 * MOST_FIRINGS:
            self._compact()
            return
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as file:
            file.write(msgspec.json.encode(firing) + b"\n")
        self._lines += 1

    def _compact(self) -> None:
        assert self._path is not None
        _replace(self._path, b"".join(msgspec.json.encode(each) + b"\n" for each in self._firings))
        self._lines = len(self._firings)


def _put_aside(path: Path) -> Path | None:
    """Give a file another name, one that is free; None where that is not possible."""
    for number in range(1, _MOST_ASIDE):
        aside = path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")
        if not aside.exists():
            try:
                path.rename(aside)
            except OSError:
                return None
            return aside
    return None


def _parsed(data: bytes) -> tuple[Stored, str]:
    """Return what can be used, and what is wrong; "" where nothing is."""
    if len(data) > MOST_BYTES:
        return Stored(), f"it is longer than {MOST_BYTES} bytes"
    try:
        plain = msgspec.json.decode(data, type=_Plain)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Stored(), str(error)[:200]
    if plain.version != _VERSION:
        return Stored(), f"it is of version {plain.version}, and this program knows {_VERSION}"
    causes: list[str] = []
    alarms: dict[str, Alarm] = {}
    for raw in plain.alarms[:MOST_ALARMS]:
        alarm = _decoded(raw, Alarm, causes)
        if alarm is not None and alarm.id in alarms:
            causes.append(f"the id {alarm.id[:40]!r} is there twice")
        elif alarm is not None:
            alarms[alarm.id] = alarm
    if len(plain.alarms) > MOST_ALARMS:
        causes.append(f"there are more than {MOST_ALARMS} alarms")
    states = {key: _decoded(raw, AlarmState, causes) for key, raw in plain.states.items() if key in alarms}
    known = {key: state for key, state in states.items() if state is not None}
    return Stored(tuple(alarms.values()), known), "; ".join(causes[:3])


def _decoded(raw: msgspec.Raw, kind: type[_T], causes: list[str]) -> _T | None:
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        causes.append(str(error)[:200])
        return None


def _replace(path: Path, data: bytes) -> None:
    """Replace a file at once or not at all, also where the computer loses its power meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
