"""What REST says of the past, as the events that the line would have brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.events import CandleEvent, Change, StreamType, TradeEvent, stamp

if TYPE_CHECKING:
    from upbit_ws_qt.rest import RestCandle, RestTrade
    from upbit_ws_qt.types import DataType

__all__ = ["candle_event", "says_the_same", "trade_event"]


def trade_event(trade: RestTrade, epoch: int, now: float) -> TradeEvent:
    """Return a trade as an event; the best prices of the book at that time are known to nobody and None.

    Args:
        trade: from REST.
        epoch: of the line that it is handed out beside.
        now: loop clock, seconds.
    """
    change = Change.RISE if trade.change_price > 0 else Change.FALL if trade.change_price < 0 else Change.EVEN
    event = TradeEvent(
        type="trade",
        code=trade.market,
        timestamp=trade.timestamp,
        stream_type=StreamType.RECOVERED,
        trade_price=trade.trade_price,
        trade_volume=trade.trade_volume,
        ask_bid=trade.ask_bid,
        prev_closing_price=trade.prev_closing_price,
        change=change,
        change_price=abs(trade.change_price),
        trade_date=trade.trade_date_utc,
        trade_time=trade.trade_time_utc,
        trade_timestamp=trade.timestamp,
        sequential_id=trade.sequential_id,
    )
    stamp(event, epoch, now)
    return event


def candle_event(candle: RestCandle, data_type: DataType, epoch: int, now: float) -> CandleEvent:
    """Return a closed candle as an event.

    Args:
        candle: from REST.
        data_type: of which unit it is.
        epoch: of the line that it is handed out beside.
        now: loop clock, seconds.
    """
    event = CandleEvent(
        type=data_type.value,
        code=candle.market,
        timestamp=candle.timestamp,
        stream_type=StreamType.RECOVERED,
        candle_date_time_utc=candle.candle_date_time_utc,
        candle_date_time_kst=candle.candle_date_time_kst,
        opening_price=candle.opening_price,
        high_price=candle.high_price,
        low_price=candle.low_price,
        trade_price=candle.trade_price,
        candle_acc_trade_volume=candle.candle_acc_trade_volume,
        candle_acc_trade_price=candle.candle_acc_trade_price,
    )
    stamp(event, epoch, now)
    return event


_CANDLE = (
    "candle_date_time_utc",
    "opening_price",
    "high_price",
    "low_price",
    "trade_price",
    "candle_acc_trade_volume",
    "candle_acc_trade_price",
)


def says_the_same(one: CandleEvent, other: CandleEvent) -> bool:
    """Whether two events tell the same of a candle."""
    return all(getattr(one, name) == getattr(other, name) for name in _CANDLE)
