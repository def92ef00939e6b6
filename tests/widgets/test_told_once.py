"""One matter is told once, however it failed; and all who tell how a line stands say the same at the same moment."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtWidgets import QLabel

from tests.waiting import until
from tests.widgets.desk import desk, window_of
from upbit_ws_qt import ConnectionState, WebSocketType
from upbit_ws_qt.exchange import FaultName
from widgets.base.panel import Panel, PanelState
from widgets.monitor.rows import LINES
from widgets.monitor_dock import ConnectionMonitorDock

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService
    from widgets.window.main_window import MainWindow

pytestmark = [pytest.mark.qasync_loop, pytest.mark.usefixtures("let_go")]
PUBLIC = WebSocketType.PUBLIC
DOWN = (ConnectionState.RECONNECTING, ConnectionState.FAILED)
STATE = 1  # column of the monitor's table
_ALL = ("public", "private", "info")
WAYS: dict[str, tuple[tuple[str, ...], tuple[tuple[FaultName, dict[str, Any]], ...]]] = {
    "dropped": (("public",), ((FaultName.DROP, {}),)),
    "closed": (("public",), ((FaultName.CLOSE, {"code": 1001, "text": "going away"}),)),
    "dead": (("public",), ((FaultName.HALF_OPEN, {}),)),
    "refused": (("public",), ((FaultName.REFUSE, {"status": 503}), (FaultName.DROP, {}))),
    "everything": (_ALL, ((FaultName.REFUSE, {"status": 503}), (FaultName.DROP, {}))),
}


def up(service: WebSocketService) -> bool:
    return all(service.connection_state(line) is ConnectionState.CONNECTED for line in WebSocketType)


@pytest.mark.parametrize("way", WAYS)
async def test_an_outage_is_one_note_one_return_and_one_incident(way: str) -> None:
    lines, faults = WAYS[way]
    async with desk() as (program, exchange):
        window = window_of(program)
        service = window.needs.service
        await until(lambda: up(service))
        await until(lambda: all(service.connection_metrics(line).is_connected for line in WebSocketType))
        noted: list[str] = []
        at_once: list[int] = []
        window.toasts.noteShown.connect(noted.append)
        window.toasts.noteShown.connect(lambda _: at_once.append(len(window.toasts.texts)))
        for name, options in faults:
            for line in lines:
                exchange.faults.inject(name, line, **options)
        gone = [line for line in WebSocketType if line.value in lines]
        await until(lambda: service.incidents() and len(service.incidents()[0].lines) == len(gone))
        exchange.faults.clear()
        await until(lambda: up(service) and service.incidents()[0].is_over)
        await until(lambda: any("recovered" in text for text in noted))
        kinds = [kind for kind, _ in groupby(noted, lambda text: text.split(":")[0])]  # a note is kept up to date
        assert kinds == ["Connection lost", "Connection recovered"], noted
        assert max(at_once) == 1, "they take the place of each other"
        assert len(service.incidents()) == 1


def told_by_panels(window: MainWindow) -> list[str]:
    """Return what the panels that can be seen, and have the public line, say of it while it is down."""
    waiting = (PanelState.STALE, PanelState.LOADING)
    panels = [
        each
        for each in window.panels.values()
        if isinstance(each, Panel) and each.isVisible() and each._line is PUBLIC and each.state in waiting
    ]
    return [
        " ".join(label.text() for label in panel.findChildren(QLabel) if label.isVisibleTo(panel)) for panel in panels
    ]


async def test_status_bar_monitor_and_panels_say_the_same_at_any_moment_of_an_outage() -> None:
    async with desk() as (program, exchange):
        window = window_of(program)
        service = window.needs.service
        window.show_panel("monitor")
        monitor = window.docks["monitor"]
        assert isinstance(monitor, ConnectionMonitorDock)
        await until(lambda: up(service) and window.watch_list.had_data)
        exchange.faults.inject(FaultName.REFUSE, "public", status=503)
        exchange.faults.inject(FaultName.DROP, "public")
        seen: set[str] = set()

        def agree() -> bool:
            state = window.bar.lines[PUBLIC].state
            assert state.text in window.bar.lines[PUBLIC].whole_text
            if state.state not in DOWN:
                return False
            row = monitor.panel.lines.rows[LINES.index(PUBLIC)]
            assert row.texts[STATE] == state.word
            for text in told_by_panels(window):
                assert state.word in text
                seen.add(state.word)
            return len(seen) >= 3

        await until(agree)
        exchange.faults.clear()
        await until(lambda: up(service))
