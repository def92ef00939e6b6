"""The display clock's side of routing: who has something newest to be shown in the next frame."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from upbit_ws_qt.types import Priority

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from upbit_ws_qt.routing.route import Route

__all__ = ["FrameClock"]


class FrameClock:
    """Holds the routes with Delivery.FRAME that wait for the next display frame.

    Attributes:
        on_pending: called when the first route begins to wait, so that a stopped display timer can start.
        divisor: only in each so many frames all are served; CRITICAL ones in every frame.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, budget: float) -> None:
        self._loop = loop
        self._budget = budget
        self._waiting: dict[Route, None] = {}
        self._rest: asyncio.Handle | None = None
        self.on_pending: Callable[[], None] | None = None
        self.flushes = 0
        self.divisor = 1

    def __len__(self) -> int:
        return len(self._waiting)

    def mark(self, route: Route) -> None:
        """Let a route be served in the next frame."""
        was_empty = not self._waiting
        self._waiting[route] = None
        if was_empty and self.on_pending is not None:
            self.on_pending()

    def expect(self) -> None:
        """Have the display timer started for frames that wait undecoded."""
        if self.on_pending is not None:
            self.on_pending()

    def forget(self, route: Route) -> None:
        """Take out a route that was closed."""
        self._waiting.pop(route, None)

    def flush(self) -> int:
        """Serve every route that waits; return how many were.

        Beyond the time budget the rest follows in the next turns of the loop, so that a large program stays fluent.
        A callback may run a nested event loop: each route is taken out before it is served, and the others get their
        turn in there.
        """
        self._disarm()
        self.flushes += 1
        if self.flushes % self.divisor:
            return self._flush_critical()
        waiting = self._waiting
        ends = perf_counter() + self._budget
        served, todo = 0, len(waiting)  # what is marked meanwhile belongs to the next frame
        while waiting and served < todo:
            route = next(iter(waiting))
            del waiting[route]
            if waiting and self._rest is None:
                self._rest = self._loop.call_soon(self._flush_rest)
            route.flush_frame()
            served += 1
            if served < todo and perf_counter() > ends:
                return served
        self._disarm()
        if waiting and self.on_pending is not None:
            self.on_pending()
        return served

    def _flush_critical(self) -> int:
        served = [route for route in self._waiting if route.spec.priority is Priority.CRITICAL]
        for route in served:
            if route in self._waiting:  # one before it may have closed it
                del self._waiting[route]
                route.flush_frame()
        if self._waiting and self.on_pending is not None:
            self.on_pending()
        return len(served)

    def close(self) -> None:
        """Serve nobody any more."""
        self._waiting.clear()
        self._disarm()

    def _disarm(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _flush_rest(self) -> None:
        self._rest = None
        self.flush()
