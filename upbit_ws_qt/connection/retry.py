"""When to dial again, and who waits for it: full jitter without limit, forgiven only after data has flowed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.clocks import SLEPT, ClockJump

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from upbit_ws_qt.errors import WebSocketError

__all__ = ["Askers", "Backoff", "Waker"]


class Backoff:
    """Delays drawn evenly from 0 to a ceiling that doubles with each attempt, as far as `maximum`.

    A line that is accepted and dropped at once does not bring the ceiling down: only one that has carried
    something for `stable_after` seconds does.

    Attributes:
        attempts: dials since the last stable line.
    """

    def __init__(self, initial: float, maximum: float, stable_after: float, rng: Random) -> None:
        self._initial = initial
        self._maximum = maximum
        self._stable_after = stable_after
        self._rng = rng
        self._first_data_at: float | None = None
        self.attempts = 0

    @property
    def ceiling(self) -> float:
        """The longest that the next delay can be, in seconds."""
        # The exponent is bounded: after 2^1024 a float overflows, and this counts for weeks.
        return min(self._maximum, self._initial * 2.0 ** min(self.attempts, 60))

    def next_delay(self, *, counts: bool = True) -> float:
        """Return how many seconds to wait before the next attempt, and count it unless the dial before was fine."""
        ceiling = self.ceiling
        self.attempts += counts
        self._first_data_at = None
        return self._rng.uniform(0.0, ceiling)

    def flowed(self, now: float) -> None:
        """Note a sign of life (data or a pong) on the present line."""
        if self._first_data_at is None:
            self._first_data_at = now
        elif now - self._first_data_at >= self._stable_after:
            self.attempts = 0

    def line_lost(self) -> None:
        """Note that the present line is gone: the next one has to show again that it is stable."""
        self._first_data_at = None

    def reset(self) -> None:
        """Forget everything, because somebody asked for a dial now."""
        self.attempts = 0
        self._first_data_at = None


NOTICE_JUMP_EVERY = 0.5


class Waker:
    """A supervisor's waiting."""

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._wall_clock = wall_clock
        self._event = asyncio.Event()

    def wake(self) -> None:
        """End the present wait, or the next one at once."""
        self._event.set()

    def take(self) -> None:
        """Have the next wait really wait."""
        self._event.clear()

    async def wait(self, other: asyncio.Future[Any] | None, seconds: float | None) -> None:
        """Return when woken, when `other` is done, or after some seconds; None for no limit."""
        woken = self._loop.create_task(self._event.wait())
        awaited: set[asyncio.Future[Any]] = {woken} if other is None else {woken, other}
        try:
            await asyncio.wait(awaited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()

    async def pause(self, until: float) -> None:
        """Return at a time of the loop's clock, when woken, or when the wall clock jumps: the computer slept."""
        self.take()
        clocks = ClockJump(self._loop.time(), self._wall_clock())
        while (left := until - self._loop.time()) > 0 and not self._event.is_set():
            # In slices: while the computer sleeps the loop's clock stands still, and the pause would go on for as long
            # after it.
            await self.wait(None, min(left, NOTICE_JUMP_EVERY))
            if clocks.look(self._loop.time(), self._wall_clock()) >= SLEPT:
                return


class Askers:
    """Those who asked for a line and wait for how it ends."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def are_waiting(self) -> bool:
        """Whether there is anybody."""
        return any(not answer.done() for answer in self._waiting)

    def add(self) -> asyncio.Future[None]:
        """Return a future that the next answer settles."""
        answer: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(answer)
        return answer

    def settle(self, error: WebSocketError | None) -> None:
        """Answer everybody."""
        # Whoever is answered may ask again at once.
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            if answer.done():
                continue
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)
