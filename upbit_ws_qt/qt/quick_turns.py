"""Makes the turns of a qasync loop cheap: calls that are due go in one event, and what can be read is read at once.

qasync starts and kills one of Qt's timers for each call that is due, for which Qt goes round its own loop each time;
and where something can be read it arranges such a call, with the socket's notifier switched off until then. A market
sends a message a millisecond, so each is read for itself, and most of what it costs is that
(benchmarks/throughput.py, `single`). What reading arranges, such as having the message handed out, is done right behind
it, without going round Qt's loop once more; and the handing out needs neither a handle nor a timer for it, which would
take an eighth of the message's time (`call_behind_reading`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import ref

from PyQt6.QtCore import QObject, QSocketNotifier, QThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from PyQt6.QtCore import QTimerEvent

__all__ = ["quicken"]


class QuickTurns(QObject):
    """Stands before two methods of a loop; makes what is due in one event, in its order.

    A call may run a nested event loop (a dialog), in which Qt does not let the same timer come again. So before each
    call another timer is started for those behind it.
    """

    def __init__(self, loop: Any) -> None:
        super().__init__()
        self._loop = ref(loop)  # the loop holds this object
        self._due: deque[asyncio.Handle] = deque()
        self._timer = 0
        thread = QThread.currentThread()
        assert thread is not None, "a loop runs in a thread"
        self._depth: Callable[[], int] = thread.loopLevel
        # How many of Qt's loops run in one another where no dialog is open; 0 while the asyncio loop does not run.
        self._usual_depth = max(1, self._depth()) if loop.is_running() else 0
        self._reads = False  # a socket is being read
        self._behind: Callable[[], object] | None = None  # what is called when that is done

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        """Do what the loop's method of that name does."""
        loop = self._loop()
        assert loop is not None, "called by the loop"
        handle = asyncio.Handle(callback, args, loop, context)
        self._due.append(handle)
        if not self._timer:
            self._timer = self.startTimer(0)
        return handle

    def add_reader(self, fd: Any, callback: Callable[..., object], *args: Any) -> None:
        """Do what the loop's method of that name does."""
        loop: Any = self._loop()
        if fd in loop._read_notifiers:
            loop._remove_reader(fd)
        descriptor = fd if isinstance(fd, int) else fd.fileno()
        loop._read_notifiers[fd] = ReadNotifier(loop, descriptor, callback, args, self)

    def call_behind_reading(self, callback: Callable[[], object]) -> None:
        """Call something in the next turn, or right behind what is being read now; it cannot be cancelled."""
        # One only, and none before which another call is due: what is called in its turn stays in order. And not in a
        # dialog that was opened while something was read, for which the end of that reading is too late.
        is_next = self._reads and self._behind is None and not self._due
        if is_next and self._depth() == self._usual_depth:
            self._behind = callback
        else:
            self.call_soon(callback)

    def begin_to_run(self) -> None:
        """Note that the loop begins to run: from here on asyncio takes it for the running one."""
        self._usual_depth = self._depth() + 1

    def end_to_run(self) -> None:
        """Note that it runs no more."""
        self._usual_depth = 0

    def read(self, handle: asyncio.Handle) -> None:
        """Have a socket read."""
        begun = not self._usual_depth and _begin(self._loop())
        was_reading, self._reads = self._reads, True
        try:
            handle._run()
        finally:
            self._reads = was_reading
            if begun:
                asyncio._set_running_loop(None)

    def make_due(self) -> None:
        """Make the calls that are due now; what they arrange comes in the next turn."""
        behind, self._behind = self._behind, None
        if behind is None and not self._due:
            return
        loop = self._loop()
        begun = not self._usual_depth and _begin(loop)
        try:
            if behind is not None:
                try:
                    behind()
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - as a handle of asyncio's does
                    if loop is not None:
                        loop.call_exception_handler({"message": f"Exception in {behind!r}", "exception": error})
            if self._due:
                self._make(len(self._due))
        finally:
            if begun:
                asyncio._set_running_loop(None)

    def timerEvent(self, event: QTimerEvent | None) -> None:
        """Make the calls that are due now; what they arrange comes in the next turn, behind Qt's other events."""
        if event is not None:
            self.killTimer(event.timerId())
        self._timer = 0
        loop, due = self._loop(), self._due
        if loop is None or loop.is_closed():
            due.clear()
            return
        begun = _begin(loop)
        try:
            self._make(len(due))
        finally:
            if begun:
                asyncio._set_running_loop(None)

    def _make(self, calls: int) -> None:
        due = self._due
        for _ in range(calls):
            if not due:
                return  # a nested event loop has made the rest
            handle = due.popleft()
            if due and not self._timer:
                self._timer = self.startTimer(0)
            if not handle._cancelled:
                handle._run()
        if not due and self._timer:
            self.killTimer(self._timer)
            self._timer = 0


class ReadNotifier(QSocketNotifier):
    """Has a socket read as soon as there is something to be read."""

    def __init__(
        self, loop: Any, descriptor: Any, callback: Callable[..., object], args: tuple[Any, ...], turns: QuickTurns
    ) -> None:
        super().__init__(descriptor, QSocketNotifier.Type.Read)
        self._loop = ref(loop)
        self._read = turns.read
        self._make_due = turns.make_due
        self._handle = asyncio.Handle(callback, args, loop)
        self._reads = False
        self._left_off = False
        self.activated["int"].connect(self._on_activated)  # which is how qasync disconnects it

    def _on_activated(self) -> None:
        if self._reads:  # a callback runs a nested event loop: what is read now would overtake what was read before
            self._left_off = True
            self.setEnabled(False)
            return
        self._reads = True
        read, make_due = self._read, self._make_due
        try:
            read(self._handle)
        finally:
            self._reads = False
            if self._left_off:
                self._left_off = False
                loop = self._loop()  # it may have been removed from there meanwhile
                self.setEnabled(loop is not None and self in (loop._read_notifiers or {}).values())
        make_due()


def _begin(loop: asyncio.AbstractEventLoop | None) -> bool:
    """Have asyncio take the loop for the running one where none runs; return whether that is to be undone.

    Somebody may process Qt's events while the loop does not run. Where another loop runs nothing changes: that one
    knows nothing of this.
    """
    if loop is None or asyncio._get_running_loop() is not None:
        return False
    asyncio._set_running_loop(loop)
    return True


def quicken(loop: Any) -> QuickTurns:
    """Make the turns of a qasync loop cheap, from now on."""
    turns = QuickTurns(loop)
    loop.call_soon = turns.call_soon
    loop.call_behind_reading = turns.call_behind_reading
    loop._add_reader = turns.add_reader
    return turns
