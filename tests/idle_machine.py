"""A loop on whose clock every machine is an idle one.

Its time is what was waited for plus what was computed. The time in which the process could have gone on, but had to
wait for a processor, does not pass; so what is measured on this clock holds on a busy machine too. Only what runs in
the thread of the loop is measured rightly: another thread or program seems as much faster as the machine is slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class _CountingSelector(selectors.DefaultSelector):
    """Knows how long it was asked to wait."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as any selector does; what is there already was not waited for."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        began = time.monotonic()
        ready = super().select(timeout)
        took = time.monotonic() - began
        self.waited += took if timeout is None else min(took, timeout)
        return ready


class IdleMachineLoop(asyncio.SelectorEventLoop):
    """Counts the seconds of an idle machine, from the same beginning as the usual loop."""

    def __init__(self) -> None:
        self._counting_selector = _CountingSelector()
        self._began = time.monotonic() - time.thread_time()
        super().__init__(self._counting_selector)

    def time(self) -> float:
        """Return the seconds that an idle machine would have needed."""
        return self._began + time.thread_time() + self._counting_selector.waited


@contextlib.contextmanager
def wall_clock_of_an_idle_machine() -> Iterator[None]:
    """Let `time.time()` go as the running loop's clock does, or a computer that slept would be seen everywhere."""
    real = time.time
    difference = real() - time.monotonic()

    def wall_clock() -> float:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return real()
        return loop.time() + difference if isinstance(loop, IdleMachineLoop) else real()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", wall_clock)
        yield
