"""Frames to messages, whatever their format, and the cheap look at a frame's type and code."""

from __future__ import annotations

import json
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec
from msgspec.structs import force_setattr

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire.control import decode_control, read_header
from upbit_ws_qt.wire.shapes import Shape
from upbit_ws_qt.wire.simple_keys import MESSAGE_KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.wire.messages import Message

__all__ = ["Frame", "decode", "peek"]

Frame: TypeAlias = bytes | bytearray | memoryview | str
"""What a WebSocket hands over."""

_EXCERPT = 200
_MOST_CODES = 4096  # codes kept as ready-made strings; an exchange has hundreds
_LONGEST_CODE = 40

_CODELESS = frozenset({"myAsset", "announcement"})
_PRIVATE = frozenset(t.value for t in DataType if t.websocket_type is WebSocketType.PRIVATE)
_TIMED = frozenset({"candle", "indicator", "indicator_signal"})  # their start is parsed by a property

_shapes: Mapping[tuple[str, bool], Shape] = MappingProxyType(
    {(kind, simple): Shape(kind, simple=simple) for kind in MESSAGE_KINDS for simple in (False, True)}
)
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_codes: dict[bytes, str] = {}


class _Route(NamedTuple):
    """What the first bytes of a frame say about it."""

    type: str
    kind: str
    shape: Shape
    code_key: bytes  # what stands between the end of the type and the code; empty where there is no code
    is_list: bool
    is_plain: bool  # whether the event needs no look beyond what its shape checks


def _routes() -> dict[bytes, _Route]:
    """Return the usual beginnings, up to the end of the type's name, and where they lead."""
    made: dict[bytes, _Route] = {}
    for data_type in DataType:
        name = data_type.value
        kind = kind_of(name) or ""
        is_plain = name not in _PRIVATE and kind not in _TIMED
        for simple, type_key, code_key in ((False, b'"type":"', b'","code":"'), (True, b'"ty":"', b'","cd":"')):
            for is_list, opening in ((False, b"{"), (True, b"[{")):
                made[opening + type_key + name.encode()] = _Route(
                    name, kind, _shapes[kind, simple], b"" if name in _CODELESS else code_key, is_list, is_plain
                )
    return made


_ROUTES = _routes()


def decode(frame: Frame) -> tuple[Message, ...]:
    """Return the messages of a frame: one, or those of a list in order.

    The format (DEFAULT, SIMPLE, JSON_LIST, SIMPLE_LIST) is recognised per frame, since a request can change it
    under way. Fields that are missing or unknown cost nothing where the event says so; an unknown candle unit and
    unknown values of open enumerations pass through.

    Raises:
        DecodeError: with the reason and the first 200 safe characters, whatever is wrong with the frame: no JSON,
            not UTF-8, an unknown message type, a wrong or missing field, a number as text or beyond ±1e60, keys
            that contradict each other, on private types any duplicate key, nesting too deep to read.
    """
    try:
        data = frame if type(frame) is bytes else _as_bytes(frame)
        head = _head(data)
        if head is None:
            return _decode_any(data)
        route, code = head
        if not route.is_list:
            return (_finish(route, code, route.shape.decode(data), data),)
        return _decode_list(route, code, data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DecodeError(_reason(error), safe_text(frame, _EXCERPT)) from error


def peek(frame: Frame) -> tuple[str, str] | None:
    """Return (type, code) of a frame without decoding the rest, for conflation and routing.

    The code is "" for types that have none. None where it cannot be told cheaply (another key order, white space,
    a list of several messages, no event): decode such a frame. Of a frame that `decode` accepts it says the same
    as `decode`; of one that it does not, whatever the first bytes say. Never raises for bytes or text.
    """
    try:
        data = frame if type(frame) is bytes else _as_bytes(frame)
    except ValueError:
        return None
    head = _head(data)
    return None if head is None else (head[0].type, head[1])


def _head(data: bytes) -> tuple[_Route, str] | None:
    """Return what the usual beginning of a frame says, None for any other beginning."""
    # From 10 on: behind the opening quote of the type in all four formats, before the closing one of the shortest.
    end = data.find(b'"', 10, 40)
    route = _ROUTES.get(data[:end])
    if route is None or (route.is_list and b'},{"ty' in data):
        return None
    key = route.code_key
    if not key:
        return route, ""
    start = end + len(key)
    if data[end:start] != key:
        return None
    raw = data[start : data.find(b'"', start, start + _LONGEST_CODE)]
    code = _codes.get(raw)
    if code is None:
        code = _learn(raw)
        if code is None:
            return None
    return route, code


def _learn(raw: bytes) -> str | None:
    """Return the code that stands in a frame as `raw`, None where it is spelt with escapes or cut."""
    if len(raw) >= _LONGEST_CODE - 1 or b"\\" in raw:
        return None
    try:
        code = raw.decode()
    except UnicodeDecodeError:
        return None
    if len(_codes) < _MOST_CODES:
        _codes[raw] = code
    return code


def _as_bytes(frame: Any) -> bytes:
    if isinstance(frame, str):
        return frame.encode()
    if isinstance(frame, (bytes, bytearray, memoryview)):
        return bytes(frame)
    raise ValueError(f"a frame is bytes or text, not {type(frame).__name__}")


def _decode_list(route: _Route, code: str, data: bytes) -> tuple[Message, ...]:
    if data.endswith(b"}]"):
        try:
            inner = data[1:-1]
            return (_finish(route, code, route.shape.decode(inner), inner),)
        except msgspec.MsgspecError:
            pass  # the slow way says what is wrong with it, if anything
    messages = _decode_any(data)
    if len(messages) != 1:
        raise ValueError("a list of several messages in an unusual spelling")
    return messages


def _finish(route: _Route, code: str, event: BaseWebSocketEvent, data: bytes) -> BaseWebSocketEvent:
    """Hold the event against what the first bytes promised; the last of several equal keys is the one that was read."""
    if event.type != route.type or (event.code != code and route.code_key):
        raise ValueError("type or code stands there twice and differs")
    return event if route.is_plain else _look_closer(route.kind, event, data)


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


def _decode_any(data: bytes) -> tuple[Message, ...]:
    """Decode a frame of any spelling: header first, then by what it says."""
    if data.lstrip(b" \t\r\n")[:1] != b"[":
        return (_decode_object(data),)
    messages = tuple(_decode_object(bytes(raw)) for raw in _read_list(data))
    if not messages:
        raise ValueError("an empty list")
    return messages


def _decode_object(data: bytes) -> Message:
    header = read_header(data)
    simple = header.type is None
    name = header.ty if simple else header.type
    if name is None:
        return decode_control(header, data)
    kind = kind_of(name)
    if kind is None:
        raise ValueError(f"unknown message type {safe_text(name, 60)!r}")
    return _look_closer(kind, _shapes[kind, simple].decode(data), data)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeError):
        return "not valid UTF-8"
    return safe_text(str(error), _EXCERPT) or type(error).__name__
