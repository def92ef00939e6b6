"""Candles and tickers in the shape of the REST interface: dictionaries with exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .candles import MINUTE_MS
from .numbers import RATE_UNIT, candle_times, clock_texts, plain

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import CandleValues, TickerChange

_KST_SECONDS = 9 * 3600


def _amount(units: int, digits: int = 8) -> Decimal:
    return Decimal(plain(units, digits))


def rest_candle(code: str, minutes: int, values: CandleValues, last_trade_ms: int) -> dict[str, Any]:
    """Return a candle of `minutes`, 0 for one of a second, which names no unit.

    Its timestamp is that of its last trade, or its end where that is unknown.
    """
    start, opening, high, low, last, volume, funds = values
    utc, kst = candle_times(start // 1000)
    length = minutes * MINUTE_MS or 1000
    return {
        "market": code,
        "candle_date_time_utc": utc,
        "candle_date_time_kst": kst,
        "opening_price": _amount(opening),
        "high_price": _amount(high),
        "low_price": _amount(low),
        "trade_price": _amount(last),
        "timestamp": min(last_trade_ms, start + length - 1),
        "candle_acc_trade_price": _amount(funds, 16),
        "candle_acc_trade_volume": _amount(volume),
        **({"unit": minutes} if minutes else {}),
    }


def rest_ticker(change: TickerChange) -> dict[str, Any]:
    """Return a ticker with the names the REST interface uses."""
    high, low, last, volume, acc, acc24, funds, funds24, traded, _, _, _, ms = change.values
    profile = change.profile
    before = profile.prev_close
    move = last - before
    rate = Decimal(plain((abs(move) * RATE_UNIT * 2 + before) // (2 * before), 10))
    year_high, year_high_date, year_low, year_low_date = profile.year
    day, time, _, _ = clock_texts(traded // 1000)
    day_kst, time_kst, _, _ = clock_texts(traded // 1000 + _KST_SECONDS)
    return {
        "market": change.code,
        "trade_date": day,
        "trade_time": time,
        "trade_date_kst": day_kst,
        "trade_time_kst": time_kst,
        "trade_timestamp": traded,
        "opening_price": _amount(profile.opening),
        "high_price": _amount(high),
        "low_price": _amount(low),
        "trade_price": _amount(last),
        "prev_closing_price": _amount(before),
        "change": "RISE" if move > 0 else "FALL" if move < 0 else "EVEN",
        "change_price": _amount(abs(move)),
        "change_rate": rate,
        "signed_change_price": _amount(move),
        "signed_change_rate": -rate if move < 0 else rate,
        "trade_volume": _amount(volume),
        "acc_trade_price": _amount(funds, 16),
        "acc_trade_price_24h": _amount(funds24, 16),
        "acc_trade_volume": _amount(acc),
        "acc_trade_volume_24h": _amount(acc24),
        "highest_52_week_price": _amount(year_high),
        "highest_52_week_date": year_high_date,
        "lowest_52_week_price": _amount(year_low),
        "lowest_52_week_date": year_low_date,
        "timestamp": ms,
    }
