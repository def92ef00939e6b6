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
from widgets.account.my_orders import MyOrdersWidget
from widgets.announcements.panel import AnnouncementsWidget
from widgets.base.price_format import full_text, price_text
from widgets.base.text import said, tr
from widgets.indicators.choice import trigger_text, type_text
from widgets.indicators.panel import IndicatorsWidget
from widgets.window.status_bar import LINE_NAMES
from widgets.window.toasts import log_note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from PyQt6.QtWidgets import QWidget

    from widgets.settings.preferences import Preferences
    from widgets.window.toasts import Toasts

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
            wanted = self.preferences.toast_lost
            self._tell(wanted, tr("Connection lost: {line}", line=name), "bad", f"lost {line}")
        elif state is ConnectionState.CONNECTED and line in self._down:
            self._down.discard(line)
            wanted = self.preferences.toast_recovered
            self._tell(wanted, tr("Connection recovered: {line}", line=name), "good", f"recovered {line}")

    def _tell(self, wanted: bool, text: str, level: str, key: str | None = None) -> None:
        """Show a toast where it is wanted; the log has it anyway."""
        if wanted:
            self._toasts.show_note(text, level=level, key=key)
        else:
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
        self._tell(self.preferences.toast_alerts, text, "warn", f"alert {alert.kind} {alert.ws_type}")

    @pyqtSlot(str, Exception)
    def _on_component_failed(self, component_id: str, error: Exception) -> None:
        _log.error("component %s: %s: %s", component_id, type(error).__name__, error)

    @pyqtSlot(WebSocketError)
    def _on_error(self, error: WebSocketError) -> None:
        text = said(str(error))[:200]
        self._tell(self.preferences.toast_lost, text, "warn", f"error {type(error).__name__}")
