"""Faults of the handshake, of what goes out, and of requests: each does what its name says and ends when cleared."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.exchange.server.raw import BTC, ETH, RawClient, bearer, client
from tests.waiting import until

if TYPE_CHECKING:
    from tests.exchange.server.hand_clock import HandClock
    from upbit_ws_qt.exchange import EmbeddedExchange

TICKER = {"type": "ticker", "codes": [BTC]}
TRADES = {"type": "trade", "codes": [BTC], "is_only_realtime": True}


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


async def test_slow_accept_of_a_client_that_does_not_wait(strict: EmbeddedExchange, hand: HandClock) -> None:
    fault = strict.faults.inject("slow_accept", seconds=0.1, times=1)
    knock = asyncio.ensure_future(connect(strict.public_url, proxy=None).__aenter__())
    await until(lambda: fault.hits == 1)
    knock.cancel()
    await asyncio.gather(knock, return_exceptions=True)
    await asyncio.sleep(0.02)
    hand.move(0.1)
    await asyncio.sleep(0.02)
    assert strict.counters.connects_accepted == 0


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


async def test_maintenance_is_announced_then_everybody_is_out_then_it_is_over(
    strict: EmbeddedExchange, hand: HandClock
) -> None:
    async with client(strict, "private") as private:
        await private.request({"type": "announcement"})
        await private.listing()
        strict.faults.inject("maintenance", notice=1.0, seconds=30.0)
        assert (await private.message())["category"] == "maintenance"
        hand.move(0.9)
        async with client(strict):  # still open
            pass
        hand.move(0.1)
        with pytest.raises(ConnectionClosed) as closed:
            await private.frame()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    hand.move(29.9)
    with pytest.raises(InvalidStatus) as refused:
        await connect(strict.public_url, proxy=None)
    assert refused.value.response.status_code == 503
    hand.move(0.1)
    await until(lambda: not strict.faults.active)
    async with client(strict):
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


async def test_mute_takes_the_named_codes_only(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        fault = exchange.faults.inject("mute", codes=[BTC])
        await public.request({"type": "ticker", "codes": [BTC, ETH]})
        assert await codes_within(exchange, public) == {ETH}
        assert exchange.counters.fault_hits["mute"] == fault.hits > 1
        fault.clear()
        assert await codes_within(exchange, public) == {BTC, ETH}


async def test_mute_without_codes_takes_all(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        exchange.faults.inject("mute")
        await public.request({"type": "ticker", "codes": [BTC, ETH]})
        assert await codes_within(exchange, public) == set()


async def codes_within(exchange: EmbeddedExchange, public: RawClient) -> set[str]:
    """Return which codes send something within 10 s of the exchange's time."""
    await public.listing()
    await exchange.advance(10)
    await public.request({"method": "LIST_SUBSCRIPTIONS"})
    seen = set()
    while "method" not in (message := await public.message()):
        seen.add(message["code"])
    return seen


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
