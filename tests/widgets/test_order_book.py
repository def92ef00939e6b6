from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint, Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import click, double_click, press, shown
from upbit_ws_qt.exchange import FaultName
from upbit_ws_qt.types import WebSocketType
from widgets.base.panel import PanelState
from widgets.order_book.panel import OrderBookWidget

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService
    from widgets.order_book.model import BookPicture

D = Decimal


def books(exchange: EmbeddedExchange) -> set[tuple[str, int]]:
    return {(entry[1], int(entry[2])) for entry in exchange.subscribed("public") if entry[0] == "orderbook"}


def picture(widget: OrderBookWidget) -> BookPicture:
    found = widget.view.model.picture()
    assert found is not None
    return found


def centred(widget: OrderBookWidget) -> bool:
    return widget.view.centred


async def live(widget: OrderBookWidget) -> None:
    await until(lambda: widget.state is PanelState.LIVE and widget.view.model.prev_close is not None)


@served()
async def test_the_book_is_shown_as_the_exchange_has_it(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    exchange.stop_time()
    async with shown(OrderBookWidget(service, "krw-btc")) as widget:
        assert widget.state is PanelState.LOADING
        await live(widget)
        sides = exchange.world.sides("KRW-BTC")
        assert sides is not None
        asks, bids = sides
        shown_book = picture(widget)
        assert [row.price for row in shown_book.asks] == [D(price).scaleb(-8) for price in asks.prices[:30]]
        assert [row.price for row in shown_book.bids] == [D(price).scaleb(-8) for price in bids.prices[:30]]
        assert max(row.share for row in (*shown_book.asks, *shown_book.bids)) == 1.0
        close = widget.view.model.prev_close
        assert close is not None
        for row in shown_book.asks:
            assert row.direction == (row.price > close) - (row.price < close)
            assert row.percent_text.endswith("%")
        assert not widget.grab().isNull()


@served()
async def test_by_mouse_and_keyboard_a_price_is_taken(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    exchange.stop_time()
    taken: list[object] = []
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        widget.priceActivated.connect(taken.append)
        await live(widget)
        rows = picture(widget)
        press(widget.view, Qt.Key.Key_Return)  # nothing is chosen yet
        press(widget.view, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Return)
        assert taken == [rows.asks[1].price]
        press(widget.view, Qt.Key.Key_Escape, Qt.Key.Key_Down, Qt.Key.Key_Enter)
        assert taken[1:] == [rows.bids[0].price]
        assert rows.bids[0].price_text in widget.view.accessibleDescription()
        place = widget.view.row_rect(is_bid=True, place=2).center()
        click(widget.view.viewport(), place)
        assert widget.view.selected == rows.bids[2].price
        double_click(widget.view.viewport(), place)
        assert taken[2:] == [rows.bids[2].price]
        assert widget.view.row_at(widget.view.row_rect(is_bid=True, place=0).top() - 3) is None  # the spread


@served()
async def test_walking_beyond_the_edge_scrolls_and_home_comes_back(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    exchange.stop_time()
    async with shown(OrderBookWidget(service, "KRW-BTC"), height=260) as widget:
        await live(widget)
        press(widget.view, *[Qt.Key.Key_Down] * 40)
        assert widget.view.selected == picture(widget).bids[-1].price
        assert not centred(widget)
        last = widget.view.row_rect(is_bid=True, place=29)
        assert last.bottom() <= widget.view.viewport_height
        press(widget.view, Qt.Key.Key_Home)
        assert centred(widget)
        assert widget.view.row_rect(is_bid=True, place=29).top() > widget.view.viewport_height
        double_click(widget.view.viewport(), QPoint(100, 3))
        press(widget.view, Qt.Key.Key_PageUp)
        assert not centred(widget)


@served()
async def test_grouping_asks_the_exchange_for_another_book(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        levels = [widget.grouping.itemData(place) for place in range(widget.grouping.count())]
        assert levels[:3] == [0, 10000, 100000]
        widget.grouping.setFocus()
        press(widget.grouping, Qt.Key.Key_Down)
        assert widget.level == 10000
        await until(lambda: books(exchange) == {("KRW-BTC", 10000)})
        await until(lambda: widget.view.model.event is not None and widget.view.model.event.level == 10000)
        assert all(row.price % 10000 == 0 for row in picture(widget).asks)
        with pytest.raises(ValueError, match="level must be one of"):
            widget.set_level(D(7))
        widget.set_symbol("KRW-ETH")
        assert widget.level == 0
        await until(lambda: books(exchange) == {("KRW-ETH", 0)})


@served()
async def test_another_market_leaves_nothing_of_the_last_one(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        widget.set_symbol("KRW-ETH")
        assert widget.state is PanelState.LOADING
        assert widget.view.model.picture() is None
        await live(widget)
        assert widget.view.model.event is not None
        assert widget.view.model.event.code == "KRW-ETH"
        assert widget.symbol_label.text() == "KRW-ETH"


@served()
async def test_a_hidden_book_wants_nothing(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service)) as widget:
        assert widget.state is PanelState.EMPTY  # no market was chosen
        widget.set_symbol("KRW-BTC")
        await live(widget)
        widget.hide()
        await until(lambda: not exchange.subscribed("public"))
        widget.set_symbol("KRW-ETH")
        widget.show()
        await live(widget)
        assert books(exchange) == {("KRW-ETH", 0)}


@served()
async def test_a_market_that_does_not_exist_is_said_to_be_empty(service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service, "KRW-NOSUCH")) as widget:
        await until(lambda: widget.state is PanelState.EMPTY)
        widget.set_symbol("not a code")
        assert widget.state is PanelState.ERROR
        widget.set_symbol("KRW-BTC")
        await live(widget)


@served()
async def test_own_orders_are_marked_until_they_are_filled(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    exchange.stop_time()
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        await until(lambda: exchange.subscribed("private"))
        price = picture(widget).bids[3].price
        (placed, *_) = exchange.place_order("KRW-BTC", "BID", price=price, volume=D("0.01"))
        await until(lambda: picture(widget).bids[3].own_text)
        assert picture(widget).bids[3].own_text == "0.010000"
        assert [bool(row.own_text) for row in picture(widget).asks] == [False] * 30
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: picture(widget).bids[3].own_text == "0.010000?")
        await until(lambda: service.epoch(WebSocketType.PRIVATE) == 2 and exchange.subscribed("private"))
        exchange.fill_order(placed.uuid)
        await until(lambda: not picture(widget).bids[3].own_text)


@served()
async def test_a_grouped_book_marks_own_orders_in_their_groups(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    exchange.stop_time()
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        await until(lambda: exchange.subscribed("private"))
        bid = picture(widget).bids[3].price
        exchange.place_order("KRW-BTC", "BID", price=bid, volume=D("0.01"))
        widget.set_level(D(10000))
        group = bid // 10000 * 10000
        await until(lambda: [row.price for row in picture(widget).bids if row.own_text] == [group])


@served()
async def test_a_cut_line_is_told_and_comes_back(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        states: list[PanelState] = []
        widget.stateChanged.connect(states.append)
        refused = exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: widget.state is PanelState.STALE)
        assert widget.dimmed
        assert picture(widget).asks  # the last values are kept
        refused.clear()
        await until(lambda: widget.state is PanelState.LIVE)
        assert states[0] is PanelState.STALE
        assert PanelState.LOADING not in states
        assert PanelState.EMPTY not in states


@served()
async def test_the_last_frame_of_a_dead_line_does_not_make_it_live(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        refused = exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: widget.state is PanelState.STALE)
        assert widget.view.model.event is not None
        widget.arrived(widget.view.model.event)  # as for a frame that was on its way when the line fell
        assert widget.dimmed
        refused.clear()
        await live(widget)


@served()
async def test_a_grouping_that_the_exchange_does_not_serve_is_taken_back(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        exchange.stop_time()  # and with it the ticker that would offer the right groupings again
        widget.offer_levels((D(0), D(7)))
        widget.set_level(D(7))
        await until(lambda: books(exchange) == {("KRW-BTC", 7)})
        await until(lambda: widget.level == 0 and books(exchange) == {("KRW-BTC", 0)})
        assert widget.grouping.currentIndex() == 0
        await live(widget)


@served()
async def test_what_is_left_from_before_it_was_hidden_does_not_pass_for_live(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as widget:
        await live(widget)
        widget.hide()
        await until(lambda: not exchange.subscribed("public"))
        await until(lambda: all(line.endpoint != "public" for line in exchange.connections))
        slow = exchange.faults.inject(FaultName.SLOW_ACCEPT, "public", seconds=2.0)
        widget.show()
        await until(lambda: widget.state is PanelState.STALE)
        assert widget.view.model.picture() is not None, "the last values are kept"
        slow.clear()
        await live(widget)
