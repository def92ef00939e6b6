"""A loop on whose clock every machine is an idle one, and on which waiting takes no time.

Its time is what was waited for plus what was computed. The time in which the process could have gone on, but had to
wait for a processor, does not pass; so what is measured on this clock holds on a busy machine too.

Where nothing is ready, and nobody but this loop could make anything ready, the clock jumps to the next timer instead of
waiting for it: client and exchange share the loop, and what one sends over loopback has arrived when the other is
asked. Somebody else who could is a thread (one of the loop's own with work to do, or another one) or a child process;
while there is one, waiting is real. A program that was not started by this loop is not seen: tests that talk to one
are marked `real_time`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import selectors
import threading
import time
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple, Unpack

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

# Before so many seconds pass, which could be somebody's time-out, the kernel gets a turn or two: it carries bytes from
# socket to socket within the call that sends them or, where it has much to do, in a thread of its own.
_MOMENT = 0.02
_TURNS = 2


class _CountingSelector(selectors.DefaultSelector):
    """Knows how long it was asked to wait."""

    def __init__(self, is_alone: Callable[[], bool]) -> None:
        super().__init__()
        self._is_alone = is_alone
        self.waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait as any selector does, or jump; what is there already was not waited for."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is not None and self._is_alone():
            for _ in range(_TURNS if timeout > _MOMENT else 0):
                os.sched_yield()
                if ready := super().select(0):
                    return ready
            self.waited += timeout
            return ready
        began = time.monotonic()
        ready = super().select(timeout)
        took = time.monotonic() - began
        self.waited += took if timeout is None else min(took, timeout)
        return ready


class IdleMachineLoop(asyncio.SelectorEventLoop):
    """Counts the seconds of an idle machine, from the same beginning as the usual loop."""

    def __init__(self) -> None:
        self._counting_selector = _CountingSelector(self._is_alone)
        self._began = time.monotonic() - time.thread_time()
        self._in_threads = 0
        super().__init__(self._counting_selector)

    def time(self) -> float:
        """Return the seconds that an idle machine would have needed."""
        return self._began + time.thread_time() + self._counting_selector.waited

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """Note that a thread works for this loop, and for how long."""
        future = super().run_in_executor(executor, func, *args)
        self._in_threads += 1
        future.add_done_callback(self._thread_is_done)
        return future

    def _thread_is_done(self, _future: object) -> None:
        self._in_threads -= 1

    def _is_alone(self) -> bool:
        """Whether nobody but this loop could make anything ready."""
        return not (self._in_threads or _others() or _has_children())


def _others() -> int:
    """Return how many threads there are beside this one and those that only work for a loop."""
    return sum(1 for thread in threading.enumerate() if not thread.name.startswith("asyncio_")) - 1


def _has_children() -> bool:
    """Whether this process has started others that have not been waited for."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


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
