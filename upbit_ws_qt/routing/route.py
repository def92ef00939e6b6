"""One consumer: a wish, its callback, and exactly what became of every event that was for it."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.quantiles import QuantileSketch
from upbit_ws_qt.routing.filters import key_function
from upbit_ws_qt.routing.queues import CONFLATING, EventQueue, LatestQueue, ThrottledQueue, make_queue, queue_rules
from upbit_ws_qt.streams import key_of_event
from upbit_ws_qt.types import BackpressureStrategy, Delivery

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing.components import Dispatcher
    from upbit_ws_qt.routing.filters import EventFilter
    from upbit_ws_qt.routing.lane import Lane
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey

__all__ = ["CallStats", "Route"]

_SAMPLE = 7  # one callback time in eight goes into the percentiles; sum and longest are exact


def _ignore(event: BaseWebSocketEvent) -> None:
    """What a closed route does with an event."""


class CallStats:
    """What the callback of a route took, for one of its streams or for all.

    Attributes:
        delivered: events handed to it.
        busy_time: seconds spent in it, nested event loops excluded.
        longest: the longest call, in seconds.
    """

    __slots__ = ("busy_time", "delivered", "longest")

    def __init__(self) -> None:
        self.delivered = 0
        self.busy_time = self.longest = 0.0


class Route:
    """A consumer whose callback is called at once, in the drain.

    `received == delivered + conflated + dropped + waiting` holds whenever no callback of this route is running.
    While its callback runs (in a nested event loop, say) the route is not entered again: events wait in its queue.

    Most events are handed out the moment they come. That way is one function, which counts one number, `delivered`;
    what has to wait is counted as it comes in and as it goes out. Where several routes take each event of a stream like
    that, a lane calls their callbacks (see Lane).

    Attributes:
        component_id: whose route it is.
        spec: the wish.
        keys: the streams of the wish.
        view: what of each event is for it; None where that is all of every one.
        offer: takes one event; what it does depends on the delivery, the strategy and the state.
        failures: callbacks that raised.
        slow_calls: callbacks that blocked the event loop.
        skipped: events that were replaced by newer ones under overload although the wish was for every one.
    """

    __slots__ = (
        "__weakref__", "_beat", "_block_timer", "_busy_time", "_by_code", "_by_stream", "_callback", "_deferred",
        "_delivered", "_dispatcher", "_has_backlog", "_held", "_lane", "_longest", "_lossy", "_lost", "_newest",
        "_on_close", "_pace", "_queue", "_releasing", "_rules", "_slow", "_stopwatch", "_superseded",
        "_timer", "_waited", "_waited_out", "_warn_at", "_warned", "alive", "closed",
        "component_id", "failures", "is_lossless", "keys", "offer", "skipped", "slow_calls", "spec", "times", "view",
    )  # fmt: skip

    def __init__(
        self,
        dispatcher: Dispatcher,
        component_id: str,
        spec: SubscriptionSpec,
        keys: tuple[StreamKey, ...],
        callback: Callable[[Any], Any],
        *,
        alive: Callable[[], bool] | None,
        view: EventFilter | None,
        on_close: Callable[[Route], None],
    ) -> None:
        self._delivered = 0
        self._busy_time = self._longest = 0.0
        self._lane: Lane | None = None
        self.component_id = component_id
        self.spec = spec
        self.keys = keys
        self.alive = alive
        self.failures = self.slow_calls = self.skipped = 0
        self._waited = self._waited_out = 0  # events that were not handed out as they came, and those that were later
        self._superseded = self._lost = 0  # before they were decoded
        self.times = QuantileSketch()
        self._by_code = not spec.data_type.is_indicator  # of indicators there may be several for a market
        # What a route of one stream counts is that stream's. A plain dict, filled: one that makes its entries when they
        # are asked for costs three times as much for each event.
        self._by_stream = {self._name_of(key): CallStats() for key in keys} if len(keys) > 1 else None
        self.closed = False
        self._dispatcher = dispatcher
        self._beat = dispatcher.beat
        self._callback = callback
        self.view = view
        self._on_close = on_close
        self._slow = dispatcher.config.slow_callback
        self._stopwatch = dispatcher.stopwatch  # bound once: it is asked twice for each event
        rules = queue_rules(spec.data_type, spec.backpressure, dispatcher.config.backpressure)
        self._rules = rules
        self._queue = make_queue(rules, key_function(spec.data_type))
        self._newest = self._make_newest() if spec.delivery is Delivery.FRAME else None
        self._pace = self._queue if isinstance(self._queue, ThrottledQueue) else None
        self.is_lossless = rules.strategy is BackpressureStrategy.BLOCK
        self._warn_at = max(1, int(rules.max_queue_size * rules.warning_threshold))
        self._warned = False
        self._lossy = False  # events are being lost, and that was reported
        self._has_backlog = False  # the queue may hold something
        self._releasing = False  # the backlog is being handed out
        self._held = False  # a callback runs, or a backlog waits for its turn
        self._deferred = False  # the latter
        self._timer: asyncio.Handle | None = None
        self._block_timer: asyncio.TimerHandle | None = None
        self.offer: Callable[[BaseWebSocketEvent], None] = self._intake()

    # -- figures -------------------------------------------------------------------------------------------------------
    def stats_for(self, key: StreamKey) -> CallStats | Route:
        """Return what the callback took for one stream of the wish so far."""
        return self if self._by_stream is None else self._by_stream[self._name_of(key)]

    def _name_of(self, key: StreamKey) -> Hashable:
        return key.symbol if self._by_code else key

    @property
    def delivered(self) -> int:
        """Events that were handed to the callback, whether or not it raised."""
        self._settle()
        return self._delivered

    @property
    def busy_time(self) -> float:
        """Seconds spent in the callback, nested event loops excluded."""
        self._settle()
        return self._busy_time

    @property
    def longest(self) -> float:
        """The longest call, in seconds."""
        self._settle()
        return self._longest

    def _settle(self) -> None:
        if self._lane is not None:
            self._lane.settle()

    def note_calls(self, took: list[float], sampled: list[float]) -> None:
        """Take in what calls by a lane have taken, none of them long, in seconds; `sampled` are for the percentiles."""
        self._delivered += len(took)
        self._busy_time += sum(took)
        self._longest = max(self._longest, *took)
        for each in sampled:
            self.times.add(each)

    def note_call(self, began: float, ended: float) -> None:
        """Take in one call by a lane, which may have taken long."""
        took = ended - began
        self._delivered += 1
        if took < self._slow or not self.was_nested(took, began):
            self._busy_time += took
            self._longest = max(self._longest, took)

    @property
    def received(self) -> int:
        """Events that were for this consumer."""
        return self.delivered - self._waited_out + self._waited

    @property
    def waiting(self) -> int:
        """Events received and not handed out yet."""
        return len(self._queue) + (len(self._newest) if self._newest is not None else 0)

    @property
    def is_crowded(self) -> bool:
        """Whether the queue is half full: what can wait elsewhere should."""
        return len(self._queue) * 2 >= self._rules.max_queue_size

    @property
    def conflated(self) -> int:
        """Events replaced by a newer one of their key before they were handed out, or even decoded."""
        waited = self._queue.conflated + (self._newest.conflated if self._newest is not None else 0)
        return waited + self._superseded

    @property
    def dropped(self) -> int:
        """Events lost: no room, quarantine, or closed before they were handed out."""
        waited = self._queue.dropped + (self._newest.dropped if self._newest is not None else 0)
        return waited + self._lost

    @property
    def high_water(self) -> int:
        """The most events that ever waited."""
        return max(self._queue.high_water, self._newest.high_water if self._newest is not None else 0)

    def count_lost(self, count: int, *, superseded: bool) -> None:
        """Count events that were for this consumer and had to go before they were decoded.

        Args:
            count: how many.
            superseded: whether newer ones took their places.
        """
        self._waited += count
        if superseded:
            self._superseded += count
            if self._wants_every and self.offer != self._refuse:
                self.skipped += count
                self._dispatcher.skipped[self.component_id] += count
        else:
            self._lost += count

    @property
    def _wants_every(self) -> bool:
        return self.spec.delivery is Delivery.EVERY and self._rules.strategy not in CONFLATING

    def stalled_for(self, now: float) -> float:
        """Return for how many seconds events have waited without progress; a direct consumer never stalls."""
        return 0.0

    # -- the lane ------------------------------------------------------------------------------------------------------
    @property
    def direct_call(self) -> Callable[[Any], Any] | None:
        """The callback, where each event of a single stream goes to it at once and nothing waits; else None."""
        is_direct = self._by_stream is None and not (self._held or self._has_backlog or self.closed)
        return self._callback if is_direct and self.offer == self._offer_now else None

    def use(self, lane: Lane | None) -> None:
        """Be served by a lane from now on, or by none."""
        self._lane = lane

    def enter(self) -> None:
        """Let events wait: a lane runs the callback, which is not entered again."""
        self._held = True

    def leave(self) -> None:
        """Hand out what has come since `enter`."""
        self._held = False
        if self._has_backlog:
            self._release()

    def _leave_lane(self) -> None:
        """Be served for itself, before how it is served changes."""
        if self._lane is not None:
            self._lane.end()

    # -- life ----------------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """End the wish; what still waits is dropped and counted. May be called at any time, twice too."""
        if self.closed:
            return
        self.closed = True
        self._leave_lane()
        self.offer = _ignore
        self._let_go()
        self._on_close(self)

    def serve_as(self, spec: SubscriptionSpec, view: EventFilter | None) -> None:
        """Serve the same streams by another delivery or depth from now on; what waits is handed out first, in order.

        May be called from a Task: no callback is called before the next turn of the loop.
        """
        self._leave_lane()
        self.spec = spec
        self.view = view
        newest = self._newest
        if spec.delivery is Delivery.FRAME:
            self._newest = self._make_newest() if newest is None else newest
        elif newest:
            self._dispatcher.frames.forget(self)
            while newest:
                self._waited -= 1  # it was counted when it came
                self._enqueue(newest.pop())
            self._release_soon()
        if not self.closed and self.offer != self._refuse:
            self.offer = self._intake()

    def begin_quarantine(self) -> None:
        """Quarantine: what waits and what comes is dropped and counted until resume()."""
        if not self.closed:
            self._leave_lane()
            self.offer = self._refuse
            self._let_go()

    def resume(self) -> None:
        """Serve it again."""
        if not self.closed:
            self._warned = self._lossy = False
            self.offer = self._intake()

    def flush_frame(self) -> None:
        """Hand out the newest per key; called once per display frame."""
        newest = self._newest
        if newest is None or self.closed:
            return
        if self._held:  # its callback is still running in an outer loop: the next frame will do
            self._dispatcher.frames.mark(self)
            return
        while newest and not self._held:
            if self._pace is None:
                self._hand_waiting(newest)
            else:
                self._waited -= 1  # it was counted when it came
                self._pass_on(newest.pop())

    # -- from the engine to the callback -------------------------------------------------------------------------------
    def _make_newest(self) -> LatestQueue:
        return LatestQueue(self._rules.max_queue_size, key_function(self.spec.data_type))

    def _intake(self) -> Callable[[BaseWebSocketEvent], None]:
        is_plain = self.view is None and self.spec.delivery is not Delivery.FRAME and self._pace is None
        return self._offer_now if is_plain else self._offer_seldom

    def _offer_now(self, event: BaseWebSocketEvent) -> None:
        """Call the callback: guarded, timed, counted, not entered again."""
        if self._held:
            self._enqueue(event)
            return
        self._delivered += 1
        by_stream = self._by_stream
        stats = None
        if by_stream is not None:
            stats = by_stream[event.code if self._by_code else key_of_event(event)]
            stats.delivered += 1
        callback = self._callback  # an attribute that is called is looked for among the methods first, which takes long
        self._held = True
        began = self._stopwatch()
        try:
            result = callback(event)
            if result is not None and inspect.iscoroutine(result):
                result.close()
                raise TypeError("the callback returned a coroutine; register the coroutine function itself")
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the guarded boundary: a user's callback
            # This is no Task: a cancellation is what the callback found in a future that it asked for its result.
            self._dispatcher.callback_failed(self, error)
        finally:
            self._held = False
        took = self._stopwatch() - began
        if took < self._slow or not self.was_nested(took, began):
            self._busy_time += took
            if took > self._longest:
                self._longest = took
            if stats is not None:
                stats.busy_time += took
                if took > stats.longest:
                    stats.longest = took
            if not self._delivered & _SAMPLE:
                self.times.add(took)
        if self._has_backlog and not self._releasing:
            self._release()

    def _offer_seldom(self, event: BaseWebSocketEvent) -> None:
        """Take an event that is filtered, cut, paced or held for the display frame first."""
        seen = event if self.view is None else self.view(event)
        if seen is None:
            return
        newest = self._newest
        if newest is None or self.spec.delivery is not Delivery.FRAME:
            self._pass_on(seen)
            return
        self._waited += 1
        was_empty = not newest
        newest.push(seen, 0.0)
        if was_empty:
            self._dispatcher.frames.mark(self)

    def _refuse(self, event: BaseWebSocketEvent) -> None:
        if self.view is None or self.view(event) is not None:
            self._waited += 1
            self._queue.dropped += 1

    def _pass_on(self, event: BaseWebSocketEvent) -> None:
        """Hand an event out, or have it wait where it must."""
        if self._held or self._pace is not None:
            self._enqueue(event)
            if not self._held:
                if self._timer is not None:  # what it waits for is another symbol's turn
                    self._timer.cancel()
                self._release()
            return
        self._offer_now(event)

    def was_nested(self, took: float, began: float) -> bool:
        """Return whether the callback ran a nested event loop, so that what it cost is not known; else it blocked.

        Without a heartbeat in between, a callback that took long blocked the loop; with one it ran a loop of its own.
        """
        if self._beat.last_at > began:
            return True
        self._dispatcher.callback_blocked(self, took)
        return False

    # -- what has to wait ----------------------------------------------------------------------------------------------
    def _enqueue(self, event: BaseWebSocketEvent) -> None:
        queue = self._queue
        self._waited += 1
        self._has_backlog = True
        lost = queue.dropped
        queue.push(event, self._dispatcher.clock())
        waiting = len(queue)
        if waiting >= self._warn_at and not self._warned:
            self._warned = True
            self._dispatcher.queue_fills(self, waiting)
        if queue.dropped != lost and not self._lossy:
            self._lossy = True
            self._dispatcher.queue_full(self)
        if queue.overflow_since is not None and self._block_timer is None:
            self._block_timer = self._dispatcher.loop.call_later(self._rules.deadline, self._check_deadline)

    def _taken(self) -> None:
        """Note that the queue got shorter: an episode of warnings or losses may be over."""
        if (self._warned or self._lossy) and len(self._queue) * 2 <= self._warn_at:
            self._warned = self._lossy = False

    def _release(self) -> None:
        """Hand out what waits, in order, within the budget and at the pace; the rest by a later turn of the loop."""
        self._timer = None
        dispatcher = self._dispatcher
        # The backlog of one consumer must not keep the loop from the others.
        ends = self._stopwatch() + dispatcher.config.drain_budget
        self._releasing = True
        try:
            while self._queue and not self._held:
                if self._pace is not None and (due := self._pace.take(dispatcher.clock())) is not None:
                    self._timer = dispatcher.loop.call_at(due, self._release)
                    return
                self._hand_waiting(self._queue)
                self._taken()
                if self._queue and self._stopwatch() > ends:
                    self._release_soon()
                    return
            self._has_backlog = bool(self._queue)
        finally:
            self._releasing = False

    def _hand_waiting(self, queue: EventQueue) -> None:
        event = queue.pop()
        self._waited_out += 1
        self._offer_now(event)

    def _release_soon(self) -> None:
        """Hand out what waits from the next turn of the loop on; whatever comes until then queues up behind."""
        if not self._held and self._timer is None:
            self._held = self._deferred = True
            self._timer = self._dispatcher.loop.call_soon(self._release_rest)

    def _release_rest(self) -> None:
        self._held = self._deferred = False
        self._release()

    def _check_deadline(self) -> None:
        self._block_timer = None
        since = self._queue.overflow_since
        if since is None:
            return
        left = since + self._rules.deadline - self._dispatcher.clock()
        if left > 0:
            self._block_timer = self._dispatcher.loop.call_later(left, self._check_deadline)
        else:
            self._dispatcher.begin_quarantine(self.component_id, "deadline")

    def _let_go(self) -> None:
        self._queue.clear()
        if self._newest is not None:
            self._newest.clear()
            self._dispatcher.frames.forget(self)
        for timer in (self._timer, self._block_timer):
            if timer is not None:
                timer.cancel()
        if self._deferred:
            self._held = self._deferred = False
        self._timer = self._block_timer = None
