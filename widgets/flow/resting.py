"""What rests in a book: cumulated for a depth chart, and as a ladder of prices that stand still; no Qt."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt import OrderbookEvent

__all__ = ["Depth", "Ladder", "LadderRow", "Step", "depth_of"]

_ZERO = Decimal(0)


class Step(NamedTuple):
    """A price, what rests there, and what rests from the best price up to it."""

    price: Decimal
    size: Decimal
    cumulated: Decimal


class Depth(NamedTuple):
    """Both sides of a book, best prices first.

    Attributes:
        imbalance: of all that rests, what wants to buy, 0 to 1; None for an empty book.
    """

    bids: tuple[Step, ...]
    asks: tuple[Step, ...]

    @property
    def imbalance(self) -> Decimal | None:
        """Of all that rests, the share that wants to buy; None for an empty book."""
        bids = self.bids[-1].cumulated if self.bids else _ZERO
        asks = self.asks[-1].cumulated if self.asks else _ZERO
        return bids / (bids + asks) if bids + asks else None

    def within(self, mid: Decimal, share: Decimal) -> tuple[Decimal, Decimal]:
        """Return what rests within a share of the middle price: (wants to buy, wants to sell)."""
        far = mid * share
        bids = [step.cumulated for step in self.bids if mid - step.price <= far]
        asks = [step.cumulated for step in self.asks if step.price - mid <= far]
        return (bids[-1] if bids else _ZERO), (asks[-1] if asks else _ZERO)


def depth_of(book: OrderbookEvent) -> Depth:
    """Return a book's sides with what is cumulated on them."""
    return Depth(_cumulated(book.bids), _cumulated(book.asks))


def _cumulated(side: Iterable[tuple[Decimal, Decimal]]) -> tuple[Step, ...]:
    total, found = _ZERO, []
    for price, size in side:
        total += size
        found.append(Step(price, size, total))
    return tuple(found)


class LadderRow(NamedTuple):
    """A price of a ladder.

    Attributes:
        price: of the row.
        bid, ask: what rests there; 0 for nothing.
        bids_to, asks_to: what rests from the best price up to here; 0 where the other side is.
        own_bid, own_ask: of it, one's own.
        traded: what was traded here since the ladder listens, bought and sold.
        is_last: whether the last trade was here.
    """

    price: Decimal
    bid: Decimal = _ZERO
    ask: Decimal = _ZERO
    bids_to: Decimal = _ZERO
    asks_to: Decimal = _ZERO
    own_bid: Decimal = _ZERO
    own_ask: Decimal = _ZERO
    traded: tuple[Decimal, Decimal] = (_ZERO, _ZERO)
    is_last: bool = False


class Ladder:
    """Rows of prices around a middle that stays until it is told to move.

    Attributes:
        step: from one row to the next.
        middle: price of the row in the middle; None before the first book.
    """

    def __init__(self, step: Decimal) -> None:
        self.step = step
        self.middle: Decimal | None = None
        self._book: OrderbookEvent | None = None

    def set_book(self, book: OrderbookEvent) -> None:
        """Take a book over; the first one is centred on."""
        self._book = book
        if self.middle is None:
            self.centre()

    def centre(self) -> None:
        """Put the middle of the book into the middle."""
        if self._book is not None and self._book.mid is not None and self.step:
            self.middle = self._book.mid // self.step * self.step

    def scroll(self, rows: int) -> None:
        """Move to higher prices by so many rows; to lower ones by a negative number."""
        if self.middle is not None:
            self.middle = max(self.step, self.middle + rows * self.step)

    def away(self, count: int) -> bool:
        """Whether the middle of the book is in none of `count` rows around the middle, or near their ends."""
        mid = None if self._book is None else self._book.mid
        return mid is not None and self.middle is not None and abs(mid - self.middle) > self.step * count * 3 / 8

    def rows(
        self,
        count: int,
        own: Mapping[tuple[bool, Decimal], tuple[Decimal, bool]] | None = None,
        traded: Mapping[Decimal, tuple[Decimal, Decimal]] | None = None,
        last: Decimal | None = None,
    ) -> list[LadderRow]:
        """Return so many rows, highest price first; own orders and trades stand in the row that their price is in."""
        book, middle = self._book, self.middle
        if book is None or middle is None or not self.step:
            return []
        depth = depth_of(book)
        bids = {step.price // self.step * self.step: step for step in depth.bids}
        asks = {step.price // self.step * self.step: step for step in depth.asks}
        mine = self._summed(own or {})
        done = self._traded(traded or {})
        last_row = None if last is None else last // self.step * self.step
        top = middle + self.step * (count // 2)
        found = []
        for place in range(count):
            price = top - self.step * place
            if price <= 0:
                break
            bid, ask = bids.get(price), asks.get(price)
            found.append(
                LadderRow(
                    price,
                    bid.size if bid else _ZERO,
                    ask.size if ask else _ZERO,
                    bid.cumulated if bid else _ZERO,
                    ask.cumulated if ask else _ZERO,
                    mine.get((True, price), _ZERO),
                    mine.get((False, price), _ZERO),
                    done.get(price, (_ZERO, _ZERO)),
                    price == last_row,
                )
            )
        return found

    def _summed(self, own: Mapping[tuple[bool, Decimal], tuple[Decimal, bool]]) -> dict[tuple[bool, Decimal], Decimal]:
        found: dict[tuple[bool, Decimal], Decimal] = {}
        for (is_bid, price), (volume, _) in own.items():
            row = price // self.step * self.step
            if not is_bid and row != price:
                row += self.step  # the exchange puts a grouped ask into the step above its price
            found[is_bid, row] = found.get((is_bid, row), _ZERO) + volume
        return found

    def _traded(self, traded: Mapping[Decimal, tuple[Decimal, Decimal]]) -> dict[Decimal, tuple[Decimal, Decimal]]:
        found: dict[Decimal, tuple[Decimal, Decimal]] = {}
        for price, (bought, sold) in traded.items():
            row = price // self.step * self.step
            before = found.get(row, (_ZERO, _ZERO))
            found[row] = before[0] + bought, before[1] + sold
        return found
