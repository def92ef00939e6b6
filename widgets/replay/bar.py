"""The bar below a window that replays: play, pause, speed, steps, the track, a loop, and a picture of the moment."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QRectF, QSize, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QColor, QPainter, QPalette
from PyQt6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QWidget

from ..base.icons import icon
from ..base.kst import kst_exact
from ..base.labels import PlainLabel, plain_label
from ..base.look import look
from ..base.replay_watch import replay_watch
from ..base.spacing import Step, spaced
from ..base.text import said, tr
from ..base.theme import colours_of, number_font
from ..base.tokens import FRAME, RADIUS, space
from .marks import MarkReader
from .track import ReplayTrack

if TYPE_CHECKING:
    from PyQt6.QtGui import QPaintEvent

    from upbit_ws_qt import ReplayClock, WebSocketService

__all__ = ["ReplayBar"]

SPEEDS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 100.0, 300.0, 1000.0, math.inf)
SHOW_MS = 50
SEEK_MS = 80
"""A drag seeks so often: each seek hands out the state of everything that is shown."""
_LEAST_RANGE = 0.05  # seconds; a shorter one is none


class ReplayBar(QWidget):
    """Drives the clock of a service that plays a recording, and says everywhere that it is one.

    By mouse and keyboard as any control; the track has keys of its own (arrows, Page up and down, Home, End, [ and ]).

    Example:
        >>> past = WebSocketService.replay(folder, parent=window)
        >>> bar = ReplayBar(past)
        >>> bar.leaveRequested.connect(window.close)

    Args:
        service: made by `WebSocketService.replay`; any other is a ValueError.
        parent: of the widget.

    Signals:
        leaveRequested: the user wants to go back to what is live.
        pictureRequested: a picture of the moment is wanted.
    """

    leaveRequested = pyqtSignal()
    pictureRequested = pyqtSignal()

    def __init__(self, service: WebSocketService, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        clock, watch = service.clock, replay_watch(service)
        if clock is None or watch is None:
            raise ValueError("the service plays no recording")
        self.clock: ReplayClock = clock
        self.marks = MarkReader(clock.path, self)
        self.badge = _Badge("", self)
        self.previous, self.play, self.step, self.next = (QToolButton(self) for _ in range(4))
        self.speed = QComboBox(self)
        for each in SPEEDS:
            self.speed.addItem("", each)
        self.track = ReplayTrack(clock.begins, clock.ends, self.marks, self)
        self.now = plain_label("", self)
        self.now.setFont(number_font(self.now.font()))
        self.loop, self.picture, self.leave = (QToolButton(self) for _ in range(3))
        self.loop.setCheckable(True)
        self._loop: tuple[float, float] | None = None
        self._wanted: float | None = None  # a moment to seek to, as soon as it is due
        self._seeks = QTimer(self)
        self._seeks.setSingleShot(True)
        self._seeks.setInterval(SEEK_MS)
        self._seeks.timeout.connect(self._on_seek_due)
        self._shows = QTimer(self)
        self._shows.setInterval(SHOW_MS)
        self._shows.timeout.connect(self.refresh)
        row = QHBoxLayout(self)
        spaced(row, Step.SMALL, Step.SMALL, Step.TINY)
        before: tuple[QWidget, ...] = (self.badge, self.previous, self.play, self.step, self.next, self.speed)
        behind: tuple[QWidget, ...] = (self.now, self.loop, self.picture, self.leave)
        for part in (*before, self.track, *behind):
            row.addWidget(part, 1 if part is self.track else 0)
        self._buttons = {
            self.previous: "previous_mark", self.step: "step", self.next: "next_mark", self.loop: "loop",
            self.picture: "picture", self.leave: "leave",
        }  # fmt: skip
        for button in (*self._buttons, self.play):
            button.setAutoRaise(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._connect()
        watch.changed.connect(self._on_clock)
        self.retranslate()
        self._on_clock()
        self._shows.start()
        self.marks.start()

    def _connect(self) -> None:
        self.previous.clicked.connect(lambda: self.track.go_to_mark(-1))
        self.next.clicked.connect(lambda: self.track.go_to_mark(1))
        self.play.clicked.connect(self.toggle)
        self.step.clicked.connect(self.go_step)
        self.speed.activated.connect(self._on_speed)
        self.track.sought.connect(self.seek)
        self.track.rangeChosen.connect(self.set_loop)
        self.loop.clicked.connect(self._on_loop)
        self.picture.clicked.connect(self.pictureRequested)
        self.leave.clicked.connect(self.leaveRequested)
        self.marks.changed.connect(self._on_marks)
        look().changed.connect(self._on_look)

    # -- what it does -------------------------------------------------------------------------------------------------
    @pyqtSlot()
    def toggle(self) -> None:
        """Pause or go on; at the end, begin again."""
        clock = self.clock
        if clock.is_at_end:
            clock.seek(clock.begins if self._loop is None else self._loop[0])
            clock.resume()
        elif clock.is_paused:
            clock.resume()
        else:
            clock.pause()

    @pyqtSlot()
    def go_step(self) -> None:
        """Pause, and play one event."""
        self.clock.step()

    @pyqtSlot(float)
    def seek(self, moment: float) -> None:
        """Go to a moment: at once, and while a drag goes on as often as can be shown."""
        self.track.show_now(moment)
        self._wanted = moment
        if not self._seeks.isActive():
            self._on_seek_due()

    @pyqtSlot(float, float)
    def set_loop(self, begin: float, end: float) -> None:
        """Play a range again and again; one that is too short is none."""
        self._loop = (begin, end) if end - begin >= _LEAST_RANGE else None
        self.track.show_range(self._loop)
        self.loop.setChecked(self._loop is not None)
        self._say_loop()

    @property
    def looped(self) -> tuple[float, float] | None:
        """The range that is played again and again; None for none."""
        return self._loop

    @pyqtSlot()
    def refresh(self) -> None:
        """Show the present moment, and go back to the beginning of a loop."""
        clock = self.clock
        if self._loop is not None and (clock.now >= self._loop[1] or clock.is_at_end) and self._wanted is None:
            clock.seek(self._loop[0])
        now = clock.now if self._wanted is None else self._wanted
        self.track.show_now(now)
        self.now.setText(f"{kst_exact(int(now * 1000))} KST")

    # -- inside -------------------------------------------------------------------------------------------------------
    @pyqtSlot()
    def _on_seek_due(self) -> None:
        moment, self._wanted = self._wanted, None
        if moment is not None:
            self._seeks.start()
            self.clock.seek(moment)

    @pyqtSlot(int)
    def _on_speed(self, place: int) -> None:
        self.clock.set_speed(self.speed.itemData(place))

    @pyqtSlot()
    def _on_loop(self) -> None:
        """Loop from here to the end, or no more."""
        clock = self.clock
        if self._loop is None:
            self.set_loop(clock.now, clock.ends)
        else:
            self.set_loop(clock.now, clock.now)

    @pyqtSlot()
    def _on_clock(self) -> None:
        clock = self.clock
        runs = not clock.is_paused and not clock.is_at_end
        self.play.setIcon(icon("pause" if runs else "play", self.palette()))
        words = tr("Pause") if runs else tr("Play")
        self.play.setToolTip(words)
        self.play.setAccessibleName(words)
        place = SPEEDS.index(clock.speed) if clock.speed in SPEEDS else -1
        self.speed.setCurrentIndex(place)
        self.refresh()

    @pyqtSlot()
    def _on_marks(self) -> None:
        for button in (self.previous, self.next):
            button.setEnabled(bool(self.marks.marks))
        words = tr("%n marks", len(self.marks.marks))
        if self.marks.left_out:
            words += " · " + tr("%n more are not shown: there was no room for them", self.marks.left_out)
        if self.marks.trouble:
            words = tr("The marks could not be read: {cause}", cause=said(self.marks.trouble))
        self.track.setToolTip(words)

    @pyqtSlot()
    def _on_look(self) -> None:
        for button, name in self._buttons.items():
            button.setIcon(icon(name, self.palette()))
            button.setIconSize(QSize(space().icon, space().icon))
        self._on_clock()

    def _say_loop(self) -> None:
        words = tr("Loop from here on (Shift and the mouse choose a range)")
        if self._loop is not None:
            words = tr("Loop no more")
        self.loop.setToolTip(words)
        self.loop.setAccessibleName(words)

    def retranslate(self) -> None:
        """Say everything in the language in force."""
        self.badge.setText(tr("REPLAY"))
        for place, speed in enumerate(SPEEDS):
            self.speed.setItemText(place, tr("fastest") if math.isinf(speed) else f"{speed:g}×")
        self.speed.setAccessibleName(tr("Speed"))
        self.speed.setToolTip(tr("Recorded seconds in a second"))
        self.track.setAccessibleName(tr("Time of the recording"))
        for button, words in (
            (self.previous, tr("To the mark before")),
            (self.next, tr("To the next mark")),
            (self.step, tr("The next event alone")),
            (self.picture, tr("Save a picture of the moment…")),
            (self.leave, tr("Leave the replay")),
        ):
            button.setToolTip(words)
            button.setAccessibleName(words)
        self._say_loop()
        self._on_marks()
        self._on_look()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        if event is not None and hasattr(self, "_buttons"):
            if event.type() == QEvent.Type.LanguageChange:
                self.retranslate()
            elif event.type() == QEvent.Type.PaletteChange:
                self.badge.restyle()
                self._on_look()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint a line of its colour above it."""
        super().paintEvent(event)
        painter = QPainter(self)
        colour = QColor(colours_of(self.palette()).replay)
        painter.fillRect(QRectF(0.0, 0.0, self.width(), 2.0 * FRAME), colour)
        painter.end()


class _Badge(PlainLabel):
    """The word itself, on its colour."""

    def __init__(self, text: str, parent: QWidget) -> None:
        super().__init__(text, parent)
        font = self.font()
        font.setBold(True)
        self.setFont(font)
        self.restyle()

    def restyle(self) -> None:
        """Take the colours in force."""
        now = space()
        self.setContentsMargins(now.medium, now.tiny, now.medium, now.tiny)
        palette = QPalette(self.palette())
        palette.setColor(QPalette.ColorRole.WindowText, QColor(colours_of(self.palette()).base))
        if palette != self.palette():
            self.setPalette(palette)

    def paint_back(self, painter: QPainter) -> None:
        """Fill it."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours_of(self.palette()).replay))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1.0, 1.0, -1.0, -1.0), RADIUS, RADIUS)
        painter.restore()
