"""A consumer with a coroutine function: its own bounded queue and one worker task, which the engine owns."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.routing.route import Route

if TYPE_CHECKING:
    from upbit_ws_qt.events import BaseWebSocketEvent

__all__ = ["AsyncRoute"]


class AsyncRoute(Route):
    """A consumer that is awaited, one event after the other, and never holds the drain up."""

    __slots__ = ("_progress_at", "_wake", "_worker")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._progress_at = 0.0

    def stalled_for(self, now: float) -> float:
        """Return for how many seconds events have waited without progress."""
        return max(0.0, now - self._progress_at) if self._queue else 0.0

    def close(self) -> None:
        """End the wish and its worker; a callback that closes its own route may finish."""
        super().close()
        # Route, task, traceback and route again would be a cycle, with the callback's owner in it.
        worker, self._worker = self._worker, None
        if worker is None or worker.done():
            return
        self._wake.set()
        if not _is_current(worker, self._dispatcher.loop):
            worker.cancel()

    def _offer_now(self, event: BaseWebSocketEvent) -> None:
        self.received += 1
        self._pass_on(event)

    def _pass_on(self, event: BaseWebSocketEvent) -> None:
        if not self._queue:
            self._progress_at = self._dispatcher.clock()
        self._enqueue(event)
        if self._worker is None:
            self._start()
        self._wake.set()

    def _start(self) -> None:
        dispatcher = self._dispatcher
        worker = dispatcher.loop.create_task(self._work(), name=f"upbit_ws_qt route {self.component_id}")
        self._worker = worker
        dispatcher.workers.add(worker)
        worker.add_done_callback(dispatcher.workers.discard)

    async def _work(self) -> None:
        dispatcher = self._dispatcher
        budget = dispatcher.config.drain_budget
        turn = perf_counter()
        while not self.closed:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                turn = perf_counter()
                continue
            if self._pace is not None and (due := self._pace.take(dispatcher.clock())) is not None:
                await asyncio.sleep(due - dispatcher.clock())
                continue
            event = self._queue.pop()
            self._taken()
            await self._call(event)
            self._progress_at = dispatcher.clock()
            if perf_counter() - turn > budget:  # a callback that never really waits must not keep the loop
                await asyncio.sleep(0)
                turn = perf_counter()

    async def _call(self, event: BaseWebSocketEvent) -> None:
        dispatcher = self._dispatcher
        self.delivered += 1
        dispatcher.beat.keep()
        beats = dispatcher.beat.count
        began = perf_counter()
        try:
            await self._callback(event)
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            dispatcher.callback_failed(self, RuntimeError(f"the callback was cancelled from inside: {error!r}"))
        except Exception as error:  # noqa: BLE001 - the guarded boundary: a user's callback
            dispatcher.callback_failed(self, error)
        took = perf_counter() - began
        if took >= self._slow and dispatcher.beat.count == beats:
            dispatcher.callback_blocked(self, took)
        self.busy_time += took
        self.longest = max(self.longest, took)
        self.times.add(took)


def _is_current(task: asyncio.Task[None], loop: asyncio.AbstractEventLoop) -> bool:
    return asyncio.current_task(loop) is task


def _is_being_cancelled() -> bool:
    """Tell about the current task; kept in a local of a traceback it would keep the callback's owner in a cycle."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
