"""Turns what happens into toasts, as far as the user wants them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSlot

from upbit_ws_qt import (
    Alert,
    AnnouncementEvent,
    ConnectionState,
    IndicatorSignalEvent,
    MyOrderEvent,
    WebSocketError,
    WebSocketService,
    WebSocketType,
)
from widgets.announcements import AnnouncementsWidget
from widgets.indicators import IndicatorsWidget
from widgets.indicators_choice import trigger_text, type_text
from widgets.my_orders import MyOrdersWidget
from widgets.price_format import full_text, price_text
from widgets.status_bar import LINE_NAMES
from widgets.text import tr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtWidgets import QWidget

    from widgets.preferences import Preferences
    from widgets.toasts import Toasts

__all__ = ["Notifier"]

_log = logging.getLogger("upbit_ws_qt.desktop")
_DOWN = (ConnectionState.RECONNECTING, ConnectionState.FAILED)


class Notifier(QObject):
    """Tells of fills, lost and recovered lines, alerts and errors.

    Args:
        service: what to listen to.
        toasts: where to tell; also the owner.
        preferences: what is wanted; `preferences` can be set anew.
    """

    def __init__(self, service: WebSocketService, toasts: Toasts, preferences: Preferences) -> None:
        super().__init__(toasts)
        self.preferences = preferences
        self._toasts = toasts
        self._down: set[WebSocketType] = set()
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
        name = tr(LINE_NAMES[line])
        if state in _DOWN and line not in self._down:
            self._down.add(line)
            self._tell_line(tr("Connection lost: {line}", line=name), "bad", line)
        elif state is ConnectionState.CONNECTED and line in self._down:
            self._down.discard(line)
            self._tell_line(tr("Connection recovered: {line}", line=name), "good", line)

    def _tell_line(self, text: str, level: str, line: WebSocketType) -> None:
        if self.preferences.toast_lines:
            self._toasts.show_note(text, level=level, key=f"line {line} {level}")

    @pyqtSlot(MyOrderEvent)
    def _on_filled(self, order: MyOrderEvent) -> None:
        if not self.preferences.toast_fills:
            return
        side = tr("Bought") if order.is_bid else tr("Sold")
        volume, price = full_text(order.volume), price_text(order.code, order.price)
        text = tr("{side}: {volume} {code} at {price}", side=side, volume=volume, code=order.code, price=price)
        self._toasts.show_note(text, level="good", key=f"fill {order.uuid}")

    @pyqtSlot(IndicatorSignalEvent)
    def _on_signal(self, event: IndicatorSignalEvent) -> None:
        if self.preferences.toast_signals:
            what = f"{type_text(event.indicator)} · {trigger_text(event.trigger)} ({event.timeframe})"
            self._toasts.show_note(f"{event.code}: {what}"[:200], level="idle")

    @pyqtSlot(AnnouncementEvent)
    def _on_maintenance(self, event: AnnouncementEvent) -> None:
        if self.preferences.toast_alerts:
            self._toasts.show_note(tr("Maintenance announced: {title}", title=event.title[:150]), level="warn")

    @pyqtSlot(Alert)
    def _on_alert(self, alert: Alert) -> None:
        if self.preferences.toast_alerts:
            self._toasts.show_note(alert.message[:200], level="warn", key=f"alert {alert.kind} {alert.ws_type}")

    @pyqtSlot(str, Exception)
    def _on_component_failed(self, component_id: str, error: Exception) -> None:
        _log.error("component %s: %s: %s", component_id, type(error).__name__, error)

    @pyqtSlot(WebSocketError)
    def _on_error(self, error: WebSocketError) -> None:
        if self.preferences.toast_lines:
            self._toasts.show_note(str(error)[:200], level="warn", key=f"error {type(error).__name__}")
