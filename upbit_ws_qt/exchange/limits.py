"""Rate limits as the exchange enforces them (UPBIT_WEBSOCKET "Rate limits"); pure, the caller brings the time."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

OK = 101
TOO_MANY = 429
BLOCKED = 418

_VIOLATION_MEMORY = 60.0
_BLOCK_MEMORY = 600.0
_LONGEST_BLOCK = 600.0
_MOST_KEYS = 10_000


class SlidingWindow:
    """At most `limit` accepted events within any `seconds`; refused ones do not count."""

    __slots__ = ("_limit", "_seconds", "_times")

    def __init__(self, limit: int | None, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._times: deque[float] = deque()

    def has_room(self, now: float) -> bool:
        """Tell whether one more event at `now` (seconds) is within the limit."""
        if self._limit is None:
            return True
        times = self._times
        while times and now - times[0] >= self._seconds:
            times.popleft()
        return len(times) < self._limit

    def remaining(self, now: float) -> int:
        """Return how many more events fit at `now`; 0 where there is no limit to count against."""
        return (self._limit - len(self._times)) if self._limit is not None and self.has_room(now) else 0

    def note(self, now: float) -> None:
        """Count one accepted event."""
        if self._limit is not None:
            self._times.append(now)


class MessageLimit:
    """The limits of one connection's messages, all of which have to be kept: (count or None, seconds) each."""

    __slots__ = ("_windows",)

    def __init__(self, *limits: tuple[int | None, float]) -> None:
        self._windows = tuple(SlidingWindow(count, seconds) for count, seconds in limits)

    def accept(self, now: float) -> bool:
        """Count a message at `now` (seconds), or return False where it is one too many."""
        if not all(window.has_room(now) for window in self._windows):
            return False
        for window in self._windows:
            window.note(now)
        return True


@dataclass(slots=True)
class _Pocket:
    window: SlidingWindow
    violations: deque[float] = field(default_factory=deque)
    blocked_until: float = float("-inf")
    blocks: int = 0
    last_violation: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a connect gets: status 101, 429 or 418, and for a block how many seconds are left of it."""

    status: int
    seconds: float = 0.0


class Gate:
    """Connects per pocket (an address, or a key's sub-account): 429 for one too many, 418 when it goes on.

    A violation during a block counts too, so a client that hammers at the door makes its block longer.
    """

    def __init__(self, limit: int | None, seconds: float = 1.0, *, block_after: int = 3, block_seconds: float = 2.0):
        self._limit = limit
        self._seconds = seconds
        self._block_after = block_after
        self._block_seconds = block_seconds
        self._pockets: OrderedDict[str, _Pocket] = OrderedDict()

    def connect(self, key: str, now: float) -> Verdict:
        """Judge a connect of pocket `key` at `now` (seconds) and count it."""
        pocket = self._pocket(key)
        if now < pocket.blocked_until:
            self.violation(key, now)
            return Verdict(BLOCKED, pocket.blocked_until - now)
        if pocket.window.has_room(now):
            pocket.window.note(now)
            return Verdict(OK)
        self.violation(key, now)
        if now < pocket.blocked_until:
            return Verdict(BLOCKED, pocket.blocked_until - now)
        return Verdict(TOO_MANY)

    def violation(self, key: str, now: float) -> None:
        """Count a violation of pocket `key`, of whatever limit; enough of them start or lengthen its block."""
        pocket = self._pocket(key)
        if self._limit is None:
            return
        if now - pocket.last_violation > _BLOCK_MEMORY:
            pocket.blocks = 0
        pocket.last_violation = now
        violations = pocket.violations
        violations.append(now)
        while now - violations[0] > _VIOLATION_MEMORY:
            violations.popleft()
        if len(violations) >= self._block_after:
            violations.clear()
            length = min(self._block_seconds * 2.0**pocket.blocks, _LONGEST_BLOCK)
            pocket.blocked_until = now + length
            pocket.blocks = min(pocket.blocks + 1, 32)

    def blocked_for(self, key: str, now: float) -> float:
        """Return how many seconds the block of `key` still lasts, 0 where there is none."""
        pocket = self._pockets.get(key)
        return max(0.0, pocket.blocked_until - now) if pocket else 0.0

    def _pocket(self, key: str) -> _Pocket:
        pocket = self._pockets.get(key)
        if pocket is None:
            if len(self._pockets) >= _MOST_KEYS:
                self._pockets.popitem(last=False)
            pocket = self._pockets[key] = _Pocket(SlidingWindow(self._limit, self._seconds))
        else:
            self._pockets.move_to_end(key)
        return pocket
