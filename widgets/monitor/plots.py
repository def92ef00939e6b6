"""Health score, round trip and epoch of all lines on one time axis, with a band of states and marks of reconnects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QFrame, QToolTip, QVBoxLayout, QWidget

from upbit_ws_qt import WebSocketType

from ..base.labels import tip_text
from ..base.text import tr
from ..base.theme import colours_of
from .axes import LogAxis, Value, ValueAxis, WholeAxis
from .words import event_text, line_name, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PyQt6.QtGui import QFocusEvent, QKeyEvent

    from upbit_ws_qt import HistorySeries, LineEvent

    from ..base.theme import Colours

__all__ = ["METRICS", "MonitorPlots"]

METRICS = ("score", "rtt", "epoch", "connected")
MOST_POINTS = 1200
HOVER_PIXELS = 7
LABELS_SHOWN = 8
LABEL_PIXELS = 64
AXIS_WIDTH = 52
FRESH = 5
"""Steps of the history for which its last point tells the present."""
BAND_HEIGHT = 52
LEAST_HEIGHT = 240
_KST_OFFSET = -9 * 3600
_FAR = 10_000
_APART = 2.0  # points of the score; the figures at the edge are exact
_DECADES = (-4, 4)
_FORMATS = {
    "score": lambda height: f"{height:.0f}",
    "rtt": lambda height: milliseconds(10**height / 1000),
    "epoch": lambda height: f"{height:.0f}",
}
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Home: -_FAR, Qt.Key.Key_End: _FAR}
_Points = tuple[np.ndarray, np.ndarray]


class MonitorPlots(QWidget):
    """Draws what `show_data` gives it; keeps no data but that.

    By keyboard: the arrows, Home and End go from mark to mark and say what each one was; Escape leaves them.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._events: tuple[LineEvent, ...] = ()
        self._labels: list[pg.TextItem] = []
        self._x_range = (0.0, 0.0)
        self._visited: LineEvent | None = None
        self._latest: dict[tuple[str, WebSocketType], float] = {}
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(LEAST_HEIGHT)
        self._canvas = pg.GraphicsLayoutWidget(self)
        for part in (self._canvas, self._canvas.viewport()):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are this widget's
        self._canvas.setFrameStyle(QFrame.Shape.Box | QFrame.Shadow.Plain)
        self._canvas.ci.layout.setSpacing(2)
        self._canvas.ci.layout.setContentsMargins(2, 2, 6, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        axes = {"band": pg.AxisItem("left"), "score": WholeAxis("left"), "rtt": LogAxis("left")}
        axes["epoch"] = WholeAxis("left")
        self.values = {name: ValueAxis() for name in axes}
        self.plots = {name: self._add_plot(row, name, axis) for row, (name, axis) in enumerate(axes.items())}
        self._band = pg.ImageItem(axisOrder="row-major")
        self.plots["band"].addItem(self._band)
        self.curves: dict[tuple[str, WebSocketType], pg.PlotCurveItem] = {}
        self._thresholds: list[tuple[pg.InfiniteLine, str]] = []
        self._markers: dict[tuple[str, WebSocketType], pg.PlotCurveItem] = {}
        self._colours = colours_of(self.palette())
        self._fill_plots()
        self._canvas.scene().sigMouseMoved.connect(self._on_mouse_moved)
        self.apply_colours()
        self.retranslate()

    # -- what is drawn --------------------------------------------------------------------------------------------
    def show_data(
        self, series: Mapping[tuple[str, WebSocketType], HistorySeries], events: Sequence[LineEvent], now: float
    ) -> None:
        """Draw these figures and marks, the newest at `now` (seconds since 1970)."""
        self._events = tuple(events)
        heights: dict[str, list[np.ndarray]] = {"score": [], "rtt": [], "epoch": []}
        for (metric, ws_type), curve in self.curves.items():
            found = series.get((metric, ws_type))
            points = _points(found, metric)
            curve.setData(*points, connect="finite", **({"stepMode": "right"} if metric == "epoch" else {}))
            heights[metric].append(points[1])
            fresh = found is not None and len(found.times) > 0 and now - found.times[-1] <= FRESH * found.step
            self._latest[metric, ws_type] = points[1][-1] if fresh else math.nan
        self._fit("rtt", heights["rtt"])
        self._fit("epoch", heights["epoch"])
        self._draw_band(series, now)
        self._draw_marks()
        self._show_values()

    def show_window(self, since: float, now: float) -> None:
        """Scroll to a span of time (seconds since 1970)."""
        self._x_range = (since, now)
        self.plots["epoch"].setXRange(since, now, padding=0)
        self._canvas.scene().prepareForPaint()  # left to the paint event, this would make it be painted twice

    @property
    def x_range(self) -> tuple[float, float]:
        """The span of time that is shown."""
        return self._x_range

    @property
    def marks(self) -> tuple[LineEvent, ...]:
        """The reconnects and renewals that have a vertical line."""
        return tuple(event for event in self._events if event.kind != "lost")

    def set_line_visible(self, ws_type: WebSocketType, visible: bool) -> None:
        """Show or hide one connection's curves."""
        for (_, line), curve in self.curves.items():
            if line is ws_type:
                curve.setVisible(visible)
        self._show_values()

    @property
    def visited(self) -> LineEvent | None:
        """The event that was gone to by keyboard, None where there is none."""
        return self._visited

    def visit(self, event: LineEvent | None) -> None:
        """Show what an event was, and where, as hovering does; None for no event any more."""
        self._visited = event
        for line in self._pointers:
            line.setVisible(event is not None)
            if event is not None:
                line.setPos(event.at)
        self._describe()
        if event is None:
            QToolTip.hideText()
            return
        view = self.plots["score"].getViewBox()
        point = view.mapViewToScene(QPointF(event.at, view.viewRange()[1][1]))
        QToolTip.showText(self._canvas.mapToGlobal(self._canvas.mapFromScene(point)), tip_text(event_text(event)), self)

    def event_near(self, position: QPointF) -> LineEvent | None:
        """Return the event whose mark is under a point of the canvas, None where there is none."""
        view = self.plots["epoch"].getViewBox()
        pixel = view.viewPixelSize()[0] or 1.0
        at = view.mapSceneToView(position).x()
        near = min(self._events, key=lambda event: abs(event.at - at), default=None)
        return near if near is not None and abs(near.at - at) <= HOVER_PIXELS * pixel else None

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        for name, title in (("score", tr("score")), ("rtt", tr("RTT ms")), ("epoch", tr("epoch"))):
            self.plots[name].setLabel("left", title)
        strips = [(2.5 - row, line_name(ws_type)) for row, ws_type in enumerate(WebSocketType)]
        self.plots["band"].getAxis("left").setTicks([strips])
        self.setAccessibleName(tr("Plots of health score, round trip and epoch"))
        self._describe()

    def apply_colours(self) -> None:
        """Draw in the colours of the palette in force."""
        colours = self._colours = colours_of(self.palette())
        self._canvas.setBackground(colours.base)
        self._show_focus()
        for plot in self.plots.values():
            for side in ("left", "bottom", "right"):
                axis = plot.getAxis(side)
                axis.setPen(colours.border)
                axis.setTextPen(colours.muted)
                axis.setTickFont(self.font())
        for (_, ws_type), curve in self.curves.items():
            curve.setPen(pg.mkPen(colours.lines[ws_type], width=1))
        for (name, ws_type), marker in self._markers.items():
            colour = colours.bad if name == "band" else _between(colours, colours.lines[ws_type])
            marker.setPen(pg.mkPen(colour, width=1))
        for line, level in self._thresholds:
            line.setPen(pg.mkPen(_between(colours, colours.health(level)), width=1))
        self._draw_marks()
        for line in self._pointers:
            line.setPen(pg.mkPen(colours.accent, width=1))
        self._show_values()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go from mark to mark."""
        shown = [mark for mark in self._events if self._x_range[0] <= mark.at <= self._x_range[1]]
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        if key == Qt.Key.Key_Escape and self._visited is not None:
            self.visit(None)
        elif key in _STEPS and shown:
            at = shown.index(self._visited) if self._visited in shown else len(shown)
            self.visit(shown[min(max(at + _STEPS[key], 0), len(shown) - 1)])
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show that keys come here."""
        super().focusInEvent(event)
        self._show_focus()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Leave the marks."""
        super().focusOutEvent(event)
        self.visit(None)
        self._show_focus()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and self._labels:
            self.apply_colours()

    # -- inside ---------------------------------------------------------------------------------------------------
    def _add_plot(self, row: int, name: str, axis: pg.AxisItem) -> pg.PlotItem:
        bottom = pg.DateAxisItem(orientation="bottom", utcOffset=_KST_OFFSET)
        plot = self._canvas.addPlot(
            row=row, col=0, axisItems={"left": axis, "bottom": bottom, "right": self.values[name]}
        )
        plot.showAxis("right")
        axis.setWidth(AXIS_WIDTH)
        for each in (axis, bottom):
            each.enableAutoSIPrefix(False)  # else the label is laid out anew in every frame
        if name != "epoch":
            plot.hideAxis("bottom")  # one time axis for all; each costs half a millisecond a frame
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.getViewBox().setDefaultPadding(0)
        plot.disableAutoRange()
        if name == "band":
            plot.setMaximumHeight(BAND_HEIGHT)
            plot.setMinimumHeight(BAND_HEIGHT)
            axis.setStyle(tickLength=0)
        return plot

    def _fill_plots(self) -> None:
        for name in ("band", "score", "rtt"):
            self.plots[name].setXLink(self.plots["epoch"])
        for name, low, high in (("band", 0, 3), ("score", 0, 105), ("rtt", 0, 3), ("epoch", -0.5, 2.5)):
            self.plots[name].setYRange(low, high, padding=0)
        levels = (("score", 80, "good"), ("score", 50, "bad"), ("rtt", math.log10(150), "warn"))
        for name, height, level in (*levels, ("rtt", math.log10(400), "bad")):
            line = pg.InfiniteLine(pos=height, angle=0)
            line.setAcceptHoverEvents(False)
            self.plots[name].addItem(line)
            self._thresholds.append((line, level))
        for name in ("band", "score", "rtt", "epoch"):
            for ws_type in WebSocketType:
                marker = self._markers[name, ws_type] = pg.PlotCurveItem(connect="pairs")
                self.plots[name].addItem(marker)
        for name in _FORMATS:
            for ws_type in WebSocketType:
                curve = self.curves[name, ws_type] = pg.PlotCurveItem()
                self.plots[name].addItem(curve)
        # Lines that stand at the same score or epoch lie beside each other, not on top of each other.
        for place, ws_type in enumerate(WebSocketType):
            self.curves["score", ws_type].setPos(0, (1 - place) * _APART)
        self._pointers = [pg.InfiniteLine(angle=90) for _ in _FORMATS]
        for line, name in zip(self._pointers, _FORMATS, strict=True):
            line.setVisible(False)
            line.setAcceptHoverEvents(False)
            self.plots[name].addItem(line)
        for _ in range(LABELS_SHOWN):
            label = pg.TextItem(anchor=(0, 1))
            label.setVisible(False)
            self.plots["score"].addItem(label, ignoreBounds=True)
            self._labels.append(label)

    def _fit(self, name: str, heights: Sequence[np.ndarray]) -> None:
        """Fit a plot to its figures in whole steps, so that it seldom moves."""
        finite = [values[np.isfinite(values)] for values in heights]
        known = [values for values in finite if values.size]
        if not known:
            return
        low = math.floor(min(float(values.min()) for values in known))
        high = max(float(values.max()) for values in known)
        if name == "rtt":
            low, top = max(_DECADES[0], min(low, 1)), min(_DECADES[1], max(math.ceil(high), 3))
            self.plots[name].setYRange(low, top, padding=0)
        else:
            self.plots[name].setYRange(low - 0.5, high + 0.5, padding=0)
            for place, ws_type in enumerate(WebSocketType):
                self.curves[name, ws_type].setPos(0, (place - 1) * 0.03 * (high - low + 1))

    def _draw_band(self, series: Mapping[tuple[str, WebSocketType], HistorySeries], now: float) -> None:
        """Each line is a strip: full height while connected, a thin foot while not, nothing while not wanted."""
        known = [found for line in WebSocketType if (found := series.get(("connected", line))) is not None]
        longest = max((len(found.times) for found in known), default=0)
        if not longest:
            self._band.clear()
            return
        picture = np.zeros((12, longest, 4), dtype=np.ubyte)
        for row, ws_type in enumerate(WebSocketType):
            found = series.get(("connected", ws_type))
            scores = series.get(("score", ws_type))
            if found is None or scores is None or not len(found.values):
                continue
            up, wanted = np.asarray(found.values), np.isfinite(np.asarray(scores.values))
            offset, foot = longest - len(up), 4 * (2 - row)
            for mask, height, colour in ((up == 1, 3, self._colours.good), (up != 1, 1, self._colours.bad)):
                columns = offset + np.flatnonzero(mask & wanted[-len(up) :])
                picture[foot : foot + height, columns] = QColor(colour).getRgb()
        widest = max(known, key=lambda found: len(found.times))
        self._band.setImage(picture, autoLevels=False, levels=None)
        span = max(now - widest.times[0], widest.step)
        self._band.setRect(QRectF(widest.times[0], 0.0, span, 3.0))

    def _draw_marks(self) -> None:
        """Mark each line's losses and new epochs in its own colour, and say beside it whose it is."""
        for (name, ws_type), curve in self._markers.items():
            # A loss of a moment is shorter than a reading: in the band only its mark can be seen.
            marks = [each for each in (self._events if name == "band" else self.marks) if each.ws_type is ws_type]
            low, high = self.plots[name].viewRange()[1]
            if name == "band":
                row = 2 - list(WebSocketType).index(ws_type)
                low, high = row, row + 0.9
            times = np.repeat(np.array([event.at for event in marks], dtype=float), 2)
            curve.setData(times, np.tile(np.array([low, high]), len(marks)), connect="pairs")
        newest = self._labelled(self.marks)
        for label, event in zip(self._labels, newest, strict=False):
            label.setText(f"{line_name(event.ws_type)} e{event.new_epoch}")
            label.setColor(QColor(self._colours.lines[event.ws_type]))
            label.setPos(event.at, 0)
            at_edge = self._x_range[1] - event.at < LABEL_PIXELS * self._pixel
            label.setAnchor((1, 1) if at_edge else (0, 1))
        for number, label in enumerate(self._labels):
            label.setVisible(number < len(newest))

    @property
    def _pixel(self) -> float:
        """Seconds that a pixel stands for."""
        return (self._x_range[1] - self._x_range[0]) / max(100, self.width() - 2 * AXIS_WIDTH)

    def _labelled(self, marks: Sequence[LineEvent]) -> list[LineEvent]:
        """Return the newest marks whose labels do not overlap."""
        found: list[LineEvent] = []
        for event in reversed(marks):
            if len(found) < LABELS_SHOWN and (not found or found[-1].at - event.at >= LABEL_PIXELS * self._pixel):
                found.append(event)
        return found

    def _show_values(self) -> None:
        """Write the present value of each curve at the right edge."""
        for name in _FORMATS:
            self.values[name].show_values(
                tuple(
                    Value(height, _FORMATS[name](height), QColor(self._colours.lines[ws_type]))
                    for ws_type in WebSocketType
                    if self.curves[name, ws_type].isVisible()
                    and math.isfinite(height := self._latest.get((name, ws_type), math.nan))
                )
            )

    def _describe(self) -> None:
        """Say to a screen reader what cannot be seen."""
        if self._visited is not None:
            self.setAccessibleDescription(event_text(self._visited))
            return
        same = tr("The same figures are in the table above; export them as CSV to read them.")
        self.setAccessibleDescription(f"{same} {tr('The arrow keys go from mark to mark.')}")

    def _show_focus(self) -> None:
        palette = self._canvas.palette()
        frame = self._colours.accent if self.hasFocus() else self._colours.base
        palette.setColor(QPalette.ColorRole.WindowText, QColor(frame))
        self._canvas.setPalette(palette)

    def _on_mouse_moved(self, position: QPointF) -> None:
        event = self.event_near(position)
        if event is None:
            QToolTip.hideText()
        else:
            place = self._canvas.mapToGlobal(self._canvas.mapFromScene(position))
            QToolTip.showText(place, tip_text(event_text(event)), self._canvas)


def _points(series: HistorySeries | None, metric: str) -> _Points:
    """Return a series for drawing: in ms and as logarithm where needed, thinned out, NaN where nothing was known."""
    if series is None or not len(series.times):
        return np.empty(0), np.empty(0)
    times, values = np.asarray(series.times), np.asarray(series.values)
    if metric == "rtt":
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(np.maximum(values * 1000, 10.0 ** _DECADES[0]))
    many = len(values) // MOST_POINTS
    if many > 1:
        kept = len(values) // many * many
        times = times[-kept:].reshape(-1, many)[:, 0]
        folded = values[-kept:].reshape(-1, many)
        fold = np.fmin if metric == "score" else np.fmax
        values = fold.reduce(folded, axis=1)
    return times, values


def _between(colours: Colours, colour: str) -> QColor:
    """Return a colour already blended with the background: a transparent pen is slow."""
    near, far = QColor(colour), QColor(colours.base)
    return QColor(*((a + 2 * b) // 3 for a, b in zip(near.getRgb()[:3], far.getRgb()[:3], strict=True)))
