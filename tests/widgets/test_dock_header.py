"""One header for a dock: its tools are in it, it says how the panel stands, and it makes a window of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QAbstractButton

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.showing import click
from widgets.base.focus import in_reading_order
from widgets.base.panel import Panel, PanelState
from widgets.base.theme import HEALTH_SHAPES, LIGHT
from widgets.window.dock_header import DockHeader

if TYPE_CHECKING:
    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]


def header_of(window: MainWindow, name: str) -> DockHeader:
    found = window.docks[name].titleBarWidget()
    assert isinstance(found, DockHeader)
    return found


def button(header: DockHeader, name: str) -> QAbstractButton:
    found = header.findChild(QAbstractButton, name)
    assert found is not None
    return found


async def test_tools_and_symbol_are_in_the_header() -> None:
    """Three rows before any content (tab, title, line of tools) were one too many, and two too many without tabs."""
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        for name, panel in window.panels.items():
            header = header_of(window, name)
            if isinstance(panel, Panel):
                assert header.isAncestorOf(panel.header), name
                assert not panel.isAncestorOf(panel.header), name
        book = window.panels["order_book"]
        assert header_of(window, "order_book").isAncestorOf(book.symbol_label)  # type: ignore[attr-defined]
        assert header_of(window, "order_book").title.text() == "Order book"


async def test_a_tab_says_the_title_already() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        chart, tape = header_of(window, "chart"), header_of(window, "tape")
        assert window.tabifiedDockWidgets(window.docks["chart"])
        assert not window.tabifiedDockWidgets(window.docks["tape"])
        assert not chart.title.isVisibleTo(chart)
        assert tape.title.isVisibleTo(tape)
        window.docks["chart"].setFloating(True)
        await until(lambda: chart.title.isVisibleTo(chart))


async def test_tab_goes_through_the_tools_and_then_into_the_panel() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        book = window.panels["order_book"]
        assert isinstance(book, Panel)
        stops = in_reading_order(book)
        tools = [stop for stop in stops if book.header.isAncestorOf(stop)]
        assert tools
        assert stops[: len(tools)] == tools
        assert len(stops) > len(tools)


async def test_the_sign_follows_the_panel_and_moves_nothing() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        panel, header = window.panels["order_book"], header_of(window, "order_book")
        assert isinstance(panel, Panel)
        await until(lambda: panel.state is PanelState.LIVE)
        assert header.sign.text() == HEALTH_SHAPES["good"]
        place = panel.header.geometry()
        panel.show_stale()
        assert header.sign.text() == HEALTH_SHAPES["warn"]
        assert header.sign.accessibleName() == "Not up to date"
        await turn()
        assert panel.header.geometry() == place


async def test_a_floating_panel_has_an_edge_and_fills_the_screen() -> None:
    """Without an edge it cannot be told from the window under it."""
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        dock, header = window.docks["tape"], header_of(window, "tape")
        assert not button(header, "maximize").isVisibleTo(header)
        right = header.width() - button(header, "float").x()
        click(button(header, "float"))
        await until(lambda: button(header, "maximize").isVisibleTo(header))
        assert dock.isFloating()
        await turn()
        assert header.width() - button(header, "float").x() == right, "a second click is on the same button"
        dock.resize(420, 300)
        await turn()
        picture = dock.grab().toImage()
        edge = QColor(LIGHT.muted)
        for x, y in ((0, 150), (419, 150), (200, 0), (200, 299)):
            assert picture.pixelColor(x, y) == edge, (x, y)
        before = dock.geometry()
        screen = dock.screen()
        assert screen is not None
        click(button(header, "maximize"))
        await until(lambda: dock.geometry() == screen.availableGeometry())
        click(button(header, "maximize"))
        await until(lambda: dock.geometry() == before)
        click(button(header, "float"))
        await until(lambda: not button(header, "maximize").isVisibleTo(header))
        assert not dock.isFloating()


async def test_the_edge_lets_the_mouse_through() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        dock = window.docks["tape"]
        dock.setFloating(True)
        await turn()
        under = dock.childAt(QPoint(0, dock.height() // 2))
        assert under is None or under.testAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents) is False


async def test_a_locked_panel_has_no_buttons() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        header = header_of(window, "tape")
        window.lock(True)
        await until(lambda: not button(header, "close").isVisibleTo(header))
        assert not button(header, "float").isVisibleTo(header)
        window.lock(False)
        await until(lambda: button(header, "close").isVisibleTo(header))


async def test_the_tools_of_a_panel_behind_another_are_not_in_the_way_of_tab() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        chart, indicators = header_of(window, "chart"), header_of(window, "indicators")
        assert chart.tools is not None
        assert indicators.tools is not None
        shown, hidden = chart.tools, indicators.tools
        await until(lambda: shown.isVisible() and not hidden.isVisibleTo(indicators))
        window.show_panel("indicators")
        await until(lambda: hidden.isVisible() and not shown.isVisibleTo(chart))
