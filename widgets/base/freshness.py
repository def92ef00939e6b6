"""Whether what a line brought last is the present state: judged in one place, for panels and status bar alike."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import ConnectionState, DataType, WebSocketType

from .silence import QUIET_LOOKS, SilenceWatch

if TYPE_CHECKING:
    from upbit_ws_qt import BaseWebSocketEvent, WebSocketService

__all__ = ["Freshness", "FreshnessWatch", "LineFreshness", "freshness_watch", "line_freshness"]

_DOWN = (ConnectionState.RECONNECTING, ConnectionState.FAILED, ConnectionState.STOPPED)
_LONGEST = 7 * 86_400  # seconds; what claims to be older than a week has a wrong time
# Candles carry the time of their last trade, which may be long ago; snapshots carry that of what they tell of.
_DATED = frozenset({DataType.TICKER.value, DataType.TRADE.value, DataType.ORDERBOOK.value})


class Freshness(StrEnum):
    """How far what a line brought last can be trusted."""

    LIVE = "live"
    LATE = "late"
    """It comes, but later than `alert_limits.late`."""
    SILENT = "silent"
    """The line is up and was busy, and nothing comes any more."""
    DOWN = "down"
    """The line is lost, given up or stopped: nothing can come."""


@dataclass(frozen=True, slots=True)
class LineFreshness:
    """How it stands with a line.

    Attributes:
        state: in one word.
        since: loop clock of the last sign of life; None where there was none.
        late: seconds from the exchange's timestamp to receipt, of what came last; 0 unless LATE.
    """

    state: Freshness = Freshness.LIVE
    since: float | None = None
    late: float = 0.0

    @property
    def age(self) -> float:
        """Seconds since the last sign of life; 0 where there was none."""
        return 0.0 if self.since is None else max(0.0, time.monotonic() - self.since)


class FreshnessWatch(QObject):
    """Looks at what the lines of a service brought last; one for each service, made by `freshness_watch`.

    Signals:
        changed(WebSocketType): a line is in another state, or as late as before no more.
    """

    changed = pyqtSignal(WebSocketType)

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._service = service
        self._newest: dict[WebSocketType, BaseWebSocketEvent] = {}
        self._told: dict[WebSocketType, tuple[Freshness, int]] = {}
        self._silence = SilenceWatch()
        self._silent = False
        self._late = 0.0
        self._left_behind: BaseWebSocketEvent | None = None  # of the line before
        self._looks = QTimer(self)
        self._looks.setInterval(max(1, min(1000, int(service.config.busy_silence_timeout * 1000 / QUIET_LOOKS))))
        self._looks.timeout.connect(self.look)
        self._looks.start()
        service.connectionStateChanged.connect(self._on_state)
        service.subscriptionsChanged.connect(self._on_wishes)

    def note(self, event: BaseWebSocketEvent) -> None:
        """Note that something came; cheap enough for every event."""
        self._newest[event.websocket_type] = event

    def of(self, line: WebSocketType) -> LineFreshness:
        """Return how it stands with a line."""
        since = self._last_sign(line)
        if self._service.connection_state(line) in _DOWN:
            return LineFreshness(Freshness.DOWN, since)
        if line is WebSocketType.PUBLIC and self._silent:
            return LineFreshness(Freshness.SILENT, since)
        if line is WebSocketType.PUBLIC:
            self._judge_lateness()
            if self._late:
                return LineFreshness(Freshness.LATE, since, self._late)
        return LineFreshness(Freshness.LIVE, since)

    @pyqtSlot()
    def look(self) -> None:
        """Judge anew; happens by itself every second."""
        newest = self._newest.get(WebSocketType.PUBLIC)
        if self._service.clock is not None:
            return  # how fast the past goes by says nothing of its lines
        if self._service.connection_state(WebSocketType.PUBLIC) is not ConnectionState.CONNECTED:
            self._forget()
        elif newest is not None:
            self._silent = bool(self._silence.look([("", newest)]))
        self._tell()

    def _judge_lateness(self) -> None:
        newest = self._newest.get(WebSocketType.PUBLIC)
        if (
            newest is None
            or self._service.clock is not None
            or newest is self._left_behind
            or newest.type not in _DATED
            or newest.stream_type != "REALTIME"
        ):
            return  # it says nothing of how late the line is
        limit = self._service.config.alert_limits.late
        late = self._lateness(newest)
        self._late = late if late >= (limit / 3 if self._late else limit) else 0.0

    def _lateness(self, event: BaseWebSocketEvent) -> float:
        """Return the seconds from the exchange's timestamp to receipt, by clocks that agree."""
        received = time.time() - (time.monotonic() - event.received_at)
        offset = self._service.connection_metrics(event.websocket_type).clock_offset
        late = received - event.timestamp / 1000 - offset
        return late if 0 < late < _LONGEST else 0.0

    def _last_sign(self, line: WebSocketType) -> float | None:
        """Return when the line was last known to live: its newest frame or pong, as far as anybody has noted it."""
        metrics = self._service.connection_metrics(line)
        now = time.monotonic()
        signs = []
        newest = self._newest.get(line)
        if newest is not None:
            signs.append(newest.received_at)
        if metrics.last_message_time is not None:
            signs.append(now - max(0.0, time.time() - metrics.last_message_time))
        if line is not WebSocketType.PUBLIC and metrics.last_pong_age is not None:
            signs.append(now - metrics.last_pong_age)  # on these, silence is the rule
        return max(signs, default=None)

    def _forget(self) -> None:
        self._silence.forget()
        self._silent = False
        self._late = 0.0
        self._left_behind = self._newest.get(WebSocketType.PUBLIC)

    def _tell(self) -> None:
        for line in WebSocketType:
            found = self.of(line)
            now = (found.state, int(found.late))
            if self._told.get(line, (Freshness.LIVE, 0)) != now:
                self._told[line] = now
                self.changed.emit(line)

    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_state(self, line: WebSocketType, state: ConnectionState) -> None:
        if line is WebSocketType.PUBLIC and state is not ConnectionState.CONNECTED:
            self._forget()
        self._tell()

    @pyqtSlot()
    def _on_wishes(self) -> None:
        """Other streams have another pace: what was learnt from the old ones would accuse the new ones."""
        self._silence.forget()
        self._silent = False


def freshness_watch(service: WebSocketService) -> FreshnessWatch:
    """Return the one watch of a service; it ends with the service."""
    found = service.findChildren(FreshnessWatch)
    return found[0] if found else FreshnessWatch(service)


def line_freshness(service: WebSocketService, line: WebSocketType) -> LineFreshness:
    """Return how it stands with a line of a service."""
    return freshness_watch(service).of(line)
