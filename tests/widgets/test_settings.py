"""What is chosen in the settings dialog has its effect on the service, the exchange, the screen and the keyring."""

from __future__ import annotations

import dataclasses
import itertools
import json
import threading
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QColor, QGuiApplication
from PyQt6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QWidget

from tests.qt.serving import SETTINGS
from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.showing import click, press
from upbit_ws_qt import INDICATOR_RULES, TIMEFRAMES, DataFormat, IndependenceLevel, IndicatorSpec
from upbit_ws_qt.exchange import FaultName
from widgets.account.my_assets import MyAssetsWidget
from widgets.account.my_orders import MyOrdersWidget
from widgets.account.order_model import Column
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.panel import Panel, PanelState
from widgets.base.text import Language
from widgets.base.theme import DARK, LIGHT, MarketScheme, ThemeMode, market_colours
from widgets.indicators.choice import event_offers, param_offers, spec_of
from widgets.indicators.panel import IndicatorsWidget
from widgets.program.main_menu import MainMenu
from widgets.program.options import Options
from widgets.program.store import Store
from widgets.settings.dialog import SettingsDialog
from widgets.settings.preferences import Preferences, preferences_from, preferences_to_plain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from widgets.program.program import Program
    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.usefixtures("let_go")]
_P = TypeVar("_P", bound=QWidget)
LIVE = Options(size=(1300, 800), live=True)
PUBLIC, BACKGROUND = "public", "window"


def open_settings(window: MainWindow) -> SettingsDialog:
    menu = window.findChild(MainMenu)
    assert menu is not None
    menu.settingsRequested.emit()
    dialog = window.findChild(SettingsDialog)
    assert dialog is not None
    return dialog


def choose(dialog: SettingsDialog, name: str, value: object) -> None:
    """Choose by the arrow keys."""
    box = dialog.fields[name]
    assert isinstance(box, QComboBox)
    press(box, Qt.Key.Key_Home)
    for _ in range(box.findData(value)):
        press(box, Qt.Key.Key_Down)
    assert box.currentData() == value


def switch(dialog: SettingsDialog, name: str) -> None:
    """Click on a check box."""
    box = dialog.fields[name]
    assert isinstance(box, QCheckBox)
    page = box.parentWidget()
    assert page is not None
    for place in range(dialog.tabs.count()):
        shown = dialog.tabs.widget(place)
        if shown is not None and shown.isAncestorOf(box):
            dialog.tabs.setCurrentIndex(place)
    before = box.isChecked()
    click(box, QPoint(8, box.height() // 2))
    assert box.isChecked() is not before


def confirm(dialog: SettingsDialog) -> None:
    click(dialog.buttons.button(dialog.buttons.StandardButton.Ok))


def lines(exchange: Any, endpoint: str = PUBLIC) -> list[Any]:
    return [view for view in exchange.connections if view.endpoint == endpoint]


def panel(window: MainWindow, kind: type[_P]) -> _P:
    """Return the panel of a kind."""
    (found,) = [each for each in window.panels.values() if isinstance(each, kind)]
    return found


async def serving(exchange: Any) -> None:
    await until(lambda: exchange.subscribed("public") and exchange.subscribed("private"))


async def renewed(program: Program, old: MainWindow) -> MainWindow:
    """Wait until another window has taken the place of one."""
    await until(lambda: program.window not in (None, old))
    return window_of(program)


@pytest.mark.qasync_loop
@pytest.mark.parametrize(
    "wanted", [DataFormat.DEFAULT, DataFormat.SIMPLE, DataFormat.JSON_LIST, DataFormat.SIMPLE_LIST]
)
async def test_the_exchange_is_asked_for_another_data_format(wanted: DataFormat) -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        dialog = open_settings(window)
        choose(dialog, "data_format", wanted)
        confirm(dialog)
        await renewed(program, window)
        await until(lambda: [view.format for view in lines(exchange)] == [str(wanted)])


@pytest.mark.qasync_loop
async def test_compression_is_agreed_on_or_not() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        assert all(view.deflate for view in exchange.connections)
        dialog = open_settings(window)
        switch(dialog, "compression")
        confirm(dialog)
        await renewed(program, window)
        await until(lambda: exchange.subscribed("public") and not any(view.deflate for view in exchange.connections))


@pytest.mark.qasync_loop
async def test_isolated_lines_have_threads_of_their_own() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        before = threading.active_count()
        dialog = open_settings(window)
        choose(dialog, "independence", IndependenceLevel.ISOLATED)
        confirm(dialog)
        window = await renewed(program, window)
        await serving(exchange)
        await until(lambda: threading.active_count() >= before + 2)
        dialog = open_settings(window)
        choose(dialog, "independence", IndependenceLevel.BASIC)
        confirm(dialog)
        await renewed(program, window)
        await serving(exchange)
        await until(lambda: threading.active_count() == before)
        assert window_of(program).needs.service.config.independence_level is IndependenceLevel.BASIC


@pytest.mark.qasync_loop
async def test_what_is_cancelled_dials_nothing() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        dialog = open_settings(window)
        choose(dialog, "data_format", DataFormat.SIMPLE)
        switch(dialog, "compression")
        press(dialog, Qt.Key.Key_Escape)
        dialog = open_settings(window)
        choose(dialog, "theme", ThemeMode.DARK)
        confirm(dialog)
        restart = program._restart_timer
        await until(lambda: not restart.isActive())
        assert program.window is window
        assert window.needs.service.config.compression
        assert {view.id for view in exchange.connections} == {1, 2, 3}


@pytest.mark.qasync_loop
async def test_what_a_file_of_settings_says_stays_until_it_is_changed() -> None:
    async with desk(data_format=DataFormat.SIMPLE_LIST) as (program, exchange):
        window = window_of(program)
        await until(lambda: [view.format for view in lines(exchange)] == ["SIMPLE_LIST"])
        dialog = open_settings(window)
        choose(dialog, "theme", ThemeMode.DARK)
        switch(dialog, "compression")
        confirm(dialog)
        await renewed(program, window)
        await until(lambda: exchange.subscribed("public") and not any(view.deflate for view in exchange.connections))
        assert [view.format for view in lines(exchange)] == ["SIMPLE_LIST"]


@pytest.mark.qasync_loop
async def test_what_is_known_outlives_another_service() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        buy(exchange)
        exchange.publish_announcement("title", category="notice")
        orders, news = panel(window, MyOrdersWidget), panel(window, AnnouncementsWidget)
        await until(orders.has_rows)
        await until(news.has_rows)
        indicators = panel(window, IndicatorsWidget)
        indicators.add_watch(IndicatorSpec.of("rsi", {"period": 14}), "60m")
        dialog = open_settings(window)
        choose(dialog, "data_format", DataFormat.SIMPLE)
        confirm(dialog)
        window = await renewed(program, window)
        orders, news, assets = (panel(window, MyOrdersWidget), panel(window, AnnouncementsWidget),
                                panel(window, MyAssetsWidget))  # fmt: skip
        await until(partial(is_in, orders, PanelState.LIVE))
        assert [orders.model.index(0, column).data() for column in (Column.MARKET, Column.STATE)] == [
            "KRW-BTC",
            "filled",
        ]
        assert len(news.announcements) == 1
        assert all(held.uncertain for held in assets.assets.held())
        indicators = panel(window, IndicatorsWidget)
        assert [timeframe for _, timeframe in indicators.watches] == ["5m", "60m"]


@pytest.mark.qasync_loop
async def test_colours_are_seen_at_once() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        await until(lambda: window.watch_list.model.has_tickers)
        dialog = open_settings(window)
        for theme, dark in ((ThemeMode.LIGHT, False), (ThemeMode.DARK, True)):
            choose(dialog, "theme", theme)
            await turn()
            assert window.grab().toImage().pixelColor(window.width() - 3, 3) == QColor((DARK if dark else LIGHT).window)
            for scheme in MarketScheme:
                choose(dialog, "scheme", scheme)
                await turn()
                colours = market_colours(scheme, dark=dark)
                assert {colours.up, colours.down} <= painted(window.watch_list.table.viewport())
        dialog.reject()


def painted(widget: QWidget | None) -> set[str]:
    assert widget is not None
    picture = widget.grab().toImage()
    return {picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height())}


@pytest.mark.qasync_loop
async def test_the_language_changes_everywhere_and_in_the_dialog_itself() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        dialog = open_settings(window)
        choose(dialog, "language", Language.KOREAN)
        await turn()
        assert dialog.windowTitle() == "설정"
        label = next(each for each in dialog.findChildren(QLabel) if each.buddy() is dialog.fields["theme"])
        assert label.text() == "테마"
        assert dialog.fields["theme"].accessibleName() == "테마"
        assert window.docks["chart"].windowTitle() == "차트"
        assert "공개" in next(iter(window.bar.lines.values())).text()
        choose(dialog, "language", Language.ENGLISH)
        await turn()
        assert dialog.windowTitle() == "Settings"
        dialog.reject()


@pytest.mark.qasync_loop
async def test_with_reduced_motion_nothing_flashes() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        model = window.watch_list.model

        def flashing() -> bool:
            return any(model.is_flashing(model.row(place)) for place in range(model.rowCount()))

        await until(flashing)
        dialog = open_settings(window)
        switch(dialog, "reduce_motion")
        confirm(dialog)
        prices = [model.row(place).price for place in range(model.rowCount())]
        assert not flashing()
        await until(lambda: [model.row(place).price for place in range(model.rowCount())] != prices)
        assert not flashing()


@pytest.mark.qasync_loop
async def test_the_theme_follows_the_computer_only_where_that_is_wanted() -> None:
    async with desk() as (program, _):
        window = window_of(program)
        hints = QGuiApplication.styleHints()
        assert hints is not None

        def background() -> str:
            return str(window.palette().color(window.backgroundRole()).name())

        for scheme, theme in ((Qt.ColorScheme.Dark, DARK), (Qt.ColorScheme.Light, LIGHT)):
            hints.colorSchemeChanged.emit(scheme)  # what Qt says when the computer's setting is changed
            await until(lambda wanted=theme.window: background() == wanted)  # type: ignore[misc]
        dialog = open_settings(window)
        choose(dialog, "theme", ThemeMode.LIGHT)
        confirm(dialog)
        hints.colorSchemeChanged.emit(Qt.ColorScheme.Dark)
        await turn()
        assert background() == LIGHT.window


@pytest.mark.qasync_loop
async def test_toasts_that_are_not_wanted_are_in_the_log_only() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        dialog = open_settings(window)
        for name in ("toast_fills", "toast_recovered", "toast_alerts"):
            switch(dialog, name)
        confirm(dialog)
        window.toasts.clear()
        buy(exchange)
        exchange.publish_announcement("the night", category="maintenance")
        exchange.faults.inject(FaultName.DROP, "info")
        for text in ("Bought: 0.01 KRW-BTC", "Maintenance announced: the night", "Connection recovered: info"):
            await until(partial(is_logged, window, text))
        assert [
            text for text in window.toasts.texts if "Bought" in text or "recovered" in text or "night" in text
        ] == []
        assert any("Connection lost: info" in text for text in window.toasts.texts)
        dialog = open_settings(window)
        switch(dialog, "toast_fills")
        switch(dialog, "toast_lost")
        confirm(dialog)
        window.toasts.clear()
        buy(exchange)
        await until(lambda: any("Bought" in text for text in window.toasts.texts))
        before = sum("Connection lost" in line.message for line in window.needs.log.lines)
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: sum("Connection lost" in line.message for line in window.needs.log.lines) > before)
        assert not any("lost" in text for text in window.toasts.texts)


@pytest.mark.qasync_loop
async def test_signals_are_toasted_where_that_is_wanted(tmp_path: Path) -> None:
    average = {"type": "EMA", "period": 5}
    watches = tuple(
        (IndicatorSpec.of("moving_average", average, trigger=trigger), "5m")
        for trigger in ("price_cross_above", "price_cross_below")
    )
    store = Store(tmp_path)
    store.save_preferences(Preferences(language=Language.ENGLISH, watches=watches))
    quiet = dataclasses.replace(SETTINGS, markets=1, rate=2.0)  # hours are played: few messages in each
    async with desk(store, settings=quiet) as (program, exchange):
        window = window_of(program)
        await until(lambda: len(exchange.subscribed("info")) == 2)
        await played(exchange, lambda: any("Moving average" in text for text in window.toasts.texts))
        dialog = open_settings(window)
        switch(dialog, "toast_signals")
        confirm(dialog)
        window.toasts.clear()
        count = signals(window)
        await played(exchange, lambda: signals(window) > count)
        assert not any("Moving average" in text for text in window.toasts.texts)


async def played(exchange: Any, condition: Any) -> None:
    """Let exchange time pass until something has come true."""
    for _ in range(60):
        await exchange.advance(300)
        await turn()
        if condition():
            return
    await until(condition)


def signals(window: MainWindow) -> int:
    return sum("Moving average" in line.message for line in window.needs.log.lines)


def is_in(of: Panel, state: PanelState) -> bool:
    return of.state is state


def is_logged(window: MainWindow, text: str) -> bool:
    return any(text in line.message for line in window.needs.log.lines)


def buy(exchange: Any) -> None:
    sides = exchange.world.sides("KRW-BTC")
    price = Decimal(sides[1].prices[0]).scaleb(-8)
    placed = exchange.place_order("KRW-BTC", "BID", price=price, volume=Decimal("0.01"))
    exchange.fill_order(placed[0].uuid)


# -- what is remembered -----------------------------------------------------------------------------------------------
def every_watch() -> Iterator[tuple[IndicatorSpec, str]]:
    """One watch of each type and condition, in each time frame."""
    for name, rule in INDICATOR_RULES.items():
        for timeframe in TIMEFRAMES:
            yield spec_of(name, param_offers(name, {}, signal=False)), timeframe
        for trigger in rule.triggers:
            params, limits = param_offers(name, {}, signal=True), event_offers(name, trigger, {})
            yield spec_of(name, params, trigger, limits), "1d"


def test_every_preference_comes_back_as_it_was() -> None:
    wanted = Preferences(
        language=Language.KOREAN, theme=ThemeMode.DARK, scheme=MarketScheme.WESTERN, reduce_motion=True,
        toast_fills=False, toast_lost=False, toast_recovered=False, toast_signals=False, toast_alerts=False,
        data_format=DataFormat.SIMPLE, compression=False, independence=IndependenceLevel.ISOLATED,
        favourites=("KRW-ETH",), symbol="BTC-ETH", unit="60m", watches=tuple(itertools.islice(every_watch(), 100)),
    )  # fmt: skip
    defaults = Preferences()
    assert all(getattr(wanted, item.name) != getattr(defaults, item.name) for item in dataclasses.fields(Preferences))
    assert preferences_from(json.loads(json.dumps(preferences_to_plain(wanted)))) == wanted


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from([item.name for item in dataclasses.fields(Preferences)]), JSON),
    st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from([*INDICATOR_RULES, "new"]) | JSON,
                "timeframe": st.sampled_from([*TIMEFRAMES, "2m"]) | JSON,
                "params": st.dictionaries(st.sampled_from(["period", "type", "fast"]), st.sampled_from(["14", "5", 14]))
                | JSON,
                "trigger": st.sampled_from(["oversold", "none"]) | JSON,
                "limits": st.dictionaries(st.sampled_from(["threshold"]), st.sampled_from(["30", "31"])) | JSON,
            },
        )
        | JSON,
        max_size=6,
    ),
)
def test_no_file_of_settings_does_harm(plain: dict[str, Any], watches: list[Any]) -> None:
    known = set(every_watch())
    for given_watches in (plain.get("watches"), watches):
        found = preferences_from({**plain, "watches": given_watches})
        assert isinstance(found, Preferences)
        for spec, timeframe in found.watches:
            assert timeframe in TIMEFRAMES
            assert spec.type in {each.type for each, _ in known}


@pytest.mark.qasync_loop
async def test_watches_and_the_chosen_perspective_are_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    macd = IndicatorSpec.of("macd", {"fast": 12, "slow": 26, "signal_period": 9})
    async with desk(store) as (program, _):
        window = window_of(program)
        indicators, menu = panel(window, IndicatorsWidget), window.findChild(MainMenu)
        assert menu is not None
        indicators.add_watch(macd, "15m")
        indicators.remove_watch(0)
        menu.choose("account")
    async with desk(store) as (program, exchange):
        window = window_of(program)
        indicators, menu = panel(window, IndicatorsWidget), window.findChild(MainMenu)
        assert menu is not None
        assert indicators.watches == ((macd, "15m"),)
        assert menu.current == "account"
        (marked,) = [action.text() for action in menu.perspectives.actions() if action.isChecked()]
        assert marked == "Account"
        await until(lambda: len(exchange.subscribed("info")) == 1)


@pytest.mark.qasync_loop
async def test_a_window_is_no_larger_than_its_screen() -> None:
    async with desk(options=Options()) as (program, _):
        screen = QApplication.primaryScreen()
        assert screen is not None
        window = window_of(program)
        assert window.width() <= max(screen.availableSize().width(), window.minimumSizeHint().width())
        assert window.height() <= max(screen.availableSize().height(), window.minimumSizeHint().height())


# -- keys -------------------------------------------------------------------------------------------------------------
class _Vault(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring says nothing of types
        self.stored: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.stored.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.stored[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.stored[service, username]


@pytest.fixture
def vault() -> Iterator[Any]:
    """A keyring that passes for a trusted one by the name of its module."""
    before = keyring.get_keyring()
    trusted = type("Keyring", (_Vault,), {"__module__": "keyring.backends.SecretService"})
    made = trusted()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def enter(dialog: SettingsDialog, access: str, secret: str) -> None:
    dialog.show_keys()
    press(dialog.keys.access, access)
    press(dialog.keys.secret, secret)
    click(dialog.keys.save)


def seen(window: QWidget) -> str:
    """Return all that any label, line or log on the screen says."""
    parts = [label.text() for label in window.findChildren(QLabel)]
    parts += [line.text() + line.displayText() for line in window.findChildren(QLineEdit)]
    return "\n".join(parts)


@pytest.mark.qasync_loop
async def test_a_key_is_tested_kept_used_never_shown_and_removed(vault: Any) -> None:
    async with desk(options=LIVE, credentials=None) as (program, exchange):
        window = window_of(program)
        orders = panel(window, MyOrdersWidget)
        assert orders.state is PanelState.NO_KEY
        dialog = open_settings(window)
        enter(dialog, exchange.access_key, exchange.secret_key)
        await until(lambda: dialog.keys.state.text() == "The key works and is kept in the keyring.")
        assert set(vault.stored.values()) == {exchange.access_key, exchange.secret_key}
        for shown in (seen(window), seen(dialog)):
            assert exchange.access_key not in shown
            assert exchange.secret_key not in shown
        confirm(dialog)
        window = await renewed(program, window)
        await until(lambda: exchange.subscribed("private"))
        orders = panel(window, MyOrdersWidget)
        await until(partial(is_in, orders, PanelState.EMPTY))
        dialog = open_settings(window)
        dialog.show_keys()
        assert dialog.keys.state.text() == "A key is in use."
        assert (dialog.keys.access.text(), dialog.keys.secret.text()) == ("", "")
        assert dialog.keys.secret.echoMode() is QLineEdit.EchoMode.Password
        click(dialog.keys.remove)
        assert dialog.keys.state.text() == "The key is removed."
        assert vault.stored == {}
        confirm(dialog)
        window = await renewed(program, window)
        orders = panel(window, MyOrdersWidget)
        assert orders.state is PanelState.NO_KEY
        await until(lambda: not exchange.subscribed("private"))
        assert not any(exchange.secret_key in line.message for line in window.needs.log.lines)


@pytest.mark.qasync_loop
async def test_a_key_that_is_refused_is_not_kept_and_the_old_one_stays(vault: Any) -> None:
    async with desk(options=LIVE) as (program, exchange):
        window = window_of(program)
        vault.stored = {("upbit_ws_qt", "access_key"): "old access", ("upbit_ws_qt", "secret_key"): "old secret"}
        kept = dict(vault.stored)
        await serving(exchange)
        dialog = open_settings(window)
        for access in (exchange.access_key + "x", "a real key that has no business on loopback"):
            enter(dialog, access, "another secret")
            await until(lambda: dialog.keys.state.text().startswith("The key was not taken: "))
            assert "another secret" not in seen(dialog)
            assert vault.stored == kept
            await until(dialog.keys.save.isEnabled)
            dialog.keys.state.clear()
        confirm(dialog)
        assert program.window is window
        assert exchange.subscribed("private")


@pytest.mark.qasync_loop
async def test_a_key_takes_the_place_of_another(vault: Any) -> None:
    async with desk(options=LIVE) as (program, exchange):
        window = window_of(program)
        vault.stored = {("upbit_ws_qt", "access_key"): "old access", ("upbit_ws_qt", "secret_key"): "old secret"}
        await serving(exchange)
        buy(exchange)
        orders = panel(window, MyOrdersWidget)
        await until(orders.has_rows)
        dialog = open_settings(window)
        enter(dialog, exchange.access_key, exchange.secret_key)
        await until(lambda: set(vault.stored.values()) == {exchange.access_key, exchange.secret_key})
        confirm(dialog)
        window = await renewed(program, window)
        orders = panel(window, MyOrdersWidget)
        assert len(orders.ledger) == 0, "another account's orders are nobody's business"


@pytest.mark.qasync_loop
async def test_without_a_keyring_a_key_lasts_as_long_as_the_program() -> None:
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())  # type: ignore[no-untyped-call]  # keyring says nothing of types
    try:
        async with desk(options=LIVE, credentials=None) as (program, exchange):
            window = window_of(program)
            dialog = open_settings(window)
            enter(dialog, exchange.access_key, exchange.secret_key)
            await until(lambda: "no keyring here" in dialog.keys.state.text())
            confirm(dialog)
            await renewed(program, window)
            await until(lambda: exchange.subscribed("private"))
    finally:
        keyring.set_keyring(before)
