"""In which order the rows of a table stand: as they came, or by a column, and then not under the mouse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from PyQt6.QtCore import QAbstractTableModel, Qt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PyQt6.QtCore import QObject

__all__ = ["SortableModel", "Sorting", "in_order"]

_R = TypeVar("_R")
_SIGNS = {(False, False): " ▲", (True, False): " ▼", (False, True): " △", (True, True): " ▽"}


@dataclass(frozen=True, slots=True)
class Sorting:
    """By which column rows are sorted, and whether the largest comes first."""

    column: int
    descending: bool = False


def in_order(rows: Iterable[_R], key: Callable[[_R], Any], *, descending: bool) -> list[_R]:
    """Return rows sorted by a key; those of equal keys stay as they stood, those without one (None) come last.

    Example:
        >>> in_order(["c", "", "a"], lambda text: text or None, descending=True)
        ['c', 'a', '']
    """
    keyed = [(key(row), row) for row in rows]
    known = [pair for pair in keyed if pair[0] is not None]
    known.sort(key=lambda pair: pair[0], reverse=descending)
    return [row for _, row in known] + [row for found, row in keyed if found is None]


class SortableModel(QAbstractTableModel):
    """A table whose rows can stand in another order than the one they come in.

    Subclasses keep to `sorting` wherever they arrange rows, do so anew in `rearrange`, and put `sort_sign` behind the
    name of a column in its heading. While `may_sort` says no (the mouse is over the rows), they leave each row in its
    place and say so by `hold`.
    """

    may_sort: Callable[[], bool]

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._sorting: Sorting | None = None
        self._held = False
        self.may_sort = lambda: True

    # -- hooks --------------------------------------------------------------------------------------------------------
    def heading(self, column: int) -> str:
        """Return what a column is called, without the sign of the order."""
        raise NotImplementedError

    def can_sort(self, column: int) -> bool:
        """Whether rows can be sorted by a column; by default by each."""
        del column
        return True

    def largest_first(self, column: int) -> bool:
        """Whether the first click on a heading puts the largest, or the newest, first."""
        del column
        return False

    def rearrange(self) -> None:
        """Put the rows into the order that is wanted now."""
        raise NotImplementedError

    # -- for views ----------------------------------------------------------------------------------------------------
    @property
    def sorting(self) -> Sorting | None:
        """What rows are sorted by; None for the usual order."""
        return self._sorting

    def set_sorting(self, sorting: Sorting | None) -> None:
        """Sort by something else, at once and from now on; None for the usual order. What cannot be is ignored."""
        if sorting is not None and not (0 <= sorting.column < self.columnCount() and self.can_sort(sorting.column)):
            return
        self._sorting = sorting
        self._held = False
        self.tell_headings()
        self.rearrange()

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; -1 for the usual order."""
        descending = order is Qt.SortOrder.DescendingOrder
        self.set_sorting(Sorting(column, descending) if column >= 0 else None)

    def next_sorting(self, column: int) -> Sorting | None:
        """Return what another click on a heading sorts by: one way, then the other, then the usual order."""
        first = Sorting(column, self.largest_first(column))
        if self._sorting is None or self._sorting.column != column:
            return first
        return Sorting(column, not first.descending) if self._sorting == first else None

    def sort_sign(self, column: int) -> str:
        """Return what stands behind a heading: ▼ for the largest first; hollow while rows wait to be sorted."""
        sorting = self._sorting
        return "" if sorting is None or sorting.column != column else _SIGNS[sorting.descending, self._held]

    @property
    def is_held(self) -> bool:
        """Whether rows should change places, and do not, because the mouse is over them."""
        return self._held

    def hold(self, held: bool) -> None:
        """Say in the heading whether the order is that of now."""
        if held is not self._held:
            self._held = held
            self.tell_headings()

    def tell_headings(self) -> None:
        """Have the headings drawn anew."""
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)
