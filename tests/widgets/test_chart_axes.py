"""The chart's axes: round times and dates, prices that a market can have, and no blank half."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint, Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import move_mouse, press, shown
from widgets.base.panel import PanelState
from widgets.chart.panel import ChartWidget
from widgets.chart.scale import (
    CALENDAR_UNITS,
    UNITS,
    ValueScale,
    grid_prices,
    on_tick,
    percent_grid,
    time_marks,
    time_step,
    unit_seconds,
)

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService

D = Decimal
KST = timedelta(hours=9)
# 2026-11-29 20:03 in Korea, so that midnight is near.
BEGIN = int(datetime(2026, 11, 29, 11, 3, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit not in CALENDAR_UNITS])
@pytest.mark.parametrize("bar_width", [1.5, 3.0, 8.0, 20.0, 40.0])
def test_the_times_on_the_axis_are_round_and_a_day_begins_with_its_date(unit: str, bar_width: float) -> None:
    seconds = unit_seconds(unit)
    first = BEGIN // seconds * seconds
    starts = [first + place * seconds for place in range(1200)]
    step = time_step(84 / bar_width * seconds)
    assert step * bar_width / seconds >= 84, "they do not stand closer than can be read"
    marks = time_marks(starts, 0, step)
    assert len(marks) >= 2
    for mark in marks:
        moment = datetime.fromtimestamp(starts[0], UTC) + KST + timedelta(seconds=mark.place * seconds)
        into_the_day = moment.hour * 3600 + moment.minute * 60 + moment.second
        if mark.place == int(mark.place) and step < 86_400 and not mark.is_date:
            assert into_the_day % step == 0
            assert mark.text == f"{moment:%H:%M:%S}"[: len(mark.text)]
    midnights = [
        start for start in starts[1:] if (start + 9 * 3600) // 86_400 != (start - seconds + 9 * 3600) // 86_400
    ]
    days = max(1, step // 86_400)
    wanted = {(start + 9 * 3600) // 86_400 for start in midnights if (start + 9 * 3600) // 86_400 % days == 0}
    assert sum(mark.is_date for mark in marks) == len(wanted)
    if days == 1 and midnights:
        (date, *_) = [mark for mark in marks if mark.is_date]
        assert date.text == "11-30"


@pytest.mark.parametrize(
    ("unit", "bar_width"),
    [("days", 0.1), ("days", 1.5), ("days", 8.0), ("days", 40.0), ("weeks", 1.5), ("weeks", 20.0),
     ("months", 1.5), ("months", 12.0), ("years", 8.0), ("years", 40.0)],
)  # fmt: skip
def test_days_and_longer_are_marked_by_whole_months_and_years_where_there_is_room_for_no_more(
    unit: str, bar_width: float
) -> None:
    days = {"days": 1, "weeks": 7, "months": 30.4375, "years": 365.25}[unit]
    first = datetime(2017, 9, 25, tzinfo=UTC)
    starts = [int((first + timedelta(days=int(place * days))).timestamp()) for place in range(3600)]
    step = time_step(84 / bar_width * unit_seconds(unit))
    marks = time_marks(starts, 0, step)
    assert len(marks) >= 2
    assert len({mark.text for mark in marks}) == len(marks) or step < 31 * 86_400
    for one, other in itertools.pairwise(marks):
        assert (other.place - one.place) * bar_width >= 50, "they do not stand closer than can be read"
    for mark in marks if step >= 31 * 86_400 else ():
        before, there = (datetime.fromtimestamp(starts[int(mark.place) + each], UTC) + KST for each in (-1, 0))
        assert (before.year, before.month) != (there.year, there.month)
        assert mark.text in (f"{there:%Y}", f"{there:%Y-%m}")


def test_a_logarithmic_scale_has_equal_ratios_equally_high() -> None:
    scale = ValueScale(10.0, 1000.0, 20.0, 200.0, is_log=True)
    assert scale.y(100.0) == pytest.approx(120.0)
    assert (scale.y(1000.0), scale.y(10.0)) == pytest.approx((20.0, 220.0))
    linear = ValueScale(10.0, 1000.0, 20.0, 200.0)
    for each in (scale, linear):
        for price in (10.0, 33.0, 999.0):
            assert each.value(each.y(price)) == pytest.approx(price)


def test_grid_lines_in_percent_are_round_and_where_the_price_is() -> None:
    lines = percent_grid(ValueScale(89.9, 130.1, 0.0, 100.0), 100.0, 6)
    assert [each for _, each in lines] == [D("-0.1"), D(0), D("0.1"), D("0.2"), D("0.3")]
    assert [price for price, _ in lines] == pytest.approx([90, 100, 110, 120, 130])


def test_a_round_time_without_a_candle_lies_between_its_neighbours() -> None:
    starts = [BEGIN - 180, BEGIN + 60 * 20, BEGIN + 60 * 30]  # 20:00, then nothing until 20:23
    marks = time_marks(starts, 7, 600)
    assert [(mark.place, mark.text) for mark in marks] == [(7.5, "20:20"), (8.5, "20:30")]


@pytest.mark.parametrize(
    ("price", "tick", "nearest"),
    [
        ("149738058.3", "1000", "149738000"), ("150280601", "1000", "150281000"), ("0.0131654", "0.00001", "0.01317"),
        ("0.000000014", "0.00000001", "0.00000001"), ("999260", "500", "999500"), ("0", "0.00000001", "0"),
    ],
)  # fmt: skip
def test_a_price_is_on_the_grid_of_ticks(price: str, tick: str, nearest: str) -> None:
    assert on_tick(D(price), D(tick)) == D(nearest)


@pytest.mark.parametrize("tick", ["0.00000001", "0.5", "5", "50", "1000"])
def test_grid_lines_are_prices_that_the_market_can_have(tick: str) -> None:
    size = float(tick)
    for low, high in itertools.product((0.4, 10.3, 777.7), (1.7, 13.2, 500.0)):
        prices = list(grid_prices(low * size, (low + high) * size, 6, D(tick)))
        assert prices
        assert [price for price in prices if price % D(tick)] == []


@served()
async def test_the_crosshair_tells_a_price_the_market_can_have_and_the_time(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) > 50)
        metrics = chart.view.fontMetrics()
        told = set()
        for y in range(60, 260, 7):
            move_mouse(chart.view, QPoint(300, y))
            chart.view.grab()
            assert chart.view.crosshair is not None
            price, time = chart.view.crosshair
            told.add(price)
            assert D(price.replace(",", "")) % 1000 == 0
            assert metrics.horizontalAdvance(price) + 6 <= chart.view.axis_width
            assert len(time) == len("11-29 20:03")
        assert len(told) > 10


@served()
async def test_no_part_of_a_chart_that_is_zoomed_out_stays_blank_after_another_unit(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 900, 400) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) > 100)
        while chart.view.bar_width > 1.5:
            press(chart.view, Qt.Key.Key_Minus)
        fills = chart.view.width() / chart.view.bar_width
        await until(lambda: len(chart.series) >= fills)
        chart.set_unit("15m")
        await until(lambda: len(chart.series) >= fills or chart.series.complete)
        chart.resize(1500, 400)
        await until(lambda: len(chart.series) >= 1400 / chart.view.bar_width or chart.series.complete)
