"""What all curves stand at under the pointer, beside it: a small sheet that is never in the way of the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QWidget

from ..base.theme import colours_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtGui import QPaintEvent

__all__ = ["Readout", "ReadoutRow"]

MARGIN = 6
AWAY = 12
"""Pixels from the pointer."""
WIDEST = 420


class ReadoutRow(NamedTuple):
    """One line of text, in the colour of what it is about; "" for the colour of text."""

    text: str
    colour: str = ""


class Readout(QWidget):
    """Rows of text on a sheet of its own over the plots."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.rows: tuple[ReadoutRow, ...] = ()
        self.hide()

    def show_rows(self, rows: Sequence[ReadoutRow], x: float) -> None:
        """Show these beside `x` (pixels of the parent), to its left where there is no room to its right."""
        parent = self.parentWidget()
        assert parent is not None
        self.rows = tuple(rows)
        metrics = self.fontMetrics()
        width = max((metrics.horizontalAdvance(row.text) for row in rows), default=0)
        width = min(width, WIDEST, parent.width() - 2 * (AWAY + MARGIN)) + 2 * MARGIN
        height = len(rows) * metrics.height() + 2 * MARGIN
        left = x + AWAY if x + AWAY + width <= parent.width() else x - AWAY - width
        self.setGeometry(int(max(0.0, left)), AWAY, width, height)
        self.show()
        self.raise_()
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint sheet and rows."""
        colours = colours_of(self.palette())
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(colours.window))
        painter.setPen(QColor(colours.border))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        metrics = self.fontMetrics()
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for number, row in enumerate(self.rows):
            painter.setPen(QColor(row.colour or colours.text))
            area = QRectF(MARGIN, MARGIN + number * metrics.height(), self.width() - 2 * MARGIN, metrics.height())
            text = metrics.elidedText(row.text, Qt.TextElideMode.ElideRight, int(area.width()) + 1)
            painter.drawText(area, flags, text)
        painter.end()
