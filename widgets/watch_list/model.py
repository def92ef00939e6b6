"""The rows of the watch list: the newest ticker per market, texts made once, changes shown ten times a second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QModelIndex, Qt, QTimer, pyqtSlot

from ..base.copying import COPY_ROLE, EXACT_ROLE, exact_number
from ..base.market_marks import marks_hint, marks_text
from ..base.price_format import arrow, percent_text, price_text, short_money_text
from ..base.sorting import SortableModel, Sorting, in_order
from ..base.text import Language, age_text, current_language, mark, tr
from ..base.tokens import FLASH_SECONDS
from .extra import EXTRA, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from PyQt6.QtCore import QObject

    from upbit_ws_qt import TickerEvent

    from ..base.market_catalog import Market
    from ..base.market_marks import MarketMark
    from .extra import ExtraColumns

__all__ = ["LONGEST_SIGN", "Column", "Row", "WatchListModel"]

FLUSH_MS = 100
RESORT_S = 1.0

_TITLES = (
    "★", mark("Name"), mark("Price"), mark("Change"), mark("24 h"), mark("Day"), mark("Code"), mark("24 h course"),
    mark("Volume"), mark("1 h"), mark("5 min"), mark("1 min"), mark("Spread"), "", mark("Tags"), mark("Note"),
)  # fmt: skip
_ASCENDING, _DESCENDING, _HELD = " ▲", " ▼", "∥"
LONGEST_SIGN = _DESCENDING + _HELD
_USUAL = Sorting(Column.VALUE, descending=True)
_FIGURES = frozenset(
    {Column.PRICE, Column.CHANGE, Column.VALUE, Column.VOLUME, Column.HOUR, Column.FIVE, Column.ONE, Column.SPREAD,
     Column.OWN}
)  # fmt: skip
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(slots=True)
class Row:
    """One market; `event` is None until its first ticker. The texts are those of `rendered`, made when first shown."""

    market: Market
    event: TickerEvent | None = None
    rendered: TickerEvent | None = None
    price: str = "–"
    change: str = ""
    value: str = ""
    sign: int = 0
    flash: int = 0
    flashed_at: float = 0.0
    stale_since: float | None = None
    told: tuple[object, ...] = ()

    @property
    def day(self) -> tuple[float, float, float] | None:
        """Where, between the day's low (0) and high (1), it opened and is now, and the sign of that; None for no range.

        The exchange's own figures: true from the first ticker on, and for the whole day.
        """
        event = self.event
        if event is None or event.high_price <= event.low_price:
            return None
        low, height = event.low_price, event.high_price - event.low_price
        opened, now = (event.opening_price - low) / height, (event.trade_price - low) / height
        return float(opened), float(now), float((now > opened) - (now < opened))

    @property
    def stale_age(self) -> int:
        """Seconds since its last ticker, where it is out of date; 0 where it is not."""
        return 0 if self.stale_since is None else max(0, int(time.monotonic() - self.stale_since))

    def take_changes(self, flashing: bool) -> tuple[int, int] | None:
        """Return the first and the last column that look other than when this was last asked; None for none."""
        if self.rendered is not self.event:
            _render(self)
        look = self.sign, self.stale_since
        now = (
            look[1],  # star and name are marked as out of date too
            (look[1], self.stale_age),
            (self.price, look, flashing and self.flash),
            (self.change, look),
            (self.value, look[1]),
            (self.day, look),
        )
        before, self.told = self.told, now
        if not before:
            return Column.FAVOURITE, Column.DAY
        other = [place for place in range(len(now)) if now[place] != before[place]]
        return (other[0], other[-1]) if other else None


class WatchListModel(SortableModel):
    """Markets by row, sorted at most once a second; usually by what was traded in 24 hours."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._known: dict[str, Row] = {}
        self._order: list[Row] = []
        self._position: dict[str, int] = {}
        self._dirty: set[str] = set()
        self._stale: set[str] = set()
        self._flashing: set[str] = set()
        self._favourites: frozenset[str] = frozenset()
        self._linked = ""
        self._sorted_at = 0.0
        self.marks: Callable[[str], tuple[MarketMark, ...]] = lambda _code: ()
        self.visible: Callable[[], tuple[int, int]] = lambda: (0, len(self._order) - 1)
        self.extra: ExtraColumns | None = None
        """What the columns by choice show; None where nothing is known for them."""
        self.own_heading = ""
        self.flashes = True
        self._flush_timer = QTimer(self)
        self._flush_timer.setInterval(FLUSH_MS)
        self._flush_timer.timeout.connect(self.flush)

    # -- contents -----------------------------------------------------------------------------------------------------
    def set_markets(self, markets: Iterable[Market]) -> None:
        """Show these, keeping what is known of them."""
        self.beginResetModel()
        known = self._known
        self._order = []
        for market in markets:
            row = known.get(market.code)
            if row is None:
                row = known[market.code] = Row(market)
            row.market, row.rendered = market, None  # the language may be another one
            self._order.append(row)
        self._put_in_order(self._sorted())
        self.endResetModel()

    def forget(self) -> None:
        """Know nothing of any market."""
        self._known.clear()
        self._dirty.clear()
        self._stale.clear()
        self._flashing.clear()
        self.set_markets([row.market for row in self._order])

    @property
    def linked(self) -> str:
        """The market that the panels show; empty for none."""
        return self._linked

    def set_linked(self, code: str) -> None:
        """Note which market the panels show: another mark than that of the chosen rows."""
        before, self._linked = self._linked, code
        for each in {before, code}:
            row = self._position.get(each, -1)
            if row >= 0:
                self.dataChanged.emit(self.index(row, 0), self.index(row, len(Column) - 1))

    def set_favourites(self, codes: Iterable[str]) -> None:
        """Mark these with a star."""
        self._favourites = frozenset(codes)
        self._tell_column(Column.FAVOURITE)

    def take(self, event: TickerEvent) -> None:
        """Note a ticker; it is shown at the next flush. Cheap: texts are made only for what is shown."""
        row = self._known.get(event.code)
        if row is None:
            return
        last = row.event
        row.event = event
        row.stale_since = None
        if last is not None and event.trade_price != last.trade_price:
            row.flash = 1 if event.trade_price > last.trade_price else -1
            row.flashed_at = time.monotonic()
        self._dirty.add(event.code)

    def note_marks(self, code: str) -> None:
        """Show that the exchange warns of something else about a market than before."""
        row = self._position.get(code, -1)
        if row >= 0:
            self.dataChanged.emit(self.index(row, Column.NAME), self.index(row, Column.NAME))

    def set_stale(self, codes: Collection[str]) -> None:
        """Take these for out of date until their next ticker: not served by the exchange, or fallen silent.

        They are so since their last ticker, whenever that is noticed.
        """
        for code in codes:
            row = self._known.get(code)
            if row is not None and row.event is not None and row.stale_since is None:
                row.stale_since = row.event.received_at
                self._stale.add(code)
                self._dirty.add(code)

    def run(self, running: bool) -> None:
        """Flush regularly, or (hidden) not at all."""
        if running:
            self._flush_timer.start()
        else:
            self._flush_timer.stop()

    def code_at(self, row: int) -> str | None:
        """Return the market of a row."""
        return self._order[row].market.code if 0 <= row < len(self._order) else None

    def row_of(self, code: str) -> int:
        """Return the row of a market, -1 where it is not shown."""
        return self._position.get(code, -1)

    def row(self, index: int) -> Row:
        """Return what a row shows; its texts by `text`."""
        return self._order[index]

    @property
    def codes(self) -> list[str]:
        """What is shown, top first."""
        return [row.market.code for row in self._order]

    @property
    def newest(self) -> list[tuple[str, TickerEvent]]:
        """The newest ticker of each market that is shown and has one."""
        return [(row.market.code, row.event) for row in self._order if row.event is not None]

    @property
    def has_tickers(self) -> bool:
        """Whether anything of what is shown is known."""
        return any(row.event is not None for row in self._order)

    def is_flashing(self, row: Row) -> bool:
        """Whether a row's price has only just changed."""
        return self.flashes and bool(row.flash) and time.monotonic() - row.flashed_at < FLASH_SECONDS

    # -- flushing and sorting -----------------------------------------------------------------------------------------
    @pyqtSlot()
    def flush(self) -> None:
        """Say which of the visible rows changed; sort where a second has passed."""
        now = time.monotonic()
        self._stale = {code for code in self._stale if self._known[code].stale_since is not None}
        changed = self._dirty | self._flashing | self._stale  # the age of what is out of date grows
        self._dirty = set()
        self._flashing = {code for code in changed if self.is_flashing(self._known[code])}
        if now - self._sorted_at >= RESORT_S:
            self._sorted_at = now
            if not self.may_sort():
                self.hold(any(old is not new for old, new in zip(self._order, self._sorted(), strict=True)))
            elif self._resort():
                return
        first, last = self.visible()
        position = self._position
        for code in changed:
            place = position.get(code, -1)
            if first <= place <= last:
                span = self._known[code].take_changes(self.is_flashing(self._known[code]))
                if span is not None:
                    self.dataChanged.emit(self.index(place, span[0]), self.index(place, span[1]))

    def tell_extra(self) -> None:
        """Have the columns by choice drawn anew, in the rows that are seen."""
        first, last = self.visible()
        if self._order and first <= last:
            last = min(last, len(self._order) - 1)
            self.dataChanged.emit(self.index(first, EXTRA[0]), self.index(last, EXTRA[-1]))

    def rearrange(self) -> None:
        """Sort, now."""
        self._resort()

    def heading(self, column: int) -> str:
        """Return a column's title without the sign of the order."""
        return self.own_heading if column == Column.OWN else tr(_TITLES[column])

    def largest_first(self, column: int) -> bool:
        """Begin with the largest figures, and with the favourites."""
        return column != Column.NAME

    def next_sorting(self, column: int) -> Sorting:
        """Return what another click sorts by: there is no order in which markets come."""
        by = self._order_by
        return Sorting(column, not by.descending if by.column == column else self.largest_first(column))

    def sort_sign(self, column: int) -> str:
        """Return the sign of the order, also of the usual one, and whether rows wait to be sorted."""
        order = self._order_by
        if column != order.column:
            return ""
        return (_DESCENDING if order.descending else _ASCENDING) + (_HELD if self.is_held else "")

    @property
    def _order_by(self) -> Sorting:
        return self.sorting or _USUAL

    def _resort(self) -> bool:
        self.hold(False)
        before, after = self._order, self._sorted()
        if all(old is new for old, new in zip(before, after, strict=True)):
            return False
        self.layoutAboutToBeChanged.emit()  # first: only now do the views register what is marked in them
        kept = self.persistentIndexList()
        self._put_in_order(after)
        moved = [self.index(self._position[before[index.row()].market.code], index.column()) for index in kept]
        self.changePersistentIndexList(kept, moved)
        self.layoutChanged.emit()
        return True

    def _sorted(self) -> list[Row]:
        by = self._order_by
        return in_order(self._order, lambda row: self._key(row, by.column), descending=by.descending)

    def _put_in_order(self, rows: list[Row]) -> None:
        self._order = rows
        self._position = {row.market.code: number for number, row in enumerate(rows)}

    def _key(self, row: Row, column: int) -> Decimal | str | bool | None:
        """Return what a row is sorted by; None for one without a ticker, which stands last."""
        event = row.event
        match column:
            case Column.NAME:
                return row.market.name
            case _ if event is None:
                return None
            case Column.FAVOURITE:
                return row.market.code in self._favourites
            case Column.PRICE:
                return event.trade_price
            case Column.VALUE:
                return event.acc_trade_price_24h
            case Column.VOLUME:
                return event.acc_trade_volume_24h
            case Column.CODE:
                return row.market.code
            case Column.TAGS | Column.NOTE:
                return self.text(row, column) or None
            case _ if column in EXTRA and self.extra is not None:
                return self.extra.number(row.market.code, column)
            case _:
                return event.signed_change_rate

    def _tell_column(self, column: Column) -> None:
        if self._order:
            self.dataChanged.emit(self.index(0, column), self.index(len(self._order) - 1, column))

    # -- QAbstractTableModel ------------------------------------------------------------------------------------------
    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of markets."""
        return 0 if parent.isValid() else len(self._order)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        """Return the number of columns."""
        return 0 if parent.isValid() else len(Column)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> str | Qt.AlignmentFlag | None:
        """Return a column's title."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.heading(section) + self.sort_sign(section)
        if role == Qt.ItemDataRole.ToolTipRole and section == self._order_by.column and self.is_held:
            return tr("Rows keep their places while the mouse is over them; they are sorted anew when it leaves.")
        if role == Qt.ItemDataRole.ToolTipRole and section == Column.DAY:
            return tr("From the day's low to its high: where it opened, and where it is now")
        if role == Qt.ItemDataRole.AccessibleTextRole and section == Column.FAVOURITE:
            return tr("Favourite")
        if role == Qt.ItemDataRole.TextAlignmentRole and section in _FIGURES:
            return _RIGHT
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return a cell's text; colours and lines are the delegate's business."""
        row = self._order[index.row()]
        column = index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self.text(row, column)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _FIGURES:
            return _RIGHT
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(row, column)
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.PRICE:
            return _age_text(row) or None
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.DAY:
            return _day_hint(row) or None
        if role == Qt.ItemDataRole.ToolTipRole and column in EXTRA and self.extra is not None:
            return self.extra.hint(row.market.code, column) or None
        if role == Qt.ItemDataRole.ToolTipRole and column == Column.NAME:
            return self._name_hint(row)
        if role == COPY_ROLE and column == Column.NAME:
            marks = marks_text(self.marks(row.market.code))
            return (
                f"{row.market.code} {row.market.name} {marks}".rstrip()
            )  # by a name alone nobody knows in which currency
        if role == EXACT_ROLE and column in EXTRA:
            return self._exact_extra(row, column)
        return _exact(row, column) if role == EXACT_ROLE else None

    def _exact_extra(self, row: Row, column: int) -> str | None:
        if column in (Column.CODE, Column.TAGS, Column.NOTE):
            return None
        number = self._key(row, column)
        return exact_number(number) if isinstance(number, Decimal) else ""

    def _name_hint(self, row: Row) -> str:
        lines = [f"{row.market.korean_name} · {row.market.english_name} · {row.market.code}"]
        marks = self.marks(row.market.code)
        if marks:
            lines.append(marks_hint(marks))
        if row.market.code == self._linked:
            lines.append(tr("The panels show this market."))
        return "\n".join(lines)

    def text(self, row: Row, column: int) -> str:
        """Return a cell's text."""
        if row.rendered is not row.event:
            _render(row)
        match column:
            case Column.FAVOURITE:
                return "★" if row.market.code in self._favourites else "☆"
            case Column.NAME:
                return row.market.name
            case Column.PRICE:
                return row.price
            case Column.CHANGE:
                return row.change
            case Column.VALUE:
                return row.value
            case _ if column in EXTRA and self.extra is not None:
                event = row.event
                return self.extra.text(row.market.code, column, None if event is None else event.acc_trade_volume_24h)
            case _:
                return ""

    def _spoken(self, row: Row, column: int) -> str:
        if column == Column.FAVOURITE:
            return tr("Favourite") if row.market.code in self._favourites else tr("Not a favourite")
        words = self.text(row, column)
        marks = self.marks(row.market.code) if column == Column.NAME else ()
        if marks:
            words += ". " + marks_hint(marks)
        if column == Column.NAME and row.market.code == self._linked:
            words += ". " + tr("The panels show this market.")
        if column == Column.DAY:
            return _day_hint(row)
        if column == Column.SPARK and self.extra is not None:
            return self.extra.hint(row.market.code, column)
        return f"{words} {_age_text(row) if column == Column.PRICE else ''}".rstrip()


def _exact(row: Row, column: int) -> str | None:
    """Return what a file has for a cell: prices and sums with all their digits, rates as they come (0.01 is 1 %)."""
    event = row.event
    if column <= Column.NAME:
        return None
    if event is None:
        return ""
    figures = {
        Column.PRICE: event.trade_price,
        Column.CHANGE: event.signed_change_rate,
        Column.VALUE: event.acc_trade_price_24h,
    }
    if column in figures:
        return exact_number(figures[Column(column)])
    return f"{exact_number(event.low_price)} – {exact_number(event.high_price)}"


def _day_hint(row: Row) -> str:
    event = row.event
    if event is None:
        return ""
    prices = (event.opening_price, event.low_price, event.high_price)
    opened, low, high = (price_text(event.code, price) for price in prices)
    return tr("Since 09:00 KST: opened at {opened}, lowest {low}, highest {high}", opened=opened, low=low, high=high)


def _age_text(row: Row) -> str:
    if row.stale_since is None:
        return ""
    age = age_text(row.stale_age)
    return tr("Not up to date for {age}: these are the last known values", age=age)


def _render(row: Row) -> None:
    event = row.event
    if event is None:
        return
    row.rendered = event
    rate = event.signed_change_rate
    row.price = price_text(event.code, event.trade_price)
    row.change = f"{arrow(rate)} {percent_text(rate)}".strip()
    row.sign = (rate > 0) - (rate < 0)
    korean = current_language() is Language.KOREAN
    row.value = short_money_text(event.acc_trade_price_24h, korean=korean)
