"""Where Korean is chosen no English is left on any page, in any menu, tool tip, heading or cell of the program."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QDockWidget,
    QGroupBox,
    QLabel,
    QLineEdit,
    QMenu,
    QTabBar,
    QTableView,
    QWidget,
)

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.settings_desk import buy, open_settings, serving
from tests.widgets.test_said_in_korean import KoreanStore, english_in
from upbit_ws_qt import ConnectionState, WebSocketType
from upbit_ws_qt.exchange import FaultName
from widgets.base.panel import Panel
from widgets.base.text import COMPONENTS, Language, set_language
from widgets.chart.panel import ChartWidget
from widgets.monitor_dock import ConnectionMonitorDock
from widgets.program.keyboard_dialog import KeyboardDialog
from widgets.program.main_menu import MainMenu
from widgets.window.log_dock import LogBook, LogWidget
from widgets.window.perspectives import BUILT_IN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from widgets.window.main_window import MainWindow

_ROLE = Qt.ItemDataRole
_ROLES = (_ROLE.DisplayRole, _ROLE.ToolTipRole, _ROLE.AccessibleTextRole)
_MOST_ROWS = 12
_DATA = frozenset({"raw-frames", "markets"})
"""Tables of what the exchange sent as it is, and of markets, whose English names are meant; as is what others log."""
_NAMES = re.compile(
    r"[A-Z0-9]+-[A-Z0-9]+|Bitcoin|KiB|MiB|ping|Pong|Ctrl|Shift|Alt|Enter|Space|Esc|Home|End|Insert|Delete|Tab|Menu|Page|"
    r"Open API|API|PNG|CSV|REST|KST|"
    r"DEFAULT|SIMPLE|JSON_LIST|_LIST|permessage-deflate|"
    r"Okabe-Ito|English|MACD\.signal|upbit_ws_qt|upbit\.com|Access|Secret key|Secret|SAR|WMA|"
    r"Delivery\.FRAME|BackpressureStrategy\.COALESCE_BY_SYMBOL|\b(?:RSI|MACD|MA|EMA|BB|VWAP|ATR|ADX|OBV|MFI|CCI)\b"
)
"""Keys, formats, formulas, and names of what a program calls; in Korean they are called so too."""


def said_by(root: QWidget) -> Iterator[tuple[str, str]]:
    """Return all that a widget and those in it say: where, and what."""
    for widget in (root, *root.findChildren(QWidget)):
        logged = isinstance(widget, QTableView) and isinstance(widget.parentWidget(), LogWidget)
        if widget.objectName() in _DATA or logged:
            continue
        where = f"{type(widget).__name__} {widget.objectName()}".rstrip()
        yield from ((where, text) for text in _texts(widget) if text)
        for action in widget.actions():
            yield from ((f"{where} action", text) for text in (action.text(), action.toolTip()) if text)


def _texts(widget: QWidget) -> Iterator[str]:
    yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription(), widget.statusTip())
    match widget:
        case QLabel() | QAbstractButton():
            yield widget.text()
        case QLineEdit():
            yield widget.placeholderText()
        case QComboBox():
            yield from (widget.itemText(place) for place in range(widget.count()))
        case QTabBar():
            for place in range(widget.count()):
                yield from (widget.tabText(place), widget.tabToolTip(place))
        case QAbstractSpinBox():
            yield widget.text()
        case QGroupBox() | QMenu():
            yield widget.title()
        case QDockWidget():
            yield widget.windowTitle()
        case QTableView():
            yield from _cells(widget)
        case _:
            pass


def _cells(table: QTableView) -> Iterator[str]:
    model = table.model()
    if model is None:
        return
    for column in range(model.columnCount()):
        yield from (str(model.headerData(column, Qt.Orientation.Horizontal, role) or "") for role in _ROLES)
        for row in range(min(_MOST_ROWS, model.rowCount())):
            yield from (str(model.index(row, column).data(role) or "") for role in _ROLES)


def leftovers(*roots: QWidget) -> set[tuple[str, str, str]]:
    """Return what is English: where it stands, the words, and all of the text."""
    found = set()
    for root in roots:
        for where, text in said_by(root):
            words = english_in(_NAMES.sub("", text))
            if words:
                found.add((where, " ".join(words), text))
    return found


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_no_english_is_left_in_the_window_through_an_outage() -> None:
    async with desk(KoreanStore(None)) as (program, exchange):
        window = window_of(program)
        service = window.needs.service
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        await serving(exchange)
        buy(exchange)
        left = leftovers(window)
        exchange.faults.inject(FaultName.REFUSE, "public", status=503)
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.RECONNECTING)
        await until(lambda: service.incidents())
        left |= await everywhere(window)
        exchange.faults.clear()
        await until(lambda: service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED)
        left |= await everywhere(window)
        assert sorted(left) == []


def test_the_log_says_its_levels_and_its_own_parts_in_korean(qapp: object) -> None:
    del qapp
    book = LogBook()
    book.add(0.0, logging.WARNING, "manager", "…")
    book.add(0.0, logging.ERROR, "somebody.else", "…")
    widget = LogWidget(book)
    widget.show()
    set_language(Language.KOREAN)
    try:
        model = widget.model
        shown = [[str(model.index(row, column).data()) for column in (1, 2)] for row in range(2)]
    finally:
        set_language(Language.ENGLISH)
        sip.delete(widget)
    assert shown == [["▲ 경고", "연결 관리"], ["✖ 오류", "somebody.else"]]


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_every_panel_is_called_by_a_name_that_is_translated() -> None:
    async with desk() as (program, _):
        panels = window_of(program).panels.values()
        names = {panel.proxy.component_id for panel in panels if isinstance(panel, Panel) and panel.proxy is not None}
        assert len(names) > 5
        assert names <= COMPONENTS


async def everywhere(window: MainWindow) -> set[tuple[str, str, str]]:
    """Look at every perspective and every tab of the monitor."""
    menu = window.findChild(MainMenu)
    assert menu is not None
    left = set()
    for name in BUILT_IN:
        menu.choose(name)
        await turn()
        left |= leftovers(window)
    monitor = window.docks["monitor"]
    assert isinstance(monitor, ConnectionMonitorDock)
    for place in range(monitor.panel.tabs.count()):
        monitor.panel.tabs.setCurrentIndex(place)
        monitor.refresh()
        await turn()
        left |= leftovers(window)
    return left


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_no_english_is_left_in_the_dialogs() -> None:
    async with desk(KoreanStore(None)) as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        menu = window.findChild(MainMenu)
        assert menu is not None
        left = set()
        for page in (open_settings(window), program.show_exchanges()):
            left |= leftovers(page)
            page.close()
        tour = program.show_around()
        assert tour is not None
        while tour.card.isVisible():
            left |= leftovers(tour.card)
            tour.card.next.click()
        chart = window.panels["chart"]
        assert isinstance(chart, ChartWidget)
        chart.choose_formulas()
        monitor = window.docks["monitor"]
        assert isinstance(monitor, ConnectionMonitorDock)
        monitor.show_report()
        KeyboardDialog(window).open()
        await turn()
        dialogs = [each for each in window.findChildren(QDialog) if each.isVisible()]
        assert len(dialogs) >= 3
        menus = chart.menu(), chart.drawing_menu()
        left |= leftovers(*dialogs, *menus)
        for dialog in dialogs:
            dialog.close()
        for opened in menus:
            sip.delete(opened)
        assert sorted(left) == []
