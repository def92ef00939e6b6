"""How long each callback of the loop takes that is the client's, by CPU time: nothing else runs meanwhile."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any, Self

from upbit_ws_qt.manager.periodic import Periodic


class Callbacks:
    """Times the client's callbacks on an asyncio loop while it is entered.

    The exchange's own are left out, so that it may run in the same process. The garbage collector stands still
    meanwhile: a full collection costs whoever happens to run then, and goes through all that is in the process. How
    often and for how long it runs is measured by itself (benchmarks/turns.py).

    Args:
        without: classes whose callbacks are left out too.

    Attributes:
        longest: by name, seconds of the longest call.
        total: seconds of all.
    """

    def __init__(self, *without: type) -> None:
        self.longest: dict[str, float] = {}
        self.total = 0.0
        self._without = without
        self._handle: Any = asyncio.Handle
        self._run = self._handle._run

    def __enter__(self) -> Self:
        self.longest.clear()
        self.total = 0.0
        gc.collect()
        gc.disable()
        self._handle._run = lambda handle: self._timed(handle)
        return self

    def __exit__(self, *_: object) -> None:
        self._handle._run = self._run
        gc.enable()

    @property
    def worst(self) -> tuple[float, str]:
        """The longest of all, with its name."""
        return max(((took, name) for name, took in self.longest.items()), default=(0.0, "none"))

    def _timed(self, handle: Any) -> None:
        name, owner = _named(handle._callback)
        began = time.thread_time()
        self._run(handle)
        took = time.thread_time() - began
        if name is None or isinstance(owner, self._without):
            return
        self.total += took
        if took > self.longest.get(name, 0.0):
            self.longest[name] = took


def _named(callback: Any) -> tuple[str | None, object]:
    """Return the name of a callback of the client's and whose it is; None for the name of any other's."""
    owner = getattr(callback, "__self__", callback)
    if isinstance(owner, asyncio.Task):  # a step of it: the coroutine says whose
        coroutine: Any = owner.get_coro()
        frame = getattr(coroutine, "cr_frame", None)
        module = "" if frame is None else frame.f_globals.get("__name__", "")
        name = f"a step of {coroutine.__qualname__}"
    else:
        module = getattr(callback, "__module__", None) or type(owner).__module__
        name = getattr(callback, "__qualname__", repr(callback))
        if isinstance(owner, Periodic):
            name = f"{name} ({owner.name})"
    is_ours = module.startswith("upbit_ws_qt") and not module.startswith("upbit_ws_qt.exchange")
    return (name if is_ours else None), owner
