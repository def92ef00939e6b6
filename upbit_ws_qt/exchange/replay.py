"""A market that is not computed but read from a recording, served in whatever format is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .indicator_rules import canonical
from .market.indicators import IndicatorBoard, Watch
from .messages import Change
from .simple_keys import SIMPLE_KEYS
from .spelling import spell
from .world import World, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .recording import RecordedFrame

_LONG_KEYS = {name: {short: long for long, short in keys.items()} for name, keys in SIMPLE_KEYS.items()}
_NESTED = frozenset(SIMPLE_KEYS) & {"orderbook_units", "assets", "params", "value", "event_params"}


class RecordedChange(Change):
    """A recorded message, kept with long names and the spelling of its numbers."""

    __slots__ = ("category", "fields", "key", "kind", "ms")

    def __init__(self, fields: dict[str, Any], ms: int) -> None:
        super().__init__(str(fields.get("code", "")))
        self.kind = str(fields["type"])
        self.category = str(fields.get("category", ""))
        self.key = _watch_key(fields) if "indicator" in fields else None
        self.fields = fields
        self.ms = ms

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
        fields = {**self.fields, "stream_type": stream_type}
        if self.kind == "orderbook":
            if Decimal(str(fields.get("level", 0))) != level:
                return b""
            fields["orderbook_units"] = fields["orderbook_units"][:depth]
        if not include_body:
            fields.pop("body", None)
        if fmt.startswith("SIMPLE"):
            fields = _renamed(fields, self.kind.partition(".")[0], SIMPLE_KEYS)
        return spell([fields] if fmt.endswith("LIST") else fields).encode()


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

    def snapshot(self, kind: str, code: str) -> Change | None:
        """Return the message of that type and pair that was played last, or will be first."""
        return self._latest.get((kind, code))

    def _changes(self, frames: list[RecordedFrame]) -> list[RecordedChange]:
        changes: list[RecordedChange] = []
        seen: dict[int, set[str]] = {}
        for frame in frames:
            fields = _long_fields(frame.frame)
            if fields is None:
                self.frames_left_out += 1
                continue
            if fields.pop("stream_type", None) == "SNAPSHOT":
                continue
            text = spell(fields)
            at_once = seen.setdefault(frame.ms, set())
            if text not in at_once:
                at_once.add(text)
                changes.append(RecordedChange(fields, frame.ms))
            if len(seen) > 1:
                seen = {frame.ms: at_once}
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


def _long_fields(frame: bytes) -> dict[str, Any] | None:
    """Return a message with long names, whatever its format; None where it is no market message."""
    try:
        value = json.loads(frame, parse_float=_Number, parse_int=_Number)
    except (ValueError, RecursionError, ArithmeticError):
        return None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return None
    kind = value.get("type", value.get("ty"))
    name = kind.partition(".")[0] if isinstance(kind, str) else ""
    if name not in SIMPLE_KEYS:
        return None
    fields = value if "type" in value else _renamed(value, name, _LONG_KEYS)
    whole = isinstance(fields.get("orderbook_units", []), list) and isinstance(fields.get("code", ""), str)
    return fields if whole and fields.get("stream_type") in ("SNAPSHOT", "REALTIME") else None


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
