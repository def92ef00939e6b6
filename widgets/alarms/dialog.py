"""The form in which an alarm is set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from PyQt6.QtCore import Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import is_market_code

from ..alarm_rules.rules import BAR_SECONDS, LONGEST_COMMAND, LONGEST_NOTE, Keyword, NewListing, Repeat
from ..base.labels import contained, plain_label
from ..base.spacing import Step, spaced
from ..base.text import tr
from ..base.theme import colours_of
from ..base.units import unit_text
from .keeper import AlarmKeeper
from .pages import choose, page_for
from .words import KINDS, kind_text, repeat_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..alarm_rules.rules import Alarm, Condition

__all__ = ["AlarmDialog"]

_WITHOUT_MARKET = (NewListing, Keyword)


class AlarmDialog(QDialog):
    """Sets a new alarm, or another form of one that there is.

    Args:
        alarm: what is shown at first; None for a new one.
        market: that a new one is proposed for.
        markets: the codes that are proposed while one types.
        commands: whether alarms may run programs.
        parent: of the dialog.

    Signals:
        alarmSet(Alarm): OK was pressed.
    """

    alarmSet = pyqtSignal(object)

    def __init__(
        self,
        alarm: Alarm | None = None,
        market: str = "",
        markets: Iterable[str] = (),
        *,
        commands: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("New alarm") if alarm is None else tr("Change the alarm"))
        self._alarm = alarm
        self._commands = commands
        self.kind = contained(QComboBox(self))
        self.pages = QStackedWidget(self)
        for kind in KINDS:
            self.kind.addItem(kind_text(kind), kind)
            self.pages.addWidget(page_for(kind, self.pages))
        self.market = QLineEdit(alarm.market if alarm is not None else market, self)
        completer = QCompleter(sorted(markets), self.market)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        self.market.setCompleter(completer)
        self.repeat, self.unit = contained(QComboBox(self)), contained(QComboBox(self))
        for each in Repeat:
            self.repeat.addItem(repeat_text(each), each)
        for unit in BAR_SECONDS:
            self.unit.addItem(unit_text(unit), unit)
        self.sound, self.note, self.system = (QCheckBox(self) for _ in range(3))
        self.command, self.comment = QLineEdit(self), QLineEdit(self)
        self.command.setMaxLength(LONGEST_COMMAND)
        self.comment.setMaxLength(LONGEST_NOTE)
        self.error = plain_label("", self)
        self.error.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel, self
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.repeat.currentIndexChanged.connect(self._on_repeat)
        self._arrange()
        self._fill(alarm)
        self._on_kind()
        self._on_repeat()

    @property
    def page(self) -> Any:
        """The page of the condition; see `pages`."""
        return self.pages.currentWidget()

    def propose(self, condition: Condition) -> None:
        """Show a condition."""
        choose(self.kind, type(condition))
        self.page.show_condition(condition)

    def _arrange(self) -> None:
        form = QFormLayout()
        spaced(form, Step.SMALL, across=Step.LARGE)
        self._market_label = plain_label(tr("Market"), self)
        for text, field in (
            (tr("Kind"), self.kind),
            ("", self.market),
            ("", self.pages),
            (tr("How often"), self.repeat),
            (tr("Candle"), self.unit),
        ):
            label = self._market_label if field is self.market else plain_label(text, self)
            label.setBuddy(field)
            field.setAccessibleName(label.text())
            form.addRow(field) if field is self.pages else form.addRow(label, field)
        ways = QHBoxLayout()
        spaced(ways, Step.LARGE)
        for box, text in (
            (self.sound, tr("Sound")),
            (self.note, tr("Note in the window")),
            (self.system, tr("Message of the system")),
        ):
            box.setText(text)
            ways.addWidget(box)
        ways.addStretch()
        form.addRow(plain_label(tr("Told by"), self), ways)
        for text, field in ((tr("Comment"), self.comment), (tr("Run a program"), self.command)):
            label = plain_label(text, self)
            label.setBuddy(field)
            field.setAccessibleName(text)
            form.addRow(label, field)
        self.command.setEnabled(self._commands)
        self.command.setToolTip(
            tr("The program gets what happened in UPBIT_ALARM_… of its environment.") if self._commands
            else tr("Not allowed: Settings → Notifications has the switch.")
        )  # fmt: skip
        self.command.setPlaceholderText(self.command.toolTip())
        layout = QVBoxLayout(self)
        spaced(layout, Step.MEDIUM, Step.LARGE)
        layout.addLayout(form)
        layout.addWidget(self.error)
        layout.addStretch()
        layout.addWidget(self.buttons)
        palette = self.error.palette()
        palette.setColor(QPalette.ColorRole.WindowText, QColor(colours_of(self.palette()).bad))
        self.error.setPalette(palette)
        self.error.hide()

    def _fill(self, alarm: Alarm | None) -> None:
        self.sound.setChecked(alarm is None or alarm.sound)
        self.note.setChecked(alarm is None or alarm.note)
        if alarm is None:
            return
        self.propose(alarm.condition)
        choose(self.repeat, alarm.repeat)
        choose(self.unit, alarm.unit)
        self.system.setChecked(alarm.system)
        self.command.setText(alarm.command)
        self.comment.setText(alarm.comment)

    @pyqtSlot()
    def _on_kind(self) -> None:
        self.pages.setCurrentIndex(self.kind.currentIndex())
        for place in range(self.pages.count()):  # room for the page that is shown, and not for the longest one
            page = self.pages.widget(place)
            if page is not None:
                fits = QSizePolicy.Policy.Preferred if page is self.page else QSizePolicy.Policy.Ignored
                page.setSizePolicy(fits, fits)
        self._line_up()
        self.adjustSize()
        self.market.setEnabled(self.kind.currentData() not in _WITHOUT_MARKET)

    def _line_up(self) -> None:
        """Have the names of the condition's fields be as wide as those of the others."""
        labels = [label for label in self.findChildren(QLabel) if label.buddy() is not None]
        width = max(label.sizeHint().width() for label in labels)
        for label in labels:
            label.setMinimumWidth(width)

    @pyqtSlot()
    def _on_repeat(self) -> None:
        self.unit.setEnabled(self.repeat.currentData() is Repeat.BAR)

    @pyqtSlot()
    def accept(self) -> None:
        """Take what is set over; where something is wrong, say it and stay."""
        try:
            alarm = self._made()
        except ValueError as error:
            self.error.setText(str(error))
            self.error.show()
            return
        self.alarmSet.emit(alarm)
        super().accept()

    def _made(self) -> Alarm:
        condition, market = self.page.condition(), self.market.text().strip().upper()
        if isinstance(condition, _WITHOUT_MARKET):
            market = ""
        elif not is_market_code(market):
            raise ValueError(tr("A market's code is wanted, such as KRW-BTC."))
        choices = {
            "repeat": self.repeat.currentData(), "unit": self.unit.currentData(), "sound": self.sound.isChecked(),
            "note": self.note.isChecked(), "system": self.system.isChecked(), "command": self.command.text().strip(),
            "comment": self.comment.text().strip(),
        }  # fmt: skip
        if self._alarm is None:
            return AlarmKeeper.new_alarm(condition, market, **choices)
        return msgspec.structs.replace(self._alarm, condition=condition, market=market, on=True, **choices)
