"""Draws with the mouse: places, moves, removes and undoes drawings, and measures; painted over the candles."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from PyQt6.QtCore import QLineF, QObject, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen
from PyQt6.QtWidgets import QInputDialog, QLineEdit

from upbit_ws_qt import safe_text

from ..base.look import blend
from ..base.price_format import percent_text, price_text, short_money_text, signed_price_text
from ..base.text import Language, age_text, current_language, tr
from ..base.theme import colours_of
from ..base.tokens import BOLD_STROKE, STROKE
from .drawings import FIBONACCI, LONGEST_TEXT, Drawing, DrawingBook, DrawingKind, Point
from .frame import index_of_time, time_of_index
from .scale import unit_seconds

if TYPE_CHECKING:
    from .frame import Frame
    from .view import ChartView

__all__ = ["DrawingTool"]

_FILL_WEIGHT = 0.12
_FAR = 1e5  # pixels: a ray ends where nobody sees it


class DrawingTool(QObject):
    """Lies over a chart's candles (an Overlay).

    Without a tool chosen, a press on a drawing takes hold of it: a point of it, or all of it.

    Args:
        view: the chart.
        book: the drawings; this is who changes them.

    Signals:
        drawingsChanged: there are others now.
        toolChanged: another tool is chosen, or none.
    """

    drawingsChanged = pyqtSignal()
    toolChanged = pyqtSignal()

    def __init__(self, view: ChartView, book: DrawingBook) -> None:
        super().__init__(view)
        self._view, self._book = view, book
        self._tool: DrawingKind | None = None
        self._measures = False
        self._placed: tuple[Point, ...] = ()
        self._here: Point | None = None
        self._measured: tuple[Point, Point] | None = None
        self._chosen: int | None = None
        self._preview: tuple[int, Drawing] | None = None  # a drawing as it is dragged
        self._held: tuple[int | None, QPointF, Drawing] | None = None  # point or all of it, from where, as it was

    @property
    def tool(self) -> DrawingKind | None:
        """What the next clicks draw."""
        return self._tool

    @property
    def measures(self) -> bool:
        """Whether the next drag measures."""
        return self._measures

    @property
    def chosen(self) -> Drawing | None:
        """The drawing that was clicked last."""
        drawings = self._book.of(self._view.symbol)
        return drawings[self._chosen] if self._chosen is not None and self._chosen < len(drawings) else None

    @property
    def measured_text(self) -> str:
        """What was measured, in words; empty where nothing is."""
        return "" if self._measured is None else "\n".join(self._measured_lines(*self._measured))

    def choose(self, tool: DrawingKind | None) -> None:
        """Draw something with the next clicks; None to draw nothing."""
        self._tool, self._measures, self._placed, self._chosen = tool, False, (), None
        self._changed_tool()

    def measure(self) -> None:
        """Measure with the next drag."""
        self._tool, self._measures, self._placed, self._measured = None, True, (), None
        self._changed_tool()

    def forget_place(self) -> None:
        """Another market or unit is shown: what was begun there is dropped."""
        self._placed, self._held, self._chosen, self._measured, self._here = (), None, None, None, None

    def undo(self) -> None:
        """Take the last change back."""
        if self._book.undo(self._view.symbol):
            self._changed_drawings()

    def redo(self) -> None:
        """Do again what was undone last."""
        if self._book.redo(self._view.symbol):
            self._changed_drawings()

    def remove_chosen(self) -> None:
        """Remove the drawing that was clicked last."""
        if self._chosen is not None:
            drawings = list(self._book.of(self._view.symbol))
            del drawings[self._chosen : self._chosen + 1]
            self._put(drawings)

    def remove_all(self) -> None:
        """Remove all of this market."""
        self._put([])

    # -- mouse and keys -----------------------------------------------------------------------------------------------
    def press(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Place a point, begin to measure, or take hold of a drawing."""
        point = self._point_at(frame, place)
        self._measured = None
        if self._measures:
            self._measured = (point, point)
            return True
        if self._tool is not None:
            if frame.pane_at(place) is not frame.price:
                return False
            self._placed = (*self._placed, point)
            if len(self._placed) == self._tool.points:
                self._finish(Drawing(self._tool, self._placed))
            return True
        found = self._hit(frame, place)
        self._chosen = None if found is None else found[0]
        if found is None:
            view.update()
            return False
        self._held = (found[1], place, self._book.of(view.symbol)[found[0]])
        return True

    def move(self, view: ChartView, frame: Frame, place: QPointF, *, held: bool) -> bool:
        """Show where the next point would be, or drag."""
        self._here = point = self._point_at(frame, place)
        if held and self._measured is not None:
            self._measured = (self._measured[0], point)
        elif held and self._held is not None and self._chosen is not None:
            corner, start, before = self._held
            if corner is not None:
                now = before.with_point(corner, point)
            else:
                origin = self._point_at(frame, start)
                now = before.moved(point.time - origin.time, point.price - origin.price)
            self._preview = (self._chosen, now)
            return True
        return bool(self._placed) or self._measured is not None

    def release(self, view: ChartView, frame: Frame, place: QPointF) -> bool:
        """Leave what was dragged where it is."""
        preview, self._preview = self._preview, None
        if self._measured is not None:
            self._measures = False
            self.toolChanged.emit()
            return True
        if self._held is not None:
            self._held = None
            if preview is not None:
                drawings = list(self._book.of(view.symbol))
                drawings[preview[0]] = preview[1]
                self._put(drawings, chosen=preview[0])
            return True
        return False

    def key(self, view: ChartView, key: int, modifiers: Qt.KeyboardModifier) -> bool:
        """Delete removes, Ctrl+Z and Ctrl+Y undo and redo, Esc gives up."""
        control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        shift = bool(modifiers & Qt.KeyboardModifier.ShiftModifier)
        if control and key == Qt.Key.Key_Z and not shift:
            self.undo()
        elif control and key in (Qt.Key.Key_Y, Qt.Key.Key_Z):
            self.redo()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and self._chosen is not None:
            self.remove_chosen()
        elif key == Qt.Key.Key_Escape and (self._tool or self._measures or self._measured or self._chosen is not None):
            self._measured = None
            self.choose(None)
        else:
            return False
        return True

    # -- inside -------------------------------------------------------------------------------------------------------
    def _finish(self, drawing: Drawing) -> None:
        self._placed = ()
        if drawing.kind is not DrawingKind.TEXT:
            self._add(drawing)
            return
        asked = QInputDialog(self._view)
        asked.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        asked.setWindowTitle(tr("Text on the chart"))
        asked.setLabelText(tr("Text"))
        field = asked.findChild(QLineEdit)
        if field is not None:
            field.setMaxLength(LONGEST_TEXT)
        asked.textValueSelected.connect(lambda text: self._add_text(drawing, text))
        asked.open()

    def _add_text(self, drawing: Drawing, text: str) -> None:
        told = safe_text(text.strip(), LONGEST_TEXT)
        if told:
            self._add(Drawing(drawing.kind, drawing.points, told))

    def _add(self, drawing: Drawing) -> None:
        drawings = (*self._book.of(self._view.symbol), drawing)
        self._tool = None
        self.toolChanged.emit()
        self._put(drawings, chosen=len(drawings) - 1)

    def _put(self, drawings: list[Drawing] | tuple[Drawing, ...], chosen: int | None = None) -> None:
        self._chosen = chosen
        if self._book.put(self._view.symbol, drawings):
            self._changed_drawings()

    def _changed_drawings(self) -> None:
        if self._chosen is not None and self._chosen >= len(self._book.of(self._view.symbol)):
            self._chosen = None
        self._view.update()
        self.drawingsChanged.emit()

    def _changed_tool(self) -> None:
        self._view.setFocus()
        self._view.update()
        self.toolChanged.emit()

    def _point_at(self, frame: Frame, place: QPointF) -> Point:
        """Return the point at a place: a candle's start, also of one to come, and a price that the market can have."""
        starts, unit = self._view.series.columns.start, unit_seconds(self._view.unit)
        time = time_of_index(starts, round(frame.index(place.x())), unit)
        return Point(time, max(self._view.tradable(frame.price.scale.value(place.y())), Decimal("0.00000001")))

    def _place_of(self, frame: Frame, point: Point) -> QPointF:
        starts, unit = self._view.series.columns.start, unit_seconds(self._view.unit)
        return QPointF(frame.x(index_of_time(starts, point.time, unit)), frame.price.scale.y(float(point.price)))

    def _hit(self, frame: Frame, place: QPointF) -> tuple[int, int | None] | None:
        """Return (drawing, point or None for all of it) at a place, the newest first."""
        near = self._view.measures.near
        drawings = self._book.of(self._view.symbol)
        for number in reversed(range(len(drawings))):
            places = [self._place_of(frame, point) for point in drawings[number].points]
            for corner, each in enumerate(places):
                if math.hypot(each.x() - place.x(), each.y() - place.y()) <= near:
                    return number, corner
            if any(_distance(line, place) <= near for line in self._lines(frame, drawings[number], places)):
                return number, None
        return None

    def _lines(self, frame: Frame, drawing: Drawing, places: list[QPointF]) -> list[QLineF]:
        """Return the lines of a drawing."""
        one, plot = places[0], frame.plot
        other = places[-1]
        match drawing.kind:
            case DrawingKind.TREND:
                return [QLineF(one, other)]
            case DrawingKind.RAY:
                line = QLineF(one, other)
                if line.length() > 0:
                    line.setLength(_FAR)
                return [line]
            case DrawingKind.HORIZONTAL:
                return [QLineF(plot.left(), one.y(), plot.right(), one.y())]
            case DrawingKind.RECTANGLE:
                box = QRectF(one, other).normalized()
                corners = (box.topLeft(), box.topRight(), box.bottomRight(), box.bottomLeft())
                return [QLineF(corners[at], corners[at - 1]) for at in range(4)]
            case DrawingKind.FIBONACCI:
                left, right = min(one.x(), other.x()), max(one.x(), other.x())
                heights = [frame.price.scale.y(float(price)) for _, price in _levels(drawing)]
                return [QLineF(left, y, right, y) for y in heights]
            case _:
                metrics = self._view.fontMetrics()
                return [QLineF(one, one + QPointF(metrics.horizontalAdvance(drawing.text), 0))]

    # -- painting -----------------------------------------------------------------------------------------------------
    def paint(self, painter: QPainter, view: ChartView, frame: Frame) -> None:
        """Paint all drawings of the market, what is being placed, and what is measured."""
        painter.save()
        painter.setClipRect(frame.price.rect)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, drawing in enumerate(self._book.of(view.symbol)):
            preview = self._preview
            shown = preview[1] if preview is not None and preview[0] == number else drawing
            self._paint_one(painter, frame, shown, chosen=number == self._chosen)
        if self._tool is not None and self._placed and self._here is not None:
            self._paint_one(painter, frame, Drawing(self._tool, (*self._placed, self._here)), chosen=True)
        if self._measured is not None:
            self._paint_measure(painter, frame, *self._measured)
        painter.restore()

    def _paint_one(self, painter: QPainter, frame: Frame, drawing: Drawing, *, chosen: bool) -> None:
        colours = colours_of(self._view.palette())
        ink = QColor(colours.accent)
        places = [self._place_of(frame, point) for point in drawing.points]
        painter.setPen(QPen(ink, BOLD_STROKE if chosen else STROKE))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if drawing.kind is DrawingKind.RECTANGLE:
            tint = QColor(ink)
            tint.setAlphaF(_FILL_WEIGHT)
            painter.fillRect(QRectF(places[0], places[-1]).normalized(), tint)
        if drawing.kind is not DrawingKind.TEXT:
            for line in self._lines(frame, drawing, places):
                painter.drawLine(line)
        for place, text in self._labels(frame, drawing, places):
            painter.setPen(ink)
            painter.drawText(place, text)
        if chosen:
            size = self._view.measures.near
            painter.setPen(QPen(ink, STROKE))
            painter.setBrush(QColor(colours.base))
            for place in places:
                painter.drawRect(QRectF(place.x() - size / 2, place.y() - size / 2, size, size))

    def _labels(self, frame: Frame, drawing: Drawing, places: list[QPointF]) -> list[tuple[QPointF, str]]:
        symbol, air = self._view.symbol, self._view.measures.half
        match drawing.kind:
            case DrawingKind.TEXT:
                return [(places[0], drawing.text)]
            case DrawingKind.HORIZONTAL:
                text = price_text(symbol, drawing.points[0].price)
                width = self._view.fontMetrics().horizontalAdvance(text)
                return [(QPointF(frame.plot.right() - width - air, places[0].y() - air), text)]
            case DrawingKind.FIBONACCI:
                left = min(place.x() for place in places)
                found = []
                for share, price in _levels(drawing):
                    told = price_text(symbol, self._view.tradable(float(price)))
                    place = QPointF(left + air, frame.price.scale.y(float(price)) - air)
                    found.append((place, f"{percent_text(share, 1).lstrip('+')}  {told}"))
                return found
            case _:
                return []

    def _paint_measure(self, painter: QPainter, frame: Frame, one: Point, other: Point) -> None:
        colours, market = colours_of(self._view.palette()), self._view.market_colours
        rises = other.price >= one.price
        ink = market.up if rises else market.down
        begin, end = self._place_of(frame, one), self._place_of(frame, other)
        tint = QColor(ink)
        tint.setAlphaF(_FILL_WEIGHT)
        painter.fillRect(QRectF(begin, end).normalized(), tint)
        painter.setPen(QPen(QColor(ink), STROKE))
        painter.drawLine(QPointF(begin.x(), end.y()), end)
        painter.drawLine(QPointF(end.x(), begin.y()), end)
        metrics, measures = self._view.fontMetrics(), self._view.measures
        lines = self._measured_lines(one, other)
        width = max(metrics.horizontalAdvance(line) for line in lines) + 2 * measures.air
        height = measures.line * len(lines)
        rect = frame.price.rect
        left = min(max(end.x() + measures.air, rect.left()), rect.right() - width)
        top = min(max(end.y() - (height if rises else 0), rect.top()), rect.bottom() - height)
        box = QRectF(left, top, width, height)
        painter.fillRect(box, blend(ink, colours.base, _FILL_WEIGHT))
        painter.setPen(QColor(colours.text))
        for number, line in enumerate(lines):
            place = QRectF(left + measures.air, top + number * measures.line, width, measures.line)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, line)

    def _measured_lines(self, one: Point, other: Point) -> list[str]:
        """Return the change, the candles and time between two points, and what was traded."""
        view = self._view
        columns, change = view.series.columns, other.price - one.price
        low, high = sorted((view.series.index_of(int(one.time)), view.series.index_of(int(other.time))))
        traded = Decimal(repr(float(columns.volume[low : high + 1].sum())))
        korean = current_language() is Language.KOREAN
        return [
            f"{signed_price_text(view.symbol, change, other.price)}  {percent_text(change / one.price)}",
            tr("%n candles", high - low) + f", {age_text(int(abs(other.time - one.time)))}",
            f"{tr('Vol')} {short_money_text(traded, korean=korean)}",
        ]


def _levels(drawing: Drawing) -> list[tuple[Decimal, Decimal]]:
    """Return (share, price) of each level."""
    first, last = drawing.points[0].price, drawing.points[-1].price
    return [(share, last + (first - last) * share) for share in FIBONACCI]


def _distance(line: QLineF, place: QPointF) -> float:
    """Return how far a place is from a line between its ends."""
    dx, dy = line.dx(), line.dy()
    length = dx * dx + dy * dy
    along = 0.0 if length == 0 else ((place.x() - line.x1()) * dx + (place.y() - line.y1()) * dy) / length
    along = min(max(along, 0.0), 1.0)
    return math.hypot(place.x() - line.x1() - along * dx, place.y() - line.y1() - along * dy)
