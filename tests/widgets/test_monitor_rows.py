"""The monitor's table of connections: what the service knows, counted from where a person says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtCore import Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import (
    DROPS,
    EPOCH,
    GAPS,
    INFO,
    PRIVATE,
    PUBLIC,
    RECONNECTS,
    RTT,
    SCORE,
    STATE,
    connected,
    shown,
    text,
    wanting,
)
from upbit_ws_qt import ConnectionMetrics, ConnectionState, HealthStatus, WebSocketService, WebSocketType
from widgets.base.theme import HEALTH_SHAPES
from widgets.monitor.rows import LinesModel
from widgets.monitor.words import share

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt.exchange import EmbeddedExchange


def frames_sent(exchange: EmbeddedExchange, endpoint: str) -> int:
    return sum(each.frames_sent for each in exchange.connections if each.endpoint == endpoint)


def lists_answered(service: WebSocketService) -> int:
    statistics = service.subscription_statistics()[PUBLIC]
    return statistics.lists - statistics.lists_unanswered


def lines(**figures: Any) -> dict[WebSocketType, ConnectionMetrics]:
    public = ConnectionMetrics(ws_type=PUBLIC, state=ConnectionState.CONNECTED, is_connected=True, **figures)
    return {PUBLIC: public, PRIVATE: ConnectionMetrics(ws_type=PRIVATE), INFO: ConnectionMetrics(ws_type=INFO)}


@served(busy_silence_timeout=60.0)  # time stands still in it for as long as a busy machine needs
async def test_rows_say_what_the_service_knows(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC, PRIVATE)
        await until(lambda: (service.connection_metrics(PUBLIC).rtt_p95 or 0) > 0)
        exchange.stop_time()
        # The exchange's answers to LIST_SUBSCRIPTIONS are frames, but no data.
        await until(
            lambda: (
                service.connection_metrics(PUBLIC).message_count + lists_answered(service)
                == frames_sent(exchange, "public")
            )
        )
        both = (PUBLIC, PRIVATE)
        await until(lambda: all(service.connection_metrics(line).messages_per_second == 0 for line in both))
        dock.refresh()
        metrics = service.connection_metrics(PUBLIC)
        level = service.health_status().connections[PUBLIC].level
        assert text(dock, PUBLIC, 0) == f"{HEALTH_SHAPES[level]} public"
        assert text(dock, PUBLIC, STATE) in ("Connected", "Lagging")  # a machine may be slow
        assert text(dock, PUBLIC, SCORE) == f"{metrics.health_score:.0f}"
        assert float(text(dock, PUBLIC, RTT)) > 0
        assert text(dock, PUBLIC, EPOCH) == str(metrics.epoch)
        assert text(dock, PUBLIC, GAPS) == share(metrics.lossy_gap_count, metrics.gap_count)
        assert text(dock, PUBLIC, DROPS) == share(metrics.dropped, metrics.message_count)
        assert text(dock, PRIVATE, STATE) in ("Idle (normal)", "Lagging")
        assert text(dock, INFO, STATE) == "Offline"
        assert text(dock, INFO, 0) == "○ info"
        assert not dock.panel.table.buttons[INFO].isEnabled()


@served(credentials=None)
async def test_without_a_key_the_private_rows_say_so(service: WebSocketService) -> None:
    with shown(service) as dock:
        assert text(dock, PRIVATE, STATE) == "No API key"
        assert text(dock, PUBLIC, STATE) == "Offline"
        assert dock.panel.hint.isVisible()
        assert "Nothing is subscribed" in dock.panel.hint.text()


@served()
async def test_gaps_are_told_as_a_share_of_all_changes_of_line(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        dock.refresh()
        dock.panel.table.buttons[PUBLIC].click()  # planned: both lines carried everything
        await until(lambda: service.connection_metrics(PUBLIC).gap_count >= 1)
        planned = service.connection_metrics(PUBLIC)
        dock.refresh()
        assert text(dock, PUBLIC, EPOCH) == str(planned.epoch)
        assert text(dock, PUBLIC, RECONNECTS) == str(planned.reconnect_count)
        assert planned.lossy_gap_count <= planned.reconnect_count
        # The line before has said goodbye: cut instead of the present one, it would cost nothing.
        await until(lambda: sum(1 for line in exchange.connections if line.endpoint == "public") == 1)
        exchange.faults.inject("drop", endpoint="public", times=1)
        await until(lambda: service.connection_metrics(PUBLIC).lossy_gap_count > planned.lossy_gap_count)
        now = service.connection_metrics(PUBLIC)
        dock.refresh()
        assert 0 < now.lossy_gap_count < now.gap_count
        assert text(dock, PUBLIC, GAPS) == share(now.lossy_gap_count, now.gap_count)
        hint = dock.panel.lines.data(dock.panel.lines.index(0, GAPS), Qt.ItemDataRole.ToolTipRole)
        assert hint == f"{now.lossy_gap_count} of {now.gap_count} changes of line"


@served()
async def test_reset_counts_anew_in_the_view_only(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    with shown(service) as dock, wanting(service, exchange):
        await connected(service, PUBLIC)
        await until(lambda: service.connection_metrics(PUBLIC).message_count > 20)
        dock.refresh()
        dock.panel.buttons["reset"].click()
        assert text(dock, PUBLIC, DROPS) == "0/0 (0 %)"
        assert service.connection_metrics(PUBLIC).message_count > 20


@served()
async def test_a_stopped_service_has_no_line_up(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    with shown(service) as dock:
        with wanting(service, exchange):
            await connected(service, PUBLIC, PRIVATE)
            await until(lambda: service.connection_metrics(PUBLIC).is_connected)
            dock.refresh()
            bytes_before = service.connection_metrics(PUBLIC).bytes_received
        await service.stop()
        dock.refresh()
        for line in (PUBLIC, PRIVATE, INFO):
            assert text(dock, line, STATE) == "Stopped"
            assert text(dock, line, 0).startswith("○")
            assert not dock.panel.table.buttons[line].isEnabled()
        assert dock.panel.hint.isVisible()
        assert dock.panel.components.table.records.records == ()
        assert dock.panel.program.text() == ""
        assert service.connection_metrics(PUBLIC).bytes_received >= bytes_before > 0  # what was counted stays


def test_counters_of_a_service_that_was_started_anew_are_never_below_zero(qapp: QApplication) -> None:
    model = LinesModel()
    model.show(lines(message_count=5_000, dropped=7, bytes_received=10**6, reconnect_count=4), HealthStatus(), {})
    model.reset_counters()
    assert model.rows[0].texts[DROPS] == "0/0 (0 %)"
    model.show(lines(message_count=5_010, dropped=8, reconnect_count=5, bytes_received=10**6), HealthStatus(), {})
    assert (model.rows[0].texts[DROPS], model.rows[0].texts[RECONNECTS]) == ("1/10 (10 %)", "1")
    model.show(lines(message_count=12, dropped=3, bytes_received=900), HealthStatus(), {})
    assert model.rows[0].texts[DROPS] == "3/12 (25 %)"
    assert not any(cell.startswith("-") for cell in model.rows[0].texts)


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [
        (0, 0, "0/0 (0 %)"),
        (0, 812, "0/812 (0 %)"),
        (1, 9_999, "1/9,999 (<0.1 %)"),
        (1, 812_345, "1/812k (<0.1 %)"),
        (5, 1_000, "5/1,000 (0.5 %)"),
        (999, 10_000, "999/10k (10 %)"),
        (12_345, 81_234_567, "12k/81.2M (<0.1 %)"),
        (999_600, 999_600, "1.0M/1.0M (100 %)"),
        (3, 3, "3/3 (100 %)"),
    ],
)
def test_shares_are_short(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said
