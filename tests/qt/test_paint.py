"""Painting is measured window by window, each paint once, and only while somebody measures."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QEvent, QObject
from PyQt6.QtWidgets import QApplication, QWidget

from upbit_ws_qt import PaintMeter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtGui import QPaintEvent


class Slow(QWidget):
    """Takes its time for every paint."""

    painted = 0

    def paintEvent(self, event: QPaintEvent | None) -> None:
        self.painted += 1
        time.sleep(0.02)


class Witness(QObject):
    """Another filter on the same window."""

    seen = 0

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        self.seen += event is not None and event.type() == QEvent.Type.UpdateRequest
        return False


@pytest.fixture
def child(qapp: QApplication) -> Iterator[Slow]:
    window = QWidget()
    child = Slow(window)
    window.resize(200, 100)
    window.show()
    qapp.processEvents()
    yield child
    sip.delete(window)


def paint(qapp: QApplication, child: Slow) -> None:
    child.update()
    qapp.processEvents()


def test_what_a_windows_children_paint_is_timed(qapp: QApplication, child: Slow) -> None:
    window = child.window()
    assert window is not None
    told: list[float] = []
    meter = PaintMeter(told.append)
    meter.watch(window)
    meter.watch(window)
    before = child.painted
    for _ in range(3):
        paint(qapp, child)
    assert meter.paints == len(told) == child.painted - before == 3
    assert meter.seconds == sum(told)
    assert meter.seconds >= 3 * 0.02


def test_two_meters_count_a_paint_once_and_other_filters_go_on_seeing(qapp: QApplication, child: Slow) -> None:
    window = child.window()
    assert window is not None
    witness = Witness()
    window.installEventFilter(witness)
    meters = [PaintMeter(lambda seconds: None) for _ in range(2)]
    for meter in meters:
        meter.watch(window)
    before = child.painted
    paint(qapp, child)
    assert child.painted - before == 1
    assert sum(meter.paints for meter in meters) == 1
    assert witness.seen == 1


def test_a_closed_meter_measures_nothing_and_the_window_paints_on(qapp: QApplication, child: Slow) -> None:
    window = child.window()
    assert window is not None
    meter = PaintMeter(lambda seconds: None)
    meter.watch(window)
    meter.close()
    meter.close()
    meter.watch(window)
    before = child.painted
    paint(qapp, child)
    assert child.painted == before + 1
    assert meter.paints == 0
    del meter
    paint(qapp, child)
    assert child.painted == before + 2
