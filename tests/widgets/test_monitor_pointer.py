"""The pointer over the monitor's plots: what everything stood at, a span to zoom to, one more figure on the axis."""

from __future__ import annotations

import math
import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QFileDialog

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import PRIVATE, PUBLIC, connected, shown, wanting
from tests.widgets.showing import double_click, move_mouse, press
from tests.widgets.test_monitor_plots import NOW, drawn, event, figures, series
from upbit_ws_qt.monitoring.history import LineEventKind
from widgets.monitor.extra import EXTRAS, extra_text
from widgets.monitor.words import event_text

if TYPE_CHECKING:
    from pathlib import Path

    from PyQt6.QtWidgets import QApplication, QWidget

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange
    from widgets.monitor.plots import MonitorPlots
    from widgets.monitor_dock import ConnectionMonitorDock

_QTEST: Any = QTest  # the stubs take its functions for methods


def point(plots: MonitorPlots, at: float) -> None:
    """Move the mouse over a moment; on the way, since Qt tells of no move to where the pointer was already."""
    for ago in (1, 0):
        move_mouse(plots._canvas.viewport(), place_of(plots, at - ago))


def place_of(plots: MonitorPlots, at: float) -> QPoint:
    scene = plots.plots["score"].getViewBox().mapViewToScene(QPointF(at, 50.0))
    return QPoint(plots._canvas.mapFromScene(scene))


def brush(viewport: QWidget | None, since: QPoint, until: QPoint) -> None:
    """Press, move and release the left button."""
    left = Qt.MouseButton.LeftButton
    _QTEST.mousePress(viewport, left, pos=since)
    _QTEST.mouseMove(viewport, (since + until) / 2)
    _QTEST.mouseMove(viewport, until)
    _QTEST.mouseRelease(viewport, left, pos=until)


def texts(plots: MonitorPlots) -> list[str]:
    return [row.text for row in plots.readout.rows]


def test_the_sheet_says_what_each_line_stood_at_and_what_happened_there(qapp: QApplication) -> None:
    with drawn() as plots:
        happened = event(20, LineEventKind.RESTORED)
        plots.show_data(figures(), [happened], NOW)
        point(plots, NOW - 10)
        assert plots.readout.isVisible()
        assert plots.cursor_at == pytest.approx(NOW - 10, abs=0.2)
        assert texts(plots)[1:] == ["public   98   42 ms   e4", "private   97   —   e2", "info   —   —   —"]
        assert plots.readout.rows[1].colour == plots._colours.lines[PUBLIC] != plots.readout.rows[2].colour
        assert all(line.isVisible() for line in plots._pointers)
        assert len(plots._pointers) == len(plots.plots)  # through all of them
        point(plots, NOW - 20)
        assert event_text(happened) in texts(plots)
        point(plots, NOW - 50)  # before anything was known
        assert texts(plots)[1] == "public   —   —   —"
        plots.set_line_visible(PUBLIC, False)
        point(plots, NOW - 10)
        assert texts(plots)[1].startswith("private")
        # It stays under the mouse while the plots scroll away beneath it.
        plots.show_window(NOW - 50, NOW + 10)
        assert plots.cursor_at == pytest.approx(NOW, abs=0.2)
        move_mouse(plots._canvas.viewport(), QPoint(2, 2))  # the axis
        assert not plots.readout.isVisible()
        plots.grab()


def test_a_span_is_brushed_or_zoomed_to_by_keyboard(qapp: QApplication) -> None:
    with drawn() as plots:
        plots.show_data(figures(), [event(20)], NOW)
        chosen: list[tuple[float, float]] = []
        left: list[bool] = []
        plots.spanChosen.connect(lambda since, until: chosen.append((since, until)))
        plots.spanLeft.connect(lambda: left.append(True))
        viewport = plots._canvas.viewport()
        brush(viewport, place_of(plots, NOW - 10), place_of(plots, NOW - 30))  # backwards is the same
        assert chosen == [pytest.approx((NOW - 30, NOW - 10), abs=0.3)]
        brush(viewport, place_of(plots, NOW - 10), place_of(plots, NOW - 10) + QPoint(3, 0))
        assert len(chosen) == 1  # a click is no brush
        plots.setFocus()
        press(plots, Qt.Key.Key_Plus)
        assert chosen[-1] == pytest.approx((NOW - 45, NOW - 15))
        press(plots, Qt.Key.Key_Left, Qt.Key.Key_Plus)
        assert chosen[-1] == pytest.approx((NOW - 35, NOW - 5))  # around the mark
        press(plots, Qt.Key.Key_Minus)
        assert chosen[-1] == pytest.approx((NOW - 80, NOW + 40))
        plots.show_window(NOW - 3, NOW)
        press(plots, Qt.Key.Key_Escape, Qt.Key.Key_Plus)
        assert chosen[-1][1] - chosen[-1][0] == pytest.approx(4)  # there is a point a second
        double_click(viewport, place_of(plots, NOW - 1))
        assert len(left) == 2


@pytest.mark.parametrize("metric", list(EXTRAS))
def test_one_more_figure_has_the_same_axis_of_time(metric: str, qapp: QApplication) -> None:
    with drawn() as plots:
        plots.set_extra(metric)
        kind = EXTRAS[metric]
        one = series(metric, PUBLIC, [3.0 / kind.scale] * 30)
        plots.show_data(figures(), [], NOW, [one if kind.by_line else _of_program(one)])
        assert plots.plots["extra"].viewRange()[0] == pytest.approx(plots.x_range, abs=0.01)
        assert [value.text for value in plots.values["extra"].values] == ["3.0"]
        assert plots.plots["extra"].viewRange()[1] == pytest.approx([0, 5])
        point(plots, NOW - 10)
        figure, _, limit = texts(plots)[-1].partition("   alert from ")
        assert figure.endswith("3.0")
        assert bool(limit) is bool(kind.limit)
        plots.set_extra(None)
        assert "extra" not in plots.plots
        plots.set_extra(metric)
        plots.grab()
        assert extra_text(math.nan) == "—"


def _of_program(one: Any) -> Any:
    from msgspec.structs import replace

    return replace(one, ws_type=None)


@served()
async def test_a_zoomed_view_stands_still_until_it_is_left_and_files_go_where_the_last_one_went(
    service: WebSocketService, exchange: EmbeddedExchange, tmp_path: Path
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        await until(lambda: len(service.history("score", PUBLIC, 60).values) >= 2)
        plots = dock.panel.plots
        actions = dock.panel.bar.more.menu()
        assert actions is not None
        next(action for action in actions.actions() if action.data() == "memory").trigger()
        dock.refresh()
        assert plots.extra == "memory"
        assert float(plots.values["extra"].values[0].text) > 10
        now = time.time()
        dock.zoom_to(now - 10, now - 5)
        dock.refresh()
        assert dock.paused
        assert plots.x_range == (now - 10, now - 5)
        with pytest.raises(ValueError, match="until"):
            dock.zoom_to(now, now)
        plots.setFocus()
        press(plots, Qt.Key.Key_Escape)
        assert plots.x_range[1] >= now
        assert not dock.panel.buttons["pause"].isChecked()
        for number, button in enumerate(("csv", "png")):
            dock.panel.buttons[button].click()
            dialog = await _dialog_of(dock)
            if number:
                assert dialog.directory().absolutePath() == str(tmp_path)
            dialog.fileSelected.emit(str(tmp_path / f"file.{button}"))
            dialog.close()
            await until(partial(_is_closed, dock))
        assert sorted(os.listdir(tmp_path)) == ["file.csv", "file.png"]


async def _dialog_of(dock: ConnectionMonitorDock) -> QFileDialog:
    await until(lambda: dock.findChild(QFileDialog) is not None)
    dialog = dock.findChild(QFileDialog)
    assert dialog is not None
    return dialog


def _is_closed(dock: ConnectionMonitorDock) -> bool:
    return dock.findChild(QFileDialog) is None
