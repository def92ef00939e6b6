"""Lists, tags, notes and columns by choice of the watch list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtWidgets import QInputDialog, QMessageBox, QToolButton

from tests.qt.serving import served, wanted
from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.showing import click, press, shown
from tests.widgets.test_arrangements import settled
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.program.store import Store
from widgets.watch_list.book import WatchBook
from widgets.watch_list.extra import EXTRA, Column
from widgets.watch_list.lists import MOST_LISTS, MOST_TAGS, Watched, watched_from, watched_to_plain
from widgets.watch_list.panel import WatchListWidget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from PyQt6.QtWidgets import QMenu

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

from contextlib import asynccontextmanager


@asynccontextmanager
async def live_list(service: WebSocketService, book: WatchBook | None = None) -> AsyncIterator[WatchListWidget]:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    widget = WatchListWidget(service, catalog, book=book)
    async with shown(widget, 1300, 420):
        await until(lambda: catalog.fresh and widget.state is PanelState.LIVE)
        yield widget


def choose(menu: QMenu, words: str) -> None:
    (action,) = [each for each in menu.actions() if each.text() == words]
    action.trigger()
    menu.deleteLater()


async def answer(widget: WatchListWidget, text: str) -> None:
    """Type into the dialog that is open, and press Enter."""
    (dialog,) = widget.findChildren(QInputDialog)
    dialog.setTextValue(text)
    dialog.accept()
    await until(lambda: not widget.findChildren(QInputDialog))


def cell(widget: WatchListWidget, code: str, column: Column) -> str:
    return str(widget.model.index(widget.model.row_of(code), column).data())


# -- plain data -------------------------------------------------------------------------------------------------------
def test_lists_tags_and_notes_change_as_they_are_told() -> None:
    watched = Watched().with_list("Layer 1").with_list("  ").with_list("Layer 1").with_list("나의 것")
    assert watched.names == ("Layer 1", "나의 것")
    watched = watched.toggled("Layer 1", "KRW-SOL").toggled("Layer 1", "KRW-ETH").toggled("nothing", "KRW-ETH")
    assert watched.codes_of("Layer 1") == ("KRW-SOL", "KRW-ETH")
    watched = watched.toggled("Layer 1", "KRW-SOL").renamed("Layer 1", "L1").renamed("L1", "나의 것")
    assert watched.lists == (("L1", ("KRW-ETH",)), ("나의 것", ()))
    watched = watched.with_tags("KRW-ETH", "#defi, layer1 defi  " + "x" * 99).with_note("KRW-ETH", " sell\nat 9 ")
    assert watched.tags_of("KRW-ETH")[:2] == ("defi", "layer1")
    assert len(watched.tags_of("KRW-ETH")) == 3
    assert max(map(len, watched.tags_of("KRW-ETH"))) <= 16
    assert "sell" in watched.note_of("KRW-ETH")
    assert watched.with_tags("KRW-ETH", "").with_note("KRW-ETH", "").tags == ()
    assert watched.without_list("L1").names == ("나의 것",)


def test_what_is_kept_comes_back_and_nonsense_is_left_out() -> None:
    watched = Watched().with_list("a").toggled("a", "KRW-BTC").with_tags("KRW-BTC", "x y").with_note("KRW-BTC", "n")
    assert watched_from(json.loads(json.dumps(watched_to_plain(watched)))) == watched
    odd = {
        "lists": [{"name": "a", "codes": ["KRW-BTC", "nothing", 3, "KRW-BTC"]}, {"name": "a"}, {"name": 3}, 4, None],
        "tags": {"KRW-BTC": ["#one", "two"], "nothing": ["x"], "KRW-ETH": [3]},
        "notes": {"KRW-BTC": 3, "KRW-ETH": "\u202eyes"},
        "figure": "",
    }
    found = watched_from(odd)
    assert found.lists == (("a", ("KRW-BTC",)),)
    assert found.tags == (("KRW-BTC", ("one", "two")),)
    assert "\u202e" not in found.note_of("KRW-ETH")
    assert found.figure == Watched().figure
    assert watched_from({"lists": 3}) == watched_from({"tags": [], "notes": []}) == watched_from({}) == Watched()


def test_there_are_only_so_many() -> None:
    watched = Watched()
    for number in range(MOST_LISTS + 5):
        watched = watched.with_list(f"list {number}")
    assert len(watched.lists) == MOST_LISTS
    assert len(watched.with_tags("KRW-BTC", "a b c d e f g h i j").tags_of("KRW-BTC")) == MOST_TAGS


def test_a_book_keeps_them_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lists.json"
    told: list[int] = []
    book = WatchBook(path)
    book.changed.connect(lambda: told.append(1))
    book.change(book.watched.with_list("mine"))
    book.change(book.watched)
    assert told == [1]
    assert WatchBook(path).watched.names == ("mine",)
    path.write_bytes(b"{" * 9)
    assert WatchBook(path).watched == Watched()


# -- the panel --------------------------------------------------------------------------------------------------------
@served()
async def test_a_list_is_made_filled_renamed_and_deleted(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with live_list(service) as widget:
        choose(widget.lists_menu(), "New list…")
        await answer(widget, "Layer 1")
        assert widget.tabs.tabText(widget.tabs.count() - 1) == "Layer 1"
        assert widget.shown_list == ""
        index = widget.model.index(widget.model.row_of("KRW-ETH"), Column.NAME)
        choose(widget.table.menu_at(index), "On the list “Layer 1”")
        assert widget.show_list("Layer 1")
        assert widget.shown_list == "Layer 1"
        assert widget.model.codes == ["KRW-ETH"]
        await until(lambda: wanted(exchange) == {("ticker", "KRW-ETH")})
        choose(widget.lists_menu("Layer 1"), "Rename this list…")
        await answer(widget, "L1")
        assert widget.shown_list == "L1"
        choose(widget.table.menu_at(widget.model.index(0, Column.NAME)), "On the list “L1”")
        assert widget.state is PanelState.EMPTY
        choose(widget.lists_menu("L1"), "Delete this list")
        assert widget.book.watched.names == ()
        assert widget.tabs.count() == 4
        assert not widget.show_list("L1")


@served()
async def test_the_lists_are_reached_by_their_button(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        assert isinstance(widget.lists_button, QToolButton)
        assert widget.lists_button.toolTip()
        assert widget.lists_button.accessibleName()
        assert widget.lists_button.isVisible()


@served()
async def test_tags_are_found_by_the_search_and_notes_are_shown(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        for column in (Column.TAGS, Column.NOTE, Column.CODE):
            widget.table.want(column, True)
        for code in ("KRW-ETH", "KRW-SOL"):
            index = widget.model.index(widget.model.row_of(code), Column.NAME)
            choose(widget.table.menu_at(index), "Tags…")
            await answer(widget, "layer1 #smart")
        index = widget.model.index(widget.model.row_of("KRW-ETH"), Column.NAME)
        choose(widget.table.menu_at(index), "Note…")
        await answer(widget, "sell at 9,000,000")
        assert cell(widget, "KRW-ETH", Column.TAGS) == "#layer1 #smart"
        assert cell(widget, "KRW-ETH", Column.NOTE) == "sell at 9,000,000"
        assert cell(widget, "KRW-ETH", Column.CODE) == "KRW-ETH"
        press(widget.search, "#lay")
        assert set(widget.model.codes) == {"KRW-ETH", "KRW-SOL"}
        press(widget.search, "x")
        assert widget.state is PanelState.EMPTY


@served()
async def test_columns_by_choice_cost_nothing_until_they_are_chosen(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with live_list(service) as widget:
        listed = set(widget.model.codes)
        assert all(widget.table.isColumnHidden(column) for column in EXTRA)
        assert {kind for kind, _ in wanted(exchange)} == {"ticker"}
        for column in (Column.SPARK, Column.HOUR, Column.ONE, Column.SPREAD, Column.OWN, Column.VOLUME):
            widget.table.want(column, True)
        await until(lambda: all("%" in cell(widget, code, Column.HOUR) for code in listed))
        await until(lambda: all(cell(widget, code, Column.OWN) != "–" for code in listed))
        assert 0 <= float(cell(widget, "KRW-BTC", Column.OWN)) <= 100
        await until(lambda: "%" in cell(widget, widget.model.codes[0], Column.SPREAD))
        await until(lambda: bool(widget.model.extra.day("KRW-BTC")))  # type: ignore[union-attr]
        index = widget.model.index(widget.model.row_of("KRW-BTC"), Column.SPARK)
        await until(lambda: "24 hours: lowest" in str(index.data(Qt.ItemDataRole.ToolTipRole)))
        books = {code for kind, code in wanted(exchange) if kind == "orderbook"}
        assert books  # of the rows that are seen, and of no others
        assert len(books) <= widget.model.visible()[1] - widget.model.visible()[0] + 2
        widget.hide()
        await until(lambda: not wanted(exchange))
        widget.show()
        for column in EXTRA:
            widget.table.want(column, False)
        await until(lambda: {kind for kind, _ in wanted(exchange)} == {"ticker"})


@served()
async def test_the_course_of_24_hours_is_drawn(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        widget.table.want(Column.SPARK, True)
        await until(lambda: bool(widget.model.extra.day("KRW-BTC")))  # type: ignore[union-attr]
        viewport = widget.table.viewport()
        assert viewport is not None

        def inks() -> set[str]:
            area = widget.table.visualRect(widget.model.index(widget.model.row_of("KRW-BTC"), Column.SPARK))
            picture = viewport.grab(area).toImage()
            places = [(x, y) for x in range(picture.width()) for y in range(picture.height())]
            return {QColor(picture.pixelColor(x, y)).name() for x, y in places}

        await until(lambda: len(inks()) > 3)  # more than a ground, by a smooth line


@served()
async def test_a_column_of_ones_own_shows_any_figure_and_says_what_is_wrong(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        choose(widget.lists_menu(), "Column of one's own…")
        await answer(widget, "high - low")
        assert not widget.table.isColumnHidden(Column.OWN)
        assert widget.model.heading(Column.OWN) == "high - low"
        await until(lambda: cell(widget, "KRW-BTC", Column.OWN) != "–")
        assert not widget.set_own_figure("hihg")
        (box,) = widget.findChildren(QMessageBox)
        assert "hihg" in box.text()
        box.close()
        assert widget.book.watched.figure == "high - low"


@served()
async def test_two_watch_lists_have_one_book(service: WebSocketService) -> None:
    book = WatchBook()
    async with live_list(service, book) as one, live_list(service, book) as other:
        book.change(book.watched.with_list("both").toggled("both", "KRW-BTC"))
        assert one.show_list("both")
        assert other.show_list("both")
        assert one.model.codes == other.model.codes == ["KRW-BTC"]


def test_columns_kept_by_the_last_version_go_on_to_hold() -> None:
    from widgets.base.panel_table import _of_fewer_columns

    before = {"columns": 6, "order": [1, 0, 2, 3, 4, 5], "without": [5], "sorted": [2, True]}
    found = _of_fewer_columns(before, len(Column), frozenset(map(int, EXTRA)))
    assert found["order"] == [1, 0, 2, 3, 4, 5, *range(6, len(Column))]
    assert found["without"] == [5, *map(int, EXTRA)]
    assert found["sorted"] == [2, True]
    assert _of_fewer_columns({"columns": 99}, len(Column), frozenset()) == {}
    assert _of_fewer_columns({"columns": True}, len(Column), frozenset()) == {}


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_lists_and_columns_survive_a_restart_and_a_further_list_has_the_same_stars(tmp_path: Path) -> None:
    store = Store(tmp_path)
    async with desk(store) as (program, _):
        window = window_of(program)
        await settled(window)
        first = window.watch_list
        first.book.change(first.book.watched.with_list("mine").toggled("mine", "KRW-XRP"))
        first.table.want(Column.CODE, True)
        name = window.add_panel("watch_list")
        further = window.panels[name]
        assert isinstance(further, WatchListWidget)
        assert further.book.watched.names == ("mine",)
        further.toggle_favourite("KRW-SOL")
        assert first.favourites == ("KRW-SOL",)
        first.toggle_favourite("KRW-SOL")
        first.toggle_favourite("KRW-ETH")
        assert further.favourites == ("KRW-ETH",)
    async with desk(store) as (program, _):
        window = window_of(program)
        await settled(window)
        assert window.watch_list.favourites == ("KRW-ETH",)
        assert window.watch_list.show_list("mine")
        assert window.watch_list.model.codes == ["KRW-XRP"]
        assert Column.CODE not in window.watch_list.table.unwanted
        click(window.watch_list.tabs)
