"""Streams: how busy each is, and what every component was handed of it and how long its slot took."""

from __future__ import annotations

import math
from collections import Counter as Counts
from collections import deque
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from upbit_ws_qt.events import OrderbookEvent, StreamType, TickerEvent, TradeEvent
from upbit_ws_qt.monitoring.metrics import StreamMetrics
from upbit_ws_qt.monitoring.windows import Counter
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.routing import StreamStats
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["EventAges", "StreamMonitor", "StreamMonitors", "SubscriptionMetrics", "spared_names"]

STREAM_SECONDS = 60.0
SHORTEST_SPAN = 1.0
"""Seconds between two readings from which on the rates between them are worth something."""
_MARK_EVERY = SHORTEST_SPAN / 4
MOST_AGES = 200
MOST_AGE = 86_400.0
"""Seconds; a timestamp further from now than that, in the past or in the future, tells nothing about the line."""
_TIMED = (TickerEvent, TradeEvent, OrderbookEvent)


class SubscriptionMetrics(Struct, frozen=True, kw_only=True):
    """How one stream of one component does; rates are of the time between the last two readings.

    Attributes:
        component_id: whose.
        key: which stream.
        messages_per_second: callbacks made.
        bytes_per_second: of the messages behind them, inflated.
        slot_share: share of the time that its callbacks took.
        slot_mean: seconds per callback since the start; `slot_longest` is the longest one.
        delivered: callbacks made since the start.
    """

    component_id: str
    key: StreamKey
    messages_per_second: float = 0.0
    bytes_per_second: float = 0.0
    slot_share: float = 0.0
    slot_mean: float = 0.0
    slot_longest: float = 0.0
    delivered: int = 0


class _Handed(NamedTuple):
    """What one component was handed of one stream so far; as in ConsumerStats, with the size of a message."""

    delivered: int
    busy_time: float
    longest: float
    frame_size: float


_AllHanded = dict[tuple[str, "StreamKey"], _Handed]


@cache
def spared_names(data_type: DataType, depth: int) -> int:
    """Return the bytes by which SIMPLE names make one message of a type shorter; about, for one with a nested part."""
    kind = kind_of(data_type.value)
    if kind is None:
        return 0
    spared = _shortened(kind)
    return spared + depth * _shortened("orderbook_units") if data_type is DataType.ORDERBOOK else spared


def _shortened(kind: str) -> int:
    return sum(len(name) - len(short) for name, short in SIMPLE_KEYS[kind].items())


class StreamMonitor:
    """One stream's rates, averaged over about a minute.

    Attributes:
        key: which stream.
        events: since the start of its stats; `bytes` of their messages is estimated.
        last_event_at: loop clock, None before the first.
        depth: order book units that are carried, 0 for other types.
        rate: events a second; `byte_rate` bytes a second, inflated.
        usual_rate: events a second as of the last event, so that a stream which stopped keeps what it was like.
    """

    __slots__ = (
        "_counter", "_last", "_weight", "byte_rate", "bytes", "depth", "events", "key", "last_event_at", "rate",
        "usual_rate",
    )  # fmt: skip

    def __init__(self, now: float, stream: StreamStats) -> None:
        self.key = stream.key
        self._counter = Counter()
        self._weight = self.bytes = 0.0
        self.rate = self.byte_rate = self.usual_rate = 0.0
        self._take(stream)
        self._last = now

    def observe(self, now: float, stream: StreamStats) -> float:
        """Take in the stats of a moment; return how many events are new."""
        elapsed, self._last = now - self._last, now
        events, size = self._take(stream)
        if elapsed > 0:
            keep = math.exp(-elapsed / STREAM_SECONDS)
            self._weight = self._weight * keep + 1 - keep
            part = (1 - keep) / self._weight
            self.rate += (events / elapsed - self.rate) * part
            self.byte_rate += (size / elapsed - self.byte_rate) * part
        if events:
            self.usual_rate = self.rate
        return events

    def _take(self, stream: StreamStats) -> tuple[float, float]:
        events = self._counter.advance(stream.events)
        size = events * stream.frame_size
        self.events, self.depth = stream.events, stream.depth
        self.bytes += size
        self.last_event_at = None if stream.latest is None else stream.latest.received_at
        return events, size

    def metrics(self, now: float) -> StreamMetrics:
        """Return what everybody is shown."""
        at = self.last_event_at
        return StreamMetrics(
            key=self.key,
            messages_per_second=self.rate,
            bytes_per_second=self.byte_rate,
            events=self.events,
            last_event_age=None if at is None else max(0.0, now - at),
        )


class StreamMonitors:
    """All streams, gone through every ten seconds: `begin`, `add` each, `finish`. Until then the last time holds.

    Nothing is noted on the way of a message for it.

    Attributes:
        streams: one for each that is there.
        spared: bytes that SIMPLE names have spared so far, by line; estimated.
    """

    def __init__(self, is_simple: Callable[[WebSocketType], bool] = lambda _: False) -> None:
        self._is_simple = is_simple
        self.streams: dict[StreamKey, StreamMonitor] = {}
        self.spared: Counts[WebSocketType] = Counts()
        self._sizes: dict[str, float] = {}
        self._at = 0.0
        self._handed: _AllHanded = {}
        self._marks: deque[tuple[float, _AllHanded]] = deque()  # the first is what the newest is compared with
        # While all streams are gone through: since when, and what was found so far.
        self._begun = 0.0
        self._found: dict[StreamKey, StreamMonitor] = {}
        self._carried: dict[str, tuple[float, float]] = {}
        self._found_handed: _AllHanded = {}

    def look(self, now: float, streams: Iterable[StreamStats]) -> None:
        """Go through all streams at once."""
        self.begin(now)
        for stream in streams:
            self.add(stream)
        self.finish()

    def begin(self, now: float) -> None:
        """Begin to go through all streams, as of `now`."""
        self._begun = now
        self._found, self._carried, self._found_handed = {}, {}, {}

    def add(self, stream: StreamStats) -> None:
        """Take in one stream and its consumers."""
        key, _, frame_size, _, depth, consumers = stream
        monitor = self.streams.get(key)
        if monitor is None:
            monitor = StreamMonitor(self._begun, stream)
            fresh = float(monitor.events)
        else:
            fresh = monitor.observe(self._begun, stream)
        self._found[key] = monitor
        if fresh and self._is_simple(key.websocket_type):
            self.spared[key.websocket_type] += round(fresh * spared_names(key.data_type, depth))
        seen = set()
        for component_id, delivered, busy_time, longest in consumers:
            handed = _Handed(delivered, busy_time, longest, frame_size)
            other = self._found_handed.setdefault((component_id, key), handed)
            if other is not handed:
                self._found_handed[component_id, key] = _together(other, handed)
            if component_id not in seen:
                seen.add(component_id)
                count, total = self._carried.get(component_id, (0.0, 0.0))
                self._carried[component_id] = (count + fresh, total + fresh * frame_size)

    def finish(self) -> None:
        """Let everything tell of the streams that were added."""
        self.streams = self._found
        self._sizes = {
            component_id: total / count if count else self._sizes[component_id]
            for component_id, (count, total) in self._carried.items()
            if count or component_id in self._sizes
        }
        self._at, self._handed = self._begun, self._found_handed
        marks = self._marks
        if not marks or self._at - marks[-1][0] >= _MARK_EVERY:  # whoever looks all the time makes no more of them
            marks.append((self._at, self._handed))
        while len(marks) > 1 and self._at - marks[1][0] >= SHORTEST_SPAN:
            marks.popleft()

    @property
    def at(self) -> float:
        """When all streams were last gone through, by the loop's clock."""
        return self._at

    def frame_size(self, component_id: str) -> float | None:
        """Return the mean bytes of the messages that a component had lately; None where it was not looked at yet."""
        return self._sizes.get(component_id)

    def components_on(self, ws_type: WebSocketType) -> set[str]:
        """Return the components that have streams on a line, as of when all were last gone through."""
        return {component_id for component_id, key in self._handed if key.websocket_type is ws_type}

    def subscription_metrics(self, component_id: str | None = None) -> tuple[SubscriptionMetrics, ...]:
        """Return how the subscriptions of a component do, or all; what takes most of the time first."""
        before_at, before = self._marks[0] if self._marks else (self._at, {})
        found = [
            _metrics(name, handed, before.get(name), self._at - before_at)
            for name, handed in self._handed.items()
            if component_id in (None, name[0])
        ]
        return tuple(sorted(found, key=lambda one: (-one.slot_share, -one.slot_mean)))


class EventAges:
    """How old the newest events of all streams were on receipt, from call to call."""

    def __init__(self) -> None:
        self._since = 0.0

    def take(
        self, now: float, wall_clock: float, latest: Iterable[BaseWebSocketEvent]
    ) -> dict[WebSocketType, list[float]]:
        """Return the ages in seconds, by line, of those that came since the last call.

        Args:
            now: loop clock.
            wall_clock: seconds since 1970 at the same moment.
            latest: the newest event of each stream.
        """
        since, self._since = self._since, now
        wall_minus_loop = wall_clock - now
        ages: dict[WebSocketType, list[float]] = {}
        for event in latest:
            if event.received_at <= since or not isinstance(event, _TIMED):
                continue
            if event.stream_type == StreamType.REALTIME:  # a snapshot may be of any age
                noted = ages.setdefault(event.websocket_type, [])
                age = event.received_at + wall_minus_loop - event.timestamp / 1000
                if abs(age) < MOST_AGE:
                    noted.append(age)
                if len(noted) >= MOST_AGES:  # only public lines carry these types
                    break
        return ages


def _together(one: _Handed, other: _Handed) -> _Handed:
    return one._replace(
        delivered=one.delivered + other.delivered,
        busy_time=one.busy_time + other.busy_time,
        longest=max(one.longest, other.longest),
    )


def _metrics(name: tuple[str, StreamKey], handed: _Handed, before: _Handed | None, span: float) -> SubscriptionMetrics:
    count, spent = handed.delivered, handed.busy_time
    if before is not None and before.delivered <= count:  # else it began anew in between
        count, spent = count - before.delivered, max(0.0, spent - before.busy_time)
    rate = count / span if span > 0 else 0.0
    return SubscriptionMetrics(
        component_id=name[0],
        key=name[1],
        messages_per_second=rate,
        bytes_per_second=rate * handed.frame_size,
        slot_share=spent / span if span > 0 else 0.0,
        slot_mean=handed.busy_time / handed.delivered if handed.delivered else 0.0,
        slot_longest=handed.longest,
        delivered=handed.delivered,
    )
