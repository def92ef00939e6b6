"""A line over a real socket: websockets' plain client and the little that the keeper needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.exchange.server.raw import bearer
from tests.subscriptions.model import Desk, ModelExchange
from tests.waiting import until
from upbit_ws_qt.errors import ConnectionLostError, DecodeError
from upbit_ws_qt.types import WebSocketType
from upbit_ws_qt.wire import ServerError, ServerStatus, SubscriptionList, decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.config import ServiceConfig
    from upbit_ws_qt.connection.rate_limit import MessageLimiter
    from upbit_ws_qt.exchange import EmbeddedExchange

_CONTROL = (ServerError, ServerStatus, SubscriptionList)


class SocketLine:
    """One connection to the embedded exchange."""

    def __init__(self, websocket: ClientConnection, ws_type: WebSocketType, limiter: MessageLimiter) -> None:
        self._websocket = websocket
        self.ws_type = ws_type
        self.limiter = limiter
        self.control: Callable[[ServerError | ServerStatus | SubscriptionList], None] | None = None
        self.observer: Callable[[bytes | str], None] | None = None
        self.closed = asyncio.Event()
        self.frames = 0
        self.departures: list[float] = []
        self._reader = asyncio.create_task(self._read())

    def listen(self, control: Callable[[ServerError | ServerStatus | SubscriptionList], None] | None) -> None:
        self.control = control

    def observe(self, observer: Callable[[bytes | str], None] | None) -> None:
        self.observer = observer

    @property
    def is_open(self) -> bool:
        return not self.closed.is_set()

    async def send(self, data: bytes) -> None:
        self.departures.append(asyncio.get_running_loop().time())
        try:
            await self._websocket.send(data)
        except ConnectionClosed as error:
            raise ConnectionLostError(self.ws_type.value, "closed") from error

    def drop(self) -> None:
        self._websocket.transport.abort()

    async def close(self) -> None:
        self.drop()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for frame in self._websocket:
                self._take(frame)
        except ConnectionClosed:
            pass  # how it ended is the connection room's business; here only that it did
        finally:
            self.closed.set()

    def _take(self, frame: bytes | str) -> None:
        data = frame if isinstance(frame, bytes) else frame.encode()
        self.frames += 1
        if not data.startswith((b'{"ty', b'[{"ty')):
            try:
                messages = decode(data)
            except DecodeError:
                return
            for message in messages:
                if isinstance(message, _CONTROL):
                    self._on_control(message)
        elif self.observer is not None:
            self.observer(frame)

    def _on_control(self, message: ServerError | ServerStatus | SubscriptionList) -> None:
        if isinstance(message, ServerError) and message.name == "TOO_MANY_REQUEST":
            self.limiter.refused(asyncio.get_running_loop().time())
        if self.control is not None:
            self.control(message)


class SocketDesk(Desk):
    """State, keeper, and a connection to the embedded exchange that dials again whenever its line is lost."""

    def __init__(
        self, exchange: EmbeddedExchange, config: ServiceConfig, ws_type: WebSocketType = WebSocketType.PUBLIC
    ) -> None:
        self.server = exchange
        self.lines: list[SocketLine] = []
        super().__init__(ModelExchange(), config, ws_type)

    async def open_line(self) -> Any:
        url = {
            WebSocketType.PUBLIC: self.server.public_url,
            WebSocketType.PRIVATE: self.server.private_url,
            WebSocketType.INFO: self.server.info_url,
        }[self.ws_type]
        while True:
            try:
                websocket = await connect(url, additional_headers=self._headers(), proxy=None, close_timeout=0.2)
            except (OSError, EOFError, TimeoutError):
                await asyncio.sleep(0.05)
                continue
            self.limiter = self.limiter.successor()
            line = SocketLine(websocket, self.ws_type, self.limiter)
            self.lines.append(line)
            return line

    def is_quiet(self) -> bool:
        return bool(self.lines) and self.lines[-1].is_open and super().is_quiet()

    async def settled(self) -> None:
        await until(self.is_quiet, 60)

    async def cut(self) -> None:
        """Cut the present line and wait for the next one."""
        count = len(self.lines)
        self.lines[-1].drop()
        await until(lambda: len(self.lines) > count)

    def table(self) -> set[tuple[Any, ...]]:
        return self.server.subscribed(self.ws_type.value)

    async def holds(self, table: set[tuple[Any, ...]]) -> None:
        """Wait until the exchange's own table is this one."""
        try:
            await until(lambda: self.table() == table)
        except TimeoutError:
            assert self.table() == table
            raise

    def requests(self) -> list[bytes]:
        """What the exchange has received on the present line, lists left out."""
        (view,) = (c for c in self.server.connections if c.endpoint == self.ws_type.value)
        return [data for _, data in view.requests if b"LIST_SUBSCRIPTIONS" not in data]

    async def close(self) -> None:
        await super().close()
        for line in self.lines:
            await line.close()

    def _headers(self) -> dict[str, str]:
        if self.ws_type is WebSocketType.PUBLIC:
            return {}
        return bearer(self.server)
