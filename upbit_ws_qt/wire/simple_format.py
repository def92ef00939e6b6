"""The SIMPLE spelling as dicts, both ways; what it saves; and which format AUTO asks for because of that."""

from __future__ import annotations

import json
import zlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import DataFormat
from upbit_ws_qt.wire.simple_keys import MESSAGE_KINDS, NESTED, SIMPLE_KEYS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["FormatChoice", "FormatSavings", "SimpleFormatConverter", "spell_out"]

_LONG_KEYS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {kind: {short: name for name, short in table.items()} for kind, table in SIMPLE_KEYS.items()}
)
# Share of the bytes on the line that SIMPLE has to save: it takes a little longer to decode (benchmarks/bandwidth.py).
_WORTH_IT = 0.05
# A measured frame costs 50 to 350 µs on the event loop, so they are taken one at a time: 0.3 % of ten seconds.
_ENOUGH_FRAMES = 100
_SAMPLE_EVERY = 0.1  # seconds
_MOST_REMEMBERED = 32  # sets of data types


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
        return DataFormat.SIMPLE if self.line_share(compressed=compressed) >= _WORTH_IT else DataFormat.DEFAULT

    def line_share(self, *, compressed: bool) -> float:
        """Return the share of the bytes on the line that SIMPLE saves, 0 to 1; `compressed` as for `pick`."""
        return self._saved(self.simple_deflated, self.default_deflated) if compressed else self.simple

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

    @classmethod
    def is_simple_format_beneficial(cls, message: Mapping[str, Any] | bytes | str | int) -> bool:
        """Whether SIMPLE makes a message at least 5 % smaller.

        Args:
            message: a message or a frame, in either spelling, which is measured; or the size of a DEFAULT frame in
                bytes, for which a guess is made: True for whatever is long enough to be a message with short names,
                though of a long announcement they are too small a part.

        Raises:
            DecodeError: for a frame that is no JSON object.
        """
        if isinstance(message, int):
            return message >= _SHORTEST
        measure = _Measure()
        measure.add(message if isinstance(message, (bytes, str)) else msgspec.json.encode(message))
        return measure.savings().simple >= _WORTH_IT

    @staticmethod
    def analyze(samples: Iterable[bytes | str]) -> FormatSavings:
        """Measure frames in both spellings, in the order given, as one stream each; they may come in either.

        Raises:
            DecodeError: for a sample that is no JSON object.
        """
        measure = _Measure()
        for sample in samples:
            measure.add(sample)
        return measure.savings()


def spell_out(frame: bytes | str) -> str:
    """Return a frame under its long names, for people to read; what is no message, or cut short, as it is.

    Numbers stand as they stood in the frame.
    """
    text = frame if isinstance(frame, str) else frame.decode("utf-8", "backslashreplace")
    try:
        message = _parse(text)
    except (ValueError, RecursionError):
        return text
    messages = message if isinstance(message, list) else [message]
    if not all(isinstance(item, dict) for item in messages):
        return text
    spelt = [SimpleFormatConverter.convert_from_simple_format(item) for item in messages]
    return _write(spelt if isinstance(message, list) else spelt[0]).decode()


class FormatChoice:
    """Which format one line's requests name.

    A format of the exchange stays what it is. AUTO begins with SIMPLE, measures some of the frames that come, a hundred
    within ten seconds or more, and then keeps to DEFAULT or SIMPLE for as long as the same data types are subscribed.
    It takes effect with the next request, whatever that is for: no request is sent for the format's sake, and each set
    of data types is judged once, so that the format does not go to and fro.

    Args:
        configured: of the settings.
        compressed: whether the line uses permessage-deflate.

    Attributes:
        format: what requests name now; never AUTO.
        reason: why, in words.
        savings: what the choice rests on; None where nothing has been measured for it.
    """

    def __init__(self, configured: DataFormat, *, compressed: bool) -> None:
        self._is_auto = configured is DataFormat.AUTO
        self._compressed = compressed
        self._types: frozenset[str] = frozenset()
        self._known: dict[frozenset[str], FormatSavings] = {}
        self._measure: _Measure | None = None
        self._next_at = 0.0
        self.savings: FormatSavings | None = None
        self.format = DataFormat.SIMPLE if self._is_auto else configured
        self.reason = Phrase("not measured yet; SIMPLE is never larger") if self._is_auto else Phrase("set by hand")

    @property
    def is_simple(self) -> bool:
        """Whether frames come with the short names."""
        return self.format in (DataFormat.SIMPLE, DataFormat.SIMPLE_LIST)

    @property
    def wants_frames(self) -> bool:
        """Whether `note_frame` has a use for frames now."""
        return self._measure is not None

    def note_request(self, data_types: Iterable[str]) -> None:
        """Note what a request has subscribed; what has not been measured yet is measured from now on."""
        types = frozenset(data_types)
        if not self._is_auto or types == self._types or not types:
            return
        self._types = types
        self._measure = None
        known = self._known.get(types)
        if known is not None:
            self._decide(known)
        else:
            self._measure = _Measure()
            self._next_at = 0.0

    def note_frame(self, frame: bytes | str, now: float) -> bool:
        """Measure a frame if it is time for one; return whether that has decided something.

        Args:
            frame: a data frame of the line.
            now: loop clock, seconds.
        """
        measure = self._measure
        if measure is None or now < self._next_at:
            return False
        self._next_at = now + _SAMPLE_EVERY
        try:
            measure.add(frame)
        except DecodeError:
            return False  # who decodes it reports it
        if measure.messages < _ENOUGH_FRAMES:
            return False
        self._measure = None
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        savings = self._known[self._types] = measure.savings()
        self._decide(savings)
        return True

    def _decide(self, savings: FormatSavings) -> None:
        self.savings = savings
        self.format = savings.pick(compressed=self._compressed)
        share = savings.line_share(compressed=self._compressed)
        if self.format is DataFormat.SIMPLE:
            template = "SIMPLE saves {percent:.0f} % of what the line carries ({types}, {count} frames measured)"
        else:
            template = "SIMPLE would save only {percent:.0f} % ({types}, {count} frames measured)"
        self.reason = Phrase(template, percent=100 * share, types=tuple(sorted(self._types)), count=savings.messages)


class _Measure:
    """Adds up what messages take in each spelling."""

    def __init__(self) -> None:
        self._sizes = [0, 0]
        self._streams = (_Deflated(), _Deflated())
        self.messages = 0

    def add(self, frame: bytes | str) -> None:
        """Add one frame, in either spelling; what is no JSON object raises DecodeError."""
        own = frame.encode() if isinstance(frame, str) else bytes(frame)
        message = _read(own)
        if "ty" in message or "mthd" in message:
            both = (_write(SimpleFormatConverter.convert_from_simple_format(message)), own)
        else:
            both = (own, _write(SimpleFormatConverter.convert_to_simple_format(message)))
        self.messages += 1
        for index, spelt in enumerate(both):
            self._sizes[index] += len(spelt)
            self._streams[index].add(spelt)

    def savings(self) -> FormatSavings:
        """Return the sums."""
        return FormatSavings(
            messages=self.messages,
            default_bytes=self._sizes[0],
            simple_bytes=self._sizes[1],
            default_deflated=self._streams[0].size,
            simple_deflated=self._streams[1].size,
        )


def _parse(frame: bytes | str) -> Any:
    # Numbers pass through as their own text, or the two spellings would differ in more than their keys.
    return json.loads(frame, parse_float=_Verbatim, parse_int=_Verbatim)


def _read(frame: bytes) -> dict[str, Any]:
    try:
        message = _parse(frame)
    except (ValueError, RecursionError) as error:
        raise DecodeError(f"a sample is no JSON: {error}", repr(frame[:200])) from error
    if not isinstance(message, dict):
        raise DecodeError("a sample is no JSON object", repr(frame[:200]))
    return message


def _write(message: Any) -> bytes:
    return msgspec.json.encode(message, enc_hook=_encode_verbatim)


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


# Bytes of the shortest message that has short names: its names and one digit for each value.
_SHORTEST = min(sum(len(name) + len('"":0,') for name in SIMPLE_KEYS[kind]) for kind in MESSAGE_KINDS)
