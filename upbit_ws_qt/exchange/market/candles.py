"""Candles of one market while it trades: one second is gathered, then folded into every longer unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
MINUTES = {1, 3, 5, 10, 15, 30, 60, 240}


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


class LiveCandles:
    """The running candle of every unit."""

    __slots__ = ("_gathered", "last_trade_ms", "running")

    def __init__(self) -> None:
        self.running: dict[str, CandleValues] = {}
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
            else:
                running[kind] = merged(candle, second, start)

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
