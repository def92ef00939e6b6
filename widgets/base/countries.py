"""The countries that the exchange has a house in: what they are called, and what is traded against what there."""

from __future__ import annotations

from .price_format import quote_of
from .text import mark

__all__ = ["COUNTRIES", "USUAL_COUNTRY", "market_in", "quotes_in"]

USUAL_COUNTRY = "kr"
COUNTRIES = {"kr": mark("Korea"), "sg": mark("Singapore"), "id": mark("Indonesia"), "th": mark("Thailand")}
"""By the name that ServiceConfig has for them."""
_CURRENCIES = {"kr": "KRW", "sg": "SGD", "id": "IDR", "th": "THB"}


def quotes_in(country: str) -> tuple[str, ...]:
    """Return what markets of a country are paid in, its own currency first."""
    return _CURRENCIES.get(country, _CURRENCIES[USUAL_COUNTRY]), "BTC", "USDT"


def market_in(country: str, symbol: str) -> str:
    """Return the market to show first in a country: the one that was looked at last, or its own of that coin.

    Example:
        >>> market_in("sg", "KRW-ETH"), market_in("kr", "BTC-XRP")
        ('SGD-ETH', 'BTC-XRP')
    """
    quotes = quotes_in(country)
    if quote_of(symbol) in quotes:
        return symbol
    return f"{quotes[0]}-{symbol.partition('-')[2]}"
