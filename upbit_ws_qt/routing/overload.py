"""Ticker and book frames that wait undecoded: what a newer one replaces meanwhile is never decoded."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from upbit_ws_qt.connection.inbox import RawFrame
    from upbit_ws_qt.routing.fanout import Group

__all__ = ["OVERLOAD_BEGINS", "OVERLOAD_ENDS", "FrameHold"]

OVERLOAD_BEGINS = 512
"""Frames behind, a few milliseconds of work: from here on ticker and book frames are held back."""
OVERLOAD_ENDS = 64


class FrameHold:
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
    ) -> None:
        self._loop = loop
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

    def close(self) -> None:
        """Forget what is held."""
        self.settle()
        self._held.clear()
        self.active = self.in_use = False
        self._disarm()

    def flush(self) -> None:
        """Route what is held, oldest first, within the budget; the rest in the next turn of the loop."""
        self._disarm()
        ends = perf_counter() + self._budget
        todo = len(self._held)
        while self._held and todo > 0:
            todo -= 1
            if todo and self._timer is None:  # before the dispatch: a callback may run a nested loop
                self._arm(0.0)
            group = next(iter(self._held))
            group.settle()
            self._route(self._held.pop(group))
            if perf_counter() > ends:
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
