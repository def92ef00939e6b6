"""No figure is ever cut off: its column makes room, or gives way whole; for every price and size that markets have."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtGui import QFontMetrics
from PyQt6.QtWidgets import QApplication, QTableView, QWidget

from tests.widgets.made import book, market, ticker, trade
from upbit_ws_qt import MyOrderEvent
from widgets.account.asset_model import Holding, MyAssetsModel
from widgets.account.my_assets import _GIVE_UP as ASSETS_GIVE_UP
from widgets.account.my_assets import _SAMPLES as ASSETS_SAMPLES
from widgets.account.my_orders import _GIVE_UP as ORDERS_GIVE_UP
from widgets.account.my_orders import _SAMPLES as ORDERS_SAMPLES
from widgets.account.order_ledger import KnownOrder
from widgets.account.order_model import MyOrdersModel
from widgets.base.look import market_colours_of
from widgets.base.price_format import price_text, tick_size
from widgets.base.tables import PlainTable, fit_columns, plain_table
from widgets.base.theme import colours_of
from widgets.chart.data import Bar, CandleSeries
from widgets.chart.scale import on_tick
from widgets.chart.view import ChartView
from widgets.order_book.model import OrderBookModel
from widgets.order_book.view import OrderBookView
from widgets.tape.delegate import TapeDelegate
from widgets.tape.model import Column as TapeColumn
from widgets.tape.model import TapeModel
from widgets.tape.panel import _GIVE_UP as TAPE_GIVE_UP
from widgets.tape.panel import _SAMPLES as TAPE_SAMPLES
from widgets.watch_list.model import Column, WatchListModel
from widgets.watch_list.table import WatchListTable

if TYPE_CHECKING:
    from collections.abc import Iterator

D = Decimal
MARKETS = [
    ("KRW-A", "0.00000001"), ("KRW-A", "0.0132"), ("KRW-A", "0.9999"), ("KRW-A", "99.9"), ("KRW-A", "999.5"),
    ("KRW-A", "999999.5"), ("KRW-A", "168470000"), ("KRW-A", "200000000"),
    ("BTC-A", "0.00000001"), ("BTC-A", "0.99999999"), ("USDT-A", "0.00000123"), ("USDT-A", "116539.12"),
]  # fmt: skip
SIZES = ("0.00000001", "0.12345678", "73381234.12345678", "1234567890123")
WIDTHS = (170, 220, 300, 420, 700)


@pytest.fixture
def holder(qapp: QApplication) -> Iterator[QWidget]:
    del qapp
    made = QWidget()
    made.resize(1000, 600)
    made.show()
    yield made
    sip.delete(made)


def settle(table: QWidget) -> None:
    """Have a table painted, and its columns follow what was painted, as often as they still do."""
    app = QApplication.instance()
    assert app is not None
    for _ in range(6):
        table.grab()
        app.processEvents()


def check(table: QTableView, figures: set[int], air: int) -> None:
    """Every figure in a column that is shown has room; those not shown would not have had any."""
    model, viewport = table.model(), table.viewport()
    assert model is not None
    assert viewport is not None
    metrics = table.fontMetrics()
    shown = [column for column in range(model.columnCount()) if not table.isColumnHidden(column)]
    for column in figures & set(shown):
        for row in range(model.rowCount()):
            text = str(model.index(row, column).data() or "")
            room = table.columnWidth(column)
            assert metrics.horizontalAdvance(text) + air <= room or shown == [column], (column, text, room)
    assert sum(table.columnWidth(column) for column in shown) <= viewport.width() or len(shown) == 1


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("code", "price"), MARKETS)
def test_the_tape_shows_prices_sizes_and_amounts_whole(holder: QWidget, code: str, price: str, width: int) -> None:
    model = TapeModel(holder)
    table = plain_table(model, holder)
    table.setItemDelegate(TapeDelegate(model, table))
    table.resize(width, 300)
    table.show()
    fit_columns(table, TAPE_SAMPLES, TAPE_GIVE_UP)
    for number, size in enumerate(SIZES):
        model.take(trade(code, number, price, size))
    model.flush()
    settle(table)
    check(table, set(TapeColumn), 8)
    assert not table.isColumnHidden(TapeColumn.PRICE)
    if width >= 700:
        assert not any(table.isColumnHidden(column) for column in TapeColumn), "there is room for all"


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("code", "price"), MARKETS)
def test_the_watch_list_shows_prices_whole(holder: QWidget, code: str, price: str, width: int) -> None:
    model = WatchListModel(holder)
    model.set_markets([market(code), market("KRW-OTHER")])
    model.take(ticker(code, price, "123456789012345", signed_change_rate=D("12.3456")))
    model.take(ticker("KRW-OTHER", price))
    table = WatchListTable(model, holder)
    colours, prices = colours_of(holder.palette()), market_colours_of(holder.palette())
    panel: Any = SimpleNamespace(colours=colours, market_colours=prices, dimmed=False)
    table.restyle(panel)
    table.resize(width, 300)
    table.show()
    settle(table)
    figures = {int(column) for column in (Column.PRICE, Column.CHANGE, Column.VALUE)}
    check(table, figures, 8)
    assert not table.isColumnHidden(Column.PRICE)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("code", "price"), MARKETS)
def test_orders_and_assets_show_figures_whole(holder: QWidget, code: str, price: str, width: int) -> None:
    orders = MyOrdersModel(holder)
    event = MyOrderEvent(
        type="myOrder", code=code, timestamp=1000, uuid="a", ask_bid="BID", order_type="limit", state="trade",
        price=D(price), avg_price=D("12345678.123456789"), volume=D(SIZES[2]), remaining_volume=D(SIZES[1]),
        executed_volume=D(SIZES[3]),
    )  # fmt: skip
    orders.replace([KnownOrder(event, D(price), D(size)) for size in SIZES])
    assets = MyAssetsModel(holder)
    assets.whole = D("123456789012345")
    worth = [D(size) for size in SIZES if D(size) * D(price) < 10**15]  # as much as all there is
    assets.replace([Holding("LONGNAME", code, size, D("0.00000001"), 1000, D(price)) for size in worth])
    tables: list[tuple[PlainTable, set[int]]] = []
    for model, samples, give_up in (
        (orders, ORDERS_SAMPLES, ORDERS_GIVE_UP),
        (assets, ASSETS_SAMPLES, ASSETS_GIVE_UP),
    ):
        table = plain_table(model, holder)
        table.resize(width, 300)
        table.show()
        fit_columns(table, samples, give_up)
        tables.append((table, set(model.numbers)))
    for table, figures in tables:
        settle(table)
        check(table, figures, 8)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("code", "price"), MARKETS)
def test_the_order_book_shows_prices_and_sizes_whole(holder: QWidget, code: str, price: str, width: int) -> None:
    model = OrderBookModel(code)
    tick = str(tick_size(code, D(price)))
    model.set_book(book(code, price, tick, SIZES))
    model.set_reference(D(price) * D("0.5"), D(price))
    view = OrderBookView(model, holder)
    view.set_look(colours_of(holder.palette()), market_colours_of(holder.palette()), dimmed=False)
    view.resize(width, 400)
    view.show()
    settle(view)
    picture = model.picture()
    assert picture is not None
    mark, price_room, percent_room = view._widths
    metrics = QFontMetrics(view.font())
    with_percent, with_size = view.shown_columns
    rows = (*picture.asks, *picture.bids)
    assert max(metrics.horizontalAdvance(row.price_text) for row in rows) <= price_room
    used = mark + price_room + 4 * 4
    sizes = max(metrics.horizontalAdvance(row.size_text) for row in rows)
    percents = max(metrics.horizontalAdvance(row.percent_text) for row in rows)
    assert percents <= percent_room
    viewport = view.viewport()
    assert viewport is not None
    room = min(viewport.width(), 560)
    assert with_size is (used + sizes <= room)
    assert with_percent is (used + sizes + percents + 8 <= room)
    if width >= 420:
        assert with_size


@pytest.mark.parametrize(("code", "price"), MARKETS)
def test_the_charts_axis_has_room_for_its_prices(holder: QWidget, code: str, price: str) -> None:
    series = CandleSeries()
    middle, tick = D(price), tick_size(code, D(price))
    for number in range(50):
        close = middle + tick * (number % 3)
        shown = (float(middle), float(close + tick), float(middle), float(close), 1.0)
        series.take(Bar(60 * number, 0, middle, close + tick, middle, close, D(1), shown))
    view = ChartView(holder)
    view.take_colours(market_colours_of(holder.palette()), dimmed=False)
    view.resize(500, 300)
    view.show_series(series, code, "1m")
    settle(view)
    for each in (middle, on_tick(middle + tick * 3, tick_size(code, middle + tick * 3))):
        assert view.fontMetrics().horizontalAdvance(price_text(code, each)) + 6 <= view.axis_width
