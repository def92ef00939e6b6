"""Candle units and time frames as people say them."""

from __future__ import annotations

from .text import tr

__all__ = ["unit_text"]

_HOUR = 60


def unit_text(unit: str) -> str:
    """Return "1m" or "240m" in the language in force: 1분, 4시간; what is no unit is returned as it is."""
    number, kind = unit[:-1], unit[-1:]
    if not (number.isascii() and number.isdigit()):
        return unit
    count = int(number)
    if kind == "s":
        return tr("{count}s", count=count)
    if kind == "m" and count % _HOUR == 0:
        return tr("{count}h", count=count // _HOUR)
    if kind == "d":
        return tr("{count}d", count=count)
    return tr("{count}m", count=count) if kind == "m" else unit
