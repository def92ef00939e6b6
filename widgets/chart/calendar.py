"""The present candle of a day, week, month or year, by the ticker: the exchange sends none of these live."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from .data import Bar, bar_from

if TYPE_CHECKING:
    from upbit_ws_qt import TickerEvent

__all__ = ["period_bar", "period_start"]


def period_start(unit: str, milliseconds: int) -> int:
    """Return when the day, week, month or year of a time (ms since 1970) began, in seconds; all begin at 00:00 UTC."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC).replace(hour=0, minute=0, second=0)
    if unit == "weeks":
        moment -= timedelta(days=moment.weekday())
    elif unit == "months":
        moment = moment.replace(day=1)
    elif unit == "years":
        moment = moment.replace(month=1, day=1)
    return int(moment.timestamp())


def period_bar(unit: str, ticker: TickerEvent, known: Bar | None) -> Bar:
    """Return the present candle as far as the ticker tells.

    A day is exact. Of what is longer the ticker knows the last price and the present day's range; the rest is that of
    the candle that was asked for last, and a later answer is always taken instead.

    Args:
        unit: "days", "weeks", "months" or "years".
        ticker: the newest.
        known: the newest candle; None before any.
    """
    start = period_start(unit, ticker.trade_timestamp)
    day = (ticker.opening_price, ticker.high_price, ticker.low_price, ticker.trade_price, ticker.acc_trade_volume)
    if unit == "days":
        return bar_from(start, ticker.trade_timestamp, *day)
    if known is None or known.start != start:
        return bar_from(start, 0, *day)
    high, low = max(known.high, ticker.high_price), min(known.low, ticker.low_price)
    return bar_from(start, known.timestamp, known.opening, high, low, ticker.trade_price, known.volume)
