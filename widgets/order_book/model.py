"""What an order book shows, as plain data: rows of text with a length of bar; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from ..base.price_format import DASH, percent_text, price_text, prices_decimals, volume_decimals, volume_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from upbit_ws_qt import OrderbookEvent

__all__ = ["BookPicture", "BookRow", "OrderBookModel"]

Own: TypeAlias = "Mapping[tuple[bool, Decimal], tuple[Decimal, bool]]"
"""(is a bid, price) -> (what is left to fill, whether that is uncertain)."""

_MOST_REMEMBERED = 4000  # texts of prices; a book that has wandered so far begins anew
_LARGE = 0.9  # so many of the sizes are below the one that a full bar stands for
_LEAST_SCALE, _MOST_SCALE = Decimal("0.75"), Decimal("1.33")
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BookRow:
    """One price.

    Attributes:
        price: in the quote currency.
        price_text: with the decimals of the whole column.
        percent_text: against the previous close.
        direction: the sign of that.
        size_text: what is offered or wanted there.
        share: of a large size on the screen, 0 to 1; the length of the bar.
        is_beyond: whether the size is larger still, so that its bar is cut.
        own_text: how much of it is one's own, with "?" where the line was down since; empty for none.
        is_last: whether the last trade was at this price.
        size: all its digits.
    """

    price: Decimal
    price_text: str
    percent_text: str
    direction: int
    size_text: str
    share: float
    is_beyond: bool
    own_text: str
    is_last: bool
    size: Decimal


@dataclass(frozen=True, slots=True)
class BookPicture:
    """A whole book, ready to be painted; best rows first."""

    asks: tuple[BookRow, ...]
    bids: tuple[BookRow, ...]
    spread_text: str
    spread_percent: str
    total_ask_text: str
    total_bid_text: str


class OrderBookModel:
    """The newest book of one market, and what is drawn beside it."""

    def __init__(self, market: str = "") -> None:
        self.market = market
        self.event: OrderbookEvent | None = None
        self.prev_close: Decimal | None = None
        self.last_price: Decimal | None = None
        self._own: Own = {}
        self._texts: dict[Decimal, tuple[str, str, int]] = {}
        self._decimals: tuple[int, int] = (0, 0)
        self._scale = _ZERO
        self._picture: BookPicture | None = None

    def set_book(self, event: OrderbookEvent) -> None:
        """Take a new book over."""
        self.event = event
        self._picture = None

    def set_reference(self, prev_close: Decimal, last_price: Decimal) -> bool:
        """Take over what percentages count from and where the last trade was; return whether that is news."""
        if (prev_close, last_price) == (self.prev_close, self.last_price):
            return False
        if prev_close != self.prev_close:
            self._texts.clear()
        self.prev_close, self.last_price = prev_close, last_price
        self._picture = None
        return True

    def set_own(self, orders: Own) -> None:
        """Mark own open orders."""
        self._own = dict(orders)
        self._picture = None

    def picture(self) -> BookPicture | None:
        """Return the book to paint; None before the first one. Worked out once per change."""
        if self._picture is None and self.event is not None:
            self._picture = self._paint(self.event)
        return self._picture

    def _paint(self, event: OrderbookEvent) -> BookPicture:
        asks, bids = event.asks, event.bids
        self._choose_decimals([price for price, _ in (*asks, *bids)])
        self._choose_scale([size for _, size in (*asks, *bids)])
        own_asks = self._own_by_row(False, [price for price, _ in asks], event.level)
        own_bids = self._own_by_row(True, [price for price, _ in bids], event.level)
        spread, mid = event.spread, event.mid
        return BookPicture(
            self._rows(asks, own_asks),
            self._rows(bids, own_bids),
            price_text(self.market, spread, self._decimals[0]),
            DASH if spread is None or not mid else percent_text(spread / mid, 3).lstrip("+"),
            volume_text(event.total_ask_size, min(self._decimals[1], 3)),
            volume_text(event.total_bid_size, min(self._decimals[1], 3)),
        )

    def _rows(
        self, side: Iterable[tuple[Decimal, Decimal]], own: Mapping[Decimal, tuple[Decimal, bool]]
    ) -> tuple[BookRow, ...]:
        digits, scale = self._decimals[1], float(self._scale) or 1.0
        rows = []
        for price, size in side:
            text, percent, direction = self._texts.get(price) or self._describe(price)
            mine, uncertain = own.get(price, (None, False))
            own_text = "" if mine is None else volume_text(mine, digits) + "?" * uncertain
            share = float(size) / scale
            rows.append(
                BookRow(
                    price,
                    text,
                    percent,
                    direction,
                    volume_text(size, digits),
                    min(share, 1.0),
                    share > 1.0,
                    own_text,
                    price == self.last_price,
                    size,
                )
            )
        return tuple(rows)

    def _choose_decimals(self, prices: list[Decimal]) -> None:
        if not prices:
            return
        chosen = prices_decimals(self.market, prices), volume_decimals(self.market, max(prices))
        if chosen != self._decimals or len(self._texts) > _MOST_REMEMBERED:
            self._decimals = chosen
            self._texts.clear()

    def _choose_scale(self, sizes: list[Decimal]) -> None:
        """Have a bar of full length stand for a large size, but not for the largest: one order must not shorten all.

        It stays while it is about right, so that bars move only with their own sizes.
        """
        wanted = sorted(sizes)[int(len(sizes) * _LARGE)] if sizes else _ZERO
        if not self._scale * _LEAST_SCALE <= wanted <= self._scale * _MOST_SCALE:
            self._scale = wanted

    def _describe(self, price: Decimal) -> tuple[str, str, int]:
        close = self.prev_close
        ratio = (price - close) / close if close else None
        direction = 0 if not ratio else 1 if ratio > 0 else -1
        found = price_text(self.market, price, self._decimals[0]), percent_text(ratio), direction
        self._texts[price] = found
        return found

    def _own_by_row(self, is_bid: bool, prices: list[Decimal], level: Decimal) -> dict[Decimal, tuple[Decimal, bool]]:
        """Return row -> own volume: a grouped ask stands in the group above its price, a bid in the one below."""
        found: dict[Decimal, tuple[Decimal, bool]] = {}
        shown = set(prices)
        for (bid, price), (volume, uncertain) in self._own.items():
            if bid is not is_bid:
                continue
            row = price
            if level:
                row = price // level * level
                if not is_bid and row != price:
                    row += level
            if row in shown:
                already, doubted = found.get(row, (_ZERO, False))
                found[row] = (already + volume, doubted or uncertain)
        return found
