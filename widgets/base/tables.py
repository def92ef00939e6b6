"""Tables as all panels have them: rows chosen whole, digits of equal width, no grid, nothing that jitters."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from PyQt6.QtCore import QModelIndex, Qt, QTimer, pyqtSlot
from PyQt6.QtGui import QFont, QPainter, QPalette
from PyQt6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from .copying import EXACT_ROLE
from .labels import tip_text
from .look import legible
from .panel_table import PanelTable, keep_colour
from .sorting import SortableModel, in_order
from .text import tr
from .theme import number_font
from .tokens import WORDS_LEAST, space

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from PyQt6.QtCore import QAbstractItemModel, QObject
    from PyQt6.QtGui import QColor, QFontMetrics, QPaintEvent, QResizeEvent
    from PyQt6.QtWidgets import QWidget

    from .theme import Colours

__all__ = [
    "FiguresDelegate",
    "PlainTable",
    "RowsModel",
    "dim_colour",
    "fit_columns",
    "italic",
    "plain_table",
    "whole_parts",
]

_BETWEEN = " · "
_INDENT = "\u2002"  # an en wide
_WIDEST_FIGURE = 28  # characters: no exchange makes a column, and with it a window, as wide as it likes
_ROOT = QModelIndex()
_R = TypeVar("_R")
_RESORT_S = 1.0
"""Between two orders of rows at least, where it is only their figures that change."""


def _italic_only() -> QFont:
    font = QFont()
    font.setItalic(True)  # and nothing else: a view lays it over its own
    return font


class RowsModel(SortableModel, Generic[_R]):
    """A table over a list of plain rows that is replaced as a whole; views are told of as little as possible."""

    headings: tuple[str, ...] = ()
    """In English, marked for translation."""
    numbers: frozenset[int] = frozenset()
    """The columns that stand on the right."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.rows: list[_R] = []
        """As they stand."""
        self.usual: list[_R] = []
        """As they came."""
        self._sorted_at = 0.0
        self._dim: QColor | None = None

    # -- hooks --------------------------------------------------------------------------------------------------------
    def text(self, row: _R, column: int) -> str:
        """Return what a cell shows."""
        raise NotImplementedError

    def key(self, row: _R) -> Hashable:
        """Return what a row is known by when others take the places around it; by default the object itself."""
        return id(row)

    def colour(self, row: _R, column: int) -> QColor | None:
        """Return the colour of a cell's text, None for the usual one."""
        del row, column
        return None

    def hint(self, row: _R, column: int) -> str:
        """Return what is told beside the mouse."""
        del row, column
        return ""

    def sort_key(self, row: _R, column: int) -> Any:
        """Return what rows are sorted by, None for last; by default the text."""
        return self.text(row, column).casefold() or None

    def exact(self, row: _R, column: int) -> str | None:
        """Return what a file has for a cell (all digits, times with their date); None for the text."""
        del row, column
        return None

    def heading(self, column: int) -> str:
        """Return what a column is called."""
        return tr(self.headings[column])

    def largest_first(self, column: int) -> bool:
        """Figures begin with the largest."""
        return column in self.numbers

    # -- for owners ---------------------------------------------------------------------------------------------------
    def replace(self, rows: Sequence[_R]) -> None:
        """Show other rows; views are told which went, came and moved, so that what is marked stays with its row."""
        self.usual = list(rows)
        self._sorted_at = time.monotonic()
        rows = self._in_order(self.usual)
        wanted = {self.key(row) for row in rows}
        for place in reversed(range(len(self.rows))):
            if self.key(self.rows[place]) not in wanted:
                self.beginRemoveRows(_ROOT, place, place)
                del self.rows[place]
                self.endRemoveRows()
        known = {self.key(row) for row in self.rows}
        fresh = [row for row in rows if self.key(row) not in known]
        if fresh:
            self.beginInsertRows(_ROOT, 0, len(fresh) - 1)
            self.rows[:0] = fresh
            self.endInsertRows()
        self._arrange(rows)
        self._tell_cells()

    def rearrange(self) -> None:
        """Put the rows into the order that is wanted now."""
        self.replace(self.usual)

    def _in_order(self, rows: list[_R]) -> list[_R]:
        sorting = self.sorting
        if sorting is None:
            return rows
        wanted = in_order(rows, lambda row: self.sort_key(row, sorting.column), descending=sorting.descending)
        places = {self.key(row): place for place, row in enumerate(self.rows)}
        if not places or self.may_sort():
            self.hold(False)
            return wanted
        stay = sorted(rows, key=lambda row: places.get(self.key(row), len(places)))  # those that are new come last
        self.hold(any(self.key(one) != self.key(other) for one, other in zip(stay, wanted, strict=True)))
        return stay

    def _arrange(self, rows: Sequence[_R]) -> None:
        """Put the rows, all of which are there already, into another order."""
        before = [self.key(row) for row in self.rows]
        places = {self.key(row): place for place, row in enumerate(rows)}
        if [places[key] for key in before] == list(range(len(rows))):
            self.rows = list(rows)
            return
        self.layoutAboutToBeChanged.emit()  # first: only now do the views register what is marked in them
        old = self.persistentIndexList()
        new = [self.index(places[before[index.row()]], index.column()) for index in old]
        self.rows = list(rows)
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    def set_dim(self, colour: QColor | None) -> None:
        """Draw all texts in this colour, because they are out of date; None for their own colours."""
        self._dim = colour
        self.tell_changed()

    def tell_changed(self) -> None:
        """Have all cells drawn anew, and rows that are sorted sorted anew, once a second at most."""
        if self.sorting is not None and time.monotonic() - self._sorted_at >= _RESORT_S:
            self.replace(self.usual)
        else:
            self._tell_cells()

    def _tell_cells(self) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(self.headings) - 1))

    def retranslate(self) -> None:
        """Say everything anew."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.headings) - 1)
        self.tell_changed()

    # -- what Qt asks -------------------------------------------------------------------------------------------------
    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """How many rows there are."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """How many columns there are."""
        return 0 if parent.isValid() else len(self.headings)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour, hint and alignment of a cell."""
        if not index.isValid():
            return None
        row, column = self.rows[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == EXACT_ROLE:
            return self.exact(row, column)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._dim or self.colour(row, column)
        if role == Qt.ItemDataRole.FontRole and self._dim is not None:
            return _italic_only()
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip_text(self.hint(row, column)) or None
        return self._side(column) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            beside = section not in self.numbers and section - 1 in self.numbers
            return (_INDENT if beside else "") + self.heading(section) + self.sort_sign(section)
        return self._side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _side(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column in self.numbers else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter


class PlainTable(PanelTable):
    """A table that makes room for its figures, and would rather do without some columns than cut one off.

    Widths only grow, so that nothing jitters; what is to spare is shared out.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._least: list[int] = []
        self._give_up: tuple[int, ...] = ()
        self._shares = False
        self._note = ""
        self.indented: frozenset[int] = frozenset()
        """Columns of words beside one of figures, which would touch them."""
        self._refit = QTimer(self)  # not while a cell is being painted
        self._refit.setSingleShot(True)
        self._refit.setInterval(0)
        self._refit.timeout.connect(self._fit)

    @property
    def note(self) -> str:
        """What is said below the last row."""
        return self._note

    def set_note(self, text: str) -> None:
        """Say below the last row, where there is room, what is listed and what is not."""
        viewport = self.viewport()
        if text != self._note and viewport is not None:
            self._note = text
            viewport.update()

    @property
    def note_top(self) -> int:
        """Where the rows end, and the note begins; whichever columns are hidden."""
        model = self.model()
        last = -1 if model is None else model.rowCount() - 1
        return 0 if last < 0 else self.rowViewportPosition(last) + self.rowHeight(last)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the note below the rows."""
        super().paintEvent(event)
        model, viewport = self.model(), self.viewport()
        if not self._note or model is None or viewport is None:
            return
        top = self.note_top
        area = viewport.rect().adjusted(space().medium, top + space().medium, -space().medium, 0)
        flags = Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter = QPainter(viewport)
        if painter.boundingRect(area, int(flags), self._note).height() <= area.height():
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            painter.drawText(area, int(flags), self._note)
        painter.end()

    def need(self, least: Sequence[int], give_up: Sequence[int], *, shares: bool = False) -> None:
        """Note how wide each column has to be, and which ones go, in this order, where that is too much.

        Args:
            least: widths in pixels, all that were found necessary since are forgotten.
            give_up: columns.
            shares: whether all columns get of what is left over; otherwise it is the last one's.
        """
        self._least, self._give_up, self._shares = list(least), tuple(give_up), shares
        sides = [self._is_of_figures(column) for column in range(len(least))]
        self.indented = frozenset(column for column in range(1, len(sides)) if sides[column - 1] and not sides[column])
        self._fit()

    def widen(self, column: int, width: int) -> None:
        """Have a column be this wide at least, from the next turn of the loop on; called while it is painted."""
        if column < len(self._least) and width > self._least[column]:
            self._least[column] = min(width, _WIDEST_FIGURE * self.fontMetrics().averageCharWidth())
            self._refit.start()

    def setModel(self, model: QAbstractItemModel | None) -> None:
        """Show a model, with room for the sign of the order in its headings."""
        super().setModel(model)
        if isinstance(model, SortableModel):
            model.headerDataChanged.connect(self._on_headings)

    @pyqtSlot()
    def _on_headings(self) -> None:
        model = self.model()
        sorting = model.sorting if isinstance(model, SortableModel) else None
        if model is not None and sorting is not None:
            heading = str(model.headerData(sorting.column, Qt.Orientation.Horizontal) or "")
            self.widen(sorting.column, self.fontMetrics().horizontalAdvance(heading) + space().large)

    def refit(self) -> None:
        """Show the columns that are wanted, as far as there is room for them."""
        if self._least:
            self._fit()
        else:
            super().refit()

    @pyqtSlot()
    def _fit(self) -> None:
        viewport, header = self.viewport(), self.horizontalHeader()
        if viewport is None or header is None or not self._least:
            return
        room = viewport.width()
        wanted = [column for column in range(len(self._least)) if column not in self.unwanted]
        needed = sum(self._least[column] for column in wanted)
        hidden = set(self.unwanted)
        for column in self._give_up:
            if needed > room and column not in hidden and len(hidden) < len(self._least) - 1:
                hidden.add(column)
                needed -= self._least[column]
        for column in range(len(self._least)):
            if self.isColumnHidden(column) is not (column in hidden):
                self.setColumnHidden(column, column in hidden)
        shown = [column for column in wanted if column not in hidden]
        spare = max(0, room - needed) // max(1, len(shown)) if self._shares else 0
        for column in shown:
            width = self._least[column] + spare
            if needed > room and not self._is_of_figures(column):
                width = max(width - (needed - room), min(width, WORDS_LEAST))  # words may end in an ellipsis
                needed -= self._least[column] - width
            if self.columnWidth(column) != width:
                self.setColumnWidth(column, width)

    def _is_of_figures(self, column: int) -> bool:
        model = self.model()
        role = Qt.ItemDataRole.TextAlignmentRole
        side = None if model is None else model.headerData(column, Qt.Orientation.Horizontal, role)
        return bool(side is not None and side & Qt.AlignmentFlag.AlignRight)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show what fits."""
        super().resizeEvent(event)
        self._fit()


def plain_table(model: QAbstractItemModel, parent: QWidget) -> PlainTable:
    """Return a read-only table over a model; the columns share the width."""
    table = PlainTable(parent)
    table.setModel(model)
    table.setItemDelegate(FiguresDelegate(table))
    table.setFont(number_font(table.font()))
    table.setFrameShape(QFrame.Shape.NoFrame)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)  # Tab goes on to the next control
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
    vertical, horizontal = table.verticalHeader(), table.horizontalHeader()
    assert vertical is not None
    assert horizontal is not None
    vertical.hide()
    vertical.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    table.fit_rows()
    horizontal.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
    horizontal.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    horizontal.setHighlightSections(False)
    horizontal.setMinimumSectionSize(space().huge)
    return table


def fit_columns(table: PlainTable, samples: Sequence[str], give_up: Sequence[int] = ()) -> None:
    """Give each column the room its heading and a typical text need; what is left is shared out.

    Where there is a sample for each column but the last, that one takes all that is left. Columns of figures grow
    where a figure is longer than its sample, and do not shrink again: numbers that come and go must not make a table
    jitter.

    Args:
        table: which.
        samples: a text for each column; the last column may have none.
        give_up: the columns that are hidden, in this order, where there is no room for all.
    """
    header, model = table.horizontalHeader(), table.model()
    assert header is not None
    assert model is not None
    header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    header.setStretchLastSection(True)
    metrics = table.fontMetrics()
    least = []
    for column in range(model.columnCount()):
        heading = str(model.headerData(column, Qt.Orientation.Horizontal) or "")
        texts = (heading, *samples[column : column + 1])
        least.append(max(metrics.horizontalAdvance(text) for text in texts) + space().large)
    table.need(least, give_up, shares=len(samples) >= len(least))


def whole_parts(text: str, metrics: QFontMetrics, room: int) -> str:
    """Return as many whole parts of "one · two · three" as fit; a figure is there or not, but never without its end."""
    if metrics.horizontalAdvance(text) <= room:
        return text
    parts = text.split(_BETWEEN)
    while parts:
        parts.pop()
        shorter = _BETWEEN.join([*parts, "…"])
        if metrics.horizontalAdvance(shorter) <= room:
            return shorter
    return ""


class FiguresDelegate(QStyledItemDelegate):
    """Draws cells as the style does; a column whose figure does not fit is made wider, or shows none of it."""

    def __init__(self, table: PlainTable) -> None:
        super().__init__(table)
        self._table = table

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Measure what is about to be drawn."""
        super().initStyleOption(option, index)
        if option is not None and index.column() in self._table.indented:
            option.text = _INDENT + (option.text or "")
        if option is not None:
            keep_colour(option, index)
        if option is None or not option.displayAlignment & Qt.AlignmentFlag.AlignRight:
            return
        needed = option.fontMetrics.horizontalAdvance(option.text) + space().large
        if needed > option.rect.width() > 0:
            self._table.widen(index.column(), needed)
            option.text = whole_parts(option.text or "", option.fontMetrics, option.rect.width() - space().large)


def dim_colour(colours: Colours, *, dimmed: bool) -> QColor | None:
    """Return the colour of texts that are out of date, which are in italics too; None where they are not."""
    return legible(colours.muted, colours.text, colours.base, colours.alternate, colours.chosen) if dimmed else None


def italic(font: QFont) -> QFont:
    """Return `font` as values are written that are out of date."""
    slanted = QFont(font)
    slanted.setItalic(True)
    return slanted
