"""Messages that are no events: errors, status and the list of what is subscribed, in either spelling."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec

from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.specs import IndicatorSpec
from upbit_ws_qt.text import safe_text
from upbit_ws_qt.wire.shapes import check_digits
from upbit_ws_qt.wire.simple_keys import SIMPLE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Header",
    "ServerError",
    "ServerStatus",
    "SubscriptionEntry",
    "SubscriptionList",
    "WebSocketMessage",
    "decode_control",
    "read_header",
]

_LIST_METHOD = "LIST_SUBSCRIPTIONS"
_Level = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
_Param: TypeAlias = int | float | str | None


class ServerError(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The exchange refused something; the line is closed with code 1000 a moment later.

    Attributes:
        name: INVALID_AUTH, WRONG_FORMAT, NO_TICKET, NO_TYPE, NO_CODES, INVALID_PARAM, TOO_MANY_REQUEST or a new one.
        message: for people; text from outside.
    """

    name: str
    message: str = ""


class ServerStatus(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to the text message PING, every 10 s: "UP"."""

    status: str


class SubscriptionEntry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One line of what is subscribed.

    Attributes:
        type: "ticker", "candle.1m", …
        codes: in the order of the exchange.
        level: of an orderbook, 0 where the exchange does not say.
        timeframe: of an indicator.
        indicators: of an indicator; numbers compare equal however they were spelt.
    """

    type: str
    codes: tuple[str, ...] = ()
    level: Decimal = Decimal(0)
    timeframe: str | None = None
    indicators: tuple[IndicatorSpec, ...] = ()


class SubscriptionList(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The answer to LIST_SUBSCRIPTIONS.

    Attributes:
        result: what the connection is subscribed to.
        ticket: of the request that asked.
    """

    result: tuple[SubscriptionEntry, ...] = ()
    ticket: str = ""


WebSocketMessage: TypeAlias = BaseWebSocketEvent | ServerError | ServerStatus | SubscriptionList
"""All that `decode` can return; each member is a class, so that `isinstance(message, TickerEvent)` tells them apart."""


class Header(msgspec.Struct, frozen=True, gc=False):
    """What tells the messages apart; fields of events that happen to have these names are left unread."""

    type: str | None = None
    ty: str | None = None
    error: msgspec.Raw = msgspec.Raw()
    status: msgspec.Raw = msgspec.Raw()
    method: msgspec.Raw = msgspec.Raw()
    mthd: msgspec.Raw = msgspec.Raw()


# Each field of a list stands here under both of its names: an answer may come in either spelling, whatever was asked.
class _Indicator(msgspec.Struct, frozen=True, gc=False):
    # The documentation shows only the long spelling of this answer; the SIMPLE keys are those of the events.
    type: str | None = None
    ind: str | None = None
    ty: str | None = None
    params: dict[str, _Param] | None = None
    p: dict[str, _Param] | None = None
    trigger: str | None = None
    tr: str | None = None
    event_params: dict[str, _Param] | None = None
    ep: dict[str, _Param] | None = None


class _Entry(msgspec.Struct, frozen=True, gc=False):
    type: str | None = None
    ty: str | None = None
    codes: tuple[str, ...] | None = None
    cds: tuple[str, ...] | None = None
    level: msgspec.Raw = msgspec.Raw()
    lv: msgspec.Raw = msgspec.Raw()
    timeframe: str | None = None
    tf: str | None = None
    indicators: tuple[_Indicator, ...] | None = None
    ind: tuple[_Indicator, ...] | None = None


class _List(msgspec.Struct, frozen=True, gc=False):
    result: tuple[_Entry, ...] | None = None
    rslt: tuple[_Entry, ...] | None = None
    ticket: str | None = None
    tckt: str | None = None


read_header = msgspec.json.Decoder(Header).decode
_read_list = msgspec.json.Decoder(_List).decode
_read_error = msgspec.json.Decoder(ServerError).decode
_read_text = msgspec.json.Decoder(str).decode
_read_level = msgspec.json.Decoder(_Level).decode


def decode_control(header: Header, frame: bytes) -> ServerError | ServerStatus | SubscriptionList:
    """Return the message of a frame that has no type; ValueError or what msgspec raises where it is none."""
    # In this order: an error may carry anything else beside it, and must not be taken for something else.
    if _given(header.error):
        return _read_error(header.error)
    if _given(header.status):
        return ServerStatus(status=_read_text(header.status))
    method = header.method if _given(header.method) else header.mthd
    if not _given(method):
        raise ValueError("no message: neither type, error, status nor method")
    name = _read_text(method)
    if name != _LIST_METHOD:
        raise ValueError(f"unknown method {safe_text(name, 60)!r}")
    answer = _read_list(frame)
    return SubscriptionList(
        result=tuple(_entry(entry) for entry in answer.result or answer.rslt or ()),
        ticket=answer.ticket or answer.tckt or "",
    )


def _entry(entry: _Entry) -> SubscriptionEntry:
    name = entry.type or entry.ty
    if not name:
        raise ValueError("an entry of the subscription list has no type")
    return SubscriptionEntry(
        type=name,
        codes=entry.codes or entry.cds or (),
        level=_level(entry.level if _given(entry.level) else entry.lv),
        timeframe=entry.timeframe or entry.tf,
        indicators=tuple(_indicator(item) for item in entry.indicators or entry.ind or ()),
    )


def _given(raw: msgspec.Raw) -> bool:
    return bytes(raw) not in (b"", b"null")


def _level(raw: msgspec.Raw) -> Decimal:
    if not _given(raw):
        return Decimal(0)
    _read_level(raw)  # a float with bounds refuses text and whatever is no price step
    level = Decimal(bytes(raw).decode("ascii"))
    check_digits(level, len(bytes(raw)))
    return level


def _indicator(item: _Indicator) -> IndicatorSpec:
    # `ind` is the SIMPLE name that the events have for it; which one the exchange uses in the list is not documented.
    name = item.type or item.ty or item.ind
    if not name:
        raise ValueError("an indicator of the subscription list has no type")
    return IndicatorSpec.of(
        name,
        _long_keys("indicator.params", item.params or item.p),
        trigger=item.trigger or item.tr,
        event_params=_long_keys("indicator_signal.event_params", item.event_params or item.ep),
    )


def _long_keys(kind: str, params: Mapping[str, Any] | None) -> dict[str, Any]:
    long = {short: name for name, short in SIMPLE_KEYS[kind].items()}
    return {long.get(key, key): value for key, value in (params or {}).items()}
