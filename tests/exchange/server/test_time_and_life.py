"""Time, rates and the exchange's own life: start, stop, other loops."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.exchange.server.conftest import START_MS
from tests.exchange.server.raw import BTC, client
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

BOOK = {"type": "orderbook", "codes": [BTC], "is_only_realtime": True}


async def test_time_runs_stops_and_goes_on() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=3, rate=200, start_ms=START_MS)) as exchange:
        await until(lambda: exchange.world.now_ms > START_MS + 50)
        exchange.stop_time()
        stopped_at = exchange.world.now_ms
        await asyncio.sleep(0.05)
        assert exchange.world.now_ms == stopped_at
        exchange.continue_time()
        await until(lambda: exchange.world.now_ms > stopped_at)


async def test_the_scale_makes_time_fly() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=3, rate=1, start_ms=START_MS, time_scale=100)) as exchange:
        await until(lambda: exchange.world.now_ms > START_MS + 20_000)
        exchange.set_time_scale(1000)
        await until(lambda: exchange.world.now_ms > START_MS + 200_000)


async def test_advance_plays_at_once_while_time_runs_too() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=3, rate=50, start_ms=START_MS)) as exchange:
        await exchange.advance(60)
        assert exchange.world.now_ms >= START_MS + 60_000
        now_ms = exchange.world.now_ms
        await until(lambda: exchange.world.now_ms > now_ms)


async def test_the_rate_can_be_changed(exchange: EmbeddedExchange) -> None:
    counts = []
    async with client(exchange) as public:
        await public.request(BOOK)
        await until(lambda: exchange.counters.subscribe_requests == 1)
        for rate in (50, 5000):
            exchange.set_rate(rate)
            before = exchange.counters.frames_sent
            await exchange.advance(4)
            counts.append(exchange.counters.frames_sent - before)
    assert counts[1] > 20 * max(1, counts[0])


async def test_a_market_that_cannot_keep_up_slips_and_the_lines_live() -> None:
    settings = ExchangeSettings(markets=3, rate=50_000, time_scale=10_000, start_ms=START_MS)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        await until(lambda: exchange.counters.clock_slipped_ms > 0)
        await (await public.websocket.ping())


async def test_changes_can_be_published_by_hand(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "ticker", "codes": [BTC], "is_only_realtime": True})
        await until(lambda: exchange.counters.subscribe_requests == 1)
        change = exchange.world.snapshot("ticker", BTC)
        assert change is not None
        await exchange.publish(change, change)
        assert [message["stream_type"] for message in await public.messages(2)] == ["REALTIME"] * 2


async def test_a_frame_by_hand_reaches_one_endpoint(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public, client(exchange, "private") as private:
        await public.listing()
        await private.listing()
        assert exchange.send_raw("public", '{"hand":"made"}') == 1
        assert await public.frame() == b'{"hand":"made"}'
        await private.nothing_before_listing()
        with pytest.raises(ValueError, match="endpoint"):
            exchange.send_raw("somewhere", b"")


async def test_stop_ends_all_lines_frees_the_port_and_may_come_twice() -> None:
    exchange = EmbeddedExchange(ExchangeSettings(markets=2))
    await exchange.start()
    port = exchange.port
    async with client(exchange) as public:
        await public.request(BOOK)
        await until(lambda: exchange.connections)
        await exchange.stop()
        await exchange.stop()
        assert exchange.connections == []
        assert exchange.closed_connections[0].close_reason == "exchange stopped"
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def answers(exchange: EmbeddedExchange) -> tuple[object, ...]:
    """Return what an exchange that nobody is connected to says when it is asked."""
    return (
        exchange.connections,
        exchange.subscribed("public"),
        exchange.faults.active,
        exchange.counters.frames_sent,
        exchange.clock.running,
        exchange.send_raw("public", b"{}"),
    )


def test_before_its_start_an_exchange_answers_that_nobody_is_connected() -> None:
    exchange = EmbeddedExchange(ExchangeSettings(markets=2, start_ms=START_MS))  # without a loop
    assert answers(exchange) == ([], set(), [], 0, False, 0)
    assert exchange.closed_connections == []
    assert exchange.clock.now_ms() == START_MS
    assert exchange.port == 0
    exchange.stop_time()
    exchange.set_time_scale(10)
    exchange.set_rate(5)
    assert exchange.place_order(BTC, "BID", "limit", 1_000_000, "0.01")
    assert exchange.publish_announcement("Title")


async def test_what_was_said_before_its_start_holds_after_it() -> None:
    exchange = EmbeddedExchange(ExchangeSettings(markets=2, start_ms=START_MS, stopped=True))
    await exchange.stop()  # is nothing
    await exchange.advance(5)
    exchange.faults.inject("stall", keep=False)
    async with exchange, client(exchange) as public:
        assert exchange.world.now_ms == exchange.clock.now_ms() == START_MS + 5000
        await public.request(BOOK)
        await public.request({"type": "ticker", "codes": [BTC]})
        await until(lambda: exchange.counters.fault_hits["stall"] == 1)
    await until(lambda: exchange.closed_connections)
    assert answers(exchange) == ([], set(), exchange.faults.active, 0, False, 0)


async def test_it_is_started_once() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=2)) as exchange:
        with pytest.raises(RuntimeError, match="make a new one"):
            await exchange.start()
    with pytest.raises(RuntimeError, match="make a new one"):
        await exchange.start()


async def test_a_busy_port_is_an_os_error_and_leaves_nothing() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=2)) as exchange:
        other = EmbeddedExchange(ExchangeSettings(markets=2, port=exchange.port))
        with pytest.raises(OSError, match="in use"):
            await other.start()
        await other.stop()


async def test_it_listens_on_ipv6_loopback_too() -> None:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 loopback here")
    async with EmbeddedExchange(ExchangeSettings(markets=2, host="::1", stopped=True)) as exchange:
        assert exchange.public_url.startswith("ws://[::1]:")
        async with client(exchange) as public:
            await public.listing()


@pytest.mark.qasync_loop
async def test_it_runs_on_qasync() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=3, rate=500)) as exchange, client(exchange) as public:
        await public.request(BOOK)
        for _ in range(5):
            assert (await public.message())["code"] == BTC
        exchange.faults.inject("close", code=1012)
        await until(lambda: exchange.closed_connections)


async def test_the_oracle_counts_every_frame_and_byte(exchange: EmbeddedExchange) -> None:
    async with client(exchange, compression=None) as public:
        await public.request(BOOK)
        await until(lambda: exchange.counters.subscribe_requests == 1)
        await exchange.advance(5)
        (view,) = exchange.connections
        frames = [await public.frame() for _ in range(view.frames_sent)]
        await public.nothing_before_listing()
        assert view.bytes_sent == sum(len(frame) + (2 if len(frame) < 126 else 4) for frame in frames)
        assert exchange.counters.frames_sent == view.frames_sent + 1
    await until(lambda: exchange.closed_connections)
    assert exchange.counters.frames_sent == exchange.closed_connections[0].frames_sent
