"""Candles as columns of floats, which formulas and pictures work on; what is said in words stays Decimal elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Column", "Columns", "heikin_ashi"]

Column: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """Candles, oldest first; all columns are of one length.

    Attributes:
        start: of each, seconds since 1970 UTC.
        opening, high, low, close: prices.
        volume: in the base currency.
    """

    start: NDArray[np.int64]
    opening: Column
    high: Column
    low: Column
    close: Column
    volume: Column

    def __len__(self) -> int:
        return len(self.start)

    @classmethod
    def of(cls, start: NDArray[np.int64], values: NDArray[np.float64]) -> Columns:
        """Return columns of a table with a row for each of opening, high, low, close and volume."""
        opening, high, low, close, volume = values
        return cls(start, opening, high, low, close, volume)


def heikin_ashi(columns: Columns) -> Columns:
    """Return the smoothed candles of that name: each opens in the middle of the one before, and closes at the mean.

    A candle depends on those before it and on none after it.
    """
    if not len(columns):
        return columns
    import talib  # costs what a program that shows no such candles need not pay

    smoothed = talib.HA(columns.opening, columns.high, columns.low, columns.close)
    return Columns(columns.start, *smoothed, columns.volume)
