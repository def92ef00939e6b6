"""The settings page for alerts: from which figure on each is raised, whether it is told, and when it is quiet."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from PyQt6.QtCore import QTime, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import AlertKind, AlertLimits

from ..base.labels import plain_label
from ..base.spacing import Step, spaced
from ..base.text import Texts, mark
from .quiet_hours import CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable

    from .preferences import Preferences

__all__ = ["RULES", "AlertPage", "Threshold"]


class Threshold(NamedTuple):
    """How a figure is written in the dialog.

    Attributes:
        unit: what stands behind it, marked for translation.
        factor: what the setting is multiplied by for that.
        decimals: of it.
        least: smallest that can be chosen.
        most: largest.
    """

    unit: str
    factor: float
    decimals: int
    least: float
    most: float


_MIB = 1 / 1024**2
RULES: tuple[tuple[AlertKind, str, Threshold | None], ...] = (
    (AlertKind.CONNECTION_LOST, mark("A line is down for"), Threshold(mark(" s"), 1, 1, 0.1, 3600)),
    (
        AlertKind.RECONNECTING_OFTEN,
        mark("A line is lost in ten minutes"),
        Threshold(mark(" times"), 1, 0, 1, 10_000),
    ),
    (AlertKind.SLOW, mark("The round trip takes"), Threshold(mark(" ms"), 1000, 0, 1, 60_000)),
    (AlertKind.LATE, mark("Data are old on receipt by"), Threshold(mark(" s"), 1, 2, 0.01, 3600)),
    (AlertKind.ERRORS, mark("Messages of a minute that are errors"), Threshold(mark(" %"), 100, 2, 0.01, 100)),
    (AlertKind.UNSERVED, mark("Streams that do not come"), Threshold("", 1, 0, 1, 1_000_000)),
    (AlertKind.RATE_LIMIT, mark("The minute's messages are used by"), Threshold(mark(" %"), 100, 0, 1, 100)),
    (AlertKind.LOOP_LAG, mark("The program is late by"), Threshold(mark(" ms"), 1000, 0, 1, 3_600_000)),
    (AlertKind.BACKLOG, mark("Work waits for"), Threshold(mark(" s"), 1, 2, 0.01, 3600)),
    (AlertKind.MEMORY, mark("Memory in use"), Threshold(mark(" MiB"), _MIB, 0, 16, 1_000_000)),
    (AlertKind.QUARANTINED, mark("A panel is put aside"), None),
    (AlertKind.SKIPPED, mark("Overload skips events"), None),
    (AlertKind.MAINTENANCE, mark("Maintenance is announced"), None),
)
"""Each kind of alert, in words, and the figure that decides about it where there is one."""


class AlertPage(QWidget):
    """A line for each rule: told or not, and from which figure on; below it sound and quiet hours.

    Args:
        preferences: what is chosen so far.
        parent: of the widget.

    Signals:
        changed(str, object): a preference, and its new value.
    """

    changed = pyqtSignal(str, object)

    def __init__(self, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts = Texts()
        self._limits = preferences.alert_limits
        self._muted = set(preferences.alerts_muted)
        self.told: dict[AlertKind, QCheckBox] = {}
        self.figures: dict[AlertKind, QDoubleSpinBox] = {}
        layout = QVBoxLayout(self)
        spaced(layout, Step.MEDIUM, Step.LARGE)
        note = plain_label("", self)
        note.setWordWrap(True)
        self._say(
            note.setText,
            mark(
                "What is ticked makes a note and a sound; the monitor and the log have every alert. "
                "Another figure is in force after OK, and has the lines dialled anew."
            ),
        )
        layout.addWidget(note)
        grid = QGridLayout()
        spaced(grid, Step.TINY, across=Step.LARGE)
        grid.setColumnStretch(0, 1)
        for row, (kind, title, threshold) in enumerate(RULES):
            self._add_rule(grid, row, kind, title, threshold)
        layout.addLayout(grid)
        self.usual = QPushButton(self)
        self._say(self.usual.setText, mark("Usual figures"))
        self.usual.clicked.connect(self._on_usual)
        line = QHBoxLayout()
        spaced(line)
        line.addStretch()
        line.addWidget(self.usual)
        layout.addLayout(line)
        self._add_sound(layout, preferences)
        self._add_quiet(layout, preferences)
        layout.addStretch()

    def retranslate(self) -> None:
        """Say everything anew."""
        self._texts.again()

    # -- what is on it ------------------------------------------------------------------------------------------------
    def _say(self, setter: Callable[[str], object], text: str) -> None:
        self._texts.put(setter, text)

    def _add_rule(self, grid: QGridLayout, row: int, kind: AlertKind, title: str, threshold: Threshold | None) -> None:
        box = self.told[kind] = QCheckBox(self)
        self._say(box.setText, title)
        box.setChecked(kind not in self._muted)
        box.toggled.connect(partial(self._on_told, kind))
        grid.addWidget(box, row, 0)
        if threshold is None:
            return
        figure = self.figures[kind] = QDoubleSpinBox(self)
        figure.setKeyboardTracking(False)  # 150 is not to pass through 1 and 15
        figure.setDecimals(threshold.decimals)
        figure.setRange(threshold.least, threshold.most)
        figure.setSingleStep(10.0**-threshold.decimals)
        figure.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        figure.setValue(getattr(self._limits, kind) * threshold.factor)
        if threshold.unit:
            self._say(figure.setSuffix, threshold.unit)
        self._name(figure, title)
        figure.valueChanged.connect(partial(self._on_figure, kind, threshold))
        grid.addWidget(figure, row, 1)

    def _name(self, box: QAbstractSpinBox, title: str) -> None:
        """Name a box for a screen reader, and the line in it, to which the keyboard goes."""
        self._say(box.setAccessibleName, title)
        line = box.lineEdit()
        if line is not None:
            self._say(line.setAccessibleName, title)

    def _add_sound(self, layout: QVBoxLayout, preferences: Preferences) -> None:
        self.sound = QCheckBox(self)
        self._say(self.sound.setText, mark("Make a sound"))
        self.sound.setChecked(preferences.alert_sound)
        self.sound.toggled.connect(lambda on: self.changed.emit("alert_sound", on))
        self.try_sound = QPushButton(self)
        self._say(self.try_sound.setText, mark("Hear it"))
        self.try_sound.clicked.connect(lambda: QApplication.beep())
        line = QHBoxLayout()
        spaced(line)
        line.addWidget(self.sound)
        line.addWidget(self.try_sound)
        line.addStretch()
        layout.addLayout(line)

    def _add_quiet(self, layout: QVBoxLayout, preferences: Preferences) -> None:
        self.quiet = QCheckBox(self)
        self._say(self.quiet.setText, mark("Quiet hours: alerts make neither note nor sound"))
        self.quiet.setChecked(preferences.quiet_hours)
        self.quiet.toggled.connect(lambda on: self.changed.emit("quiet_hours", on))
        self.quiet_from = self._clock("quiet_from", preferences.quiet_from, mark("Quiet from"))
        self.quiet_until = self._clock("quiet_until", preferences.quiet_until, mark("Quiet until"))
        line = QHBoxLayout()
        spaced(line)
        line.addWidget(self.quiet)
        line.addWidget(self.quiet_from)
        line.addWidget(plain_label("–", self))
        line.addWidget(self.quiet_until)
        line.addStretch()
        layout.addLayout(line)

    def _clock(self, name: str, text: str, title: str) -> QTimeEdit:
        clock = QTimeEdit(QTime.fromString(text, CLOCK), self)
        clock.setDisplayFormat(CLOCK)
        clock.setEnabled(self.quiet.isChecked())
        self.quiet.toggled.connect(clock.setEnabled)
        self._name(clock, title)
        clock.timeChanged.connect(lambda time: self.changed.emit(name, time.toString(CLOCK)))
        return clock

    # -- what is chosen -----------------------------------------------------------------------------------------------
    def _on_told(self, kind: AlertKind, on: bool) -> None:
        if on:
            self._muted.discard(kind)
        else:
            self._muted.add(kind)
        self.changed.emit("alerts_muted", tuple(each.value for each in AlertKind if each in self._muted))

    def _on_figure(self, kind: AlertKind, threshold: Threshold, value: float) -> None:
        whole = isinstance(getattr(self._limits, kind), int)
        wanted: Any = value / threshold.factor
        self._limits = dataclasses.replace(self._limits, **{kind.value: round(wanted) if whole else wanted})
        self.changed.emit("alert_limits", self._limits)

    @pyqtSlot()
    def _on_usual(self) -> None:
        usual = AlertLimits()
        for kind, _, threshold in RULES:
            if threshold is not None:
                self.figures[kind].setValue(getattr(usual, kind) * threshold.factor)
