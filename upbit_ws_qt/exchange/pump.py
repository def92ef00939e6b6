"""The exchange's heartbeat: one timer on the loop that moves the market, sends what it brings and does what is due."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .agenda import Agenda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .clock import ExchangeClock
    from .hub import Hub
    from .views import Counters

TICK = 0.01
_STEP_MS = 50
_TURN_BUDGET = 0.05
_UNWANTED_STEPS = 20
_MOST_LAG_MS = 1000
_DRAIN_PATIENCE = 5.0
_PREPARE_BUDGET = 0.005


class Pump:
    """Runs on the loop it is started on, until `stop`.

    A market that has fallen behind its clock makes up for it, unless a client has yet to take what is there: then it
    goes on at the clock's own speed, so that time lost here does not come down on healthy readers all at once. A market
    that stays behind, or cannot be computed as fast as its clock runs, makes the clock slip, counted in
    `clock_slipped_ms`.
    """

    def __init__(
        self, hub: Hub, clock: ExchangeClock, counters: Counters, now: Callable[[], float], *, prepare: bool = True
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._counters = counters
        self._now = now
        self._timer: asyncio.TimerHandle | None = None
        self._followed_ms = 0
        self._advancing = 0
        self._drained = asyncio.Event()
        self._preparing: Iterator[None] | None = hub.world.prepare() if prepare else None
        self.agenda = Agenda()

    def start(self) -> None:
        """Begin to beat on the running loop."""
        self._followed_ms = self._clock.now_ms()
        self._beat(asyncio.get_running_loop())

    def stop(self) -> None:
        """Stop for good."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.agenda.clear()

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run `callback` in so many seconds of real time, to the nearest turn."""
        self.agenda.at(self._now() + seconds, callback)

    def on_drained(self) -> None:
        """Note that some client has caught up."""
        self._drained.set()

    async def advance(self, seconds: float) -> None:
        """Play so many exchange seconds at once; slow readers are waited for, up to 5 s each time."""
        await asyncio.sleep(0)  # even no time at all gives the lines their turn
        target = self._hub.world.now_ms + round(seconds * 1000)
        self._advancing += 1
        unwanted, since = 0, self._now()
        try:
            while (now_ms := self._hub.world.now_ms) < target:
                unwanted += 1
                wanted = self._play(min(target, now_ms + _STEP_MS))
                # A turn of the loop costs as much as a step, and nobody waits for one in which nothing was sent.
                if wanted or unwanted >= _UNWANTED_STEPS or self._now() - since > _TURN_BUDGET:
                    await asyncio.sleep(0)
                    await self._let_readers_catch_up()
                    unwanted, since = 0, self._now()
        finally:
            self._advancing -= 1
            self._clock.set_ms(self._hub.world.now_ms)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        # The loop is handed on: Qt may call back while no asyncio loop counts as running.
        self._timer = loop.call_later(TICK, self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._beat(loop)
        now = self._now()
        self._hub.drop_slow_readers()
        if self._clock.running and not self._advancing:
            self._follow_clock(now)
        self.agenda.run(now)
        self._hub.flush_all()
        if self._preparing is not None:
            self._prepare(self._preparing)

    def _prepare(self, markets: Iterator[None]) -> None:
        """Get some markets ready that nobody has asked for yet, so that who asks for all of them at once waits less."""
        until = self._now() + _PREPARE_BUDGET
        for _ in markets:
            if self._now() >= until:
                return
        self._preparing = None

    def _follow_clock(self, now: float) -> None:
        target, world = self._clock.now_ms(), self._hub.world
        due = world.now_ms + min(target - self._followed_ms, round(_STEP_MS * max(1.0, self._clock.scale)))
        self._followed_ms = target
        while world.now_ms < (until := min(target, due) if self._hub.has_full_lines else target):
            self._play(min(until, world.now_ms + _STEP_MS))
            if self._now() - now > _TURN_BUDGET:
                break
        behind = target - world.now_ms
        if behind > _MOST_LAG_MS * max(1.0, self._clock.scale):
            self._counters.clock_slipped_ms += behind
            self._clock.set_ms(world.now_ms)
            self._followed_ms = world.now_ms

    def _play(self, ms: int) -> bool:
        wanted = self._hub.deliver(self._hub.world.advance_to(ms))
        self._hub.flush_all()
        return wanted

    async def _let_readers_catch_up(self) -> None:
        if not self._hub.has_full_lines:
            return
        try:
            async with asyncio.timeout(_DRAIN_PATIENCE):
                while self._hub.has_full_lines:
                    self._drained.clear()
                    await self._drained.wait()
        except TimeoutError:
            return
