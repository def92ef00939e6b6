"""A live order book: best prices that move on the grid, sizes eaten and refilled, depth behind what is shown."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from upbit_ws_qt.exchange.messages import BOOK_LEVELS, BookSide

from .numbers import PRICE_TEXT, volume_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ticks import Grid

_CYCLE = 101
_MILLE = 1000
# Relative size of a resting level by its place on the grid: fixed, so that depth which leaves the shown window and
# comes back, or is summed up for a grouped book, is the same depth.
_DEPTH = [200 + (place * 7919 % _CYCLE) * 16 for place in range(_CYCLE)]
_DEPTH_SUMS = [sum(_DEPTH[:place]) for place in range(_CYCLE + 1)]


class Side:
    """Asks or bids as they change; what has been shown is never altered, the next change works on a copy."""

    __slots__ = ("_prices_shown", "_shown", "asks", "book", "depth", "frame")

    def __init__(self, book: Book, asks: bool, depth: int, frame: BookSide | None = None) -> None:
        self.book = book
        self.asks = asks
        self.depth = depth
        self.frame = frame or BookSide(asks, [], [])
        self._shown = self._prices_shown = False

    def show(self) -> BookSide:
        """Return the side as it stands, never to change again."""
        self._shown = self._prices_shown = True
        return self.frame

    def _own(self) -> BookSide:
        """Return the side with all its lists free to be changed."""
        if self._prices_shown:
            self.frame = self.frame.copy(with_prices=True)
            self._shown = self._prices_shown = False
        return self.frame

    def away(self, price: int) -> int:
        """Return the next worse price; 0 below the last bid."""
        grid = self.book.grid
        return grid.up(price) if self.asks else grid.down(price)

    def put_front(self, price: int, size: int) -> None:
        """Improve the best price."""
        frame = self._own()
        frame.prices.insert(0, price)
        frame.sizes.insert(0, size)
        frame.price_texts.insert(0, PRICE_TEXT[price])
        frame.size_texts.insert(0, volume_text(size))
        frame.total += size
        if len(frame.prices) > self.depth:
            self.drop(-1)

    def drop(self, place: int) -> None:
        """Take a level away."""
        frame = self._own()
        del frame.prices[place], frame.price_texts[place], frame.size_texts[place]
        frame.total -= frame.sizes.pop(place)

    def resize(self, place: int, size: int) -> None:
        """Set the size of a level."""
        if self._shown:
            self.frame = self.frame.copy(with_prices=False)
            self._shown = False
        frame = self.frame
        frame.total += size - frame.sizes[place]
        frame.sizes[place] = size
        frame.size_texts[place] = volume_text(size)

    def fill(self) -> None:
        """Append worse levels until the side is as deep as its market is."""
        if len(self.frame.prices) >= self.depth:
            return
        frame, book = self._own(), self.book
        while len(frame.prices) < self.depth:
            price = self.away(frame.prices[-1])
            for _ in range(book.gap(price)):
                price = self.away(price) if price else 0
            if not price:
                return
            size = book.resting(price)
            frame.prices.append(price)
            frame.sizes.append(size)
            frame.price_texts.append(PRICE_TEXT[price])
            frame.size_texts.append(volume_text(size))
            frame.total += size

    def restart(self, price: int) -> None:
        """Begin again at another best price."""
        self._shown = self._prices_shown = False
        self.frame = BookSide(self.asks, [price], [self.book.resting(price)])
        self.fill()

    def move_to(self, price: int) -> None:
        """Bring the best price to `price` by cancelling better levels or adding some."""
        while self.frame.prices and (self.frame.prices[0] - price) * (1 if self.asks else -1) < 0:
            self.drop(0)
        if not self.frame.prices:
            self.restart(price)
            return
        if self.frame.prices[0] != price:
            self._advance(price)
        self.fill()

    def _advance(self, price: int) -> None:
        book, grid = self.book, self.book.grid
        if book.thin:
            self.put_front(price, book.resting(price))
            return
        best = self.frame.prices[0]
        if abs(best - price) > self.depth * grid.tick(price):
            self.restart(price)
            return
        while best != price:
            best = grid.down(best) if self.asks else grid.up(best)
            self.put_front(best, book.resting(best))


class Book:
    """Both sides of a market; never crossed, never without a best price."""

    __slots__ = ("asks", "bids", "grid", "has_level", "thin", "unit")

    def __init__(self, grid: Grid, unit: int, depth: int, *, has_level: bool = True) -> None:
        self.grid = grid
        self.unit = unit
        self.has_level = has_level
        self.thin = depth < BOOK_LEVELS
        self.asks = Side(self, True, depth)
        self.bids = Side(self, False, depth if not self.thin else max(3, depth - 2))

    def resting(self, price: int) -> int:
        """Return the size that rests at a price nobody has touched."""
        return max(1, self.unit * _DEPTH[price // self.grid.tick(price) % _CYCLE] // _MILLE)

    def gap(self, price: int) -> int:
        """Return how many empty prices a thin book has before its next level."""
        return price // self.grid.tick(price) * 7919 % 4 if self.thin else 0

    def quote(self, bid: int, ask: int) -> None:
        """Make `bid` and `ask` (on the grid, bid < ask) the best prices."""
        self.asks.move_to(ask)
        self.bids.move_to(bid)

    def put(self, asks: BookSide, bids: BookSide) -> None:
        """Make these the whole book: nothing rests behind what is shown of it."""
        self.thin = True
        self.asks = Side(self, True, len(asks.prices), asks)
        self.bids = Side(self, False, len(bids.prices), bids)

    def take(self, buying: bool, volume: int) -> list[tuple[int, int]]:
        """Let a market order eat at most two levels; return its fills (price, volume), best first."""
        side = self.asks if buying else self.bids
        best, price = side.frame.sizes[0], side.frame.prices[0]
        if volume < best:
            side.resize(0, best - volume)
            return [(price, volume)]
        fills = [(price, best)]
        if len(side.frame.prices) == 1:
            side.restart(side.away(price) or price)
            return fills
        side.drop(0)
        rest = min(volume - best, side.frame.sizes[0] // 2)
        if rest:
            fills.append((side.frame.prices[0], rest))
            side.resize(0, side.frame.sizes[0] - rest)
        side.fill()
        return fills

    def levels(self, price: int) -> tuple[int, ...]:
        """Return the supported grouping levels at a price."""
        return self.grid.levels(price)

    def grouped(self, prices: Sequence[int], sizes: Sequence[int], level: int, ask: bool) -> list[tuple[int, int]]:
        """Sum a side up by `level`: asks belong to the group above them, bids to the one below."""
        groups: dict[int, int] = {}
        for price, size in zip(prices, sizes, strict=True):
            group = -(-price // level) * level if ask else price // level * level
            groups[group] = groups.get(group, 0) + size
        if not self.thin and len(prices) == BOOK_LEVELS:
            self._add_depth(groups, prices[-1], level, ask)
        found = sorted(groups.items(), reverse=not ask)[:BOOK_LEVELS]
        return [(price, size) for price, size in found if price > 0]

    def _add_depth(self, groups: dict[int, int], last: int, level: int, ask: bool) -> None:
        """Add what rests behind the shown window, from the first unseen price on."""
        edge = -(-last // level) * level if ask else last // level * level
        start = self.grid.up(last) if ask else self.grid.down(last)
        for _ in range(BOOK_LEVELS):
            low, high = (start, edge) if ask else (edge, start)
            if high <= 0:
                return
            if low <= high:
                groups[edge] = groups.get(edge, 0) + self._resting_between(max(low, 1), high)
            start = self.grid.up(edge) if ask else self.grid.down(edge)
            edge = edge + level if ask else edge - level

    def _resting_between(self, low: int, high: int) -> int:
        """Return the untouched size from `low` to `high`, both inclusive, band of the grid by band."""
        total = 0
        for start, end in pairwise([*self.grid.bands(low, high), high + 1]):
            tick = self.grid.tick(start)
            first, last = -(-start // tick), (end - 1) // tick
            total += _cycle_sum(last + 1) - _cycle_sum(first)
        return total * self.unit // _MILLE


def _cycle_sum(place: int) -> int:
    """Return the relative sizes of the places 0 … place - 1, summed."""
    rounds, rest = divmod(place, _CYCLE)
    return rounds * _DEPTH_SUMS[_CYCLE] + _DEPTH_SUMS[rest]
