"""The end of a program: what still lives is deleted in order, before PyQt deletes the rest in an arbitrary order.

When the interpreter exits, or the QApplication loses its last reference, PyQt walks sip's table of all Python objects
that stand for Qt objects and deletes those that Python owns. Where deleting one runs Python code (an event filter, a
`destroyed` handler, `disconnectNotify`), that code makes new entries in the table, and a table that is full is made
anew while PyQt still walks the old one: the program dies of a segmentation fault, once in some twenty runs. So nothing
with code of its own is left for the walk.
"""

from __future__ import annotations

import atexit
import sys
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakSet, ref

from PyQt6 import sip
from PyQt6.QtCore import QCoreApplication, QEvent, QObject

from upbit_ws_qt.qt.excepthook import install_excepthook
from upbit_ws_qt.qt.loop import qasync

if TYPE_CHECKING:
    import asyncio

__all__ = ["delete_what_waits", "follow_application", "loop_lives", "remember"]


class Ending(Protocol):
    """Something that has to end before the program does."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop it lives on."""

    def abandon(self) -> None:
        """Let go of everything at once; the loop will not run any more."""

    def delete(self) -> None:
        """Delete the Qt objects that have no parent."""


_living: WeakSet[Ending] = WeakSet()
_application: ref[QCoreApplication] | None = None


def remember(ending: Ending) -> None:
    """Have something end in order when the program ends; it is forgotten when it goes before."""
    _living.add(ending)
    follow_application()


def follow_application() -> None:
    """Have everything end in order when the application loses its last reference, as at the end of a `main()`."""
    global _application
    app = QCoreApplication.instance()
    if app is not None and (_application is None or _application() is not app):
        _application = ref(app, _on_application_gone)


def loop_lives(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a loop can be handed a callback: it is not closed and, if it is qasync's, its Qt objects are not deleted.

    PyQt deletes them with the application, or when the interpreter exits, and qasync does not notice.
    """
    timer: Any = getattr(loop, "_timer", None)
    return not loop.is_closed() and not (isinstance(timer, QObject) and sip.isdeleted(timer))


def delete_what_waits() -> None:
    """Delete what was asked to be deleted (`deleteLater`, closed windows) when no event loop is left to do it."""
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)


def _on_application_gone(_: object) -> None:
    """End everything while the application still exists: Python calls this before PyQt deletes its Qt half."""
    _end_in_order()


def _end_in_order() -> None:
    """End services, loops and windows of a program that has not done so, or that cannot (`sys.exit` in a slot)."""
    global _application
    _application = None
    endings = tuple(_living)
    _living.clear()
    hook = install_excepthook() if sys.excepthook is sys.__excepthook__ else None  # else what raises now would abort
    try:
        for ending in endings:
            ending.abandon()
        for loop in {ending.loop for ending in endings}:
            _close(loop)
        _delete_windows()
        for ending in endings:
            ending.delete()
        delete_what_waits()
    finally:
        if hook is not None:
            hook.uninstall()


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Close a Qt loop for good, also one that is on the stack: control never comes back to it."""
    if isinstance(loop, qasync.QEventLoop) and loop_lives(loop):
        if loop.is_running():
            loop.stop()
        loop.close()  # ends its worker threads, too; deleting one that runs aborts the process


def _delete_windows() -> None:
    """Delete the windows that PyQt would delete next; a panel of ours may be in any of them."""
    widgets = sys.modules.get("PyQt6.QtWidgets")  # who has not loaded it has no windows
    if widgets is not None:
        # Not asked of `QApplication.instance()`: where the application is being deleted, that would bring it back.
        for window in widgets.QApplication.topLevelWidgets():
            if not sip.isdeleted(window) and sip.ispyowned(window):
                sip.delete(window)


# Registered after PyQt's own, which came with the imports above, and so called before it.
atexit.register(_end_in_order)
