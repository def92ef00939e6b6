"""What is chosen about the lines has its effect on the service and the exchange."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from PyQt6.QtCore import Qt

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import (
    buy,
    choose,
    confirm,
    is_in,
    lines,
    open_settings,
    panel,
    renewed,
    serving,
    switch,
)
from tests.widgets.showing import press
from upbit_ws_qt import DataFormat, IndependenceLevel, IndicatorSpec
from widgets.account.my_assets import MyAssetsWidget
from widgets.account.my_orders import MyOrdersWidget
from widgets.account.order_model import Column
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.panel import PanelState
from widgets.base.theme import ThemeMode
from widgets.indicators.panel import IndicatorsWidget

pytestmark = [pytest.mark.usefixtures("let_go")]


@pytest.mark.qasync_loop
@pytest.mark.parametrize(
    "wanted", [DataFormat.DEFAULT, DataFormat.SIMPLE, DataFormat.JSON_LIST, DataFormat.SIMPLE_LIST]
)
async def test_the_exchange_is_asked_for_another_data_format(wanted: DataFormat) -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        dialog = open_settings(window)
        choose(dialog, "data_format", wanted)
        confirm(dialog)
        await renewed(program, window)
        await until(lambda: [view.format for view in lines(exchange)] == [str(wanted)])


@pytest.mark.qasync_loop
async def test_compression_is_agreed_on_or_not() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        assert all(view.deflate for view in exchange.connections)
        dialog = open_settings(window)
        switch(dialog, "compression")
        confirm(dialog)
        await renewed(program, window)
        await until(lambda: exchange.subscribed("public") and not any(view.deflate for view in exchange.connections))


def line_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("upbit-")]


@pytest.mark.qasync_loop
async def test_isolated_lines_have_threads_of_their_own() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        dialog = open_settings(window)
        choose(dialog, "independence", IndependenceLevel.ISOLATED)
        confirm(dialog)
        window = await renewed(program, window)
        await serving(exchange)
        await until(lambda: len(line_threads()) >= 2)
        dialog = open_settings(window)
        choose(dialog, "independence", IndependenceLevel.BASIC)
        confirm(dialog)
        await renewed(program, window)
        await serving(exchange)
        await until(lambda: not line_threads())
        assert window_of(program).needs.service.config.independence_level is IndependenceLevel.BASIC


@pytest.mark.qasync_loop
async def test_what_is_cancelled_dials_nothing() -> None:
    async with desk(pong_timeout=60.0, busy_silence_timeout=60.0) as (program, exchange):  # no other reason to dial
        window = window_of(program)
        await until(lambda: len(exchange.connections) == 3)
        dialled = {view.id for view in exchange.connections}
        dialog = open_settings(window)
        choose(dialog, "data_format", DataFormat.SIMPLE)
        switch(dialog, "compression")
        press(dialog, Qt.Key.Key_Escape)
        dialog = open_settings(window)
        choose(dialog, "theme", ThemeMode.DARK)
        confirm(dialog)
        restart = program._restart_timer
        await until(lambda: not restart.isActive())
        assert program.window is window
        assert window.needs.service.config.compression
        assert {view.id for view in exchange.connections} == dialled


@pytest.mark.qasync_loop
async def test_what_a_file_of_settings_says_stays_until_it_is_changed() -> None:
    async with desk(data_format=DataFormat.SIMPLE_LIST) as (program, exchange):
        window = window_of(program)
        await until(lambda: [view.format for view in lines(exchange)] == ["SIMPLE_LIST"])
        dialog = open_settings(window)
        choose(dialog, "theme", ThemeMode.DARK)
        switch(dialog, "compression")
        confirm(dialog)
        await renewed(program, window)
        await until(lambda: exchange.subscribed("public") and not any(view.deflate for view in exchange.connections))
        assert [view.format for view in lines(exchange)] == ["SIMPLE_LIST"]


@pytest.mark.qasync_loop
async def test_what_is_known_outlives_another_service() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        await serving(exchange)
        buy(exchange)
        exchange.publish_announcement("title", category="notice")
        orders, news = panel(window, MyOrdersWidget), panel(window, AnnouncementsWidget)
        await until(lambda: [not order.is_open for order in orders.ledger] == [True])
        await until(news.has_rows)
        await until(panel(window, MyAssetsWidget).has_rows)
        indicators = panel(window, IndicatorsWidget)
        indicators.add_watch(IndicatorSpec.of("rsi", {"period": 14}), "60m")
        dialog = open_settings(window)
        choose(dialog, "data_format", DataFormat.SIMPLE)
        confirm(dialog)
        window = await renewed(program, window)
        orders, news, assets = (panel(window, MyOrdersWidget), panel(window, AnnouncementsWidget),
                                panel(window, MyAssetsWidget))  # fmt: skip
        await until(partial(is_in, orders, PanelState.LIVE))
        assert [orders.model.index(0, column).data() for column in (Column.MARKET, Column.STATE)] == [
            "KRW-BTC",
            "filled",
        ]
        assert len(news.announcements) == 1
        assert [held.uncertain for held in assets.assets.held()] == [True] * len(assets.assets)
        assert len(assets.assets) > 0
        indicators = panel(window, IndicatorsWidget)
        assert [timeframe for _, timeframe in indicators.watches] == ["5m", "60m"]
