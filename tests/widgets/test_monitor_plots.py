"""The monitor's plots: present values at the right edge, marks by keyboard, numbers that never overlap, little room."""

from __future__ import annotations

import itertools
from array import array
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from PyQt6 import sip
from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QMainWindow, QTabWidget

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import press
from upbit_ws_qt import AlertLimits, HistorySeries, LineEvent, WebSocketService, WebSocketType
from upbit_ws_qt.monitoring.history import LineEventKind, Metric
from widgets.monitor.axes import TICK_PIXELS, LogAxis, WholeAxis, apart
from widgets.monitor.plots import MonitorPlots
from widgets.monitor.words import event_text
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from PyQt6.QtWidgets import QApplication

    from widgets.monitor.panel import MonitorPanel

PUBLIC, PRIVATE = WebSocketType.PUBLIC, WebSocketType.PRIVATE
NOW = 1_795_000_000.0


def series(metric: str, line: WebSocketType, values: list[float]) -> HistorySeries:
    times = array("d", [NOW - len(values) + place + 1 for place in range(len(values))])
    return HistorySeries(metric=Metric(metric), ws_type=line, step=1.0, times=times, values=array("d", values))


def program_series(metric: str, values: list[float]) -> HistorySeries:
    return replace(series(metric, PUBLIC, values), ws_type=None)


def figures(**last: float) -> Mapping[tuple[str, WebSocketType], HistorySeries]:
    table = {("score", PUBLIC): 98.0, ("rtt", PUBLIC): 0.042, ("epoch", PUBLIC): 4.0, ("score", PRIVATE): 97.0}
    table |= {("connected", PUBLIC): 1.0, ("rtt", PRIVATE): float("nan"), ("epoch", PRIVATE): 2.0}
    return {(metric, line): series(metric, line, [value] * 30) for (metric, line), value in table.items()}


def event(ago: float, kind: LineEventKind = LineEventKind.RESTORED, epoch: int = 2) -> LineEvent:
    return LineEvent(at=NOW - ago, ws_type=PUBLIC, kind=kind, cause="reset", old_epoch=epoch - 1, new_epoch=epoch)


@contextmanager
def drawn() -> Iterator[MonitorPlots]:
    made = MonitorPlots()
    made.resize(800, 400)
    made.show()
    made.show_window(NOW - 60, NOW)
    try:
        yield made
    finally:
        sip.delete(made)


def values_of(plots: MonitorPlots, name: str) -> list[str]:
    return [value.text for value in plots.values[name].values]


def test_the_present_value_of_each_line_stands_at_the_right_edge(qapp: QApplication) -> None:
    with drawn() as plots:
        plots.show_data(figures(), [], NOW)
        assert values_of(plots, "score") == ["98", "97"]
        assert values_of(plots, "rtt") == ["42"]  # the other one is not known now
        assert values_of(plots, "epoch") == ["4", "2"]
        colours = [value.colour for value in plots.values["score"].values]
        assert colours[0] == QColor(plots._colours.lines[PUBLIC]) != colours[1]
        plots.set_line_visible(PUBLIC, False)
        assert values_of(plots, "score") == ["97"]
        plots.set_line_visible(PUBLIC, True)
        assert values_of(plots, "score") == ["98", "97"]
        plots.grab()  # paints them


@pytest.mark.parametrize("tops", [[], [5.0], [10.0, 11.0, 12.0], [90.0, 91.0, 92.0], [-5.0, 0.0, 200.0]])
def test_values_are_moved_apart_and_stay_inside(tops: list[float]) -> None:
    placed = apart(tops, 12.0, 100.0)
    assert all(0 <= top <= 88 for top in placed)
    assert all(b - a >= 12 for a, b in itertools.pairwise(sorted(placed)))
    order = sorted(range(len(tops)), key=lambda number: tops[number])
    assert [placed[number] for number in order] == sorted(placed)


@pytest.mark.parametrize("size", [20.0, 45.0, 60.0, 120.0, 400.0])
def test_numbers_on_the_axes_never_overlap(size: float, qapp: QApplication) -> None:
    for axis, low, high in (
        (WholeAxis("left"), 0.0, 105.0),
        (WholeAxis("left"), 0.5, 12.5),
        (LogAxis("left"), -1.0, 3.0),
        (LogAxis("left"), 1.0, 3.0),
    ):
        ((_, ticks),) = axis.tickValues(low, high, size)
        assert ticks
        pixels = [size * (tick - low) / (high - low) for tick in ticks]
        assert all(b - a >= min(TICK_PIXELS, size / 2) - 1e-6 for a, b in itertools.pairwise(pixels)), (size, ticks)


def test_the_plots_have_a_line_where_an_alert_is_raised(qapp: QApplication) -> None:
    limits = AlertLimits(slow=0.1, loop_lag=0.25)
    made = MonitorPlots(limits=limits)
    made.resize(800, 500)
    made.show()
    try:
        made.show_window(NOW - 60, NOW)
        rtt = [line.value() for line, _ in made._thresholds if line in made.plots["rtt"].items]
        assert rtt == [2.0, 2.0], "100 ms; what costs points is never above what is an alert"
        made.set_extra("loop_lag")
        made.show_data(figures(), [], NOW, [program_series("loop_lag", [0.02] * 30)])
        curves = made._extra_curves
        assert curves is not None
        assert curves.threshold.isVisible()
        assert curves.threshold.value() == 250
        made._point_at(NOW - 5)
        assert made.readout.rows[-1].text == "loop lag ms   20   alert from 250"
        made.set_extra("cpu")
        made.show_data(figures(), [], NOW, [program_series("cpu", [0.02] * 30)])
        assert not curves.threshold.isVisible()
    finally:
        sip.delete(made)


def test_marks_are_gone_through_by_keyboard(qapp: QApplication) -> None:
    with drawn() as plots:
        events = [event(500), event(50, LineEventKind.LOST), event(48), event(20, LineEventKind.EPOCH, 3)]
        plots.show_data(figures(), events, NOW)
        unseen, lost, back, renewed = events
        plots.setFocus()
        for key, reached in (
            (Qt.Key.Key_Left, renewed),
            (Qt.Key.Key_Left, back),
            (Qt.Key.Key_Left, lost),
            (Qt.Key.Key_Left, lost),
            (Qt.Key.Key_Right, back),
            (Qt.Key.Key_End, renewed),
            (Qt.Key.Key_Home, lost),
        ):
            press(plots, key)
            assert plots.visited is reached
            assert plots.accessibleDescription() == event_text(reached)
            assert all(line.isVisible() and line.value() == reached.at for line in plots._pointers)
        assert plots.visited is not unseen
        press(plots, Qt.Key.Key_Escape)
        assert plots.visited is None
        assert "arrow keys" in plots.accessibleDescription()
        assert not any(line.isVisible() for line in plots._pointers)


def test_without_marks_the_keys_do_nothing(qapp: QApplication) -> None:
    with drawn() as plots:
        plots.show_data(figures(), [], NOW)
        press(plots, Qt.Key.Key_Left)
        assert plots.visited is None


def test_labels_of_marks_do_not_overlap(qapp: QApplication) -> None:
    with drawn() as plots:
        plots.show_data(figures(), [event(40), event(39.5, epoch=3), event(39, epoch=4), event(10, epoch=5)], NOW)
        texts = [label.toPlainText() for label in plots._labels if label.isVisible()]
        assert sorted(texts) == ["public e4", "public e5"]
        assert len(plots.marks) == 4


def _is_arranged(panel: MonitorPanel, width: int, orientation: Qt.Orientation) -> bool:
    host = panel.window()
    assert host is not None
    return host.width() == width and panel.split.orientation() is orientation


@served()
async def test_plots_and_tabs_lie_side_by_side_where_there_is_little_height(service: WebSocketService) -> None:
    window = QMainWindow()
    dock = ConnectionMonitorDock(service)
    window.setCentralWidget(dock)
    panel = dock.panel
    try:
        window.show()
        for size, side_by_side in (((1280, 800), False), ((1280, 430), True), ((600, 430), False), ((600, 900), False)):
            window.resize(QSize(*size))
            orientation = Qt.Orientation.Horizontal if side_by_side else Qt.Orientation.Vertical
            await until(partial(_is_arranged, panel, size[0], orientation))
            # Everything has its least height and nothing lies on anything else, however little there is.
            assert panel.plots.height() >= panel.plots.minimumHeight() >= 200
            assert panel.tabs.height() >= panel.tabs.minimumHeight() >= 100
            parts = [panel.table.geometry(), panel.split.geometry(), panel.last_event.geometry()]
            assert all(a.bottom() < b.top() for a, b in itertools.pairwise(parts))
            assert isinstance(panel.tabs, QTabWidget)
            assert window.width() == size[0]
            assert window.height() == size[1]
    finally:
        window.close()
        window.deleteLater()
