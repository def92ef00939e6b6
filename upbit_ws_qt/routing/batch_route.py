"""Consumers that are handed what came since the last call in one call: tables, which repaint once for all of it."""

from __future__ import annotations

import asyncio
import inspect
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.routing.async_route import AsyncRoute
from upbit_ws_qt.routing.filters import key_function
from upbit_ws_qt.routing.queues import LatestQueue
from upbit_ws_qt.routing.route import CallStats, Route
from upbit_ws_qt.streams import key_of_event
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey

__all__ = ["AsyncBatchRoute", "BatchRoute"]


class BatchRoute(Route):
    """A consumer whose callback is called with a tuple: at most `spec.rate` times a second, or once a display frame.

    It has the newest of each key, as with display frames, but of trades each one and of candles each, in its newest
    state, so that no close is missed. Books are kept by event, as everywhere.
    """

    __slots__ = ("_due", "_interval", "_shares")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue = _queue_for(self.spec, self._rules.max_queue_size)
        self._shares = _Shares(self.keys, by_code=self._by_code)
        self._interval = 0.0 if self.spec.rate is None else 1.0 / self.spec.rate
        self._due = 0.0

    def stats_for(self, key: StreamKey) -> CallStats:
        """Return what one stream's share of the calls was: a call is split evenly among the events in it."""
        return self._shares.of(key)

    def serve_as(self, spec: SubscriptionSpec, view: Any) -> None:
        """Serve another book depth from now on; how it is delivered stays."""
        self.spec = spec
        self.view = view

    def flush_frame(self) -> None:
        """Hand out what waits, in a display frame."""
        if not self.closed:
            self._release()

    def _intake(self) -> Callable[[BaseWebSocketEvent], None]:
        return self._collect

    def _collect(self, event: BaseWebSocketEvent) -> None:
        seen = event if self.view is None else self.view(event)
        if seen is None:
            return
        self._enqueue(seen)
        self._release_soon()

    def _release_soon(self) -> None:
        if self._held or self._timer is not None:
            return
        dispatcher = self._dispatcher
        if not self._interval:
            dispatcher.frames.mark(self)
        else:  # the first at once, as soon as all that came with it is here
            self._timer = dispatcher.loop.call_at(self._due, self._release)

    def _release(self) -> None:
        self._timer = None
        if self._held or not self._queue:
            return  # its callback still runs, in a nested loop: what waits comes after it
        self._due = self._dispatcher.clock() + self._interval
        self._hand_over(_take_all(self._queue))
        self._taken()
        self._has_backlog = bool(self._queue)
        if self._has_backlog:
            self._release_soon()

    def _hand_over(self, batch: tuple[BaseWebSocketEvent, ...]) -> None:
        """Call the callback: guarded, timed, counted, not entered again."""
        self._delivered += len(batch)
        self._waited_out += len(batch)
        self._beat.keep()
        self._held = True
        began = self._stopwatch()
        try:
            result = self._callback(batch)
            if result is not None and inspect.iscoroutine(result):
                result.close()
                raise TypeError("the callback returned a coroutine; register the coroutine function itself")
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - the guarded boundary: a user's callback
            self._dispatcher.callback_failed(self, error)
        finally:
            self._held = False
        took = self._stopwatch() - began
        if took >= self._slow and self.was_nested(took, began):
            took = 0.0
        self._busy_time += took
        self._longest = max(self._longest, took)
        self.times.add(took)
        self._shares.note(batch, took)

    def _let_go(self) -> None:
        super()._let_go()
        self._dispatcher.frames.forget(self)


class AsyncBatchRoute(AsyncRoute):
    """The same with a coroutine function, which is awaited and never called again before it is done."""

    __slots__ = ("_due", "_interval", "_shares")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._queue = _queue_for(self.spec, self._rules.max_queue_size)
        self._shares = _Shares(self.keys, by_code=self._by_code)
        self._by_stream = None  # a call is about several
        self._interval = 1.0 / (self.spec.rate or self._dispatcher.config.frame_rate)
        self._due = 0.0

    def stats_for(self, key: StreamKey) -> CallStats:
        """Return what one stream's share of the calls was: a call is split evenly among the events in it."""
        return self._shares.of(key)

    def serve_as(self, spec: SubscriptionSpec, view: Any) -> None:
        """Serve another book depth from now on; how it is delivered stays."""
        self.spec = spec
        self.view = view

    async def _serve(self) -> None:
        clock = self._dispatcher.clock
        while not self.closed:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
            elif (early := self._due - clock()) > 0:
                await asyncio.sleep(early)
            else:
                self._due = clock() + self._interval
                batch = _take_all(self._queue)
                self._taken()
                spent = self._busy_time
                self._delivered += len(batch) - 1
                self._waited_out += len(batch)
                await self._call(batch)  # type: ignore[arg-type]  # it only hands on what its callback takes
                self._shares.note(batch, self._busy_time - spent)
                self._progress_at = clock()
                await asyncio.sleep(0)  # a callback that never really waits must not keep the loop


class _Shares:
    """What the calls of a batch took, split evenly among the streams whose events were in it."""

    __slots__ = ("_by_code", "_stats")

    def __init__(self, keys: tuple[StreamKey, ...], *, by_code: bool) -> None:
        self._by_code = by_code
        self._stats: dict[Hashable, CallStats] = {(key.symbol if by_code else key): CallStats() for key in keys}

    def of(self, key: StreamKey) -> CallStats:
        """Return the share of one stream."""
        return self._stats[key.symbol if self._by_code else key]

    def note(self, batch: tuple[BaseWebSocketEvent, ...], took: float) -> None:
        """Take in a call."""
        share = took / len(batch)
        for event in batch:
            # An order of any market belongs to the one stream of a wish for all of them.
            stats = self._stats.get(event.code if self._by_code else key_of_event(event)) or self._stats.get("")
            if stats is not None:
                stats.delivered += 1
                stats.busy_time += share
                stats.longest = max(stats.longest, share)


def _queue_for(spec: SubscriptionSpec, size: int) -> LatestQueue:
    if spec.data_type is DataType.TRADE:
        return LatestQueue(size, attrgetter("code", "sequential_id"))
    if spec.data_type.is_candle:
        return LatestQueue(size, attrgetter("code", "candle_date_time_utc"))
    return LatestQueue(size, key_function(spec.data_type))


def _take_all(queue: Any) -> tuple[BaseWebSocketEvent, ...]:
    return tuple(queue.pop() for _ in range(len(queue)))
