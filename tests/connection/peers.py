"""Servers that answer as a test wants, and a client for them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, serve

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import CloseInfo, DialRequest, open_socket
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from upbit_ws_qt.connection.socket import Socket

CANARY = "canary.token.0123456789abcdef"


class Client:
    """A socket and what came in on it."""

    def __init__(self, **settings: Any) -> None:
        self.frames: list[bytes] = []
        self.rtts: list[float] = []
        self.settings = settings

    def request(self, url: str, *, token: str | None = None, watch_silence: bool = False) -> DialRequest:
        return DialRequest(
            ws_type=WebSocketType.PRIVATE if token else WebSocketType.PUBLIC,
            url=url,
            config=ServiceConfig.testing(**self.settings),
            make_token=None if token is None else (lambda: "".join(token)),
            on_frames=lambda messages, _: self.frames.extend(messages),
            on_pong=lambda rtt, _: self.rtts.append(rtt),
            watch_silence=watch_silence,
            tls=None,
            wall_clock=time.time,
        )


@contextlib.asynccontextmanager
async def server(handler: Callable[[ServerConnection], Awaitable[None]], **options: Any) -> AsyncIterator[str]:
    async with serve(handler, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2, **options) as running:
        yield f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/"


async def hold(connection: ServerConnection) -> None:
    """Keep the line open until the client goes."""
    await connection.wait_closed()


@contextlib.asynccontextmanager
async def dialled(url: str, client: Client, **options: Any) -> AsyncIterator[Socket]:
    socket = await open_socket(client.request(url, **options))
    try:
        yield socket
    finally:
        await socket.close()
        assert socket.closed.done()


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run a server that notes each request head and answers with fixed bytes."""
    heads: list[bytes] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    running = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with running:
        yield f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/path", heads


async def ended(socket: Socket, seconds: float = 30.0) -> CloseInfo:
    async with asyncio.timeout(seconds):
        return await asyncio.shield(socket.closed)


class Deaf(ServerConnection):
    """A peer whose TCP lives and whose WebSocket does not."""

    def data_received(self, data: bytes) -> None:
        if self.response is None:
            super().data_received(data)
