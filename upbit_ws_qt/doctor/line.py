"""A line of its own for each question: bare websockets, bare JSON, every frame kept with its time."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode

from upbit_ws_qt.errors import WebSocketError
from upbit_ws_qt.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from upbit_ws_qt.doctor.pace import Pace
    from upbit_ws_qt.doctor.recording import Recording

__all__ = ["Answer", "DialRefusedError", "Line", "Received", "dial"]

_log = logging.getLogger("upbit_ws_qt.doctor.websocket")
_log.setLevel(logging.WARNING)  # at DEBUG websockets prints Authorization headers
_MOST_FRAMES = 30_000  # kept of one line: it is watched for seconds, and all markets are 1,000 messages a second
_LARGEST = 4 * 1024 * 1024


class DialRefusedError(WebSocketError):
    """A handshake that did not open a line.

    Attributes:
        status: of HTTP, None where there was no answer.
        body: what came with it, harmless text of at most 500 characters.
    """

    def __init__(self, url: str, reason: str, status: int | None = None, body: str = "") -> None:
        super().__init__(f"{url}: {reason}")
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Received:
    """A frame.

    Attributes:
        at: when it came, in seconds of the loop's clock.
        text: what it says.
        as_text: whether it was a text frame.
        value: its JSON with exact numbers, None where it is none.
    """

    at: float
    text: str
    as_text: bool
    value: Any

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The objects in it: one, or those of a list."""
        parts = self.value if isinstance(self.value, list) else [self.value]
        return [part for part in parts if isinstance(part, dict)]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to.

    Attributes:
        error: name of the error, "" where there was none.
        message: its text.
        at: when the error came.
        closed: the close code, None where the line was not closed.
        closed_after: seconds from the error to the close.
    """

    error: str = ""
    message: str = ""
    at: float = 0.0
    closed: int | None = None
    closed_after: float | None = None


class _PingCounter(ClientConnection):
    """Counts the exchange's own pings, which websockets answers without a word."""

    pings = 0

    def process_event(self, event: Any) -> None:
        """Count a ping, then do the usual."""
        if isinstance(event, Frame) and event.opcode is Opcode.PING:
            self.pings += 1
        super().process_event(event)


class Line:
    """One open WebSocket.

    Attributes:
        endpoint: "public", "private" or "info".
        headers: of the handshake's answer, by lower-case name.
        frames: all that came, in order.
        opened_at: when the handshake was done.
        closed: the close code, None while it is open; 1006 where there was no close frame.
        closed_at: when it ended.
    """

    def __init__(self, endpoint: str, number: int, socket: ClientConnection, pace: Pace, recording: Recording | None):
        self._loop = asyncio.get_running_loop()
        self._socket = socket
        self._pace = pace
        self._recording = recording
        self._number = number
        self._changed = asyncio.Event()
        self.endpoint = endpoint
        response = socket.response
        self.headers = {name.lower(): value for name, value in response.headers.raw_items()} if response else {}
        self.frames: list[Received] = []
        self.overflow = 0
        self.opened_at = self._loop.time()
        self.closed: int | None = None
        self.closed_at = 0.0
        self._reader = asyncio.create_task(self._read(), name=f"doctor line {number}")

    # Sending.

    async def send(self, text: str) -> None:
        """Send a message as it is, as soon as the limits allow it; on a line that has ended nothing happens."""
        await self._pace.step()
        await self.send_at_once(text)

    async def send_at_once(self, text: str) -> None:
        """Send a message whatever the limits."""
        if self._recording is not None:
            self._recording.event(self._number, self.endpoint, sent=text)
        try:
            await self._socket.send(text)
        except ConnectionClosed:
            return  # the reader notes how it ended

    async def request(self, *objects: dict[str, Any], format: str | None = "DEFAULT", ticket: str | None = None) -> int:
        """Send `[{ticket}, objects…, {format}]` and return how many frames had come before."""
        tail = [] if format is None else [{"format": format}]
        await self._pace.step()
        # Before it is sent: on a busy loop the answer may be there before sending is over.
        start = len(self.frames)
        await self.send_at_once(json.dumps([{"ticket": ticket or str(uuid.uuid4())}, *objects, *tail]))
        return start

    async def ping(self, seconds: float) -> float | None:
        """Send a ping frame; return the seconds until its answer, None where there was none in time."""
        begun = self._loop.time()
        try:
            waiter = await self._socket.ping()
            async with asyncio.timeout(seconds):
                await waiter
        except (ConnectionClosed, TimeoutError):
            return None
        return self._loop.time() - begun

    # Waiting.

    async def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Wait until `condition()` is true; False where it is not after `seconds`, or when the line has ended."""
        deadline = self._loop.time() + seconds
        while not condition():
            left = deadline - self._loop.time()
            if left <= 0 or self.closed is not None:
                return bool(condition())
            self._changed.clear()
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                return bool(condition())
        return True

    async def rest(self, seconds: float) -> None:
        """Let `seconds` pass, or less where the line ends."""
        await self.until(lambda: self.closed is not None, seconds)

    async def listing(self, seconds: float, *, format: str | None = "DEFAULT", ticket: str = "list") -> Received | None:
        """Ask for the subscriptions and return the answer, None where none came in time."""
        start = await self.request({"method": "LIST_SUBSCRIPTIONS"}, format=format, ticket=ticket)
        await self.until(lambda: self._answer(start), seconds)
        return self._answer(start)

    async def answer(self, patience: float, close: float) -> Answer:
        """Wait for an error, and for the close behind it.

        Args:
            patience: seconds until the error is given up.
            close: seconds until the close behind it is given up.
        """
        await self.until(lambda: self.error() is not None, patience)
        found = self.error()
        if found is None:
            return Answer(closed=self.closed)
        at, error = found
        await self.rest(close)
        after = self.closed_at - at if self.closed is not None else None
        return Answer(str(error.get("name")), safe_text(str(error.get("message"))), at, self.closed, after)

    # Looking.

    def messages(self, start: int = 0, *, type_: str = "", code: str = "") -> Iterator[dict[str, Any]]:
        """Give the data messages behind the first `start` frames, in either spelling; by default all of them."""
        for frame in self.frames[start:]:
            for message in frame.messages:
                kind = message.get("type", message.get("ty"))
                if not isinstance(kind, str) or (type_ and kind != type_):
                    continue
                if not code or message.get("code", message.get("cd")) == code:
                    yield message

    def count(self, start: int = 0, *, type_: str = "", code: str = "") -> int:
        """Count what `messages` gives."""
        return sum(1 for _ in self.messages(start, type_=type_, code=code))

    def error(self) -> tuple[float, dict[str, Any]] | None:
        """Return the first error that came, and when."""
        for frame in self.frames:
            for message in frame.messages:
                if isinstance(message.get("error"), dict):
                    return frame.at, message["error"]
        return None

    @property
    def pings(self) -> int:
        """How many ping frames the exchange has sent."""
        return getattr(self._socket, "pings", 0)

    @property
    def tls_version(self) -> str | None:
        """The version of TLS, None on a line without it."""
        ssl_object = self._socket.transport.get_extra_info("ssl_object")
        return ssl_object.version() if ssl_object is not None else None

    async def close(self) -> None:
        """End the line; idempotent."""
        await self._socket.close()
        await self._reader

    # Inside.

    def _answer(self, start: int) -> Received | None:
        for frame in self.frames[start:]:
            if any("method" in message or "mthd" in message for message in frame.messages):
                return frame
        return None

    async def _read(self) -> None:
        try:
            while True:
                data = await self._socket.recv()
                self._take(data)
        except ConnectionClosed:
            self.closed = self._socket.close_code or 1006
            self.closed_at = self._loop.time()
            if self._recording is not None:
                self._recording.event(self._number, self.endpoint, closed=str(self.closed))
            self._changed.set()

    def _take(self, data: bytes | str) -> None:
        as_text = isinstance(data, str)
        text = data if isinstance(data, str) else data.decode("utf-8", errors="replace")
        if self._recording is not None:
            self._recording.frame(self._number, self.endpoint, text, as_text=as_text)
        try:
            value = json.loads(text, parse_float=Decimal)
        except (ValueError, RecursionError):
            value = None
        if len(self.frames) < _MOST_FRAMES:
            self.frames.append(Received(self._loop.time(), text, as_text, value))
        else:
            self.overflow += 1
        self._changed.set()


async def dial(
    url: str,
    endpoint: str,
    number: int,
    *,
    token: str | None,
    pace: Pace,
    recording: Recording | None,
    seconds: float,
    compression: bool = False,
    local: bool = False,
) -> Line:
    """Open a line.

    Args:
        url: of the endpoint.
        endpoint: its name.
        number: of the line, for the recording.
        token: of the Authorization header, None for no such header.
        pace: of the messages to come.
        recording: where frames are written down.
        seconds: until the handshake is given up.
        compression: offer permessage-deflate.
        local: take no proxy.

    Raises:
        DialRefusedError: where no line was opened.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        socket = await connect(
            url,
            additional_headers=headers,
            compression="deflate" if compression else None,
            create_connection=_PingCounter,
            open_timeout=seconds,
            ping_interval=None,
            close_timeout=2,
            max_queue=None,
            max_size=_LARGEST,
            proxy=None if local else True,
            logger=_log,
        )
    except InvalidStatus as error:
        response = error.response
        body = safe_text(bytes(response.body or b""))[:500]
        raise DialRefusedError(url, f"HTTP {response.status_code}", response.status_code, body) from None
    except (OSError, InvalidHandshake, TimeoutError) as error:
        raise DialRefusedError(url, safe_text(str(error)) or type(error).__name__) from None
    line = Line(endpoint, number, socket, pace, recording)
    if recording is not None:
        told = {name: value for name, value in line.headers.items() if name in ("remaining-req", "limit-by-ip")}
        recording.event(number, endpoint, handshake=json.dumps(told))
    return line
