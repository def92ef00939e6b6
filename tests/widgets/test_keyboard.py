"""The window without a mouse: round the panels, through the menus, by shortcuts."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QMenu, QWidget

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.keyboard import ALT, CTRL, SHIFT, back, go_to, is_in, key, ready, stops, tab_to
from widgets.base.panel import PanelState
from widgets.base.theme import DARK, LIGHT
from widgets.window.perspectives import BUILT_IN

pytestmark = [
    pytest.mark.qasync_loop,
    pytest.mark.usefixtures("let_go"),
    pytest.mark.qt_log_ignore("does not support grabbing the keyboard", extend=True),  # offscreen
]


@pytest.mark.parametrize("perspective", BUILT_IN)
async def test_tab_comes_to_everything_that_can_be_seen_and_back(perspective: str) -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        key(getattr(Qt.Key, f"Key_{list(BUILT_IN).index(perspective) + 1}"), CTRL)
        await turn()
        assert set(BUILT_IN[perspective].panels) == set(window.arrangement.panels)
        expected = stops(window)
        assert len(expected) > 8
        for back in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            seen: set[QWidget | None] = set()
            for _ in range(3 * len(expected)):
                key(back)
                seen.add(QApplication.focusWidget())
            assert expected - seen == set()


async def test_f6_goes_round_all_panels_hidden_tabs_included() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        names = window.arrangement.panels
        assert set(names) == {
            "watch_list", "chart", "indicators", "my_orders", "my_assets", "alarms", "announcements", "log",
            "order_book", "tape",
        }  # fmt: skip
        seen = []
        for _ in names:
            key(Qt.Key.Key_F6)
            await turn()
            seen.append(window.panel_with_focus)
            focus = QApplication.focusWidget()
            assert focus is not None
            assert focus.isVisible(), f"{seen[-1]} has the keyboard where nobody sees it"
        assert set(seen) == set(names)
        key(Qt.Key.Key_F6, SHIFT)
        await turn()
        assert window.panel_with_focus == seen[-2]


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_what_has_the_keyboard_is_framed(theme: str) -> None:
    from widgets.base.theme import ThemeMode, apply_theme

    async with desk() as (program, exchange):
        window = window_of(program)
        await ready(window)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        apply_theme(app, ThemeMode(theme))
        place_order(exchange)
        for name, state in (("my_orders", PanelState.LIVE), ("my_assets", PanelState.LIVE),
                            ("announcements", PanelState.EMPTY)):  # fmt: skip
            await until(partial(is_in, window, name, state))
        accent = (DARK if theme == "dark" else LIGHT).accent
        for name in ("watch_list", "chart", "order_book", "tape", "my_orders", "log", "announcements", "my_assets"):
            panel = await go_to(window, name)
            view = panel.focus_entry if panel.focus_entry.isVisible() else panel._message
            await tab_to(view)
            await turn()
            shown = view.grab().toImage()
            middle = shown.height() // 2
            colours = {shown.pixelColor(x, middle).name() for x in range(5)}
            assert accent in colours, f"{name}: {colours}"


def place_order(exchange: Any) -> None:
    sides = exchange.world.sides("KRW-BTC")
    price = Decimal(sides[1].prices[2]).scaleb(-8)
    exchange.place_order("KRW-BTC", "BID", price=price, volume=Decimal("0.01"))


async def test_menus_open_by_their_letters_and_close_by_escape() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        for letter in (Qt.Key.Key_G, Qt.Key.Key_V, Qt.Key.Key_P, Qt.Key.Key_M, Qt.Key.Key_H):
            key(letter, ALT)
            menu = QApplication.activePopupWidget()
            assert isinstance(menu, QMenu)
            key(Qt.Key.Key_Escape)
            assert QApplication.activePopupWidget() is None
        key(Qt.Key.Key_P, ALT)
        key(Qt.Key.Key_Down)  # the second perspective
        key(Qt.Key.Key_Return)
        await turn()
        assert set(window.arrangement.panels) == set(BUILT_IN["market"].panels)


async def test_shortcuts_of_the_window() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await ready(window)
        key(Qt.Key.Key_M, CTRL)
        await turn()
        assert window.panel_with_focus == "monitor"
        key(Qt.Key.Key_F4, CTRL)
        await turn()
        assert "monitor" not in window.arrangement.panels
        key(Qt.Key.Key_L, CTRL)
        await turn()
        assert window.panel_with_focus == "log"
        key(Qt.Key.Key_D, CTRL | SHIFT)
        await turn()
        assert window.docks["log"].isFloating()
        await back(window)
        window.show_panel("log")
        await turn()
        window.detach_panel()
        await turn()
        assert not window.docks["log"].isFloating()
        before = len(exchange.closed_connections)
        await back(window)
        key(Qt.Key.Key_F5)
        await until(lambda: len(exchange.closed_connections) > before)
        key(Qt.Key.Key_F11)
        await until(window.isFullScreen)
        await back(window)
        key(Qt.Key.Key_F11)
        await until(lambda: not window.isFullScreen())
