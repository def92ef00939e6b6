"""Copies what is marked in a table: rows as lines, with tabs between their cells, as a spreadsheet reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QTableView

__all__ = ["COPY_ROLE", "copy_rows", "put_on_clipboard", "rows_text"]

COPY_ROLE = Qt.ItemDataRole.UserRole + 50
"""What stands for a cell in a copy; a model that has nothing to say there is copied as it is shown."""


def rows_text(table: QTableView) -> str:
    """Return the marked rows from top to bottom, with the columns that can be seen, in their order on the screen."""
    selection, header, model = table.selectionModel(), table.horizontalHeader(), table.model()
    if selection is None or header is None or model is None:
        return ""
    rows = sorted(index.row() for index in selection.selectedRows())
    shown = [header.logicalIndex(place) for place in range(header.count())]
    columns = [column for column in shown if not table.isColumnHidden(column)]
    lines = []
    for row in rows:
        cells = []
        for column in columns:
            index = model.index(row, column)
            text = model.data(index, COPY_ROLE)
            cells.append(str((model.data(index) if text is None else text) or ""))
        lines.append("\t".join(cells))
    return "\n".join(lines)


def copy_rows(table: QTableView) -> bool:
    """Put the marked rows on the clipboard; False, and nothing changed there, where none is marked."""
    return put_on_clipboard(rows_text(table))


def put_on_clipboard(text: str) -> bool:
    """Put a text on the clipboard; False, and nothing changed there, for none."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is None or not text:
        return False
    clipboard.setText(text)
    return True
