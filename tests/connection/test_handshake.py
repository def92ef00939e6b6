"""Dialling: what is on the wire, what is not kept, whom it goes to, and how a refusal is told."""

from __future__ import annotations

import asyncio
import gc
import logging
import types
from typing import TYPE_CHECKING

import pytest

from tests.connection.peers import CANARY, Client, answering, dialled, hold, server
from upbit_ws_qt.connection import ConnectBudget, DialError, open_socket

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response


@pytest.mark.statement("P2.1", "P8.4")
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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error":{"name":"no_authorization_ip","message":"This is not a verified IP."}}',
         "no_authorization_ip: This is not a verified IP."),
        (b'{"error":{"name":"jwt_verification"}}', "jwt_verification"),
        (b'{"error":"nothing of the kind"}', '{"error":"nothing of the kind"}'),
        (b"Authorization: Bearer eyJhbGciOiJIUzUxMiJ9.eyJhY2Nlc3Nfa2V5Ij.c2ln-_x", "Authorization: Bearer (token)"),
        (b'{"error":{"name":"odd","message":"got eyJhbGciOiJIUzUxMiJ9.eyJhY2Nlc3Nfa2V5Ij.c2ln"}}', "odd: got (token)"),
        (b"[" * 100_000, "[" * 200 + "…"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"", ""),
    ],
    ids=range(8),
)  # fmt: skip
async def test_what_a_refusal_says_is_told_in_words_and_without_the_token(body: bytes, said: str) -> None:
    async with answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)) as (url, _):
        with pytest.raises(DialError) as caught:
            await open_socket(Client().request(url, token=CANARY))
    assert caught.value.detail == said


async def test_a_redirect_is_not_followed_so_that_the_token_goes_to_one_host_only() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (elsewhere, elsewhere_heads):
        answer = f"HTTP/1.1 302 Found\r\nLocation: {elsewhere}\r\nContent-Length: 0\r\n\r\n".encode()
        async with answering(answer) as (url, heads):
            with pytest.raises(DialError) as caught:
                await open_socket(Client().request(url, token=CANARY))
        assert caught.value.status == 302
        assert len(heads) == 1
        assert elsewhere_heads == []


@pytest.mark.parametrize(
    ("headers", "budget"),
    [
        ({"remaining-req": "group=websocket; min=300; sec=3", "limit-by-ip": "Yes"},
         ConnectBudget(3, "websocket", True)),
        ({"remaining-req": "sec=4"}, ConnectBudget(4)),
        ({"remaining-req": "sec=0;min=6;group=origin;more=1"}, ConnectBudget(0, "origin")),
        ({"remaining-req": "Group = websocket ; Sec = 12", "limit-by-ip": "No"}, ConnectBudget(12, "websocket")),
        ({"remaining-req": "group=websocket; min=300"}, None),
        ({"remaining-req": "group=websocket; sec=-1"}, None),
        ({"remaining-req": "group=websocket; sec=1.5"}, None),
        ({"remaining-req": "sec=" + "9" * 100}, None),
        ({"remaining-req": "parsec=3"}, None),
        ({"remaining-req": ""}, None),
        ({"limit-by-ip": "Yes"}, None),
    ],
)  # fmt: skip
@pytest.mark.statement("P8.6")
def test_what_is_left_is_read_from_whatever_the_exchange_says(
    headers: dict[str, str], budget: ConnectBudget | None
) -> None:
    assert ConnectBudget.of(headers) == budget


async def test_the_dialled_socket_tells_what_is_left_and_where_it_goes() -> None:
    def answer(connection: ServerConnection, request: Request, response: Response) -> None:
        response.headers["Remaining-Req"] = "group=websocket; min=300; sec=2"
        response.headers["Limit-By-IP"] = "Yes"

    async with server(hold, process_response=answer) as url, dialled(url, Client()) as socket:
        figures = socket.figures()
        assert figures.connect_budget == ConnectBudget(2, "websocket", by_ip=True)
        assert figures.peer == "127.0.0.1"


@pytest.mark.statement("P8.8")
async def test_no_header_is_sent_twice() -> None:
    for token in (None, CANARY):
        async with answering(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n") as (url, heads):
            with pytest.raises(DialError):
                await open_socket(Client().request(url, token=token))
        names = [line.partition(b":")[0].lower() for line in heads[0].split(b"\r\n")[1:] if line]
        assert len(names) > 5
        assert sorted(set(names)) == sorted(names)


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
