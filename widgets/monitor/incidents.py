"""The tab of incidents: what happened, newest first, and beside it the card of the one that is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from ..base.copying import put_on_clipboard
from ..base.labels import PlainLabel, plain_label
from ..base.spacing import Step, spaced
from ..base.text import mark, said, tr
from ..base.theme import HEALTH_SHAPES, colours_of
from .incident_words import card_rows, card_text, incident_level, moment, time_text
from .table import Column, RecordTable
from .words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upbit_ws_qt import Incident

    from .chronicle import Entry

__all__ = ["IncidentCard", "IncidentsTab"]

TABLE_SHARE, CARD_SHARE = 3, 2


class IncidentCard(QScrollArea):
    """One incident, with all that is known of it; can be copied as text."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._incident: Incident | None = None
        self._rows: list[tuple[PlainLabel, PlainLabel]] = []
        inside = QWidget(self)
        self.headline = plain_label("", inside)
        self.headline.setWordWrap(True)
        font = self.headline.font()
        font.setBold(True)
        self.headline.setFont(font)
        self.copy = QPushButton(inside)
        self.copy.clicked.connect(self._on_copy)
        self._grid = QGridLayout()
        self._grid.setColumnStretch(1, 1)
        spaced(self._grid, Step.TINY, across=Step.MEDIUM)
        foot = QHBoxLayout()
        foot.addStretch()
        foot.addWidget(self.copy)
        layout = QVBoxLayout(inside)
        spaced(layout, Step.SMALL, Step.MEDIUM, Step.SMALL)
        layout.addWidget(self.headline)
        layout.addLayout(self._grid)
        layout.addStretch()
        layout.addLayout(foot)
        self.setWidget(inside)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.retranslate()

    @property
    def text(self) -> str:
        """What the card says, as it is copied; empty where none is chosen."""
        return "" if self._incident is None else card_text(self._incident)

    def show_incident(self, incident: Incident | None) -> None:
        """Show this one, or none."""
        if incident != self._incident:
            self._incident = incident
            self.retranslate()

    def retranslate(self) -> None:
        """Say everything in the language and the colours in force."""
        incident = self._incident
        self.setAccessibleName(tr("What happened"))
        self.setAccessibleDescription(self.text)
        self.copy.setText(tr("Copy as text"))
        self.copy.setVisible(incident is not None)
        colours = colours_of(self.palette())
        palette = QPalette(self.palette())
        if incident is None:
            self.headline.setText(tr("Choose an incident to read what happened."))
        else:
            level = incident_level(incident)
            self.headline.setText(f"{HEALTH_SHAPES[level]} {said(incident.headline)}")
            palette.setColor(QPalette.ColorRole.WindowText, QColor(colours.health(level)))
        self.headline.setPalette(palette)
        rows = [] if incident is None else card_rows(incident)
        while len(self._rows) < len(rows):
            pair = (plain_label("", self.widget()), plain_label("", self.widget()))
            pair[1].setWordWrap(True)
            pair[1].setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            for column, label in enumerate(pair):
                self._grid.addWidget(label, len(self._rows), column, Qt.AlignmentFlag.AlignTop)
            self._rows.append(pair)
        for number, (title, text) in enumerate(self._rows):
            row = rows[number] if number < len(rows) else None
            title.setVisible(row is not None)
            text.setVisible(row is not None)
            if row is None:
                continue
            title.setText(row.title or row.text)
            text.setText(row.text if row.title else "")
            font = self.font()
            font.setBold(not row.title)
            title.setFont(font)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow language and palette."""
        super().changeEvent(event)
        kinds = (QEvent.Type.LanguageChange, QEvent.Type.PaletteChange)
        if event is not None and event.type() in kinds and hasattr(self, "copy"):
            self.retranslate()

    def _on_copy(self) -> None:
        put_on_clipboard(self.text)


class IncidentsTab(QWidget):
    """A list and a card.

    Signals:
        chosen: another incident was chosen; None for none.
    """

    chosen = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        columns: list[Column[Entry]] = [
            Column("", lambda entry: HEALTH_SHAPES[incident_level(entry.incident)], "▲▲", level=_level),
            Column(mark("began"), lambda entry: moment(entry.incident.began_at), "00-00 00:00:00"),
            Column(mark("what happened"), lambda entry: said(entry.incident.headline)),
            Column(mark("dark"), _dark_text, "59 min 59 s", right=True),
            Column(mark("missed"), _missed, "99,999", right=True),
            Column(mark("recovered"), _recovered, "99,999", right=True),
        ]
        empty = mark("Nothing happened: no line was lost.")
        self.table: RecordTable[Entry] = RecordTable(columns, _key, mark("Incidents"), empty, self)
        self.card = IncidentCard(self)
        self.split = QSplitter(Qt.Orientation.Horizontal, self)
        self.split.addWidget(self.table)
        self.split.addWidget(self.card)
        self.split.setStretchFactor(0, TABLE_SHARE)
        self.split.setStretchFactor(1, CARD_SHARE)
        self.split.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addWidget(self.split)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._on_chosen)

    def show_entries(self, entries: Sequence[Entry]) -> None:
        """Show these, the newest first; the first one is chosen where none is."""
        self.table.show_records(entries)
        if self.table.selected() is None and entries:
            self.table.selectRow(0)
        self._on_chosen()

    def choose(self, entry: Entry) -> None:
        """Show the card of an incident."""
        for row, each in enumerate(self.table.records.records):
            if _key(each) == _key(entry):
                self.table.selectRow(row)
                self.table.scrollTo(self.table.records.index(row, 0))

    def _on_chosen(self) -> None:
        entry = self.table.selected()
        self.card.show_incident(None if entry is None else entry.incident)
        self.chosen.emit(entry)


def _key(entry: Entry) -> tuple[str, int, float]:
    return entry.session, entry.incident.incident_id, entry.incident.began_at


def _level(entry: Entry) -> str:
    return incident_level(entry.incident)


def _dark_text(entry: Entry) -> str:
    return time_text(entry.incident.down_seconds) if entry.incident.lines else NOTHING


def _missed(entry: Entry) -> str:
    return f"{entry.incident.missed:,}" if any(line.is_healed for line in entry.incident.lines) else NOTHING


def _recovered(entry: Entry) -> str:
    return f"{entry.incident.recovered:,}" if any(line.is_healed for line in entry.incident.lines) else NOTHING
