"""What waits for the display: consumers of the newest by the frame, and messages that a newer one may replace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.types import Priority

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from upbit_ws_qt.connection.inbox import RawFrame
    from upbit_ws_qt.routing.fanout import Group
    from upbit_ws_qt.routing.route import Route

__all__ = ["OVERLOAD_BEGINS", "OVERLOAD_ENDS", "FrameClock", "MessageHold"]


class FrameClock:
    """Holds the routes with Delivery.FRAME that wait for the next display frame.

    Attributes:
        on_pending: called when the first route begins to wait, so that a stopped display timer can start.
        divisor: only in each so many frames all are served; CRITICAL ones in every frame.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, budget: float, stopwatch: Callable[[], float]) -> None:
        self._loop = loop
        self._stopwatch = stopwatch
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
        ends = self._stopwatch() + self._budget
        served, todo = 0, len(waiting)  # what is marked meanwhile belongs to the next frame
        while waiting and served < todo:
            route = next(iter(waiting))
            del waiting[route]
            if waiting and self._rest is None:
                self._rest = self._loop.call_soon(self._flush_rest)
            route.flush_frame()
            served += 1
            if served < todo and self._stopwatch() > ends:
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


OVERLOAD_BEGINS = 512
"""Frames behind, a few milliseconds of work: from here on ticker and book frames are held back."""
OVERLOAD_ENDS = 64


class MessageHold:
    """Keeps the newest raw frame of each market and has it routed once per display frame.

    It does so for every conflatable frame while the drain is behind, and always for those whose consumers want
    display frames only. Taking a frame in costs a twentieth of decoding it, so that the drain catches up, and what
    is shown is newest. Within a market the order of frames is kept: a frame is routed only when it is the newest that
    has come. Each frame that was replaced is counted in the books of its consumers.

    Attributes:
        active: whether frames are held back at present.
        in_use: whether take() has anything to say about a frame.
        superseded: frames that were replaced by a newer one before they were decoded.
        episodes: how often overload has begun.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        interval: float,
        budget: float,
        route: Callable[[RawFrame], None],
        on_lazy: Callable[[], None],
        stopwatch: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._stopwatch = stopwatch
        self._interval = interval
        self._budget = budget
        self._route = route
        self._on_lazy = on_lazy  # frames wait for the display clock
        self._held: dict[Group, RawFrame] = {}
        self._timer: asyncio.Handle | None = None
        self.active = False
        self.in_use = False
        self.superseded = 0
        self.episodes = 0

    def __len__(self) -> int:
        return len(self._held)

    def note_backlog(self, pending: int) -> None:
        """Note how many frames wait behind the present one; begins and ends the overload, with hysteresis."""
        if self.active:
            if pending <= OVERLOAD_ENDS:
                self.active = False
                self._arm(0.0)
        elif pending >= OVERLOAD_BEGINS:
            self.active = self.in_use = True
            self.episodes += 1

    def take(self, group: Group, frame: RawFrame) -> bool:
        """Hold a frame back in the place of an older one; False where it is to be routed at once.

        In either case an older frame of its market is forgotten and counted. Frames that all consumers want by the
        display frame are held without overload too.
        """
        held = self._held
        hold = group.is_lazy or self.active
        replaced = held.get(group)
        if replaced is not None:
            self.superseded += 1
            group.count_superseded(replaced)
            if hold:
                held[group] = frame
                return True
            group.settle()
            del held[group]
            self.in_use = bool(held)
            return False
        if not hold:
            return False
        first = not held
        held[group] = frame
        self.in_use = True
        if self.active:
            if self._timer is None:
                self._arm(self._interval)
        elif first:
            self._on_lazy()
        return True

    def forget(self) -> None:
        """Forget what is held, and go on."""
        self.settle()
        self._held.clear()
        self.active = self.in_use = False

    def close(self) -> None:
        """Forget what is held."""
        self.settle()
        self._held.clear()
        self.active = self.in_use = False
        self._disarm()

    def flush(self) -> None:
        """Route what is held, oldest first, within the budget; the rest in the next turn of the loop."""
        self._disarm()
        ends = self._stopwatch() + self._budget
        todo = len(self._held)
        while self._held and todo > 0:
            todo -= 1
            if todo and self._timer is None:  # before the dispatch: a callback may run a nested loop
                self._arm(0.0)
            group = next(iter(self._held))
            group.settle()
            self._route(self._held.pop(group))
            if self._stopwatch() > ends:
                break
        self.in_use = self.active or bool(self._held)
        if not self._held:
            self._disarm()
        elif self._timer is None:
            self._arm(self._interval)

    def settle(self) -> None:
        """Put the frames that were replaced so far into the books of their consumers."""
        for group in self._held:
            group.settle()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, delay: float) -> None:
        self._disarm()
        if delay:
            self._timer = self._loop.call_later(delay, self.flush)
        else:
            self._timer = self._loop.call_soon(self.flush)
