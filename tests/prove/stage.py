"""Plays a course: the exchange, the program under test and a witness in one process, in simulated time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import importlib
import logging
import sys
import traceback
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from tests.prove.acts import Acts
from tests.prove.computer import SimulatedComputer
from tests.prove.judge import Judge
from tests.prove.loop import DeadlockError, Fifo, LivelockError, Priorities, Shuffled, SimulatedLoop
from tests.prove.network import HOST
from tests.prove.watch import Diary, Toll, Witness
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, pump
from upbit_ws_qt.exchange.market import candles
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.types import DataFormat, GlobalManagerState

if TYPE_CHECKING:
    from tests.prove.course import Course

__all__ = ["Outcome", "Stage", "play"]

BEGINS_MS = 1_790_000_000_000
QUIET = 60.0
"""Seconds without trouble after which everything has to be well again."""
NOTICED_WITHIN = 20.0
"""Seconds within which a dead line is found, and one that nobody wants is closed."""
SETTLES_WITHIN = 20.0
STOPS_WITHIN = 2.0
FORGOTTEN_AFTER = 900.0
CLOCKS_KNOWN_AFTER = 1900.0
"""The same behind a long sleep: the exchange may lose some of its time over it, and the monitor goes by the last half
hour when it says by how much the two clocks differ, so that events look late until then."""
PATIENT = 10
"""One seed in so many waits until health is good again."""
CLIENT = "10.0.0.1"
SECONDS_KEPT = 7200
"""So many finished candles of a second are true in REST; by itself the exchange makes older ones up from the minutes,
and after a long sleep they would be other ones than the lines would have brought."""
LONGEST = 3600.0
_SETTLED = frozenset({GlobalManagerState.ACTIVE, GlobalManagerState.IDLE})


@dataclass
class Outcome:
    """What came of a course.

    Attributes:
        violations: what was not as promised; empty where all was well.
        trace: a line for everything that happened.
        seconds: simulated.
        counts: what happened how often.
    """

    course: Course
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    seconds: float = 0.0
    turns: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def digest(self) -> str:
        """The trace in a few characters."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


class Stage:
    """What a course is played with.

    Attributes:
        violations: found so far.
    """

    def __init__(self, course: Course, loop: SimulatedLoop) -> None:
        self.course = course
        self.loop = loop
        self.network = loop.network
        self.trace: list[str] = []
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.began = loop.time()
        self.exchange: EmbeddedExchange
        self.manager: GlobalWebSocketManager
        self.computer: SimulatedComputer
        self.witness: Witness
        self.toll: Toll
        self.diary: Diary

    def note(self, text: str) -> None:
        """Write something into the trace."""
        self.trace.append(f"{self.loop.time() - self.began:.6f} {text}")

    def violated(self, text: str) -> None:
        """Note that something is not as promised; the same only once."""
        if text not in self.violations and len(self.violations) < 20:
            self.violations.append(text)
            self.note(f"VIOLATION {text}")

    async def play(self) -> None:
        """Play the course, let it come to rest, judge, and end."""
        course = self.course
        settings = ExchangeSettings(
            seed=course.seed, markets=8, rate=course.rate, start_ms=BEGINS_MS, prepare=False, block_seconds=2.0
        )
        async with EmbeddedExchange(settings) as self.exchange:
            self.witness, self.toll = Witness(self), Toll(self.network, CLIENT)
            if course.lag:
                self.exchange.faults.inject("rest_lag", seconds=course.lag)
            wall = BEGINS_MS / 1000 + course.skew
            self.computer = SimulatedComputer(self.loop, f"client {course.seed}", wall)
            HOST.set(CLIENT)
            self.manager = GlobalWebSocketManager(self._config(), computer=self.computer)
            self.diary = Diary(self)
            self.manager.add_listener(self.diary)
            acts = Acts(self)
            await self.manager.start()
            await self._act_out(acts)
            await acts.rest()
            await self._come_to_rest()
            await Judge(self, acts).judge()
            if not course.seed % PATIENT:
                await self._become_healthy()
            await self._end()
        await self._look_for_leftovers()

    async def _act_out(self, acts: Acts) -> None:
        for step in self.course.steps:
            due = self.began + step.at
            if (wait := due - self.loop.time()) > 0:
                await asyncio.sleep(wait)
            self.note(f"step {step.what} {step.values}")
            self.counts[step.what] += 1
            await acts.do(step)
        if (wait := self.began + self.course.seconds - self.loop.time()) > 0:
            await asyncio.sleep(wait)

    async def _come_to_rest(self) -> None:
        """Wait until all is well, which it has to be within a minute; then until everything was handed out."""
        until = self.loop.time() + QUIET
        await asyncio.sleep(NOTICED_WITHIN)
        while self.loop.time() < until and not self._is_well():
            await asyncio.sleep(0.5)
        if not self._is_well():
            states = {kind.value: self.manager.connection_state(kind).value for kind in self.manager.wiring.endpoints}
            unserved = [str(each) for each in self._unserved()]
            self.violated(f"not well after {QUIET:.0f} s of quiet: {self.manager.state.value}, {states}, {unserved}")
        until = self.loop.time() + SETTLES_WITHIN
        while self.loop.time() < until and self.manager.wiring.backfill.is_busy:
            await asyncio.sleep(0.5)
        await asyncio.sleep(2.0)  # what is under way arrives

    def _is_well(self) -> bool:
        manager = self.manager
        if manager.state in _SETTLED:
            return manager.wiring.is_settled
        # What was refused by the exchange was told to whose wish it is, and nobody is well with that.
        return manager.state is GlobalManagerState.DEGRADED and bool(self.diary.refused) and manager.wiring.is_settled

    def _unserved(self) -> list[Any]:
        return [
            (stream, status.value)
            for stream in self.manager.get_active_subscriptions()
            if not (status := self.manager.wiring.stream_status(stream)).is_served
        ][:5]

    async def _become_healthy(self) -> None:
        """Wait until nothing of the trouble is left in any window, and look whether health is back and alerts gone."""
        has_slept = any(step.what in ("sleep", "waking") for step in self.course.steps)
        await asyncio.sleep(CLOCKS_KNOWN_AFTER if has_slept else FORGOTTEN_AFTER)
        health = await self.manager.get_health_status()
        if not self.diary.refused and not health.is_healthy:
            self.violated(f"health is {health.level.value}: {[reason.kind.value for reason in health.reasons]}")
        for key, count in self.diary.alerts.items():
            if count and not key.startswith("maintenance") and not self.diary.refused:
                self.violated(f"an alert is left: {key}")

    async def _end(self) -> None:
        began = self.loop.time()
        await self.manager.stop()
        took = self.loop.time() - began
        if took > STOPS_WITHIN:
            self.violated(f"stop() took {took:.3f} s")
        self.note("stopped")
        if self.manager.state is not GlobalManagerState.STOPPED:
            self.violated(f"stopped, and its state is {self.manager.state.value}")

    async def _look_for_leftovers(self) -> None:
        await asyncio.sleep(2.0)  # what was cut off is told so
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            self.violated(f"a task is left: {task.get_name()} {task.get_coro()}")
        for timer in self.loop.timers():
            if "asyncio/tasks.py" not in repr(timer) and "_set_result_unless_cancelled" not in repr(timer):
                self.violated(f"a timer is left: {timer!r:.200}")
        for end in self.network.ends:
            self.violated(f"a socket is left: {end.get_extra_info('sockname')}")

    def _config(self) -> ServiceConfig:
        course = self.course
        return ServiceConfig.for_exchange(
            self.exchange,
            data_format=DataFormat(course.data_format),
            compression=course.compression,
            backfill=frozenset(course.backfill),
            backfill_hold=course.hold,
            raise_independence=False,  # a thread of its own is not simulated
        )


def play(course: Course, *, most_seconds: float = LONGEST) -> Outcome:
    """Play a course from beginning to end and return what came of it."""
    importlib.import_module("aiohttp")  # else the first question would load it in a thread, and threads are chance
    orders = {
        "fifo": Fifo(),
        "shuffled": Shuffled(Random(f"order {course.seed}"), 0.1),
        "pct": Priorities(Random(f"order {course.seed}"), 20, 20_000),
    }
    loop = SimulatedLoop(Random(f"network {course.seed}"), orders[course.order])
    network = loop.network
    network.delay, network.jitter, network.fragments = course.delay, course.jitter, course.fragments
    stage = Stage(course, loop)
    unraisable: list[str] = []
    hook, sys.unraisablehook = sys.unraisablehook, lambda told: unraisable.append(f"{told.err_msg} {told.exc_value!r}")
    beat, pump.TICK = pump.TICK, course.beat
    kept, candles._KEPT[candles.SECOND] = candles._KEPT[candles.SECOND], SECONDS_KEPT
    collects = gc.isenabled()
    gc.disable()  # when it runs is nothing that a seed tells
    logging.disable(logging.CRITICAL)
    loop.set_exception_handler(lambda _, context: stage.violated(_told(context)))
    try:
        asyncio.set_event_loop(loop)
        main = loop.create_task(stage.play(), name="stage")
        try:
            loop.run_until_complete(main)
        except (DeadlockError, LivelockError) as error:
            stage.violated(f"{type(error).__name__}: {error}")
        except Exception as error:  # noqa: BLE001 -- whatever comes out of it is a finding
            stage.violated(_tail(error))
        with contextlib.suppress(Exception):
            _clear(loop)
    finally:
        pump.TICK, candles._KEPT[candles.SECOND] = beat, kept
        asyncio.set_event_loop(None)
        loop.close()
        gc.collect()
        if collects:
            gc.enable()
        logging.disable(logging.NOTSET)
        sys.unraisablehook = hook
    for text in unraisable:
        stage.violated(f"an exception that nobody saw: {text}")
    seconds = loop.time() - stage.began
    return Outcome(course, stage.violations, stage.trace, seconds, loop.turns, stage.counts)


def _clear(loop: SimulatedLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=5.0))


def _told(context: dict[str, Any]) -> str:
    error = context.get("exception")
    told = "" if error is None else _tail(error)
    return f"{context.get('message')}: {told}"


def _tail(error: BaseException) -> str:
    """Return an exception with the last places that it came through."""
    places = [f"{each.filename.rpartition('/')[2]}:{each.lineno}" for each in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__}: {error} at {' > '.join(places[-5:])}"
