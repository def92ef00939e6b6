"""Turns what happens into toasts, as far as the user wants them."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTime, pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt import (
    Alert,
    AnnouncementEvent,
    AuthenticationError,
    ConnectionLostError,
    ConnectionState,
    IndicatorSignalEvent,
    MyOrderEvent,
    RateLimitError,
    RecoveryError,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)

from ..account.my_orders import MyOrdersWidget
from ..announcements.panel import AnnouncementsWidget
from ..base.line_state import line_name
from ..base.price_format import full_text, price_text
from ..base.text import said, tr
from ..base.trouble import trouble_of
from ..indicators.choice import trigger_text, type_text
from ..indicators.panel import IndicatorsWidget
from ..settings.quiet_hours import CLOCK, is_quiet
from ..window.toasts import NoteAction, log_note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from PyQt6.QtWidgets import QWidget

    from ..settings.preferences import Preferences
    from ..window.toasts import Toasts

__all__ = ["Notifier"]

_log = logging.getLogger("upbit_ws_qt.desktop")
_DOWN = (ConnectionState.RECONNECTING, ConnectionState.FAILED)
_LONGEST = 160
_OUTAGE = "outage"
_TOLD = frozenset({"connection_lost", "reconnecting_often", "maintenance"})
"""Kinds of alerts whose matter has a note of its own: of the outage, of the announcement."""
_SOUND_APART = 2.0  # seconds; several alerts of one matter are one sound


class Notifier(QObject):
    """Tells of fills, lost and recovered lines, alerts and errors.

    Args:
        service: what to listen to.
        toasts: where to tell; also the owner.
        preferences: what is wanted; `preferences` can be set anew.
        live: whether it is the real exchange, so that the embedded one can take its place meanwhile.
        beep: makes the sound of an alert.
        clock: tells the time of the day, as quiet hours are written.

    Signals:
        retryRequested: the lines that are down are to be dialled at once.
        embeddedRequested: the embedded exchange is wanted until the real one can be reached again.
    """

    retryRequested = pyqtSignal()
    embeddedRequested = pyqtSignal()

    def __init__(
        self,
        service: WebSocketService,
        toasts: Toasts,
        preferences: Preferences,
        *,
        live: bool = False,
        beep: Callable[[], object] = QApplication.beep,
        clock: Callable[[], str] = lambda: QTime.currentTime().toString(CLOCK),
    ) -> None:
        super().__init__(toasts)
        self.preferences = preferences
        self._live = live
        self._beep = beep
        self._clock = clock
        self._sounded = -_SOUND_APART
        self._toasts = toasts
        self._down: list[WebSocketType] = []
        self._back: list[WebSocketType] = []
        self._began = 0.0
        self._been_up: set[WebSocketType] = set()
        self._causes: dict[WebSocketType, str] = {}
        self._trouble = trouble_of(service)
        self._trouble.changed.connect(self._on_trouble)
        service.connectionStateChanged.connect(self._on_state)
        service.alertRaised.connect(self._on_alert)
        service.errorOccurred.connect(self._on_error)
        service.componentFailed.connect(self._on_component_failed)

    def listen_to(self, panels: Iterable[QWidget]) -> None:
        """Tell also what the panels find out: fills, signals, maintenance."""
        for panel in panels:
            if isinstance(panel, MyOrdersWidget):
                panel.filled.connect(self._on_filled)
            elif isinstance(panel, IndicatorsWidget):
                panel.signalFired.connect(self._on_signal)
            elif isinstance(panel, AnnouncementsWidget):
                panel.maintenanceAnnounced.connect(self._on_maintenance)

    @pyqtSlot(WebSocketType, ConnectionState)
    def _on_state(self, line: WebSocketType, state: ConnectionState) -> None:
        """Tell an outage once, of however many lines: by one note that is kept up to date until all are up again."""
        if state in _DOWN and line not in self._down:
            if not self._down:
                self._began, self._back = time.monotonic(), []
            self._down.append(line)
            self._tell_outage(begins=len(self._down) == 1)
        elif state is ConnectionState.FAILED:
            self._tell_outage(begins=True)
        elif state is ConnectionState.CONNECTED:
            if line in self._down:
                self._down.remove(line)
                self._back.append(line)
                self._causes.pop(line, None)
                self._tell_outage(begins=False) if self._down else self._tell_back()
            self._been_up.add(line)

    def _tell_outage(self, *, begins: bool) -> None:
        known = next((said(self._causes[line]) for line in self._down if line in self._causes), "")
        cause = (self._trouble.text or known)[:_LONGEST]
        lost = self._been_up.intersection(self._down)
        text = tr("Connection lost: {lines}") if lost else tr("Not connected yet: {lines}")
        told = text.format(lines=_names(self._down)) + (f"\n{cause}" if cause else "")
        if not self.preferences.toast_lost:
            return
        if begins:
            actions = [NoteAction(tr("&Retry"), self.retryRequested.emit)]
            if self._live:
                actions.append(NoteAction(tr("&Embedded exchange meanwhile"), self.embeddedRequested.emit))
            self._toasts.show_note(told, level="bad", key=_OUTAGE, lasting=True, logged=True, actions=actions)
        else:
            self._toasts.change_note(_OUTAGE, told)

    @pyqtSlot()
    def _on_trouble(self) -> None:
        if self._down and self._trouble.text:
            self._tell_outage(begins=False)

    def _tell_back(self) -> None:
        seconds = time.monotonic() - self._began
        down = f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"
        self._toasts.take_away(_OUTAGE)
        if not self.preferences.toast_recovered:
            return
        lines = _names(self._back)
        if self._been_up.intersection(self._back):
            text = tr("Connection recovered: {lines}, after {seconds} s", lines=lines, seconds=down)
        else:
            text = tr("Connected: {lines}", lines=lines)
        self._toasts.show_note(text, level="good", key=_OUTAGE, logged=True)

    def _tell(self, wanted: bool, text: str, level: str, key: str | None = None, *, logged: bool = False) -> None:
        """Show a toast where it is wanted; the log has it anyway, from the service itself where it is `logged`."""
        if wanted:
            self._toasts.show_note(text, level=level, key=key, logged=logged)
        elif not logged:
            log_note(text, level)

    @pyqtSlot(MyOrderEvent)
    def _on_filled(self, order: MyOrderEvent) -> None:
        side = tr("Bought") if order.is_bid else tr("Sold")
        volume, price = full_text(order.volume), price_text(order.code, order.price)
        text = tr("{side}: {volume} {code} at {price}", side=side, volume=volume, code=order.code, price=price)
        self._tell(self.preferences.toast_fills, text, "good", f"fill {order.uuid}")

    @pyqtSlot(IndicatorSignalEvent)
    def _on_signal(self, event: IndicatorSignalEvent) -> None:
        what = f"{type_text(event.indicator)} · {trigger_text(event.trigger)} ({event.timeframe})"
        self._tell(self.preferences.toast_signals, f"{event.code}: {what}"[:200], "idle")

    @pyqtSlot(AnnouncementEvent)
    def _on_maintenance(self, event: AnnouncementEvent) -> None:
        text = tr("Maintenance announced: {title}", title=event.title[:150])
        self._tell(self.preferences.toast_alerts, text, "warn")

    @pyqtSlot(Alert)
    def _on_alert(self, alert: Alert) -> None:
        text = said(alert.message)[:200]
        wanted = self.preferences
        quiet = wanted.quiet_hours and is_quiet(wanted.quiet_from, wanted.quiet_until, self._clock())
        if alert.kind in wanted.alerts_muted or quiet:
            return  # the service has logged it
        if wanted.alert_sound:
            self._sound()
        if alert.ws_type not in self._down and alert.kind not in _TOLD:
            self._tell(wanted.toast_alerts, text, "warn", f"alert {alert.kind} {alert.ws_type}", logged=True)

    def _sound(self) -> None:
        now = time.monotonic()
        if now - self._sounded >= _SOUND_APART:
            self._sounded = now
            self._beep()

    @pyqtSlot(str, Exception)
    def _on_component_failed(self, component_id: str, error: Exception) -> None:
        _log.error("component %s: %s: %s", component_id, type(error).__name__, error)

    @pyqtSlot(WebSocketError)
    def _on_error(self, error: WebSocketError) -> None:
        """Tell an error; one of a line that is down belongs to its outage. The service has logged it."""
        if isinstance(error, (ConnectionLostError, AuthenticationError, RecoveryError, RateLimitError)):
            line = next((each for each in WebSocketType if each == error.endpoint), None)
            if line is not None:
                self._causes[line] = error.cause if isinstance(error, ConnectionLostError) else error.message
                if line in self._down:
                    self._tell_outage(begins=False)
                if line in self._down or isinstance(error, ConnectionLostError):
                    return
        text = said(error.message)[:200]
        self._tell(self.preferences.toast_lost, text, "warn", f"error {type(error).__name__}", logged=True)


def _names(lines: Iterable[WebSocketType]) -> str:
    return ", ".join(line_name(line) for line in lines)
