"""What a planned set of subscriptions will cost, from the rates that were measured so far."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from msgspec import Struct

from upbit_ws_qt.monitoring.windows import RecentMean
from upbit_ws_qt.streams import streams_of
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt.monitoring.stream_metrics import StreamMonitor
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey

__all__ = ["RateStore", "ResourcePrediction"]

KEPT_STREAMS = 5_000
LEAST_EVENTS = 5
"""A stream's own rate is trusted from this many events on."""
LEAST_RATE = 10.0
"""Messages a second under which the cost of one is not measured."""
STAGES = ("decode", "dispatch", "slot")
"""The work that messages make."""
SECONDS_PER_MESSAGE = 10e-6
"""Where nothing was measured: the whole way in, peek, decode, dispatch and one callback."""
BYTES_PER_STREAM = 4096
"""Bookkeeping, newest event and channel of one stream."""
BOOK_HEAD = 190.0
BOOK_UNIT = 95.0
"""Bytes of an order book frame: the head, and each unit."""


class _Rate(Struct):
    """Events per second and bytes per event."""

    events: float
    size: float
    depth: int = 0


# Where nothing of a type was measured: a middling KRW market, by the protocol sheet's examples.
_GUESSES: Mapping[DataType, _Rate] = {
    DataType.TICKER: _Rate(2.0, 900.0),
    DataType.TRADE: _Rate(1.0, 450.0),
    DataType.ORDERBOOK: _Rate(5.0, BOOK_HEAD + 30 * BOOK_UNIT, 30),
}
_CANDLE_GUESS = _Rate(0.5, 400.0)
_EVENT_GUESS = _Rate(0.01, 500.0)


class ResourcePrediction(Struct, frozen=True, kw_only=True):
    """What a set of subscriptions is expected to cost.

    Attributes:
        streams: streams on the wire, each once however many want it.
        messages_per_second: on the wire.
        bytes_per_second: inflated.
        callbacks_per_second: each wish counted.
        cpu_share: of one core, CPU time.
        memory_bytes: for bookkeeping and newest events; a rough figure.
        measured_share: share of the messages whose rate was measured for that very stream; the rest is from others of
            the same type, or guessed where there are none.
    """

    streams: int = 0
    messages_per_second: float = 0.0
    bytes_per_second: float = 0.0
    callbacks_per_second: float = 0.0
    cpu_share: float = 0.0
    memory_bytes: int = 0
    measured_share: float = 0.0


class RateStore:
    """Remembers what streams bring, also of streams that are not subscribed to any more (the last 5,000)."""

    def __init__(self) -> None:
        self._rates: OrderedDict[StreamKey, _Rate] = OrderedDict()
        self._cost = RecentMean(300.0)
        self._last: float | None = None

    def learn(
        self,
        now: float,
        streams: Iterable[StreamMonitor],
        stage_shares: Mapping[str, float],
        messages_per_second: float,
    ) -> None:
        """Take in the streams as they were measured, and what a message costs."""
        elapsed = 0.0 if self._last is None else now - self._last
        self._last = now
        if elapsed > 0 and messages_per_second >= LEAST_RATE:
            # Painting is the display's doing: it costs the same however many messages come.
            measured = sum(stage_shares.get(stage, 0.0) for stage in STAGES) / messages_per_second
            # Where nobody measured the decoder, only the callbacks are known.
            usual = 0.0 if "decode" in stage_shares else SECONDS_PER_MESSAGE
            self._cost.add(measured + usual, elapsed)
        for stream in streams:
            rate = stream.rate
            if stream.events >= LEAST_EVENTS and rate > 0:
                self._rates[stream.key] = _Rate(rate, stream.byte_rate / rate, stream.depth)
                self._rates.move_to_end(stream.key)
        while len(self._rates) > KEPT_STREAMS:
            self._rates.popitem(last=False)

    def predict(self, specs: Iterable[SubscriptionSpec]) -> ResourcePrediction:
        """Return what `specs` would cost together, had nothing else been subscribed to."""
        wishes: dict[StreamKey, tuple[int, int]] = {}
        for spec in specs:
            if spec.only_snapshot:
                continue
            depth = spec.depth if spec.data_type is DataType.ORDERBOOK else 0
            for key in streams_of(spec):
                wanted, deepest = wishes.get(key, (0, 0))
                wishes[key] = (wanted + 1, max(deepest, depth))
        typical = self._typical({key.data_type for key in wishes})
        messages = size = callbacks = measured = 0.0
        for key, (wanted, depth) in wishes.items():
            own = self._rates.get(key)
            rate = own or typical[key.data_type]
            messages += rate.events
            size += rate.events * _size_at(rate, depth)
            callbacks += rate.events * wanted
            measured += rate.events if own else 0.0
        return ResourcePrediction(
            streams=len(wishes),
            messages_per_second=messages,
            bytes_per_second=size,
            callbacks_per_second=callbacks,
            cpu_share=messages * (self._cost.value or SECONDS_PER_MESSAGE),
            memory_bytes=len(wishes) * BYTES_PER_STREAM,
            measured_share=measured / messages if messages else 0.0,
        )

    def _typical(self, data_types: set[DataType]) -> dict[DataType, _Rate]:
        """Return the mean of the measured streams of each type: the mean is what sums are made of."""
        known: dict[DataType, list[_Rate]] = {}
        for key, rate in self._rates.items():
            if key.data_type in data_types:
                known.setdefault(key.data_type, []).append(rate)
        found: dict[DataType, _Rate] = {}
        for data_type in data_types:
            rates = known.get(data_type)
            if not rates:
                found[data_type] = _guess(data_type)
                continue
            events = sum(rate.events for rate in rates)
            size = sum(rate.events * rate.size for rate in rates) / events
            found[data_type] = _Rate(events / len(rates), size, max(rate.depth for rate in rates))
        return found


def _guess(data_type: DataType) -> _Rate:
    if data_type.is_candle:
        return _CANDLE_GUESS
    return _GUESSES.get(data_type, _EVENT_GUESS)


def _size_at(rate: _Rate, depth: int) -> float:
    """Return the size of an event at another depth of the book than it was measured at."""
    if not depth or not rate.depth or depth == rate.depth:
        return rate.size
    return rate.size * (BOOK_HEAD + BOOK_UNIT * depth) / (BOOK_HEAD + BOOK_UNIT * rate.depth)
