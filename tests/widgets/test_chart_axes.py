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
from widgets.chart.panel import UNITS, ChartWidget
from widgets.chart.scale import grid_prices, on_tick, time_marks, time_step, unit_seconds

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService

D = Decimal
KST = timedelta(hours=9)
# 2026-11-29 20:03 in Korea, so that midnight is near.
BEGIN = int(datetime(2026, 11, 29, 11, 3, tzinfo=UTC).timestamp())


@pytest.mark.parametrize("unit", UNITS)
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
    assert sum(mark.is_date for mark in marks) == len(midnights)
    if midnights:
        (date, *_) = [mark for mark in marks if mark.is_date]
        assert date.text in ("11-30", "2026-11")


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
        for y in range(60, 300, 7):
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
        for _ in range(20):
            press(chart.view, Qt.Key.Key_Minus)
        fills = chart.view.width() / chart.view.bar_width
        await until(lambda: len(chart.series) >= fills)
        chart.set_unit("15m")
        await until(lambda: len(chart.series) >= fills or chart.series.complete)
        chart.resize(1500, 400)
        await until(lambda: len(chart.series) >= 1400 / chart.view.bar_width or chart.series.complete)
