"""The track of a replay: the whole of a recording as a line, its marks, a range to loop, the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF
from PyQt6.QtWidgets import QSizePolicy, QToolTip, QWidget

from upbit_ws_qt import MarkKind

from ..base.kst import kst_stamp
from ..base.labels import tip_text
from ..base.look import blend
from ..base.text import said, tr
from ..base.theme import colours_of
from ..base.tokens import BOLD_STROKE, FRAME, HAIRLINE, NEAR, STRIP_WEIGHT, TRACK_SIZE, space
from .marks import LEVELS

if TYPE_CHECKING:
    from PyQt6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPaintEvent

    from upbit_ws_qt import RecordingMark

    from .marks import MarkReader

__all__ = ["ReplayTrack"]

_SECOND, _TEN, _MINUTE = 1.0, 10.0, 60.0
_STEPS = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
_PAGES = {Qt.Key.Key_PageUp: -_MINUTE, Qt.Key.Key_PageDown: _MINUTE}


class ReplayTrack(QWidget):
    """Shows where a replay is; the mouse and the keyboard set it elsewhere.

    By mouse: a press or a drag seeks, with Shift it chooses a range to loop. By keyboard: the arrows go a second, with
    Shift ten, Page up and down a minute, with Ctrl to the next mark; Home and End to the ends; [ and ] begin and end a
    range, Escape gives it up.

    Signals:
        sought(float): to this moment, seconds since 1970.
        rangeChosen(float, float): loop from here to there; the same twice for no range any more.
    """

    sought = pyqtSignal(float)
    rangeChosen = pyqtSignal(float, float)

    def __init__(self, begins: float, ends: float, marks: MarkReader, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._begins, self._ends = begins, max(ends, begins + 0.001)
        self._marks = marks
        self._now = begins
        self._range: tuple[float, float] | None = None
        self._range_from: float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        marks.changed.connect(self.update)

    @property
    def now(self) -> float:
        """The moment that is shown."""
        return self._now

    @property
    def range(self) -> tuple[float, float] | None:
        """What is looped; None for nothing."""
        return self._range

    def show_now(self, moment: float) -> None:
        """Show where the replay is; paints only where that is another pixel."""
        before, self._now = self._now, moment
        if int(self.place_of(before)) != int(self.place_of(moment)):
            self.update()

    def show_range(self, chosen: tuple[float, float] | None) -> None:
        """Show what is looped."""
        self._range = chosen
        self.update()

    def place_of(self, moment: float) -> float:
        """Return where a moment is, in points from the left."""
        room = max(1.0, self.width() - 2.0 * space().small)
        return space().small + (moment - self._begins) / (self._ends - self._begins) * room

    def moment_at(self, x: float) -> float:
        """Return the moment at a place, within the recording."""
        room = max(1.0, self.width() - 2.0 * space().small)
        moment = self._begins + (x - space().small) / room * (self._ends - self._begins)
        return min(max(moment, self._begins), self._ends)

    def mark_near(self, x: float) -> RecordingMark | None:
        """Return the mark under a place; None for none."""
        near = min(self._marks.marks, key=lambda mark: abs(self.place_of(mark.at) - x), default=None)
        return near if near is not None and abs(self.place_of(near.at) - x) <= NEAR else None

    def sizeHint(self) -> QSize:
        """As high as a line of text."""
        return QSize(TRACK_SIZE[1], self.fontMetrics().height() + 2 * space().small)

    def minimumSizeHint(self) -> QSize:
        """As narrow as it still makes sense."""
        return QSize(TRACK_SIZE[0], self.sizeHint().height())

    # -- painting -----------------------------------------------------------------------------------------------------
    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the line, what has gone by, the range, the marks and the moment."""
        del event
        colours, air = colours_of(self.palette()), space()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, height = self.height() / 2, float(air.medium)
        left, right = self.place_of(self._begins), self.place_of(self._ends)
        painter.fillRect(QRectF(left, middle - height / 2, right - left, height), QColor(colours.grid))
        now = self.place_of(self._now)
        painter.fillRect(
            QRectF(left, middle - height / 2, now - left, height), blend(colours.replay, colours.base, 2 * STRIP_WEIGHT)
        )
        if self._range is not None:
            begin, end = map(self.place_of, self._range)
            painter.setPen(QPen(QColor(colours.replay), FRAME))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(begin, air.tiny, max(1.0, end - begin), self.height() - 2.0 * air.tiny))
        for mark in self._marks.marks:
            self._paint_mark(painter, mark)
        painter.setPen(QPen(QColor(colours.replay), BOLD_STROKE))
        painter.drawLine(QPointF(now, air.tiny), QPointF(now, self.height() - air.tiny))
        if self.hasFocus():
            painter.setPen(QPen(QColor(colours.accent), FRAME))
            painter.drawRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5))
        painter.end()

    def _paint_mark(self, painter: QPainter, mark: RecordingMark) -> None:
        """Draw gaps as the time that is missing, and each kind in a shape of its own."""
        colours, x, side = colours_of(self.palette()), self.place_of(mark.at), float(space().small)
        colour = QColor(colours.health(LEVELS[mark.kind]))
        middle = self.height() / 2
        if mark.down:
            begin = self.place_of(max(self._begins, mark.at - mark.down))
            painter.fillRect(QRectF(begin, middle - side, x - begin, 2 * side), colour)
        painter.setPen(QPen(colour, HAIRLINE))
        painter.setBrush(colour)
        up, down, before, after = (
            QPointF(x, middle - side), QPointF(x, middle + side), QPointF(x - side, middle), QPointF(x + side, middle),
        )  # fmt: skip
        match mark.kind:
            case MarkKind.GAP | MarkKind.LOST | MarkKind.SESSION:
                painter.drawLine(QPointF(x, space().tiny), QPointF(x, self.height() - space().tiny))
            case MarkKind.ALERT:
                painter.drawPolygon(QPolygonF([up, QPointF(x + side, middle + side), QPointF(x - side, middle + side)]))
            case MarkKind.FILL:
                painter.drawPolygon(QPolygonF([up, after, down, before]))
            case MarkKind.NOTE:
                painter.drawEllipse(QPointF(x, middle), side / 2, side / 2)

    # -- hands --------------------------------------------------------------------------------------------------------
    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Seek, or begin a range."""
        if event is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        moment = self.moment_at(event.position().x())
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._range_from = moment
        else:
            near = self.mark_near(event.position().x())
            self.sought.emit(moment if near is None else near.at)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Go on with it."""
        if event is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        moment = self.moment_at(event.position().x())
        if self._range_from is None:
            self.sought.emit(moment)
        else:
            self.show_range((min(moment, self._range_from), max(moment, self._range_from)))

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """End a range."""
        begin, self._range_from = self._range_from, None
        if event is not None and begin is not None:
            end = self.moment_at(event.position().x())
            self.rangeChosen.emit(min(begin, end), max(begin, end))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go to other moments, and choose a range."""
        if event is None:
            return
        key, held = Qt.Key(event.key()), event.modifiers()
        if key in _STEPS and held & Qt.KeyboardModifier.ControlModifier:
            self.go_to_mark(_STEPS[key])
        elif key in _STEPS:
            step = _TEN if held & Qt.KeyboardModifier.ShiftModifier else _SECOND
            self._seek(self._now + _STEPS[key] * step)
        elif key in _PAGES:
            self._seek(self._now + _PAGES[key])
        elif key == Qt.Key.Key_Home:
            self._seek(self._begins)
        elif key == Qt.Key.Key_End:
            self._seek(self._ends)
        elif key == Qt.Key.Key_BracketLeft:
            end = self._ends if self._range is None else self._range[1]
            self.rangeChosen.emit(self._now, max(end, self._now))
        elif key == Qt.Key.Key_BracketRight:
            begin = self._begins if self._range is None else self._range[0]
            self.rangeChosen.emit(min(begin, self._now), self._now)
        elif key == Qt.Key.Key_Escape and self._range is not None:
            self.rangeChosen.emit(self._now, self._now)
        else:
            super().keyPressEvent(event)

    def go_to_mark(self, step: int) -> RecordingMark | None:
        """Go to the next mark (1) or the one before (-1), and say what it is; None where there is none."""
        marks = self._marks
        mark = marks.next_after(self._now) if step > 0 else marks.last_before(self._now)
        if mark is not None:
            self.setAccessibleDescription(mark_words(mark))
            self._seek(mark.at)
        return mark

    def _seek(self, moment: float) -> None:
        self.sought.emit(min(max(moment, self._begins), self._ends))

    def event(self, event: QEvent | None) -> bool:
        """Say beside the mouse what a mark is, or the moment."""
        if event is not None and event.type() == QEvent.Type.ToolTip:
            asked: QHelpEvent = event  # type: ignore[assignment]  # an event of this type is one
            near = self.mark_near(asked.pos().x())
            words = kst_stamp(int(self.moment_at(asked.pos().x()) * 1000)) if near is None else mark_words(near)
            QToolTip.showText(asked.globalPos(), tip_text(words), self)
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show that keys come here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Show that they do not."""
        super().focusOutEvent(event)
        self.update()


def mark_words(mark: RecordingMark) -> str:
    """Say what a mark is and when, in the language in force."""
    kinds = {
        MarkKind.SESSION: tr("Recording"),
        MarkKind.GAP: tr("Gap"),
        MarkKind.LOST: tr("Not recorded"),
        MarkKind.ALERT: tr("Alert"),
        MarkKind.FILL: tr("Own fill"),
        MarkKind.NOTE: tr("Mark"),
    }
    return f"{kst_stamp(int(mark.at * 1000))} {kinds[mark.kind]}: {said(mark.text)}"
