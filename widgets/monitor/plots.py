"""Health score, round trip and epoch of all lines on one time axis, with a band of states and marks of reconnects."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PyQt6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QMouseEvent, QPalette
from PyQt6.QtWidgets import QFrame, QRubberBand, QVBoxLayout, QWidget

from upbit_ws_qt import AlertLimits, WebSocketType

from ..base.spacing import spaced
from ..base.text import tr
from ..base.theme import colours_of
from ..base.tokens import DRAGGED, HAIRLINE, LABEL_APART, NEAR, PLOT_AXIS, PLOTS_LEAST, STATE_BAND, space
from .axes import LogAxis, Value, ValueAxis, WholeAxis
from .curve import Curve
from .extra import EXTRAS, ExtraAxis, ExtraCurves, extra_text
from .readout import Readout, ReadoutRow
from .words import NOTHING, clock, event_text, line_name, milliseconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PyQt6.QtGui import QFocusEvent, QKeyEvent

    from upbit_ws_qt import HistorySeries, LineEvent

    from ..base.theme import Colours

__all__ = ["METRICS", "MonitorPlots"]

METRICS = ("score", "rtt", "epoch", "connected")
MOST_POINTS = 1200
HOVER_PIXELS, BRUSH_PIXELS = NEAR, DRAGGED
"""From a press to its release, for it to be a brush and no click."""
LEAST_SPAN = 4.0
"""Seconds that can be zoomed to at least: there is a point a second."""
LABELS_SHOWN = 8
WATCHED_MS = 150
"""A round trip from which on it costs points (docs/health.md)."""
FRESH = 5
"""Steps of the history for which its last point tells the present."""
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
_ZOOMS = {Qt.Key.Key_Plus: 0.5, Qt.Key.Key_Equal: 0.5, Qt.Key.Key_Minus: 2.0}
_EXTRA_ROW = 4
"""Below the others: the epoch, which has the axis of time, is above it."""
MARKS_TOLD = 3
_NO_LIMIT = 16_777_215
"""Pixels; what Qt takes for no limit of a height."""
_Points = tuple[np.ndarray, np.ndarray]


class MonitorPlots(QWidget):
    """Draws what `show_data` gives it; keeps no data but that.

    Under the mouse a line goes through all plots, and a sheet beside it says what everything stood at. A span that is
    brushed with the left button is asked for; a double click, or Escape, asks for the present.

    By keyboard: the arrows, Home and End go from mark to mark and say what each one was; plus and minus zoom around the
    mark, or the middle; Escape leaves them.

    Args:
        parent: of the widget.
        limits: from which figures on alerts are raised: the plots have a line there.

    Signals:
        spanChosen: show from here to there (seconds since 1970).
        spanLeft: show the present again.
    """

    spanChosen = pyqtSignal(float, float)
    spanLeft = pyqtSignal()

    def __init__(self, parent: QWidget | None = None, *, limits: AlertLimits | None = None) -> None:
        super().__init__(parent)
        self._limits = limits or AlertLimits()
        self._events: tuple[LineEvent, ...] = ()
        self._labels: list[pg.TextItem] = []
        self._x_range = (0.0, 0.0)
        self._visited: LineEvent | None = None
        self._latest: dict[tuple[str, WebSocketType], float] = {}
        self._series: Mapping[tuple[str, WebSocketType], HistorySeries] = {}
        self._extra_series: tuple[HistorySeries, ...] = ()
        self._extra: str | None = None
        self._cursor: float | None = None
        self._hover: QPointF | None = None
        self._brushed_from: QPoint | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumHeight(PLOTS_LEAST)
        self._canvas = pg.GraphicsLayoutWidget(self)
        for part in (self._canvas, self._canvas.viewport()):
            part.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # keys are this widget's
        self._canvas.setFrameStyle(QFrame.Shape.Box | QFrame.Shadow.Plain)
        self._canvas.ci.layout.setSpacing(space().tiny)
        self._canvas.ci.layout.setContentsMargins(space().tiny, space().tiny, space().small, space().tiny)
        layout = QVBoxLayout(self)
        spaced(layout)
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
        self._extra_plot: pg.PlotItem | None = None  # made when it is first asked for
        self._extra_curves: ExtraCurves | None = None
        self.readout = Readout(self._canvas)
        viewport = self._canvas.viewport()
        self._brush = QRubberBand(QRubberBand.Shape.Rectangle, viewport)
        viewport.installEventFilter(self)
        self.apply_colours()
        self.retranslate()

    # -- what is drawn --------------------------------------------------------------------------------------------
    def show_data(
        self,
        series: Mapping[tuple[str, WebSocketType], HistorySeries],
        events: Sequence[LineEvent],
        now: float,
        extra: Sequence[HistorySeries] = (),
    ) -> None:
        """Draw these figures and marks, the newest at `now` (seconds since 1970), and those of the extra plot."""
        self._events = tuple(events)
        self._series = series
        self._extra_series = tuple(extra)
        if self._extra is not None and self._extra_curves is not None:
            self._extra_curves.show(EXTRAS[self._extra], extra, self._limits)
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
        if self._hover is not None:
            self._point_at(self._time_at(self._hover))
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
        if self._extra_curves is not None:
            self._extra_curves.curves[ws_type].setVisible(visible)
        self._show_values()

    @property
    def visited(self) -> LineEvent | None:
        """The event that was gone to by keyboard, None where there is none."""
        return self._visited

    def visit(self, event: LineEvent | None) -> None:
        """Show what an event was, and where, as hovering does; None for no event any more."""
        self._visited = event
        self._hover = None
        self._point_at(None if event is None else event.at)
        self._describe()

    @property
    def cursor_at(self) -> float | None:
        """Where the line through all plots is, in seconds since 1970; None where it is not shown."""
        return self._cursor

    @property
    def extra(self) -> str | None:
        """The figure that has a plot of its own, by its metric; None for none."""
        return self._extra

    def set_extra(self, metric: str | None) -> None:
        """Show one more figure, one of EXTRAS, on the same time axis; None for none. `show_data` brings its values."""
        if metric == self._extra:
            return
        if self._extra_plot is None:
            self.values["extra"] = ValueAxis()
            self._extra_plot = self._add_plot(_EXTRA_ROW, "extra", ExtraAxis("left"))
            self._extra_plot.setXLink(self.plots["epoch"])
            self._extra_curves = ExtraCurves(self._extra_plot)
            for ws_type in WebSocketType:
                self._extra_curves.curves[ws_type].setVisible(self.curves["score", ws_type].isVisible())
            self._pointers.append(self._make_pointer(self._extra_plot))
        # Without its room it is not taken out: pyqtgraph leaves menus behind of what is in no scene.
        self._extra_plot.setVisible(metric is not None)
        self._extra_plot.setMaximumHeight(0 if metric is None else _NO_LIMIT)
        if metric is None:
            self.plots.pop("extra", None)
        else:
            self.plots["extra"] = self._extra_plot
        self._extra = metric
        self.retranslate()
        self.apply_colours()

    def value_at(self, metric: str, ws_type: WebSocketType, at: float) -> float:
        """Return what a figure stood at; NaN where it was not known."""
        return _value_at(self._series.get((metric, ws_type)), at)

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
        if self._extra is not None and self._extra_plot is not None:
            self._extra_plot.setLabel("left", tr(EXTRAS[self._extra].title))
        strips = [(2.5 - row, line_name(ws_type)) for row, ws_type in enumerate(WebSocketType)]
        self.plots["band"].getAxis("left").setTicks([strips])
        self.setAccessibleName(tr("Plots of health score, round trip and epoch"))
        self._describe()

    def apply_colours(self) -> None:
        """Draw in the colours of the palette in force."""
        colours = self._colours = colours_of(self.palette())
        self._stroke = HAIRLINE * self.devicePixelRatioF()  # such pens are measured in pixels, however fine these are
        self._canvas.setBackground(colours.base)
        self._show_focus()
        for plot in self.plots.values():
            for side in ("left", "bottom", "right"):
                axis = plot.getAxis(side)
                axis.setPen(colours.border)
                axis.setTextPen(colours.muted)
                axis.setTickFont(self.font())
        for (_, ws_type), curve in self.curves.items():
            curve.setPen(pg.mkPen(colours.lines[ws_type], width=self._stroke))
        for (name, ws_type), marker in self._markers.items():
            colour = colours.bad if name == "band" else _between(colours, colours.lines[ws_type])
            marker.setPen(pg.mkPen(colour, width=self._stroke))
        for line, level in self._thresholds:
            line.setPen(pg.mkPen(_between(colours, colours.health(level)), width=self._stroke))
        self._draw_marks()
        if self._extra_curves is not None:
            self._extra_curves.apply_colours(colours, self._stroke)
            self._extra_curves.threshold.setPen(pg.mkPen(_between(colours, colours.bad), width=self._stroke))
        for line in self._pointers:
            line.setPen(pg.mkPen(colours.accent, width=self._stroke))
        self._show_values()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go from mark to mark."""
        shown = [mark for mark in self._events if self._x_range[0] <= mark.at <= self._x_range[1]]
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            if self._visited is not None:
                self.visit(None)
            self.spanLeft.emit()
        elif key in _ZOOMS:
            self._zoom(_ZOOMS[key])
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
        plot = self._make_plot(name, axis)
        self._canvas.ci.addItem(plot, row=row, col=0)
        return plot

    def _make_plot(self, name: str, axis: pg.AxisItem) -> pg.PlotItem:
        bottom = pg.DateAxisItem(orientation="bottom", utcOffset=_KST_OFFSET)
        plot = pg.PlotItem(axisItems={"left": axis, "bottom": bottom, "right": self.values[name]})
        plot.showAxis("right")
        axis.setWidth(PLOT_AXIS)
        for each in (axis, bottom, self.values[name]):
            each.enableAutoSIPrefix(False)  # else the label is laid out anew in every frame
        if name != "epoch":
            plot.hideAxis("bottom")  # one time axis for all; each costs half a millisecond a frame
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=False, y=False)
        plot.getViewBox().setDefaultPadding(0)
        plot.disableAutoRange()
        if name == "band":
            plot.setMaximumHeight(STATE_BAND)
            plot.setMinimumHeight(STATE_BAND)
            axis.setStyle(tickLength=0)
        return plot

    def _fill_plots(self) -> None:
        for name in ("band", "score", "rtt"):
            self.plots[name].setXLink(self.plots["epoch"])
        for name, low, high in (("band", 0, 3), ("score", 0, 105), ("rtt", 0, 3), ("epoch", -0.5, 2.5)):
            self.plots[name].setYRange(low, high, padding=0)
        slow = math.log10(self._limits.slow * 1000)
        watched = min(slow, math.log10(WATCHED_MS))
        levels = (("score", 80, "good"), ("score", 50, "bad"), ("rtt", watched, "warn"), ("rtt", slow, "bad"))
        for name, height, level in levels:
            line = pg.InfiniteLine(pos=height, angle=0)
            line.setAcceptHoverEvents(False)
            self.plots[name].addItem(line)
            self._thresholds.append((line, level))
        for name in ("band", "score", "rtt", "epoch"):
            for ws_type in WebSocketType:
                marker = self._markers[name, ws_type] = Curve(connect="pairs")
                self.plots[name].addItem(marker)
        for name in _FORMATS:
            for ws_type in WebSocketType:
                curve = self.curves[name, ws_type] = Curve()
                self.plots[name].addItem(curve)
        # Lines that stand at the same score or epoch lie beside each other, not on top of each other.
        for place, ws_type in enumerate(WebSocketType):
            self.curves["score", ws_type].setPos(0, (1 - place) * _APART)
        self._pointers = [self._make_pointer(plot) for plot in self.plots.values()]
        for _ in range(LABELS_SHOWN):
            label = pg.TextItem(anchor=(0, 1))
            label.setVisible(False)
            self.plots["score"].addItem(label, ignoreBounds=True)
            self._labels.append(label)

    def _make_pointer(self, plot: pg.PlotItem) -> pg.InfiniteLine:
        line = pg.InfiniteLine(angle=90)
        line.setVisible(False)
        line.setAcceptHoverEvents(False)
        plot.addItem(line, ignoreBounds=True)
        return line

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
        self._band.setRect(QRectF(widest.times[0], 0.0, span, float(len(WebSocketType))))

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
            at_edge = self._x_range[1] - event.at < LABEL_APART * self._pixel
            label.setAnchor((1, 1) if at_edge else (0, 1))
        for number, label in enumerate(self._labels):
            label.setVisible(number < len(newest))

    @property
    def _pixel(self) -> float:
        """Seconds that a pixel stands for."""
        return (self._x_range[1] - self._x_range[0]) / max(100, self.width() - 2 * PLOT_AXIS)

    def _labelled(self, marks: Sequence[LineEvent]) -> list[LineEvent]:
        """Return the newest marks whose labels do not overlap."""
        found: list[LineEvent] = []
        for event in reversed(marks):
            if len(found) < LABELS_SHOWN and (not found or found[-1].at - event.at >= LABEL_APART * self._pixel):
                found.append(event)
        return found

    def _show_values(self) -> None:
        """Write the present value of each curve at the right edge."""
        if self._extra is not None and self._extra_curves is not None:
            self.values["extra"].show_values(self._extra_curves.latest(self._colours))
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

    def _time_at(self, position: QPointF) -> float:
        """Return the time under a point of the scene."""
        return float(self.plots["epoch"].getViewBox().mapSceneToView(position).x())

    def _on_mouse_moved(self, position: QPointF) -> None:
        at = self._time_at(position)
        inside = self._x_range[0] <= at <= self._x_range[1]
        self._hover = QPointF(position) if inside else None
        self._point_at(at if inside else None)

    def _point_at(self, at: float | None) -> None:
        """Draw the line through all plots, and say what everything stood at; None for no line."""
        self._cursor = at
        for line in self._pointers:
            line.setVisible(at is not None)
            if at is not None:
                line.setPos(at)
        if at is None:
            self.readout.hide()
            return
        view = self.plots["epoch"].getViewBox()
        place = self._canvas.mapFromScene(view.mapViewToScene(QPointF(at, 0.0)))
        self.readout.show_rows(self._readout_rows(at), place.x())

    def _readout_rows(self, at: float) -> list[ReadoutRow]:
        rows = [ReadoutRow(clock(at))]
        for ws_type in WebSocketType:
            if not self.curves["score", ws_type].isVisible():
                continue
            score, rtt, epoch = (self.value_at(metric, ws_type, at) for metric in ("score", "rtt", "epoch"))
            parts = [
                line_name(ws_type),
                NOTHING if math.isnan(score) else f"{score:.0f}",
                NOTHING if math.isnan(rtt) else f"{milliseconds(rtt)} ms",
                NOTHING if math.isnan(epoch) else f"e{epoch:.0f}",
            ]
            rows.append(ReadoutRow("   ".join(parts), self._colours.lines[ws_type]))
        if self._extra is not None and self._extra_curves is not None:
            kind = EXTRAS[self._extra]
            values = [
                extra_text(_value_at(each, at) * kind.scale)
                for each in self._extra_series
                if self._extra_curves.curves[each.ws_type].isVisible()
            ]
            threshold = kind.threshold(self._limits)
            if threshold is not None:
                values.append(tr("alert from {value}", value=extra_text(threshold)))
            rows.append(ReadoutRow(f"{tr(kind.title)}   {'   '.join(values)}"))
        near = [each for each in self._events if abs(each.at - at) <= HOVER_PIXELS * self._pixel]
        rows += [ReadoutRow(event_text(event), self._colours.lines[event.ws_type]) for event in near[-MARKS_TOLD:]]
        return rows

    # -- brush and zoom -------------------------------------------------------------------------------------------
    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Brush a span with the left button; forget the pointer where it leaves."""
        if event is None:
            return False
        if event.type() == QEvent.Type.Leave:
            self._hover = None
            self._point_at(None if self._visited is None else self._visited.at)
        elif isinstance(event, QMouseEvent):
            if event.type() == QEvent.Type.MouseMove:
                self._on_mouse_moved(self._canvas.mapToScene(event.position().toPoint()))
            self._brush_by(event)
        return False

    def _brush_by(self, event: QMouseEvent) -> None:
        place, kind = event.position().toPoint(), event.type()
        if kind == QEvent.Type.MouseButtonDblClick:
            self._brushed_from = None
            self.spanLeft.emit()
        elif kind == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._brushed_from = place
        elif self._brushed_from is None:
            return
        elif kind == QEvent.Type.MouseMove:
            left, right = sorted((self._brushed_from.x(), place.x()))
            self._brush.setGeometry(QRect(QPoint(left, 0), QSize(max(1, right - left), self._canvas.height())))
            self._brush.setVisible(right - left >= BRUSH_PIXELS)
        elif kind == QEvent.Type.MouseButtonRelease:
            began, self._brushed_from = self._brushed_from, None
            self._brush.hide()
            if abs(place.x() - began.x()) >= BRUSH_PIXELS:
                ends = sorted(self._time_at(self._canvas.mapToScene(each)) for each in (began, place))
                self._choose_span(*ends)

    def _zoom(self, factor: float) -> None:
        """Show a shorter or longer span around the mark that is visited, or the middle."""
        since, until = self._x_range
        middle = (since + until) / 2 if self._visited is None else self._visited.at
        half = (until - since) * factor / 2
        self._choose_span(middle - half, middle + half)

    def _choose_span(self, since: float, until: float) -> None:
        lacking = max(0.0, LEAST_SPAN - (until - since)) / 2
        self.spanChosen.emit(since - lacking, until + lacking)


def _value_at(series: HistorySeries | None, at: float) -> float:
    """Return the value of the slot that a time is in; NaN where there is none, or nothing was known."""
    if series is None:
        return math.nan
    place = bisect_right(series.times, at) - 1
    if place < 0 or at - series.times[place] > 2 * series.step:
        return math.nan
    return float(series.values[place])


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
