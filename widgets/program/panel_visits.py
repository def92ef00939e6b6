"""Shows every panel for a moment, so that a run without its user can tell whether each gets data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from ..base.panel import Panel

if TYPE_CHECKING:
    from ..window.main_window import MainWindow

__all__ = ["PanelVisits"]

TURN_MS = 200
MOST_SECONDS = 60.0


class PanelVisits(QObject):
    """Turns to the next panel that has had no data yet, until all had some.

    Args:
        window: whose panels.
        parent: of the QObject.

    Signals:
        ended: all panels had data, or MOST_SECONDS are over: on a busy machine it may take long.
    """

    ended = pyqtSignal()

    def __init__(self, window: MainWindow, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._names = list(window.docks)
        self._next = 0
        self._timer = QTimer(self)
        self._timer.setInterval(TURN_MS)
        self._timer.timeout.connect(self._turn)
        self._timer.start()
        self._turns_left = int(MOST_SECONDS * 1000 / TURN_MS)
        window.closing.connect(self._timer.stop)

    @pyqtSlot()
    def _turn(self) -> None:
        self._turns_left -= 1
        for _ in self._names if self._turns_left > 0 else ():
            name = self._names[self._next % len(self._names)]
            self._next += 1
            panel = self._window.panels[name]
            if isinstance(panel, Panel) and not panel.had_data:
                self._window.show_panel(name)
                return
        self._timer.stop()
        self.ended.emit()
