"""A panel is out of date when its own stream is, whatever its line says; and the watch list shows it in the price."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.showing import press, shown
from upbit_ws_qt import ConnectionState, WebSocketType
from upbit_ws_qt.exchange import ExchangeSettings, FaultName
from widgets.base.market_catalog import MarketCatalog
from widgets.base.panel import PanelState
from widgets.chart.panel import ChartWidget
from widgets.order_book.panel import OrderBookWidget
from widgets.tape.panel import TapeWidget
from widgets.watch_list.panel import WatchListWidget

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt import Channel, WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange
    from widgets.base.market_panel import MarketPanel

MAKERS: list[Callable[[WebSocketService], MarketPanel]] = [
    lambda service: OrderBookWidget(service, "KRW-BTC"),
    lambda service: TapeWidget(service, "KRW-BTC"),
    lambda service: ChartWidget(service, "KRW-BTC"),
]
BUSY = ExchangeSettings(
    markets=3, rate=600, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)


def is_up(service: WebSocketService) -> bool:
    return service.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED


def listens(channel: Channel) -> bool:
    return channel.has_frame_listeners


@pytest.mark.parametrize("make", MAKERS)
@served()
async def test_a_line_that_comes_back_without_the_panels_stream_leaves_it_stale(
    exchange: EmbeddedExchange, service: WebSocketService, make: Callable[[WebSocketService], MarketPanel]
) -> None:
    async with shown(make(service)) as panel, shown(TapeWidget(service, "KRW-ETH")) as other:
        await until(lambda: panel.state is PanelState.LIVE and other.state is PanelState.LIVE)
        told: list[PanelState] = []
        other.stateChanged.connect(told.append)
        missing = exchange.faults.inject(FaultName.MISSING_CODES, "public", codes=["KRW-BTC"], times=None)
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: PanelState.STALE in told)
        await until(lambda: is_up(service) and other.state is PanelState.LIVE and panel.state is PanelState.STALE)
        assert panel.dimmed
        missing.clear()
        service.reconnect(WebSocketType.PUBLIC)
        await until(lambda: panel.state is PanelState.LIVE)


@served(BUSY, busy_silence_timeout=0.5)
async def test_a_busy_stream_that_falls_silent_dims_its_panel_while_the_line_is_up(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as panel, shown(OrderBookWidget(service, "KRW-ETH")) as other:
        lines: list[bool] = []
        panel.stateChanged.connect(lambda state: lines.append(is_up(service)) if state is PanelState.STALE else None)
        async with asyncio.timeout(100):
            while not lines:  # on a machine that stutters it may take more than one try until it is known to be busy
                await until(lambda: panel.state is PanelState.LIVE)
                for _ in range(30):
                    await asyncio.sleep(0.05)
                muted = exchange.faults.inject(FaultName.MUTE, "public", codes=["KRW-BTC"])
                for _ in range(15):
                    await asyncio.sleep(0.05)
                muted.clear()
        assert lines[0]
        assert not other.dimmed
        await until(lambda: panel.state is PanelState.LIVE)


@served()
async def test_a_panel_watches_its_present_stream_alone(exchange: EmbeddedExchange, service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service, "KRW-BTC")) as panel:
        await until(lambda: panel.state is PanelState.LIVE)
        before = service.orderbook("KRW-BTC")
        assert listens(before)
        panel.set_symbol("KRW-ETH")
        assert not listens(before)
        await until(lambda: panel.state is PanelState.LIVE)
        before.set_stale(True)  # as the service says it; nobody listens any more
        assert not panel.dimmed
        now = service.orderbook("KRW-ETH")
        panel.hide()
        await until(lambda: not listens(now))
        await until(lambda: not exchange.subscribed("public"))


@served()
async def test_a_market_that_is_no_longer_served_is_dim_in_the_watch_list(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    catalog = MarketCatalog(service.rest, None, service)
    catalog.load()
    async with shown(WatchListWidget(service, catalog), 520, 400) as widget:
        model = widget.model
        await until(lambda: model.rowCount() > 0 and all(model.row(n).event for n in range(model.rowCount())))
        missing = exchange.faults.inject(FaultName.MISSING_CODES, "public", codes=["KRW-BTC"], times=None)
        exchange.faults.inject(FaultName.DROP, "public")
        await until(lambda: model.row(model.row_of("KRW-BTC")).stale_since is not None)
        assert model.row(model.row_of("KRW-ETH")).stale_since is None
        await until(lambda: widget.state is PanelState.LIVE)
        missing.clear()
        service.reconnect(WebSocketType.PUBLIC)
        await until(lambda: model.row(model.row_of("KRW-BTC")).stale_since is None)


@served()
async def test_history_that_comes_while_the_chart_is_stale_does_not_make_it_younger(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    async with shown(ChartWidget(service, "KRW-BTC"), 700, 400) as chart:
        await until(lambda: len(chart.series) >= 200 and chart.state is PanelState.LIVE)
        exchange.faults.inject(FaultName.REFUSE, "public")
        exchange.faults.inject(FaultName.DROP, "public")
        public = WebSocketType.PUBLIC
        await until(lambda: service.connection_state(public) is ConnectionState.RECONNECTING)
        await until(lambda: chart.state is PanelState.STALE)
        told: list[PanelState] = []
        chart.stateChanged.connect(told.append)
        oldest = chart.series.oldest
        assert oldest is not None
        press(chart.view, Qt.Key.Key_Home)
        await until(lambda: chart.series.oldest is not None and chart.series.oldest < oldest)
        assert told == []
