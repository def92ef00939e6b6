"""Changes of the public market, each able to spell itself as a frame of any format."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from .market.numbers import (
    PRICE_TEXT,
    PRICE_TEXT_SIMPLE,
    RATE_UNIT,
    UNIT,
    candle_times,
    clock_texts,
    funds_text,
    funds_text_simple,
    plain,
    rate_text,
    rate_text_simple,
    to_units,
    volume_text,
    volume_text_simple,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FORMATS = ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")
DEPTHS = (1, 5, 15, 30)
BOOK_LEVELS = 30
_NO_LEVEL = Decimal(0)


class Change:
    """One thing that happened in the world; `kind` is the wire type, `code` the pair or ""."""

    __slots__ = ("_frames", "code")

    kind: str
    key: object | None = None  # the watch that asked for it; indicators only
    category: str = ""  # announcements only
    uuid: str = ""  # of an order, an announcement, or a report of assets

    def __init__(self, code: str) -> None:
        self.code = code
        self._frames: dict[object, bytes] = {}

    def render(
        self,
        fmt: str,
        stream_type: str,
        *,
        depth: int = BOOK_LEVELS,
        level: Decimal = _NO_LEVEL,
        include_body: bool = False,
    ) -> bytes:
        """Return the frame in UTF-8 JSON; the same bytes object for the same arguments.

        Args:
            fmt: DEFAULT, SIMPLE, JSON_LIST or SIMPLE_LIST; anything else is a KeyError.
            stream_type: SNAPSHOT or REALTIME.
            depth: levels of an order book: 1, 5, 15 or 30; others give 30.
            level: grouping of an order book in its quote currency; an unsupported one gives b"".
            include_body: whether an announcement carries its body.
        """
        frame = self._frames.get(fmt + stream_type)
        if frame is None:
            frame = self._frames[fmt + stream_type] = self._spell(fmt, stream_type).encode()
        return frame

    def _spell(self, fmt: str, stream_type: str) -> str:
        raise NotImplementedError


def is_simple(fmt: str) -> bool:
    """Tell whether a format uses the short keys; KeyError for no format at all."""
    if fmt not in FORMATS:
        raise KeyError(fmt)
    return fmt.startswith("SIMPLE")


def template(fields: Iterable[tuple[str, str, str]], fmt: str) -> str:
    """Build the text of an object from (name, simple name, raw JSON or placeholder), wrapped as `fmt` wants it."""
    column = 1 if is_simple(fmt) else 0
    body = ",".join(f'"{field[column]}":{field[2]}' for field in fields)
    return f"[{{{body}}}]" if fmt.endswith("LIST") else f"{{{body}}}"


class Profile:
    """What stays the same between the trades of a market, worked into the templates of its messages.

    A new one is made when the day opens or a 52-week mark moves; older changes keep theirs.
    """

    __slots__ = ("_texts", "opening", "prev_close", "ticker_templates", "trade_templates", "year")

    def __init__(
        self,
        code: str,
        opening: int,
        prev_close: int,
        year: tuple[int, str, int, str],
        caution: bool,
        delisting_date: str | None,
    ) -> None:
        self.opening, self.prev_close, self.year = opening, prev_close, year
        self._texts = (
            f'"{code}"',
            "true" if caution else "false",
            "CAUTION" if caution else "NONE",
            f'"{delisting_date}"' if delisting_date else "null",
        )
        self.ticker_templates: dict[str, str] = {}
        self.trade_templates: dict[str, str] = {}

    def ticker(self, fmt: str) -> str:
        """Return the ticker template of `fmt`, with 21 places to fill."""
        found = self.ticker_templates.get(fmt)
        if found is None:
            found = self.ticker_templates[fmt] = template(self._ticker_fields(fmt), fmt)
        return found

    def trade(self, fmt: str) -> str:
        """Return the trade template of `fmt`, with 15 places to fill."""
        found = self.trade_templates.get(fmt)
        if found is None:
            found = self.trade_templates[fmt] = template(self._trade_fields(fmt), fmt)
        return found

    def _ticker_fields(self, fmt: str) -> list[tuple[str, str, str]]:
        price = PRICE_TEXT_SIMPLE if is_simple(fmt) else PRICE_TEXT
        high, high_date, low, low_date = self.year
        code, _suspended, warning, delisting = self._texts
        return [
            ("type", "ty", '"ticker"'),
            ("code", "cd", code),
            ("opening_price", "op", price[self.opening]),
            ("high_price", "hp", "%s"),
            ("low_price", "lp", "%s"),
            ("trade_price", "tp", "%s"),
            ("prev_closing_price", "pcp", price[self.prev_close]),
            ("change", "c", '"%s"'),
            ("change_price", "cp", "%s"),
            ("signed_change_price", "scp", "%s"),
            ("change_rate", "cr", "%s"),
            ("signed_change_rate", "scr", "%s"),
            ("trade_volume", "tv", "%s"),
            ("acc_trade_volume", "atv", "%s"),
            ("acc_trade_volume_24h", "atv24h", "%s"),
            ("acc_trade_price", "atp", "%s"),
            ("acc_trade_price_24h", "atp24h", "%s"),
            ("trade_date", "tdt", '"%s"'),
            ("trade_time", "ttm", '"%s"'),
            ("trade_timestamp", "ttms", "%d"),
            ("ask_bid", "ab", '"%s"'),
            ("acc_ask_volume", "aav", "%s"),
            ("acc_bid_volume", "abv", "%s"),
            ("highest_52_week_price", "h52wp", price[high]),
            ("highest_52_week_date", "h52wdt", f'"{high_date}"'),
            ("lowest_52_week_price", "l52wp", price[low]),
            ("lowest_52_week_date", "l52wdt", f'"{low_date}"'),
            ("market_state", "ms", '"ACTIVE"'),
            ("is_trading_suspended", "its", "false"),
            ("delisting_date", "dd", delisting),
            ("market_warning", "mw", f'"{warning}"'),
            ("timestamp", "tms", "%d"),
            ("stream_type", "st", '"%s"'),
        ]

    def _trade_fields(self, fmt: str) -> list[tuple[str, str, str]]:
        price = PRICE_TEXT_SIMPLE if is_simple(fmt) else PRICE_TEXT
        return [
            ("type", "ty", '"trade"'),
            ("code", "cd", self._texts[0]),
            ("trade_price", "tp", "%s"),
            ("trade_volume", "tv", "%s"),
            ("ask_bid", "ab", '"%s"'),
            ("prev_closing_price", "pcp", price[self.prev_close]),
            ("change", "c", '"%s"'),
            ("change_price", "cp", "%s"),
            ("trade_date", "td", '"%s"'),
            ("trade_time", "ttm", '"%s"'),
            ("trade_timestamp", "ttms", "%d"),
            ("timestamp", "tms", "%d"),
            ("sequential_id", "sid", "%d"),
            ("best_ask_price", "bap", "%s"),
            ("best_ask_size", "bas", "%s"),
            ("best_bid_price", "bbp", "%s"),
            ("best_bid_size", "bbs", "%s"),
            ("stream_type", "st", '"%s"'),
        ]


# high, low, price, volume, acc volume, acc volume 24h, acc funds, acc funds 24h, trade ms, side, ask, bid volume, ms
TickerValues = tuple[int, int, int, int, int, int, int, int, int, str, int, int, int]


class TickerChange(Change):
    """The state of a market after a trade."""

    __slots__ = ("profile", "values")
    kind = "ticker"

    def __init__(self, code: str, profile: Profile, values: TickerValues) -> None:
        self.code = code
        self._frames = {}
        self.profile = profile
        self.values = values

    def _spell(self, fmt: str, stream_type: str) -> str:
        form = self.profile.ticker(fmt)
        high, low, last, volume, acc, acc24, funds, funds24, traded, side, asks, bids, ms = self.values
        before = self.profile.prev_close
        move = last - before
        size = -move if move < 0 else move
        rate = (size * RATE_UNIT * 2 + before) // (2 * before)
        day, time, _, _ = clock_texts(traded // 1000)
        if fmt[0] == "S":
            price, spell_rate, spell_funds = PRICE_TEXT_SIMPLE, rate_text_simple, funds_text_simple
            traded_volume = volume_text_simple(volume)
        else:
            price, spell_rate, spell_funds = PRICE_TEXT, rate_text, funds_text
            traded_volume = volume_text(volume)
        change_price, change_rate = price[size], spell_rate(rate)
        minus = "-" if move < 0 else ""
        return form % (
            price[high],
            price[low],
            price[last],
            "RISE" if move > 0 else "FALL" if move < 0 else "EVEN",
            change_price,
            minus + change_price,
            change_rate,
            minus + change_rate if rate else change_rate,
            traded_volume,
            volume_text_simple(acc),
            volume_text_simple(acc24),
            spell_funds(funds),
            spell_funds(funds24),
            day,
            time,
            traded,
            side,
            volume_text_simple(asks),
            volume_text_simple(bids),
            ms,
            stream_type,
        )


# price, volume, side, trade ms, ms, sequential id, best ask, its size, best bid, its size
TradeValues = tuple[int, int, str, int, int, int, int, int, int, int]


class TradeChange(Change):
    """One trade; the best prices are those it met."""

    __slots__ = ("profile", "values")
    kind = "trade"

    def __init__(self, code: str, profile: Profile, values: TradeValues) -> None:
        self.code = code
        self._frames = {}
        self.profile = profile
        self.values = values

    def _spell(self, fmt: str, stream_type: str) -> str:
        form = self.profile.trade(fmt)
        last, volume, side, traded, ms, sequential_id, ask, ask_size, bid, bid_size = self.values
        move = last - self.profile.prev_close
        _, _, day, time = clock_texts(traded // 1000)
        if fmt[0] == "S":
            price, spell = PRICE_TEXT_SIMPLE, volume_text_simple
        else:
            price, spell = PRICE_TEXT, volume_text
        return form % (
            price[last],
            spell(volume),
            side,
            "RISE" if move > 0 else "FALL" if move < 0 else "EVEN",
            price[-move if move < 0 else move],
            day,
            time,
            traded,
            ms,
            sequential_id,
            price[ask],
            spell(ask_size),
            price[bid],
            spell(bid_size),
            stream_type,
        )


class Grouping(Protocol):
    """Whoever can sum an order book up by price levels."""

    def grouped(self, prices: Sequence[int], sizes: Sequence[int], level: int, ask: bool) -> list[tuple[int, int]]:
        """Return (price, size) of up to 30 groups, best first."""

    def levels(self, price: int) -> tuple[int, ...]:
        """Return the supported levels at a price, 0 first."""


def _book_template(fmt: str) -> str:
    fields = [
        ("type", "ty", '"orderbook"'),
        ("code", "cd", '"%s"'),
        ("total_ask_size", "tas", "%s"),
        ("total_bid_size", "tbs", "%s"),
        ("orderbook_units", "obu", "[%s]"),
        ("timestamp", "tms", "%d"),
        ("level", "lv", "%s"),
        ("stream_type", "st", '"%s"'),
    ]
    return template(fields, fmt)


_BOOK_TEMPLATES = {fmt: _book_template(fmt) for fmt in FORMATS}
# A unit of the book is four pieces laid end to end; each side keeps its own pieces ready.
_ASK_PRICE, _BID_PRICE, _ASK_SIZE, _BID_SIZE = (
    ',{"ask_price":%s',
    ',"bid_price":%s',
    ',"ask_size":%s',
    ',"bid_size":%s}',
)
_SIMPLE_KEYS = (('"ask_price"', '"ap"'), ('"bid_price"', '"bp"'), ('"ask_size"', '"as"'), ('"bid_size"', '"bs"'))
_ASK_PADDING = ((_ASK_PRICE % 0,) * BOOK_LEVELS, (_ASK_SIZE % 0,) * BOOK_LEVELS)
_BID_PADDING = ((_BID_PRICE % 0,) * BOOK_LEVELS, (_BID_SIZE % 0,) * BOOK_LEVELS)


class BookSide:
    """One side of a book at one moment, best first: prices and sizes as numbers, and as the pieces frames are made of.

    The lists of prices may be shared with other moments; whoever changes them makes them his own first.
    """

    __slots__ = ("is_ask", "price_texts", "prices", "size_texts", "sizes", "total")

    def __init__(self, is_ask: bool, prices: list[int], sizes: list[int]) -> None:
        self.is_ask = is_ask
        self.prices = prices
        self.sizes = sizes
        self.price_texts = [self.price_text(price) for price in prices]
        self.size_texts = [self.size_text(size) for size in sizes]
        self.total = sum(sizes)

    def price_text(self, price: int) -> str:
        """Return the piece of a frame that tells a price."""
        return (_ASK_PRICE if self.is_ask else _BID_PRICE) % PRICE_TEXT[price]

    def size_text(self, size: int) -> str:
        """Return the piece of a frame that tells a size."""
        return (_ASK_SIZE if self.is_ask else _BID_SIZE) % volume_text(size)

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

    def pieces(self, depth: int) -> tuple[Sequence[str], Sequence[str]]:
        """Return `depth` pieces of prices and of sizes, padded with zeros."""
        have = len(self.prices)
        if have == depth:
            return self.price_texts, self.size_texts
        if have > depth:
            return self.price_texts[:depth], self.size_texts[:depth]
        prices, sizes = _ASK_PADDING if self.is_ask else _BID_PADDING
        return (*self.price_texts, *prices[: depth - have]), (*self.size_texts, *sizes[: depth - have])

    def without_exponents(self) -> BookSide:
        """Return the side as SIMPLE spells it."""
        if not self.prices or min(self.prices[0], self.prices[-1]) >= UNIT // 1000:
            return self
        side = self.copy(with_prices=True)
        form = _ASK_PRICE if self.is_ask else _BID_PRICE
        side.price_texts = [form % PRICE_TEXT_SIMPLE[price] for price in side.prices]
        return side


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
        level: Decimal = _NO_LEVEL,
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
        if simple:
            asks, bids = asks.without_exponents(), bids.without_exponents()
        cells: list[str] = [""] * (4 * depth)
        cells[0::4], cells[2::4] = asks.pieces(depth)
        cells[1::4], cells[3::4] = bids.pieces(depth)
        units_text = "".join(cells)[1:]
        if simple:
            for long, short in _SIMPLE_KEYS:
                units_text = units_text.replace(long, short)
        totals = (volume_text_simple(asks.total), volume_text_simple(bids.total))
        return _BOOK_TEMPLATES[fmt] % (self.code, *totals, units_text, self.ms, level_text, stream_type)

    def _grouped(self, side: BookSide, level: int) -> BookSide:
        groups = self.grouping.grouped(side.prices, side.sizes, level, side.is_ask)
        return BookSide(side.is_ask, [price for price, _ in groups], [size for _, size in groups])


def _units_of(level: Decimal) -> int:
    try:
        return to_units(level)
    except (ValueError, ArithmeticError):
        return -1  # finer than any grid: no level of any market


_CANDLE_FIELDS = [
    ("type", "ty", '"%s"'),
    ("code", "cd", '"%s"'),
    ("candle_date_time_utc", "cdttmu", '"%s"'),
    ("candle_date_time_kst", "cdttmk", '"%s"'),
    ("opening_price", "op", "%s"),
    ("high_price", "hp", "%s"),
    ("low_price", "lp", "%s"),
    ("trade_price", "tp", "%s"),
    ("candle_acc_trade_volume", "catv", "%s"),
    ("candle_acc_trade_price", "catp", "%s"),
    ("timestamp", "tms", "%d"),
    ("stream_type", "st", '"%s"'),
]
_CANDLE_TEMPLATES = {fmt: template(_CANDLE_FIELDS, fmt) for fmt in FORMATS}

# start ms, opening, high, low, last price, volume, funds
CandleValues = tuple[int, int, int, int, int, int, int]


class CandleChange(Change):
    """A candle of one unit as it stands after the trades of a second."""

    __slots__ = ("kind", "ms", "values")

    def __init__(self, kind: str, code: str, values: CandleValues, ms: int) -> None:
        self.kind = kind
        self.code = code
        self._frames = {}
        self.values = values
        self.ms = ms

    def _spell(self, fmt: str, stream_type: str) -> str:
        start, opening, high, low, last, volume, funds = self.values
        utc, kst = candle_times(start // 1000)
        simple = is_simple(fmt)
        price = PRICE_TEXT_SIMPLE if simple else PRICE_TEXT
        return _CANDLE_TEMPLATES[fmt] % (
            self.kind,
            self.code,
            utc,
            kst,
            price[opening],
            price[high],
            price[low],
            price[last],
            (volume_text_simple if simple else volume_text)(volume),
            (funds_text_simple if simple else funds_text)(funds),
            self.ms,
            stream_type,
        )
