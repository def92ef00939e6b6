"""websockets' client connection with the way in made short: messages go to a sink in the turn in which they are read.

What is used here beyond websockets' documented interface is pinned by tests/connection/test_websockets_contract.py.
"""

from __future__ import annotations

import contextlib
import logging
import re
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import SEND_EOF, State

from upbit_ws_qt.connection.framing import Framer
from upbit_ws_qt.connection.transport import ConnectBudget, Counts, hand_on
from upbit_ws_qt.text import Phrase, safe_text

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from websockets.client import ClientProtocol
    from websockets.http11 import Response

    from upbit_ws_qt.connection.transport import FrameSink

__all__ = ["LOGGER", "HandshakeRefusedError", "WireConnection"]

USER_AGENT = "upbit_ws_qt"
# What is not read waits in the kernel, where nothing newer supersedes it, and an exchange cuts who reads too slowly. A
# turn of the loop costs as much as a dozen messages, too (benchmarks/throughput.py, of the bare loop: 16 KiB a turn
# 0.71, 64 KiB 0.80, 256 KiB 0.87). What is compressed takes ten times as long, hence less of it at once.
READ_SIZE = 256 * 1024
COMPRESSED_READ_SIZE = 64 * 1024
# 16 legal messages of 1 MiB fit compressed into this; after each piece the budget is looked at.
PIECE_SIZE = 16 * 1024
_SECOND = 1.0
_TOKEN = re.compile(r"eyJ[\w.~+/=-]+")
_HEAD_ENDS = b"\r\n\r\n"

# At DEBUG websockets prints the Authorization header. Its own logger is not used, so that a program which turns
# everything to DEBUG does not turn that on.
LOGGER = logging.getLogger("upbit_ws_qt.websockets")
LOGGER.setLevel(logging.INFO)


class HandshakeRefusedError(WebSocketException):
    """The peer answered the handshake with an HTTP status.

    Attributes:
        status: the status.
        retry_after: seconds, None where the answer does not say.
        body: the beginning of the answer, safe to show.
    """

    def __init__(self, response: Response) -> None:
        self.status = response.status_code
        self.body = _said(response.body or b"")
        value = response.headers.get("Retry-After", "")
        # The header may hold a date too; the exchange sends seconds if anything.
        self.retry_after = float(value) if value.isdecimal() and len(value) < 7 else None
        super().__init__(f"HTTP {self.status}")


class _Named(Struct):
    name: str
    message: str = ""


class _Refusal(Struct):
    error: _Named


def _said(body: bytes | bytearray) -> str:
    """Return what an answer says; no token, should the peer repeat what it was sent."""
    try:
        error = msgspec.json.decode(body, type=_Refusal).error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        said = safe_text(body, 200)
    else:
        said = safe_text(f"{error.name}: {error.message}" if error.message else error.name, 200)
    return _TOKEN.sub("(token)", said)


class WireConnection(ClientConnection):
    """One WebSocket.

    `data_received` hands messages to `on_frames` in the turn in which they were read; there is no queue and no task in
    between. Plain messages are cut out of the bytes here; handshake, control frames, compression, fragments and every
    violation of the protocol are websockets' business. The budget of bytes and messages per second is kept here too,
    since whatever comes later comes too late.
    """

    def __init__(
        self,
        protocol: ClientProtocol,
        *,
        make_token: Callable[[], str] | None,
        on_frames: FrameSink,
        on_arrival: Callable[[int, float], None],
        largest: int,
        on_pong: Callable[[bytes], None],
        on_lost: Callable[[], None],
        budget: tuple[int, int],
        **settings: Any,
    ) -> None:
        super().__init__(protocol, **settings)
        # The same danger as above: with these the library would format the handshake for its log.
        self.debug = protocol.debug = False
        self._make_token = make_token
        self._on_frames = on_frames
        self._on_arrival = on_arrival
        self._framer = Framer(largest, PIECE_SIZE)
        self._head = b""
        self._messages: list[bytes] = []  # that websockets has made, in order
        self._on_pong = on_pong
        self._on_lost = on_lost
        self._budget = budget
        self._parts: bytearray | None = None
        self._second_ends_at = 0.0
        self._bytes_left = self._frames_left = 0
        self.counts = Counts()
        self.connect_budget: ConnectBudget | None = None
        self.cause: str | None = None
        self.asked = False

    async def handshake(self, additional_headers: object = None, user_agent_header: str | None = None) -> None:
        """Shake hands with a token that exists only while this runs."""
        make_token, self._make_token = self._make_token, None
        headers = {"Authorization": f"Bearer {make_token()}"} if make_token is not None else {}
        refused = None
        try:
            await super().handshake(headers, USER_AGENT)
            assert self.response is not None
            # Of a header that came twice the last one counts; the first or none would be as good.
            self.connect_budget = ConnectBudget.of(
                {name.lower(): value for name, value in self.response.headers.raw_items()}
            )
        except InvalidStatus as error:
            refused = HandshakeRefusedError(error.response)
        finally:
            headers.clear()
            if self.request is not None and "Authorization" in self.request.headers:
                del self.request.headers["Authorization"]
        if refused is not None:
            # Raised here and not above: this error has no context, whose traceback would hold the headers. And as it
            # is no InvalidStatus, websockets does not follow redirects: credentials go to the configured host only.
            raise refused

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport and have it read as much as is good."""
        super().connection_made(transport)
        self._read_at_most(READ_SIZE)

    def data_received(self, data: bytes) -> None:
        """Take in what was read."""
        self.counts.bytes_wire += len(data)
        if self.response is None:
            data = self._shake_hands(data)
        framer, protocol = self._framer, self.protocol
        framer.feed(data)
        while protocol.state is State.OPEN:
            if messages := framer.messages():
                self._hand_on(messages)
            if framer.is_empty:  # nearly always
                return
            others = framer.others()
            if not others:
                return
            self._leave_to_websockets(others)
            if self.transport.is_closing():
                return
        # After the first close frame nobody needs to know where a frame begins.
        while not self.transport.is_closing() and (rest := framer.rest()):
            self._leave_to_websockets(rest)

    def process_event(self, event: Any) -> None:
        """Keep a message that websockets has made; never raises."""
        if self.response is None or not isinstance(event, Frame):
            super().process_event(event)
            return
        opcode = event.opcode
        if opcode is Opcode.BINARY or opcode is Opcode.TEXT:
            if event.fin:
                self._messages.append(bytes(event.data))
            else:
                self._parts = bytearray(event.data)
        elif opcode is Opcode.CONT:
            if self._parts is not None:
                self._parts += event.data
                if event.fin:
                    self._messages.append(bytes(self._parts))
                    self._parts = None
        elif opcode is Opcode.PONG:
            self._on_pong(bytes(event.data))

    def send_data(self) -> None:
        """Send what there is in one piece: a peer that pings a thousand times is answered by one call of the system."""
        writes = self.protocol.data_to_send()
        if data := b"".join(writes):
            self.transport.write(data)
        if SEND_EOF in writes:
            if self.transport.can_write_eof():
                with contextlib.suppress(OSError, RuntimeError):  # it is gone already
                    self.transport.write_eof()
            else:
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        super().connection_lost(exc)
        self._on_lost()
        # Whoever keeps the stream for its figures does not keep the whole connection with it.
        self._on_frames = _ignore_frames
        self._on_arrival = _ignore_arrival
        self._on_pong = _ignore_pong
        self._parts = None

    def cut(self, cause: str) -> None:
        """End the connection at once, for the cause given unless there was one before."""
        if self.cause is None:
            self.cause = cause
        self.transport.abort()

    def send_ping(self, payload: bytes) -> None:
        """Send a ping without waiting for anything, so that a timer can do it."""
        if self.protocol.state is State.OPEN:
            self.protocol.send_ping(payload)
            self.send_data()

    def send_close(self) -> None:
        """Send a close frame, if none was sent yet, without waiting for anything: the end is asked for."""
        self.asked = True
        if self.protocol.state is State.OPEN:
            self.protocol.send_close(1000)
            self.send_data()

    @property
    def complaint(self) -> str | None:
        """What the protocol complains about, None for nothing; an end without a close frame is no complaint."""
        error = self.protocol.parser_exc
        if error is None or isinstance(error, EOFError):
            return None
        return safe_text(f"{type(error).__name__}: {error}", 120)

    def _shake_hands(self, data: bytes) -> bytes:
        """Give websockets the head of the peer's answer; return what stands behind it."""
        known = len(self._head)
        at = (self._head + data).find(_HEAD_ENDS)
        if at < 0:
            self._head = (self._head + data)[-len(_HEAD_ENDS) + 1 :]
            super().data_received(data)
            return b""
        end = at + len(_HEAD_ENDS) - known
        super().data_received(data[:end])
        # What was read becomes many times as much when it is inflated, and all of it is handed on in one turn.
        if self.protocol.extensions:
            self._read_at_most(COMPRESSED_READ_SIZE)
        return data[end:]

    def _read_at_most(self, size: int) -> None:
        if hasattr(self.transport, "max_size"):  # a plain socket's; TLS transports read as much as they like
            self.transport.max_size = size

    def _leave_to_websockets(self, data: bytes) -> None:
        super().data_received(data)
        if self._messages:
            messages, self._messages = self._messages, []
            self._hand_on(messages)

    def _hand_on(self, messages: list[bytes]) -> None:
        """Count messages and give them to the sink, as many as the budget of this second allows."""
        now = self.loop.time()
        size = sum(map(len, messages))
        counts = self.counts
        counts.frames += len(messages)
        counts.bytes_inflated += size
        # A window that begins with the first message after the last one: what a flood could gain by its edge is one
        # budget.
        if now >= self._second_ends_at:
            self._second_ends_at = now + _SECOND
            self._bytes_left, self._frames_left = self._budget
        within = size <= self._bytes_left and len(messages) <= self._frames_left
        if not within:
            messages = self._affordable(messages)
        self._bytes_left -= size
        self._frames_left -= len(messages)
        on_arrival = self._on_arrival
        on_arrival(len(messages), now)
        counts.sink_failures += hand_on(self._on_frames, messages, now)
        if not within:
            self.cut(Phrase("the peer sends more than max_bytes_per_second or max_frames_per_second"))

    def _affordable(self, messages: list[bytes]) -> list[bytes]:
        sizes = accumulate(map(len, messages[: self._frames_left]))
        return messages[: sum(1 for size in sizes if size <= self._bytes_left)]


def _ignore_frames(messages: object, now: float) -> None:
    """Drop what a dead connection still parses."""


def _ignore_arrival(count: int, now: float) -> None:
    """Drop what a dead connection still parses."""


def _ignore_pong(payload: bytes) -> None:
    """Drop what a dead connection still parses."""
