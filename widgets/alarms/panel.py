"""The panel of alarms: those that are set, and what fired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QKeySequence, QPalette, QShortcut
from PyQt6.QtWidgets import QPushButton, QSplitter, QVBoxLayout

from ..base.labels import plain_label
from ..base.panel import Panel
from ..base.panel_table import menu_text
from ..base.spacing import spaced
from ..base.tables import fit_columns, plain_table
from ..base.text import said, tr
from .dialog import AlarmDialog
from .model import AlarmColumn, AlarmRow, AlarmsModel, FiringColumn, FiringsModel

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtWidgets import QMenu, QWidget

    from ..alarm_rules.rules import Alarm, Condition
    from ..alarm_rules.watch import Firing
    from .keeper import AlarmKeeper

__all__ = ["AlarmsWidget"]

_FLUSH_MS = 250
_LOOK_MS = 1000
_ALARM_SAMPLES = ("⚠ sees nothing now", "USDT-WWWW", "once per candle (15m)", "000", "00-00 00:00:00")
_FIRING_SAMPLES = ("00-00 00:00:00", "⚠ over an outage", '{"price": "000000000"}')
_ALARMS_GIVE_UP = (AlarmColumn.FIRED, AlarmColumn.LAST, AlarmColumn.REPEAT)
_FIRINGS_GIVE_UP = (FiringColumn.VALUES, FiringColumn.BASIS)


class AlarmsWidget(Panel):
    """Sets alarms on what markets do, says how it stands with each, and lists those that fired.

    Example:
        >>> keeper = AlarmKeeper(service, folder / "alarms.json")
        >>> alarms = AlarmsWidget(keeper)
        >>> alarms.symbolActivated.connect(print)

    Args:
        keeper: watches for the alarms, also while this panel is hidden or gone.
        symbol: the market that new alarms are proposed for.
        parent: of the widget.

    Signals:
        symbolActivated(str): the market of something that fired was chosen by double-click or Enter.
    """

    symbolActivated = pyqtSignal(str)

    def __init__(self, keeper: AlarmKeeper, symbol: str = "", parent: QWidget | None = None) -> None:
        super().__init__(keeper.service, parent)
        self.keeper = keeper
        self._symbol = symbol
        self.model, self.firings_model = AlarmsModel(self), FiringsModel(self)
        self.table = plain_table(self.model, self.body)
        self.table.setObjectName("alarms")
        self.table.usually_without([AlarmColumn.LAST])  # below stands when, and what was seen
        self.fired_table = plain_table(self.firings_model, self.body)
        self.fired_table.setObjectName("fired alarms")
        self.fired_table.usually_without([FiringColumn.VALUES])  # they stand in what happened; files have them all
        self.add, self.edit, self.turn, self.remove = (QPushButton(self) for _ in range(4))
        for button, slot in (
            (self.add, self.add_alarm), (self.edit, self.edit_alarm), (self.turn, self.turn_alarm),
            (self.remove, self.remove_alarm),
        ):  # fmt: skip
            button.clicked.connect(slot)
            self.tools.addWidget(button)
        self.tools.addStretch()
        self.trouble = plain_label("", self.body)
        self.trouble.setWordWrap(True)
        splitter = QSplitter(Qt.Orientation.Vertical, self.body)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(self.table)
        splitter.addWidget(self.fired_table)
        splitter.setStretchFactor(0, 3)
        splitter.setStretchFactor(1, 2)
        layout = QVBoxLayout(self.body)
        spaced(layout)
        layout.addWidget(self.trouble)
        layout.addWidget(splitter, 1)
        self._connect()
        self.begin_at(self.table)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(_FLUSH_MS)
        self._soon.timeout.connect(self.refresh)
        self._looks = QTimer(self)  # what an alarm is judged by goes out of date without a word
        self._looks.setInterval(_LOOK_MS)
        self._looks.timeout.connect(self.refresh)
        self.retranslate()
        self.restyle()
        self.show_live()

    def _connect(self) -> None:
        self.keeper.changed.connect(self.refresh_soon)
        self.keeper.fired.connect(self.refresh_soon)
        self.table.activated.connect(self.edit_alarm)
        self.table.rowMenuRequested.connect(self._on_row_menu)
        self.fired_table.activated.connect(self._on_fired_activated)
        selection = self.table.selectionModel()
        assert selection is not None
        selection.selectionChanged.connect(self._on_selected)
        for key, slot in (
            (Qt.Key.Key_Insert, self.add_alarm), (Qt.Key.Key_Delete, self.remove_alarm),
            (Qt.Key.Key_Space, self.turn_alarm),
        ):  # fmt: skip
            shortcut = QShortcut(QKeySequence(key), self.table)
            shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
            shortcut.activated.connect(slot)

    # -- what can be done ---------------------------------------------------------------------------------------------
    @pyqtSlot(str)
    def set_symbol(self, symbol: str) -> None:
        """Propose new alarms for another market."""
        self._symbol = symbol

    @pyqtSlot()
    def add_alarm(self) -> AlarmDialog:
        """Have a new alarm set."""
        return self._open(None)

    def add_condition(self, condition: Condition, market: str) -> AlarmDialog:
        """Have a new alarm set that begins as this."""
        dialog = self._open(None)
        dialog.market.setText(market)
        dialog.propose(condition)
        return dialog

    @pyqtSlot()
    def edit_alarm(self) -> AlarmDialog | None:
        """Have the marked alarm changed."""
        chosen = self.chosen
        return self._open(chosen[0]) if chosen else None

    @pyqtSlot()
    def turn_alarm(self) -> None:
        """Switch the marked alarms on or off: all as the first of them is not."""
        chosen = self.chosen
        for alarm in chosen:
            self.keeper.switch(alarm.id, not chosen[0].on)

    @pyqtSlot()
    def remove_alarm(self) -> None:
        """Remove the marked alarms."""
        for alarm in self.chosen:
            self.keeper.remove(alarm.id)

    @property
    def chosen(self) -> list[Alarm]:
        """The marked alarms, from top to bottom."""
        selection = self.table.selectionModel()
        rows = [] if selection is None else sorted(index.row() for index in selection.selectedRows())
        return [self.model.rows[row].alarm for row in rows]

    def _open(self, alarm: Alarm | None) -> AlarmDialog:
        catalog = self.keeper.catalog
        codes = () if catalog is None else tuple(market.code for market in catalog.markets)
        dialog = AlarmDialog(alarm, self._symbol, codes, commands=self.keeper.commands_allowed, parent=self)
        dialog.alarmSet.connect(self._on_set)
        dialog.open()
        return dialog

    @pyqtSlot(object)
    def _on_set(self, alarm: Alarm) -> None:
        try:
            self.keeper.put(alarm)
        except ValueError:
            self.trouble.setText(tr("There are too many alarms: remove one first."))
            self.trouble.show()
            return
        self.refresh()
        for place, row in enumerate(self.model.rows):
            if row.alarm.id == alarm.id:
                self.table.selectRow(place)

    @pyqtSlot("QMenu*", "QModelIndex")
    def _on_row_menu(self, menu: QMenu, index: QModelIndex) -> None:
        menu.addAction(tr("New alarm…"), self.add_alarm)
        if not index.isValid():
            return
        alarm = self.model.rows[index.row()].alarm
        menu.addAction(tr("Change…"), lambda: self._open(self.keeper.alarm(alarm.id) or alarm))
        text = tr("Switch off") if alarm.on else tr("Switch on")
        menu.addAction(text, lambda: self.keeper.switch(alarm.id, not alarm.on))
        menu.addAction(tr("Remove"), lambda: self.keeper.remove(alarm.id))
        if alarm.market:
            market = alarm.market
            menu.addAction(tr("Show {code}", code=menu_text(market)), lambda: self.symbolActivated.emit(market))

    @pyqtSlot("QModelIndex")
    def _on_fired_activated(self, index: QModelIndex) -> None:
        market = self.firings_model.rows[index.row()].market
        if market:
            self.symbolActivated.emit(market)

    # -- what is seen -------------------------------------------------------------------------------------------------
    @pyqtSlot()
    def refresh_soon(self) -> None:
        """Show it in a moment, with what comes meanwhile; nothing while hidden."""
        if self.isVisible() and not self._soon.isActive():
            self._soon.start()

    def activate(self) -> None:
        """Show what has come while hidden."""
        self.refresh()
        self._looks.start()

    def deactivate(self) -> None:
        """Draw nothing any more."""
        self._looks.stop()
        self._soon.stop()

    @pyqtSlot()
    def refresh(self) -> None:
        """Show all alarms and firings as they are now."""
        keeper = self.keeper
        rows = [AlarmRow(each, keeper.state_of(each.id), keeper.standing(each.id)) for each in keeper.alarms]
        if rows != self.model.usual:
            self.model.replace(rows)
        firings: list[Firing] = list(reversed(keeper.firings))
        if len(firings) != len(self.firings_model.usual) or firings[:1] != self.firings_model.usual[:1]:
            self.firings_model.replace(firings)
        self._say()
        self._on_selected()

    def _say(self) -> None:
        keeper = self.keeper
        told = [said(keeper.trouble)] if keeper.trouble else []
        if keeper.unread_firings:
            told.append(tr("%n lines of the log of alarms could not be read", keeper.unread_firings))
        self.trouble.setText("\n".join(told))
        self.trouble.setVisible(bool(told))
        self.table.set_note("" if keeper.alarms else tr("No alarm is set. Insert, or the button above, sets one."))
        self.fired_table.set_note("" if keeper.firings else tr("No alarm has fired yet."))

    @pyqtSlot()
    def _on_selected(self) -> None:
        chosen = self.chosen
        self.edit.setEnabled(len(chosen) == 1)
        self.turn.setEnabled(bool(chosen))
        self.remove.setEnabled(bool(chosen))
        self.turn.setText(tr("Switch off") if chosen and chosen[0].on else tr("Switch on"))

    # -- looks --------------------------------------------------------------------------------------------------------
    def retranslate(self) -> None:
        """Name everything."""
        self.add.setText(tr("New…"))
        self.edit.setText(tr("Change…"))
        self.remove.setText(tr("Remove"))
        self.add.setToolTip(tr("Set a new alarm (Insert)"))
        self.edit.setToolTip(tr("Change the chosen alarm (Enter)"))
        self.turn.setToolTip(tr("Switch the chosen alarms on or off (Space)"))
        self.remove.setToolTip(tr("Remove the chosen alarms (Delete)"))
        self.table.setAccessibleName(tr("Alarms"))
        self.fired_table.setAccessibleName(tr("Alarms that fired"))
        self.model.retranslate()
        self.firings_model.retranslate()
        fit_columns(self.table, _ALARM_SAMPLES, _ALARMS_GIVE_UP)
        fit_columns(self.fired_table, _FIRING_SAMPLES, _FIRINGS_GIVE_UP)
        self.refresh()

    def restyle(self) -> None:
        """Take colours over."""
        if not hasattr(self, "_looks"):
            return
        warn, muted = QColor(self.colours.warn), QColor(self.colours.muted)
        for model in (self.model, self.firings_model):
            model.warn, model.muted = warn, muted
            model.tell_changed()
        palette = self.trouble.palette()
        palette.setColor(QPalette.ColorRole.WindowText, warn)
        self.trouble.setPalette(palette)
