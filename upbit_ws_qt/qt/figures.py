"""What a monitor can ask of the service beyond its signals: history, marks, alerts, advice, raw frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.monitoring.history import HistorySeries, Metric
from upbit_ws_qt.qt.paint import PaintMeter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from upbit_ws_qt.manager import GlobalWebSocketManager
    from upbit_ws_qt.manager.trace import FrameTrace
    from upbit_ws_qt.monitoring.adaptive import AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.history import LineEvent
    from upbit_ws_qt.monitoring.independence import Interference
    from upbit_ws_qt.monitoring.metrics import StreamMetrics
    from upbit_ws_qt.monitoring.performance import PerformanceIssue
    from upbit_ws_qt.monitoring.prediction import ResourcePrediction
    from upbit_ws_qt.monitoring.subscriptions import SubscriptionMetrics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.types import SubscriptionSpec, WebSocketType

__all__ = ["ServiceFigures"]


class ServiceFigures:
    """Questions answered as of the last reading, about a second ago. Before the service was used they are empty."""

    _manager: GlobalWebSocketManager | None

    def history(self, metric: Metric | str, ws_type: WebSocketType | None, seconds: float) -> HistorySeries:
        """Return a figure over the last `seconds`: by the second up to 15 minutes, in steps of ten up to a day.

        Args:
            metric: "score", "rtt", "epoch", "connected", "messages_per_second", "bytes_per_second", "event_age",
                "pending", "dropped", "loop_lag", "memory" or "cpu"; anything else is a ValueError.
            ws_type: the line, None for the program.
            seconds: above 0, else a ValueError.
        """
        if self._manager is None:
            return HistorySeries(metric=Metric(metric), ws_type=ws_type, step=1.0)
        return self._manager.monitor.history(metric, ws_type, seconds)

    def line_events(self, seconds: float) -> tuple[LineEvent, ...]:
        """Return losses, restorations and renewals of the last `seconds`, oldest first, at most 500."""
        return () if self._manager is None else self._manager.monitor.events(seconds)

    def alerts(self, *, cleared: bool = True) -> tuple[Alert, ...]:
        """Return the alerts that last, newest first, then those that are over."""
        return () if self._manager is None else self._manager.monitor.alerts(cleared=cleared)

    def acknowledge(self, alert_id: int) -> bool:
        """Mark an alert as seen; False where no such alert lasts."""
        return self._manager is not None and self._manager.monitor.acknowledge(alert_id)

    def stream_metrics(self) -> tuple[StreamMetrics, ...]:
        """Return rate, bytes and age of each stream, the busiest first; read off every `metrics_interval`."""
        return () if self._manager is None else self._manager.monitor.stream_metrics()

    def subscription_metrics(self, component_id: str | None = None) -> tuple[SubscriptionMetrics, ...]:
        """Return rate, bytes and slot time of each stream of a component, or of all; the most costly first.

        Exact where a component has several streams, too: it tells which one's slot is slow. Read off every
        `metrics_interval`.
        """
        return () if self._manager is None else self._manager.subscription_metrics(component_id)

    def issues(self) -> tuple[PerformanceIssue, ...]:
        """Return what costs speed, with advice."""
        return () if self._manager is None else self._manager.monitor.issues()

    def interference(self) -> tuple[Interference, ...]:
        """Return how the lines disturbed each other in the last ten minutes."""
        independence = None if self._manager is None else self._manager.monitor.independence
        return () if independence is None else independence.detect_connection_interference()

    def adaptations(self) -> tuple[AdaptationStep, ...]:
        """Return what was given up under load or taken back, the last 200 steps, oldest first."""
        adaptive = None if self._manager is None else self._manager.monitor.adaptive
        return () if adaptive is None else adaptive.steps()

    def undo_adaptation(self) -> bool:
        """Take back the latest thing given up under load, for ten minutes at least; False where nothing is."""
        return self._manager is not None and self._manager.undo_adaptation()

    def quarantined(self) -> dict[str, frozenset[StreamKey]]:
        """Return the components that are quarantined, with the streams that each has given back."""
        return {} if self._manager is None else self._manager.quarantined()

    def predict_resource_usage(self, specs: Iterable[SubscriptionSpec] | None = None) -> ResourcePrediction | None:
        """Return what subscriptions would cost together, from the rates that were measured so far.

        Args:
            specs: what would be wanted; None for all that is wanted now.

        Returns:
            Messages, bytes and callbacks a second, share of a core and memory; None before the service was used, and
            where `ServiceConfig.adaptive` is off.
        """
        return None if self._manager is None else self._manager.predict_resource_usage(specs)

    def resume(self, component_id: str) -> bool:
        """Serve a quarantined component again, and want again what it gave back; False where it is not quarantined."""
        return self._manager is not None and self._manager.resume(component_id)

    def trace_frames(self) -> FrameTrace | None:
        """Begin to keep the last 500 raw frames, the private ones masked; None before the service was used.

        Close the trace when nobody looks any more: it costs time for every frame.
        """
        return None if self._manager is None else self._manager.trace_frames()

    def measure_painting(self) -> PaintMeter:
        """Begin to measure the "paint" stage, of the windows that the meter is given; close it when nobody looks.

        Without a meter painting is not measured, and never named as the bottleneck.
        """
        return PaintMeter(self._note_painting)

    def _note_painting(self, seconds: float) -> None:
        if self._manager is not None:
            self._manager.monitor.note_work("paint", seconds)
