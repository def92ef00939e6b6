"""Moves a panel through an arrangement step by step, as the keyboard has it; plain data, no window."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from .layout import MOST_DEPTH, Arrangement, Leaf, Node, Split

__all__ = ["Step", "depth", "joined", "moved", "without"]

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
    """Move a docked panel one step: out of its tabs, past its neighbour, or to the edge of the window.

    Where there is nowhere to go, or the panel is not docked, the arrangement stays as it is.
    """
    root = arrangement.root
    if root is None or not _has(root, panel):
        return arrangement
    found = _stepped(root, panel, step)
    if found is None:
        rest = _without(root, panel)
        at_edge = isinstance(root, Split) and root.vertical is step.vertical and _is(root.parts[-step.forward], panel)
        if rest is None or at_edge:
            return arrangement
        found = _beside(rest, _alone(panel), step, _OUTER_SHARE)
    found = _flat(found)
    return arrangement if depth(found) > MOST_DEPTH else replace(arrangement, root=found)


def joined(arrangement: Arrangement, panel: str) -> Arrangement:
    """Lay a docked panel onto the group that follows its own, as a tab; the last group is followed by the first."""
    root = arrangement.root
    if root is None or not _has(root, panel):
        return arrangement
    groups = _leaves(root)
    own = next(place for place, leaf in enumerate(groups) if panel in leaf.panels)
    target = groups[(own + 1) % len(groups)]
    rest = _without(root, panel)
    if rest is None or panel in target.panels:
        return arrangement
    return replace(arrangement, root=_flat(_replaced(rest, target, Leaf((*target.panels, panel), panel))))


def without(arrangement: Arrangement, panel: str) -> Arrangement:
    """Take a panel out, docked or floating; the others share its room."""
    root = None if arrangement.root is None else _without(arrangement.root, panel)
    floating = tuple(each for each in arrangement.floating if each.panel != panel)
    return Arrangement(None if root is None else _flat(root), floating)


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
