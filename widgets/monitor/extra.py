"""One more figure on the plots' time axis, by choice: rates and ages of the lines, or how the program does."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyqtgraph as pg
from PyQt6.QtGui import QColor

from upbit_ws_qt import WebSocketType

from ..base.text import mark
from .axes import TICK_PIXELS, Value
from .curve import Curve
from .words import NOTHING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from upbit_ws_qt import AlertLimits, HistorySeries

    from ..base.theme import Colours

__all__ = ["EXTRAS", "ExtraAxis", "ExtraCurves", "ExtraKind", "extra_text"]


class ExtraKind(NamedTuple):
    """A figure that can be shown.

    Attributes:
        title: marked for translation, with its unit.
        scale: what a value of the history is multiplied by to be of that unit.
        by_line: whether each line has its own; else it is of the program.
        limit: the alert that is raised from a value on; "" for none.
    """

    title: str
    scale: float
    by_line: bool
    limit: str = ""

    def threshold(self, limits: AlertLimits) -> float | None:
        """Return from which value on an alert is raised, in the unit of the title; None where none is."""
        return getattr(limits, self.limit) * self.scale if self.limit else None


EXTRAS: Mapping[str, ExtraKind] = {
    "messages_per_second": ExtraKind(mark("messages/s"), 1.0, True),
    "event_age": ExtraKind(mark("data age ms"), 1000.0, True, "late"),
    "pending": ExtraKind(mark("frames that wait"), 1.0, True),
    "loop_lag": ExtraKind(mark("loop lag ms"), 1000.0, False, "loop_lag"),
    "cpu": ExtraKind(mark("CPU %"), 100.0, False),
    "memory": ExtraKind(mark("memory MiB"), 1 / 1024**2, False, "memory"),
}
"""By the metric of the history."""


def extra_text(value: float) -> str:
    """Return a value without its unit, as wide as the others."""
    if math.isnan(value):
        return NOTHING
    return f"{value:.1f}" if 0 < abs(value) < 10 else f"{value:,.0f}"


class ExtraAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """From 0 to a round number, in as many steps as there is room for."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        """Return where numbers stand."""
        parts = 2 if size >= 3 * TICK_PIXELS else 1
        # The topmost one would stand in the label below the plot above.
        return [(high / parts, [high * part / parts for part in range(parts)])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return them as text."""
        return [extra_text(value) for value in values]


class ExtraCurves:
    """The curves of the figure that is chosen, one for each line, or one for the program."""

    def __init__(self, plot: pg.PlotItem) -> None:
        self._plot = plot
        self.curves: dict[WebSocketType | None, pg.PlotCurveItem] = {}
        for ws_type in (None, *WebSocketType):
            self.curves[ws_type] = Curve()
            plot.addItem(self.curves[ws_type])
        self.threshold = pg.InfiniteLine(angle=0)
        self.threshold.setAcceptHoverEvents(False)
        plot.addItem(self.threshold, ignoreBounds=True)

    def show(self, kind: ExtraKind, series: Sequence[HistorySeries], limits: AlertLimits) -> None:
        """Draw these, and the value from which on there is an alert."""
        threshold = kind.threshold(limits)
        self.threshold.setVisible(threshold is not None)
        if threshold is not None:
            self.threshold.setPos(threshold)
        found = {each.ws_type: each for each in series}
        highest = 0.0
        for ws_type, curve in self.curves.items():
            each = found.get(ws_type)
            if each is None or not len(each.times):
                curve.setData(np.empty(0), np.empty(0))
                continue
            values = np.asarray(each.values) * kind.scale
            finite = values[np.isfinite(values)]
            highest = max(highest, float(finite.max()) if finite.size else 0.0)
            curve.setData(np.asarray(each.times), values, connect="finite")
        self._plot.setYRange(0, _round_above(highest), padding=0)

    def apply_colours(self, colours: Colours, stroke: float) -> None:
        """Draw each in its line's colour, the program's in that of text, by strokes of so many pixels."""
        for ws_type, curve in self.curves.items():
            curve.setPen(pg.mkPen(colours.text if ws_type is None else colours.lines[ws_type], width=stroke))

    def latest(self, colours: Colours) -> tuple[Value, ...]:
        """Return what each stands at now."""
        values = []
        for ws_type, curve in self.curves.items():
            heights = curve.getData()[1]
            if curve.isVisible() and heights is not None and len(heights) and math.isfinite(heights[-1]):
                colour = QColor(colours.text if ws_type is None else colours.lines[ws_type])
                values.append(Value(float(heights[-1]), extra_text(float(heights[-1])), colour))
        return tuple(values)


def _round_above(value: float) -> float:
    """Return 1, 2 or 5 times a power of ten that is above a value, so that the scale seldom moves."""
    if value <= 0:
        return 1.0
    decade = 10.0 ** math.floor(math.log10(value))
    return next(step * decade for step in (1, 2, 5, 10) if step * decade > value)
