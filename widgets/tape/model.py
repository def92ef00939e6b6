"""The latest trades of one market: a ring of 500, filtered by size, as a Qt table model that is told in batches."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QModelIndex, QObject, Qt
from PyQt6.QtGui import QColor

from ..base.copying import EXACT_ROLE, exact_number
from ..base.kst import kst_clock, kst_exact
from ..base.price_format import arrow, money_text, price_text, quote_of, volume_decimals, volume_text
from ..base.sorting import SortableModel, in_order
from ..base.text import mark, tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import TradeEvent

__all__ = ["Column", "TapeModel", "TapeRow"]

CAPACITY = 500
_HEADINGS = (mark("Time"), mark("Price"), mark("Volume"), mark("Amount"), mark("Side"))
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_ROOT = QModelIndex()


class Column(IntEnum):
    """From left to right."""

    TIME = 0
    PRICE = 1
    VOLUME = 2
    FUNDS = 3
    SIDE = 4
    """Of who took; the arrow beside the volume says the same, so that a tape usually does without."""


@dataclass(frozen=True, slots=True)
class TapeRow:
    """One trade, or, without one, a place where some may be missing.

    Attributes:
        trade: None for such a place.
        heals: whether what is missing there may still come.
    """

    trade: TradeEvent | None
    heals: bool = False

    def texts(self) -> tuple[str, ...]:
        """Return what the columns show."""
        trade = self.trade
        if trade is None:
            return tr("gap"), "", "", "", ""
        side = 1 if trade.ask_bid == "BID" else -1
        return (
            kst_clock(trade.trade_timestamp) + ("↺" if trade.recovered else ""),
            price_text(trade.code, trade.trade_price),
            f"{arrow(side)} {volume_text(trade.trade_volume, volume_decimals(trade.code, trade.trade_price))}",
            money_text(quote_of(trade.code), trade.funds),
            tr("Buy") if side > 0 else tr("Sell"),
        )

    def exact(self) -> tuple[str, ...]:
        """Return what a file has in the columns."""
        trade = self.trade
        if trade is None:
            return self.texts()
        figures = (trade.trade_price, trade.trade_volume, trade.funds)
        return kst_exact(trade.trade_timestamp), *map(exact_number, figures), self.texts()[Column.SIDE]

    def sort_key(self, column: int) -> Any:
        """Return what is sorted by; None for a gap, which is about none of the trades."""
        trade = self.trade
        if trade is None:
            return None
        return (
            (trade.trade_timestamp, trade.sequential_id),
            trade.trade_price,
            trade.trade_volume,
            trade.funds,
            trade.ask_bid,
        )[column]


def _traded_at(row: TapeRow) -> int:
    return row.trade.trade_timestamp if row.trade is not None else 0


class TapeModel(SortableModel):
    """Takes trades at any rate and tells its views of them when `flush` is called; usually the newest first."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._all: deque[TapeRow] = deque(maxlen=CAPACITY)
        self._matching: deque[TapeRow] = deque(maxlen=CAPACITY)
        self._rows: list[TapeRow] = []
        self._texts: list[tuple[str, ...] | None] = []
        self._ids: deque[int] = deque(maxlen=CAPACITY)
        self._known: set[int] = set()
        self._least = Decimal(0)
        self._fresh = 0
        self._dim: QColor | None = None
        self._colours = (QColor(), QColor(), QColor())

    # -- what comes in ------------------------------------------------------------------------------------------------
    def take(self, trade: TradeEvent) -> bool:
        """Note a trade; return False for one that is known already."""
        if trade.sequential_id in self._known:
            return False
        if len(self._ids) == CAPACITY:
            self._known.discard(self._ids[0])
        self._ids.append(trade.sequential_id)
        self._known.add(trade.sequential_id)
        self._put(TapeRow(trade))
        return True

    def put_before(self, trades: Iterable[TradeEvent]) -> None:
        """Put trades of before, oldest first, in front of those that are known; the latest 500 of all stay."""
        known = [row for row in self._all if row.trade is not None]
        self._all.clear()
        self._matching.clear()
        self._ids.clear()
        self._known.clear()
        for trade in trades:
            self.take(trade)
        for row in known:
            assert row.trade is not None
            self.take(row.trade)

    def break_off(self, *, heals: bool = False) -> None:
        """Note that trades may be missing from here on; once, however often it is said in a row.

        `heals` says that they may still come, and `mend` be called when they have.
        """
        if self._all and self._all[-1].trade is not None:
            self._put(TapeRow(None, heals))

    def mend(self) -> None:
        """Note that what was missed has come; where it came late it is put where it belongs."""
        if any(row.heals for row in self._all):
            rows = [row for row in self._all if not row.heals]
            if all(row.trade is not None for row in rows):
                rows.sort(key=_traded_at)  # trades of one moment keep the order in which they came
            self._all = deque(rows, CAPACITY)
            self._matching = deque((row for row in rows if self._matches(row)), CAPACITY)
            self._fresh += 1
            self.flush()

    def _put(self, row: TapeRow) -> None:
        self._all.append(row)
        if self._matches(row):
            self._matching.append(row)
            self._fresh += 1

    @property
    def oldest_ms(self) -> int | None:
        """When the first of the trades that are known was made, ms since 1970; None for none."""
        first = self._all[0].trade if self._all else None
        return None if first is None else first.trade_timestamp

    @property
    def fresh(self) -> int:
        """How many rows have come since the last `flush`."""
        return self._fresh

    @property
    def least(self) -> Decimal:
        """The smallest amount that is shown."""
        return self._least

    def set_least(self, amount: Decimal) -> None:
        """Show only trades of this amount (in the quote currency) and more, of the last 500 and from now on."""
        self._least = amount
        self._matching = deque((row for row in self._all if self._matches(row)), CAPACITY)
        self._fresh += 1
        self.flush()

    def clear(self) -> None:
        """Forget all."""
        self._all.clear()
        self._matching.clear()
        self._ids.clear()
        self._known.clear()
        self._fresh += 1
        self.flush()

    def _matches(self, row: TapeRow) -> bool:
        return row.trade is None or not self._least or row.trade.funds >= self._least

    # -- what goes out ------------------------------------------------------------------------------------------------
    def flush(self) -> bool:
        """Tell the views what has come; return whether anything had."""
        if not self._fresh:
            return False
        added = self._fresh
        self._fresh = 0
        rows = self._wanted()
        before, after = len(self._rows), len(rows)
        gone = before + added - after
        if not 0 <= gone <= before or rows[added:] != self._rows[: before - gone]:
            self._show_others(rows)
            return True
        texts = [*([None] * added), *self._texts[: before - gone]]
        if before == after and not self.persistentIndexList():
            # Nothing is marked: that other trades stand in the same places is all that there is to tell.
            self._rows, self._texts = rows, texts
            self.dataChanged.emit(self.index(0, 0), self.index(after - 1, len(Column) - 1))
        else:
            if gone:
                self.beginRemoveRows(_ROOT, before - gone, before - 1)
                del self._rows[before - gone :], self._texts[before - gone :]
                self.endRemoveRows()
            self.beginInsertRows(_ROOT, 0, added - 1)
            self._rows, self._texts = rows, texts
            self.endInsertRows()
        return True

    def _wanted(self) -> list[TapeRow]:
        newest_first = list(reversed(self._matching))
        sorting = self.sorting
        if sorting is None:
            return newest_first
        return in_order(newest_first, lambda row: row.sort_key(sorting.column), descending=sorting.descending)

    def rearrange(self) -> None:
        """Put what is listed into the order that is wanted now; what is marked stays with its trade."""
        self.flush()
        rows = self._wanted()
        before = self._rows
        self.layoutAboutToBeChanged.emit()  # first: only now do the views register what is marked in them
        old = self.persistentIndexList()
        places = {id(row): place for place, row in enumerate(rows)}
        new = [self.index(places[id(before[index.row()])], index.column()) for index in old]
        self._rows, self._texts = rows, [None] * len(rows)
        self.changePersistentIndexList(old, new)
        self.layoutChanged.emit()

    def heading(self, column: int) -> str:
        """Return what a column is called."""
        return tr(_HEADINGS[column])

    def largest_first(self, column: int) -> bool:
        """Begin with the newest, and the largest."""
        return column != Column.SIDE

    def _show_others(self, rows: list[TapeRow]) -> None:
        """Show other trades than before, in the same order; what is marked stays with those that are still there."""
        if not rows or not self._rows or (self.sorting is None and not self.persistentIndexList()):
            self.beginResetModel()
            self._rows, self._texts = rows, [None] * len(rows)
            self.endResetModel()
            return
        kept = set(map(id, rows))
        for place in reversed(range(len(self._rows))):
            if id(self._rows[place]) not in kept:
                self.beginRemoveRows(_ROOT, place, place)
                del self._rows[place], self._texts[place]
                self.endRemoveRows()
        for place, row in enumerate(rows):
            if place >= len(self._rows) or self._rows[place] is not row:
                self.beginInsertRows(_ROOT, place, place)
                self._rows.insert(place, row)
                self._texts.insert(place, None)
                self.endInsertRows()

    def set_colours(self, up: QColor, down: QColor, muted: QColor) -> None:
        """Draw in other colours."""
        self._colours = (up, down, muted)
        self.retranslate()

    def set_dim(self, colour: QColor | None) -> None:
        """Draw all texts in this colour, because they are out of date; None for their own colours."""
        self._dim = colour
        self.retranslate()

    @property
    def is_stale(self) -> bool:
        """Whether what is shown is out of date."""
        return self._dim is not None

    def retranslate(self) -> None:
        """Say and draw everything anew."""
        self._texts = [None] * len(self._rows)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(Column) - 1)
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, len(Column) - 1))

    def row(self, place: int) -> TapeRow:
        """Return a row; 0 is the newest."""
        return self._rows[place]

    def text(self, place: int, column: int) -> str:
        """Return what a cell shows; made when it is first seen."""
        texts = self._texts[place]
        if texts is None:
            texts = self._texts[place] = self._rows[place].texts()
        return texts[column]

    def colour(self, place: int, column: int) -> QColor | None:
        """Return the colour of a cell's text, None for the usual one."""
        up, down, muted = self._colours
        trade = self._rows[place].trade
        if self._dim is not None:
            return self._dim
        if trade is None or column == Column.TIME:
            return muted
        if column == Column.PRICE:
            return up if trade.change == "RISE" else down if trade.change == "FALL" else None
        return up if trade.ask_bid == "BID" else down

    # -- what Qt asks -------------------------------------------------------------------------------------------------
    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        """How many trades are shown."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        """Time, price, volume, amount, side."""
        return 0 if parent.isValid() else len(Column)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour and alignment of a cell."""
        if not index.isValid():
            return None
        place, column = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(place, column)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT
        if role == Qt.ItemDataRole.ForegroundRole:
            return self.colour(place, column)
        return self._rows[place].exact()[column] if role == EXACT_ROLE else None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Name of a column."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.heading(section) + self.sort_sign(section)
        return _RIGHT if role == Qt.ItemDataRole.TextAlignmentRole else None
