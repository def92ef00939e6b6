"""Own assets valued in won, as plain data and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING

from PyQt6.QtGui import QColor

from upbit_ws_qt import safe_text
from widgets.kst import kst_clock
from widgets.price_format import DASH, full_text, money_text, price_text
from widgets.tables import RowsModel
from widgets.text import mark, tr

if TYPE_CHECKING:
    from upbit_ws_qt import MyAssetEvent

__all__ = ["WON", "AssetBook", "Column", "Holding", "MyAssetsModel", "market_of"]

WON = "KRW"
_LONGEST = 20
_ZERO, _ONE = Decimal(0), Decimal(1)


def market_of(currency: str) -> str:
    """Return the market that a currency is valued by."""
    return f"{WON}-{currency}"


@dataclass(slots=True)
class Holding:
    """One currency of the account.

    Attributes:
        currency: such as "BTC".
        balance: free to use.
        locked: bound by open orders or withdrawals.
        timestamp: of the newest news, ms.
        price: of one unit, in won; None where it is not known.
        unpriced: whether there is no market in won to value it by.
        uncertain: the line was down since.
    """

    currency: str
    balance: Decimal = _ZERO
    locked: Decimal = _ZERO
    timestamp: int = 0
    price: Decimal | None = None
    unpriced: bool = False
    uncertain: bool = False

    @property
    def total(self) -> Decimal:
        """Free and locked."""
        return self.balance + self.locked

    @property
    def value(self) -> Decimal | None:
        """In won; None where the price is not known."""
        return None if self.price is None else self.total * self.price


class AssetBook:
    """All currencies that the exchange has told of."""

    def __init__(self) -> None:
        self._holdings: dict[str, Holding] = {}

    def __len__(self) -> int:
        return len(self._holdings)

    def take(self, event: MyAssetEvent) -> None:
        """Note what has changed; news older than what is known change nothing."""
        for item in event.assets:
            held = self._holdings.get(item.currency)
            if held is None:
                held = self._holdings[item.currency] = Holding(item.currency)
                held.price = _ONE if item.currency == WON else None
            if event.asset_timestamp >= held.timestamp:
                held.balance, held.locked = item.balance, item.locked
                held.timestamp, held.uncertain = event.asset_timestamp, False

    def set_price(self, currency: str, price: Decimal) -> bool:
        """Value a currency; return whether that changes anything."""
        held = self._holdings.get(currency)
        if held is None or held.price == price:
            return False
        held.price, held.unpriced = price, False
        return True

    def set_unpriced(self, currency: str) -> None:
        """Note that the exchange has no market in won for a currency."""
        held = self._holdings.get(currency)
        if held is not None:
            held.price, held.unpriced = None, True

    def doubt(self) -> None:
        """Mark all as uncertain, after a gap."""
        for held in self._holdings.values():
            held.uncertain = True

    def held(self) -> list[Holding]:
        """Return what there is anything of: won first, then by value."""
        found = [each for each in self._holdings.values() if each.total]
        found.sort(key=lambda each: (each.currency != WON, -(each.value or _ZERO), each.currency))
        return found

    def wanted_markets(self) -> list[str]:
        """Return the markets that value what there is, sorted."""
        return sorted(market_of(each.currency) for each in self.held() if each.currency != WON and not each.unpriced)

    def total(self) -> tuple[Decimal, int]:
        """Return (value of all in won, how many currencies it leaves out)."""
        values = [each.value for each in self.held()]
        known = [value for value in values if value is not None]
        return sum(known, _ZERO), len(values) - len(known)


class Column(IntEnum):
    """From left to right."""

    CURRENCY = 0
    TOTAL = 1
    LOCKED = 2
    PRICE = 3
    VALUE = 4
    SHARE = 5
    TIME = 6


class MyAssetsModel(RowsModel[Holding]):
    """One row per currency."""

    headings = (
        mark("Currency"), mark("Holding"), mark("In orders"), mark("Price"), mark("Value (KRW)"), mark("Share"),
        mark("As of"),
    )  # fmt: skip
    numbers = frozenset({Column.TOTAL, Column.LOCKED, Column.PRICE, Column.VALUE, Column.SHARE})
    muted = QColor()
    whole = _ZERO
    """Value of all, in won."""

    def text(self, row: Holding, column: int) -> str:
        """Return what a cell shows."""
        match column:
            case Column.CURRENCY:
                return safe_text(row.currency, _LONGEST)
            case Column.TOTAL:
                return _amount(row, row.total)
            case Column.LOCKED:
                return _amount(row, row.locked) if row.locked else DASH
            case Column.PRICE:
                return DASH if row.currency == WON else price_text(market_of(row.currency), row.price)
            case Column.VALUE:
                return money_text(WON, row.value)
            case Column.SHARE:
                value = row.value
                return DASH if value is None or not self.whole else f"{value / self.whole * 100:.1f}%"
            case _:
                return kst_clock(row.timestamp) + (" ?" if row.uncertain else "")

    def colour(self, row: Holding, column: int) -> QColor | None:
        """Return grey for what is beside the point."""
        return self.muted if column in (Column.TIME, Column.LOCKED) or row.value is None else None

    def hint(self, row: Holding, column: int) -> str:
        """Say all digits, and why there is no value."""
        if column in (Column.TOTAL, Column.LOCKED):
            return full_text(row.total if column == Column.TOTAL else row.locked)
        if row.unpriced and column in (Column.PRICE, Column.VALUE):
            return tr("There is no KRW market to value it by.")
        if row.uncertain and column == Column.TIME:
            return tr("The connection was down since: this may have changed meanwhile.")
        return ""


def _amount(row: Holding, amount: Decimal) -> str:
    """Return whole won, and at most eight decimals of the rest; all 20 are in the hint."""
    return money_text(WON, amount) if row.currency == WON else full_text(round(amount, 8))
