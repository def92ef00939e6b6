"""Tables as all panels have them: rows chosen whole, digits of equal width, no grid, nothing that jitters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtWidgets import QAbstractItemView, QFrame, QGraphicsOpacityEffect, QHeaderView, QTableView

from widgets.theme import number_font

if TYPE_CHECKING:
    from PyQt6.QtCore import QAbstractItemModel
    from PyQt6.QtWidgets import QWidget

__all__ = ["dim", "plain_table"]


def plain_table(model: QAbstractItemModel, parent: QWidget) -> QTableView:
    """Return a read-only table over a model; the columns share the width."""
    table = QTableView(parent)
    table.setModel(model)
    table.setFont(number_font(table.font()))
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)  # Tab goes on to the next control
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    vertical, horizontal = table.verticalHeader(), table.horizontalHeader()
    assert vertical is not None
    assert horizontal is not None
    vertical.hide()
    vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    vertical.setDefaultSectionSize(table.fontMetrics().height() + 6)
    horizontal.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    horizontal.setHighlightSections(False)
    horizontal.setMinimumSectionSize(30)
    return table


def dim(widget: QWidget, *, dimmed: bool) -> None:
    """Draw a widget fainter, or as usual; nothing is spent on the usual."""
    if not dimmed:
        widget.setGraphicsEffect(None)
    elif widget.graphicsEffect() is None:
        effect = QGraphicsOpacityEffect(widget)
        effect.setOpacity(0.5)
        widget.setGraphicsEffect(effect)
