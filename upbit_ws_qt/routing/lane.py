"""The short way to several consumers of one stream, each of which takes every event as it comes."""

from __future__ import annotations

import asyncio
import inspect
from array import array
from operator import sub
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.components import Dispatcher
    from upbit_ws_qt.routing.route import Route

__all__ = ["Lane"]

_MOST_MARKS = 1024  # of one lane, before they go into the consumers' books: 8 KB
_SAMPLED = 8  # one call's time in so many goes into the percentiles, as with a single Route


class Lane:
    """Hands an event to all consumers of its stream, each of them guarded, timed and counted for itself.

    A consumer's own books lie in a dozen places of memory. A thousand consumers' books are in no cache, and looking
    them up for each event takes as long as calling what they registered. So for each call the time at its end is noted
    here, side by side, and what follows from that is put into the books later: when somebody looks at these, when
    there are many notes, or when the lane ends.

    A callback may run a nested event loop, in which further events come in. Then, and when the lane ends while it hands
    something out, the consumers behind that callback are served by `Route.offer`, as they are where there is no lane.

    Attributes:
        routes: the consumers, in their order.
    """

    __slots__ = (
        "_calls", "_dispatcher", "_left", "_marks", "_on_end", "_seconds", "_slow", "_stopwatch", "_waiting",
        "_width", "routes",
    )  # fmt: skip

    def __init__(
        self,
        dispatcher: Dispatcher,
        routes: tuple[Route, ...],
        calls: tuple[Callable[[Any], object], ...],
        on_end: Callable[[], None],
    ) -> None:
        self.routes = routes
        self._calls = calls
        self._dispatcher = dispatcher
        self._slow = dispatcher.config.slow_callback
        self._stopwatch = dispatcher.stopwatch
        self._on_end: Callable[[], None] | None = on_end
        # For each event when its first call began and when each call ended, by the stopwatch.
        self._marks = array("d")
        self._width = len(routes) + 1
        self._seconds = 0.0  # of all calls together
        self._waiting: Iterator[Callable[[Any], object]] | None = None  # callbacks that the present event is still for
        self._left: list[Route] | None = None  # consumers that are left to Route.offer

    def __iter__(self) -> Iterator[Route]:
        """Yield who still waits for the present event, for whoever brings the next one before all have it."""
        self._break_off()
        while self._left:
            yield self._left.pop(0)

    def hand(self, event: BaseWebSocketEvent) -> None:
        """Call each consumer's callback."""
        if self._waiting is not None:
            self._forget_interrupted()
        marks = self._marks
        mark = marks.append
        self._waiting = waiting = iter(self._calls)
        stopwatch = self._stopwatch
        began = stopwatch()
        mark(began)
        for call in waiting:
            try:
                result = call(event)
                if result is not None:
                    _refuse_coroutine(result)
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the guarded boundary, as in Route
                self._dispatcher.callback_failed(self._running(), error)
            # Where one call ends the next begins: one look at the clock for each.
            mark(stopwatch())
        self._waiting = None
        took = marks[-1] - began
        self._seconds += took
        if took >= self._slow or self._left is not None:
            self._look_closer(event)
        elif len(marks) >= _MOST_MARKS:
            self.settle()

    @property
    def seconds(self) -> float:
        """What all calls have taken together."""
        return self._seconds

    def settle(self) -> None:
        """Put what was noted into the consumers' books."""
        marks, width = self._marks, self._width
        whole = len(marks) - len(marks) % width  # of the event that is being handed out there is less
        if not whole:
            return
        for place, route in enumerate(self.routes):
            took = list(map(sub, marks[place + 1 : whole : width], marks[place:whole:width]))
            route.note_calls(took, took[::_SAMPLED])
        del marks[:whole]

    def end(self) -> None:
        """Be used no more; who still waits for the present event gets it by Route.offer."""
        on_end, self._on_end = self._on_end, None
        if on_end is None:
            return
        self._break_off()
        self.settle()
        for route in self.routes:
            route.use(None)
        on_end()

    def _running(self) -> Route:
        """Return the consumer whose callback runs."""
        return self.routes[len(self._marks) % self._width - 1]

    def _break_off(self) -> None:
        """Leave those behind the running callback to Route.offer; its own consumer is not entered again meanwhile."""
        if self._waiting is None or self._left is not None:
            return
        running = len(self._marks) % self._width
        self._left = list(self.routes[running:])
        self.routes[running - 1].enter()
        for _ in self._waiting:  # which ends the loop in `hand`
            pass

    def _forget_interrupted(self) -> None:
        """Begin anew after a callback that Ctrl+C or the like has ended, and with it whatever called the lane."""
        running = len(self._marks) % self._width
        del self._marks[len(self._marks) - running :]
        if self._left is not None:
            self._left = None
            self.routes[running - 1].leave()

    def _look_closer(self, event: BaseWebSocketEvent) -> None:
        """Judge each call of an event of which one took long or was broken off; then serve whom nobody has served."""
        marks = self._marks
        first = len(marks) - (len(marks) % self._width or self._width)
        times = marks[first:]
        del marks[first:]
        for route, began, ended in zip(self.routes, times, times[1:], strict=False):
            route.note_call(began, ended)
        if self._left is None:
            return
        broken_off = self.routes[len(times) - 2]
        while self._left:
            route = self._left.pop(0)
            route.offer(event)
        self._left = None
        broken_off.leave()


def _refuse_coroutine(result: object) -> None:
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("the callback returned a coroutine; register the coroutine function itself")
