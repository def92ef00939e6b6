"""How a line stands, decided in one place: the status bar, the monitor and the panels say the same at any moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import QMetaMethod, QMetaObject, QObject, Qt, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import AlertLimits, ConnectionMetrics, ConnectionState, HealthStatus, WebSocketType

from .freshness import Freshness, freshness_watch
from .text import mark, said, tr

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService

__all__ = ["LINE_NAMES", "LineBoard", "LineState", "level_of", "line_board", "line_name", "line_state"]

LINE_NAMES = {
    WebSocketType.PUBLIC: mark("public"),
    WebSocketType.PRIVATE: mark("private"),
    WebSocketType.INFO: mark("info"),
}
_GOOD, _WARN = 80.0, 50.0
"""The scores from which on a line is good, and from which on it is only to be watched."""
_USUAL_LIMITS = AlertLimits()
_LAGGING = frozenset({"rtt", "late", "no_pong", "silent"})
"""Kinds of reasons for which data are old when they come, or do not come."""
_OLD = frozenset({Freshness.LATE, Freshness.SILENT})
_RANK = ("idle", "good", "warn", "bad")
_REFRESH_MS = 1000


@dataclass(frozen=True, slots=True)
class LineState:
    """One line, in words and figures that fit together.

    Attributes:
        ws_type: which line.
        state: of the connection, now.
        level: "good", "warn", "bad" or "idle": the worse of what the state and what the score says.
        word: the state, in the language in force, with its attempt and seconds.
        score: 0 to 100, as a whole number; None where the line is not up, or was not judged since it is.
        rtt: seconds of the last round trip, None where the line is not up or nothing is known.
        rate: messages a second, None where the line is not up.
        reasons: what lowers the score, one a line.
        cause: why the line is down, in the language in force; empty where it is not, or nothing is known.
    """

    ws_type: WebSocketType
    state: ConnectionState
    level: str
    word: str
    score: int | None
    rtt: float | None
    rate: float | None
    reasons: str
    cause: str = ""

    @property
    def text(self) -> str:
        """The state with its score and round trip, for one line of text."""
        parts = [self.word]
        if self.score is not None:
            parts.append(str(self.score))
        if self.rtt is not None:
            parts.append(f"{self.rtt * 1000:.0f} ms")
        return " ".join(parts)


def line_name(ws_type: WebSocketType) -> str:
    """Return a line's name in the language in force."""
    return tr(LINE_NAMES[ws_type])


def level_of(score: float) -> str:
    """Return the level that a score stands for; what is shown beside a score never says otherwise."""
    return "good" if score >= _GOOD else "warn" if score >= _WARN else "bad"


def line_state(
    metrics: ConnectionMetrics,
    health: HealthStatus | None = None,
    state: ConnectionState | None = None,
    fresh: Freshness = Freshness.LIVE,
    limits: AlertLimits = _USUAL_LIMITS,
) -> LineState:
    """Judge a line.

    Args:
        metrics: of the line, as of the last reading.
        health: of all lines, as of the last judgement; None: nothing is judged.
        state: of the line now, where it may have changed since the reading.
        fresh: how old what it brings is known to be, as panels have it.
        limits: a last round trip above `slow` is that of a line that lags, whatever the score says.
    """
    now = metrics.state if state is None else state
    judged = None if health is None else health.connections.get(metrics.ws_type)
    if judged is not None and judged.state is not now:
        judged = None  # it was judged when it stood otherwise
    reasons = "" if judged is None else "\n".join(said(reason.text) for reason in judged.reasons)
    up = now is ConnectionState.CONNECTED and metrics.state is now
    score = round(judged.score) if judged is not None and now is ConnectionState.CONNECTED else None
    rtt = metrics.rtt_last if up else None
    lagging = (rtt is not None and rtt > limits.slow) or (
        judged is not None and any(reason.kind in _LAGGING for reason in judged.reasons)
    )
    level, word = _word(metrics if metrics.state is now else None, now, lagging=lagging)
    if now is ConnectionState.CONNECTED and fresh in _OLD:
        level, word = "warn", tr("Silent") if fresh is Freshness.SILENT else tr("Lagging")
        if score is not None and level_of(score) == "good":
            score = None  # the judgement does not know it yet
    if score is not None:
        level = max(level, level_of(score), key=_RANK.index)
    rate = metrics.messages_per_second if up else None
    down = now in (ConnectionState.RECONNECTING, ConnectionState.FAILED)
    cause = said(metrics.close_cause) if down and metrics.close_cause else ""
    return LineState(metrics.ws_type, now, level, word, score, rtt, rate, reasons, cause)


def _word(metrics: ConnectionMetrics | None, state: ConnectionState, *, lagging: bool) -> tuple[str, str]:
    """Return level and word of a state; without metrics those of its figures are not known yet."""
    match state:
        case ConnectionState.CONNECTED:
            if lagging:
                return "warn", tr("Lagging")
            if metrics is not None and metrics.unserved:
                return "warn", tr("Connected, %n not served", metrics.unserved)
            if metrics is not None and metrics.ws_type is not WebSocketType.PUBLIC and not metrics.messages_per_second:
                return "good", tr("Idle (normal)")
            return "good", tr("Connected")
        case ConnectionState.SYNCING if metrics is not None:
            live, streams = metrics.live_subscriptions, metrics.current_subscriptions
            return "warn", tr("Syncing {live}/{all}", live=live, all=streams)
        case ConnectionState.SYNCING:
            return "warn", tr("Syncing")
        case ConnectionState.CONNECTING:
            return "warn", tr("Connecting")
        case ConnectionState.RECONNECTING if metrics is not None:
            return "bad", _attempt(metrics)
        case ConnectionState.RECONNECTING:
            return "bad", tr("Reconnecting")
        case ConnectionState.FAILED:
            return "bad", tr("Given up")
        case ConnectionState.STOPPED:
            return "idle", tr("Stopped")
        case _:
            return "idle", tr("Offline")


def _attempt(metrics: ConnectionMetrics) -> str:
    wait = metrics.next_attempt_in
    if wait is None:  # one is on its way
        return tr("Reconnecting (attempt {attempt})", attempt=max(1, metrics.attempts))
    seconds = max(0, round(wait))
    return tr("Reconnecting (attempt {attempt}, in {seconds} s)", attempt=metrics.attempts + 1, seconds=seconds)


class LineBoard(QObject):
    """The lines of a service, looked at once a second and whenever one changes its state; shared by all who show them.

    It looks while somebody is connected to `changed`, and costs nothing otherwise. Use `line_board(service)`.

    Attributes:
        metrics: of each line, as last looked at.
        health: as last looked at.
        states: what is to be said of each line.

    Signals:
        changed: there are newer figures.
    """

    changed = pyqtSignal()

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._service = service
        self.metrics: dict[WebSocketType, ConnectionMetrics] = {}
        self.health = HealthStatus()
        self.states: dict[WebSocketType, LineState] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_REFRESH_MS)
        self._timer.timeout.connect(self.refresh)
        self._fresh = freshness_watch(service)
        self._fresh.changed.connect(self._on_fresh)
        service.connectionStateChanged.connect(self._on_state)
        self._look()

    @property
    def is_looking(self) -> bool:
        """Whether somebody listens."""
        return self._timer.isActive()

    @pyqtSlot()
    def refresh(self) -> None:
        """Look now."""
        self._look()
        self.changed.emit()

    def now(self, line: WebSocketType) -> LineState:
        """Return what is said of a line; what is true now where nobody looks, or it has just become another state."""
        if not self.is_looking or self.states[line].state is not self._service.connection_state(line):
            self._look()
        return self.states[line]

    def _look(self) -> None:
        service = self._service
        self.metrics = {ws_type: service.connection_metrics(ws_type) for ws_type in WebSocketType}
        self.health = service.health_status()
        limits = service.config.alert_limits
        self.states = {
            ws_type: line_state(
                each, self.health, service.connection_state(ws_type), self._fresh.of(ws_type).state, limits
            )
            for ws_type, each in self.metrics.items()
        }

    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_state(self, _line: WebSocketType, _state: ConnectionState) -> None:
        if self._timer.isActive():
            self.refresh()

    @pyqtSlot(WebSocketType)
    def _on_fresh(self, _line: WebSocketType) -> None:
        if self._timer.isActive():
            self.refresh()

    def connectNotify(self, signal: QMetaMethod) -> None:
        """Look while somebody listens."""
        del signal
        if self.receivers(self.changed) > 0 and not self._timer.isActive():
            self._timer.start()

    def disconnectNotify(self, signal: QMetaMethod) -> None:
        """Rest when nobody does."""
        del signal
        if not sip.isdeleted(self):
            # Queued: a receiver that dies holds a lock of Qt's here, which asking for the receivers may need too.
            QMetaObject.invokeMethod(self, "_rest_if_alone", Qt.ConnectionType.QueuedConnection)

    @pyqtSlot()
    def _rest_if_alone(self) -> None:
        if self.receivers(self.changed) == 0:
            self._timer.stop()


def line_board(service: WebSocketService) -> LineBoard:
    """Return the board of a service; it ends with the service."""
    return next(iter(service.findChildren(LineBoard)), None) or LineBoard(service)
