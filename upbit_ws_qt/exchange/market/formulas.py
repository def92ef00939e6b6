"""Indicators by their textbook formulas, over closed candles, oldest first, in exact-enough decimals.

Every function takes a whole series and returns the value at its end, or None where the series is too short. An average
that smooths for ever (EMA, Wilder's in the RSI) begins with the plain mean of its first `period` values.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Series = Sequence[Decimal]
    Values = dict[str, Decimal]
    Formula = Callable[[Series, Series, Mapping[str, Decimal | str]], Values | None]

_DIGITS = 28  # significant digits while computing
_EIGHT_PLACES = Decimal("1e-8")
_HUNDRED = Decimal(100)


def sma(series: Series, period: int) -> Decimal:
    """Return the mean of the last `period` values."""
    return sum(series[-period:], Decimal(0)) / period


def ema(series: Series, period: int) -> list[Decimal]:
    """Return the exponential averages from the place of the first one (`period` - 1) on."""
    factor = Decimal(2) / (period + 1)
    averages = [sum(series[:period], Decimal(0)) / period]
    for value in series[period:]:
        averages.append(averages[-1] + (value - averages[-1]) * factor)
    return averages


def rsi(series: Series, period: int) -> Decimal:
    """Return the relative strength index with Wilder's smoothing; 50 when nothing moved."""
    moves = [after - before for before, after in pairwise(series)]
    gain = sum((move for move in moves[:period] if move > 0), Decimal(0)) / period
    loss = -sum((move for move in moves[:period] if move < 0), Decimal(0)) / period
    for move in moves[period:]:
        gain = (gain * (period - 1) + max(move, Decimal(0))) / period
        loss = (loss * (period - 1) + max(-move, Decimal(0))) / period
    if not loss:
        return _HUNDRED if gain else Decimal(50)
    return _HUNDRED - _HUNDRED / (1 + gain / loss)


def _average(series: Series, kind: str, period: int) -> Decimal:
    return sma(series, period) if kind == "SMA" else ema(series, period)[-1]


def _volume(closes: Series, volumes: Series, params: Mapping[str, Decimal | str]) -> Values | None:
    """The volume against the mean of the `period` candles before it."""
    period = int(params["period"])
    if len(volumes) <= period:
        return None
    average = sma(volumes[:-1], period)
    ratio = volumes[-1] / average if average else Decimal(0)
    return {"volume": volumes[-1], "avg_volume": average, "ratio": ratio}


def _rsi(closes: Series, volumes: Series, params: Mapping[str, Decimal | str]) -> Values | None:
    period = int(params["period"])
    return {"rsi": rsi(closes, period)} if len(closes) > period else None


def _moving_average(closes: Series, volumes: Series, params: Mapping[str, Decimal | str]) -> Values | None:
    period = int(params["period"])
    return {"value": _average(closes, str(params["type"]), period)} if len(closes) >= period else None


def _ma_crossover(closes: Series, volumes: Series, params: Mapping[str, Decimal | str]) -> Values | None:
    short, long, kind = int(params["short_period"]), int(params["long_period"]), str(params["type"])
    if len(closes) < long:
        return None
    return {"ma_short": _average(closes, kind, short), "ma_long": _average(closes, kind, long)}


def _bollinger_bands(closes: Series, volumes: Series, params: Mapping[str, Decimal | str]) -> Values | None:
    """The mean and `multiplier` standard deviations (of the population) about it."""
    period, multiplier = int(params["period"]), Decimal(params["multiplier"])
    if len(closes) < period:
        return None
    middle = sma(closes, period)
    variance = sum(((close - middle) ** 2 for close in closes[-period:]), Decimal(0)) / period
    width = multiplier * variance.sqrt()
    return {"bb_upper": middle + width, "bb_middle": middle, "bb_lower": middle - width}


def _macd(closes: Series, volumes: Series, params: Mapping[str, Decimal | str]) -> Values | None:
    fast, slow, signal = int(params["fast"]), int(params["slow"]), int(params["signal_period"])
    if len(closes) < slow + signal - 1:
        return None
    fast_line, slow_line = ema(closes, fast), ema(closes, slow)
    line = [quick - late for quick, late in zip(fast_line[slow - fast :], slow_line, strict=True)]
    average = ema(line, signal)[-1]
    return {"macd": line[-1], "macd_signal": average, "histogram": line[-1] - average}


_FORMULAS: dict[str, Formula] = {
    "volume": _volume,
    "rsi": _rsi,
    "moving_average": _moving_average,
    "ma_crossover": _ma_crossover,
    "bollinger_bands": _bollinger_bands,
    "macd": _macd,
}
KINDS = frozenset(_FORMULAS)


def exact(kind: str, closes: Series, volumes: Series, params: Mapping[str, Decimal | str]) -> Values | None:
    """Return the values of indicator `kind` at the last candle, unrounded; None when there are too few candles."""
    with localcontext() as context:
        context.prec = _DIGITS
        return _FORMULAS[kind](closes, volumes, params)


def rounded(values: Values) -> Values:
    """Return the values as they are sent: to eight decimals."""
    with localcontext() as context:
        context.prec = 40
        return {name: value.quantize(_EIGHT_PLACES) for name, value in values.items()}


def holds(trigger: str, values: Values, close: Decimal, event_params: Mapping[str, Decimal]) -> bool:
    """Tell whether the condition of a trigger is true at a candle; ValueError for no trigger at all."""
    if trigger == "volume_spike":
        return values["ratio"] >= event_params["multiplier"]
    if trigger == "overbought":
        return values["rsi"] >= event_params["threshold"]
    if trigger == "oversold":
        return values["rsi"] <= event_params["threshold"]
    if trigger == "price_cross_above":
        return close > values["bb_upper" if "bb_upper" in values else "value"]
    if trigger == "price_cross_below":
        return close < values["bb_lower" if "bb_lower" in values else "value"]
    if trigger in ("golden_cross", "dead_cross"):
        quick, slow = ("macd", "macd_signal") if "macd" in values else ("ma_short", "ma_long")
        ahead = values[quick] - values[slow]
        return ahead > 0 if trigger == "golden_cross" else ahead < 0
    if trigger in ("zero_cross_above", "zero_cross_below"):
        return values["macd"] > 0 if trigger == "zero_cross_above" else values["macd"] < 0
    raise ValueError(f"there is no trigger {trigger!r}")
