"""Prices, volumes and money as text: Decimal in, text out, decimals by the tick size; no float, no Qt."""

from __future__ import annotations

from bisect import bisect_right
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DASH",
    "arrow",
    "brief_text",
    "decimals_of",
    "full_text",
    "group_levels",
    "money_text",
    "percent_text",
    "price_text",
    "prices_decimals",
    "quote_of",
    "short_money_text",
    "signed_price_text",
    "tick_size",
    "volume_decimals",
    "volume_text",
]

DASH = "–"
"""Stands where there is no value."""

_SMALLEST = 8  # decimals of the finest tick
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)  # balances carry 20 decimals before a 15-digit amount
_ZERO = Decimal(0)


def _steps(*pairs: tuple[str, str]) -> tuple[list[Decimal], list[Decimal]]:
    """Return (from which price on, tick), with a tenth for each tenth below the last line, down to 1e-8."""
    table = [(Decimal(price), Decimal(tick)) for price, tick in pairs]
    finest = Decimal(1).scaleb(-_SMALLEST)
    while table[-1][1] > finest:
        price, tick = table[-1]
        table.append((price / 10, tick / 10))
    table[-1] = (_ZERO, finest)
    table.reverse()
    return [price for price, _ in table], [tick for _, tick in table]


# Protocol sheet, "Trading rules a user interface needs"; the coarser ticks of USDT markets end at 10 USDT.
_KRW = _steps(
    ("1000000", "1000"), ("500000", "500"), ("100000", "100"), ("50000", "50"), ("10000", "10"),
    ("5000", "5"), ("100", "1"), ("10", "0.1"), ("1", "0.01"),
)  # fmt: skip
_USDT = _steps(("10", "0.01"), ("1", "0.001"))
_BTC = _steps(("0", "0.00000001"))
# Of the other countries no table is known: a price that is off its tick keeps its digits anyway.
_TICKS = {"KRW": _KRW, "IDR": _KRW, "USDT": _USDT, "SGD": _USDT, "THB": _USDT, "BTC": _BTC}

# A volume's last digit is worth about as much everywhere (some 100 to 1,000 won): price digits plus these.
_VOLUME_DIGITS = {"KRW": -2, "IDR": -3, "THB": 0, "USDT": 1, "SGD": 1, "BTC": 6}
_MONEY_DECIMALS = {"KRW": 0, "IDR": 0, "THB": 2, "USDT": 2, "SGD": 2, "BTC": 8}
_KOREAN_UNITS = ((12, "조"), (8, "억"), (4, "만"))
_ENGLISH_UNITS = ((12, "T"), (9, "B"), (6, "M"), (3, "K"))


def quote_of(market: str) -> str:
    """Return the quote currency of a market code: "KRW" of "KRW-BTC"."""
    return market.partition("-")[0]


def tick_size(market: str, price: Decimal) -> Decimal:
    """Return by how much a price moves at least; for a market of an unknown currency as in BTC markets.

    Args:
        market: code such as "KRW-BTC".
        price: in the quote currency; its sign does not count.
    """
    starts, ticks = _TICKS.get(quote_of(market), _BTC)
    return ticks[max(bisect_right(starts, abs(price)) - 1, 0)]


@lru_cache(maxsize=8192)
def decimals_of(value: Decimal) -> int:
    """Return how many decimals a number needs, trailing zeros left out."""
    if not value:
        return 0
    return max(0, -_exponent(_WIDE.normalize(value)))


def prices_decimals(market: str, prices: Iterable[Decimal]) -> int:
    """Return with how many decimals a column of prices loses no digit: those of the finest tick among them.

    A price that is off its tick keeps its digits, up to eight.
    """
    found = 0
    for price in prices:
        found = max(found, decimals_of(tick_size(market, price)), min(decimals_of(price), _SMALLEST))
    return found


def price_text(market: str, price: Decimal | None, decimals: int | None = None) -> str:
    """Return a price with thousands separated: "168,470,000", "0.00001234".

    Example:
        >>> price_text("KRW-BTC", Decimal("149997000.0"))
        '149,997,000'
        >>> price_text("KRW-SHIB", Decimal("0.0133"))
        '0.0133'

    Args:
        market: code; decides the tick and with it the decimals.
        price: in the quote currency; None is shown as a dash.
        decimals: another number of decimals, such as that of a whole column.
    """
    if price is None:
        return DASH
    return _fixed(price, prices_decimals(market, (price,)) if decimals is None else decimals)


def signed_price_text(market: str, change: Decimal | None, price: Decimal) -> str:
    """Return a change of a price with its sign, with the decimals of the price: "+1,000", "-0.01", "0"."""
    if change is None:
        return DASH
    return _signed(_fixed(change, max(prices_decimals(market, (price,)), min(decimals_of(change), _SMALLEST))))


def arrow(change: Decimal | int | None) -> str:
    """Return ▲ for a rise, ▼ for a fall, and nothing for neither; colours never stand alone."""
    if not change:
        return ""
    return "▲" if change > 0 else "▼"


def percent_text(ratio: Decimal | None, decimals: int = 2) -> str:
    """Return a ratio as a percentage with its sign: Decimal("0.0123") is "+1.23%"."""
    if ratio is None:
        return DASH
    return _signed(_fixed(ratio.scaleb(2, _WIDE), decimals)) + "%"


def volume_decimals(market: str, price: Decimal) -> int:
    """Return with how many decimals volumes of a market are shown where there is little room, 0 to 8."""
    digits = _VOLUME_DIGITS.get(quote_of(market), _SMALLEST) + (price.adjusted() if price else 0)
    return min(max(digits, 0), _SMALLEST)


@lru_cache(maxsize=4096)  # most sizes of a book stay from one moment to the next
def volume_text(volume: Decimal | None, decimals: int = _SMALLEST) -> str:
    """Return a volume with a fixed number of decimals; something that would look like nothing is "<0.001"."""
    if volume is None:
        return DASH
    text = _fixed(volume, decimals)
    if volume and not text.strip("-0.,"):
        return "<" + format(Decimal(1).scaleb(-decimals), "f")
    return text


def full_text(number: Decimal | None) -> str:
    """Return a number with all its digits, thousands separated, trailing zeros left out."""
    return DASH if number is None else _fixed(number, decimals_of(number))


def brief_text(number: Decimal | None, digits: int = 6) -> str:
    """Return a number with about so many significant digits, thousands separated; all digits before the point stay."""
    if number is None or not number.is_finite():
        return DASH
    decimals = digits - 1 - (number.adjusted() if number else digits)
    return full_text(_WIDE.quantize(number, Decimal(1).scaleb(-min(max(decimals, 0), 12))))


def money_text(currency: str, amount: Decimal | None) -> str:
    """Return an amount of money: whole won, cents of a dollar, eight decimals of anything else."""
    return DASH if amount is None else _fixed(amount, _MONEY_DECIMALS.get(currency, _SMALLEST), ROUND_HALF_UP)


def short_money_text(amount: Decimal | None, *, korean: bool) -> str:
    """Return a large amount in few characters: "1.23조", "4,567억", or "1.23T", "456.7B"."""
    if amount is None:
        return DASH
    places = abs(amount).adjusted() if amount else 0
    for power, unit in _KOREAN_UNITS if korean else _ENGLISH_UNITS:
        if places >= power:
            shown = amount.scaleb(-power, _WIDE)
            return _fixed(shown, max(0, 2 - shown.adjusted())) + unit
    return _fixed(amount, 0 if places >= 2 else 2)


def group_levels(market: str, price: Decimal) -> tuple[Decimal, ...]:
    """Return the groupings that an order book can be asked for at a price, 0 (none) first; only KRW markets have more.

    They are the powers of ten times the tick, up to the price, as the exchange's list of supported levels has them.
    """
    if quote_of(market) != "KRW" or price <= 0:
        return (_ZERO,)
    levels, level = [_ZERO], tick_size(market, price) * 10
    while level <= price:
        levels.append(level)
        level *= 10
    return tuple(levels)


def _fixed(number: Decimal, decimals: int, rounding: str = ROUND_HALF_EVEN) -> str:
    if not number.is_finite():
        return DASH
    rounded = number.quantize(Decimal(1).scaleb(-decimals), rounding=rounding, context=_WIDE)
    return format(rounded if rounded else abs(rounded), ",f")  # no "-0"


def _signed(text: str) -> str:
    return text if text[0] == "-" or not text.strip("0.,–") else "+" + text


def _exponent(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0
