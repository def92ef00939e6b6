"""What all curves stand at under the pointer, beside it: a small sheet that is never in the way of the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter
from PyQt6.QtWidgets import QWidget

from ..base.theme import colours_of
from ..base.tokens import READOUT_MOST, space

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtGui import QPaintEvent

__all__ = ["Readout", "ReadoutRow"]


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
        metrics, air, away = self.fontMetrics(), space().small, space().large
        width = max((metrics.horizontalAdvance(row.text) for row in rows), default=0)
        width = min(width, READOUT_MOST, parent.width() - 2 * (away + air)) + 2 * air
        height = len(rows) * metrics.height() + 2 * air
        left = x + away if x + away + width <= parent.width() else x - away - width
        self.setGeometry(int(max(0.0, left)), away, width, height)
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
        metrics, air = self.fontMetrics(), space().small
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        for number, row in enumerate(self.rows):
            painter.setPen(QColor(row.colour or colours.text))
            area = QRectF(air, air + number * metrics.height(), self.width() - 2 * air, metrics.height())
            text = metrics.elidedText(row.text, Qt.TextElideMode.ElideRight, int(area.width()) + 1)
            painter.drawText(area, flags, text)
        painter.end()
