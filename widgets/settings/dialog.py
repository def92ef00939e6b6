"""The settings: every change is seen at once; Cancel takes all of them back."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QEvent, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt import DataFormat, IndependenceLevel

from ..base.panel import plain_label
from ..base.text import Language, Texts, mark
from ..base.theme import MarketScheme, ThemeMode
from ..base.tokens import Density
from .alert_rules import AlertPage
from .keys import KeysPage

if TYPE_CHECKING:
    from enum import StrEnum

    from upbit_ws_qt import ServiceConfig

    from .preferences import Preferences

__all__ = ["SettingsDialog"]

_LOOK: tuple[tuple[str, str, tuple[tuple[StrEnum, str], ...]], ...] = (
    (
        "language",
        mark("Language"),
        ((Language.SYSTEM, mark("As the system")), (Language.KOREAN, "한국어"), (Language.ENGLISH, "English")),
    ),
    (
        "theme",
        mark("Theme"),
        (
            (ThemeMode.SYSTEM, mark("As the system")),
            (ThemeMode.LIGHT, mark("Light")),
            (ThemeMode.DARK, mark("Dark")),
        ),
    ),
    (
        "scheme",
        mark("Price colours"),
        (
            (MarketScheme.KOREAN, mark("Korean: red up, blue down")),
            (MarketScheme.WESTERN, mark("Western: green up, red down")),
            (MarketScheme.OKABE_ITO, mark("Okabe-Ito: orange up, blue down")),
        ),
    ),
    (
        "density",
        mark("Density"),
        (
            (Density.COMPACT, mark("Compact: more rows, smaller type")),
            (Density.NORMAL, mark("Normal")),
            (Density.ROOMY, mark("Roomy: larger type, more space")),
        ),
    ),
)
_LINES: tuple[tuple[str, str, tuple[tuple[StrEnum, str], ...]], ...] = (
    (
        "data_format",
        mark("Data format"),
        (
            (DataFormat.AUTO, mark("Automatic")),
            (DataFormat.DEFAULT, "DEFAULT"),
            (DataFormat.SIMPLE, "SIMPLE"),
            (DataFormat.JSON_LIST, "JSON_LIST"),
            (DataFormat.SIMPLE_LIST, "SIMPLE_LIST"),
        ),
    ),
    (
        "independence",
        mark("Independence of the lines"),
        (
            (IndependenceLevel.BASIC, mark("Basic: one budget for all")),
            (IndependenceLevel.ENHANCED, mark("Enhanced: a share for each")),
            (IndependenceLevel.ISOLATED, mark("Isolated: a thread for each")),
        ),
    ),
)
_TOASTS = (
    ("toast_fills", mark("My orders: fills")),
    ("toast_lost", mark("Connections: lost, and errors")),
    ("toast_recovered", mark("Connections: recovered")),
    ("toast_signals", mark("Indicator signals")),
    ("toast_alerts", mark("Alerts of the monitor")),
)


class SettingsDialog(QDialog):
    """Edits Preferences.

    Signals:
        preferencesChanged(object): Preferences that are wanted from now on; also the old ones, after Cancel.
        keysChanged(object): other Credentials, or None.
        exchangesRequested: another exchange is to be chosen; the dialog has been closed.
    """

    preferencesChanged = pyqtSignal(object)
    keysChanged = pyqtSignal(object)
    exchangesRequested = pyqtSignal()

    def __init__(
        self, preferences: Preferences, config: ServiceConfig, *, embedded: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._texts = Texts()
        self._texts.put(self.setWindowTitle, mark("Settings"))
        self._before = preferences
        self._now = preferences
        self.fields: dict[str, QComboBox | QCheckBox] = {}
        self.tabs = QTabWidget(self)
        self._texts.put(self.tabs.setAccessibleName, mark("Settings"))
        self.keys = KeysPage(config, embedded=embedded, parent=self)
        self.keys.keysChanged.connect(self.keysChanged)
        self.keys.exchangesRequested.connect(self._on_exchanges)
        self.alerts = AlertPage(preferences, self)
        self.alerts.changed.connect(self._change)
        for page, title in (
            (self._look_page(), mark("Appearance")),
            (self._toast_page(), mark("Notifications")),
            (self.alerts, mark("Alerts")),
            (self._lines_page(), mark("Connections")),
            (self.keys, mark("API keys")),
        ):
            self._texts.put(partial(self.tabs.setTabText, self.tabs.addTab(page, "")), title)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.tabs)
        layout.addWidget(self.buttons)

    @property
    def preferences(self) -> Preferences:
        """What is chosen now."""
        return self._now

    def show_keys(self) -> None:
        """Turn to the page of the keys."""
        self.tabs.setCurrentWidget(self.keys)
        self.keys.begin()

    @pyqtSlot()
    def reject(self) -> None:
        """Take everything back."""
        if self._now != self._before:
            self._now = self._before
            self.preferencesChanged.emit(self._before)
        super().reject()

    @pyqtSlot()
    def _on_exchanges(self) -> None:
        self.accept()
        self.exchangesRequested.emit()

    def _look_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        for name, title, choices in _LOOK:
            self._add_choice(form, name, title, choices)
        self._add_switch(form, "reduce_motion", mark("Reduce motion: nothing flashes"))
        return page

    def _toast_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        for name, title in _TOASTS:
            self._add_switch(form, name, title)
        self._add_switch(form, "alarm_commands", mark("Alarms on markets may run the programs that they name"))
        self._add_switch(form, "flight_recorder", mark("Keep the last ten minutes on disk, to replay what happened"))
        return page

    def _lines_page(self) -> QWidget:
        page = QWidget(self)
        form = QFormLayout(page)
        for name, title, choices in _LINES:
            self._add_choice(form, name, title, choices)
        self._add_switch(form, "compression", mark("Compression (permessage-deflate)"))
        note = plain_label("", page)
        self._texts.put(note.setText, mark("When one of these was changed, the lines are dialled anew after OK."))
        note.setWordWrap(True)
        form.addRow(note)
        return page

    def _add_choice(self, form: QFormLayout, name: str, title: str, choices: tuple[tuple[StrEnum, str], ...]) -> None:
        box = QComboBox(self)
        for place, (value, text) in enumerate(choices):
            box.addItem("", value)
            self._texts.put(partial(box.setItemText, place), text)
        box.setCurrentIndex([value for value, _ in choices].index(getattr(self._before, name)))
        self._texts.put(box.setAccessibleName, title)
        box.currentIndexChanged.connect(lambda index: self._change(name, choices[index][0]))
        label = plain_label("", self)
        label.setBuddy(box)
        self._texts.put(label.setText, title)
        form.addRow(label, box)
        self.fields[name] = box

    def _add_switch(self, form: QFormLayout, name: str, title: str) -> None:
        box = QCheckBox(self)
        self._texts.put(box.setText, title)
        box.setChecked(getattr(self._before, name))
        box.toggled.connect(lambda on: self._change(name, on))
        form.addRow(box)
        self.fields[name] = box

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language over: it may just have been chosen in here."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.LanguageChange:
            self._texts.again()
            self.alerts.retranslate()

    def _change(self, name: str, value: Any) -> None:
        self._now = dataclasses.replace(self._now, **{name: value})
        self.preferencesChanged.emit(self._now)
