"""Tickers, trades and candles as changes, each able to spell itself as a frame of any format."""

from __future__ import annotations

from .book_messages import DEPTHS, BookSide, OrderbookChange
from .frames import BOOK_LEVELS, FORMATS, Change, gaps, is_simple, template
from .market.numbers import (
    PRICE_TEXT,
    PRICE_TEXT_SIMPLE,
    RATE_UNIT,
    candle_times,
    clock_texts,
    funds_text,
    funds_text_simple,
    rate_text,
    rate_text_simple,
    volume_text,
    volume_text_simple,
)

__all__ = [
    "BOOK_LEVELS",
    "DEPTHS",
    "FORMATS",
    "BookSide",
    "CandleChange",
    "CandleValues",
    "Change",
    "OrderbookChange",
    "Profile",
    "TickerChange",
    "TradeChange",
]


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
        state: str = "ACTIVE",
    ) -> None:
        self.opening, self.prev_close, self.year = opening, prev_close, year
        self._texts = (
            f'"{code}"',
            "true" if caution else "false",
            "CAUTION" if caution else "NONE",
            f'"{delisting_date}"' if delisting_date else "null",
            f'"{state}"',
        )
        self.ticker_templates: dict[str, list[str]] = {}
        self.trade_templates: dict[str, list[str]] = {}

    def ticker(self, fmt: str) -> list[str]:
        """Return the pieces of a ticker in `fmt`, with 21 places to fill (see `gaps`)."""
        found = self.ticker_templates.get(fmt)
        if found is None:
            found = self.ticker_templates[fmt] = gaps(template(self._ticker_fields(fmt), fmt))
        return found

    def trade(self, fmt: str) -> list[str]:
        """Return the pieces of a trade in `fmt`, with 15 places to fill (see `gaps`)."""
        found = self.trade_templates.get(fmt)
        if found is None:
            found = self.trade_templates[fmt] = gaps(template(self._trade_fields(fmt), fmt))
        return found

    def _ticker_fields(self, fmt: str) -> list[tuple[str, str, str]]:
        price = PRICE_TEXT_SIMPLE if is_simple(fmt) else PRICE_TEXT
        high, high_date, low, low_date = self.year
        code, _suspended, warning, delisting, state = self._texts
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
            ("trade_timestamp", "ttms", "%s"),
            ("ask_bid", "ab", '"%s"'),
            ("acc_ask_volume", "aav", "%s"),
            ("acc_bid_volume", "abv", "%s"),
            ("highest_52_week_price", "h52wp", price[high]),
            ("highest_52_week_date", "h52wdt", f'"{high_date}"'),
            ("lowest_52_week_price", "l52wp", price[low]),
            ("lowest_52_week_date", "l52wdt", f'"{low_date}"'),
            ("market_state", "ms", state),
            ("is_trading_suspended", "its", "false"),
            ("delisting_date", "dd", delisting),
            ("market_warning", "mw", f'"{warning}"'),
            ("timestamp", "tms", "%s"),
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
            ("trade_timestamp", "ttms", "%s"),
            ("timestamp", "tms", "%s"),
            ("sequential_id", "sid", "%s"),
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
        pieces = self.profile.ticker(fmt)[:]
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
        pieces[1::2] = (
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
            str(traded),
            side,
            volume_text_simple(asks),
            volume_text_simple(bids),
            str(ms),
            stream_type,
        )
        return "".join(pieces)


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
        pieces = self.profile.trade(fmt)[:]
        last, volume, side, traded, ms, sequential_id, ask, ask_size, bid, bid_size = self.values
        move = last - self.profile.prev_close
        _, _, day, time = clock_texts(traded // 1000)
        if fmt[0] == "S":
            price, spell = PRICE_TEXT_SIMPLE, volume_text_simple
        else:
            price, spell = PRICE_TEXT, volume_text
        pieces[1::2] = (
            price[last],
            spell(volume),
            side,
            "RISE" if move > 0 else "FALL" if move < 0 else "EVEN",
            price[-move if move < 0 else move],
            day,
            time,
            str(traded),
            str(ms),
            str(sequential_id),
            price[ask],
            spell(ask_size),
            price[bid],
            spell(bid_size),
            stream_type,
        )
        return "".join(pieces)


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
    ("timestamp", "tms", "%s"),
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
