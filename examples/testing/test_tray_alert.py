"""Tests of the example tray_alert: prices made by hand, to the won."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from upbit_ws_qt.examples.tray_alert import TrayAlert

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange


@pytest.fixture
def alert(upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService) -> Iterator[TrayAlert]:
    """One that watches a market below its limit."""
    upbit_exchange.ticker("KRW-BTC", trade_price="150000000")
    alert = TrayAlert("KRW-BTC", Decimal(160_000_000))
    yield alert
    alert.menu.deleteLater()
    alert.deleteLater()


@pytest.fixture
def said(alert: TrayAlert) -> list[str]:
    """What it has said."""
    said: list[str] = []
    alert.said.connect(said.append)
    return said


async def test_it_speaks_once_for_each_time_the_limit_is_passed(
    alert: TrayAlert, said: list[str], upbit_exchange: EmbeddedExchange
) -> None:
    await upbit_exchange.settle()
    assert alert.icon.toolTip() == "KRW-BTC: 150,000,000"
    for price in ("159999000", "160000000", "161000000", "159000000"):
        upbit_exchange.trade("KRW-BTC", price, "0.1")
        await upbit_exchange.settle()
    assert said == [
        "KRW-BTC is at or above 160,000,000: 160,000,000",
        "KRW-BTC is below 160,000,000: 159,000,000",
    ]


async def test_what_was_passed_while_the_line_was_down_is_told_afterwards(
    alert: TrayAlert, said: list[str], upbit_exchange: EmbeddedExchange
) -> None:
    await upbit_exchange.settle()
    upbit_exchange.cut()
    upbit_exchange.ticker("KRW-BTC", trade_price="165000000")
    await upbit_exchange.settle()
    assert said[0] == "KRW-BTC is not watched: the line is down"
    assert "KRW-BTC is watched again" in said
    assert "KRW-BTC is at or above 160,000,000: 165,000,000" in said


async def test_a_market_that_does_not_exist_is_said(upbit_exchange: EmbeddedExchange, upbit_service: object) -> None:
    alert = TrayAlert("KRW-NOPE", Decimal(1))
    said: list[str] = []
    alert.said.connect(said.append)
    await upbit_exchange.settle()
    assert [text for text in said if "KRW-NOPE" in text]
    alert.menu.deleteLater()
    alert.deleteLater()
