"""Windows lie wholly on a screen, frame included: also on a smaller screen than last time, or when one is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QMargins, QObject, QPoint, QRect, QSize, Qt, QTimer, pyqtSlot
from PyQt6.QtGui import QGuiApplication

from ..base.tokens import FRAME_OF_WINDOWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtGui import QScreen
    from PyQt6.QtWidgets import QWidget

__all__ = ["USUAL_FRAME", "ScreenKeeper", "areas", "fitting", "put_on_screen"]

USUAL_FRAME = QMargins(*FRAME_OF_WINDOWS)
"""What window managers put around a window, about: nobody says so before the window is shown."""
_LOOK_MS = 50
_MOST_LOOKS = 40  # window managers frame a window within two seconds, or have no frames
_NO_FRAME = QMargins()
_FULL = Qt.WindowState.WindowMaximized | Qt.WindowState.WindowFullScreen | Qt.WindowState.WindowMinimized


def fitting(rect: QRect, frame: QMargins, screens: Sequence[QRect]) -> QRect:
    """Return the place nearest to a window's own at which it is wholly on a screen.

    Args:
        rect: of the window without its frame.
        frame: how far the frame reaches beyond it.
        screens: the free areas of all screens, the first one first; without any nothing is changed.
    """
    if not screens:
        return rect
    outer = rect.marginsAdded(frame)
    area = max(screens, key=lambda screen: _common(screen, outer))
    if not _common(area, outer):
        area = min(screens, key=lambda screen: (screen.center() - outer.center()).manhattanLength())
    size = outer.size().boundedTo(area.size())
    x = min(max(outer.x(), area.x()), area.x() + area.width() - size.width())
    y = min(max(outer.y(), area.y()), area.y() + area.height() - size.height())
    return QRect(QPoint(x, y), size).marginsRemoved(frame)


def areas() -> list[QRect]:
    """Return what panels and docks of the desktop leave free of each screen, the first screen first."""
    return [screen.availableGeometry() for screen in QGuiApplication.screens()]


def put_on_screen(window: QWidget, frame: QMargins = _NO_FRAME) -> None:
    """Move and shrink a window as far as it needs to be wholly on a screen."""
    rect = window.geometry()
    wanted = fitting(rect, frame, areas())
    if wanted != rect:
        window.setGeometry(wanted)


class ScreenKeeper(QObject):
    """Looks after one window: when it is shown, when it is no longer maximised, and when screens change.

    Where its user moves it is not its business.

    Args:
        window: whose; also the owner.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._looks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._on_look)
        window.installEventFilter(self)
        app = QGuiApplication.instance()
        assert isinstance(app, QGuiApplication)
        app.screenRemoved.connect(self._on_screens)
        app.screenAdded.connect(self._on_added)
        for screen in QGuiApplication.screens():
            self._on_added(screen)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Look once the window manager has framed the window."""
        if watched is self._window and event is not None:
            kind = event.type()
            if kind in (QEvent.Type.Show, QEvent.Type.WindowStateChange) and self._window.isVisible():
                self._begin()
        return False

    @pyqtSlot("QScreen*")
    def _on_added(self, screen: QScreen) -> None:
        screen.availableGeometryChanged.connect(self._on_screens)

    @pyqtSlot()
    @pyqtSlot("QRect")
    @pyqtSlot("QScreen*")
    def _on_screens(self, _what: object = None) -> None:
        self._begin()

    def _begin(self) -> None:
        self._looks = 0
        self._timer.start()

    @pyqtSlot()
    def _on_look(self) -> None:
        window, handle = self._window, self._window.windowHandle()
        self._looks += 1
        if handle is None or not window.isVisible() or window.windowState() & _FULL:
            self._timer.stop()
            return
        frame = handle.frameMargins()
        late = QGuiApplication.platformName() == "xcb"  # there a window is framed some time after it is shown
        if late and frame.isNull() and self._looks < _MOST_LOOKS:
            return
        self._timer.stop()
        put_on_screen(window, frame)


def _common(one: QRect, other: QRect) -> int:
    both: QSize = one.intersected(other).size()
    return max(0, both.width()) * max(0, both.height())
