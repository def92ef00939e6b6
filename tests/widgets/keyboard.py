"""Real key events where the keyboard is, and the ways that a user goes with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QApplication, QWidget

from tests.waiting import until
from tests.widgets.desk import turn
from widgets.base.panel import Panel, PanelState

if TYPE_CHECKING:
    from widgets.window.main_window import MainWindow

_QTEST: Any = QTest  # the stubs take its functions for methods
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def key(which: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the keyboard is."""
    place = QApplication.activePopupWidget() or QApplication.focusWidget() or QApplication.activeWindow()
    assert place is not None
    _QTEST.keyClick(place, which, modifier)


async def back(window: MainWindow) -> None:
    """Come back to the window, as a window manager has it when a dialog was closed."""
    window.activateWindow()
    await until(window.isActiveWindow)


async def ready(window: MainWindow) -> None:
    await back(window)
    await until(lambda: window.needs.catalog.fresh)
    await until(lambda: all(window.panels[name].had_data for name in ("watch_list", "chart", "order_book", "tape")))  # type: ignore[attr-defined]  # these are Panels


async def go_to(window: MainWindow, name: str) -> Any:
    """Come to a panel by F6 alone."""
    for _ in window.docks:
        if window.panel_with_focus == name:
            break
        key(Qt.Key.Key_F6)
        await turn()
    assert window.panel_with_focus == name
    return window.panels[name]


async def tab_to(widget: QWidget) -> None:
    for _ in range(100):
        if QApplication.focusWidget() is widget:
            return
        key(Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not come to {widget}")


def is_in(window: MainWindow, name: str, state: PanelState) -> bool:
    panel = window.panels[name]
    assert isinstance(panel, Panel)
    return panel.state is state


def stops(window: QWidget) -> set[QWidget]:
    """Return all that can be seen and takes the keyboard."""
    return {
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and widget.isEnabled()
        and widget.window() is window
        and widget.focusProxy() is None
        and not (isinstance(widget, QAbstractButton) and _is_one_of_several(widget))
    }


def _is_one_of_several(button: QAbstractButton) -> bool:
    """Whether arrow keys come to a button, from the one of its group that is down."""
    group = button.group()
    return group is not None and group.exclusive() and not button.isChecked()
