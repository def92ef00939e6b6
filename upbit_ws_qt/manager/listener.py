"""Who wants to know what happens in the manager; the Qt service turns these calls into signals."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upbit_ws_qt.connection import GapEvent, StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.monitoring.adaptive import AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.metrics import PerformanceMetrics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import GlobalManagerState, WebSocketType

__all__ = ["ManagerListener"]


class ManagerListener:
    """Override what is of interest; nothing else is called for nothing.

    All methods are called on the manager's loop, from a plain callback, never from inside a Task, so a nested Qt
    event loop may be opened in them. They must not raise: an exception goes to the loop's exception handler.
    """

    def on_state(self, state: GlobalManagerState) -> None:
        """The whole manager's state changed."""

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """One line's state changed."""

    def on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        """A new line replaced the old one."""

    def on_gap(self, gap: GapEvent) -> None:
        """Between two lines something may have been missed; one call for each epoch change."""

    def on_error(self, error: WebSocketError) -> None:
        """Something went wrong that a person should be able to see; frames that cannot be read 20 a second at most."""

    def on_component_failed(self, component_id: str, error: Exception) -> None:
        """A component's callback raised, or the component was put aside."""

    def on_stream_status(self, stream: StreamKey, status: StreamStatus) -> None:
        """A stream became served, unserved or rejected."""

    def on_subscriptions_changed(self) -> None:
        """Some component's wishes changed."""

    def on_metrics(self, metrics: PerformanceMetrics) -> None:
        """Fresh figures, every `metrics_interval` seconds."""

    def on_health(self, health: HealthStatus) -> None:
        """The health was judged anew, every `health_interval` seconds, and at once where it changed."""

    def on_adapted(self, step: AdaptationStep) -> None:
        """Something was given up under load, or taken back."""

    def on_alert(self, alert: Alert, *, raised: bool) -> None:
        """An alert was raised or cleared."""
