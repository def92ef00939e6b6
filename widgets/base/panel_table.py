"""What every table of the program can do: be sorted, have its columns chosen and ordered, be copied and be saved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeGuard

from PyQt6 import sip
from PyQt6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QPoint, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QBrush, QContextMenuEvent, QCursor, QKeySequence, QPalette
from PyQt6.QtWidgets import QMenu, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from .copying import copy_as_text, copy_rows, put_on_clipboard, table_csv
from .focus import FramedTable
from .kst import kst_file_stamp
from .saving import ask_where_to_save
from .sorting import SortableModel, Sorting
from .text import tr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from PyQt6.QtCore import QAbstractItemModel
    from PyQt6.QtGui import QKeyEvent
    from PyQt6.QtWidgets import QWidget

__all__ = ["AS_TEXT", "ColouredDelegate", "PanelTable", "keep_colour", "menu_text"]

AS_TEXT = QKeySequence("Ctrl+Shift+C")
_HORIZONTAL = Qt.Orientation.Horizontal
_ONLY_THIS_ROW = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
_MOST_COLUMNS = 64
_LONGEST_CELL = 24
"""Characters of a cell that the menu names."""


class PanelTable(FramedTable):
    """A table whose user decides which columns there are, where, and by which of them its rows are sorted.

    By mouse: a click on a heading sorts (the other way round, then as usual), headings are dragged, and have a menu. By
    keyboard: the table's own menu (Menu key, Shift+F10) has all of it; Ctrl+C copies the marked rows for a
    spreadsheet, Ctrl+Shift+C with headings and lined up, to be read.

    A model that is no `SortableModel` keeps its order. What was chosen can be taken out by `arrangement` and put back
    by `restore`; `objectName` is what it is remembered by.

    Signals:
        arrangementChanged: the user wants other columns, or another order.
        rowMenuRequested(QMenu, QModelIndex): a menu opens on a cell, or (an invalid index) on none; what is added to it
            stands above what all tables have.
    """

    _choosing = False
    arrangementChanged = pyqtSignal()
    rowMenuRequested = pyqtSignal(QMenu, QModelIndex)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.unwanted: frozenset[int] = frozenset()
        """Columns that the user does without; others may still be hidden for lack of room."""
        self._usually_unwanted: frozenset[int] = frozenset()
        self._restoring = False
        header = self.horizontalHeader()
        assert header is not None
        header.setSectionsMovable(True)
        header.setFirstSectionMovable(True)
        header.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        header.customContextMenuRequested.connect(self._on_header_menu)
        header.sectionClicked.connect(self._on_heading_clicked)
        header.sectionMoved.connect(self._on_moved)

    # -- hooks --------------------------------------------------------------------------------------------------------
    def refit(self) -> None:
        """Show the columns that are wanted; tables that give some up for lack of room do that here too."""
        for column in range(self._column_count()):
            self.setColumnHidden(column, column in self.unwanted)

    # -- rows ---------------------------------------------------------------------------------------------------------
    def selectRow(self, row: int) -> None:
        """Mark this row and no other, whatever the keyboard does: with Ctrl or Shift held, Qt takes it for a click."""
        self._choosing = True
        try:
            super().selectRow(row)
        finally:
            self._choosing = False

    def selectionCommand(self, index: QModelIndex, event: QEvent | None = None) -> QItemSelectionModel.SelectionFlag:
        """Leave clicks and keys to Qt."""
        return _ONLY_THIS_ROW if self._choosing else super().selectionCommand(index, event)

    # -- columns ------------------------------------------------------------------------------------------------------
    def setModel(self, model: QAbstractItemModel | None) -> None:
        """Show a model; one that can be sorted is by a click on a heading, and not under the mouse."""
        super().setModel(model)
        header = self.horizontalHeader()
        sortable = isinstance(model, SortableModel)
        if header is not None:
            header.setSectionsClickable(sortable)
            header.setSortIndicatorShown(False)  # Fusion's points up for the largest first; headings have their own
        if isinstance(model, SortableModel):
            model.may_sort = lambda: sip.isdeleted(self) or not self.is_under_mouse()

    def usually_without(self, columns: Iterable[int]) -> None:
        """Leave these columns out until the user asks for them."""
        self._usually_unwanted = self.unwanted = frozenset(columns)
        self.refit()

    def want(self, column: int, wanted: bool) -> None:
        """Show a column, or do without it; one stays in any case."""
        unwanted = self.unwanted - {column} if wanted else self.unwanted | {column}
        if unwanted != self.unwanted and any(each not in unwanted for each in self._named_columns()):
            self.unwanted = unwanted
            self.refit()
            self._tell()

    def move_column(self, column: int, step: int) -> None:
        """Put a column one place further to the right (1) or the left (-1), past those that are not shown."""
        header = self.horizontalHeader()
        assert header is not None
        place = header.visualIndex(column) + step
        while 0 <= place < header.count() and header.isSectionHidden(header.logicalIndex(place)):
            place += step
        if 0 <= place < header.count():
            header.moveSection(header.visualIndex(column), place)

    def set_sorting(self, sorting: Sorting | None) -> None:
        """Sort by a column, or as usual."""
        model = self.model()
        if isinstance(model, SortableModel) and sorting != model.sorting:
            model.set_sorting(sorting)
            self._tell()

    def reset_columns(self) -> None:
        """Have all columns, their order and that of the rows as they were at first."""
        self.restore({})
        self._tell()

    def arrangement(self) -> dict[str, Any]:
        """Return what the user chose, as JSON can hold it; empty where nothing is other than usual."""
        header, model = self.horizontalHeader(), self.model()
        assert header is not None
        chosen: dict[str, Any] = {}
        order = [header.logicalIndex(place) for place in range(header.count())]
        if order != sorted(order):
            chosen["order"] = order
        if self.unwanted != self._usually_unwanted:
            chosen["without"] = sorted(map(int, self.unwanted))
        sorting = model.sorting if isinstance(model, SortableModel) else None
        if sorting is not None:
            chosen["sorted"] = [int(sorting.column), sorting.descending]
        return chosen and {"columns": self._column_count(), **chosen}

    def restore(self, plain: object) -> None:
        """Arrange as `arrangement` said; what is of another table, or damaged, is taken for the usual. Never raises."""
        count = self._column_count()
        given = _of_fewer_columns(plain, count, self._usually_unwanted) if isinstance(plain, dict) else {}
        order, without = given.get("order"), given.get("without")
        if not _are_columns(order, count) or sorted(order) != list(range(count)):
            order = list(range(count))
        columns = frozenset(without) if _are_columns(without, count) else self._usually_unwanted
        if columns.issuperset(self._named_columns()):
            columns = self._usually_unwanted
        header, model = self.horizontalHeader(), self.model()
        assert header is not None
        self._restoring = True
        try:
            for place, column in enumerate(order):
                header.moveSection(header.visualIndex(column), place)
            self.unwanted = columns
            self.refit()
            if isinstance(model, SortableModel):
                model.set_sorting(_sorting_of(given.get("sorted"), count))
        finally:
            self._restoring = False

    # -- copies and files ---------------------------------------------------------------------------------------------
    def save_csv(self, path: Path) -> None:
        """Write all rows and columns, hidden ones too, with all their digits; OSError where that fails."""
        path.write_text(table_csv(self), encoding="utf-8-sig", newline="")

    def ask_for_csv(self) -> None:
        """Ask where that is to be."""
        name = f"{self.objectName() or 'table'}-{kst_file_stamp()}.csv"
        ask_where_to_save(self, tr("Save as a table"), name, tr("Tables (*.csv)"), self.save_csv)

    # -- menus --------------------------------------------------------------------------------------------------------
    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Open the menu at the mouse, or at the cell that the keyboard is in."""
        viewport = self.viewport()
        if event is None or viewport is None:
            return
        by_mouse = event.reason() is QContextMenuEvent.Reason.Mouse
        self._open_menu(viewport.mapFromGlobal(event.globalPos()) if by_mouse else None)

    def _open_menu(self, place: QPoint | None) -> None:
        viewport = self.viewport()
        assert viewport is not None
        if place is None:
            current = self.visualRect(self.currentIndex()).center()
            place = current if viewport.rect().contains(current) else viewport.rect().center()
        self.menu_at(self.indexAt(place)).popup(viewport.mapToGlobal(place))

    def menu_at(self, index: QModelIndex) -> QMenu:
        """Return the menu of a cell; it deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.rowMenuRequested.emit(menu, index)
        if menu.actions():
            menu.addSeparator()
        selection, model = self.selectionModel(), self.model()
        marked = selection is not None and selection.hasSelection()
        _add(menu, _with_key(tr("Copy"), QKeySequence.StandardKey.Copy), partial(copy_rows, self), possible=marked)
        _add(menu, _with_key(tr("Copy as text"), AS_TEXT), partial(copy_as_text, self), possible=marked)
        cell = str(index.data() or "") if index.isValid() else ""
        if cell:
            _add(menu, tr("Copy “{cell}”", cell=menu_text(cell)), partial(put_on_clipboard, cell))
        rows = 0 if model is None else model.rowCount()
        if self.selectionMode() is self.SelectionMode.ExtendedSelection:
            _add(menu, _with_key(tr("Mark all"), QKeySequence.StandardKey.SelectAll), self.selectAll, possible=rows > 0)
        menu.addSeparator()
        _add(menu, tr("Save as CSV…"), self.ask_for_csv, possible=rows > 0)
        menu.addSeparator()
        self._add_sorting(menu)
        columns = menu.addMenu(tr("Columns"))
        assert columns is not None
        column = index.column() if index.isValid() else self.currentIndex().column()
        self._add_places(columns, column)
        self._add_columns(columns)
        return menu

    def heading_menu(self, column: int) -> QMenu:
        """Return the menu of a heading; it deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        model = self.model()
        if isinstance(model, SortableModel) and 0 <= column < model.columnCount() and model.can_sort(column):
            for descending, words in ((False, tr("Smallest first ▲")), (True, tr("Largest first ▼"))):
                sorting = Sorting(column, descending)
                _add(menu, words, partial(self.set_sorting, sorting), chosen=model.sorting == sorting)
            self._add_usual_order(menu, model)
            menu.addSeparator()
        named = self._named_columns()
        if column in named:
            alone = [each for each in named if each not in self.unwanted] == [column]
            words = tr("Do without “{column}”", column=self._heading(column))
            _add(menu, words, partial(self.want, column, False), possible=not alone)
        self._add_places(menu, column)
        menu.addSeparator()
        self._add_columns(menu)
        return menu

    def _add_sorting(self, menu: QMenu) -> None:
        model = self.model()
        if not isinstance(model, SortableModel):
            return
        inner = menu.addMenu(tr("Sort by"))
        assert inner is not None
        for column in self._named_columns():
            if model.can_sort(column):
                chosen = model.sorting is not None and model.sorting.column == column
                words = self._heading(column) + model.sort_sign(column)
                _add(inner, words, partial(self._on_heading_clicked, column), chosen=chosen)
        inner.addSeparator()
        self._add_usual_order(inner, model)

    def _add_usual_order(self, menu: QMenu, model: SortableModel) -> None:
        _add(menu, tr("As they come"), partial(self.set_sorting, None), chosen=model.sorting is None)

    def _add_places(self, menu: QMenu, column: int) -> None:
        if column in self._named_columns():
            name = self._heading(column)
            _add(menu, tr("“{column}” further to the left", column=name), partial(self.move_column, column, -1))
            _add(menu, tr("“{column}” further to the right", column=name), partial(self.move_column, column, 1))
            menu.addSeparator()

    def _add_columns(self, menu: QMenu) -> None:
        named = self._named_columns()
        wanted = [column for column in named if column not in self.unwanted]
        for column in named:
            words = self._heading(column)
            if column in wanted and self.isColumnHidden(column):
                words = tr("{column} (no room now)", column=words)
            action = _add(menu, words, possible=wanted != [column], chosen=column in wanted)
            action.toggled.connect(partial(self.want, column))
        menu.addSeparator()
        _add(menu, tr("Columns as usual"), self.reset_columns, possible=bool(self.arrangement()))

    # -- inside -------------------------------------------------------------------------------------------------------
    def is_under_mouse(self) -> bool:
        """Whether the mouse is over the rows, also where it has lain since before they were there."""
        viewport = self.viewport()
        if viewport is None or not self.isVisible():
            return False
        return self.underMouse() or (
            self.isActiveWindow() and viewport.rect().contains(viewport.mapFromGlobal(QCursor.pos()))
        )

    def leaveEvent(self, event: QEvent | None) -> None:
        """Put rows into order that were kept in their places."""
        super().leaveEvent(event)
        model = self.model()
        if isinstance(model, SortableModel) and model.is_held and not self.is_under_mouse():
            model.rearrange()

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy to be read; open the menu where the keyboard has no key for it."""
        if event is not None and QKeySequence(event.keyCombination()) == AS_TEXT:
            copy_as_text(self)
            event.accept()
        elif (
            event is not None
            and event.key() == Qt.Key.Key_F10
            and event.modifiers() == Qt.KeyboardModifier.ShiftModifier
        ):
            self._open_menu(None)
            event.accept()
        else:
            super().keyPressEvent(event)

    def _column_count(self) -> int:
        model = self.model()
        return 0 if model is None else model.columnCount()

    def _heading(self, column: int) -> str:
        model = self.model()
        if model is None:
            return ""
        spoken = model.headerData(column, _HORIZONTAL, Qt.ItemDataRole.AccessibleTextRole)
        if spoken:
            return str(spoken)
        if isinstance(model, SortableModel):
            return model.heading(column)
        return str(model.headerData(column, _HORIZONTAL) or "").strip()

    def _named_columns(self) -> list[int]:
        """Return the columns that have a name, in their order on the screen; others (signs, buttons) always stay."""
        header = self.horizontalHeader()
        assert header is not None
        placed = (header.logicalIndex(place) for place in range(header.count()))
        return [column for column in placed if self._heading(column)]

    @pyqtSlot(int)
    def _on_heading_clicked(self, column: int) -> None:
        model = self.model()
        if isinstance(model, SortableModel) and model.can_sort(column):
            self.set_sorting(model.next_sorting(column))

    @pyqtSlot(int, int, int)
    def _on_moved(self, _column: int, _before: int, _after: int) -> None:
        if not self._restoring:
            self.refit()
            self._tell()

    @pyqtSlot(QPoint)
    def _on_header_menu(self, place: QPoint) -> None:
        header = self.horizontalHeader()
        assert header is not None
        self.heading_menu(header.logicalIndexAt(place)).popup(header.mapToGlobal(place))

    def _tell(self) -> None:
        if not self._restoring:
            self.arrangementChanged.emit()


class ColouredDelegate(QStyledItemDelegate):
    """Draws cells as the style does, and those of a marked row in their own colours too."""

    def initStyleOption(self, option: QStyleOptionViewItem | None, index: QModelIndex) -> None:
        """Take the model's colour for the text of a marked row."""
        super().initStyleOption(option, index)
        if option is not None:
            keep_colour(option, index)


def keep_colour(option: QStyleOptionViewItem, index: QModelIndex) -> None:
    """Have a cell that is marked keep the colour that its model gives it; every colour can be read on both grounds."""
    brush = index.data(Qt.ItemDataRole.ForegroundRole)
    if brush is not None and option.state & QStyle.StateFlag.State_Selected:
        option.palette.setBrush(QPalette.ColorRole.HighlightedText, QBrush(brush))


def menu_text(text: str) -> str:
    """Return a text from outside as a menu can have it: short, and no letter of it for the keyboard."""
    short = text if len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"
    return short.replace("&", "&&").replace("\t", " ")


def _with_key(words: str, key: QKeySequence | QKeySequence.StandardKey) -> str:
    return f"{words}\t{QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)}"


def _add(
    menu: QMenu,
    words: str,
    act: Callable[[], object] | None = None,
    *,
    possible: bool = True,
    chosen: bool | None = None,
) -> Any:
    """Add an action; one that is `chosen` or not (rather than None) has a check box."""
    action = menu.addAction(words)
    assert action is not None
    action.setEnabled(possible)
    if chosen is not None:
        action.setCheckable(True)
        action.setChecked(chosen)
    if act is not None:
        action.triggered.connect(lambda _checked=False: act())
    return action


def _of_fewer_columns(plain: dict[str, Any], count: int, unwanted: frozenset[int]) -> dict[str, Any]:
    """Return an arrangement for `count` columns; what was kept of fewer, by an earlier version, goes on to hold.

    The columns that have come since stand last, and are wanted as is usual.
    """
    had = plain.get("columns")
    if type(had) is not int or not 0 < had <= count <= _MOST_COLUMNS:
        return {}
    if had == count:
        return plain
    order, without = plain.get("order"), plain.get("without")
    fresh = list(range(had, count))
    return {
        **plain,
        "order": [*order, *fresh] if _are_columns(order, had) else None,
        "without": sorted({*without, *unwanted.intersection(fresh)}) if _are_columns(without, had) else None,
    }


def _are_columns(value: Any, count: int) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(each) is int and 0 <= each < count for each in value)


def _sorting_of(value: object, count: int) -> Sorting | None:
    if not (isinstance(value, list) and len(value) == 2 and _are_columns(value[:1], count)):
        return None
    return Sorting(value[0], value[1] is True)
