"""Sockets on a thread and a loop of their own: they answer pings and read frames while the program is frozen."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.connection.inbox import Inbox, RawFrame
from upbit_ws_qt.connection.socket import Socket, open_socket
from upbit_ws_qt.connection.transport import hand_on
from upbit_ws_qt.errors import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upbit_ws_qt.connection.inbox import LostStream
    from upbit_ws_qt.connection.transport import CloseInfo, DialRequest, SocketFigures
    from upbit_ws_qt.types import WebSocketType

__all__ = ["IsolatedHost", "IsolatedSocket"]

# Frames that cross in one turn of the program's loop; the rest waits for the next turn.
CROSS_AT_ONCE = 2000
MOST_STREAMS = 10_000  # streams whose lost frames are kept apart until they have crossed
END_WITHIN = 0.5
JOIN_WITHIN = 1.0


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *values: object) -> None:
    """Have something called on another thread's loop, unless that loop has ended."""
    with contextlib.suppress(RuntimeError):  # closed between a look and the call: there is nobody left to tell
        loop.call_soon_threadsafe(callback, *values)


class _Crossing:
    """A bounded queue from the socket's thread to the program's."""

    def __init__(
        self,
        request: DialRequest,
        home: asyncio.AbstractEventLoop,
        on_lost: Callable[[LostStream, int, bool], None] | None,
    ) -> None:
        self._home = home
        self._on_lost = on_lost
        self._lost: Counter[tuple[LostStream, bool]] = Counter()
        self._sink = request.on_frames
        self._failures = 0
        self._pong = request.on_pong
        self.ws_type: WebSocketType = request.ws_type
        # put() and what makes room in it rebuild the queue: both ends take the lock.
        self._lock = threading.Lock()
        self._waiting = Inbox(request.ws_type, request.config.inbox_frames, on_lost=self._note_lost)
        self._armed = False

    def put(self, messages: Iterator[bytes], now: float) -> None:
        """Take messages, in the socket's thread."""
        arrived = [RawFrame(data, now, 0, self.ws_type) for data in messages]
        with self._lock:
            self._waiting.put(arrived)
            if self._armed:
                return
            self._armed = True
        _post(self._home, self._cross)

    def pong(self, rtt: float, now: float) -> None:
        """Pass a round trip on, in the socket's thread."""
        _post(self._home, self._pong, rtt, now)

    def empty(self) -> None:
        """Hand over all that waits, in the program's thread."""
        while self._cross():
            pass

    def count(self, figures: SocketFigures) -> SocketFigures:
        """Return a socket's figures with what was dropped here."""
        waiting = self._waiting.figures()
        lost = figures.sink_failures + self._failures
        return replace(figures, superseded=waiting.superseded, dropped=waiting.dropped, sink_failures=lost)

    def _note_lost(self, stream: LostStream, count: int, superseded: bool) -> None:
        if (stream, superseded) in self._lost or len(self._lost) < MOST_STREAMS:
            self._lost[stream, superseded] += count

    def _cross(self) -> bool:
        with self._lock:
            frames = self._waiting.take(CROSS_AT_ONCE)
            lost, self._lost = self._lost, Counter()
            if not frames:
                self._armed = False
                return False
        self._home.call_soon(self._cross)
        if self._on_lost is not None:
            for (stream, superseded), count in lost.items():
                self._on_lost(stream, count, superseded)
        for received_at, together in groupby(frames, attrgetter("received_at")):
            messages: list[Any] = [frame.data for frame in together]
            self._failures += hand_on(self._sink, messages, received_at)
        return True


class IsolatedSocket:
    """A socket that lives in another thread, seen from the program's thread."""

    def __init__(
        self, socket: Socket, crossing: _Crossing, home: asyncio.AbstractEventLoop, away: asyncio.AbstractEventLoop
    ) -> None:
        self._socket = socket
        self._crossing = crossing
        self._home = home
        self._away = away
        self._closed: asyncio.Future[CloseInfo] = home.create_future()

    @property
    def closed(self) -> asyncio.Future[CloseInfo]:
        """Done when the socket is gone and everything that it received has been handed over."""
        return self._closed

    async def send(self, data: bytes) -> None:
        """Send one text message; raises ConnectionLostError when the socket is gone."""
        if self._closed.done() or self._away.is_closed():
            raise ConnectionLostError(self._crossing.ws_type.value, "the line is closed")
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._socket.send(data), self._away))

    async def close(self) -> None:
        """Close it; idempotent."""
        if self._closed.done() or self._away.is_closed():
            return
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._socket.close(), self._away))
        await asyncio.wait({self._closed}, timeout=END_WITHIN)

    async def answers(self, within: float) -> bool:
        """Whether the peer answers within some seconds; what came before the answer has then been handed over."""
        if self._closed.done() or self._away.is_closed():
            return False
        asking = asyncio.run_coroutine_threadsafe(self._socket.answers(within), self._away)
        answered = await asyncio.wrap_future(asking)
        self._crossing.empty()
        return answered

    def abort(self, cause: str) -> None:
        """Cut it as soon as its thread gets to it."""
        _post(self._away, self._socket.abort, cause)

    def figures(self) -> SocketFigures:
        """Return what it has carried."""
        return self._crossing.count(self._socket.figures())

    def ended(self, info: CloseInfo) -> None:
        """Note the end, in the program's thread."""
        self._crossing.empty()
        if not self._closed.done():
            self._closed.set_result(info)


class IsolatedHost:
    """A thread with a loop for the sockets of one connection; give its `connect` to the Supervisor.

    The thread is started by the first dial. stop() ends it; do that after the connection was stopped. `on_lost` is
    called in the program's thread with what had to go on the way to it, see Inbox.
    """

    def __init__(self, ws_type: WebSocketType, on_lost: Callable[[LostStream, int, bool], None] | None = None) -> None:
        self._on_lost = on_lost
        self._home = asyncio.get_running_loop()
        self._name = f"upbit-{ws_type.value}"
        self._away: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ended: asyncio.Future[None] | None = None
        # The rest is touched in the host's thread only.
        self._sockets: set[Socket] = set()
        self._dials: dict[asyncio.Future[IsolatedSocket], asyncio.Task[None]] = {}

    async def connect(self, request: DialRequest) -> IsolatedSocket:
        """Dial in the host's thread; raises DialError."""
        away = self._started()
        answer: asyncio.Future[IsolatedSocket] = self._home.create_future()
        _post(away, self._begin, request, answer)
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.exception() is None:
                # It came in the same turn in which the dial was cancelled.
                answer.result().abort("nobody waits for it any more")
            _post(away, self._give_up, answer)
            raise

    async def stop(self) -> None:
        """End the thread and whatever sockets it still has, within about a second; idempotent."""
        away, thread, ended = self._away, self._thread, self._ended
        self._away = self._thread = self._ended = None
        if away is None or thread is None or ended is None:
            return
        _post(away, lambda: asyncio.ensure_future(self._end(away)))
        await asyncio.wait({ended}, timeout=JOIN_WITHIN)
        thread.join(JOIN_WITHIN if ended.done() else 0)

    def abandon(self) -> None:
        """End the thread without its sockets, because the process ends: it must not call the program's loop again."""
        away, thread = self._away, self._thread
        self._away = self._thread = self._ended = None
        if away is not None and thread is not None:
            _post(away, away.stop)
            thread.join(JOIN_WITHIN)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._away is None:
            self._away = asyncio.new_event_loop()
            self._away.set_debug(self._home.get_debug())
            self._ended = self._home.create_future()
            # A daemon, so that a program which forgot to stop can still end.
            self._thread = threading.Thread(
                target=self._run, args=(self._away, self._ended), name=self._name, daemon=True
            )
            self._thread.start()
        return self._away

    # -- in the host's thread -----------------------------------------------------------------------------------
    def _run(self, away: asyncio.AbstractEventLoop, ended: asyncio.Future[None]) -> None:
        try:
            away.run_forever()
        finally:
            away.close()
            _post(self._home, _finish, ended)

    def _begin(self, request: DialRequest, answer: asyncio.Future[IsolatedSocket]) -> None:
        task = asyncio.ensure_future(self._dial(request, answer))
        self._dials[answer] = task
        task.add_done_callback(partial(self._dial_ended, answer))

    def _dial_ended(self, answer: asyncio.Future[IsolatedSocket], task: asyncio.Task[None]) -> None:
        self._dials.pop(answer, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _post(self._home, _fail, answer, error)

    def _give_up(self, answer: asyncio.Future[IsolatedSocket]) -> None:
        task = self._dials.get(answer)
        if task is not None:
            task.cancel()

    async def _dial(self, request: DialRequest, answer: asyncio.Future[IsolatedSocket]) -> None:
        away = asyncio.get_running_loop()
        crossing = _Crossing(request, self._home, self._on_lost)
        socket = await open_socket(replace(request, on_frames=crossing.put, on_pong=crossing.pong))
        self._sockets.add(socket)
        seen = IsolatedSocket(socket, crossing, self._home, away)
        socket.closed.add_done_callback(lambda closed: self._lost(socket, seen, closed.result()))
        _post(self._home, _answer, answer, seen)

    def _lost(self, socket: Socket, seen: IsolatedSocket, info: CloseInfo) -> None:
        self._sockets.discard(socket)
        _post(self._home, seen.ended, info)

    async def _end(self, away: asyncio.AbstractEventLoop) -> None:
        for task in tuple(self._dials.values()):
            task.cancel()
        for socket in tuple(self._sockets):
            socket.abort("closed by us")
        pending: set[asyncio.Future[Any]] = {*self._dials.values(), *(socket.closed for socket in self._sockets)}
        if pending:
            await asyncio.wait(pending, timeout=END_WITHIN)
        away.stop()


def _answer(answer: asyncio.Future[IsolatedSocket], socket: IsolatedSocket) -> None:
    if answer.done():
        socket.abort("nobody waits for it any more")
    else:
        answer.set_result(socket)


def _fail(answer: asyncio.Future[IsolatedSocket], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _finish(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)
