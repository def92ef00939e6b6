"""One endpoint with all that belongs to it: its inbox, its connection's supervisor, the upkeep of its subscriptions."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import itertools
from functools import partial
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.connection import Inbox, IsolatedHost, Supervisor, open_socket
from upbit_ws_qt.errors import ConnectionLostError, SubscriptionError
from upbit_ws_qt.streams import streams_of
from upbit_ws_qt.subscriptions import EndpointSync
from upbit_ws_qt.types import ConnectionState, IndependenceLevel

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from upbit_ws_qt.computer import Computer
    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection import (
        Connect,
        ConnectLimiter,
        DialRequest,
        Drain,
        EpochManager,
        GapEvent,
        HandedOn,
        JWTManager,
        LostStream,
        SocketLike,
        StateChange,
    )
    from upbit_ws_qt.errors import WebSocketError
    from upbit_ws_qt.events import BaseWebSocketEvent
    from upbit_ws_qt.manager.wiring import Wiring
    from upbit_ws_qt.rest.transport import Transport
    from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
    from upbit_ws_qt.specs import SubscriptionSpec
    from upbit_ws_qt.streams import StreamKey
    from upbit_ws_qt.subscriptions import StreamStatus, SubscriptionStateManager
    from upbit_ws_qt.types import WebSocketType

__all__ = ["Endpoint", "EndpointOwner", "LineSource", "fetch_snapshot"]

_numbers = itertools.count(1)
_WITHOUT_LINE = frozenset(
    {ConnectionState.RECONNECTING, ConnectionState.DISCONNECTED, ConnectionState.FAILED, ConnectionState.STOPPED}
)


class EndpointOwner(Protocol):
    """Who is told what happens on an endpoint; the manager. Calls may come from inside a Task."""

    def on_connection_state(self, ws_type: WebSocketType, change: StateChange) -> None:
        """The line's state changed."""

    def on_gap(self, gap: GapEvent) -> None:
        """Another line took over."""

    def on_gap_found(self, gap: GapEvent) -> None:
        """The same at once, before anything of the new line is handed on."""

    def on_resumed(self, ws_type: WebSocketType, epoch: int) -> None:
        """A new line is proved, and what had come on it by then is handed out."""

    def on_connection_error(self, error: WebSocketError) -> None:
        """Something failed that a person should see."""

    def on_stream_status(self, stream: StreamKey, status: StreamStatus, error: SubscriptionError | None) -> None:
        """A stream became served, unserved or rejected; with what is wrong with it."""

    def on_rejected(self, component_id: str, error: SubscriptionError) -> None:
        """The exchange refuses a component's wish."""


class LineSource(Protocol):
    """Where the lines come from instead of the network: a replay."""

    @property
    def lines(self) -> frozenset[WebSocketType]:
        """Which endpoints there are, credentials or not."""

    @property
    def computer(self) -> Computer:
        """Whose clocks the manager goes by."""

    @property
    def connection(self) -> Callable[..., Supervisor]:
        """What makes a line's keeper: it is given what a Supervisor is."""

    @property
    def transport(self) -> Transport:
        """What answers questions to REST."""

    def attach(self, wiring: Wiring) -> None:
        """Serve what a manager is made of; called once, when it is made."""


class Endpoint:
    """Made once per endpoint; dials only while something is wanted.

    `key_of` tells the inbox which waiting frame a newer one makes superfluous; `on_lost` is told what had to go;
    `handed_on` knows what has been handed on; `make_connection` makes what keeps the line, in a replay something else;
    `connect` opens sockets where these are no WebSockets.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        config: ServiceConfig,
        owner: EndpointOwner,
        *,
        wishes: SubscriptionStateManager,
        drain: Drain,
        epochs: EpochManager,
        connect_limiter: ConnectLimiter,
        jwt: JWTManager,
        key_of: Callable[[bytes | str], Hashable | None],
        on_lost: Callable[[LostStream, int, bool], None],
        handed_on: HandedOn,
        computer: Computer,
        make_connection: Callable[..., Supervisor] = Supervisor,
        connect: Connect | None = None,
    ) -> None:
        self.ws_type = ws_type
        self.inbox = Inbox(ws_type, config.inbox_frames, key_of, on_lost)
        self._on_lost = on_lost
        self.sync = EndpointSync(
            ws_type,
            wishes,
            config,
            on_status=owner.on_stream_status,
            on_rejected=owner.on_rejected,
            computer=computer,
        )
        self.connection = make_connection(
            ws_type,
            config,
            inbox=self.inbox,
            connect_limiter=connect_limiter,
            epochs=epochs,
            jwt=jwt,
            synchronize=self.sync.synchronize,
            on_state=self._on_state,
            on_gap=owner.on_gap,
            on_gap_found=owner.on_gap_found,
            on_resumed=owner.on_resumed,
            on_error=owner.on_connection_error,
            gap_streams=self._carried,
            handed_on=handed_on,
            rng=computer.chance,
            connect=connect or self._connect,
            wall_clock=computer.wall_clock,
        )
        self._owner = owner
        self._wishes = wishes
        self._drain = drain
        isolated = config.independence_level is IndependenceLevel.ISOLATED
        self._host = IsolatedHost(ws_type, self._on_lost_on_the_way) if isolated else None
        drain.add(self.inbox)

    @property
    def is_wanted(self) -> bool:
        """Whether any component wants something of it."""
        return self.sync.is_wanted

    @property
    def is_isolated(self) -> bool:
        """Whether sockets are opened on a thread of their own; one that is open already stays where it is."""
        return self._host is not None

    async def isolate(self) -> None:
        """Move to a thread and a loop of its own; the old socket serves until the new one is proved.

        Raises the WebSocketError that the change of the line ended with; the next line is isolated all the same.
        """
        if self._host is None:
            self._host = IsolatedHost(self.ws_type, self._on_lost_on_the_way)
            await self.connection.reconnect("a thread of its own")

    def wishes_changed(self) -> None:
        """Bring the line and its subscriptions in step with what is wanted now."""
        self.connection.set_wanted(self.is_wanted)
        self.sync.wishes_changed()

    async def fetch_snapshots(self, spec: SubscriptionSpec) -> None:
        """Have the present state sent once; returns when it has arrived. SubscriptionError names what did not come."""
        asking = asyncio.ensure_future(self.sync.fetch_snapshots([spec]))
        try:
            await asyncio.sleep(0)  # lets the request be noted, so that the line knows that it is wanted
            self.connection.set_wanted(self.is_wanted)
            await asyncio.shield(asking)
        finally:
            asking.cancel()
            await asyncio.wait({asking})
            self.connection.set_wanted(self.is_wanted)

    def require_line(self, cause: str) -> None:
        """Raise what the line was given up for, or ConnectionLostError with a cause, unless the line is up."""
        if self.connection.failure is not None:
            raise self.connection.failure.again()
        if self.connection.state not in (ConnectionState.SYNCING, ConnectionState.CONNECTED):
            raise ConnectionLostError(self.ws_type.value, cause)

    async def handed_out(self) -> None:
        """Return when everything that has arrived so far has been handed out."""
        done = asyncio.Event()
        self.inbox.put_marker(done.set)
        await done.wait()

    async def stop(self) -> None:
        """Close the line for good."""
        await self.sync.stop()
        await self.connection.stop()
        if self._host is not None:
            await self._host.stop()
        self._drain.remove(self.inbox)

    def abandon(self) -> None:
        """Let go of the line, because the process ends; its socket goes with the process."""
        if self._host is not None:
            self._host.abandon()
        self._drain.remove(self.inbox)

    def _carried(self) -> tuple[StreamKey, ...]:
        """Return the streams that a gap may be about: of what the exchange never served nothing can be missing."""
        return tuple(s for s in self._wishes.demand(self.ws_type) if not self.sync.was_asked_in_vain(s))

    async def _connect(self, request: DialRequest) -> SocketLike:
        return await (open_socket(request) if self._host is None else self._host.connect(request))

    def _on_lost_on_the_way(self, stream: LostStream, count: int, superseded: bool) -> None:
        """Tell what had to go between two threads once what came before it has been handed on: there the hole is."""
        self.inbox.put_marker(partial(self._on_lost, stream, count, superseded))

    def _on_state(self, change: StateChange) -> None:
        if change.new in _WITHOUT_LINE:
            self.sync.line_lost()
        self.sync.line_given_up(self.connection.failure if change.new is ConnectionState.FAILED else None)
        self._owner.on_connection_state(self.ws_type, change)


async def fetch_snapshot(
    spec: SubscriptionSpec,
    timeout: float,
    *,
    endpoint: Endpoint,
    routing: DataRoutingEngine,
    pool: DataPoolManager | None,
    epoch: int,
) -> dict[str, BaseWebSocketEvent]:
    """See GlobalWebSocketManager.fetch_snapshot.

    What flows already is taken from the pool; only the rest costs a request.
    """
    if not spec.data_type.has_snapshot:
        raise SubscriptionError("the exchange has no snapshots of this type", spec=spec)
    if endpoint.connection.failure is not None:
        raise endpoint.connection.failure.again()
    found: dict[str, BaseWebSocketEvent] = {}
    for stream in streams_of(spec) if pool is not None else ():
        known = pool.get_latest_data(stream.symbol, stream.data_type, stream.variant) if pool is not None else None
        if known is not None and known.epoch == epoch and endpoint.sync.status(stream).is_served:
            found[stream.symbol] = known
    rest = tuple(symbol for symbol in spec.symbols if symbol.partition(".")[0] not in found)
    if not rest:
        return found
    once = dataclasses.replace(spec, symbols=rest, only_snapshot=True, only_realtime=False)
    route = routing.register_route(
        f"snapshot {next(_numbers)}", once, lambda event: found.setdefault(event.code, event)
    )
    try:
        # What has not come in time, or is not served, is missing in the answer, as promised; of a line that is not
        # there nothing is known, and that is another thing.
        try:
            with contextlib.suppress(SubscriptionError):
                async with asyncio.timeout(timeout):
                    await endpoint.fetch_snapshots(once)
        except TimeoutError:
            endpoint.require_line(f"it did not come up within {timeout:g} s")
        await endpoint.handed_out()
    finally:
        route.close()
    return found
