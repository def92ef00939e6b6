"""The settings dialog as its user works it, and the window behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QCheckBox, QComboBox, QWidget

from tests.waiting import until
from tests.widgets.desk import window_of
from tests.widgets.showing import click, press
from widgets.program.main_menu import MainMenu
from widgets.program.options import Options
from widgets.settings.dialog import SettingsDialog

if TYPE_CHECKING:
    from widgets.base.panel import Panel, PanelState
    from widgets.program.program import Program
    from widgets.window.main_window import MainWindow


_P = TypeVar("_P", bound=QWidget)
LIVE = Options(size=(1300, 800), live=True)
PUBLIC = "public"


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


def is_in(of: Panel, state: PanelState) -> bool:
    return of.state is state


def is_logged(window: MainWindow, text: str) -> bool:
    return any(text in line.message for line in window.needs.log.lines)


def buy(exchange: Any) -> None:
    sides = exchange.world.sides("KRW-BTC")
    price = Decimal(sides[1].prices[0]).scaleb(-8)
    placed = exchange.place_order("KRW-BTC", "BID", price=price, volume=Decimal("0.01"))
    exchange.fill_order(placed[0].uuid)
