"""Tests of price_alert.py, as pytest-qt has them; `python -m pytest` in this folder runs them, offline."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import price_alert
import pytest
from price_alert import PriceAlert

from upbit_ws_qt import ConfigurationError, ConnectionState, WebSocketService, WebSocketType
from upbit_ws_qt.testing import assert_no_wishes, assert_wishes

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from upbit_ws_qt.exchange import EmbeddedExchange

LIMIT = Decimal(160_000_000)
PATIENCE = 60_000  # ms; a busy machine takes longer than the usual five seconds


@pytest.fixture
def alert(qtbot: QtBot, upbit_service: WebSocketService, upbit_exchange: EmbeddedExchange) -> PriceAlert:
    """A window in a market that stands below its limit."""
    upbit_exchange.ticker("KRW-BTC", trade_price="150000000")
    window = PriceAlert("KRW-BTC", LIMIT)
    qtbot.addWidget(window)
    qtbot.waitUntil(lambda: window.price.text() == "150,000,000", timeout=PATIENCE)
    return window


def test_it_rings_once_when_the_price_comes_to_the_limit(
    qtbot: QtBot, alert: PriceAlert, upbit_exchange: EmbeddedExchange
) -> None:
    rung: list[Decimal] = []
    alert.passed.connect(rung.append)
    with qtbot.waitSignal(alert.passed):
        upbit_exchange.trade("KRW-BTC", "160000000", "0.1")
    for price in ("161000000", "159000000", "162000000"):
        upbit_exchange.trade("KRW-BTC", price, "0.1")
    qtbot.waitUntil(lambda: alert.price.text() == "162,000,000", timeout=PATIENCE)
    assert rung == [160_000_000, 162_000_000]


def test_the_price_is_grey_while_the_line_is_down(
    qtbot: QtBot, alert: PriceAlert, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    refusal = upbit_exchange.faults.inject("refuse")
    upbit_exchange.cut()
    qtbot.waitUntil(lambda: not alert.price.isEnabled(), timeout=PATIENCE)
    assert upbit_service.connection_state(WebSocketType.PUBLIC) is ConnectionState.RECONNECTING
    refusal.clear()
    qtbot.waitUntil(alert.price.isEnabled, timeout=PATIENCE)


async def test_an_order_is_shown_with_what_is_filled_of_it(alert: PriceAlert, upbit_exchange: EmbeddedExchange) -> None:
    await upbit_exchange.settle()
    order = upbit_exchange.order("KRW-BTC", "BID", price="1000000", volume="0.01")
    order.fill("0.004")
    await upbit_exchange.settle()
    assert alert.orders.text() == "KRW-BTC BID trade 0.004"


@pytest.mark.upbit_service(credentials=None)
def test_without_a_key_it_asks_for_the_price_only(alert: PriceAlert) -> None:
    assert_wishes(alert, ticker="KRW-BTC")


@pytest.mark.usefixtures("upbit_no_leaks")
def test_nothing_is_left_of_a_window_that_was_closed(qtbot: QtBot, upbit_service: WebSocketService) -> None:
    alert = PriceAlert("KRW-BTC", LIMIT)  # not added to qtbot, which would close it once more
    assert_wishes(alert, ticker="KRW-BTC", my_order=())
    with qtbot.waitSignal(alert.destroyed):
        alert.deleteLater()
    assert_no_wishes(alert)


@pytest.mark.usefixtures("upbit_key")
async def test_the_program_itself_is_kept_from_the_real_exchange(qtbot: QtBot, upbit_loop: object) -> None:
    window = price_alert.main()  # qtbot keeps no window alive
    qtbot.addWidget(window)
    with pytest.raises(ConfigurationError, match="UPBIT_LOOPBACK_ONLY"):
        await WebSocketService.instance().start()
