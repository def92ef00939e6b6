"""What stands before the guard of a stream after a gap: notes what comes first, and holds what has to wait."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from upbit_ws_qt.events import TradeEvent
from upbit_ws_qt.routing.ordering import Verdict
from upbit_ws_qt.streams import StreamGap

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.fanout import Topic
    from upbit_ws_qt.routing.route import Route

__all__ = ["RouteHold", "StreamGate", "exchange_place"]

MOST_HELD = 20_000
"""Live events of one stream that may wait for one consumer."""
CROWDED_FOR = 0.02
"""Seconds after which a consumer whose queue was half full is looked at again."""


def exchange_place(event: BaseWebSocketEvent) -> tuple[int, int | None]:
    """Return (exchange's milliseconds, sequential_id) of an event, in the terms in which the past can be asked for.

    Of a trade it is when it was traded: its `timestamp` is a little later, and history does not know that one.
    """
    if isinstance(event, TradeEvent):
        return event.trade_timestamp, event.sequential_id
    return event.timestamp, None


class RouteHold:
    """Hands one consumer what was missed of a stream, in order before what came live meanwhile.

    Live events wait from the beginning until `hand_out` was called and all is handed out; after `expire` they do not
    wait any more, and what was missed comes when it comes. It never calls a callback from inside a Task, and it goes no
    faster than the consumer's queue takes it.

    Attributes:
        route: the consumer.
        held: live events that wait.
        is_holding: whether live events wait.
        expired: whether they stopped waiting before what was missed was there.
    """

    def __init__(
        self,
        route: Route,
        gate: StreamGate,
        loop: asyncio.AbstractEventLoop,
        budget: float,
        stopwatch: Callable[[], float],
        fan_out: Callable[[tuple[Route, ...], BaseWebSocketEvent], int],
        *,
        on_held: Callable[[], None],
        on_full: Callable[[], None],
    ) -> None:
        self.route = route
        self.held: list[BaseWebSocketEvent] = []
        self.is_holding = True
        self.expired = False
        self._gate = gate
        self._loop = loop
        self._budget = budget
        self._stopwatch = stopwatch
        self._fan_out = fan_out
        self._on_held: Callable[[], None] | None = on_held
        self._on_full = on_full
        self._out: deque[BaseWebSocketEvent] = deque()
        self._leaving = False
        self._timer: asyncio.Handle | None = None
        self._when_out: Callable[[], None] | None = None

    def take(self, event: BaseWebSocketEvent) -> None:
        """Have a live event wait."""
        self.held.append(event)
        if self._on_held is not None:
            self._loop.call_soon(self._on_held)
            self._on_held = None
        if len(self.held) == MOST_HELD and not self._leaving:
            self._loop.call_soon(self._on_full)

    def take_held(self) -> list[BaseWebSocketEvent]:
        """Return what waits, to be handed out in another order."""
        held, self.held = self.held, []
        return held

    def hand_out(self, events: Iterable[BaseWebSocketEvent], when_out: Callable[[], None]) -> None:
        """Hand out events, then what waits; `when_out` is called when nothing is left to hand out."""
        self._out.extend(events)
        self._when_out = when_out
        self._leave()

    def expire(self) -> None:
        """Let live events wait no longer."""
        if self.is_holding and not self._leaving:
            self.expired = True
            self._leave()

    def go_on_with(self, other: RouteHold) -> None:
        """Take over from another hold of the consumer: what that one still has to hand out comes first."""
        self._out.extend((*other._out, *other.held))
        when_out, other._when_out = other._when_out, None
        other.close()
        if self._out:
            self._arm(0.0)
        if when_out is not None:
            self._loop.call_soon(when_out)

    def close(self) -> None:
        """Hand out nothing more; for a consumer that is gone."""
        self.is_holding = False
        self._gate.drop(self)
        self._out.clear()
        self.held.clear()
        self._disarm()

    def _leave(self) -> None:
        self._leaving = True
        if self._timer is None:
            self._timer = self._loop.call_soon(self._step)

    def _step(self) -> None:
        self._timer = None
        route, ends = self.route, self._stopwatch() + self._budget
        while not route.closed:
            if not self._out:
                if not self.held or not self._leaving:
                    break
                self._out.extend(self.take_held())
            if route.is_crowded:
                self._arm(CROWDED_FOR)
                return
            self._arm(0.0)  # before the call: a consumer may open a dialog, and its loop goes on with this
            self._fan_out((route,), self._out.popleft())
            if self._stopwatch() > ends:
                return
        self._disarm()
        if not self._leaving and not route.closed:
            return  # it was handed what another hold had left, and goes on holding
        if self._out or self.held:
            self.close()
        self._leaving = self.is_holding = False
        self._gate.drop(self)
        when_out, self._when_out = self._when_out, None
        if when_out is not None:
            when_out()

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._step) if seconds else self._loop.call_soon(self._step)


class StreamGate:
    """Takes the place of a topic's guard while something about its stream is to be noted or held.

    Nothing on the hot path knows of it: it is called instead of the guard, and puts the guard back when it is done.

    Attributes:
        topic: the stream's.
        gap: the ends of the latest gap so far.
        first: what came first after it; None until it came.
        first_was_known: whether that had been handed on before.
        seen: ids of the trades that came live since `note_ids`; None where nobody asked.
    """

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.gap = StreamGap(topic.key)
        self.first: BaseWebSocketEvent | None = None
        self.first_was_known = False
        self.seen: set[int] | None = None
        self._notes = 0  # how many asked for the ids
        self._epoch = 0
        self._on_first: Callable[[StreamGate], None] | None = None
        self._holds: list[RouteHold] = []
        topic.gate = self
        topic.judge = self.judge

    def expect(self, gap: StreamGap, epoch: int, on_first: Callable[[StreamGate], None]) -> None:
        """Note what comes first in an epoch; `on_first` is called with it, in the drain, and must be short."""
        self.gap, self._epoch, self._on_first = gap, epoch, on_first
        self.first = None
        self.first_was_known = False

    def note_ids(self) -> None:
        """Note the ids of all trades from now on, until everybody who asked for it has called `forget_ids`."""
        self._notes += 1
        if self.seen is None:
            self.seen = set()

    def forget_ids(self) -> None:
        """Say that they are not needed any more."""
        self._notes -= 1
        if not self._notes:
            self.seen = None
            self._rest()

    def hold(self, hold: RouteHold) -> None:
        """Have live events wait for one consumer; a hold that it had goes over into this one."""
        before = [other for other in self._holds if other.route is hold.route]
        self._holds.append(hold)  # first: a gate that holds nothing puts the guard back
        for other in before:
            hold.go_on_with(other)

    def drop(self, hold: RouteHold) -> None:
        """Have them wait no longer; nothing where they do not."""
        if hold in self._holds:
            self._holds.remove(hold)
        self._rest()

    def others(self, routes: Iterable[Route]) -> tuple[Route, ...]:
        """Return those consumers for which nothing waits."""
        waiting = {hold.route for hold in self._holds}
        return tuple(route for route in routes if route not in waiting)

    def judge(self, event: BaseWebSocketEvent) -> Verdict:
        """Decide about one event as the guard does; HELD where it is news that some consumers have to wait for."""
        verdict = self.topic.order.judge(event)
        if self._on_first is not None and event.epoch == self._epoch:
            self._came_first(event, verdict)
        # What the guard refuses was handed out, or is older: it neither waits nor counts as news.
        if verdict:
            return verdict
        if self.seen is not None and isinstance(event, TradeEvent):
            self.seen.add(event.sequential_id)
        if not self._holds:
            return verdict
        for hold in self._holds:
            hold.take(event)
        return Verdict.HELD

    def _came_first(self, event: BaseWebSocketEvent, verdict: Verdict) -> None:
        on_first, self._on_first = self._on_first, None
        before = self.gap
        self.gap = StreamGap(before.stream, before.last_timestamp, before.last_id, *exchange_place(event))
        self.first = event
        self.first_was_known = verdict is Verdict.DUPLICATE
        if on_first is not None:
            on_first(self)
        self._rest()

    def _rest(self) -> None:
        """Put the guard back where nothing is to be done any more."""
        if self._on_first is None and not self._holds and self.seen is None and self.topic.gate is self:
            self.topic.gate = None
            self.topic.judge = self.topic.order.judge
