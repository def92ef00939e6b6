"""Where a panel goes that was not in the arrangement: where there is room for it, never on top of a narrow one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QRect

from .layout import MOST_DEPTH, Arrangement, Floating, Leaf, Node, Split, kind_of, number_of
from .moving import depth

if TYPE_CHECKING:
    from PyQt6.QtCore import QSize

__all__ = ["placed"]

_WIDE = {"monitor": (900, 400), "log": (700, 140)}
"""Panels that belong under all others: how wide and high (points) they have to be there."""
_LEFT_ABOVE = 300
"""Points of height that the panels above keep at least."""
_LEAST_HALF = 240
"""Points of width or height that a panel has at least where it shares the place of another."""
_NOT_NARROW = 2 / 3
"""Of the widest group's width; a watch list beside a chart has less, and may cover more all the same."""
_FLOATING = (1060, 640)
_SHARE = {"monitor": 0.5, "log": 0.25}


def placed(arrangement: Arrangement, panel: str, room: QSize, window: QRect) -> Arrangement:
    """Return an arrangement that shows one panel more.

    The monitor and the log go along the bottom, or, where the window is too small for that, into a window of their
    own; a further panel of a kind shares the place of one that is there already, if each has enough of it; any other
    panel becomes a tab of the largest group that is not narrow.

    Args:
        arrangement: without the panel.
        panel: which.
        room: that the docks have.
        window: of the program, for a panel that floats.
    """
    root, leaf = arrangement.root, Leaf((panel,), panel)
    if root is None:
        return replace(arrangement, root=leaf)
    if number_of(panel) > 1:
        split = _beside_its_like(root, panel, room)
        if split is not None and depth(split) <= MOST_DEPTH:
            return replace(arrangement, root=split)
    kind = kind_of(panel)
    if kind not in _WIDE:
        return replace(arrangement, root=_onto(root, _largest(root, room), panel))
    width, height = _WIDE[kind]
    share = max(_SHARE[kind], height / max(1, room.height()))
    fits = room.width() >= width and room.height() * (1 - share) >= _LEFT_ABOVE
    below = _below(root, leaf, share)
    if fits and depth(below) <= MOST_DEPTH:
        return replace(arrangement, root=below)
    size = _FLOATING
    place = QRect(0, 0, *size)
    place.moveCenter(window.center())
    floating = Floating(panel, place.x(), place.y(), *size)
    return replace(arrangement, floating=(*arrangement.floating, floating))


def _beside_its_like(root: Node, panel: str, room: QSize) -> Node | None:
    """Cut the largest place of a panel of the same kind in two, the long way; None where that would be too little."""
    kind = kind_of(panel)
    places = [each for each in _areas(root, room.width(), room.height()) if kind in map(kind_of, each[2].panels)]
    if not places:
        return None
    width, height, target = max(places, key=lambda each: each[0] * each[1])
    vertical = height > width
    if max(width, height) / 2 < _LEAST_HALF:
        return None
    return _cut(root, target, Split(vertical, (0.5, 0.5), (target, Leaf((panel,), panel))))


def _areas(node: Node, width: float, height: float) -> list[tuple[float, float, Leaf]]:
    if isinstance(node, Leaf):
        return [(width, height, node)]
    return [
        found
        for share, part in zip(node.shares, node.parts, strict=True)
        for found in _areas(
            part, width if node.vertical else width * share, height * share if node.vertical else height
        )
    ]


def _cut(node: Node, target: Leaf, split: Split) -> Node:
    """Put a split in the place of a leaf, as part of the one around it where both go the same way."""
    if isinstance(node, Leaf):
        return split if node is target else node
    parts: list[Node] = []
    shares: list[float] = []
    for share, part in zip(node.shares, node.parts, strict=True):
        found = _cut(part, target, split)
        if found is split and split.vertical is node.vertical:
            parts += split.parts
            shares += [share / 2, share / 2]
        else:
            parts.append(found)
            shares.append(share)
    return Split(node.vertical, tuple(shares), tuple(parts))


def _below(root: Node, leaf: Leaf, share: float) -> Node:
    if isinstance(root, Split) and root.vertical:
        return Split(True, (*(each * (1 - share) for each in root.shares), share), (*root.parts, leaf))
    return Split(True, (1 - share, share), (root, leaf))


def _largest(root: Node, room: QSize) -> Leaf:
    """Return the largest group, of those that are not narrow beside the widest."""
    areas = _areas(root, room.width(), room.height())
    least = max(width for width, _, _ in areas) * _NOT_NARROW
    return max((each for each in areas if each[0] >= least), key=lambda each: each[0] * each[1])[2]


def _onto(node: Node, target: Leaf, panel: str) -> Node:
    if isinstance(node, Leaf):
        return Leaf((*node.panels, panel), panel) if node is target else node
    return Split(node.vertical, node.shares, tuple(_onto(part, target, panel) for part in node.parts))
