"""Makes the turns of a qasync loop cheap: calls that are due go in one event, and what can be read is read at once.

qasync starts and kills one of Qt's timers for each call that is due, for which Qt goes round its own loop each time;
and where something can be read it arranges such a call, with the socket's notifier switched off until then. A market
sends a message a millisecond, so each is read for itself, and most of what it costs is that
(benchmarks/throughput.py, `single`). What reading arranges, such as having the message handed out, is done right behind
it, without going round Qt's loop once more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any
from weakref import ref

from PyQt6.QtCore import QObject, QSocketNotifier

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
        loop._read_notifiers[fd] = ReadNotifier(loop, descriptor, callback, args, self.make_due)

    def make_due(self) -> None:
        """Make the calls that are due now; what they arrange comes in the next turn."""
        self._make(len(self._due))

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
            if not handle.cancelled():
                handle._run()
        if not due and self._timer:
            self.killTimer(self._timer)
            self._timer = 0


class ReadNotifier(QSocketNotifier):
    """Has a socket read as soon as there is something to be read."""

    def __init__(
        self,
        loop: Any,
        descriptor: Any,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        make_due: Callable[[], None],
    ) -> None:
        super().__init__(descriptor, QSocketNotifier.Type.Read)
        self._loop = ref(loop)
        self._make_due = make_due
        self._handle = asyncio.Handle(callback, args, loop)
        self._reads = False
        self._left_off = False
        self.activated["int"].connect(self._on_activated)  # which is how qasync disconnects it

    def _on_activated(self) -> None:
        loop = self._loop()
        if loop is None:
            return
        if self._reads:  # a callback runs a nested event loop: what is read now would overtake what was read before
            self._left_off = True
            self.setEnabled(False)
            return
        self._reads = True
        begun = _begin(loop)
        try:
            self._read()
            self._make_due()
        finally:
            if begun:
                asyncio._set_running_loop(None)

    def _read(self) -> None:
        try:
            self._handle._run()
        finally:
            self._reads = False
            if self._left_off:
                self._left_off = False
                loop = self._loop()  # it may have been removed from there meanwhile
                self.setEnabled(loop is not None and self in (loop._read_notifiers or {}).values())


def _begin(loop: asyncio.AbstractEventLoop) -> bool:
    """Have asyncio take the loop for the running one where none runs; return whether that is to be undone.

    Somebody may process Qt's events while the loop does not run. Where another loop runs nothing changes: that one
    knows nothing of this.
    """
    if asyncio._get_running_loop() is not None:
        return False
    asyncio._set_running_loop(loop)
    return True


def quicken(loop: Any) -> None:
    """Make the turns of a qasync loop cheap, from now on."""
    turns = QuickTurns(loop)
    loop.call_soon = turns.call_soon
    loop._add_reader = turns.add_reader
