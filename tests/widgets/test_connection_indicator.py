"""The small form of the monitor: in anybody's status bar, and saying what the monitor says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt

from tests.qt.serving import served
from tests.waiting import until
from tests.widgets.monitor_window import PRIVATE, PUBLIC, SCORE, STATE, connected, shown, text, wanting
from tests.widgets.showing import click, press
from widgets import ConnectionIndicator
from widgets.base.line_state import line_board
from widgets.base.text import Language, set_language

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QMainWindow

    from upbit_ws_qt import WebSocketService
    from upbit_ws_qt.exchange import EmbeddedExchange
    from widgets import ConnectionMonitorDock


def _inked(indicator: ConnectionIndicator) -> int:
    """Return how many columns of the course are drawn on above its foot."""
    picture = indicator.icon().pixmap(indicator.iconSize()).toImage()
    columns = range(picture.width())
    return sum(any(picture.pixelColor(x, y).alpha() > 100 for y in range(picture.height() - 2)) for x in columns)


@served()
async def test_it_says_what_the_monitor_says_and_speaks_of_the_worst(
    service: WebSocketService, exchange: EmbeddedExchange
) -> None:
    with shown(service) as dock, wanting(service, exchange):
        window: QMainWindow = dock.window()  # type: ignore[assignment]  # `shown` made it
        bar = window.statusBar()
        assert bar is not None
        whole, private = ConnectionIndicator(service), ConnectionIndicator(service, ws_type=PRIVATE)
        asked: list[bool] = []
        whole.clicked.connect(asked.append)
        for each in (whole, private):
            bar.addWidget(each)
        assert "Offline" in whole.text() or "onnecting" in whole.text()
        await connected(service, PUBLIC, PRIVATE)
        await until(lambda: _inked(whole) >= 2)
        score = line_board(service).states[PRIVATE].score
        assert private.state.score == score
        exchange.faults.inject("refuse", endpoint="private")
        exchange.faults.inject("drop", endpoint="private", times=1)
        await until(lambda: whole.text().startswith("✖ private") and "attempt" in whole.text())
        for indicator in (whole, private):  # at the same moment, without a look of their own
            assert _says_what(dock, indicator)
        whole.set_brief(True)
        assert whole.text() == "✖ private Reconnecting"
        assert "attempt" in whole.accessibleName()
        click(whole)
        press(whole, Qt.Key.Key_Space)
        assert len(asked) == 2
        try:
            set_language(Language.KOREAN)
            await until(lambda: whole.text() == "✖ 비공개 재연결 중")
        finally:
            set_language(Language.ENGLISH)
        bar.hide()
        dock.hide()
        await until(lambda: not line_board(service).is_looking)


def _says_what(dock: ConnectionMonitorDock, indicator: ConnectionIndicator) -> bool:
    state, score = text(dock, PRIVATE, STATE), text(dock, PRIVATE, SCORE)
    return state in indicator.text() and (score == "—" or score in indicator.text())
