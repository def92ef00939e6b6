"""One line with its subscriptions: sends what its session says, and shows the session what arrives."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Protocol

from upbit_ws_qt.errors import ConnectionLostError, DecodeError
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.streams import ALL_SYMBOLS, StreamKey, key_of_event
from upbit_ws_qt.subscriptions.session import LineSession, StepKind
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire import ServerError, SubscriptionList, build_list_request, decode, encode_request, peek

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.subscriptions.pacing import LimiterLike
    from upbit_ws_qt.types import WebSocketType
    from upbit_ws_qt.wire import FormatChoice, ServerStatus

__all__ = ["LineDriver", "LineLike"]

_log = logging.getLogger("upbit_ws_qt.subscriptions")

# A market has several streams of these: which one a frame is of, only its body tells.
_INFO_TYPES = tuple(data_type.value for data_type in DataType if data_type.is_indicator)
# Seconds after which a line is looked at again on which something is awaited, so that one that was closed is noticed,
# and a loop that stood still: by so much later than it was to be.
_LONGEST_PAUSE = 0.25
_STANDSTILL = 0.25


class LineDriver:
    """A line and its session.

    Attributes:
        line: the socket's side.
        session: what to send on it, and what was shown.
    """

    def __init__(
        self,
        line: LineLike,
        session: LineSession,
        choice: FormatChoice,
        on_changed: Callable[[LineDriver], None],
        new_ticket: Callable[[], str],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._choice = choice
        self._on_changed = on_changed
        self._new_ticket = new_ticket
        self._wake = asyncio.Event()
        self._is_over = False
        self.line = line
        self.session = session
        self._serving: asyncio.Task[None] | None = None
        # From the first moment: a bad token is answered before anything was sent.
        line.listen(self._on_control)

    async def drive(self) -> None:
        """Do what the session says; while it is syncing, until it is proved; then until the line or the task ends.

        Raises:
            RecoveryError: the line cannot be proved.
            ConnectionLostError: the line was closed, or `end` was called.
        """
        session = self.session
        while True:
            now = self._loop.time()
            session.tick(now)
            # Conclusions are told before anything is sent, so that what is told and what is asked come in the order in
            # which they were true.
            self._on_changed(self)
            # Until it is proved the supervisor waits for this, and takes another line where it cannot be.
            if session.is_syncing:
                error = session.sync_error(now)
                if error is not None:
                    raise error
                if session.is_synchronised(now):
                    return
            if self._is_over or not self.line.is_open:
                raise ConnectionLostError(self.line.ws_type.value, "closed while its subscriptions were sent or proved")
            self._watch()
            step = session.next_step(now)
            if step.kind is StepKind.REQUEST:
                await self._send_request(now)
            elif step.kind is StepKind.LIST:
                ticket = self._new_ticket()
                session.take_list(ticket, now)
                await self._send(build_list_request(format=self._choice.format, ticket=ticket))
            else:
                await self._pause(step.delay)

    def wake(self) -> None:
        """Have the session asked anew what to do."""
        self._wake.set()

    def serve(self, on_lost: Callable[[LineDriver], None]) -> None:
        """Go on by itself; `on_lost` is called when the line goes without being asked to."""
        name = f"subscriptions {self.line.ws_type}"
        self._serving = self._loop.create_task(self._serve(on_lost), name=name)
        self._serving.add_done_callback(self._served)

    def retire(self) -> asyncio.Task[None] | None:
        """Take no more note of what arrives, and end; return what has to be awaited, None for nothing."""
        self.let_go()
        serving, self._serving = self._serving, None
        if serving is None or serving.done() or serving is asyncio.current_task():
            return None
        serving.cancel()
        return serving

    def let_go(self) -> None:
        """Take no more note of what arrives."""
        self.line.listen(None)
        self.line.observe(None)

    def end(self) -> None:
        """Have `drive` end with ConnectionLostError."""
        self._is_over = True
        self._wake.set()

    async def _serve(self, on_lost: Callable[[LineDriver], None]) -> None:
        try:
            await self.drive()
        except ConnectionLostError:
            on_lost(self)

    def _served(self, task: asyncio.Task[None]) -> None:
        """Let an error that nobody expected be seen: a line that is not kept any more is as bad as none."""
        if not task.cancelled() and (error := task.exception()) is not None:
            context = {"message": f"{task.get_name()} failed", "exception": error, "task": task}
            self._loop.call_exception_handler(context)

    # -- outwards ---------------------------------------------------------------------------------------------------

    async def _send_request(self, now: float) -> None:
        plan = self.session.take_request(now)
        if plan is None:
            return
        data = encode_request(plan.objects, format=self._choice.format, ticket=self._new_ticket())
        # The format is chosen by what flows, and other types may be better spelt in the other one.
        self._choice.note_request([entry.data_type.value for entry in plan.objects])
        # Before the first await: the answer may be there before `send` returns.
        self.session.on_request_sent(plan, len(data), now)
        self._watch()
        await self._send(data)

    async def _send(self, data: bytes) -> None:
        # Recorded after it has left: counted too early it would be forgotten too early, and six would leave in one
        # second.
        await self.line.send(data)
        self.line.limiter.record(self._loop.time())

    async def _pause(self, delay: float | None) -> None:
        """Wait to be woken, for `delay` seconds at most."""
        session = self.session
        longest = _LONGEST_PAUSE if session.is_syncing or session.awaits_anything else None
        timer, due = None, math.inf
        if delay is not None or longest is not None:
            seconds = min([value for value in (delay, longest) if value is not None])
            due = self._loop.time() + seconds
            timer = self._loop.call_later(seconds, self._wake.set)
        try:
            await self._wake.wait()
            self._wake.clear()
        finally:
            if timer is not None:
                timer.cancel()
        late = self._loop.time() - due
        if late >= _STANDSTILL:
            # A loop that was busy has not read what came. Which of a timer and a socket it turns to first is chance.
            session.stood_still(late)

    # -- inwards ----------------------------------------------------------------------------------------------------

    def _on_control(self, message: ServerError | ServerStatus | SubscriptionList) -> None:
        now = self._loop.time()
        if isinstance(message, SubscriptionList):
            self.session.on_list(message, now)
        elif isinstance(message, ServerError):
            self.session.on_error(message, now)
        else:
            return
        self._wake.set()

    def _watch(self) -> None:
        """Look at data frames only while they could prove something, or are to be measured."""
        if self.session.table.watches_data:
            self.line.observe(self._on_frame)
        else:
            self.line.observe(self._measure if self._choice.wants_frames else None)

    def _measure(self, frame: bytes | str) -> None:
        """Show the choice of the format what flows once all is proved; before that come snapshots for the most part."""
        if self._choice.note_frame(frame, self._loop.time()):
            _log.info("%s: %s", self.line.ws_type.value, self._choice.reason)
            self.line.observe(None)

    def _on_frame(self, frame: bytes | str) -> None:
        session, table = self.session, self.session.table
        seen = peek(frame)
        if seen is None or seen[0] in _INFO_TYPES or (table.has_levels and seen[0] == DataType.ORDERBOOK.value):
            streams = _decoded_streams(frame)
        else:
            name, code = seen
            # A plain tuple finds its StreamKey, being equal; most frames are of no interest and need no key made.
            found = [symbol for symbol in (code, ALL_SYMBOLS) if table.is_watched((name, symbol, ""))]
            streams = [StreamKey(DataType(name), symbol) for symbol in dict.fromkeys(found)]
        if not streams:
            return
        now, is_snapshot = self._loop.time(), _is_snapshot(frame)
        for stream in streams:
            shows = session.on_data(stream, now, is_snapshot=is_snapshot)
            # A new line may bring a thousand snapshots at once: it is looked at again when the last of them is there.
            if shows and not (session.is_syncing and table.owes):
                self._wake.set()


def _is_snapshot(frame: bytes | str) -> bool:
    """Whether a frame says of itself, under the long name or the short one, that it is a snapshot."""
    return "SNAPSHOT" in frame if isinstance(frame, str) else b"SNAPSHOT" in frame


def _decoded_streams(frame: bytes | str) -> list[StreamKey]:
    try:
        messages = decode(frame)
    except DecodeError:
        return []  # it proves nothing; the drain counts and reports it
    keys = [key_of_event(message) for message in messages if isinstance(message, BaseWebSocketEvent)]
    return [key for key in keys if key is not None]


class LineLike(Protocol):
    """One socket's life."""

    @property
    def ws_type(self) -> WebSocketType:
        """The endpoint."""

    @property
    def is_open(self) -> bool:
        """Whether something can still be sent."""

    @property
    def limiter(self) -> LimiterLike:
        """The budget of this line."""

    def listen(self, control: Callable[[ServerError | ServerStatus | SubscriptionList], None] | None) -> None:
        """Have errors, status and subscription lists told to `control` as they arrive; None for nobody."""

    def observe(self, observer: Callable[[bytes | str], None] | None) -> None:
        """Have every data frame shown to `observer` as it arrives; None while nothing is being proved."""

    async def send(self, data: bytes) -> None:
        """Send one message; ConnectionLostError when closed."""
