"""The status bar: which exchange this is, how each line does, and what the time is in Korea."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QStatusBar, QToolButton, QWidget

from upbit_ws_qt import ConnectionState, WebSocketType
from widgets.base.kst import kst_now_clock
from widgets.base.panel import plain_label
from widgets.base.text import mark, tr
from widgets.base.theme import HEALTH_SHAPES, colours_of, number_font

if TYPE_CHECKING:
    from upbit_ws_qt import ConnectionMetrics, HealthStatus, WebSocketService

__all__ = ["LINE_NAMES", "ServiceStatusBar", "line_text"]

LAGGING_RTT = 0.4  # seconds; facts: above 400 ms is bad
LINE_NAMES = {
    WebSocketType.PUBLIC: mark("public"),
    WebSocketType.PRIVATE: mark("private"),
    WebSocketType.INFO: mark("info"),
}
_LAGGING = frozenset({"rtt", "late", "no_pong", "silent"})  # kinds of reasons


def line_text(metrics: ConnectionMetrics, health: HealthStatus | None = None) -> tuple[str, str]:
    """Return (health level, text) of a line: its state in words, and the numbers that go with it.

    Args:
        metrics: of the line.
        health: of all lines; decides about the level while the line is connected. Without it the last round trip does.
    """
    judged = None if health is None else health.connections.get(metrics.ws_type)
    match metrics.state:
        case ConnectionState.CONNECTED:
            rtt = metrics.rtt_last
            reasons = () if judged is None else judged.reasons
            lagging = (rtt is not None and rtt > LAGGING_RTT) or any(reason.kind in _LAGGING for reason in reasons)
            level = "warn" if lagging or metrics.unserved else "good"
            if judged is not None and judged.level in ("warn", "bad"):
                level = str(judged.level)
            text = tr("Lagging") if lagging else tr("Connected")
            if judged is not None:
                text += f" {judged.score:.0f}"
            return level, text if rtt is None else f"{text} {rtt * 1000:.0f} ms"
        case ConnectionState.SYNCING:
            streams = metrics.current_subscriptions
            done = max(0, streams - metrics.unserved)
            return "warn", tr("Syncing {done}/{all}", done=done, all=streams)
        case ConnectionState.CONNECTING:
            return "warn", tr("Connecting")
        case ConnectionState.RECONNECTING:
            attempt, wait = max(1, metrics.attempts), metrics.next_attempt_in
            if wait is None:
                return "bad", tr("Reconnecting (attempt {attempt})", attempt=attempt)
            text = tr("Reconnecting (attempt {attempt}, in {seconds} s)", attempt=attempt, seconds=f"{wait:.0f}")
            return "bad", text
        case ConnectionState.FAILED:
            return "bad", tr("Given up")
        case _:
            return "idle", tr("Offline")


class ServiceStatusBar(QStatusBar):
    """One button per line, a badge for the exchange, a KST clock.

    Example:
        >>> window.setStatusBar(ServiceStatusBar(service, embedded=True))

    Signals:
        monitorRequested: a line was clicked.
    """

    monitorRequested = pyqtSignal()

    def __init__(self, service: WebSocketService, *, embedded: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._service = service
        self._embedded = embedded
        self.badge = plain_label("", self)
        self.badge.setContentsMargins(8, 1, 8, 1)
        self.addWidget(self.badge)
        self.lines: dict[WebSocketType, QToolButton] = {}
        for ws_type in WebSocketType:
            button = QToolButton(self)
            button.setAutoRaise(True)
            button.setFont(number_font(button.font()))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(self.monitorRequested)
            self.lines[ws_type] = button
            self.addWidget(button)
        self.clock = plain_label("", self)
        self.clock.setFont(number_font(self.clock.font()))
        self.addPermanentWidget(self.clock)
        self._shown: dict[WebSocketType, tuple[str, str]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(1000)
        self._timer.timeout.connect(self.refresh)
        self._timer.start()
        service.connectionStateChanged.connect(self._on_state)
        self.retranslate()

    @pyqtSlot()
    def refresh(self) -> None:
        """Show the present figures."""
        self.clock.setText(f"{kst_now_clock()} KST")
        for ws_type, button in self.lines.items():
            metrics = self._service.connection_metrics(ws_type)
            level, text = line_text(metrics, self._service.health_status())
            rate = f"  {metrics.messages_per_second:.0f}/s" if metrics.state is ConnectionState.CONNECTED else ""
            shown = (level, f"{HEALTH_SHAPES[level]} {tr(LINE_NAMES[ws_type])}  {text}{rate}")
            if self._shown.get(ws_type) != shown:
                self._shown[ws_type] = shown
                button.setText(shown[1])
                button.setMinimumWidth(max(button.minimumWidth(), button.sizeHint().width()))  # nothing may jitter
                button.setAccessibleName(f"{tr(LINE_NAMES[ws_type])} {text}")
                button.setStyleSheet(f"color: {colours_of(self.palette()).health(level)}")

    def retranslate(self) -> None:
        """Say everything anew."""
        self._shown.clear()
        text = tr("Embedded exchange") if self._embedded else tr("LIVE exchange")
        self.badge.setText(f"◆ {text}" if self._embedded else f"⬤ {text}")
        self.badge.setAccessibleName(text)
        self.badge.setToolTip(tr("No real money, no network") if self._embedded else tr("The real exchange"))
        self.clock.setAccessibleName(tr("Time in Korea"))
        for button in self.lines.values():
            button.setMinimumWidth(0)
            button.setToolTip(tr("State, health of 100, round trip, messages a second. A click opens the monitor."))
        colours = colours_of(self.palette())
        back = colours.embedded if self._embedded else colours.live
        self.badge.setStyleSheet(f"color: {colours.base}; background: {back}; border-radius: 3px; font-weight: bold")
        self.refresh()

    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_state(self, _line: WebSocketType, _state: ConnectionState) -> None:
        self.refresh()

    def changeEvent(self, event: QEvent | None) -> None:
        """Take another language or theme over."""
        super().changeEvent(event)
        if event is not None and hasattr(self, "_timer"):  # noqa: SIM102 - two reasons
            if event.type() in (QEvent.Type.LanguageChange, QEvent.Type.PaletteChange):
                self.retranslate()
