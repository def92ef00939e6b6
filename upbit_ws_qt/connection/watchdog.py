"""When a line is dead although nobody said so: the rules, without a clock and without a socket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.clocks import SLEPT, ClockJump
from upbit_ws_qt.text import Phrase

if TYPE_CHECKING:
    from upbit_ws_qt.config import ServiceConfig

__all__ = ["PING", "Watchdog"]

PING = "ping"
"""The verdict that says: send a ping."""

LONGEST_TICK = 0.25
# After a lag of this many seconds what the peer sent may still lie unread: nobody is given up in that turn.
LATE = 0.1
# A line is busy when so many frames have come and none of the recent pauses was longer than this share of the limit.
BUSY_FRAMES = 30
BUSY_PAUSE = 0.2


class Watchdog:
    """Looks at one socket every `tick` seconds and says what to do.

    Time during which this program's own loop stood still is taken off before the peer is accused of anything. All
    times are seconds of the loop's clock, but for `wall`.

    Attributes:
        tick: seconds between two looks.
        rtt: last round trip, own lag taken off.
        pinged_at: when the ping left that no pong has answered yet; None where none waits.
        lag: by how much the last look was late.
        lag_total: sum of those.
    """

    def __init__(self, config: ServiceConfig, now: float, wall: float, *, watch_silence: bool) -> None:
        self._ping_interval = config.ping_interval
        self._pong_timeout = config.pong_timeout
        self._silence_timeout = config.busy_silence_timeout if watch_silence else float("inf")
        self._close_timeout = config.close_timeout
        shortest = min(config.ping_interval, config.pong_timeout, config.busy_silence_timeout)
        # So many seconds late may a verdict be: a quarter of the shortest patience.
        self.tick = min(LONGEST_TICK, shortest / 4)
        self._looked_at = now
        self._clocks = ClockJump(now, wall)
        self._ping_due_at = now + config.ping_interval
        self.pinged_at: float | None = None
        self._lag_when_pinged = 0.0
        self._closing_since: float | None = None
        self.rtt = 0.0
        self.lag = 0.0
        self.lag_total = 0.0
        self.last_pong_at = 0.0
        self.last_frame_at = 0.0
        self._lag_when_framed = 0.0
        self._frames = 0
        # Longest pause in the present and in the last period; a pause is forgotten after one or two periods.
        self._pauses = [0.0, 0.0]
        self._period = 3 * config.busy_silence_timeout
        self._period_ends_at = now + self._period

    def frames(self, count: int, now: float) -> None:
        """Note data frames that were received together."""
        if self._frames:
            pause = now - self.last_frame_at
            if now >= self._period_ends_at:
                self._pauses = [self._pauses[1], 0.0]
                self._period_ends_at = now + self._period
            if pause > self._pauses[1]:
                self._pauses[1] = pause
        self._frames += count
        self.last_frame_at = now
        self._lag_when_framed = self.lag_total

    def wishes_changed(self) -> None:
        """Note that something was asked of the exchange: how busy the line will be is not known any more."""
        # A request may leave one quiet market of a hundred busy ones.
        self._frames = 0
        self._pauses = [0.0, 0.0]

    def pinged(self, now: float) -> None:
        """Note that a ping has left."""
        self.pinged_at = now
        self._lag_when_pinged = self.lag_total
        self._ping_due_at = now + self._ping_interval

    def pong(self, now: float) -> float | None:
        """Note the answer to the last ping and return the round trip; None when no ping waits for one."""
        if self.pinged_at is None:
            return None
        # Time for which this program stood still says nothing about the line.
        own = self.lag_total - self._lag_when_pinged + max(0.0, now - self._looked_at - self.tick)
        self.rtt = max(0.0, now - self.pinged_at - own)
        self.pinged_at = None
        self.last_pong_at = now
        return self.rtt

    def look(self, now: float, wall: float, *, broken: str | None = None, closing: bool = False) -> str | None:
        """Return PING, or the cause for which to cut the line, or None when all is well.

        Args:
            now: loop clock.
            wall: wall clock.
            broken: what the protocol complains about, None for nothing.
            closing: whether a close frame was sent or received.
        """
        was_late = self.lag > LATE
        self.lag = max(0.0, now - self._looked_at - self.tick)
        self.lag_total += self.lag
        jump = self._clocks.look(now, wall)
        self._looked_at = now
        # First: after a sleep every other sign is about the time before it, and the peer has long forgotten the line.
        if jump >= SLEPT:
            return Phrase("the clock jumped by {seconds:.0f} s", seconds=jump)
        if broken is not None:
            return Phrase("protocol error: {complaint}", complaint=broken)
        if closing:
            return self._look_at_closing(now)
        if self.lag > LATE and not was_late:
            # What the peer sent meanwhile may not have been read yet. By the next look, late or not, it has.
            return None
        if self.pinged_at is not None:
            waited = now - self.pinged_at - (self.lag_total - self._lag_when_pinged)
            if waited > self._pong_timeout:
                return Phrase("no pong within {seconds:g} s", seconds=self._pong_timeout)
        if self._fell_silent(now):
            return Phrase("a busy line fell silent for {seconds:g} s", seconds=self._silence_timeout)
        if self.pinged_at is None and now >= self._ping_due_at:
            return PING
        return None

    def _look_at_closing(self, now: float) -> str | None:
        if self._closing_since is None:
            self._closing_since = now
        if now - self._closing_since >= self._close_timeout:
            return Phrase("the closing handshake did not end")
        return None

    def _fell_silent(self, now: float) -> bool:
        # Busy by its own past, since how often a market trades nobody can know: many frames, and never a long pause.
        busy = self._frames >= BUSY_FRAMES and max(self._pauses) <= self._silence_timeout * BUSY_PAUSE
        silent = now - self.last_frame_at - (self.lag_total - self._lag_when_framed)
        return busy and silent > self._silence_timeout
