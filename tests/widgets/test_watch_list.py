"""The watch list against a real exchange, by mouse and keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtTest import QAbstractItemModelTester

from tests.qt.serving import emitted, served, wanted
from tests.rest.peers import nobody
from tests.waiting import until
from tests.widgets.showing import click, compose, double_click, press, shown
from upbit_ws_qt.exchange import FaultName
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.base.sorting import Sorting
from widgets.watch_list.model import Column
from widgets.watch_list.panel import WatchListWidget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

from contextlib import asynccontextmanager


@asynccontextmanager
async def live_list(service: WebSocketService, **how: object) -> AsyncIterator[WatchListWidget]:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    widget = WatchListWidget(service, catalog, **how)  # type: ignore[arg-type]
    QAbstractItemModelTester(widget.model, QAbstractItemModelTester.FailureReportingMode.Warning, widget.model)
    async with shown(widget, 520, 400):
        await until(lambda: catalog.fresh and widget.state is PanelState.LIVE)
        await until(lambda: widget.model.rowCount() > 0)
        yield widget


def cell(widget: WatchListWidget, row: int, column: Column) -> str:
    return str(widget.model.index(row, column).data())


def place(widget: WatchListWidget, row: int, column: Column) -> QPoint:
    return widget.table.visualRect(widget.model.index(row, column)).center()


@served()
async def test_all_markets_come_to_life(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with live_list(service) as widget:
        assert set(widget.model.codes) == {market.market for market in exchange.world.markets}
        await until(lambda: all(cell(widget, row, Column.PRICE) != "–" for row in range(widget.model.rowCount())))
        row = widget.model.row_of("KRW-BTC")
        assert "%" in cell(widget, row, Column.CHANGE)
        assert widget.had_data


@served()
async def test_a_search_by_first_consonants_narrows_the_list_and_the_wish(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with live_list(service) as widget:
        compose(widget.search, "ㅂㅌㅋㅇ")
        assert "KRW-BTC" in widget.model.codes
        assert "KRW-XRP" not in widget.model.codes
        await until(lambda: wanted(exchange) == {("ticker", code) for code in widget.model.codes})
        press(widget.search, "zzz")
        assert widget.state is PanelState.EMPTY
        widget.search.clear()
        await until(lambda: widget.state is PanelState.LIVE)
        assert len(widget.model.codes) == len(exchange.world.markets)


@served()
async def test_sorting_by_a_click_on_the_header(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        await until(lambda: all(cell(widget, row, Column.PRICE) != "–" for row in range(widget.model.rowCount())))
        header = widget.table.horizontalHeader()
        assert header is not None
        x = header.sectionViewportPosition(Column.PRICE) + 10
        for descending in (True, False, True):
            click(header.viewport(), QPoint(x, header.height() // 2))
            assert widget.model.sorting == Sorting(Column.PRICE, descending)
            events = [widget.model.row(row).event for row in range(widget.model.rowCount())]
            prices = [event.trade_price for event in events if event is not None]
            assert prices == sorted(prices, reverse=descending)
            assert len(set(prices)) > 5


@served()
async def test_a_star_by_mouse_and_by_keyboard(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        widget.model.may_sort = lambda: False
        first, second = widget.model.codes[:2]
        click(widget.table.viewport(), place(widget, 0, Column.FAVOURITE))
        widget.table.setCurrentIndex(widget.model.index(1, Column.NAME))
        press(widget.table, Qt.Key.Key_Space)
        assert widget.favourites == (first, second)
        assert cell(widget, 0, Column.FAVOURITE) == "★"
        widget.tabs.setCurrentIndex(0)
        assert set(widget.model.codes) == {first, second}
        click(widget.table.viewport(), place(widget, 0, Column.FAVOURITE))
        assert len(widget.favourites) == 1


@served()
async def test_without_favourites_the_tab_says_how_to_get_some(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        widget.tabs.setCurrentIndex(0)
        assert widget.state is PanelState.EMPTY


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
@served()
async def test_a_market_is_selected(service: WebSocketService, way: str) -> None:
    async with live_list(service) as widget:
        widget.model.may_sort = lambda: False
        chosen: list[str] = []
        widget.symbolSelected.connect(chosen.append)
        if way == "mouse":
            click(widget.table.viewport(), place(widget, 2, Column.NAME))
            double_click(widget.table.viewport(), place(widget, 2, Column.NAME))
        else:
            widget.table.setCurrentIndex(widget.model.index(2, Column.NAME))
            press(widget.table, Qt.Key.Key_Return)
        assert chosen == [widget.model.codes[2]]


@served()
async def test_hidden_it_wants_nothing(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with live_list(service) as widget:
        await until(lambda: wanted(exchange))
        widget.hide()
        await until(lambda: not wanted(exchange))
        widget.show()
        await until(lambda: len(wanted(exchange)) == widget.model.rowCount())


@served()
async def test_only_the_markets_that_were_asked_for(service: WebSocketService) -> None:
    async with live_list(service, symbols=("KRW-ETH", "KRW-XRP")) as widget:
        assert set(widget.model.codes) == {"KRW-ETH", "KRW-XRP"}


@served()
async def test_a_cut_line_is_stale_then_live_again(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    async with live_list(service) as widget:
        await until(lambda: cell(widget, 0, Column.PRICE) != "–")
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: widget.state is PanelState.STALE)
        assert widget.dimmed
        assert cell(widget, 0, Column.PRICE) != "–", "the last value is kept"
        exchange.faults.clear()
        await until(lambda: widget.state is PanelState.LIVE)
        assert not widget.dimmed


@served()
async def test_an_exchange_without_rest_leaves_the_list_that_comes_with_the_program(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with nobody() as rest:
        catalog = MarketCatalog(rest, None, service)
        catalog.load()
        (cause,) = await emitted(catalog.failed)
    assert cause
    assert "KRW-BTC" in catalog
    assert catalog.get("KRW-NEW").code == "KRW-NEW"
    async with shown(WatchListWidget(service, catalog)) as widget:
        await until(lambda: widget.state is PanelState.LIVE)
    del exchange


@served()
async def test_in_little_room_the_names_stay_readable(service: WebSocketService) -> None:
    async with live_list(service) as widget:
        assert not widget.table.isColumnHidden(Column.DAY)
        widget.resize(330, 400)
        await until(lambda: widget.table.isColumnHidden(Column.DAY))
        assert widget.table.columnWidth(Column.NAME) >= 70
        widget.resize(520, 400)
        await until(lambda: not widget.table.isColumnHidden(Column.DAY))
