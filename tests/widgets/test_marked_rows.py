"""What is marked in a table is what was marked, wherever its row goes; what is copied is what is marked."""

from __future__ import annotations

from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QItemSelectionModel, QPoint, Qt
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QAbstractItemModelTester, QTest
from PyQt6.QtWidgets import QTableView

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.made import book, market, ticker, trade
from tests.widgets.showing import click, press, shown
from upbit_ws_qt import MyOrderEvent
from widgets.account.order_ledger import KnownOrder
from widgets.account.order_model import MyOrdersModel
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.base.tables import plain_table
from widgets.order_book.panel import OrderBookWidget
from widgets.tape.model import CAPACITY, TapeModel
from widgets.tape.model import Column as TapeColumn
from widgets.watch_list.model import Column, WatchListModel
from widgets.watch_list.panel import WatchListWidget
from widgets.watch_list.table import WatchListTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from pytestqt.qtbot import QtBot

    from upbit_ws_qt import WebSocketService

CODES = [f"KRW-{letter}" for letter in "ABCDE"]
_QTEST: Any = QTest  # the stubs take its functions for methods


def clipboard() -> str:
    found = QGuiApplication.clipboard()
    assert found is not None
    return found.text()


def copy(widget: Any) -> str:
    """Press Ctrl+C; return what is on the clipboard then."""
    found = QGuiApplication.clipboard()
    assert found is not None
    found.setText("nothing was copied")
    _QTEST.keyClick(widget, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    return clipboard()


def marked(table: QTableView) -> dict[int, int]:
    """Return row -> how many of its cells are marked."""
    selection = table.selectionModel()
    assert selection is not None
    found: dict[int, int] = {}
    for index in selection.selectedIndexes():
        found[index.row()] = found.get(index.row(), 0) + 1
    return found


def mark(table: QTableView, *rows: int) -> None:
    selection = table.selectionModel()
    model = table.model()
    assert selection is not None
    assert model is not None
    selection.clearSelection()
    flags = QItemSelectionModel.SelectionFlag
    for row in rows:
        selection.setCurrentIndex(model.index(row, 0), flags.Select | flags.Rows)


@pytest.fixture
def watch_table(qapp: object) -> Iterator[WatchListTable]:
    del qapp
    holder = QTableView()
    model = WatchListModel(holder)
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    model.set_markets([market(code) for code in CODES])
    for place, code in enumerate(CODES):
        model.take(ticker(code, price=str(100 + place), value=str(1000 - place)))
    table = WatchListTable(model, holder)
    model.sort(Column.VALUE, Qt.SortOrder.DescendingOrder)
    assert model.codes == CODES
    yield table
    sip.delete(holder)


@pytest.mark.parametrize("column", [Column.PRICE, Column.CHANGE, Column.NAME, Column.VALUE])
@pytest.mark.parametrize("order", list(Qt.SortOrder))
def test_the_marked_row_is_the_market_that_was_chosen_after_a_sort(
    watch_table: WatchListTable, column: Column, order: Qt.SortOrder
) -> None:
    model = watch_table.model()
    assert isinstance(model, WatchListModel)
    mark(watch_table, model.row_of("KRW-B"))
    watch_table.sortByColumn(column, order)
    assert marked(watch_table) == {model.row_of("KRW-B"): len(Column)}
    assert model.code_at(watch_table.currentIndex().row()) == "KRW-B"


def test_the_marked_row_is_the_market_that_was_chosen_after_the_list_has_sorted_itself(
    watch_table: WatchListTable,
) -> None:
    model = watch_table.model()
    assert isinstance(model, WatchListModel)
    mark(watch_table, 1, 3)
    for step in range(1, 6):
        model.take(ticker(CODES[-step], value=str(2000 + step)))
        model.sort(Column.VALUE, Qt.SortOrder.DescendingOrder)
        assert sorted(marked(watch_table)) == sorted((model.row_of("KRW-B"), model.row_of("KRW-D")))
        assert set(marked(watch_table).values()) == {len(Column)}


@asynccontextmanager
async def watch_list(service: WebSocketService) -> AsyncIterator[WatchListWidget]:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    async with shown(WatchListWidget(service, catalog), 520, 400) as widget:
        await until(lambda: catalog.fresh and widget.state is PanelState.LIVE and widget.model.has_tickers)
        widget.model.may_sort = lambda: False
        yield widget


@served()
async def test_what_was_chosen_is_marked_again_after_a_search_and_another_tab(service: WebSocketService) -> None:
    async with watch_list(service) as widget:
        widget.set_symbol("KRW-BTC")
        mark(widget.table, widget.model.row_of("KRW-XRP"))
        widget.search.setText("XRP")
        assert widget.table.chosen == ["KRW-XRP"]
        widget.search.setText("ETH")
        widget.search.clear()
        assert widget.table.chosen == ["KRW-XRP"]
        widget.tabs.setCurrentIndex(2)
        widget.tabs.setCurrentIndex(1)
        assert widget.table.chosen == ["KRW-XRP"]


@served()
async def test_what_the_panels_show_is_another_mark_than_what_is_chosen(service: WebSocketService) -> None:
    async with watch_list(service) as widget:
        widget.set_symbol("KRW-BTC")
        assert widget.table.chosen == ["KRW-BTC"]
        before = widget.table.viewport().grab().toImage()  # type: ignore[union-attr]  # it has one
        click(widget.table.viewport(), widget.table.visualRect(widget.model.index(3, Column.NAME)).center())
        other = widget.model.codes[3]
        assert widget.table.chosen == [other]
        assert widget.model.linked == "KRW-BTC"
        # The row of the market that is shown goes on to be marked at its left edge.
        after = widget.table.viewport().grab().toImage()  # type: ignore[union-attr]  # it has one
        edge = widget.table.visualRect(widget.model.index(widget.model.row_of("KRW-BTC"), Column.FAVOURITE))
        beside = widget.table.visualRect(widget.model.index(3, Column.FAVOURITE))
        at = QPoint(edge.left() + 1, edge.center().y())
        assert before.pixel(at) == after.pixel(at)
        assert after.pixel(at) != after.pixel(QPoint(beside.left() + 1, beside.center().y()))


@served()
async def test_a_market_that_is_not_in_this_tab_is_named_and_can_be_gone_to(service: WebSocketService) -> None:
    async with watch_list(service) as widget:
        widget.set_symbol("KRW-XRP")
        mark(widget.table, 0)
        widget.tabs.setCurrentIndex(2)
        assert widget.model.row_of("KRW-XRP") < 0
        assert widget.shown_market.isVisible()
        assert widget.shown_market.text().endswith("KRW-XRP")
        click(widget.shown_market)
        assert widget.tabs.currentIndex() == 1
        assert widget.table.chosen == ["KRW-XRP"]


@served()
async def test_several_rows_are_copied_as_they_are_marked(service: WebSocketService) -> None:
    async with watch_list(service) as widget:
        await until(lambda: widget.model.index(2, Column.PRICE).data() != "–")
        widget.table.setFocus()
        mark(widget.table, 2, 0)
        lines = [line.split("\t") for line in copy(widget.table).split("\n")]
        assert [line[1].split()[0] for line in lines] == [widget.model.codes[0], widget.model.codes[2]]
        assert lines[1][2] == widget.model.index(2, Column.PRICE).data()


def tape_of(count: int) -> TapeModel:
    model = TapeModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    for number in range(count):
        model.take(trade("KRW-BTC", number))
    model.flush()
    return model


def ids(model: TapeModel, rows: list[int]) -> list[int | None]:
    found = [model.row(row).trade for row in rows]
    return [None if each is None else each.sequential_id for each in found]


@pytest.mark.parametrize("known", [10, CAPACITY - 3, CAPACITY])
def test_the_marks_in_the_tape_stay_with_their_trades(qtbot: QtBot, known: int) -> None:
    model = tape_of(known)
    holder = QTableView()
    qtbot.addWidget(holder)
    table = plain_table(model, holder)
    mark(table, 2, 5)
    chosen = ids(model, [2, 5])
    for number in range(known, known + (20 if known < CAPACITY - 3 else 8)):  # a full tape is looked through each time
        model.take(trade("KRW-BTC", number))
        model.take(trade("KRW-BTC", 1000 + number))
        model.flush()
        assert ids(model, sorted(marked(table))) == chosen
    assert copy(table).count("\n") == 1
    assert set(marked(table).values()) == {len(TapeColumn)}


def test_a_filter_leaves_the_marks_of_the_tape_on_the_trades_that_are_still_listed(qtbot: QtBot) -> None:
    model = TapeModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    for number in range(30):
        model.take(trade("KRW-BTC", number, volume=str(number)))
    model.flush()
    holder = QTableView()
    qtbot.addWidget(holder)
    table = plain_table(model, holder)
    mark(table, 3, 20)
    (kept, _gone) = ids(model, [3, 20])
    model.set_least(Decimal(20_000))
    assert ids(model, sorted(marked(table))) == [kept]
    model.set_least(Decimal(0))
    assert ids(model, sorted(marked(table))) == [kept]
    assert model.rowCount() == 30


def order(uuid: str) -> KnownOrder:
    event = MyOrderEvent(
        type="myOrder", code=f"KRW-{uuid.upper()}", timestamp=1000, uuid=uuid, ask_bid="BID", order_type="limit",
        state="wait", price=Decimal(1000), volume=Decimal(2), remaining_volume=Decimal(2),
    )  # fmt: skip
    return KnownOrder(event, Decimal(1000), Decimal(2))


def test_rows_that_come_go_and_change_places_keep_their_marks(qtbot: QtBot) -> None:
    model = MyOrdersModel()
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Warning, model)
    a, b, c, d, e = (order(letter) for letter in "abcde")
    model.replace([a, b, c, d])
    holder = QTableView()
    qtbot.addWidget(holder)
    table = plain_table(model, holder)
    mark(table, 1, 3)
    for rows in ([e, a, b, c, d], [d, c, b, a, e], [b, d], [a, d, e, b, c], [c, b, a, d]):
        model.replace(rows)
        assert model.rows == rows
        assert sorted(marked(table)) == sorted((rows.index(b), rows.index(d)))
    model.replace([a, c])
    assert marked(table) == {}


@served()
async def test_the_order_book_copies_the_chosen_price_or_else_all_of_it(service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC"), 300, 600) as widget:
        await until(lambda: widget.state is PanelState.LIVE)
        widget.hide()  # from now on it is as it is made here
        widget.view.model.set_book(book("KRW-BTC", "1000000", "1000", ("0.5", "0.25")))
        widget.view.refresh()
        lines = [line.split("\t") for line in copy(widget.view).split("\n")]
        assert [line[0] for line in lines] == ["1,002,000", "1,001,000", "1,000,000", "999,000"]
        assert lines[0][2] == "0.2500"
        press(widget.view, Qt.Key.Key_Down)
        assert copy(widget.view).split("\t")[0] == "1,000,000"


@served()
async def test_the_order_book_is_copied_to_be_read_and_saved_with_all_its_digits(
    service: WebSocketService, tmp_path: Path
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC"), 300, 600) as widget:
        await until(lambda: widget.state is PanelState.LIVE)
        widget.hide()
        widget.view.model.set_book(book("KRW-BTC", "1000000", "1000", ("0.5", "0.25000001")))
        widget.view.refresh()
        _QTEST.keyClick(
            widget.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        )
        heading, first, *_ = clipboard().split("\n")
        assert heading.split() == ["Price", "Change", "Size", "Own"]
        assert first.split()[0] == "1,002,000"
        assert heading.index("Price") + len("Price") == first.index("1,002,000") + len("1,002,000")
        widget.view.save_csv(tmp_path / "book.csv")
        rows = [line.split(",") for line in (tmp_path / "book.csv").read_text(encoding="utf-8-sig").splitlines()]
        assert rows[:2] == [["Side", "Price", "Size"], ["ask", "1002000", "0.25000001"]]
        assert rows[-1] == ["bid", "999000", "0.25000001"]
        words = [each.text().partition("\t")[0] for each in widget.view.menu().actions()]
        assert {"Copy the order book", "Copy as text", "Save as CSV…", "Back to the middle"} <= set(words)
        press(widget.view, Qt.Key.Key_Down)
        taken: list[Decimal] = []
        widget.view.priceActivated.connect(taken.append)
        next(each for each in widget.view.menu().actions() if each.text().startswith("Take this price")).trigger()
        assert taken == [Decimal(1_000_000)]
