"""Toasts: short notes in the corner of the window; repeats collapse, all are in the log too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import QEvent, QObject, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from ..base.labels import plain_label
from ..base.spacing import Step, spaced
from ..base.text import tr
from ..base.theme import HEALTH_SHAPES, colours_of
from ..base.tokens import FRAME, NOTE_MS, NOTE_WIDTH, RADIUS, space

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PyQt6.QtGui import QKeyEvent, QMouseEvent

__all__ = ["NoteAction", "Toasts", "log_note"]

MOST = 4
MOST_LINES = 5
_LONGEST_NAME = 300
_log = logging.getLogger("upbit_ws_qt.desktop")


class NoteAction(NamedTuple):
    """What can be done about the matter of a note; doing it takes the note away.

    Attributes:
        text: of the button, in the language in force.
        act: what is called.
    """

    text: str
    act: Callable[[], object]


def log_note(text: str, level: str) -> None:
    """Put a note into the log alone."""
    _log.log(logging.WARNING if level in ("warn", "bad") else logging.INFO, "%s", text)


class Toasts(QObject):
    """Shows notes in the lower right corner of a window, at most four at a time.

    Example:
        >>> toasts = Toasts(window)
        >>> toasts.show_note("Order filled: KRW-BTC", level="good")

    Args:
        window: in whose corner.

    Signals:
        noteShown(str): a note is on the screen.
    """

    noteShown = pyqtSignal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._notes: list[_Note] = []
        window.installEventFilter(self)

    @property
    def texts(self) -> list[str]:
        """What is shown, oldest first."""
        return [note.text for note in self._notes]

    @property
    def notes(self) -> list[QWidget]:
        """The notes themselves, oldest first."""
        return list(self._notes)

    def show_note(
        self,
        text: str,
        *,
        level: str = "idle",
        key: str | None = None,
        lasting: bool = False,
        logged: bool = False,
        actions: Sequence[NoteAction] = (),
    ) -> None:
        """Show a note for six seconds, and log it.

        Args:
            text: plain; one or two lines.
            level: of HEALTH_SHAPES, for its shape and colour.
            key: notes of one key collapse into the newest, with a count where it says the same; the text by default.
            lasting: whether it stays until its user or `take_away` takes it away.
            logged: whether somebody else has logged it.
            actions: buttons below the text.
        """
        if not logged:
            log_note(text, level)
        for note in self._notes:
            if note.key == (key or text):
                note.repeat(text, level, lasting=lasting)
                note.offer(actions)
                self._place()  # another text may need more room
                self.noteShown.emit(text)
                return
        note = _Note(self._window, key or text, text, level, lasting=lasting)
        note.offer(actions)
        note.gone.timeout.connect(self._on_gone)
        note.close_button.clicked.connect(self._on_gone)
        self._notes.append(note)
        while len(self._notes) > MOST:
            self._remove(self._notes[0])
        self._place()
        note.show()
        note.raise_()
        self.noteShown.emit(text)

    def change_note(self, key: str, text: str) -> None:
        """Have a note say something else; one that its user has taken away stays away."""
        for note in self._notes:
            if note.key == key and note.text != text:
                note.change(text)
                self._place()
                self.noteShown.emit(text)

    def take_away(self, key: str) -> None:
        """Take a note away whose matter is over."""
        for note in tuple(self._notes):
            if note.key == key:
                self._remove(note)
        self._place()

    def focus_note(self) -> None:
        """Give the keyboard to the newest note that has buttons, or else to the newest one."""
        notes = [note for note in self._notes if note.buttons] or self._notes
        if notes:
            note = notes[-1]
            (note.buttons[0] if note.buttons else note.close_button).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def clear(self) -> None:
        """Take all away."""
        for note in tuple(self._notes):
            self._remove(note)

    @pyqtSlot()
    def _on_gone(self) -> None:
        for note in tuple(self._notes):
            if self.sender() in (note.gone, note.close_button):
                self._remove(note)
        self._place()

    def _remove(self, note: _Note) -> None:
        self._notes.remove(note)
        note.gone.stop()
        focus = QApplication.focusWidget()
        if focus is not None and note.isAncestorOf(focus):
            self._window.setFocus()  # Qt would give it to whatever comes next
        note.hide()
        note.deleteLater()

    def _place(self) -> None:
        now = space()
        bottom = self._window.height() - now.large - now.huge  # the status bar is below
        for note in reversed(self._notes):
            note.resize(NOTE_WIDTH, note.needed_height(NOTE_WIDTH))
            bottom -= note.height()
            note.move(self._window.width() - NOTE_WIDTH - now.large, bottom)
            bottom -= now.small

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep to the corner."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False


class _Note(QFrame):
    """One note; a click on it takes it away, unless it has buttons."""

    def __init__(self, window: QWidget, key: str, text: str, level: str, *, lasting: bool) -> None:
        super().__init__(window)
        self.key = key
        self.text = text
        self.count = 1
        self._label = plain_label("", self)
        self._label.setWordWrap(True)
        self._label.most_lines = MOST_LINES
        self.close_button = QToolButton(self)
        self.close_button.setText("✕")
        self.close_button.setAutoRaise(True)
        self.close_button.setAccessibleName(tr("Close"))
        self.close_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.buttons: list[QPushButton] = []
        head = QHBoxLayout()
        spaced(head)
        head.addWidget(self._label, 1)
        head.addWidget(self.close_button, 0, Qt.AlignmentFlag.AlignTop)
        self._foot = QHBoxLayout()
        spaced(self._foot)
        self._foot.addStretch()
        layout = QVBoxLayout(self)
        spaced(layout, Step.SMALL, Step.MEDIUM, Step.SMALL)
        layout.addLayout(head)
        layout.addLayout(self._foot)
        self.gone = QTimer(self)
        self.gone.setSingleShot(True)
        self.gone.setInterval(NOTE_MS)
        self._level = level
        self.repeat(text, level, count=1, lasting=lasting)

    def repeat(self, text: str, level: str, *, count: int | None = None, lasting: bool = False) -> None:
        """Say it (again)."""
        self.count = self.count + 1 if count is None else count
        self._level = level
        self.change(text)
        self.setStyleSheet(
            f"_Note {{ background: {colours_of(self.palette()).base};"
            f" border: {FRAME}px solid {colours_of(self.palette()).health(level)}; border-radius: {int(RADIUS)}px; }}"
        )
        self.gone.stop() if lasting else self.gone.start()

    def change(self, text: str) -> None:
        """Say something else about the same matter."""
        self.text = text
        shape = HEALTH_SHAPES.get(self._level, HEALTH_SHAPES["idle"])
        self._label.setText(f"{shape} {text}" + (f"  ×{self.count}" if self.count > 1 else ""))
        self.setAccessibleName(text[:_LONGEST_NAME])

    def offer(self, actions: Sequence[NoteAction]) -> None:
        """Have these buttons and no others."""
        for button in self.buttons:
            button.hide()
            button.deleteLater()
        self.buttons = []
        for action in actions:
            button = QPushButton(action.text, self)
            button.setAccessibleDescription(self.text[:_LONGEST_NAME])
            button.clicked.connect(self.close_button.click)
            button.clicked.connect(lambda _checked=False, act=action.act: act())
            self._foot.addWidget(button)
            self.buttons.append(button)
            button.show()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Escape takes it away."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self.close_button.click()
        else:
            super().keyPressEvent(event)

    def needed_height(self, width: int) -> int:
        """Return how high the note has to be to show all of its text."""
        layout = self.layout()
        assert layout is not None
        layout.invalidate()
        layout.activate()
        needed = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else layout.totalSizeHint().height()
        return max(needed, self.close_button.sizeHint().height()) + 2 * self.frameWidth()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go."""
        if not self.buttons:
            self.close_button.click()
