"""The real dock on the real service on the embedded exchange: rows, plots, marks, pause, exports, diagnostics."""

from __future__ import annotations

import ast
import asyncio
import csv
import json
import math
import string
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QGuiApplication, QImage
from PyQt6.QtWidgets import QAbstractButton, QApplication, QMainWindow, QWidget

from tests.qt.serving import served
from tests.waiting import until
from upbit_ws_qt import ConnectionState, DataType, WebSocketClientProxy, WebSocketService, WebSocketType
from widgets.base.text import Language, resources, set_language
from widgets.base.theme import DARK, HEALTH_SHAPES, LIGHT, ThemeMode, apply_theme
from widgets.monitor.rows import LINES
from widgets.monitor.words import event_text
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt import FrameRecord
    from upbit_ws_qt.exchange import EmbeddedExchange

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO
ROOT = Path(__file__).parents[2]
STATE, SCORE, RTT, RATE, EPOCH, RECONNECTS, BYTES, GAPS, DROPS = 1, 2, 3, 6, 9, 10, 12, 14, 15


@contextmanager
def shown(service: WebSocketService) -> Iterator[ConnectionMonitorDock]:
    """Anybody's window with the dock in it: two lines."""
    window = QMainWindow()
    dock = ConnectionMonitorDock(service)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    window.resize(1100, 780)
    window.show()
    try:
        yield dock
    finally:
        window.close()
        window.deleteLater()


@contextmanager
def wanting(service: WebSocketService, exchange: EmbeddedExchange) -> Iterator[WebSocketClientProxy]:
    """A panel that wants public and private data."""
    proxy = WebSocketClientProxy("panel", service=service)
    markets = sorted(exchange.world.codes)[:10]
    subscriptions = [
        proxy.subscribe_ticker(markets, lambda event: None),
        proxy.subscribe_trade(markets, lambda event: None),
        proxy.subscribe_my_order(lambda event: None),
        proxy.subscribe_my_asset(lambda event: None),
    ]
    try:
        yield proxy
    finally:
        for subscription in subscriptions:
            subscription.close()


async def connected(service: WebSocketService, *lines: WebSocketType) -> None:
    await until(lambda: all(service.connection_state(line) is ConnectionState.CONNECTED for line in lines))


def frames_sent(exchange: EmbeddedExchange, endpoint: str) -> int:
    return sum(each.frames_sent for each in exchange.connections if each.endpoint == endpoint)


def text(dock: ConnectionMonitorDock, line: WebSocketType, column: int) -> str:
    return dock.panel.lines.rows[LINES.index(line)].texts[column]


@served(busy_silence_timeout=60.0)  # time stands still in it for as long as a busy machine needs
async def test_rows_say_what_the_service_knows(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        await until(lambda: (service.connection_metrics(PUBLIC).rtt_p95 or 0) > 0)
        exchange.stop_time()
        await until(lambda: service.connection_metrics(PUBLIC).message_count == frames_sent(exchange, "public"))
        await until(lambda: service.connection_metrics(PUBLIC).messages_per_second == 0)
        dock.refresh()
        metrics = service.connection_metrics(PUBLIC)
        level = service.health_status().connections[PUBLIC].level
        assert text(dock, PUBLIC, 0) == f"{HEALTH_SHAPES[level]} public"
        assert text(dock, PUBLIC, STATE) == "Connected"
        assert text(dock, PUBLIC, SCORE) == f"{metrics.health_score:.0f}"
        assert float(text(dock, PUBLIC, RTT)) > 0
        assert text(dock, PUBLIC, EPOCH) == "1"
        assert text(dock, PUBLIC, DROPS) == f"0/{metrics.message_count:,} (0.0 %)"
        assert text(dock, PRIVATE, STATE) == "Idle (normal)"
        assert text(dock, INFO, STATE) == "Offline"
        assert text(dock, INFO, 0) == "○ info"
        assert not dock.panel.table.buttons[INFO].isEnabled()


@served(credentials=None)
async def test_without_a_key_the_private_rows_say_so(service: WebSocketService) -> None:
    with shown(service) as dock:
        assert text(dock, PRIVATE, STATE) == "No API key"
        assert text(dock, PUBLIC, STATE) == "Offline"
        assert dock.panel.hint.isVisible()
        assert "Nothing is subscribed" in dock.panel.hint.text()


@served()
async def test_plots_break_while_disconnected_and_mark_the_reconnect(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        await until(lambda: len(service.history("epoch", PUBLIC, 60).values) >= 2)
        refusal = exchange.faults.inject("refuse", endpoint="public")
        exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda: math.isnan(service.history("epoch", PUBLIC, 60).values[-1]))
        await until(lambda: "ttempt" in text(dock, PUBLIC, STATE))
        assert text(dock, PUBLIC, 0).startswith("✖")
        await asyncio.sleep(0.9)  # a whole point of the history
        refusal.clear()
        await connected(service, PUBLIC)
        await until(lambda: len(service.line_events(60)) == 2 and service.history("epoch", PUBLIC, 60).values[-1] == 2)
        dock.refresh()
        _, epochs = dock.panel.plots.curves["epoch", PUBLIC].getData()
        assert np.isnan(epochs).any()
        assert epochs[np.isfinite(epochs)][0] == 1
        assert epochs[-1] == 2
        _, private = dock.panel.plots.curves["epoch", PRIVATE].getData()
        assert np.isfinite(private[-3:]).all()
        _, scores = dock.panel.plots.curves["score", PUBLIC].getData()
        assert scores.min() < 50
        (mark,) = dock.panel.plots.marks
        assert (mark.old_epoch, mark.new_epoch) == (1, 2)
        view = dock.panel.plots.plots["score"].getViewBox()
        under = view.mapViewToScene(QPointF(mark.at, 50.0))
        assert dock.panel.plots.event_near(under) is mark
        lost = service.line_events(60)[0]
        assert "close 1006" in event_text(lost)
        assert "e1→e2" in event_text(mark)
        assert "down" in event_text(mark)
        assert "22/22 restored" in event_text(mark) or "20/20 restored" in event_text(mark)
        assert event_text(mark) in dock.panel.last_event.text()


@served()
async def test_all_plots_share_one_time_axis_and_the_window_is_kept(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        for seconds in (60.0, 300.0, 900.0):
            dock.set_window_seconds(seconds)
            ranges = {name: plot.viewRange()[0] for name, plot in dock.panel.plots.plots.items()}
            low, high = dock.panel.plots.x_range
            assert high - low == pytest.approx(seconds, abs=1)
            for found in ranges.values():
                assert found == pytest.approx([low, high], abs=0.01)
        dock.set_window_seconds(86_400.0)
        low, high = dock.panel.plots.x_range
        assert 60 <= high - low < 900
        with pytest.raises(ValueError, match="list"):
            dock.set_window_seconds(17.0)


@served()
async def test_pause_freezes_the_view_while_recording_goes_on(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        await until(lambda: service.connection_metrics(PUBLIC).message_count > 20)
        dock.refresh()
        dock.set_paused(True)
        frozen, span = dock.panel.lines.rows, dock.panel.plots.x_range
        points = len(service.history("score", PUBLIC, 60).values)
        await until(lambda: len(service.history("score", PUBLIC, 60).values) >= points + 2)
        dock.refresh()
        assert dock.panel.lines.rows == frozen
        assert dock.panel.plots.x_range == span
        await until(lambda: dock.panel.news.text() in ("2 new", "3 new"))
        dock.panel.buttons["pause"].click()
        assert not dock.paused
        assert dock.panel.lines.rows != frozen
        assert dock.panel.plots.x_range[1] > span[1] + 1
        assert dock.panel.news.text() == ""


@served()
async def test_reconnect_makes_a_new_epoch_and_reset_counts_anew(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        dock.refresh()
        dock.panel.table.buttons[PUBLIC].click()
        await until(lambda: service.epoch(PUBLIC) == 2)
        await until(lambda: service.connection_metrics(PUBLIC).gap_count == 1)
        dock.refresh()
        assert (text(dock, PUBLIC, EPOCH), text(dock, PUBLIC, RECONNECTS), text(dock, PUBLIC, GAPS)) == ("2", "0", "1")
        dock.panel.buttons["reset"].click()
        assert text(dock, PUBLIC, GAPS) == "0"
        assert int(text(dock, PUBLIC, DROPS).split("/")[1].split()[0].replace(",", "")) < 50
        assert service.connection_metrics(PUBLIC).gap_count == 1


@served()
async def test_hidden_it_does_nothing(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        dock.panel.tabs.setCurrentWidget(dock.panel.frames)
        trace = dock.panel.frames._trace
        assert trace is not None
        await until(lambda: trace.count > 0)
        assert dock._plot_timer.isActive()
        dock.hide()
        assert not dock._plot_timer.isActive()
        assert not dock._text_timer.isActive()
        assert trace.closed
        assert all(line.tap is None for e in service.manager.endpoints.values() for line in e.connection._lines.open)
        dock.show()
        assert dock._plot_timer.isActive()


@served()
async def test_csv_and_png_hold_what_is_shown(
    service: WebSocketService, exchange: EmbeddedExchange, tmp_path: Path
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        await until(lambda: len(service.history("score", PUBLIC, 60).values) >= 3)
        dock.export_csv(tmp_path / "figures.csv")
        with (tmp_path / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        public = [row for row in rows if row["connection"] == "public"]
        series = service.history("epoch", PUBLIC, 60)
        assert len(public) in (len(series.values), len(series.values) - 1)
        assert public[-1]["epoch"] == "1"
        assert public[-1]["time"].endswith("+09:00")
        dock.export_png(tmp_path / "monitor.png")
        picture = QImage(str(tmp_path / "monitor.png"))
        assert picture.width() == dock.panel.width() * dock.devicePixelRatio()
        with pytest.raises(OSError, match="nowhere"):
            dock.export_png(tmp_path / "nowhere" / "monitor.png")
        with pytest.raises(FileNotFoundError):
            dock.export_csv(tmp_path / "nowhere" / "figures.csv")


@served()
async def test_nothing_secret_leaves_by_diagnostics_or_frames(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        dock.panel.tabs.setCurrentWidget(dock.panel.frames)
        exchange.place_order("KRW-BTC", "BID", "limit", price=1_000, volume=6)
        frames = dock.panel.frames
        assert frames._trace is not None
        trace = frames._trace
        await until(lambda: any(f.ws_type is PRIVATE for f in trace.frames()) and trace.count > 20)
        private = [frame for frame in trace.frames() if frame.ws_type is PRIVATE]
        assert {frame.text for frame in private} == {""}
        assert private[0].size > 100
        frames.line.setCurrentIndex(frames.line.findData(PRIVATE))
        assert {frame.ws_type for frame in frames.table.records.records} == {PRIVATE}
        frames.line.setCurrentIndex(0)
        frames.filter.setText("no such market")
        assert frames.table.records.records == ()
        frames.filter.setText("trade")
        await until(lambda: any("trade" in frame.kind for frame in trace.frames()))
        frames.refresh()
        shown_frames: tuple[FrameRecord, ...] = frames.table.records.records
        assert {frame.kind.split()[0] for frame in shown_frames} == {"trade"}
        dock.refresh()
        await until(lambda: " public | Connected" in dock.diagnostics())  # judged once a second
        dock.copy_diagnostics()
        clipboard = QGuiApplication.clipboard()
        assert clipboard is not None
        told = clipboard.text()
        for secret in (exchange.access_key, exchange.secret_key, "Bearer", "eyJ"):
            assert secret not in told
        for part in ("PyQt6 ", "websockets ", " public | Connected", "panel: ", "health "):
            assert part in told


@served()
async def test_a_component_that_was_put_aside_is_served_again(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange) as proxy:
        broken = WebSocketClientProxy("broken", service=service)
        broken.subscribe_trade(sorted(exchange.world.codes), lambda event: 1 / 0)
        tab = dock.panel.components
        await until(lambda: service.performance_metrics().quarantined == ("broken",), 20)
        dock.refresh()
        assert tab.table.records.records[0].component_id == "broken"
        assert not tab.resume.isEnabled()
        tab.table.selectRow(0)
        assert tab.resume.isEnabled()
        await until(lambda: service.alerts(cleared=False))
        dock.panel.tabs.setCurrentWidget(dock.panel.alerts)
        dock.refresh()
        assert dock.panel.tabs.tabText(1) == "Alerts (1)"
        dock.panel.alerts.table.selectRow(0)
        dock.panel.alerts.acknowledge.click()
        assert service.alerts()[0].acknowledged
        assert dock.panel.alerts.refresh() == 0
        tab.resume.click()
        assert "broken" not in service.manager.routing_statistics().quarantined
        await broken.cleanup()
        assert proxy.is_public_available


@served()
async def test_language_and_theme_change_live(service: WebSocketService) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    palette = app.palette()
    try:
        with shown(service) as dock:
            apply_theme(app, ThemeMode.LIGHT)
            await until(lambda: _background(dock) == LIGHT.base)
            apply_theme(app, ThemeMode.DARK)
            await until(lambda: _background(dock) == DARK.base)
            set_language(Language.KOREAN)
            await until(lambda: dock.windowTitle() == "연결 모니터")
            assert dock.panel.tabs.tabText(0) == "구성 요소"
            assert text(dock, PUBLIC, 0) == "○ 공개"
            assert dock.panel.lines.headerData(SCORE, Qt.Orientation.Horizontal) == "점수"
            set_language(Language.ENGLISH)
            await until(lambda: dock.windowTitle() == "Connection monitor")
    finally:
        set_language(Language.ENGLISH)
        app.setPalette(palette)


@served()
async def test_the_program_itself_is_told_of_and_figures_that_stand_still(service: WebSocketService) -> None:
    with shown(service) as dock:
        await until(lambda: service.performance_metrics().memory_usage > 0)
        dock.refresh()
        assert dock.panel.program.text().startswith("program ")
        assert "MiB" in dock.panel.program.text()
        assert "Nothing is subscribed" in dock.panel.hint.text()
        for task in service.manager._watch.tasks:
            task.stop()
        await until(lambda: time.time() - service.health_status().at > 5.1, 20)
        dock.refresh()
        assert dock.panel.hint.isVisible()
        assert "readings have stopped" in dock.panel.hint.text()


@served()
async def test_everything_is_reached_by_keyboard_and_has_a_name(service: WebSocketService) -> None:
    with shown(service) as dock:
        nameless = [
            widget
            for widget in dock.panel.findChildren(QWidget)
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and not widget.accessibleName()
            and not (isinstance(widget, QAbstractButton) and widget.text())
            and not widget.objectName().startswith("qt_")
            and widget.window() is dock.window()  # a box's list is a window of its own
        ]
        assert nameless == []
        for name in ("pause", "reset", "csv", "png", "copy"):
            assert dock.panel.buttons[name].focusPolicy() & Qt.FocusPolicy.TabFocus


def test_every_text_of_the_monitor_has_a_korean_one_with_the_same_places() -> None:
    korean = json.loads((resources() / "translations" / "ko" / "monitor.json").read_text(encoding="utf-8"))
    found: set[str] = set()
    for path in (ROOT / "widgets" / "monitor_dock.py", *(ROOT / "widgets" / "monitor").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "mark"):
                found |= {
                    part.value
                    for part in ast.walk(node.args[0])
                    if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value
                }
    assert len(found) > 100
    assert found <= korean.keys()
    for english, translated in korean.items():
        assert sorted(_places(english)) == sorted(_places(translated)), english


@served()
async def test_a_dock_that_dies_while_data_flows_leaves_nothing(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with wanting(service, exchange):
        await connected(service, PUBLIC)
        for _ in range(3):
            with shown(service) as dock:
                dock.panel.tabs.setCurrentWidget(dock.panel.frames)
                await asyncio.sleep(0.3)
        await asyncio.sleep(0.1)
        assert all(line.tap is None for e in service.manager.endpoints.values() for line in e.connection._lines.open)
        assert DataType.TICKER in {stream.data_type for stream in service.manager.get_active_subscriptions()}


def _places(template: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(template) if name] + ["%n"] * template.count("%n")


def _background(dock: ConnectionMonitorDock) -> str:
    brush = dock.panel.plots._canvas.backgroundBrush()
    return str(brush.color().name())
