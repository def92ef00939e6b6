"""Candles of one market while it trades: one second is gathered, then folded into every longer unit."""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from upbit_ws_qt.exchange.messages import CandleValues

MINUTE_MS = 60_000
DAY_MS = 86_400_000
SECOND = "candle.1s"
UNITS = {
    SECOND: 1000,
    "candle.1m": MINUTE_MS,
    "candle.3m": 3 * MINUTE_MS,
    "candle.5m": 5 * MINUTE_MS,
    "candle.10m": 10 * MINUTE_MS,
    "candle.15m": 15 * MINUTE_MS,
    "candle.30m": 30 * MINUTE_MS,
    "candle.60m": 60 * MINUTE_MS,
    "candle.240m": 240 * MINUTE_MS,
}
DAY = "1d"  # kept for indicators, never sent
_ALL = (*UNITS.items(), (DAY, DAY_MS))
# Finished candles are kept by these units, enough of them for 200 of REST and 400 of an indicator.
_KEPT = {SECOND: 300, "candle.1m": 600, "candle.5m": 1200, "candle.30m": 800, "candle.240m": 400, DAY: 400}
_KEPT_AS = {
    0: SECOND,
    1: "candle.1m",
    3: "candle.1m",
    5: "candle.5m",
    10: "candle.5m",
    15: "candle.5m",
    30: "candle.30m",
    60: "candle.30m",
    240: "candle.240m",
}
_PRICES = struct.Struct("<5q")
_SUM = 16  # bytes of a volume, and of funds: cheap assets outgrow 64 bits


def packed(candle: CandleValues) -> bytes:
    """Return a candle in 72 bytes; worlds run for weeks."""
    start, opening, high, low, last, volume, funds = candle
    sums = volume.to_bytes(_SUM, "little") + funds.to_bytes(_SUM, "little")
    return _PRICES.pack(start, opening, high, low, last) + sums


def unpacked(data: bytes) -> CandleValues:
    """Return the candle `packed` was given."""
    start, opening, high, low, last = _PRICES.unpack_from(data)
    volume, funds = data[40:56], data[56:]
    return start, opening, high, low, last, int.from_bytes(volume, "little"), int.from_bytes(funds, "little")


def merged(candle: CandleValues, later: CandleValues, start: int) -> CandleValues:
    """Return the candle from `start` that holds both."""
    _, opening, high, low, _, volume, funds = candle
    _, _, later_high, later_low, last, later_volume, later_funds = later
    return (
        start,
        opening,
        max(high, later_high),
        min(low, later_low),
        last,
        volume + later_volume,
        funds + later_funds,
    )


def gathered(pieces: Iterable[CandleValues], length: int, count: int) -> list[CandleValues]:
    """Sum candles, newest first, up into at most `count` of `length` ms, newest first."""
    found: list[CandleValues] = []
    running: CandleValues | None = None
    for piece in pieces:
        start = piece[0] // length * length
        if running is not None and running[0] == start:
            running = merged(piece, running, start)
            continue
        if running is not None:
            found.append(running)
            if len(found) == count:
                return found
        running = (start, *piece[1:])
    if running is not None:
        found.append(running)
    return found


class LiveCandles:
    """The running candle of every unit, and the finished ones of some."""

    __slots__ = ("_finished", "_gathered", "last_trade_ms", "running", "seam_ms")

    def __init__(self, seam_ms: int) -> None:
        self.seam_ms = seam_ms  # what ended before is history
        self.running: dict[str, CandleValues] = {}
        self._finished: dict[str, deque[bytes]] = {kind: deque(maxlen=kept) for kind, kept in _KEPT.items()}
        self._gathered: list[int] | None = None
        self.last_trade_ms = 0

    def trade(self, ms: int, price: int, volume: int, funds: int) -> bool:
        """Add a trade; True when it is the first of its second (then `fold` is due at the end of it)."""
        self.last_trade_ms = ms
        gathered = self._gathered
        if gathered is None:
            self._gathered = [ms - ms % 1000, price, price, price, price, volume, funds]
            return True
        if price > gathered[2]:
            gathered[2] = price
        elif price < gathered[3]:
            gathered[3] = price
        gathered[4] = price
        gathered[5] += volume
        gathered[6] += funds
        return False

    def _second(self) -> CandleValues | None:
        if self._gathered is None:
            return None
        start, opening, high, low, last, volume, funds = self._gathered
        return start, opening, high, low, last, volume, funds

    def fold(self) -> None:
        """Work the gathered second into the running candles."""
        second = self._second()
        if second is None:
            return
        self._gathered = None
        running = self.running
        for kind, length in _ALL:
            start = second[0] - second[0] % length
            candle = running.get(kind)
            if candle is None or candle[0] != start:
                running[kind] = (start, *second[1:])
                if candle is not None and kind in _KEPT and candle[0] + length > self.seam_ms:
                    self._finished[kind].append(packed(candle))
            else:
                running[kind] = merged(candle, second, start)

    def put(self, kind: str, candle: CandleValues, ms: int) -> None:
        """Make a candle the running one of its unit."""
        self.fold()
        before = self.running.get(kind)
        if before is not None and before[0] < candle[0] and kind in _KEPT and before[0] + UNITS[kind] > self.seam_ms:
            self._finished[kind].append(packed(before))
        self.running[kind] = candle
        self.last_trade_ms = max(self.last_trade_ms, ms)

    def pieces(self, minutes: int) -> tuple[Iterator[CandleValues], int]:
        """Return what is known since the seam, newest first, in candles that `minutes` (0: a second) is a multiple of.

        The second value is where they begin; what was traded before is history, unless too much has been forgotten.
        Of seconds it is a whole minute: what went before is made out of the minutes.
        """
        kind = _KEPT_AS[minutes]
        finished = self._finished[kind]
        start = self.seam_ms // UNITS[kind] * UNITS[kind]
        if len(finished) == _KEPT[kind]:
            start = max(start, unpacked(finished[0])[0])
            if kind == SECOND:
                start = -(-start // MINUTE_MS) * MINUTE_MS

        def newest_first() -> Iterator[CandleValues]:
            candle = self.now(kind)
            if candle is not None and candle[0] >= start:
                yield candle
            kept = self.running.get(kind)
            if kept is not None and candle is not None and kept[0] < candle[0] and kept[0] >= start:
                yield kept
            for candle in map(unpacked, reversed(finished)):
                if candle[0] < start:
                    return
                yield candle

        return newest_first(), start

    def days(self) -> list[CandleValues]:
        """Return the days since the one that holds the seam, newest first."""
        running = [self.running[DAY]] if DAY in self.running else []
        return [*running, *map(unpacked, reversed(self._finished[DAY]))]

    def now(self, kind: str) -> CandleValues | None:
        """Return the candle of `kind` with the trades of the unfinished second; None before any trade."""
        candle, second = self.running.get(kind), self._second()
        if second is None:
            return candle
        length = DAY_MS if kind == DAY else UNITS[kind]
        start = second[0] - second[0] % length
        if candle is None or candle[0] != start:
            return (start, *second[1:])
        return merged(candle, second, start)
