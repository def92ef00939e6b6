from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from msgspec import json
from msgspec.structs import replace
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QColor
from PyQt6.QtTest import QAbstractItemModelTester

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import click, press, shown
from upbit_ws_qt.events import StreamType, TradeEvent
from upbit_ws_qt.exchange import FaultName
from widgets.base.panel import PanelState
from widgets.tape.model import CAPACITY, Column, TapeModel
from widgets.tape.panel import TapeWidget, trade_strength

if TYPE_CHECKING:
    from upbit_ws_qt.backfill import GapReport
    from upbit_ws_qt.events.names import SideName
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService

D = Decimal
FRAME = json.Encoder(decimal_format="number")


def trade(number: int, volume: str = "1", side: SideName = "BID", price: str = "1000") -> TradeEvent:
    return TradeEvent(
        type="trade", code="KRW-BTC", timestamp=1_700_000_000_000, trade_price=D(price), trade_volume=D(volume),
        ask_bid=side, prev_closing_price=D(999), change="RISE", change_price=D(1), trade_date="2023-11-14",
        trade_time="22:13:20", trade_timestamp=1_700_000_000_000 + number * 1000, sequential_id=number,
    )  # fmt: skip


def volumes(model: TapeModel) -> list[str]:
    return [str(model.index(place, Column.VOLUME).data()) for place in range(model.rowCount())]


def numbers(model: TapeModel) -> list[int | None]:
    rows = [model.row(place).trade for place in range(model.rowCount())]
    return [None if each is None else each.sequential_id for each in rows]


def colour(widget: TapeWidget, which: Column) -> QColor:
    last = widget.model.rowCount() - 1  # a trade, whatever has come since
    found: QColor = widget.model.index(last, which).data(Qt.ItemDataRole.ForegroundRole)
    return found


@pytest.fixture
def model(qapp: object) -> TapeModel:
    del qapp
    made = TapeModel()
    QAbstractItemModelTester(made, QAbstractItemModelTester.FailureReportingMode.Warning, made)
    return made


def test_the_newest_is_on_top_and_views_hear_of_it_at_a_flush(model: TapeModel) -> None:
    assert model.take(trade(1))
    assert model.take(trade(2, "0.5", "ASK"))
    assert not model.take(trade(1)), "a snapshot repeats the last trade"
    assert model.rowCount() == 0
    assert model.fresh == 2
    assert model.flush()
    assert not model.flush()
    assert [model.index(0, column).data() for column in Column] == ["07:13:22", "1,000", "▼ 0.5", "500", "Sell"]
    assert volumes(model) == ["▼ 0.5", "▲ 1.0"]


def test_five_hundred_are_kept(model: TapeModel) -> None:
    for number in range(CAPACITY + 250):
        model.take(trade(number, str(number)))
        if number % 90 == 0:
            model.flush()
            volumes(model)
    model.flush()
    assert numbers(model) == list(reversed(range(250, CAPACITY + 250)))
    assert volumes(model)[0] == "▲ 749.0"
    assert volumes(model)[-1] == "▲ 250.0"


def test_small_trades_do_not_push_large_ones_out(model: TapeModel) -> None:
    model.take(trade(0, "5"))
    model.set_least(D(5000))
    for number in range(1, CAPACITY * 2):
        model.take(trade(number, "4.999"))
    model.take(trade(CAPACITY * 2, "6"))
    model.flush()
    assert numbers(model) == [CAPACITY * 2, 0]
    model.set_least(D(0))
    assert model.rowCount() == CAPACITY
    model.clear()
    assert model.rowCount() == 0
    assert model.take(trade(0))


def test_a_gap_is_one_row_whatever_the_filter(model: TapeModel) -> None:
    model.break_off()
    model.take(trade(1))
    model.break_off()
    model.break_off()
    model.take(trade(2))
    model.set_least(D(10))
    assert numbers(model) == [2, None, 1]
    assert model.index(1, Column.TIME).data() == "gap"


def recovered(number: int) -> TradeEvent:
    return replace(trade(number), stream_type=StreamType.RECOVERED)


def test_what_was_missed_is_marked_and_closes_the_gap(model: TapeModel) -> None:
    model.take(trade(1))
    model.break_off(heals=True)
    for each in (recovered(2), recovered(3), trade(4)):
        model.take(each)
    model.flush()
    assert numbers(model) == [4, 3, 2, None, 1]
    model.mend()
    assert numbers(model) == [4, 3, 2, 1]
    assert ["↺" in str(model.index(place, Column.TIME).data()) for place in range(4)] == [False, True, True, False]


def test_what_comes_late_is_put_where_it_belongs(model: TapeModel) -> None:
    model.take(trade(1))
    model.break_off(heals=True)
    for each in (trade(4), trade(5), recovered(2), recovered(3)):
        model.take(each)
    model.flush()
    model.mend()
    assert numbers(model) == [5, 4, 3, 2, 1]


def test_what_was_missed_while_nobody_wanted_it_stays_a_gap(model: TapeModel) -> None:
    model.take(trade(1))
    model.break_off()
    model.take(trade(5))
    model.break_off(heals=True)
    model.take(recovered(6))
    model.mend()
    assert numbers(model) == [6, 5, None, 1]


def test_colours_tell_the_side_of_the_taker(model: TapeModel) -> None:
    up, down, muted = QColor("red"), QColor("blue"), QColor("grey")
    model.set_colours(up, down, muted)
    model.take(trade(1, side="ASK"))
    model.flush()
    colours = [model.index(0, column).data(Qt.ItemDataRole.ForegroundRole) for column in Column]
    assert colours == [muted, up, down, down, down]


def test_the_trade_strength_is_what_was_bought_for_each_hundred_sold() -> None:
    assert trade_strength(D(3), D(2)) == 150
    assert trade_strength(D(3), D(0)) is None


@served()
async def test_trades_appear_each_once_newest_first(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as widget:
        await until(lambda: widget.model.rowCount() >= 3)
        assert widget.state is PanelState.LIVE
        seen = numbers(widget.model)
        assert len(seen) == len(set(seen))
        times = [row.trade.trade_timestamp for place in range(3) if (row := widget.model.row(place)).trade is not None]
        assert times == sorted(times, reverse=True)
        await until(lambda: "%" in widget.strength.text())
        widget.set_symbol("KRW-ETH")
        assert widget.model.rowCount() == 0
        await until(lambda: widget.model.rowCount() >= 1)
        first = widget.model.row(0).trade
        assert first is not None
        assert first.code == "KRW-ETH"


@served()
async def test_the_filter_is_reached_by_keyboard(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as widget:
        await until(lambda: widget.model.rowCount() >= 1)
        exchange.stop_time()
        press(widget.least, Qt.Key.Key_Down, Qt.Key.Key_Down)
        assert widget.model.least == 10**6
        assert widget.least.currentText() == "≥ 1.00M"
        later = 4_000_000_000_000  # than any trade of the market
        for number, volume in enumerate(("1000", "999", "2000", "1"), start=10**17):
            sent = replace(trade(0, volume), timestamp=later, trade_timestamp=later, sequential_id=number)
            exchange.send_raw("public", FRAME.encode(sent))
        await until(lambda: numbers(widget.model)[:2] == [10**17 + 2, 10**17])
        shown_rows = [widget.model.row(place).trade for place in range(widget.model.rowCount())]
        assert all(each is None or each.funds >= 10**6 for each in shown_rows)


@served()
async def test_it_holds_still_while_scrolled_down(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    exchange.set_rate(2000)
    async with shown(TapeWidget(service, "KRW-BTC"), height=160) as widget:
        await until(lambda: widget.model.rowCount() > 30)
        exchange.set_rate(200)
        press(widget.table, Qt.Key.Key_PageDown, Qt.Key.Key_PageDown)
        await until(lambda: widget.newer.isVisible())
        still = numbers(widget.model)
        await until(lambda: widget.model.fresh > 2)
        exchange.stop_time()
        assert numbers(widget.model) == still
        await until(lambda: f" {widget.model.fresh} " in widget.newer.text())
        click(widget.newer)
        assert numbers(widget.model) != still
        await until(lambda: not widget.newer.isVisible())


@served()
async def test_what_was_missed_while_hidden_is_marked(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as widget:
        await until(lambda: widget.model.rowCount() >= 1)
        widget.hide()
        await until(lambda: not exchange.subscribed("public"))
        widget.show()
        await until(lambda: None in numbers(widget.model))


@served()
async def test_a_cut_line_is_told_and_leaves_a_gap(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as widget:
        await until(lambda: widget.state is PanelState.LIVE and widget.model.rowCount() > 0)
        refused = exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: widget.state is PanelState.STALE)
        assert len({colour(widget, which).name() for which in Column}) == 1
        refused.clear()
        await until(lambda: widget.state is PanelState.LIVE)
        assert len({colour(widget, which).name() for which in Column}) > 1
        await until(lambda: None in numbers(widget.model))


@served(backfill=frozenset({"trade"}))
async def test_a_gap_that_was_healed_is_told_no_more(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(TapeWidget(service, "KRW-BTC")) as widget:
        await until(lambda: widget.state is PanelState.LIVE and widget.model.rowCount() > 0)
        reports: list[GapReport] = []
        service.gapHealed.connect(reports.append)
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: reports)
        assert reports[0].is_whole
        await until(lambda: None not in numbers(widget.model))
