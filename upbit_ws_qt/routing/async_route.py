"""A consumer with a coroutine function: its own bounded queue and one worker task, which the engine owns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.routing.route import Route
from upbit_ws_qt.streams import key_of_event

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from upbit_ws_qt.events import BaseWebSocketEvent

__all__ = ["AsyncRoute"]


class AsyncRoute(Route):
    """A consumer that is awaited, one event after the other, and never holds the drain up.

    What it is charged for is the time in which its coroutine runs, not the time in which it waits: meanwhile the loop
    belongs to others, and what they do with it is theirs. Blocking is judged by single steps, from one suspension to
    the next. A call that still blocks once its component is put aside is cancelled, for it may never end.
    """

    __slots__ = ("_progress_at", "_wake", "_worker")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._wake = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._progress_at = 0.0

    def stalled_for(self, now: float) -> float:
        """Return for how many seconds events have waited without progress."""
        return max(0.0, now - self._progress_at) if self._queue else 0.0

    @property
    def direct_call(self) -> None:
        """None: a worker calls the callback."""

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
        self._pass_on(event)

    def _pass_on(self, event: BaseWebSocketEvent) -> None:
        if not self._queue:
            self._progress_at = self._dispatcher.clock()
        self._enqueue(event)
        self._release_soon()

    def _release_soon(self) -> None:
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
        try:
            await self._serve()
        finally:
            self._worker = None  # the next event starts another one, should a callback have cancelled this one

    async def _serve(self) -> None:
        dispatcher = self._dispatcher
        budget = dispatcher.config.drain_budget
        turn = self._stopwatch()
        while not self.closed:
            if not self._queue:
                self._wake.clear()
                await self._wake.wait()
                turn = self._stopwatch()
                continue
            if self._pace is not None and (due := self._pace.take(dispatcher.clock())) is not None:
                self._wake.clear()  # one of another symbol may go at once
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(due - dispatcher.clock()):
                        await self._wake.wait()
                continue
            event = self._queue.pop()
            self._waited_out += 1
            self._taken()
            await self._call(event)
            self._progress_at = dispatcher.clock()
            if self._stopwatch() - turn > budget:  # a callback that never really waits must not keep the loop
                await asyncio.sleep(0)
                turn = self._stopwatch()

    async def _call(self, event: BaseWebSocketEvent) -> None:
        dispatcher = self._dispatcher
        self._delivered += 1
        spent = self._busy_time
        try:
            await _Call(self._callback(event), self._run_step)
        except asyncio.CancelledError as error:
            is_ending = _is_being_cancelled()
            if not (self.closed if is_ending else self._is_quarantined()):
                dispatcher.callback_failed(self, error)
            if is_ending:
                raise
        except Exception as error:  # noqa: BLE001 - the guarded boundary: a user's callback
            dispatcher.callback_failed(self, error)
        took = self._busy_time - spent
        self.times.add(took)
        self._longest = max(self._longest, took)
        if self._by_stream is not None:
            stats = self._by_stream[event.code if self._by_code else key_of_event(event)]
            stats.delivered += 1
            stats.busy_time += took
            stats.longest = max(stats.longest, took)

    def _run_step(self, call: _Call, error: BaseException | None) -> Any:
        """Run a callback up to its next suspension, and charge it with the time that took."""
        if error is None and call.has_blocked and self._is_quarantined():
            call.has_blocked = False  # once for each time, so that it may wait while it tidies up
            error = asyncio.CancelledError("put aside for blocking")
        beat = self._dispatcher.beat
        if not self._dispatcher.closed:
            beat.keep()
        began = self._stopwatch()
        try:
            return call.steps.send(None) if error is None else call.steps.throw(error)
        finally:
            del error  # else it would hold itself by this frame, and the callback's owner with it
            took = self._stopwatch() - began
            if took < self._slow or not self.was_nested(took, began):
                self._busy_time += took
                call.has_blocked |= took >= self._slow

    def _is_quarantined(self) -> bool:
        component = self._dispatcher.components.get(self.component_id)
        return component is not None and component.quarantine is not None


class _Call(Generator[Any, None, Any]):
    """Awaits something, and has each step of it run by `run(self, exception to go on with or None)`.

    Attributes:
        steps: what is awaited.
        has_blocked: whether it has held the loop up for too long, and was not cancelled for it.
    """

    __slots__ = ("_run", "has_blocked", "steps")

    def __init__(self, awaitable: Awaitable[Any], run: Callable[[_Call, BaseException | None], Any]) -> None:
        self.steps = awaitable.__await__()
        self.has_blocked = False
        self._run = run

    def __await__(self) -> _Call:
        return self

    def send(self, value: None) -> Any:
        """Go on; asyncio hands nothing in."""
        return self._run(self, None)

    def throw(self, error: Any, value: object = None, trace: TracebackType | None = None) -> Any:
        """Go on with an exception, which is how asyncio cancels."""
        try:
            return self._run(self, error)
        finally:
            del error  # see AsyncRoute._run_step

    def close(self) -> None:
        """End it where it waits; a task whose loop has gone ends like that."""
        self.steps.close()


def _is_current(task: asyncio.Task[None], loop: asyncio.AbstractEventLoop) -> bool:
    return asyncio.current_task(loop) is task


def _is_being_cancelled() -> bool:
    """Tell about the current task; kept in a local of a traceback it would keep the callback's owner in a cycle."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0
