"""websockets' client connection with the way in made short: frames go to a sink as they are parsed.

What is used here beyond websockets' documented interface is pinned by tests/connection/test_websockets_contract.py.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State

from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from websockets.client import ClientProtocol
    from websockets.http11 import Response

__all__ = ["LOGGER", "HandshakeRefusedError", "Stream"]

USER_AGENT = "upbit_ws_qt"
# 250 legal messages of 1 MiB fit compressed into the 256 KiB that asyncio reads at once; into 16 KiB fit 16.
READ_SIZE = 16 * 1024
_SECOND = 1.0

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
        self.body = safe_text(response.body or b"", 200)
        value = response.headers.get("Retry-After", "")
        # The header may hold a date too; the exchange sends seconds if anything.
        self.retry_after = float(value) if value.isdecimal() and len(value) < 7 else None
        super().__init__(f"HTTP {self.status}")


class Stream(ClientConnection):
    """One WebSocket.

    `process_event` hands data frames to `on_frame` in the turn in which they were read; there is no queue and no task
    in between. The budget of bytes and frames per second is kept here, since whatever comes later comes too late.
    """

    def __init__(
        self,
        protocol: ClientProtocol,
        *,
        make_token: Callable[[], str] | None,
        on_frame: Callable[[bytes, float], None],
        on_pong: Callable[[bytes], None],
        on_lost: Callable[[], None],
        budget: tuple[int, int],
        **settings: Any,
    ) -> None:
        super().__init__(protocol, **settings)
        # The same danger as above: with these the library would format the handshake for its log.
        self.debug = protocol.debug = False
        self._make_token = make_token
        self._on_frame = on_frame
        self._on_pong = on_pong
        self._on_lost = on_lost
        self._most_bytes, self._most_frames = budget
        self._parts: bytearray | None = None
        self._second_ends_at = 0.0
        self._bytes_before = 0
        self._frames_before = 0
        self.frames = 0
        self.bytes_wire = 0
        self.bytes_inflated = 0
        self.sink_failures = 0
        self.cause: str | None = None
        self.asked = False

    async def handshake(self, additional_headers: object = None, user_agent_header: str | None = None) -> None:
        """Shake hands with a token that exists only while this runs."""
        make_token, self._make_token = self._make_token, None
        headers = {"Authorization": f"Bearer {make_token()}"} if make_token is not None else {}
        refused = None
        try:
            await super().handshake(headers, USER_AGENT)
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
        """Keep the transport and make it read in small pieces."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = READ_SIZE

    def data_received(self, data: bytes) -> None:
        """Parse what was read, a piece at a time: TLS transports read as much as they like."""
        self.bytes_wire += len(data)
        if len(data) <= READ_SIZE:
            super().data_received(data)
            return
        for start in range(0, len(data), READ_SIZE):
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + READ_SIZE])

    def process_event(self, event: Any) -> None:
        """Hand a data frame to the sink; never raises."""
        if self.response is None or not isinstance(event, Frame):
            super().process_event(event)
            return
        opcode = event.opcode
        if opcode is Opcode.BINARY or opcode is Opcode.TEXT:
            if event.fin:
                self._deliver(bytes(event.data))
            else:
                self._parts = bytearray(event.data)
        elif opcode is Opcode.CONT:
            if self._parts is not None:
                self._parts += event.data
                if event.fin:
                    whole, self._parts = bytes(self._parts), None
                    self._deliver(whole)
        elif opcode is Opcode.PONG:
            self._on_pong(bytes(event.data))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        super().connection_lost(exc)
        self._on_lost()
        # Whoever keeps the stream for its figures does not keep the whole connection with it.
        self._on_frame = _ignore_frame
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
        """Send a close frame, if none was sent yet, without waiting for anything."""
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

    def _deliver(self, data: bytes) -> None:
        now = self.loop.time()
        self.frames += 1
        self.bytes_inflated += len(data)
        if now >= self._second_ends_at:
            self._second_ends_at = now + _SECOND
            self._bytes_before = self.bytes_inflated
            self._frames_before = self.frames
        elif (
            self.bytes_inflated - self._bytes_before > self._most_bytes
            or self.frames - self._frames_before > self._most_frames
        ):
            self.cut("the peer sends more than max_bytes_per_second or max_frames_per_second")
            return
        try:
            self._on_frame(data, now)
        except Exception:  # the guarded boundary of frames: what raises here would kill the parser
            self.sink_failures += 1
            LOGGER.error("a frame was lost because its receiver failed", exc_info=True)


def _ignore_frame(data: bytes, now: float) -> None:
    """Drop what a dead connection still parses."""


def _ignore_pong(payload: bytes) -> None:
    """Drop what a dead connection still parses."""
