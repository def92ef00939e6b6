"""What Quotation answers, in the shape of the REST interface: dictionaries with exact decimals."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .candles import MINUTE_MS
from .numbers import RATE_UNIT, candle_times, clock_texts, plain
from .periods import period_end

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import CandleValues, TickerChange

    from .tape import Trade

_KST_SECONDS = 9 * 3600
Rungs = list[tuple[int, int]]  # prices and sizes, best first


def _amount(units: int, digits: int = 8) -> Decimal:
    return Decimal(plain(units, digits))


def rest_candle(code: str, minutes: int, values: CandleValues, last_trade_ms: int) -> dict[str, Any]:
    """Return a candle of `minutes`, 0 for one of a second, which names no unit.

    Its timestamp is that of its last trade, or its end where that is unknown.
    """
    length = minutes * MINUTE_MS or 1000
    candle = _candle(code, values, min(last_trade_ms, values[0] + length - 1))
    return {**candle, "unit": minutes} if minutes else candle


def _candle(code: str, values: CandleValues, ms: int) -> dict[str, Any]:
    start, opening, high, low, last, volume, funds = values
    utc, kst = candle_times(start // 1000)
    return {
        "market": code,
        "candle_date_time_utc": utc,
        "candle_date_time_kst": kst,
        "opening_price": _amount(opening),
        "high_price": _amount(high),
        "low_price": _amount(low),
        "trade_price": _amount(last),
        "timestamp": ms,
        "candle_acc_trade_price": _amount(funds, 16),
        "candle_acc_trade_volume": _amount(volume),
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


def rest_trade(code: str, trade: Trade, prev_close: int) -> dict[str, Any]:
    """Return a trade with the names the REST interface uses; its timestamp is the trade's, and the change is signed."""
    number, ms, price, volume, buying = trade
    _, _, day, time = clock_texts(ms // 1000)
    return {
        "market": code,
        "trade_date_utc": day,
        "trade_time_utc": time,
        "timestamp": ms,
        "trade_price": _amount(price),
        "trade_volume": _amount(volume),
        "prev_closing_price": _amount(prev_close),
        "change_price": _amount(price - prev_close),
        "ask_bid": "BID" if buying else "ASK",
        "sequential_id": number,
    }


def rest_period(code: str, period: str, values: CandleValues, last_trade_ms: int) -> dict[str, Any]:
    """Return a candle of a week, month or year."""
    candle = _candle(code, values, min(last_trade_ms, period_end(period, values[0]) - 1))
    return candle if period == "days" else {**candle, "first_day_of_period": clock_texts(values[0] // 1000)[2]}


def rest_day(code: str, values: CandleValues, prev_close: int, last_trade_ms: int) -> dict[str, Any]:
    """Return a candle of a day, which tells its signed change as well."""
    move = values[4] - prev_close
    rate = (abs(move) * RATE_UNIT * 2 + prev_close) // (2 * prev_close)
    return {
        **rest_period(code, "days", values, last_trade_ms),
        "prev_closing_price": _amount(prev_close),
        "change_price": _amount(move),
        "change_rate": _amount(-rate if move < 0 else rate, 10),
    }


def rest_orderbook(
    code: str, sides: tuple[Rungs, Rungs], totals: tuple[int, int], level: int, ms: int
) -> dict[str, Any]:
    """Return a book of as many pairs of rungs (price, size) as the asks have; bids that are missing are zeros."""
    asks, bids = sides
    return {
        "market": code,
        "timestamp": ms,
        "total_ask_size": _amount(totals[0]),
        "total_bid_size": _amount(totals[1]),
        "orderbook_units": [
            {
                "ask_price": _amount(ask[0]),
                "bid_price": _amount(bid[0]),
                "ask_size": _amount(ask[1]),
                "bid_size": _amount(bid[1]),
            }
            for ask, bid in zip(asks, bids, strict=True)
        ],
        "level": _amount(level),
    }
