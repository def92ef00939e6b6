"""One socket's life as the subscription side sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from upbit_ws_qt.connection.inbox import RawFrame
from upbit_ws_qt.connection.transport import SocketFigures
from upbit_ws_qt.errors import ConnectionLostError, DecodeError
from upbit_ws_qt.wire import ServerError, ServerStatus, SubscriptionList, decode

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from upbit_ws_qt.connection.rate_limit import MessageLimiter
    from upbit_ws_qt.connection.transport import CloseInfo, SocketLike
    from upbit_ws_qt.types import WebSocketType

    Tap = Callable[["Line", bytes, float, bool], None]

__all__ = ["Control", "Line"]

Control = ServerError | ServerStatus | SubscriptionList
# Every data frame of every format begins so (protocol sheet, fields.json: the type stands first). Anything else is
# looked at closely; a data frame in another spelling is still recognised as one there.
_DATA_BEGINS = (b'{"ty', b'[{"ty')


class Line:
    """One socket: what is sent on it, what comes back.

    Attributes:
        ws_type: endpoint.
        epoch: stamped on everything that comes on it.
        limiter: its message budget: ask `delay()`, send, then `record()`.
        control: see `listen`.
        observer: see `observe`.
        tap: told of all that is received (line, data, loop time, False) and sent (line, data, 0, True); None while
            nobody looks.
        refusal: the last error that the exchange sent on it.
        has_answered: whether the exchange has answered a list on it: then its token is good.
        opened_at: loop clock, seconds; 0 before.
        closed_at: loop clock, seconds; 0 before.
    """

    def __init__(
        self,
        ws_type: WebSocketType,
        epoch: int,
        limiter: MessageLimiter,
        sink: Callable[[list[RawFrame]], None],
        on_control: Callable[[Line, Control], None],
    ) -> None:
        self.ws_type = ws_type
        self.epoch = epoch
        self.limiter = limiter
        self.control: Callable[[Control], None] | None = None
        self.observer: Callable[[bytes | str], None] | None = None
        self.tap: Tap | None = None
        self.refusal: ServerError | None = None
        self.has_answered = False
        self.opened_at = 0.0
        self.closed_at = 0.0
        self._sink = sink
        self._on_control = on_control
        self._answers = 0
        self._is_given_up = False
        self._socket: SocketLike | None = None

    def listen(self, control: Callable[[Control], None] | None) -> None:
        """Have each error, status and subscription list told to `control` at once; None for nobody."""
        self.control = control

    def observe(self, observer: Callable[[bytes | str], None] | None) -> None:
        """Have each data frame shown to `observer` on receipt; None while nothing is being proved."""
        self.observer = observer

    def show_all_to(self, tap: Tap | None) -> None:
        """Have all that is received and sent seen by `tap`, or by nobody."""
        self.tap = tap

    def refused(self, error: ServerError) -> None:
        """Note an error of the exchange."""
        self.refusal = error

    def answered(self) -> None:
        """Note an answer of the exchange: the line's token is good."""
        self.has_answered = True

    def gone(self, now: float) -> None:
        """Note that the socket is gone."""
        self.closed_at = now

    def given_up(self) -> None:
        """Note that it is about to be closed: that takes a while, and whoever comes meanwhile needs the next line."""
        self._is_given_up = True

    @property
    def is_open(self) -> bool:
        """Whether something can be sent."""
        return self._socket is not None and not self._is_given_up and not self._socket.closed.done()

    @property
    def closed(self) -> asyncio.Future[CloseInfo]:
        """Done when the line is gone."""
        assert self._socket is not None, "a line is closed only after it was opened"
        return self._socket.closed

    async def send(self, data: bytes) -> None:
        """Send one request; ConnectionLostError when the line is closed. The rate limit is the caller's business."""
        if self._socket is None:
            raise ConnectionLostError(self.ws_type.value, "the line is not open yet")
        await self._socket.send(data)
        if self.tap is not None:
            self.tap(self, data, 0.0, True)

    def attach(self, socket: SocketLike, now: float) -> None:
        """Put an open socket under the line."""
        self._socket = socket
        self.opened_at = now

    def deliver_to(self, sink: Callable[[list[RawFrame]], None]) -> None:
        """Say where data frames go from now on."""
        self._sink = sink

    async def close(self) -> None:
        """Close the socket; idempotent."""
        if self._socket is not None:
            await self._socket.close()

    async def answers(self, within: float) -> bool:
        """Whether the exchange answers a ping within some seconds; all that it had sent before has then come."""
        return self._socket is not None and await self._socket.answers(within)

    def abort(self, cause: str) -> None:
        """Cut the socket at once."""
        self._is_given_up = True  # the socket is gone some turns of the loop later
        if self._socket is not None:
            self._socket.abort(cause)

    def figures(self) -> SocketFigures:
        """Return what the socket has carried; the exchange's answers are no data frames."""
        if self._socket is None:
            return SocketFigures()
        figures = self._socket.figures()
        return replace(figures, frames=figures.frames - self._answers)

    def on_frames(self, messages: Iterator[bytes], now: float) -> None:
        """Take messages from the socket, all of them received at one time."""
        epoch, ws_type = self.epoch, self.ws_type
        ready: list[RawFrame] = []
        try:
            for data in messages:
                if self.tap is not None:
                    self.tap(self, data, now, False)
                if not data.startswith(_DATA_BEGINS):
                    if ready:  # an answer says something about what came before it
                        before, ready = ready, []
                        self._sink(before)
                    if self._take_control(data):
                        continue
                if self.observer is not None:
                    self.observer(data)
                ready.append(RawFrame(data, now, epoch, ws_type))
        finally:
            if ready:
                sink = self._sink
                sink(ready)

    def _take_control(self, data: bytes) -> bool:
        try:
            messages = decode(data)
        except DecodeError:
            # It goes on as data, so that it is counted and reported where all frames that cannot be read are.
            return False
        if not messages or not isinstance(messages[0], Control):
            return False
        self._answers += 1
        for message in messages:
            if isinstance(message, Control):
                self._on_control(self, message)
        return True
