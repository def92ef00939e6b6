"""What holdings cost, what they have gained, what sales have brought; the ring; orders of before, filtered."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PyQt6.QtCore import QPointF, Qt

from tests.qt.serving import SETTINGS, served
from tests.waiting import until
from tests.widgets.showing import click, press, shown
from tests.widgets.test_my_assets import assets
from upbit_ws_qt import RestAccount, RestOrder
from upbit_ws_qt.events import MyOrderEvent
from widgets.account.asset_model import AssetBook, Column
from widgets.account.costs import CostBook, Realised
from widgets.account.my_assets import MyAssetsWidget
from widgets.account.my_orders import MyOrdersWidget
from widgets.account.order_model import Column as OrderColumn
from widgets.account.past_orders import order_event
from widgets.account.ring import AllocationRing, Share
from widgets.base.panel import PanelState

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

D = Decimal


def fill(
    side: Literal["BID", "ASK"], price: str, volume: str, number: int, code: str = "KRW-BTC", fee: str = "0"
) -> MyOrderEvent:
    return MyOrderEvent(
        type="myOrder", code=code, timestamp=1000 + number, uuid=f"order {number}", ask_bid=side, order_type="limit",
        state="trade", trade_uuid=f"fill {number}", price=D(price), volume=D(volume), trade_fee=D(fee),
    )  # fmt: skip


def account(currency: str, balance: str, average: str, unit: str = "KRW") -> RestAccount:
    return RestAccount(currency, D(balance), D(0), D(average), False, unit)


def in_won(currency: str) -> Decimal | None:
    return {"KRW": D(1), "BTC": D(1000)}.get(currency)


def test_a_sale_brings_what_is_above_the_average_after_its_fee() -> None:
    book = CostBook()
    book.take_accounts([account("BTC", "2", "100"), account("ETH", "1", "0")])
    assert book.take_fill(fill("ASK", "130", "0.5", 1, fee="1"), in_won)
    assert not book.take_fill(fill("ASK", "130", "0.5", 1, fee="1"), in_won), "it was told twice"
    assert book.realised("BTC") == Realised(D("14.0"), D(1))
    assert book.average("BTC") == (D(100), "KRW"), "a sale does not move it"
    assert book.average("ETH") is None, "0 is not known"
    assert not book.take_fill(MyOrderEvent(type="myOrder", timestamp=1, uuid="a", ask_bid="BID", order_type="limit",
                                           state="wait"), in_won)  # fmt: skip


def test_a_purchase_moves_the_average() -> None:
    book = CostBook()
    book.take_accounts([account("BTC", "1", "100")])
    book.take_fill(fill("BID", "200", "3", 1, fee="2"), in_won)
    assert book.average("BTC") == (D(175), "KRW")
    assert book.realised("BTC") == Realised(D(0), D(2))
    book.take_fill(fill("BID", "7", "1", 2, "KRW-NEW"), in_won)
    assert book.average("NEW") == (D(7), "KRW")


def test_what_was_paid_in_another_currency_is_converted_or_counted_as_unknown() -> None:
    book = CostBook()
    book.take_accounts([account("ETH", "2", "0.05", "BTC"), account("XRP", "9", "3", "USDT")])
    book.take_fill(fill("ASK", "60", "1", 1, "KRW-ETH"), in_won)
    book.take_fill(fill("ASK", "0.07", "1", 2, "BTC-ETH", "0.001"), in_won)
    assert book.realised("ETH") == Realised(D(10) + D(20) - D(1), D(1))
    book.take_fill(fill("ASK", "4", "1", 3, "KRW-XRP"), in_won)
    assert book.realised("XRP") == Realised(D(0), D(0), 1)
    assert book.realised_in_all() == Realised(D(29), D(1), 1)
    book.take_fill(fill("BID", "60", "1", 4, "KRW-ETH"), in_won)
    assert book.average("ETH") == (D(60), "KRW"), "all of the other was sold"
    book.take_fill(fill("BID", "0.06", "1", 5, "BTC-ETH"), in_won)
    assert book.average("ETH") is None, "paid in two currencies"


@given(trades=st.lists(st.tuples(st.booleans(), st.integers(1, 99), st.integers(1, 9)), max_size=30))
def test_money_spent_and_money_made_add_up(trades: list[tuple[bool, int, int]]) -> None:
    book, spent, held = CostBook(), D(0), 0
    for number, (buys, price, volume) in enumerate(trades):
        if not buys and volume > held:
            continue
        book.take_fill(fill("BID" if buys else "ASK", str(price), str(volume), number), in_won)
        spent += price * volume * (1 if buys else -1)
        held += volume if buys else -volume
    average = book.average("BTC")
    cost = D(0) if average is None else average[0] * held
    assert abs(cost - spent - book.realised_in_all().profit) < D("0.000001")


def test_profit_is_value_less_cost_and_says_what_it_leaves_out() -> None:
    book = AssetBook()
    book.take(assets(1000, KRW="500", BTC="2", ETH="1"))
    book.take_accounts([account("BTC", "2", "100"), account("KRW", "500", "0")])
    book.set_price("KRW-BTC", D(130))
    book.set_price("KRW-ETH", D(10))
    assert book.gain() == (D(60), D(200), 1)
    [bitcoin] = [held for held in book.held() if held.currency == "BTC"]
    assert (bitcoin.profit, bitcoin.profit_rate, bitcoin.cost) == (D(60), D("0.3"), D(200))
    won = book.held()[0]
    assert (won.profit, won.average) == (None, None)


def cell(widget: MyAssetsWidget, currency: str, column: Column) -> str:
    rows = [row.currency for row in widget.model.rows]
    return str(widget.model.index(rows.index(currency), column).data()) if currency in rows else ""


@served(dataclasses.replace(SETTINGS, stopped=True), backfill=frozenset({"order", "asset"}))
async def test_a_sale_is_seen_as_realised_profit(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyAssetsWidget(service), 1200) as widget:
        await until(lambda: widget.state is PanelState.LIVE and cell(widget, "BTC", Column.AVERAGE) not in ("", "–"))
        exchange.ticker("KRW-BTC", trade_price=D(200_000_000))
        await until(lambda: cell(widget, "BTC", Column.PRICE) == "200,000,000")
        [held] = [each for each in widget.assets.held() if each.currency == "BTC"]
        assert held.average is not None
        expected = round((D(200_000_000) - held.average) * held.total)
        assert cell(widget, "BTC", Column.PROFIT).replace(",", "").lstrip("+") == str(expected)
        await until(lambda: "Profit" in widget.gain.text())
        average = held.average
        order = exchange.order("KRW-BTC", "ASK", price=D(210_000_000), volume=D("0.01"))
        order.fill()
        await until(lambda: widget.assets.costs.realised("BTC") is not None)
        realised = widget.assets.costs.realised("BTC")
        assert realised is not None
        assert realised.profit + realised.fees == (D(210_000_000) - average) * D("0.01")
        await until(lambda: "realised since" in widget.gain.text())
        await until(lambda: cell(widget, "BTC", Column.REALISED) == f"{round(realised.profit):+,}")


@served(backfill=frozenset({"order", "asset"}))
async def test_the_ring_comes_with_room_and_says_its_shares(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    del exchange
    async with shown(MyAssetsWidget(service), 1400, 400) as widget:
        await until(lambda: widget.ring.isVisible() and len(widget.ring.shares) > 1)
        assert sum(share.part for share in widget.ring.shares) == pytest.approx(1)
        assert [share.part for share in widget.ring.shares] == sorted(
            (share.part for share in widget.ring.shares), reverse=True
        )
        widget.resize(300, 400)
        await until(lambda: not widget.ring.isVisible())


def test_the_ring_knows_what_the_mouse_points_at(qapp: QApplication) -> None:
    del qapp
    ring = AllocationRing()
    ring.resize(300, 400)
    shares = [Share("BTC", 0.5, "BTC 50%"), Share("ETH", 0.3, "ETH 30%"), Share("KRW", 0.2, "KRW 20%")]
    ring.show_shares(shares)
    place = ring._ring()
    middle, radius = place.center(), place.width() / 2 * 0.8
    assert ring.share_at(middle + QPointF(radius, 0)) == shares[0]
    assert ring.share_at(middle + QPointF(-0.3 * radius, 0.95 * radius)) == shares[1]
    assert ring.share_at(middle + QPointF(-0.1 * radius, -0.99 * radius)) == shares[2]
    assert ring.share_at(middle) is None
    rect, named = ring._names()[1]
    assert ring.share_at(rect.center()) == named == shares[1]
    assert ring.accessibleDescription() == "BTC 50%, ETH 30%, KRW 20%"
    assert not ring.grab().isNull()
    ring.deleteLater()


# -- orders ------------------------------------------------------------------------------------------------------------
def markets(widget: MyOrdersWidget) -> list[str]:
    return [str(widget.model.index(row, OrderColumn.MARKET).data()) for row in range(widget.model.rowCount())]


def placed(exchange: EmbeddedExchange, code: str, side: str = "BID") -> Any:
    sides = exchange.world.sides(code)
    assert sides is not None
    price = D(sides[1 if side == "BID" else 0].prices[2]).scaleb(-8)
    return exchange.order(code, side, price=price, volume=D("0.5") if code != "KRW-BTC" else D("0.01"))


@served(dataclasses.replace(SETTINGS, stopped=True))
async def test_orders_are_filtered_by_side_and_words(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyOrdersWidget(service), 900) as widget:
        await until(lambda: exchange.subscribed("private") and widget.state is not PanelState.LOADING)
        placed(exchange, "KRW-BTC")
        placed(exchange, "KRW-ETH", "ASK")
        await until(lambda: sorted(markets(widget)) == ["KRW-BTC", "KRW-ETH"])
        press(widget.filter, "eth")
        assert markets(widget) == ["KRW-ETH"]
        assert "1 filtered out" in widget.count.text()
        widget.filter.selectAll()
        press(widget.filter, "open limit")
        assert len(markets(widget)) == 2
        widget.side.setFocus()
        press(widget.side, Qt.Key.Key_Down)
        assert widget.side.currentData() == "BID"
        assert markets(widget) == ["KRW-BTC"]
        press(widget.side, Qt.Key.Key_Down)
        assert markets(widget) == ["KRW-ETH"]


@served(dataclasses.replace(SETTINGS, stopped=True), backfill=frozenset())
async def test_orders_of_before_are_asked_for(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    order = placed(exchange, "KRW-ETH")
    order.cancel()
    async with shown(MyOrdersWidget(service), 900) as widget:
        await until(lambda: exchange.subscribed("private") and widget.state is PanelState.EMPTY)
        click(widget.past)
        await until(lambda: markets(widget) == ["KRW-ETH"])
        assert widget.state is PanelState.LIVE
        assert str(widget.model.index(0, OrderColumn.STATE).data()) == "cancelled"
        click(widget.past)
        await until(lambda: widget.past.isEnabled())
        assert len(markets(widget)) == 1, "it is known"


def test_an_order_of_rest_is_as_the_line_tells_it() -> None:
    rest = RestOrder(
        market="KRW-BTC", uuid="u", side="ask", ord_type="limit", state="done", price=D(5), volume=D(2),
        remaining_volume=D(0), executed_volume=D(2), created_at=datetime(2026, 11, 30, tzinfo=UTC), trades_count=1,
        reserved_fee=D(0), remaining_fee=D(0), paid_fee=D(1), locked=D(0),
    )  # fmt: skip
    event = order_event(rest)
    assert (event.code, event.ask_bid, event.state, event.filled_ratio) == ("KRW-BTC", "ASK", "done", D(1))
    assert event.recovered
    assert event.is_final
