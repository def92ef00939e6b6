"""Keys are tested, kept in the keyring, used, never shown, and removed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from PyQt6 import sip
from PyQt6.QtWidgets import QLabel, QLineEdit, QWidget

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import (
    LIVE,
    buy,
    choose,
    confirm,
    is_in,
    open_settings,
    panel,
    renewed,
    serving,
)
from tests.widgets.showing import click, press
from upbit_ws_qt import DataFormat
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.origin import ExchangeOrigin
from widgets.base.panel import PanelState
from widgets.window.main_window import MainWindow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from widgets.settings.dialog import SettingsDialog


pytestmark = [pytest.mark.usefixtures("let_go")]


keyring.get_keyring()  # a back end keeps the stack of whoever loads it first, and a test's has a window in it


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
        choose(dialog, "data_format", DataFormat.SIMPLE_LIST)
        confirm(dialog)
        window = await renewed(program, window)
        assert len(panel(window, MyOrdersWidget).ledger) == 1, "it is the key that was in use, and the same account"


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_another_accounts_orders_are_nobodys_business() -> None:
    async with desk(options=LIVE) as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        buy(exchange)
        await until(panel(window, MyOrdersWidget).has_rows)
        for same, count in ((True, 1), (False, 0)):
            other = MainWindow(window.needs, ExchangeOrigin.of(window.needs.service.config, embedded=False))
            other.inherit(window, same_account=same)
            assert len(panel(other, MyOrdersWidget).ledger) == count
            sip.delete(other)


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
