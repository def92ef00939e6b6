"""What can be asked of a manager: states, figures, the newest events; nothing here changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upbit_ws_qt.manager.parts import ManagerParts
from upbit_ws_qt.subscriptions import StreamStatus
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable

    from upbit_ws_qt.connection import Drain, JWTManager
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.endpoint import Endpoint
    from upbit_ws_qt.manager.news import News
    from upbit_ws_qt.monitoring import ConnectionMetrics, HealthStatus, Monitor, PerformanceMetrics
    from upbit_ws_qt.monitoring.prediction import ResourcePrediction
    from upbit_ws_qt.monitoring.subscriptions import SubscriptionMetrics
    from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine, RoutingStatistics
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import SubscriptionStatistics
    from upbit_ws_qt.types import Priority, SubscriptionSpec

__all__ = ["ManagerQuestions"]


class ManagerQuestions(ManagerParts):
    """The read-only side of a manager."""

    @property
    def state(self) -> GlobalManagerState:
        """How it stands with the whole."""
        return self._state

    @property
    def pool(self) -> DataPoolManager | None:
        """The newest events, None where the pool is switched off."""
        return self._pool

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop that everything runs on."""
        return self._loop

    @property
    def news(self) -> News:
        """What tells the listeners."""
        return self._news

    @property
    def monitor(self) -> Monitor:
        """Metrics, health, history, alerts."""
        return self._watch.monitor

    @property
    def routing(self) -> DataRoutingEngine:
        """Who is handed what."""
        return self._routing

    @property
    def drain(self) -> Drain:
        """What hands the frames out."""
        return self._drain

    @property
    def jwt(self) -> JWTManager:
        """Tokens of the private lines."""
        return self._jwt

    @property
    def endpoints(self) -> dict[WebSocketType, Endpoint]:
        """The lines that there are; private ones need credentials and a region that has them."""
        return dict(self._endpoints)

    def is_available(self, ws_type: WebSocketType) -> bool:
        """Whether data of this line can be wanted at all."""
        return ws_type in self._endpoints

    def connection_state(self, ws_type: WebSocketType) -> ConnectionState:
        """Return the state of a line; DISCONNECTED for one that is not available."""
        endpoint = self._endpoints.get(ws_type)
        return ConnectionState.DISCONNECTED if endpoint is None else endpoint.connection.state

    def get_current_epoch(self, ws_type: WebSocketType) -> int:
        """Return how many lines to this endpoint there have been; 0 before the first."""
        return self._epochs.get_current_epoch(ws_type)

    def is_current_epoch(self, ws_type: WebSocketType, epoch: int) -> bool:
        """Whether something stamped with `epoch` came on the present line."""
        return self._epochs.is_current_epoch(ws_type, epoch)

    def get_active_subscriptions(self) -> dict[StreamKey, tuple[str, ...]]:
        """Return every stream that is wanted, with the components that want it."""
        return self._wishes.get_active_subscriptions()

    def quarantined(self) -> dict[str, frozenset[StreamKey]]:
        """Return the components that are quarantined, with the streams that each has given back."""
        return self._desk.quarantined()

    def stream_status(self, stream: StreamKey) -> StreamStatus:
        """Return how far the exchange serves a stream."""
        return self._desk.status(stream) if self.is_available(stream.websocket_type) else StreamStatus.WANTED

    def subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return {ws_type: endpoint.keeper.statistics() for ws_type, endpoint in self._endpoints.items()}

    def routing_statistics(self) -> RoutingStatistics:
        """Return rates, latencies and queues."""
        return self._routing.get_routing_statistics()

    def connection_metrics(self, ws_type: WebSocketType) -> ConnectionMetrics:
        """Return one line's figures."""
        return self._watch.monitor.connection_metrics(ws_type)

    def subscription_metrics(self, component_id: str | None = None) -> tuple[SubscriptionMetrics, ...]:
        """Return the rate, bytes and slot time of each stream of a component, or of all; the most costly first.

        They are read off every `metrics_interval`, and whenever the program's figures are asked for.
        """
        return self._watch.subscriptions.metrics(component_id)

    def predict_resource_usage(self, specs: Iterable[SubscriptionSpec] | None = None) -> ResourcePrediction | None:
        """Return what subscriptions would cost together, from the rates that were measured so far.

        Args:
            specs: what would be wanted; None for all that is wanted now.

        Returns:
            Messages, bytes and callbacks a second, share of a core and memory; None where `ServiceConfig.adaptive` is
            off, since nothing is measured for it then.
        """
        adaptive = self._watch.monitor.adaptive
        if adaptive is None:
            return None
        return adaptive.predict_resource_usage(self._desk.specs() if specs is None else specs)

    async def get_performance_metrics(self) -> PerformanceMetrics:
        """Return the whole program's figures, read off now."""
        self._watch.observe()
        return self._watch.monitor.performance_metrics()

    async def get_health_status(self) -> HealthStatus:
        """Return the health of each line and the whole, with reasons, judged now."""
        self._watch.observe()
        return self._watch.monitor.health_status()

    async def get_subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return self.subscription_statistics()

    async def analyze_connection_independence(self) -> object:
        """Return whether the lines disturb each other; None where that part is switched off."""
        self._watch.observe()
        independence = self._watch.monitor.independence
        return None if independence is None else independence.monitor_cross_connection_impact()

    def latest(self, stream: StreamKey) -> BaseWebSocketEvent | None:
        """Return the newest known event of a stream; None where nothing is known or the data pool is off."""
        return (
            None if self._pool is None else self._pool.get_latest_data(stream.symbol, stream.data_type, stream.variant)
        )

    def component_outline(self) -> tuple[dict[str, Priority], dict[str, int]]:
        """Return the most urgent priority of each component, and the number of its streams."""
        return self._desk.outline()
