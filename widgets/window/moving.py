"""Moves a panel through an arrangement step by step, as the keyboard has it; plain data, no window."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from .layout import MOST_DEPTH, MOST_WINDOWS, Arrangement, Leaf, Node, SidePlace, Split

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Step", "depth", "into_new_window", "into_next_window", "joined", "moved", "without"]

_OUTER_SHARE = 0.3  # of the window, for a panel that goes to its edge


class Step(Enum):
    """Where to; as (is vertical, is forward)."""

    LEFT = (False, False)
    RIGHT = (False, True)
    UP = (True, False)
    DOWN = (True, True)

    @property
    def vertical(self) -> bool:
        """Whether it goes up or down."""
        return self.value[0]

    @property
    def forward(self) -> bool:
        """Whether it goes right or down."""
        return self.value[1]


def moved(arrangement: Arrangement, panel: str, step: Step) -> Arrangement:
    """Move a docked panel one step: out of its tabs, past its neighbour, or to the edge of its window.

    Where there is nowhere to go, or the panel is not docked, the arrangement stays as it is.
    """
    return _changed(arrangement, panel, lambda root: _moved(root, panel, step))


def joined(arrangement: Arrangement, panel: str) -> Arrangement:
    """Lay a docked panel onto the group that follows its own, as a tab; the last group is followed by the first."""
    return _changed(arrangement, panel, lambda root: _joined(root, panel))


def without(arrangement: Arrangement, panel: str) -> Arrangement:
    """Take a panel out, wherever it is; the others share its room, and a window of nothing is none."""
    root = None if arrangement.root is None else _without(arrangement.root, panel)
    rest = ((each, _without(each.root, panel)) for each in arrangement.windows)
    return replace(
        arrangement,
        root=None if root is None else _flat(root),
        floating=tuple(each for each in arrangement.floating if each.panel != panel),
        windows=tuple(replace(each, root=_flat(left)) for each, left in rest if left is not None),
    )


def into_new_window(arrangement: Arrangement, panel: str, place: tuple[int, int, int, int]) -> Arrangement:
    """Give a panel a window beside the others; as it was where there may be no more of them."""
    after = without(arrangement, panel)
    if len(after.windows) >= MOST_WINDOWS:
        return arrangement
    return replace(after, windows=(*after.windows, SidePlace(_alone(panel), *place)))


def into_next_window(arrangement: Arrangement, panel: str) -> Arrangement:
    """Put a panel beside what is in the next window; the last one is followed by the main one."""
    roots = [arrangement.root, *(each.root for each in arrangement.windows)]
    here = next((place for place, root in enumerate(roots) if root is not None and _has(root, panel)), 0)
    places = [*range(1, len(roots)), 0]
    target = arrangement.windows[places[here] - 1] if places[here] else None
    after = without(arrangement, panel)
    if target is None:
        if after.root is None:
            return replace(after, root=_alone(panel))
        found = _flat(_beside(after.root, _alone(panel), Step.RIGHT, _OUTER_SHARE))
        return arrangement if depth(found) > MOST_DEPTH else replace(after, root=found)
    widened = replace(target, root=_flat(_beside(target.root, _alone(panel), Step.RIGHT, 0.5)))
    if depth(widened.root) > MOST_DEPTH:
        return arrangement
    return replace(after, windows=tuple(widened if each == target else each for each in after.windows))


def _changed(arrangement: Arrangement, panel: str, change: Callable[[Node], Node]) -> Arrangement:
    """Change that window's panels which has this one."""
    if arrangement.root is not None and _has(arrangement.root, panel):
        return replace(arrangement, root=change(arrangement.root))
    windows = (
        replace(each, root=change(each.root)) if _has(each.root, panel) else each for each in arrangement.windows
    )
    return replace(arrangement, windows=tuple(windows))


def _moved(root: Node, panel: str, step: Step) -> Node:
    found = _stepped(root, panel, step)
    if found is None:
        rest = _without(root, panel)
        at_edge = isinstance(root, Split) and root.vertical is step.vertical and _is(root.parts[-step.forward], panel)
        if rest is None or at_edge:
            return root
        found = _beside(rest, _alone(panel), step, _OUTER_SHARE)
    found = _flat(found)
    return root if depth(found) > MOST_DEPTH else found


def _joined(root: Node, panel: str) -> Node:
    groups = _leaves(root)
    own = next(place for place, leaf in enumerate(groups) if panel in leaf.panels)
    target = groups[(own + 1) % len(groups)]
    rest = _without(root, panel)
    if rest is None or panel in target.panels:
        return root
    return _flat(_replaced(rest, target, Leaf((*target.panels, panel), panel)))


def depth(node: Node) -> int:
    """Return how many splits are within each other, and one."""
    return 1 if isinstance(node, Leaf) else 1 + max(depth(part) for part in node.parts)


def _stepped(node: Node, panel: str, step: Step) -> Node | None:
    """Return the node after a step that is possible within it; None where there is none."""
    if isinstance(node, Leaf):
        return _beside(_rest_of(node, panel), _alone(panel), step, 0.5) if len(node.panels) > 1 else None
    place = next(number for number, part in enumerate(node.parts) if _has(part, panel))
    inner = _stepped(node.parts[place], panel, step)
    parts, shares = list(node.parts), list(node.shares)
    if inner is not None:
        parts[place] = inner
        return Split(node.vertical, node.shares, tuple(parts))
    if node.vertical is not step.vertical:
        return None
    if _is(parts[place], panel):
        other = place + (1 if step.forward else -1)
        if not 0 <= other < len(parts):
            return None
        parts[place], parts[other] = parts[other], parts[place]
        shares[place], shares[other] = shares[other], shares[place]
        return Split(node.vertical, tuple(shares), tuple(parts))
    left = _without(parts[place], panel)
    assert left is not None  # it is not alone there
    parts[place] = _beside(left, _alone(panel), step, 0.5)
    return Split(node.vertical, node.shares, tuple(parts))


def _alone(panel: str) -> Leaf:
    return Leaf((panel,), panel)


def _rest_of(leaf: Leaf, panel: str) -> Leaf:
    panels = tuple(each for each in leaf.panels if each != panel)
    return Leaf(panels, leaf.current if leaf.current in panels else panels[0])


def _beside(node: Node, panel: Leaf, step: Step, share: float) -> Split:
    if step.forward:
        return Split(step.vertical, (1 - share, share), (node, panel))
    return Split(step.vertical, (share, 1 - share), (panel, node))


def _has(node: Node, panel: str) -> bool:
    return panel in node.panels if isinstance(node, Leaf) else any(_has(part, panel) for part in node.parts)


def _is(node: Node, panel: str) -> bool:
    return isinstance(node, Leaf) and node.panels == (panel,)


def _leaves(node: Node) -> list[Leaf]:
    return [node] if isinstance(node, Leaf) else [leaf for part in node.parts for leaf in _leaves(part)]


def _without(node: Node, panel: str) -> Node | None:
    """Take a panel out; the others of its split share its room."""
    if isinstance(node, Leaf):
        if panel not in node.panels:
            return node
        return None if len(node.panels) == 1 else _rest_of(node, panel)
    kept = [(share, left) for share, part in zip(node.shares, node.parts, strict=True)
            if (left := _without(part, panel)) is not None]  # fmt: skip
    if len(kept) < 2:
        return kept[0][1] if kept else None
    whole = sum(share for share, _ in kept)
    return Split(node.vertical, tuple(share / whole for share, _ in kept), tuple(part for _, part in kept))


def _replaced(node: Node, old: Leaf, new: Leaf) -> Node:
    if isinstance(node, Leaf):
        return new if node == old else node
    return Split(node.vertical, node.shares, tuple(_replaced(part, old, new) for part in node.parts))


def _flat(node: Node) -> Node:
    """Make one split of those that go the same way."""
    if isinstance(node, Leaf):
        return node
    parts: list[Node] = []
    shares: list[float] = []
    for share, part in zip(node.shares, map(_flat, node.parts), strict=True):
        if isinstance(part, Split) and part.vertical is node.vertical:
            parts += part.parts
            shares += [share * each for each in part.shares]
        else:
            parts.append(part)
            shares.append(share)
    return Split(node.vertical, tuple(shares), tuple(parts))
