"""Where things are on a chart's axes, where grid lines go, and what stands at them."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..formulas.candles import Column

__all__ = [
    "CALENDAR_UNITS",
    "UNITS",
    "TimeMark",
    "ValueScale",
    "grid_prices",
    "on_tick",
    "percent_grid",
    "time_marks",
    "time_step",
    "time_text",
    "unit_seconds",
]

CALENDAR_UNITS = ("days", "weeks", "months", "years")
"""Candles that begin at 00:00 UTC, 09:00 in Korea, and are called by their date."""
UNITS = ("1s", "1m", "3m", "5m", "10m", "15m", "30m", "60m", "240m", *CALENDAR_UNITS)
_CALENDAR_DAYS = {"days": 1, "weeks": 7, "months": 30, "years": 365}

_KST = timedelta(hours=9)
_KST_SECONDS = 9 * 3600
_EPOCH_MONTH = 1970 * 12
_DAY = 86_400
_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_ROUND = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    _DAY, 2 * _DAY, 5 * _DAY, 10 * _DAY, 31 * _DAY, 92 * _DAY, 183 * _DAY, 366 * _DAY,
    2 * 366 * _DAY, 5 * 366 * _DAY, 10 * 366 * _DAY,
)  # fmt: skip
_MONTHS = {31 * _DAY: 1, 92 * _DAY: 3, 183 * _DAY: 6, 366 * _DAY: 12, 732 * _DAY: 24, 1830 * _DAY: 60, 3660 * _DAY: 120}
"""Steps of _ROUND that are no lengths of time but numbers of months, each as long as the longest of its kind."""


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
    """Return the length of a candle in seconds, of months and years about."""
    if unit in _CALENDAR_DAYS:
        return _CALENDAR_DAYS[unit] * _DAY
    return int(unit[:-1]) * (1 if unit.endswith("s") else 60)


def time_step(seconds: float) -> int:
    """Return the shortest round length of time that is no shorter than `seconds`."""
    return _ROUND[min(bisect_left(_ROUND, seconds), len(_ROUND) - 1)]


def time_marks(starts: Sequence[int] | NDArray[np.int64], first: int, step: int) -> list[TimeMark]:
    """Return the round times between bars, every `step` seconds in Korean time, and a date where a day begins.

    Where nothing was traded there is no bar: a round time without one lies between its neighbours.

    Args:
        starts: of the bars, seconds since 1970 UTC, ascending; the bar before the first one too, where there is one.
        first: index of the first of them.
        step: from `time_step`.
    """
    local = np.asarray(starts, dtype=np.int64) + _KST_SECONDS
    months = _MONTHS.get(step)
    marks = []
    if months is not None:
        month = local.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) + _EPOCH_MONTH
        for at in _changes(month // months):
            begun = int(month[at]) // months * months
            marks.append(TimeMark(first + at, _month_text(begun), begun % 12 == 0))
        return marks
    # Only where another step or another day begins is there anything to say.
    for at in _changes(local // step, local // _DAY):
        here, before = int(local[at]), int(local[at - 1])
        midnight = here // _DAY * _DAY
        is_date = before < midnight
        moment = midnight if is_date and step < _DAY else here // step * step
        if before >= moment:
            continue
        text = _date_text(moment) if is_date or step >= _DAY else _clock_text(moment, step)
        is_there = moment == here or here - before >= _DAY  # a candle of days is called by its date
        marks.append(TimeMark(first + at if is_there else first + at - 0.5, text, is_date))
    return marks


def _changes(*numbers: NDArray[np.int64]) -> list[int]:
    """Return the places at which one of the columns has another number than at the place before."""
    changed = np.zeros(max(0, len(numbers[0]) - 1), dtype=bool)
    for column in numbers:
        changed |= column[1:] != column[:-1]
    return [int(place) + 1 for place in np.flatnonzero(changed)]


def _month_text(month: int) -> str:
    return f"{month // 12}" if month % 12 == 0 else f"{month // 12}-{month % 12 + 1:02}"


def time_text(start: int, unit: str) -> str:
    """Return the whole label of a candle's start (seconds since 1970) in Korean time; of days and longer the date."""
    moment = datetime.fromtimestamp(start, UTC) + _KST
    if unit in CALENDAR_UNITS:
        return f"{moment:%Y}" if unit == "years" else f"{moment:%Y-%m}" if unit == "months" else f"{moment:%Y-%m-%d}"
    return f"{moment:%m-%d %H:%M:%S}" if unit.endswith("s") else f"{moment:%m-%d %H:%M}"


def _clock_text(local: int, step: int) -> str:
    moment = datetime.fromtimestamp(local, UTC)
    return f"{moment:%H:%M:%S}" if step < 60 else f"{moment:%H:%M}"


def _date_text(local: int) -> str:
    moment = datetime.fromtimestamp(local, UTC)
    return f"{moment:%Y-%m-%d}" if (moment.month, moment.day) == (1, 1) else f"{moment:%m-%d}"


@dataclass(frozen=True, slots=True)
class ValueScale:
    """Values to pixels and back, in one pane.

    Attributes:
        low, high: values at the lower and the upper edge; low < high.
        top, height: of the pane, in pixels.
        is_log: whether equal ratios, instead of equal differences, are equally high; both values are above 0 then.
    """

    low: float
    high: float
    top: float
    height: float
    is_log: bool = False

    def y(self, value: float) -> float:
        """Return where a value is."""
        return float(self.ys(np.array([value]))[0])

    def ys(self, values: Column) -> Column:
        """Return where values are; those that a logarithmic scale does not have are nowhere."""
        if self.is_log:
            with np.errstate(divide="ignore", invalid="ignore"):
                share: Column = np.log(values / self.low) / math.log(self.high / self.low)
        else:
            share = (values - self.low) / (self.high - self.low)
        return self.top + (1.0 - share) * self.height

    def value(self, y: float) -> float:
        """Return the value at a place."""
        share = 1 - (y - self.top) / self.height
        if self.is_log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)


def percent_grid(scale: ValueScale, base: float, most: int) -> list[tuple[float, Decimal]]:
    """Return (price, change against a price in hundredths) of grid lines at round percentages."""
    changes = grid_prices((scale.low / base - 1) * 100, (scale.high / base - 1) * 100, most)
    return [(base * (1 + float(each) / 100), each.scaleb(-2)) for each in changes]
