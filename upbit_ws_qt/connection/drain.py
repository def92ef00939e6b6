"""The drain: hands waiting frames out from the loop, within a time budget, fair between the lines."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from upbit_ws_qt.connection.inbox import Inbox
from upbit_ws_qt.tasks import inside_task
from upbit_ws_qt.types import IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.connection.inbox import RawFrame

__all__ = ["Drain", "DrainFigures"]

# Who is served first: an order that was filled is worth more than the next of a thousand tickers.
_ORDER = {WebSocketType.PRIVATE: 0, WebSocketType.INFO: 1, WebSocketType.PUBLIC: 2}


@dataclass(frozen=True, slots=True)
class DrainFigures:
    """How the handing out goes.

    Attributes:
        frames: handed out.
        turns: turns of the loop that it took.
        exhausted: turns that ended because the budget was used up.
        failures: frames whose handler raised.
        nested: turns that ran inside another one, because a callback opened a dialog.
    """

    frames: int = 0
    turns: int = 0
    exhausted: int = 0
    failures: int = 0
    nested: int = 0


class Drain:
    """Hands frames out from the loop, never from a Task: private before info before public, within a budget per turn.

    ENHANCED and ISOLATED: each line that has something waiting gets its share of the budget, and what it leaves over
    goes to the next. BASIC: one budget, oldest frame first.

    Where more than one frame waits the next turn is arranged before the first of them is handed out, and frames are
    taken one at a time, so that a callback which opens a nested event loop (a dialog) neither stops the stream nor
    changes its order.

    Attributes:
        level: in force; it may be changed at any time.
    """

    def __init__(
        self,
        handler: Callable[[RawFrame], None],
        budget: float = 0.004,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        level: IndependenceLevel = IndependenceLevel.ENHANCED,
        on_failure: Callable[[RawFrame, Exception], None] | None = None,
    ) -> None:
        self._loop = loop or asyncio.get_running_loop()
        self._debug = self._loop.get_debug()
        self._handler = handler
        self._budget = budget
        self.level = level
        self._on_failure = on_failure
        self._inboxes: list[Inbox] = []
        self._turn = self._run  # bound once
        self._is_armed = False
        self._stopped = False
        self._depth = 0
        self._frames = 0
        self._turns = 0
        self._exhausted = 0
        self._failures = 0
        self._nested = 0

    def add(self, inbox: Inbox) -> None:
        """Begin to empty an inbox."""
        self._inboxes.append(inbox)
        self._inboxes.sort(key=lambda item: _ORDER[item.ws_type])
        inbox.on_arrival(self.arm)

    def remove(self, inbox: Inbox) -> None:
        """Leave an inbox alone; one that is not known is ignored."""
        if inbox in self._inboxes:
            self._inboxes.remove(inbox)
            inbox.on_arrival(None)

    def arm(self) -> None:
        """Have the inboxes emptied in the next turn of the loop; only from the loop's thread."""
        if not self._is_armed and not self._stopped:
            self._is_armed = True
            # A loop that knows when it reads calls right behind that, without the costs of a call that is arranged.
            call_soon = getattr(self._loop, "call_behind_reading", self._loop.call_soon)
            call_soon(self._turn)

    def arm_threadsafe(self) -> None:
        """The same from any thread; on a loop that is closed nothing happens."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.arm)

    def stop(self) -> None:
        """Hand out nothing any more; idempotent."""
        self._stopped = True
        for inbox in self._inboxes:
            inbox.on_arrival(None)
            inbox.clear()
        self._inboxes.clear()

    def figures(self) -> DrainFigures:
        """Return the figures of this moment."""
        return DrainFigures(self._frames, self._turns, self._exhausted, self._failures, self._nested)

    def _run(self) -> None:
        if self._debug:
            assert not inside_task(self._loop), "the drain ran inside a Task"
        self._is_armed = False
        waiting = []
        for inbox in self._inboxes:
            if inbox.waiting:
                waiting.append(inbox)  # noqa: PERF401 - no call for each message, as a comprehension is one
        if not waiting:
            return
        if len(waiting) > 1 or len(waiting[0].waiting) > 1:  # what comes meanwhile arms by itself
            self.arm()
        self._turns += 1
        self._nested += self._depth > 0
        self._depth += 1
        try:
            turn = self._oldest_first if self.level is IndependenceLevel.BASIC else self._by_shares
            done = turn(waiting)
        finally:
            self._depth -= 1
        self._exhausted += not done

    def _by_shares(self, waiting: list[Inbox]) -> bool:
        clock, handler = self._loop.time, self._handler
        start = clock()
        done = True
        for place, inbox in enumerate(waiting, 1):
            # The deadline of the n-th line is n shares from the start: time that one leaves over serves the next.
            deadline = start + self._budget * place / len(waiting)
            while (frame := inbox.pop()) is not None:
                self._frames += 1
                try:
                    handler(frame)
                except Exception as error:  # noqa: BLE001 -- the guarded boundary of frames: one must not stop the rest
                    self._failed(frame, error)
                if not inbox.waiting:  # nearly always, where a market sends: then nobody waits for a share
                    break
                # After each frame and not after some: one callback may take longer than the whole budget.
                if clock() >= deadline:
                    done = False
                    break
        return done

    def _oldest_first(self, waiting: list[Inbox]) -> bool:
        clock = self._loop.time
        deadline = clock() + self._budget
        while True:
            frame = min(waiting, key=Inbox.oldest).pop()
            if frame is not None:
                self._frames += 1
                try:
                    self._handler(frame)
                except Exception as error:  # noqa: BLE001 -- the same boundary
                    self._failed(frame, error)
            if not any(waiting):
                return True
            if clock() >= deadline:
                return False

    def _failed(self, frame: RawFrame, error: Exception) -> None:
        self._failures += 1
        if self._on_failure is not None:
            self._on_failure(frame, error)
