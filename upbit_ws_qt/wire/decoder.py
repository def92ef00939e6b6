"""Frames to messages, whatever their format, and the cheap look at a frame's type and code."""

from __future__ import annotations

import json
import re
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import msgspec
from msgspec.structs import force_setattr

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire.control import decode_control, read_header
from upbit_ws_qt.wire.outlines import CODE_BEGINS, DIGITS, Outlines, has_long_number, learn
from upbit_ws_qt.wire.shapes import Shape
from upbit_ws_qt.wire.simple_keys import MESSAGE_KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.wire.control import WebSocketMessage

__all__ = ["CODE_BEGINS", "Frame", "decode", "decode_late", "peek"]

Frame: TypeAlias = bytes | bytearray | memoryview | str
"""What a WebSocket hands over."""

_EXCERPT = 200
# Between which bytes the closing quote of the type stands, in all four formats: behind the opening quote of the longest
# beginning, `[{"type":"`, and before the end of the longest type. Looking there only is what makes `peek` cheap.
_FIRST_END, _LAST_END = 10, 40
_MOST_CODES = 4096  # codes kept as ready-made strings; an exchange has hundreds
_LONGEST_CODE = 40

# A frame's beginning with white space between its tokens, which JSON allows. Groups: whether it is a list, key of the
# type, the type, the key of the code, the code.
_SPACED_HEAD = re.compile(
    rb"""\s*(\[)?\s*\{\s*"(type|ty)"\s*:\s*"([^"\\]{1,40})"(?:\s*,\s*"(code|cd)"\s*:\s*"([^"\\]{1,39})")?"""
)
_NEXT_MESSAGE = re.compile(rb"""\}\s*,\s*\{\s*"ty""")
# Protocol sheet, "Messages": a book of 2023 carried microseconds, 16 digits where milliseconds have 13.
_MICROSECONDS = re.compile(rb"""("(?:\w*timestamp|\w*tms)"\s*:\s*\d{13})\d{3}(?=\s*[,}])""")

# Sets of the names on the wire: a frame gives text, and a look into a set of texts costs less than making a DataType.
_CODELESS = frozenset(t.value for t in DataType if not t.takes_codes)
_PRIVATE = frozenset(t.value for t in DataType if t.websocket_type is WebSocketType.PRIVATE)
# Their start comes as text and is made a time by a property of the event: it has to be one, or the property would raise
# in the user's code.
_TIMED = frozenset({"candle", "indicator", "indicator_signal"})

_shapes: Mapping[tuple[str, bool], Shape] = MappingProxyType(
    {(kind, simple): Shape(kind, simple=simple) for kind in MESSAGE_KINDS for simple in (False, True)}
)
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
# Both grow with what the exchange sends and are bounded, since that is text from outside.
_codes: dict[bytes, str] = {}
_known: dict[bytes, Outlines] = {}


class _Route:
    """What the first bytes of a frame say about it.

    Attributes:
        type: of the message; `kind` is the same but for candles.
        shape: what reads it.
        start: the first bytes, up to the end of the type.
        code_key: what stands between the type and the code; empty where there is no code.
        is_list: whether the frame is a list.
    """

    __slots__ = ("code_key", "is_list", "kind", "shape", "start", "type")

    def __init__(self, data_type: DataType, *, simple: bool, is_list: bool) -> None:
        self.type = data_type.value
        self.kind = kind_of(self.type) or ""
        self.shape = _shapes[self.kind, simple]
        opening, type_key, code_key = b"[{" if is_list else b"{", *((b"ty", b"cd") if simple else (b"type", b"code"))
        self.start = opening + b'"' + type_key + b'":"' + self.type.encode()
        self.code_key = b"" if self.type in _CODELESS else b'","' + code_key + b'":"'
        self.is_list = is_list


def _routes() -> dict[bytes, _Route]:
    made = [
        _Route(t, simple=simple, is_list=many) for t in DataType for simple in (False, True) for many in (False, True)
    ]
    return {route.start: route for route in made}


_ROUTES = _routes()
_TYPES: Mapping[bytes, str] = {t.value.encode(): t.value for t in DataType}


def decode(frame: Frame) -> tuple[WebSocketMessage, ...]:
    """Return the messages of a frame: one, or those of a list in order.

    The format (DEFAULT, SIMPLE, JSON_LIST, SIMPLE_LIST) is recognised per frame, since a request can change it
    under way. Fields that are missing or unknown cost nothing where the event says so; an unknown candle unit and
    unknown values of open enumerations pass through. Timestamps in microseconds are read as milliseconds.

    Raises:
        DecodeError: with the reason and the first 200 safe characters, whatever is wrong with the frame: no JSON,
            not UTF-8, an unknown message type, a wrong or missing field, a number as text or beyond ±1e300, keys
            that contradict each other, on private types any duplicate key, nesting too deep to read.
    """
    try:
        data = frame if type(frame) is bytes else _as_bytes(frame)
        known = _known.get(data[: data.find(b",", CODE_BEGINS)])
        if known is None or data.translate(None, DIGITS) not in known.kept:
            return _decode_routed(data)
        if len(data) > known.longest and has_long_number(data):
            return _decode_routed(data)
        return (known.read(data) if known.build is None else known.build(known.read(data)),)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if isinstance(error, msgspec.ValidationError):
            in_milliseconds = _MICROSECONDS.sub(rb"\1", data)
            if len(in_milliseconds) < len(data):
                return decode(in_milliseconds)
        raise DecodeError(_reason(error), _excerpt(frame)) from error


def decode_late(data: bytes, head: bytes) -> BaseWebSocketEvent | None:
    """Return the event of a ticker's, trade's or book's frame, whose numbers are made when they are first read.

    None where `decode` has to look at the frame: one of another type, in an outline that is new, or a bad one. What it
    returns is what `decode` would, see unread.py.

    Args:
        data: a frame.
        head: its bytes before the comma behind the code.
    """
    known = _known.get(head)
    if known is None or data.translate(None, DIGITS) not in known.kept:
        return None
    if len(data) > known.longest and has_long_number(data):
        return None
    try:
        return known.read_late(data)  # type: ignore[no-any-return]
    except msgspec.MsgspecError:
        return None


def peek(frame: Frame) -> tuple[str, str] | None:
    """Return (type, code) of a frame without decoding the rest, for conflation and routing.

    The code is "" for types that have none. White space between tokens only makes it slower. None where it cannot be
    told cheaply (another key order, a list of several messages, no event): decode such a frame. Of a frame that
    `decode` accepts it says the same as `decode`; of one that it does not, whatever the first bytes say. Never raises
    for bytes or text.
    """
    try:
        data = frame if type(frame) is bytes else _as_bytes(frame)
    except ValueError:
        return None
    end = data.find(b'"', _FIRST_END, _LAST_END)
    route = _ROUTES.get(data[:end])
    if route is None:
        return _peek_spaced(data)
    if route.is_list and b'},{"ty' in data:
        return None
    key = route.code_key
    if not key:
        return route.type, ""
    start = end + len(key)
    if data[end:start] != key:
        return _peek_spaced(data)
    stop = data.find(b'"', start, start + _LONGEST_CODE)
    if stop < 0:
        return None
    raw = data[start:stop]
    code = _codes.get(raw) or _learn(raw)
    return None if code is None else (route.type, code)


def _peek_spaced(data: bytes) -> tuple[str, str] | None:
    """Do what `peek` does for a frame with white space between its tokens."""
    found = _SPACED_HEAD.match(data)
    if found is None:
        return None
    is_list, type_key, name, code_key, raw = found.groups()
    data_type = _TYPES.get(name)
    if data_type is None or (is_list and _NEXT_MESSAGE.search(data)):
        return None
    if data_type in _CODELESS:
        return data_type, ""
    if raw is None or (type_key == b"ty") != (code_key == b"cd"):
        return None
    code = _codes.get(raw) or _learn(raw)
    return None if code is None else (data_type, code)


def _as_bytes(frame: Any) -> bytes:
    if isinstance(frame, str):
        return frame.encode()
    if isinstance(frame, (bytes, bytearray, memoryview)):
        return bytes(frame)
    raise ValueError(f"a frame is bytes or text, not {type(frame).__name__}")


def _learn(raw: bytes) -> str | None:
    """Return the code that stands in a frame as `raw`, None where it is spelt with escapes."""
    if b"\\" in raw:
        return None
    try:
        code = raw.decode()
    except UnicodeDecodeError:
        return None
    if len(_codes) < _MOST_CODES:
        _codes[raw] = code
    return code


def _decode_routed(data: bytes) -> tuple[WebSocketMessage, ...]:
    """Decode a frame by its usual beginning, or by looking for its type."""
    route = _ROUTES.get(data[: data.find(b'"', _FIRST_END, _LAST_END)])
    if route is None:
        messages = _decode_any(data)
        _check_against_head(messages, data)
        return messages
    if not route.is_list:
        return (_finish(route, route.shape.decode(data), data),)
    if data.endswith(b"}]"):
        try:
            event = route.shape.decode(data[1:-1])
        except msgspec.MsgspecError:
            pass  # several messages, or a bad one: the slow way tells
        else:
            return (_finish(route, event, data),)
    messages = _decode_any(data)
    if peek(data) is None:
        return messages
    if len(messages) != 1:
        raise ValueError("a list of several messages in an unusual spelling")
    return (_finish(route, cast("BaseWebSocketEvent", messages[0]), data),)


def _finish(route: _Route, event: BaseWebSocketEvent, data: bytes) -> BaseWebSocketEvent:
    """Hold the event against the first bytes: of equal keys the last was read, but the first is what `peek` tells."""
    seen = peek(data)
    if event.type != route.type or (seen is not None and route.code_key and seen[1] != event.code):
        raise ValueError("type or code stands there twice and differs")
    head = data[: data.find(b",", CODE_BEGINS)]
    # Equal heads have to mean equal types and codes, and the same format.
    if head == b'%b%b%b"' % (route.start, route.code_key, event.code.encode()) and not route.is_list:
        learn(_known, route.shape, head, data)
    return _look_closer(route.kind, event, data)


def _check_against_head(messages: tuple[WebSocketMessage, ...], data: bytes) -> None:
    """Refuse a frame with white space whose first bytes say something else than was read."""
    seen = peek(data)
    if seen is None:
        return
    first = messages[0]
    if len(messages) != 1 or not isinstance(first, BaseWebSocketEvent) or (first.type, first.code) != seen:
        raise ValueError("type or code stands there twice and differs")


def _look_closer(kind: str, event: Any, data: bytes) -> BaseWebSocketEvent:
    if kind in _TIMED:
        datetime.fromisoformat(event.candle_date_time_utc)
    if kind in _PRIVATE:
        json.loads(data, object_pairs_hook=_refuse_duplicates, parse_int=str, parse_float=str)
        if kind in _CODELESS and event.code:
            force_setattr(event, "code", "")  # a field of that name would be another thing than a market
    return event  # type: ignore[no-any-return]


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands there twice")


def _decode_any(data: bytes) -> tuple[WebSocketMessage, ...]:
    """Decode a frame of any spelling: header first, then by what it says."""
    if data.lstrip(b" \t\r\n")[:1] != b"[":
        return (_decode_object(data),)
    messages = tuple(_decode_object(bytes(raw)) for raw in _read_list(data))
    if not messages:
        raise ValueError("an empty list")
    return messages


def _decode_object(data: bytes) -> WebSocketMessage:
    header = read_header(data)
    simple = header.type is None
    name = header.ty if simple else header.type
    if name is None:
        return decode_control(header, data)
    kind = kind_of(name)
    if kind is None:
        raise ValueError(f"unknown message type {safe_text(name, 60)!r}")
    return _look_closer(kind, _shapes[kind, simple].decode(data), data)


def _excerpt(frame: Any) -> str:
    if isinstance(frame, memoryview):
        frame = bytes(frame)
    return safe_text(frame if isinstance(frame, (bytes, bytearray, str)) else repr(frame), _EXCERPT)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeError):
        return "not valid UTF-8"
    return safe_text(str(error), _EXCERPT) or type(error).__name__
