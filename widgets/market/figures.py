"""What is known of one market: its ticker, what it cost a while ago, its candles; numbers alone, no Qt."""

from __future__ import annotations

from bisect import bisect_right
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from ..formulas.candles import Columns
from ..formulas.catalog import FORMULAS, curves_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt import TickerEvent

    from .expression import Figure

__all__ = ["UNIT_SECONDS", "MarketFigures", "Trail"]

KEPT_MINUTES = 62
_HUNDRED = Decimal(100)
UNIT_SECONDS = {
    "1m": 60, "3m": 180, "5m": 300, "10m": 600, "15m": 900, "30m": 1800, "60m": 3600, "240m": 14_400,
    "days": 86_400, "weeks": 604_800,
}  # fmt: skip


class Trail:
    """The last price of each minute of an hour; a minute without a trade has none, and the one before counts."""

    def __init__(self) -> None:
        self._minutes: list[int] = []
        self._prices: list[Decimal] = []

    def note(self, minute: int, price: Decimal) -> None:
        """Note a price; within a minute the last one stays."""
        if self._minutes and minute <= self._minutes[-1]:
            if minute == self._minutes[-1]:
                self._prices[-1] = price
            return
        self._minutes.append(minute)
        self._prices.append(price)
        if self._minutes[0] < minute - KEPT_MINUTES:
            keep = bisect_right(self._minutes, minute - KEPT_MINUTES) - 1
            del self._minutes[: max(keep, 0)], self._prices[: max(keep, 0)]

    def merge(self, past: Iterable[tuple[int, Decimal]]) -> None:
        """Take over what was asked for; what was seen live stays."""
        known = dict(past) | dict(zip(self._minutes, self._prices, strict=True))
        self._minutes = sorted(known)
        self._prices = [known[minute] for minute in self._minutes]

    def before(self, minute: int) -> Decimal | None:
        """Return the price at the end of a minute; None where the trail does not reach back to it."""
        place = bisect_right(self._minutes, minute)
        return self._prices[place - 1] if place else None


class MarketFigures:
    """One market.

    Attributes:
        code: which.
        event: its newest ticker; None before there was one.
        trail: what it cost in the last hour.
        day: the closes of the last 24 hours, oldest first; empty before they are known.
        best: best bid and ask; None before they are known.
    """

    def __init__(self, code: str) -> None:
        self.code = code
        self.event: TickerEvent | None = None
        self.trail = Trail()
        self.has_hour = False
        self.day: tuple[float, ...] = ()
        self.best: tuple[Decimal, Decimal] | None = None
        self._candles: dict[str, Columns] = {}
        self._reckoned: dict[Figure, tuple[int, Decimal | None]] = {}

    def take(self, event: TickerEvent) -> None:
        """Take its newest ticker over."""
        self.event = event
        self.trail.note(event.trade_timestamp // 60_000, event.trade_price)

    def take_candles(self, unit: str, columns: Columns) -> None:
        """Take candles over, oldest first."""
        self._candles[unit] = columns
        self._reckoned = {figure: each for figure, each in self._reckoned.items() if figure.unit != unit}

    def drop_candles(self, unit: str) -> None:
        """Forget candles: there is room for so many only."""
        self._candles.pop(unit, None)
        self._reckoned = {figure: each for figure, each in self._reckoned.items() if figure.unit != unit}

    def change(self, minutes: int, now: int) -> Decimal | None:
        """Return by how much (0.01 is 1 %) the price is above that of the minute so many minutes before this one.

        Args:
            minutes: how many.
            now: the present minute, since 1970.
        """
        then = self.trail.before(now - minutes)
        return None if self.event is None or not then else self.event.trade_price / then - 1

    @property
    def spread(self) -> Decimal | None:
        """What lies between bid and ask, as a share of the bid; None where it is not known."""
        if self.best is None or not self.best[0]:
            return None
        return (self.best[1] - self.best[0]) / self.best[0]

    def value(self, figure: Figure, now: float) -> Decimal | None:
        """Return a figure; None where it is not known (yet).

        Args:
            figure: which.
            now: seconds since 1970, by the exchange's clock.
        """
        event = self.event
        if figure.name == "spread":
            return None if self.spread is None else self.spread * _HUNDRED
        if event is None:
            return None
        if figure.name in FORMULAS:
            return self._formula(figure, event.trade_price, int(now))
        if figure.name == "change" and figure.values:
            change = self.change(int(figure.values[0]), int(now) // 60)
            return None if change is None else change * _HUNDRED
        return {
            "price": event.trade_price,
            "change": event.signed_change_rate * _HUNDRED,
            "value": event.acc_trade_price_24h,
            "volume": event.acc_trade_volume_24h,
            "high": event.high_price,
            "low": event.low_price,
        }[figure.name]

    def _formula(self, figure: Figure, price: Decimal, now: int) -> Decimal | None:
        columns = self._candles.get(figure.unit)
        if columns is None or not len(columns):
            return None
        known = self._reckoned.get(figure)
        if known is not None and known[0] == now // 2:  # what changes faster cannot be read
            return known[1]
        curve = curves_of(FORMULAS[figure.name], continued(columns, float(price), now, figure.unit), figure.values)
        found = float(curve[figure.line].values[-1])
        value = Decimal(repr(found)) if np.isfinite(found) else None
        self._reckoned[figure] = now // 2, value
        return value


def continued(columns: Columns, price: float, now: int, unit: str) -> Columns:
    """Return candles with the present price in the last one, or in a new one where its time is over."""
    seconds = UNIT_SECONDS[unit]
    last = int(columns.start[-1])
    values = np.array([columns.opening, columns.high, columns.low, columns.close, columns.volume])
    start = columns.start
    if now >= last + seconds:
        begins = last + (now - last) // seconds * seconds
        start = np.append(start, begins)
        values = np.column_stack((values, (price, price, price, price, 0.0)))
    else:
        values[1, -1] = max(values[1, -1], price)
        values[2, -1] = min(values[2, -1], price)
        values[3, -1] = price
    return Columns.of(start, values)
