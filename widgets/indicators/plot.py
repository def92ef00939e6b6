"""Plots the values of one indicator over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pyqtgraph as pg
from PyQt6.QtWidgets import QVBoxLayout, QWidget

from ..base.kst import kst_stamp
from ..base.panel import plain_label
from ..base.price_format import brief_text
from ..base.spacing import Step, spaced
from ..base.theme import LIGHT
from ..base.tokens import HAIRLINE, POINT_SIZE
from .choice import word_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from ..base.theme import Colours

__all__ = ["IndicatorPlot"]

_DAY_SECONDS = 86_400
_KST_SECONDS = -9 * 3600  # pyqtgraph counts west of Greenwich
_MOST_CURVES = 3  # no indicator has more values
_FEW = 60  # so many points are marked one by one
_SIGNS = ("━", "╍", "┅")


class IndicatorPlot(QWidget):
    """Up to three curves on one axis of Korean time; floats live here and nowhere else."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.legend = plain_label("", self)
        self.legend.setWordWrap(True)
        self.note = plain_label("", self)
        self.note.setWordWrap(True)
        self.note.setAlignment(pg.QtCore.Qt.AlignmentFlag.AlignCenter)
        axes = {"bottom": _TimeAxis(utcOffset=_KST_SECONDS), "left": _NumberAxis("left")}
        self._plot = pg.PlotWidget(self, axisItems=axes, enableMenu=False)
        self._plot.hideButtons()
        self._plot.setFocusPolicy(pg.QtCore.Qt.FocusPolicy.NoFocus)  # nothing in there can be done by keyboard
        self._plot.setMouseEnabled(x=False, y=False)
        self._curves = [self._plot.plot(connect="finite") for _ in range(_MOST_CURVES)]
        self._pens: tuple[str, ...] = (LIGHT.text,) * _MOST_CURVES
        layout = QVBoxLayout(self)
        spaced(layout, Step.NONE)
        layout.addWidget(self.legend)
        layout.addWidget(self._plot, 1)
        layout.addWidget(self.note, 1)
        self.show_points(())

    @property
    def curves(self) -> list[tuple[list[float], list[float]]]:
        """What is drawn: (times, values) of each curve that has any."""
        found = []
        for curve in self._curves:
            times, values = curve.getData()
            if times is not None and len(times):
                found.append((list(times), list(values)))
        return found

    def show_points(self, points: Sequence[tuple[int, dict[str, Decimal]]], why_not: str = "") -> None:
        """Draw a series; instead of an empty one it is said why there is none, in the language in force."""
        self._plot.setVisible(bool(points))
        self.note.setVisible(not points)
        self.note.setText(why_not)
        names = list(points[-1][1])[:_MOST_CURVES] if points else []
        times = [float(start) for start, _ in points]
        for place, curve in enumerate(self._curves):
            if place >= len(names):
                curve.setData([], [])
                continue
            values = [float(each[names[place]]) if names[place] in each else float("nan") for _, each in points]
            curve.setData(times, values, symbol="o" if len(times) <= _FEW else None)
        newest = points[-1][1] if points else {}
        self.legend.setText(
            "   ".join(
                f"{_SIGNS[place]} {word_text(name)} {brief_text(newest[name])}" for place, name in enumerate(names)
            )
        )

    def set_colours(self, colours: Colours) -> None:
        """Draw in other colours."""
        self._plot.setBackground(colours.base)
        for name in ("left", "bottom"):
            axis = self._plot.getAxis(name)
            axis.setPen(colours.grid)
            axis.setTextPen(colours.muted)
        self._pens = (colours.accent, colours.warn, colours.muted)
        styles = (pg.QtCore.Qt.PenStyle.SolidLine, pg.QtCore.Qt.PenStyle.DashLine, pg.QtCore.Qt.PenStyle.DotLine)
        for curve, colour, style in zip(self._curves, self._pens, styles, strict=True):
            curve.setPen(pg.mkPen(colour, width=HAIRLINE * self.devicePixelRatioF(), style=style))
            curve.setSymbolSize(POINT_SIZE)
            curve.setSymbolPen(colour)
            curve.setSymbolBrush(colour)


class _TimeAxis(pg.DateAxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Korean time in digits alone: pyqtgraph's names of days and months are English."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the texts below the ticks."""
        return [kst_stamp(int(value * 1000))[: 5 if spacing >= _DAY_SECONDS else 11][-5:] for value in values]


class _NumberAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Numbers as they are written, not 1.5e+08, all of them with as many decimals."""

    def __init__(self, side: str) -> None:
        super().__init__(side)
        self.setStyle(maxTextLevel=0)  # pyqtgraph would name the ticks between these too, with more decimals

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """Return the texts beside the ticks."""
        decimals = max(0, min(8, 1 - math.floor(math.log10(spacing)))) if spacing < 1 else 0
        return [f"{value * scale:,.{decimals}f}" for value in values]
