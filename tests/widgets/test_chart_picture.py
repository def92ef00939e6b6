"""What a chart shows: formulas in panes, scales, units; what is kept, saved and painted anew."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QEvent, QObject, QPoint, QPointF, Qt
from PyQt6.QtGui import QImage, QPaintEvent, QRegion
from PyQt6.QtWidgets import QApplication

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import click, double_click, move_mouse, press, shown
from tests.widgets.test_formulas import walk
from widgets.base.panel import PanelState
from widgets.base.price_format import brief_text
from widgets.base.theme import MarketScheme, market_colours
from widgets.chart.choice import (
    ChartChoice,
    ChosenFormula,
    PictureStyle,
    ScaleKind,
    choice_from,
    choice_to_plain,
)
from widgets.chart.data import Bar, CandleSeries, bar_from
from widgets.chart.formulas_dialog import FormulasDialog
from widgets.chart.panel import ChartWidget
from widgets.chart.scale import CALENDAR_UNITS
from widgets.chart.view import ChartView
from widgets.formulas.catalog import FORMULAS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

D = Decimal
ALL = tuple(ChosenFormula.usual(name) for name in FORMULAS)


def series_of(count: int, seed: int = 7) -> CandleSeries:
    """Return candles of a price that wanders."""
    columns, series = walk(count, seed), CandleSeries()
    rows = zip(columns.opening, columns.high, columns.low, columns.close, columns.volume, strict=True)
    for start, row in zip(columns.start, rows, strict=True):
        series.take(bar_from(int(start), int(start) * 1000, *(D(repr(float(each))) for each in row)))
    return series


@pytest.fixture
def view(qapp: QApplication) -> Iterator[ChartView]:
    made = ChartView()
    made.take_colours(market_colours(MarketScheme.KOREAN, dark=False), dimmed=False)
    made.resize(700, 500)
    made.show_series(series_of(400), "KRW-ETC", "1m")
    made.show()
    qapp.processEvents()
    yield made
    made.close()
    made.deleteLater()
    QApplication.sendPostedEvents(made, QEvent.Type.DeferredDelete)


class Painted(QObject):
    """Which part of a widget each of its paintings was about."""

    def __init__(self, watched: ChartView) -> None:
        super().__init__(watched)
        self.regions: list[QRegion] = []
        watched.installEventFilter(self)

    def eventFilter(self, _watched: QObject | None, event: QEvent | None) -> bool:
        if isinstance(event, QPaintEvent):
            self.regions.append(event.region())
        return False


def moved(bar: Bar, by: str) -> Bar:
    """Return a candle after another trade."""
    close = min(max(bar.close + D(by), bar.low), bar.high)
    return bar_from(bar.start, bar.timestamp + 1, bar.opening, bar.high, bar.low, close, bar.volume + 1)


def test_a_tick_paints_its_own_candle_and_leaves_the_closed_ones(view: ChartView, qtbot: QtBot) -> None:
    view.set_choice(ChartChoice(formulas=(ChosenFormula.usual("sma", 20), ChosenFormula.usual("rsi"))))
    close = view.series.bars[-1].close
    start = view.series.bars[-1].start + 60
    view.series.take(bar_from(start, 1, close, close, close, close, D(0)))
    view.grab()
    QApplication.processEvents()
    made = view.pictures
    painted = Painted(view)
    view.series.take(bar_from(start, 2, close, close, close, close, D("0.001")))
    view.series_changed()
    qtbot.waitUntil(lambda: bool(painted.regions))
    assert view.pictures == made, "the picture of closed candles was made before"
    area = QRegion()
    for region in painted.regions:
        area = area.united(region)
    assert not area.contains(QPoint(view.width() // 2, int(view.height() * 0.55))), "closed candles are left alone"
    assert area.contains(QPoint(view.width() - 4, view.height() // 2))
    view.series.take(bar_from(start + 60, 3, close, close, close, close, D(0)))
    view.series_changed()
    qtbot.waitUntil(lambda: view.pictures == made + 1)


def test_what_was_painted_in_parts_is_what_would_be_painted_at_once(view: ChartView) -> None:
    view.set_choice(ChartChoice(formulas=ALL))
    view.resize(900, 1400)
    for step in range(12):
        newest = view.series.bars[-1]
        view.series.take(moved(newest, "5" if step % 2 else "-5"))
        view.series_changed()
        view.grab()
        seen = view.picture()
        fresh = ChartView()
        fresh.take_colours(market_colours(MarketScheme.KOREAN, dark=False), dimmed=False)
        fresh.resize(view.size())
        fresh.set_choice(view.choice)
        fresh.show_series(view.series, "KRW-ETC", "1m")
        fresh.grab()  # the axis grows to its width by being painted
        same = fresh.picture() == seen
        fresh.deleteLater()
        QApplication.sendPostedEvents(fresh, QEvent.Type.DeferredDelete)
        assert same


def test_the_cloud_is_filled_between_its_spans(view: ChartView) -> None:
    """Half of it in the colour of rising prices, half in that of falling ones, as the spans lie."""
    view.set_choice(ChartChoice(style=PictureStyle.LINE, volume=False, formulas=(ChosenFormula.usual("ichimoku"),)))
    view.resize(900, 600)
    view.grab()
    frame, content = view.frame(), view.content()
    assert frame is not None
    assert content is not None
    [drawn] = content.reckoned
    above, below = drawn.curves[2], drawn.curves[3]
    picture, scale = view.picture(), frame.price.scale
    ratio = picture.devicePixelRatio()
    seen: dict[bool, int] = {True: 0, False: 0}
    for place in range(frame.first, frame.end - above.shift):
        one, other = float(above.values[place]), float(below.values[place])
        x, y = frame.x(place + above.shift), scale.y((one + other) / 2)
        if abs(scale.y(one) - scale.y(other)) < 24 or not frame.price.rect.contains(x, y):
            continue
        colour = picture.pixelColor(round(x * ratio), round(y * ratio))
        if colour.red() != colour.blue():  # where a line crosses the middle there is that line
            seen[one > other] += 1 if (colour.red() > colour.blue()) == (one > other) else -1
    assert seen[True] > 0
    assert seen[False] > 0


@pytest.mark.parametrize("style", PictureStyle)
@pytest.mark.parametrize("scale", ScaleKind)
def test_every_style_scale_and_width_of_bars_can_be_painted(
    view: ChartView, style: PictureStyle, scale: ScaleKind
) -> None:
    view.set_choice(ChartChoice(style=style, scale=scale, formulas=ALL))
    pictures = []
    for width in (0.05, 0.4, 1.0, 3.0, 40.0):
        view.zoom(width / view.bar_width)
        pictures.append(view.grab().toImage())
    assert all(one != other for one, other in pairwise(pictures))
    view.show_series(series_of(1), "KRW-ETC", "1m")
    view.grab()
    view.show_series(CandleSeries(), "KRW-ETC", "1m")
    view.grab()


def test_the_chart_says_ta_libs_values(view: ChartView) -> None:
    view.set_choice(ChartChoice(formulas=(ChosenFormula.usual("sma", 20), ChosenFormula.usual("rsi", 14))))
    view.grab()
    close = np.array([bar.shown[3] for bar in view.series.bars])
    assert f"RSI 14  {brief_text(D(repr(float(talib.RSI(close, 14)[-1]))))}" in view.legend_text("1")
    assert f"MA 20  {round(float(talib.SMA(close, 20)[-1])):,}" in view.legend_text()


def test_prices_are_scaled_by_hand_until_they_are_to_fit_again(view: ChartView) -> None:
    view.grab()
    frame = view.frame()
    assert frame is not None
    low, high = frame.price.scale.low, frame.price.scale.high
    axis = QPoint(view.width() - view.axis_width // 2, 150)
    told: list[bool] = []
    view.scaleChanged.connect(lambda: told.append(view.is_manual))
    drag(view, axis, axis + QPoint(0, 80))
    wider = view.frame()
    assert wider is not None
    assert wider.price.scale.low < low
    assert wider.price.scale.high > high
    drag(view, QPoint(300, 150), QPoint(300, 190))
    above = view.frame()
    assert above is not None
    assert above.price.scale.high > wider.price.scale.high, "the picture is dragged up and down too"
    double_click(view, axis)
    view.scale_prices(1.25)
    press(view, Qt.Key.Key_A)
    assert told == [True, False, True, False]


def drag(view: ChartView, begin: QPoint, end: QPoint) -> None:
    """Drag the mouse with its left button."""
    from PyQt6.QtTest import QTest

    test: Any = QTest
    test.mousePress(view, Qt.MouseButton.LeftButton, pos=begin)
    test.mouseMove(view, (begin + end) / 2)
    test.mouseMove(view, end)
    test.mouseRelease(view, Qt.MouseButton.LeftButton, pos=end)


def test_a_border_between_panes_is_dragged(view: ChartView) -> None:
    view.grab()
    changed: list[None] = []
    view.choiceChanged.connect(lambda: changed.append(None))
    frame = view.frame()
    assert frame is not None
    before = frame.panes[1].rect
    border = QPoint(300, round(before.top()))
    drag(view, border, border - QPoint(0, 60))
    after = view.frame()
    assert after is not None
    assert after.panes[1].rect.height() == pytest.approx(before.height() + 60, abs=2)
    assert len(changed) == 1


def test_no_part_stays_blank_once_all_candles_are_there(view: ChartView) -> None:
    view.series.complete = True
    for _ in range(40):
        press(view, Qt.Key.Key_Minus)
    frame = view.frame()
    assert frame is not None
    assert frame.x(-0.5) <= frame.plot.left() + 1
    press(view, Qt.Key.Key_Plus, Qt.Key.Key_Plus, Qt.Key.Key_Home)
    frame = view.frame()
    assert frame is not None
    assert frame.x(-0.5) == pytest.approx(frame.plot.left(), abs=1), "the first candle stands at the left edge"


def test_the_crosshair_says_a_value_of_the_pane_that_it_is_in(view: ChartView) -> None:
    view.set_choice(ChartChoice(formulas=(ChosenFormula.usual("rsi"),)))
    view.grab()
    frame = view.frame()
    assert frame is not None
    pane = frame.panes[-1]
    move_mouse(view, QPoint(200, round(pane.scale.y(50.0))))
    view.grab()
    assert view.crosshair is not None
    assert float(view.crosshair[0]) == pytest.approx(50, abs=1)


# -- what is chosen, and kept ------------------------------------------------------------------------------------------
_FORMULAS = st.lists(
    st.sampled_from(sorted(FORMULAS)).flatmap(
        lambda name: st.builds(
            ChosenFormula.usual, st.just(name), *(st.floats(-10, 600) for _ in FORMULAS[name].parameters)
        )
    ),
    max_size=20,
)


@given(style=st.sampled_from(PictureStyle), scale=st.sampled_from(ScaleKind), volume=st.booleans(), formulas=_FORMULAS)
def test_a_choice_is_read_back_from_its_file(
    style: PictureStyle, scale: ScaleKind, volume: bool, formulas: list[ChosenFormula]
) -> None:
    choice = ChartChoice(style, scale, volume, tuple(formulas), {"volume": 0.3}, ("KRW-ETH", "BTC-XRP"))
    assert choice_from(json.loads(json.dumps(choice_to_plain(choice)))) == choice
    assert sum(choice.shares().values()) == pytest.approx(1)
    assert choice.shares()["price"] >= 0.4 - 1e-9


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(("name", "values", "colours", "x")), inner)
    ),
    max_leaves=12,
)


@given(plain=st.dictionaries(st.sampled_from(("style", "scale", "volume", "formulas", "heights", "y")), _JSON) | _JSON)
def test_a_damaged_file_is_as_none(plain: object) -> None:
    choice = choice_from(plain)
    assert choice.panes[0] == "price"
    assert sum(choice.shares().values()) == pytest.approx(1)


@served()
async def test_formulas_are_chosen_by_keyboard_and_kept(service: WebSocketService, tmp_path: Path) -> None:
    memory = tmp_path / "chart.json"
    async with shown(ChartWidget(service, "KRW-BTC", memory=memory), 700, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200)
        click(chart.indicators)
        dialog = chart.findChild(FormulasDialog)
        assert dialog is not None
        dialog.offered.setFocus()
        while dialog.offered.currentData() != "rsi":
            press(dialog.offered, Qt.Key.Key_Down)
        press(dialog.add, Qt.Key.Key_Space)
        assert chart.choice.panes == ("price", "volume", "3")
        field = dialog.fields[0]
        field.selectAll()
        press(field, "21", Qt.Key.Key_Tab)
        press(dialog.colours[0], Qt.Key.Key_Down)
        assert chart.choice.formulas[3] == ChosenFormula("rsi", (21.0,), (4,))
        dialog.list.setCurrentRow(0)
        press(dialog.remove, Qt.Key.Key_Space)
        assert [each.name for each in chart.choice.formulas] == ["sma", "volume_average", "rsi"]
        chart.grab()
        assert "RSI 21" in chart.view.legend_text("2")
        press(dialog, Qt.Key.Key_Escape)
        kept = chart.choice
    async with shown(ChartWidget(service, "KRW-BTC", memory=memory), 700, 500) as chart:
        assert chart.choice == kept


@served()
async def test_the_menu_changes_picture_and_scale(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 200)
        before = chart.view.grab().toImage()
        for text, wanted in (
            ("Heikin-Ashi", ChartChoice(style=PictureStyle.HEIKIN_ASHI)),
            ("Percent", ChartChoice(style=PictureStyle.HEIKIN_ASHI, scale=ScaleKind.PERCENT)),
            ("Volume pane", ChartChoice(style=PictureStyle.HEIKIN_ASHI, scale=ScaleKind.PERCENT, volume=False)),
        ):
            menu = chart.menu()
            [action] = [each for each in menu.actions() if each.text() == text]
            action.trigger()
            menu.deleteLater()
            assert chart.choice == wanted
        assert chart.view.grab().toImage() != before


@served()
async def test_candles_and_formulas_are_saved_exactly(service: WebSocketService, tmp_path: Path) -> None:
    async with shown(ChartWidget(service, "KRW-BTC", unit="240m"), 700, 500) as chart:
        await until(lambda: chart.state is PanelState.LIVE and len(chart.series) >= 100)
        chart.grab()
        chart.save_candles(tmp_path / "candles.csv")
        bars = list(chart.series.bars)
        with (tmp_path / "candles.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        assert rows[0][:6] == ["start_utc", "opening", "high", "low", "close", "volume"]
        assert rows[0][6:] == ["MA 20 average", "MA 60 average", "MA 20 average"]
        assert [D(row[4]) for row in rows[1:]] == [bar.close for bar in bars]
        close = np.array([bar.shown[3] for bar in bars])
        assert float(rows[-1][6]) == talib.SMA(close, 20)[-1]
        assert rows[1][6] == ""
        chart.save_picture(tmp_path / "chart.png")
        assert QImage(str(tmp_path / "chart.png")).width() >= chart.view.width()
        with pytest.raises(OSError, match="cannot be written"):
            chart.save_picture(tmp_path / "missing" / "chart.png")


@pytest.mark.parametrize("unit", CALENDAR_UNITS)
@served()
async def test_days_and_longer_have_a_history_and_follow_the_ticker(service: WebSocketService, unit: str) -> None:
    async with shown(ChartWidget(service, "KRW-BTC", unit=unit), 700, 400) as chart:
        await until(lambda: len(chart.series) >= (1 if unit == "years" else 20))
        starts = [bar.start for bar in chart.series.bars]
        assert starts == sorted(set(starts))
        tickers: list[Any] = []
        service.ticker("KRW-BTC").frame.connect(tickers.append)
        await until(lambda: len(tickers) > 2 and chart.series.bars[-1].close == tickers[-1].trade_price)
        assert chart.state is PanelState.LIVE
        newest = chart.series.bars[-1]
        assert newest.low <= newest.close <= newest.high
        if unit == "days":
            assert newest.volume == tickers[-1].acc_trade_volume


@served()
async def test_the_history_comes_by_itself_to_the_first_candle(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC", unit="days"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 100)
        while not chart.series.complete:
            press(chart.view, Qt.Key.Key_Home)
            count = len(chart.series)
            await until(lambda count=count: len(chart.series) > count or chart.series.complete)  # type: ignore[misc]
        listed = chart.series.bars[0].start
        answer = await service.rest.candles("KRW-BTC", "days", None, 1)
        assert answer[0].start.timestamp() > listed
        for _ in range(40):
            chart.view.zoom(0.8)
        frame = chart.view.frame()
        assert frame is not None
        assert frame.first == 0
        assert frame.x(-0.5) <= frame.plot.left() + 1


def test_a_point_of_the_plot_is_found_again(view: ChartView) -> None:
    frame = view.frame()
    assert frame is not None
    for x in (1.0, 333.3, 500.0):
        assert frame.x(frame.index(x)) == pytest.approx(x)
    assert frame.pane_at(QPointF(10, 10)) is frame.price
