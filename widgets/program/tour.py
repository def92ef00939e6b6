"""A tour of the window for a newcomer: a minute, if nobody hurries it, and left at any moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QKeySequence, QPainter, QPen, QShortcut
from PyQt6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..base.labels import plain_label
from ..base.spacing import Step, spaced
from ..base.text import Texts, mark, tr
from ..base.theme import colours_of
from ..base.tokens import BOLD_STROKE, FRAME, NOTE_WIDTH, RADIUS, space

if TYPE_CHECKING:
    from PyQt6.QtGui import QKeyEvent, QPaintEvent

    from ..window.main_window import MainWindow

__all__ = ["STOPS", "STOP_SECONDS", "Tour"]

STATUS_BAR = "status bar"
BADGE = "badge"
STOPS: tuple[tuple[str, str, str], ...] = (
    (
        "watch_list",
        mark("Watch list"),
        mark("All prices as they come. Enter or a double click shows a market in the other panels; Space stars it."),
    ),
    ("chart", mark("Chart"), mark("Wheel or + and − zoom, dragging or ← → move. The last candle is the present one.")),
    (
        "order_book",
        mark("Order book"),
        mark("Who sells stands above, who buys below; the bars say how much. Your own orders bear a ◆."),
    ),
    ("tape", mark("Tape"), mark("Each trade as it happens, the newest on top: ▲ bought, ▼ sold.")),
    (
        BADGE,
        mark("Which exchange this is"),
        mark("Dashed amber: made up on this computer. Filled blue: the real one. Ctrl+E changes it at any time."),
    ),
    (
        STATUS_BAR,
        mark("How well the lines do"),
        mark("Old prices turn grey by themselves. A click here, or Ctrl+M, shows what happened and when."),
    ),
    (
        "",
        mark("Three keys to remember"),
        mark("Ctrl+K finds a market. Ctrl+1 to Ctrl+4 arrange the panels for another purpose. F1 lists all keys."),
    ),
)
"""What is shown (a panel, or a part of the status bar; empty: the whole window), what it is called, what is said."""
_STEPS: dict[int, int] = {Qt.Key.Key_Right: 1, Qt.Key.Key_Left: -1}
STOP_SECONDS = 8.5
"""So long a stop stays where nobody turns to the next one; all of them together are a minute."""


class Tour(QObject):
    """Goes from stop to stop: by itself, until its user takes a step.

    Args:
        window: that is shown.

    Signals:
        ended: it is over, or was left.
    """

    ended = pyqtSignal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._before = window.focusWidget()
        self._stops = [stop for stop in STOPS if self._place_of(stop[0]) is not None]
        self._stop = 0
        self.frame = _Frame(window)
        self.card = _Card(window)
        self.card.moved.connect(self._on_moved)
        self.card.left.connect(self.leave)
        self._escape = QShortcut(QKeySequence(Qt.Key.Key_Escape), window)
        self._escape.activated.connect(self.leave)
        self._timer = QTimer(self)
        self._timer.setInterval(int(STOP_SECONDS * 1000))
        self._timer.timeout.connect(self._on_time)
        window.installEventFilter(self)
        self._timer.start()
        self._show()

    @property
    def stop(self) -> str:
        """What is shown now."""
        return self._stops[self._stop][0]

    @pyqtSlot()
    def leave(self) -> None:
        """End it; the keyboard goes back to where it was."""
        if self.card.isHidden():
            return
        self._timer.stop()
        self._window.removeEventFilter(self)
        focus = self._window.focusWidget()
        had_keyboard = focus is not None and self.card.isAncestorOf(focus)
        self._escape.setEnabled(False)
        for widget in (self.card, self.frame):
            widget.hide()
            widget.deleteLater()
        if had_keyboard and self._before is not None and self._before.isVisible():
            self._before.setFocus()
        self.ended.emit()
        self.deleteLater()

    # -- inside -------------------------------------------------------------------------------------------------------
    def _place_of(self, name: str) -> QRect | None:
        """Return where something is in the window; None where it cannot be seen."""
        window = self._window
        if not name:
            return window.rect()
        bar = window.bar
        lines = list(bar.lines.values())
        if name == BADGE:
            widgets: list[QWidget] = [bar.badge]
        elif name == STATUS_BAR:
            widgets = [lines[0], lines[-1]]
        else:
            dock = window.docks.get(name)
            if dock is None or dock.isFloating() or window.panels[name].visibleRegion().isEmpty():
                return None
            widgets = [dock]
        if not all(widget.isVisible() for widget in widgets):
            return None
        places = [QRect(widget.mapTo(window, QPoint()), widget.size()) for widget in widgets]
        found = places[0]
        for place in places[1:]:
            found = found.united(place)
        return found

    def _show(self) -> None:
        name, title, text = self._stops[self._stop]
        place = self._place_of(name) or self._window.rect()
        self.frame.show_around(place)
        self.card.say(title, text, self._stop + 1, len(self._stops))
        self.card.move(_beside(place, self.card.rect(), self._window.rect(), space().large))
        self.card.show()
        self.card.raise_()
        self.card.next.setFocus()

    @pyqtSlot(int)
    def _on_moved(self, step: int) -> None:
        """Take a step that its user asks for; from now on nothing moves by itself."""
        self._timer.stop()
        self._step(step)

    @pyqtSlot()
    def _on_time(self) -> None:
        self._step(1)

    def _step(self, step: int) -> None:
        place = self._stop + step
        if place >= len(self._stops):
            self.leave()
        elif place >= 0:
            self._stop = place
            self._show()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay where what is shown goes."""
        if event is not None and event.type() == QEvent.Type.Resize and watched is self._window:
            self._show()
        return False


def _beside(place: QRect, card: QRect, inside: QRect, air: int) -> QPoint:
    """Return where a card of a size covers as little as possible of what it tells about."""
    if place == inside:
        return inside.center() - card.center()
    choices = (
        QPoint(place.right() + air, place.top() + air),
        QPoint(place.left() - card.width() - air, place.top() + air),
        QPoint(place.left(), place.top() - card.height() - air),
        QPoint(place.left(), place.bottom() + air),
    )
    for corner in choices:
        if inside.contains(QRect(corner, card.size())):
            return corner
    corner = place.center() - card.center()
    return QPoint(
        min(max(corner.x(), air), inside.width() - card.width() - air),
        min(max(corner.y(), air), inside.height() - card.height() - air),
    )


class _Frame(QWidget):
    """Drawn around what is told about; the mouse goes through it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._place = QRect()

    def show_around(self, place: QRect) -> None:
        """Frame a place of the window."""
        self._place = place
        self.setGeometry(place)
        self.show()
        self.raise_()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the frame alone: what is told about can be seen."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = 2 * BOLD_STROKE
        painter.setPen(QPen(QColor(colours_of(self.palette()).accent), width))
        half = int(width / 2)
        painter.drawRoundedRect(self.rect().adjusted(half, half, -half, -half), RADIUS, RADIUS)
        painter.end()


class _Button(QPushButton):
    """Leaves the arrows to the card: to a button of Qt's they are for its neighbours."""

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Take everything but the arrows."""
        if event is not None and event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            event.ignore()
        else:
            super().keyPressEvent(event)


class _Card(QFrame):
    """Says it, with three buttons and how far the tour is."""

    moved = pyqtSignal(int)
    left = pyqtSignal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self.setAutoFillBackground(True)
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self._texts = Texts()
        self._told = "", "", 0, 0
        self.head = plain_label("", self)
        font = self.head.font()
        font.setBold(True)
        self.head.setFont(font)
        self.text = plain_label("", self)
        self.text.setWordWrap(True)
        self.course = QProgressBar(self)
        self.course.setTextVisible(False)
        self.course.setMaximumHeight(space().medium)
        self.leave = _Button(self)
        self.back = _Button(self)
        self.next = _Button(self)
        self._texts.put(self.leave.setText, mark("Leave (Esc)"))
        self._texts.put(self.back.setText, mark("← Back"))
        self.leave.clicked.connect(self.left)
        self.back.clicked.connect(lambda: self.moved.emit(-1))
        self.next.clicked.connect(lambda: self.moved.emit(1))
        foot = QHBoxLayout()
        spaced(foot)
        foot.addWidget(self.leave)
        foot.addStretch()
        foot.addWidget(self.back)
        foot.addWidget(self.next)
        layout = QVBoxLayout(self)
        spaced(layout, Step.MEDIUM, Step.LARGE)
        for widget in (self.head, self.text, self.course):
            layout.addWidget(widget)
        layout.addLayout(foot)
        self.setFixedWidth(NOTE_WIDTH)

    def say(self, title: str, text: str, number: int, count: int) -> None:
        """Say what a stop is about."""
        self._told = title, text, number, count
        self._say()

    def _say(self) -> None:
        title, text, number, count = self._told
        self.head.setText(tr(title))
        self.text.setText(tr(text))
        self.course.setRange(0, count)
        self.course.setValue(number)
        self.course.setAccessibleName(tr("{number} of {count}", number=number, count=count))
        self.back.setEnabled(number > 1)
        self.next.setText(tr("Next →") if number < count else tr("Done"))
        self.next.setAccessibleDescription(f"{tr(title)}. {tr(text)}")
        self.setAccessibleName(tr(title))
        layout = self.layout()
        if layout is not None:
            layout.activate()
            self.resize(NOTE_WIDTH, layout.totalHeightForWidth(NOTE_WIDTH))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw an edge that can be seen on any ground."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setPen(QPen(QColor(colours_of(self.palette()).accent), FRAME))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Go on and back by the arrows."""
        step = _STEPS.get(event.key(), 0) if event is not None else 0
        if step:
            self.moved.emit(step)
        else:
            super().keyPressEvent(event)

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language over."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.LanguageChange and hasattr(self, "next"):
            self._texts.again()
            self._say()
