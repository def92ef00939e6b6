"""The list of keys: what is pressed on the left, what it does on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QVBoxLayout, QWidget

from ..base.panel import plain_label
from ..base.spacing import Step, spaced
from ..base.text import Texts, mark

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QLabel

__all__ = ["KeyboardDialog"]

_KEYS = (
    ("Ctrl+K", mark("find a market")),
    ("Ctrl+Shift+A", mark("set an alarm for the market that is shown")),
    ("Ctrl+1 … Ctrl+9", mark("perspectives")),
    ("Ctrl+M, Ctrl+L", mark("monitor, log")),
    ("Ctrl+E, Ctrl+,", mark("the exchange, settings")),
    ("F6, Shift+F6", mark("next panel, panel before")),
    ("Ctrl+Shift+D, Ctrl+F4", mark("detach the panel or put it back, close it")),
    ("Ctrl+Shift+← → ↑ ↓ T", mark("move the panel, or make it a tab of the next ones")),
    ("Alt+Shift+← → ↑ ↓", mark("make the panel narrower, wider, lower, higher")),
    ("F5", mark("resync")),
    ("Ctrl+Shift+N", mark("go to the note in the corner; Esc takes it away")),
    ("F11", mark("full screen")),
    ("Enter, Space", mark("in the watch list: show the market, give it a star")),
    (mark("Menu key, Shift+F10"), mark("sort, choose columns, copy, save")),
    ("Ctrl+C, Ctrl+Shift+C", mark("copy rows for a spreadsheet, or to be read")),
    ("← → + − Home End", mark("in the chart: move, zoom, oldest, newest")),
    ("A", mark("in the chart: fit the prices by themselves again")),
    ("Shift+↑ ↓", mark("in the chart: make prices higher, lower")),
    ("Delete, Ctrl+Z, Ctrl+Y, Esc", mark("in the chart: remove the drawing, undo, redo, give up")),
    ("Alt+A, L", mark("in the chart: set an alarm, choose the next one (↑ ↓ move it, Delete removes it)")),
    ("Insert, Enter, Space, Delete", mark("in the alarms: set, change, switch on or off, remove")),
    ("↑ ↓ Enter Home Esc", mark("in the order book: choose a price, take it, back to the middle, choose none")),
    ("Delete", mark("in the watched indicators: watch one less")),
)


class KeyboardDialog(QDialog):
    """Shows the keys; a screen reader hears all of them as its description.

    Example:
        >>> KeyboardDialog(window).open()
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._texts = Texts()
        self._texts.put(self.setWindowTitle, mark("Keyboard"))
        self._labels: list[QLabel] = []
        grid = QGridLayout()
        spaced(grid, Step.SMALL, across=Step.HUGE)
        for place, pair in enumerate(_KEYS):
            for column, text in enumerate(pair):
                label = plain_label("", self)
                self._texts.put(label.setText, text)
                if column == 0:
                    font = label.font()
                    font.setBold(True)
                    label.setFont(font)
                grid.addWidget(label, place, column)
                self._labels.append(label)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addLayout(grid)
        layout.addWidget(buttons)
        self._describe()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language over."""
        super().changeEvent(event)
        if event is not None and event.type() == QEvent.Type.LanguageChange:
            self._texts.again()
            self._describe()

    def _describe(self) -> None:
        texts = [label.text() for label in self._labels]
        self.setAccessibleDescription("; ".join(map(": ".join, zip(texts[::2], texts[1::2], strict=True))))
