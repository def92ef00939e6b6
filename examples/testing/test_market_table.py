"""Tests of the example market_table: a whole table, and no mock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from upbit_ws_qt.examples.market_table import MARKETS, MainWindow

from upbit_ws_qt.testing import assert_no_wishes, assert_wishes

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from pytestqt.qtbot import QtBot

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

PATIENCE = 60_000  # ms; a busy machine takes longer than the usual five seconds
pytestmark = pytest.mark.upbit_exchange(markets=60)


@pytest.fixture
def window(qtbot: QtBot, upbit_loop: AbstractEventLoop, upbit_service: WebSocketService) -> MainWindow:
    """The window, as soon as it knows its markets."""
    window = MainWindow()
    upbit_loop.run_until_complete(window.fill())
    return window


def cells(window: MainWindow, column: int) -> list[str]:
    """Return what a column shows."""
    model = window.table.model()
    assert model is not None
    return [model.index(row, column).data() for row in range(model.rowCount())]


def test_the_fifty_busiest_markets_have_prices_and_one_trade_changes_one_row(
    qtbot: QtBot, window: MainWindow, upbit_exchange: EmbeddedExchange
) -> None:
    qtbot.addWidget(window)
    qtbot.waitUntil(lambda: len(cells(window, 1)) == MARKETS and all(cells(window, 1)), timeout=PATIENCE)
    assert cells(window, 0) == window.prices.codes
    before = cells(window, 1)
    upbit_exchange.trade("KRW-BTC", "160000000", "0.1")
    row = window.prices.rows["KRW-BTC"]
    qtbot.waitUntil(lambda: cells(window, 1)[row] == "160,000,000", timeout=PATIENCE)
    before[row] = "160,000,000"
    assert cells(window, 1) == before


def grey_rows(window: MainWindow) -> int:
    """Return how many rows are drawn as out of date."""
    model = window.prices
    role = Qt.ItemDataRole.ForegroundRole
    return sum(model.index(row, 1).data(role) is not None for row in range(model.rowCount()))


def test_what_is_out_of_date_is_grey(qtbot: QtBot, window: MainWindow, upbit_exchange: EmbeddedExchange) -> None:
    qtbot.addWidget(window)
    qtbot.waitUntil(lambda: all(cells(window, 1)) and not grey_rows(window), timeout=PATIENCE)
    refusal = upbit_exchange.faults.inject("refuse")
    upbit_exchange.cut()
    qtbot.waitUntil(lambda: grey_rows(window) == MARKETS, timeout=PATIENCE)
    refusal.clear()
    qtbot.waitUntil(lambda: grey_rows(window) == 0, timeout=PATIENCE)


@pytest.mark.usefixtures("upbit_no_leaks")
def test_nothing_is_asked_for_when_the_window_is_gone(qtbot: QtBot, window: MainWindow) -> None:
    assert_wishes(window, ticker=window.prices.codes)
    with qtbot.waitSignal(window.destroyed):
        window.deleteLater()
    assert_no_wishes()
