"""The tab of heat maps: how old each stream was, and how long the way here and round trips took, over time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QLinearGradient, QMouseEvent, QPainter, QPalette
from PyQt6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from upbit_ws_qt import FreshnessMap, WebSocketType

from ..base.labels import plain_label
from ..base.spacing import spaced
from ..base.text import tr
from ..base.theme import colours_of
from ..base.tokens import HAIRLINE, HEAT_LEGEND, HEAT_ROW, PLOT_AXIS, PLOTS_LEAST, space
from .heat_data import FRESH, OLD, Heat, age_words, freshness_heat, latency_heat
from .readout import Readout, ReadoutRow
from .words import line_name

if TYPE_CHECKING:
    from PyQt6.QtGui import QFocusEvent, QKeyEvent, QPaintEvent, QResizeEvent

    from upbit_ws_qt import WebSocketService

__all__ = ["HeatCanvas", "HeatLegend", "HeatTab"]

FRESHNESS = "freshness"
_KST_OFFSET = -9 * 3600
_SHADES = 256
_FAR = 1_000_000
_STEPS = {
    Qt.Key.Key_Left: (0, -1), Qt.Key.Key_Right: (0, 1), Qt.Key.Key_Up: (1, 0), Qt.Key.Key_Down: (-1, 0),
    Qt.Key.Key_Home: (0, -_FAR), Qt.Key.Key_End: (0, _FAR), Qt.Key.Key_PageUp: (10, 0), Qt.Key.Key_PageDown: (-10, 0),
}  # fmt: skip
"""Rows and columns that a key goes."""


class HeatTab(QWidget):
    """Shows one map at a time; it is drawn anew only where there is a new column: every ten seconds."""

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._drawn: tuple[object, ...] = ()
        self._span = (0.0, 0.0)
        self._choices = [(FRESHNESS, WebSocketType.PUBLIC), ("way", WebSocketType.PUBLIC)]
        self._choices += [("round_trip", ws_type) for ws_type in WebSocketType]
        self.choice = QComboBox(self)
        for _ in self._choices:
            self.choice.addItem("")
        self.filter = QLineEdit(self)
        self.filter.setClearButtonEnabled(True)
        self.legend = HeatLegend(self)
        self.canvas = HeatCanvas(self)
        self.note = plain_label("", self)
        row = QHBoxLayout()
        spaced(row)
        row.addWidget(self.choice)
        row.addWidget(self.filter, 1)
        row.addStretch()  # for a map without a filter
        row.addWidget(self.legend)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addLayout(row)
        layout.addWidget(self.canvas, 1)
        layout.addWidget(self.note)
        self.choice.currentIndexChanged.connect(self._on_chosen)
        self.filter.textChanged.connect(self._on_chosen)
        self.canvas.resized.connect(self._on_chosen)
        self.retranslate()

    def refresh(self, since: float, until: float) -> None:
        """Show a span of time (seconds since 1970), as far as it is kept: the last hour. Cheap where nothing is new."""
        self._span = (since, until)
        kind, ws_type = self._choices[max(0, self.choice.currentIndex())]
        step = FreshnessMap().step
        wanted = (kind, ws_type, since // step, until // step, self.filter.text(), self.canvas.most_rows)
        if wanted != self._drawn:
            self._drawn = wanted
            self._draw(kind, ws_type)

    def _draw(self, kind: str, ws_type: WebSocketType) -> None:
        since, until = self._span
        seconds = max(1.0, time.time() - since)
        note = ""
        if kind == FRESHNESS:
            found = self._service.freshness_map(seconds)
            heat = freshness_heat(found, self.canvas.most_rows, self.filter.text())
            if found.left_out:
                note = tr("%n streams are not shown: there was no room to keep them", found.left_out)
            elif heat is None and found.ages:
                note = tr("No stream fits this search.")
        else:
            heat = latency_heat(self._service.latency_map(kind, ws_type, seconds))
        if heat is None and not note:
            note = tr("Nothing was measured in this time yet: there is a new column every ten seconds.")
        self.canvas.show_heat(heat, since, until)
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def _on_chosen(self) -> None:
        kind = self._choices[max(0, self.choice.currentIndex())][0]
        self.filter.setVisible(kind == FRESHNESS)
        self.legend.show_kind(kind)
        if self._span[1]:
            self.refresh(*self._span)

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        for place, (kind, ws_type) in enumerate(self._choices):
            words = {FRESHNESS: tr("Age of each stream"), "way": tr("From the exchange to here")}
            name = words.get(kind) or tr("Round trip, {name}", name=line_name(ws_type))
            self.choice.setItemText(place, name)
        self.choice.setAccessibleName(tr("Heat map"))
        self.filter.setPlaceholderText(tr("Filter, for example KRW-BTC"))
        self.filter.setAccessibleName(tr("Filter"))
        self.canvas.retranslate()
        self._drawn = ()
        self._on_chosen()


class HeatCanvas(QWidget):
    """Draws a heat map; under the mouse, or where the keyboard is, a sheet says what a cell stands for.

    By keyboard: arrows, Home, End, Page up and down go from cell to cell, Escape leaves them.

    Signals:
        resized: there is room for more rows, or fewer.
    """

    resized = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.heat: Heat | None = None
        self._cell: tuple[int, int] | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(PLOTS_LEAST // 2)
        self._view = pg.GraphicsLayoutWidget(self)
        for part in (self._view, self._view.viewport()):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are this widget's
        self._view.setFrameStyle(QFrame.Shape.Box | QFrame.Shadow.Plain)
        axes = {"bottom": pg.DateAxisItem(orientation="bottom", utcOffset=_KST_OFFSET), "left": pg.AxisItem("left")}
        self._plot = pg.PlotItem(axisItems=axes)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.getViewBox().setDefaultPadding(0)
        self._plot.disableAutoRange()
        axes["left"].setWidth(PLOT_AXIS)
        axes["left"].setStyle(tickLength=0)
        self._image = pg.ImageItem(axisOrder="row-major")
        self._frame = pg.PlotCurveItem()
        self._plot.addItem(self._image)
        self._plot.addItem(self._frame)
        self._view.ci.addItem(self._plot)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addWidget(self._view)
        self.readout = Readout(self._view)
        viewport = self._view.viewport()
        viewport.setMouseTracking(True)
        viewport.installEventFilter(self)
        self.apply_colours()
        self.retranslate()

    @property
    def most_rows(self) -> int:
        """How many rows can be told apart."""
        return max(1, int(self._plot.getViewBox().height()) // HEAT_ROW)

    @property
    def cell(self) -> tuple[int, int] | None:
        """Row (from the bottom) and column that is told about; None for none."""
        return self._cell

    def show_heat(self, heat: Heat | None, since: float, until: float) -> None:
        """Draw this, over a span of time in seconds since 1970; None for nothing."""
        at = None if self.heat is None or self._cell is None else self.heat.times[self._cell[1]]
        self.heat = heat
        self._plot.setXRange(since, until, padding=0)
        if heat is None:
            self._image.clear()
            self._plot.getAxis("left").setTicks([[]])
            self.point_at(None)
            return
        rows, columns = heat.levels.shape
        self._paint()
        self._image.setRect(QRectF(heat.times[0], 0.0, columns * heat.step, float(rows)))
        self._plot.setYRange(0, rows, padding=0)
        left = self._plot.getAxis("left")
        left.setTicks([[(label.place, label.text) for label in heat.labels]])
        metrics = self.fontMetrics()
        widest = max((metrics.horizontalAdvance(label.text) for label in heat.labels), default=0)
        left.setWidth(max(PLOT_AXIS, widest + space().medium))
        if self._cell is not None and at is not None:
            # The same moment, which is a column further to the left now.
            column = round((at - heat.times[0]) / heat.step)
            self.point_at((min(self._cell[0], rows - 1), column) if 0 <= column < columns else None)

    def point_at(self, cell: tuple[int, int] | None) -> None:
        """Frame a cell and say what it stands for; None for none."""
        self._cell = cell
        heat = self.heat
        if cell is None or heat is None:
            self._frame.setData(np.empty(0), np.empty(0))
            self.readout.hide()
            self._describe("")
            return
        row, column = cell
        left, right = heat.times[column], heat.times[column] + heat.step
        xs = np.array([left, right, right, left, left])
        self._frame.setData(xs, np.array([row, row, row + 1, row + 1, row], dtype=float))
        lines = heat.tell(row, column)
        view = self._plot.getViewBox()
        place = self._view.mapFromScene(view.mapViewToScene(QPointF(right, row)))
        self.readout.show_rows([ReadoutRow(line) for line in lines], place.x())
        self._describe(", ".join(lines))

    def apply_colours(self) -> None:
        """Draw in the colours of the palette in force."""
        colours = colours_of(self.palette())
        self._view.setBackground(colours.base)
        for side in ("left", "bottom"):
            axis = self._plot.getAxis(side)
            axis.setPen(colours.border)
            axis.setTextPen(colours.muted)
            axis.setTickFont(self.font())
        self._frame.setPen(pg.mkPen(colours.text, width=HAIRLINE))
        self._show_focus()
        self._paint()

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.setAccessibleName(tr("Heat map"))
        self._describe("")

    def _describe(self, text: str) -> None:
        self.setAccessibleDescription(text or tr("The arrow keys go from cell to cell."))

    def _paint(self) -> None:
        if self.heat is None:
            return
        levels = self.heat.levels
        shades = np.asarray([shade.getRgb() for shade in shades_of(self.palette())], dtype=np.ubyte)
        known = np.isfinite(levels)
        picture = np.zeros((*levels.shape, 4), dtype=np.ubyte)  # what is not known is left out
        picture[known] = shades[(levels[known] * (_SHADES - 1)).astype(int)]
        self._image.setImage(picture, autoLevels=False, levels=None)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go from cell to cell."""
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        if self.heat is not None and key in _STEPS:
            rows, columns = self.heat.levels.shape
            row, column = self._cell or (rows - 1, columns - 1)
            if self._cell is not None:
                row, column = row + _STEPS[key][0], column + _STEPS[key][1]
            self.point_at((min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)))
        elif key == Qt.Key.Key_Escape and self._cell is not None:
            self.point_at(None)
        else:
            super().keyPressEvent(event)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Follow the mouse."""
        if event is not None and event.type() == QEvent.Type.Leave:
            self.point_at(None)
        elif isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseMove:
            self._on_mouse(self._view.mapToScene(event.position().toPoint()))
        return False

    def _on_mouse(self, position: QPointF) -> None:
        if self.heat is None:
            return
        view = self._plot.getViewBox()
        at = view.mapSceneToView(position)
        rows, columns = self.heat.levels.shape
        row, column = math.floor(at.y()), math.floor((at.x() - self.heat.times[0]) / self.heat.step)
        inside = view.sceneBoundingRect().contains(position) and 0 <= row < rows and 0 <= column < columns
        self.point_at((row, column) if inside else None)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show that keys come here."""
        super().focusInEvent(event)
        self._show_focus()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Leave the cells."""
        super().focusOutEvent(event)
        self.point_at(None)
        self._show_focus()

    def changeEvent(self, event: QEvent | None) -> None:
        """Draw in the colours of another palette."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and hasattr(self, "readout"):
            self.apply_colours()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Have as many rows as there is room for."""
        super().resizeEvent(event)
        self.resized.emit()

    def _show_focus(self) -> None:
        colours, palette = colours_of(self.palette()), self._view.palette()
        frame = colours.accent if self.hasFocus() else colours.base
        palette.setColor(QPalette.ColorRole.WindowText, QColor(frame))
        self._view.setPalette(palette)


class HeatLegend(QWidget):
    """Which shade stands for how much."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._marks: list[tuple[float, str]] = []
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.show_kind(FRESHNESS)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Where words stand (0 to 1), and which."""
        return self._marks

    def show_kind(self, kind: str) -> None:
        """Be the legend of ages, or (any other kind) of shares."""
        if kind == FRESHNESS:
            ages = (FRESH, 1.0, 10.0, 60.0, OLD)
            self._marks = [(math.log(age / FRESH) / math.log(OLD / FRESH), age_words(age)) for age in ages]
        else:
            self._marks = [(math.sqrt(share), f"{100 * share:g} %") for share in (0.01, 0.1, 0.4, 1.0)]
        words = ", ".join(text for _, text in self._marks)
        self.setAccessibleName(tr("From faint to strong: {marks}", marks=words))
        self.setToolTip(self.accessibleName())
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the words below the shades."""
        return QSize(HEAT_LEGEND, self.fontMetrics().height() + space().medium)

    def minimumSizeHint(self) -> QSize:
        """The same: words must not overlap."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint shades, and words below them."""
        del event
        metrics, colours = self.fontMetrics(), colours_of(self.palette())
        bar = QRectF(self.rect()).adjusted(space().medium, 0, -space().medium, -metrics.height())
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        shades = shades_of(self.palette())
        for place, shade in enumerate(shades):
            gradient.setColorAt(place / (len(shades) - 1), shade)
        painter = QPainter(self)
        painter.fillRect(bar, gradient)
        painter.setPen(QColor(colours.muted))
        for share, text in self._marks:
            width = metrics.horizontalAdvance(text)
            left = bar.left() + share * bar.width() - width / 2
            left = min(max(left, 0.0), self.width() - width)
            painter.drawText(QPointF(left, self.height() - metrics.descent()), text)
        painter.end()


def shades_of(palette: QPalette) -> list[QColor]:
    """Return the shades of a map, from faint to strong: each is told from the next by its lightness alone."""
    stops = [QColor(stop) for stop in colours_of(palette).heat]
    shades = []
    for number in range(_SHADES):
        place = number / (_SHADES - 1) * (len(stops) - 1)
        low = min(int(place), len(stops) - 2)
        share = place - low
        parts = zip(stops[low].getRgb()[:3], stops[low + 1].getRgb()[:3], strict=True)
        shades.append(QColor(*(round(one + (other - one) * share) for one, other in parts)))
    return shades
