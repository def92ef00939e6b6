"""The asyncio loop that Qt drives: qasync's, for PyQt6, mended where Python 3.14 has become stricter.

qasync is no longer cared for, and two of its habits end with Python 3.14, where a Task may not take a step while no
loop is the running one, and `asyncio.iscoroutinefunction` warns with each call. `tests/qt/test_loop.py` pins what is
used of it here.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

import PyQt6.QtCore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context
    from types import ModuleType

__all__ = ["QtLoop", "qasync"]

_T = TypeVar("_T")


def _import_qasync() -> ModuleType:
    """Load qasync on PyQt6, whatever the environment variable QT_API asks of other libraries; later ones see it."""
    asked = os.environ.get("QT_API")
    if asked is not None:
        os.environ["QT_API"] = "pyqt6"
    try:
        import qasync
    finally:
        if asked is not None:
            os.environ["QT_API"] = asked
    if qasync.QtCore is not PyQt6.QtCore:
        name = qasync.QtCore.__name__.partition(".")[0]
        raise ImportError(
            f"qasync was loaded for {name} before; upbit_ws_qt needs it on PyQt6: import upbit_ws_qt first"
        )
    return sys.modules["qasync"]


qasync: Any = _import_qasync()


class QtLoop(qasync.QEventLoop):  # type: ignore[misc]  # it ships no types
    """A qasync loop that also runs on Python 3.14."""

    time = staticmethod(time.monotonic)  # which qasync's method of that name calls

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Have a callback called after `delay` seconds; all that the loop calls comes this way."""
        if inspect.iscoroutinefunction(callback) or inspect.iscoroutine(callback):
            raise TypeError("a coroutine is no callback: make a task of it")
        if not callable(callback):
            raise TypeError(f"a callback has to be callable, not {callback!r:.80}")
        handle: asyncio.Handle = self._add_callback(asyncio.Handle(callback, args, self, context=context), delay)
        return handle

    def run_until_complete(self, future: Awaitable[_T]) -> _T:
        """Run until a coroutine or future is done, and return its result; then whatever Qt has left to do."""
        if self.is_running():
            raise RuntimeError("the event loop is running already")
        task: asyncio.Future[_T] = asyncio.ensure_future(future, loop=self)
        task.add_done_callback(self._on_complete)
        try:
            self.run_forever()
        finally:
            task.remove_done_callback(self._on_complete)
        # The last events may be steps of other Tasks, for which this has to be the running loop.
        asyncio._set_running_loop(self)
        try:
            self._QEventLoop__app.eventDispatcher().processEvents(qasync.AllEvents)
        finally:
            asyncio._set_running_loop(None)
        if not task.done():
            raise RuntimeError("the event loop was stopped before the future was done")
        return task.result()

    def _on_complete(self, _: object) -> None:
        self.stop()
