"""The short names that SIMPLE formats give to the fields, kind by kind (protocol: fields of every message).

The same short name means different things in different kinds: `p` is a price in myOrder, parameters in indicator
and a period inside those; so nothing here may be looked up without its kind.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MESSAGE_KINDS", "NESTED", "SIMPLE_KEYS", "kind_of"]


def _table(pairs: str) -> Mapping[str, str]:
    return MappingProxyType(dict(pair.split(":") for pair in pairs.split()))


# Protocol sheet, "Fields of every message". Decoder, converter and the measuring of AUTO read this one table; the
# exchange in this package has one of its own, on purpose.
SIMPLE_KEYS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "ticker": _table(
            """
        type:ty code:cd opening_price:op high_price:hp low_price:lp trade_price:tp prev_closing_price:pcp
        change:c change_price:cp signed_change_price:scp change_rate:cr signed_change_rate:scr trade_volume:tv
        acc_trade_volume:atv acc_trade_volume_24h:atv24h acc_trade_price:atp acc_trade_price_24h:atp24h
        trade_date:tdt trade_time:ttm trade_timestamp:ttms ask_bid:ab acc_ask_volume:aav acc_bid_volume:abv
        highest_52_week_price:h52wp highest_52_week_date:h52wdt lowest_52_week_price:l52wp
        lowest_52_week_date:l52wdt market_state:ms is_trading_suspended:its delisting_date:dd market_warning:mw
        timestamp:tms stream_type:st
        """
        ),
        "trade": _table(
            """
        type:ty code:cd trade_price:tp trade_volume:tv ask_bid:ab prev_closing_price:pcp change:c
        change_price:cp trade_date:td trade_time:ttm trade_timestamp:ttms timestamp:tms sequential_id:sid
        best_ask_price:bap best_ask_size:bas best_bid_price:bbp best_bid_size:bbs stream_type:st
        """
        ),
        "orderbook": _table(
            """
        type:ty code:cd total_ask_size:tas total_bid_size:tbs orderbook_units:obu timestamp:tms level:lv
        stream_type:st
        """
        ),
        "orderbook_units": _table(
            """
        ask_price:ap bid_price:bp ask_size:as bid_size:bs
        """
        ),
        "candle": _table(
            """
        type:ty code:cd candle_date_time_utc:cdttmu candle_date_time_kst:cdttmk opening_price:op high_price:hp
        low_price:lp trade_price:tp candle_acc_trade_volume:catv candle_acc_trade_price:catp timestamp:tms
        stream_type:st
        """
        ),
        "myOrder": _table(
            """
        type:ty code:cd uuid:uid ask_bid:ab order_type:ot state:s trade_uuid:tuid price:p avg_price:ap volume:v
        remaining_volume:rv executed_volume:ev trades_count:tc reserved_fee:rsf remaining_fee:rmf paid_fee:pf
        locked:l executed_funds:ef time_in_force:tif trade_fee:tf is_maker:im identifier:id smp_type:smpt
        prevented_volume:pv prevented_locked:pl trade_timestamp:ttms order_timestamp:otms timestamp:tms
        stream_type:st
        """
        ),
        "myAsset": _table(
            """
        type:ty asset_uuid:astuid assets:ast asset_timestamp:asttms timestamp:tms stream_type:st
        """
        ),
        "assets": _table(
            """
        currency:cu balance:b locked:l
        """
        ),
        "announcement": _table(
            """
        type:ty event_type:et uuid:uid title:tt category:cat url:url first_listed_at:flat listed_at:lat
        timestamp:tms stream_type:st body:bd
        """
        ),
        "indicator": _table(
            """
        type:ty code:cd timeframe:tf indicator:ind params:p value:v candle_date_time_utc:cdttmu timestamp:tms
        stream_type:st
        """
        ),
        "indicator_signal": _table(
            """
        type:ty code:cd timeframe:tf indicator:ind params:p trigger:tr event_params:ep value:v
        candle_date_time_utc:cdttmu timestamp:tms stream_type:st
        """
        ),
        "indicator.params": _table(
            """
        period:p type:t short_period:shp long_period:lop multiplier:m fast:f slow:s signal_period:sgp
        """
        ),
        "indicator.value": _table(
            """
        volume:vol avg_volume:av ratio:rto rsi:rsi value:value ma_short:mas ma_long:mal bb_upper:bbu
        bb_middle:bbm bb_lower:bbl macd:macd macd_signal:macds histogram:hist
        """
        ),
        "indicator_signal.event_params": _table(
            """
        threshold:th multiplier:mul
        """
        ),
        "list_subscriptions": _table(
            """
        method:mthd result:rslt ticket:tckt
        """
        ),
        "list_subscriptions.result": _table(
            """
        type:ty codes:cds level:lv
        """
        ),
    }
)
"""Kind of object -> its field names -> their SIMPLE keys."""

NESTED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "orderbook": {"orderbook_units": "orderbook_units"},
        "myAsset": {"assets": "assets"},
        "indicator": {"params": "indicator.params", "value": "indicator.value"},
        "indicator_signal": {
            "params": "indicator.params",
            "value": "indicator.value",
            "event_params": "indicator_signal.event_params",
        },
        "list_subscriptions": {"result": "list_subscriptions.result"},
    }
)
"""Kind of object -> its fields that hold an object, or a list of objects -> the kind of those."""


def kind_of(message_type: str) -> str | None:
    """Return the kind that describes a message type ("candle.7m" -> "candle"), None for one that nobody knows."""
    kind = "candle" if message_type.startswith("candle.") else message_type
    return kind if kind in MESSAGE_KINDS else None


# Candles of all units are alike; every other data type is a kind of its own.
MESSAGE_KINDS = frozenset("candle" if data_type.is_candle else data_type.value for data_type in DataType)
