"""Account data from the embedded exchange, which checks every token to the letter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.rest.peers import answer, asking
from upbit_ws_qt import Credentials, RestClient, RestError, ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.rest.client import KST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.rest.peers import Asked

START_MS = 1_790_000_000_000
D = Decimal


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    settings = ExchangeSettings(
        markets=6, rate=60, stopped=True, start_ms=START_MS, account_per_second=None, prepare=False
    )
    async with EmbeddedExchange(settings) as running:
        yield running


@pytest.fixture
async def rest(exchange: EmbeddedExchange) -> AsyncIterator[RestClient]:
    config = ServiceConfig.for_exchange(exchange)
    async with RestClient(config, wall_clock=lambda: START_MS / 1000) as client:
        yield client


def bid(exchange: EmbeddedExchange, price: int = 100_000_000) -> str:
    uuid: str = exchange.place_order("KRW-BTC", "BID", "limit", price, D("0.001"))[0].uuid
    return uuid


async def test_balances_are_exact_and_say_what_is_locked(exchange: EmbeddedExchange, rest: RestClient) -> None:
    before = {account.currency: account for account in await rest.accounts()}
    bid(exchange)
    after = {account.currency: account for account in await rest.accounts()}
    assert before["KRW"].locked == 0
    assert after["KRW"].locked == before["KRW"].balance - after["KRW"].balance > D("100000")
    assert after["BTC"].unit_currency == "KRW"


async def test_all_open_orders_come_however_many_pages_they_are(exchange: EmbeddedExchange, rest: RestClient) -> None:
    placed = [bid(exchange, 100_000_000 - 1000 * number) for number in range(205)]
    orders = await rest.open_orders("KRW-BTC")
    assert sorted(order.uuid for order in orders) == sorted(placed)
    assert {order.state for order in orders} == {"wait"}
    assert await rest.open_orders("KRW-ETH", states=["wait"]) == ()


async def test_an_order_is_found_by_its_id_with_its_fills(exchange: EmbeddedExchange, rest: RestClient) -> None:
    uuid = bid(exchange)
    exchange.fill_order(uuid, D("0.0004"))
    order = await rest.order(uuid)
    assert (order.uuid, order.state, order.executed_volume, order.trades_count) == (uuid, "wait", D("0.0004"), 1)
    assert [trade.volume for trade in order.trades] == [D("0.0004")]
    (listed,) = await rest.orders([uuid, "00000000-0000-4000-8000-000000000000"])
    assert (listed.uuid, listed.trades) == (uuid, ())
    with pytest.raises(RestError) as caught:
        await rest.order("00000000-0000-4000-8000-000000000000")
    assert (caught.value.status, caught.value.name) == (404, "order_not_found")


async def test_more_ids_than_one_question_takes_are_asked_for_in_several(
    exchange: EmbeddedExchange, rest: RestClient
) -> None:
    placed = [bid(exchange, 100_000_000 - 1000 * number) for number in range(130)]
    assert {order.uuid for order in await rest.orders(placed)} == set(placed)
    (usage,) = rest.usage()
    assert usage.asked == 2


async def test_closed_orders_come_newest_first(exchange: EmbeddedExchange, rest: RestClient) -> None:
    placed = [bid(exchange, 100_000_000 - 1000 * number) for number in range(3)]
    for uuid in placed:
        exchange.cancel_order(uuid)
    assert sorted([order.uuid async for order in rest.closed_orders("KRW-BTC")]) == sorted(placed)
    assert [order.uuid async for order in rest.closed_orders(states=["done"])] == []


NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


def _closed(number: int, at: datetime) -> dict[str, Any]:
    zero = dict.fromkeys(("executed_volume", "reserved_fee", "remaining_fee", "paid_fee", "locked"), "0")
    return {
        "market": "KRW-BTC", "uuid": f"u{number}", "side": "bid", "ord_type": "limit", "state": "cancel",
        "created_at": at.astimezone(KST).isoformat(timespec="seconds"), "trades_count": 0, "price": "1", **zero,
    }  # fmt: skip


def _closed_page(asked: Asked, orders: list[dict[str, Any]]) -> bytes:
    """Answer as the exchange does: a window of a week at most, its ends included, a thousand orders at most."""
    query = dict(parse_qsl(urlsplit(asked.target).query))
    end = datetime.fromisoformat(query["end_time"]) if "end_time" in query else NOW
    start = datetime.fromisoformat(query["start_time"]) if "start_time" in query else end - timedelta(days=7)
    assert end - start <= timedelta(days=7)
    assert query["order_by"] == "desc"
    found = [order for order in orders if start <= datetime.fromisoformat(order["created_at"]) <= end]
    return answer(found[: int(query["limit"])])


async def test_closed_orders_are_walked_back_over_weeks_and_pages_each_once() -> None:
    """More of the first week than a page holds, two of each second; then one every two days."""
    orders = [_closed(number, NOW - timedelta(seconds=number // 2)) for number in range(2200)]
    orders += [_closed(3000 + days, NOW - timedelta(days=days)) for days in range(2, 40, 2)]
    clock_is_late = NOW - timedelta(hours=1)
    async with asking(lambda asked: _closed_page(asked, orders), wall_clock=clock_is_late.timestamp) as (rest, peer):
        found = [order.uuid async for order in rest.closed_orders(since=NOW - timedelta(days=30))]
        week = [order.uuid async for order in rest.closed_orders()]
    wanted = [
        order["uuid"] for order in orders if datetime.fromisoformat(order["created_at"]) >= NOW - timedelta(days=30)
    ]
    assert found == wanted
    assert week == [order["uuid"] for order in orders[:2203]]
    assert len(peer.asked) <= 12


async def test_what_orders_cost_and_which_keys_there_are(rest: RestClient, exchange: EmbeddedExchange) -> None:
    chance = await rest.order_chance("KRW-BTC")
    assert chance.market.id == "KRW-BTC"
    assert chance.bid_account.currency == "KRW"
    assert chance.bid_fee > 0
    (key,) = await rest.api_keys()
    assert key.access_key == exchange.access_key
    assert key.expire_at > datetime.fromtimestamp(START_MS / 1000, UTC)
    assert exchange.access_key not in repr(key)


async def test_a_scope_that_the_key_lacks_is_named(exchange: EmbeddedExchange) -> None:
    settings = ExchangeSettings(markets=2, stopped=True, scopes=("view_assets",), prepare=False)
    async with EmbeddedExchange(settings) as poor, RestClient(ServiceConfig.for_exchange(poor)) as rest:
        assert await rest.accounts()
        with pytest.raises(RestError) as caught:
            await rest.open_orders()
    assert (caught.value.name, caught.value.is_temporary) == ("out_of_scope", False)


async def test_a_wrong_secret_is_told_as_the_exchange_calls_it(exchange: EmbeddedExchange) -> None:
    wrong = Credentials(exchange.access_key, "no secret of anybody, and long enough for one")
    async with RestClient(ServiceConfig.for_exchange(exchange, credentials=wrong)) as rest:
        with pytest.raises(RestError) as caught:
            await rest.accounts()
    assert (caught.value.status, caught.value.name) == (401, "jwt_verification")
