"""Sockets over loopback: what is handed over, and how each end is told."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from tests.connection.kit import until
from tests.connection.peers import Client, Deaf, dialled, ended, hold, server
from tests.waiting import at_leisure
from upbit_ws_qt.connection import open_socket
from upbit_ws_qt.connection.wire_connection import READ_SIZE
from upbit_ws_qt.errors import ConnectionLostError

if TYPE_CHECKING:
    from collections.abc import Iterator


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
        client = Client(compression=False, pong_timeout=60.0)  # this peer answers no pings, and may take its time
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


async def test_a_peer_that_does_not_answer_pings_is_given_up() -> None:
    async with server(hold, create_connection=Deaf) as url:
        socket = await open_socket(Client(ping_interval=0.1, pong_timeout=0.2).request(url))
        info = await ended(socket)
        assert info.cause == "no pong within 0.2 s"


@pytest.mark.real_time
async def test_a_window_that_stands_still_for_longer_than_a_pong_may_take_keeps_its_line() -> None:
    async with server(hold) as url:
        client = Client(ping_interval=0.1, pong_timeout=0.2)
        async with dialled(url, client) as socket:
            for _ in range(3):
                await until(lambda: socket.figures().ping_sent_at)
                time.sleep(0.6)  # noqa: ASYNC251  # the loop stands still: that is the test
                answered = len(client.rtts)
                await until(lambda answered=answered: len(client.rtts) > answered)  # type: ignore[misc]
            assert not socket.closed.done()


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


async def test_a_socket_is_cut_at_once_when_told() -> None:
    async with server(hold) as url:
        socket = await open_socket(Client().request(url))
        socket.abort("the test says so")
        socket.abort("and again")
        assert (await ended(socket)).cause == "the test says so"


async def test_a_thousand_pings_at_once_are_answered_in_one_piece() -> None:
    pings = b"".join(Frame(Opcode.PING, b"%d" % number).serialize(mask=False) for number in range(1000))
    pieces: list[bytes] = []
    answered = asyncio.Event()

    async def ping(connection: ServerConnection) -> None:
        connection.transport.write(pings)
        await connection.wait_closed()

    class Counting(ServerConnection):
        def data_received(self, data: bytes) -> None:
            if self.response is not None:
                pieces.append(data)
                if sum(map(len, pieces)) >= len(pings) + 4 * 1000:  # each with its mask
                    answered.set()
            super().data_received(data)

    async with server(ping, create_connection=Counting, compression=None) as url, dialled(url, Client()):
        async with asyncio.timeout(60):
            await answered.wait()
        assert len(pieces) < 20
