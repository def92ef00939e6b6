"""Events whose numbers are still the text of their frame: each becomes a Decimal when somebody first reads it.

To make a Decimal takes longer than to read all else that its text is part of. A ticker has 20 of them, a book of 30
rows 122, and who listens reads three. What is read late was checked before (see outlines.py) and can be wrong no more.

For whoever has one it is the event: an instance of its class, with properties where that has numbers. It becomes an
object of just that class before it is compared, hashed, copied, pickled or made a dict of. Only msgspec's own functions
look past properties: `msgspec.structs.asdict` and `msgspec.json.encode` see the text of what nobody has read yet. They
are given `copy.copy(event)`, which is a plain one.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw
from msgspec.structs import astuple, force_setattr

from upbit_ws_qt.events import OrderbookEvent, OrderbookUnit, TickerEvent, TradeEvent
from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["UNREAD_KINDS", "unread_reader"]

UNREAD_KINDS = ("ticker", "trade", "orderbook")
"""What comes by the hundred a second; the numbers of all else are read at once."""

_ROWS = "orderbook_units"
_CLASSES: Mapping[str, Any] = {
    "ticker": TickerEvent,
    "trade": TradeEvent,
    "orderbook": OrderbookEvent,
    _ROWS: OrderbookUnit,
}
_AT_ONCE = frozenset({"level"})  # by which a book's stream is found
_META = frozenset({"epoch", "received_at"})  # filled in on receipt, never by a frame
# What looks at all of an event: of msgspec's, which looks past properties, or of the event's own.
_ASK_FOR_ALL = (
    "__eq__", "__ne__", "__hash__", "__repr__", "__reduce__", "__copy__", "__rich_repr__", "to_dict", "asks", "bids",
)  # fmt: skip


@cache
def unread_reader(kind: str, *, simple: bool) -> Callable[[bytes], Any]:
    """Return what makes an event with unread numbers of a frame that was checked before."""
    return msgspec.json.Decoder(_unread(kind, simple=simple)).decode


@cache
def _unread(kind: str, *, simple: bool) -> Any:
    """Return the class of a kind's unread events (or of a book's unread rows), which derives from the plain one."""
    plain = _CLASSES[kind]
    late = [field.name for field in msgspec.structs.fields(plain) if _is_late(field)]
    made = _spelt(kind, late, simple=simple)
    slots = {name: vars(plain)[name] for name in late}
    whole = _whole(plain, list(slots.values()))
    for name, slot in slots.items():
        setattr(made, name, property(_with_others(slot, whole) if kind == _ROWS else _made_once(slot)))
    for name in _ASK_FOR_ALL:
        if hasattr(plain, name):
            setattr(made, name, _of_whole(plain, name, whole))
    return made


def _is_late(field: msgspec.structs.FieldInfo) -> bool:
    return field.type in (Decimal, Decimal | None) and field.name not in _AT_ONCE


def _spelt(kind: str, late: list[str], *, simple: bool) -> Any:
    """Return a subclass of a plain class in the spelling asked for, with text in its late fields."""
    plain = _CLASSES[kind]
    keys = SIMPLE_KEYS[kind]
    types: dict[str, Any] = dict.fromkeys(late, Raw)
    if kind == "orderbook":
        row: Any = _unread(_ROWS, simple=simple)
        types[_ROWS] = tuple[row, ...]
    fields = [
        (
            field.name,
            types.get(field.name, field.type),
            msgspec.field(default=field.default, name=keys[field.name] if simple else field.name),
        )
        for field in msgspec.structs.fields(plain)
        if field.name not in _META
    ]
    name, module = plain.__name__, plain.__module__
    return msgspec.defstruct(name, fields, bases=(plain,), module=module, frozen=True, gc=False, kw_only=True)


def _made_once(slot: Any) -> Callable[[Any], Any]:
    """Return what reads a number, and makes it of the text that it may find."""
    # By the slot and not by name: a property stands before it, and an event lets nothing be set.
    take, put = slot.__get__, slot.__set__
    read_number = _read_number

    def read(event: Any) -> Any:
        value = take(event)
        if type(value) is Raw:
            value = read_number(value)
            put(event, value)
        return value

    return read


def _with_others(slot: Any, whole: Callable[[Any], None]) -> Callable[[Any], Any]:
    """Return what reads one number of a row: who reads one reads the others, and the row is plain from then on."""
    take = slot.__get__

    def read(row: Any) -> Any:
        whole(row)
        return take(row)

    return read


def _whole(plain: Any, slots: list[Any]) -> Callable[[Any], None]:
    """Return what makes all that is unread, and the event an object of its plain class."""
    numbers = [(slot.__get__, slot.__set__) for slot in slots]
    has_rows = plain is OrderbookEvent
    put_rows = vars(OrderbookEvent)[_ROWS].__set__

    def whole(event: Any) -> None:
        for take, put in numbers:
            value = take(event)
            if type(value) is Raw:
                put(event, _read_number(value))
        if has_rows:
            put_rows(event, _plain_rows(event.orderbook_units))
        force_setattr(event, "__class__", plain)

    return whole


def _plain_rows(rows: tuple[Any, ...]) -> tuple[OrderbookUnit, ...]:
    """Return a book's rows with all of their numbers made: half of what it takes to make one row after the other."""
    are_plain = [type(row) is OrderbookUnit for row in rows]
    unread = [row for row, is_plain in zip(rows, are_plain, strict=True) if not is_plain]
    try:
        text = b",".join(chain.from_iterable(map(astuple, unread)))
    except TypeError:  # another thread makes them, too
        for row in unread:
            _ = row.ask_price
        return rows
    numbers = _read_numbers(b"[%b]" % text)
    made = map(OrderbookUnit, numbers[0::4], numbers[1::4], numbers[2::4], numbers[3::4])
    if len(unread) == len(rows):
        return tuple(made)
    return tuple([row if is_plain else next(made) for row, is_plain in zip(rows, are_plain, strict=True)])


# One call into C: a quarter less than making a text of the bytes, and a Decimal of the text.
_read_number: Callable[[Raw], Decimal | None] = msgspec.json.Decoder(Decimal | None).decode
_read_numbers = msgspec.json.Decoder(list[Decimal]).decode


def _of_whole(plain: Any, name: str, whole: Callable[[Any], None]) -> Any:
    """Return a plain class's method or property for an event that has to become plain before."""
    of_plain = getattr(plain, name)
    if isinstance(of_plain, property):
        getter: Any = of_plain.fget

        def get(event: Any) -> Any:
            whole(event)
            return getter(event)

        return property(get)

    def call(event: Any, *arguments: Any) -> Any:
        whole(event)
        return of_plain(event, *arguments)

    return call
