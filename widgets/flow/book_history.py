"""What rested in a book over the last hours, on a grid of 100 ms, in columns of numbers that are drawn; no Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from upbit_ws_qt import OrderbookEvent

__all__ = ["BookHistory", "HeatImage"]

SLOT_MS = 100
LEVELS = 60
"""Prices that a book has at most, both sides together."""
USUAL_COLUMNS = 2 * 60 * 60 * 10
"""Two hours: 56 MB."""
_GROWTH = 4096
_HAIR = 1e-4  # of a slot: what is left of seconds since 1970 as a float
_FULL = 0.98  # of the sizes on the screen are smaller than what the strongest colour stands for


class HeatImage(NamedTuple):
    """A picture to be coloured.

    Attributes:
        levels: rows from low to high prices, columns from early to late; 0 to 1, NaN where nothing was known.
        full: the size that 1 stands for.
        best: of each column, highest bid and lowest ask; NaN where nothing was known.
    """

    levels: np.ndarray
    full: float
    best: np.ndarray


class BookHistory:
    """The last book of each tenth of a second, at most two hours of them; beyond that the oldest go.

    Sizes and prices are floats: they are drawn, and not counted.
    """

    def __init__(self, columns: int = USUAL_COLUMNS) -> None:
        self._most = columns
        self._slots = np.zeros(0, dtype=np.int64)
        self._prices = np.zeros((0, LEVELS))
        self._sizes = np.zeros((0, LEVELS), dtype=np.float32)
        self._count = 0
        self._first = 0  # where the oldest column is, in the ring
        self._pending: tuple[int, OrderbookEvent | None] | None = None

    def __len__(self) -> int:
        return self._count + (self._pending is not None)

    def take(self, book: OrderbookEvent) -> None:
        """Note a book; the last one of a tenth of a second stays."""
        slot = book.timestamp // SLOT_MS
        if self._pending is not None and slot < self._pending[0]:
            return  # late: the tenth that it belongs to has its book
        self._begin(slot)
        self._pending = slot, book

    def break_off(self) -> None:
        """Note that from here on nothing is known, until the next book."""
        if self._pending is not None and self._pending[1] is not None:
            self._begin(self._pending[0] + 1)
            self._pending = self._pending[0] + 1, None

    def clear(self) -> None:
        """Forget all."""
        self._count = self._first = 0
        self._pending = None

    @property
    def span(self) -> tuple[float, float] | None:
        """The first and the last moment that are known, seconds since 1970; None for none."""
        if self._pending is None:
            return None
        first = int(self._slots[self._first]) if self._count else self._pending[0]
        return first * SLOT_MS / 1000, (self._pending[0] + 1) * SLOT_MS / 1000

    def image(self, begin: float, end: float, low: float, step: float, rows: int, columns: int) -> HeatImage:
        """Return a picture of a span of time and prices.

        Args:
            begin: seconds since 1970.
            end: likewise.
            low: lower edge of the lowest row.
            step: height of a row, in the quote currency.
            rows: how many.
            columns: how many; each shows the last book that came up to its end.
        """
        self._flush()
        levels = np.full((rows, columns), np.nan, dtype=np.float32)
        best = np.full((columns, 2), np.nan)
        if not self._count:
            return HeatImage(levels, 0.0, best)
        order = (self._first + np.arange(self._count)) % len(self._slots)
        slots = self._slots[order]
        width = (end - begin) / columns * 1000 / SLOT_MS
        starts = begin * 1000 / SLOT_MS + np.arange(columns) * width
        # A slot's book is the last of its tenth of a second: it may be shown from that tenth on.
        places = np.searchsorted(slots, starts + width - _HAIR, side="right") - 1
        # What comes behind the last one is not known yet.
        known = (places >= 0) & (starts < slots[-1] + 1 - _HAIR)
        picked = order[np.maximum(places, 0)]
        prices, sizes = self._prices[picked], self._sizes[picked]
        known &= sizes.any(axis=1)
        levels[:, known] = 0.0
        at = np.floor((prices - low) / step + 1e-9).astype(np.int64)
        inside = (at >= 0) & (at < rows) & (sizes != 0) & known[:, None]
        column = np.broadcast_to(np.arange(columns)[:, None], at.shape)
        size = np.abs(sizes)
        np.add.at(levels, (at[inside], column[inside]), size[inside])
        shown = levels[np.isfinite(levels) & (levels > 0)]
        full = float(np.quantile(shown, _FULL)) if shown.size else 0.0
        if full:
            levels /= full
            np.clip(levels, 0.0, 1.0, out=levels)
        with np.errstate(invalid="ignore"):
            bids = np.where(sizes < 0, prices, -np.inf).max(axis=1)
            asks = np.where(sizes > 0, prices, np.inf).min(axis=1)
        best[known & np.isfinite(bids), 0] = bids[known & np.isfinite(bids)]
        best[known & np.isfinite(asks), 1] = asks[known & np.isfinite(asks)]
        return HeatImage(levels, full, best)

    def size_at(self, moment: float, low: float, high: float) -> tuple[float, bool] | None:
        """Return what rested from one price up to another at a moment, and whether it wanted to buy; None: unknown."""
        self._flush()
        if not self._count:
            return None
        order = (self._first + np.arange(self._count)) % len(self._slots)
        place = int(np.searchsorted(self._slots[order], moment * 1000 / SLOT_MS, side="right")) - 1
        if place < 0:
            return None
        prices, sizes = self._prices[order[place]], self._sizes[order[place]]
        if not sizes.any():
            return None
        chosen = sizes[(prices >= low) & (prices < high)]
        return float(np.abs(chosen).sum()), bool((chosen < 0).any())

    def _begin(self, slot: int) -> None:
        if self._pending is not None and slot != self._pending[0]:
            self._store(*self._pending)

    def _flush(self) -> None:
        """Store the book of the present tenth too; one that comes later in it takes its place."""
        if self._pending is not None:
            self._store(*self._pending)

    def _store(self, slot: int, book: OrderbookEvent | None) -> None:
        """Write a column; of sizes those that want to buy are negative, so that one column holds both."""
        place = self._place_for(slot)
        prices, sizes = self._prices[place], self._sizes[place]
        prices.fill(0.0)
        sizes.fill(0.0)
        if book is not None:
            both = [*((price, -size) for price, size in book.bids), *book.asks][:LEVELS]
            prices[: len(both)] = [float(price) for price, _ in both]
            sizes[: len(both)] = [float(size) for _, size in both]
        self._slots[place] = slot

    def _place_for(self, slot: int) -> int:
        if self._count:
            newest = (self._first + self._count - 1) % len(self._slots)
            if self._slots[newest] == slot:
                return newest
        if self._count == len(self._slots) < self._most:
            self._grow()
        if self._count < len(self._slots):
            self._count += 1
        else:
            self._first = (self._first + 1) % len(self._slots)
        return (self._first + self._count - 1) % len(self._slots)

    def _grow(self) -> None:
        more = min(_GROWTH, self._most - len(self._slots))
        self._slots = np.concatenate([self._slots, np.zeros(more, dtype=np.int64)])
        self._prices = np.concatenate([self._prices, np.zeros((more, LEVELS))])
        self._sizes = np.concatenate([self._sizes, np.zeros((more, LEVELS), dtype=np.float32)])
