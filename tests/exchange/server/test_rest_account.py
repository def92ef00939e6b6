"""Exchange's private reads, statement by statement of the REST sheet (numbers of its sections in brackets)."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.server.asking import Reply, ask, ask_raw, bearer, own, spelt
from tests.exchange.server.conftest import START_MS
from tests.exchange.server.raw import BTC, ETH, client, digest, token
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings, FaultName

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.exchange.server.hand_clock import HandClock

Row = dict[str, Any]
DAY_MS = 86_400_000


@pytest.fixture
async def free() -> AsyncIterator[EmbeddedExchange]:
    """A few markets, time stopped, no limits on REST."""
    settings = ExchangeSettings(
        markets=6,
        rate=60,
        stopped=True,
        start_ms=START_MS,
        rest_per_second=None,
        account_per_second=None,
        prepare=False,
    )
    async with EmbeddedExchange(settings) as running:
        yield running


async def ours(exchange: EmbeddedExchange, path: str, **parameters: Any) -> Any:
    """Ask for what there is and return it."""
    reply = await own(exchange, path, **parameters)
    assert reply.status == 200, reply.value
    return reply.value


def bid(exchange: EmbeddedExchange, price: int = 100_000_000, volume: str = "0.001", **terms: Any) -> str:
    """Place a resting bid and return its uuid."""
    return exchange.place_order(BTC, "BID", "limit", price, volume, **terms)[0].uuid


def uuids(rows: list[Row]) -> list[str]:
    """Return the uuids of orders."""
    return [row["uuid"] for row in rows]


# [2] Authentication.


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"query_hash": None}, "invalid_query_payload"),
        ({"query_hash": digest("market=KRW-ETH")}, "invalid_query_payload"),
        ({"query_hash": digest(spelt(market=BTC, at="2026-01-02T03:04:05+09:00"))}, "invalid_query_payload"),
        ({"query_hash": digest(f"at=2026-01-02T03:04:05+09:00&market={BTC}")}, "invalid_query_payload"),
        ({"query_hash": digest(f"?market={BTC}&at=2026-01-02T03:04:05+09:00")}, "invalid_query_payload"),
        ({"query_hash": digest(f"market={BTC}&at=2026-01-02T03:04:05+09:00").upper()}, "invalid_query_payload"),
        ({"query_hash_alg": "SHA256"}, "invalid_query_payload"),
        ({"query_hash_alg": "MD5"}, "invalid_query_payload"),
        ({"nonce": ""}, "invalid_query_payload"),
    ],
)
async def test_the_hash_is_of_the_query_as_it_was_sent_but_not_encoded(
    free: EmbeddedExchange, claims: Row, name: str
) -> None:
    query = spelt(market=BTC, at="2026-01-02T03:04:05+09:00")
    assert "%3A" in query
    good = await ask_raw(free, f"/v1/orders/open?{query}", bearer(free, query))
    assert good.status == 200
    bad = await ask_raw(free, f"/v1/orders/open?{query}", bearer(free, query, **claims))
    assert bad.error == (401, name)


async def test_another_hash_has_to_be_named(free: EmbeddedExchange) -> None:
    hashed = hashlib.sha256(f"market={BTC}".encode()).hexdigest()
    line = bearer(free, f"market={BTC}", query_hash=hashed, query_hash_alg="SHA256")
    assert (await ask_raw(free, f"/v1/orders/open?market={BTC}", line)).status == 200
    line = bearer(free, f"market={BTC}", query_hash_alg=None)  # SHA512 needs no name
    assert (await ask_raw(free, f"/v1/orders/open?market={BTC}", line)).status == 200


async def test_without_a_query_there_is_no_hash(free: EmbeddedExchange) -> None:
    assert (await ask_raw(free, "/v1/accounts", bearer(free))).status == 200
    assert (await ask_raw(free, "/v1/accounts", bearer(free, query_hash=digest("")))).error[0] == 401


async def test_arrays_are_hashed_pair_by_pair(free: EmbeddedExchange) -> None:
    query = spelt(states=["wait", "watch"])
    assert query == "states[]=wait&states[]=watch"
    assert (await ask_raw(free, f"/v1/orders/open?{query}", bearer(free, query))).status == 200
    other = "states=wait,watch"
    assert (await ask_raw(free, f"/v1/orders/open?{query}", bearer(free, other))).error[0] == 401


async def test_brackets_are_sent_plainly(free: EmbeddedExchange) -> None:
    query = "states%5B%5D=wait"
    assert (await ask_raw(free, f"/v1/orders/open?{query}", bearer(free, query))).error == (400, "invalid_parameter")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_the_algorithms_of_a_token(free: EmbeddedExchange, algorithm: str) -> None:
    line = f"Authorization: Bearer {token(free.access_key, free.secret_key, algorithm=algorithm)}"
    assert (await ask_raw(free, "/v1/accounts", line)).status == 200


async def test_a_nonce_is_taken_once_on_rest_and_line_together(free: EmbeddedExchange) -> None:
    line = bearer(free)
    assert (await ask_raw(free, "/v1/accounts", line)).status == 200
    assert (await ask_raw(free, "/v1/accounts", line)).error == (401, "nonce_used")
    assert (await ask_raw(free, "/v1/api_keys", line)).error == (401, "nonce_used")


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ([], "no_authorization_token"),
        (["Authorization: Basic x"], "no_authorization_token"),
        (["Authorization: Bearer x"], "jwt_verification"),
        ([f"Authorization: Bearer {token('unknown', 'x')}"], "jwt_verification"),
    ],
)
async def test_a_wrong_token_is_named(free: EmbeddedExchange, headers: list[str], name: str) -> None:
    assert (await ask_raw(free, "/v1/accounts", *headers)).error == (401, name)


async def test_a_wrong_signature_is_named(free: EmbeddedExchange) -> None:
    line = f"Authorization: Bearer {token(free.access_key, 'wrong')}"
    assert (await ask_raw(free, "/v1/accounts", line)).error == (401, "jwt_verification")


async def test_a_key_without_scope_is_told_so() -> None:
    settings = ExchangeSettings(markets=1, stopped=True, start_ms=START_MS, scopes=())
    async with EmbeddedExchange(settings) as running:
        assert (await own(running, "accounts")).error == (401, "out_of_scope")
        for path in ("orders/open", "orders/closed", "orders/uuids", "order", "orders/chance"):
            assert (await own(running, path)).error == (403, "out_of_scope")
        assert (await own(running, "api_keys")).status == 200


async def test_a_key_expires() -> None:
    settings = ExchangeSettings(markets=1, rate=1, stopped=True, start_ms=START_MS, key_expires_ms=START_MS + 1000)
    async with EmbeddedExchange(settings) as running:
        (key,) = await ours(running, "api_keys")
        assert key == {"access_key": running.access_key, "expire_at": "2026-09-21T23:13:21+09:00"}
        await running.advance(1.0)
        assert (await own(running, "api_keys")).error == (401, "expired_access_key")


# [3] Limits.


async def test_thirty_a_second_of_a_key_in_a_group_of_their_own(strict: EmbeddedExchange, hand: HandClock) -> None:
    replies = [await own(strict, ("accounts", "orders/open", "api_keys")[n % 3]) for n in range(31)]
    assert [reply.status for reply in replies] == [200] * 30 + [429]
    assert [reply.remaining for reply in replies[:2]] == [("default", 29), ("default", 28)]
    assert replies[-1].error == (429, "too_many_requests")
    assert replies[-1].remaining == ("default", 0)
    assert (await ask(strict, "market/all"))[0]["market"] == BTC
    hand.move(1.0)
    assert (await own(strict, "accounts")).status == 200


async def test_faults_are_named_by_words(free: EmbeddedExchange) -> None:
    free.faults.inject(FaultName.REST_REFUSE, path="/v1/accounts", times=1)
    assert (await own(free, "accounts")).error == (503, "service_unavailable")
    free.faults.inject(FaultName.REST_TOO_MANY, times=1)
    assert (await own(free, "accounts")).error == (429, "too_many_requests")


# [5] Balances.


async def test_balances_are_those_of_the_line(free: EmbeddedExchange) -> None:
    async with client(free, "private") as private:
        await private.request({"type": "myAsset"})
        await private.listing()
        bid(free)
        told = {each["currency"]: each for each in (await private.message())["assets"]}
    rows = {row["currency"]: row for row in await ours(free, "accounts")}
    assert set(rows["KRW"]) == {
        "currency", "balance", "locked", "avg_buy_price", "avg_buy_price_modified", "unit_currency"
    }  # fmt: skip
    assert isinstance(rows["KRW"]["balance"], str)
    for currency, each in told.items():
        assert Decimal(rows[currency]["balance"]) == each["balance"]
        assert Decimal(rows[currency]["locked"]) == each["locked"]
    assert Decimal(rows["KRW"]["locked"]) == Decimal("100000000") * Decimal("0.001") * Decimal("1.0005")


async def test_the_average_price_is_of_what_was_bought_and_stays_when_some_is_sold(free: EmbeddedExchange) -> None:
    def average(rows: list[Row]) -> Decimal:
        return next(Decimal(row["avg_buy_price"]) for row in rows if row["currency"] == "BTC")

    before = average(await ours(free, "accounts"))
    assert before == 140_000_000
    free.fill_order(bid(free, 100_000_000, "0.1"))
    bought = average(await ours(free, "accounts"))
    assert bought == ((before * Decimal("0.5") + 10_000_000) / Decimal("0.6")).quantize(Decimal("1E-8"))
    sold = free.place_order(BTC, "ASK", "limit", 200_000_000, "0.3")[0].uuid
    free.fill_order(sold)
    assert average(await ours(free, "accounts")) == bought


async def test_what_is_sold_out_is_not_listed(free: EmbeddedExchange) -> None:
    free.fill_order(free.place_order(ETH, "ASK", "limit", 10_000_000, "3")[0].uuid)
    assert "ETH" not in {row["currency"] for row in await ours(free, "accounts")}


# [5] Orders.


async def test_an_open_order_is_that_of_the_line(free: EmbeddedExchange) -> None:
    async with client(free, "private") as private:
        await private.request({"type": "myOrder"})
        await private.listing()
        uuid = bid(free, time_in_force="post_only", identifier="mine", smp_type="none")
        free.fill_order(uuid, "0.0004")
        await private.message()
        told = await private.message()
    (row,) = await ours(free, "orders/open")
    assert (row["uuid"], row["side"], row["ord_type"], row["state"]) == (uuid, "bid", "limit", "wait")
    assert (row["created_at"], row["trades_count"]) == ("2026-09-21T23:13:20+09:00", 1)
    assert (row["price"], row["volume"]) == ("100000000.0", "0.001")
    assert (row["time_in_force"], row["identifier"]) == ("post_only", "mine")
    for name in (
        "remaining_volume", "executed_volume", "reserved_fee", "remaining_fee", "paid_fee", "locked",
        "prevented_volume", "prevented_locked",
    ):  # fmt: skip
        assert isinstance(row[name], str)
        assert Decimal(row[name]) == told[name]
    assert "trades" not in row


async def test_what_an_order_has_none_of_is_left_out(free: EmbeddedExchange) -> None:
    uuid = free.place_order(BTC, "BID", "price", 10_000)[0].uuid
    row = await ours(free, "order", uuid=uuid)
    assert not {"volume", "time_in_force", "identifier"} & set(row)
    assert (row["state"], row["price"]) == ("done", "10000.0")


async def test_open_orders_by_state_page_and_order(free: EmbeddedExchange) -> None:
    waiting = [bid(free) for _ in range(5)]
    watching = bid(free, watching=True)
    assert uuids(await ours(free, "orders/open")) == waiting[::-1]
    assert uuids(await ours(free, "orders/open", state="watch")) == [watching]
    both = await ours(free, "orders/open", states=["wait", "watch"], order_by="asc")
    assert uuids(both) == [*waiting, watching]
    pages = [uuids(await ours(free, "orders/open", limit=2, page=page)) for page in (1, 2, 3, 4)]
    assert pages == [waiting[:2:-1], waiting[2:0:-1], waiting[:1], []]
    assert await ours(free, "orders/open", market=ETH) == []


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("orders/open", {"state": "done"}),
        ("orders/open", {"state": "wait", "states": ["wait"]}),
        ("orders/open", {"limit": 101}),
        ("orders/open", {"page": 0}),
        ("orders/open", {"order_by": "up"}),
        ("orders/open", {"market": "KRW-NOTHING"}),
        ("orders/closed", {"state": "wait"}),
        ("orders/closed", {"limit": 1001}),
        ("orders/closed", {"start_time": "2026-09-01T00:00:00"}),
        ("orders/closed", {"start_time": "2026-09-01T00:00:00+09:00", "end_time": "2026-09-08T00:00:01+09:00"}),
        ("orders/closed", {"start_time": "2026-09-02T00:00:00+09:00", "end_time": "2026-09-01T00:00:00+09:00"}),
        ("orders/uuids", {}),
        ("orders/uuids", {"uuids": ["a"], "identifiers": ["b"]}),
        ("orders/uuids", {"uuids": ["a"] * 101}),
        ("order", {}),
        ("orders/chance", {}),
        ("orders/chance", {"market": "KRW-NOTHING"}),
    ],
)
async def test_wrong_parameters_are_named_by_words(free: EmbeddedExchange, path: str, parameters: Row) -> None:
    assert (await own(free, path, **parameters)).error == (400, "invalid_parameter")


async def test_closed_orders_by_state_and_limit(free: EmbeddedExchange) -> None:
    done, cancelled, prevented, still_open = (bid(free) for _ in range(4))
    free.fill_order(done)
    free.cancel_order(cancelled)
    free.prevent_order(prevented)
    assert uuids(await ours(free, "orders/closed")) == [prevented, cancelled, done]
    assert uuids(await ours(free, "orders/closed", state="done")) == [done]
    assert uuids(await ours(free, "orders/closed", limit=1, order_by="asc")) == [done]
    assert uuids(await ours(free, "orders/open")) == [still_open]


async def test_closed_orders_by_windows_on_creation_time(free: EmbeddedExchange) -> None:
    placed = []
    for _ in range(3):
        placed.append(bid(free))
        free.cancel_order(placed[-1])
        await free.advance(10.0)
    second = [row["created_at"] for row in await ours(free, "orders/closed")][1]
    assert uuids(await ours(free, "orders/closed", start_time=second)) == [placed[2], placed[1]]
    assert uuids(await ours(free, "orders/closed", end_time=second)) == [placed[1], placed[0]]
    assert uuids(await ours(free, "orders/closed", end_time=START_MS + 10_000)) == [placed[1], placed[0]]
    assert uuids(await ours(free, "orders/closed", start_time=START_MS - 8 * DAY_MS)) == []


async def test_orders_by_ids(free: EmbeddedExchange) -> None:
    first, second, third = bid(free, identifier="a"), bid(free, identifier="b"), bid(free)
    free.cancel_order(second)
    assert uuids(await ours(free, "orders/uuids", uuids=[first, second, "unknown"])) == [second, first]
    assert uuids(await ours(free, "orders/uuids", identifiers=["b", "a"], order_by="asc")) == [first, second]
    assert uuids(await ours(free, "orders/uuids", uuids=[third], market=ETH)) == []


async def test_one_order_has_its_trades(free: EmbeddedExchange) -> None:
    async with client(free, "private") as private:
        await private.request({"type": "myOrder"})
        await private.listing()
        uuid = bid(free, identifier="mine")
        free.fill_order(uuid, "0.0004", 99_000_000)
        free.fill_order(uuid)
        _, one, two, done = await private.messages(4)
    row = await ours(free, "order", uuid=uuid)
    assert row["state"] == done["state"] == "done"
    assert [trade["uuid"] for trade in row["trades"]] == [one["trade_uuid"], two["trade_uuid"]]
    assert set(row["trades"][0]) == {"market", "uuid", "price", "volume", "funds", "trend", "created_at", "side"}
    assert row["trades"][0]["created_at"] == "2026-09-21T23:13:20.000000+09:00"
    assert [Decimal(trade["price"]) for trade in row["trades"]] == [99_000_000, 100_000_000]
    assert sum(Decimal(trade["funds"]) for trade in row["trades"]) == done["executed_funds"]
    assert await ours(free, "order", identifier="mine") == row
    assert await ours(free, "order", uuid=uuid, identifier="another") == row


async def test_an_unknown_order_is_not_found(free: EmbeddedExchange) -> None:
    assert (await own(free, "order", uuid="unknown")).error == (404, "order_not_found")


async def test_what_a_market_takes(free: EmbeddedExchange) -> None:
    chance = await ours(free, "orders/chance", market=BTC)
    assert (chance["bid_fee"], chance["maker_ask_fee"]) == ("0.0005", "0.0005")
    assert (chance["market"]["id"], chance["market"]["bid"]) == (BTC, {"currency": "KRW", "min_total": "5000.0"})
    rows = {row["currency"]: row for row in await ours(free, "accounts")}
    assert (chance["bid_account"], chance["ask_account"]) == (rows["KRW"], rows["BTC"])


async def test_a_private_path_needs_get(free: EmbeddedExchange) -> None:
    reply: Reply = await ask_raw(free, "/v1/accounts", bearer(free), method="POST")
    assert reply.error == (405, "method_not_allowed")
