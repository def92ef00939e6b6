"""Something that is done every few seconds, as a plain loop callback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.stats import TaskReading

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Periodic"]


class Periodic:
    """Calls `action` every `interval` seconds until stopped.

    It is armed anew before the action runs, so an action that raises is called again; the exception goes to the loop's
    exception handler and is counted. It is a callback and not a Task, because actions tell listeners, and those
    may open a nested Qt event loop.

    Attributes:
        runs: completed calls.
        failures: calls that raised.
    """

    def __init__(self, name: str, interval: float, action: Callable[[], None]) -> None:
        self.name = name
        self.interval = interval
        self.runs = 0
        self.failures = 0
        self._action = action
        self._handle: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def running(self) -> bool:
        """Whether another call is due."""
        return self._handle is not None

    def reading(self) -> TaskReading:
        """Return how it goes."""
        return TaskReading(
            name=self.name,
            interval=self.interval,
            runs=self.runs,
            failures=self.failures,
            running=self.running,
        )

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Arm the first call, one interval from now; a second start changes nothing."""
        if self._handle is None:
            self._loop = loop
            self._arm()

    def stop(self) -> None:
        """Disarm; may be called at any time and more than once."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._loop = None

    def _arm(self) -> None:
        if self._loop is not None:
            self._handle = self._loop.call_later(self.interval, self._tick)

    def _tick(self) -> None:
        self._arm()
        done = False
        try:
            self._action()
            done = True
        finally:  # an exception goes on to the loop's handler
            self.runs += done
            self.failures += not done
