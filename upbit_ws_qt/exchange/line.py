"""One TCP connection: HTTP until the client asks for a WebSocket, then frames through websockets' core without I/O."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, cast

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as WebSocketRequest
from websockets.protocol import State
from websockets.server import ServerProtocol

from . import http

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_log = logging.getLogger("upbit_ws_qt.exchange.websocket")
_log.setLevel(logging.WARNING)  # at DEBUG websockets prints Authorization headers

_HTTP_PATIENCE = 10.0
_CLOSE_PATIENCE = 1.0
_HIGH_WATER = 256 * 1024


class LineOwner(Protocol):
    """What a line asks of the exchange."""

    @property
    def now(self) -> Callable[[], float]:
        """The clock, in seconds."""

    def admit(self, line: Line) -> bool:
        """Take a new TCP connection, or refuse it because there are too many."""

    def on_http(self, line: Line, request: http.HttpRequest) -> None:
        """Answer a plain HTTP request by `line.respond`."""

    def on_upgrade(self, line: Line, request: http.HttpRequest) -> None:
        """Answer a handshake by `line.accept`, `line.respond` or an end of the line."""

    def on_message(self, line: Line, message: bytes) -> None:
        """Take a data message."""

    def on_ping(self, line: Line) -> None:
        """Count a ping frame; it has been answered."""

    def on_closing(self, line: Line) -> None:
        """Send nothing more on this line; it is on its way out."""

    def on_lost(self, line: Line, reason: str) -> None:
        """Forget the line."""

    def on_drained(self) -> None:
        """Wake up those who wait for full buffers."""

    def at(self, seconds: float, callback: Callable[[], None]) -> None:
        """Run `callback` in so many seconds."""


class Line(asyncio.Protocol):
    """The server's end of one connection.

    Attributes:
        peer: Address of the client.
        silent: Nothing is taken or written any more although the connection stands (a fault).
        paused: The client reads more slowly than it is written to.
        last_activity: Time of the last byte in or out.
        pongs: The newest ping that the client has answered.
    """

    def __init__(self, owner: LineOwner, max_request: int) -> None:
        self._owner = owner
        self._max_request = max_request
        self._loop = asyncio.get_running_loop()
        self._now = owner.now
        self._buffer = bytearray()
        self._head = b""
        self._busy = False
        self._websocket: ServerProtocol | None = None
        self._fragments: list[bytes] = []
        self._end_reason = ""
        self._closing = False
        self._pings = 0
        self.pongs = 0
        self.transport: asyncio.Transport
        self.peer = ""
        self.silent = False
        self.paused = False
        self.lost = False
        self.last_activity = self._now()

    # What the exchange does with a line.

    @property
    def is_open(self) -> bool:
        """Whether data frames can still be sent."""
        websocket = self._websocket
        return websocket is not None and websocket.state is State.OPEN and not (self._closing or self.silent)

    @property
    def deflates(self) -> bool:
        """Whether permessage-deflate was agreed on."""
        return self._websocket is not None and bool(self._websocket.extensions)

    @property
    def backlog(self) -> int:
        """Bytes written that the client has not taken yet."""
        return 0 if self.lost else self.transport.get_write_buffer_size()

    def accept(self, *, deflate: bool, headers: dict[str, str] | None = None) -> bool:
        """Finish the handshake; False where it was not a proper one, which has then been answered."""
        extensions = [ServerPerMessageDeflateFactory(server_max_window_bits=12, client_max_window_bits=12)]
        websocket = ServerProtocol(extensions=extensions if deflate else None, max_size=self._max_request, logger=_log)
        websocket.receive_data(self._head)
        request = next((event for event in websocket.events_received() if isinstance(event, WebSocketRequest)), None)
        if request is not None:
            answer = websocket.accept(request)
            if answer.status_code == http.SWITCHING:
                answer.headers.update(headers or {})
            websocket.send_response(answer)
        self._websocket = websocket
        self._write_protocol_data()
        return websocket.state is State.OPEN

    def start_reading(self) -> None:
        """Read what came behind the handshake; after the exchange has opened its session."""
        self._busy = False
        rest = bytes(self._buffer)
        self._buffer.clear()
        if rest:
            self.data_received(rest)

    def respond(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, close: bool = False) -> None:
        """Answer an HTTP request; `close` ends the connection after it."""
        self._busy = False
        self.write(http.response(status, body, headers, close=close))
        if close:
            self.finish(f"http {status}")
        elif self._buffer:
            self._loop.call_soon(self._read_http)

    def compress(self, payload: bytes) -> list[bytes]:
        """Return the wire bytes of a data frame under the agreed extensions."""
        assert self._websocket is not None
        self._websocket.send_binary(payload)
        return self._websocket.data_to_send()

    def write(self, data: bytes) -> None:
        """Hand bytes to the socket, unless the line is lost or silenced."""
        if not (self.lost or self.silent or self.transport.is_closing()):
            self.transport.write(data)
            self.last_activity = self._now()

    def ping(self) -> int:
        """Ask the client whether it has read all that was written so far: when `pongs` reaches what this returns."""
        assert self._websocket is not None
        self._pings += 1
        self._websocket.send_ping(self._pings.to_bytes(8, "big"))
        self._write_protocol_data()
        return self._pings

    def close(self, code: int, text: str, reason: str) -> None:
        """Start the closing handshake with `code`; `reason` is what the exchange notes."""
        if not self.is_open:
            return
        assert self._websocket is not None
        self._end_reason = self._end_reason or reason
        try:
            self._websocket.send_close(code, text)
        except ValueError:  # a code that no honest server may send: spell the frame out by hand
            self.write(Frame(Opcode.CLOSE, code.to_bytes(2, "big") + text.encode()).serialize(mask=False))
        self._end()
        self._write_protocol_data()
        self._owner.at(_CLOSE_PATIENCE, lambda: self.abort(reason))

    def finish(self, reason: str) -> None:
        """Send what is buffered, then close the TCP connection without a close frame."""
        if not self.lost:
            self._end_reason = self._end_reason or reason
            self._end()
            self.transport.close()
            self._owner.at(_CLOSE_PATIENCE, lambda: self.abort(reason))

    def abort(self, reason: str) -> None:
        """Reset the TCP connection at once."""
        if not self.lost:
            self._end_reason = self._end_reason or reason
            self._end()
            self.transport.abort()

    def _end(self) -> None:
        if not self._closing:
            self._closing = True
            self._owner.on_closing(self)

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the new connection, if the exchange has room for it."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(_HIGH_WATER)
        peername = transport.get_extra_info("peername")
        self.peer = str(peername[0]) if peername else "?"
        if not self._owner.admit(self):
            self.respond(503, http.error_body("service_unavailable", "Too many connections."), close=True)
            return
        self._owner.at(_HTTP_PATIENCE, self._check_http_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange why the line is gone."""
        if self._websocket is not None:
            self._websocket.receive_eof()
        self.lost = True
        self._fragments.clear()
        self._buffer.clear()
        self._owner.on_lost(self, self._end_reason or (f"lost: {exc}" if exc else "client went away"))
        self._owner.on_drained()

    def pause_writing(self) -> None:
        """Note that the client reads too slowly."""
        self.paused = True

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self.paused = False
        self._owner.on_drained()

    def eof_received(self) -> bool:
        """End the line when the client has ended its half."""
        if self._websocket is not None:
            self._websocket.receive_eof()
            self._end()  # what is buffered may take its time to leave; nothing is added to it
        return False

    def data_received(self, data: bytes) -> None:
        """Read HTTP or frames."""
        self.last_activity = self._now()
        if self.silent:
            return
        if self._websocket is None or self._busy:
            self._buffer += data
            if not self._busy:
                self._read_http()
            elif len(self._buffer) > http.MOST_HEAD + http.MOST_BODY:
                self.abort("too much before an answer")
            return
        self._websocket.receive_data(data)
        events = self._websocket.events_received()
        self._write_protocol_data()
        for event in events:
            if isinstance(event, Frame):
                self._take_frame(event)

    # HTTP.

    def _read_http(self) -> None:
        if self._busy or self.lost or self._closing:
            return
        try:
            request, used = self._next_request()
        except http.BadRequestError as error:
            self.respond(error.status, http.error_body("bad_request", str(error)), close=True)
            return
        if request is None:
            return
        self._busy = True
        if request.wants_websocket:
            self._head = bytes(self._buffer[:used])
            del self._buffer[:used]
            self._owner.on_upgrade(self, request)
        else:
            del self._buffer[:used]
            self._owner.on_http(self, request)

    def _next_request(self) -> tuple[http.HttpRequest | None, int]:
        end = self._buffer.find(b"\r\n\r\n", 0, http.MOST_HEAD)
        if end < 0:
            if len(self._buffer) >= http.MOST_HEAD:
                raise http.BadRequestError(431, "head too large")
            return None, 0
        request = http.parse_head(bytes(self._buffer[:end]))
        used = end + 4 + request.body_length
        if len(self._buffer) < used:
            return None, 0
        body = bytes(self._buffer[end + 4 : used])
        return replace(request, body=body), used

    def _check_http_patience(self) -> None:
        if self._websocket is None and not self.lost:
            left = self.last_activity + _HTTP_PATIENCE - self._now()
            if left <= 0 and not self._busy:
                self.finish("no request")
            else:
                self._owner.at(max(left, 0.1), self._check_http_patience)

    # WebSocket.

    def _take_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            self._owner.on_ping(self)
        elif frame.opcode is Opcode.PONG:
            if len(frame.data) == 8:  # one of ours, and not one that nobody asked for
                self.pongs = max(self.pongs, min(self._pings, int.from_bytes(frame.data, "big")))
        elif frame.opcode is Opcode.CLOSE:
            code = int.from_bytes(frame.data[:2], "big") if frame.data else 1005
            self._end_reason = self._end_reason or f"client close {code}"
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._fragments.append(bytes(frame.data))
            if frame.fin:
                message = b"".join(self._fragments)
                self._fragments.clear()
                if self.is_open:
                    self._owner.on_message(self, message)

    def _write_protocol_data(self) -> None:
        assert self._websocket is not None
        exception = self._websocket.parser_exc
        if exception is not None and not self._end_reason:
            self._end_reason = f"protocol error: {exception}"
        if self._websocket.state not in (State.CONNECTING, State.OPEN):
            self._end()
        self.write_all(self._websocket.data_to_send())

    def write_all(self, chunks: Sequence[bytes]) -> None:
        """Write chunks of the protocol; an empty one stands for the end of our half of the connection."""
        for chunk in chunks:
            if chunk:
                self.write(chunk)
            elif not (self.lost or self.silent or self.transport.is_closing()):
                # Half-closed rather than closed: unread input would reset the line before the close frame arrives.
                self.transport.write_eof()
                self._owner.at(_CLOSE_PATIENCE, lambda: self.abort("closing took too long"))
