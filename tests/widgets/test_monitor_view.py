"""The monitor's plots and what is done with the view: breaks, marks, windows, pause, nothing while hidden."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PyQt6.QtCore import QPointF

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import DROPS, PRIVATE, PUBLIC, STATE, connected, shown, text, wanting
from upbit_ws_qt import DataType, WebSocketService, WebSocketType
from widgets.base.line_state import line_board
from widgets.base.text import Language, set_language
from widgets.monitor.words import event_text

if TYPE_CHECKING:
    from upbit_ws_qt import FrameTrace
    from upbit_ws_qt.exchange import EmbeddedExchange


@served()
async def test_plots_break_while_disconnected_and_mark_the_reconnect(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        for line in (PUBLIC, PRIVATE):  # a second that begins with 1 may end without a line
            await until(partial(_has_ones, service, line))
        refusal = exchange.faults.inject("refuse", endpoint="public")
        exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda: sum(map(math.isnan, service.history("epoch", PUBLIC, 60).values[-2:])) == 2)
        await until(lambda: "ttempt" in text(dock, PUBLIC, STATE))
        assert text(dock, PUBLIC, 0).startswith("✖")
        refusal.clear()
        await connected(service, PUBLIC)
        await until(lambda: len(service.line_events(90)) >= 2 and service.history("epoch", PUBLIC, 60).values[-1] >= 2)
        dock.set_window_seconds(300.0)
        dock.refresh()
        _, epochs = dock.panel.plots.curves["epoch", PUBLIC].getData()
        assert np.isnan(epochs).any()
        assert epochs[np.isfinite(epochs)][0] == 1
        assert epochs[-1] >= 2
        _, private = dock.panel.plots.curves["epoch", PRIVATE].getData()
        assert np.isfinite(private[-1])
        _, scores = dock.panel.plots.curves["score", PUBLIC].getData()
        assert np.nanmin(scores) < 50
        lost, mark = service.line_events(300)[:2]
        assert mark is dock.panel.plots.marks[0]
        assert (mark.old_epoch, mark.new_epoch) == (1, 2)
        view = dock.panel.plots.plots["score"].getViewBox()
        under = view.mapViewToScene(QPointF(mark.at, 50.0))
        assert dock.panel.plots.event_near(under) in (mark, lost)
        assert "close 1006" in event_text(lost)
        for part in ("e1→e2", "close 1006", lost.cause, "down", "restored"):  # cause, close code and downtime
            assert part in event_text(mark)
        assert event_text(service.line_events(300)[-1]) in dock.panel.last_event.text()


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
            assert high - low == pytest.approx(seconds, abs=1e-3)
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
        assert int(dock.panel.news.text().removesuffix(" new")) >= 1
        dock.panel.buttons["pause"].click()
        assert not dock.paused
        assert dock.panel.lines.rows != frozen
        assert dock.panel.plots.x_range[1] > span[1] + 1
        assert dock.panel.news.text() == ""


@served()
async def test_a_frozen_view_can_be_looked_at_over_another_time_and_saved(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        await until(lambda: 1 in service.history("epoch", PUBLIC, 60).values)
        dock.refresh()
        dock.set_paused(True)
        then = dock.panel.plots.x_range[1]
        points = len(service.history("score", PUBLIC, 60).values)
        await until(lambda: len(service.history("score", PUBLIC, 60).values) >= points + 2)
        dock.set_window_seconds(300.0)
        low, high = dock.panel.plots.x_range
        assert high - low == pytest.approx(300)
        assert then <= high < then + 1  # where it was frozen, not now
        times, _ = dock.panel.plots.curves["epoch", PUBLIC].getData()
        assert times[-1] <= high
        frozen = dock.panel.lines.rows
        dock.panel.buttons["reset"].click()
        assert text(dock, PUBLIC, DROPS) == "0/0 (0 %)"
        assert [row.texts[:10] for row in dock.panel.lines.rows] == [row.texts[:10] for row in frozen]
        try:
            set_language(Language.KOREAN)
            await until(lambda: text(dock, PUBLIC, 0).endswith("공개"))
            said = [[text.replace("초", " s") for text in row.texts[2:10]] for row in dock.panel.lines.rows]
            assert said == [list(row.texts[2:10]) for row in frozen]
        finally:
            set_language(Language.ENGLISH)


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
        await until(lambda: not line_board(service).is_looking)
        assert trace.closed
        await until(lambda: _untapped(service))
        dock.show()
        assert dock._plot_timer.isActive()


@served()
async def test_the_program_itself_is_told_of_and_figures_that_stand_still(service: WebSocketService) -> None:
    with shown(service) as dock:
        await until(lambda: service.performance_metrics().memory_usage > 0)
        dock.refresh()
        assert dock.panel.program.text().startswith("program ")
        assert "MiB" in dock.panel.program.text()
        assert "Nothing is subscribed" in dock.panel.hint.text()
        for task in service.manager.wiring.observer.tasks:
            task.stop()
        await until(lambda: time.time() - service.health_status().at > 5.1)
        dock.refresh()
        assert dock.panel.hint.isVisible()
        assert "readings have stopped" in dock.panel.hint.text()


@served()
async def test_a_dock_that_dies_while_data_flows_leaves_nothing(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with wanting(service, exchange):
        await connected(service, PUBLIC)
        for _ in range(3):
            with shown(service) as dock:
                dock.panel.tabs.setCurrentWidget(dock.panel.frames)
                trace = dock.panel.frames._trace
                assert trace is not None
                await until(partial(_has_frames, trace))
        await until(lambda: _untapped(service))
        assert DataType.TICKER in {stream.data_type for stream in service.manager.get_active_subscriptions()}


def _has_frames(trace: FrameTrace) -> bool:
    return trace.count > 0


def _untapped(service: WebSocketService) -> bool:
    return all(line.tap is None for e in service.manager.wiring.endpoints.values() for line in e.connection._lines.open)


def _has_ones(service: WebSocketService, line: WebSocketType) -> bool:
    return list(service.history("epoch", line, 60).values).count(1) >= 2
