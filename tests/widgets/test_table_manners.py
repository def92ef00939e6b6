"""Every table is sorted, arranged, copied and saved in the same way, and stays as its user left it."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtGui import QAction, QContextMenuEvent
from PyQt6.QtTest import QAbstractItemModelTester, QTest
from PyQt6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox, QTableView, QWidget

from tests.waiting import until
from tests.widgets.desk import desk, turn, window_of
from tests.widgets.made import market, ticker, trade
from tests.widgets.showing import click, press
from tests.widgets.test_marked_rows import clipboard, mark, marked, order
from upbit_ws_qt import LineEvent, WebSocketType
from upbit_ws_qt.monitoring import LineEventKind
from widgets.account.order_model import Column as OrderColumn
from widgets.account.order_model import MyOrdersModel
from widgets.base.copying import lined_up, table_csv
from widgets.base.panel_table import PanelTable
from widgets.base.sorting import SortableModel, Sorting
from widgets.base.tables import PlainTable, fit_columns, plain_table
from widgets.base.text import Language, set_language
from widgets.monitor.tabs import EventsTab
from widgets.program.store import Store
from widgets.tape.model import CAPACITY, Column, TapeModel
from widgets.watch_list.model import Column as WatchColumn
from widgets.watch_list.model import WatchListModel
from widgets.watch_list.table import WatchListTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

_QTEST: Any = QTest  # the stubs take its functions for methods
_CTRL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
HOLDERS: list[QWidget] = []
"""Of the tables of a test: with the last name for it, a widget without a parent is gone."""
PRICES = {"a": "300", "b": "20", "c": "1000", "d": "4"}


def orders_table(qtbot: QtBot, letters: str = "abcd") -> tuple[MyOrdersModel, PlainTable]:
    """Return a table of orders; as text, 1,000 would stand before 20."""
    model = MyOrdersModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    model.replace([priced(letter) for letter in letters])
    holder = QWidget()
    qtbot.addWidget(holder)
    HOLDERS.append(holder)
    table = plain_table(model, holder)
    table.resize(900, 300)
    table.setObjectName("orders")
    fit_columns(table, ["00-00 00:00:00"] * 9)
    holder.show()
    return model, table


def priced(letter: str) -> Any:
    made = order(letter)
    made.price = Decimal(PRICES.get(letter, "50"))
    return made


def codes(model: MyOrdersModel) -> str:
    return "".join(row.event.code[-1].lower() for row in model.rows)


def click_heading(table: QTableView, column: int, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    header = table.horizontalHeader()
    assert header is not None
    place = QPoint(header.sectionViewportPosition(column) + 12, header.height() // 2)
    _QTEST.mouseClick(header.viewport(), button, pos=place)


def action(menu: QMenu, *words: str) -> QAction:
    """Return an action of a menu, or of the menus within it."""
    found = next(each for each in menu.actions() if each.text().split("\t")[0] == words[0])
    inner = found.menu()
    return found if len(words) == 1 or inner is None else action(inner, *words[1:])


def texts(menu: QMenu) -> list[str]:
    return [each.text().split("\t")[0] for each in menu.actions() if not each.isSeparator()]


@pytest.fixture(autouse=True)
def no_menus_left() -> Iterator[None]:
    yield
    while (popup := QApplication.activePopupWidget()) is not None:
        popup.close()
    HOLDERS.clear()


# -- marking ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("held", [_CTRL, _SHIFT])
def test_a_program_marks_one_row_whatever_keys_are_held(qtbot: QtBot, held: Qt.KeyboardModifier) -> None:
    _, table = orders_table(qtbot)
    table.selectRow(1)
    _QTEST.keyClick(table, Qt.Key.Key_F24, held)
    assert QApplication.keyboardModifiers() == held
    selection = table.selectionModel()
    assert selection is not None
    for row in (3, 3, 0):
        table.selectRow(row)
        assert [index.row() for index in selection.selectedRows()] == [row]
        assert table.currentIndex().row() == row


# -- sorting ----------------------------------------------------------------------------------------------------------
def test_a_heading_sorts_figures_as_figures_then_the_other_way_round_then_as_they_came(qtbot: QtBot) -> None:
    model, table = orders_table(qtbot)
    for wanted in ("cabd", "dbac", "abcd", "cabd"):
        click_heading(table, OrderColumn.PRICE)
        assert codes(model) == wanted
    assert str(model.headerData(OrderColumn.PRICE, Qt.Orientation.Horizontal)).endswith("▼")


def test_what_is_marked_stays_with_its_row_through_sorting_and_through_what_comes_and_goes(qtbot: QtBot) -> None:
    model, table = orders_table(qtbot)
    mark(table, 1, 3)  # b and d
    model.set_sorting(Sorting(OrderColumn.PRICE, descending=True))
    assert sorted(marked(table)) == [codes(model).index("b"), codes(model).index("d")]
    model.may_sort = lambda: True
    model.replace([row for row in model.usual if row.event.uuid != "a"] + [priced("e")])
    assert codes(model) == "cebd"
    assert sorted(marked(table)) == [2, 3]
    model.set_sorting(None)
    assert codes(model) == "bcde"
    assert sorted(marked(table)) == [0, 2]


def test_rows_without_a_figure_come_last_either_way(qtbot: QtBot) -> None:
    model, _ = orders_table(qtbot)
    for row in model.usual[:2]:
        row.price = None
    for descending in (True, False):
        model.set_sorting(Sorting(OrderColumn.PRICE, descending))
        assert codes(model)[2:] == "ab"


def test_rows_wait_while_the_mouse_is_over_them_and_the_heading_says_so(qtbot: QtBot) -> None:
    model, _ = orders_table(qtbot)
    under_mouse = False
    model.may_sort = lambda: not under_mouse
    model.set_sorting(Sorting(OrderColumn.PRICE, descending=True))
    under_mouse = True
    for row in model.usual:
        row.price = -(row.price or Decimal(0))
    model.replace([*model.usual, priced("e")])
    assert codes(model) == "cabde", "what is new comes last"
    assert str(model.headerData(OrderColumn.PRICE, Qt.Orientation.Horizontal)).endswith("▽")
    under_mouse = False
    model.rearrange()
    assert codes(model) == "edbac"
    assert str(model.headerData(OrderColumn.PRICE, Qt.Orientation.Horizontal)).endswith("▼")


def test_a_tape_that_is_sorted_by_size_goes_on_to_be_and_its_marks_stay_with_their_trades(qtbot: QtBot) -> None:
    model = TapeModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    holder = QWidget()
    qtbot.addWidget(holder)
    table = plain_table(model, holder)
    sizes = [str(1 + 7 * number % 11) for number in range(40)]
    for number in range(20):
        model.take(trade("KRW-BTC", number, volume=sizes[number]))
    model.flush()
    mark(table, 4)
    kept = model.row(4)
    model.set_sorting(Sorting(Column.VOLUME, descending=True))
    for number in range(20, 40):
        model.take(trade("KRW-BTC", number, volume=sizes[number]))
        model.flush()
        listed = [row.trade.trade_volume for row in map(model.row, range(model.rowCount())) if row.trade]
        assert listed == sorted(listed, reverse=True)
        assert [model.row(row) for row in marked(table)] == [kept]
    model.break_off()
    model.flush()
    assert model.row(model.rowCount() - 1).trade is None, "a gap has no size"
    model.set_sorting(None)
    assert model.row(0).trade is None
    assert [model.row(row) for row in marked(table)] == [kept]


def test_a_sorted_tape_forgets_the_oldest_trades_as_an_unsorted_one_does(qtbot: QtBot) -> None:
    del qtbot
    model = TapeModel()
    model.set_sorting(Sorting(Column.VOLUME, descending=True))
    for number in range(CAPACITY + 10):
        model.take(trade("KRW-BTC", number, volume=str(10_000 - number)))
        if number % 7 == 0:
            model.flush()
    model.flush()
    assert model.rowCount() == CAPACITY
    assert model.text(0, Column.VOLUME).endswith("9,990.0")


def test_the_records_of_the_monitor_keep_all_their_marks_when_others_come_before_them(qtbot: QtBot) -> None:
    tab = EventsTab()
    qtbot.addWidget(tab)
    events = tuple(
        LineEvent(at=1_700_000_000.0 + at, ws_type=WebSocketType.PUBLIC, kind=LineEventKind.LOST) for at in range(6)
    )
    tab.show_events(events[:4])
    mark(tab.table, 0, 2)
    chosen = tab.table.selected_records()
    tab.show_events(events)
    assert tab.table.selected_records() == chosen
    assert sorted(marked(tab.table)) == [2, 4]
    tab.table.set_sorting(Sorting(1))
    assert sorted(tab.table.selected_records(), key=lambda event: event.at) == chosen[::-1]


# -- columns ----------------------------------------------------------------------------------------------------------
def test_a_column_is_done_without_and_moved_by_the_menu_of_its_heading(qtbot: QtBot) -> None:
    _, table = orders_table(qtbot)
    header = table.horizontalHeader()
    assert header is not None
    told: list[None] = []
    table.arrangementChanged.connect(lambda: told.append(None))
    action(table.heading_menu(OrderColumn.TYPE), "Do without “Type”").trigger()
    assert table.isColumnHidden(OrderColumn.TYPE)
    action(table.heading_menu(OrderColumn.PRICE), "“Price” further to the left").trigger()
    # Past the column that is not shown: one that cannot be seen is no step.
    assert header.visualIndex(OrderColumn.PRICE) == OrderColumn.SIDE
    assert len(told) == 2
    action(table.heading_menu(OrderColumn.PRICE), "Type").trigger()
    assert not table.isColumnHidden(OrderColumn.TYPE)
    action(table.heading_menu(OrderColumn.PRICE), "Columns as usual").trigger()
    assert table.arrangement() == {}
    assert header.visualIndex(OrderColumn.PRICE) == OrderColumn.PRICE


def test_the_last_column_cannot_be_done_without(qtbot: QtBot) -> None:
    _, table = orders_table(qtbot)
    for column in list(OrderColumn)[1:]:
        table.want(column, False)
    assert not action(table.heading_menu(OrderColumn.TIME), "Do without “Time”").isEnabled()
    table.want(OrderColumn.TIME, False)
    assert not table.isColumnHidden(OrderColumn.TIME)


def test_a_column_that_has_no_room_comes_back_with_it_and_one_that_is_not_wanted_does_not(qtbot: QtBot) -> None:
    _, table = orders_table(qtbot)
    fit_columns(table, ["0" * 10] * 9, [OrderColumn.STATE, OrderColumn.TYPE, OrderColumn.VOLUME])
    table.want(OrderColumn.VOLUME, False)
    table.resize(200, 300)
    assert table.isColumnHidden(OrderColumn.STATE)
    assert "State (no room now)" in texts(table.heading_menu(OrderColumn.TIME))
    table.resize(1500, 300)
    assert not table.isColumnHidden(OrderColumn.STATE)
    assert table.isColumnHidden(OrderColumn.VOLUME)


def test_what_was_chosen_is_put_back_and_what_is_damaged_is_not(qtbot: QtBot) -> None:
    model, table = orders_table(qtbot)
    table.want(OrderColumn.TYPE, False)
    table.move_column(OrderColumn.PRICE, 1)
    table.set_sorting(Sorting(OrderColumn.PRICE, descending=True))
    chosen = table.arrangement()
    other_model, other = orders_table(qtbot)
    other.restore(chosen)
    assert other.arrangement() == chosen
    assert codes(other_model) == codes(model)
    damaged: list[object] = [
        None, [], "x", {"columns": 3}, {**chosen, "order": [0, 0, 1]}, {**chosen, "order": "x"},
        {**chosen, "order": [True] * 9}, {**chosen, "without": list(range(9))}, {**chosen, "without": [99]},
        {**chosen, "sorted": [42, True]}, {**chosen, "sorted": 1},
    ]  # fmt: skip
    for each in damaged:
        other.restore(each)
        assert any(not other.isColumnHidden(column) for column in OrderColumn), each
        header = other.horizontalHeader()
        assert header is not None
        assert sorted(map(header.logicalIndex, range(header.count()))) == list(OrderColumn), each


def test_a_watch_list_gives_up_only_what_is_wanted(qtbot: QtBot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    model = WatchListModel(holder)
    model.set_markets([market("KRW-BTC")])
    table = WatchListTable(model, holder)
    table.resize(600, 300)
    holder.show()
    table.want(WatchColumn.VALUE, False)
    assert table.isColumnHidden(WatchColumn.VALUE)
    table.resize(200, 300)
    assert table.isColumnHidden(WatchColumn.DAY)
    assert not table.isColumnHidden(WatchColumn.PRICE)
    table.resize(600, 300)
    assert not table.isColumnHidden(WatchColumn.DAY)
    assert table.isColumnHidden(WatchColumn.VALUE)


# -- copies and files -------------------------------------------------------------------------------------------------
def test_rows_are_copied_for_a_spreadsheet_or_to_be_read_by_keys(qtbot: QtBot) -> None:
    _, table = orders_table(qtbot)
    table.setFocus()
    press(table, Qt.Key.Key_Down)
    _QTEST.keyClick(table, Qt.Key.Key_A, _CTRL)
    _QTEST.keyClick(table, Qt.Key.Key_C, _CTRL)
    lines = clipboard().split("\n")
    assert [line.split("\t")[OrderColumn.MARKET] for line in lines] == ["KRW-A", "KRW-B", "KRW-C", "KRW-D"]
    _QTEST.keyClick(table, Qt.Key.Key_C, _CTRL | _SHIFT)
    heading, *lines = clipboard().split("\n")
    assert heading.split()[:3] == ["Time", "Market", "Side"]
    end = heading.index("Price") + len("Price")
    assert [line[:end].split()[-1] for line in lines] == ["300", "20.0", "1,000", "4.00"]


def test_hangul_takes_two_places_and_figures_stand_on_the_right() -> None:
    assert lined_up([("이름", "가격"), ("비트코인", "1,000"), ("XRP", "7")], (False, True)) == (
        "이름       가격\n비트코인  1,000\nXRP           7"
    )


def test_a_file_has_all_rows_all_columns_and_all_digits(qtbot: QtBot, tmp_path: Path) -> None:
    model, table = orders_table(qtbot)
    model.usual[2].price = Decimal("1234567.00000001")
    table.want(OrderColumn.PRICE, False)
    table.set_sorting(Sorting(OrderColumn.PRICE, descending=True))
    table.save_csv(tmp_path / "orders.csv")
    data = (tmp_path / "orders.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf"), "or else a spreadsheet takes Hangul for Latin"
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [row["Price"] for row in rows] == ["1234567.00000001", "300", "20", "4"]
    assert rows[0]["Time"] == "1970-01-01 09:00:01.000"


def test_the_tape_saves_the_side_in_words_whether_that_is_shown_or_not(qtbot: QtBot) -> None:
    model = TapeModel()
    holder = QWidget()
    qtbot.addWidget(holder)
    table = plain_table(model, holder)
    table.usually_without([Column.SIDE])
    model.take(trade("KRW-BTC", 1, price="123456000", volume="0.00012345", ask_bid="ASK"))
    model.flush()
    (row,) = csv.DictReader(io.StringIO(table_csv(table), newline=""))
    assert (row["Price"], row["Volume"], row["Side"]) == ("123456000", "0.00012345", "Sell")


@pytest.mark.parametrize("title", ["=HYPERLINK(1)", "@SUM(1)", "+cmd|calc", "-2+3"])
def test_no_text_from_outside_becomes_a_formula(qtbot: QtBot, title: str) -> None:
    model = WatchListModel()
    holder = QWidget()
    qtbot.addWidget(holder)
    model.setParent(holder)
    model.set_markets([market(title)])
    model.take(ticker(title, signed_change_rate=Decimal("-0.0123")))
    table = WatchListTable(model, holder)
    row = list(csv.reader(io.StringIO(table_csv(table), newline="")))[1]
    assert not any(cell.startswith(("=", "@", "+")) for cell in row)
    assert row[WatchColumn.CHANGE] == "-0.0123", "a figure stays one"
    mark(table, 0)
    _QTEST.keyClick(table, Qt.Key.Key_C, _CTRL)
    assert not any(cell.startswith(("=", "@")) for cell in clipboard().split("\t"))


def test_where_a_file_goes_is_asked_and_what_fails_is_told(qtbot: QtBot, tmp_path: Path) -> None:
    _, table = orders_table(qtbot)
    action(table.menu_at(table.currentIndex()), "Save as CSV…").trigger()
    (dialog,) = table.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").exists()
    dialog.fileSelected.emit(str(tmp_path / "missing" / "a.csv"))
    (box,) = table.findChildren(QMessageBox)
    assert "could not be saved" in box.text()
    box.close()
    dialog.close()


# -- menus ------------------------------------------------------------------------------------------------------------
@pytest.mark.qt_log_ignore("does not support", extend=True)  # offscreen
def test_the_menu_opens_by_mouse_and_by_keys_and_says_what_it_is_about(qtbot: QtBot) -> None:
    _, table = orders_table(qtbot)
    viewport = table.viewport()
    assert viewport is not None
    place = table.visualRect(table.model().index(2, OrderColumn.MARKET)).center()  # type: ignore[union-attr]  # it has one
    click(viewport, place)
    QApplication.sendEvent(
        viewport, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, viewport.mapToGlobal(place))
    )
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert "Copy “KRW-C”" in texts(menu)
    action(menu, "Copy “KRW-C”").trigger()
    assert clipboard() == "KRW-C"
    menu.close()
    _QTEST.keyClick(table, Qt.Key.Key_F10, _SHIFT)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert {"Copy", "Copy as text", "Mark all", "Save as CSV…", "Sort by", "Columns"} <= set(texts(menu))


def test_a_menu_speaks_the_language_in_force(qtbot: QtBot) -> None:
    _, table = orders_table(qtbot)
    set_language(Language.KOREAN)
    try:
        assert {"복사", "글로 복사", "CSV로 저장…", "정렬 기준", "열"} <= set(
            texts(table.menu_at(table.currentIndex()))
        )
    finally:
        set_language(Language.ENGLISH)


# -- the program ------------------------------------------------------------------------------------------------------
@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
@pytest.mark.qt_log_ignore("does not support", extend=True)  # offscreen
async def test_every_table_of_the_program_has_these_manners_and_they_are_remembered(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        await turn()
        found = {
            f"{name}/{table.objectName()}": table
            for name, panel in window.panels.items()
            for table in panel.findChildren(QTableView)
            if table.window() is window or table.parent() is not None
        }
        known = {name: table for name, table in found.items() if isinstance(table, PanelTable)}
        assert {type(table).__name__ for name, table in found.items() if name not in known} <= {"QTableView"}
        tape, orders = known["tape/tape"], known["my_orders/orders"]
        assert {"watch_list/markets", "my_assets/assets", "announcements/announcements"} <= set(known)
        assert {"monitor/components", "monitor/connections", "monitor/alerts", "monitor/events"} <= set(known)
        tape.want(Column.SIDE, True)
        orders.set_sorting(Sorting(OrderColumn.PRICE))
        known["monitor/connections"].want(4, False)
        await until((tmp_path / "tables.json").exists)
    async with desk(store) as (program, _):
        window = window_of(program)
        tables = {table.objectName(): table for table in window.findChildren(PanelTable)}
        assert not tables["tape"].unwanted
        model = tables["orders"].model()
        assert isinstance(model, SortableModel)
        assert model.sorting == Sorting(OrderColumn.PRICE)
        assert tables["connections"].isColumnHidden(4)
