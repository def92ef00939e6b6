"""Days, one strip each: when which line was away, and how much of the day it was up against what is promised."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen
from PyQt6.QtWidgets import QFrame, QScrollArea, QToolTip, QVBoxLayout, QWidget

from upbit_ws_qt import WebSocketType

from ..base.labels import plain_label, tip_text
from ..base.spacing import spaced
from ..base.text import said, tr
from ..base.theme import HEALTH_SHAPES, colours_of, number_font
from ..base.tokens import BOLD_STROKE, DAY_DATE, DAY_SHARE, DAY_STRIP, FRAME, NEAR, RADIUS, TIMELINE_WIDTHS, space
from .incident_words import moment
from .words import KST, NOTHING, line_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent, QMouseEvent, QPaintEvent

    from upbit_ws_qt import DayUptime

    from .chronicle import Entry

__all__ = ["PROMISED", "TimelineTab"]

PROMISED = 0.999
"""The share of a day that a line is to be up while it is wanted."""
DAYS_SHOWN = 31
_DAY = 86_400.0
_EPOCH = date(1970, 1, 1)
_HOURS = (0, 3, 6, 9, 12, 15, 18, 21, 24)
_SMALLEST = BOLD_STROKE
_LINES = tuple(WebSocketType)


class _Days(QWidget):
    """Paints the days; by keyboard the arrows go from incident to incident and Enter opens one."""

    opened = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self._entries: tuple[Entry, ...] = ()
        self._shares: dict[tuple[int, WebSocketType], DayUptime] = {}
        self._today = 0
        self.days: list[int] = []
        self.visited: Entry | None = None

    def show_days(self, entries: Sequence[Entry], uptime: Sequence[DayUptime], now: float) -> None:
        """Show these; `now` in seconds since 1970."""
        shares = {(day.day, day.ws_type): day for day in uptime}
        today = _day_of(now)
        if (tuple(entries), shares, today) == (self._entries, self._shares, self._today):
            return
        self._entries, self._shares, self._today = tuple(entries), shares, today
        known = {today, *(day for day, _ in shares), *(_day_of(entry.incident.began_at) for entry in entries)}
        self.days = sorted((day for day in known if today - DAYS_SHOWN < day <= today), reverse=True)
        if self.visited is not None:
            key = self.visited.session, self.visited.incident.incident_id
            self.visited = next((each for each in entries if (each.session, each.incident.incident_id) == key), None)
        self.setMinimumHeight(self.sizeHint().height())
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """As high as there are days."""
        return QSize(TIMELINE_WIDTHS[1], _head() + max(1, len(self.days)) * self._row_height + space().tiny)

    def share_text(self, day: int, line: WebSocketType) -> tuple[str, str]:
        """Return how much of a day a line was up, and the level of it: "good", "bad", or "idle" where not wanted."""
        found = self._shares.get((day, line))
        if found is None or found.share is None:
            return NOTHING, "idle"
        level = "good" if found.share >= PROMISED else "bad"
        # Rounded down: 99.9 is not said of what is less.
        percent = int(found.share * 10_000) / 100
        return f"{HEALTH_SHAPES[level]} {percent:.{2 if percent < 100 else 0}f} %", level

    def place_of(self, at: float) -> QPointF:
        """Return where a moment is."""
        row = self.days.index(_day_of(at))
        seconds = at - _midnight(_day_of(at))
        return QPointF(DAY_DATE + seconds / _DAY * self._strip_width, _head() + (row + 0.5) * self._row_height)

    def entry_near(self, place: QPointF) -> Entry | None:
        """Return the incident under a point, None where there is none."""
        row = int((place.y() - _head()) // self._row_height)
        if not 0 <= row < len(self.days) or not DAY_DATE <= place.x() <= DAY_DATE + self._strip_width:
            return None
        pixel = _DAY / self._strip_width
        at = _midnight(self.days[row]) + (place.x() - DAY_DATE) * pixel
        far = NEAR * pixel
        found = [each for each in self._entries if each.incident.began_at - far <= at <= _end_of(each) + far]
        return min(found, key=lambda each: abs(each.incident.began_at - at), default=None)

    def visit(self, entry: Entry | None) -> None:
        """Frame an incident, and say what it was."""
        self.visited = entry
        self.setAccessibleDescription("" if entry is None else _tip(entry))
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint hours, strips, incidents and shares."""
        colours = colours_of(self.palette())
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colours.base))
        width = self._strip_width
        painter.setFont(number_font(self.font()))
        centre = Qt.AlignmentFlag.AlignCenter
        for hour in _HOURS:
            x = DAY_DATE + hour / 24 * width
            painter.setPen(QColor(colours.grid))
            painter.drawLine(QPointF(x, _head() - space().tiny), QPointF(x, self.height()))
            painter.setPen(QColor(colours.muted))
            painter.drawText(
                QRectF(x - space().huge, 0, 2 * space().huge, _head() - space().small), centre, f"{hour:02d}"
            )
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for number, line in enumerate(_LINES):
            x = DAY_DATE + width + space().small + number * DAY_SHARE
            painter.setPen(QColor(colours.lines[line]))
            painter.drawText(QRectF(x, 0, DAY_SHARE - space().small, _head() - space().small), right, line_name(line))
        for row, day in enumerate(self.days):
            top = _head() + row * self._row_height
            painter.setPen(QColor(colours.text))
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            when = _EPOCH + timedelta(days=day)
            painter.drawText(QRectF(space().small, top, DAY_DATE, self._row_height), left, when.strftime("%m-%d"))
            for number, line in enumerate(_LINES):
                text, level = self.share_text(day, line)
                x = DAY_DATE + width + space().small + number * DAY_SHARE
                painter.setPen(QColor(colours.health(level)))
                painter.drawText(QRectF(x, top, DAY_SHARE - space().small, self._row_height), right, text)
                painter.fillRect(self._bar(day, row, number, _midnight(day), _midnight(day + 1)), QColor(colours.grid))
            self._paint_incidents(painter, row, day)
        if self.hasFocus():
            painter.setPen(QColor(colours.accent))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _paint_incidents(self, painter: QPainter, row: int, day: int) -> None:
        colours = colours_of(self.palette())
        begin, end = _midnight(day), _midnight(day + 1)
        for entry in self._entries:
            incident = entry.incident
            if incident.began_at >= end or _end_of(entry) < begin:
                continue
            for line in incident.lines:
                # Where a line went several times, its dark time is drawn from the first loss on.
                bar = self._bar(day, row, _LINES.index(line.ws_type), line.lost_at, line.lost_at + line.down_seconds)
                if bar.isValid():
                    painter.fillRect(bar, QColor(colours.lines[line.ws_type]))
            if not incident.lines:
                bar = self._bar(day, row, 0, incident.began_at, _end_of(entry)).adjusted(0, 0, 0, 2 * DAY_STRIP)
                painter.setPen(QPen(QColor(colours.warn), FRAME, Qt.PenStyle.DotLine))
                painter.drawRect(bar)
            if entry is self.visited:
                air = space().tiny
                frame = self._bar(day, row, 0, incident.began_at, _end_of(entry))
                frame.adjust(-RADIUS, -air, RADIUS, 2 * DAY_STRIP + air)
                painter.setPen(QPen(QColor(colours.text), FRAME))
                painter.drawRect(frame)

    def _bar(self, day: int, row: int, number: int, since: float, until: float) -> QRectF:
        begin = _midnight(day)
        first, last = max(0.0, since - begin), min(_DAY, until - begin)
        if last < 0 or first > _DAY:
            return QRectF()
        scale = self._strip_width / _DAY
        top = _head() + row * self._row_height + space().tiny + number * DAY_STRIP
        return QRectF(DAY_DATE + first * scale, top, max(_SMALLEST, (last - first) * scale), DAY_STRIP - space().tiny)

    @property
    def _row_height(self) -> int:
        return len(_LINES) * DAY_STRIP + space().small

    @property
    def _strip_width(self) -> float:
        return max(
            TIMELINE_WIDTHS[0], self.width() - DAY_DATE - space().small - len(_LINES) * DAY_SHARE - space().small
        )

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Open the incident under the mouse."""
        entry = None if event is None else self.entry_near(event.position())
        self.visit(entry)
        if entry is not None:
            self.opened.emit(entry)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go from incident to incident, and open one."""
        key = Qt.Key.Key_unknown if event is None else Qt.Key(event.key())
        order = list(reversed(self._entries))
        at = order.index(self.visited) if self.visited in order else len(order)
        steps = {Qt.Key.Key_Left: at - 1, Qt.Key.Key_Right: at + 1, Qt.Key.Key_Home: 0, Qt.Key.Key_End: len(order) - 1}
        if key in steps and order:
            self.visit(order[min(max(steps[key], 0), len(order) - 1)])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.visited is not None:
            self.opened.emit(self.visited)
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent | None) -> None:
        """Show that keys come here."""
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Show that they do not."""
        super().focusOutEvent(event)
        self.update()

    def event(self, event: QEvent | None) -> bool:
        """Tell beside the mouse what an incident was, or what a share is of."""
        if event is not None and event.type() == QEvent.Type.ToolTip:
            help_event: QHelpEvent = event  # type: ignore[assignment]  # an event of this type is one
            QToolTip.showText(help_event.globalPos(), self._tip_at(help_event.pos()), self)
            return True
        return super().event(event)

    def _tip_at(self, place: QPoint) -> str:
        entry = self.entry_near(QPointF(place))
        if entry is not None:
            return tip_text(_tip(entry))
        row = (place.y() - _head()) // self._row_height
        number = int((place.x() - DAY_DATE - self._strip_width - space().small) // DAY_SHARE)
        if not 0 <= row < len(self.days) or not 0 <= number < len(_LINES):
            return ""
        found = self._shares.get((self.days[row], _LINES[number]))
        if found is None:
            return tip_text(tr("Nobody wanted this line on that day."))
        away = max(0.0, found.wanted - found.up)
        return tip_text(
            tr(
                "{name}: away for {away:.1f} s of {wanted:,.0f} s, lost {losses} times; promised are 99.9 %",
                name=line_name(found.ws_type),
                away=away,
                wanted=found.wanted,
                losses=found.losses,
            )
        )


class TimelineTab(QWidget):
    """The days, and a note where they are not kept.

    Signals:
        opened: somebody wants to read what an incident was.
    """

    opened = pyqtSignal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.days = _Days(self)
        self.days.opened.connect(self.opened)
        self.note = plain_label("", self)
        self.note.setWordWrap(True)
        self._scroll = QScrollArea(self)
        self._scroll.setFrameShape(QFrame.Shape.StyledPanel)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setWidgetResizable(True)
        self._scroll.setWidget(self.days)
        layout = QVBoxLayout(self)
        spaced(layout)
        layout.addWidget(self._scroll)
        layout.addWidget(self.note)
        self.retranslate()

    def show_days(self, entries: Sequence[Entry], uptime: Sequence[DayUptime], note: str) -> None:
        """Show these, and a note where there is something to say about how they are kept."""
        self.days.show_days(entries, uptime, time.time())
        self.note.setText(note)
        self.note.setVisible(bool(note))

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.days.setAccessibleName(tr("Days, with when each line was away and how much of the day it was up"))
        self.days.update()


def _day_of(at: float) -> int:
    return (datetime.fromtimestamp(at, KST).date() - _EPOCH).days


def _midnight(day: int) -> float:
    when = _EPOCH + timedelta(days=day)
    return datetime(when.year, when.month, when.day, tzinfo=KST).timestamp()


def _end_of(entry: Entry) -> float:
    ended = entry.incident.ended_at
    return time.time() if ended is None else ended


def _tip(entry: Entry) -> str:
    return f"{moment(entry.incident.began_at)} {said(entry.incident.headline)}"


def _head() -> int:
    """Return the height of the line that names hours and connections."""
    return space().large + space().medium
