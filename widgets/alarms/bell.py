"""Tells of alarms that fire: by sound, a note, the system's own messages, or a program that is run."""

from __future__ import annotations

import json
import logging
import shlex
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QProcess, QProcessEnvironment, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication, QSystemTrayIcon

from upbit_ws_qt import Phrase, safe_text

from ..alarm_rules.seen import Basis
from ..base.icons import icon
from ..base.text import mark, said, tr
from .words import basis_text, firing_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..alarm_rules.watch import Firing
    from .keeper import AlarmKeeper

__all__ = ["AlarmBell", "told_text"]

_log = logging.getLogger("upbit_ws_qt.desktop")
_LONGEST = 300


class AlarmBell(QObject):
    """Tells of each firing in the ways that its alarm names; the log of the keeper has it in any case.

    Example:
        >>> keeper = AlarmKeeper(service)
        >>> bell = AlarmBell(keeper, tell=lambda text, firing: print(text))

    Args:
        keeper: whose alarms.
        tell: shows a note in the window, of a firing (None for trouble with a program); None where there is no window.
        beep: makes a sound.
        parent: of the object; the keeper by default.

    Signals:
        clicked: a message of the system, or the sign in its tray, was clicked.
    """

    clicked = pyqtSignal()

    def __init__(
        self,
        keeper: AlarmKeeper,
        *,
        tell: Callable[[str, Firing | None], object] | None = None,
        beep: Callable[[], object] = QApplication.beep,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent or keeper)
        self._keeper, self._tell, self._beep = keeper, tell, beep
        self._tray: QSystemTrayIcon | None = None
        keeper.fired.connect(self.ring)

    @pyqtSlot(object)
    def ring(self, firing: Firing) -> None:
        """Tell of a firing."""
        alarm = self._keeper.alarm(firing.alarm)
        if alarm is None:
            return
        text = told_text(firing)
        if alarm.sound:
            self._beep()
        shown = alarm.system and self.show_message(text)
        if self._tell is not None and (alarm.note or (alarm.system and not shown)):
            more = "" if shown or not alarm.system else "\n" + tr("The system takes no messages here.")
            self._tell(text + more, firing)
        if alarm.command:
            self._run(alarm.command, firing, text)

    def show_message(self, text: str) -> bool:
        """Show a message of the system; False where there is no place for one."""
        if not QSystemTrayIcon.isSystemTrayAvailable():
            return False
        if self._tray is None:
            self._tray = QSystemTrayIcon(icon("bell", QApplication.palette()), self)
            self._tray.activated.connect(self.clicked)
            self._tray.messageClicked.connect(self.clicked)
        self._tray.setToolTip(text)
        self._tray.show()
        self._tray.showMessage(tr("Alarm"), text)
        return True

    def _run(self, command: str, firing: Firing, text: str) -> None:
        """Run a program, without a shell; what happened is in its environment, so that no text from outside is run."""
        parts = _split(command)
        if not self._keeper.commands_allowed:
            self._fail(command, mark("programs are not allowed in the settings"))
            return
        if not parts:
            self._fail(command, mark("its quotation marks do not match"))
            return
        environment = QProcessEnvironment.systemEnvironment()
        for name, value in (
            ("TEXT", text), ("MARKET", firing.market), ("AT", str(firing.at)), ("BASIS", firing.basis.value),
            ("VALUES", json.dumps(firing.values, ensure_ascii=False)), ("ID", firing.alarm),
        ):  # fmt: skip
            environment.insert(f"UPBIT_ALARM_{name}", value.replace("\0", ""))
        process = QProcess()
        process.setProgram(parts[0])
        process.setArguments(parts[1:])
        process.setProcessEnvironment(environment)
        started, _ = process.startDetached()
        if not started:
            self._fail(command, mark("it could not be started"))

    def _fail(self, command: str, cause: str) -> None:
        template = mark("The program of an alarm did not run ({cause}): {command}")
        told = Phrase(template, cause=Phrase(cause), command=safe_text(command, 80))
        _log.warning("%s", told)
        if self._tell is not None:
            self._tell(said(told), None)


def _split(command: str) -> list[str]:
    """Return program and arguments; none where quotation marks do not match. Backslashes stay, as paths have them."""
    words = shlex.shlex(command, posix=True)
    words.whitespace_split, words.escape, words.commenters = True, "", ""
    try:
        return list(words)
    except ValueError:
        return []


def told_text(firing: Firing) -> str:
    """Return what has happened, what that rests on where it is not live data, and the owner's comment."""
    lines = [safe_text(firing_text(firing), _LONGEST)]
    if firing.basis is not Basis.LIVE:
        lines.append("⚠ " + basis_text(firing.basis))
    if firing.comment:
        lines.append(safe_text(firing.comment, _LONGEST))
    return "\n".join(lines)
