"""Tests of the tutorial's program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.examples.coins import COINS, Coins

from upbit_ws_qt.testing import assert_no_wishes, assert_wishes

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange


def test_a_price_is_shown(qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService) -> None:
    coins = Coins()
    qtbot.addWidget(coins)
    upbit_exchange.ticker("KRW-ETH", trade_price="5000000")
    price, _ = coins.cells["KRW-ETH"]
    qtbot.waitUntil(lambda: price.text() == "5,000,000")


def test_a_price_that_is_out_of_date_is_struck_out(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    coins = Coins()
    qtbot.addWidget(coins)
    bitcoin = coins.cells["KRW-BTC"][0]
    qtbot.waitUntil(lambda: bitcoin.text() != "…")
    upbit_exchange.cut()
    qtbot.waitUntil(lambda: bitcoin.font().strikeOut())
    qtbot.waitUntil(lambda: not bitcoin.font().strikeOut())  # the line is back, and proved


def test_a_window_that_goes_wants_nothing_any_more(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    coins = Coins()
    assert_wishes(coins, ticker=COINS)
    with qtbot.waitSignal(coins.destroyed):
        coins.deleteLater()
    assert_no_wishes()
