"""The dialogs are opened, worked and left without a mouse."""

from __future__ import annotations

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QDialog, QPushButton, QWidget

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.keyboard import ALT, CTRL, back, go_to, key, ready, stops, tab_to
from tests.widgets.showing import compose, press
from widgets.base.panel import Panel, PanelState
from widgets.base.theme import DARK
from widgets.program.main_menu import MainMenu
from widgets.settings.dialog import SettingsDialog
from widgets.window.symbol_search import SymbolSearch

pytestmark = [
    pytest.mark.qasync_loop,
    pytest.mark.usefixtures("let_go"),
    pytest.mark.qt_log_ignore("does not support grabbing the keyboard", extend=True),  # offscreen
]


async def test_the_search_opens_finds_and_closes() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        key(Qt.Key.Key_K, CTRL)
        search = window.findChild(SymbolSearch)
        assert search is not None
        await until(search.line.hasFocus)
        compose(search.line, "ㅂㅌㅋㅇ")
        key(Qt.Key.Key_Escape)
        await turn()
        assert window.symbol == "KRW-BTC"
        assert window.findChild(SymbolSearch) is None
        await back(window)
        key(Qt.Key.Key_K, CTRL)
        search = window.findChild(SymbolSearch)
        assert search is not None
        await until(search.line.hasFocus)
        press(search.line, "eth")
        key(Qt.Key.Key_Return)
        assert window.symbol == "KRW-ETH"


async def test_settings_are_changed_page_by_page_and_taken_back_by_escape() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        key(Qt.Key.Key_Comma, CTRL)
        dialog = window.findChild(SettingsDialog)
        assert dialog is not None
        await until(dialog.isActiveWindow)
        bar = dialog.tabs.tabBar()
        assert bar is not None
        for place in range(dialog.tabs.count()):
            expected = stops(dialog)
            seen: set[QWidget | None] = set()
            for _ in range(2 * len(expected) + 2):
                key(Qt.Key.Key_Tab)
                seen.add(QApplication.focusWidget())
            assert expected - seen == set(), dialog.tabs.tabText(place)
            await tab_to(bar)
            key(Qt.Key.Key_Right)
        for _ in range(dialog.tabs.count()):
            key(Qt.Key.Key_Left)
        await tab_to(dialog.fields["theme"])
        before = window.palette().color(window.backgroundRole()).name()
        for _ in range(3):
            key(Qt.Key.Key_Down)  # to "dark", wherever it began
        await turn()
        assert window.palette().color(window.backgroundRole()).name() == DARK.window
        key(Qt.Key.Key_Escape)
        await turn()
        assert window.palette().color(window.backgroundRole()).name() == before


async def test_a_panel_without_a_key_is_left_by_its_button() -> None:
    async with desk(credentials=None) as (program, _):
        window = window_of(program)
        await ready(window)
        orders = await go_to(window, "my_orders")
        assert isinstance(orders, Panel)
        assert orders.state is PanelState.NO_KEY
        (button,) = [each for each in stops(window) if isinstance(each, QPushButton) and orders.isAncestorOf(each)]
        await tab_to(button)
        key(Qt.Key.Key_Space)
        dialog = window.findChild(SettingsDialog)
        assert dialog is not None
        assert dialog.tabs.currentWidget() is dialog.keys
        dialog.reject()


async def test_a_perspective_is_saved_and_deleted() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        menu = window.findChild(MainMenu)
        assert menu is not None
        key(Qt.Key.Key_P, ALT)
        key(Qt.Key.Key_S)
        (dialog,) = window.findChildren(QDialog)
        await until(dialog.isActiveWindow)
        press(QApplication.focusWidget(), "mine")
        key(Qt.Key.Key_Return)
        await turn()
        assert list(menu.own) == ["mine"]
        await back(window)
        key(Qt.Key.Key_P, ALT)
        key(Qt.Key.Key_D)
        await turn()
        assert menu.own == {}
        assert menu.current == "trading"
