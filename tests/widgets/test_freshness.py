"""Ages count from the last datum; what is late is shown late; and panels and lines are judged in one place."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import QPoint
from PyQt6.QtWidgets import QLabel

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.made import market, ticker
from tests.widgets.showing import shown
from upbit_ws_qt import AlertLimits, WebSocketType
from upbit_ws_qt.exchange import ExchangeSettings, FaultName
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.freshness import Freshness, line_freshness
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import Panel, PanelState
from widgets.chart.panel import ChartWidget
from widgets.order_book.panel import OrderBookWidget
from widgets.tape.panel import TapeWidget
from widgets.watch_list.model import Column, WatchListModel
from widgets.watch_list.panel import WatchListWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

BUSY = ExchangeSettings(
    markets=3, rate=600, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)
MAKERS: dict[str, Callable[[WebSocketService], Panel]] = {
    "book": lambda service: OrderBookWidget(service, "KRW-BTC"),
    "tape": lambda service: TapeWidget(service, "KRW-BTC"),
    "chart": lambda service: ChartWidget(service, "KRW-BTC"),
    "watch list": lambda service: WatchListWidget(service, _catalog(service)),
}


def _catalog(service: WebSocketService) -> MarketCatalog:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    return catalog


def strip(panel: Panel) -> QLabel:
    (found,) = [label for label in panel.findChildren(QLabel) if label.objectName() == "staleStrip"]
    return found


def seconds_in(text: str) -> int:
    """Return the age that a strip tells: "⚠ Not up to date for 12 s: …" is 12."""
    return int(text.partition(" for ")[2].partition(" s:")[0])


@pytest.mark.parametrize("which", sorted(MAKERS))
@served()
async def test_the_age_of_what_is_shown_counts_from_the_last_datum(
    service: WebSocketService, exchange: EmbeddedExchange, which: str
) -> None:
    async with shown(MAKERS[which](service), 520, 400) as panel:
        await until(
            lambda: (
                panel.state is PanelState.LIVE
                and service.connection_metrics(WebSocketType.PUBLIC).last_message_time is not None
                and not (isinstance(panel, ChartWidget) and panel.seam_is_open)  # its history is a datum, too
            )
        )
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.HALF_OPEN, "public")  # nothing comes any more, and nothing is closed
        await until(lambda: panel.state is PanelState.STALE)
        last = service.connection_metrics(WebSocketType.PUBLIC).last_message_time
        assert last is not None
        assert seconds_in(strip(panel).text()) >= int(time.time() - last) - 1
        exchange.faults.clear()
        await until(lambda: panel.state is PanelState.LIVE)
        assert not strip(panel).isVisible()


def test_a_row_that_is_out_of_date_is_so_since_its_last_ticker() -> None:
    model = WatchListModel()
    model.set_markets([market("KRW-A")])
    model.take(ticker("KRW-A", received_at=time.monotonic() - 44))
    model.set_stale(["KRW-A"])
    assert "44 s" in model.index(0, Column.PRICE).data(3)  # the tool tip


def test_a_row_changes_its_look_in_every_column_when_it_is_out_of_date_and_when_it_is_live_again() -> None:
    model = WatchListModel()
    model.set_markets([market("KRW-A"), market("KRW-B")])
    model.visible = lambda: (0, 1)
    told: list[tuple[int, int]] = []
    model.take(ticker("KRW-A"))
    model.flush()
    model.dataChanged.connect(lambda first, last, _roles: told.append((first.column(), last.column())))
    model.set_stale(["KRW-A"])
    model.flush()
    model.take(ticker("KRW-A", price="1001"))
    model.flush()
    assert told == [(Column.FAVOURITE, Column.DAY), (Column.FAVOURITE, Column.DAY)]


@served(BUSY, alert_limits=AlertLimits(late=3.0), busy_silence_timeout=30.0, list_timeout=20.0, proof_timeout=20.0)
async def test_data_that_are_known_to_be_late_are_shown_late_in_every_panel_and_by_the_line(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with (
        shown(MAKERS["book"](service), 300, 400) as book,
        shown(MAKERS["tape"](service), 300, 400) as tape,
        shown(MAKERS["chart"](service), 500, 400) as chart,
        shown(MAKERS["watch list"](service), 500, 400) as watch_list,
    ):
        panels = (book, tape, chart, watch_list)
        await until(lambda: all(panel.state is PanelState.LIVE for panel in panels))
        delay = exchange.faults.inject(FaultName.DELAY, "public", seconds=6.0)
        await until(lambda: all(panel.dimmed and "late" in strip(panel).text() for panel in panels))
        assert line_freshness(service, WebSocketType.PUBLIC).state is Freshness.LATE
        delay.clear()
        await until(lambda: all(panel.state is PanelState.LIVE for panel in panels))
        assert line_freshness(service, WebSocketType.PUBLIC).state is Freshness.LIVE


@served(BUSY, busy_silence_timeout=1.0)
async def test_a_lost_line_is_lost_for_panels_and_for_whoever_asks_at_the_same_moment(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC"), 300, 400) as book:
        await until(lambda: book.state is PanelState.LIVE)
        seen: list[Freshness] = []
        book.stateChanged.connect(lambda _state: seen.append(line_freshness(service, WebSocketType.PUBLIC).state))
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: book.state is PanelState.STALE)
        assert seen == [Freshness.DOWN]
        exchange.faults.clear()
        await until(lambda: book.state is PanelState.LIVE)


@served()
async def test_nothing_in_a_panel_moves_when_it_becomes_stale_and_live_again(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC"), 300, 400) as book:
        await until(lambda: book.state is PanelState.LIVE)
        before = book.view.mapTo(book, QPoint()), book.view.size()
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: book.state is PanelState.STALE)
        assert strip(book).isVisible()
        assert (book.view.mapTo(book, QPoint()), book.view.size()) == before
        exchange.faults.clear()
        await until(lambda: book.state is PanelState.LIVE)
        assert (book.view.mapTo(book, QPoint()), book.view.size()) == before


@served()
async def test_silence_of_orders_makes_nobody_stale_and_their_age_is_that_of_the_line(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    async with shown(MyOrdersWidget(service)) as orders:
        await until(lambda: orders.state is PanelState.EMPTY)
        assert line_freshness(service, WebSocketType.PRIVATE).state is Freshness.LIVE
        exchange.faults.inject(FaultName.REFUSE, "private")
        exchange.faults.inject(FaultName.DROP, "private")
        await until(lambda: line_freshness(service, WebSocketType.PRIVATE).state is Freshness.DOWN)
        exchange.faults.clear()
        await until(lambda: line_freshness(service, WebSocketType.PRIVATE).state is Freshness.LIVE)
