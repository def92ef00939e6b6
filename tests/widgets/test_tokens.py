"""Lengths and colours stand in one place each; whoever wants another look changes it there."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from widgets.base.look import look
from widgets.base.spacing import Step, spaced
from widgets.base.tokens import Density, set_density, space

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtWidgets import QApplication

WIDGETS = Path(__file__).parents[2] / "widgets"
MAY_SAY_COLOURS = {"base/theme.py", "base/icons.py"}
MAY_SAY_LENGTHS = {"base/tokens.py"}
NOT_YET: frozenset[str] = frozenset()
LENGTHS = frozenset(
    {
        "QMargins", "QMarginsF", "QSize", "QSizeF", "QPen", "QRect", "QRectF", "addSpacing", "adjust",
        "adjusted", "drawEllipse", "drawLine", "drawRect", "drawRoundedRect", "fillRect", "insertSpacing",
        "mkPen", "resize", "setColumnWidth", "setContentsMargins", "setDefaultSectionSize", "setFixedHeight",
        "setFixedSize", "setFixedWidth", "setHorizontalSpacing", "setIconSize", "setIndent", "setMargin",
        "setMaximumHeight", "setMaximumSize", "setMaximumWidth", "setMinimumHeight", "setMinimumSectionSize",
        "setMinimumSize", "setMinimumWidth", "setPixelSize", "setPointSize", "setPointSizeF", "setRowHeight",
        "setSpacing", "setSymbolSize", "setVerticalSpacing", "setWidth", "setWidthF",
    }
)  # fmt: skip
"""What is called with lengths."""
WORTHLESS = (0, 1, -1, 0.5)
"""Nothing, the edge of a pixel and its middle are no choice of anybody's."""


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lengths and colours that a file says itself, each with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = path.relative_to(WIDGETS).as_posix()
    own = {
        name.id
        for node in tree.body
        if isinstance(node, ast.Assign) and _is_length(node.value)
        for name in node.targets
        if isinstance(name, ast.Name)
    }
    for node in ast.walk(tree):
        if place not in MAY_SAY_COLOURS and _is_colour(node):
            yield node.lineno, ast.unparse(node)  # type: ignore[attr-defined]
        if place not in MAY_SAY_LENGTHS and isinstance(node, ast.Call) and _called(node) in LENGTHS:
            given = [*node.args, *(each.value for each in node.keywords if each.arg == "width")]
            for part in (part for each in given for part in _lengths_in(each)):
                if _is_length(part) or (isinstance(part, ast.Name) and part.id in own):
                    yield node.lineno, f"{_called(node)}(… {ast.unparse(part)} …)"


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _lengths_in(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what is added up to a length; factors and divisors are shares, and calls judge for themselves."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div, ast.FloorDiv)):
        return
    if isinstance(node, ast.BinOp):
        yield from _lengths_in(node.left)
        yield from _lengths_in(node.right)
    elif isinstance(node, ast.Call) and _called(node) in ("max", "min", "int", "round"):
        for each in node.args:
            yield from _lengths_in(each)
    else:
        yield node


def _is_length(node: ast.expr) -> bool:
    value = node.operand if isinstance(node, ast.UnaryOp) else node
    return (
        isinstance(value, ast.Constant)
        and isinstance(value.value, (int, float))
        and not isinstance(value.value, bool)
        and value.value not in WORTHLESS
    )


def _is_colour(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        text = node.value
        return isinstance(text, str) and text[:1] == "#" and len(text) in (4, 7, 9) and _is_hexadecimal(text[1:])
    if isinstance(node, ast.Call) and _called(node) in ("QColor", "fromRgb", "setNamedColor") and node.args:
        return all(isinstance(each, ast.Constant) for each in node.args)
    return isinstance(node, ast.Attribute) and node.attr in _NAMED and ast.unparse(node.value).endswith("GlobalColor")


def _is_hexadecimal(text: str) -> bool:
    return all(each in "0123456789abcdefABCDEF" for each in text)


_NAMED = frozenset({"black", "white", "red", "green", "blue", "yellow", "gray", "cyan", "magenta"})


@pytest.mark.parametrize(
    "place", sorted({path.relative_to(WIDGETS).as_posix() for path in WIDGETS.rglob("*.py")} - NOT_YET)
)
def test_no_panel_says_a_length_or_a_colour_itself(place: str) -> None:
    """A literal is one that no density and no theme reaches: `space()`, or a name of `tokens` or `theme`, instead."""
    assert list(literals(WIDGETS / place)) == []


@pytest.mark.parametrize(
    "line",
    [
        "layout.setSpacing(4)", "AIR = 12\nrect.adjusted(AIR, 0, 0, 0)", "QPen(colour, 1.4)", "QRect(x - 20, y, w, h)",
        "QColor('red')", "ink = '#ff0000'", "painter.setPen(Qt.GlobalColor.black)", "pg.mkPen(colour, width=2)",
        "rows.setDefaultSectionSize(metrics.height() + 6)",
    ],
)  # fmt: skip
def test_a_literal_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    monkeypatch.setitem(globals(), "WIDGETS", tmp_path)
    (tmp_path / "panel.py").write_text(line, encoding="utf-8")
    assert list(literals(tmp_path / "panel.py"))


def test_shares_and_edges_are_no_lengths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "WIDGETS", tmp_path)
    (tmp_path / "panel.py").write_text("rect.adjusted(0, 2 * space().small, -1, width // 3)", encoding="utf-8")
    assert list(literals(tmp_path / "panel.py")) == []


def test_each_density_has_more_room_than_the_one_before(qapp: QApplication) -> None:
    try:
        found = []
        for density in Density:
            set_density(density)
            found.append(space())
    finally:
        set_density(Density.NORMAL)
    for name in ("type_share", "tiny", "small", "medium", "large", "huge", "row", "list_row", "icon"):
        sizes = [getattr(each, name) for each in found]
        assert sizes == sorted(set(sizes)), name


def test_a_layout_follows_the_density(qapp: QApplication) -> None:
    holder = QWidget()
    row, grid = QHBoxLayout(holder), QGridLayout()
    spaced(row, Step.SMALL, Step.MEDIUM, Step.TINY)
    spaced(grid, Step.TINY, across=Step.LARGE)
    row.addLayout(grid)
    try:
        for density in (Density.ROOMY, Density.COMPACT):
            look().choose(density=density)
            now, edges = space(), row.contentsMargins()
            assert (row.spacing(), edges.left(), edges.top()) == (now.small, now.medium, now.tiny)
            assert (grid.verticalSpacing(), grid.horizontalSpacing()) == (now.tiny, now.large)
    finally:
        look().choose(density=Density.NORMAL)
