"""History and live candles in one sequence."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import pairwise

import pytest

from upbit_ws_qt import RestCandle
from upbit_ws_qt.rest.reading import read_answer
from widgets.chart.data import MOST_BARS, Bar, CandleSeries, bars_of
from widgets.chart.scale import grid_prices, time_text

D = Decimal


def bar(start: int, close: int = 100, timestamp: int | None = None) -> Bar:
    stamp = start * 1000 if timestamp is None else timestamp
    return Bar(start, stamp, D(100), D(110), D(90), D(close), D(1), (100.0, 110.0, 90.0, float(close), 1.0))


def test_the_moving_candle_is_replaced_and_a_new_one_appended() -> None:
    series = CandleSeries()
    assert series.take(bar(60, 1, 60_500)) == 1
    assert series.take(bar(60, 2, 61_000)) == 0
    assert series.take(bar(120, 3)) == 1
    assert [each.close for each in series.bars] == [2, 3]


def test_an_older_state_of_a_candle_changes_nothing() -> None:
    """A REST page may have been made before the live candle that overtook it."""
    series = CandleSeries()
    series.take(bar(60, 9, 90_000))
    assert series.merge([bar(60, 1, 80_000), bar(0, 5)]) == 1
    assert [(each.start, each.close) for each in series.bars] == [(0, D(5)), (60, D(9))]


def test_any_order_gives_the_same_series_without_seam_or_double() -> None:
    bars = [bar(start * 60, start) for start in range(300)]
    for seed in range(5):
        source = random.Random(seed)
        shuffled = source.sample(bars, len(bars)) + source.sample(bars, 50)
        series = CandleSeries()
        for each in shuffled:
            series.take(each)
        assert series.bars == bars


def test_the_oldest_go_when_there_are_too_many() -> None:
    series = CandleSeries()
    series.merge(bar(start * 60) for start in range(MOST_BARS + 10))
    assert len(series) == MOST_BARS
    assert series.oldest == 600
    assert series.index_of(600) == 0


def test_a_page_that_does_not_reach_back_to_what_was_known_begins_the_series_anew() -> None:
    """Or a hole would be drawn as if nothing had been traded; what is older can be asked for again."""
    series = CandleSeries()
    series.merge(bar(start * 60) for start in range(10))
    series.complete = True
    assert not series.misses(540)
    assert series.misses(1200)
    series.merge(bar(start * 60) for start in range(20, 30))
    series.begin_at(1200)
    assert [each.start for each in series.bars] == [start * 60 for start in range(20, 30)]
    assert not series.complete
    assert not series.misses(0), "older than all is no hole"


def test_a_series_that_is_put_aside_keeps_its_newest_and_may_ask_for_the_rest_again() -> None:
    series = CandleSeries()
    series.merge(bar(start * 60) for start in range(50))
    series.complete = True
    series.keep_newest(60)
    assert (len(series), series.complete) == (50, True)
    series.keep_newest(20)
    assert [each.start for each in series.bars] == [start * 60 for start in range(30, 50)]
    assert series.oldest == 1800
    assert not series.complete


def test_numbers_stay_exact() -> None:
    body = (
        b'[{"market": "KRW-BTC", "candle_date_time_utc": "2026-01-01T00:00:00",'
        b'"candle_date_time_kst": "2026-01-01T09:00:00", "opening_price": 0.10000000, "high_price": 0.3,'
        b'"low_price": 0.1, "trade_price": 0.12345678901234567890, "candle_acc_trade_price": 1,'
        b'"candle_acc_trade_volume": 1, "timestamp": 5}]'
    )
    (found,) = bars_of(read_answer(body, tuple[RestCandle, ...]))
    assert found.close == D("0.12345678901234567890")
    assert found.start == 1_767_225_600


@pytest.mark.parametrize(("low", "high"), [(0.0000012, 0.0000019), (1, 2), (149e6, 151e6), (0.5, 90)])
def test_grid_lines_are_round_and_within(low: float, high: float) -> None:
    prices = grid_prices(low, high, 6)
    assert 1 <= len(prices) <= 7
    assert all(low <= float(price) <= high for price in prices)
    steps = {b - a for a, b in pairwise(prices)}
    assert len(steps) <= 1
    assert all(step.normalize().as_tuple().digits in ((1,), (2,), (5,)) for step in steps)


def test_no_grid_where_there_is_no_height() -> None:
    assert grid_prices(5, 5, 6) == []


def test_times_are_korean() -> None:
    assert time_text(0, "1m") == "01-01 09:00"
    assert time_text(0, "1s") == "01-01 09:00:00"
    assert time_text(0, "240m") == "01-01 09:00"
