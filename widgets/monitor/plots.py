"""Health score, round trip and epoch of all lines on one time axis, with a band of states and marks of reconnects."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QPointF, QRectF, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QToolTip, QVBoxLayout, QWidget

from upbit_ws_qt import WebSocketType
from widgets.monitor.words import event_text, line_name
from widgets.text import tr
from widgets.theme import colours_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from upbit_ws_qt import HistorySeries, LineEvent
    from widgets.theme import Colours

__all__ = ["METRICS", "MonitorPlots"]

METRICS = ("score", "rtt", "epoch", "connected")
MOST_POINTS = 1200
HOVER_PIXELS = 7
LABELS_SHOWN = 8
AXIS_WIDTH = 52
_KST_OFFSET = -9 * 3600
_DECADES = (-4, 4)
_Points = tuple[np.ndarray, np.ndarray]


class _LogAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph ships no types
    """Milliseconds on a scale of decades."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        # The topmost one would stand in the label below the plot above.
        whole = [float(decade) for decade in range(math.ceil(low), math.ceil(high))]
        return [(1.0, whole)]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [f"{10**value:g}" for value in values]


class _WholeAxis(pg.AxisItem):  # type: ignore[misc]  # as above
    """Whole numbers."""

    def tickValues(self, low: float, high: float, size: float) -> list[tuple[float, list[float]]]:
        whole = range(math.ceil(low), math.floor(high) + 1)
        if high > 100:  # the score, with its thresholds
            return [(1.0, [0.0, 50.0, 80.0, 100.0])]
        step = max(1, math.ceil(len(whole) / 4))
        return [(float(step), [float(value) for value in whole[::step]])]

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        return [f"{value:.0f}" for value in values]


class MonitorPlots(QWidget):
    """Draws what `show_data` gives it; keeps no data but that."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._events: tuple[LineEvent, ...] = ()
        self._labels: list[pg.TextItem] = []
        self._x_range = (0.0, 0.0)
        self._canvas = pg.GraphicsLayoutWidget(self)
        for part in (self._canvas, self._canvas.viewport()):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # nothing in there can be done by keyboard
        self._canvas.ci.layout.setSpacing(2)
        self._canvas.ci.layout.setContentsMargins(2, 2, 6, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._canvas)
        axes = {"band": pg.AxisItem("left"), "score": _WholeAxis("left"), "rtt": _LogAxis("left")}
        axes["epoch"] = _WholeAxis("left")
        self.plots = {name: self._add_plot(row, name, axis) for row, (name, axis) in enumerate(axes.items())}
        self._band = pg.ImageItem(axisOrder="row-major")
        self.plots["band"].addItem(self._band)
        self.curves: dict[tuple[str, WebSocketType], pg.PlotCurveItem] = {}
        self._thresholds: list[tuple[pg.InfiniteLine, str]] = []
        self._markers: dict[str, pg.PlotCurveItem] = {}
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
            points = _points(series.get((metric, ws_type)), metric)
            curve.setData(*points, connect="finite", **({"stepMode": "right"} if metric == "epoch" else {}))
            heights[metric].append(points[1])
        self._fit("rtt", heights["rtt"])
        self._fit("epoch", heights["epoch"])
        self._draw_band(series, now)
        self._draw_marks()

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
        self.setAccessibleDescription(tr("The same figures are in the table above; export them as CSV to read them."))

    def apply_colours(self) -> None:
        """Draw in the colours of the palette in force."""
        colours = self._colours = colours_of(self.palette())
        self._canvas.setBackground(colours.base)
        for name, plot in self.plots.items():
            for side in ("left", "bottom"):
                axis = plot.getAxis(side)
                axis.setPen(colours.border)
                axis.setTextPen(colours.muted)
                axis.setTickFont(self.font())
            if name != "band":
                self._markers[name].setPen(pg.mkPen(colours.warn, width=1))
        for (_, ws_type), curve in self.curves.items():
            curve.setPen(pg.mkPen(colours.lines[ws_type], width=1))
        for line, level in self._thresholds:
            line.setPen(pg.mkPen(_between(colours, colours.health(level)), width=1))
        for label in self._labels:
            label.setColor(colours.muted)

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow the palette."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.PaletteChange and self._labels:
            self.apply_colours()

    # -- inside ---------------------------------------------------------------------------------------------------
    def _add_plot(self, row: int, name: str, axis: pg.AxisItem) -> pg.PlotItem:
        bottom = pg.DateAxisItem(orientation="bottom", utcOffset=_KST_OFFSET)
        plot = self._canvas.addPlot(row=row, col=0, axisItems={"left": axis, "bottom": bottom})
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
            plot.setMaximumHeight(52)
            plot.setMinimumHeight(52)
            axis.setStyle(tickLength=0)
        return plot

    def _fill_plots(self) -> None:
        for name in ("band", "score", "rtt"):
            self.plots[name].setXLink(self.plots["epoch"])
        for name, low, high in (("band", 0, 3), ("score", 0, 105), ("rtt", 0, 3), ("epoch", 0, 2)):
            self.plots[name].setYRange(low, high, padding=0)
        levels = (("score", 80, "good"), ("score", 50, "bad"), ("rtt", math.log10(150), "warn"))
        for name, height, level in (*levels, ("rtt", math.log10(400), "bad")):
            line = pg.InfiniteLine(pos=height, angle=0)
            line.setAcceptHoverEvents(False)
            self.plots[name].addItem(line)
            self._thresholds.append((line, level))
        for name in ("score", "rtt", "epoch"):
            self._markers[name] = pg.PlotCurveItem(connect="pairs")
            self.plots[name].addItem(self._markers[name])
            for ws_type in WebSocketType:
                curve = self.curves[name, ws_type] = pg.PlotCurveItem()
                self.plots[name].addItem(curve)
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
            # Lines of the same epoch lie beside each other, not on top of each other.
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
        marks = self.marks
        times = np.repeat(np.array([event.at for event in marks], dtype=float), 2)
        for name, curve in self._markers.items():
            low, high = self.plots[name].viewRange()[1]
            curve.setData(times, np.tile(np.array([low, high]), len(marks)), connect="pairs")
        newest = marks[-LABELS_SHOWN:]
        for label, event in zip(self._labels, newest, strict=False):
            label.setText(f"e{event.new_epoch}")
            label.setPos(event.at, 0)
        for number, label in enumerate(self._labels):
            label.setVisible(number < len(newest))

    def _on_mouse_moved(self, position: QPointF) -> None:
        event = self.event_near(position)
        if event is None:
            QToolTip.hideText()
        else:
            place = self._canvas.mapToGlobal(self._canvas.mapFromScene(position))
            QToolTip.showText(place, event_text(event), self._canvas)


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
