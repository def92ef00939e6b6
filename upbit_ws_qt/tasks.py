"""Who called: a coroutine, or the loop. No signal and no callback of a user's is called from inside a Task."""

from __future__ import annotations

import asyncio
import sys

__all__ = ["inside_task"]


def inside_task(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether the caller was called by a coroutine, and not by the loop; slow, for assertions in debug mode.

    `asyncio.current_task()` does not tell: while a coroutine has a dialog open, the loop that runs inside it calls
    plain callbacks too, and these may do what plain callbacks may.
    """
    if asyncio.current_task(loop) is None:
        return False
    frame = sys._getframe(1)
    while frame.f_code is not asyncio.Handle._run.__code__:  # what each loop calls
        if frame.f_back is None:
            return True
        frame = frame.f_back
    called = frame.f_locals["self"]._callback
    return isinstance(getattr(called, "__self__", None), asyncio.Task)
