"""What is traded: assets with their names and first prices, the markets made of them, and how busy each is."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.exchange.regions import FULL_KOREA, REGIONS

from .numbers import UNIT, to_units
from .ticks import GRIDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASSETS = Path(__file__).with_name("assets.tsv")
KRW_OF: Mapping[str, Decimal] = MappingProxyType(
    {
        "KRW": Decimal(1),
        "BTC": Decimal(150_000_000),
        "USDT": Decimal(1452),
        "SGD": Decimal(1110),
        "IDR": Decimal("0.0967"),
        "THB": Decimal(45),
    }
)
"""What one unit of a quote currency is worth in KRW; prices of assets are listed in KRW."""

_LEAST_IN_BTC = 30  # KRW; cheaper assets would have hardly any grid left in a BTC market
_LEAST_OF_ALL = Decimal("7.5")  # KRW: five ticks in a BTC market; in the full market such pairs are traded too
CAUTIONS = (
    "PRICE_FLUCTUATIONS", "TRADING_VOLUME_SOARING", "DEPOSIT_AMOUNT_SOARING", "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)  # fmt: skip
"""Why a market may be one to be careful with; /v1/market/all names all five, true or false."""

_CAREFUL = {"KRW-SHIB": (CAUTIONS[0], CAUTIONS[2]), "KRW-DOGE": (CAUTIONS[1],)}
_QUOTE_SHARE = {"BTC": 0.01, "USDT": 0.03}  # of the activity of the same asset against the country's own currency


@dataclass(frozen=True, slots=True)
class Market:
    """One trading pair, with the names the exchange publishes for it."""

    market: str
    korean_name: str
    english_name: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A market as the simulation starts it: price in units of 1e-8, relative activity, warning flags.

    `caution` is the `market_warning` of its tickers; `cautions` are reasons to be careful, a thing of its own.
    """

    market: Market
    quote: str
    base: str
    price: int
    weight: float
    caution: bool
    delisting_date: str | None
    cautions: tuple[str, ...] = ()

    @property
    def market_event(self) -> dict[str, Any]:
        """The warnings as /v1/market/all spells them."""
        return {"warning": self.caution, "caution": {name: name in self.cautions for name in CAUTIONS}}

    @property
    def code(self) -> str:
        """The pair, `KRW-BTC`."""
        return self.market.market


def _assets() -> list[tuple[str, str, str, Decimal]]:
    rows = []
    for line in _ASSETS.read_text(encoding="utf-8").splitlines():
        symbol, english, korean, price = line.split("\t")
        rows.append((symbol, english, korean, Decimal(price)))
    return rows


@cache
def listings(country: str = "kr", *, full: bool = False) -> tuple[Listing, ...]:
    """Return every market of a country, its own currency's first, then BTC, then USDT, each busiest first.

    `full` gives all 855 of Korea.
    """
    assets = _assets()
    region = REGIONS[country]
    found: list[Listing] = []
    least = _LEAST_OF_ALL if full else _LEAST_IN_BTC
    for quote, most in (FULL_KOREA if full else region.pairs).items():
        quote_price = KRW_OF[quote]
        members = [row for row in enumerate(assets) if row[1][0] != quote and (quote != "BTC" or row[1][3] >= least)]
        for rank, (symbol, english, korean, price) in members[:most]:
            units = GRIDS[quote].floor(int(price / quote_price * UNIT) if quote != "KRW" else to_units(price))
            market = Market(f"{quote}-{symbol}", korean, english)
            weight = _QUOTE_SHARE.get(quote, 1.0) / (rank + 1.5) ** 1.15
            leaving = quote == region.fiat and rank == most - 3
            cautions = _CAREFUL.get(market.market, ())
            found.append(
                Listing(market, quote, symbol, units, weight, leaving, "2027-01-29" if leaving else None, cautions)
            )
    return tuple(found)


def choose(count: int | None, country: str = "kr", *, full: bool = False) -> tuple[Listing, ...]:
    """Return the first `count` markets of a country, or all; ValueError unless 1 <= count."""
    if count is not None and count < 1:
        raise ValueError(f"a world needs at least one market, not {count}")
    return listings(country, full=full)[:count]
