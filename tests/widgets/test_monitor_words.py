"""What the monitor says: every kind has a name, figures have units, and in Korean nothing stays English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QMainWindow

from tests.qt.serving import served
from tests.waiting import until
from upbit_ws_qt import ConnectionState, WebSocketClientProxy, WebSocketService, WebSocketType
from upbit_ws_qt.monitoring.adaptive import AdaptationKind
from upbit_ws_qt.monitoring.alerts import RULES, AlertKind
from upbit_ws_qt.monitoring.independence import InterferenceKind
from upbit_ws_qt.monitoring.performance import Bottleneck, IssueKind
from upbit_ws_qt.types import IndependenceLevel
from widgets.base.text import Language, set_language
from widgets.monitor.words import alert_figure, what_text
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from PyQt6.QtCore import QAbstractItemModel
    from PyQt6.QtWidgets import QApplication

    from upbit_ws_qt.exchange import EmbeddedExchange

PUBLIC, PRIVATE = WebSocketType.PUBLIC, WebSocketType.PRIVATE
KINDS = [*IssueKind, *InterferenceKind, *AdaptationKind, *IndependenceLevel, *Bottleneck]
# What is the same in both languages: codes, ids, units and signs.
SAME = re.compile(
    r"KRW-\w+|ticker|trade|broken|panel|p95|RTT|pong|ping|Delivery\.FRAME|SIMPLE|e\d+|[MKG]?i?B|ms|CPU|s\b"
)


def test_every_kind_has_a_name_in_korean(qapp: QApplication) -> None:
    set_language(Language.KOREAN)
    try:
        nameless = [kind for kind in KINDS if kind is not Bottleneck.NONE and not _is_korean(what_text(kind))]
    finally:
        set_language(Language.ENGLISH)
    assert nameless == []
    assert what_text("a kind of tomorrow") == "a kind of tomorrow"


def test_figures_of_alerts_have_units() -> None:
    shown = {kind.value: alert_figure(kind, rule.raise_at) for kind, rule in RULES.items()}
    assert set(shown) == {kind.value for kind in AlertKind}
    assert shown == {
        "connection_lost": "2.0 s",
        "reconnecting_often": "3",
        "slow": "400 ms",
        "late": "3.0 s",
        "errors": "5.0 %",
        "memory": "1.0 GiB",
        "backlog": "2.0 s",
        "loop_lag": "500 ms",
        "unserved": "1",
        "quarantined": "",
        "skipped": "1",
        "rate_limit": "90.0 %",
        "maintenance": "",
    }


@served()
async def test_a_korean_window_says_everything_in_korean(service: WebSocketService, exchange: EmbeddedExchange) -> None:
    window = QMainWindow()
    dock = ConnectionMonitorDock(service)
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, dock)
    window.show()
    set_language(Language.KOREAN)
    panel = WebSocketClientProxy("panel", service=service)
    broken = WebSocketClientProxy("broken", service=service)
    try:
        markets = sorted(exchange.world.codes)
        panel.subscribe_ticker([*markets[:5], "KRW-NOPE"], lambda event: None)
        panel.subscribe_my_asset(lambda event: None)
        broken.subscribe_trade(markets, lambda event: 1 / 0)
        await until(lambda: service.connection_state(PRIVATE) is ConnectionState.CONNECTED)
        await until(lambda: bool(service.performance_metrics().quarantined))
        exchange.faults.inject("refuse", endpoint="private")
        exchange.faults.inject("drop", endpoint="private", times=1)
        await until(lambda: {"connection_lost", "quarantined"} <= {alert.kind.value for alert in service.alerts()})
        dock.refresh()
        english: list[str] = []
        for tab in (dock.panel.components, dock.panel.alerts, dock.panel.advice, dock.panel.events):
            dock.panel.tabs.setCurrentWidget(tab)
            dock.refresh()
            english += _english_in(tab.table.records)
        english += _english_in(dock.panel.lines)
        said = [dock.panel.last_event.text(), dock.panel.program.text(), dock.panel.hint.text()]
        said += [row.reasons for row in dock.panel.lines.rows]
        english += [text for text in said if _is_english(text)]
        assert english == []
        alerts = [alert.message for alert in service.alerts()]
        assert any(text.startswith("private is lost for") for text in alerts)  # for logs it is English all the same
    finally:
        set_language(Language.ENGLISH)
        await panel.cleanup()
        await broken.cleanup()
        window.close()
        window.deleteLater()


def _english_in(model: QAbstractItemModel) -> list[str]:
    texts = [
        model.data(model.index(row, column)) for row in range(model.rowCount()) for column in range(model.columnCount())
    ]
    titles = [model.headerData(column, Qt.Orientation.Horizontal) for column in range(model.columnCount())]
    return [text for text in (*texts, *titles) if _is_english(text)]


def _is_english(text: str) -> bool:
    return re.search(r"[A-Za-z]{2,}", SAME.sub("", text)) is not None


def _is_korean(text: str) -> bool:
    return re.search(r"[가-힣]", text) is not None


@pytest.mark.parametrize(
    ("text", "english"), [("공개 회선 2.3초", False), ("비공개: lost", True), ("KRW-BTC p95", False)]
)
def test_english_is_recognised(text: str, english: bool) -> None:
    assert _is_english(text) is english
