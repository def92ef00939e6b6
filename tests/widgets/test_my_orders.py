from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QPushButton

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import click, double_click, press, shown
from upbit_ws_qt.events import MyOrderEvent
from upbit_ws_qt.exchange import FaultName
from upbit_ws_qt.types import ConnectionState, WebSocketType
from widgets.account.my_orders import MyOrdersWidget
from widgets.account.order_ledger import MOST_FINISHED, OrderLedger
from widgets.account.order_model import Column, MyOrdersModel
from widgets.base.panel import PanelState
from widgets.base.text import Language, set_language

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

D = Decimal


def order(uuid: str, state: str = "wait", ms: int = 1000, **changes: Any) -> MyOrderEvent:
    usual: dict[str, Any] = {
        "type": "myOrder", "code": "KRW-BTC", "timestamp": ms, "uuid": uuid, "ask_bid": "BID", "order_type": "limit",
        "state": state, "price": D(1000), "volume": D(2), "remaining_volume": D(2),
    }  # fmt: skip
    return MyOrderEvent(**{**usual, **changes})


def column(widget: MyOrdersWidget, which: Column) -> list[str]:
    return [str(widget.model.index(row, which).data()) for row in range(widget.model.rowCount())]


def place(exchange: EmbeddedExchange, code: str = "KRW-BTC", volume: str = "0.01") -> str:
    sides = exchange.world.sides(code)
    assert sides is not None
    uuid: str = exchange.place_order(code, "BID", price=D(sides[1].prices[2]).scaleb(-8), volume=D(volume))[0].uuid
    return uuid


async def listening(exchange: EmbeddedExchange, widget: MyOrdersWidget) -> None:
    await until(lambda: exchange.subscribed("private") and widget.state is not PanelState.LOADING)


@served()
async def test_the_note_stands_below_the_rows_also_where_the_first_column_is_hidden(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(MyOrdersWidget(service), 380) as widget:
        await listening(exchange, widget)
        place(exchange)
        await until(lambda: widget.model.rowCount() == 1)
        await until(lambda: widget.table.isColumnHidden(Column.TIME))
        below = widget.table.visualRect(widget.model.index(0, Column.MARKET)).bottom() + 1
        assert widget.table.note_top >= below > 1


def test_a_fill_keeps_the_limit_and_the_whole_volume() -> None:
    ledger = OrderLedger()
    ledger.take(order("a"))
    known = ledger.take(
        order("a", "trade", 2000, price=D(999), volume=D(1), executed_volume=D(1), remaining_volume=D(1))
    )
    assert (known.price, known.volume, known.is_open) == (D(1000), D(2), True)
    assert ledger.open_by_price("KRW-BTC") == {(True, D(1000)): (D(1), False)}
    assert ledger.take(order("a", "wait", 1000)).event.state == "trade", "older news change nothing"
    assert ledger.doubt()
    assert ledger.open_by_price("KRW-BTC") == {(True, D(1000)): (D(1), True)}
    assert not ledger.take(order("a", "cancel", 3000)).is_open
    assert ledger.open_by_price("KRW-BTC") == {}
    assert not ledger.doubt()


def test_an_order_that_prevention_has_reduced_stays_open_and_says_what_it_lost(qapp: QApplication) -> None:
    ledger, model = OrderLedger(), MyOrdersModel()
    ledger.take(order("a", smp_type="reduce"))
    reduced = ledger.take(order("a", "prevented", 2000, remaining_volume=D("1.5"), prevented_volume=D("0.5")))
    assert (reduced.volume, reduced.is_open) == (D(2), True)
    assert ledger.open_by_price("KRW-BTC") == {(True, D(1000)): (D("1.5"), False)}
    assert model.text(reduced, Column.STATE) == "reduced"
    assert model.hint(reduced, Column.STATE) == "reduced\nSelf-match prevention took 0.5."
    set_language(Language.KOREAN)
    assert model.text(reduced, Column.STATE) == "수량 감소"
    assert "자전거래" in model.hint(reduced, Column.STATE)
    set_language(Language.ENGLISH)
    gone = ledger.take(order("a", "cancel", 3000, remaining_volume=D(0), prevented_volume=D(2)))
    assert (gone.volume, gone.is_open) == (D(2), False)
    assert model.hint(gone, Column.STATE) == "cancelled\nSelf-match prevention took 2."


def test_only_so_many_finished_orders_are_kept_but_every_open_one() -> None:
    ledger = OrderLedger()
    ledger.take(order("open"))
    for number in range(MOST_FINISHED + 100):
        ledger.take(order(f"{number}", "done"))
    assert len(ledger) == MOST_FINISHED + 1
    assert next(iter(ledger)).event.uuid == "open"


@served(credentials=None)
async def test_without_a_key_it_says_so_and_offers_a_button(service: WebSocketService) -> None:
    asked: list[bool] = []
    async with shown(MyOrdersWidget(service)) as widget:
        widget.keysRequested.connect(lambda: asked.append(True))
        assert widget.state is PanelState.NO_KEY
        (button,) = [each for each in widget.findChildren(QPushButton) if each.isVisible()]
        button.setFocus()
        press(button, Qt.Key.Key_Space)
        assert asked == [True]


@served()
async def test_silence_is_normal_and_says_since_when(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyOrdersWidget(service)) as widget:
        assert widget.state is PanelState.LOADING
        await until(lambda: widget.state is PanelState.EMPTY)
        assert widget.silence_text("12:00:01").startswith("No orders since 12:00:01 – normal.\n")
        assert widget.since
        place(exchange)
        await until(lambda: widget.state is PanelState.LIVE)


@served()
async def test_orders_are_followed_from_placing_to_their_end(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    fills: list[MyOrderEvent] = []
    async with shown(MyOrdersWidget(service)) as widget:
        widget.filled.connect(fills.append)
        await listening(exchange, widget)
        first, second = place(exchange), place(exchange, "KRW-ETH", "0.5")
        await until(lambda: column(widget, Column.MARKET) == ["KRW-ETH", "KRW-BTC"])
        assert column(widget, Column.STATE) == ["open", "open"]
        exchange.fill_order(second, D("0.25"))
        await until(lambda: column(widget, Column.FILLED) == ["50.0%", "0.0%"])
        exchange.fill_order(second)
        exchange.cancel_order(first)
        await until(lambda: column(widget, Column.STATE) == ["filled", "cancelled"])
        assert [fill.volume for fill in fills] == [D("0.25"), D("0.25")]
        await until(lambda: widget.count.text() == "0 open")
        widget.only_open.setFocus()
        press(widget.only_open, Qt.Key.Key_Space)
        assert widget.model.rowCount() == 0
        third = place(exchange)
        await until(lambda: widget.model.rowCount() == 1)
        assert third == widget.model.rows[0].event.uuid


@served()
async def test_by_double_click_the_market_of_an_order_is_chosen(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    chosen: list[str] = []
    async with shown(MyOrdersWidget(service), 800) as widget:
        widget.symbolActivated.connect(chosen.append)
        await listening(exchange, widget)
        place(exchange, "KRW-ETH", "0.5")
        await until(lambda: widget.model.rowCount() == 1)
        middle = widget.table.visualRect(widget.model.index(0, Column.MARKET)).center()
        click(widget.table.viewport(), middle)
        double_click(widget.table.viewport(), middle)
        assert chosen == ["KRW-ETH"]


@served()
async def test_what_happens_while_hidden_is_not_missed(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyOrdersWidget(service)) as widget:
        await listening(exchange, widget)
        widget.hide()
        place(exchange)
        await until(lambda: len(widget.ledger) == 1)
        assert widget.model.rowCount() == 0, "nothing is drawn while hidden"
        widget.show()
        assert widget.model.rowCount() == 1


@served()
async def test_after_a_cut_line_open_orders_are_doubted(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyOrdersWidget(service)) as widget:
        await listening(exchange, widget)
        uuid = place(exchange)
        await until(lambda: widget.state is PanelState.LIVE)
        refused = exchange.faults.inject(FaultName.REFUSE, "private")
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: widget.state is PanelState.STALE)
        refused.clear()
        await until(lambda: widget.state is PanelState.LIVE)
        await until(lambda: column(widget, Column.STATE) == ["open ?"])
        await until(lambda: exchange.subscribed("private"))
        exchange.cancel_order(uuid)
        await until(lambda: column(widget, Column.STATE) == ["cancelled"])


@served(backfill=frozenset({"order", "asset"}))
async def test_orders_begin_full_and_are_doubted_only_until_the_gap_is_healed(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    before = place(exchange)
    async with shown(MyOrdersWidget(service)) as widget, shown(MyOrdersWidget(service)) as second:
        await until(lambda: [row.event.uuid for row in widget.model.rows] == [before])
        await until(lambda: [row.event.uuid for row in second.model.rows] == [before])
        assert "not listed" not in widget.silence_text("09:00")
        refused = exchange.faults.inject(FaultName.REFUSE, "private")
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: widget.state is PanelState.STALE)
        after = place(exchange)
        refused.clear()
        await until(lambda: [row.event.uuid for row in widget.model.rows] == [after, before])
        await until(lambda: column(widget, Column.STATE) == ["open", "open"])
        await until(lambda: widget.healing.text() == "↺ 1")


@served()
async def test_an_empty_panel_does_not_call_a_cut_line_normal(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(MyOrdersWidget(service)) as widget:
        await until(lambda: widget.state is PanelState.EMPTY)
        refused = exchange.faults.inject(FaultName.REFUSE, "private")
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: widget.state is PanelState.LOADING)
        refused.clear()
        await until(lambda: widget.state is PanelState.EMPTY)


@served()
async def test_a_refused_key_is_an_error_with_retry(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    refused = exchange.faults.inject(FaultName.INVALID_AUTH, "private")
    async with shown(MyOrdersWidget(service)) as widget:
        await until(lambda: widget.state is PanelState.ERROR)
        assert service.connection_state(WebSocketType.PRIVATE) is ConnectionState.FAILED
        refused.clear()
        widget.retry()
        await until(lambda: widget.state is PanelState.EMPTY)


@served()
async def test_it_speaks_korean_at_once(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(MyOrdersWidget(service)) as widget:
        await listening(exchange, widget)
        place(exchange)
        await until(lambda: widget.model.rowCount() == 1)
        try:
            set_language(Language.KOREAN)
            await until(lambda: column(widget, Column.STATE) == ["대기"])
            await until(lambda: widget.only_open.text() == "미체결만")
        finally:
            set_language(Language.ENGLISH)
