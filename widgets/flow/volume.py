"""Volume by price, exact to the last digit: profiles, footprints and averages weighted by it; no Qt."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .trades import FlowTrade

__all__ = ["Average", "Bar", "Cell", "Footprints", "Row", "VolumeProfile", "grouped"]

EXACT = Context(prec=120, traps=[Inexact])
"""Sums and products lose no digit; if one ever did, it would be an error and not a wrong figure."""
_ROUGH = Context(prec=40)
_ZERO = Decimal(0)
VALUE_AREA = Decimal("0.7")
IMBALANCE = Decimal(3)
"""So many times what was sold a step below is bought, or the other way round, for a price to be marked."""


class Cell(NamedTuple):
    """What was traded at a price: bought and sold by takers."""

    bought: Decimal
    sold: Decimal

    @property
    def total(self) -> Decimal:
        """Both."""
        return EXACT.add(self.bought, self.sold)

    @property
    def delta(self) -> Decimal:
        """What was bought less what was sold."""
        return EXACT.subtract(self.bought, self.sold)

    def with_trade(self, trade: FlowTrade) -> Cell:
        """Return it with one more trade."""
        if trade.is_buy:
            return Cell(EXACT.add(self.bought, trade.volume), self.sold)
        return Cell(self.bought, EXACT.add(self.sold, trade.volume))

    def plus(self, other: Cell) -> Cell:
        """Return the sum of both."""
        return Cell(EXACT.add(self.bought, other.bought), EXACT.add(self.sold, other.sold))


NOTHING = Cell(_ZERO, _ZERO)


class Row(NamedTuple):
    """A price, or a step of prices, of a footprint or profile.

    Attributes:
        price: its lower edge.
        cell: what was traded in it.
        buyers_ahead: whether far more was bought here than sold a step below.
        sellers_ahead: whether far more was sold here than bought a step above.
    """

    price: Decimal
    cell: Cell
    buyers_ahead: bool = False
    sellers_ahead: bool = False


class VolumeProfile:
    """What was traded at each price.

    Attributes:
        cells: by price, exact.
        whole: the sum of all.
    """

    def __init__(self, trades: Iterable[FlowTrade] = ()) -> None:
        self.cells: dict[Decimal, Cell] = {}
        self.whole = NOTHING
        for trade in trades:
            self.take(trade)

    def take(self, trade: FlowTrade) -> None:
        """Add a trade."""
        self.cells[trade.price] = self.cells.get(trade.price, NOTHING).with_trade(trade)
        self.whole = self.whole.with_trade(trade)

    def rows(self, step: Decimal = _ZERO) -> list[Row]:
        """Return the prices, highest first, in steps of so much (0 for each price by itself), with who was ahead."""
        cells = grouped(self.cells, step)
        prices = sorted(cells, reverse=True)
        rows = []
        for place, price in enumerate(prices):
            cell = cells[price]
            below = cells[prices[place + 1]] if place + 1 < len(prices) else NOTHING
            above = cells[prices[place - 1]] if place else NOTHING
            buyers = bool(below.sold) and cell.bought >= IMBALANCE * below.sold
            sellers = bool(above.bought) and cell.sold >= IMBALANCE * above.bought
            rows.append(Row(price, cell, buyers, sellers))
        return rows

    @staticmethod
    def control(rows: Iterable[Row]) -> Row | None:
        """Return the row in which most was traded (the point of control), the higher of two; None for none."""
        return max(rows, key=lambda row: (row.cell.total, row.price), default=None)

    @classmethod
    def value_area(cls, rows: list[Row], share: Decimal = VALUE_AREA) -> tuple[Decimal, Decimal] | None:
        """Return the lowest and highest row around the point of control that hold a share of all; None for none."""
        control = cls.control(rows)
        if control is None:
            return None
        first = last = rows.index(control)
        held, wanted = control.cell.total, share * sum((row.cell.total for row in rows), _ZERO)
        while held < wanted:
            above = rows[first - 1].cell.total if first else None
            below = rows[last + 1].cell.total if last + 1 < len(rows) else None
            if above is None and below is None:
                break
            if below is None or (above is not None and above >= below):
                first -= 1
                held += above or _ZERO
            else:
                last += 1
                held += below
        return rows[last].price, rows[first].price


class Bar(VolumeProfile):
    """The trades of one span of time: a candle, and what was traded at each of its prices.

    Attributes:
        start: seconds since 1970.
        opening, high, low, close: of its trades.
    """

    def __init__(self, start: int) -> None:
        super().__init__()
        self.start = start
        self.opening = self.high = self.low = self.close = _ZERO
        self._first: FlowTrade | None = None
        self._last: FlowTrade | None = None

    def take(self, trade: FlowTrade) -> None:
        """Add a trade, whether it is later or earlier than those before."""
        super().take(trade)
        if self._first is None or trade < self._first:
            self._first, self.opening = trade, trade.price
        if self._last is None or trade > self._last:
            self._last, self.close = trade, trade.price
        self.high = max(self.high, trade.price) if self.high else trade.price
        self.low = min(self.low, trade.price) if self.low else trade.price


class Average:
    """The price weighted by volume, and how far prices lie from it."""

    def __init__(self) -> None:
        self._volume = self._funds = self._squares = _ZERO

    def take(self, price: Decimal, volume: Decimal) -> None:
        """Add a trade."""
        funds = EXACT.multiply(price, volume)
        self._volume = EXACT.add(self._volume, volume)
        self._funds = EXACT.add(self._funds, funds)
        self._squares = EXACT.add(self._squares, EXACT.multiply(price, funds))

    @property
    def volume(self) -> Decimal:
        """All that was traded."""
        return self._volume

    @property
    def funds(self) -> Decimal:
        """What was paid for it."""
        return self._funds

    @property
    def price(self) -> Decimal | None:
        """The average; None before the first trade."""
        return _ROUGH.divide(self._funds, self._volume) if self._volume else None

    @property
    def deviation(self) -> Decimal:
        """The standard deviation of the price, weighted by volume."""
        price = self.price
        if price is None:
            return _ZERO
        spread = _ROUGH.subtract(_ROUGH.divide(self._squares, self._volume), _ROUGH.multiply(price, price))
        return _ROUGH.sqrt(max(spread, _ZERO))


class Footprints:
    """Bars of one length, in the order of their times.

    Args:
        seconds: of a bar.
    """

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        self._bars: dict[int, Bar] = {}
        self._order: list[Bar] | None = None

    def take(self, trade: FlowTrade) -> Bar:
        """Add a trade to its bar, and return that."""
        start = trade.ms // 1000 // self.seconds * self.seconds
        bar = self._bars.get(start)
        if bar is None:
            bar = self._bars[start] = Bar(start)
            self._order = None
        bar.take(trade)
        return bar

    @property
    def bars(self) -> list[Bar]:
        """All of them, oldest first."""
        if self._order is None:
            self._order = sorted(self._bars.values(), key=lambda bar: bar.start)
        return self._order

    def cumulative(self) -> list[Decimal]:
        """Return after each bar what was bought less what was sold since the first one."""
        total, found = _ZERO, []
        for bar in self.bars:
            total = EXACT.add(total, bar.whole.delta)
            found.append(total)
        return found

    def averages(self) -> list[tuple[Decimal, Decimal]]:
        """Return after each bar the average price by volume since the first one, and the deviation from it."""
        average, found = Average(), []
        for bar in self.bars:
            for price, cell in bar.cells.items():
                average.take(price, cell.total)
            found.append((average.price or _ZERO, average.deviation))
        return found


def grouped(cells: dict[Decimal, Cell], step: Decimal) -> dict[Decimal, Cell]:
    """Return cells by steps of price, each under its lower edge; a step of 0 leaves each price by itself."""
    if not step:
        return dict(cells)
    found: dict[Decimal, Cell] = {}
    for price, cell in cells.items():
        edge = price // step * step
        found[edge] = found.get(edge, NOTHING).plus(cell)
    return found
