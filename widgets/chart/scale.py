"""Where a chart's grid lines go, and what stands at them."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TimeMark", "grid_prices", "on_tick", "time_marks", "time_step", "time_text", "unit_seconds"]

_KST = timedelta(hours=9)
_KST_SECONDS = 9 * 3600
_DAY = 86_400
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_ROUND = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY,
)  # fmt: skip


class TimeMark(NamedTuple):
    """A round time on the axis.

    Attributes:
        place: index of the bar it stands at; a half less where it lies before that bar.
        text: the time, or at midnight the date.
        is_date: whether a day begins there.
    """

    place: float
    text: str
    is_date: bool


def grid_prices(low: float, high: float, most: int, tick: Decimal = Decimal(0)) -> list[Decimal]:
    """Return at most `most` round prices between two others, lowest first; all of them on the grid of ticks."""
    if not low < high or most < 1:
        return []
    bottom, top = Decimal(repr(low)), Decimal(repr(high))
    raw = max((top - bottom) / most, tick)
    power = Decimal(1).scaleb(raw.adjusted())
    step = next(each * power for each in _STEPS if each * power >= raw)
    first = (bottom / step).to_integral_value(rounding="ROUND_CEILING")
    return [(first + number) * step for number in range(most + 1) if (first + number) * step <= top]


def on_tick(price: Decimal, tick: Decimal) -> Decimal:
    """Return the price that a market can have nearest to another one."""
    return (price / tick).to_integral_value() * tick


def unit_seconds(unit: str) -> int:
    """Return the length of a candle in seconds."""
    return int(unit[:-1]) * (1 if unit.endswith("s") else 60)


def time_step(seconds: float) -> int:
    """Return the shortest round length of time that is no shorter than `seconds`."""
    return _ROUND[min(bisect_left(_ROUND, seconds), len(_ROUND) - 1)]


def time_marks(starts: Sequence[int], first: int, step: int) -> list[TimeMark]:
    """Return the round times between bars, every `step` seconds in Korean time, and a date where a day begins.

    Where nothing was traded there is no bar: a round time without one lies between its neighbours.

    Args:
        starts: of the bars, seconds since 1970 UTC, ascending; the bar before the first one too, where there is one.
        first: index of the first of them.
        step: from `time_step`.
    """
    marks = []
    for place, (before, start) in enumerate(pairwise(starts), first + 1):
        local = start + _KST_SECONDS
        midnight = local // _DAY * _DAY
        is_date = before + _KST_SECONDS < midnight
        moment = midnight if is_date else local // step * step
        if not is_date and before + _KST_SECONDS >= moment:
            continue
        text = _date_text(moment, step) if is_date or step >= _DAY else _clock_text(moment, step)
        marks.append(TimeMark(place if moment == local else place - 0.5, text, is_date))
    return marks


def time_text(start: int, unit: str) -> str:
    """Return the whole label of a candle's start (seconds since 1970) in Korean time."""
    moment = datetime.fromtimestamp(start, UTC) + _KST
    return f"{moment:%m-%d %H:%M:%S}" if unit.endswith("s") else f"{moment:%m-%d %H:%M}"


def _clock_text(local: int, step: int) -> str:
    moment = datetime.fromtimestamp(local, UTC)
    return f"{moment:%H:%M:%S}" if step < 60 else f"{moment:%H:%M}"


def _date_text(local: int, step: int) -> str:
    moment = datetime.fromtimestamp(local, UTC)
    return f"{moment:%Y-%m}" if step >= 30 * _DAY else f"{moment:%m-%d}"
