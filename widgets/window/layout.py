"""Where the panels are, as plain data; what is read back from a file is clamped to what can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Arrangement", "Floating", "Leaf", "Node", "Split", "arrangement_from", "arrangement_to_plain"]

MOST_DEPTH = 6
MOST_PARTS = 12
LEAST_SHARE = 0.03
LEAST_SIDE = 120
MOST_SIDE = 8192
FARTHEST = 16384


@dataclass(frozen=True, slots=True)
class Leaf:
    """Panels on top of each other, as tabs; `current` is the one to be seen."""

    panels: tuple[str, ...]
    current: str


@dataclass(frozen=True, slots=True)
class Split:
    """Parts beside each other, or (vertical) below each other; `shares` add up to 1."""

    vertical: bool
    shares: tuple[float, ...]
    parts: tuple[Node, ...]


Node = Leaf | Split


@dataclass(frozen=True, slots=True)
class Floating:
    """A panel in a window of its own; pixels."""

    panel: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Everything that is to be seen; panels that are not named are hidden."""

    root: Node | None
    floating: tuple[Floating, ...] = ()

    @property
    def panels(self) -> tuple[str, ...]:
        """All panels that are to be seen, docked ones first."""
        return (*_panels(self.root), *(each.panel for each in self.floating))


def arrangement_to_plain(arrangement: Arrangement) -> dict[str, Any]:
    """Return what can be written as JSON."""
    return {
        "root": None if arrangement.root is None else _to_plain(arrangement.root),
        "floating": [
            {"panel": each.panel, "at": [each.x, each.y, each.width, each.height]} for each in arrangement.floating
        ],
    }


def arrangement_from(value: object, known: Collection[str]) -> Arrangement | None:
    """Read an arrangement of `known` panels; None where nothing of it can be used.

    Never raises, whatever JSON it is given: unknown and repeated panels are left out, numbers are clamped, what is too
    deep or too much is cut off.
    """
    if not isinstance(value, dict):
        return None
    free = dict.fromkeys(known)
    root = _node(value.get("root"), free, MOST_DEPTH)
    floating = []
    given = value.get("floating")
    for each in given[: len(free) + MOST_PARTS] if isinstance(given, list) else ():
        found = _floating(each, free)
        if found is not None:
            floating.append(found)
    return Arrangement(root, tuple(floating)) if root is not None or floating else None


def whole(value: object, low: int, high: int, default: int) -> int:
    """Return a whole number within bounds; `default` for what is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return default
    return int(min(max(value, low), high))


def _panels(node: Node | None) -> tuple[str, ...]:
    match node:
        case Leaf():
            return node.panels
        case Split():
            return tuple(panel for part in node.parts for panel in _panels(part))
        case _:
            return ()


def _to_plain(node: Node) -> dict[str, Any]:
    if isinstance(node, Leaf):
        return {"tabs": list(node.panels), "current": node.current}
    return {
        "split": "vertical" if node.vertical else "horizontal",
        "shares": [round(share, 4) for share in node.shares],
        "parts": [_to_plain(part) for part in node.parts],
    }


def _node(value: object, free: dict[str, None], depth: int) -> Node | None:
    if not isinstance(value, dict) or depth <= 0:
        return None
    if "tabs" in value:
        return _leaf(value, free)
    given = value.get("parts")
    if not isinstance(given, list):
        return None
    shares = value.get("shares")
    shares = shares if isinstance(shares, list) else []
    parts: list[Node] = []
    sizes: list[float] = []
    for number, each in enumerate(given[:MOST_PARTS]):
        part = _node(each, free, depth - 1)
        if part is not None:
            parts.append(part)
            sizes.append(_share(shares[number] if number < len(shares) else None))
    if len(parts) < 2:
        return parts[0] if parts else None
    total = sum(sizes)
    return Split(value.get("split") == "vertical", tuple(size / total for size in sizes), tuple(parts))


def _leaf(value: dict[str, Any], free: dict[str, None]) -> Leaf | None:
    given = value["tabs"]
    panels = []
    for each in given[: MOST_PARTS * 4] if isinstance(given, list) else ():
        if isinstance(each, str) and each in free:
            del free[each]
            panels.append(each)
    if not panels:
        return None
    current = value.get("current")
    return Leaf(tuple(panels), current if isinstance(current, str) and current in panels else panels[0])


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0.5
    return float(min(max(value, LEAST_SHARE), 1.0))


def _floating(value: object, free: dict[str, None]) -> Floating | None:
    if not isinstance(value, dict):
        return None
    panel, at = value.get("panel"), value.get("at")
    if not isinstance(panel, str) or panel not in free or not isinstance(at, list) or len(at) != 4:
        return None
    del free[panel]
    x, y = (whole(each, -FARTHEST, FARTHEST, 100) for each in at[:2])
    width, height = (whole(each, LEAST_SIDE, MOST_SIDE, 400) for each in at[2:])
    return Floating(panel, x, y, width, height)
