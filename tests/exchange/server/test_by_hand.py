"""What a test makes happen in an exchange reaches everybody who is subscribed, and everybody who is so later."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from websockets.exceptions import ConnectionClosedError

from tests.exchange.server.raw import BTC, ETH, client
from upbit_ws_qt.exchange import ByHandError, EmbeddedExchange, ExchangeSettings, OrderRejectedError

if TYPE_CHECKING:
    from pathlib import Path


async def test_what_happens_is_delivered_in_order_each_at_a_time_of_its_own(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as one:
        await one.request({"type": "ticker", "codes": [BTC], "is_only_realtime": True})
        await one.nothing_before_listing()
        for price in ("160000000", "161000000", "160000000"):
            exchange.ticker(BTC, trade_price=price)
        messages = await one.messages(3)
    assert [message["trade_price"] for message in messages] == [160_000_000, 161_000_000, 160_000_000]
    times = [message["timestamp"] for message in messages]
    assert times == sorted(set(times))


async def test_later_subscribers_find_the_world_as_it_was_made(exchange: EmbeddedExchange) -> None:
    exchange.trade(BTC, "160000000", "0.1", "ASK")
    exchange.book(BTC, asks=[("160001000", 1)], bids=[("160000000", 2)])
    exchange.candle(BTC, "1m", trade_price=160_000_000, candle_acc_trade_volume="12.5")
    async with client(exchange) as one:
        wanted: list[dict[str, Any]] = [
            {"type": kind, "codes": [BTC]} for kind in ("ticker", "trade", "orderbook", "candle.1m")
        ]
        await one.request(*wanted)
        ticker, trade, book, candle = await one.messages(4)
    assert ticker["trade_price"] == trade["trade_price"] == 160_000_000
    assert trade["ask_bid"] == "ASK"
    assert book["total_bid_size"] == 2
    assert candle["candle_acc_trade_volume"] == Decimal("12.5")


async def test_an_order_is_placed_filled_and_finished(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "private") as one:
        await one.request({"type": "myOrder"})
        await one.nothing_before_listing()
        order = exchange.order(BTC, "BID", price="1000000", volume="0.01")
        assert "wait" in repr(order)
        order.fill("0.004")
        order.cancel()
        states = [(message["uuid"], message["state"]) for message in await one.messages(3)]
    assert states == [(order.uuid, "wait"), (order.uuid, "trade"), (order.uuid, "cancel")]
    assert order.state == "cancel"
    with pytest.raises(OrderRejectedError, match="order"):
        order.fill()


async def test_a_reserved_order_waits_when_it_is_triggered_and_self_match_prevention_takes_it(
    exchange: EmbeddedExchange,
) -> None:
    order = exchange.order(BTC, "BID", price="1000000", volume="0.01", watching=True)
    assert order.state == "watch"
    order.trigger()
    assert order.state == "wait"
    order.prevent(Decimal("0.004"))
    assert order.now.prevented_volume == 400_000


async def test_a_cut_resets_the_lines_of_an_endpoint_and_leaves_the_others(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public, client(exchange, "private") as private:
        fault = exchange.cut()
        assert fault.hits == 1
        with pytest.raises(ConnectionClosedError):
            await public.message()
        await private.nothing_before_listing()
        for nonsense in ("public", "middle"):
            with pytest.raises(ByHandError, match="nobody is connected"):
                exchange.cut(nonsense)


async def test_a_silenced_market_is_silent_until_it_is_told_otherwise(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as one:
        await one.request({"type": "ticker", "codes": [BTC, ETH], "is_only_realtime": True})
        await one.nothing_before_listing()
        silence = exchange.silence(BTC)
        exchange.ticker(BTC, trade_price=160_000_000)
        exchange.ticker(ETH, trade_price=5_000_000)
        assert (await one.message())["code"] == ETH
        silence.clear()
        exchange.ticker(BTC, trade_price=161_000_000)
        assert (await one.message())["trade_price"] == 161_000_000
    with pytest.raises(ByHandError):
        exchange.silence("KRW-NOPE")
    with pytest.raises(ByHandError):
        exchange.silence()


async def test_it_has_settled_when_each_client_has_read_what_was_sent_and_each_condition_holds(
    exchange: EmbeddedExchange,
) -> None:
    await exchange.settle()  # nobody is connected
    asked: list[int] = []

    def after_five_looks() -> bool:
        asked.append(len(exchange.connections))
        return len(asked) > 5

    async with client(exchange) as one:
        await one.request({"type": "ticker", "codes": [BTC]})
        forget = exchange.settle_with(after_five_looks)
        await exchange.settle()
        assert len(asked) > 5
        assert set(asked) == {1}
        forget()
        forget()
        seen = len(asked)
        await exchange.settle()
        assert len(asked) == seen
        exchange.faults.inject("half_open")
        await exchange.settle()  # it will not answer, and is not waited for
        exchange.settle_with(lambda: False)
        with pytest.raises(TimeoutError):
            await exchange.settle(0.05)


async def test_a_recording_is_played_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    async with EmbeddedExchange(ExchangeSettings(markets=2, record=path)) as exchange, client(exchange) as one:
        await one.request({"type": "ticker", "codes": [BTC]})
        await one.message()
        await asyncio.sleep(0)
    async with EmbeddedExchange(ExchangeSettings(replay=path, stopped=True)) as exchange:
        with pytest.raises(ByHandError, match="recording"):
            exchange.trade(BTC, 160_000_000, 1)
