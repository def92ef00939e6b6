"""The axes of the monitor's plots: decades, whole numbers, and the present values at the right edge."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import pyqtgraph as pg
from PyQt6.QtCore import QRectF, Qt

from ..base.tokens import TICK_APART, VALUE_AXIS, space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtGui import QColor, QPainter

__all__ = ["LogAxis", "Value", "ValueAxis", "WholeAxis"]

TICK_PIXELS = TICK_APART
"""From one number to the next at least, so that they do not overlap."""


class LogAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Milliseconds on a scale of decades."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Return where numbers stand."""
        # The topmost one would stand in the label below the plot above.
        whole = range(math.ceil(low), math.ceil(high))
        step = max(1, math.ceil(len(whole) * TICK_PIXELS / max(size, 1.0)))
        return [(float(step), [float(decade) for decade in whole[::step]])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return them as text."""
        return [f"{10**value:g}" for value in values]


class WholeAxis(pg.AxisItem):  # type: ignore[misc]  # as above
    """Whole numbers."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Return where numbers stand."""
        if high > 100:  # the score, with as many of its thresholds as there is room for
            pixels = size / (high - low)
            if pixels * 20 >= TICK_PIXELS:
                return [(1.0, [0.0, 50.0, 80.0, 100.0])]
            return [(1.0, [0.0, 50.0, 100.0] if pixels * 50 >= TICK_PIXELS else [50.0])]
        whole = range(math.ceil(low), math.floor(high) + 1)
        step = max(1, math.ceil(len(whole) / 4), math.ceil(len(whole) * TICK_PIXELS / max(size, 1.0)))
        return [(float(step), [float(value) for value in whole[::step]])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return them as text."""
        return [f"{value:.0f}" for value in values]


class Value(NamedTuple):
    """What a curve stands at now: its place on the axis, as text, and the colour of the curve."""

    height: float
    text: str
    colour: QColor


class ValueAxis(pg.AxisItem):  # type: ignore[misc]  # as above
    """The right edge of a plot: no scale, but the present value of each curve, at its height."""

    def __init__(self) -> None:
        super().__init__("right")
        self.setWidth(VALUE_AXIS)
        self.values: tuple[Value, ...] = ()

    def show_values(self, values: tuple[Value, ...]) -> None:
        """Show these."""
        if values != self.values:
            self.values = values
            self.update()

    def paint(self, painter: QPainter, option: object, widget: object) -> None:
        """Write the values, moved apart where they would overlap."""
        if not self.values:
            return
        if self.style["tickFont"] is not None:
            painter.setFont(self.style["tickFont"])
        size, line = self.size(), painter.fontMetrics().height()
        low, high = self.range
        tops = [size.height() * (1 - (value.height - low) / ((high - low) or 1.0)) - line / 2 for value in self.values]
        side = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for value, top in zip(self.values, apart(tops, line, size.height()), strict=True):
            painter.setPen(value.colour)
            painter.drawText(QRectF(space().small, top, size.width() - space().small, line), side, value.text)


def apart(tops: Sequence[float], line: float, room: float) -> list[float]:
    """Return where lines of text begin that want to begin at `tops`: `line` apart, and within `room` if they fit."""
    order = sorted(range(len(tops)), key=lambda number: tops[number])
    placed = list(tops)
    least = 0.0
    for number in order:
        placed[number] = least = max(placed[number], least)
        least += line
    most = room - line
    for number in reversed(order):
        placed[number] = most = min(placed[number], most)
        most -= line
    return placed
