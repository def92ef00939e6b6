"""A program that paints too much is told so by name, while somebody looks at the monitor."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QMainWindow, QWidget

from tests.qt.serving import served
from tests.waiting import until
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

    from upbit_ws_qt import WebSocketService


class Sluggish(QWidget):
    """Takes a sixth of a second for every paint, and wants to be painted all the time."""

    def paintEvent(self, event: QPaintEvent | None) -> None:
        time.sleep(0.15)


@served()
async def test_a_slow_paint_event_is_named_as_the_bottleneck(service: WebSocketService) -> None:
    window, other = QMainWindow(), Sluggish()
    dock = ConnectionMonitorDock(service)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    window.show()
    other.show()
    timer = QTimer(other)
    timer.timeout.connect(other.update)
    timer.start(20)
    try:
        await until(lambda: any(issue.bottleneck == "paint" for issue in service.issues()))
        (issue,) = [issue for issue in service.issues() if issue.bottleneck == "paint"]
        assert (issue.kind, issue.subject) == ("bottleneck", "paint")
        assert "paint takes" in issue.text
        assert issue.advice
        dock.panel.tabs.setCurrentWidget(dock.panel.advice)
        dock.refresh()
        assert issue.text in {row.text for row in dock.panel.advice.table.records.records}
        assert "paint" in dock.panel.advice.note.text()
        dock.hide()
        shares = service.performance_metrics().stage_shares
        await until(lambda: service.performance_metrics().stage_shares["paint"] < 0.8 * shares["paint"])
    finally:
        timer.stop()
        for each in (window, other):
            each.close()
            each.deleteLater()


@served()
async def test_nothing_is_measured_while_nobody_looks(service: WebSocketService) -> None:
    window = QMainWindow()
    dock = ConnectionMonitorDock(service)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    window.show()
    try:
        await until(lambda: service.performance_metrics().stage_shares.get("paint", 0.0) > 0)
        meter = dock._paint
        assert meter is not None
        dock.hide()
        assert dock._paint is None
        painted = meter.paints
        window.repaint()
        assert meter.paints == painted
    finally:
        window.close()
        window.deleteLater()
