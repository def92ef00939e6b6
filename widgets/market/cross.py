"""What a coin costs by way of bitcoin and of dollars, beside what it costs directly; numbers alone, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

__all__ = ["CrossPremium", "beyond", "cross_markets", "cross_premium"]

_WAYS = ("BTC", "USDT")


@dataclass(frozen=True, slots=True)
class CrossPremium:
    """One coin.

    Attributes:
        coin: "ETH".
        direct: its price in the money of the country.
        by_btc, by_usdt: what it costs where it is bought with bitcoin, or with USDT, which are bought with that money;
            None where there is no such market, or no price of it yet.
    """

    coin: str
    direct: Decimal
    by_btc: Decimal | None = None
    by_usdt: Decimal | None = None

    @property
    def btc_premium(self) -> Decimal | None:
        """By how much the direct price is above (0.01 is 1 %) that by way of bitcoin."""
        return None if not self.by_btc else self.direct / self.by_btc - 1

    @property
    def usdt_premium(self) -> Decimal | None:
        """The same by way of USDT."""
        return None if not self.by_usdt else self.direct / self.by_usdt - 1

    @property
    def largest(self) -> Decimal | None:
        """The premium that is farthest from nothing, with its sign."""
        known = [each for each in (self.btc_premium, self.usdt_premium) if each is not None]
        return max(known, key=abs) if known else None


def cross_markets(codes: Collection[str], money: str = "KRW") -> dict[str, tuple[str, ...]]:
    """Return, for each coin that has a way round, its markets: the direct one first.

    Args:
        codes: of all markets that there are.
        money: the currency in which it is reckoned.
    """
    there = set(codes)
    ways = [way for way in _WAYS if f"{money}-{way}" in there]
    found = {}
    for code in codes:
        quote, _, coin = code.partition("-")
        others = tuple(f"{way}-{coin}" for way in ways if f"{way}-{coin}" in there)
        if quote == money and others:
            found[coin] = (code, *others)
    return found


def cross_premium(coin: str, price_of: Callable[[str], Decimal | None], money: str = "KRW") -> CrossPremium | None:
    """Return what a coin costs each way; None where its direct price is not known.

    Example:
        >>> prices = {"KRW-ETH": 5_100_000, "BTC-ETH": "0.05", "KRW-BTC": 100_000_000}
        >>> found = cross_premium("ETH", lambda code: Decimal(prices[code]) if code in prices else None)
        >>> found.by_btc, found.btc_premium
        (Decimal('5000000.00'), Decimal('0.02'))

    Args:
        coin: which.
        price_of: the present price of a market, None where it is not known.
        money: the currency in which it is reckoned.
    """
    direct = price_of(f"{money}-{coin}")
    if direct is None:
        return None
    by = [_product(price_of(f"{way}-{coin}"), price_of(f"{money}-{way}")) for way in _WAYS]
    return CrossPremium(coin, direct, *by)


def beyond(premiums: Iterable[CrossPremium], threshold: Decimal) -> list[CrossPremium]:
    """Return those whose largest premium is at or beyond a threshold (0.01 is 1 %) either way, largest first."""
    found = [each for each in premiums if each.largest is not None and abs(each.largest) >= threshold]
    return sorted(found, key=lambda each: abs(each.largest or Decimal(0)), reverse=True)


def _product(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else one * other
