"""Trades that REST tells, as the lines tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from upbit_ws_qt import TradeEvent

if TYPE_CHECKING:
    from typing import Literal

    from upbit_ws_qt import RestTrade

__all__ = ["trade_of"]


def trade_of(trade: RestTrade, *, recorded: bool) -> TradeEvent:
    """Return a trade of the past as an event.

    Args:
        trade: as REST has it.
        recorded: whether it is of a recording, and so came on a line; else it is marked as recovered.
    """
    change = trade.change_price
    return TradeEvent(
        type="trade",
        code=trade.market,
        timestamp=trade.timestamp,
        stream_type="REALTIME" if recorded else "RECOVERED",
        trade_price=trade.trade_price,
        trade_volume=trade.trade_volume,
        ask_bid=cast("Literal['ASK', 'BID']", trade.ask_bid),
        prev_closing_price=trade.prev_closing_price,
        change="RISE" if change > 0 else "FALL" if change < 0 else "EVEN",
        change_price=abs(change),
        trade_date=trade.trade_date_utc,
        trade_time=trade.trade_time_utc,
        trade_timestamp=trade.timestamp,
        sequential_id=trade.sequential_id,
    )
