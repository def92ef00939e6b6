"""What one changes in an arrangement stays until Reset; a panel that is opened comes where it has room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QRect, QSize, Qt
from PyQt6.QtWidgets import QToolButton

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.showing import click
from upbit_ws_qt import WebSocketType
from widgets.program.main_menu import MainMenu
from widgets.program.store import Layout, Store, layout_from, layout_to_plain
from widgets.window.layout import Arrangement, Floating, Leaf, Split
from widgets.window.panels import PANELS
from widgets.window.perspectives import BUILT_IN
from widgets.window.places import placed

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]


def menu_of(window: MainWindow) -> MainMenu:
    menu = window.findChild(MainMenu)
    assert menu is not None
    return menu


async def settled(window: MainWindow) -> MainMenu:
    menu = menu_of(window)
    await until(lambda: menu.is_settled)
    return menu


async def make_lower(window: MainWindow, name: str) -> int:
    """Pull at the splitter below a panel; returns its height then."""
    dock = window.docks[name]
    before = dock.height()
    window.resizeDocks([dock], [before - 60], Qt.Orientation.Vertical)
    await until(lambda: dock.height() < before - 10)
    for _ in range(3):
        await turn()
    return dock.height()


async def shown_again(window: MainWindow, name: str, height: int) -> None:
    await until(lambda: window.docks[name].isVisible() and abs(window.docks[name].height() - height) < 8)


async def test_what_was_made_lower_is_so_when_its_perspective_comes_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        menu = await settled(window)
        first = window.docks["chart"].height()
        height = await make_lower(window, "chart")
        menu.choose("market")
        await settled(window)
        menu.choose("trading")
        await settled(window)
        await shown_again(window, "chart", height)
    async with desk(store) as (program, _):
        window = window_of(program)
        menu = await settled(window)
        await shown_again(window, "chart", height)
        menu.choose("market")
        await settled(window)
        menu.choose("trading")
        await settled(window)
        await shown_again(window, "chart", height)
        menu.reset()
        await settled(window)
        await shown_again(window, "chart", first)
        assert menu.changed == {}


async def test_an_own_perspective_keeps_what_was_changed_and_goes_back_to_what_was_saved(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        menu = await settled(window)
        menu.choose("market")
        await settled(window)
        assert menu.keep("mine")
        await settled(window)
        window.docks["tape"].hide()
        menu.choose("trading")
        await settled(window)
        menu.choose("mine")
        await settled(window)
        assert window.docks["tape"].isHidden()
    async with desk(store) as (program, _):
        window = window_of(program)
        menu = await settled(window)
        assert menu.current == "mine"
        assert window.docks["tape"].isHidden()
        menu.reset()
        await settled(window)
        assert not window.docks["tape"].isHidden()
        assert "tape" in menu.own["mine"].panels


async def test_a_perspective_that_nobody_touched_is_fitted_to_the_window_anew() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        menu = await settled(window)
        window.resize(1700, 900)
        await turn()
        await settled(window)
        menu.choose("market")
        await settled(window)
        menu.choose("trading")
        await settled(window)
        assert menu.changed == {}


async def test_a_layout_file_of_before_keeps_what_was_on_the_screen(tmp_path: Path) -> None:
    plain = layout_to_plain(Layout()) | {
        "version": 1,
        "perspective": "trading",
        "current": {"root": {"tabs": ["chart", "log"], "current": "log"}, "floating": []},
    }
    del plain["changed"]
    layout = layout_from(plain, PANELS)
    assert layout.changed == {"trading": Arrangement(Leaf(("chart", "log"), "log"))}


ROOMY, LOW = QSize(1600, 900), QSize(1272, 640)
WINDOW = QRect(100, 100, 1600, 900)


def test_the_monitor_goes_along_the_bottom_or_floats_where_there_is_little_height() -> None:
    trading = BUILT_IN["trading"]
    below = placed(trading, "monitor", ROOMY, WINDOW).root
    assert isinstance(below, Split)
    assert below.vertical
    assert below.parts[-1] == Leaf(("monitor",), "monitor")
    assert below.shares[-1] * ROOMY.height() >= 400
    (floating,) = placed(trading, "monitor", LOW, WINDOW).floating
    assert floating.panel == "monitor"
    assert floating.width >= 1000


def test_any_other_panel_becomes_a_tab_of_the_largest_group() -> None:
    found = placed(BUILT_IN["market"], "my_orders", ROOMY, WINDOW)
    groups = str(found)
    assert "('chart', 'my_orders')" in groups
    assert placed(Arrangement(None), "log", ROOMY, WINDOW) == Arrangement(Leaf(("log",), "log"))


async def test_ctrl_m_shows_the_monitor_where_all_of_it_can_be_seen_and_covers_no_panel() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        window.resize(1600, 950)
        await settled(window)
        window.show_panel("monitor")
        await until(lambda: window.docks["monitor"].width() > 1000)
        assert not window.tabifiedDockWidgets(window.docks["watch_list"])
        assert not window.docks["watch_list"].visibleRegion().isEmpty()


async def test_a_click_on_the_status_bar_opens_a_monitor_that_is_painted() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        window.resize(1200, 640)
        await settled(window)
        button = window.bar.lines[WebSocketType.PUBLIC]
        assert isinstance(button, QToolButton)
        click(button)
        dock = window.docks["monitor"]
        await until(lambda: dock.isFloating() and dock.isVisible())
        assert dock.width() >= 750, "as far as the screen goes"
        assert dock.updatesEnabled(), "it was put there while the window was not painted"
        assert not window.tabifiedDockWidgets(window.docks["watch_list"])


async def test_a_panel_opened_by_the_menu_does_not_cover_the_narrow_watch_list() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        menu = await settled(window)
        menu.choose("market")
        await settled(window)
        action = window.docks["my_orders"].toggleViewAction()
        assert action is not None
        action.trigger()
        await until(lambda: window.docks["my_orders"] in window.tabifiedDockWidgets(window.docks["chart"]))
        assert not window.tabifiedDockWidgets(window.docks["watch_list"])
        action.trigger()
        await until(window.docks["my_orders"].isHidden)


async def test_floating_panels_of_a_perspective_are_painted_when_it_comes_back() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        window.arrange(Arrangement(Leaf(("chart",), "chart"), (Floating("tape", 50, 50, 300, 300),)))
        await until(window.docks["tape"].isVisible)
        assert window.docks["tape"].updatesEnabled()
