"""What the rest of this room may rely on of the service: its signals, its thread and its manager."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

from upbit_ws_qt.connection import GapEvent
from upbit_ws_qt.errors import WebSocketError
from upbit_ws_qt.monitoring.adaptive import AdaptationStep
from upbit_ws_qt.monitoring.alerts import Alert
from upbit_ws_qt.monitoring.health import HealthStatus
from upbit_ws_qt.monitoring.metrics import PerformanceMetrics
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from upbit_ws_qt.manager import GlobalWebSocketManager

__all__ = ["ServiceBase"]


class ServiceBase(QObject):
    """The service as its bridge and its subscriptions see it; see WebSocketService for what the signals tell."""

    stateChanged = pyqtSignal(GlobalManagerState)
    connectionStateChanged = pyqtSignal(WebSocketType, ConnectionState)
    epochChanged = pyqtSignal(WebSocketType, "qlonglong")
    gapDetected = pyqtSignal(GapEvent)
    metricsUpdated = pyqtSignal(PerformanceMetrics)
    healthChanged = pyqtSignal(HealthStatus)
    alertRaised = pyqtSignal(Alert)
    alertCleared = pyqtSignal(Alert)
    errorOccurred = pyqtSignal(WebSocketError)
    componentFailed = pyqtSignal(str, Exception)
    loadAdapted = pyqtSignal(AdaptationStep)
    subscriptionsChanged = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = threading.current_thread()

    @property
    def manager(self) -> GlobalWebSocketManager:
        """The manager behind it, made at the first use."""
        raise NotImplementedError

    async def start(self) -> None:
        """Begin to dial what is wanted."""
        raise NotImplementedError

    def require_thread(self, what: str) -> None:
        """Raise RuntimeError where the caller is not in the service's thread."""
        here = threading.current_thread()
        if here is not self._thread:
            raise RuntimeError(
                f"{what}: the service lives in thread {self._thread.name!r} and was called from {here.name!r}; "
                "hand the call over with loop.call_soon_threadsafe or a queued signal"
            )
