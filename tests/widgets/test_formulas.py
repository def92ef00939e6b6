"""What is reckoned from candles: TA-Lib's values, values reckoned by hand, and none that changes afterwards."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from widgets.formulas.candles import Columns, heikin_ashi
from widgets.formulas.catalog import FORMULAS, curves_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINUTE = 60
MIDNIGHT = 1_767_193_200  # 2026-01-01 00:00 in Korea


def walk(count: int, seed: int = 7, start: int = MIDNIGHT - 40 * MINUTE) -> Columns:
    """Return candles of a price that wanders on a grid of ticks, some of them without a move."""
    source = random.Random(seed)
    rows, price = [], 1000.0
    for _ in range(count):
        opening = price
        steps = [opening]
        for _ in range(source.choice((0, 1, 4, 9))):
            steps.append(max(5.0, steps[-1] + source.choice((-5, 0, 5))))
        price = steps[-1]
        rows.append((opening, max(steps), min(steps), price, round(source.expovariate(1), 4)))
    starts = start + MINUTE * np.arange(count, dtype=np.int64)
    return Columns.of(starts, np.array(rows, dtype=np.float64).reshape(count, 5).T.copy())


def values(name: str, columns: Columns, *parameters: float) -> list[np.ndarray[Any, Any]]:
    return [curve.values for curve in curves_of(FORMULAS[name], columns, parameters)]


def first(columns: Columns, count: int) -> Columns:
    return Columns(columns.start[:count], *(getattr(columns, name)[:count].copy() for name in NAMES))


def numbers(columns: Columns, name: str) -> list[float]:
    return [float(each) for each in getattr(columns, name)]


NAMES = ("opening", "high", "low", "close", "volume")


@pytest.mark.parametrize("name", FORMULAS)
def test_each_line_has_a_value_for_each_candle_or_none_yet(name: str) -> None:
    formula = FORMULAS[name]
    for count in (0, 1, 2, 3, 30, 300):
        curves = curves_of(formula, walk(count), ())
        assert len(curves) == len(formula.lines)
        assert {len(curve.values) for curve in curves} == {count}
    assert all(np.isfinite(curve.values).any() for curve in curves)


@pytest.mark.parametrize("name", FORMULAS)
@given(seed=st.integers(0, 10_000), ended=st.integers(1, 119))
def test_a_closed_candle_keeps_its_values_whatever_comes_after_it(name: str, seed: int, ended: int) -> None:
    whole = walk(120, seed)
    before = curves_of(FORMULAS[name], first(whole, ended), (5,))
    after = curves_of(FORMULAS[name], whole, (5,))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one.values, other.values[:ended])
        assert one.shift == other.shift
    smoothed, later = heikin_ashi(first(whole, ended)), heikin_ashi(whole)
    for each in NAMES:
        np.testing.assert_array_equal(getattr(smoothed, each), getattr(later, each)[:ended])


@pytest.mark.parametrize(
    ("name", "parameters", "theirs"),
    [
        ("sma", (20,), lambda c: [talib.SMA(c.close, 20)]),
        ("ema", (12,), lambda c: [talib.EMA(c.close, 12)]),
        ("wma", (9,), lambda c: [talib.WMA(c.close, 9)]),
        ("bollinger", (20, 2.5), lambda c: talib.BBANDS(c.close, 20, 2.5, 2.5)),
        ("sar", (0.02, 0.2), lambda c: [talib.SAR(c.high, c.low, 0.02, 0.2)]),
        ("donchian", (20,), lambda c: talib.DONCHIAN(c.high, c.low, 20)),
        ("volume_average", (20,), lambda c: [talib.SMA(c.volume, 20)]),
        ("rsi", (14,), lambda c: [talib.RSI(c.close, 14)]),
        (
            "stochastic",
            (14, 3, 3),
            lambda c: talib.STOCH(c.high, c.low, c.close, 14, 3, slowd_period=3),
        ),
        ("atr", (14,), lambda c: [talib.ATR(c.high, c.low, c.close, 14)]),
        ("obv", (), lambda c: [talib.OBV(c.close, c.volume)]),
        ("cci", (20,), lambda c: [talib.CCI(c.high, c.low, c.close, 20)]),
    ],
)
def test_the_values_are_ta_libs(
    name: str, parameters: Sequence[float], theirs: Callable[[Columns], Sequence[Any]]
) -> None:
    columns = walk(400)
    for ours, other in zip(values(name, columns, *parameters), theirs(columns), strict=True):
        np.testing.assert_array_equal(ours, other)


def test_macd_is_ta_libs_with_the_difference_first() -> None:
    columns = walk(200)
    line, signal, difference = talib.MACD(columns.close, 12, 26, 9)
    for ours, other in zip(values("macd", columns, 12, 26, 9), (difference, line, signal), strict=True):
        np.testing.assert_array_equal(ours, other)


# -- by hand: each definition once more, as a book has it --------------------------------------------------------------
def mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def close_to(ours: np.ndarray[Any, Any], wanted: Sequence[float]) -> None:
    np.testing.assert_allclose(ours, wanted, rtol=1e-9, atol=1e-9)


NONE = math.nan


def test_averages_by_hand() -> None:
    columns = walk(6)
    columns.close[:] = [10, 12, 11, 15, 14, 18]
    close_to(values("sma", columns, 3)[0], [NONE, NONE, 11, 38 / 3, 40 / 3, 47 / 3])
    close_to(values("ema", columns, 3)[0], [NONE, NONE, 11, 13, 13.5, 15.75])  # begins with the mean of three
    close_to(values("wma", columns, 3)[0], [NONE, NONE, 67 / 6, 79 / 6, 83 / 6, 97 / 6])
    upper, middle, lower = values("bollinger", columns, 3, 2.0)
    close_to(middle, [NONE, NONE, 11, 38 / 3, 40 / 3, 47 / 3])
    spread = math.sqrt(mean([(each - 11) ** 2 for each in (10, 12, 11)]))
    close_to(upper[2:3], [11 + 2 * spread])
    close_to(lower[2:3], [11 - 2 * spread])


def test_rsi_and_atr_by_wilders_rule() -> None:
    columns = walk(60)
    close = list(columns.close)
    moves = [b - a for a, b in pairwise(close)]
    gain = mean([max(each, 0) for each in moves[:14]])
    loss = mean([max(-each, 0) for each in moves[:14]])
    wanted = [NONE] * 14 + [100 * gain / (gain + loss)]
    for move in moves[14:]:
        gain, loss = (gain * 13 + max(move, 0)) / 14, (loss * 13 + max(-move, 0)) / 14
        wanted.append(100 * gain / (gain + loss))
    close_to(values("rsi", columns, 14)[0], wanted)
    ranges = true_ranges(columns)
    average = mean(ranges[:14])
    wanted = [NONE] * 14 + [average]
    for each in ranges[14:]:
        average = (average * 13 + each) / 14
        wanted.append(average)
    close_to(values("atr", columns, 14)[0], wanted)


def true_ranges(columns: Columns) -> list[float]:
    rows = zip(columns.high[1:], columns.low[1:], columns.close, strict=False)
    return [max(high, before) - min(low, before) for high, low, before in rows]


def test_channel_cloud_and_cci_by_hand() -> None:
    columns = walk(120)
    high, low, close = (numbers(columns, each) for each in NAMES[1:4])

    def middle(at: int, length: int) -> float:
        span = slice(at - length + 1, at + 1)
        return (max(high[span]) + min(low[span])) / 2

    upper, between, lower = values("donchian", columns, 20)
    assert (upper[50], lower[50], between[50]) == (max(high[31:51]), min(low[31:51]), middle(50, 20))
    conversion, base, span_a, span_b, lagging = curves_of(FORMULAS["ichimoku"], columns, (9, 26, 52))
    assert conversion.values[70] == middle(70, 9)
    assert base.values[70] == middle(70, 26)
    assert span_a.values[70] == (middle(70, 9) + middle(70, 26)) / 2
    assert span_b.values[70] == middle(70, 52)
    assert lagging.values[70] == close[70]
    assert [each.shift for each in (conversion, base, span_a, span_b, lagging)] == [0, 0, 25, 25, -25]
    typical = [(a + b + c) / 3 for a, b, c in zip(high, low, close, strict=True)][41:61]
    deviation = mean([abs(each - mean(typical)) for each in typical])
    close_to(values("cci", columns, 20)[0][60:61], [(typical[-1] - mean(typical)) / (0.015 * deviation)])


def test_stochastic_and_obv_by_hand() -> None:
    columns = walk(60)
    high, low, close, volume = (numbers(columns, each) for each in NAMES[1:])

    def fast(at: int) -> float:
        bottom, top = min(low[at - 13 : at + 1]), max(high[at - 13 : at + 1])
        return 100 * (close[at] - bottom) / (top - bottom)

    def slow(at: int) -> float:
        return mean([fast(each) for each in range(at - 2, at + 1)])

    k, d = values("stochastic", columns, 14, 3, 3)
    close_to(k[40:41], [slow(40)])
    close_to(d[40:41], [mean([slow(each) for each in (38, 39, 40)])])
    total, wanted = volume[0], [volume[0]]
    for at in range(1, 60):
        total += volume[at] * ((close[at] > close[at - 1]) - (close[at] < close[at - 1]))
        wanted.append(total)
    close_to(values("obv", columns)[0], wanted)


def test_parabolic_and_supertrend_stand_on_the_other_side_of_the_price() -> None:
    columns = walk(400)
    stop = values("sar", columns)[0]
    inside = (stop > columns.low) & (stop < columns.high)
    assert not inside[2:].any(), "a stop inside its candle would have been reached"
    rising, falling = values("supertrend", columns, 10, 3.0)
    both = np.isfinite(rising) & np.isfinite(falling)
    assert not both.any()
    assert (rising <= columns.close)[np.isfinite(rising)].all()
    assert (falling >= columns.close)[np.isfinite(falling)].all()
    assert np.isfinite(rising).any()
    assert np.isfinite(falling).any()


def test_the_days_mean_price_begins_anew_at_midnight_in_korea() -> None:
    columns = walk(200)
    [found] = values("vwap", columns)
    typical = (columns.high + columns.low + columns.close) / 3
    midnight = 40
    assert columns.start[midnight] == MIDNIGHT
    assert found[midnight] == pytest.approx(typical[midnight])
    for begin, end in ((0, 40), (40, 200)):
        day = [getattr(columns, each)[begin:end].copy() for each in NAMES[1:]]
        np.testing.assert_allclose(found[begin:end], talib.VWAP(*day), rtol=1e-12)
    columns.volume[:] = 0
    np.testing.assert_array_equal(values("vwap", columns)[0], typical)


def test_the_mean_price_of_a_session_begins_anew_after_so_many_hours_of_the_day() -> None:
    columns = walk(1000)  # from 23:20 in Korea on
    np.testing.assert_array_equal(values("session_vwap", columns, 24.0)[0], values("vwap", columns)[0])
    [found] = values("session_vwap", columns, 5.0)
    starts = [0, 40, 340, 640, 940]  # midnight, 5, 10 and 15 o'clock
    for begin, end in zip(starts, [*starts[1:], 1000], strict=True):
        session = [getattr(columns, each)[begin:end].copy() for each in NAMES[1:]]
        np.testing.assert_allclose(found[begin:end], talib.VWAP(*session), rtol=1e-12)
    [last] = values("session_vwap", walk(40 + 24 * 60 + 10), 5.0)
    [new_day] = values("session_vwap", walk(40 + 24 * 60 + 10), 24.0)
    np.testing.assert_array_equal(last[-10:], new_day[-10:])  # a session ends with its day, however short it is


def test_smoothed_candles_by_hand() -> None:
    columns = walk(5)
    smoothed = heikin_ashi(columns)
    opening = (columns.opening[0] + columns.close[0]) / 2
    for at in range(5):
        close = mean([float(getattr(columns, each)[at]) for each in NAMES[:4]])
        assert smoothed.close[at] == pytest.approx(close)
        assert smoothed.opening[at] == pytest.approx(opening)
        assert smoothed.high[at] == pytest.approx(max(columns.high[at], opening, close))
        assert smoothed.low[at] == pytest.approx(min(columns.low[at], opening, close))
        opening = (opening + close) / 2


def test_parameters_from_a_file_are_brought_within_their_bounds() -> None:
    bands = FORMULAS["bollinger"]
    assert bands.allowed(()) == (20.0, 2.0)
    assert bands.allowed((1e9, -5)) == (500.0, 0.1)
    assert bands.allowed((19.6, math.nan, 7.0)) == (20.0, 2.0)
