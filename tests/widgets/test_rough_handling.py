"""The program in the hands of an impatient user, and on an exchange that has a bad day."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtWidgets import QApplication, QComboBox, QDialog, QMenu

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.settings_desk import is_in, open_settings, panel
from tests.widgets.showing import shown
from upbit_ws_qt import RestClient, WebSocketType
from upbit_ws_qt.exchange import FaultName
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.base.text import Language, set_language
from widgets.base.theme import ThemeMode, apply_theme
from widgets.chart.panel import ChartWidget
from widgets.indicators.picker import IndicatorPicker
from widgets.order_book.panel import OrderBookWidget
from widgets.program.main_menu import MainMenu
from widgets.program.store import Store
from widgets.settings.preferences import Preferences
from widgets.watch_list.model import Column
from widgets.watch_list.panel import WatchListWidget
from widgets.window.perspectives import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from PyQt6.QtGui import QAction

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange
    from widgets.window.main_window import MainWindow

pytestmark = [
    pytest.mark.qasync_loop,
    pytest.mark.usefixtures("let_go"),
    pytest.mark.qt_log_ignore("does not support grabbing the", extend=True),  # offscreen
]


def actions(menu: QMenu) -> Iterator[QAction]:
    for action in menu.actions():
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from actions(inner)
        elif not action.isSeparator():
            yield action


def menu_of(window: MainWindow) -> MainMenu:
    menu = window.findChild(MainMenu)
    assert menu is not None
    return menu


def entries(window: MainWindow) -> list[QAction]:
    bar = window.menuBar()
    assert bar is not None
    found: list[QAction] = []
    for top in bar.actions():
        menu = top.menu()
        assert isinstance(menu, QMenu)
        found += actions(menu)
    return found


def errors(window: MainWindow) -> list[str]:
    return [str(line) for line in window.needs.log.lines if line.level >= 40]


async def test_every_menu_entry_does_something_without_an_error() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await until(lambda: window.needs.catalog.fresh)
        texts = [action.text() for action in entries(window)]
        assert len(texts) > 30
        for text in texts:
            window.activateWindow()
            found = [action for action in entries(window) if action.text() == text]
            if not found or "Quit" in text:
                continue
            found[0].trigger()
            await turn()
            for dialog in window.findChildren(QDialog):
                dialog.close()
            await turn()
        assert window.isVisible()
        assert errors(window) == []


@pytest.mark.parametrize("size", [(700, 500), (320, 240), (2600, 400), (500, 1400)])
async def test_no_size_of_the_window_breaks_a_perspective(size: tuple[int, int]) -> None:
    async with desk() as (program, _):
        window = window_of(program)
        window.resize(*size)
        for name in BUILT_IN:
            menu_of(window).choose(name)
            await turn()
            assert set(window.arrangement.panels) == set(BUILT_IN[name].panels)
            assert not window.grab().isNull()
        assert errors(window) == []


async def test_all_docks_are_closed_and_opened_again() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await turn()
        for dock in window.docks.values():
            dock.close()
        await turn()
        assert window.arrangement.panels == ()
        window.step_panel(1)  # there is none
        for dock in window.docks.values():
            dock.toggleViewAction().trigger()  # type: ignore[union-attr]  # every dock has one
            await turn()
        assert set(window.arrangement.panels) == set(window.docks)
        menu_of(window).reset()
        await turn()
        assert set(window.arrangement.panels) == set(BUILT_IN["trading"].panels)
        book = panel(window, OrderBookWidget)
        await until(lambda: is_in(book, PanelState.LIVE))


async def test_language_and_theme_change_while_every_dialog_is_open() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        menu = menu_of(window)
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        open_settings(window)
        menu.search()
        for name in ("_on_save_as", "_on_keyboard", "_on_about"):
            getattr(menu, name)()
        await turn()
        for language, theme in ((Language.KOREAN, ThemeMode.DARK), (Language.ENGLISH, ThemeMode.LIGHT)):
            set_language(language)
            apply_theme(app, theme)
            await turn()
        dialogs = [each for each in window.findChildren(QDialog) if each.isVisible()]
        assert len(dialogs) == 5
        for dialog in dialogs:
            assert not dialog.grab().isNull()
            dialog.close()
        assert errors(window) == []


async def test_another_market_twenty_times_in_a_row_ends_with_the_last_one() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await until(lambda: window.needs.catalog.fresh)
        codes = [market.code for market in window.needs.catalog.markets if market.quote == "KRW"]
        for number in range(60):
            window.select_symbol(codes[number % len(codes)])
            await asyncio.sleep(0.02)
        window.select_symbol("KRW-ETH")
        book, chart = panel(window, OrderBookWidget), panel(window, ChartWidget)
        await until(lambda: is_in(book, PanelState.LIVE) and is_in(chart, PanelState.LIVE))
        assert book.view.model.event is not None
        assert book.view.model.event.code == "KRW-ETH"
        await until(lambda: {entry[1] for entry in exchange.subscribed("public") if entry[0] == "orderbook"}
                    == {"KRW-ETH"})  # fmt: skip
        assert errors(window) == []


async def test_an_exchange_that_dies_behind_a_dialog_is_told_and_comes_back_behind_it() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        book = panel(window, OrderBookWidget)
        await until(lambda: is_in(book, PanelState.LIVE))
        dialog = open_settings(window)
        for line in ("public", "private", "info"):
            exchange.faults.inject(FaultName.REFUSE, line)
            exchange.faults.inject(FaultName.DROP, line)
        await until(lambda: is_in(book, PanelState.STALE))
        assert dialog.isVisible()
        exchange.faults.clear()
        await until(lambda: is_in(book, PanelState.LIVE))
        assert dialog.isVisible()
        dialog.reject()


async def test_a_thousand_own_orders_are_listed_and_marked() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        menu_of(window).choose("account")
        orders, book = panel(window, MyOrdersWidget), panel(window, OrderBookWidget)
        await until(lambda: exchange.subscribed("private") and is_in(book, PanelState.LIVE))
        sides: Any = exchange.world.sides("KRW-BTC")
        for number in range(1000):
            price = Decimal(sides[1].prices[number % 20]).scaleb(-8)
            exchange.place_order("KRW-BTC", "BID", price=price, volume=Decimal("0.00004"))
        await until(lambda: len(orders.ledger) == 1000)
        await until(lambda: orders.count.text() == "1000 open" and orders.model.rowCount() == 1000)
        assert not window.grab().isNull()
        assert errors(window) == []


@served()
async def test_a_market_that_leaves_the_exchange_leaves_the_panels_in_peace(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as book, shown(ChartWidget(service, "KRW-BTC")) as chart:
        await until(lambda: is_in(book, PanelState.LIVE) and is_in(chart, PanelState.LIVE))
        exchange.faults.inject(FaultName.MISSING_CODES, "public", codes=["KRW-BTC"], times=None)
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: is_in(book, PanelState.STALE) and is_in(chart, PanelState.STALE))
        book.set_symbol("KRW-ETH")
        await until(lambda: is_in(book, PanelState.LIVE))
        book.set_symbol("KRW-BTC")
        await until(lambda: is_in(book, PanelState.EMPTY))


@asynccontextmanager
async def answering(status: str, body: bytes) -> AsyncIterator[str]:
    """A server that gives everybody the same answer; yields its address."""

    writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):  # a client may go before it has asked
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("429 Too Many Requests", b"{}"), ("500 Internal Server Error", b"<html>"), ("200 OK", b"\xff\x00garbage"),
        ("200 OK", b"[]"), ("200 OK", b'[{"market": "KRW-BTC", "korean_name": 1}]'), ("302 Found", b""),
        ("200 OK", b"[" * 100_000), ("204 No Content", b""),
    ],
)  # fmt: skip
@served()
async def test_rest_that_is_refused_or_nonsense_leaves_live_panels(
    service: WebSocketService, status: str, body: bytes
) -> None:
    async with answering(status, body) as url, RestClient(service.config.replace(rest_url=url)) as rest:
        catalog = MarketCatalog(rest, None, service)
        failed: list[str] = []
        catalog.failed.connect(failed.append)
        catalog.load()
        async with (
            shown(WatchListWidget(service, catalog)) as watch,
            shown(ChartWidget(service, "KRW-BTC", rest=rest), 700, 400) as chart,
            shown(OrderBookWidget(service, "KRW-BTC", rest=rest)) as book,
        ):
            panels = (watch, chart, book)
            await until(lambda: all(each.state is PanelState.LIVE for each in panels))
            await until(lambda: failed)
            assert "KRW-BTC" in catalog


async def test_settings_of_a_later_version_are_understood_as_far_as_they_can_be(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save_preferences(Preferences(symbol="KRW-ETH", unit="15m"))
    path = tmp_path / "settings.json"
    plain = json.loads(path.read_text())
    plain |= {"version": 99, "theme": "sepia", "unit": "2h", "scheme": ["new"], "toast_fills": "sometimes", "new": {}}
    path.write_text(json.dumps(plain))
    (tmp_path / "layout.json").write_text(
        json.dumps({"version": 99, "window": "big", "current": {"root": {"ring": 1}}})
    )
    async with desk(store) as (program, _):
        window = window_of(program)
        assert window.symbol == "KRW-ETH"
        chart, book = panel(window, ChartWidget), panel(window, OrderBookWidget)
        await until(lambda: is_in(book, PanelState.LIVE) and is_in(chart, PanelState.LIVE))
        assert set(window.arrangement.panels) == set(BUILT_IN["trading"].panels)
        assert errors(window) == []


async def test_a_narrow_window_stays_narrow_when_a_line_has_more_to_say() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await until(lambda: is_in(panel(window, OrderBookWidget), PanelState.LIVE))
        menu_of(window).choose("account")
        window.resize(560, 500)
        await turn()
        width = window.width()
        button = window.bar.lines[WebSocketType.PUBLIC]
        assert "/s" not in button.text()
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: "Reconnecting" in button.text())
        await until(lambda: "attempt" in button.accessibleName())
        await turn()
        assert window.width() == width
        exchange.faults.clear()
        window.resize(1300, 800)
        await until(lambda: "Connected" in button.text() and "/s" in button.text())


@served()
async def test_a_price_is_never_cut_off_in_the_watch_list(service: WebSocketService) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    async with shown(WatchListWidget(service, catalog), 100, 400) as watch:
        await until(lambda: is_in(watch, PanelState.LIVE))
        for width in (100, 260, 320, 420, 520):
            watch.resize(width, 400)
            await turn()
            header, viewport = watch.table.horizontalHeader(), watch.table.viewport()
            assert header is not None
            assert viewport is not None
            assert header.length() <= viewport.width()
            assert watch.table.columnWidth(Column.PRICE) >= watch.table.fontMetrics().horizontalAdvance("150,000,000")


@served()
async def test_every_condition_can_be_read_in_the_picker(service: WebSocketService) -> None:
    del service
    async with shown(IndicatorPicker(), 700, 80) as picker:
        picker.kind.setCurrentIndex(1)
        for place in range(picker.type.count()):
            picker.type.setCurrentIndex(place)
            await turn()
            for box in (each for each in picker.findChildren(QComboBox) if each.isVisible()):
                assert box.width() >= box.fontMetrics().horizontalAdvance(box.currentText()) + 20, box.currentText()
