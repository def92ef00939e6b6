"""Tells others what happened: from plain callbacks of the loop, in order, never from inside a Task."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.manager.listener import ManagerListener

__all__ = ["CallQueue", "News", "Quota"]


class CallQueue:
    """Makes calls in the order in which they came.

    One that runs a nested event loop (a dialog) keeps none behind it waiting, and one that raises keeps none from
    being made: the rest is armed before each. The exception goes to the loop's handler.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[Callable[[], object]] = deque()
        self._armed: asyncio.Handle | None = None

    def send(self, calls: Iterable[Callable[[], object]]) -> None:
        """Make some calls behind those that wait; at once where none does. Never from inside a Task."""
        self._calls.extend(calls)
        self._make_calls()

    def _make_calls(self) -> None:
        calls = self._calls
        while calls:
            call = calls.popleft()
            if calls and self._armed is None:
                self._armed = self._loop.call_soon(self._go_on)
            call()
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _go_on(self) -> None:
        self._armed = None
        self._make_calls()


class News:
    """Tells listeners: `tell` arranges the calls for the next turn of the loop, and they keep their order."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._listeners: list[ManagerListener] = []
        self._calls = CallQueue(loop)

    def add(self, listener: ManagerListener) -> None:
        """Tell a listener from now on; adding it twice changes nothing."""
        if listener not in self._listeners:
            self._listeners.append(listener)

    def remove(self, listener: ManagerListener) -> None:
        """Stop telling a listener; one that is not known is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def tell(self, call: Callable[[ManagerListener], None]) -> None:
        """Have `call(listener)` made for each listener there is when its turn comes."""
        if not self._loop.is_closed():
            self._loop.call_soon(self._deliver, call)

    def _deliver(self, call: Callable[[ManagerListener], None]) -> None:
        self._calls.send([partial(self._tell_one, listener, call) for listener in self._listeners])

    def _tell_one(self, listener: ManagerListener, call: Callable[[ManagerListener], None]) -> None:
        if listener in self._listeners:  # an earlier one may have removed it
            call(listener)


class Quota:
    """Lets the first few of a second through, so that news of which a peer can make any number stays bounded."""

    def __init__(self, per_second: int) -> None:
        self._per_second = per_second
        self._second_began = float("-inf")
        self._passed = 0

    def allows(self, now: float) -> bool:
        """Whether one more may pass at `now`, in seconds."""
        if now - self._second_began >= 1.0:
            self._second_began, self._passed = now, 0
        if self._passed >= self._per_second:
            return False
        self._passed += 1
        return True
