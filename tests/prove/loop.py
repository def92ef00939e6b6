"""An asyncio loop in simulated time: an hour passes as soon as nothing is left to do in it.

Its clock is a number. Computing takes `TURN` a turn, whatever the machine; when nothing is ready, the clock jumps to
the next timer. Sockets are those of a simulated network. One seed therefore gives one course of events, and the loop
may also turn to tasks in another order than asyncio happens to.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from tests.prove.network import HOST, LOOPBACK, Network

if TYPE_CHECKING:
    from collections import deque
    from random import Random

__all__ = ["DeadlockError", "Fifo", "LivelockError", "Priorities", "Shuffled", "SimulatedLoop", "SimulatedSockets"]

TURN = 20e-6
"""Seconds that a turn of the loop takes."""
MOST_TURNS_A_SECOND = 45_000
"""Of simulated time: more means that something spins."""


class DeadlockError(Exception):
    """Nothing is ready, and nothing will ever be."""


class LivelockError(Exception):
    """The loop turns and turns, and nothing comes of it."""


class Fifo:
    """The order in which asyncio happens to run what is ready."""

    def arrange(self, ready: deque[asyncio.Handle]) -> list[asyncio.Handle]:
        """Bring what is ready into the order in which it runs; return what has to wait for the next turn."""
        return []


class Shuffled(Fifo):
    """Any order of tasks.

    Plain callbacks run in the order in which they were handed in, since asyncio promises that. Which of two tasks runs
    first, and whether a task wakes before or after a callback that stands beside it, nobody promises.
    """

    def __init__(self, random: Random, waits: float) -> None:
        self._random = random
        self._waits = waits

    def arrange(self, ready: deque[asyncio.Handle]) -> list[asyncio.Handle]:
        """Bring what is ready into the order in which it runs; return what has to wait for the next turn."""
        random = self._random.random
        keyed: list[tuple[float, int, asyncio.Handle]] = []
        late: list[asyncio.Handle] = []
        place = 0.0
        count = len(ready)
        for number, handle in enumerate(ready):
            if _task_of(handle) is None:
                place = max(place, number / count)
                keyed.append((place, number, handle))
            elif random() < self._waits:
                late.append(handle)
            else:
                keyed.append((random(), number, handle))
        keyed.sort()
        ready.clear()
        ready.extend(handle for _, _, handle in keyed)
        return late


class Priorities(Fifo):
    """PCT: each task has a priority that stays, and loses it at a few moments chosen beforehand.

    The more tasks have to come in one particular order for a defect to show, the better this is than shuffling
    (Burckhardt et al., ASPLOS 2010). One that has lost its priority waits while others are ready, for some turns.
    """

    LONGEST = 20
    """Turns for which a task can be kept waiting."""

    def __init__(self, random: Random, changes: int, turns: int) -> None:
        self._random = random
        self._moments = sorted(random.randrange(turns) for _ in range(changes))
        self._turn = 0
        self._priorities: dict[int, tuple[float, asyncio.Task[Any]]] = {}
        self._kept: dict[int, int] = {}

    def arrange(self, ready: deque[asyncio.Handle]) -> list[asyncio.Handle]:
        """Bring what is ready into the order in which it runs; return what has to wait for the next turn."""
        self._turn += 1
        keyed: list[tuple[float, int, asyncio.Handle]] = []
        late: list[asyncio.Handle] = []
        for number, handle in enumerate(ready):
            task = _task_of(handle)
            priority = 0.5 if task is None else self._priority(task)
            if priority > 1.0 and len(ready) > 1 and self._may_wait(id(task)):
                late.append(handle)
            else:
                keyed.append((priority, number, handle))
        keyed.sort()
        if self._moments and self._turn >= self._moments[0] and keyed:
            self._moments.pop(0)
            task = _task_of(keyed[0][2])
            if task is not None:
                self._priorities[id(task)] = (2.0 + self._turn, task)
        ready.clear()
        ready.extend(handle for _, _, handle in keyed)
        return late

    def _priority(self, task: asyncio.Task[Any]) -> float:
        known = self._priorities.get(id(task))
        if known is None or known[1] is not task:
            if len(self._priorities) > 2000:
                self._priorities = {key: each for key, each in self._priorities.items() if not each[1].done()}
            known = self._priorities[id(task)] = (self._random.random(), task)
        return known[0]

    def _may_wait(self, key: int) -> bool:
        kept = self._kept.get(key, 0) + 1
        self._kept[key] = kept % self.LONGEST
        return kept < self.LONGEST


def _task_of(handle: asyncio.Handle) -> asyncio.Task[Any] | None:
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    return owner if isinstance(owner, asyncio.Task) else None


class _Timetable:
    """Stands where a loop has its selector: instead of waiting it moves the clock."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> tuple[()]:
        """Let the time pass that a selector would have waited for."""
        if timeout is None:
            raise DeadlockError("everything waits, and nothing is going to happen")
        self._loop.pass_time(max(timeout, TURN))
        return ()


class SimulatedSockets:
    """What a loop has of sockets, on a simulated network."""

    network: Network

    def __init__(self) -> None:
        super().__init__()
        self._dialled: dict[int, tuple[str, int]] = {}

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """Return the address itself: names are not looked up here."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        """Listen on the simulated network."""
        return self.network.listen(protocol_factory, port)

    async def sock_connect(self, sock: Any, address: Any) -> None:
        """Note where a socket is to go; the connection is made by create_connection."""
        self._dialled[id(sock)] = address

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, sock: Any = None, **options: Any
    ) -> Any:
        """Connect over the simulated network; no TLS."""
        if sock is not None:
            host, port = self._dialled.pop(id(sock))
            sock.close()
        assert host == LOOPBACK, host
        return await self.network.connect(HOST.get(), port, protocol_factory)


class SimulatedLoop(SimulatedSockets, asyncio.BaseEventLoop):
    """A loop with a clock and a network of its own.

    Args:
        random: of the network.
        order: in which order what is ready runs.
        start: its first time, seconds.
    """

    def __init__(self, random: Random, order: Fifo | None = None, start: float = 1000.0) -> None:
        super().__init__()
        self._now = start
        self._selector = _Timetable(self)
        self._order = order or Fifo()
        self._late: list[asyncio.Handle] = []
        self._turns = 0
        self._second = int(start)
        self._turns_by_then = 0
        self.network = Network(self, random)

    @property
    def turns(self) -> int:
        """How often it has turned."""
        return self._turns

    def time(self) -> float:
        """Return the simulated seconds."""
        return self._now

    def pass_time(self, seconds: float) -> None:
        """Let some seconds pass at once: what a callback calls that keeps the loop from turning."""
        self._now += seconds

    def timers(self) -> list[asyncio.TimerHandle]:
        """Return the timers that are armed."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return [each for each in scheduled if not each.cancelled()]

    # -- what asyncio's own loop calls
    def _run_once(self) -> None:
        self._turns += 1
        if int(self._now) != self._second:
            self._second, self._turns_by_then = int(self._now), self._turns
        elif self._turns - self._turns_by_then > MOST_TURNS_A_SECOND:
            raise LivelockError(f"{MOST_TURNS_A_SECOND} turns at {self._now:.3f} s")
        super()._run_once()  # type: ignore[misc]
        if self._late:
            self._ready.extend(self._late)  # type: ignore[attr-defined]
            self._late = []

    def _process_events(self, event_list: object) -> None:
        ready: deque[asyncio.Handle] = self._ready  # type: ignore[attr-defined]
        if len(ready) > 1:
            self._late = self._order.arrange(ready)

    def _write_to_self(self) -> None:
        """Wake up: it never sleeps."""
