"""The seconds of a minute, made up on demand: the same whenever one asks, and together exactly that minute."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from .numbers import split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upbit_ws_qt.exchange.messages import CandleValues

    from .path import PricePath
    from .ticks import Grid

_PULLS = (1.0, 0.7, 0.4, 0.2, 0.0)  # how far prices may be from the mean of the minute, straightest way first
_Spans = list[tuple[int, int]]  # high and low of each second


def seconds_of(minute: CandleValues, path: PricePath, grid: Grid, empty: float) -> list[CandleValues]:
    """Return the traded seconds of a one-minute candle, oldest first.

    Args:
        minute: the candle, of the past or live.
        path: what chance comes from.
        grid: of the market's prices.
        empty: the share of seconds without a trade.
    """
    start, opening, high, low, last, volume, funds = minute
    dice, first = path.dice, start // 1000
    end = 59 - int(abs(dice(first, 11)) * 30 * empty)
    weights = [
        1.2 + dice(first + place, 13) if dice(first + place, 14) >= 2 * empty - 1 else 0.0 for place in range(end)
    ]
    volumes = split(volume, [*weights, 1.2 + dice(first + end, 13)])
    traded = [place for place, part in enumerate(volumes) if part]
    parts = [volumes[place] for place in traded]
    jitter = [dice(first + place, 16) for place in traded]
    mean = funds // volume
    turns = _turns(len(traded), opening, high, low, last, rising=dice(first, 15) > 0)
    for pull in _PULLS:
        points = _walk(turns, mean, pull, jitter, grid, (low, high))
        spans = [(max(pair), min(pair)) for pair in pairwise(points)]
        if len(spans) < 3:  # too few to turn at both
            spans[0], spans[-1] = (high, spans[0][1]), (high if len(spans) == 1 else spans[-1][0], low)
        if _total(spans, parts, 1) <= funds <= _total(spans, parts, 0):
            break
    spans = _widened(spans, parts, funds)
    paid = _shared_funds(spans, parts, funds)
    return [
        (start + place * 1000, here, top, bottom, there, part, cost)
        for place, (here, there), (top, bottom), part, cost in zip(
            traded, pairwise(points), spans, parts, paid, strict=True
        )
    ]


def _turns(count: int, opening: int, high: int, low: int, last: int, *, rising: bool) -> list[tuple[int, int]]:
    """Return (place, price) of where a minute of `count` traded seconds turns: at its high and low, in either order."""
    if count < 3:
        return [(0, opening), (count, last)]
    one, other = (low, high) if rising else (high, low)
    return [(0, opening), (count // 3, one), (2 * count // 3, other), (count, last)]


def _walk(
    turns: list[tuple[int, int]], mean: int, pull: float, jitter: Sequence[float], grid: Grid, bounds: tuple[int, int]
) -> list[int]:
    """Return the prices between the seconds, from turn to turn, the nearer to the mean the less `pull` is."""
    low, high = bounds
    points = [turns[0][1]]
    for (here, price), (there, goal) in pairwise(turns):
        for place in range(here + 1, there):
            straight = price + (goal - price) * (place - here) // (there - here)
            way = mean + int((straight - mean) * pull + (high - low) * jitter[place] * 0.1)
            points.append(min(max(grid.floor(max(way, 1)), low), high))
        points.append(goal)
    return points


def _total(spans: _Spans, volumes: list[int], which: int) -> int:
    return sum(span[which] * part for span, part in zip(spans, volumes, strict=True))


def _widened(spans: _Spans, volumes: list[int], funds: int) -> _Spans:
    """Return the spans, each made to hold the mean price where otherwise too little or too much would be paid."""
    mean, most = funds // sum(volumes), -(-funds // sum(volumes))
    if _total(spans, volumes, 0) < funds:
        spans = [(max(top, most), bottom) for top, bottom in spans]
    if _total(spans, volumes, 1) > funds:
        spans = [(top, min(bottom, mean)) for top, bottom in spans]
    return spans


def _shared_funds(spans: _Spans, volumes: list[int], funds: int) -> list[int]:
    """Share funds out to the last unit so that nothing was paid outside of its span."""
    rooms = [(top - bottom) * part for (top, bottom), part in zip(spans, volumes, strict=True)]
    rest, whole = funds - _total(spans, volumes, 1), sum(rooms) or 1
    reached, given, found = 0, 0, []
    for (_, bottom), part, room in zip(spans, volumes, rooms, strict=True):
        reached += room
        upto = reached * rest // whole
        found.append(bottom * part + upto - given)
        given = upto
    return found
