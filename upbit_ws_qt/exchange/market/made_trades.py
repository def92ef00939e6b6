"""The trades of a past second, made up on demand: the same whenever one asks, and together that second's candle.

First and last price, high, low and volume are exactly the candle's; the money that changed hands is only near it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .numbers import split

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import CandleValues

    from .path import PricePath
    from .tape import Trade

_MOST = 12  # trades of a second
_SPACING_MS = 80


def trades_of(second: CandleValues, path: PricePath, typical: int, rank: int) -> list[Trade]:
    """Return the trades of a one-second candle, oldest first.

    Args:
        second: the candle.
        path: what chance comes from.
        typical: volume of a usual trade, which says how many there are.
        rank: number of the market, 0 to 9,999: no two markets share an id.
    """
    start, opening, high, low, last, volume, _ = second
    dice, place = path.dice, start // 1000
    turns = (high, low) if dice(place, 17) > 0 else (low, high)
    prices = [opening]
    for price in (*turns, last):
        if price != prices[-1]:
            prices.append(price)
    if len(prices) > volume:  # a speck of dust cannot be shared
        prices = [last]
    times = min(max(volume // max(typical, 1), 1), _MOST, volume) // len(prices) or 1
    prices = [price for price in prices for _ in range(times)]
    count = len(prices)
    parts = split(volume - count, [1.2 + dice(place * _MOST + part, 18) for part in range(count)])
    found: list[Trade] = []
    for part, (price, size) in enumerate(zip(prices, parts, strict=True)):
        ms = start + part * _SPACING_MS + int(abs(dice(place * _MOST + part, 19)) * (_SPACING_MS - 1))
        found.append((ms * 10_000 + rank, ms, price, size + 1, dice(place * _MOST + part, 20) > 0))
    return found
