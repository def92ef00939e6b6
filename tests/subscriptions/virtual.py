"""An event loop whose clock jumps to the next deadline: minutes of subscribing in milliseconds, always the same way."""

from __future__ import annotations

import asyncio
import functools
import selectors
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")
P = ParamSpec("P")


class _JumpSelector(selectors.SelectSelector):
    """Instead of waiting, moves the loop's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("nothing is scheduled and nothing is ready: the test waits for ever")
        if not ready and timeout is not None and timeout > 0:
            self.now += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop in virtual time; `run` ends what is left over when the test is done."""

    def __init__(self) -> None:
        self._jump = _JumpSelector()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now

    def jump(self, seconds: float) -> None:
        """Let time pass without anything being done in it."""
        self._jump.now += seconds

    def run(self, coroutine: Coroutine[Any, Any, T], limit: float = 600.0) -> T:
        """Run to the end, for at most `limit` virtual seconds."""

        async def limited() -> T:
            async with asyncio.timeout(limit):
                return await coroutine

        return self.run_until_complete(limited())


def play(coroutine: Coroutine[Any, Any, T], limit: float = 600.0) -> T:
    """Run a test in virtual time on a loop of its own; a task that is left over fails it."""
    loop = VirtualLoop()
    loop.set_debug(True)
    try:
        result = loop.run(coroutine, limit)
        left = asyncio.all_tasks(loop)
        assert not left, f"tasks left behind: {left}"
        return result
    finally:
        loop.close()


def in_virtual_time(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a coroutine a test that `play` runs."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        play(test(*args, **kwargs))

    return run


def stand_still(seconds: float) -> None:
    """Let the loop be busy for so long: nothing is read, and all timers of that time are late."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop), "this test would really stand still"
    loop.jump(seconds)


async def elapse(seconds: float) -> None:
    """Let virtual time pass, which takes none."""
    assert isinstance(asyncio.get_running_loop(), VirtualLoop), "this test would really wait"
    await asyncio.sleep(seconds)
