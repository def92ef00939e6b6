"""The main window as a whole: linked panels, perspectives, settings that apply live, keys, a cut line."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QCheckBox, QComboBox, QDialogButtonBox, QPushButton

from tests.qt.serving import SETTINGS, config_for
from tests.waiting import until
from tests.widgets.desk import close, desk, turn, window_of
from tests.widgets.settings_desk import open_settings
from tests.widgets.showing import compose, press
from upbit_ws_qt import ConnectionState, Credentials, DataFormat, WebSocketService, WebSocketType
from upbit_ws_qt.exchange import EmbeddedExchange, FaultName
from widgets.base.exchange_choice import ExchangeChoice
from widgets.base.line_state import line_state
from widgets.base.look import look
from widgets.base.panel import Panel, PanelState
from widgets.base.text import Language
from widgets.base.theme import MarketScheme, ThemeMode, is_dark
from widgets.chart.panel import ChartWidget
from widgets.monitor.bundle import PARTS, BundleDialog
from widgets.order_book.panel import OrderBookWidget
from widgets.program.main_menu import MainMenu
from widgets.program.options import Options
from widgets.program.program import Program
from widgets.program.store import Store
from widgets.settings.dialog import SettingsDialog
from widgets.settings.key_check import check_keys
from widgets.settings.preferences import Preferences
from widgets.window.symbol_search import SymbolSearch

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]


async def test_every_panel_that_is_on_the_screen_comes_to_life() -> None:
    async with desk() as (program, _):
        panels = window_of(program).panels
        for name in ("watch_list", "chart", "order_book", "tape"):
            panel = panels[name]
            assert isinstance(panel, Panel)
            await until(partial(getattr, panel, "had_data"))
        assert "Embedded exchange" in window_of(program).windowTitle()
        assert "Embedded" in window_of(program).bar.badge.text()


async def test_one_market_for_all_linked_panels_by_search() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await until(lambda: window.needs.catalog.fresh)
        menu = window.findChild(MainMenu)
        assert menu is not None
        search = menu.search()
        compose(search.line, "ㅇㄷㄹㅇ")
        assert search.codes[0] == "KRW-ETH"
        press(search.line, Qt.Key.Key_Return)
        await until(lambda: window.symbol == "KRW-ETH")
        chart, book = window.panels["chart"], window.panels["order_book"]
        assert isinstance(chart, ChartWidget)
        assert isinstance(book, OrderBookWidget)
        assert (chart.symbol, book.symbol) == ("KRW-ETH", "KRW-ETH")
        assert window.windowTitle().startswith("KRW-ETH")
        await until(lambda: book.state is PanelState.LIVE)


async def test_the_search_goes_by_arrow_keys_and_says_when_nothing_fits() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await until(lambda: window.needs.catalog.fresh)
        search = SymbolSearch(window.needs.catalog, window)
        search.open()
        search.symbolSelected.connect(window.select_symbol)
        second = search.codes[1]
        press(search.line, Qt.Key.Key_Down, Qt.Key.Key_Return)
        assert window.symbol == second
        again = SymbolSearch(window.needs.catalog, window)
        again.open()
        press(again.line, "nosuchcoin")
        assert again.codes == []
        assert again.nothing.isVisible()
        again.close()


async def test_perspectives_by_menu_own_ones_and_the_layout_file(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        menu = window.findChild(MainMenu)
        assert menu is not None
        assert menu.choose("monitor")
        await turn()
        assert set(window.arrangement.panels) == {"monitor", "watch_list", "log"}
        assert menu.keep("mine")
        assert not menu.keep("monitor"), "the program's own names are taken"
        assert not menu.keep(" ")
        assert menu.choose("trading")
        assert menu.choose("mine")
        assert not menu.choose("nobody's")
        window.lock(True)
    async with desk(store) as (program, _):
        window = window_of(program)
        await turn()
        assert set(window.arrangement.panels) == {"monitor", "watch_list", "log"}
        assert window.locked
        menu = window.findChild(MainMenu)
        assert menu is not None
        assert list(menu.own) == ["mine"]


async def test_stars_market_and_unit_are_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        window.watch_list.toggle_favourite("KRW-XRP")
        window.select_symbol("KRW-ETH")
        chart = window.panels["chart"]
        assert isinstance(chart, ChartWidget)
        chart.set_unit("15m")
    kept = store.preferences()
    assert (kept.favourites, kept.symbol, kept.unit) == (("KRW-XRP",), "KRW-ETH", "15m")


async def test_settings_apply_live_and_cancel_takes_them_back(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        dialog = open_settings(window)
        choose(dialog, "theme", ThemeMode.DARK)
        choose(dialog, "language", Language.KOREAN)
        choose(dialog, "scheme", MarketScheme.OKABE_ITO)
        motion = dialog.fields["reduce_motion"]
        assert isinstance(motion, QCheckBox)
        motion.click()
        await turn()
        assert is_dark(window.palette())
        assert window.docks["watch_list"].windowTitle() == "관심 목록"
        assert look().scheme is MarketScheme.OKABE_ITO
        assert look().reduce_motion
        assert store.preferences().theme is ThemeMode.DARK
        cancel = dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
        assert isinstance(cancel, QPushButton)
        cancel.click()
        await turn()
        assert not look().reduce_motion
        assert look().scheme is MarketScheme.KOREAN
        assert store.preferences() == Preferences()


async def test_another_data_format_dials_anew_and_keeps_the_window_as_it_was() -> None:
    async with desk() as (program, exchange):
        old = window_of(program)
        old.select_symbol("KRW-ETH")
        await until(lambda: exchange.connections)
        dialog = open_settings(old)
        choose(dialog, "data_format", DataFormat.SIMPLE_LIST)
        ok = dialog.buttons.button(QDialogButtonBox.StandardButton.Ok)
        assert isinstance(ok, QPushButton)
        ok.click()
        await until(lambda: program.window not in (None, old))
        new = window_of(program)
        await until(lambda: any(view.format == "SIMPLE_LIST" for view in exchange.connections))
        book = new.panels["order_book"]
        assert isinstance(book, OrderBookWidget)
        await until(lambda: book.state is PanelState.LIVE)
        assert book.symbol == "KRW-ETH"
        assert sip.isdeleted(old) or not old.isVisible()


async def test_a_cut_line_is_told_in_the_bar_the_panels_and_a_toast() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        book = window.panels["order_book"]
        assert isinstance(book, OrderBookWidget)
        await until(lambda: book.state is PanelState.LIVE)
        # A line that is cut before it was proved has never been up, and is not told as lost.
        service = window.needs.service
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        toasted: list[str] = []  # they go after some seconds
        window.toasts.noteShown.connect(toasted.append)
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: book.state is PanelState.STALE)
        await until(lambda: "Reconnecting" in window.bar.lines[WebSocketType.PUBLIC].text())
        assert any("public" in text and "lost" in text for text in toasted)
        exchange.faults.clear()
        await until(lambda: book.state is PanelState.LIVE)
        await until(lambda: "Connected" in window.bar.lines[WebSocketType.PUBLIC].text())
        await until(lambda: any("recovered" in text for text in toasted))


async def test_toasts_collapse_repeats_and_are_bounded() -> None:
    async with desk() as (program, _):
        toasts = window_of(program).toasts
        toasts.clear()
        for number in range(3):
            toasts.show_note(f"again {number}", key="same")
        assert toasts.texts == ["again 2"]
        for number in range(10):
            toasts.show_note(f"note {number}")
        assert len(toasts.texts) == 4
        assert toasts.texts[-1] == "note 9"


async def test_a_problem_is_reported_from_the_menu() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        menu = window.findChild(MainMenu)
        assert menu is not None
        menu.report()
        dialog = window.findChild(BundleDialog)
        assert dialog is not None
        assert dialog.files.count() == len(PARTS), "all is listed before anything is written"
        dialog.reject()


async def test_without_keys_private_panels_ask_for_one() -> None:
    async with asyncio.timeout(110), EmbeddedExchange(SETTINGS) as exchange:
        config = config_for(exchange, credentials=None)
        options = Options(size=(1300, 800), live=True)
        program = Program(options, config, Store(None), Preferences(), choice=ExchangeChoice.LIVE_WITH_KEY)
        program.open()
        await WebSocketService.instance().start()
        try:
            window = window_of(program)
            orders = window.panels["my_orders"]
            assert isinstance(orders, Panel)
            assert orders.state is PanelState.NO_KEY
            assert "LIVE" not in window.windowTitle(), "this exchange is on this machine"
            assert "127.0.0.1" in window.windowTitle()
            orders.keysRequested.emit()
            dialog = window.findChild(SettingsDialog)
            assert dialog is not None
            assert dialog.tabs.currentWidget() is dialog.keys
            assert dialog.keys.save.isEnabled()
            press(dialog.keys.access, "not")
            dialog.keys.save.click()
            assert dialog.keys.state.text() == "Enter both keys."
            dialog.reject()
        finally:
            await close(program)


async def test_keys_are_tested_against_the_exchange() -> None:
    async with asyncio.timeout(110), EmbeddedExchange(SETTINGS) as exchange:
        config = config_for(exchange, credentials=None)
        assert await check_keys(config, Credentials(exchange.access_key, exchange.secret_key)) is None
        exchange.faults.inject(FaultName.INVALID_AUTH, "private")
        cause = await check_keys(config, Credentials(exchange.access_key, exchange.secret_key))
        assert cause
        assert exchange.secret_key not in cause
        exchange.faults.clear()
        exchange.faults.inject(FaultName.REFUSE, "private")
        cause = await check_keys(config, Credentials(exchange.access_key, exchange.secret_key), seconds=0.5)
        assert cause == "no answer within 0.5 s"


async def test_the_states_of_a_line_in_words() -> None:
    async with desk() as (program, _):
        service = window_of(program).needs.service
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        metrics = service.connection_metrics(WebSocketType.PUBLIC)
        import msgspec

        def told(**changes: object) -> tuple[str, str]:
            state = line_state(msgspec.structs.replace(metrics, **changes))
            return state.level, state.text

        assert told(state=ConnectionState.DISCONNECTED) == ("idle", "Offline")
        assert told(state=ConnectionState.CONNECTING) == ("warn", "Connecting")
        assert told(state=ConnectionState.CONNECTED, rtt_last=0.042, unserved=0) == ("good", "Connected 42 ms")
        assert told(state=ConnectionState.CONNECTED, rtt_last=0.9)[1] == "Lagging 900 ms"
        syncing = told(state=ConnectionState.SYNCING, current_subscriptions=5, live_subscriptions=3)
        assert syncing == ("warn", "Syncing 3/5")
        told_again = told(state=ConnectionState.RECONNECTING, attempts=3, next_attempt_in=4.2)
        assert told_again == ("bad", "Reconnecting (attempt 4, in 4 s)")
        assert told(state=ConnectionState.FAILED) == ("bad", "Given up")


def choose(dialog: SettingsDialog, name: str, value: object) -> None:
    box = dialog.fields[name]
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findData(value))
