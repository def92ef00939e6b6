"""What a heat map shows, reckoned from what the service kept: levels by row and column, and words for each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..base.text import brief_age_text, tr
from .words import clock, line_name, milliseconds, stream_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt import FreshnessMap, LatencyMap, StreamKey

__all__ = ["FRESH", "OLD", "Heat", "HeatLabel", "age_words", "freshness_heat", "latency_heat"]

FRESH, OLD = 0.1, 600.0
"""Seconds: what is younger than the one has the faintest colour, what is older than the other the strongest."""
_LEAST_CLASSES = 8
"""Of a distribution that are shown at least, so that one of a single class has a scale."""
_DECADES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)


class HeatLabel(NamedTuple):
    """A word beside the rows; `place` is counted in rows from the bottom."""

    place: float
    text: str


class Heat(NamedTuple):
    """A picture in numbers.

    Attributes:
        times: where each column begins, seconds since 1970.
        step: seconds from one to the next.
        levels: by row, from the bottom, and column; NaN where nothing is known.
        labels: what stands beside the rows.
        tell: says what a cell (row, column) is about, a line each.
    """

    times: np.ndarray
    step: float
    levels: np.ndarray
    labels: tuple[HeatLabel, ...]
    tell: Callable[[int, int], list[str]]


def latency_heat(found: LatencyMap) -> Heat | None:
    """Return a distribution over time; None where nothing was measured.

    The level of a cell is the root of its share of what was measured in its column: few slow ones can be seen, too.
    """
    classes = len(found.edges) + 1
    if not len(found.times):
        return None
    counts = np.asarray(found.counts, dtype=float).reshape(len(found.times), classes).T
    sums = counts.sum(axis=0)
    used = np.flatnonzero(counts.sum(axis=1))
    if not used.size:
        return None
    low = max(0, int(used[0]) - 1)
    high = min(classes, max(int(used[-1]) + 2, low + _LEAST_CLASSES))
    low = max(0, min(low, high - _LEAST_CLASSES))
    with np.errstate(divide="ignore", invalid="ignore"):
        levels = np.sqrt(counts / sums)
    levels[(counts == 0) | (sums == 0)[None, :]] = math.nan
    labels = [
        HeatLabel(place, _time_words(edge))
        for edge in _DECADES
        # A class ends at its edge: the decade lies between two rows.
        if 0 < (place := _nearest(found.edges, edge) + 1 - low) < high - low
    ]

    def tell(row: int, column: int) -> list[str]:
        place = row + low
        part, whole = int(counts[place, column]), int(sums[column])
        lines = [_when(found.times[column], found.step), _class_words(found.edges, place)]
        if not whole:
            return [lines[0], tr("nothing was measured")]
        lines.append(tr("{part:,} of {whole:,} ({percent:.1f} %)", part=part, whole=whole, percent=100 * part / whole))
        half, most = (_quantile(found.edges, counts[:, column], share) for share in (0.5, 0.95))
        lines.append(tr("half within {half}, 95 % within {most}", half=half, most=most))
        return lines

    return Heat(np.asarray(found.times), found.step, levels[low:high], tuple(labels), tell)


def freshness_heat(found: FreshnessMap, most_rows: int, query: str = "") -> Heat | None:
    """Return the age of streams over time, the first at the top; None where there are none.

    Args:
        found: what the service kept.
        most_rows: where there are more streams, neighbours share a row, which shows the oldest of them.
        query: a part of the names of those that are wanted, in whatever case; "" for all.
    """
    wanted = query.strip().casefold()
    keys = sorted((key for key in found.ages if wanted in stream_name(key).casefold()), key=_place_of)
    if not keys or not len(found.times):
        return None
    together = math.ceil(len(keys) / max(1, most_rows))
    groups = [keys[place : place + together] for place in range(0, len(keys), together)]
    groups.reverse()  # rows are counted from the bottom
    ages = [np.asarray([found.ages[key] for key in group]) for group in groups]
    with np.errstate(divide="ignore", invalid="ignore"):
        oldest = np.asarray([np.fmax.reduce(each, axis=0) for each in ages])
        levels = np.clip(np.log(oldest / FRESH) / math.log(OLD / FRESH), 0.0, 1.0)
    levels[np.isnan(oldest)] = math.nan

    def tell(row: int, column: int) -> list[str]:
        group, now = groups[row], ages[row][:, column]
        lines = [_when(found.times[column], found.step)]
        known = np.flatnonzero(np.isfinite(now))
        if not known.size:
            return [*lines, stream_name(group[0]), tr("no event yet")]
        place = int(known[np.argmax(now[known])])
        lines.append(stream_name(group[place]))
        lines.append(tr("last event {age} before", age=age_words(float(now[place]))))
        if len(group) > 1:
            lines.append(tr("the oldest of {count} in this row", count=len(group)))
        return lines

    return Heat(np.asarray(found.times), found.step, levels, _kinds(groups), tell)


def age_words(seconds: float) -> str:
    """Return an age in few letters."""
    return tr("{seconds} s", seconds=f"{seconds:.1f}") if seconds < 10 else brief_age_text(round(seconds))


def _kinds(groups: list[list[StreamKey]]) -> tuple[HeatLabel, ...]:
    """Return the names of streams where each has a row, else of what kind they are, in the middle of each kind."""
    if all(len(group) == 1 for group in groups) and len(groups) <= 1:
        return (HeatLabel(0.5, stream_name(groups[0][0])),)
    found: dict[tuple[str, str], list[int]] = {}
    for row, group in enumerate(groups):
        key = group[0]
        found.setdefault((line_name(key.websocket_type), stream_name(key._replace(symbol="", variant=""))), []).append(
            row
        )
    return tuple(HeatLabel((rows[0] + rows[-1] + 1) / 2, name) for (_, name), rows in found.items())


def _place_of(key: StreamKey) -> tuple[str, str, str, str]:
    # Public before private and info, as everywhere in the monitor.
    return (
        {"public": "0", "private": "1"}.get(key.websocket_type.value, "2"),
        key.data_type.value,
        key.symbol,
        key.variant,
    )


def _when(begin: float, step: float) -> str:
    return f"{clock(begin)} – {clock(begin + step)}"


def _time_words(seconds: float) -> str:
    return tr("{seconds} s", seconds=f"{seconds:g}") if seconds >= 1 else f"{seconds * 1000:g} ms"


def _class_words(edges: tuple[float, ...], place: int) -> str:
    if place == 0:
        return tr("under {time} ms", time=milliseconds(edges[0]))
    if place == len(edges):
        return tr("over {time} ms", time=milliseconds(edges[-1]))
    return tr("{low} to {high} ms", low=milliseconds(edges[place - 1]), high=milliseconds(edges[place]))


def _quantile(edges: tuple[float, ...], counts: np.ndarray, share: float) -> str:
    """Return the upper end of the class in which a share of the times is reached."""
    place = int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
    return f"{milliseconds(edges[min(place, len(edges) - 1)])} ms" if place < len(edges) else "∞"


def _nearest(edges: tuple[float, ...], edge: float) -> int:
    return min(range(len(edges)), key=lambda place: abs(math.log(edges[place] / edge)))
