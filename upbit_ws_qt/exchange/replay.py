"""A market that is not computed but read from a recording, served in whatever format is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .indicator_rules import canonical
from .market.by_hand import ByHandError
from .market.indicators import IndicatorBoard, Watch
from .messages import Change
from .simple_keys import SIMPLE_KEYS
from .spelling import spell
from .world import World, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .market.by_hand import MarketByHand
    from .recording import RecordedFrame

_LONG_KEYS = {name: {short: long for long, short in keys.items()} for name, keys in SIMPLE_KEYS.items()}
_NESTED = frozenset(SIMPLE_KEYS) & {"orderbook_units", "assets", "params", "value", "event_params"}


class RecordedChange(Change):
    """A recorded message; read exactly, names and spelling of numbers kept, only when another format is wanted."""

    __slots__ = ("_fields", "_level", "_origin", "_raw", "category", "key", "kind", "ms")

    def __init__(self, frame: RecordedFrame, fields: dict[str, Any], origin: tuple[str, str]) -> None:
        """Keep a frame whose content, with long names, is `fields` and whose (format, stream type) is `origin`."""
        super().__init__(fields.get("code", ""))
        self.kind = str(fields["type"])
        self.category = str(fields.get("category", ""))
        self.key = _watch_key(fields) if "indicator" in fields else None
        self.ms = frame.ms
        self._raw = frame.frame
        self._origin = origin
        self._level = Decimal(str(fields.get("level", 0)))
        self._fields: dict[str, Any] | None = None

    def render(
        self,
        fmt: str,
        stream_type: str,
        *,
        depth: int = 30,
        level: Decimal = Decimal(0),
        include_body: bool = False,
    ) -> bytes:
        """Return the message in another format; b"" for a book of another level than the recorded one."""
        if self.kind == "orderbook" and self._level != level:
            return b""
        if self._origin == (fmt, stream_type) and depth == 30 and self.kind != "announcement":
            return self._raw
        fields = {**self._exact(), "stream_type": stream_type}
        if self.kind == "orderbook":
            fields["orderbook_units"] = fields["orderbook_units"][:depth]
        if not include_body:
            fields.pop("body", None)
        if fmt.startswith("SIMPLE"):
            fields = _renamed(fields, self.kind.partition(".")[0], SIMPLE_KEYS)
        return spell([fields] if fmt.endswith("LIST") else fields).encode()

    def _exact(self) -> dict[str, Any]:
        if self._fields is None:
            value = json.loads(self._raw, parse_float=_Number, parse_int=_Number)
            self._fields = _long_fields(value[0] if self._origin[0].endswith("LIST") else value)
        return self._fields


class ReplayIndicators(IndicatorBoard):
    """Takes every wish for an indicator; what has been recorded of it comes."""

    def watch(
        self,
        code: str,
        timeframe: str,
        type: str,
        params: Mapping[str, Any],
        trigger: str | None = None,
        event_params: Mapping[str, Any] | None = None,
    ) -> Watch:
        """Return the key that recorded messages of this indicator carry."""
        return Watch(code, timeframe, type, canonical(params), trigger, canonical(event_params or {}))

    def unwatch(self, key: Watch) -> None:
        """Nothing is computed, so nothing has to stop."""


class ReplayWorld(World):
    """Plays frames at the pace they were recorded at, once; then it is silent.

    Frames that several connections got at the same moment are played once. Frames that are no market message (errors,
    listings, faults' garbage) are left out and counted in `frames_left_out`.
    """

    def __init__(self, frames: list[RecordedFrame], settings: WorldSettings) -> None:
        start_ms = frames[0].ms if frames else settings.start_ms
        super().__init__(replace(settings, start_ms=start_ms))
        self.frames_left_out = 0
        self._recorded = self._changes(frames)
        self._next = 0
        self._latest: dict[tuple[str, str], RecordedChange] = {}
        for change in reversed(self._recorded):
            self._latest[change.kind, change.code] = change  # before its first frame, a snapshot is that frame
        self.codes = frozenset(change.code for change in self._recorded if change.code)
        self.markets = [market for market in self.markets if market.market in self.codes]
        self.indicators = ReplayIndicators(self, self.now_ms)

    def prepare(self) -> Iterator[None]:
        """Nothing has to be made up here."""
        return iter(())

    def advance_to(self, ms: int) -> list[Change]:
        """Return what was recorded up to `ms`."""
        changes: list[Change] = []
        while self._next < len(self._recorded) and self._recorded[self._next].ms <= ms:
            change = self._recorded[self._next]
            self._next += 1
            self._latest[change.kind, change.code] = change
            changes.append(change)
        self.now_ms = max(self.now_ms, ms)
        return changes

    def by_hand(self, code: str) -> MarketByHand:
        """Refuse: what was recorded is all that happens here."""
        raise ByHandError("code", code, "this exchange plays a recording, and nothing else happens in it")

    def snapshot(self, kind: str, code: str) -> Change | None:
        """Return the message of that type and pair that was played last, or will be first."""
        return self._latest.get((kind, code))

    def _changes(self, frames: list[RecordedFrame]) -> list[RecordedChange]:
        changes: list[RecordedChange] = []
        at_once: set[str] = set()
        now_ms = 0
        for frame in frames:
            read = _read(frame.frame)
            if read is None:
                self.frames_left_out += 1
                continue
            fields, origin = read
            if origin[1] == "SNAPSHOT":
                continue
            if frame.ms != now_ms:
                now_ms, at_once = frame.ms, set()
            values = repr(_values(fields))  # the same in every format
            if values not in at_once:
                at_once.add(values)
                changes.append(RecordedChange(frame, fields, origin))
        return changes


class _Number(Decimal):
    """A number that remembers how it was spelt."""

    text: str

    def __new__(cls, text: str) -> _Number:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


def _read(frame: bytes) -> tuple[dict[str, Any], tuple[str, str]] | None:
    """Return a message with long names and its (format, stream type); None where it is no market message."""
    try:
        value = json.loads(frame)
    except (ValueError, RecursionError):
        return None
    listed = isinstance(value, list) and len(value) == 1
    if listed:
        value = value[0]
    if not isinstance(value, dict) or not isinstance(value.get("type", value.get("ty")), str):
        return None
    simple = "type" not in value
    try:
        fields = _long_fields(value)
    except (AttributeError, TypeError):  # something other than objects where objects belong
        return None
    stream_type = fields.get("stream_type")
    whole = isinstance(fields.get("orderbook_units", []), list) and isinstance(fields.get("code", ""), str)
    if not whole or stream_type not in ("SNAPSHOT", "REALTIME") or _table(fields) not in SIMPLE_KEYS:
        return None
    format_ = ("SIMPLE_LIST" if listed else "SIMPLE") if simple else ("JSON_LIST" if listed else "DEFAULT")
    return fields, (format_, stream_type)


def _table(fields: dict[str, Any]) -> str:
    return str(fields.get("type", "")).partition(".")[0]


def _long_fields(value: dict[str, Any]) -> dict[str, Any]:
    name = value["ty"].partition(".")[0] if "type" not in value else ""
    return _renamed(value, name, _LONG_KEYS) if name in _LONG_KEYS else value


def _values(value: Any) -> Any:
    if isinstance(value, dict):
        return [_values(item) for item in value.values()]
    return [_values(item) for item in value] if isinstance(value, list) else value


def _renamed(fields: dict[str, Any], name: str, tables: dict[str, dict[str, str]]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for key, value in fields.items():
        other = tables[name].get(key, key)
        inner = next((each for each in (key, other) if each in _NESTED and isinstance(value, dict | list)), None)
        if inner is None:
            renamed[other] = value
        elif isinstance(value, dict):
            renamed[other] = _renamed(value, inner, tables)
        else:
            renamed[other] = [_renamed(item, inner, tables) for item in value]
    return renamed


def _watch_key(fields: dict[str, Any]) -> Watch:
    names = ("code", "timeframe", "indicator")
    code, timeframe, indicator = (str(fields.get(name)) for name in names)
    params, event_params = fields.get("params") or {}, fields.get("event_params") or {}
    return Watch(code, timeframe, indicator, canonical(params), fields.get("trigger"), canonical(event_params))
