"""What the exchange says besides events: errors, its status, the list of what is subscribed."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.types import IndicatorSpec  # noqa: TC001 - msgspec reads the annotations

__all__ = ["ServerError", "ServerStatus", "SubscriptionEntry", "SubscriptionList", "WebSocketMessage"]


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
