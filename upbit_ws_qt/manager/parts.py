"""The rooms put together: what each is given, and what is made of what they say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import ConnectLimiter, Drain, EpochManager, JWTManager
from upbit_ws_qt.errors import ConfigurationError, SubscriptionError
from upbit_ws_qt.manager.components import ComponentDesk
from upbit_ws_qt.manager.endpoint import Endpoint
from upbit_ws_qt.manager.news import News, Quota
from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStateManager
from upbit_ws_qt.types import ConnectionState, GlobalManagerState, WebSocketType

if TYPE_CHECKING:
    from random import Random

    from upbit_ws_qt.connection import GapEvent, RawFrame, StateChange
    from upbit_ws_qt.errors import DecodeError, WebSocketError
    from upbit_ws_qt.manager.watch import Watch
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.wire import WebSocketMessage

__all__ = ["ManagerParts", "running_loop"]

_GOING = frozenset(
    {ConnectionState.CONNECTING, ConnectionState.SYNCING, ConnectionState.RECONNECTING, ConnectionState.DISCONNECTED}
)


FOLLOW_EVERY = 0.005
"""Seconds between two looks at the whole union while wishes keep changing; requests are gathered for longer anyway."""

# All frames that cannot be read are counted; a peer that sends nothing else must not drown the listeners in errors.
UNREADABLE_TOLD_PER_SECOND = 20


class ManagerParts:
    """The wiring of a manager, and its state; nothing here is for users."""

    _watch: Watch  # made last, by the manager itself: it reads off everything that is made here

    def __init__(self, config: ServiceConfig | None = None, *, rng: Random | None = None) -> None:
        self._loop = running_loop()
        self.config = config or ServiceConfig()
        self._state = GlobalManagerState.INITIALIZING
        self._news = News(self._loop)
        self._epochs = EpochManager()
        self._epochs.add_listener(self._on_epoch)
        self._wishes = SubscriptionStateManager(clock=self._loop.time)
        self._pool = self._make_pool()
        self._routing = DataRoutingEngine(
            self.config,
            is_current_epoch=self._epochs.is_current_epoch,
            on_component_failed=self._on_component_failed,
            on_decode_error=self._on_decode_error,
            on_control=self._on_control,
            pool=self._pool,
            backlog=lambda: sum(len(endpoint.inbox) for endpoint in self._endpoints.values()),
        )
        self._unreadable = {ws_type: Quota(UNREADABLE_TOLD_PER_SECOND) for ws_type in WebSocketType}
        self._failure_kinds: set[type[Exception]] = set()
        self._drain = Drain(
            self._routing.route_frame,
            self.config.drain_budget,
            loop=self._loop,
            level=self.config.independence_level,
            on_failure=self._on_frame_failed,
        )
        self._jwt = JWTManager(self.config.credentials, self.config.token_lifetime, clock=self._loop.time)
        self._endpoints = self._make_endpoints(rng)
        self._desk = ComponentDesk(
            self._loop,
            self._wishes,
            self._routing,
            self._endpoints,
            on_changed=self._on_wishes_changed,
            on_refused=self.on_rejected,
        )
        self._changed: set[WebSocketType] = set()  # lines that do not follow their wishes yet
        self._following: asyncio.Handle | None = None
        self._followed_at = float("-inf")
        self._failed: set[StreamKey] = set()
        self._frame_timer: asyncio.TimerHandle | None = None
        self._routing.on_frame_pending = self._arm_frame

    # -- what the rooms say (may come from inside a Task) --------------------------------------------------------------
    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """Pass a line's state on."""
        self._news.tell(lambda listener: listener.on_connection_state(ws_type, change))
        self._refresh_state()

    def on_gap(self, gap: GapEvent) -> None:
        """Pass a gap on."""
        self._watch.count_gap(gap)
        self._news.tell(lambda listener: listener.on_gap(gap))

    def on_connection_error(self, error: WebSocketError) -> None:
        """Pass an error on."""
        self._news.tell(lambda listener: listener.on_error(error))

    def on_stream_status(self, stream: StreamKey, status: StreamStatus, error: SubscriptionError | None) -> None:
        """Pass a stream's status on, to its components and to listeners."""
        (self._failed.add if status.is_failed else self._failed.discard)(stream)
        self._loop.call_soon(self._desk.announce, stream, status, error)
        self._news.tell(lambda listener: listener.on_stream_status(stream, status))
        self._refresh_state()

    def on_rejected(self, component_id: str, error: SubscriptionError) -> None:
        """Pass a refused wish on."""
        self._news.tell(lambda listener: listener.on_error(error))

    def _make_pool(self) -> DataPoolManager | None:
        if not self.config.data_pool:
            return None
        return DataPoolManager(history_length=self.config.history_length, limit=self.config.data_pool_bytes)

    def _make_endpoints(self, rng: Random | None) -> dict[WebSocketType, Endpoint]:
        limiter = ConnectLimiter(self.config.connects_per_second)
        return {
            ws_type: Endpoint(
                ws_type,
                self.config,
                self,
                wishes=self._wishes,
                drain=self._drain,
                epochs=self._epochs,
                connect_limiter=limiter,
                jwt=self._jwt,
                key_of=self._routing.conflation_key,
                on_lost=self._routing.note_lost,
                rng=rng,
            )
            for ws_type in WebSocketType
            if self.config.url(ws_type) is not None
            and (ws_type is WebSocketType.PUBLIC or self.config.credentials is not None)
        }

    def _on_wishes_changed(self, changed: frozenset[WebSocketType]) -> None:
        """Bring the lines in step in the next turn of the loop, or a little later where that has just been done.

        It goes through the whole union, so a thousand changes must not do it a thousand times.
        """
        if self._loop.is_closed():  # widgets may die after the loop, at the end of a program: nobody is to be told
            return
        if self._state is GlobalManagerState.INITIALIZING:
            return
        self._changed |= changed
        if self._following is None:
            due = self._followed_at + FOLLOW_EVERY
            now = self._loop.time()
            self._following = (
                self._loop.call_at(due, self._follow_wishes) if now < due else self._loop.call_soon(self._follow_wishes)
            )

    def _follow_wishes(self) -> None:
        self._following, self._followed_at = None, self._loop.time()
        changed, self._changed = self._changed, set()
        for ws_type in changed:
            self._endpoints[ws_type].wishes_changed()
        self._refresh_state()
        self._news.tell(lambda listener: listener.on_subscriptions_changed())

    def _on_epoch(self, ws_type: WebSocketType, epoch: int) -> None:
        self._news.tell(lambda listener: listener.on_epoch(ws_type, epoch))

    def _on_component_failed(self, component_id: str, error: Exception) -> None:
        if error is self._routing.quarantine_of(component_id):
            self._desk.quarantine(component_id)
        self._news.tell(lambda listener: listener.on_component_failed(component_id, error))

    def _on_decode_error(self, ws_type: WebSocketType, error: DecodeError) -> None:
        self._watch.count_decode_error(ws_type)
        if self._unreadable[ws_type].allows(self._loop.time()):
            self._news.tell(lambda listener: listener.on_error(error))

    def _on_frame_failed(self, frame: RawFrame, error: Exception) -> None:
        """Report a bug of this library, once of a kind; how often it was met is counted in `drain.figures()`."""
        if type(error) not in self._failure_kinds:
            self._failure_kinds.add(type(error))
            self._loop.call_exception_handler(
                {"message": f"a frame of the {frame.ws_type} line was lost on its way", "exception": error}
            )

    def _on_control(self, ws_type: WebSocketType, message: WebSocketMessage) -> None:
        """Hand on what the sink did not recognise as a control frame by its first bytes."""
        line = self._endpoints[ws_type].connection.line
        if line is not None and line.control is not None:
            line.control(message)  # type: ignore[arg-type]  # routing passes events nowhere but to routes

    def _refresh_state(self) -> None:
        if self._state in (GlobalManagerState.INITIALIZING, GlobalManagerState.STOPPING, GlobalManagerState.STOPPED):
            return
        self._set_state(self._judge_state())

    def _judge_state(self) -> GlobalManagerState:
        wanted = [endpoint for endpoint in self._endpoints.values() if endpoint.is_wanted]
        states = {endpoint.connection.state for endpoint in wanted}
        if not wanted:
            return GlobalManagerState.IDLE
        if states == {ConnectionState.FAILED}:
            return GlobalManagerState.ERROR
        if states & _GOING:
            return GlobalManagerState.RECOVERING
        if ConnectionState.FAILED in states or self._has_failed_streams():
            return GlobalManagerState.DEGRADED
        return GlobalManagerState.ACTIVE

    def _has_failed_streams(self) -> bool:
        self._failed = {stream for stream in self._failed if self._wishes.wants(stream)}
        return bool(self._failed)

    def _set_state(self, state: GlobalManagerState) -> None:
        if state is not self._state:
            self._state = state
            self._news.tell(lambda listener: listener.on_state(state))

    def _arm_frame(self) -> None:
        if self._frame_timer is None:
            self._frame_timer = self._loop.call_later(1.0 / self.config.frame_rate, self._flush_frames)

    def _flush_frames(self) -> None:
        self._frame_timer = None
        self._routing.flush_frames()


def running_loop() -> asyncio.AbstractEventLoop:
    """Return the loop that runs; ConfigurationError where none does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise ConfigurationError(
            "loop", None, "a running event loop: make and get the manager in a coroutine or in a callback of the loop"
        ) from None
