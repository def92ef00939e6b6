"""Panels are moved, detached, tabbed, resized and closed by the mouse, as their user does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QPoint, QRect, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QApplication, QDockWidget, QListWidget, QTabBar, QWidget

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.showing import click
from upbit_ws_qt import Subscription, WebSocketType
from widgets.base.panel import Panel, PanelState
from widgets.base.theme import ThemeMode, apply_theme
from widgets.program.main_menu import MainMenu
from widgets.program.store import Store
from widgets.window.layout import Leaf, Node

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.window.layout import Arrangement
    from widgets.window.main_window import MainWindow

pytestmark = [
    pytest.mark.qasync_loop,
    pytest.mark.usefixtures("let_go"),
    pytest.mark.qt_log_ignore("does not support grabbing the", extend=True),  # offscreen
]

_QTEST: Any = QTest  # the stubs take its functions for methods
_LEFT = Qt.MouseButton.LeftButton
TITLE = QPoint(30, 8)  # within the title bar of a dock


async def drag(widget: QWidget, start: QPoint, goal: QPoint, steps: int = 12) -> None:
    """Press on a place of a widget, move to a place of the screen, let go."""
    at = widget.mapToGlobal(start)
    _QTEST.mousePress(widget, _LEFT, pos=start)
    for step in range(1, steps + 1):
        _QTEST.mouseMove(widget, widget.mapFromGlobal(at + (goal - at) * step / steps))
        await turn()
    _QTEST.mouseRelease(widget, _LEFT, pos=widget.mapFromGlobal(goal))
    await turn()


def tabs_with(arrangement: Arrangement, panel: str) -> set[str]:
    """Return the panels that are in one place with a panel."""
    found: set[str] = set()

    def look(node: Node | None) -> None:
        if isinstance(node, Leaf):
            found.update(node.panels if panel in node.panels else ())
        elif node is not None:
            for part in node.parts:
                look(part)

    look(arrangement.root)
    return found


def button_of(dock: QDockWidget, name: str) -> QAbstractButton:
    found = dock.findChild(QAbstractButton, name)
    assert found is not None
    return found


def outside(window: MainWindow) -> QPoint:
    return window.mapToGlobal(QPoint(window.width() + 300, 100))


async def test_a_panel_is_dragged_out_and_remembered_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        await turn()
        tape = window.docks["tape"]
        panel = window.panels["tape"]
        assert isinstance(panel, Panel)
        await until(lambda: panel.state is PanelState.LIVE)
        wishes = window.needs.service.findChildren(Subscription)
        await drag(tape, TITLE, outside(window))
        assert tape.isFloating()
        assert [each.panel for each in window.arrangement.floating] == ["tape"]
        assert window.needs.service.findChildren(Subscription) == wishes, "it has seen no end of its data"
        size = tape.size()
    async with desk(store) as (program, _):
        window = window_of(program)
        await turn()
        tape = window.docks["tape"]
        assert tape.isFloating()
        assert tape.size() == size
        screen = QApplication.primaryScreen()
        assert screen is not None
        assert screen.availableGeometry().intersects(tape.geometry()), "what was left outside is brought back"


async def test_a_panel_is_dropped_onto_another_and_becomes_a_tab_of_it() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        tape = window.docks["tape"]
        assert "tape" not in tabs_with(window.arrangement, "chart")
        await drag(tape, TITLE, window.mapToGlobal(window.docks["chart"].geometry().center()))
        await until(lambda: not tape.isFloating())
        await until(lambda: "tape" in tabs_with(window.arrangement, "chart"))


async def test_locked_panels_stay_where_they_are() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        window.lock(True)
        before = window.arrangement
        await drag(window.docks["tape"], TITLE, outside(window))
        assert not window.docks["tape"].isFloating()
        assert window.arrangement == before
        window.lock(False)
        await drag(window.docks["tape"], TITLE, outside(window))
        assert window.docks["tape"].isFloating()


async def test_the_line_between_two_panels_is_dragged() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        watch, chart = window.docks["watch_list"], window.docks["chart"]
        width = watch.width()
        between = QRect(watch.geometry().right(), 300, chart.x() - watch.geometry().right(), 1).center()
        await drag(window, between, window.mapToGlobal(between + QPoint(80, 0)))
        assert abs(watch.width() - width - 80) <= 4


async def test_the_buttons_of_a_title_bar_detach_and_close() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        dock = window.docks["order_book"]
        click(button_of(dock, "float"))
        await turn()
        assert dock.isFloating()
        click(button_of(dock, "float"))
        await turn()
        assert not dock.isFloating()
        click(button_of(dock, "close"))
        await turn()
        assert "order_book" not in window.arrangement.panels
        menu = window.findChild(MainMenu)
        assert menu is not None
        menu.reset()  # what was closed stays closed until then
        await turn()
        assert "order_book" in window.arrangement.panels


@pytest.mark.parametrize("theme", [ThemeMode.LIGHT, ThemeMode.DARK])
async def test_the_buttons_of_a_title_bar_can_be_seen(theme: ThemeMode) -> None:
    async with desk() as (program, _):
        window = window_of(program)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, theme)

        def contrast(name: str) -> int:
            picture = button_of(window.docks["chart"], name).grab().toImage()
            places = [(x, y) for x in range(picture.width()) for y in range(picture.height())]
            shades = [picture.pixelColor(x, y).lightness() for x, y in places]
            return max(shades) - min(shades)

        await until(lambda: all(contrast(name) > 90 for name in ("float", "close")))


async def test_a_tab_is_clicked() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        bars = [bar for bar in window.findChildren(QTabBar) if bar.parent() is window and bar.count() == 5]
        assert [bars[0].tabText(place) for place in range(5)] == [
            "My orders",
            "My assets",
            "Alarms",
            "Announcements",
            "Log",
        ]
        click(bars[0], bars[0].tabRect(4).center())
        await turn()
        assert window.panels["log"].isVisible()
        await until(lambda: not window.panels["my_orders"].isVisible())


async def test_a_market_is_found_and_clicked() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await until(lambda: window.needs.catalog.fresh)
        menu = window.findChild(MainMenu)
        assert menu is not None
        search = menu.search()
        _QTEST.keyClicks(search.line, "eth")
        found = search.list
        assert isinstance(found, QListWidget)
        viewport = found.viewport()
        item = found.item(0)
        assert item is not None
        click(viewport, found.visualItemRect(item).center())
        await turn()
        assert window.symbol == "KRW-ETH"


async def test_a_line_of_the_status_bar_opens_the_monitor_and_a_toast_goes_by_a_click() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        assert not window.panels["monitor"].isVisible()
        click(window.bar.lines[WebSocketType.INFO])
        await turn()
        assert window.panels["monitor"].isVisible()
        window.toasts.clear()
        window.toasts.show_note("done")
        (note,) = [each for each in window.findChildren(QWidget) if each.accessibleName() == "done"]
        click(note, QPoint(20, note.height() // 2))
        assert window.toasts.texts == []
