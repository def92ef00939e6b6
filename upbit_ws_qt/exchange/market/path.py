"""The fair price of an asset at any moment, past or future: seeded noise of many wavelengths."""

from __future__ import annotations

import math
from random import Random

_TABLE_SIZE = 4096
_MASK = _TABLE_SIZE - 1
_STRIDE = 1669  # odd, so that a walk over the table meets every entry before the first again
DAY_MS = 86_400_000
# Wavelengths in ms; each a quarter of the one before, as moves grow with the square root of time.
_WAVELENGTHS = [64 * DAY_MS // 4**k for k in range(9)]  # 64 days down to about 84 s

_FLUTTER = (21_000, 5_250)  # ms: what prices do within a minute
_HOUR_MS = 3_600_000
_LIVELY = 2.0  # so that a live minute is as high as one of the past
_STRAIGHT = 5  # octaves of six hours and more


class NoiseTable:
    """The random numbers all paths of one world draw from."""

    def __init__(self, seed: int) -> None:
        random = Random(f"path {seed}")
        self.values = [random.uniform(-1.0, 1.0) for _ in range(_TABLE_SIZE)]
        self.values.append(self.values[0])  # so that entry i + 1 needs no mask


class PricePath:
    """A continuous price over time that equals `price` at `start_ms`.

    `volatility` is the typical relative move of a day. The noise is bounded, and so is the price, for ever.
    """

    __slots__ = ("_flutter", "_octaves", "_origin", "_salt", "_table", "price")

    def __init__(self, table: NoiseTable, name: str, price: float, volatility: float, start_ms: int) -> None:
        random = Random(f"{name} path")
        self._table = table.values
        # A linear walk between lattice points of variance 1/3: this factor makes the day's move come out right.
        self._octaves = [
            (wavelength, random.randrange(_TABLE_SIZE), volatility * math.sqrt(wavelength / DAY_MS) * 1.6)
            for wavelength in _WAVELENGTHS
        ]
        self.price = price
        self._salt = random.randrange(_TABLE_SIZE)
        self._flutter = [
            (wavelength, random.randrange(_TABLE_SIZE), volatility * math.sqrt(wavelength / DAY_MS) * _LIVELY)
            for wavelength in _FLUTTER
        ]
        self._origin = self._noise(start_ms)

    def at(self, ms: int) -> float:
        """Return the fair price at an epoch millisecond."""
        return self.price * math.exp(self._noise(ms) - self._origin)

    def flutter(self, ms: int) -> float:
        """Return the factor by which the price strays from the path at a moment, as it does within a minute."""
        return math.exp(self._sum(self._flutter, ms))

    def dice(self, place: int, use: int) -> float:
        """Return a number in -1 … 1 that is always the same for the same place and use."""
        return self._table[(place * 2731 + (place >> 9) * use + use * 977 + self._salt) & _MASK]

    def hour(self, start_ms: int, points: int) -> list[float]:
        """Return the price at `points` equally spaced moments of an hour, both ends included; faster than `at`."""
        end_ms = start_ms + _HOUR_MS
        table = self._table
        # Within a whole hour the longer waves run straight, so two values hold them all.
        first = self._noise(start_ms, 0, _STRAIGHT) - self._origin
        slope = (self._noise(end_ms - 1, 0, _STRAIGHT) - self._origin - first) / (_HOUR_MS - 1)
        found = []
        for point in range(points):
            ms = start_ms + _HOUR_MS * point // (points - 1)
            total = first + slope * (ms - start_ms)
            for wavelength, offset, amplitude in self._octaves[_STRAIGHT:]:
                cell, rest = divmod(ms, wavelength)
                here = table[(cell * _STRIDE + offset) & _MASK]
                there = table[(cell * _STRIDE + _STRIDE + offset) & _MASK]
                total += amplitude * (here + (there - here) * rest / wavelength)
            found.append(self.price * math.exp(total))
        return found

    def _noise(self, ms: int, first: int = 0, last: int = len(_WAVELENGTHS)) -> float:
        return self._sum(self._octaves[first:last], ms)

    def _sum(self, octaves: list[tuple[int, int, float]], ms: int) -> float:
        table = self._table
        total = 0.0
        for wavelength, offset, amplitude in octaves:
            cell, rest = divmod(ms, wavelength)
            here = table[(cell * _STRIDE + offset) & _MASK]
            there = table[(cell * _STRIDE + _STRIDE + offset) & _MASK]
            total += amplitude * (here + (there - here) * rest / wavelength)
        return total
