"""Named arrangements: the ones that come with the program, and the user's own."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING

from ..base.text import mark
from .layout import Arrangement, Leaf, Node, Split, is_panel, kind_of
from .links import LinkColour, LinkGroup, Links, PanelLink, Share

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["BUILT_IN", "PERSPECTIVE_TITLES", "fitted", "only_known"]

_WIDEST = {"watch_list": 540, "order_book": 460, "tape": 460, "ladder": 560}
"""Panels that have no use for more points than these, however large the screen is."""


def _tabs(*panels: str) -> Leaf:
    return Leaf(panels, panels[0])


def _row(*parts: tuple[float, Node]) -> Split:
    return Split(False, tuple(share for share, _ in parts), tuple(part for _, part in parts))


def _column(*parts: tuple[float, Node]) -> Split:
    return Split(True, tuple(share for share, _ in parts), tuple(part for _, part in parts))


def _grid(side: int, links: Links) -> Arrangement:
    """Return charts in rows and columns; the first chart is not among them, so that it keeps market and unit."""
    names = [f"chart#{number}" for number in range(2, 2 + side * side)]
    share = 1 / side
    columns = [_column(*((share, _tabs(name)) for name in names[start::side])) for start in range(side)]
    return Arrangement(_row(*((share, column) for column in columns)), links=links)


def _one_market(units: tuple[str, ...]) -> Links:
    """Return links of charts that show the window's market in several units."""
    return Links(tuple(PanelLink(f"chart#{number}", unit=unit) for number, unit in enumerate(units, start=2)))


def _many_markets(count: int) -> Links:
    """Return links of charts that share unit and crosshair; which markets they show is found when they are shown."""
    group = LinkGroup(LinkColour.AMBER, frozenset({Share.UNIT, Share.CROSSHAIR}))
    panels = [PanelLink(f"chart#{number}", LinkColour.AMBER, unit="15m") for number in range(2, 2 + count)]
    return Links(tuple(sorted(panels, key=lambda each: each.panel)), (group,))


BUILT_IN: dict[str, Arrangement] = {
    "trading": Arrangement(
        _row(
            (0.26, _tabs("watch_list")),
            (
                0.455,
                _column(
                    (0.6, _tabs("chart", "indicators")),
                    (0.4, _tabs("my_orders", "my_assets", "alarms", "announcements", "log")),
                ),
            ),
            (0.285, _column((0.62, _tabs("order_book")), (0.38, _tabs("tape")))),
        )
    ),
    "market": Arrangement(
        _row(
            (0.3, _tabs("watch_list")),
            (
                0.7,
                _column(
                    (0.14, _tabs("quote")),
                    (0.46, _tabs("chart")),
                    (0.4, _row((0.56, _tabs("indicators")), (0.44, _tabs("tape")))),
                ),
            ),
        )
    ),
    "account": Arrangement(
        _row(
            (0.5, _column((0.55, _tabs("my_orders")), (0.45, _tabs("announcements")))),
            (0.5, _column((0.55, _tabs("my_assets")), (0.45, _tabs("order_book", "tape")))),
        )
    ),
    "monitor": Arrangement(
        _column((0.74, _tabs("monitor")), (0.26, _row((0.35, _tabs("watch_list")), (0.65, _tabs("log")))))
    ),
    "whole_market": Arrangement(
        _row(
            (0.58, _tabs("market_map")),
            (0.42, _column((0.34, _tabs("movers")), (0.36, _tabs("screener")), (0.3, _tabs("premium")))),
        )
    ),
    "charts_4": _grid(2, _one_market(("1m", "15m", "60m", "days"))),
    "charts_9": _grid(3, _many_markets(9)),
    "order_flow": Arrangement(
        _row(
            (0.28, _tabs("ladder", "order_book")),
            (0.5, _column((0.55, _tabs("footprint", "chart")), (0.45, _tabs("book_map")))),
            (0.22, _column((0.4, _tabs("depth")), (0.6, _tabs("tape", "watch_list")))),
        )
    ),
}
"""By name, in the order of Ctrl+1, Ctrl+2, …"""

PERSPECTIVE_TITLES = {
    "trading": mark("Trading"),
    "market": mark("Market"),
    "account": mark("Account"),
    "monitor": mark("Monitor"),
    "whole_market": mark("Whole market"),
    "charts_4": mark("Charts, 2 × 2"),
    "charts_9": mark("Charts, 3 × 3"),
    "order_flow": mark("Order flow"),
}


def fitted(arrangement: Arrangement, width: int) -> Arrangement:
    """Give what narrow panels cannot use of a wide window to the others; `width` in points."""
    root = arrangement.root
    return arrangement if root is None else replace(arrangement, root=_fitted(root, width))


def _fitted(node: Node, width: float) -> Node:
    if isinstance(node, Leaf):
        return node
    if node.vertical:
        return Split(True, node.shares, tuple(_fitted(part, width) for part in node.parts))
    sizes = [share * width for share in node.shares]
    most = [_widest(part) for part in node.parts]
    spare = sum(max(0.0, size - limit) for size, limit in zip(sizes, most, strict=True))
    free = sum(size for size, limit in zip(sizes, most, strict=True) if limit == inf)
    if spare and free:
        sizes = [size * (1 + spare / free) if limit == inf else min(size, limit)
                 for size, limit in zip(sizes, most, strict=True)]  # fmt: skip
    parts = tuple(_fitted(part, size) for part, size in zip(node.parts, sizes, strict=True))
    return Split(False, tuple(size / sum(sizes) for size in sizes), parts)


def _widest(node: Node) -> float:
    """Return how wide a part may usefully be; infinite where some panel of it takes any room."""
    if isinstance(node, Leaf):
        return max(_WIDEST.get(kind_of(panel), inf) for panel in node.panels)
    limits = [_widest(part) for part in node.parts]
    return max(limits) if node.vertical else sum(limits)


def only_known(arrangement: Arrangement, kinds: Collection[str]) -> Arrangement:
    """Leave out the panels of a kind that a window does not have."""
    windows = ((each, _only_known(each.root, kinds)) for each in arrangement.windows)
    return replace(
        arrangement,
        root=None if arrangement.root is None else _only_known(arrangement.root, kinds),
        floating=tuple(each for each in arrangement.floating if is_panel(each.panel, kinds)),
        windows=tuple(replace(each, root=root) for each, root in windows if root is not None),
    )


def _only_known(node: Node, kinds: Collection[str]) -> Node | None:
    if isinstance(node, Leaf):
        panels = tuple(panel for panel in node.panels if is_panel(panel, kinds))
        if not panels:
            return None
        return Leaf(panels, node.current if node.current in panels else panels[0])
    kept = [(share, found) for share, part in zip(node.shares, node.parts, strict=True)
            if (found := _only_known(part, kinds)) is not None]  # fmt: skip
    if len(kept) < 2:
        return kept[0][1] if kept else None
    total = sum(share for share, _ in kept)
    return Split(node.vertical, tuple(share / total for share, _ in kept), tuple(part for _, part in kept))
