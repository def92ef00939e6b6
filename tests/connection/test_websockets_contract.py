"""What connection.stream uses of websockets beyond its documentation, pinned; `make soak` tries each major version."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.version import version as VERSION  # noqa: N812 -- a constant by nature

from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.client import ClientProtocol

INSIDE = "UPBIT_WS_QT_CONTRACT_RUN"
THIS_FOLDER = Path(__file__).parent
# A run with another version that is really one with this one would say nothing.
assert VERSION.startswith(os.environ.get(INSIDE, ""))


class Recorder(ClientConnection):
    """Notes in which order websockets calls what."""

    def __init__(self, protocol: ClientProtocol, **settings: Any) -> None:
        self.calls: list[str] = []
        self.events: list[object] = []
        super().__init__(protocol, **settings)
        self.settings = settings

    async def handshake(self, additional_headers: Any = None, user_agent_header: str | None = None) -> None:
        self.calls.append("handshake")
        await super().handshake({"X-Test": "1", **(additional_headers or {})}, user_agent_header)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is transport
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append("data")
        super().data_received(data)

    def process_event(self, event: Any) -> None:
        if self.response is None:
            super().process_event(event)
            return
        self.calls.append("event")
        self.events.append(event)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.calls.append("lost")


async def dial(handler: Callable[[ServerConnection], Any], **options: Any) -> tuple[Recorder, Any]:
    server = await serve(handler, "127.0.0.1", 0, ping_interval=None, close_timeout=0.2)
    port = server.sockets[0].getsockname()[1]
    client = await connect(f"ws://127.0.0.1:{port}/", create_connection=Recorder, proxy=None, **options)
    assert isinstance(client, Recorder)
    return client, server


async def finish(client: Recorder, server: Any) -> None:
    client.transport.abort()
    await until(lambda: client.protocol.state is State.CLOSED)
    server.close()
    await server.wait_closed()


async def hold(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def test_create_connection_is_called_with_the_protocol_and_settings_by_name() -> None:
    client, server = await dial(hold, ping_interval=None, ping_timeout=None, close_timeout=0.5, max_queue=None)
    assert client.settings["ping_interval"] is None
    assert client.settings["close_timeout"] == 0.5
    assert client.keepalive_task is None
    assert client.loop is asyncio.get_running_loop()
    await finish(client, server)


async def test_frames_reach_process_event_inside_data_received_and_in_order() -> None:
    async def send(connection: ServerConnection) -> None:
        await connection.send(b"one")
        await connection.send("two")
        await connection.send([b"th", b"ree"])
        await connection.ping(b"four")
        await hold(connection)

    client, server = await dial(send, compression=None)
    await until(lambda: len(client.events) >= 6)
    frames = [event for event in client.events if isinstance(event, Frame)]
    assert [(f.opcode, bytes(f.data), f.fin) for f in frames[:6]] == [
        (Opcode.BINARY, b"one", True),
        (Opcode.TEXT, b"two", True),
        (Opcode.BINARY, b"th", False),
        (Opcode.CONT, b"ree", False),
        (Opcode.CONT, b"", True),
        (Opcode.PING, b"four", True),
    ]
    assert client.calls[:2] == ["made", "handshake"]
    assert client.calls[2] == "data"
    assert client.calls.index("event") > 2
    await finish(client, server)


async def test_compressed_frames_arrive_inflated() -> None:
    async def send(connection: ServerConnection) -> None:
        await connection.send(b"z" * 10_000)
        await hold(connection)

    client, server = await dial(send)
    await until(lambda: client.events)
    assert isinstance(client.events[0], Frame)
    assert bytes(client.events[0].data) == b"z" * 10_000
    assert [extension.name for extension in client.protocol.extensions] == ["permessage-deflate"]
    await finish(client, server)


async def test_the_request_is_kept_and_its_headers_can_be_taken_out() -> None:
    client, server = await dial(hold, additional_headers={"Authorization": "Bearer x"})
    assert client.request is not None
    assert client.request.headers["X-Test"] == "1"
    del client.request.headers["Authorization"]
    assert "Authorization" not in client.request.headers
    await finish(client, server)


async def test_a_ping_and_a_close_can_be_sent_without_waiting() -> None:
    client, server = await dial(hold)
    client.protocol.send_ping(b"7")
    client.send_data()
    await until(lambda: [e for e in client.events if isinstance(e, Frame) and e.opcode is Opcode.PONG])
    assert client.protocol.state is State.OPEN
    client.protocol.send_close(1000)
    client.send_data()
    await until(lambda: client.protocol.state is State.CLOSED)
    assert client.protocol.close_rcvd is not None
    assert client.protocol.close_rcvd.code == 1000
    assert client.calls[-1] == "lost"
    server.close()
    await server.wait_closed()


async def test_a_protocol_error_shows_in_parser_exc_while_tcp_stays_open() -> None:
    async def violate(connection: ServerConnection) -> None:
        connection.transport.write(b"\x83\x00")  # a reserved opcode
        await hold(connection)

    client, server = await dial(violate)
    await until(lambda: client.protocol.parser_exc is not None)
    assert isinstance(client.protocol.parser_exc, WebSocketException)
    assert client.protocol.state is State.CLOSING
    await finish(client, server)


async def test_an_end_without_a_close_frame_shows_as_eof_error() -> None:
    async def cut(connection: ServerConnection) -> None:
        connection.transport.abort()

    client, server = await dial(cut)
    await until(lambda: client.calls[-1] == "lost")
    assert isinstance(client.protocol.parser_exc, EOFError)
    assert client.protocol.close_rcvd is None
    server.close()
    await server.wait_closed()


async def test_bytes_can_be_sent_as_text() -> None:
    got: list[object] = []

    async def receive(connection: ServerConnection) -> None:
        got.append(await connection.recv())
        await hold(connection)

    client, server = await dial(receive)
    await client.send(b"text", text=True)
    await until(lambda: got == ["text"])
    await finish(client, server)


async def test_debug_is_an_attribute_that_decides_what_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("contract")
    with caplog.at_level(logging.DEBUG, "contract"):
        client, server = await dial(hold, additional_headers={"Authorization": "Bearer x"}, logger=logger)
        assert client.protocol.debug
        assert client.debug
        # This is why WireConnection turns it off: the library would print the token.
        assert any("Authorization" in record.getMessage() for record in caplog.records if record.name == "contract")
        await finish(client, server)


async def test_an_error_that_is_no_invalid_status_ends_the_dial() -> None:
    class Refusing(Recorder):
        async def handshake(self, additional_headers: Any = None, user_agent_header: str | None = None) -> None:
            raise WebSocketException("refused")

    server = await serve(hold, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    with pytest.raises(WebSocketException, match="refused"):
        await connect(url, create_connection=Refusing, proxy=None)
    server.close()
    await server.wait_closed()


def test_the_names_of_the_settings_have_not_changed() -> None:
    names = set(inspect.signature(connect.__init__).parameters)
    assert names >= {
        "origin", "compression", "additional_headers", "user_agent_header", "proxy", "open_timeout", "ping_interval",
        "ping_timeout", "close_timeout", "max_size", "max_queue", "logger", "create_connection",
    }  # fmt: skip


@pytest.mark.soak  # `make check-lowest` runs this file with the lowest version
@pytest.mark.parametrize("major", sorted({15, 16, 17} - {int(VERSION.split(".")[0])}))
def test_the_contract_holds_with_each_version_that_is_allowed(major: int, tmp_path: Path) -> None:
    place = tmp_path / "packages"
    install = subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", place, f"websockets=={major}.*"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert install.returncode == 0, install.stderr[-1000:]
    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            THIS_FOLDER / "test_websockets_contract.py",
            THIS_FOLDER / "test_handshake.py",
            THIS_FOLDER / "test_socket.py",
        ],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        cwd=THIS_FOLDER.parent.parent,
        env={**os.environ, "PYTHONPATH": str(place), INSIDE: f"{major}.", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert run.returncode == 0, run.stdout[-3000:]
