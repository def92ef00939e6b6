"""The name of one stream, by which the subscription side asks and the routing side hands out; and its gaps.

A stream is what the exchange sends as one: for an order book one per (code, level), whatever depth each consumer
wants, because a deeper book holds every shallower one; for an indicator one per (code, time frame, parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from upbit_ws_qt.events import IndicatorEvent, IndicatorSignalEvent, OrderbookEvent
from upbit_ws_qt.specs import IndicatorSpec, SubscriptionSpec
from upbit_ws_qt.types import DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from msgspec import Struct

    from upbit_ws_qt.events import BaseWebSocketEvent

__all__ = [
    "ALL_SYMBOLS",
    "DISORDER_MS",
    "StreamGap",
    "StreamKey",
    "indicator_variant",
    "key_of_event",
    "level_variant",
    "plain_number",
    "streams_of",
]

ALL_SYMBOLS = ""
"""The symbol of a stream that is not about one market: myAsset, announcement, myOrder for every market."""


class StreamKey(NamedTuple):
    """One stream.

    Attributes:
        data_type: what.
        symbol: market code, or ALL_SYMBOLS.
        variant: "" for most; an order book's level ("10000"); an indicator's time frame and parameters.
    """

    data_type: DataType
    symbol: str = ALL_SYMBOLS
    variant: str = ""

    @property
    def websocket_type(self) -> WebSocketType:
        """The line that carries it."""
        return self.data_type.websocket_type

    def __str__(self) -> str:
        parts = [self.data_type.value, self.symbol or "*", self.variant]
        return " ".join(part for part in parts if part)


DISORDER_MS = 1000
"""Trades come out of the order of their times and ids now and then, by some milliseconds; this is ample."""


@dataclass(frozen=True, slots=True)
class StreamGap:
    """Where a gap of one stream begins, and where it ends, in the exchange's own terms.

    Everything that was missed lies from `since` to `until`, both included: reload that and drop what is known by its
    id. None of it depends on the computer's clock.

    Attributes:
        stream: which one.
        last_timestamp: exchange's milliseconds of what was handed on last before the gap (of a trade, when it was
            traded); None where nothing of the stream had been handed on.
        last_id: highest `sequential_id` handed on before the gap; None for what is no trade, or where there was none.
        first_timestamp: the same of what came first on a line after it, whether it was news or not; None until it came.
        first_id: its `sequential_id`; None for what is no trade, or until it came.
    """

    stream: StreamKey
    last_timestamp: int | None = None
    last_id: int | None = None
    first_timestamp: int | None = None
    first_id: int | None = None

    @property
    def may_have_missed(self) -> bool:
        """Whether something may be missing: candles that had not begun to come begin with the first one that does."""
        return self.last_timestamp is not None or not self.stream.data_type.is_candle

    @property
    def since(self) -> int | None:
        """Exchange's milliseconds that nothing which was missed is older than; None where nothing had come before."""
        return None if self.last_timestamp is None else max(0, self.last_timestamp - DISORDER_MS)

    @property
    def until(self) -> int | None:
        """Exchange's milliseconds that nothing which was missed is newer than; None while nothing has come since."""
        return None if self.first_timestamp is None else self.first_timestamp + DISORDER_MS


def streams_of(spec: SubscriptionSpec) -> tuple[StreamKey, ...]:
    """Return the streams that a wish is about, each once."""
    data_type = spec.data_type
    if not data_type.takes_codes or not (data_type.needs_codes or spec.symbols):
        return (StreamKey(data_type),)
    if data_type is DataType.ORDERBOOK:
        variant = level_variant(spec.level)
        return tuple(dict.fromkeys(StreamKey(data_type, code.partition(".")[0], variant) for code in spec.symbols))
    if data_type.is_indicator:
        variants = [indicator_variant(spec.timeframe or "", entry) for entry in spec.indicators]
        return tuple(dict.fromkeys(StreamKey(data_type, code, v) for code in spec.symbols for v in variants))
    return tuple([StreamKey(data_type, code) for code in spec.symbols])


def level_variant(level: Decimal) -> str:
    """Return an order book's variant: "" for level 0, else the plain number, "0.1" and "0.10" alike."""
    return plain_number(level) if level else ""


def plain_number(number: Decimal) -> str:
    """Return a number as digits without an exponent and without zeros that say nothing: "0.1", "10000", "0"."""
    return format(number.normalize(), "f") if number else "0"


def indicator_variant(timeframe: str, entry: IndicatorSpec) -> str:
    """Return an indicator's variant, the same for numbers that are equal however they are spelt."""
    parts = [timeframe, entry.type, _pairs(entry.params)]
    if entry.trigger is not None:
        parts += [entry.trigger, _pairs(entry.event_params)]
    return " ".join(part for part in parts if part)


def key_of_event(event: BaseWebSocketEvent) -> StreamKey | None:
    """Return the stream that an event came on; None for a type that this version does not know.

    For myOrder the symbol is the market: who wants every market looks under ALL_SYMBOLS too.
    """
    try:
        data_type = DataType(event.type)
    except ValueError:
        return None
    if isinstance(event, OrderbookEvent):
        return StreamKey(data_type, event.code, level_variant(event.level))
    if isinstance(event, IndicatorSignalEvent):
        entry = IndicatorSpec(event.indicator, _present(event.params), event.trigger, _present(event.event_params))
        return StreamKey(data_type, event.code, indicator_variant(event.timeframe, entry))
    if isinstance(event, IndicatorEvent):
        entry = IndicatorSpec(event.indicator, _present(event.params))
        return StreamKey(data_type, event.code, indicator_variant(event.timeframe, entry))
    return StreamKey(data_type, event.code)


# An indicator is asked for with numbers as the user writes them and comes back as the exchange writes them (2 and 2.0):
# the name of the stream has to be the same for both.
def _pairs(params: Iterable[tuple[str, Any]]) -> str:
    return ",".join(f"{name}={_plain(value)}" for name, value in sorted(params))


def _plain(value: object) -> str:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return plain_number(Decimal(str(value)))
    return str(value)


def _present(params: Struct) -> tuple[tuple[str, Any], ...]:
    """Return the fields of a params struct that hold a value."""
    return tuple((name, value) for name in params.__struct_fields__ if (value := getattr(params, name)) is not None)
