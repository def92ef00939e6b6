"""The rooms put together: what each is given, what is made of what they say, and how they begin and end."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from upbit_ws_qt.backfill import AccountSync, BackfillDriver, LossLog, Wholeness
from upbit_ws_qt.computer import Computer
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.config_rules import require_reachable
from upbit_ws_qt.connection import ConnectLimiter, Drain, EpochManager, JWTManager, Supervisor
from upbit_ws_qt.connection.inbox import stream_of
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError, WebSocketError
from upbit_ws_qt.manager.components import ComponentRegistry
from upbit_ws_qt.manager.endpoint import Endpoint
from upbit_ws_qt.manager.journal import Journal
from upbit_ws_qt.manager.notify import Notifier, Quota
from upbit_ws_qt.manager.observer import Observer
from upbit_ws_qt.manager.trace import TraceRegistry
from upbit_ws_qt.rest import RestClient
from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStateManager
from upbit_ws_qt.text import Phrase
from upbit_ws_qt.types import ConnectionState, DataType, GlobalManagerState, IndependenceLevel, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.backfill import GapReport, StreamRecovery
    from upbit_ws_qt.connection import GapEvent, LostStream, RawFrame, StateChange
    from upbit_ws_qt.desk.line import DeskLink
    from upbit_ws_qt.errors import DecodeError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.endpoint import LineSource
    from upbit_ws_qt.manager.notify import ManagerListener
    from upbit_ws_qt.monitoring import AdaptationPlan
    from upbit_ws_qt.rest.transport import Transport
    from upbit_ws_qt.routing import Route
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import SubscriptionStatistics
    from upbit_ws_qt.wire import WebSocketMessage

__all__ = ["Wiring", "running_loop"]

_OVER = frozenset({GlobalManagerState.STOPPING, GlobalManagerState.STOPPED})
_GOING = frozenset(
    {ConnectionState.CONNECTING, ConnectionState.SYNCING, ConnectionState.RECONNECTING, ConnectionState.DISCONNECTED}
)


_SERVED = frozenset({StreamStatus.LIVE, StreamStatus.WARMING_UP})
_ACCOUNT = frozenset({DataType.MY_ORDER, DataType.MY_ASSET})
FOLLOW_EVERY = 0.005
"""Seconds between two looks at the whole union while wishes keep changing; requests are gathered for longer anyway."""

NOT_STARTED_AFTER = 2.0
"""Seconds that wishes may wait for `start()` before it is said that nobody has called it."""

# All frames that cannot be read are counted; a peer that sends nothing else must not drown the listeners in errors.
UNREADABLE_TOLD_PER_SECOND = 20


class Wiring:
    """What a manager is made of, and its state; for the rooms above, for tests and for tools, not for programs.

    Attributes:
        config: the settings.
        computer: whose clocks and chance everything goes by.
        loop: the loop that everything runs on.
        wishes: what all components want.
        components: their registrations.
        pool: the newest events, None where the pool is switched off.
        routing: who is handed what.
        wholeness: which streams miss something.
        backfill: what knows of gaps and makes them good.
        account: what keeps orders and balances true over them.
        losses: what makes gaps of what is lost within this program.
        drain: what hands the frames out.
        desk: what everything comes from where that is no exchange; else None.
        jwt: tokens of the private lines and of REST.
        rest: what asks the REST interface.
        endpoints: the lines that there are; private ones need credentials and a region that has them.
        epochs: how many lines to each endpoint there have been.
        notifier: what tells the listeners.
        traces: who looks at raw frames.
        observer: what reads all of this off, judges it and cleans up.
        state: how it stands with the whole.
    """

    def __init__(
        self,
        config: ServiceConfig | None = None,
        *,
        computer: Computer | None = None,
        source: LineSource | None = None,
        on_frame: Callable[[RawFrame], None] | None = None,
    ) -> None:
        self._source = source
        self.computer = computer or (Computer() if source is None else source.computer)
        self.loop = running_loop()
        self.config = config or ServiceConfig()
        self.state = GlobalManagerState.INITIALIZING
        self.notifier = Notifier(self.loop)
        self.epochs = EpochManager()
        self.epochs.add_listener(self._on_epoch)
        self.wishes = SubscriptionStateManager(clock=self.loop.time, region=self.config.region)
        self.pool = self._make_pool()
        self.routing = DataRoutingEngine(
            self.config,
            is_current_epoch=self.epochs.is_current_epoch,
            on_component_failed=self._on_component_failed,
            on_decode_error=self._on_decode_error,
            on_control=self._on_control,
            pool=self.pool,
            backlog=lambda: sum(len(endpoint.inbox) for endpoint in self.endpoints.values()),
            computer=self.computer,
        )
        self._unreadable = {ws_type: Quota(UNREADABLE_TOLD_PER_SECOND) for ws_type in WebSocketType}
        self._failure_kinds: set[type[Exception]] = set()
        self.drain = Drain(
            on_frame or self.routing.route_frame,
            self.config.drain_budget,
            loop=self.loop,
            level=self.config.independence_level,
            on_failure=self._on_frame_failed,
        )
        self.jwt = JWTManager(
            self.config.credentials, self.config.token_lifetime, clock=self.loop.time, computer=self.computer
        )
        self.desk, transport = self._make_desk()
        self.rest = RestClient(
            self.config,
            jwt=self.jwt,
            wall_clock=self.computer.wall_clock,
            transport=transport if source is None else source.transport,
        )
        self.wholeness = Wholeness(self.routing.is_routed)
        self.backfill = BackfillDriver(self.config, self.routing, self.rest, self.wholeness, self, self.loop)
        self.account = AccountSync(
            self.config,
            self.rest,
            self.routing,
            self,
            self.wholeness,
            self,
            partial(self.epochs.get_current_epoch, WebSocketType.PRIVATE),
            self.loop,
        )
        if self.account.is_on:
            self.routing.on_account = self.account.book.note
        self.losses = LossLog(
            self.routing,
            self.wholeness,
            self.epochs.get_current_epoch,
            self.on_gap_found,
            self.on_gap,
            self.loop,
        )
        self.routing.on_unreadable = self.losses.note
        self.endpoints = self._make_endpoints()
        self.components = ComponentRegistry(
            self.loop,
            self.wishes,
            self.routing,
            self.endpoints,
            on_changed=self._on_wishes_changed,
            on_refused=self.on_rejected,
            begin_with_past=self._begin_with_past,
            region=self.config.region,
        )
        self._changed: set[WebSocketType] = set()  # lines that do not follow their wishes yet
        self._following: asyncio.Handle | None = None
        self._reminder: asyncio.TimerHandle | None = None
        self._is_reminded = False
        self._followed_at = float("-inf")
        self._failed: set[StreamKey] = set()
        self._statuses: deque[tuple[StreamKey, StreamStatus, SubscriptionError | None]] = deque()  # not told yet
        self._telling: asyncio.Handle | None = None
        self._frame_timer: asyncio.TimerHandle | None = None
        self.routing.on_frame_pending = self._arm_frame
        self.traces = TraceRegistry(self.endpoints, self.computer.wall_clock)
        self.observer = Observer(self)  # last: it reads off all that is made here
        self._journal = Journal(self.loop.time, json_lines=self.config.json_logs)
        self.notifier.add(self._journal)
        self._stopping: asyncio.Task[None] | None = None
        self._moves: set[asyncio.Task[None]] = set()
        if source is not None:
            source.attach(self)

    # -- life ----------------------------------------------------------------------------------------------------------
    @property
    def is_usable(self) -> bool:
        """Whether it can still be used: it was not stopped, and its loop was not closed."""
        return not self.loop.is_closed() and self.state not in _OVER

    def require_usable(self) -> None:
        """Raise ConfigurationError where it was stopped."""
        if self.state in _OVER:
            raise ConfigurationError("instance", "stopped", "a new manager; a stopped one cannot be used again")

    def start(self) -> None:
        """Begin to dial what is wanted; a second call changes nothing."""
        self.require_usable()
        if self.state is not GlobalManagerState.INITIALIZING:
            return
        wanted = {stream.websocket_type for stream in self.wishes.get_active_subscriptions()}
        for ws_type in wanted:  # here, where the caller hears of it; each dial would be refused
            require_reachable(f"{ws_type.value}_url", str(self.config.url(ws_type)))
        self._forget_reminder()
        self._journal.open()
        self._set_state(GlobalManagerState.IDLE)
        self.observer.start()
        for endpoint in self.endpoints.values():
            endpoint.wishes_changed()
        self._refresh_state()

    def begin_stop(self) -> asyncio.Task[None]:
        """End everything; from now on nothing can be wanted. For a plain callback: nobody has to await the task."""
        if self._stopping is None:
            self._forget_reminder()
            self._set_state(GlobalManagerState.STOPPING)
            self._stopping = self.loop.create_task(self._stop(), name="upbit_ws_qt manager stop")
        return self._stopping

    def abandon(self) -> None:
        """Let go of everything at once, because the process ends: no loop will run any more, and nobody is told."""
        self.state = GlobalManagerState.STOPPED
        self._forget_reminder()
        self.observer.stop()
        self.rest.abandon()
        for endpoint in self.endpoints.values():
            endpoint.abandon()
        self.drain.stop()
        self._journal.close()

    async def _stop(self) -> None:
        # First: what ends from here on is no trouble that anybody should be told of.
        self.observer.stop()
        for move in self._moves:
            move.cancel()
        await self.backfill.stop()
        await self.account.stop()
        # Before the lines: what was wanted goes with its owners, and no line is left that would be told of it.
        self.components.close_all()
        if self._following is not None:
            self._following.cancel()
            self.notifier.notify(lambda listener: listener.on_subscriptions_changed())
        try:
            # No limit of time around it: each line cuts itself off after a second, and a loop that stood still for
            # longer than a limit would only be told so by an error, with the lines left as they are.
            await asyncio.gather(self.rest.close(), *(endpoint.stop() for endpoint in self.endpoints.values()))
            if self.desk is not None:
                await self.desk.stop()
        finally:
            self.drain.stop()
            await self.routing.stop()
            if self._frame_timer is not None:
                self._frame_timer.cancel()
            self._set_state(GlobalManagerState.STOPPED)
            self._journal.close()

    # -- for the rooms above -------------------------------------------------------------------------------------------
    def is_available(self, ws_type: WebSocketType) -> bool:
        """Whether data of this line can be wanted at all."""
        return ws_type in self.endpoints

    def endpoint(self, ws_type: WebSocketType) -> Endpoint:
        """Return a line; SubscriptionError where it is not available."""
        endpoint = self.endpoints.get(ws_type)
        if endpoint is None:
            raise SubscriptionError(
                f"the {ws_type} line is not available: it needs credentials, and a region that has it"
            )
        return endpoint

    def stream_status(self, stream: StreamKey) -> StreamStatus:
        """Return how far the exchange serves a stream."""
        return self.components.status(stream) if self.is_available(stream.websocket_type) else StreamStatus.WANTED

    @property
    def is_settled(self) -> bool:
        """Whether all that is wanted is served or refused, and all that was received handed out; for tests."""
        return self.is_drained and all(map(self._is_decided, self.wishes.get_active_subscriptions()))

    @property
    def is_drained(self) -> bool:
        """Whether all that was received, and how it stands with what is wanted, has been handed out; for tests."""
        if self._changed or self._statuses or self._frame_timer is not None:
            return False
        return not any(endpoint.inbox for endpoint in self.endpoints.values())

    def _is_decided(self, stream: StreamKey) -> bool:
        """Whether a stream is served, or known not to be."""
        state = self.endpoint(stream.websocket_type).connection.state
        status = self.stream_status(stream)
        return state is ConnectionState.FAILED or (
            state is ConnectionState.CONNECTED and (status.is_served or status.is_failed)
        )

    def latest(self, stream: StreamKey) -> BaseWebSocketEvent | None:
        """Return the newest known event of a stream; None where nothing is known or the data pool is off."""
        return None if self.pool is None else self.pool.get_latest_data(stream.symbol, stream.data_type, stream.variant)

    def subscription_statistics(self) -> dict[WebSocketType, SubscriptionStatistics]:
        """Return requests, proofs, conflicts and unserved streams of each line."""
        return {ws_type: endpoint.sync.statistics() for ws_type, endpoint in self.endpoints.items()}

    # -- what the observer decides -------------------------------------------------------------------------------------

    def adapt(self, plan: AdaptationPlan) -> None:
        """Give up under load what a plan says, or take it back."""
        self.components.adapt(plan)
        self.routing.slow_frames(plan.frame_divisor)

    def raise_independence(self, level: IndependenceLevel) -> None:
        """Separate the lines better from now on; a level below the one in force changes nothing.

        ISOLATED moves each line to a thread of its own; the old socket serves until the new one is proved.
        """
        if (independence := self.observer.monitor.independence) is not None:
            independence.note_level(level)
        if level is not IndependenceLevel.BASIC:
            self.drain.level = max(self.drain.level, level, key=list(IndependenceLevel).index)
        if level is IndependenceLevel.ISOLATED:
            for endpoint in self.endpoints.values():
                move = self.loop.create_task(self._isolate(endpoint), name=f"isolate {endpoint.ws_type.value}")
                self._moves.add(move)
                move.add_done_callback(self._moves.discard)

    async def _isolate(self, endpoint: Endpoint) -> None:
        try:
            await endpoint.isolate()
        except WebSocketError as error:
            self.on_connection_error(error)

    def find_stalled(self) -> None:
        """Report components that have stopped consuming; removing them is the clean-up task's."""
        self.routing.report_stalled(self.loop.time())

    def sweep(self) -> int:
        """Remove components whose owner is gone or that stopped consuming for too long; return how many there were."""
        result = self.routing.sweep(self.loop.time())
        gone = [*result.dead, *result.removed]
        for component_id in gone:
            self.components.unregister(component_id)
        return len(gone)

    # -- what the rooms say (may come from inside a Task) --------------------------------------------------------------
    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """Pass a line's state on."""
        self.notifier.notify(lambda listener: listener.on_connection_state(ws_type, change))
        self._refresh_state()

    def on_gap(self, gap: GapEvent) -> None:
        """Pass a gap on."""
        self.notifier.notify(lambda listener: listener.on_gap(gap))

    def on_gap_found(self, gap: GapEvent) -> None:
        """Note what comes first after a gap, and what has to wait; called before any of it is handed on."""
        self.backfill.found(gap)
        self.account.lost(gap)

    def on_resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        """Pass it on that a feed is whole again from here on."""
        self.notifier.notify(lambda listener: listener.on_resumed(ws_type, epoch))
        self.backfill.resumed(ws_type, epoch)
        if ws_type is WebSocketType.PRIVATE:
            self.account.resumed()

    def account_streams(self) -> frozenset[StreamKey]:
        """Return the streams of orders and balances that anybody wants."""
        return frozenset(
            stream for stream in self.wishes.wanted_streams(WebSocketType.PRIVATE) if stream.data_type in _ACCOUNT
        )

    def is_served(self, stream: StreamKey) -> bool:
        """Whether the exchange serves a stream."""
        return self.stream_status(stream).is_served

    def on_stream_healed(self, recovery: StreamRecovery) -> None:
        """Pass it on what became of the gap of a stream."""
        self.notifier.notify(lambda listener: listener.on_stream_healed(recovery))

    def on_gap_healed(self, report: GapReport) -> None:
        """Pass it on what became of a gap."""
        self.notifier.notify(lambda listener: listener.on_gap_healed(report))

    def on_connection_error(self, error: WebSocketError) -> None:
        """Pass an error on."""
        self.notifier.notify(lambda listener: listener.on_error(error))

    def on_stream_status(self, stream: StreamKey, status: StreamStatus, error: SubscriptionError | None) -> None:
        """Pass a stream's status on, to its components and to listeners, in the next turn of the loop.

        A line that is lost, or a refused wish, changes a thousand at once: they are told within the budget of a turn.
        """
        self._statuses.append((stream, status, error))
        if self._telling is None:
            self._telling = self.loop.call_soon(self._tell_statuses)

    def _tell_statuses(self) -> None:
        statuses, ends = self._statuses, self.loop.time() + self.config.drain_budget
        self._telling = None
        while statuses:
            stream, status, error = statuses.popleft()
            if statuses and self._telling is None:  # before anybody is called: who opens a dialog holds nobody else up
                self._telling = self.loop.call_soon(self._tell_statuses)
            if status.is_failed:
                self._failed.add(stream)
            else:
                self._failed.discard(stream)
            if status in _SERVED and stream.data_type in _ACCOUNT:
                self.account.served(stream)  # a wish that a line of long standing serves from now on, say
            self.notifier.notify(partial(_stream_status, stream, status))
            self.components.announce(stream, status, error)
            if self.loop.time() >= ends:
                break
        else:
            if self._telling is not None:
                self._telling.cancel()
                self._telling = None
        self._refresh_state()

    def on_rejected(self, component_id: str, error: SubscriptionError) -> None:
        """Pass a refused wish on."""
        self.notifier.notify(lambda listener: listener.on_error(error))

    def _make_pool(self) -> DataPoolManager | None:
        if not self.config.data_pool:
            return None
        return DataPoolManager(history_length=self.config.history_length, limit=self.config.data_pool_bytes)

    def _make_endpoints(self) -> dict[WebSocketType, Endpoint]:
        limiter = ConnectLimiter(self.config.connects_per_second)
        source = self._source
        return {
            ws_type: Endpoint(
                ws_type,
                self.config,
                self,
                wishes=self.wishes,
                drain=self.drain,
                epochs=self.epochs,
                connect_limiter=limiter,
                jwt=self.jwt,
                key_of=self.routing.conflation_key,
                on_lost=self._on_lost,
                handed_on=self.routing,
                computer=self.computer,
                make_connection=Supervisor if source is None else source.connection,
                connect=None if self.desk is None else self.desk.connect,
            )
            for ws_type in WebSocketType
            if (self._has_line(ws_type) if source is None else ws_type in source.lines)
        }

    def _make_desk(self) -> tuple[DeskLink | None, Transport | None]:
        if self.config.desk_url is None:
            return None, None
        from upbit_ws_qt.desk.line import DeskLink  # few programs have one
        from upbit_ws_qt.desk.questions import DeskTransport

        desk = DeskLink(self.config, self.computer)
        return desk, DeskTransport(desk.ask_rest, self.config.rest_timeout)

    def _has_line(self, ws_type: WebSocketType) -> bool:
        needs_key = ws_type is not WebSocketType.PUBLIC and self.desk is None
        return self.config.url(ws_type) is not None and (self.config.credentials is not None or not needs_key)

    def _on_wishes_changed(self, changed: frozenset[WebSocketType]) -> None:
        """Bring the lines in step in the next turn of the loop, or a little later where that has just been done.

        It goes through the whole union, so a thousand changes must not do it a thousand times.
        """
        if self.loop.is_closed():  # widgets may die after the loop, at the end of a program: nobody is to be told
            return
        if self.state is GlobalManagerState.INITIALIZING:
            if self._reminder is None and not self._is_reminded:
                self._reminder = self.loop.call_later(NOT_STARTED_AFTER, self._remind_of_start)
            return
        self._changed |= changed
        if self._following is None:
            due = self._followed_at + FOLLOW_EVERY
            now = self.loop.time()
            self._following = (
                self.loop.call_at(due, self._follow_wishes) if now < due else self.loop.call_soon(self._follow_wishes)
            )

    def _remind_of_start(self) -> None:
        """Say, once, that something is wanted and nobody has called `start()`: without it there is silence for ever."""
        self._reminder = None
        wanted = len(self.wishes.get_active_subscriptions())
        if wanted:
            self._is_reminded = True
            self.on_connection_error(
                WebSocketError(
                    Phrase(
                        "{count} streams are wanted, but nobody has called start(): nothing is dialled before",
                        count=wanted,
                    )
                )
            )

    def _forget_reminder(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    def _follow_wishes(self) -> None:
        self.backfill.wishes_changed()
        self._following, self._followed_at = None, self.loop.time()
        changed, self._changed = self._changed, set()
        if WebSocketType.PRIVATE in changed:
            self.account.wishes_changed()
        for ws_type in changed:
            self.endpoints[ws_type].wishes_changed()
        self._refresh_state()
        self.notifier.notify(lambda listener: listener.on_subscriptions_changed())

    def _begin_with_past(self, route: Route) -> None:
        self.backfill.begin_with_past(route)
        self.account.begin(route)

    def _on_lost(self, stream: LostStream, count: int, superseded: bool) -> None:
        self.routing.note_lost(stream, count, superseded)
        if not superseded:
            self.losses.note(stream)

    def _on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        self.notifier.notify(lambda listener: listener.on_epoch(ws_type, epoch))

    def _on_component_failed(self, component_id: str, error: Exception) -> None:
        if error is self.routing.quarantine_of(component_id):
            self.components.quarantine(component_id)
        self.notifier.notify(lambda listener: listener.on_component_failed(component_id, error))

    def _on_decode_error(self, ws_type: WebSocketType, error: DecodeError) -> None:
        if self._unreadable[ws_type].allows(self.loop.time()):
            self.notifier.notify(lambda listener: listener.on_error(error))

    def _on_frame_failed(self, frame: RawFrame, error: Exception) -> None:
        """Report a bug of this library, once of a kind; how often it was met is counted in `drain.figures()`."""
        if (stream := stream_of(frame.data)) is not None:
            self.losses.note(stream)
        if type(error) not in self._failure_kinds:
            self._failure_kinds.add(type(error))
            self.loop.call_exception_handler(
                {"message": f"a frame of the {frame.ws_type} line was lost on its way", "exception": error}
            )

    def _on_control(self, ws_type: WebSocketType, message: WebSocketMessage) -> None:
        """Hand on what the sink did not recognise as a control frame by its first bytes."""
        line = self.endpoints[ws_type].connection.line
        if line is not None and line.control is not None:
            line.control(message)  # type: ignore[arg-type]  # routing passes events nowhere but to routes

    def _refresh_state(self) -> None:
        if self.state is GlobalManagerState.INITIALIZING or self.state in _OVER:
            return
        self._set_state(self._judge_state())

    def _judge_state(self) -> GlobalManagerState:
        wanted = [endpoint for endpoint in self.endpoints.values() if endpoint.is_wanted]
        states = {endpoint.connection.state for endpoint in wanted}
        if not wanted:
            return GlobalManagerState.IDLE
        # All that are wanted: while one of them works it is no error, see below.
        if states == {ConnectionState.FAILED}:
            return GlobalManagerState.ERROR
        # Wanted and not up: be it that nobody has begun to dial.
        if states & _GOING:
            return GlobalManagerState.RECOVERING
        if ConnectionState.FAILED in states or self._has_failed_streams():
            return GlobalManagerState.DEGRADED
        return GlobalManagerState.ACTIVE

    def _has_failed_streams(self) -> bool:
        if self._failed:
            self._failed = {stream for stream in self._failed if self.wishes.wants(stream)}
        return bool(self._failed)

    def _set_state(self, state: GlobalManagerState) -> None:
        if state is not self.state:
            self.state = state
            self.notifier.notify(lambda listener: listener.on_state(state))

    def _arm_frame(self) -> None:
        if self._frame_timer is None:
            self._frame_timer = self.loop.call_later(1.0 / self.config.frame_rate, self._flush_frames)

    def _flush_frames(self) -> None:
        self._frame_timer = None
        self.routing.flush_frames()


def _stream_status(stream: StreamKey, status: StreamStatus, listener: ManagerListener) -> None:
    listener.on_stream_status(stream, status)


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that runs; ConfigurationError where none does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "loop", None, "a running event loop: make and get the manager in a coroutine or in a callback of the loop"
        ) from None
