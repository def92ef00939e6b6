"""Where the panels are, as plain data; what is read back from a file is clamped to what can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .links import NO_LINKS, Links, links_from, links_to_plain

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "MOST_OF_A_KIND",
    "MOST_PANELS",
    "MOST_WINDOWS",
    "Arrangement",
    "Floating",
    "Leaf",
    "Node",
    "SidePlace",
    "Split",
    "arrangement_from",
    "arrangement_to_plain",
    "is_panel",
    "kind_of",
    "number_of",
]

MOST_OF_A_KIND = 24
MOST_PANELS = 64
MOST_WINDOWS = 6
"""Windows beside the main one."""

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
class SidePlace:
    """A window beside the main one, with panels of its own; pixels."""

    root: Node
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Everything that is to be seen; panels that are not named are hidden.

    A panel is called by its kind, "chart"; a further one of that kind has a number behind it, "chart#2".
    """

    root: Node | None
    floating: tuple[Floating, ...] = ()
    windows: tuple[SidePlace, ...] = ()
    links: Links = NO_LINKS

    @property
    def panels(self) -> tuple[str, ...]:
        """All panels that are to be seen, docked ones first."""
        beside = (panel for each in self.windows for panel in _panels(each.root))
        return (*_panels(self.root), *(each.panel for each in self.floating), *beside)


def kind_of(panel: str) -> str:
    """Return the kind of a panel: "chart" of "chart#2"."""
    return panel.partition("#")[0]


def number_of(panel: str) -> int:
    """Return which of its kind a panel is; the first one is 1."""
    number = panel.partition("#")[2]
    return int(number) if number else 1


def is_panel(name: str, kinds: Collection[str]) -> bool:
    """Whether this is the name of a panel of one of these kinds."""
    kind, sign, number = name.partition("#")
    if kind not in kinds or not sign:
        return name in kinds
    usable = number.isascii() and number.isdecimal() and len(number) <= 2 and not number.startswith("0")
    return usable and 2 <= int(number) <= MOST_OF_A_KIND


def arrangement_to_plain(arrangement: Arrangement) -> dict[str, Any]:
    """Return what can be written as JSON."""
    plain: dict[str, Any] = {
        "root": None if arrangement.root is None else _to_plain(arrangement.root),
        "floating": [
            {"panel": each.panel, "at": [each.x, each.y, each.width, each.height]} for each in arrangement.floating
        ],
    }
    if arrangement.windows:
        plain["windows"] = [
            {"root": _to_plain(each.root), "at": [each.x, each.y, each.width, each.height]}
            for each in arrangement.windows
        ]
    if arrangement.links != NO_LINKS:
        plain["links"] = links_to_plain(arrangement.links)
    return plain


def arrangement_from(value: object, known: Collection[str]) -> Arrangement | None:
    """Read an arrangement of panels of `known` kinds; None where nothing of it can be used.

    Never raises, whatever JSON it is given: unknown and repeated panels are left out, numbers are clamped, what is too
    deep or too much is cut off.
    """
    if not isinstance(value, dict):
        return None
    free = _Free(known)
    root = _node(value.get("root"), free, MOST_DEPTH)
    floating = []
    given = value.get("floating")
    for each in given[:MOST_PANELS] if isinstance(given, list) else ():
        found = _floating(each, free)
        if found is not None:
            floating.append(found)
    windows = []
    given = value.get("windows")
    for each in given[:MOST_WINDOWS] if isinstance(given, list) else ():
        window = _window(each, free)
        if window is not None:
            windows.append(window)
    if root is None and not floating and not windows:
        return None
    return Arrangement(root, tuple(floating), tuple(windows), links_from(value.get("links"), sorted(free.taken)))


class _Free:
    """The panels that may still be named: each once, and no more than a window may have."""

    def __init__(self, kinds: Collection[str]) -> None:
        self._kinds = kinds
        self.taken: set[str] = set()

    def take(self, panel: object) -> bool:
        """Whether a panel may be named here; from then on it may not be named again."""
        if not isinstance(panel, str) or panel in self.taken or len(self.taken) >= MOST_PANELS:
            return False
        if not is_panel(panel, self._kinds):
            return False
        self.taken.add(panel)
        return True


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


def _node(value: object, free: _Free, depth: int) -> Node | None:
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


def _leaf(value: dict[str, Any], free: _Free) -> Leaf | None:
    given = value["tabs"]
    panels = [each for each in (given[: MOST_PARTS * 4] if isinstance(given, list) else ()) if free.take(each)]
    if not panels:
        return None
    current = value.get("current")
    return Leaf(tuple(panels), current if isinstance(current, str) and current in panels else panels[0])


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        return 0.5
    return float(min(max(value, LEAST_SHARE), 1.0))


def _floating(value: object, free: _Free) -> Floating | None:
    if not isinstance(value, dict):
        return None
    panel, at = value.get("panel"), value.get("at")
    if not isinstance(at, list) or len(at) != 4 or not free.take(panel):
        return None
    return Floating(str(panel), *_place(at))


def _window(value: object, free: _Free) -> SidePlace | None:
    at = value.get("at") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(at, list) or len(at) != 4:
        return None
    root = _node(value.get("root"), free, MOST_DEPTH)
    return None if root is None else SidePlace(root, *_place(at))


def _place(at: list[Any]) -> tuple[int, int, int, int]:
    x, y = (whole(each, -FARTHEST, FARTHEST, 100) for each in at[:2])
    width, height = (whole(each, LEAST_SIDE, MOST_SIDE, 400) for each in at[2:])
    return x, y, width, height
