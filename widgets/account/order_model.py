"""Own orders as a table: newest on top, all of them or the open ones."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PyQt6.QtGui import QColor

from upbit_ws_qt import safe_text

from ..base.copying import exact_number
from ..base.kst import kst_exact, kst_stamp
from ..base.price_format import DASH, brief_text, full_text, price_text
from ..base.tables import RowsModel
from ..base.text import mark, tr

if TYPE_CHECKING:
    from .order_ledger import KnownOrder

__all__ = ["Column", "MyOrdersModel", "state_text"]

_LONGEST = 40
_STATES = {
    "wait": mark("open"),
    "watch": mark("reserved"),
    "trade": mark("partly filled"),
    "done": mark("filled"),
    "cancel": mark("cancelled"),
    "prevented": mark("reduced"),
}
_TYPES = {"limit": mark("limit"), "price": mark("market"), "market": mark("market"), "best": mark("best")}


class Column(IntEnum):
    """From left to right."""

    TIME = 0
    MARKET = 1
    SIDE = 2
    TYPE = 3
    PRICE = 4
    VOLUME = 5
    FILLED = 6
    AVERAGE = 7
    STATE = 8


class MyOrdersModel(RowsModel["KnownOrder"]):
    """One row per order."""

    headings = (
        mark("Time"), mark("Market"), mark("Side"), mark("Type"), mark("Price"), mark("Volume"), mark("Filled"),
        mark("Average"), mark("State"),
    )  # fmt: skip
    numbers = frozenset({Column.PRICE, Column.VOLUME, Column.FILLED, Column.AVERAGE})
    up = down = muted = QColor()

    def key(self, row: KnownOrder) -> str:
        """Know an order by what the exchange knows it by."""
        return row.event.uuid

    def sort_key(self, row: KnownOrder, column: int) -> Any:
        """Sort figures as figures."""
        event = row.event
        match column:
            case Column.TIME:
                return event.order_timestamp or event.timestamp
            case Column.PRICE:
                return row.price if event.order_type == "limit" else None
            case Column.VOLUME:
                return row.volume
            case Column.FILLED:
                return event.filled_ratio
            case Column.AVERAGE:
                return event.avg_price or None
            case _:
                return super().sort_key(row, column)

    def exact(self, row: KnownOrder, column: int) -> str | None:
        """Return times with their date, figures with all their digits."""
        event = row.event
        match column:
            case Column.TIME:
                return kst_exact(event.order_timestamp or event.timestamp)
            case Column.SIDE:
                return tr("Buy") if event.is_bid else tr("Sell")
            case Column.PRICE:
                return exact_number(row.price) if event.order_type == "limit" else ""
            case Column.VOLUME:
                return exact_number(row.volume)
            case Column.FILLED:
                return exact_number(event.executed_volume)
            case Column.AVERAGE:
                return exact_number(event.avg_price or None)
            case _:
                return None

    def largest_first(self, column: int) -> bool:
        """Begin with the newest, too."""
        return column == Column.TIME or super().largest_first(column)

    def text(self, row: KnownOrder, column: int) -> str:
        """Return what a cell shows."""
        event = row.event
        match column:
            case Column.TIME:
                return kst_stamp(event.order_timestamp or event.timestamp)
            case Column.MARKET:
                return event.code
            case Column.SIDE:
                return "▲ " + tr("Buy") if event.is_bid else "▼ " + tr("Sell")
            case Column.TYPE:
                return tr(_TYPES[event.order_type]) if event.order_type in _TYPES else _foreign(event.order_type)
            case Column.PRICE:
                return price_text(event.code, row.price) if event.order_type == "limit" else DASH
            case Column.VOLUME:
                return brief_text(row.volume, 8)
            case Column.FILLED:
                ratio = event.filled_ratio
                return full_text(event.executed_volume) if ratio is None else f"{ratio * 100:.1f}%"
            case Column.AVERAGE:
                return brief_text(event.avg_price or None, 8)  # between ticks, and with any number of digits
            case _:
                return state_text(row)

    def colour(self, row: KnownOrder, column: int) -> QColor | None:
        """Return red for buying, blue for selling, grey for what is over."""
        if column == Column.SIDE:
            return self.up if row.event.is_bid else self.down
        return None if row.is_open else self.muted

    def hint(self, row: KnownOrder, column: int) -> str:
        """Say more of the state."""
        if column == Column.STATE and row.uncertain:
            return tr("The connection was down since: this may have changed meanwhile.")
        if column == Column.STATE:
            taken = row.event.prevented_volume
            if taken:
                return state_text(row) + "\n" + tr("Self-match prevention took {volume}.", volume=full_text(taken))
            return state_text(row)
        if column in (Column.VOLUME, Column.AVERAGE):
            return full_text(row.volume if column == Column.VOLUME else row.event.avg_price or None)
        return safe_text(row.event.uuid, _LONGEST) if column == Column.MARKET else ""


def state_text(row: KnownOrder) -> str:
    """Return the state of an order in the language in force, with "?" where the line was down since."""
    state = row.event.state
    if state == "trade" and row.event.remaining_volume == 0:
        state = "done"
    text = tr(_STATES[state]) if state in _STATES else _foreign(state)
    return text + " ?" if row.uncertain else text


def _foreign(word: str) -> str:
    """Return a word that this version does not know as the exchange has it."""
    return safe_text(word, _LONGEST)
