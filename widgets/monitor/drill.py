"""The tab of the fault drill: outages to be tried on the embedded exchange, what should happen, and what did."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from PyQt6.QtCore import QTimer, pyqtSlot
from PyQt6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from upbit_ws_qt import ConnectionState, GapEvent, GapReport, WebSocketType

from ..base.asking import Question
from ..base.labels import plain_label
from ..base.spacing import spaced
from ..base.text import mark, tr
from ..base.theme import HEALTH_SHAPES
from .exercises import EXERCISES, Exercise, Observation, observed_text
from .table import Column, RecordTable

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QMenu

    from upbit_ws_qt import ConnectionMetrics, WebSocketService

    from .exercises import FaultStep

__all__ = ["DrillTab", "FaultControl", "control_of"]

LOOK_MS = 250
SETTLES = 3.0
"""Seconds after its faults were taken back for which an exercise that ends with them is still looked at."""
_ANSWER = 10.0
_LINE = WebSocketType.PUBLIC


def control_of(rest_url: str) -> str:
    """Return where the exchange with this REST interface takes faults."""
    parts = urlsplit(rest_url)
    return f"{parts.scheme}://{parts.netloc}/control"


class FaultControl:
    """Tells the embedded exchange what to do wrong, over its control path."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    async def inject(self, faults: tuple[FaultStep, ...]) -> str:
        """Begin these faults; return what went wrong with that, "" for nothing."""
        for fault in faults:
            body = {"name": fault.name, "endpoint": fault.endpoint, "options": dict(fault.options)}
            problem = await self._ask("POST", body)
            if problem:
                return problem
        return ""

    async def clear(self) -> str:
        """End all faults; return what went wrong with that, "" for nothing."""
        return await self._ask("DELETE", None)

    async def _ask(self, method: str, body: dict[str, Any] | None) -> str:
        import aiohttp  # when it is first needed: a third of a second, and most programs try no outage

        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_ANSWER)) as session,
                session.request(method, f"{self.url}/faults", json=body) as answer,
            ):
                return "" if answer.status == 200 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return str(error) or type(error).__name__


@dataclass(slots=True)
class _Row:
    """An exercise, and how it went last; `verdict` is None before it was tried, and while it runs."""

    exercise: Exercise
    seen: Observation | None = None
    verdict: bool | None = None
    problem: str = ""


class _Run:
    """An exercise under way."""

    def __init__(self, row: _Row, before: ConnectionMetrics) -> None:
        self.row = row
        self.began = time.monotonic()
        self.wall = time.time()
        self.before = before
        self.cleared = row.exercise.lasts == 0.0

    @property
    def age(self) -> float:
        return time.monotonic() - self.began


class DrillTab(QWidget):
    """Tries outages one at a time; only on an exchange of our own.

    Args:
        service: whose public line is watched.
        control: begins and ends faults.
        parent: of the widget.
    """

    def __init__(self, service: WebSocketService, control: FaultControl, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._control = control
        self._run: _Run | None = None
        self.rows = [_Row(exercise) for exercise in EXERCISES]
        columns: list[Column[_Row]] = [
            Column("", _sign, "▲▲", level=_level),
            Column(mark("outage"), lambda row: tr(row.exercise.name)),
            Column(mark("what did"), _told),
            Column(mark("what should happen"), lambda row: tr(row.exercise.should)),
        ]
        self.table: RecordTable[_Row] = RecordTable(columns, id, mark("Fault drill"), mark("No outages."), self)
        self.note = plain_label("", self)
        self.note.setWordWrap(True)
        self.start, self.stop = QPushButton(self), QPushButton(self)
        self.start.clicked.connect(self.try_selected)
        self.stop.clicked.connect(self.end)
        foot = QHBoxLayout()
        spaced(foot)
        foot.addWidget(self.note, 1)
        foot.addWidget(self.start)
        foot.addWidget(self.stop)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addWidget(self.table, 1)
        layout.addLayout(foot)
        self._look = QTimer(self)
        self._look.setInterval(LOOK_MS)
        self._look.timeout.connect(self._on_look)
        service.connectionStateChanged.connect(self._on_state)
        service.gapDetected.connect(self._on_gap)
        service.gapHealed.connect(self._on_healed)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._show_possible)
        self.table.activated.connect(self.try_selected)
        self.table.rowMenuRequested.connect(self._on_row_menu)
        self.table.show_records(self.rows)
        self.table.selectRow(0)
        self.retranslate()

    # -- trying -------------------------------------------------------------------------------------------------------
    @property
    def running(self) -> Exercise | None:
        """The outage that is being tried; None for none."""
        return None if self._run is None else self._run.row.exercise

    @pyqtSlot()
    def try_selected(self) -> None:
        """Try the outage whose row is chosen."""
        row = self.table.selected()
        if row is not None and self._run is None and self._is_up():
            self._begin(row)

    def _begin(self, row: _Row) -> None:
        row.seen, row.verdict, row.problem = Observation(), None, ""
        self._run = _Run(row, self._service.connection_metrics(_LINE))
        question = Question(self._control.inject(row.exercise.faults), self)
        question.done.connect(self._on_injected)
        self._look.start()
        self._show()

    @pyqtSlot()
    def end(self) -> None:
        """Take all faults back, and judge what was seen so far."""
        Question(self._control.clear(), self)
        if self._run is not None:
            self._finish(self._run)

    @pyqtSlot(object)
    def _on_injected(self, problem: str) -> None:
        if problem and self._run is not None:
            self._run.row.problem = problem
            self._finish(self._run)

    @pyqtSlot()
    def _on_look(self) -> None:
        run = self._run
        if run is None or run.row.seen is None:
            self._look.stop()
            return
        seen, exercise, age = run.row.seen, run.row.exercise, run.age
        seen.note_reading(run.before, self._service.connection_metrics(_LINE))
        for event in self._service.line_events(age + 1):
            if event.kind == "restored" and event.ws_type is _LINE and event.at >= run.wall:
                seen.note_restored(event)
        if not run.cleared and age >= exercise.lasts:
            run.cleared = True
            Question(self._control.clear(), self)
        over = exercise.within if exercise.ends_early else exercise.lasts + SETTLES
        done = exercise.ends_early and run.cleared and exercise.as_it_should(seen)
        if done or age >= over:
            self._finish(run)
        else:
            self._show()

    def _finish(self, run: _Run) -> None:
        self._run = None
        self._look.stop()
        row = run.row
        if row.seen is not None and not row.problem:
            row.verdict = row.exercise.as_it_should(row.seen)
        Question(self._control.clear(), self)  # a fault that is for several times may not be used up
        self._show()

    # -- watching -----------------------------------------------------------------------------------------------------
    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_state(self, line: WebSocketType, state: ConnectionState) -> None:
        run = self._run
        if run is not None and run.row.seen is not None and line is _LINE:
            run.row.seen.note_state(run.age, state)
            self._show()
        self._show_possible()

    @pyqtSlot(GapEvent)
    def _on_gap(self, gap: GapEvent) -> None:
        run = self._run
        fills = bool(self._service.config.backfill)  # without back-fill nobody looks for what was missed
        if run is not None and run.row.seen is not None and gap.ws_type is _LINE and gap.streams and fills:
            run.row.seen.may_miss = True

    @pyqtSlot(GapReport)
    def _on_healed(self, report: GapReport) -> None:
        run = self._run
        if run is not None and run.row.seen is not None and report.ws_type is _LINE:
            run.row.seen.note_report(report)

    def _is_up(self) -> bool:
        return self._service.connection_state(_LINE) is ConnectionState.CONNECTED

    # -- looks --------------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        viewport = self.table.viewport()
        if viewport is not None:
            viewport.update()  # the rows are the same ones, and say something else
        self._show_possible()

    def _show_possible(self) -> None:
        row = self.table.selected()
        self.start.setEnabled(row is not None and self._run is None and self._is_up())
        self.stop.setEnabled(self._run is not None)
        words = ""
        if row is not None:  # where there is little room, the table has less than half of it
            should, did = tr("Should: {what}", what=tr(row.exercise.should)), tr("Did: {what}", what=_told(row))
            words = "\n".join((tr(row.exercise.does), should, did))
        if self._run is None and not self._is_up():
            words = tr("The public connection has to be up before it can be broken.")
        self.note.setText(words)

    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        action = menu.addAction(self.start.text(), self.try_selected) if index.isValid() else None
        if action is not None:
            action.setEnabled(self.start.isEnabled())

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.start.setText(tr("Try it now"))
        self.start.setToolTip(tr("Have the embedded exchange do this now"))
        self.stop.setText(tr("End it"))
        self.stop.setToolTip(tr("Take all faults back"))
        self._show_possible()


def _sign(row: _Row) -> str:
    return HEALTH_SHAPES[_level(row)]


def _level(row: _Row) -> str:
    if row.problem or row.verdict is False:
        return "bad"
    return "good" if row.verdict else "warn" if row.seen is not None else "idle"


def _told(row: _Row) -> str:
    if row.problem:
        return tr("could not be tried: {reason}", reason=row.problem)
    if row.seen is None:
        return tr("not tried yet")
    if row.verdict is None:
        return tr("under way: {seen}", seen=observed_text(row.seen))
    return observed_text(row.seen)
