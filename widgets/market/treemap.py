"""Rectangles whose areas are as given, as near to squares as may be; numbers alone, no Qt.

After Bruls, Huizing and van Wijk: rows are filled along the shorter side, each as long as that makes its worst
rectangle less slender.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Box", "treemap"]


class Box(NamedTuple):
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float


def treemap(sizes: Sequence[float], area: Box) -> list[Box]:
    """Cut an area into one box for each size, in their order.

    Example:
        >>> treemap([3.0, 1.0], Box(0, 0, 400, 100))
        [Box(x=0, y=0, width=300.0, height=100.0), Box(x=300.0, y=0, width=100.0, height=100.0)]

    Args:
        sizes: above 0, the largest first: small ones among large ones make slender boxes.
        area: what there is; of no extent, all boxes are.
    """
    total = sum(sizes)
    if not sizes or total <= 0 or area.width <= 0 or area.height <= 0:
        return [Box(area.x, area.y, 0.0, 0.0)] * len(sizes)
    scale = area.width * area.height / total
    areas = [size * scale for size in sizes]
    boxes: list[Box] = []
    x, y, width, height = area
    begin = 0
    while begin < len(areas):
        side = min(width, height)
        end = _row_end(areas, begin, side)
        row = areas[begin:end]
        depth = min(sum(row) / side, width if width >= height else height) if side > 0 else 0.0
        place = y if width >= height else x
        for each in row:
            length = each / depth if depth > 0 else 0.0
            boxes.append(Box(x, place, depth, length) if width >= height else Box(place, y, length, depth))
            place += length
        if width >= height:
            x, width = x + depth, max(0.0, width - depth)
        else:
            y, height = y + depth, max(0.0, height - depth)
        begin = end
    return boxes


def _row_end(areas: Sequence[float], begin: int, side: float) -> int:
    """Return where a row ends that begins somewhere along a side: before the first one that would make it worse."""
    total, largest, smallest = areas[begin], areas[begin], areas[begin]
    worst = _slenderness(total, largest, smallest, side)
    end = begin + 1
    while end < len(areas):
        each = areas[end]
        total, largest, smallest = total + each, max(largest, each), min(smallest, each)
        found = _slenderness(total, largest, smallest, side)
        if found > worst:
            break
        worst, end = found, end + 1
    return end


def _slenderness(total: float, largest: float, smallest: float, side: float) -> float:
    if smallest <= 0 or side <= 0 or total <= 0:
        return float("inf")
    square, along = total * total, side * side
    return max(along * largest / square, square / (along * smallest))
