"""Puts docks where an arrangement says, and reads back where the user has put them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QMargins, QRect, Qt

from .layout import Arrangement, Floating, Leaf, Node, Split
from .on_screen import areas, fitting

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PyQt6.QtWidgets import QDockWidget, QMainWindow

__all__ = ["apply_arrangement", "read_arrangement"]

_AREA = Qt.DockWidgetArea.LeftDockWidgetArea
_SLACK = 12  # pixels between neighbours: the splitter


def apply_arrangement(window: QMainWindow, docks: Mapping[str, QDockWidget], wanted: Arrangement) -> None:
    """Show exactly the docks of an arrangement, where it says."""
    for dock in docks.values():
        if dock.isFloating():  # Qt lays the whole window out for one that is not, too
            dock.setFloating(False)
        window.removeDockWidget(dock)
    if wanted.root is not None:
        _place(window, docks, wanted.root)
        _resize(window, docks, wanted.root, window.width(), window.height())
    for each in wanted.floating:
        dock = docks[each.panel]
        window.addDockWidget(_AREA, dock)
        dock.setFloating(True)
        dock.setGeometry(fitting(QRect(each.x, each.y, each.width, each.height), QMargins(), areas()))
        dock.show()
    shown = set(wanted.panels)
    anchor = docks[wanted.panels[0]] if wanted.root is not None else None
    for name, dock in docks.items():
        if name not in shown:
            window.addDockWidget(_AREA, dock)
            if anchor is not None:
                window.tabifyDockWidget(anchor, dock)
            dock.hide()
    _raise_current(docks, wanted.root)


def read_arrangement(docks: Mapping[str, QDockWidget], window: QMainWindow) -> Arrangement:
    """Return where the docks are: tab groups, cut apart along the lines that no group crosses."""
    floating: list[Floating] = []
    groups: list[_Group] = []
    seen: set[str] = set()
    names = {dock: name for name, dock in docks.items()}
    for name, dock in docks.items():
        if dock.isHidden() or name in seen:
            continue
        if dock.isFloating():
            rect = dock.geometry()
            floating.append(Floating(name, rect.x(), rect.y(), rect.width(), rect.height()))
            continue
        mates = [dock, *(mate for mate in window.tabifiedDockWidgets(dock) if not mate.isHidden())]
        seen.update(names[mate] for mate in mates)
        front = next((mate for mate in mates if not mate.visibleRegion().isEmpty()), dock)
        ordered = tuple(name for name, each in docks.items() if each in mates)
        groups.append((front.geometry(), Leaf(ordered, names[front])))
    return Arrangement(_cut(groups) if groups else None, tuple(floating))


def _first(node: Node) -> str:
    return node.panels[0] if isinstance(node, Leaf) else _first(node.parts[0])


def _place(window: QMainWindow, docks: Mapping[str, QDockWidget], root: Node) -> None:
    """Split while every place has one dock only, then add the tabs: Qt does not split a place that has tabs."""
    window.addDockWidget(_AREA, docks[_first(root)], Qt.Orientation.Horizontal)
    docks[_first(root)].show()
    _split(window, docks, root)
    _add_tabs(window, docks, root)


def _split(window: QMainWindow, docks: Mapping[str, QDockWidget], node: Node) -> None:
    if isinstance(node, Leaf):
        return
    orientation = Qt.Orientation.Vertical if node.vertical else Qt.Orientation.Horizontal
    for before, after in zip(node.parts, node.parts[1:], strict=False):
        window.splitDockWidget(docks[_first(before)], docks[_first(after)], orientation)
        docks[_first(after)].show()
    for part in node.parts:
        _split(window, docks, part)


def _add_tabs(window: QMainWindow, docks: Mapping[str, QDockWidget], node: Node) -> None:
    if isinstance(node, Split):
        for part in node.parts:
            _add_tabs(window, docks, part)
        return
    for before, after in zip(node.panels, node.panels[1:], strict=False):
        window.tabifyDockWidget(docks[before], docks[after])
        docks[after].show()


def _resize(window: QMainWindow, docks: Mapping[str, QDockWidget], node: Node, width: int, height: int) -> None:
    if isinstance(node, Leaf):
        return
    whole = height if node.vertical else width
    sizes = [max(1, int(share * whole)) for share in node.shares]
    orientation = Qt.Orientation.Vertical if node.vertical else Qt.Orientation.Horizontal
    window.resizeDocks([docks[_first(part)] for part in node.parts], sizes, orientation)
    for part, size in zip(node.parts, sizes, strict=True):
        _resize(window, docks, part, width if node.vertical else size, size if node.vertical else height)


def _raise_current(docks: Mapping[str, QDockWidget], node: Node | None) -> None:
    if isinstance(node, Leaf):
        docks[node.current].raise_()
    elif isinstance(node, Split):
        for part in node.parts:
            _raise_current(docks, part)


_Group = tuple[QRect, Leaf]


def _cut(groups: Sequence[_Group]) -> Node:
    if len(groups) == 1:
        return groups[0][1]
    for vertical in (False, True):
        parts = _slices(groups, vertical=vertical)
        if len(parts) > 1:
            spans = [max(_end(rect, vertical) for rect, _ in part) - min(_start(rect, vertical) for rect, _ in part)
                     for part in parts]  # fmt: skip
            total = sum(spans) or 1
            return Split(vertical, tuple(span / total for span in spans), tuple(_cut(part) for part in parts))
    # No line goes through: docks of several areas can interlock. Their panels survive, side by side.
    return Split(False, (1 / len(groups),) * len(groups), tuple(leaf for _, leaf in groups))


def _slices(groups: Sequence[_Group], *, vertical: bool) -> list[list[_Group]]:
    ordered = sorted(groups, key=lambda group: _start(group[0], vertical))
    parts: list[list[_Group]] = [[ordered[0]]]
    end = _end(ordered[0][0], vertical)
    for group in ordered[1:]:
        if _start(group[0], vertical) + _SLACK > end:
            parts.append([group])
        else:
            parts[-1].append(group)
        end = max(end, _end(group[0], vertical))
    return parts


def _start(rect: QRect, vertical: bool) -> int:
    return rect.top() if vertical else rect.left()


def _end(rect: QRect, vertical: bool) -> int:
    return rect.top() + rect.height() if vertical else rect.left() + rect.width()
