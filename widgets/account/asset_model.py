"""Own assets valued in won, as plain data and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from PyQt6.QtGui import QColor

from upbit_ws_qt import safe_text

from ..base.copying import exact_number
from ..base.kst import kst_clock, kst_exact
from ..base.price_format import DASH, brief_text, full_text, money_text, percent_text, price_text
from ..base.tables import RowsModel
from ..base.text import mark, tr
from .costs import CostBook

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import AccountState, MyAssetEvent, MyOrderEvent, RestAccount

    from .costs import Realised

__all__ = ["WON", "AssetBook", "Column", "Holding", "MyAssetsModel"]

WON = "KRW"
QUOTES = (WON, "BTC", "USDT")
"""What a currency may be priced in, best first; other prices than those in won are converted by KRW-BTC or KRW-USDT."""
_LONGEST = 20
_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(slots=True)
class Holding:
    """One currency of the account.

    Attributes:
        currency: such as "BTC".
        market: that it is valued by, such as "KRW-BTC"; empty for won, and where there is none.
        balance: free to use.
        locked: bound by open orders or withdrawals.
        timestamp: of the newest news, ms.
        price: of one unit, in won; None where it is not known.
        average: what was paid for one unit, in won; None where nobody knows.
        realised: what sales since the panel listens have brought; None where there were no fills.
        uncertain: the line was down since.
    """

    currency: str
    market: str = ""
    balance: Decimal = _ZERO
    locked: Decimal = _ZERO
    timestamp: int = 0
    price: Decimal | None = None
    average: Decimal | None = None
    realised: Realised | None = None
    uncertain: bool = False

    @property
    def total(self) -> Decimal:
        """Free and locked."""
        return self.balance + self.locked

    @property
    def value(self) -> Decimal | None:
        """In won; None where the price is not known."""
        return None if self.price is None else self.total * self.price

    @property
    def cost(self) -> Decimal | None:
        """What was paid for it, in won; None where nobody knows."""
        return None if self.average is None else self.total * self.average

    @property
    def profit(self) -> Decimal | None:
        """What it is worth more (or, negative, less) than was paid for it, in won; before fees."""
        return None if self.value is None or self.cost is None else self.value - self.cost

    @property
    def profit_rate(self) -> Decimal | None:
        """The same as a share of what was paid."""
        return None if self.profit is None or not self.cost else self.profit / self.cost

    @property
    def unpriced(self) -> bool:
        """Whether there is no market at all to value it by."""
        return self.currency != WON and not self.market


class AssetBook:
    """All currencies that the exchange has told of, and the prices that value them."""

    def __init__(self) -> None:
        self._holdings: dict[str, Holding] = {}
        self._prices: dict[str, Decimal] = {}
        self._missing: set[str] = set()
        self.costs = CostBook()

    def __len__(self) -> int:
        return len(self._holdings)

    def take(self, event: MyAssetEvent) -> None:
        """Note what has changed; news older than what is known change nothing."""
        for item in event.assets:
            held = self._holdings.get(item.currency)
            if held is None:
                held = self._holdings[item.currency] = Holding(item.currency)
                self._value(held)
            if event.asset_timestamp >= held.timestamp:
                held.balance, held.locked = item.balance, item.locked
                held.timestamp, held.uncertain = event.asset_timestamp, False

    def set_price(self, market: str, price: Decimal) -> bool:
        """Note the price of a market; return whether that changes anything."""
        if self._prices.get(market) == price:
            return False
        self._prices[market] = price
        self._value_all()
        return True

    def set_missing(self, market: str) -> None:
        """Note that the exchange has no such market: what it would have valued is valued by another."""
        self._missing.add(market)
        self._value_all()

    def take_accounts(self, accounts: Iterable[RestAccount]) -> None:
        """Take over what the exchange says that holdings cost."""
        self.costs.take_accounts(accounts)
        self._value_all()

    def take_fill(self, event: MyOrderEvent) -> bool:
        """Take a fill of an own order in; False for what is none, or is known."""
        taken = self.costs.take_fill(event, self.won_for)
        if taken:
            self._value_all()
        return taken

    def won_for(self, currency: str) -> Decimal | None:
        """Return what one unit of a currency that is paid in is worth in won; None where it is not known."""
        return _ONE if currency == WON else self._prices.get(f"{WON}-{currency}")

    def gain(self) -> tuple[Decimal, Decimal, int]:
        """Return (profit of all holdings whose cost is known, that cost, how many are left out), won apart."""
        held = [each for each in self.held() if each.currency != WON]
        known = [(each.profit, each.cost) for each in held if each.profit is not None and each.cost is not None]
        profit = sum((each for each, _ in known), _ZERO)
        return profit, sum((cost for _, cost in known), _ZERO), len(held) - len(known)

    def doubt(self) -> None:
        """Mark all as uncertain, after a gap."""
        for held in self._holdings.values():
            held.uncertain = True

    def trust(self, state: AccountState) -> None:
        """Be certain again, after a gap that was healed; what the account has none of any more is gone."""
        for held in self._holdings.values():
            if state.balance(held.currency) is None:
                held.balance = held.locked = _ZERO
            held.uncertain = False

    def held(self) -> list[Holding]:
        """Return what there is anything of: won first, then by value."""
        found = [each for each in self._holdings.values() if each.total]
        found.sort(key=lambda each: (each.currency != WON, -(each.value or _ZERO), each.currency))
        return found

    def wanted_markets(self) -> list[str]:
        """Return the markets that value what there is, sorted."""
        own = {each.market for each in self.held() if each.market}
        return sorted(own | {_rate_of(market) for market in own} - {""})

    def total(self) -> tuple[Decimal, int]:
        """Return (value of all in won, how many currencies it leaves out)."""
        values = [each.value for each in self.held()]
        known = [value for value in values if value is not None]
        return sum(known, _ZERO), len(values) - len(known)

    def _value_all(self) -> None:
        for held in self._holdings.values():
            self._value(held)

    def _value(self, held: Holding) -> None:
        if held.currency == WON:
            held.price = _ONE
            return
        markets = (f"{quote}-{held.currency}" for quote in QUOTES if quote != held.currency)
        held.market = next((each for each in markets if not self._missing & {each, _rate_of(each)}), "")
        price, rate = self._prices.get(held.market), _rate_of(held.market)
        factor = self._prices.get(rate) if rate else _ONE
        held.price = None if price is None or factor is None else price * factor
        paid = self.costs.average(held.currency)
        unit = None if paid is None else self.won_for(paid[1])
        held.average = None if paid is None or unit is None else paid[0] * unit
        held.realised = self.costs.realised(held.currency)


def _rate_of(market: str) -> str:
    """Return the market that turns another one's prices into won; empty where they are in won."""
    quote = market.partition("-")[0]
    return f"{WON}-{quote}" if quote not in ("", WON) else ""


class Column(IntEnum):
    """From left to right."""

    CURRENCY = 0
    TOTAL = 1
    LOCKED = 2
    AVERAGE = 3
    PRICE = 4
    VALUE = 5
    PROFIT = 6
    RATE = 7
    SHARE = 8
    REALISED = 9
    TIME = 10


class MyAssetsModel(RowsModel[Holding]):
    """One row per currency."""

    headings = (
        mark("Currency"), mark("Holding"), mark("In orders"), mark("Average"), mark("Price"), mark("Value (KRW)"),
        mark("Profit (KRW)"), mark("Profit"), mark("Share"), mark("Realised (KRW)"), mark("As of"),
    )  # fmt: skip
    numbers = frozenset(Column) - {Column.CURRENCY, Column.TIME}
    up = down = muted = QColor()
    whole = _ZERO
    """Value of all, in won."""

    def key(self, row: Holding) -> str:
        """Know a row by its currency."""
        return row.currency

    def sort_key(self, row: Holding, column: int) -> Any:
        """Sort figures as figures."""
        match column:
            case Column.TOTAL:
                return row.total
            case Column.LOCKED:
                return row.locked
            case Column.PRICE:
                return row.price
            case Column.AVERAGE:
                return row.average
            case Column.PROFIT:
                return row.profit
            case Column.RATE:
                return row.profit_rate
            case Column.REALISED:
                return None if row.realised is None else row.realised.profit
            case Column.VALUE | Column.SHARE:
                return row.value
            case Column.TIME:
                return row.timestamp
            case _:
                return super().sort_key(row, column)

    def exact(self, row: Holding, column: int) -> str | None:
        """Return times with their date, figures with all their digits."""
        match column:
            case Column.TOTAL:
                return exact_number(row.total)
            case Column.LOCKED:
                return exact_number(row.locked)
            case Column.PRICE:
                return exact_number(row.price)
            case Column.AVERAGE:
                return exact_number(row.average)
            case Column.VALUE:
                return exact_number(row.value)
            case Column.PROFIT:
                return exact_number(row.profit)
            case Column.RATE:
                return exact_number(row.profit_rate)
            case Column.REALISED:
                return exact_number(None if row.realised is None else row.realised.profit)
            case Column.TIME:
                return kst_exact(row.timestamp)
            case _:
                return None

    def largest_first(self, column: int) -> bool:
        """Begin with the newest, too."""
        return column == Column.TIME or super().largest_first(column)

    def text(self, row: Holding, column: int) -> str:
        """Return what a cell shows."""
        match column:
            case Column.CURRENCY:
                return safe_text(row.currency, _LONGEST)
            case Column.TOTAL:
                return _amount(row, row.total)
            case Column.LOCKED:
                return _amount(row, row.locked) if row.locked else DASH
            case Column.AVERAGE:
                return DASH if row.average is None else brief_text(row.average, 8)
            case Column.PRICE:
                return _price(row)
            case Column.PROFIT:
                return _signed_money(row.profit)
            case Column.RATE:
                return percent_text(row.profit_rate)
            case Column.REALISED:
                return _signed_money(None if row.realised is None else row.realised.profit)
            case Column.VALUE:
                return money_text(WON, row.value)
            case Column.SHARE:
                value = row.value
                return DASH if value is None or not self.whole else f"{value / self.whole * 100:.1f}%"
            case _:
                return kst_clock(row.timestamp) + (" ?" if row.uncertain else "")

    def colour(self, row: Holding, column: int) -> QColor | None:
        """Return the colours of profit and loss, and grey for what is beside the point."""
        realised = None if row.realised is None else row.realised.profit
        gain = realised if column == Column.REALISED else row.profit
        if column in (Column.PROFIT, Column.RATE, Column.REALISED) and gain:
            return self.up if gain > 0 else self.down
        return self.muted if column in (Column.TIME, Column.LOCKED) or row.value is None else None

    def hint(self, row: Holding, column: int) -> str:
        """Say all digits, and why there is no value."""
        if column in (Column.TOTAL, Column.LOCKED):
            return full_text(row.total if column == Column.TOTAL else row.locked)
        if column == Column.REALISED and row.realised is not None:
            told = tr("Sales since the panel listens, after fees; fees of all fills: {fees} KRW.",
                      fees=money_text(WON, row.realised.fees))  # fmt: skip
            unknown = row.realised.unknown
            return told + ("\n" + tr("%n sales are not in it: what was paid is not known.", unknown) if unknown else "")
        if column in (Column.AVERAGE, Column.PROFIT, Column.RATE):
            if row.currency != WON and row.average is None:
                return tr("The exchange does not say what was paid for it.")
            return full_text(row.average) if column == Column.AVERAGE else tr("At the present price, before fees.")
        if row.unpriced and column in (Column.PRICE, Column.VALUE):
            return tr("No market of the exchange trades it: it has no value in won.")
        rate = _rate_of(row.market)
        if rate and column in (Column.PRICE, Column.VALUE):
            return tr("Valued by {market} and {rate}: there is no KRW market.", market=row.market, rate=rate)
        if row.uncertain and column == Column.TIME:
            return tr("The connection was down since: this may have changed meanwhile.")
        return ""


def _price(row: Holding) -> str:
    if row.currency == WON:
        return DASH
    if row.unpriced:
        return tr("no market")
    if row.price is not None and _rate_of(row.market):
        return "≈ " + brief_text(row.price)
    return price_text(WON, row.price)


def _signed_money(amount: Decimal | None) -> str:
    text = money_text(WON, amount)
    return "+" + text if amount is not None and amount > 0 and text != "0" else text


def _amount(row: Holding, amount: Decimal) -> str:
    """Return whole won, and so much of the rest as can be read; all 20 decimals are in the hint."""
    return money_text(WON, amount) if row.currency == WON else brief_text(amount, 9)
