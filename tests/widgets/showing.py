"""Widgets on the (offscreen) screen for as long as a test looks at them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from PyQt6.QtCore import QEvent, QPoint, Qt
from PyQt6.QtGui import QInputMethodEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QWidget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["click", "compose", "double_click", "move_mouse", "press", "shown"]

_W = TypeVar("_W", bound=QWidget)
_QTEST: Any = QTest  # the stubs take its functions for methods


@asynccontextmanager
async def shown(widget: _W, width: int = 420, height: int = 500) -> AsyncIterator[_W]:
    """Show a widget, and delete it at the end."""
    widget.resize(width, height)
    widget.show()
    try:
        yield widget
    finally:
        widget.close()
        widget.deleteLater()
        QApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)
        await asyncio.sleep(0)


def press(widget: QWidget | None, *keys: Qt.Key | str) -> None:
    """Press keys one after the other, or type a text."""
    for key in keys:
        if isinstance(key, str):
            _QTEST.keyClicks(widget, key)
        else:
            _QTEST.keyClick(widget, key)


def compose(widget: QWidget, text: str) -> None:
    """Enter a text that no key stands for, as an input method does."""
    event = QInputMethodEvent()
    event.setCommitString(text)
    QApplication.sendEvent(widget, event)


def click(widget: QWidget | None, place: QPoint | None = None) -> None:
    """Click with the left button; in the middle by default."""
    _QTEST.mouseClick(widget, Qt.MouseButton.LeftButton, pos=place or QPoint())


def move_mouse(widget: QWidget | None, place: QPoint) -> None:
    """Move the mouse to a place of a widget."""
    _QTEST.mouseMove(widget, place)


def double_click(widget: QWidget | None, place: QPoint | None = None) -> None:
    """Click twice with the left button; in the middle by default."""
    _QTEST.mouseDClick(widget, Qt.MouseButton.LeftButton, pos=place or QPoint())
