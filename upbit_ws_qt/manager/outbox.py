"""Calls that are made one after the other, whatever one of them does."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable

__all__ = ["Outbox"]


class Outbox:
    """Makes calls in the order in which they came.

    One that runs a nested event loop (a dialog) keeps none behind it waiting, and one that raises keeps none from
    being made: the rest is armed before each. The exception goes to the loop's handler.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: deque[Callable[[], object]] = deque()
        self._armed: asyncio.Handle | None = None

    def send(self, calls: Iterable[Callable[[], object]]) -> None:
        """Make some calls behind those that wait; at once where none does. Never from inside a Task."""
        self._calls.extend(calls)
        self._make_calls()

    def _make_calls(self) -> None:
        calls = self._calls
        while calls:
            call = calls.popleft()
            if calls and self._armed is None:
                self._armed = self._loop.call_soon(self._go_on)
            call()
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None

    def _go_on(self) -> None:
        self._armed = None
        self._make_calls()
