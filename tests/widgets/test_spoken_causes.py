"""Causes that the exchange or the program gives are said in the language in force, also when that is changed later."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtWidgets import QLabel

from tests.qt.serving import served
from tests.rest.peers import nobody
from tests.waiting import until
from tests.widgets.desk import desk, window_of
from tests.widgets.settings_desk import LIVE, open_settings
from tests.widgets.showing import click, press, shown
from upbit_ws_qt.exchange import FaultName
from widgets.account.my_orders import MyOrdersWidget
from widgets.base.panel import Panel, PanelState
from widgets.base.text import Language, set_language
from widgets.chart.panel import ChartWidget
from widgets.order_book.panel import OrderBookWidget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange


@contextmanager
def korean() -> Iterator[None]:
    set_language(Language.KOREAN)
    try:
        yield
    finally:
        set_language(Language.ENGLISH)


def says(widget: QWidget, text: str) -> bool:
    return any(text in label.text() for label in widget.findChildren(QLabel) if not label.isHidden())


@served()
async def test_a_panel_without_data_says_why_in_the_language_in_force(service: WebSocketService) -> None:
    async with shown(OrderBookWidget(service, "KRW-NOSUCH")) as panel:
        await until(lambda: says(panel, "The exchange has nothing for KRW-NOSUCH."))
        with korean():
            await until(lambda: says(panel, "KRW-NOSUCH") and not says(panel, "The exchange"))
        await until(lambda: says(panel, "The exchange has nothing for KRW-NOSUCH."))


@served()
async def test_a_refused_key_is_said_in_the_language_in_force(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    exchange.faults.inject(FaultName.INVALID_AUTH, "private")
    with korean():
        async with shown(MyOrdersWidget(service)) as panel:
            await until(lambda: panel.state is PanelState.ERROR)
            assert isinstance(panel, Panel)
            assert not says(panel, "the exchange refuses")
            assert not says(panel, "The connection was given up")


@served()
async def test_a_history_that_cannot_be_loaded_says_so_in_the_language_in_force(service: WebSocketService) -> None:
    async with nobody() as rest, shown(ChartWidget(service, "KRW-BTC", rest=rest), 700, 400) as chart:
        await until(lambda: says(chart, "The history could not be loaded"))
        with korean():
            await until(lambda: not says(chart, "The history could not be loaded"))


@pytest.mark.qasync_loop
@pytest.mark.usefixtures("let_go")
async def test_why_a_key_was_not_taken_is_said_in_the_language_in_force() -> None:
    async with desk(options=LIVE, credentials=None) as (program, exchange):
        dialog = open_settings(window_of(program))
        dialog.show_keys()
        with korean():
            press(dialog.keys.access, exchange.access_key + "x")
            press(dialog.keys.secret, "no secret of anybody")
            click(dialog.keys.save)
            await until(lambda: ":" in dialog.keys.state.text() and dialog.keys.save.isEnabled())
            said = dialog.keys.state.text().replace("private", "")
            said = said.replace("Authentication information is incorrect.", "")  # the exchange's own words
            assert not any("a" <= letter <= "z" for letter in said)
        await until(lambda: dialog.keys.state.text().startswith("The key was not taken: "))
        dialog.reject()
