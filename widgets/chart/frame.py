"""Where everything of one picture of the chart is: which bars, at which x, and the panes with their scales."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PyQt6.QtCore import QPointF, QRectF

    from ..formulas.candles import Column
    from .scale import ValueScale

__all__ = ["Bins", "Frame", "Pane", "index_of_time", "time_of_index"]


@dataclass(frozen=True, slots=True)
class Pane:
    """One pane: its name (see ChartChoice.panes), place and scale."""

    name: str
    rect: QRectF
    scale: ValueScale


@dataclass(frozen=True, slots=True)
class Frame:
    """All of it.

    Attributes:
        plot: around all panes, without axes.
        first, end: the bars that are seen, `end` excluded.
        count: of all bars.
        last: bars, and parts of one, left of the right edge.
        bar_width: in pixels; may be less than one.
        panes: from top to bottom, prices first.
        base: the price that counts as 0 %.
    """

    plot: QRectF
    first: int
    end: int
    count: int
    last: float
    bar_width: float
    panes: tuple[Pane, ...]
    base: float

    def x(self, index: float) -> float:
        """Return the middle of a bar, which need not exist."""
        return self.plot.right() - (self.last - index - 0.5) * self.bar_width

    def xs(self, indices: Column) -> Column:
        """Return the middles of bars."""
        return self.plot.right() - (self.last - indices - 0.5) * self.bar_width

    def index(self, x: float) -> float:
        """Return the place among the bars of an x coordinate: 3.0 is the middle of the fourth bar."""
        return self.last - (self.plot.right() - x) / self.bar_width - 0.5

    @property
    def price(self) -> Pane:
        """The pane of the prices."""
        return self.panes[0]

    def pane_at(self, place: QPointF) -> Pane | None:
        """Return the pane at a place."""
        return next((pane for pane in self.panes if pane.rect.contains(place)), None)

    def pane(self, name: str) -> Pane | None:
        """Return a pane by name."""
        return next((pane for pane in self.panes if pane.name == name), None)


@dataclass(frozen=True, slots=True)
class Bins:
    """Bars that share a pixel, put together; by their numbers from the first one on, so that nothing flickers.

    Attributes:
        size: bars in each.
        begins: index of each bin's first bar among those it was made of.
        middles: place of each among all bars.
    """

    size: int
    begins: np.ndarray[tuple[int], np.dtype[np.intp]]
    middles: Column

    @classmethod
    def of(cls, first: int, end: int, bar_width: float) -> Bins:
        """Return the bins for bars of which each has less than a pixel."""
        size = int(np.ceil(1 / bar_width))
        numbers = np.arange(first, end) // size
        begins = np.flatnonzero(np.diff(numbers, prepend=numbers[0] - 1)) if end > first else np.empty(0, dtype=np.intp)
        return cls(size, begins, (numbers[begins] * size + (size - 1) / 2).astype(np.float64))

    def lowest(self, values: Column) -> Column:
        """Return the least of each bin; NaN only where it has no value at all."""
        return np.fmin.reduceat(values, self.begins) if len(self.begins) else values[:0]

    def highest(self, values: Column) -> Column:
        """Return the greatest of each bin."""
        return np.fmax.reduceat(values, self.begins) if len(self.begins) else values[:0]

    def opening(self, values: Column) -> Column:
        """Return the first of each bin."""
        return values[self.begins]

    def closing(self, values: Column) -> Column:
        """Return the last of each bin."""
        return values[np.append(self.begins[1:], len(values)) - 1] if len(self.begins) else values[:0]


def index_of_time(starts: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]], time: float, unit: int) -> float:
    """Return the place of a time (seconds since 1970) among bars; before and after them as if they went on.

    Args:
        starts: of the bars, ascending; not empty.
        time: which.
        unit: length of a bar in seconds.
    """
    count = len(starts)
    place = bisect_left(starts, time)
    if place < count and starts[place] == time:
        return float(place)
    if place == 0:
        return (time - float(starts[0])) / unit
    before = float(starts[place - 1])
    if place == count:
        return count - 1 + (time - before) / unit
    return place - 1 + (time - before) / (float(starts[place]) - before)


def time_of_index(starts: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]], index: float, unit: int) -> float:
    """Return the time at a place among bars: the other way round."""
    count = len(starts)
    if index <= 0:
        return float(starts[0]) + index * unit
    if index >= count - 1:
        return float(starts[-1]) + (index - count + 1) * unit
    whole = int(index)
    return float(starts[whole]) + (index - whole) * (float(starts[whole + 1]) - float(starts[whole]))
