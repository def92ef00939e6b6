"""Clients that mean harm or have gone wrong: memory stays bounded and the others never notice."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.exchange.server.raw import BTC, RawClient, client
from tests.exchange.server.test_faults import raw_line
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.exchange.http import MOST_HEAD
from upbit_ws_qt.exchange.requests import RequestRefusedError, parse_request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def settings(**changes: Any) -> ExchangeSettings:
    """Return settings of a lively exchange without limits of rate."""
    values: dict[str, Any] = {
        "markets": 5,
        "rate": 300,
        "connects_per_second": None,
        "messages_per_second": None,
        "messages_per_minute": None,
    }
    return ExchangeSettings(**{**values, **changes})


async def expect_life(public: RawClient, seconds: float = 0.0) -> None:
    """Read market data for some time, and at least one message."""
    end = asyncio.get_running_loop().time() + seconds
    while True:
        assert (await public.message())["code"] == BTC
        if asyncio.get_running_loop().time() >= end:
            return


@pytest.fixture
async def lively() -> AsyncIterator[EmbeddedExchange]:
    """An exchange with time running."""
    async with EmbeddedExchange(settings()) as running:
        yield running


async def send_and_read(public: RawClient, message: str) -> None:
    """Send a message and wait for what comes."""
    await public.raw(message)
    await public.frame()


async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """Return all that still comes until the exchange ends the line."""
    data = b""
    try:
        async with asyncio.timeout(30):
            data = await reader.read()
    except ConnectionError:
        data += b""
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    return data


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 1000,
        b"\xff" * 1000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000,
        b"A" * (MOST_HEAD + 1),
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"GET /websocket/v1 HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
        b"GET /websocket/v1 HTTP/1.0\r\nUpgrade: websocket\r\n\r\n",
        b"PUT /websocket/v1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        b"GET /websocket/v1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
        b"\r\n\r\n",
    ],
)
async def test_garbage_instead_of_a_handshake(lively: EmbeddedExchange, garbage: bytes) -> None:
    async with client(lively) as other:
        await other.request({"type": "orderbook", "codes": [BTC]})
        reader, writer = await asyncio.open_connection("127.0.0.1", lively.port)
        writer.write(garbage)
        if garbage.startswith((b"\x00", b"\xff")):
            writer.write_eof()  # it could still become a request
        answer = await closed(reader, writer)
        assert not answer.startswith(b"HTTP/1.1 101")
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505"))
        await expect_life(other)
    assert lively.counters.connects_accepted == 1


async def test_garbage_instead_of_frames(lively: EmbeddedExchange) -> None:
    rng = random.Random(1)
    async with client(lively) as other:
        await other.request({"type": "orderbook", "codes": [BTC]})
        for _ in range(30):
            reader, writer = await raw_line(lively)
            writer.write(rng.randbytes(rng.randrange(1, 3000)))
            writer.write_eof()
            await closed(reader, writer)
        await expect_life(other)
        await until(lambda: len(lively.connections) == 1)
    assert lively.counters.protocol_errors > 10


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x05hello",  # not masked
        b"\x83\x80\x00\x00\x00\x00",  # reserved opcode
        b"\x80\x80\x00\x00\x00\x00",  # a continuation of nothing
        b"\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00",  # more than can ever come
        b"\x89\xfe\x00\x80\x00\x00\x00\x00" + bytes(128),  # a ping too long
    ],
)
async def test_a_client_that_breaks_the_protocol_is_shown_the_door(lively: EmbeddedExchange, frame: bytes) -> None:
    reader, writer = await raw_line(lively)
    writer.write(frame)
    answer = await closed(reader, writer)
    assert answer[:1] == b"\x88"
    assert int.from_bytes(answer[2:4], "big") in (1002, 1009)
    await until(lambda: not lively.connections)
    assert lively.counters.protocol_errors == 1


async def test_a_message_that_is_too_large_ends_only_its_own_line(lively: EmbeddedExchange) -> None:
    async with client(lively) as other, client(lively) as public:
        await other.request({"type": "orderbook", "codes": [BTC]})
        with pytest.raises(ConnectionClosed) as ended:
            await send_and_read(public, "x" * 1_000_000)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1009
        await expect_life(other)


async def test_a_compressed_bomb_from_a_client_is_not_inflated(lively: EmbeddedExchange) -> None:
    before = psutil.Process().memory_info().rss
    async with client(lively, compression="deflate") as public:
        with pytest.raises(ConnectionClosed) as ended:
            await send_and_read(public, "0" * 50_000_000)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1009
    assert psutil.Process().memory_info().rss - before < 120_000_000  # the test's own 50 MB included


async def test_endless_fragments_are_bounded(lively: EmbeddedExchange) -> None:
    reader, writer = await raw_line(lively)
    part = b"\x00\xfe\x80\x00\x00\x00\x00\x00" + b"x" * 0x8000
    writer.write(b"\x01\xfe\x80\x00\x00\x00\x00\x00" + b"x" * 0x8000 + part * 20)
    answer = await closed(reader, writer)
    assert answer[:1] == b"\x88"
    assert int.from_bytes(answer[2:4], "big") == 1009


async def test_a_client_that_never_reads_is_cut_off_and_the_others_are_served() -> None:
    async with EmbeddedExchange(settings(rate=20_000, send_limit=1_000_000)) as exchange, client(exchange) as other:
        await other.request({"type": "orderbook", "codes": [BTC]})
        _reader, writer = await raw_line(exchange)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        codes = sorted(exchange.world.codes)
        request = json.dumps([{"ticket": "x"}, {"type": "orderbook", "codes": codes}]).encode()
        writer.write(b"\x82\xfe" + len(request).to_bytes(2, "big") + bytes(4) + request)
        await until(lambda: len(exchange.subscribed("public")) == len(codes))
        while not exchange.counters.slow_readers_dropped:
            await expect_life(other)
        await until(lambda: exchange.closed_connections)
        assert [view.close_reason for view in exchange.closed_connections] == ["slow reader"]
        assert exchange.counters.slow_readers_dropped == 1
        await expect_life(other)
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_a_client_that_ends_its_half_before_it_has_read_its_frames_disturbs_nobody() -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    async with EmbeddedExchange(settings(markets=None, rate=20_000)) as exchange, client(exchange) as other:
        await other.request({"type": "orderbook", "codes": [BTC]})
        _reader, writer = await raw_line(exchange, deflate=True)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        codes = sorted(exchange.world.codes)
        request = json.dumps([{"ticket": "x"}, {"type": "orderbook", "codes": codes}]).encode()
        writer.write(b"\x82\xfe" + len(request).to_bytes(2, "big") + bytes(4) + request)
        await until(lambda: exchange.connections[-1].bytes_sent > 6_000_000)
        writer.write_eof()
        await expect_life(other, 0.3)
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    assert reports == []


async def test_a_burst_beyond_the_limit_does_not_cut_a_client_that_reads() -> None:
    async with (
        EmbeddedExchange(settings(stopped=True, markets=None, send_limit=50_000)) as exchange,
        client(exchange, compression=None) as public,
    ):
        codes = sorted(exchange.world.codes)
        await public.request({"type": "orderbook", "codes": codes}, {"type": "ticker", "codes": codes})
        seen = {(frame["type"], frame["code"]) for frame in await public.messages(2 * len(codes))}
        assert seen == {(kind, code) for kind in ("orderbook", "ticker") for code in codes}
        assert exchange.connections[0].bytes_sent > 10 * 50_000
        assert exchange.counters.slow_readers_dropped == 0


async def test_advance_waits_for_readers_and_loses_nothing() -> None:
    quiet = settings(rate=5000, stopped=True, send_limit=2_000_000)
    async with EmbeddedExchange(quiet) as exchange, client(exchange, compression=None) as public:
        await public.request({"type": "orderbook", "codes": sorted(exchange.world.codes), "is_only_realtime": True})
        await until(lambda: exchange.counters.subscribe_requests == 1)
        read = 0

        async def read_on() -> None:
            nonlocal read
            while True:
                await public.frame()
                read += 1

        reading = asyncio.ensure_future(read_on())
        await exchange.advance(5)
        sent = exchange.counters.frames_sent
        await until(lambda: read == sent)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert exchange.connections[0].bytes_sent > 10 * 2_000_000
        assert exchange.counters.slow_readers_dropped == 0


async def test_connections_are_bounded_and_the_rest_is_refused() -> None:
    async with EmbeddedExchange(settings(max_connections=20, stopped=True)) as exchange:
        lines = [await raw_line(exchange) for _ in range(20)]
        with pytest.raises(InvalidStatus) as refused:
            await connect(exchange.public_url, proxy=None)
        assert refused.value.response.status_code == 503
        assert exchange.counters.connections_over_limit == 1
        assert len(exchange.connections) == 20
        for _, writer in lines:
            writer.close()
        await until(lambda: not exchange.connections)
        async with client(exchange) as public:
            await public.listing()


async def test_thousands_of_connections_come_and_go_and_leave_nothing_behind() -> None:
    asyncio.get_running_loop().set_debug(False)  # or most of the time goes into noting where tasks were made
    async with EmbeddedExchange(settings(stopped=True)) as exchange:
        for _ in range(20):
            lines = await asyncio.gather(*(raw_line(exchange) for _ in range(100)))
            for _, writer in lines:
                writer.transport.abort()
            await until(lambda: not exchange.connections)
        assert exchange.counters.connects_accepted == 2000
        assert len(exchange.closed_connections) == 1000  # what is remembered is bounded
        assert exchange.subscribed("public") == set()


async def test_pending_handshakes_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upbit_ws_qt.exchange.line._HTTP_PATIENCE", 0.1)
    async with EmbeddedExchange(settings(stopped=True)) as exchange:
        reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
        writer.write(b"GET /websocket/v1 HT")
        assert await closed(reader, writer) == b""


async def test_requests_remembered_are_bounded(lively: EmbeddedExchange) -> None:
    async with client(lively) as public:
        for _ in range(1200):
            await public.request({"method": "LIST_SUBSCRIPTIONS"})
        await until(lambda: lively.connections[0].messages_received == 1200)
        assert len(lively.connections[0].requests) == 1000


def test_no_request_however_strange_does_anything_but_be_refused() -> None:
    rng = random.Random(2)
    pieces: list[Any] = [
        None, True, 0, -1, 1e300, "", "KRW-BTC", "KRW-BTC.5", [], ["KRW-BTC"], [[]], {}, {"ticket": "t"},
        {"type": "ticker"}, {"period": 14}, "ticker", "orderbook", "myOrder", "indicator", "rsi", "5m", "SIMPLE",
    ]  # fmt: skip
    names = (
        "ticket", "type", "codes", "format", "method", "level", "is_only_snapshot", "isOnlyRealtime", "categories",
        "include_body", "timeframe", "indicators", "params", "trigger", "event_params",
    )  # fmt: skip
    accepted = refused = 0
    for _ in range(30_000):
        parts: list[Any] = [
            {rng.choice(names): rng.choice(pieces) for _ in range(rng.randrange(6))} for _ in range(rng.randrange(3))
        ]
        if rng.random() < 0.3:
            parts.append({"type": "ticker", "codes": ["KRW-BTC"], rng.choice(names): rng.choice(pieces)})
        if rng.random() < 0.7:
            parts.insert(0, {"ticket": "t"})
        raw = json.dumps(parts).encode()
        if rng.random() < 0.1:
            place = rng.randrange(len(raw))
            raw = raw[:place] + rng.randbytes(2) + raw[place + 1 :]
        try:
            parse_request(raw, rng.choice(("public", "private", "info")))
            accepted += 1
        except RequestRefusedError:
            refused += 1
    assert accepted > 400
    assert refused > 20_000


@pytest.mark.parametrize("level", ["1e999999", "1e-999999", "9" * 4000, "1" + "0" * 30])
async def test_a_level_out_of_all_bounds_is_refused(lively: EmbeddedExchange, level: str) -> None:
    async with client(lively) as public:
        await public.raw(f'[{{"ticket":"t"}},{{"type":"orderbook","codes":["KRW-BTC"],"level":{level}}}]')
        assert await public.error() == "INVALID_PARAM"


@pytest.mark.parametrize("level", ["-1", "0.00000000001", "99999999999", "1e15"])
async def test_an_odd_level_is_merely_not_served(lively: EmbeddedExchange, level: str) -> None:
    async with client(lively) as public:
        await public.raw(f'[{{"ticket":"t"}},{{"type":"orderbook","codes":["KRW-BTC"],"level":{level}}}]')
        await public.nothing_before_listing()
        await lively.advance(2)
        await public.nothing_before_listing()
