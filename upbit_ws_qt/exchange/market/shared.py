"""What all markets of a world draw on."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from .path import NoiseTable
from .tape import TapeRoom

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.exchange.messages import Change

    from .beat import Beat

MILLE = 1000
_SIZES = 1024


class Shared:
    """What all markets of a world draw on: randomness, noise, the counter of trades."""

    def __init__(self, seed: int, start_ms: int, *, has_levels: bool = True, lifelike: bool = False) -> None:
        self.random = Random(seed)
        self.noise = NoiseTable(seed)
        self.seed = seed
        self.start_ms = start_ms
        self.has_levels = has_levels  # whether frames of order books say by which level they are grouped
        self.lifelike = lifelike  # whether live candles have to look like those of the past, to whoever watches
        spread = Random(f"sizes {seed}")
        self.sizes = [max(20, int(MILLE * spread.lognormvariate(-0.72, 1.2))) for _ in range(_SIZES)]
        self.beat: Beat | None = None  # None: each change of a book is sent at once
        self.traded: list[Callable[[list[Change]], None]] = []  # what ends the unfinished second of a market
        self.tapes = TapeRoom()
        self._trades = 0

    def sequential_id(self, ms: int) -> int:
        """Return a fresh id: unique, roughly by time, but in no strict order (protocol sheet, "Messages")."""
        self._trades += 1
        count = self._trades
        return (ms - count % 3) * 10_000 + count * 7919 % 10_000
