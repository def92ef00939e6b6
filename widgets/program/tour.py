"""Shows every panel for a moment, so that a run without its user can tell whether each gets data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSlot

from widgets.base.panel import Panel

if TYPE_CHECKING:
    from widgets.window.main_window import MainWindow

__all__ = ["Tour"]


class Tour(QObject):
    """Turns to the next panel that has had no data yet, until all had some.

    Args:
        window: whose panels.
        seconds: how long the run is; each panel is visited three times at least.
        parent: of the QObject.
    """

    def __init__(self, window: MainWindow, seconds: float, parent: QObject) -> None:
        super().__init__(parent)
        self._window = window
        self._names = list(window.docks)
        self._next = 0
        self._timer = QTimer(self)
        self._timer.setInterval(max(100, int(seconds * 1000 / (3 * len(self._names) + 1))))
        self._timer.timeout.connect(self._turn)
        self._timer.start()
        window.closing.connect(self._timer.stop)

    @pyqtSlot()
    def _turn(self) -> None:
        for _ in self._names:
            name = self._names[self._next % len(self._names)]
            self._next += 1
            panel = self._window.panels[name]
            if isinstance(panel, Panel) and not panel.had_data:
                self._window.show_panel(name)
                return
        self._timer.stop()
