"""The cases of Autobahn's test suite for clients that apply: what a peer sends, and what it reads in answer.

Our client answers no data, so that an echo is what was handed over. Section 6 (UTF-8) is the decoder's business:
text is handed over as it is. Numbers in ids are Autobahn's.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import zlib
from typing import TYPE_CHECKING

import pytest
from websockets.utils import accept_key

from tests.connection.kit import until
from tests.connection.peers import Client, ended
from tests.hostile_peers import frame
from upbit_ws_qt.connection import open_socket
from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TEXT, BINARY, CONT, CLOSE, PING, PONG = 0x81, 0x82, 0x80, 0x88, 0x89, 0x8A
LIMIT = 1024 * 1024


class Peer:
    """What a raw server has read of the client's frames: (opcode, payload) in order."""

    def __init__(self) -> None:
        self.read: list[tuple[int, bytes]] = []
        self._data = b""

    def take(self, data: bytes) -> None:
        self._data += data
        while len(self._data) >= 6:
            size, begin = self._data[1] & 0x7F, 2
            if size == 126:
                size, begin = int.from_bytes(self._data[2:4], "big"), 4
            if len(self._data) < begin + 4 + size:
                return
            mask, body = self._data[begin : begin + 4], self._data[begin + 4 : begin + 4 + size]
            self.read.append((self._data[0], bytes(byte ^ mask[at % 4] for at, byte in enumerate(body))))
            self._data = self._data[begin + 4 + size :]

    @property
    def close_code(self) -> int | None:
        closes = [payload for first, payload in self.read if first == CLOSE]
        return (int.from_bytes(closes[0][:2], "big") if closes[0] else 1005) if closes else None


@contextlib.asynccontextmanager
async def sending(data: bytes, *, chop: int = 0, deflate: bool = False) -> AsyncIterator[tuple[str, Peer]]:
    """Run a raw server that accepts, sends so many bytes, in pieces if asked to, and reads until the client goes."""
    peer = Peer()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        key = next(line.partition(": ")[2] for line in lines if line.lower().startswith("sec-websocket-key"))
        extension = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else ""
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{extension}\r\n".encode()
        )
        with contextlib.suppress(ConnectionError):
            for start in range(0, len(data), chop or len(data) or 1):
                writer.write(data[start : start + (chop or len(data))])
                await writer.drain()
                if chop:
                    await asyncio.sleep(0)
            while more := await reader.read(65_536):
                peer.take(more)
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", peer


@pytest.mark.parametrize("size", [0, 125, 126, 127, 128, 65_535, 65_536, LIMIT])
@pytest.mark.parametrize("first", [TEXT, BINARY], ids=["1.1", "1.2"])
@pytest.mark.parametrize("chop", [0, 997])
async def test_a_message_of_any_size_is_handed_over(first: int, size: int, chop: int) -> None:
    message = b"*" * size
    async with sending(frame(first, message) + frame(CLOSE, b"\x03\xe8"), chop=chop) as (url, peer):
        client = Client(pong_timeout=120.0)
        info = await ended(await open_socket(client.request(url)))
        assert client.frames == [message]
        await until(lambda: peer.close_code is not None)
        assert (peer.close_code, info.code) == (1000, 1000)


@pytest.mark.parametrize("payload", [b"", b"Hello", bytes(range(125)), b"\xfe" * 125], ids=["2.1", "2.2", "2.3", "2.4"])
@pytest.mark.parametrize("chop", [0, 1], ids=["whole", "2.6"])
async def test_a_ping_is_answered_with_its_payload(payload: bytes, chop: int) -> None:
    stray = frame(PONG, b"nobody asked")  # 2.7 to 2.9
    data = stray + frame(PING, payload) * 10 + stray + frame(CLOSE, b"\x03\xe8")  # 2.10, 2.11
    async with sending(data, chop=chop) as (url, peer):
        client = Client(pong_timeout=120.0)
        await ended(await open_socket(client.request(url)))
        await until(lambda: peer.close_code is not None)
        assert [body for first, body in peer.read if first == PONG] == [payload] * 10
        assert client.frames == []


NO_CODES = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
BROKEN = {
    "2.5": frame(PING, bytes(126)),
    **{f"3.{bit}": frame(TEXT | bit << 4, b"reserved") for bit in range(1, 8)},
    **{f"4.1 {code}": frame(0x80 | code, b"?") for code in range(3, 8)},
    **{f"4.2 {code}": frame(0x80 | code, b"?") for code in range(11, 16)},
    "5.1": frame(0x09, b"frag") + frame(CONT, b"ment"),
    "5.2": frame(0x0A, b"frag") + frame(CONT, b"ment"),
    "5.9": frame(CONT, b"of nothing") + frame(TEXT, b"Hello"),
    "5.10": frame(CONT, b"of nothing"),
    "5.12": frame(0x00, b"of nothing") + frame(TEXT, b"Hello"),
    "5.18": frame(0x01, b"one") + frame(TEXT, b"another"),
    "7.3.2": frame(CLOSE, b"a"),
    "7.3.6": frame(CLOSE, b"\x03\xe8" + b"*" * 124),
    **{f"7.9 {code}": frame(CLOSE, struct.pack("!H", code)) for code in NO_CODES},
    **{f"7.13 {code}": frame(CLOSE, struct.pack("!H", code)) for code in (5000, 65535)},
}  # fmt: skip


@pytest.mark.parametrize("chop", [0, 1], ids=["whole", "chopped"])
@pytest.mark.parametrize("case", BROKEN)
async def test_what_breaks_the_protocol_ends_the_line_with_1002(case: str, chop: int) -> None:
    async with sending(frame(TEXT, b"before") + BROKEN[case] + frame(TEXT, b"behind"), chop=chop) as (url, peer):
        client = Client(pong_timeout=120.0)
        info = await ended(await open_socket(client.request(url)))
        await until(lambda: peer.close_code is not None)
        assert peer.close_code == 1002
        assert client.frames == [b"before"]
        assert not info.asked
        assert info.cause


@pytest.mark.parametrize(
    "parts",
    [
        frame(0x01, b"frag") + frame(CONT, b"ment"),
        frame(0x01, b"frag") + frame(PING, b"p") + frame(CONT, b"ment"),
        frame(0x01, b"") + frame(0x00, b"fragment") + frame(CONT, b""),
        b"".join(frame(0x01 if not at else 0x00, bytes((byte,))) for at, byte in enumerate(b"fragment")) + frame(CONT),
    ],
    ids=["5.3", "5.6", "6.1", "5.19"],
)
@pytest.mark.parametrize("chop", [0, 1], ids=["whole", "chopped"])
async def test_a_message_in_parts_is_handed_over_as_one(parts: bytes, chop: int) -> None:
    async with sending(parts + frame(TEXT, b"next") + frame(CLOSE, b"\x03\xe8"), chop=chop) as (url, _):
        client = Client(pong_timeout=120.0)
        await ended(await open_socket(client.request(url)))
        assert client.frames == [b"fragment", b"next"]


@pytest.mark.parametrize(
    ("close", "answer"),
    [
        *(
            pytest.param(frame(CLOSE, struct.pack("!H", code)), code, id=f"7.7 {code}")
            for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
        ),
        pytest.param(frame(CLOSE), 1005, id="7.3.1"),
        pytest.param(frame(CLOSE, b"\x03\xe8" + b"*" * 123), 1000, id="7.3.5"),
        pytest.param(frame(CLOSE, b"\x03\xe8") * 2, 1000, id="7.1.2"),
        pytest.param(frame(CLOSE, b"\x03\xe8") + frame(PING), 1000, id="7.1.3"),
        pytest.param(frame(CLOSE, b"\x03\xe8") + frame(TEXT, b"late"), 1000, id="7.1.4"),
    ],
)
async def test_a_close_is_answered_with_its_code_and_what_follows_is_ignored(close: bytes, answer: int) -> None:
    async with sending(frame(TEXT, b"before") + close) as (url, peer):
        client = Client(pong_timeout=120.0)
        info = await ended(await open_socket(client.request(url)))
        await until(lambda: peer.close_code is not None)
        assert (peer.close_code, info.code) == (answer, answer)
        assert client.frames == [b"before"]
        assert [first for first, _ in peer.read] == [CLOSE]


async def test_a_reason_that_is_no_text_ends_the_line_with_1007() -> None:
    async with sending(frame(CLOSE, b"\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80")) as (url, peer):  # 7.5.1
        info = await ended(await open_socket(Client(pong_timeout=120.0).request(url)))
        await until(lambda: peer.close_code is not None)
        assert peer.close_code == 1007
        assert info.reason.isprintable()


@pytest.mark.parametrize(
    "text", [b"\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\xff"]
)
async def test_text_that_is_no_utf8_is_a_typed_error_of_the_decoder(text: bytes) -> None:
    message = b'{"type":"ticker","code":"' + text + b'"}'
    async with sending(frame(TEXT, message) + frame(TEXT, b"next") + frame(CLOSE)) as (url, _):  # 6.3 to 6.21
        client = Client(pong_timeout=120.0)
        await ended(await open_socket(client.request(url)))
        assert client.frames == [message, b"next"]
        with pytest.raises(DecodeError):
            decode(message)


@pytest.mark.parametrize("rounds", [1, 200], ids=["12.1", "12.2"])
@pytest.mark.parametrize("size", [0, 16, 1024, 65_536])
async def test_compressed_messages_are_handed_over_inflated(size: int, rounds: int) -> None:
    packer = zlib.compressobj(wbits=-15)
    message = (b"12345678" * 8192)[:size]
    packed = [packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH) for _ in range(rounds)]
    data = b"".join(frame(TEXT | 0x40, each[:-4]) for each in packed)
    async with sending(data + frame(CLOSE, b"\x03\xe8"), deflate=True) as (url, _):
        client = Client(pong_timeout=120.0)
        await ended(await open_socket(client.request(url)))
        assert client.frames == [message] * rounds


@pytest.mark.parametrize("data", [frame(BINARY, bytes(LIMIT + 1)), frame(0x02, bytes(LIMIT)) + frame(CONT, b"1")])
async def test_a_message_beyond_the_limit_ends_the_line_with_1009(data: bytes) -> None:
    async with sending(data) as (url, peer):
        client = Client(pong_timeout=120.0)
        await ended(await open_socket(client.request(url)))
        await until(lambda: peer.close_code is not None)
        assert (peer.close_code, client.frames) == (1009, [])
