"""The SIMPLE spelling as dicts, both ways, and what it saves."""

from __future__ import annotations

import json
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.types import DataFormat
from upbit_ws_qt.wire.simple_keys import NESTED, SIMPLE_KEYS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FormatSavings", "SimpleFormatConverter"]

_LONG_KEYS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {kind: {short: name for name, short in table.items()} for kind, table in SIMPLE_KEYS.items()}
)
_SMALLEST_WORTH_IT = 64  # bytes; below it only errors and status messages live, which have no SIMPLE spelling
_WORTH_IT = 0.05  # share of the bytes on the line that SIMPLE has to save before AUTO picks it


class FormatSavings(msgspec.Struct, frozen=True, kw_only=True):
    """How many bytes the same messages take in each spelling.

    Attributes:
        messages: how many were measured.
        default_bytes: in DEFAULT; `simple_bytes` in SIMPLE.
        default_deflated: DEFAULT as one permessage-deflate stream with context takeover; `simple_deflated` likewise.
    """

    messages: int
    default_bytes: int
    simple_bytes: int
    default_deflated: int
    simple_deflated: int

    @property
    def simple(self) -> float:
        """Share that SIMPLE saves over DEFAULT, 0 to 1."""
        return self._saved(self.simple_bytes, self.default_bytes)

    @property
    def deflate(self) -> float:
        """Share that deflate alone saves over DEFAULT."""
        return self._saved(self.default_deflated, self.default_bytes)

    @property
    def simple_deflate(self) -> float:
        """Share that SIMPLE and deflate together save over DEFAULT."""
        return self._saved(self.simple_deflated, self.default_bytes)

    def pick(self, *, compressed: bool) -> DataFormat:
        """Return what AUTO means for these messages: SIMPLE where it saves enough on the line, else DEFAULT.

        Args:
            compressed: whether the line uses permessage-deflate, which finds most of what SIMPLE would save.
        """
        saved = self._saved(self.simple_deflated, self.default_deflated) if compressed else self.simple
        return DataFormat.SIMPLE if saved >= _WORTH_IT else DataFormat.DEFAULT

    @staticmethod
    def _saved(size: int, of: int) -> float:
        return 1 - size / of if of else 0.0


class SimpleFormatConverter:
    """Renames the keys of messages between DEFAULT and SIMPLE; values and unknown keys are left as they are.

    Nothing is lost either way, unless the exchange should one day send a long key that is spelt like a short one.

    Messages are dicts as a JSON reader gives them. What has no SIMPLE spelling (errors, status, unknown types)
    comes back as an equal dict.
    """

    @staticmethod
    def convert_to_simple_format(message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the message under its short keys; one that has them already is returned as it is."""
        kind = _kind(message, "type", "method")
        return dict(message) if kind is None else _rename(message, kind, SIMPLE_KEYS, to_simple=True)

    @staticmethod
    def convert_from_simple_format(message: Mapping[str, Any]) -> dict[str, Any]:
        """Return the message under its long keys; one that has them already is returned as it is."""
        kind = _kind(message, "ty", "mthd")
        return dict(message) if kind is None else _rename(message, kind, _LONG_KEYS, to_simple=False)

    @staticmethod
    def is_simple_format_beneficial(size: int) -> bool:
        """Whether a DEFAULT message of `size` bytes is of a sort that SIMPLE makes smaller."""
        return size >= _SMALLEST_WORTH_IT

    @classmethod
    def analyze(cls, samples: Iterable[bytes | str]) -> FormatSavings:
        """Measure DEFAULT frames in both spellings, in the order given, as one stream each.

        Raises:
            DecodeError: for a sample that is no JSON object.
        """
        sizes = [0, 0]
        streams = (_Deflated(), _Deflated())
        messages = 0
        for sample in samples:
            long = sample.encode() if isinstance(sample, str) else sample
            messages += 1
            for index, frame in enumerate((long, cls._to_simple_frame(long))):
                sizes[index] += len(frame)
                streams[index].add(frame)
        return FormatSavings(
            messages=messages,
            default_bytes=sizes[0],
            simple_bytes=sizes[1],
            default_deflated=streams[0].size,
            simple_deflated=streams[1].size,
        )

    @classmethod
    def _to_simple_frame(cls, frame: bytes) -> bytes:
        try:
            # Numbers pass through as their own text, or the two spellings would differ in more than their keys.
            message = json.loads(frame, parse_float=_Verbatim, parse_int=_Verbatim)
        except (ValueError, RecursionError) as error:
            raise DecodeError(f"a sample is no JSON: {error}", repr(frame[:200])) from error
        if not isinstance(message, dict):
            raise DecodeError("a sample is no JSON object", repr(frame[:200]))
        return msgspec.json.encode(cls.convert_to_simple_format(message), enc_hook=_encode_verbatim)


class _Verbatim:
    """A number as it stood in the text."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _encode_verbatim(value: Any) -> msgspec.Raw:
    return msgspec.Raw(value.text.encode())


class _Deflated:
    """Counts what permessage-deflate would send: one raw stream, flushed per message, without the four end bytes."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj(wbits=-15)
        self.size = 0

    def add(self, frame: bytes) -> None:
        self.size += len(self._stream.compress(frame)) + len(self._stream.flush(zlib.Z_SYNC_FLUSH)) - 4


def _kind(message: Mapping[str, Any], type_key: str, method_key: str) -> str | None:
    name = message.get(type_key)
    if isinstance(name, str):
        return kind_of(name)
    return "list_subscriptions" if method_key in message else None


def _rename(
    message: Mapping[str, Any], kind: str, tables: Mapping[str, Mapping[str, str]], *, to_simple: bool
) -> dict[str, Any]:
    """Rename the keys of one object and of the objects inside that have keys of their own."""
    table = tables[kind]
    nested = NESTED.get(kind, {})
    renamed: dict[str, Any] = {}
    for key, value in message.items():
        name = table.get(key, key)
        inner = nested.get(key if to_simple else name)
        renamed[name] = value if inner is None else _rename_inner(value, inner, tables, to_simple=to_simple)
    return renamed


def _rename_inner(value: Any, kind: str, tables: Mapping[str, Mapping[str, str]], *, to_simple: bool) -> Any:
    if isinstance(value, dict):
        return _rename(value, kind, tables, to_simple=to_simple)
    if isinstance(value, list):
        return [_rename_inner(item, kind, tables, to_simple=to_simple) for item in value]
    return value
