"""Candle units and time frames as people say them."""

from __future__ import annotations

from .text import mark, tr

__all__ = ["unit_text"]

_HOUR = 60
_CALENDAR = {"days": mark("Days"), "weeks": mark("Weeks"), "months": mark("Months"), "years": mark("Years")}


def unit_text(unit: str) -> str:
    """Return "1m", "240m" or "days" in the language in force: 1분, 4시간, 일; what is no unit is returned as it is."""
    if unit in _CALENDAR:
        return tr(_CALENDAR[unit])
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
