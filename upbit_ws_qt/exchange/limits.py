"""Rate limits as the exchange enforces them (protocol sheet "Rate limits"); pure, the caller brings the time."""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from dataclasses import dataclass, field

OK = 101
TOO_MANY = 429
BLOCKED = 418

# Seconds. The exchange says that it blocks who goes on, and for longer each time, but not how long: these are ours.
_VIOLATION_MEMORY = 60.0
_BLOCK_MEMORY = 600.0
_LONGEST_BLOCK = 600.0
# Keys come from outside (a token's access key, an address), so what is remembered of them is bounded.
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
        # A fixed window would let a client off at its edge; a sliding one is the strict reading of the limit.
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
        # All are asked before any counts: a message that is refused by one limit uses up none of the others.
        if not all(window.has_room(now) for window in self._windows):
            return False
        for window in self._windows:
            window.note(now)
        return True


@dataclass(slots=True)
class _Client:
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
    """Connects per client (an address, or a key's sub-account): 429 for one too many, 418 when it goes on.

    A violation during a block counts too, so a client that goes on dialling makes its block longer.
    """

    def __init__(self, limit: int | None, seconds: float = 1.0, *, block_after: int = 3, block_seconds: float = 2.0):
        self._limit = limit
        self._seconds = seconds
        self._block_after = block_after
        self._block_seconds = block_seconds
        self._clients: OrderedDict[str, _Client] = OrderedDict()

    def connect(self, key: str, now: float) -> Verdict:
        """Judge a connect of the client `key` at `now` (seconds) and count it."""
        client = self._client(key)
        if now < client.blocked_until:
            self.violation(key, now)
            return Verdict(BLOCKED, client.blocked_until - now)
        if client.window.has_room(now):
            client.window.note(now)
            return Verdict(OK)
        self.violation(key, now)
        if now < client.blocked_until:
            return Verdict(BLOCKED, client.blocked_until - now)
        return Verdict(TOO_MANY)

    def remaining(self, key: str, now: float) -> tuple[int, int] | None:
        """Return (per minute, left in this second) of the client `key`; None where there is no limit."""
        if self._limit is None:
            return None
        return round(self._limit * 60 / self._seconds), self._client(key).window.remaining(now)

    def violation(self, key: str, now: float) -> None:
        """Count a violation of the client `key`, of whatever limit; enough of them start or lengthen its block."""
        client = self._client(key)
        if self._limit is None:
            return
        if now - client.last_violation > _BLOCK_MEMORY:
            client.blocks = 0
        client.last_violation = now
        violations = client.violations
        violations.append(now)
        while now - violations[0] > _VIOLATION_MEMORY:
            violations.popleft()
        if len(violations) >= self._block_after:
            violations.clear()
            length = min(self._block_seconds * 2.0**client.blocks, _LONGEST_BLOCK)
            client.blocked_until = now + length
            client.blocks = min(client.blocks + 1, 32)  # 2.0 ** more would be no length of time any more

    def blocked_for(self, key: str, now: float) -> float:
        """Return how many seconds the block of `key` still lasts, 0 where there is none."""
        client = self._clients.get(key)
        return max(0.0, client.blocked_until - now) if client else 0.0

    def _client(self, key: str) -> _Client:
        client = self._clients.get(key)
        if client is None:
            if len(self._clients) >= _MOST_KEYS:
                self._clients.popitem(last=False)
            client = self._clients[key] = _Client(SlidingWindow(self._limit, self._seconds))
        else:
            self._clients.move_to_end(key)
        return client


class CallLimit:
    """Calls per group and client (an address, or a key); who goes on is blocked in all groups."""

    def __init__(self, limit: int | None, *, block_after: int = 3, block_seconds: float = 2.0) -> None:
        self._groups = Gate(limit, block_after=sys.maxsize)
        self._clients = Gate(limit, block_after=block_after, block_seconds=block_seconds)

    def count(self, client: str, group: str, now: float) -> Verdict:
        """Judge a call at `now` (seconds) and count it: 101, 429 or 418 with what is left of a block."""
        verdict = Verdict(BLOCKED)
        if not self._clients.blocked_for(client, now):
            verdict = self._groups.connect(f"{group} {client}", now)
        if verdict.status != OK:
            self._clients.violation(client, now)
            seconds = self._clients.blocked_for(client, now)
            return Verdict(BLOCKED, seconds) if seconds else verdict
        return verdict

    def remaining(self, client: str, group: str, now: float) -> tuple[int, int] | None:
        """Return (per minute, left in this second) of the group; None where there is no limit."""
        return self._groups.remaining(f"{group} {client}", now)
