"""Requests: bytes from a client to what it wants, or the named error it gets. Pure (protocol sheet "Requests")."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from . import indicator_rules as rules
from .regions import KOREA, Region

FORMATS = ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")
ENDPOINTS = ("public", "private", "info")
CANDLES = tuple(f"candle.{unit}" for unit in ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m"))
TYPES = {
    "public": frozenset(("ticker", "trade", "orderbook", *CANDLES)),
    "private": frozenset(("myOrder", "myAsset", "announcement")),
    "info": frozenset(("indicator", "indicator_signal")),
}
DEPTHS = (1, 5, 15, 30)

_LONGEST_TYPE = 60
_MOST_DIGITS = 20  # of a level: whatever has more is no price, and arithmetic with it could take for ever


class RequestRefusedError(Exception):
    """A request that gets an error.

    Attributes:
        name: The wire name.
        message: The wire text; None for that of the country.
        unknown_type: The type that was refused, where it was that.
    """

    def __init__(self, name: str, message: str | None = None, *, unknown_type: str | None = None) -> None:
        self.name = name
        self.message = message
        self.unknown_type = unknown_type
        super().__init__(f"{name}: {message or unknown_type or ''}")

    def text(self, region: Region) -> str:
        """Return what the country's exchange says."""
        if self.unknown_type is not None:
            return region.texts["unknown type"].format(type=self.unknown_type[:_LONGEST_TYPE])
        return self.message or region.texts.get(self.name, self.name)

    def frame(self, region: Region, *, name_first: bool = True) -> bytes:
        """Return the error message, which is spelt the same in every format; the order of its keys varies."""
        error = {"name": self.name, "message": self.text(region)}
        if not name_first:
            error = dict(reversed(error.items()))
        return json.dumps({"error": error}, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class IndicatorWish:
    """One entry of `indicators`: what to compute, and for signals what has to happen."""

    type: str
    params: rules.Params
    trigger: str | None = None
    event_params: rules.Params = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """One type object. `codes` are as sent, without repetitions; no codes means all (myOrder) or none needed."""

    type: str
    codes: tuple[str, ...] = ()
    level: Decimal = Decimal(0)
    only_snapshot: bool = False
    only_realtime: bool = False
    categories: tuple[str, ...] = ()
    include_body: bool = False
    timeframe: str | None = None
    indicators: tuple[IndicatorWish, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A request that replaces all that the connection was subscribed to."""

    ticket: str
    format: str
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True)
class ListSubscriptions:
    """A question for the subscription table; its format becomes the format of the running streams."""

    ticket: str
    format: str


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """The text `PING`."""


Request = Subscribe | ListSubscriptions | StatusRequest


def parse_request(raw: bytes | str, endpoint: str, region: Region = KOREA) -> Request:
    """Return what a message from a client of `endpoint` in a country asks for.

    Raises:
        RequestRefusedError: With the name of the error that the exchange answers.
    """
    # A text message of these four letters, not a ping frame; it is answered by status messages until the line ends.
    if raw in ("PING", b"PING"):
        return StatusRequest()
    parts = _objects(raw)
    ticket = _ticket(parts)
    if any("method" in part for part in parts):
        return ListSubscriptions(ticket, _listing_format(parts))
    format_ = "DEFAULT"
    wishes: list[Wish] = []
    for part in parts:
        if "type" in part:
            wishes.append(_wish(part, endpoint, region))
        elif "format" in part:
            format_ = _format(part)
        elif "ticket" not in part:
            _refuse("NO_TYPE")
    if not wishes:
        _refuse("NO_TYPE")
    # Indicators and signals together, over all type objects; a combination that stands there twice is one.
    combinations = {
        (wish.type, wish.timeframe, code, indicator)
        for wish in wishes
        for code in wish.codes
        for indicator in wish.indicators
    }
    if len(combinations) > rules.MOST_COMBINATIONS:
        _refuse("TOO_MANY_REQUEST", f"More than {rules.MOST_COMBINATIONS} indicator combinations in one request.")
    return Subscribe(ticket, format_, tuple(wishes))


def split_depth(code: str) -> tuple[str, int]:
    """Split `KRW-BTC.15` into pair and depth; none or an unsupported number gives 30."""
    pair, dot, number = code.partition(".")
    if not dot:
        return code, 30
    if not (number.isascii() and number.isdigit()):
        return code, 30  # not a depth at all: an unknown code, so no data
    return pair, int(number) if len(number) <= 2 and int(number) in DEPTHS else 30


def _refuse(name: str, message: str | None = None) -> NoReturn:
    raise RequestRefusedError(name, message)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _objects(raw: bytes | str) -> list[dict[str, Any]]:
    try:
        value = json.loads(raw, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, ArithmeticError):  # ValueError covers JSON, UTF-8 and endless integers
        _refuse("WRONG_FORMAT")
    if not isinstance(value, list) or not value or not all(isinstance(part, dict) for part in value):
        _refuse("WRONG_FORMAT")
    return value


def _ticket(parts: list[dict[str, Any]]) -> str:
    ticket = next((part["ticket"] for part in parts if "ticket" in part), None)
    if not isinstance(ticket, str) or not ticket:
        _refuse("NO_TICKET")
    return ticket


def _format(part: dict[str, Any]) -> str:
    format_ = part["format"]
    if format_ not in FORMATS:
        _refuse("INVALID_PARAM", "The format is unknown.")
    return str(format_)


def _listing_format(parts: list[dict[str, Any]]) -> str:
    format_ = "DEFAULT"
    for part in parts:
        if "type" in part:
            _refuse("WRONG_FORMAT", "A method and a type cannot stand in one request.")
        if "method" in part and part["method"] != "LIST_SUBSCRIPTIONS":
            _refuse("INVALID_PARAM", "The method is unknown.")
        if "format" in part:
            format_ = _format(part)
    return format_


def _wish(part: dict[str, Any], endpoint: str, region: Region) -> Wish:
    type_ = part["type"]
    if not isinstance(type_, str) or not type_:
        _refuse("NO_TYPE")
    if type_ not in TYPES[endpoint] or (type_ == "announcement" and not region.has_announcement):
        raise RequestRefusedError("INVALID_PARAM", unknown_type=type_)
    only_snapshot = _flag(part, "is_only_snapshot", "isOnlySnapshot")
    only_realtime = _flag(part, "is_only_realtime", "isOnlyRealtime")
    if only_snapshot and only_realtime:
        _refuse("INVALID_PARAM", "is_only_snapshot and is_only_realtime exclude each other.")
    if endpoint != "public" and (only_snapshot or only_realtime):
        _refuse("INVALID_PARAM", "This type takes neither is_only_snapshot nor is_only_realtime.")
    if type_ == "announcement":
        return Wish(type_, categories=_strings(part, "categories"), include_body=_flag(part, "include_body"))
    codes = _codes(part, type_)
    if endpoint == "info":
        return _indicator_wish(part, type_, codes)
    if type_ == "orderbook" and "level" in part and not region.has_levels:
        _refuse("WRONG_FORMAT")
    level = _level(part) if type_ == "orderbook" else Decimal(0)
    return Wish(type_, codes, level, only_snapshot, only_realtime)


def _flag(part: dict[str, Any], *names: str) -> bool:
    for name in names:
        if name in part:
            if not isinstance(part[name], bool):
                _refuse("INVALID_PARAM", f"{name} must be true or false.")
            return bool(part[name])
    return False


def _strings(part: dict[str, Any], name: str) -> tuple[str, ...]:
    values = part.get(name)
    if values is None:
        return ()
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        _refuse("WRONG_FORMAT", f"{name} must be a list of strings.")
    return tuple(dict.fromkeys(values))


def _codes(part: dict[str, Any], type_: str) -> tuple[str, ...]:
    if type_ == "myAsset":
        if "codes" in part:
            _refuse("WRONG_FORMAT", "myAsset takes no codes.")
        return ()
    codes = _strings(part, "codes")
    if not codes and type_ != "myOrder":
        if part.get("codes") is None:
            _refuse("NO_CODES")
        _refuse("INVALID_PARAM", "The codes field is empty.")
    return codes


def _level(part: dict[str, Any]) -> Decimal:
    level = part.get("level", 0)
    if isinstance(level, bool) or not isinstance(level, int | Decimal):
        _refuse("INVALID_PARAM", "level must be a number.")
    number = Decimal(level)
    if abs(number.adjusted()) > _MOST_DIGITS:  # or an exponent would be spelt out somewhere, at great length
        _refuse("INVALID_PARAM", "level is out of all bounds.")
    return number


def _indicator_wish(part: dict[str, Any], type_: str, codes: tuple[str, ...]) -> Wish:
    timeframe = part.get("timeframe")
    if not isinstance(timeframe, str) or timeframe not in rules.TIMEFRAMES:
        _refuse("INVALID_PARAM", "The timeframe is missing or unknown.")
    entries = part.get("indicators")
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        _refuse("INVALID_PARAM", "indicators must be a list of objects.")
    indicators = tuple(dict.fromkeys(_indicator(entry, type_) for entry in entries))
    return Wish(type_, codes, timeframe=timeframe, indicators=indicators)


def _indicator(entry: dict[str, Any], stream: str) -> IndicatorWish:
    kind, params = entry.get("type"), _canonical(entry.get("params", {}))
    if not isinstance(kind, str) or not rules.is_known_indicator(stream, kind, params):
        _refuse("INVALID_PARAM", "The indicator or its params are unknown.")
    if stream == "indicator":
        return IndicatorWish(kind, params)
    trigger, event_params = entry.get("trigger"), _canonical(entry.get("event_params", {}))
    if not isinstance(trigger, str) or not rules.is_known_trigger(kind, trigger, event_params):
        _refuse("INVALID_PARAM", "The trigger or its event_params are unknown.")
    return IndicatorWish(kind, params, trigger, event_params)


def _canonical(params: object) -> rules.Params:
    if not isinstance(params, dict):
        _refuse("INVALID_PARAM", "params must be an object.")
    if any(isinstance(params.get(name), str | list) for name in rules.NUMERIC):
        _refuse("WRONG_FORMAT")
    try:
        return rules.canonical(params)
    except ValueError as error:
        _refuse("INVALID_PARAM", str(error))
