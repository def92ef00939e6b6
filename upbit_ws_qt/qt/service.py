"""The service: one object per program that holds the exchange's lines and speaks Qt."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, ClassVar, cast
from urllib.parse import urlsplit
from weakref import ref

from PyQt6 import sip
from PyQt6.QtCore import QObject, Qt, pyqtSignal

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError, WebSocketError
from upbit_ws_qt.program import PROGRAM
from upbit_ws_qt.qt.channel_source import ChannelSource
from upbit_ws_qt.qt.ownership import Lifetime
from upbit_ws_qt.qt.paint import PaintMeter
from upbit_ws_qt.qt.subscription import Subscription
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from upbit_ws_qt.backfill import AccountState, GapReport
    from upbit_ws_qt.connection import GapEvent
    from upbit_ws_qt.manager import ComponentsSnapshot, GlobalWebSocketManager
    from upbit_ws_qt.manager.trace import FrameTrace
    from upbit_ws_qt.manager.wiring import Wiring
    from upbit_ws_qt.monitoring import Monitor
    from upbit_ws_qt.monitoring.adaptive import AdaptationStep
    from upbit_ws_qt.monitoring.alerts import Alert
    from upbit_ws_qt.monitoring.health import HealthStatus
    from upbit_ws_qt.monitoring.heat import FreshnessMap, LatencyKind, LatencyMap
    from upbit_ws_qt.monitoring.history import HistorySeries, LineEvent, Metric
    from upbit_ws_qt.monitoring.incidents import Incident
    from upbit_ws_qt.monitoring.independence import Interference
    from upbit_ws_qt.monitoring.line_metrics import ConnectionMetrics
    from upbit_ws_qt.monitoring.metrics import PerformanceMetrics, StreamMetrics
    from upbit_ws_qt.monitoring.performance import PerformanceIssue
    from upbit_ws_qt.monitoring.prediction import ResourcePrediction
    from upbit_ws_qt.monitoring.stream_metrics import SubscriptionMetrics
    from upbit_ws_qt.monitoring.uptime import DayUptime
    from upbit_ws_qt.qt.bridge import Bridge
    from upbit_ws_qt.qt.channel import Channel
    from upbit_ws_qt.qt.channel_hub import ChannelHub
    from upbit_ws_qt.qt.signals import SignalOf, SignalOfTwo
    from upbit_ws_qt.recording.replay import Replay
    from upbit_ws_qt.recording.replay_clock import ReplayClock
    from upbit_ws_qt.rest import RestClient
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import OptimizationResult, RestoreResult, SubscriptionStatistics

__all__ = ["WebSocketService"]


class WebSocketService(QObject, ChannelSource):
    """Holds one line per endpoint that is needed, for all widgets of the program.

    Everything but `start()` and `stop()` is a plain call. All of it belongs to the thread the service was made in, and
    needs the running asyncio (qasync) loop; anything else raises a clear RuntimeError or ConfigurationError. A service
    that was stopped stays stopped.

    The first service that lives is the program's one, whether `instance()` made it or its class was called: it is what
    `instance()` returns and what proxies without a service ask, and its manager is the program's manager. Any other
    has lines of its own; so has one whose configuration differs from that of the program's manager.

    Example:
        >>> service.connectionStateChanged.connect(lambda line, state: print(line, state))
        >>> channel = service.orderbook("KRW-BTC", depth=5)
        >>> channel.frame.connect(lambda book: label.setText(f"{book.best_bid} / {book.best_ask}"))
        >>> service.connection_state(WebSocketType.INFO)
        <ConnectionState.DISCONNECTED: 'disconnected'>

    Args:
        config: by default that of the program's manager, else public data of the Korean exchange.
        parent: of the QObject. A service that is destroyed without `stop()` is stopped from the loop.

    Signals:
        stateChanged(GlobalManagerState): of the whole.
        connectionStateChanged(WebSocketType, ConnectionState): of one line.
        epochChanged(WebSocketType, int): a new line replaced the old one.
        gapDetected(GapEvent): something may have been missed: between two lines, told when the new one opens, or
            because this program had no room for it (then `gap.old` is `gap.new`).
        feedResumed(WebSocketType, int): a line is proved and its first data were handed out; who reloads now, from
            `gap.since` on, leaves no hole.
        gapHealed(GapReport): what was missed has been handed out, as far as there is any of it; see
            `ServiceConfig.backfill`.
        metricsUpdated(PerformanceMetrics): fresh figures, every `metrics_interval`.
        healthChanged(HealthStatus): the health was judged anew.
        alertRaised(Alert), alertCleared(Alert): see Alert.
        incidentChanged(Incident): something that happened to the lines began, went on or is over.
        errorOccurred(WebSocketError): something went wrong that a person should be able to see.
        componentFailed(str, Exception): a component's callback raised, or the component was quarantined
            (BackpressureError).
        loadAdapted(AdaptationStep): something was given up under load or taken back; see `adaptations()`.
        subscriptionsChanged(): some component's wishes changed.
    """

    # To Qt all of our classes are Python objects; those of the engine are not named here, because that would load it.
    stateChanged = cast("SignalOf[GlobalManagerState]", pyqtSignal(GlobalManagerState))
    connectionStateChanged = cast(
        "SignalOfTwo[WebSocketType, ConnectionState]", pyqtSignal(WebSocketType, ConnectionState)
    )
    epochChanged = cast("SignalOfTwo[WebSocketType, int]", pyqtSignal(WebSocketType, "qlonglong"))
    gapDetected = cast("SignalOf[GapEvent]", pyqtSignal(object))
    feedResumed = cast("SignalOfTwo[WebSocketType, int]", pyqtSignal(WebSocketType, "qlonglong"))
    gapHealed = cast("SignalOf[GapReport]", pyqtSignal(object))
    metricsUpdated = cast("SignalOf[PerformanceMetrics]", pyqtSignal(object))
    healthChanged = cast("SignalOf[HealthStatus]", pyqtSignal(object))
    alertRaised = cast("SignalOf[Alert]", pyqtSignal(object))
    alertCleared = cast("SignalOf[Alert]", pyqtSignal(object))
    incidentChanged = cast("SignalOf[Incident]", pyqtSignal(object))
    errorOccurred = cast("SignalOf[WebSocketError]", pyqtSignal(WebSocketError))
    componentFailed = cast("SignalOfTwo[str, Exception]", pyqtSignal(str, Exception))
    loadAdapted = cast("SignalOf[AdaptationStep]", pyqtSignal(object))
    subscriptionsChanged = pyqtSignal()

    # PROGRAM holds the program's service weakly, so that one made by hand and never used goes when its maker lets go of
    # it. What instance() made has no other owner than this class.
    _made_here: ClassVar[WebSocketService | None] = None

    def __init__(self, config: ServiceConfig | None = None, parent: QObject | None = None) -> None:
        if config is not None and not isinstance(config, ServiceConfig):
            raise TypeError(f"config must be a ServiceConfig or None, not {config!r:.80}")
        super().__init__(parent)
        self._thread = threading.current_thread()
        settled = PROGRAM.config_of("manager")
        self.config = config or settled or ServiceConfig()
        self._source: Replay | None = None
        self._manager: GlobalWebSocketManager | None = None
        self._hub: ChannelHub | None = None
        self._bridge: Bridge | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False
        self._unused: Monitor | None = None
        self._is_programs = PROGRAM.living("service") is None and settled in (None, self.config)
        if self._is_programs:
            PROGRAM.claim("service", ref(self))

    @classmethod
    def instance(cls, config: ServiceConfig | None = None) -> WebSocketService:
        """Return the program's service: the first that was made and lives, else one that is made now.

        It shares its lines with `GlobalWebSocketManager.get_instance()` and with clients that name no manager, whoever
        is asked for first. Without a configuration it is the program's manager's, or the default; another one than
        theirs is a ConfigurationError. After `stop()` the next call makes a new service, with a life of its own.
        """
        found = PROGRAM.living("service")
        PROGRAM.settle(config)
        if not isinstance(found, WebSocketService):
            found = cls._made_here = cls(config)
        return found

    @property
    def is_usable(self) -> bool:
        """Whether it can still be used: it was neither stopped nor deleted, and its loop was not closed."""
        if self._stopped or sip.isdeleted(self):
            return False
        return self._manager is None or self._manager.wiring.is_usable

    def __repr__(self) -> str:
        return f"<WebSocketService {self.state} {urlsplit(self.config.public_url).netloc}>"

    @classmethod
    def replay(
        cls,
        path: str | Path,
        speed: float = 1.0,
        *,
        paused: bool = False,
        config: ServiceConfig | None = None,
        parent: QObject | None = None,
    ) -> WebSocketService:
        """Make a service that plays a recording: the same signals and channels, and a `clock` that can be set.

        It dials nothing and raises no alerts; `rest` answers from the recording. It begins with `start()`, once what is
        wanted by then has been asked for.

        Example:
            >>> past = WebSocketService.replay("today", speed=10)
            >>> past.clock.is_paused
            False

        Args:
            path: the folder of a recording (see Recorder), or one of its files.
            speed: recorded seconds per second, 0.01 to 1000; infinite for as fast as the events are taken.
            paused: whether the clock stands until `clock.resume()`.
            config: settings; addresses, credentials and whatever reaches out of the program are put aside.
            parent: of the QObject.

        Raises:
            RecordingError: there is no recording, or nothing in it.
            ValueError: the speed cannot be.
        """
        from upbit_ws_qt.recording.replay import Replay

        source = Replay(path, config or ServiceConfig(), speed, paused=paused)
        service = cls(source.config, parent)
        service._source = source
        return service

    @property
    def clock(self) -> ReplayClock | None:
        """What drives a replay; None where the lines are live."""
        return None if self._source is None else self._source.clock

    # -- life ---------------------------------------------------------------------------------------------------------
    async def start(self) -> None:
        """Begin to dial what is wanted; a second call changes nothing. After `stop()` it is a ConfigurationError."""
        await self.manager.start()

    async def stop(self) -> None:
        """End all subscriptions and lines within 2 s, whatever the exchange does; may be called more than once.

        The lines of the program's service are the program's: they end for whoever else shares them, too.
        """
        self.require_thread("stop")
        self._stopped = True
        manager, bridge = self._manager, self._bridge
        if manager is None or bridge is None:
            # The program's lines may be there without this service having made its manager.
            shared = PROGRAM.living("manager") if self._is_programs else None
            if shared is not None and cast("Wiring", shared).loop is asyncio.get_running_loop():
                await asyncio.shield(cast("Wiring", shared).begin_stop())
            return
        for task in tuple(self._tasks):
            task.cancel()
        await manager.stop()
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(self._finish, bridge, done)  # signals go out first, and not from this Task
        await done

    def _finish(self, bridge: Bridge, done: asyncio.Future[None]) -> None:
        try:
            bridge.close()
            if not sip.isdeleted(self):
                for subscription in self.findChildren(Subscription):
                    subscription.close()
        finally:
            if not done.done():
                done.set_result(None)

    # -- questions ----------------------------------------------------------------------------------------------------
    @property
    def state(self) -> GlobalManagerState:
        """How it stands with the whole."""
        if self._manager is None:
            return GlobalManagerState.STOPPED if self._stopped else GlobalManagerState.INITIALIZING
        return self._manager.state

    def connection_state(self, ws_type: WebSocketType) -> ConnectionState:
        """Return the state of a line; DISCONNECTED for one that nothing wants, or that is not available."""
        return ConnectionState.DISCONNECTED if self._manager is None else self._manager.connection_state(ws_type)

    def epoch(self, ws_type: WebSocketType) -> int:
        """Return how many lines to this endpoint there have been; 0 before the first."""
        return 0 if self._manager is None else self._manager.get_current_epoch(ws_type)

    def latest_gap(self, ws_type: WebSocketType) -> GapEvent | None:
        """Return the latest gap of an endpoint, with what came first after it as far as it has come; None for none."""
        return None if self._manager is None else self._manager.wiring.backfill.latest(ws_type)

    def account_state(self) -> AccountState | None:
        """Return balances with what was paid for them, and open orders; None before anything of them is known.

        They are asked for where `ServiceConfig.backfill` has "order" or "asset" and somebody wants such events. What an
        event tells is in it when the event is handed out; `is_complete` says that all was asked for.
        """
        return None if self._manager is None else self._manager.account_state()

    def performance_metrics(self) -> PerformanceMetrics:
        """Return the whole program's figures, as of the last reading."""
        return self.manager.monitor.performance_metrics()

    def health_status(self) -> HealthStatus:
        """Return the health of each line and of the whole, with reasons, as of the last reading."""
        return self.manager.monitor.health_status()

    def connection_metrics(self, ws_type: WebSocketType) -> ConnectionMetrics:
        """Return one line's figures, as of the last reading."""
        return self.manager.monitor.connection_metrics(ws_type)

    def subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return self.manager.wiring.subscription_statistics()

    def history(self, metric: Metric | str, ws_type: WebSocketType | None, seconds: float) -> HistorySeries:
        """Return a figure over the last `seconds`: by the second up to 15 minutes, in steps of ten up to a day.

        Args:
            metric: "score", "rtt", "epoch", "connected", "messages_per_second", "bytes_per_second", "event_age",
                "pending", "dropped", "loop_lag", "memory" or "cpu"; anything else is a ValueError.
            ws_type: the line, None for the program.
            seconds: above 0, else a ValueError.
        """
        return self._monitor.history(metric, ws_type, seconds)

    def latency_map(self, kind: LatencyKind | str, ws_type: WebSocketType, seconds: float) -> LatencyMap:
        """Return how long something took, as a distribution over time: a column for each ten seconds, at most an hour.

        Args:
            kind: "way" (from the exchange to here) or "round_trip"; anything else is a ValueError.
            ws_type: the line.
            seconds: above 0, else a ValueError.
        """
        return self._monitor.latency_map(kind, ws_type, seconds)

    def freshness_map(self, seconds: float) -> FreshnessMap:
        """Return how old the newest event of each stream was, each ten seconds; an hour and 3,000 streams at most.

        `seconds` must be above 0, else it is a ValueError.
        """
        return self._monitor.freshness_map(seconds)

    def line_events(self, seconds: float) -> tuple[LineEvent, ...]:
        """Return losses, restorations and renewals of the last `seconds`, oldest first, at most 500."""
        return self._monitor.events(seconds)

    def incidents(self) -> tuple[Incident, ...]:
        """Return what happened to the lines: what belongs together as one, the newest first, at most 200.

        Empty where `ServiceConfig.metrics_history` is off.
        """
        return self._monitor.incidents()

    def uptime(self) -> tuple[DayUptime, ...]:
        """Return how much of each day each line was up while it was wanted, of 31 days of this run at most."""
        return self._monitor.uptime()

    def alerts(self, *, cleared: bool = True) -> tuple[Alert, ...]:
        """Return the alerts that last, newest first, then those that are over."""
        return self._monitor.alerts(cleared=cleared)

    def acknowledge(self, alert_id: int) -> bool:
        """Mark an alert as seen; False where no such alert lasts."""
        return self._monitor.acknowledge(alert_id)

    def stream_metrics(self) -> tuple[StreamMetrics, ...]:
        """Return rate, bytes and age of each stream, the busiest first; read off every `metrics_interval`."""
        return self._monitor.stream_metrics()

    def subscription_metrics(self, component_id: str | None = None) -> tuple[SubscriptionMetrics, ...]:
        """Return rate, bytes and slot time of each stream of a component, or of all; the most costly first.

        Exact where a component has several streams, too: it tells which one's slot is slow. Read off every
        `metrics_interval`.
        """
        return self._monitor.streams.subscription_metrics(component_id)

    def issues(self) -> tuple[PerformanceIssue, ...]:
        """Return what costs speed, with advice."""
        return self._monitor.issues()

    def interference(self) -> tuple[Interference, ...]:
        """Return how the lines disturbed each other in the last ten minutes."""
        independence = self._monitor.independence
        return () if independence is None else independence.detect_connection_interference()

    def adaptations(self) -> tuple[AdaptationStep, ...]:
        """Return what was given up under load or taken back, the last 200 steps, oldest first."""
        adaptive = self._monitor.adaptive
        return () if adaptive is None else adaptive.steps()

    def undo_adaptation(self) -> bool:
        """Take back the latest thing given up under load, for ten minutes at least; False where nothing is."""
        return self._manager is not None and self._manager.wiring.observer.undo_adaptation()

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
        return None if self._manager is None else self._manager.wiring.traces.open()

    def measure_painting(self) -> PaintMeter:
        """Begin to measure the "paint" stage, of the windows that the meter is given; close it when nobody looks.

        Without a meter painting is not measured, and never named as the bottleneck.
        """
        return PaintMeter(self._note_painting)

    def _note_painting(self, seconds: float) -> None:
        self._monitor.note_work("paint", seconds)

    @property
    def _monitor(self) -> Monitor:
        """What answers, as of the last reading; before the service was used, one that saw nothing."""
        if self._manager is not None:
            return self._manager.monitor
        if self._unused is None:
            from upbit_ws_qt.monitoring import Monitor

            self._unused = Monitor(self.config)
        return self._unused

    def capture_state(self) -> ComponentsSnapshot:
        """Return a picture of who wants what, to compare with a later one or to put back with `restore_state`."""
        return self.manager.capture_state()

    async def restore_state(self, snapshot: ComponentsSnapshot) -> RestoreResult:
        """Make all subscriptions those of a picture, with their callbacks; see the manager's method of this name.

        A subscription that was closed since is made again in its proxy, if that has not ended; one without a callback,
        or that calls a signal, is not, because whoever was connected to it is connected no more.
        """
        return await self.manager.restore_state(snapshot)

    async def optimize_subscriptions(self) -> dict[WebSocketType, OptimizationResult]:
        """Return, for each line, the one request that asks for all that is wanted; see the manager's method."""
        return await self.manager.optimize_subscriptions()

    async def force_cleanup_dead_references(self) -> int:
        """Remove now what belongs to owners that died without a word, or stopped consuming for too long.

        Returns how many components were removed. The clean-up task does this every `cleanup_interval`.
        """
        removed = await self.manager.force_cleanup_dead_references()
        if self._bridge is not None:
            self._bridge.end_the_dead()
        return removed

    # -- actions ------------------------------------------------------------------------------------------------------
    def reconnect(self, ws_type: WebSocketType) -> asyncio.Task[None]:
        """Replace a line, the new one first where possible; a failed line is tried again.

        Made for a button: nobody needs to await the task. What goes wrong is told by `errorOccurred` too.
        """
        self.require_thread("reconnect")
        loop = self._running_loop("reconnect")
        task = loop.create_task(self.manager.reconnect(ws_type), name=f"upbit_ws_qt reconnect {ws_type}")
        self._tasks.add(task)
        task.add_done_callback(self._on_reconnected)
        return task

    def _on_reconnected(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, WebSocketError) and not sip.isdeleted(self):
            self.errorOccurred.emit(error)

    @property
    def rest(self) -> RestClient:
        """What asks the exchange's REST interface: the past, the account, the list of markets; ends with `stop()`."""
        return self.manager.rest

    def wishes_of(self, owner: QObject) -> tuple[SubscriptionSpec, ...]:
        """Return what is wanted for an object, and for those within it, by the proxies that they own; oldest first.

        Nothing for one that was deleted, unless something has outlived it. What is connected to the service's own
        channels has no owner, and is not here.
        """
        self.require_thread("wishes_of")
        lifetimes = self.findChildren(Lifetime, options=Qt.FindChildOption.FindDirectChildrenOnly)
        return tuple(spec for each in lifetimes if each.belongs_to(owner) for spec in each.specs)

    # -- for the rest of this room ------------------------------------------------------------------------------------
    @property
    def manager(self) -> GlobalWebSocketManager:
        """The manager behind it, made at the first use; share it with SimpleWebSocketClient(manager=…)."""
        self.require_thread("manager")
        if self._manager is None:
            if self._stopped:
                raise ConfigurationError("service", "stopped", "a new service; a stopped one cannot be used again")
            self._running_loop("manager")
            # Here and not above: the engine is most of what there is to load, and importing a service should not take
            # three times as long as importing Qt.
            from upbit_ws_qt.manager import GlobalWebSocketManager
            from upbit_ws_qt.qt.bridge import Bridge
            from upbit_ws_qt.qt.channel_hub import ChannelHub

            # The program has one set of lines, whichever of the two was asked for first.
            if self._source is not None:
                self._manager = GlobalWebSocketManager(self.config, source=self._source)
            else:
                made_by = GlobalWebSocketManager.instance if self._is_programs else GlobalWebSocketManager
                self._manager = made_by(self.config)
            self._hub = ChannelHub(self._manager, self.errorOccurred.emit)
            self._bridge = Bridge(self._manager, self, self._hub)
        return self._manager

    def require_thread(self, what: str) -> None:
        """Raise RuntimeError where the caller is not in the service's thread."""
        here = threading.current_thread()
        if here is not self._thread:
            raise RuntimeError(
                f"{what}: the service lives in thread {self._thread.name!r} and was called from {here.name!r}; "
                "hand the call over with loop.call_soon_threadsafe or a queued signal"
            )

    def own_channel(self, spec: SubscriptionSpec, component_id: str, alive: Callable[[], bool]) -> Channel:
        """Make a channel for one owner, wanted until it is closed; for proxies."""
        return self._channels(spec).own(spec, component_id, alive)

    @property
    def hub(self) -> ChannelHub:
        """What keeps the channels, and knows which streams are out of date; for subscriptions."""
        _ = self.manager
        assert self._hub is not None, "it is made with the manager"
        return self._hub

    def _channel(self, spec: SubscriptionSpec) -> Channel:
        return self._channels(spec).channel(spec)

    def _channels(self, spec: SubscriptionSpec) -> ChannelHub:
        from upbit_ws_qt.wire import region_problem  # loaded with the manager, which this needs anyway

        lacking = region_problem(spec, self.config.region)
        if lacking is not None:
            raise SubscriptionError(lacking, spec=spec, codes=spec.symbols)
        self.manager.wiring.endpoint(spec.data_type.websocket_type)  # SubscriptionError where there is none
        if self.manager.state in (GlobalManagerState.STOPPING, GlobalManagerState.STOPPED) or self._hub is None:
            raise ConfigurationError("service", "stopped", "a new service; a stopped one cannot be used again")
        return self._hub

    def _running_loop(self, what: str) -> asyncio.AbstractEventLoop:
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                f"{what}: no asyncio loop is running; call it from the setup of upbit_ws_qt.run(), from a slot, or "
                "from a coroutine on the qasync loop"
            ) from None
