"""The clock of a replay, as a program sees it: it runs at a pace, stands, goes step by step, and can be set."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING

from upbit_ws_qt.recording.segments import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.recording.replay import Replay

__all__ = ["ReplayClock"]

SLOWEST, FASTEST = 0.01, 1000.0


class ReplayClock:
    """The time of a replay: it runs at a pace, stands, goes step by step, and can be set.

    Moments are seconds since 1970 (or a datetime with its zone), as the recording computer's clock said. It belongs to
    the thread of the replay's loop. While the replay is not started, and where the recording ends, it stands.

    A minute after the beginning, ten times as fast: `clock.seek(clock.begins + 60)`, `clock.set_speed(10)`.

    Attributes:
        begins: of the recording.
        ends: of the recording.
        path: of the recording.
        has_account: whether own orders and assets were recorded too.
        times_set: how often `seek` was called: what was shown before the last one is of another moment.
    """

    def __init__(self, replay: Replay, speed: float, *, paused: bool) -> None:
        self._replay = replay
        self.begins = replay.recording.begins
        self.ends = replay.recording.ends
        self.path = replay.recording.path
        self.has_account = any(segment.track == ACCOUNT for segment in replay.recording.segments)
        self.times_set = 0
        self._speed = _checked(speed)
        self._paused = paused
        self._listeners: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<ReplayClock {self.now:.3f} {'paused' if self._paused else f'{self._speed:g}x'}>"

    @property
    def now(self) -> float:
        """The present moment."""
        return self._replay.now()

    @property
    def speed(self) -> float:
        """Recorded seconds per second, while it runs."""
        return self._speed

    @property
    def is_paused(self) -> bool:
        """Whether it stands because that was asked for."""
        return self._paused

    @property
    def is_at_end(self) -> bool:
        """Whether all that was recorded has been played."""
        return self._replay.is_at_end

    def pause(self) -> None:
        """Let time stand still; what was handed in is still handed out."""
        self._change(paused=True)

    def resume(self) -> None:
        """Let time pass again."""
        self._change(paused=False)

    def set_speed(self, speed: float) -> None:
        """Let time pass faster or slower from now on; nothing is left out, so that a program that is slow slows it.

        Raises:
            ValueError: if it is not between 0.01 and 1000, or infinite: as fast as the events are taken.
        """
        _checked(speed)
        self._change(speed=speed)

    def seek(self, moment: float | datetime) -> None:
        """Set the time: the newest of each stream that is wanted is handed out, then it goes on from there.

        The lines are marked as lost and there again, so that what was shown is known to be out of date until it comes
        anew. Moments before the beginning or after the end are these.
        """
        wall = moment.timestamp() if isinstance(moment, datetime) else float(moment)
        self.times_set += 1
        self._replay.jump(min(max(wall, self.begins), self.ends))
        self._tell()

    def step(self) -> bool:
        """Pause, and play the next event that somebody wants; False where there is none."""
        self._change(paused=True)
        played = self._replay.step()
        self._tell()
        return played

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call `listener()` when it was paused, resumed, set or sped up, and when the end is reached."""
        self._listeners.append(listener)

    def remove_listener(self, listener: Callable[[], None]) -> None:
        """Call it no more; one that is not known is ignored."""
        if listener in self._listeners:
            self._listeners.remove(listener)

    def reached_end(self) -> None:
        """Note that the recording is at its end; for the replay."""
        self._tell()

    def _change(self, *, paused: bool | None = None, speed: float | None = None) -> None:
        now = self._replay.now()
        self._paused = self._paused if paused is None else paused
        self._speed = self._speed if speed is None else speed
        self._replay.pace_changed(now)
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()


def _checked(speed: float) -> float:
    if not (SLOWEST <= speed <= FASTEST or speed == math.inf):
        raise ValueError(f"speed must be between {SLOWEST:g} and {FASTEST:g}, or infinite, not {speed!r}")
    return speed
