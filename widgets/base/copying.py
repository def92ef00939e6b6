"""What is taken out of a table: marked rows for a spreadsheet or to be read, all rows for a file."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QGuiApplication

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from PyQt6.QtWidgets import QTableView

__all__ = [
    "COPY_ROLE",
    "EXACT_ROLE",
    "copy_as_text",
    "copy_rows",
    "csv_text",
    "exact_number",
    "lined_up",
    "put_on_clipboard",
    "rows_text",
    "table_csv",
    "table_text",
]

COPY_ROLE = Qt.ItemDataRole.UserRole + 50
"""What stands for a cell in a copy; a model that has nothing to say there is copied as it is shown."""
EXACT_ROLE = Qt.ItemDataRole.UserRole + 51
"""What stands for a cell in a file: figures with all their digits and no separators; else as in a copy."""
_NUMBER = re.compile(r"[+-]?[\d.,]+ ?%?")
_WIDE = frozenset("WF")


def exact_number(number: Decimal | None) -> str:
    """Return a number as a program reads it: all digits, a point, nothing else; empty for None."""
    return "" if number is None else format(number, "f")


def rows_text(table: QTableView) -> str:
    """Return the marked rows from top to bottom, with the columns that can be seen, in their order on the screen.

    Cells have tabs between them, as a spreadsheet reads them.
    """
    return "\n".join("\t".join(map(_harmless, row)) for row in _cells(table, _marked(table), COPY_ROLE))


def table_text(table: QTableView) -> str:
    """Return the same with its headings, in columns that stand below each other where digits are of equal width."""
    rows = _cells(table, _marked(table), COPY_ROLE)
    return lined_up([_headings(table, _shown(table)), *rows], _figures(table)) if rows else ""


def table_csv(table: QTableView) -> str:
    """Return all rows and all columns, hidden ones too, as a file of comma-separated values has them."""
    model = table.model()
    if model is None:
        return ""
    columns = [column for column in _placed(table) if _heading(table, column)]
    rows = _cells(table, range(model.rowCount()), EXACT_ROLE, columns)
    return csv_text([_headings(table, columns), *rows])


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as comma-separated values; no cell is taken for a formula by who opens them."""
    file = io.StringIO(newline="")
    csv.writer(file).writerows([_harmless(cell) for cell in row] for row in rows)
    return file.getvalue()


def lined_up(rows: Sequence[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """Return rows of cells as text in columns; Hangul takes two places.

    Args:
        rows: the cells, as many in each.
        right: by column, whether it stands on the right.

    Example:
        >>> print(lined_up([("코인", "Price"), ("BTC", "1")], (False, True)))
        코인  Price
        BTC       1
    """
    widths = [max(map(_places, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            air = " " * (width - _places(cell))
            cells.append(air + cell if place < len(right) and right[place] else cell + air)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def copy_rows(table: QTableView) -> bool:
    """Put the marked rows on the clipboard; False, and nothing changed there, where none is marked."""
    return put_on_clipboard(rows_text(table))


def copy_as_text(table: QTableView) -> bool:
    """The same with headings, and to be read by people."""
    return put_on_clipboard(table_text(table))


def put_on_clipboard(text: str) -> bool:
    """Put a text on the clipboard; False, and nothing changed there, for none."""
    clipboard = QGuiApplication.clipboard()
    if clipboard is None or not text:
        return False
    clipboard.setText(text)
    return True


def _marked(table: QTableView) -> list[int]:
    selection = table.selectionModel()
    return [] if selection is None else sorted(index.row() for index in selection.selectedRows())


def _placed(table: QTableView) -> list[int]:
    """Return all columns in their order on the screen."""
    header = table.horizontalHeader()
    return [] if header is None else [header.logicalIndex(place) for place in range(header.count())]


def _shown(table: QTableView) -> list[int]:
    return [column for column in _placed(table) if not table.isColumnHidden(column)]


def _cells(table: QTableView, rows: Iterable[int], role: int, columns: Sequence[int] | None = None) -> list[list[str]]:
    model = table.model()
    if model is None:
        return []
    found = []
    for row in rows:
        cells = []
        for column in _shown(table) if columns is None else columns:
            index = model.index(row, column)
            text = model.data(index, role)
            if text is None and role == EXACT_ROLE:
                text = model.data(index, COPY_ROLE)
            cells.append(str((model.data(index) if text is None else text) or ""))
        found.append(cells)
    return found


def _headings(table: QTableView, columns: Iterable[int]) -> list[str]:
    return [_heading(table, column) for column in columns]


def _heading(table: QTableView, column: int) -> str:
    model = table.model()
    if model is None:
        return ""
    named = getattr(model, "heading", None)
    text = named(column) if named is not None else model.headerData(column, Qt.Orientation.Horizontal)
    return str(text or "").strip()


def _figures(table: QTableView) -> list[bool]:
    model = table.model()
    if model is None:
        return []
    sides = [model.data(model.index(0, column), Qt.ItemDataRole.TextAlignmentRole) for column in _shown(table)]
    return [bool(side is not None and side & Qt.AlignmentFlag.AlignRight) for side in sides]


def _places(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in _WIDE else 1 for letter in text)


def _harmless(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula: texts come from outside too."""
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell
