"""Alarms in the whole program: set by keyboard, told by a note, there again after a restart."""

from __future__ import annotations

import dataclasses
import os
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QCheckBox

from tests.qt.serving import SETTINGS, wanted
from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.showing import press
from widgets.alarm_rules.rules import PriceLevel
from widgets.alarms.dialog import AlarmDialog
from widgets.alarms.panel import AlarmsWidget
from widgets.program.main_menu import MainMenu
from widgets.program.store import Store
from widgets.settings.dialog import SettingsDialog

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.alarms.keeper import AlarmKeeper
    from widgets.window.main_window import MainWindow

D = Decimal


def keeper_of(window: MainWindow) -> AlarmKeeper:
    panel = window.panels["alarms"]
    assert isinstance(panel, AlarmsWidget)
    return panel.keeper


BY_HAND = dataclasses.replace(SETTINGS, stopped=True)
pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]


async def test_an_alarm_is_set_rings_and_is_there_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store, settings=BY_HAND) as (program, exchange):
        window = window_of(program)
        [menu] = window.findChildren(MainMenu)
        window.select_symbol("KRW-ETH")
        menu.new_alarm()
        keeper = keeper_of(window)
        [dialog] = window.findChildren(AlarmDialog)
        assert dialog.market.text() == "KRW-ETH"
        press(dialog.page.price, "9000000")
        press(dialog.page.price, Qt.Key.Key_Return)
        [alarm] = keeper.alarms
        await until(lambda: ("ticker", "KRW-ETH") in wanted(exchange))
        await until(lambda: keeper.state_of(alarm.id).memory.price is not None)
        window.select_symbol("KRW-BTC")
        exchange.ticker("KRW-ETH", trade_price=D(9_100_000))
        await until(lambda: any("9,100,000 has reached 9,000,000" in text for text in window.toasts.texts))
        window.toasts.focus_note()
        [note] = [each for each in window.toasts.notes if "9,100,000" in each.accessibleName()]
        [show] = note.buttons  # type: ignore[attr-defined]  # a note of toasts
        show.click()
        assert window.symbol == "KRW-ETH"
    async with desk(store, settings=BY_HAND) as (program, _):
        keeper = keeper_of(window_of(program))
        [again] = keeper.alarms
        assert again.condition == PriceLevel(D(9_000_000))
        assert not again.on
        assert [firing.alarm for firing in keeper.firings] == [alarm.id]
    kept = {name for name in os.listdir(tmp_path) if "alarms" in name}
    assert kept == {"practice-alarms.json", "practice-alarms-fired.jsonl"}


async def test_programs_are_allowed_in_the_settings_alone() -> None:
    async with desk(settings=BY_HAND) as (program, _):
        window = window_of(program)
        assert [keeper_of(window).commands_allowed] == [False]
        program._on_settings()
        [settings] = window.findChildren(SettingsDialog)
        box = settings.fields["alarm_commands"]
        assert isinstance(box, QCheckBox)
        box.setChecked(True)
        settings.accept()
        assert [keeper_of(window).commands_allowed] == [True]
        assert program.window is window, "no line is dialled anew for that"
