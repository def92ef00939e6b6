"""The first page: an exchange is chosen, remembered, and changed while the program runs; nothing is lost by it."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import keyring
import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QPushButton

from tests.qt.serving import SETTINGS, config_for
from tests.waiting import until
from tests.widgets.desk import close, window_of
from tests.widgets.settings_desk import buy, confirm, open_settings, panel, renewed, serving
from tests.widgets.showing import click, press
from upbit_ws_qt import ConnectionState, ServiceConfig, WebSocketService, WebSocketType
from upbit_ws_qt.exchange import EmbeddedExchange, FaultName
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.exchange_choice import ExchangeChoice
from widgets.base.text import Language, set_language
from widgets.program import reach
from widgets.program.exchange_process import ExchangeProcess
from widgets.program.exchanges import Exchanges
from widgets.program.main_menu import MainMenu
from widgets.program.options import Options, parse_options
from widgets.program.program import Program
from widgets.program.remembered import likely_exchange
from widgets.program.store import Store
from widgets.program.tour import Tour
from widgets.settings.preferences import preferences_from

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from widgets.program.exchange_page import ExchangePage
    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]
_SMALL = ("--markets", "3", "--rate", "20")


@pytest.fixture(autouse=True)
def without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's own keys."""
    from keyring.backends.fail import Keyring

    monkeypatch.setattr(keyring, "get_keyring", Keyring)
    for name in ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)


def exchanges_with(live: EmbeddedExchange, arguments: tuple[str, ...], port: int | None) -> Exchanges:
    """Return what there is to choose from, an exchange of the test's in the place of the real one."""

    def real(**settings: Any) -> ServiceConfig:
        config = ServiceConfig.testing(live, credentials=settings["credentials"])
        if port is None:
            return config
        names = ("public_url", "private_url", "info_url", "rest_url")
        there = [urlsplit(getattr(config, name))._replace(netloc=f"127.0.0.1:{port}").geturl() for name in names]
        return config.replace(**dict(zip(names, there, strict=True)))

    return Exchanges(None, QApplication.instance(), start=lambda: ExchangeProcess(arguments), live=real)


@asynccontextmanager
async def first_start(
    folder: Path, arguments: tuple[str, ...] = _SMALL, port: int | None = None, country: str = "kr"
) -> AsyncIterator[tuple[Program, ExchangePage, EmbeddedExchange]]:
    """Start a program that nobody has used before; gives it, its page, and what stands for the real exchange.

    With a `port` that is somewhere else, where nothing listens yet; it is that of a `country`.
    """
    async with asyncio.timeout(60), EmbeddedExchange(dataclasses.replace(SETTINGS, region=country)) as live:
        exchanges = exchanges_with(live, arguments, port)
        store = Store(folder)
        program = Program(Options(size=(1300, 800)), None, store, store.preferences(), exchanges=exchanges)
        opened = program.open()
        assert not isinstance(opened, Program)
        starting = asyncio.ensure_future(_start(opened))
        page = page_of(program)
        try:
            yield program, page, live
        finally:
            starting.cancel()
            await asyncio.wait([starting])
            await close(program)
            exchanges.end()
            exchanges.deleteLater()
            set_language(Language.ENGLISH)


async def _start(opened: Any) -> None:
    """What run() does with what is not opened at once."""
    await opened
    await WebSocketService.instance().start()


def page_of(program: Program) -> ExchangePage:
    page = program.show_exchanges()
    assert page.isVisible()
    return page


async def opened(program: Program) -> MainWindow:
    await until(lambda: program.window is not None)
    return window_of(program)


def remembered(folder: Path) -> object:
    return json.loads((folder / "settings.json").read_text(encoding="utf-8")).get("exchange")


async def test_a_newcomer_presses_enter_and_sees_prices(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, live):
        assert program.window is None
        assert page.focusWidget() is page.cards[ExchangeChoice.EMBEDDED]
        press(page.cards[ExchangeChoice.EMBEDDED], Qt.Key.Key_Return)
        window = await opened(program)
        await until(lambda: window.watch_list.had_data)
        assert window.bar.badge.text().endswith("Embedded exchange")
        assert remembered(tmp_path) == "embedded"
        await until(lambda: told(window, "Is this new to you?"))
        click(button_of(window, "Show me &around"))
        (tour,) = window.findChildren(Tour)
        assert not told(window, "Is this new to you?")
        click(tour.card.leave)
        assert not live.connections, "the real one was not asked for anything"
        await until(lambda: sip.isdeleted(page))


async def test_the_arrows_go_from_choice_to_choice(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, live):
        press(page.cards[ExchangeChoice.EMBEDDED], Qt.Key.Key_Down)
        assert page.focusWidget() is page.cards[ExchangeChoice.LIVE]
        press(page.cards[ExchangeChoice.LIVE], Qt.Key.Key_Return)
        window = await opened(program)
        await until(lambda: live.subscribed("public"))
        assert window.needs.service.config.credentials is None
        assert remembered(tmp_path) == "live"
        assert not live.subscribed("private")


async def test_another_country_is_chosen_and_its_own_markets_are_shown(tmp_path: Path) -> None:
    async with first_start(tmp_path, country="sg") as (program, page, live):
        assert [page.countries.itemText(place) for place in range(4)] == ["Korea", "Singapore", "Indonesia", "Thailand"]
        press(page.countries, Qt.Key.Key_Down)
        click(page.cards[ExchangeChoice.LIVE])
        window = await opened(program)
        await until(lambda: window.watch_list.had_data and live.subscribed("public"))
        assert window.needs.service.config.region == "sg"
        assert window.symbol == "SGD-BTC"
        tabs = window.watch_list.tabs
        assert [tabs.tabText(place) for place in range(tabs.count())] == ["★", "SGD", "BTC", "USDT"]
        assert all(market.quote in ("SGD", "BTC", "USDT") for market in window.needs.catalog.markets)
        written = json.loads((tmp_path / "settings.json").read_text(encoding="utf-8"))
        assert written["region"] == "sg"
        assert preferences_from(written).region == "sg"
        assert preferences_from(written | {"region": "xx"}).region == "kr"
        page = page_of(program)
        assert page.region == "sg", "it is remembered on the page too"


async def test_a_key_is_entered_on_the_first_page(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, live):
        click(page.cards[ExchangeChoice.LIVE_WITH_KEY])
        assert page.keys.isVisible()
        assert not page.kept.isVisible()
        press(page, Qt.Key.Key_Escape)
        assert page.cards[ExchangeChoice.LIVE].isVisible(), "Escape goes back, and ends nothing"
        click(page.cards[ExchangeChoice.LIVE_WITH_KEY])
        press(page.keys.access, live.access_key)
        press(page.keys.secret, live.secret_key)
        click(page.keys.save)
        await opened(program)
        await until(lambda: live.subscribed("private"))
        assert remembered(tmp_path) == "live_with_key"
        assert live.secret_key not in (tmp_path / "settings.json").read_text(encoding="utf-8")


async def test_a_key_that_is_kept_is_used_by_one_click(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with first_start(tmp_path) as (program, page, live):
        monkeypatch.setenv("UPBIT_ACCESS_KEY", live.access_key)
        monkeypatch.setenv("UPBIT_SECRET_KEY", live.secret_key)
        click(page.cards[ExchangeChoice.LIVE_WITH_KEY])
        assert page.focusWidget() is page.use_kept
        click(page.use_kept)
        await opened(program)
        await until(lambda: live.subscribed("private"))


async def test_a_key_that_is_entered_later_is_used_at_the_next_start_too(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, live):
        click(page.cards[ExchangeChoice.LIVE])
        window = await opened(program)
        for enter, kept in ((True, "live_with_key"), (False, "live")):
            dialog = open_settings(window)
            dialog.show_keys()
            if enter:
                press(dialog.keys.access, live.access_key)
                press(dialog.keys.secret, live.secret_key)
                click(dialog.keys.save)
                await until(dialog.keys.save.isEnabled)
            else:
                click(dialog.keys.remove)
            confirm(dialog)
            window = await renewed(program, window)
            assert remembered(tmp_path) == kept


async def test_another_exchange_takes_the_place_of_the_one_that_is_shown(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, live):
        click(page.cards[ExchangeChoice.EMBEDDED])
        window = await opened(program)
        await until(lambda: window.watch_list.had_data)
        window.select_symbol("KRW-ETH")
        window.watch_list.set_favourites(("KRW-XRP",))
        window.watch_list.favouritesChanged.emit()
        menu = window.findChild(MainMenu)
        assert menu is not None
        menu.choose("market")
        menu.exchangesRequested.emit()
        page = page_of(program)
        assert page.cards[ExchangeChoice.EMBEDDED].now.text() == "shown now"
        click(page.cards[ExchangeChoice.LIVE])
        window = await renewed(program, window)
        await until(lambda: live.subscribed("public"))
        assert window.symbol == "KRW-ETH"
        assert window.watch_list.favourites == ("KRW-XRP",)
        menu = window.findChild(MainMenu)
        assert menu is not None
        assert menu.current == "market"
        assert remembered(tmp_path) == "live"
        assert not program.exchanges.is_running, "nobody needs the embedded one any more"
        page = page_of(program)
        click(page.cards[ExchangeChoice.EMBEDDED])
        window = await renewed(program, window)
        await until(lambda: window_of(program).watch_list.had_data)
        assert remembered(tmp_path) == "embedded"


async def test_orders_of_one_exchange_are_not_shown_on_another(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, live):
        page.chosen.emit(ExchangeChoice.LIVE_WITH_KEY, config_for(live).credentials)
        window = await opened(program)
        await serving(live)
        buy(live)
        await until(panel(window, MyOrdersWidget).has_rows)
        page = page_of(program)
        click(page.cards[ExchangeChoice.EMBEDDED])
        window = await renewed(program, window)
        assert not len(panel(window, MyOrdersWidget).ledger)


async def test_an_exchange_that_does_not_start_is_told_and_another_can_be_chosen(tmp_path: Path) -> None:
    async with first_start(tmp_path, ("--no-such-option",)) as (program, page, live):
        click(page.cards[ExchangeChoice.EMBEDDED])
        await until(lambda: "could not be started" in page.answer.text())
        set_language(Language.KOREAN)
        await until(lambda: "내장 거래소" in page.answer.text())
        click(page.cards[ExchangeChoice.LIVE])
        await opened(program)
        await until(lambda: live.subscribed("public"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def button_of(window: MainWindow, text: str) -> QPushButton:
    found = [each for each in window.findChildren(QPushButton) if each.text() == text and each.isVisible()]
    return found[0]


def told(window: MainWindow, text: str) -> bool:
    return any(text in each for each in window.toasts.texts)


async def test_without_a_network_the_embedded_exchange_serves_until_the_real_one_can_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "PAUSE_MS", 200)
    port = free_port()
    async with first_start(tmp_path, port=port) as (program, page, _):
        click(page.cards[ExchangeChoice.LIVE])
        window = await opened(program)
        await until(lambda: told(window, "Not connected yet"))
        await until(lambda: told(window, "nothing listens there"))
        assert not told(window, "new to you"), "there is nothing to be shown around"
        window.toasts.focus_note()
        assert window.focusWidget() is button_of(window, "&Retry")
        press(button_of(window, "&Embedded exchange meanwhile"), Qt.Key.Key_Space)
        window = await renewed(program, window)
        await until(lambda: window_of(program).watch_list.had_data)
        assert window.bar.badge.text().endswith("Embedded exchange")
        assert told(window, "Made-up prices meanwhile")
        assert remembered(tmp_path) == "live", "what was chosen stays chosen"
        assert not told(window, "can be reached again")
        async with EmbeddedExchange(dataclasses.replace(SETTINGS, port=port)) as again:
            await until(lambda: told(window, "can be reached again"))
            assert program.window is window, "it does not go there by itself"
            click(button_of(window, "&Go back to it"))
            window = await renewed(program, window)
            await until(lambda: again.subscribed("public"))
            assert not told(window_of(program), "meanwhile")
            assert remembered(tmp_path) == "live"


async def test_an_outage_offers_to_dial_at_once(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, live):
        click(page.cards[ExchangeChoice.LIVE])
        window = await opened(program)
        service = window.needs.service
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        live.faults.inject(FaultName.REFUSE)
        live.faults.inject(FaultName.DROP)
        await until(lambda: told(window, "Connection lost"))
        live.faults.clear()
        click(button_of(window, "&Retry"))
        await until(lambda: told(window, "recovered"))


async def test_the_key_page_of_the_settings_leads_to_the_exchanges(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, _):
        click(page.cards[ExchangeChoice.EMBEDDED])
        dialog = open_settings(await opened(program))
        dialog.show_keys()
        click(dialog.keys.choose)
        assert not dialog.isVisible()
        page = page_of(program)
        press(page, Qt.Key.Key_Escape)
        assert program.window is not None, "what is shown stays"


def test_the_command_line_wins_and_is_not_remembered() -> None:
    assert parse_options(["--live"]).exchange is ExchangeChoice.LIVE_WITH_KEY
    assert parse_options(["--embedded"]).exchange is ExchangeChoice.EMBEDDED
    assert parse_options(["--rate", "5"]).exchange is ExchangeChoice.EMBEDDED
    assert parse_options(["--smoke", "5"]).exchange is ExchangeChoice.EMBEDDED
    assert parse_options([]).exchange is None


def test_what_was_chosen_last_is_known_before_qt_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert likely_exchange() is ExchangeChoice.ASK
    (tmp_path / "upbit_ws_qt").mkdir()
    file = tmp_path / "upbit_ws_qt" / "settings.json"
    for text, expected in (
        ('{"exchange": "embedded"}', ExchangeChoice.EMBEDDED),
        ('{"exchange": "live"}', ExchangeChoice.LIVE),
        ('{"exchange": 5}', ExchangeChoice.ASK),
        ("[]", ExchangeChoice.ASK),
        ("{", ExchangeChoice.ASK),
    ):
        file.write_text(text, encoding="utf-8")
        assert likely_exchange() is expected
    assert preferences_from({"exchange": "nonsense"}).exchange is ExchangeChoice.ASK


async def test_a_page_can_be_read_where_the_language_changes(tmp_path: Path) -> None:
    async with first_start(tmp_path) as (program, page, _):
        assert program.window is None
        set_language(Language.KOREAN)
        card = page.cards[ExchangeChoice.EMBEDDED]
        await until(lambda: card.accessibleName() == "체험하기")
        assert "키도 돈도" in card.accessibleDescription()
        for each in page.cards.values():
            assert not each.about.is_cut(), "the whole explanation can be read"
