"""What alarms are told of: prices, books, candles, lists of markets, announcements, silence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal

    from ..formulas.candles import Columns

__all__ = [
    "AnnouncementSeen",
    "Basis",
    "BookSeen",
    "CandlesSeen",
    "LossSeen",
    "MarketsSeen",
    "PriceSeen",
    "Seen",
    "SilenceSeen",
]


class Basis(StrEnum):
    """What a judgement rests on; an alarm that fires says so where it is not LIVE."""

    LIVE = "live"
    LATE = "late"
    """The data came later than the exchange's own time says they should."""
    RECOVERED = "recovered"
    """The data were missed, and asked for afterwards."""
    GAP = "gap"
    """The line was down since the data it is compared with: it may have happened at any time meanwhile."""
    START = "start"
    """The program did not run since the data it is compared with."""


@dataclass(frozen=True, slots=True)
class PriceSeen:
    """A price; `at` is the exchange's time in ms, as everywhere here."""

    price: Decimal
    at: int
    basis: Basis = Basis.LIVE


@dataclass(frozen=True, slots=True)
class BookSeen:
    """The best prices of a book."""

    bid: Decimal
    ask: Decimal
    at: int
    basis: Basis = Basis.LIVE


@dataclass(frozen=True, slots=True, eq=False)
class CandlesSeen:
    """Candles, oldest first, of which the last one is not closed yet."""

    columns: Columns
    unit: str
    at: int
    basis: Basis = Basis.LIVE


@dataclass(frozen=True, slots=True)
class MarketsSeen:
    """The markets that there are."""

    codes: frozenset[str]
    at: int
    basis: Basis = Basis.LIVE


@dataclass(frozen=True, slots=True)
class AnnouncementSeen:
    """An announcement."""

    title: str
    body: str
    at: int
    basis: Basis = Basis.LIVE


@dataclass(frozen=True, slots=True)
class SilenceSeen:
    """For so long a market's data have not been the present ones; 0 once they are again."""

    seconds: float
    at: int
    basis: Basis = Basis.LIVE


@dataclass(frozen=True, slots=True)
class LossSeen:
    """So many trades of a market are lost for good, as far as anybody knows, and why."""

    trades: int
    reason: str
    at: int
    basis: Basis = Basis.LIVE


Seen: TypeAlias = PriceSeen | BookSeen | CandlesSeen | MarketsSeen | AnnouncementSeen | SilenceSeen | LossSeen
