"""How each subscription does: what every component was handed of each of its streams, and how long its slot took."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.streams import StreamKey

__all__ = ["SubscriptionMetrics", "SubscriptionReading", "SubscriptionWatch"]

SHORTEST_SPAN = 1.0
"""Seconds between two readings from which on the rates between them are worth something."""
_MARK_EVERY = SHORTEST_SPAN / 4


class SubscriptionReading(NamedTuple):
    """One component's counters of one stream.

    Attributes:
        component_id: whose.
        key: which stream.
        delivered: callbacks made.
        busy_time: seconds they took, all together; `longest` is the longest.
        frame_size: bytes of a frame of the stream, estimated.
    """

    component_id: str
    key: StreamKey
    delivered: int
    busy_time: float
    longest: float
    frame_size: float


_Readings = dict[tuple[str, "StreamKey"], SubscriptionReading]


class SubscriptionMetrics(Struct, frozen=True, kw_only=True):
    """How one stream of one component does; rates are of the time between the last two readings.

    Attributes:
        component_id: whose.
        key: which stream.
        messages_per_second: callbacks made.
        bytes_per_second: of the frames behind them, inflated.
        slot_share: share of a core that its callbacks took.
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


class SubscriptionWatch:
    """Keeps the last readings of every subscription; what they mean is worked out when somebody asks."""

    def __init__(self) -> None:
        self._at = 0.0
        self._readings: _Readings = {}
        self._marks: deque[tuple[float, _Readings]] = deque()  # the first is what the newest is compared with

    def look(self, now: float, readings: Iterable[SubscriptionReading]) -> None:
        """Take in the counters of all subscriptions; several of one component and stream are taken together."""
        found: _Readings = {}
        for reading in readings:
            self.add(found, reading)
        self.show(now, found)

    def add(self, found: _Readings, reading: SubscriptionReading) -> None:
        """Put one subscription's counters with those that were found already."""
        name = reading[:2]
        other = found.setdefault(name, reading)
        if other is not reading:
            found[name] = _together(other, reading)

    def show(self, now: float, found: _Readings) -> None:
        """Let the figures be those of `found`, read off at `now`."""
        self._at, self._readings = now, found
        marks = self._marks
        if not marks or now - marks[-1][0] >= _MARK_EVERY:  # whoever looks all the time makes no more of them
            marks.append((now, found))
        while len(marks) > 1 and now - marks[1][0] >= SHORTEST_SPAN:
            marks.popleft()

    def metrics(self, component_id: str | None = None) -> tuple[SubscriptionMetrics, ...]:
        """Return the figures of a component's subscriptions, or of all; what takes most of the time first."""
        before_at, before = self._marks[0] if self._marks else (self._at, {})
        found = [
            _metrics(reading, before.get(name), self._at - before_at)
            for name, reading in self._readings.items()
            if component_id in (None, reading.component_id)
        ]
        return tuple(sorted(found, key=lambda one: (-one.slot_share, -one.slot_mean)))


def _together(one: SubscriptionReading, other: SubscriptionReading) -> SubscriptionReading:
    return one._replace(
        delivered=one.delivered + other.delivered,
        busy_time=one.busy_time + other.busy_time,
        longest=max(one.longest, other.longest),
    )


def _metrics(reading: SubscriptionReading, before: SubscriptionReading | None, span: float) -> SubscriptionMetrics:
    count, spent = reading.delivered, reading.busy_time
    if before is not None and before.delivered <= count:  # else it began anew in between
        count, spent = count - before.delivered, max(0.0, spent - before.busy_time)
    rate = count / span if span > 0 else 0.0
    return SubscriptionMetrics(
        component_id=reading.component_id,
        key=reading.key,
        messages_per_second=rate,
        bytes_per_second=rate * reading.frame_size,
        slot_share=spent / span if span > 0 else 0.0,
        slot_mean=reading.busy_time / reading.delivered if reading.delivered else 0.0,
        slot_longest=reading.longest,
        delivered=reading.delivered,
    )
