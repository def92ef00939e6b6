"""Each fault does what its name says, where it is told to, as often as it is told to, and ends when it is cleared."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.frames import Opcode

from tests.exchange.server.raw import BTC, ETH, bearer, client
from tests.waiting import until
from upbit_ws_qt.exchange import FaultName
from upbit_ws_qt.exchange.faultlist import GARBAGE_KINDS, SPECS, VIOLATION_KINDS

if TYPE_CHECKING:
    from upbit_ws_qt.exchange import EmbeddedExchange

TICKER = {"type": "ticker", "codes": [BTC]}
TRADES = {"type": "trade", "codes": [BTC], "is_only_realtime": True}


async def raw_line(exchange: EmbeddedExchange) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Return a line behind its handshake, without a library that would look at the frames."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    writer.write(
        b"GET /websocket/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
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
            await asyncio.gather(public.frame(), _abort_later(public.websocket.transport))
        assert closed.value.sent is not None
        assert closed.value.sent.code == 1009
    data = await bytes_after(exchange, "decompression_bomb", 10, size=8_000_000)
    assert data[0] == 0xC2
    assert int.from_bytes(data[2:10], "big") < 20_000


async def _abort_later(transport: asyncio.BaseTransport) -> None:
    await asyncio.sleep(0.2)
    assert isinstance(transport, asyncio.WriteTransport)
    transport.abort()


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
            await asyncio.gather(public.frame(), _abort_later(public.websocket.transport))
        assert closed.value.sent is not None
        assert closed.value.sent.code in (1002, 1007, 1009)
    await until(lambda: not exchange.connections)


async def test_refuse_with_a_status_so_often(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("refuse", status=502, times=2)
    for _ in range(2):
        with pytest.raises(InvalidStatus) as refused:
            await connect(exchange.public_url, proxy=None)
        assert refused.value.response.status_code == 502
    async with client(exchange):
        pass
    assert exchange.counters.refused_by_status == {502: 2}


async def test_refuse_without_any_answer(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("refuse", status=0)
    with pytest.raises((OSError, EOFError, ConnectionError, Exception)) as refused:
        await connect(exchange.public_url, proxy=None)
    assert not isinstance(refused.value, InvalidStatus)
    assert exchange.counters.connects_refused == 1


@pytest.mark.parametrize(("name", "status"), [("too_many", 429), ("blocked", 418)])
async def test_429_and_418_on_demand(exchange: EmbeddedExchange, name: str, status: int) -> None:
    exchange.faults.inject(name, endpoint="private")
    async with client(exchange):  # other endpoints are not touched
        pass
    with pytest.raises(InvalidStatus) as refused:
        await connect(exchange.private_url, proxy=None, additional_headers=bearer(exchange))
    assert refused.value.response.status_code == status
    assert exchange.counters.rate_limit_violations == 0, "the client did nothing wrong"


async def test_slow_accept(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("slow_accept", seconds=0.2, times=1)
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with client(exchange) as public:
        assert loop.time() - begin >= 0.19
        await public.request(TICKER)
        await public.message()


async def test_slow_accept_of_a_client_that_does_not_wait(exchange: EmbeddedExchange) -> None:
    exchange.faults.inject("slow_accept", seconds=0.1)
    with pytest.raises(TimeoutError):
        await connect(exchange.public_url, proxy=None, open_timeout=0.03)
    await asyncio.sleep(0.15)
    assert exchange.counters.connects_accepted == 0


@pytest.mark.parametrize("endpoint", ["public", "private"])
async def test_invalid_auth_on_the_line_or_at_the_handshake(exchange: EmbeddedExchange, endpoint: str) -> None:
    fault = exchange.faults.inject("invalid_auth", endpoint)
    async with client(exchange, endpoint) as refused:
        assert await refused.error() == "INVALID_AUTH"
    fault.clear()
    exchange.faults.inject("invalid_auth", endpoint, http=True)
    with pytest.raises(InvalidStatus) as answered:
        async with client(exchange, endpoint):
            pass
    assert answered.value.response.status_code == 401


async def test_maintenance_is_announced_then_everybody_is_out_then_it_is_over(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "private") as private:
        await private.request({"type": "announcement"})
        await private.listing()
        exchange.faults.inject("maintenance", notice=0.1, seconds=0.3)
        assert (await private.message())["category"] == "maintenance"
        async with client(exchange):  # still open
            pass
        with pytest.raises(ConnectionClosed) as closed:
            await private.frame()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    with pytest.raises(InvalidStatus) as refused:
        await connect(exchange.public_url, proxy=None)
    assert refused.value.response.status_code == 503
    await until(lambda: not exchange.faults.active)
    async with client(exchange):
        pass


async def test_delay_holds_every_frame_back(exchange: EmbeddedExchange) -> None:
    loop = asyncio.get_running_loop()
    async with client(exchange) as public:
        exchange.faults.inject("delay", seconds=0.2)
        begin = loop.time()
        await public.request(TICKER)
        await public.message()
        assert loop.time() - begin >= 0.19


async def test_stall_keeps_the_line_and_delivers_when_it_is_over(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        fault = exchange.faults.inject("stall")
        await public.request(TICKER)
        await (await public.websocket.ping())  # the line itself is alive
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await public.frame()
        fault.clear()
        assert (await public.message())["code"] == BTC


async def test_stall_that_keeps_nothing(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        fault = exchange.faults.inject("stall", keep=False)
        await public.request(TICKER)
        await until(lambda: exchange.counters.fault_hits["stall"] == 1)
        fault.clear()
        await public.nothing_before_listing()


async def test_truncated_messages_are_proper_frames_of_half_a_message(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("truncated", every=2)
        await public.request({"type": "ticker", "codes": [BTC, ETH]})
        assert json.loads(await public.frame())["code"] == BTC
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|Extra"):
            json.loads(await public.frame())


async def test_wrong_order_swaps_two_messages_of_a_stream(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public, client(exchange) as honest:
        fault = exchange.faults.inject("wrong_order", connection=1)
        for each in (public, honest):
            await each.request(TRADES)
            await each.listing()
        await exchange.advance(10)
        fault.clear()
        await public.request({"method": "LIST_SUBSCRIPTIONS"})
        await honest.request({"method": "LIST_SUBSCRIPTIONS"})
        wrong: list[int] = []
        right: list[int] = []
        for each, ids in ((public, wrong), (honest, right)):
            while "method" not in (message := await each.message()):
                ids.append(message["sequential_id"])
        assert len(right) >= 4
        assert wrong[:4] == [right[1], right[0], right[3], right[2]]
        assert sorted(wrong) == sorted(right), "nothing is lost when it ends"


async def test_duplicate_trades(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("duplicate_trades", copies=2)
        await public.request(TRADES, {**TICKER, "is_only_realtime": True})
        await public.listing()
        await exchange.advance(4)
        await public.request({"method": "LIST_SUBSCRIPTIONS"})
        seen: Counter[Any] = Counter()
        tickers = 0
        while "method" not in (message := await public.message()):
            tickers += message["type"] == "ticker"
            if message["type"] == "trade":
                seen[message["sequential_id"]] += 1
        assert set(seen.values()) == {3}
        assert len(seen) == tickers


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("other_code", [("KRW-WRONG", "SNAPSHOT", 0)]),
        ("stale", [(BTC, "SNAPSHOT", 600_000)]),
        ("missing", []),
        ("twice", [(BTC, "SNAPSHOT", 0), (BTC, "SNAPSHOT", 0)]),
        ("realtime", [(BTC, "REALTIME", 0)]),
    ],
)
async def test_wrong_snapshot(exchange: EmbeddedExchange, mode: str, expected: list[tuple[str, str, int]]) -> None:
    change = exchange.world.snapshot("ticker", BTC)
    assert change is not None
    honest = json.loads(change.render("DEFAULT", "SNAPSHOT"))["timestamp"]
    async with client(exchange) as public:
        exchange.faults.inject("wrong_snapshot", mode=mode)
        await public.request(TICKER)
        await public.request({"method": "LIST_SUBSCRIPTIONS"})
        seen = []
        while "method" not in (message := await public.message()):
            seen.append((message["code"], message["stream_type"], honest - message["timestamp"]))
        assert seen == expected


@pytest.mark.parametrize("format_", ["DEFAULT", "SIMPLE"])
async def test_clock_skew_moves_every_timestamp(exchange: EmbeddedExchange, format_: str) -> None:
    names = ("timestamp", "trade_timestamp") if format_ == "DEFAULT" else ("tms", "ttms")
    async with client(exchange) as public:
        await public.request(TICKER, format=format_)
        honest = await public.message()
        exchange.faults.inject("clock_skew", seconds=-90)
        await public.request(TICKER, format=format_)
        skewed = await public.message()
        assert [honest[name] - skewed[name] for name in names] == [90_000, 90_000]


@pytest.mark.parametrize("listed", [False, True])
async def test_missing_codes_after_a_resubscription(exchange: EmbeddedExchange, listed: bool) -> None:
    wish = {"type": "ticker", "codes": [BTC, ETH]}
    async with client(exchange) as public:
        await public.request(wish)
        await public.messages(2)
        exchange.faults.inject("missing_codes", codes=[ETH], listed=listed)
        await public.request(wish)
        assert (await public.message())["code"] == BTC
        await exchange.advance(5)
        listing = await public.listing()
        assert listing["result"][0]["codes"] == ([BTC, ETH] if listed else [BTC])
        assert exchange.subscribed("public") == {("ticker", BTC), ("ticker", ETH)}, "asked for all the same"
        await public.request(wish)  # once only: the next request is served again
        assert [message["code"] for message in await public.messages(2)] == [BTC, ETH]


async def test_an_ignored_request_has_no_effect(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("ignored_request")
        await public.request(TICKER)
        assert (await public.listing())["result"] == []
        assert exchange.connections[0].messages_received == 2


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
        for option in SPECS[name].options.keys() - {"on", "after", "times"}:
            assert f"`{option}`" in rows[name], f"docs/exchange.md: {name} without {option}"
