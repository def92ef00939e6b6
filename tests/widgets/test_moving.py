"""Panels are moved and made wider by the keyboard: through the plain arrangement, and on the window."""

from __future__ import annotations

import random

import pytest
from PyQt6.QtCore import Qt

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.keyboard import ALT, CTRL, SHIFT, go_to, key, ready
from tests.widgets.tampering import KNOWN, check_arrangement
from widgets.window.layout import MOST_DEPTH, Arrangement, Floating, Leaf, Split, arrangement_from, arrangement_to_plain
from widgets.window.moving import Step, depth, joined, moved
from widgets.window.perspectives import BUILT_IN


def leaf(*panels: str) -> Leaf:
    return Leaf(panels, panels[0])


def row(*parts: Leaf | Split) -> Split:
    return Split(False, (1 / len(parts),) * len(parts), parts)


def column(*parts: Leaf | Split) -> Split:
    return Split(True, (1 / len(parts),) * len(parts), parts)


def after(root: Leaf | Split, panel: str, step: Step) -> object:
    return moved(Arrangement(root), panel, step).root


def test_a_panel_steps_out_of_its_tabs() -> None:
    assert after(leaf("a", "b"), "b", Step.RIGHT) == row(leaf("a"), leaf("b"))
    assert after(leaf("a", "b"), "b", Step.UP) == column(leaf("b"), leaf("a"))


def test_a_panel_goes_past_its_neighbour_and_takes_its_room_along() -> None:
    uneven = Split(False, (0.2, 0.8), (leaf("a"), leaf("b")))
    assert after(uneven, "a", Step.RIGHT) == Split(False, (0.8, 0.2), (leaf("b"), leaf("a")))
    assert after(uneven, "a", Step.LEFT) == uneven, "there is nowhere to go"


def test_a_panel_leaves_a_column_for_the_row_that_the_column_is_in() -> None:
    found = after(row(leaf("a"), column(leaf("b"), leaf("c"))), "c", Step.LEFT)
    assert found == Split(False, (0.5, 0.25, 0.25), (leaf("a"), leaf("c"), leaf("b")))


def test_a_panel_goes_to_the_edge_of_the_window() -> None:
    found = after(row(leaf("a"), leaf("b")), "b", Step.DOWN)
    assert found == Split(True, (0.7, 0.3), (leaf("a"), leaf("b")))
    assert after(leaf("a"), "a", Step.DOWN) == leaf("a"), "a panel alone is everywhere"


def test_a_panel_becomes_a_tab_of_the_next_group_round_and_round() -> None:
    start = Arrangement(row(leaf("a"), leaf("b"), leaf("c")))
    assert joined(start, "a").root == row(Leaf(("b", "a"), "a"), leaf("c"))
    assert joined(start, "c").root == row(Leaf(("a", "c"), "c"), leaf("b"))
    assert joined(Arrangement(leaf("a", "b")), "a") == Arrangement(leaf("a", "b"))


def test_what_floats_or_is_hidden_stays() -> None:
    start = Arrangement(leaf("a"), (Floating("b", 0, 0, 200, 200),))
    for panel in ("b", "c"):
        assert moved(start, panel, Step.LEFT) == start
        assert joined(start, panel) == start


def test_wherever_panels_are_moved_all_are_there_and_can_be_saved() -> None:
    source = random.Random(3)
    for name in BUILT_IN:
        arrangement = BUILT_IN[name]
        panels = set(arrangement.panels)
        for _ in range(300):
            panel, step = source.choice(arrangement.panels), source.choice([*Step, None])
            arrangement = joined(arrangement, panel) if step is None else moved(arrangement, panel, step)
            check_arrangement(arrangement)
            assert set(arrangement.panels) == panels
            assert arrangement.root is not None
            assert depth(arrangement.root) <= MOST_DEPTH
            back = arrangement_from(arrangement_to_plain(arrangement), KNOWN)
            assert back is not None
            assert set(back.panels) == panels


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
@pytest.mark.qt_log_ignore("does not support grabbing the keyboard", extend=True)  # offscreen
async def test_a_panel_is_moved_and_made_wider_without_a_mouse() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        window.resize(1500, 800)  # room for four panels side by side, and to spare
        await ready(window)
        await go_to(window, "tape")
        book, tape = window.docks["order_book"], window.docks["tape"]
        assert tape.y() > book.y()
        key(Qt.Key.Key_Up, CTRL | SHIFT)
        await until(lambda: tape.y() < book.y())
        assert window.panel_with_focus == "tape"
        key(Qt.Key.Key_Left, CTRL | SHIFT)
        await until(lambda: tape.x() < book.x() and tape.height() == book.height())
        width = tape.width()
        key(Qt.Key.Key_Right, ALT | SHIFT)
        await until(lambda: tape.width() > width)
        height = window.docks["chart"].height()
        await go_to(window, "chart")
        key(Qt.Key.Key_Up, ALT | SHIFT)
        await until(lambda: window.docks["chart"].height() < height)
        window.lock(True)
        before = window.arrangement
        key(Qt.Key.Key_Left, CTRL | SHIFT)
        key(Qt.Key.Key_Right, ALT | SHIFT)
        assert window.arrangement == before
        window.lock(False)
        key(Qt.Key.Key_T, CTRL | SHIFT)
        await until(lambda: len(window.tabifiedDockWidgets(window.docks["chart"])) >= 1)
        assert window.panel_with_focus == "chart"
