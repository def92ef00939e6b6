"""Heat maps of the monitor: what they show, what they say of a cell, by mouse and keys, and what they cost."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import PUBLIC, connected, shown, wanting
from tests.widgets.showing import move_mouse, press
from upbit_ws_qt import DataType, FreshnessMap, LatencyKind, LatencyMap, StreamKey, WebSocketService
from widgets.base.contrast import _luminance as luminance
from widgets.base.text import Language, set_language
from widgets.base.theme import DARK, LIGHT, ThemeMode, apply_theme
from widgets.monitor.heat import HeatCanvas, HeatTab, shades_of
from widgets.monitor.heat_data import freshness_heat, latency_heat

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication
    from pytestqt.qtbot import QtBot

    from upbit_ws_qt.exchange import EmbeddedExchange

BEGIN = 1_795_000_000.0
TIMES = array("d", [BEGIN, BEGIN + 10, BEGIN + 20])
NAN = float("nan")


def latencies(*columns: dict[int, int]) -> LatencyMap:
    """Return a map whose columns have so many times in these classes."""
    edges = LatencyMap(kind=LatencyKind.WAY, ws_type=PUBLIC).edges
    counts = array("H")
    for column in columns:
        counts += array("H", [column.get(place, 0) for place in range(len(edges) + 1)])
    return LatencyMap(kind=LatencyKind.WAY, ws_type=PUBLIC, times=TIMES[: len(columns)], counts=counts)


def ages(**streams: list[float]) -> FreshnessMap:
    """Return a map of tickers: KRW-name=[age, …]."""
    found = {StreamKey(DataType.TICKER, f"KRW-{name}"): array("d", values) for name, values in streams.items()}
    return FreshnessMap(times=TIMES, ages=found)


def test_a_column_of_times_is_shown_by_shares_and_told_in_words() -> None:
    heat = latency_heat(latencies({10: 3, 12: 1}, {}, {12: 5}))
    assert heat is not None
    row = int(np.nanargmax(heat.levels[:, 0]))
    assert heat.levels[row, 0] == pytest.approx(0.75**0.5)
    assert heat.levels[row + 2, 0] == pytest.approx(0.25**0.5)
    assert np.isnan(heat.levels[:, 1]).all(), "where nothing was measured nothing is drawn"
    assert heat.levels[row + 2, 2] == 1
    told = heat.tell(row, 0)
    assert told[2] == "3 of 4 (75.0 %)"
    assert "63 to 100 ms" in told[1]
    assert told[3] == "half within 100 ms, 95 % within 251 ms"
    assert heat.tell(row, 1)[1:] == ["nothing was measured"]


def test_the_words_beside_a_distribution_stand_between_the_right_rows() -> None:
    heat = latency_heat(latencies({8: 1, 20: 1}))
    assert heat is not None
    places = {label.text: label.place for label in heat.labels}
    # 100 ms is the upper end of class 10, and the lowest row is class 7.
    assert places["100 ms"] == 10 + 1 - 7
    assert places["1 s"] == 15 + 1 - 7


def test_nothing_measured_is_no_map() -> None:
    assert latency_heat(latencies()) is None
    assert latency_heat(latencies({}, {})) is None
    assert freshness_heat(FreshnessMap(), 10) is None
    assert freshness_heat(ages(BTC=[1, 1, 1]), 10, "ETH") is None


def test_an_age_is_faint_while_young_and_strong_when_old() -> None:
    heat = freshness_heat(ages(BTC=[0.1, 600.0, 6000.0], ETH=[NAN, 7.75, 0.01]), 10)
    assert heat is not None
    assert list(heat.levels[1]) == pytest.approx([0.0, 1.0, 1.0])  # the first stream is at the top
    assert np.isnan(heat.levels[0, 0])
    assert heat.levels[0, 1:] == pytest.approx([0.5, 0.0], abs=0.01)
    assert heat.tell(0, 0)[1:] == ["tickers KRW-ETH", "no event yet"]
    assert heat.tell(1, 1)[1:] == ["tickers KRW-BTC", "last event 10m before"]


def test_streams_that_share_a_row_show_the_oldest_and_it_is_named() -> None:
    heat = freshness_heat(ages(A=[1, 1, 1], B=[1, 50, 1], C=[2, 1, 1], D=[NAN, NAN, NAN]), 2)
    assert heat is not None
    assert heat.levels.shape == (2, 3)
    assert heat.tell(1, 1)[1:] == ["tickers KRW-B", "last event 50s before", "the oldest of 2 in this row"]
    assert heat.tell(0, 0)[1] == "tickers KRW-C"


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_shades_are_told_apart_by_lightness_alone(qapp: QApplication, colours: object) -> None:
    apply_theme(qapp, ThemeMode.DARK if colours is DARK else ThemeMode.LIGHT)
    try:
        found = [luminance(shade) for shade in shades_of(qapp.palette())]
    finally:
        apply_theme(qapp, ThemeMode.LIGHT)
    rising = found if colours is DARK else found[::-1]
    assert rising == sorted(rising)
    assert rising[-1] / rising[0] > 10
    steps = [rising[place + 32] - rising[place] for place in range(0, 224, 32)]
    assert min(steps) > 0


def test_cells_are_gone_through_by_keys_and_told_to_a_screen_reader(qtbot: QtBot) -> None:
    canvas = HeatCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(600, 300)
    canvas.show()
    canvas.show_heat(freshness_heat(ages(BTC=[1, 2, 3], ETH=[4, 5, 6]), 10), BEGIN, BEGIN + 30)
    press(canvas, Qt.Key.Key_Left)
    assert canvas.cell == (1, 2), "the newest of the first stream"
    press(canvas, Qt.Key.Key_Left, Qt.Key.Key_Down)
    assert canvas.cell == (0, 1)
    assert "KRW-ETH, last event 5.0 s before" in canvas.accessibleDescription()
    assert [row.text for row in canvas.readout.rows][1] == "tickers KRW-ETH"
    press(canvas, Qt.Key.Key_Home)
    assert canvas.cell == (0, 0)
    press(canvas, Qt.Key.Key_Left, Qt.Key.Key_Down)
    assert canvas.cell == (0, 0)
    press(canvas, Qt.Key.Key_Escape)
    assert not canvas.readout.isVisible()


def test_what_is_told_stays_with_its_moment_while_the_map_moves_on(qtbot: QtBot) -> None:
    canvas = HeatCanvas()
    qtbot.addWidget(canvas)
    canvas.show_heat(freshness_heat(ages(BTC=[1, 2, 3]), 10), BEGIN, BEGIN + 30)
    canvas.point_at((0, 2))
    later = FreshnessMap(
        times=array("d", [at + 10 for at in TIMES]), ages={StreamKey(DataType.TICKER, "KRW-BTC"): array("d", [2, 3, 4])}
    )
    canvas.show_heat(freshness_heat(later, 10), BEGIN + 10, BEGIN + 40)
    assert canvas.cell == (0, 1)
    canvas.show_heat(None, BEGIN + 100, BEGIN + 130)
    assert not canvas.readout.isVisibleTo(canvas)


def test_the_mouse_points_at_the_cell_that_is_drawn_there(qtbot: QtBot) -> None:
    canvas = HeatCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(600, 300)
    canvas.show()
    canvas.show_heat(freshness_heat(ages(BTC=[1, 2, 3], ETH=[4, 5, 6]), 10), BEGIN, BEGIN + 30)
    canvas.grab()
    view = canvas._plot.getViewBox()
    place: QPoint = canvas._view.mapFromScene(view.mapViewToScene(QPointF(BEGIN + 15, 1.5)))
    move_mouse(canvas._view.viewport(), place)
    assert canvas.cell == (1, 1)
    shade = shades_of(canvas.palette())[int(255 * np.log(2 / 0.1) / np.log(6000))]
    seen = canvas._view.grab().toImage().pixelColor(place.x() + 6, place.y() + 6)
    assert abs(seen.red() - shade.red()) + abs(seen.green() - shade.green()) < 12


def test_the_tab_speaks_both_languages_and_its_legend_goes_with_the_map(qtbot: QtBot) -> None:
    service = WebSocketService()
    tab = HeatTab(service)
    qtbot.addWidget(tab)
    assert [text for _, text in tab.legend.marks] == ["0.1 s", "1.0 s", "10s", "1m", "10m"]
    tab.choice.setCurrentIndex(1)
    assert [text for _, text in tab.legend.marks] == ["1 %", "10 %", "40 %", "100 %"]
    assert not tab.filter.isVisibleTo(tab)
    set_language(Language.KOREAN)
    try:
        tab.retranslate()
        assert tab.choice.itemText(0) == "스트림별 경과 시간"
    finally:
        set_language(Language.ENGLISH)
    service.deleteLater()


@served(metrics_interval=1.0)
async def test_the_monitor_shows_what_the_service_measured(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        tab = dock.panel.heat
        dock.panel.tabs.setCurrentWidget(tab)
        await until(lambda: bool(service.freshness_map(60).ages))
        tab.refresh(*dock.panel.plots.x_range)
        await until(lambda: tab.canvas.heat is not None)
        assert tab.canvas.heat is not None
        await until(lambda: bool(service.latency_map("way", PUBLIC, 60).times))
        tab.choice.setCurrentIndex(1)
        await until(lambda: tab.canvas.heat is not None)
        assert "ms" in tab.canvas.heat.labels[0].text
