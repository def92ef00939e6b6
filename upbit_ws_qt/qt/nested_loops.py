"""Keeps the Tasks of a qasync loop going where asyncio would not let them run.

`QDialog.exec()`, `QMessageBox`, `QMenu.exec()` and `QEventLoop.exec()` run Qt's event loop from inside whoever called
them. Called in a coroutine, they leave its Task on the stack, and asyncio refuses to run any other Task meanwhile: its
step fails with "Cannot enter into task" and is never tried again, so that the Task waits for ever. A supervisor that
lost its turn dials no more, and nobody can wait for it to end.

And whenever somebody processes Qt's events while the loop is not running (qasync itself does, at the end of each
`run_until_complete`), Tasks run without a running loop, and most of what asyncio has to offer raises RuntimeError.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet, ref

from upbit_ws_qt.errors import WebSocketError
from upbit_ws_qt.qt.loop import qasync
from upbit_ws_qt.qt.quick_turns import quicken
from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from PyQt6.QtCore import QTimerEvent

__all__ = ["NestedLoopError", "TaskKeeper", "keep_tasks_going"]

_log = logging.getLogger(__name__)

_REFUSED = "Cannot enter into task"


class NestedLoopError(WebSocketError):
    """A coroutine has opened a dialog, or another nested event loop, with `exec()`.

    Nothing is lost: the other Tasks go on. But the coroutine itself, and who waits for it, stand still meanwhile.

    Attributes:
        task: name of the Task whose coroutine did it.
    """

    def __init__(self, task: str) -> None:
        super().__init__(
            f"the coroutine of task {safe_text(task, 80)!r} has opened a nested event loop (by a dialog's exec(), say) "
            "and stands still until it ends; open the dialog with open() and await its `finished` signal, or call "
            "exec() from a plain slot or callback"
        )
        self.task = task


class TaskKeeper:
    """Stands before some methods of one loop.

    `call_exception_handler` gives Tasks the turn that asyncio refused them. It is overridden on the loop object instead
    of calling `set_exception_handler`, so that a program can set a handler of its own, before or after, that gets
    everything else. `timerEvent` of the loop's timer, from which qasync makes all calls, is overridden while the loop
    does not run, so that it costs nothing while it does.
    """

    def __init__(self, loop: Any) -> None:
        self._loop = ref(loop)  # the loop holds this object
        loop.call_exception_handler = self.handle_exception
        loop._before_run_forever = self.before_run
        loop._after_run_forever = self.after_run
        self._turns = quicken(loop)
        self._noticed: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._listeners: list[Callable[[NestedLoopError], object]] = []

    def add_listener(self, listener: Callable[[NestedLoopError], object]) -> None:
        """Notify `listener` of each Task that opens a nested loop: once for a Task, from a callback of the loop."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[NestedLoopError], object]) -> None:
        """Stop notifying a listener; one that is not known is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def handle_exception(self, context: dict[str, Any]) -> None:
        """Run the step that was refused; pass everything else on."""
        loop = self._loop()
        if loop is None:
            return
        waiting = asyncio.current_task(loop)
        handle = context.get("handle")
        if waiting is None or not isinstance(handle, asyncio.Handle) or not _was_refused(context, handle):
            type(loop).call_exception_handler(loop, context)
            return
        self._notify(loop, waiting)
        # Nothing of the refused step has run yet, and `waiting` cannot go on before this call returns: it is further
        # down on the stack. So it steps aside for as long as the other Task's step takes.
        asyncio._leave_task(loop, waiting)
        try:
            handle._run()
        finally:
            asyncio._enter_task(loop, waiting)

    def before_run(self) -> None:
        """Leave the loop's timer alone: from here on asyncio knows that the loop runs."""
        loop: Any = self._loop()
        vars(loop._timer).pop("timerEvent", None)
        self._turns.begin_to_run()
        type(loop)._before_run_forever(loop)

    def after_run(self) -> None:
        """Stand before the loop's timer, until the loop runs again."""
        loop: Any = self._loop()
        self._turns.end_to_run()
        type(loop)._after_run_forever(loop)
        loop._timer.timerEvent = self.run_timer

    def run_timer(self, event: QTimerEvent) -> None:
        """Make the call that is due, as the loop would; unless another loop is running, which knows nothing of it."""
        loop: Any = self._loop()
        if loop is None:
            return
        stranger = asyncio._get_running_loop() is not None
        if not stranger:
            asyncio._set_running_loop(loop)
        try:
            type(loop._timer).timerEvent(loop._timer, event)
        finally:
            if not stranger:
                asyncio._set_running_loop(None)

    def _notify(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[Any]) -> None:
        if task in self._noticed:
            return
        self._noticed.add(task)
        error = NestedLoopError(task.get_name())
        _log.error("%s", error)
        for listener in self._listeners:
            loop.call_soon(listener, error)


_keepers: WeakKeyDictionary[asyncio.AbstractEventLoop, TaskKeeper] = WeakKeyDictionary()


def keep_tasks_going(loop: asyncio.AbstractEventLoop) -> TaskKeeper | None:
    """Have Tasks of a qasync loop run also where asyncio would not let them; a second call changes nothing.

    Returns:
        The keeper, which notifies of nested loops; None for any other loop, since only Qt's can be nested.
    """
    if not isinstance(loop, qasync.QEventLoop):
        return None
    keeper = _keepers.get(loop)
    if keeper is None:
        keeper = _keepers[loop] = TaskKeeper(loop)
    return keeper


def _was_refused(context: dict[str, Any], handle: asyncio.Handle) -> bool:
    """Whether a handle is the step of a Task that asyncio did not let run: an error of its coroutine stays inside."""
    error = context.get("exception")
    stepped = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]  # asyncio's own repr reads it
    return isinstance(stepped, asyncio.Task) and type(error) is RuntimeError and str(error).startswith(_REFUSED)
