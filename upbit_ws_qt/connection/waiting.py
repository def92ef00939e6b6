"""Waiting that ends when somebody asks for something, and those who wait for the answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.connection.watchdog import CLOCK_JUMP

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.errors import WebSocketError

__all__ = ["Askers", "Waker"]

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
        wall, at = self._wall_clock(), self._loop.time()
        while (left := until - self._loop.time()) > 0 and not self._event.is_set():
            await self.wait(None, min(left, NOTICE_JUMP_EVERY))
            now = self._loop.time()
            jumped = self._wall_clock() - wall - (now - at)
            wall, at = self._wall_clock(), now
            if jumped >= CLOCK_JUMP:
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
        waiting, self._waiting = self._waiting, []
        for answer in waiting:
            if answer.done():
                continue
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)
