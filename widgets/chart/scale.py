"""Where a chart's grid lines go, and what stands at them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

__all__ = ["grid_prices", "time_text"]

_KST = timedelta(hours=9)
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))


def grid_prices(low: float, high: float, most: int) -> list[Decimal]:
    """Return at most `most` round prices between two others, lowest first."""
    if not low < high or most < 1:
        return []
    bottom, top = Decimal(repr(low)), Decimal(repr(high))
    raw = (top - bottom) / most
    power = Decimal(1).scaleb(raw.adjusted())
    step = next(each * power for each in _STEPS if each * power >= raw)
    first = (bottom / step).to_integral_value(rounding="ROUND_CEILING")
    return [(first + number) * step for number in range(most + 1) if (first + number) * step <= top]


def time_text(start: int, unit: str) -> str:
    """Return the label of a candle's start (seconds since 1970) in Korean time."""
    moment = datetime.fromtimestamp(start, UTC) + _KST
    if unit.endswith("s"):
        return f"{moment:%H:%M:%S}"
    return f"{moment:%m-%d %H:%M}" if unit in ("60m", "240m") else f"{moment:%H:%M}"
