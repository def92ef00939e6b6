"""The status bar: which exchange this is, how each line does, and what the time is in Korea."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QSize, Qt, QTimer, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QStatusBar, QToolButton, QWidget

from upbit_ws_qt import ConnectionState, WebSocketType
from widgets.base.kst import kst_now_clock
from widgets.base.panel import plain_label
from widgets.base.text import mark, tr
from widgets.base.theme import HEALTH_SHAPES, colours_of, number_font

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtGui import QResizeEvent

    from upbit_ws_qt import ConnectionMetrics, HealthStatus, WebSocketService

__all__ = ["LINE_NAMES", "ServiceStatusBar", "line_text"]

_AIR = 24  # points beside a text
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


def _line(metrics: ConnectionMetrics, level: str, text: str) -> str:
    rate = f"  {metrics.messages_per_second:.0f}/s" if metrics.state is ConnectionState.CONNECTED else ""
    return f"{HEALTH_SHAPES[level]} {tr(LINE_NAMES[metrics.ws_type])}  {text}{rate}"


def _brief_line(metrics: ConnectionMetrics, level: str, text: str) -> str:
    """Return what fits into a narrow window: the round trip of a line that is up, or how it stands without details."""
    what = text.partition("(")[0].strip()
    if metrics.state is ConnectionState.CONNECTED:
        what = "" if metrics.rtt_last is None else f"{metrics.rtt_last * 1000:.0f} ms"
    return f"{HEALTH_SHAPES[level]} {tr(LINE_NAMES[metrics.ws_type])} {what}".rstrip()


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
        self._states: dict[WebSocketType, tuple[ConnectionState, bool]] = {}
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
        metrics = {ws_type: self._service.connection_metrics(ws_type) for ws_type in self.lines}
        told = {ws_type: line_text(each, self._service.health_status()) for ws_type, each in metrics.items()}
        whole = {ws_type: _line(metrics[ws_type], *told[ws_type]) for ws_type in self.lines}
        brief = self._is_narrow_for(whole.values())
        for ws_type, button in self.lines.items():
            level, text = told[ws_type]
            state = metrics[ws_type].state
            shown = (level, _brief_line(metrics[ws_type], level, text) if brief else whole[ws_type])
            if self._states.get(ws_type) != (state, brief):
                self._states[ws_type] = (state, brief)
                button.setMinimumWidth(0)
            if self._shown.get(ws_type) != shown:
                self._shown[ws_type] = shown
                button.setText(shown[1])
                if not brief:  # while a state lasts nothing may jitter
                    button.setMinimumWidth(max(button.minimumWidth(), button.sizeHint().width()))
                button.setAccessibleName(f"{tr(LINE_NAMES[ws_type])} {text}")
                button.setStyleSheet(f"color: {colours_of(self.palette()).health(level)}")

    def _is_narrow_for(self, texts: Iterable[str]) -> bool:
        metrics = next(iter(self.lines.values())).fontMetrics()
        needed = sum(metrics.horizontalAdvance(text) + _AIR for text in texts)
        return needed + self.badge.sizeHint().width() + self.clock.sizeHint().width() + 2 * _AIR > self.width()

    def minimumSizeHint(self) -> QSize:
        """Stand in the way of no window: a line that loses its connection has more to say than one that has it."""
        return QSize(0, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Say more or less."""
        super().resizeEvent(event)
        self.refresh()

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
