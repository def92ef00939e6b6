"""Order books as changes: a side that shares with its neighbours in time what did not change, and the frame of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .frames import BOOK_LEVELS, FORMATS, NO_LEVEL, Change, template
from .market.numbers import (
    PRICE_TEXT,
    PRICE_TEXT_SIMPLE,
    UNIT,
    plain,
    to_units,
    volume_text,
    volume_text_simple,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

DEPTHS = (1, 5, 15, 30)


class Grouping(Protocol):
    """Whoever can sum an order book up by price levels."""

    @property
    def has_level(self) -> bool:
        """Whether frames say by which level they are grouped."""

    def grouped(self, prices: Sequence[int], sizes: Sequence[int], level: int, ask: bool) -> list[tuple[int, int]]:
        """Return (price, size) of up to 30 groups, best first."""

    def levels(self, price: int) -> tuple[int, ...]:
        """Return the supported levels at a price, 0 first."""


def _book_template(fmt: str, *, has_level: bool) -> str:
    level = [("level", "lv", "%s")] if has_level else []
    fields = [
        ("type", "ty", '"orderbook"'),
        ("code", "cd", '"%s"'),
        ("total_ask_size", "tas", "%s"),
        ("total_bid_size", "tbs", "%s"),
        ("orderbook_units", "obu", "[%s]"),
        ("timestamp", "tms", "%d"),
        *level,
        ("stream_type", "st", '"%s"'),
    ]
    return template(fields, fmt)


_BOOK_TEMPLATES = {fmt: _book_template(fmt, has_level=True) for fmt in FORMATS}
_WITHOUT_LEVEL = {fmt: _book_template(fmt, has_level=False) for fmt in FORMATS}
_KEYS = (
    (',{"ask_price":', ',"bid_price":', ',"ask_size":', ',"bid_size":'),
    (',{"ap":', ',"bp":', ',"as":', ',"bs":'),
)


def _frame_of_units(simple: bool, depth: int) -> list[str]:
    """Return the pieces of the units of a book with every second place left for a number."""
    pieces: list[str] = []
    for place in range(depth):
        ask_price, bid_price, ask_size, bid_size = _KEYS[simple]
        opening = ask_price[1:] if place == 0 else "}" + ask_price
        pieces += [opening, "", bid_price, "", ask_size, "", bid_size, ""]
    return [*pieces, "}"]


_UNITS = {(simple, depth): _frame_of_units(simple, depth) for simple in (False, True) for depth in DEPTHS}
_PADDING = ("0",) * BOOK_LEVELS


class BookSide:
    """One side of a book at one moment, best first: prices and sizes as numbers and as frames spell them.

    The lists of prices may be shared with other moments; whoever changes them makes them his own first.
    """

    __slots__ = ("is_ask", "price_texts", "prices", "size_texts", "sizes", "total")

    def __init__(self, is_ask: bool, prices: list[int], sizes: list[int]) -> None:
        self.is_ask = is_ask
        self.prices = prices
        self.sizes = sizes
        self.price_texts = [PRICE_TEXT[price] for price in prices]
        self.size_texts = [volume_text(size) for size in sizes]
        self.total = sum(sizes)

    def copy(self, with_prices: bool) -> BookSide:
        """Return a side with its own lists of sizes and, if asked for, of prices."""
        copy = BookSide.__new__(BookSide)
        copy.is_ask = self.is_ask
        copy.prices = self.prices[:] if with_prices else self.prices
        copy.price_texts = self.price_texts[:] if with_prices else self.price_texts
        copy.sizes = self.sizes[:]
        copy.size_texts = self.size_texts[:]
        copy.total = self.total
        return copy

    def texts(self, depth: int, simple: bool) -> tuple[Sequence[str], Sequence[str]]:
        """Return the texts of `depth` prices and sizes, padded with zeros; SIMPLE has no exponents."""
        prices, sizes = self.price_texts, self.size_texts
        if simple and min(self.prices[0], self.prices[-1]) < UNIT // 1000:
            prices = [PRICE_TEXT_SIMPLE[price] for price in self.prices]
        have = len(prices)
        if have == depth:
            return prices, sizes
        if have > depth:
            return prices[:depth], sizes[:depth]
        padding = _PADDING[: depth - have]
        return (*prices, *padding), (*sizes, *padding)


class OrderbookChange(Change):
    """The whole book of a market after something in it changed."""

    __slots__ = ("asks", "bids", "grouping", "ms")
    kind = "orderbook"

    def __init__(self, code: str, asks: BookSide, bids: BookSide, grouping: Grouping, ms: int) -> None:
        self.code = code
        self._frames = {}
        self.asks = asks
        self.bids = bids
        self.grouping = grouping
        self.ms = ms

    def render(
        self,
        fmt: str,
        stream_type: str,
        *,
        depth: int = BOOK_LEVELS,
        level: Decimal = NO_LEVEL,
        include_body: bool = False,
    ) -> bytes:
        """Return the frame; see `Change.render`."""
        if depth not in DEPTHS:
            depth = BOOK_LEVELS
        key = (fmt, stream_type, depth, level) if level else (fmt, stream_type, depth)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._frames[key] = self._text(fmt, stream_type, depth, level).encode()
        return frame

    def _text(self, fmt: str, stream_type: str, depth: int, level: Decimal) -> str:
        asks, bids = self.asks, self.bids
        simple = fmt[0] == "S"
        level_text = "0" if simple else "0.0"
        if level:
            units = _units_of(level)
            if units not in self.grouping.levels(asks.prices[0]):
                return ""
            asks, bids = (self._grouped(side, units) for side in (asks, bids))
            level_text = plain(units, 8)
        pieces = _UNITS[simple, depth][:]
        pieces[1:-1:8], pieces[5:-1:8] = asks.texts(depth, simple)
        pieces[3:-1:8], pieces[7:-1:8] = bids.texts(depth, simple)
        totals = (volume_text_simple(asks.total), volume_text_simple(bids.total))
        if not self.grouping.has_level:
            return _WITHOUT_LEVEL[fmt] % (self.code, *totals, "".join(pieces), self.ms, stream_type)
        return _BOOK_TEMPLATES[fmt] % (self.code, *totals, "".join(pieces), self.ms, level_text, stream_type)

    def _grouped(self, side: BookSide, level: int) -> BookSide:
        groups = self.grouping.grouped(side.prices, side.sizes, level, side.is_ask)
        return BookSide(side.is_ask, [price for price, _ in groups], [size for _, size in groups])


def _units_of(level: Decimal) -> int:
    try:
        return to_units(level)
    except (ValueError, ArithmeticError):
        return -1  # finer than any grid: no level of any market
