"""A plain HTTP server on loopback that answers each request as a test wants, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.credentials import Credentials
from upbit_ws_qt.rest import RestClient

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

    Answer = bytes | list[bytes] | None

KEYS = Credentials("EmbeddedExchangeKeyOfTests", "dummy-secret-of-forty-characters-0123456")


class Asked:
    """One request: its head, line by line."""

    def __init__(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.target = lines[0].split(" ")[1]
        self.lines = [line for line in lines[1:] if line]

    def header(self, name: str) -> str | None:
        values = [
            value.strip() for key, _, value in (line.partition(":") for line in self.lines) if key.lower() == name
        ]
        return values[0] if values else None


class Peer:
    """What was asked, and where to ask."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""

    def config(self, **settings: Any) -> ServiceConfig:
        return ServiceConfig.testing(rest_url=self.url, credentials=KEYS, **settings)


def answer(body: Any = "", status: int = 200, **headers: str) -> bytes:
    """Return a whole response; a body that is not bytes goes as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


@contextlib.asynccontextmanager
async def peer(reply: Callable[[Asked], Answer], tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """Serve: `reply` gives the bytes of an answer; several in pieces, None for an answer that never comes."""
    kept = Peer()
    writers: set[asyncio.StreamWriter] = set()
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not over.is_set():
                asked = Asked(await reader.readuntil(b"\r\n\r\n"))
                kept.asked.append(asked)
                pieces = reply(asked)
                if pieces is None:
                    await over.wait()
                    break
                for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                    if not piece:  # the end
                        return writer.close()
                    writer.write(piece)
                    await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    kept.url = f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield kept
    finally:
        over.set()
        server.close()
        for writer in writers:
            writer.close()
        with contextlib.suppress(ConnectionError):
            for writer in writers:
                await writer.wait_closed()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def asking(reply: Callable[[Asked], Answer], **options: Any) -> AsyncIterator[tuple[RestClient, Peer]]:
    """Serve and ask; options that are settings go to the configuration, the others to the client."""
    own = {name: options.pop(name) for name in ("clock", "call_later", "sleep", "wall_clock") if name in options}
    own.setdefault("sleep", at_once)
    async with peer(reply) as served, RestClient(served.config(**options), **own) as rest:
        yield rest, served


async def at_once(seconds: float) -> None:
    await asyncio.sleep(0)


def nobody() -> RestClient:
    """Return a client of an address where nothing listens."""
    return RestClient(ServiceConfig(rest_url="http://127.0.0.1:9"))
