"""What happened over hours and days: the service's incidents and uptimes, and those of earlier runs from a file."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import DayUptime, GlobalManagerState, Phrase

from ..base.text import mark
from .record_file import ForeignFileError, Kept, load, save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from upbit_ws_qt import Incident, WebSocketService, WebSocketType

__all__ = ["Chronicle", "Entry", "chronicle_of"]

_log = logging.getLogger("upbit_ws_qt.desktop")

SAVE_EVERY_MS = 60_000
SAVE_SOON_MS = 3_000
"""From a change to its being written: what follows it within that is written together with it."""
LOOK_MS = 20
_ONE_AT_A_TIME = threading.Lock()
"""A service that takes another's place reads what that one has written to its end."""
_FAILURES = (OSError, sqlite3.Error, ForeignFileError)


class Entry(NamedTuple):
    """An incident, and the run of the program it is of; "" for the present one."""

    session: str
    incident: Incident


class _Job:
    """Something that reads or writes the file, in a thread of its own: the disk may be slow, or somebody else at it."""

    def __init__(self, act: Callable[[], Kept | None]) -> None:
        self._act = act
        self.result: Kept | None = None
        self.failure: Exception | None = None
        # Not a daemon: what is being written when the program ends is written to its end.
        self.thread = threading.Thread(target=self._run, name="upbit_ws_qt record")
        self.thread.start()

    def _run(self) -> None:
        try:
            with _ONE_AT_A_TIME:
                self.result = self._act()
        except _FAILURES as failure:
            self.failure = failure


class Chronicle(QObject):
    """Keeps what happened in memory, and in a file where there is one. Use `chronicle_of(service)`.

    Nothing waits for the file: it is read and written by a thread that lives as long as that takes. Where it cannot be
    used, what happened is kept in memory, and `problem` says why.

    Attributes:
        path: of the file, None for memory only.
        problem: what is wrong with the file, in words; "" where nothing is.

    Signals:
        changed: something happened, was read, or could not be.
    """

    changed = pyqtSignal()

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._service = service
        self._session = uuid4().hex
        self.path: Path | None = None
        self.problem: str = ""
        self._kept = Kept()
        self._job: _Job | None = None
        self._then: Callable[[Kept | None], None] = _nothing
        self._written: dict[int, Incident] = {}
        self._saved: dict[tuple[int, WebSocketType], DayUptime] = {}
        self._is_read = self._is_useless = self._is_due = False
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._on_look)
        self._regularly = QTimer(self)
        self._regularly.setInterval(SAVE_EVERY_MS)
        self._regularly.timeout.connect(self.save)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(SAVE_SOON_MS)
        self._soon.timeout.connect(self.save)
        service.incidentChanged.connect(self._on_incident)
        service.stateChanged.connect(self._on_state)

    def keep_in(self, path: Path) -> None:
        """Read what a file holds, and go on writing to it; another one than before is no change."""
        if self.path is None:
            self.path = path
            self._regularly.start()
            self._read()

    @property
    def is_busy(self) -> bool:
        """Whether the file is being read or written."""
        return self._job is not None

    def entries(self) -> tuple[Entry, ...]:
        """Return what happened, the newest first."""
        now = [Entry("", incident) for incident in self._service.incidents()]
        return (*now, *(Entry("earlier", incident) for incident in self._kept.incidents))

    def uptime(self) -> tuple[DayUptime, ...]:
        """Return each line on each day, this run and earlier ones together, the oldest day first."""
        days = {(day.day, day.ws_type): day for day in self._kept.uptime}
        for day in self._service.uptime():
            key = day.day, day.ws_type
            days[key] = _sum(days[key], day) if key in days else day
        return tuple(days[key] for key in sorted(days))

    @pyqtSlot()
    def save(self) -> None:
        """Write what is not written yet, as soon as the file is free."""
        if self.path is None or self._is_useless:
            return
        if self._job is not None:
            self._is_due = True
            return
        if not self._is_read:
            self._read()
            return
        uptime = {(day.day, day.ws_type): day for day in self._service.uptime()}
        more = [day if key not in self._saved else _less(day, self._saved[key]) for key, day in uptime.items()]
        more = [day for day in more if day.wanted > 0 or day.losses]
        incidents = {each.incident_id: each for each in self._service.incidents()}
        news = tuple(each for number, each in incidents.items() if self._written.get(number) != each)
        if not more and not news:
            return

        def then(_: Kept | None) -> None:
            self._saved.update(uptime)
            self._written = incidents

        self._begin(partial(save, self.path, self._session, time.time(), news, tuple(more)), then)

    # -- inside ---------------------------------------------------------------------------------------------------
    def _read(self) -> None:
        assert self.path is not None
        path, session = self.path, self._session

        def act() -> Kept:
            path.parent.mkdir(parents=True, exist_ok=True)
            return load(path, session, time.time())

        self._begin(act, self._take)

    def _take(self, kept: Kept | None) -> None:
        assert kept is not None
        self._is_read = True
        self._kept = kept
        self._soon.start()

    def _begin(self, act: Callable[[], Kept | None], then: Callable[[Kept | None], None]) -> None:
        self._job, self._then = _Job(act), then
        self._look.start()

    @pyqtSlot()
    def _on_look(self) -> None:
        job, then = self._job, self._then
        if job is None or job.thread.is_alive():
            return
        self._look.stop()
        self._job = None
        if job.failure is None:
            self.problem = ""
            then(job.result)
        else:
            self._tell(job.failure)
        self.changed.emit()
        if self._is_due:
            self._is_due = False
            self.save()

    def _tell(self, failure: Exception) -> None:
        problem = _problem(str(self.path), failure)
        busy = isinstance(failure, sqlite3.OperationalError)
        self._is_useless = not busy  # it may be free, or have room, a minute later
        if problem != self.problem:
            self.problem = problem
            _log.warning("%s", problem)

    @pyqtSlot(object)
    def _on_incident(self, _: Incident) -> None:
        if self.path is not None and not self._is_useless and not self._soon.isActive():
            self._soon.start()
        self.changed.emit()

    @pyqtSlot(GlobalManagerState)
    def _on_state(self, state: GlobalManagerState) -> None:
        if state is GlobalManagerState.STOPPED:
            self._regularly.stop()
            if self._job is not None:  # the loop may not come round any more
                self._job.thread.join()
                self._on_look()
            self.save()


def _nothing(_: Kept | None) -> None:
    """Do nothing more."""


def _problem(path: str, failure: Exception) -> str:
    if isinstance(failure, ForeignFileError):
        return Phrase(mark("{path} is another program's: what happened is kept in memory only"), path=path)
    if isinstance(failure, sqlite3.OperationalError):
        text = mark("{path} cannot be used now ({reason}): what happened is kept in memory until it can")
        return Phrase(text, path=path, reason=str(failure))
    text = mark("{path} cannot be read ({reason}): move it away; what happened is kept in memory only")
    return Phrase(text, path=path, reason=str(failure))


def _sum(one: DayUptime, other: DayUptime) -> DayUptime:
    wanted, up, losses = one.wanted + other.wanted, one.up + other.up, one.losses + other.losses
    return DayUptime(day=one.day, ws_type=one.ws_type, wanted=wanted, up=up, losses=losses)


def _less(one: DayUptime, other: DayUptime) -> DayUptime:
    wanted, up, losses = one.wanted - other.wanted, one.up - other.up, one.losses - other.losses
    return DayUptime(day=one.day, ws_type=one.ws_type, wanted=wanted, up=up, losses=losses)


def chronicle_of(service: WebSocketService) -> Chronicle:
    """Return the chronicle of a service; it ends with the service."""
    return next(iter(service.findChildren(Chronicle)), None) or Chronicle(service)
