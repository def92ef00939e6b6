"""The one header of a dock: what it is, how it stands, its tools, and what can be done with it as a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, QRect, QSize, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPainter, QPalette, QRegion
from PyQt6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QSizePolicy, QToolButton, QWidget

from ..base.contrast import legible
from ..base.focus import FocusEntry
from ..base.icons import icon
from ..base.labels import PlainLabel
from ..base.look import look
from ..base.panel import Panel, PanelState
from ..base.spacing import Step, spaced
from ..base.text import mark, tr
from ..base.theme import HEALTH_SHAPES, colours_of
from ..base.tokens import FRAME, space
from .linking import link_icon, link_words
from .links import LinkColour

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtGui import QPaintEvent

__all__ = ["DockHeader"]

_Feature = QDockWidget.DockWidgetFeature
_SIGNS = {
    PanelState.LOADING: ("idle", mark("Loading…")),
    PanelState.EMPTY: ("idle", mark("Nothing to show")),
    PanelState.LIVE: ("good", mark("Up to date")),
    PanelState.STALE: ("warn", mark("Not up to date")),
    PanelState.ERROR: ("bad", mark("This does not work at the moment")),
    PanelState.NO_KEY: ("idle", mark("An API key is needed")),
}


class DockHeader(QWidget):
    """Stands in the place of a dock's title bar; the panel's own row of tools moves into it.

    It is dragged as a title bar is: what is no button in it lets the mouse through to the dock.

    Args:
        dock: whose header.
        inner: the widget in the dock; what it has as its `header` moves up here.

    Signals:
        linkMenuWanted: the button that says what the panel is linked to was pressed.
    """

    linkMenuWanted = pyqtSignal()

    def __init__(self, dock: QDockWidget, inner: QWidget) -> None:
        super().__init__(dock)
        self._dock = dock
        self._panel = inner if isinstance(inner, Panel) else None
        self._usual: QRect | None = None  # where a floating dock was before it filled the screen
        self.tools = inner.header if isinstance(inner, FocusEntry) else None
        self.sign = _Sign(self)
        self.title = PlainLabel("", self)
        self.title.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.title.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.link_button = self._button("link", self.linkMenuWanted.emit)
        self.link_button.hide()
        self._link: LinkColour | None = LinkColour.MAIN
        self.float_button = self._button("float", self._on_float)
        self.maximize_button = self._button("maximize", self._on_maximize)
        self.close_button = self._button("close", dock.close)
        self._edge = _Edge(dock)
        row = QHBoxLayout(self)
        spaced(row, Step.SMALL, Step.SMALL, Step.TINY)
        row.addWidget(self.sign)
        row.addWidget(self.link_button)
        row.addWidget(self.title)
        if self.tools is not None:
            before = inner.layout()
            if before is not None:
                before.removeWidget(self.tools)
            policy = self.tools.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            self.tools.setSizePolicy(policy)
            row.addWidget(self.tools, 1)
        else:
            row.addStretch(1)
        # What comes and goes is left of what stays: nothing moves under the pointer.
        for button in (self.maximize_button, self.float_button, self.close_button):
            row.addWidget(button)
        if self._panel is not None:
            self._panel.stateChanged.connect(self._on_state)
            self._on_state(self._panel.state)
        else:
            self.sign.hide()
        look().changed.connect(self.refresh)
        dock.windowTitleChanged.connect(self.title.setText)
        dock.setTitleBarWidget(self)
        self.retranslate()
        self.refresh()

    @pyqtSlot()
    def refresh(self) -> None:
        """Show what can be done now; called when the dock was moved, locked, tabbed or set in other colours."""
        dock, features = self._dock, self._dock.features()
        floats = dock.isFloating()
        window = dock.parentWidget()
        tabbed = not floats and isinstance(window, QMainWindow) and bool(window.tabifiedDockWidgets(dock))
        self.title.setVisible(not tabbed)  # the tab says it
        self.float_button.setVisible(bool(features & _Feature.DockWidgetFloatable))
        self.close_button.setVisible(bool(features & _Feature.DockWidgetClosable))
        self.maximize_button.setVisible(floats)
        if not floats:
            self._usual = None
        self._edge.setVisible(floats)
        muted = colours_of(self.palette()).muted
        for button, name in (
            (self.float_button, "dock" if floats else "float"),
            (self.maximize_button, "maximize" if self._usual is None else "restore"),
            (self.close_button, "close"),
        ):
            button.setIcon(icon(name, self.palette(), muted))
            button.setIconSize(QSize(space().icon, space().icon))
        self.link_button.setIcon(link_icon(self._link, self.palette()))
        self.link_button.setIconSize(QSize(space().icon, space().icon))
        self.setMinimumHeight(self.fontMetrics().height() + space().large + 2 * space().tiny)
        self._say()

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.title.setText(self._dock.windowTitle())
        self._say()
        if self._panel is not None:
            self._on_state(self._panel.state)

    def show_link(self, colour: LinkColour | None) -> None:
        """Show which panels this one is linked to; None for one that is pinned."""
        self._link = colour
        self.link_button.show()
        self.refresh()

    def show_tools(self, shown: bool) -> None:
        """Have the tools be there for the keyboard, or not, where the dock is behind another one."""
        if self.tools is not None:
            self.tools.setVisible(shown)

    def minimumSizeHint(self) -> QSize:
        """Want no more room than the tools and the buttons need: the title gives way."""
        least = super().minimumSizeHint()
        return QSize(
            least.width() - self.title.minimumSizeHint().width() * self.title.isVisibleTo(self), least.height()
        )

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language, theme or size of type over."""
        super().changeEvent(event)
        if event is None or not hasattr(self, "_edge"):
            return
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        elif event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.refresh()

    # -- inside -------------------------------------------------------------------------------------------------------
    def _button(self, name: str, act: Callable[[], object]) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(name)
        button.setAutoRaise(True)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the menu has all of it, with keys
        button.clicked.connect(act)
        return button

    def _say(self) -> None:
        docked, filled = not self._dock.isFloating(), self._usual is not None
        for button, text in (
            (self.float_button, tr("Detach this panel") if docked else tr("Put this panel back")),
            (self.maximize_button, tr("Back to its size") if filled else tr("Fill the screen")),
            (self.close_button, tr("Close this panel")),
            (self.link_button, link_words(self._link)),
        ):
            button.setToolTip(text)
            button.setAccessibleName(text)

    @pyqtSlot()
    def _on_float(self) -> None:
        self._dock.setFloating(not self._dock.isFloating())

    @pyqtSlot()
    def _on_maximize(self) -> None:
        """Fill the screen, or go back; by hand, since not every window manager does it with such windows."""
        screen = self._dock.screen()
        if self._usual is not None:
            self._dock.setGeometry(self._usual)
            self._usual = None
        elif screen is not None:
            self._usual = self._dock.geometry()
            self._dock.setGeometry(screen.availableGeometry())
        self.refresh()

    @pyqtSlot(PanelState)
    def _on_state(self, state: PanelState) -> None:
        level, text = _SIGNS[state]
        self.sign.show_level(level, tr(text))


class _Sign(PlainLabel):
    """How a panel stands, in one sign of one width: nothing beside it moves when that changes."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("", parent)
        self._level = "idle"
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)

    def show_level(self, level: str, text: str) -> None:
        """Show a level of health; `text` is told beside the mouse, and to a screen reader."""
        self._level = level
        self.setText(HEALTH_SHAPES[level])
        self.setToolTip(text)
        self.setAccessibleName(text)
        self._paint()

    def sizeHint(self) -> QSize:
        """Return the room for the widest sign."""
        metrics = self.fontMetrics()
        return QSize(max(map(metrics.horizontalAdvance, HEALTH_SHAPES.values())) + space().tiny, metrics.height())

    def minimumSizeHint(self) -> QSize:
        """Always the same."""
        return self.sizeHint()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take other colours over."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "_level"):
            self._paint()

    def _paint(self) -> None:
        parent = self.parentWidget()
        assert parent is not None
        colours = colours_of(parent.palette())
        palette = QPalette(parent.palette())
        ink = legible(colours.health(self._level), colours.text, colours.window)
        palette.setColor(QPalette.ColorRole.WindowText, ink)
        if palette != self.palette():
            self.setPalette(palette)


class _Edge(QWidget):
    """The frame of a dock that floats: without one it cannot be told from the window under it."""

    def __init__(self, dock: QDockWidget) -> None:
        super().__init__(dock)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay around the dock."""
        dock = self.parentWidget()
        if watched is dock and dock is not None and event is not None and event.type() == QEvent.Type.Resize:
            self._fit(dock)
        return False

    def _fit(self, dock: QWidget) -> None:
        whole = dock.rect()
        self.setGeometry(whole)
        # Only the frame: what is below would be painted anew with each of its changes.
        self.setMask(QRegion(whole).subtracted(QRegion(whole.adjusted(FRAME, FRAME, -FRAME, -FRAME))))
        self.raise_()

    def setVisible(self, visible: bool) -> None:
        """Be there in time."""
        dock = self.parentWidget()
        if visible and dock is not None:
            self._fit(dock)
        super().setVisible(visible)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint it."""
        del event
        painter = QPainter(self)
        painter.setPen(QColor(colours_of(self.palette()).muted))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()
