"""The price grid: tick sizes, rounding to the grid, and the levels by which KRW books can be grouped."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from .numbers import UNIT

if TYPE_CHECKING:
    from collections.abc import Iterable

# Protocol sheet, "Trading rules": KRW tick by price; below 1 a tenth for each tenth, down to 1e-8.
_KRW: list[tuple[int, int]] = [
    (0, 1),
    (UNIT // 100_000, 10),
    (UNIT // 10_000, 100),
    (UNIT // 1000, 1000),
    (UNIT // 100, 10_000),
    (UNIT // 10, 100_000),
    (UNIT, UNIT // 100),
    (10 * UNIT, UNIT // 10),
    (100 * UNIT, UNIT),
    (5_000 * UNIT, 5 * UNIT),
    (10_000 * UNIT, 10 * UNIT),
    (50_000 * UNIT, 50 * UNIT),
    (100_000 * UNIT, 100 * UNIT),
    (500_000 * UNIT, 500 * UNIT),
    (1_000_000 * UNIT, 1000 * UNIT),
]
_USDT: list[tuple[int, int]] = [
    (0, 1),
    (UNIT // 10_000, 10),
    (UNIT // 1000, 100),
    (UNIT // 100, 1000),
    (UNIT // 10, 10_000),
    (UNIT, UNIT // 1000),
    (10 * UNIT, UNIT // 100),
]
# The grids of the other countries are not known: one of the same order of magnitude stands for each.
_GRIDS = {"KRW": _KRW, "IDR": _KRW, "USDT": _USDT, "SGD": _USDT, "THB": _USDT, "BTC": [(0, 1)]}


class Grid:
    """The tick grid of one quote currency; prices are units of 1e-8."""

    __slots__ = ("_from", "_tick", "quote")

    def __init__(self, quote: str) -> None:
        self.quote = quote
        self._from: list[int] = [start for start, _ in _GRIDS[quote]]
        self._tick: list[int] = [tick for _, tick in _GRIDS[quote]]

    def tick(self, price: int) -> int:
        """Return the tick that holds at `price`."""
        return self._tick[bisect_right(self._from, price) - 1]

    def up(self, price: int) -> int:
        """Return the next price above a price on the grid."""
        return price + self._tick[bisect_right(self._from, price) - 1]

    def down(self, price: int) -> int:
        """Return the next price below a price on the grid; 0 when there is none."""
        return price - self._tick[bisect_right(self._from, price - 1) - 1] if price > 0 else 0

    def floor(self, price: int) -> int:
        """Return the highest price on the grid that is not above `price`, but at least one tick."""
        tick = self._tick[bisect_right(self._from, price) - 1]
        return max(price // tick * tick, tick)

    def floors(self, prices: Iterable[float], lowest: int, highest: int) -> list[int]:
        """Return `floor` of many prices, kept between two bounds; history is made of little else."""
        starts, ticks = self._from, self._tick
        found = []
        for price in prices:
            units = int(price)
            tick = ticks[bisect_right(starts, units) - 1]
            units -= units % tick
            found.append(lowest if units < lowest else min(units, highest))
        return found

    def bands(self, low: int, high: int) -> list[int]:
        """Return `low` and every price up to `high` at which another tick begins."""
        return [low, *(start for start in self._from if low < start <= high)]

    def levels(self, price: int) -> tuple[int, ...]:
        """Return the grouping levels offered at `price`, 0 (no grouping) first; only KRW markets have others."""
        if self.quote != "KRW":
            return (0,)
        found, level = [0], self.tick(price) * 10
        while level <= price:
            found.append(level)
            level *= 10
        return tuple(found)


GRIDS = {quote: Grid(quote) for quote in _GRIDS}
