"""The figures of all streams from look to look: bytes by stream and by component, and the ages of events."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from upbit_ws_qt.events import OrderbookEvent, StreamType, TickerEvent, TradeEvent
from upbit_ws_qt.manager.readings import subscription_readings
from upbit_ws_qt.monitoring.readings import StreamReading
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS, kind_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Iterator

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.monitoring.subscriptions import SubscriptionReading, SubscriptionWatch
    from upbit_ws_qt.routing import StreamFigures
    from upbit_ws_qt.streams import StreamKey

__all__ = ["PAIRS_PER_TURN", "StreamLedger", "StreamSurvey", "spared_names"]

PAIRS_PER_TURN = 300
"""Consumers of streams that are gone through in one turn of the loop: each takes about ten microseconds."""

MOST_AGES = 200
MOST_AGE = 86_400.0
"""Seconds; a timestamp further from now than that, in the past or in the future, tells nothing about the line."""
_TIMED = (TickerEvent, TradeEvent, OrderbookEvent)


@cache
def spared_names(data_type: DataType, depth: int) -> int:
    """Return the bytes by which SIMPLE names make one frame of a type shorter; for types with a nested part, about."""
    kind = kind_of(data_type.value)
    if kind is None:
        return 0
    spared = _shortened(kind)
    return spared + depth * _shortened("orderbook_units") if data_type is DataType.ORDERBOOK else spared


def _shortened(kind: str) -> int:
    return sum(len(name) - len(short) for name, short in SIMPLE_KEYS[kind].items())


class StreamLedger:
    """Keeps the figures of all streams.

    Nothing is noted on the way of a frame for it. To go through all streams takes milliseconds where there are a
    thousand; it is for every ten seconds. `note_ages` is for every second.

    Args:
        is_simple: whether the frames of a line come with SIMPLE names.

    Attributes:
        readings: of the streams, as of the last look.
        spared: bytes that SIMPLE names have spared, by line.
    """

    def __init__(self, is_simple: Callable[[WebSocketType], bool] = lambda _: False) -> None:
        self._is_simple = is_simple
        self.spared: Counter[WebSocketType] = Counter()
        self.readings: tuple[StreamReading, ...] = ()
        self._streams: dict[StreamKey, tuple[int, int]] = {}
        self._sizes: dict[str, float] = {}
        self._components: dict[str, tuple[int, float]] = {}
        self._ages_at = 0.0
        # While all streams are gone through: what was known before, and what was found so far.
        self._before: dict[StreamKey, tuple[int, int]] = {}
        self._added: list[StreamReading] = []
        self._carried: dict[str, tuple[int, float]] = {}

    def look(self, figures: Iterable[StreamFigures]) -> None:
        """Take the figures of all streams in: `readings` and `spared` tell of them then."""
        self.begin()
        for each in figures:
            self.add(each)
        self.finish()

    def begin(self) -> None:
        """Begin to go through all streams; `add` each, and then `finish`. Until then the last look holds."""
        self._before |= self._streams
        self._streams = {}
        self._added = []
        self._carried = {}

    def add(self, figures: StreamFigures) -> None:
        """Take the figures of one stream in."""
        key, events, frame_size, latest, depth, consumers = figures
        before, size = self._before.get(key, (0, 0))
        fresh = events - before if events >= before else events
        size += round(fresh * frame_size)
        if fresh and self._is_simple(key.websocket_type):
            self.spared[key.websocket_type] += fresh * spared_names(key.data_type, depth)
        self._streams[key] = (events, size)
        at = None if latest is None else latest.received_at
        self._added.append(StreamReading(key=key, events=events, bytes=size, last_event_at=at, depth=depth))
        if fresh:
            for component_id in {consumer.component_id for consumer in consumers}:
                count, total = self._carried.get(component_id, (0, 0.0))
                self._carried[component_id] = (count + fresh, total + fresh * frame_size)

    def finish(self) -> None:
        """Let `readings` tell of the streams that were added."""
        self.readings = tuple(self._added)
        self._sizes.update({component_id: total / count for component_id, (count, total) in self._carried.items()})
        self._before = {}
        self._added = []

    def note_ages(
        self, now: float, wall_clock: float, latest: Iterable[BaseWebSocketEvent]
    ) -> dict[WebSocketType, list[float]]:
        """Return how old the newest events were on receipt, by line, of those that came since the last call.

        Args:
            now: loop clock.
            wall_clock: seconds since 1970 at the same moment.
            latest: the newest event of each stream.
        """
        since, self._ages_at = self._ages_at, now
        wall_minus_loop = wall_clock - now
        ages: dict[WebSocketType, list[float]] = {}
        for event in latest:
            if event.received_at <= since or not isinstance(event, _TIMED):
                continue
            if event.stream_type == StreamType.REALTIME:
                noted = ages.setdefault(event.websocket_type, [])
                age = event.received_at + wall_minus_loop - event.timestamp / 1000
                if abs(age) < MOST_AGE:
                    noted.append(age)
                if len(noted) >= MOST_AGES:  # only public lines carry these types
                    break
        return ages

    def bytes_of(self, component_id: str, received: int) -> int:
        """Return the bytes of the frames behind the `received` events of a component so far.

        They are estimated from the mean size of its frames between the last two looks.
        """
        before, total = self._components.get(component_id, (0, 0.0))
        size = self._sizes.get(component_id)
        if size is None:  # not looked at yet: the next look makes up for it
            return round(total)
        total += (received - before if received >= before else received) * size
        self._components[component_id] = (received, total)
        return round(total)

    def forget_all_but(self, component_ids: Iterable[str]) -> None:
        """Keep the figures of these components only."""
        kept = frozenset(component_ids)
        for gone in (self._components.keys() | self._sizes.keys()) - kept:
            self._components.pop(gone, None)
            self._sizes.pop(gone, None)


class StreamSurvey:
    """Goes through all streams and their consumers, some in each turn of the loop, so that nobody has to wait for it.

    Args:
        loop: whose turns are used.
        figures: yields the figures of each stream.
        ledger: takes them in.
        subscriptions: takes those of each consumer in.

    Attributes:
        gone_through: consumers of streams gone through so far.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        figures: Callable[[], Iterable[StreamFigures]],
        ledger: StreamLedger,
        subscriptions: SubscriptionWatch,
    ) -> None:
        self._loop = loop
        self._figures = figures
        self._ledger = ledger
        self._subscriptions = subscriptions
        self._steps: Iterator[None] | None = None
        self._next: asyncio.Handle | None = None
        self._is_fresh = False
        self.gone_through = 0

    def begin(self, now: float) -> None:
        """Begin, unless it is under way; a few streams are done with at once."""
        if self._steps is None:
            self._steps = self._walk(now)
            self._step()

    def finish(self) -> None:
        """Do the rest now."""
        while self._steps is not None:
            self._step()

    def take_fresh(self) -> bool:
        """Return whether all was gone through since the last call."""
        fresh, self._is_fresh = self._is_fresh, False
        return fresh

    def stop(self) -> None:
        """Leave the rest."""
        self._steps = None
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _step(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        steps = self._steps
        if steps is None:
            return
        if next(steps, True) is None:
            self._next = self._loop.call_soon(self._step)
        else:
            self._steps = None
            self._is_fresh = True

    def _walk(self, now: float) -> Iterator[None]:
        """Yield where the turn of the loop should end."""
        ledger, subscriptions = self._ledger, self._subscriptions
        ledger.begin()
        found: dict[tuple[str, StreamKey], SubscriptionReading] = {}
        left = PAIRS_PER_TURN
        for figures in self._figures():
            ledger.add(figures)
            for reading in subscription_readings(figures):
                subscriptions.add(found, reading)
            count = max(1, len(figures.consumers))
            self.gone_through += count
            left -= count
            if left <= 0:
                left = PAIRS_PER_TURN
                yield
        ledger.finish()
        subscriptions.show(now, found)
