"""How much of each day each line was up while it was wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.monitoring.incidents import LineStep

__all__ = ["DayUptime", "UptimeBook"]

DAYS_KEPT = 31
DAY = 86_400
KST_AHEAD = 9 * 3600
"""Seconds by which Korea, whose days are counted, is ahead of UTC; it has no summer time."""
LONGEST_STEP = 10.0
"""Seconds between two readings beyond which the computer slept: that time is nobody's."""
_UP = ConnectionState.CONNECTED
_DOWN = frozenset({ConnectionState.RECONNECTING, ConnectionState.FAILED})
_ENDED = frozenset({ConnectionState.DISCONNECTED, ConnectionState.STOPPED})


class DayUptime(Struct, frozen=True, kw_only=True):
    """One line on one day of Korea.

    Attributes:
        day: days since 1970-01-01 in Korea.
        ws_type: which line.
        wanted: seconds in which somebody wanted it, from its first proof on.
        up: seconds of these in which a proved line was there.
        losses: how often it was lost.
    """

    day: int
    ws_type: WebSocketType
    wanted: float = 0.0
    up: float = 0.0
    losses: int = 0

    @property
    def share(self) -> float | None:
        """Up of wanted, 0 to 1; None where it was not wanted."""
        return min(1.0, self.up / self.wanted) if self.wanted > 0 else None


class _Line:
    def __init__(self) -> None:
        self.state = ConnectionState.DISCONNECTED
        self.counts = False
        self.since: float | None = None


class UptimeBook:
    """Adds up, exactly from one change of state to the next; the last 31 days are kept.

    What passes from one reading to the next belongs to the day in which it ends.
    """

    def __init__(self) -> None:
        self._lines = {ws_type: _Line() for ws_type in WebSocketType}
        self._days: dict[tuple[int, WebSocketType], list[float]] = {}
        self._ahead = 0.0

    def step(self, step: LineStep) -> None:
        """Take in a change of a line's state."""
        line = self._lines[step.ws_type]
        self._ahead = step.wall - step.at
        self._add_up(step.ws_type, line, step.at)
        if line.state is _UP and step.new in _DOWN:
            self._day(step.ws_type, step.at)[2] += 1
        line.state = step.new
        if step.new in _ENDED:
            line.counts = False
        elif step.new is _UP or step.new in _DOWN:
            # The first dial of a line that somebody has just begun to want is no outage.
            line.counts = True

    def look(self, now: float, wall_clock: float) -> None:
        """Bring all lines to `now`."""
        self._ahead = wall_clock - now
        for ws_type, line in self._lines.items():
            self._add_up(ws_type, line, now)

    def days(self) -> tuple[DayUptime, ...]:
        """Return each line on each day on which it was wanted, the oldest day first."""
        return tuple(
            DayUptime(day=day, ws_type=ws_type, wanted=wanted, up=up, losses=int(losses))
            for (day, ws_type), (wanted, up, losses) in sorted(self._days.items())
        )

    def _add_up(self, ws_type: WebSocketType, line: _Line, at: float) -> None:
        since, line.since = line.since, at
        if since is None or not line.counts:
            return
        passed = at - since
        if not 0 < passed <= LONGEST_STEP:
            return
        day = self._day(ws_type, at)
        day[0] += passed
        if line.state is _UP:
            day[1] += passed

    def _day(self, ws_type: WebSocketType, at: float) -> list[float]:
        key = (int((at + self._ahead + KST_AHEAD) // DAY), ws_type)
        found = self._days.get(key)
        if found is None:
            found = self._days[key] = [0.0, 0.0, 0.0]
            for old in [each for each in self._days if each[0] <= key[0] - DAYS_KEPT]:
                del self._days[old]
        return found
