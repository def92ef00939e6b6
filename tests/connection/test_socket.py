"""Sockets over loopback: what is on the wire, what is not kept, and how each end is told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
import types
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from tests.connection.kit import until
from tests.waiting import at_leisure
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import CloseInfo, DialError, DialRequest, open_socket
from upbit_ws_qt.connection.stream import READ_SIZE
from upbit_ws_qt.errors import ConnectionLostError
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

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


async def test_the_handshake_on_the_wire_has_a_token_and_no_origin() -> None:
    async with answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\n\r\nINVALID_AUTH") as (url, heads):
        with pytest.raises(DialError) as caught:
            await open_socket(Client().request(url, token=CANARY))
        head = heads[0].lower()
        assert b"\r\norigin:" not in head
        assert b"\r\nauthorization: bearer " + CANARY.encode() in head
        assert b"permessage-deflate" in head
        assert (caught.value.status, caught.value.detail) == (401, "INVALID_AUTH")


@pytest.mark.parametrize(
    ("answer", "kind", "status", "retry_after"),
    [
        (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", "status", 429, 7.0),
        (b"HTTP/1.1 429 X\r\nRetry-After: Fri, 01 Jan 2027 00:00:00 GMT\r\n\r\n", "status", 429, None),
        (b"HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", "status", 418, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "status", 200, None),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "handshake", None, None),
        (b"\x16\x03\x01nonsense\r\n\r\n", "handshake", None, None),
        (b"", "handshake", None, None),
    ],
)  # fmt: skip
async def test_a_refused_handshake_is_told_by_kind_and_status(
    answer: bytes, kind: str, status: int | None, retry_after: float | None
) -> None:
    async with answering(answer) as (url, _):
        with pytest.raises(DialError) as caught:
            await open_socket(Client().request(url))
        error = caught.value
        assert (error.kind, error.status, error.retry_after) == (kind, status, retry_after)


async def test_a_redirect_is_not_followed_so_that_the_token_goes_to_one_host_only() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (elsewhere, elsewhere_heads):
        answer = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
        async with answering(answer) as (url, heads):
            with pytest.raises(DialError) as caught:
                await open_socket(Client().request(url, token=CANARY))
        assert caught.value.status == 302
        assert len(heads) == 1
        assert elsewhere_heads == []


async def test_nobody_listening_is_a_network_error() -> None:
    async with answering(b"") as (url, _):
        pass
    with pytest.raises(DialError) as caught:
        await open_socket(Client().request(url))
    assert caught.value.kind == "network"


def reachable_text(*roots: object) -> set[str]:
    """Return every text that can be reached, modules, classes and running test code left aside."""
    found: set[str] = set()
    queue = list(roots)
    seen = {id(item) for item in (queue, found)}
    while queue:
        item = queue.pop()
        if id(item) in seen or isinstance(item, (type, types.ModuleType, logging.Logger, asyncio.AbstractEventLoop)):
            continue
        seen.add(id(item))
        if isinstance(item, (str, bytes, bytearray)):
            found.add(item if isinstance(item, str) else bytes(item).decode("latin-1"))
        elif isinstance(item, types.FrameType):
            if item.f_code.co_filename != __file__:
                queue.extend(item.f_locals.values())
        elif isinstance(item, types.FunctionType):
            queue.extend(cell.cell_contents for cell in item.__closure__ or ())
        else:
            queue.extend(gc.get_referents(item))
    return found


class TokenMaker:
    """Makes the canary token anew each time, so that nothing but a handshake can hold it."""

    def __call__(self) -> str:
        return ".".join(["canary", "token", "0123456789abcdef"])


async def test_no_token_stays_in_memory_after_the_handshake() -> None:
    async with server(hold) as url:
        client = Client()
        request = client.request(url, token="x")
        object.__setattr__(request, "make_token", TokenMaker())
        socket = await open_socket(request)
        assert any("User-Agent" in text for text in reachable_text(socket))  # the walk sees the handshake
        assert [text for text in reachable_text(socket) if CANARY in text] == []
        await socket.close()


async def test_no_token_hangs_on_the_error_of_a_failed_handshake() -> None:
    async with answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n") as (url, _):
        request = Client().request(url, token="x")
        object.__setattr__(request, "make_token", TokenMaker())
        with pytest.raises(DialError) as caught:
            await open_socket(request)
        # The walk goes through tracebacks, and through the variables of every frame but this file's.
        assert [text for text in reachable_text(caught.value) if CANARY in text] == []


async def test_no_token_is_logged_even_when_everything_is_set_to_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.DEBUG, "upbit_ws_qt.websockets"):
        async with server(hold) as url, dialled(url, Client(), token=CANARY) as socket:
            await socket.send(b"hello")
        async with answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n") as (url, _):
            with pytest.raises(DialError):
                await open_socket(Client().request(url, token=CANARY))
    client_side = [record for record in caplog.records if not record.name.startswith("websockets.server")]
    assert [record for record in client_side if CANARY in record.getMessage()] == []
    assert logging.getLogger("upbit_ws_qt.websockets").level == logging.INFO


async def test_frames_are_handed_over_whole_and_as_bytes_whatever_they_came_in() -> None:
    async def send(connection: ServerConnection) -> None:
        await connection.send(b"binary")
        await connection.send("text \u20a9")
        await connection.send([b"in ", b"three ", b"parts"])
        await connection.send(b"x" * (3 * READ_SIZE))
        await connection.send(b"")
        await hold(connection)

    async with server(send) as url:
        client = Client()
        async with dialled(url, client) as socket:
            await until(lambda: len(client.frames) == 5)
            assert client.frames == [b"binary", "text \u20a9".encode(), b"in three parts", b"x" * (3 * READ_SIZE), b""]
            assert all(type(frame) is bytes for frame in client.frames)
            figures = socket.figures()
            assert figures.frames == 5
            assert figures.bytes_inflated == sum(map(len, client.frames))
            assert figures.compressed
            assert figures.bytes_wire < figures.bytes_inflated / 10


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_messages_right_behind_the_handshake_are_not_lost(size: int) -> None:
    sent = [b"first", "text \u20a9".encode(), b"x" * 300, b""]

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(
            line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("sec-websocket-key")
        )
        answer = (
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
        ).encode()
        data = answer + b"".join(Frame(Opcode.BINARY, message).serialize(mask=False) for message in sent)
        for start in range(0, len(data), size):
            writer.write(data[start : start + size])
            await writer.drain()
            if size == 1:
                await asyncio.sleep(0)
        await reader.read()
        writer.close()

    running = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with running:
        client = Client(compression=False)
        async with dialled(f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/", client):
            await until(lambda: len(client.frames) == len(sent))
            assert client.frames == sent


async def test_compression_can_be_left_out() -> None:
    async with server(hold) as url, dialled(url, Client(compression=False)) as socket:
        assert not socket.figures().compressed


async def test_requests_are_text_messages() -> None:
    received: list[str | bytes] = []

    async def note(connection: ServerConnection) -> None:
        received.append(await connection.recv())
        await hold(connection)

    async with server(note) as url, dialled(url, Client()) as socket:
        await socket.send(b'[{"ticket":"1"}]')
        await until(lambda: received == ['[{"ticket":"1"}]'])
        assert socket.figures().bytes_sent == 16


async def test_after_the_end_sending_is_a_typed_error() -> None:
    async with server(hold) as url:
        socket = await open_socket(Client().request(url))
        await socket.close()
        await socket.close()
        with pytest.raises(ConnectionLostError):
            await socket.send(b"too late")
        info = await ended(socket)
        assert (info.asked, info.code, info.cause) == (True, 1000, "closed by us")


async def test_a_close_by_the_peer_is_told_with_its_code_and_safe_reason() -> None:
    async def leave(connection: ServerConnection) -> None:
        await connection.close(1001, "bye \x1b[31m\u202e")

    async with server(leave) as url:
        socket = await open_socket(Client().request(url))
        info = await ended(socket)
        assert (info.code, info.asked) == (1001, False)
        assert "bye" in info.reason
        assert info.reason.isprintable()


async def test_a_cut_without_a_close_frame_is_1006() -> None:
    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    async with server(cut) as url:
        info = await ended(await open_socket(Client().request(url)))
        assert (info.code, info.cause) == (1006, "dropped without a close frame")


async def test_pings_are_sent_answered_and_timed() -> None:
    async with server(hold) as url:
        client = Client(ping_interval=0.05)
        async with dialled(url, client) as socket:
            await until(lambda: len(client.rtts) >= 3)
            assert all(rtt >= 0 for rtt in client.rtts)
            assert socket.figures().last_pong_at > 0


async def test_the_peers_pings_are_answered() -> None:
    answered = asyncio.Event()

    async def ping(connection: ServerConnection) -> None:
        await (await connection.ping())
        answered.set()
        await hold(connection)

    async with server(ping) as url, dialled(url, Client()), asyncio.timeout(30):
        await answered.wait()


class Deaf(ServerConnection):
    """A peer whose TCP lives and whose WebSocket does not."""

    def data_received(self, data: bytes) -> None:
        if self.response is None:
            super().data_received(data)


async def test_a_peer_that_does_not_answer_pings_is_given_up() -> None:
    async with server(hold, create_connection=Deaf) as url:
        socket = await open_socket(Client(ping_interval=0.1, pong_timeout=0.2).request(url))
        info = await ended(socket)
        assert info.cause == "no pong within 0.2 s"


async def test_closing_towards_a_silent_peer_takes_close_timeout_and_no_longer() -> None:
    async with server(hold, create_connection=Deaf) as url:
        socket = await open_socket(Client(close_timeout=0.2).request(url))
        with at_leisure() as seconds:
            await socket.close()
            assert seconds() < 1.0
        assert socket.closed.done()


async def test_a_message_that_is_too_big_ends_the_line_even_if_the_peer_holds_on() -> None:
    async def send(connection: ServerConnection) -> None:
        await connection.send(b"x" * 5000)
        await hold(connection)

    async with server(send, create_connection=Deaf) as url:
        client = Client(max_frame_bytes=4096)
        info = await ended(await open_socket(client.request(url)), 1.5)
        assert "PayloadTooBig" in info.cause
        assert client.frames == []


async def test_endless_parts_of_one_message_end_at_max_size_too() -> None:
    async def send(connection: ServerConnection) -> None:
        connection.transport.write(Frame(Opcode.BINARY, b"x" * 1000, fin=False).serialize(mask=False))
        with contextlib.suppress(Exception):
            for _ in range(100):
                connection.transport.write(Frame(Opcode.CONT, b"x" * 1000, fin=False).serialize(mask=False))
        await hold(connection)

    async with server(send) as url:
        client = Client(max_frame_bytes=4096)
        info = await ended(await open_socket(client.request(url)), 1.5)
        assert "PayloadTooBig" in info.cause


@pytest.mark.parametrize(
    ("settings", "message", "frames"),
    [({"max_bytes_per_second": 64 * 1024}, b" " * 1024, 64), ({"max_frames_per_second": 100}, b"x", 100)],
)
async def test_a_flood_beyond_the_budget_ends_the_line(settings: dict[str, int], message: bytes, frames: int) -> None:
    async def flood(connection: ServerConnection) -> None:
        # At once, so that even a slow machine has it all within one second.
        connection.transport.write(Frame(Opcode.BINARY, message).serialize(mask=False) * 300)
        await hold(connection)

    async with server(flood) as url:
        client = Client(**settings)
        info = await ended(await open_socket(client.request(url)))
        assert "max_bytes_per_second" in info.cause
        assert frames <= len(client.frames) <= frames + 1


async def test_a_sink_that_fails_costs_one_frame_and_not_the_line(caplog: pytest.LogCaptureFixture) -> None:
    async def send(connection: ServerConnection) -> None:
        for data in (b"1", b"2", b"3"):
            await connection.send(data)
        await hold(connection)

    async with server(send) as url:
        client = Client()
        request = client.request(url)

        def sink(messages: Iterator[bytes], _: float) -> None:
            for data in messages:
                if data == b"2":
                    raise RecursionError("too deep")
                client.frames.append(data)

        object.__setattr__(request, "on_frames", sink)
        socket = await open_socket(request)
        await until(lambda: client.frames == [b"1", b"3"])
        assert socket.figures().sink_failures == 1
        await socket.close()


async def test_the_environment_does_not_choose_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    async with server(hold) as url, dialled(url, Client()) as socket:
        assert not socket.closed.done()


async def test_a_chosen_proxy_is_used() -> None:
    asked: list[bytes] = []
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.append(head)
        host, _, port = head.split()[1].decode().partition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        pumps.add(asyncio.create_task(pump(far_reader, writer)))
        pumps.add(asyncio.create_task(pump(reader, far_writer)))

    running = await asyncio.start_server(proxy, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}"
    async with running, server(hold) as url:
        async with dialled(url, Client(proxy=address), token=CANARY) as socket:
            assert not socket.closed.done()
        await asyncio.wait(pumps)
    assert asked[0].startswith(b"CONNECT 127.0.0.1:")
    assert CANARY.encode() not in asked[0]


async def test_a_socket_is_cut_at_once_when_told() -> None:
    async with server(hold) as url:
        socket = await open_socket(Client().request(url))
        socket.abort("the test says so")
        socket.abort("and again")
        assert (await ended(socket)).cause == "the test says so"


@pytest.mark.parametrize("steps", range(1, 16))
async def test_a_dial_can_be_cancelled_at_any_moment_and_leaves_nothing(steps: int) -> None:
    async with server(hold) as url:
        dial = asyncio.ensure_future(open_socket(Client().request(url, token=CANARY)))
        for _ in range(steps):
            await asyncio.sleep(0)
        if dial.done():
            await dial.result().close()
            return
        dial.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dial
