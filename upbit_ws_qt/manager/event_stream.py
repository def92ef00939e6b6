"""`async for event in …`: the events of one wish for a loop of one's own, instead of a callback."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast
from weakref import finalize, ref

from upbit_ws_qt.errors import SubscriptionError
from upbit_ws_qt.manager.notify import ManagerListener
from upbit_ws_qt.routing import PullRoute, pulled
from upbit_ws_qt.types import ConnectionState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from upbit_ws_qt.connection import StateChange
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.components import ComponentSubscription
    from upbit_ws_qt.manager.manager import GlobalWebSocketManager
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus
    from upbit_ws_qt.types import WebSocketType

__all__ = ["EventStream"]

_E = TypeVar("_E", bound="BaseWebSocketEvent")

# Events that are taken in a row without anybody else having a turn of the loop.
_IN_A_ROW = 50


class EventStream(Generic[_E]):
    """The events of some markets, for `async for`; made by a proxy or a SimpleWebSocketClient, for one loop.

    Nothing is asked of the exchange before the first event is awaited. From then on events wait in a queue until they
    are taken: at most `BackpressureConfig.max_queue_size` of them (10,000 unless the wish says otherwise), beyond which
    the oldest is dropped, counted (`dropped`, and in the component's metrics) and told (`componentFailed`).

    It ends with its owner, with the manager, by `aclose()`, at the end of `async with`, and when nothing refers to it
    any more: a `break` is enough. A cancelled loop loses no event, and may go on.

    Example:
        >>> async for ticker in proxy.tickers(["KRW-BTC", "KRW-ETH"]):
        ...     print(ticker.code)
        ...     break
        KRW-BTC

    Raises, where it is iterated:
        SubscriptionError: the exchange serves none of it. While it serves some, `unserved` names the others.
        WebSocketError: what the line was given up for, such as AuthenticationError.
    """

    def __init__(
        self,
        start: Callable[[], Awaitable[GlobalWebSocketManager]],
        component_id: str,
        spec: SubscriptionSpec,
        *,
        alive: Callable[[], bool] | None = None,
    ) -> None:
        self.component_id = component_id
        self.spec = spec
        self._start = start
        self._alive = alive
        self._handle: ComponentSubscription | None = None
        self._route: PullRoute | None = None
        self._closed = False
        self._is_taken = False
        self._ready: asyncio.Future[None] | None = None
        self._failed: dict[StreamKey, WebSocketError | None] = {}
        self._error: WebSocketError | None = None
        self._in_a_row = 0

    def __repr__(self) -> str:
        state = "ended" if self._closed else "not begun" if self._route is None else f"{self.waiting} waiting"
        return f"<EventStream {self.spec} {state}>"

    @property
    def begun(self) -> bool:
        """Whether it wants something now: it is iterated, and has not ended."""
        return self._route is not None and not self._closed

    @property
    def waiting(self) -> int:
        """How many events wait to be taken."""
        return 0 if self._route is None else self._route.waiting

    @property
    def dropped(self) -> int:
        """How many events were lost, for want of room or at the end."""
        return 0 if self._route is None else self._route.dropped

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more."""
        return self._closed

    @property
    def unserved(self) -> tuple[str, ...]:
        """The markets that the exchange refuses or does not serve, sorted."""
        return tuple(sorted(stream.symbol for stream in self._failed))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> _E:
        if self._is_taken:
            raise RuntimeError("this stream is awaited in another place already; make one for each loop")
        self._is_taken = True
        try:
            route = self._route or await self._open()
            if self._in_a_row >= _IN_A_ROW:
                self._in_a_row = 0
                await asyncio.sleep(0)  # a loop that has much to take must not keep everybody else from theirs
            return cast("_E", await self._next(route))
        finally:
            self._is_taken = False

    def close(self) -> None:
        """End it; a plain call, at any time, and more than once. Who awaits the next event is told that it is over."""
        self._closed = True
        if self._handle is not None:
            self._handle.close()
        self._wake()

    async def aclose(self) -> None:
        """End it; for `contextlib.aclosing`."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def _next(self, route: PullRoute) -> BaseWebSocketEvent:
        while True:
            event = route.take()
            if event is not None:
                self._in_a_row += 1
                return event
            if self._error is not None:
                error, self._error = self._error, None
                self.close()
                raise error
            if self._closed or route.closed:
                self._closed = True
                raise StopAsyncIteration
            self._in_a_row = 0
            self._ready = asyncio.get_running_loop().create_future()
            try:
                await self._ready
            finally:
                self._ready = None

    async def _open(self) -> PullRoute:
        if self._closed:
            raise StopAsyncIteration
        manager = await self._start()
        if self._closed:  # meanwhile
            raise StopAsyncIteration
        me = ref(self)  # nothing that the manager keeps may keep this: who breaks off the loop has done with it
        self._handle = handle = manager.register_component(
            self.component_id,
            self,
            (self.spec,),
            pulled,
            alive=self._alive,
            restorable=False,
            on_status=partial(_note_status, me),
        )
        (route,) = handle.routes.values()
        assert isinstance(route, PullRoute), "the callback says so"
        route.on_ready = partial(_wake, me)
        self._route = route
        watch = _LineWatch(me, self.spec.data_type.websocket_type, manager)
        manager.add_listener(watch)
        finalize(self, manager.remove_listener, watch).atexit = False
        watch.look()
        for stream in handle.streams:
            status = handle.status(stream)
            if status.is_failed:
                self._note_status(stream, status, None)
        return route

    def _note_status(self, stream: StreamKey, status: StreamStatus, error: WebSocketError | None) -> None:
        if not status.is_failed:
            self._failed.pop(stream, None)
            return
        self._failed[stream] = error or self._failed.get(stream)
        if self._handle is not None and self._handle.streams <= self._failed.keys():
            reason = "the exchange serves none of it"
            told = error if isinstance(error, SubscriptionError) else SubscriptionError(reason, spec=self.spec)
            self.fail(told.copy(self.component_id))

    def fail(self, error: WebSocketError) -> None:
        """Have who awaits the next event told of an error, once all that came before it was taken."""
        self._error = error
        self._wake()

    def _wake(self) -> None:
        if self._ready is not None and not self._ready.done():
            self._ready.set_result(None)


class _LineWatch(ManagerListener):
    """Tells a stream that its line was given up: nobody dials any more, and nothing will come."""

    def __init__(self, stream: ref[EventStream[Any]], ws_type: WebSocketType, manager: GlobalWebSocketManager) -> None:
        self._stream = stream
        self._ws_type = ws_type
        self._manager = manager

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """Look, where it is the line."""
        if ws_type is self._ws_type and change.new is ConnectionState.FAILED:
            self.look()

    def look(self) -> None:
        """Tell the stream where the line is given up now."""
        error = self._manager.wiring.endpoint(self._ws_type).connection.failure
        stream = self._stream()
        if error is not None and stream is not None:
            stream.fail(error.again())


def _note_status(
    stream: ref[EventStream[Any]], key: StreamKey, status: StreamStatus, error: WebSocketError | None
) -> None:
    found = stream()
    if found is not None:
        found._note_status(key, status, error)


def _wake(stream: ref[EventStream[Any]]) -> None:
    found = stream()
    if found is not None:
        found._wake()
