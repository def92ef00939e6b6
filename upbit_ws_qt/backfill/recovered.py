"""What REST says of the past, as the events that the line would have brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from upbit_ws_qt.events import CandleEvent, Change, StreamType, TradeEvent, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from upbit_ws_qt.events.names import ChangeName, SideName
    from upbit_ws_qt.rest import RestCandle, RestTrade
    from upbit_ws_qt.types import DataType

__all__ = ["candle_event", "missed_candles", "missed_trades", "says_the_same", "trade_event"]


def trade_event(trade: RestTrade, epoch: int, now: float) -> TradeEvent:
    """Return a trade as an event; the best prices of the book at that time are known to nobody and None.

    Args:
        trade: from REST.
        epoch: of the line that it is handed out beside.
        now: loop clock, seconds.
    """
    change: ChangeName = (
        Change.RISE if trade.change_price > 0 else Change.FALL if trade.change_price < 0 else Change.EVEN
    )
    event = TradeEvent(
        type="trade",
        code=trade.market,
        timestamp=trade.timestamp,
        stream_type=StreamType.RECOVERED,
        trade_price=trade.trade_price,
        trade_volume=trade.trade_volume,
        ask_bid=cast("SideName", trade.ask_bid),
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


def missed_trades(
    trades: Sequence[RestTrade],
    seen: AbstractSet[int],
    known: AbstractSet[int],
    reaches: AbstractSet[int],
    events: Mapping[int, TradeEvent],
    epoch: int,
) -> list[tuple[int, TradeEvent | None]]:
    """Return (id, event) of what was missed, oldest first; None for what is handed out already, or came live.

    Args:
        trades: of REST, newest first.
        seen: ids that came live since the gap, or since a start with the past.
        known: ids that were handed on before.
        reaches: ids of which the newest is where the past ends as long as nothing has come live.
        events: what was made of each trade when its page came: thousands at once would hold the loop up.
        epoch: of the line that the events are handed out beside.
    """
    # Newer than what the line has brought last: that comes by the line.
    at = next((n for n, trade in enumerate(trades) if trade.sequential_id in seen or trade.sequential_id in reaches), 0)
    trades = trades[at:]
    # Below the first that was handed on the stream was not wanted yet. By place: ids need not be in order.
    below = max((n for n, trade in enumerate(trades) if trade.sequential_id in known), default=len(trades))
    past: list[tuple[int, TradeEvent | None]] = []
    for trade in reversed(trades[: below + 1]):
        key = trade.sequential_id
        if key in seen or key in known:
            past.append((key, None))
            continue
        event = events[key]
        if event.epoch != epoch:  # the line was cut again after the page came
            stamp(event, epoch, event.received_at)
        past.append((key, event))
    return past


def missed_candles(
    candles: Sequence[RestCandle], data_type: DataType, before: CandleEvent | None, epoch: int, now: float
) -> list[tuple[int, CandleEvent]]:
    """Return (start in seconds, event) of what was missed, oldest first.

    Args:
        candles: of REST, newest first.
        data_type: of which unit they are.
        before: the one that ran before the gap, which is no news where it ended as it was; None for none.
        epoch: of the line that the events are handed out beside.
        now: loop clock, seconds.
    """
    events = (candle_event(candle, data_type, epoch, now) for candle in reversed(candles))
    return [
        (int(event.start.timestamp()), event) for event in events if before is None or not says_the_same(event, before)
    ]
