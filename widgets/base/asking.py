"""A question to the exchange's REST interface that ends with whoever asked it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal

from upbit_ws_qt import WebSocketError

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["Question"]

_T = TypeVar("_T")


class Question(QObject):
    """An answer that is on its way; it is a child of who asked, and is given up with it.

    Signals:
        done(object): what the coroutine returned.
        failed(object): the WebSocketError it ended with.
    """

    done = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, asking: Coroutine[Any, Any, object], asker: QObject) -> None:
        super().__init__(asker)
        self._loop = loop = asyncio.get_running_loop()
        self._task = task = loop.create_task(asking, name=f"ask for {type(asker).__name__}")
        task.add_done_callback(self._on_done)
        # Without a reference to this object, which is gone when it is called.
        self.destroyed.connect(lambda: _give_up(task, loop))

    def cancel(self) -> None:
        """Be told nothing more; may be called more than once, also after the answer."""
        if not sip.isdeleted(self):
            self.blockSignals(True)
            _give_up(self._task, self._loop)
            self.deleteLater()

    def _on_done(self, task: asyncio.Task[object]) -> None:
        """Tell, from the loop and not from inside a Task."""
        if sip.isdeleted(self) or task.cancelled():
            return
        error = task.exception()
        if error is None:
            self.done.emit(task.result())
        elif isinstance(error, WebSocketError):
            self.failed.emit(error)
        else:
            self._loop.call_exception_handler({"message": "a question ended by a mistake", "exception": error})
        if not sip.isdeleted(self):
            self.deleteLater()


def _give_up(task: asyncio.Task[object], loop: asyncio.AbstractEventLoop) -> None:
    if not task.done() and not loop.is_closed():
        task.cancel()
