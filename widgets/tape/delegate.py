"""Draws the cells of the tape by hand: a fraction of what the style takes, and they change ten times a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor, QPalette
from PyQt6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ..base.tables import italic
from ..base.tokens import space

if TYPE_CHECKING:
    from PyQt6.QtCore import QModelIndex
    from PyQt6.QtGui import QPainter

    from ..base.tables import PlainTable
    from .model import TapeModel

__all__ = ["TapeDelegate"]

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class TapeDelegate(QStyledItemDelegate):
    """Plain right-aligned texts; the column of one that does not fit is made wider, and shows none of it before."""

    def __init__(self, model: TapeModel, table: PlainTable) -> None:
        super().__init__(table)
        self._model = model
        self._table = table
        self._text = self._selected_text = self._selection = QColor()

    def take_colours(self, palette: QPalette) -> None:
        """Remember the colours in force."""
        self._text = palette.color(QPalette.ColorRole.Text)
        self._selected_text = palette.color(QPalette.ColorRole.HighlightedText)
        self._selection = palette.color(QPalette.ColorRole.Highlight)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw a cell."""
        if painter is None:
            return
        place, column, area = index.row(), index.column(), option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(area, self._selection)
            painter.setPen(self._selected_text)
        else:
            painter.setPen(self._model.colour(place, column) or self._text)
        if self._model.is_stale:
            painter.setFont(italic(option.font))
        air = space().small
        text, area = self._model.text(place, column), area.adjusted(air, 0, -air, 0)
        needed = option.fontMetrics.horizontalAdvance(text)
        if needed > area.width():
            self._table.widen(column, needed + 3 * air)
            text = "…"
        painter.drawText(area, _RIGHT, text)
        if self._model.is_stale:
            painter.setFont(option.font)
