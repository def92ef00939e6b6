"""Faults of the line, and faults in general: where they are told to, as often as told, until they are cleared."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Opcode

from tests.exchange.server.raw import BTC, client
from tests.waiting import until
from upbit_ws_qt.exchange import FaultName
from upbit_ws_qt.exchange.faultlist import GARBAGE_KINDS, SPECS, VIOLATION_KINDS

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from upbit_ws_qt.exchange import EmbeddedExchange

TICKER = {"type": "ticker", "codes": [BTC]}
TRADES = {"type": "trade", "codes": [BTC], "is_only_realtime": True}


async def raw_line(
    exchange: EmbeddedExchange, *, deflate: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a line behind its handshake, without a library that would look at the frames."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    writer.write(
        b"GET /websocket/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        + (b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else b"")
        + b"\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def bytes_after(exchange: EmbeddedExchange, name: str, count: int, **options: Any) -> bytes:
    """Inject a fault on a raw line and return the first bytes of what it sends."""
    reader, writer = await raw_line(exchange)
    exchange.faults.inject(name, **options)
    data = await reader.readexactly(count)
    writer.close()
    await writer.wait_closed()
    return data


async def test_drop_cuts_the_line_without_a_close_frame(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject(FaultName.DROP)
        with pytest.raises(ConnectionClosedError) as closed:
            await public.frame()
        assert closed.value.rcvd is None
    assert exchange.closed_connections[0].close_reason == "fault drop"
    assert exchange.counters.fault_hits == {"drop": 1}


async def test_half_open_answers_nothing_any_more(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER)
        await public.message()
        exchange.faults.inject("half_open")
        await exchange.advance(3)
        exchange.send_raw("public", b"{}")
        pong = asyncio.ensure_future(await public.websocket.ping())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await public.frame()
        assert not pong.done()
        assert exchange.subscribed("public") == {("ticker", BTC)}, "the exchange believes the line alive"
        public.websocket.transport.abort()
    await until(lambda: not exchange.connections)


async def test_close_with_a_code_and_text(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("close", code=1012, text="restart")
        with pytest.raises(ConnectionClosed) as closed:
            await public.frame()
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "restart")


async def test_error_on_demand(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("error", error="NO_TYPE")
        assert await public.error() == "NO_TYPE"
        with pytest.raises(ConnectionClosedOK):
            await public.frame()


@pytest.mark.parametrize("kind", GARBAGE_KINDS)
async def test_garbage_comes_as_often_as_asked_and_the_line_lives(exchange: EmbeddedExchange, kind: str) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("garbage", kind=kind, count=3)
        frames = [await public.frame() for _ in range(3)]
        assert len(set(frames)) == 1
        await public.request(TICKER)
        assert (await public.message())["code"] == BTC


async def test_cut_frame_announces_more_than_follows(exchange: EmbeddedExchange) -> None:
    reader, writer = await raw_line(exchange)
    exchange.faults.inject("cut_frame")
    data = await reader.read()
    assert data[:2] == b"\x82\x7e"
    assert len(data) - 4 < int.from_bytes(data[2:4], "big")
    writer.close()
    await writer.wait_closed()


async def test_huge_message(exchange: EmbeddedExchange) -> None:
    data = await bytes_after(exchange, "huge_message", 10, size=2_000_000)
    assert data[:2] == b"\x82\x7f"
    assert int.from_bytes(data[2:10], "big") > 2_000_000


async def test_decompression_bomb_is_small_on_the_wire_and_large_inside(exchange: EmbeddedExchange) -> None:
    async with client(exchange, max_size=1_000_000) as public:
        exchange.faults.inject("decompression_bomb", size=8_000_000)
        with pytest.raises(ConnectionClosedError) as closed:
            await asyncio.gather(public.frame(), _abort_after_complaint(public.websocket))
        assert closed.value.sent is not None
        assert closed.value.sent.code == 1009
    data = await bytes_after(exchange, "decompression_bomb", 10, size=8_000_000)
    assert data[0] == 0xC2
    assert int.from_bytes(data[2:10], "big") < 20_000


async def _abort_after_complaint(websocket: ClientConnection) -> None:
    """Hang up once the client has said why it wants to."""
    await until(lambda: websocket.protocol.close_sent is not None)
    websocket.transport.abort()


async def test_masked_frame(exchange: EmbeddedExchange) -> None:
    data = await bytes_after(exchange, "masked_frame", 2)
    assert data[0] == 0x80 | Opcode.BINARY
    assert data[1] & 0x80


@pytest.mark.parametrize("kind", VIOLATION_KINDS)
async def test_a_protocol_violation_ends_a_proper_client_while_the_line_is_held(
    exchange: EmbeddedExchange, kind: str
) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("protocol_violation", kind=kind)
        with pytest.raises(ConnectionClosedError) as closed:
            await asyncio.gather(public.frame(), _abort_after_complaint(public.websocket))
        assert closed.value.sent is not None
        assert closed.value.sent.code in (1002, 1007, 1009)
    await until(lambda: not exchange.connections)


async def test_a_fault_of_one_connection_leaves_the_others_alone(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as one, client(exchange) as two:
        await one.listing()
        await two.listing()
        exchange.faults.inject("drop", connection=exchange.connections[1].id)
        with pytest.raises(ConnectionClosedError):
            await two.frame()
        await one.listing()


@pytest.mark.parametrize("on", ["open", "request", "served"])
async def test_a_fault_can_wait_for_its_moment(exchange: EmbeddedExchange, on: str) -> None:
    exchange.faults.inject("close", on=on, times=1)
    async with client(exchange) as public:
        if on != "open":
            await public.request(TICKER)
        if on == "served":
            assert (await public.message())["code"] == BTC
        with pytest.raises(ConnectionClosed):
            await public.frame()
    assert exchange.counters.subscribe_requests == (1 if on == "served" else 0)
    async with client(exchange) as public:  # once only
        await public.request(TICKER)
        await public.message()


async def test_a_fault_can_come_later_and_be_called_off(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        called_off = exchange.faults.inject("drop", after=0.1)
        exchange.faults.inject("garbage", after=0.2)
        called_off.clear()
        assert b"not JSON" in await public.frame()
    await until(lambda: not exchange.faults.active)


async def test_clear_ends_all(exchange: EmbeddedExchange) -> None:
    for name in ("refuse", "delay", "truncated"):
        exchange.faults.inject(name)
    assert [fault.name for fault in exchange.faults.active] == ["refuse", "delay", "truncated"]
    exchange.faults.clear()
    assert exchange.faults.active == []
    async with client(exchange) as public:
        await public.request(TICKER)
        assert (await public.message())["code"] == BTC


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("flood",), {}),
        (("drop", "somewhere"), {}),
        (("drop", None, 99), {}),
        (("delay",), {"minutes": 1}),
        (("delay",), {"seconds": "long"}),
        (("garbage",), {"kind": "odd"}),
        (("refuse",), {"times": 0}),
        (("stall",), {"keep": 1}),
    ],
)
async def test_a_wrong_fault_is_refused(
    exchange: EmbeddedExchange, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        exchange.faults.inject(*arguments, **options)
    assert exchange.faults.active == []


async def test_a_door_fault_takes_no_connection(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.listing()
        with pytest.raises(ValueError, match="endpoint"):
            exchange.faults.inject("refuse", connection=1)


def test_every_fault_and_option_is_documented() -> None:
    text = (Path(__file__).parents[3] / "docs" / "exchange.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in text.splitlines() if line.startswith("| `")}
    for name in FaultName:
        assert name in rows, f"docs/exchange.md does not name {name}"
        for option in SPECS[name].options.keys() - {"on", "after", "times", "path"}:  # said once for all
            assert f"`{option}`" in rows[name], f"docs/exchange.md: {name} without {option}"
