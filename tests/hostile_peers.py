"""Lets the client dial peers that break every rule there is; whatever they do must end in a typed error, and soon.

    python -m tests.hostile_peers --sessions 5000 [--frames 1000] [--seed 1]

Each session is one dial to a peer that is hostile on one level: what answers the handshake is no HTTP (or HTTP of a
kind), no TLS, no WebSocket, or sends messages that are no JSON. A finding is an exception that is no DialError or
DecodeError, one that reaches the loop's handler, a turn of the loop that computes for more than 0.1 s, a socket that
does not end, or a process that has grown by more than 32 MiB. Exits with 1 on any and prints the seed that replays it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import random
import struct
import sys
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil
from websockets.utils import accept_key

from tests.frames import all_frames
from tests.fuzz_decoder import judge, mutated
from tests.idle_machine import IdleMachineLoop, wall_clock_of_an_idle_machine
from tests.waiting import until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection import DialError, DialRequest, open_socket
from upbit_ws_qt.connection.socket import make_tls_context
from upbit_ws_qt.types import WebSocketType

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

LONGEST_TURN = 0.1  # seconds that a turn of the loop may compute
MOST_GROWTH = 32 * 1024 * 1024
PATIENCE = 600.0  # seconds of an idle machine for one session, which is far beyond every time-out of the client
MOST_SHOWN = 5

STATUSES = (100, 102, 199, 200, 204, 301, 302, 307, 400, 401, 403, 404, 418, 426, 429, 500, 503, 599, 999)
EXTENSIONS = (
    b"x", b";;", b"permessage-deflate, permessage-deflate", b"\xff", b"permessage-deflate; server_max_window_bits=99",
)  # fmt: skip
_LIMIT = 1024 * 1024  # what the client takes as one message
_BOMB = zlib.compressobj(9, zlib.DEFLATED, -15)
BOMB = _BOMB.compress(bytes(64 * _LIMIT)) + _BOMB.flush(zlib.Z_SYNC_FLUSH)[:-4]


def frame(first: int, payload: bytes = b"", *, masked: bool = False, length: int | None = None) -> bytes:
    """Return a frame as a server would write it, with a `length` that need not be true."""
    size = len(payload) if length is None else length
    mask = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, size | mask)
    elif size < 65536:
        head = struct.pack("!BBH", first, 126 | mask, size)
    else:
        head = struct.pack("!BBQ", first, 127 | mask, size)
    return head + (b"\1\2\3\4" if masked else b"") + payload


def broken_frames(rng: random.Random) -> bytes:
    """Return what no WebSocket server may send, or only one that means harm."""
    some = rng.randbytes(rng.choice((0, 1, 5, 125, 126, 300, 70_000)))
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: rng.randbytes(rng.randrange(1, 5000)),
        lambda: frame(0x80 | rng.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), some),
        lambda: frame(0x81 | rng.choice((0x10, 0x20, 0x30, 0x40)), some),
        lambda: frame(0x82, some, masked=True),
        lambda: frame(0x89, bytes(126)) + frame(0x89, bytes(70_000)),
        lambda: frame(rng.choice((0x08, 0x09, 0x0A)), b"control, in parts"),
        lambda: frame(rng.choice((0x00, 0x80)), b"the end of nothing"),
        lambda: frame(0x02, b"a") + frame(0x82, b"in the middle of another"),
        lambda: frame(0x02, b"a") + frame(0x00, bytes(60_000)) * 20,
        lambda: frame(0x01, b"x") + frame(0x00, b"y") * 5000,
        lambda: frame(0x82, b"never whole", length=rng.choice((12, 65_000, _LIMIT, _LIMIT + 1, 2**31, 2**62))),
        lambda: b"\x82\xff" + b"\xff" * 8,
        lambda: frame(0x82, bytes(_LIMIT + 1)),
        lambda: frame(0x88, struct.pack("!H", rng.choice((0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)))),
        lambda: frame(0x88, b"\x03") + frame(0x82, b"after the end"),
        lambda: frame(0x88, b"\x03\xe8\xff\xfe\xed\xa0\x80"),
        lambda: frame(
            0x88, struct.pack("!H", rng.choice((1000, 1001, 1011, 1013, 3000, 4999))) + b"\x1b[2J\xe2\x80\xae"
        ),
        lambda: frame(0x89, some[:125]) * 2000,
        lambda: frame(0x8A, some[:125]) * 2000,
        lambda: frame(0x81) * 20_000,
        lambda: frame(0xC2, some),
        lambda: frame(0xC2, BOMB),
        lambda: frame(0x42, BOMB) + frame(0x80, BOMB),
        lambda: frame(0xC2, zlib.compress(some)[2:] + b"\xff" * 20),
    )
    return rng.choice(kinds)()


def broken_answer(rng: random.Random, accept: str) -> bytes:
    """Return what is no good answer to a handshake."""
    good = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n"
    )
    extensions = b"Sec-WebSocket-Extensions: "
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: b"",
        lambda: rng.randbytes(rng.randrange(1, 4000)),
        lambda: b"HTTP/1.1 " + rng.randbytes(3) + b" X\r\n\r\n",
        lambda: b"HTTP/1.1 %d X\r\nLocation: ws://127.0.0.1:1/\r\nRetry-After: %b\r\n\r\n"
        % (rng.choice(STATUSES), rng.choice((b"1", b"-1", b"9" * 30, b"x", b"1e9"))),
        lambda: b"HTTP/1.1 429 X\r\nContent-Length: 999999999999\r\n\r\n" + bytes(2000),
        lambda: b"HTTP/1.1 500 X\r\nContent-Length: -5\r\n\r\nbody",
        lambda: b"HTTP/1.1 503 X\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFF\r\n" + bytes(300),
        lambda: b"HTTP/1.1 101 X\r\n" + b"A: b\r\n" * rng.choice((100, 300, 20_000)) + b"\r\n",
        lambda: b"HTTP/1.1 101 " + b"x" * rng.choice((100, 9000, 300_000)),
        lambda: b"HTTP/1.1 101 X\r\nA: " + b"b" * 200_000 + b"\r\n\r\n",
        lambda: b"HTTP/2.0 101 X\r\n\r\n",
        lambda: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        lambda: good.replace(accept, "bm90aGluZyBvZiB0aGUga2luZA==").encode() + b"\r\n",
        lambda: good.replace("websocket", "h2c").encode() + b"\r\n",
        lambda: good.encode() + b"Sec-WebSocket-Protocol: nobody-asked\r\n\r\n",
        lambda: good.encode() + extensions + rng.choice(EXTENSIONS) + b"\r\n\r\n",
        lambda: good.encode() + b"Sec-WebSocket-Accept: twice\r\n\r\n",
        lambda: good.encode() + b"Remaining-Req: group=" + b"x" * 4000 + b"; sec=-99999999999999\r\n\r\n",
        lambda: good.encode() + b"Bad Header: \xe9\r\n\r\n",
        lambda: good.encode() + rng.randbytes(30) + b"\r\n\r\n",
        lambda: good.encode()[: rng.randrange(len(good))],
    )  # fmt: skip
    return rng.choice(kinds)()


def broken_tls(rng: random.Random) -> bytes:
    """Return what is no answer to a ClientHello."""
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: b"",
        lambda: rng.randbytes(rng.randrange(1, 4000)),
        lambda: b"HTTP/1.1 400 Bad Request\r\n\r\n",
        lambda: b"\x15\x03\x03\x00\x02\x02" + bytes((rng.randrange(256),)),
        lambda: b"\x16\x03\x03\xff\xff" + rng.randbytes(65_535),
        lambda: b"\x16\x03\x03\x00\x40\x02\x00\x00\x3c" + rng.randbytes(0x3C),
        lambda: b"\x17\x03\x03\x00\x20" + rng.randbytes(0x20),
        lambda: b"\x16\x03\x01\x00\x04\x02\x00\x00\x00" * 1000,
    )
    return rng.choice(kinds)()


@dataclass
class Findings:
    """What went wrong, and what went as it should, by kind."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    wrong: list[str] = field(default_factory=list)
    frames: int = 0
    longest_turn: float = 0.0
    grown: int = 0

    def add(self, what: str) -> None:
        """Note a finding."""
        self.wrong.append(what)


class HostilePeer:
    """A server whose every line is hostile in a way of its own.

    Args:
        rng: what it chooses by.
        frames: messages that are no good in a session of the level "json".
    """

    LEVELS = ("http", "tls", "websocket", "json")

    def __init__(self, rng: random.Random, frames: int) -> None:
        self._rng = rng
        self._frames = frames
        self._corpus = all_frames()
        self._serving: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Be hostile to one client, then leave, abort or wait for it to go."""
        rng = self._rng
        self._serving.add(asyncio.current_task())
        try:
            head = await reader.read(65_536)
            if head[:1] == b"\x16":
                await self._send(writer, broken_tls(rng))
            else:
                await self._answer(head, writer)
            way = rng.random()
            if way < 0.3:
                writer.transport.abort()
            elif way < 0.5:
                while await reader.read(65_536):
                    pass
        except ConnectionError:
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._serving.discard(asyncio.current_task())

    async def done(self) -> None:
        """Wait until every client has gone."""
        await until(lambda: not self._serving)

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        rng = self._rng
        lines = head.decode("latin-1").split("\r\n")
        key = next(line.partition(": ")[2] for line in lines if line.lower().startswith("sec-websocket-key"))
        if lines[0].startswith("GET /http"):
            await self._send(writer, broken_answer(rng, accept_key(key)))
            return
        compressed = "\r\nSec-WebSocket-Extensions: permessage-deflate" if rng.random() < 0.5 else ""
        await self._send(
            writer,
            f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept_key(key)}{compressed}\r\n\r\n".encode(),
        )
        if lines[0].startswith("GET /json"):
            for _ in range(0, self._frames, 50):
                bad = [mutated(self._corpus, rng) for _ in range(min(50, self._frames))]
                await self._send(writer, b"".join(frame(rng.choice((0x81, 0x82)), each) for each in bad))
            return
        for _ in range(rng.choice((1, 1, 1, 3))):
            if rng.random() < 0.5:
                await self._send(writer, frame(0x81, rng.choice(self._corpus)))
            await self._send(writer, broken_frames(rng))

    async def _send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        """Send in one piece, or in many."""
        size = self._rng.choice((len(data), len(data), 1000, 7)) or 1
        size = max(size, len(data) // 200)
        for start in range(0, len(data), size):
            if writer.is_closing():
                return
            writer.write(data[start : start + size])
            await writer.drain()
            if size < len(data):
                await asyncio.sleep(0)


class _Watch:
    """Measures how long a turn of the loop computes, by a timer that each turn finds late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.longest = 0.0
        self._handle = loop.call_soon(self._turn, time.thread_time())

    def _turn(self, before: float) -> None:
        now = time.thread_time()
        self.longest = max(self.longest, now - before)
        self._handle = self._loop.call_later(0.001, self._turn, time.thread_time())

    def take(self) -> float:
        """Return the longest since the last look."""
        longest, self.longest = self.longest, 0.0
        return longest

    def stop(self) -> None:
        """Measure no more."""
        self._handle.cancel()


async def _session(url: str, tls: ssl.SSLContext | None, findings: Findings) -> str:
    """Dial once; return how it ended."""

    def take(messages: Iterator[bytes], _now: float) -> None:
        for data in messages:
            findings.frames += 1
            _, finding = judge(data)
            if finding is not None:
                findings.add(f"{finding}: {data[:300]!r}")

    request = DialRequest(
        ws_type=WebSocketType.PUBLIC,
        url=url,
        config=ServiceConfig.testing(),
        make_token=None,
        on_frames=take,
        on_pong=lambda rtt, now: None,
        watch_silence=False,
        tls=tls,
        wall_clock=time.time,
    )
    try:
        socket = await open_socket(request)
    except DialError as error:
        return f"refused: {error.kind}"
    with contextlib.suppress(Exception):
        await socket.send(b'[{"ticket":"t"},{"type":"ticker","codes":["KRW-BTC"]}]')
    async with asyncio.timeout(60):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait([socket.closed], timeout=30)
    await socket.close()
    info = await socket.closed
    if not info.cause.isprintable() or not info.reason.isprintable():
        findings.add(f"unprintable words at the end: {info}")
    return f"ended: {info.code}"


async def attack(sessions: int, frames: int, seed: int) -> Findings:
    """Let the client dial so many hostile peers, one after another."""
    findings, loop = Findings(), asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: findings.add(f"reached the loop: {context}"))
    rng = random.Random(seed)
    tls, process = make_tls_context(), psutil.Process()
    peer = HostilePeer(rng, frames)
    watch = _Watch(loop)
    before = 0
    async with await asyncio.start_server(peer.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        for number in range(sessions):
            level = peer.LEVELS[number % len(peer.LEVELS)]
            url = f"{'wss' if level == 'tls' else 'ws'}://127.0.0.1:{port}/{level}"
            try:
                async with asyncio.timeout(PATIENCE):
                    how = await _session(url, tls if level == "tls" else None, findings)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                findings.add(f"session {number} of seed {seed}: {error!r}")
                continue
            findings.outcomes[f"{level} {how}"] += 1
            if (turn := watch.take()) > findings.longest_turn:
                findings.longest_turn = turn
                if turn > LONGEST_TURN:
                    findings.add(f"session {number} of seed {seed} ({level}, {how}) held the loop for {turn:.2f} s")
            if number == min(sessions // 4, 200):  # what is made once, and kept, has been made
                gc.collect()
                before = process.memory_info().rss
        await peer.done()
        watch.stop()
    gc.collect()
    findings.grown = process.memory_info().rss - before
    if findings.grown > MOST_GROWTH:
        findings.add(f"the process has grown by {findings.grown / 1024 / 1024:.0f} MiB")
    return findings


def run(sessions: int, frames: int, seed: int) -> Findings:
    """Do it on a loop that does not wait, on whose clock every machine is an idle one."""
    with wall_clock_of_an_idle_machine(), asyncio.Runner(loop_factory=IdleMachineLoop) as runner:
        return runner.run(attack(sessions, frames, seed))


def main() -> int:
    """Attack as often as is asked for, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--frames", type=int, default=200, help="bad messages in each session of that kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    findings = run(options.sessions, options.frames, options.seed)
    for how, count in findings.outcomes.most_common():
        print(f"{how:40} {count:8,}")
    print(f"{options.sessions:,} sessions, {findings.frames:,} messages, {len(findings.wrong)} findings")
    print(f"longest turn {findings.longest_turn * 1000:.0f} ms, grown by {findings.grown / 1024 / 1024:.1f} MiB")
    for what in findings.wrong[:MOST_SHOWN]:
        print(f"finding: {what}", file=sys.stderr)
    return int(bool(findings.wrong))


if __name__ == "__main__":
    sys.exit(main())
