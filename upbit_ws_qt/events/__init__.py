"""All that the exchange can tell, as immutable typed events; numbers are exact decimals, times are ms in UTC.

Construct events by keyword: the order of their fields is no promise. Ask of which kind one is by `isinstance` or
`match`, not by `type`: one that came by the line makes its numbers when they are read, which a subclass does, and is a
plain struct for msgspec's own functions when it was copied:

    msgspec.json.encode(copy.copy(event))
"""

from __future__ import annotations

from upbit_ws_qt.events.account import AnnouncementEvent, MyAssetEvent, MyAssetItem, MyOrderEvent
from upbit_ws_qt.events.base import BaseWebSocketEvent, stamp
from upbit_ws_qt.events.info import (
    IndicatorEvent,
    IndicatorParams,
    IndicatorSignalEvent,
    IndicatorValue,
    SignalEventParams,
)
from upbit_ws_qt.events.market import CandleEvent, OrderbookEvent, OrderbookUnit, TickerEvent, TradeEvent
from upbit_ws_qt.events.names import (
    AnnouncementCategory,
    AnnouncementEventType,
    AskBid,
    Change,
    IndicatorType,
    MarketState,
    MarketWarning,
    OrderState,
    OrderType,
    SmpType,
    StreamType,
    TimeInForce,
    Trigger,
)

__all__ = [
    "AnnouncementCategory",
    "AnnouncementEvent",
    "AnnouncementEventType",
    "AskBid",
    "BaseWebSocketEvent",
    "CandleEvent",
    "Change",
    "IndicatorEvent",
    "IndicatorParams",
    "IndicatorSignalEvent",
    "IndicatorType",
    "IndicatorValue",
    "MarketState",
    "MarketWarning",
    "MyAssetEvent",
    "MyAssetItem",
    "MyOrderEvent",
    "OrderState",
    "OrderType",
    "OrderbookEvent",
    "OrderbookUnit",
    "SignalEventParams",
    "SmpType",
    "StreamType",
    "TickerEvent",
    "TimeInForce",
    "TradeEvent",
    "Trigger",
    "stamp",
]
