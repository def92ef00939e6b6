"""Tests of the example order_tracker: what happens while the line is down is known afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from upbit_ws_qt.examples.order_tracker import BACKFILL, OrderTracker

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange

PATIENCE = 60_000  # ms; a busy machine takes longer than the usual five seconds
pytestmark = pytest.mark.upbit_service(backfill=BACKFILL)


def rows(tracker: OrderTracker) -> list[list[str]]:
    """Return what the table shows."""
    table = tracker.table
    cells = [[table.item(row, column) for column in range(table.columnCount())] for row in range(table.rowCount())]
    return [[cell.text() if cell is not None else "" for cell in row] for row in cells]


def test_orders_and_balances_are_there_from_the_beginning_and_through_a_cut(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    order = upbit_exchange.order("KRW-BTC", "BID", price="100000000", volume="0.004")
    tracker = OrderTracker(upbit_service)
    qtbot.addWidget(tracker)
    row = ["KRW-BTC", "BID", "100,000,000"]
    qtbot.waitUntil(lambda: rows(tracker) == [[*row, "0%", "wait, recovered"]], timeout=PATIENCE)
    qtbot.waitUntil(lambda: "KRW" in tracker.balances.text(), timeout=PATIENCE)
    order.fill("0.001")
    qtbot.waitUntil(lambda: rows(tracker) == [[*row, "25%", "trade"]], timeout=PATIENCE)

    upbit_exchange.cut("private")
    order.fill()  # and nobody hears it
    qtbot.waitUntil(lambda: tracker.standing.text().startswith("whole again: "), timeout=PATIENCE)
    assert rows(tracker) == [[*row, "100%", "done, recovered"]]


def test_it_says_that_orders_may_have_changed_as_long_as_the_line_is_down(
    qtbot: QtBot, upbit_exchange: EmbeddedExchange, upbit_service: WebSocketService
) -> None:
    tracker = OrderTracker(upbit_service)
    qtbot.addWidget(tracker)
    qtbot.waitUntil(lambda: tracker.standing.text() == "listening", timeout=PATIENCE)
    refusal = upbit_exchange.faults.inject("refuse", endpoint="private")
    upbit_exchange.cut("private")
    qtbot.waitUntil(lambda: "orders may have changed" in tracker.standing.text(), timeout=PATIENCE)
    refusal.clear()
    qtbot.waitUntil(lambda: tracker.standing.text().startswith("whole again: "), timeout=PATIENCE)
