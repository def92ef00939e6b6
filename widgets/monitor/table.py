"""A table of records that are replaced as a whole now and then: components, alerts, advice, events, frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PyQt6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, QObject, Qt
from PyQt6.QtGui import QBrush, QColor, QPainter
from PyQt6.QtWidgets import QAbstractItemView, QHeaderView, QWidget

from ..base.copying import EXACT_ROLE
from ..base.labels import tip_text
from ..base.panel_table import ColouredDelegate, PanelTable
from ..base.sorting import SortableModel, in_order
from ..base.text import tr
from ..base.theme import colours_of
from ..base.tokens import space
from .words import heading_text

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from PyQt6.QtGui import QPaintEvent, QResizeEvent

    from ..base.sorting import Sorting

__all__ = ["Column", "RecordModel", "RecordTable"]

Record = TypeVar("Record")
_ROLE = Qt.ItemDataRole
_JUST_MOVE = QItemSelectionModel.SelectionFlag.NoUpdate
_ONLY_THESE = QItemSelectionModel.SelectionFlag.ClearAndSelect
_SIGN = " ▼"
"""Behind the heading of a column by which rows are sorted."""
SENTENCE = 28
"""Characters of a column of sentences that can be seen at least."""


@dataclass(frozen=True, slots=True)
class Column(Generic[Record]):
    """One column.

    Attributes:
        title: marked for translation.
        text: of a record.
        sample: the widest usual text; "" for the column that takes what is left.
        right: whether it is aligned to the right, as numbers are.
        level: of a record, for the colour: "good", "warn", "bad", "idle"; None leaves the text as it is.
        figure: of a record, what it is sorted by (None: last) and, a number or a text, what a file has; None for the
            text that is shown. A title of "" cannot be sorted by.
    """

    title: str
    text: Callable[[Record], str]
    sample: str = ""
    right: bool = False
    level: Callable[[Record], str | None] | None = None
    figure: Callable[[Record], Any] | None = None


class RecordModel(SortableModel, Generic[Record]):
    """Records, usually as they are given; rows keep their place as long as their number grows at the end."""

    def __init__(self, columns: Sequence[Column[Record]], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self.records: tuple[Record, ...] = ()
        """As they stand."""
        self._given: tuple[Record, ...] = ()
        self._brushes: dict[str, QBrush] = {}

    def show(self, records: Sequence[Record]) -> None:
        """Show these."""
        self._given = tuple(records)
        new, old = self._wanted(), len(self.records)
        if new == self.records:
            return
        nowhere = QModelIndex()
        if len(new) > old:
            self.beginInsertRows(nowhere, old, len(new) - 1)
            self.records = new
            self.endInsertRows()
        elif len(new) < old:
            self.beginRemoveRows(nowhere, len(new), old - 1)
            self.records = new
            self.endRemoveRows()
        self.records = new
        if new:
            self.dataChanged.emit(self.index(0, 0), self.index(len(new) - 1, len(self.columns) - 1))

    def _wanted(self) -> tuple[Record, ...]:
        sorting = self.sorting
        if sorting is None:
            return self._given
        column = self.columns[sorting.column]
        key = column.figure or (lambda record: column.text(record).casefold() or None)
        return tuple(in_order(self._given, key, descending=sorting.descending))

    def rearrange(self) -> None:
        """Put the records into the order that is wanted now."""
        self.show(self._given)

    def heading(self, column: int) -> str:
        """Return what a column is called."""
        return heading_text(self.columns[column].title)

    def can_sort(self, column: int) -> bool:
        """Rows can be sorted by what has a name."""
        return bool(self.columns[column].title)

    def largest_first(self, column: int) -> bool:
        """Figures begin with the largest."""
        return self.columns[column].right

    def take_colours(self, brushes: dict[str, QBrush]) -> None:
        """Use these for the levels."""
        self._brushes = brushes

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """One row per record."""
        return 0 if parent is not None and parent.isValid() else len(self.records)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """The same for all."""
        return 0 if parent is not None and parent.isValid() else len(self.columns)

    def data(self, index: QModelIndex, role: int = _ROLE.DisplayRole) -> Any:
        """Text, alignment, colour."""
        column, record = self.columns[index.column()], self.records[index.row()]
        if role == _ROLE.DisplayRole:
            return column.text(record)
        if role == _ROLE.ToolTipRole:
            return tip_text(column.text(record))
        if role == _ROLE.TextAlignmentRole:
            return _side(right=column.right)
        if role == _ROLE.ForegroundRole and column.level is not None:
            return self._brushes.get(column.level(record) or "")
        if role == _ROLE.AccessibleTextRole:
            return f"{tr(column.title)}: {column.text(record)}"
        if role == EXACT_ROLE and column.figure is not None:
            figure = column.figure(record)
            return "" if figure is None else str(figure)
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        """Titles, on the side on which their figures stand."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == _ROLE.DisplayRole:
            return self.heading(section) + self.sort_sign(section)
        if role == _ROLE.TextAlignmentRole:
            return _side(right=self.columns[section].right)
        return None


def _side(*, right: bool) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter


class RecordTable(PanelTable, Generic[Record]):
    """Shows records; what is selected stays selected wherever it moves to.

    Args:
        columns: of the table.
        key: what makes a record the same one.
        name: accessible name, marked for translation.
        empty: what is said where there are no records, marked for translation.
        parent: of the widget.
    """

    def __init__(
        self,
        columns: Sequence[Column[Record]],
        key: Callable[[Record], Hashable],
        name: str,
        empty: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._key = key
        self._name = name
        self._empty = empty
        self.records = RecordModel(columns, self)
        self.setObjectName(name.casefold().replace(" ", "-"))
        self.setModel(self.records)
        self.setItemDelegate(ColouredDelegate(self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setAlternatingRowColors(True)
        self.setTabKeyNavigation(False)
        rows = self.verticalHeader()
        assert rows is not None
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._restyle()

    def show_records(self, records: Sequence[Record]) -> None:
        """Show these."""
        if bool(records) is not bool(self.records.records):
            self.setAccessibleDescription("" if records else tr(self._empty))
        self._keep_marks(lambda: self.records.show(records))

    def set_sorting(self, sorting: Sorting | None) -> None:
        """Sort, and leave the marks on their records."""
        self._keep_marks(lambda: super(RecordTable, self).set_sorting(sorting))

    def _keep_marks(self, change: Callable[[], object]) -> None:
        """Change what is shown, and mark the same records again: the model only says that its cells are others."""
        before = self.records.records
        marked = {self._key(record) for record in self.selected_records()}
        current = self.currentIndex()
        at = self._key(before[current.row()]) if 0 <= current.row() < len(before) else None
        change()
        records, selection = self.records.records, self.selectionModel()
        if records == before or selection is None or not (marked or current.isValid()):
            return
        keys = [self._key(record) for record in records]
        rows = [row for row, key in enumerate(keys) if key in marked]
        if rows != sorted(index.row() for index in selection.selectedRows()):
            found = QItemSelection()
            for row in rows:
                found.select(self.records.index(row, 0), self.records.index(row, len(self.records.columns) - 1))
            selection.select(found, _ONLY_THESE)
        if at in keys and keys.index(at) != current.row():
            selection.setCurrentIndex(self.records.index(keys.index(at), current.column()), _JUST_MOVE)

    def selected(self) -> Record | None:
        """Return the topmost record that is selected."""
        found = self.selected_records()
        return found[0] if found else None

    def selected_records(self) -> list[Record]:
        """Return the records that are selected, from top to bottom."""
        model, records = self.selectionModel(), self.records.records
        rows = sorted(index.row() for index in model.selectedRows()) if model is not None else []
        return [records[row] for row in rows if row < len(records)]

    def set_empty(self, text: str) -> None:
        """Say something else where there are no records."""
        viewport = self.viewport()
        if text != self._empty and viewport is not None:
            self._empty = text
            viewport.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Say why there is nothing, where there is nothing."""
        super().paintEvent(event)
        viewport = self.viewport()
        if self.records.records or viewport is None:
            return
        painter = QPainter(viewport)
        painter.setPen(QColor(colours_of(self.palette()).muted))
        area = viewport.rect().adjusted(space().medium, space().small, -space().medium, -space().small)
        painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, tr(self._empty))
        painter.end()

    def changeEvent(self, event: QEvent | None) -> None:
        """Follow language, palette and font."""
        super().changeEvent(event)
        kinds = (QEvent.Type.LanguageChange, QEvent.Type.PaletteChange, QEvent.Type.FontChange)
        if event is not None and event.type() in kinds and hasattr(self, "records"):
            self._restyle()

    def _restyle(self) -> None:
        colours = colours_of(self.palette())
        self.records.take_colours(
            {level: QBrush(QColor(colours.health(level))) for level in ("good", "warn", "bad", "idle")}
        )
        self.setAccessibleName(tr(self._name))
        self.setAccessibleDescription("" if self.records.records else tr(self._empty))
        viewport = self.viewport()
        if viewport is not None:
            viewport.update()  # what records say depends on the language, and they have not changed
        metrics, header, rows = self.fontMetrics(), self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        rows.setDefaultSectionSize(metrics.height() + space().list_row)
        header.setHighlightSections(False)
        for number, column in enumerate(self.records.columns):
            if column.sample:
                title = heading_text(column.title) + (_SIGN if column.title else "")
                widest = max(metrics.horizontalAdvance(column.sample), metrics.horizontalAdvance(title))
                header.setSectionResizeMode(number, QHeaderView.ResizeMode.Interactive)
                self.setColumnWidth(number, widest + metrics.horizontalAdvance("0") * 2)
        self._share_out()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Share the width out anew."""
        super().resizeEvent(event)
        self._share_out()

    def _share_out(self) -> None:
        """Give what is left of the width to the columns of sentences; where that is too little, scroll."""
        header, viewport = self.horizontalHeader(), self.viewport()
        assert header is not None
        assert viewport is not None
        shown = [number for number in range(len(self.records.columns)) if not self.isColumnHidden(number)]
        long = [number for number in shown if not self.records.columns[number].sample]
        taken = sum(self.columnWidth(number) for number in shown if number not in long)
        least = self.fontMetrics().horizontalAdvance("n") * SENTENCE
        fits = (viewport.width() - taken) >= least * len(long)
        for number in long:
            mode = QHeaderView.ResizeMode.Stretch if fits else QHeaderView.ResizeMode.Interactive
            header.setSectionResizeMode(number, mode)
            if not fits:
                self.setColumnWidth(number, least)

    def refit(self) -> None:
        """Show the columns that are wanted, and share the width out anew."""
        super().refit()
        self._share_out()
