"""A window beside the main one, for another screen: docks of its own, which the main window makes and knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QAction
from PyQt6.QtWidgets import QMainWindow, QMenuBar, QTabWidget

from ..base.text import tr

if TYPE_CHECKING:
    from PyQt6.QtGui import QCloseEvent
    from PyQt6.QtWidgets import QWidget

__all__ = ["SideWindow"]

_SETTLE_MS = 50


class SideWindow(QMainWindow):
    """Holds docks; the keys of the main window's menu work here too.

    Args:
        main: the main window; this one goes with it.
        number: which of the windows it is, the main one being the first.

    Signals:
        closed: its user closed it.
        rearranged: its user moved it, or changed the sizes of what is in it.
    """

    closed = pyqtSignal()
    rearranged = pyqtSignal()

    def __init__(self, main: QMainWindow, number: int) -> None:
        super().__init__(main, Qt.WindowType.Window)
        self._main = main
        self._number = number
        self._ending = False
        self.setMinimumSize(1, 1)
        self.setDockNestingEnabled(True)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.rearranged)
        self.retranslate()

    def retranslate(self) -> None:
        """Say everything anew."""
        title = tr("Window {number} – upbit_ws_qt", number=self._number)
        # Whatever is over says so first, in each of its windows.
        self.setWindowTitle(f"{tr('REPLAY')} – {title}" if getattr(self._main, "replay", None) is not None else title)

    def end(self) -> None:
        """Go without a word: the main window has taken the docks out."""
        self._ending = True
        self.close()
        self.deleteLater()

    def event(self, event: QEvent | None) -> bool:
        """Take the keys of the main window over, and note what its user does."""
        done = super().event(event)
        kind = None if event is None else event.type()
        if kind == QEvent.Type.WindowActivate:
            self._take_keys()
        elif kind in (QEvent.Type.MouseButtonRelease, QEvent.Type.Move, QEvent.Type.Resize) and not self._ending:
            self._settle.start()
        elif kind == QEvent.Type.LanguageChange:
            self.retranslate()
        return done

    def _take_keys(self) -> None:
        bar = self._main.menuBar()
        found = _with_keys(self._main, bar)
        for action in self.actions():
            if action not in found:
                self.removeAction(action)
        self.addActions(found)

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Say so before the docks go."""
        if not self._ending:
            self._ending = True
            self.closed.emit()
        super().closeEvent(event)


def _with_keys(window: QWidget, bar: QMenuBar | None) -> list[QAction]:
    """Return the actions of a window's menus that have a key."""
    found = [] if bar is None else window.findChildren(QAction)
    return [action for action in found if not action.shortcut().isEmpty() and action.menu() is None]
