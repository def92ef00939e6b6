"""How each event looks on the wire, long and SIMPLE: the structs that msgspec reads, made from the event classes.

Two structs stand behind each event and spelling. The *reader* gives the values; for the long spelling it is the
event class itself. The *checker* holds only the numbers, as floats with bounds: msgspec would take the text "NaN" for
a Decimal, but takes none for a float, and reads a float in a fraction of the time.
"""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from itertools import starmap
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

import msgspec
from msgspec.structs import astuple

from upbit_ws_qt.events import (
    AnnouncementEvent,
    BaseWebSocketEvent,
    CandleEvent,
    IndicatorEvent,
    IndicatorSignalEvent,
    MyAssetEvent,
    MyOrderEvent,
    OrderbookEvent,
    TickerEvent,
    TradeEvent,
)
from upbit_ws_qt.wire.simple_keys import NESTED, SIMPLE_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from msgspec.structs import FieldInfo

__all__ = ["EVENT_CLASSES", "USUAL_SIZE", "Shape", "check_digits"]

EVENT_CLASSES: Mapping[str, type[BaseWebSocketEvent]] = {
    "ticker": TickerEvent,
    "trade": TradeEvent,
    "orderbook": OrderbookEvent,
    "candle": CandleEvent,
    "myOrder": MyOrderEvent,
    "myAsset": MyAssetEvent,
    "announcement": AnnouncementEvent,
    "indicator": IndicatorEvent,
    "indicator_signal": IndicatorSignalEvent,
}
"""Kind -> the class of its events."""

# What a double can hold, with room to add up: beyond it a number is an attack on whoever formats or plots it.
_Bounded = Annotated[float, msgspec.Meta(ge=-1e300, le=1e300)]
_Positive = Annotated[float, msgspec.Meta(gt=0, le=1e300)]
_SMALLEST_EXPONENT = -324  # of a double; smaller numbers read as zero
_LARGEST_EXPONENT = 300
_MOST_DIGITS = 400
USUAL_SIZE = 16_384  # bytes; in a larger frame single numbers may be huge

# msgspec puts inherited fields behind a class's own ones.
_HEAD = ("type", "code", "timestamp", "stream_type")  # of the base class: last in each event's field order
# Stamped on receipt; a frame has no such fields, and one that had must not set them.
_META = ("epoch", "received_at")


class Shape:
    """One kind of event in one spelling.

    Attributes:
        kind, simple: which.
        read: frame -> reader struct; raises what msgspec raises for a frame that does not fit.
        build: reader struct -> event; None where the reader gives the event itself.
        check: frame -> checker struct; raises what msgspec raises for text, NaN and size where a number belongs.
    """

    __slots__ = ("_check_positive", "build", "check", "kind", "read", "simple")

    def __init__(self, kind: str, *, simple: bool) -> None:
        self.kind = kind
        self.simple = simple
        event_class = EVENT_CLASSES[kind]
        fields = [field for field in msgspec.structs.fields(event_class) if field.name not in _META]
        self.read: Callable[[bytes], Any] = msgspec.json.Decoder(
            _reader(kind, fields) if simple else event_class
        ).decode
        self.build = _builder(event_class, fields) if simple else None
        self.check: Callable[[bytes], Any] = msgspec.json.Decoder(_checker(kind, fields, simple=simple)).decode
        self._check_positive: Callable[[bytes], Any] = msgspec.json.Decoder(
            _checker(kind, fields, simple=simple, number=_Positive)
        ).decode

    def decode(self, frame: bytes) -> BaseWebSocketEvent:
        """Return the event of a frame.

        Raises what msgspec raises for a frame that does not fit, and ValueError for a number nobody could show.
        """
        event: BaseWebSocketEvent = self.read(frame) if self.build is None else self.build(self.read(frame))
        if self.kind == "orderbook" and self._is_full_book(frame, event):
            return event
        numbers = self.check(frame)
        # A checked number is a float: behind one that is 0.0, any number of digits may hide (see `check_digits`).
        if self.kind in NESTED or len(frame) > USUAL_SIZE or not all(astuple(numbers)):
            check_digits(event, len(frame))
        return event

    def _is_full_book(self, frame: bytes, book: Any) -> bool:
        """Whether all numbers of a book are in order, none of them zero but the level."""
        try:
            self._check_positive(frame)
        except msgspec.ValidationError:
            return False  # mostly a thin book, padded with zeros
        return len(frame) <= USUAL_SIZE and _SMALLEST_EXPONENT <= book.level.adjusted() <= _LARGEST_EXPONENT


def check_digits(value: Any, frame_size: int) -> None:
    """Raise ValueError where a Decimal anywhere inside `value` is too small, too large or too long to be shown.

    Needed where a float is zero, behind which a number of absurdly many places may hide, and for large frames, which
    have room for a number of absurdly many digits.
    """
    if isinstance(value, Decimal):
        in_range = _SMALLEST_EXPONENT <= value.adjusted() <= _LARGEST_EXPONENT
        if not in_range or (frame_size > USUAL_SIZE and len(str(value)) > _MOST_DIGITS):
            raise ValueError("a number is too small, too large or has too many digits")
    elif isinstance(value, msgspec.Struct):
        for item in astuple(value):
            check_digits(item, frame_size)
    elif isinstance(value, tuple):
        for item in value:
            check_digits(item, frame_size)


def _inner(annotation: Any) -> tuple[Any, str]:
    """Return what a field holds, and whether it holds "one", "many" or "maybe" one."""
    origin = get_origin(annotation)
    if origin is tuple:
        return get_args(annotation)[0], "many"
    if origin in (Union, UnionType):
        return get_args(annotation)[0], "maybe"
    return annotation, "one"


def _is_struct(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, msgspec.Struct)


def _reader(kind: str, fields: Sequence[FieldInfo]) -> type[msgspec.Struct]:
    """Return the struct that reads the SIMPLE spelling: the same fields in the same order under other keys."""
    # `rename=` of a subclass would not reach inherited fields, so the struct is made anew and not derived.
    made: list[tuple[Any, ...]] = []
    for field in fields:
        inner, count = _inner(field.type)
        if not _is_struct(inner):
            made.append((field.name, field.type) if field.required else (field.name, field.type, field.default))
            continue
        nested: Any = _reader(NESTED[kind][field.name], msgspec.structs.fields(inner))
        annotation = tuple[nested, ...] if count == "many" else nested
        made.append((field.name, annotation) if field.required else (field.name, annotation | None, None))
    return msgspec.defstruct("_Simple", made, rename=SIMPLE_KEYS[kind], frozen=True, gc=False, kw_only=True)


def _checker(kind: str, fields: Sequence[FieldInfo], *, simple: bool, number: Any = _Bounded) -> type[msgspec.Struct]:
    """Return the struct that reads nothing but the decimal numbers, as bounded floats; a missing one is 1.0."""
    made: list[tuple[Any, ...]] = []
    for field in fields:
        inner, count = _inner(field.type)
        if inner is Decimal:
            kept = _Bounded if field.name == "level" else number  # zero as a rule
            made.append((field.name, kept | None if count == "maybe" else kept, 1.0))
        elif _is_struct(inner):
            nested: Any = _checker(
                NESTED[kind][field.name], msgspec.structs.fields(inner), simple=simple, number=number
            )
            made.append((field.name, (tuple[nested, ...] if count == "many" else nested) | None, None))
    rename = SIMPLE_KEYS[kind] if simple else None
    return msgspec.defstruct("_Checked", made, rename=rename, frozen=True, gc=False)


def _builder(event_class: Any, fields: Sequence[FieldInfo]) -> Callable[[Any], BaseWebSocketEvent]:
    """Return what makes an event from its SIMPLE reader: own fields by position, those of the base class by name."""
    own = len(fields) - len(_HEAD)
    converters: list[tuple[int, Callable[[Any], Any]]] = []
    for index, field in enumerate(fields):
        inner, count = _inner(field.type)
        if _is_struct(inner):
            converters.append((index, partial(_rebuild_many if count == "many" else _rebuild_one, inner)))

    def build(reader: Any) -> BaseWebSocketEvent:
        values: Any = astuple(reader)
        if converters:
            values = list(values)
            for index, convert in converters:
                values[index] = convert(values[index])
        event: BaseWebSocketEvent = event_class(
            *values[:own],
            type=reader.type,
            code=reader.code,
            timestamp=reader.timestamp,
            stream_type=reader.stream_type,
        )
        return event

    return build


def _rebuild_many(struct: Any, readers: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(starmap(struct, map(astuple, readers)))


def _rebuild_one(struct: Any, reader: Any) -> Any:
    return struct() if reader is None else struct(*astuple(reader))
