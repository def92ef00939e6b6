"""The program without a mouse: real key events on the real window."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QAbstractButton, QApplication, QDialog, QMenu, QMessageBox, QPushButton, QWidget

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.showing import compose, press
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.panel import Panel, PanelState
from widgets.base.theme import DARK, LIGHT
from widgets.chart.panel import ChartWidget
from widgets.indicators.panel import IndicatorsWidget
from widgets.order_book.panel import OrderBookWidget
from widgets.program.main_menu import MainMenu
from widgets.settings.dialog import SettingsDialog
from widgets.tape.panel import TapeWidget
from widgets.watch_list.model import Column
from widgets.window.perspectives import BUILT_IN
from widgets.window.symbol_search import SymbolSearch

if TYPE_CHECKING:
    from widgets.window.main_window import MainWindow

pytestmark = [
    pytest.mark.qasync_loop,
    pytest.mark.usefixtures("let_go"),
    pytest.mark.qt_log_ignore("does not support grabbing the keyboard", extend=True),  # offscreen
]

_QTEST: Any = QTest  # the stubs take its functions for methods
CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def key(which: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key where the keyboard is."""
    place = QApplication.activePopupWidget() or QApplication.focusWidget() or QApplication.activeWindow()
    assert place is not None
    _QTEST.keyClick(place, which, modifier)


async def back(window: MainWindow) -> None:
    """Come back to the window, as a window manager has it when a dialog was closed."""
    window.activateWindow()
    await until(window.isActiveWindow)


async def ready(window: MainWindow) -> None:
    await back(window)
    await until(lambda: window.needs.catalog.fresh)
    await until(lambda: all(window.panels[name].had_data for name in ("watch_list", "chart", "order_book", "tape")))  # type: ignore[attr-defined]  # these are Panels


async def go_to(window: MainWindow, name: str) -> Any:
    """Come to a panel by F6 alone."""
    for _ in window.docks:
        if window.panel_with_focus == name:
            break
        key(Qt.Key.Key_F6)
        await turn()
    assert window.panel_with_focus == name
    return window.panels[name]


async def tab_to(widget: QWidget) -> None:
    for _ in range(100):
        if QApplication.focusWidget() is widget:
            return
        key(Qt.Key.Key_Tab)
    raise AssertionError(f"Tab does not come to {widget}")


def stops(window: QWidget) -> set[QWidget]:
    """Return all that can be seen and takes the keyboard."""
    return {
        widget
        for widget in window.findChildren(QWidget)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.isVisible()
        and widget.isEnabled()
        and widget.window() is window
        and widget.focusProxy() is None
        and not (isinstance(widget, QAbstractButton) and _is_one_of_several(widget))
    }


def _is_one_of_several(button: QAbstractButton) -> bool:
    """Whether arrow keys come to a button, from the one of its group that is down."""
    group = button.group()
    return group is not None and group.exclusive() and not button.isChecked()


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
        assert set(names) == {"watch_list", "chart", "indicators", "my_orders", "my_assets", "announcements", "log",
                              "order_book", "tape"}  # fmt: skip
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
        await turn()
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


async def test_a_market_is_found_starred_sorted_and_chosen_in_the_watch_list() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        watch = await go_to(window, "watch_list")
        await tab_to(watch.search)
        compose(watch.search, "ㅇㄷㄹㅇ")
        await until(lambda: watch.model.codes[0] == "KRW-ETH")
        await tab_to(watch.table)
        key(Qt.Key.Key_Down)
        key(Qt.Key.Key_Up)
        code = watch.model.code_at(watch.table.currentIndex().row())
        key(Qt.Key.Key_Space)
        assert watch.favourites == (code,)
        key(Qt.Key.Key_Return)
        assert window.symbol == code
        await tab_to(watch.search)
        for _ in range(4):
            key(Qt.Key.Key_Backspace)
        await tab_to(watch.tabs)
        key(Qt.Key.Key_Left)
        assert watch.model.codes == [code]
        key(Qt.Key.Key_Right)
        await tab_to(watch.table)
        await sort_by_menu(watch, "Sort by Name")
        names = [watch.model.row(place).market.name for place in range(watch.model.rowCount())]
        assert names == sorted(names, reverse=True)


async def sort_by_menu(watch: Any, text: str) -> None:
    from PyQt6.QtGui import QContextMenuEvent

    viewport = watch.table.viewport()
    ask = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, QPoint(5, 5), viewport.mapToGlobal(QPoint(5, 5)))
    QApplication.sendEvent(viewport, ask)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    for _ in menu.actions():
        active = menu.activeAction()
        if active is not None and active.text() == text:
            break
        key(Qt.Key.Key_Down)
    key(Qt.Key.Key_Return)
    await turn()
    assert watch.table.horizontalHeader().sortIndicatorSection() == Column.NAME


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


async def test_chart_book_and_tape_are_worked_by_keys() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await ready(window)
        chart = await go_to(window, "chart")
        assert isinstance(chart, ChartWidget)
        await tab_to(chart.units)
        key(Qt.Key.Key_Down)
        assert chart.unit == "3m"
        taken: list[Decimal] = []
        book = await go_to(window, "order_book")
        assert isinstance(book, OrderBookWidget)
        book.priceActivated.connect(taken.append)
        await until(lambda: book.state is PanelState.LIVE)
        await tab_to(book.view)
        key(Qt.Key.Key_Up)
        key(Qt.Key.Key_Return)
        assert taken == [book.view.selected]
        key(Qt.Key.Key_Escape)
        assert book.view.selected is None
        await tab_to(book.grouping)
        key(Qt.Key.Key_Down)
        assert book.level > 0
        tape = await go_to(window, "tape")
        assert isinstance(tape, TapeWidget)
        await tab_to(tape.least)
        key(Qt.Key.Key_Down)
        assert tape.model.least > 0


async def test_indicators_are_chosen_added_and_removed() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await ready(window)
        panel = await go_to(window, "indicators")
        assert isinstance(panel, IndicatorsWidget)
        await until(lambda: panel.state is PanelState.LIVE)
        await tab_to(panel.picker.timeframe)
        key(Qt.Key.Key_Down)
        await tab_to(panel.picker.add)
        key(Qt.Key.Key_Space)
        assert [timeframe for _, timeframe in panel.watches] == ["5m", "15m"]
        await until(lambda: len(exchange.subscribed("info")) == 2)
        await tab_to(panel.watch_table)
        key(Qt.Key.Key_Delete)
        assert [timeframe for _, timeframe in panel.watches] == ["5m"]


async def test_an_announcement_is_read_and_its_link_refused_and_opened() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await ready(window)
        panel = await go_to(window, "announcements")
        assert isinstance(panel, AnnouncementsWidget)
        opened: list[str] = []
        panel._open_url = lambda url: opened.append(url.toString())
        await until(lambda: panel.state is PanelState.EMPTY)
        exchange.publish_announcement("title", body="text", url="https://upbit.com/notice")
        await until(lambda: panel.state is PanelState.LIVE)
        await go_to(window, "announcements")
        await tab_to(panel.table)
        key(Qt.Key.Key_Down)
        await tab_to(panel.text)
        assert panel.text.toPlainText() == "text"
        for answer in (Qt.Key.Key_Escape, Qt.Key.Key_Return):
            await tab_to(panel.link)
            key(Qt.Key.Key_Space)
            question = panel.findChild(QMessageBox)
            assert question is not None
            await until(question.isActiveWindow)
            if answer is Qt.Key.Key_Return:
                await tab_to(question.button(QMessageBox.StandardButton.Open))  # type: ignore[arg-type]  # it has one
            key(answer)
            await turn()
            await back(window)
        assert opened == ["https://upbit.com/notice"]


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


def place_order(exchange: Any) -> None:
    sides = exchange.world.sides("KRW-BTC")
    price = Decimal(sides[1].prices[2]).scaleb(-8)
    exchange.place_order("KRW-BTC", "BID", price=price, volume=Decimal("0.01"))
