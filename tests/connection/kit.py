"""A connection with everything around it, so that a test can say what it is about in a few lines."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import time
from typing import TYPE_CHECKING, Any

from tests.waiting import at_leisure
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import (
    ConnectLimiter,
    Drain,
    EpochManager,
    GapEvent,
    Inbox,
    JWTManager,
    Line,
    RawFrame,
    StateChange,
    Supervisor,
    open_socket,
)
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.errors import ConnectionLostError, DecodeError, RecoveryError, WebSocketError
from upbit_ws_qt.events import BaseWebSocketEvent, TradeEvent
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.streams import StreamGap, StreamKey, key_of_event, streams_of
from upbit_ws_qt.types import DataFormat, DataType, WebSocketType
from upbit_ws_qt.wire import ServerError, SubscriptionList, build_list_request, build_request, decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from upbit_ws_qt.connection import Connect
    from upbit_ws_qt.connection.line import Control
    from upbit_ws_qt.exchange import EmbeddedExchange

PUBLIC, PRIVATE, INFO = WebSocketType.PUBLIC, WebSocketType.PRIVATE, WebSocketType.INFO
TICKERS = SubscriptionSpec(DataType.TICKER, ["KRW-BTC", "KRW-ETH"])
TRADES = SubscriptionSpec(DataType.TRADE, ["KRW-BTC", "KRW-ETH"])
ORDERS = SubscriptionSpec(DataType.MY_ORDER)
UP = ["connecting", "syncing", "connected"]

_tickets = itertools.count()


async def until(condition: Callable[[], object], what: str = "", seconds: float = 300.0) -> None:
    """Wait for a condition with a deadline that only a broken program reaches."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen: {what or condition}")
        await asyncio.sleep(0.002)


def config_for(exchange: EmbeddedExchange, **changes: Any) -> ServiceConfig:
    return ServiceConfig.testing(
        **{
            "public_url": exchange.public_url,
            "private_url": exchange.private_url,
            "info_url": exchange.info_url,
            "rest_url": exchange.rest_url,
            "credentials": Credentials(exchange.access_key, exchange.secret_key),
            # The exchange shares this loop: where it stands still, nobody is late.
            "connect_timeout": 30.0,
            "list_timeout": 30.0,
            **changes,
        }
    )


class HandedOut:
    """What the frames of a rig say of the exchange's time."""

    def __init__(self, frames: list[RawFrame]) -> None:
        self._frames = frames

    def _events(self) -> Iterator[BaseWebSocketEvent]:
        for frame in self._frames:
            try:
                messages = decode(frame.data)
            except DecodeError:  # some faults of the exchange are just that
                continue
            yield from (message for message in messages if isinstance(message, BaseWebSocketEvent))

    def stream_gap(self, stream: StreamKey) -> StreamGap:
        events = [event for event in self._events() if key_of_event(event) == stream]
        ids = [event.sequential_id for event in events if isinstance(event, TradeEvent)]
        times = [event.trade_timestamp if isinstance(event, TradeEvent) else event.timestamp for event in events]
        return StreamGap(stream, times[-1] if times else None, max(ids, default=None))

    def newest_timestamp(self, ws_type: WebSocketType) -> int:
        return max((event.timestamp for event in self._events()), default=0)


class Rig:
    """One connection, its inbox and drain, and notes of all that it said.

    `synchronize` sends the specs as one request and takes the answer to LIST_SUBSCRIPTIONS as proof.
    """

    def __init__(
        self,
        config: ServiceConfig,
        ws_type: WebSocketType = WebSocketType.PUBLIC,
        specs: tuple[SubscriptionSpec, ...] = (),
        *,
        connect: Connect = open_socket,
        limiter: ConnectLimiter | None = None,
        wall_clock: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        drain: bool = True,
    ) -> None:
        self.specs = specs
        self.config = config
        self.states: list[StateChange] = []
        self.gaps: list[GapEvent] = []
        self.resumed: list[int] = []
        self.errors: list[WebSocketError] = []
        self.frames: list[RawFrame] = []
        self.lines: list[Line] = []
        self.fail_proof = 0
        self.fails_when_refused: type[RecoveryError | ConnectionLostError] | None = None
        self.bug: Exception | None = None
        self.epochs = EpochManager()
        self.inbox = Inbox(ws_type, config.inbox_frames)
        self.drain = Drain(self._frame, config.drain_budget)
        if drain:
            self.drain.add(self.inbox)
        self.jwt = JWTManager(config.credentials, config.token_lifetime, clock=clock)
        self.connection = Supervisor(
            ws_type,
            config,
            inbox=self.inbox,
            connect_limiter=limiter or ConnectLimiter(),
            epochs=self.epochs,
            jwt=self.jwt,
            synchronize=self.synchronize,
            on_state=self._note(self.states),
            on_gap=self._note(self.gaps),
            on_gap_found=lambda gap: None,
            on_resumed=lambda ws_type, epoch: self.resumed.append(epoch),
            on_error=self._note(self.errors),
            gap_streams=self.streams,
            handed_on=HandedOut(self.frames),
            rng=random.Random(1),
            connect=connect,
            wall_clock=wall_clock or time.time,
        )

    def streams(self) -> tuple[StreamKey, ...]:
        return tuple(stream for spec in self.specs for stream in streams_of(spec))

    @property
    def path(self) -> list[str]:
        """The states gone through so far."""
        return [change.new.value for change in self.connection.history]

    @property
    def epoch(self) -> int:
        return self.epochs.get_current_epoch(self.connection.ws_type)

    async def connected(self, seconds: float = 300.0) -> None:
        await until(lambda: self.connection.state.value == "connected", f"connected, but {self.path}", seconds)

    async def served(self, more: int = 1, seconds: float = 300.0) -> None:
        """Wait until so many frames of the present epoch have come on a line that is proved."""
        before = len(self.frames)

        def enough() -> bool:
            here = sum(1 for frame in self.frames[before:] if frame.epoch == self.epoch)
            return here >= more and self.connection.state.value == "connected"

        await until(enough, f"{more} frames of epoch {self.epoch}; {self.path}; {self.errors[-3:]}", seconds)

    async def synchronize(self, line: Line) -> None:
        self.lines.append(line)
        if self.bug is not None:
            raise self.bug
        if self.fail_proof:
            self.fail_proof -= 1
            raise RecoveryError(line.ws_type.value, "the test says so")
        if not self.specs:
            return
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def control(message: Control) -> None:
            if answer.done():
                return
            if isinstance(message, SubscriptionList):
                answer.set_result(None)
            elif isinstance(message, ServerError):
                answer.set_exception(RecoveryError(line.ws_type.value, message.name))

        line.control = control
        ticket = f"t{next(_tickets)}"
        for data in (
            build_request(self.specs, format=DataFormat.DEFAULT, ticket=ticket),
            build_list_request(format=DataFormat.DEFAULT, ticket=ticket),
        ):
            while (wait := line.limiter.delay(asyncio.get_running_loop().time(), recovery=True)) > 0:
                await asyncio.sleep(wait)
            await line.send(data)
            line.limiter.record(asyncio.get_running_loop().time())
        if self.fails_when_refused is not None:
            while line.refusal is None:
                await asyncio.sleep(0)  # each turn, so that it is there before the socket is known to be gone
            raise self.fails_when_refused(line.ws_type.value, "refused")
        try:
            async with asyncio.timeout(self.config.list_timeout):
                await answer
        except TimeoutError:
            raise RecoveryError(line.ws_type.value, "no answer to LIST_SUBSCRIPTIONS") from None

    async def stop(self) -> None:
        await self.connection.stop()
        self.drain.stop()

    def _frame(self, frame: RawFrame) -> None:
        assert asyncio.current_task() is None
        self.frames.append(frame)

    @staticmethod
    def _note(notes: list[Any]) -> Callable[[Any], None]:
        def note(value: object) -> None:
            assert asyncio.current_task() is None, "a callback was called inside a Task"
            notes.append(value)

        return note


@contextlib.asynccontextmanager
async def rig_for(exchange: EmbeddedExchange, *specs: SubscriptionSpec, **options: Any) -> AsyncIterator[Rig]:
    """Run a rig that wants its endpoint, and stop it at the end."""
    changes = options.pop("changes", {})
    wanted = options.pop("wanted", True)
    ws_type = options.pop("ws_type", WebSocketType.PUBLIC)
    rig = Rig(config_for(exchange, **changes), ws_type, specs, **options)
    rig.connection.set_wanted(wanted)
    try:
        yield rig
    finally:
        with at_leisure() as seconds:
            await rig.stop()
            assert seconds() < 2.0, "stop() took long"
        assert rig.connection.state.value == "stopped"


async def lost(rig: Rig) -> ConnectionLostError:
    """Wait for the first loss and return it."""
    await until(lambda: any(isinstance(error, ConnectionLostError) for error in rig.errors), "a lost line")
    return next(error for error in rig.errors if isinstance(error, ConnectionLostError))
