"""Distributions over time: how long round trips and the way from the exchange took, and how old each stream was."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from enum import StrEnum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import WebSocketType

__all__ = ["FreshnessMap", "FreshnessRing", "LatencyKind", "LatencyMap", "LatencyRing"]

HEAT_STEP = 10.0
HEAT_SLOTS = 360
"""An hour, in steps of ten seconds: what streams are read off in."""
EDGES = tuple(0.001 * 10 ** (place / 5) for place in range(26))
"""Seconds: the upper ends of all classes but the last, from 1 ms to 100 s, five in each power of ten."""
MOST_STREAMS = 3000
BRIDGED_SLOTS = 6
_FULL = 65_535
_YOUNGEST = 0.1
_CODES_PER_DECADE = 20
_LAST_CODE = 101


class LatencyKind(StrEnum):
    """What took the time."""

    WAY = "way"
    """From the exchange's timestamp to receipt, REALTIME only, the clock offset taken off; of public lines."""
    ROUND_TRIP = "round_trip"
    """From a ping to its pong, the loop's own lag taken off."""


class LatencyMap(Struct, frozen=True, kw_only=True):
    """How often a time fell into which class, over time.

    Attributes:
        kind: what took the time.
        ws_type: of which line.
        step: seconds that each column is about.
        times: where each column begins, seconds since 1970, rising.
        edges: the upper ends of the classes, in seconds; the last class, above all of them, has none.
        counts: of each column one after the other, of each class from the quickest to the slowest: that of column
            `c` and class `k` is `counts[c * (len(edges) + 1) + k]`.
    """

    kind: LatencyKind
    ws_type: WebSocketType
    step: float = HEAT_STEP
    times: array[float] = msgspec.field(default_factory=lambda: array("d"))
    edges: tuple[float, ...] = EDGES
    counts: array[int] = msgspec.field(default_factory=lambda: array("H"))


class FreshnessMap(Struct, frozen=True, kw_only=True):
    """How old the newest event of each stream was, over time.

    Attributes:
        step: seconds from one column to the next.
        times: of each column, seconds since 1970, rising.
        ages: of each stream, one age in seconds for each column; NaN where there was no event yet, or no stream.
        left_out: streams that there was no room for.
    """

    step: float = HEAT_STEP
    times: array[float] = msgspec.field(default_factory=lambda: array("d"))
    ages: Mapping[StreamKey, array[float]] = msgspec.field(default_factory=dict)
    left_out: int = 0


class LatencyRing:
    """Counts by class, of the last hour."""

    __slots__ = ("_counts", "_last")
    CLASSES = len(EDGES) + 1

    def __init__(self) -> None:
        self._counts = array("H", bytes(2 * HEAT_SLOTS * self.CLASSES))
        self._last: int | None = None

    def add(self, slot: int, seconds: Iterable[float]) -> None:
        """Count times in a slot; one of the past is not changed any more."""
        last = self._last
        if last is not None and slot < last:
            return
        if last is not None:
            for skipped in range(max(last + 1, slot - HEAT_SLOTS + 1), slot + 1):
                begin = skipped % HEAT_SLOTS * self.CLASSES
                self._counts[begin : begin + self.CLASSES] = array("H", bytes(2 * self.CLASSES))
        self._last = slot
        begin, counts = slot % HEAT_SLOTS * self.CLASSES, self._counts
        for each in seconds:
            place = begin + bisect_left(EDGES, each)
            if counts[place] < _FULL:
                counts[place] += 1

    def since(self, first: int, last: int) -> array[int]:
        """Return the counts of the slots from `first` to `last`; zeros where nothing was counted."""
        found = array("H")
        nothing = array("H", bytes(2 * self.CLASSES))
        for slot in range(first, last + 1):
            begin = slot % HEAT_SLOTS * self.CLASSES
            known = self._last is not None and self._last - HEAT_SLOTS < slot <= self._last
            found += self._counts[begin : begin + self.CLASSES] if known else nothing
        return found


class FreshnessRing:
    """How old each stream was, of the last hour, a byte for each; 0 stands for "not known"."""

    def __init__(self) -> None:
        self._streams: dict[StreamKey, bytearray] = {}
        self._seen: dict[StreamKey, int] = {}
        self._last: int | None = None
        self.left_out = 0

    def put(self, slot: int, ages: Iterable[tuple[StreamKey, float | None]]) -> None:
        """Note the ages of all streams in a slot; None for a stream without an event."""
        last = self._last
        if last is not None and slot < last:
            return
        fresh = range(slot, slot + 1) if last is None else range(max(last + 1, slot - HEAT_SLOTS + 1), slot + 1)
        for row in self._streams.values():
            # A reading that came a little late leaves no hole; a computer that slept does.
            bridge = row[last % HEAT_SLOTS] if last is not None and slot - last <= BRIDGED_SLOTS else 0
            for each in fresh:
                row[each % HEAT_SLOTS] = 0 if each == slot else bridge
        self._last = slot
        place, left_out = slot % HEAT_SLOTS, 0
        for key, age in ages:
            if key not in self._streams:
                if len(self._streams) >= MOST_STREAMS:
                    left_out += 1
                    continue
                self._streams[key] = bytearray(HEAT_SLOTS)
            self._seen[key] = slot
            if age is not None:
                kept = self._streams[key]
                kept[place] = max(kept[place], _code(age))
        self.left_out = left_out
        gone = [key for key, seen in self._seen.items() if seen <= slot - HEAT_SLOTS]
        for key in gone:
            del self._streams[key], self._seen[key]

    def since(self, first: int, last: int) -> dict[StreamKey, array[float]]:
        """Return the ages from slot `first` to `last`, of the streams that were there at any time of it."""
        newest = -1 if self._last is None else self._last
        kept = range(max(first, newest - HEAT_SLOTS + 1), min(last, newest) + 1)
        before, after = array("d", [math.nan]) * (kept.start - first), array("d", [math.nan]) * (last + 1 - kept.stop)
        found = {}
        for key, row in self._streams.items():
            if kept and self._seen[key] >= kept.start:
                found[key] = before + array("d", [_AGES[row[slot % HEAT_SLOTS]] for slot in kept]) + after
        return found


def span(now: float, begun: float | None, seconds: float) -> range:
    """Return the slots of the last `seconds`, at most an hour, and none before the beginning."""
    if begun is None:
        return range(0)
    last = int(now / HEAT_STEP)
    wanted = int(min(math.ceil(seconds / HEAT_STEP), HEAT_SLOTS))
    return range(max(last - wanted + 1, int(begun / HEAT_STEP)), last + 1)


def starts(slots: range, shift: float) -> array[float]:
    """Return where slots begin, in seconds since 1970."""
    return array("d", [slot * HEAT_STEP + shift for slot in slots])


def _code(age: float) -> int:
    if age <= _YOUNGEST:
        return 1
    return min(_LAST_CODE, 1 + round(_CODES_PER_DECADE * math.log10(age / _YOUNGEST)))


_AGES = [math.nan] + [_YOUNGEST * 10 ** ((code - 1) / _CODES_PER_DECADE) for code in range(1, 256)]
