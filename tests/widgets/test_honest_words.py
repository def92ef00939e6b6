"""What panels say besides their figures is true: since when they list, in which order, how the day went; in Korean."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import QPoint, Qt
from PyQt6.QtWidgets import QLabel, QPushButton

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.made import market, ticker
from tests.widgets.showing import click, move_mouse, shown
from upbit_ws_qt import Phrase
from upbit_ws_qt.exchange import FaultName
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.base.text import Language, set_language
from widgets.base.trouble import trouble_of
from widgets.base.units import unit_text
from widgets.chart.panel import ChartWidget
from widgets.indicators.panel import IndicatorsWidget
from widgets.indicators.plot import IndicatorPlot
from widgets.order_book.panel import OrderBookWidget
from widgets.tape.panel import TapeWidget
from widgets.watch_list.model import Column, WatchListModel
from widgets.watch_list.panel import WatchListWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

D = Decimal


@pytest.fixture
def korean(qapp: QApplication) -> Iterator[None]:
    del qapp
    set_language(Language.KOREAN)
    yield
    set_language(Language.ENGLISH)


def test_units_are_korean_where_korean_is_spoken(korean: None) -> None:
    units = ("1s", "1m", "15m", "60m", "240m", "1d", "odd")
    assert [unit_text(unit) for unit in units] == ["1초", "1분", "15분", "1시간", "4시간", "1일", "odd"]


@served()
async def test_the_units_of_chart_and_indicators_follow_the_language(service: WebSocketService) -> None:
    async with shown(ChartWidget(service, "KRW-BTC", unit="240m")) as chart, shown(IndicatorsWidget(service)) as other:
        assert chart.units.currentText() == "4h"
        set_language(Language.KOREAN)
        try:
            await until(lambda: chart.units.currentText() == "4시간")
            await until(lambda: other.picker.timeframe.itemText(0) == "5분")
        finally:
            set_language(Language.ENGLISH)
        chart.units.setCurrentIndex(1)
        assert chart.unit == "1m"


def test_the_days_range_is_true_from_the_first_ticker_on(qapp: QApplication) -> None:
    del qapp
    model = WatchListModel()
    model.set_markets([market("KRW-A"), market("KRW-B")])
    prices: dict[str, Any] = {"opening_price": D(100), "low_price": D(90), "high_price": D(110)}
    model.take(ticker("KRW-A", "105", **prices))
    model.take(ticker("KRW-B", "100", opening_price=D(100), low_price=D(100), high_price=D(100)))
    assert model.row(model.row_of("KRW-A")).day == (0.5, 0.75, 1.0)
    assert model.row(model.row_of("KRW-B")).day is None, "a market that has not moved has no range"
    hint = model.index(model.row_of("KRW-A"), Column.DAY).data(Qt.ItemDataRole.ToolTipRole)
    assert hint == "Since 09:00 KST: opened at 100, lowest 90.0, highest 110"


def test_a_heading_says_when_rows_wait_to_be_sorted(qapp: QApplication) -> None:
    """While the mouse is over the rows none may change its place, not even when the list has only just come."""
    del qapp
    model = WatchListModel()
    over = True
    model.may_sort = lambda: not over
    model.set_markets([market("KRW-A"), market("KRW-B")])
    model.take(ticker("KRW-A", value="1"))
    model.take(ticker("KRW-B", value="2"))
    model.flush()
    assert model.codes == ["KRW-A", "KRW-B"]
    assert "∥" in str(model.headerData(Column.VALUE, Qt.Orientation.Horizontal))
    over = False
    model._sorted_at = 0.0  # a second later
    model.flush()
    assert model.codes == ["KRW-B", "KRW-A"]
    assert "∥" not in str(model.headerData(Column.VALUE, Qt.Orientation.Horizontal))


@served()
async def test_no_row_changes_its_place_under_the_mouse(service: WebSocketService) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    async with shown(WatchListWidget(service, catalog), 520, 400) as widget:
        await until(lambda: catalog.fresh and widget.state is PanelState.LIVE)
        viewport = widget.table.viewport()
        assert viewport is not None
        move_mouse(viewport, QPoint(50, 50))
        await until(lambda: widget.table.is_under_mouse())
        assert not widget.model.may_sort()


@served()
async def test_the_tape_says_since_when_it_lists_and_what_it_leaves_out(service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC"), 400, 400) as tape:
        await until(lambda: tape.state is PanelState.LIVE)
        assert tape.table.note.startswith("Trades since ")
        tape.least.setCurrentIndex(3)
        tape.least.activated.emit(3)
        assert tape.table.note.startswith("Trades of 10.0M and more since ")
        tape.set_symbol("KRW-ETH")
        assert tape.table.note.startswith("Trades since ")


@served()
async def test_orders_of_before_are_said_not_to_be_listed(service: WebSocketService) -> None:
    async with shown(MyOrdersWidget(service), 500, 300) as orders:
        await until(lambda: orders.state is PanelState.EMPTY)
        assert "not listed" in orders.silence_text(orders.since)
        assert orders.first_since in orders.table.note


@pytest.mark.qasync_loop
@pytest.mark.parametrize(
    "values", [("0.0131", "0.0132", "0.01315"), ("101", "99.5", "100.25"), ("149000000", "151000000")]
)
async def test_all_figures_on_the_axis_of_an_indicator_have_as_many_decimals(values: tuple[str, ...]) -> None:
    async with shown(IndicatorPlot(), 500, 300) as plot:
        plot.show_points([(60 * number, {"value": D(value)}) for number, value in enumerate(values)])
        plot.grab()
        axis = plot._plot.getAxis("left")
        low, high = axis.range
        texts: list[str] = []
        for spacing, ticks in axis.tickValues(low, high, 250)[: axis.style["maxTextLevel"] + 1]:
            texts += axis.tickStrings(ticks, 1.0, spacing)
        assert len(texts) >= 2
        assert len({len(text.partition(".")[2]) for text in texts}) == 1


@served()
async def test_a_panel_that_waits_for_a_lost_line_says_why_and_can_try_at_once(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    exchange.faults.inject(FaultName.REFUSE, "public")
    async with shown(OrderBookWidget(service, "KRW-BTC"), 300, 400) as book:
        (retry,) = [each for each in book.findChildren(QPushButton) if each.text() == "Retry"]
        await until(lambda: retry.isVisible() and book.state is PanelState.LOADING)
        texts = [label.text() for label in book.findChildren(QLabel) if label.isVisible()]
        assert "No connection" in texts
        await until(lambda: any("503" in label.text() for label in book.findChildren(QLabel)))
        trouble_of(service).tell(Phrase("the network is down"))
        await until(lambda: any("the network is down" in label.text() for label in book.findChildren(QLabel)))
        asked: list[bool] = []
        trouble_of(service).retryRequested.connect(lambda: asked.append(True))
        click(retry)
        assert asked == [True]
        trouble_of(service).tell("")
        exchange.faults.clear()
        await until(lambda: book.state is PanelState.LIVE)
        assert not retry.isVisible()
