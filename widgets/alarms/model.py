"""Alarms, and what fired, as tables."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PyQt6.QtGui import QColor

from upbit_ws_qt import safe_text

from ..alarm_rules.rules import Repeat
from ..alarm_rules.seen import Basis
from ..base.kst import kst_exact, kst_stamp
from ..base.price_format import DASH
from ..base.tables import RowsModel
from ..base.text import mark, tr
from .keeper import AlarmStanding
from .words import basis_text, condition_text, firing_text, repeat_text, standing_text

if TYPE_CHECKING:
    from ..alarm_rules.rules import Alarm
    from ..alarm_rules.watch import AlarmState, Firing

__all__ = ["AlarmColumn", "AlarmRow", "AlarmsModel", "FiringColumn", "FiringsModel"]

_LONGEST = 300
_TROUBLED = frozenset({AlarmStanding.BLIND, AlarmStanding.UNSERVED, AlarmStanding.NO_KEY})
_QUIET = frozenset({AlarmStanding.OFF, AlarmStanding.DONE})


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm, what became of it, and how it stands with it."""

    alarm: Alarm
    state: AlarmState
    standing: AlarmStanding


class AlarmColumn(IntEnum):
    """From left to right."""

    STANDING = 0
    MARKET = 1
    REPEAT = 2
    FIRED = 3
    LAST = 4
    CONDITION = 5


class AlarmsModel(RowsModel[AlarmRow]):
    """One row for each alarm."""

    headings = (
        mark("State"), mark("Market"), mark("How often"), mark("Fired"), mark("Last time"), mark("Condition"),
    )  # fmt: skip
    numbers = frozenset({AlarmColumn.FIRED})
    warn = muted = QColor()

    def key(self, row: AlarmRow) -> str:
        """Know an alarm by its id."""
        return row.alarm.id

    def sort_key(self, row: AlarmRow, column: int) -> Any:
        """Sort figures and times as such."""
        if column == AlarmColumn.FIRED:
            return row.state.fired
        return row.state.last or None if column == AlarmColumn.LAST else super().sort_key(row, column)

    def exact(self, row: AlarmRow, column: int) -> str | None:
        """Return times with their date."""
        return kst_exact(row.state.last) if column == AlarmColumn.LAST and row.state.last else None

    def largest_first(self, column: int) -> bool:
        """Begin with the newest, too."""
        return column == AlarmColumn.LAST or super().largest_first(column)

    def text(self, row: AlarmRow, column: int) -> str:
        """Return what a cell shows."""
        match column:
            case AlarmColumn.MARKET:
                return row.alarm.market or DASH
            case AlarmColumn.CONDITION:
                comment = safe_text(row.alarm.comment, _LONGEST)
                return condition_text(row.alarm) + (f" – {comment}" if comment else "")
            case AlarmColumn.REPEAT:
                return repeat_text(row.alarm.repeat, row.alarm.unit)
            case AlarmColumn.FIRED:
                return str(row.state.fired) if row.state.fired else DASH
            case AlarmColumn.LAST:
                return kst_stamp(row.state.last) if row.state.last else DASH
            case _:
                sign = "⚠ " if row.standing in _TROUBLED else ("○ " if row.standing in _QUIET else "● ")
                return sign + standing_text(row.standing)

    def colour(self, row: AlarmRow, column: int) -> QColor | None:
        """Return grey for an alarm that is off, and the colour of a warning for one that sees nothing."""
        if column == AlarmColumn.STANDING and row.standing in _TROUBLED:
            return self.warn
        return self.muted if row.standing in _QUIET else None

    def hint(self, row: AlarmRow, column: int) -> str:
        """Say by what it is told, and what was held back."""
        if column == AlarmColumn.CONDITION:
            return self.text(row, column)
        if column in (AlarmColumn.FIRED, AlarmColumn.REPEAT) and row.state.held_back:
            return tr("{count} times more it came true and was not told: too soon after.", count=row.state.held_back)
        if column == AlarmColumn.REPEAT and row.alarm.repeat is Repeat.ALWAYS:
            return tr("Once a second at most; what comes true more often is counted.")
        return ""


class FiringColumn(IntEnum):
    """From left to right."""

    TIME = 0
    BASIS = 1
    VALUES = 2
    WHAT = 3


class FiringsModel(RowsModel["Firing"]):
    """One row for each firing, newest on top."""

    headings = (mark("Time"), mark("Judged by"), mark("Values"), mark("What happened"))
    warn = muted = QColor()

    def sort_key(self, row: Firing, column: int) -> Any:
        """Sort by time as it is."""
        return row.at if column == FiringColumn.TIME else super().sort_key(row, column)

    def exact(self, row: Firing, column: int) -> str | None:
        """Return the time with its date, and all values as they were."""
        if column == FiringColumn.TIME:
            return kst_exact(row.at)
        return _values(row) if column == FiringColumn.VALUES else None

    def largest_first(self, column: int) -> bool:
        """Begin with the newest."""
        return column == FiringColumn.TIME

    def text(self, row: Firing, column: int) -> str:
        """Return what a cell shows."""
        match column:
            case FiringColumn.TIME:
                return kst_stamp(row.at)
            case FiringColumn.WHAT:
                more = "  +" + tr("%n more", row.held_back) if row.held_back else ""
                return safe_text(firing_text(row), _LONGEST) + more
            case FiringColumn.BASIS:
                return ("" if row.basis is Basis.LIVE else "⚠ ") + basis_text(row.basis)
            case _:
                return safe_text(_values(row), _LONGEST)

    def colour(self, row: Firing, column: int) -> QColor | None:
        """Return the colour of a warning for what did not rest on live data."""
        if column == FiringColumn.BASIS and row.basis is not Basis.LIVE:
            return self.warn
        return self.muted if column != FiringColumn.WHAT else None

    def hint(self, row: Firing, column: int) -> str:
        """Say all of a text that may not fit."""
        return self.text(row, column) if column != FiringColumn.TIME else kst_exact(row.at)


def _values(row: Firing) -> str:
    return json.dumps(row.values, ensure_ascii=False)
