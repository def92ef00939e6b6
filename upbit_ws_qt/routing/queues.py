"""What waits for a consumer: one bounded queue per strategy, every loss counted where it happens."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.types import BackpressureConfig, BackpressureStrategy, DataType

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from upbit_ws_qt.events import BaseWebSocketEvent

__all__ = [
    "CONFLATING",
    "BlockingQueue",
    "EventQueue",
    "LatestQueue",
    "OldestDropsQueue",
    "ThrottledQueue",
    "make_queue",
    "queue_rules",
]

CONFLATING = frozenset({BackpressureStrategy.COALESCE_BY_SYMBOL, BackpressureStrategy.THROTTLE})
"""Strategies that hand out the newest event of each market only."""


def queue_rules(
    data_type: DataType, asked: BackpressureConfig | None, default: BackpressureConfig
) -> BackpressureConfig:
    """Return the rules for one consumer.

    What it asked for holds. The service's default holds too, but where it conflates it becomes DROP_OLDEST for trades,
    candles, orders, assets, announcements and indicators: these are conflated for nobody who did not ask.
    """
    if asked is not None:
        return asked
    if default.strategy in CONFLATING and not data_type.newest_suffices:
        return BackpressureConfig(BackpressureStrategy.DROP_OLDEST, default.max_queue_size, default.warning_threshold)
    return default


class EventQueue(Protocol):
    """What the routes need of a queue.

    Attributes:
        conflated: events replaced by a newer one of their key, so far.
        dropped: events lost for want of room, so far.
        high_water: the most that ever waited.
        overflow_since: when a BLOCK queue ran out of room, in loop time; None while it has room, and for the others.
    """

    conflated: int
    dropped: int
    high_water: int
    overflow_since: float | None

    def __len__(self) -> int: ...

    def push(self, event: BaseWebSocketEvent, now: float) -> None:
        """Put one event in."""

    def pop(self) -> BaseWebSocketEvent:
        """Take the oldest out; IndexError or KeyError when empty."""
        ...

    def clear(self) -> int:
        """Drop everything and return how much that was; it is counted as dropped."""
        ...


class OldestDropsQueue:
    """First in, first out; a full queue loses its oldest."""

    __slots__ = ("_events", "_size", "conflated", "dropped", "high_water", "overflow_since")

    def __init__(self, size: int) -> None:
        self._events: deque[BaseWebSocketEvent] = deque()
        self._size = size
        self.conflated = 0
        self.dropped = 0
        self.high_water = 0
        self.overflow_since: float | None = None

    def __len__(self) -> int:
        return len(self._events)

    def push(self, event: BaseWebSocketEvent, now: float) -> None:
        """Put one event in, at the cost of the oldest where the queue is full."""
        events = self._events
        if len(events) >= self._size:
            events.popleft()
            self.dropped += 1
        events.append(event)
        if len(events) > self.high_water:
            self.high_water = len(events)

    def pop(self) -> BaseWebSocketEvent:
        """Take the oldest out."""
        return self._events.popleft()

    def clear(self) -> int:
        """Drop everything and return how much that was."""
        lost = len(self._events)
        self.dropped += lost
        self._events.clear()
        self.overflow_since = None
        return lost


class BlockingQueue(OldestDropsQueue):
    """First in, first out; beyond its size events wait in overflow, and since when is known.

    Whoever owns the queue fails the consumer when that has lasted for the deadline; nothing is dropped before.
    """

    __slots__ = ()

    def push(self, event: BaseWebSocketEvent, now: float) -> None:
        """Put one event in; nothing is lost."""
        events = self._events
        events.append(event)
        if len(events) > self._size and self.overflow_since is None:
            self.overflow_since = now
        if len(events) > self.high_water:
            self.high_water = len(events)

    def pop(self) -> BaseWebSocketEvent:
        """Take the oldest out."""
        event = self._events.popleft()
        if len(self._events) <= self._size:
            self.overflow_since = None
        return event


class LatestQueue:
    """The newest event per key, in the order in which the keys began to wait."""

    __slots__ = ("_events", "_key_of", "_size", "conflated", "dropped", "high_water", "overflow_since")

    def __init__(self, size: int, key_of: Callable[[BaseWebSocketEvent], Hashable]) -> None:
        self._events: dict[Hashable, BaseWebSocketEvent] = {}
        self._size = size
        self._key_of = key_of
        self.conflated = 0
        self.dropped = 0
        self.high_water = 0
        self.overflow_since: float | None = None

    def __len__(self) -> int:
        return len(self._events)

    def push(self, event: BaseWebSocketEvent, now: float) -> None:
        """Put one event in, in the place of an older one of its key; a full queue loses its oldest key."""
        events = self._events
        key = self._key_of(event)
        if key in events:
            self.conflated += 1
        elif len(events) >= self._size:
            del events[next(iter(events))]
            self.dropped += 1
        events[key] = event
        if len(events) > self.high_water:
            self.high_water = len(events)

    def pop(self) -> BaseWebSocketEvent:
        """Take out the key that waited longest."""
        events = self._events
        return events.pop(next(iter(events)))

    def clear(self) -> int:
        """Drop everything and return how much that was."""
        lost = len(self._events)
        self.dropped += lost
        self._events.clear()
        return lost


class ThrottledQueue(LatestQueue):
    """The newest event per key, of each key at most `rate` a second; ask `take` before each `pop`.

    All keys have the same interval, so that they may go again in the order in which they went.
    """

    __slots__ = ("_early", "_interval", "_next")

    def __init__(self, size: int, key_of: Callable[[BaseWebSocketEvent], Hashable], rate: float) -> None:
        super().__init__(size, key_of)
        self._interval = 1.0 / rate
        self._early: dict[Hashable, BaseWebSocketEvent] = {}  # what went within the interval, and has a newer event
        self._next: dict[Hashable, float] = {}  # when each key that went may go again, the earliest first

    def __len__(self) -> int:
        return len(self._events) + len(self._early)

    def push(self, event: BaseWebSocketEvent, now: float) -> None:
        """Put one event in, in the place of an older one of its key; a full queue loses its oldest key."""
        key = self._key_of(event)
        self._expire(now)
        waiting = self._early if key in self._next else self._events
        if key in waiting:
            self.conflated += 1
        elif len(self) >= self._size:
            fullest = self._events or self._early
            del fullest[next(iter(fullest))]
            self.dropped += 1
        waiting[key] = event
        self.high_water = max(self.high_water, len(self))

    def take(self, now: float) -> float | None:
        """Return None where `pop` has one that may go now, which is booked, else the time from which on one may."""
        self._expire(now)
        if self._events:
            self._next[next(iter(self._events))] = now + self._interval
            return None
        return next((due for key, due in self._next.items() if key in self._early), now)

    def clear(self) -> int:
        """Drop everything and return how much that was."""
        lost = len(self._early)
        self.dropped += lost
        self._early.clear()
        return lost + super().clear()

    def _expire(self, now: float) -> None:
        """Let the keys go again whose interval has passed."""
        while self._next:
            key, due = next(iter(self._next.items()))
            if due > now:
                return
            del self._next[key]
            if key in self._early:
                self._events[key] = self._early.pop(key)


def make_queue(rules: BackpressureConfig, key_of: Callable[[BaseWebSocketEvent], Hashable]) -> EventQueue:
    """Return the queue that a strategy wants."""
    if rules.strategy is BackpressureStrategy.THROTTLE:
        return ThrottledQueue(rules.max_queue_size, key_of, rules.max_rate)
    if rules.strategy in CONFLATING:
        return LatestQueue(rules.max_queue_size, key_of)
    if rules.strategy is BackpressureStrategy.BLOCK:
        return BlockingQueue(rules.max_queue_size)
    return OldestDropsQueue(rules.max_queue_size)
