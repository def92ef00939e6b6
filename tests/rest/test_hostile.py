"""Answers that nobody wishes for, from a server of our own."""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.rest.peers import answer, asking, at_once
from upbit_ws_qt import MarketWarnings, RecoveryStrategy, RestClient, RestError

if TYPE_CHECKING:
    from tests.rest.peers import Answer, Asked

MARKET = {"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"}
ACCOUNT = {
    "currency": "KRW",
    "balance": "1000000.10",
    "locked": "0",
    "avg_buy_price": "0",
    "avg_buy_price_modified": False,
    "unit_currency": "KRW",
}


def _claims(asked: Asked) -> dict[str, Any]:
    token = (asked.header("authorization") or "").removeprefix("Bearer ")
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


async def test_no_header_comes_twice_and_none_tells_an_origin() -> None:
    async with asking(lambda asked: answer([MARKET] if "market" in asked.target else [ACCOUNT])) as (rest, peer):
        await rest.markets()
        await rest.accounts()
    for asked in peer.asked:
        names = Counter(line.partition(":")[0].lower() for line in asked.lines)
        assert not [name for name, times in names.items() if times > 1]
        assert not {"origin", "referer", "cookie", "content-type"} & set(names)
    market, account = peer.asked
    assert market.header("authorization") is None
    assert market.header("accept-encoding") == "gzip"
    assert account.header("accept-encoding") is None


async def test_the_query_is_hashed_as_it_reads_and_sent_encoded() -> None:
    async with asking(lambda _: answer([])) as (rest, peer):
        await rest.open_orders("KRW-BTC", states=["wait", "watch"])
        await rest.orders(["a b", "c+d"])
        await rest.accounts()
    opened, by_id, bare = peer.asked
    assert opened.target == (
        "/v1/orders/open?market=KRW-BTC&states[]=wait&states[]=watch&page=1&limit=100&order_by=desc"
    )
    assert by_id.target == "/v1/orders/uuids?uuids[]=a%20b&uuids[]=c%2Bd"
    assert _claims(by_id)["query_hash"] == hashlib.sha512(b"uuids[]=a b&uuids[]=c+d").hexdigest()
    assert _claims(by_id)["query_hash_alg"] == "SHA512"
    assert set(_claims(bare)) == {"access_key", "nonce"}
    assert len({_claims(asked)["nonce"] for asked in peer.asked}) == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>maintenance</html>", 200),
        (b'[{"market":"KRW-BTC","korean_name":"x","english_', 200),
        (b'{"market":"KRW-BTC"}', 200),
        (b"[" * 100_000, 200),
        (b"\xff\xfe", 200),
        (b"", 200),
    ],
)
async def test_what_cannot_be_read_is_said_once(body: bytes, status: int) -> None:
    async with asking(lambda _: answer(body, status)) as (rest, peer):
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert (caught.value.name, caught.value.status) == ("unreadable", status)
    assert len(peer.asked) == 1
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "number", ['"NaN"', '"Infinity"', '"1e999"', "1e400", '"-1e-400"', "1" * 500, '"text"', "null"]
)
async def test_a_number_that_is_none_is_not_taken_for_money(number: str) -> None:
    body = json.dumps([ACCOUNT]).replace('"1000000.10"', number).encode()
    async with asking(lambda _: answer(body)) as (rest, _):
        with pytest.raises(RestError) as caught:
            await rest.accounts()
    assert caught.value.name == "unreadable"


async def test_a_trouble_of_the_exchange_is_asked_about_again_and_then_told() -> None:
    async with asking(lambda _: answer(b"<html>502</html>", 502)) as (rest, peer):
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert (caught.value.status, caught.value.name, caught.value.is_temporary) == (502, "http", True)
    assert "html" not in str(caught.value)
    assert len(peer.asked) == 3


async def test_a_trouble_that_passes_is_not_seen() -> None:
    replies: list[Answer] = [
        answer({"error": {"name": 500, "message": "x"}}, 500),
        [b"HTTP/1.1 200 O", b""],
        answer([MARKET]),
    ]
    async with asking(lambda _: replies.pop(0)) as (rest, peer):
        assert len(await rest.markets()) == 1
    assert len(peer.asked) == 3


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(status: int) -> None:
    async with asking(lambda _: answer(b"", status, Location="http://127.0.0.1:9/v1/accounts")) as (rest, peer):
        with pytest.raises(RestError) as caught:
            await rest.accounts()
    assert (caught.value.name, caught.value.status, len(peer.asked)) == ("redirect", status, 1)


@pytest.mark.parametrize(
    ("status", "name"),
    [(401, "jwt_verification"), (403, "out_of_scope"), (401, "out_of_scope"), (404, "order_not_found")],
)
async def test_a_refusal_keeps_the_exchanges_name(status: int, name: str) -> None:
    async with asking(lambda _: answer({"error": {"name": name, "message": "no \u202e way"}}, status)) as (rest, peer):
        with pytest.raises(RestError) as caught:
            await rest.order("x")
    error = caught.value
    assert (error.status, error.name, error.is_temporary, len(peer.asked)) == (status, name, False, 1)
    assert error.recovery is RecoveryStrategy.NONE
    assert "\u202e" not in str(error)


async def test_a_nonce_that_is_known_there_is_tried_again_with_another() -> None:
    replies = [answer({"error": {"name": "nonce_used", "message": "x"}}, 401), answer([ACCOUNT])]
    async with asking(lambda _: replies.pop(0)) as (rest, peer):
        assert len(await rest.accounts()) == 1
    first, second = (_claims(asked)["nonce"] for asked in peer.asked)
    assert first != second


async def test_an_answer_that_does_not_come_ends_in_time() -> None:
    async with asking(lambda _: None, rest_timeout=0.05) as (rest, peer):
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert (caught.value.name, caught.value.status, caught.value.is_temporary) == ("timeout", None, True)
    assert len(peer.asked) == 1


async def test_an_answer_without_end_is_cut_off() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    async with asking(lambda _: [head, *[chunk] * 40]) as (rest, peer):
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert (caught.value.name, len(peer.asked)) == ("too_large", 1)


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off() -> None:
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    async with asking(lambda _: answer(bomb, Content_Encoding="gzip")) as (rest, _):
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert caught.value.name == "too_large"


@pytest.mark.parametrize("event", ["nonsense", {"caution": 3}, {"warning": "yes", "caution": {"A": "true"}}, None, 7])
async def test_a_market_whose_warnings_are_misspelt_is_a_market_all_the_same(event: object) -> None:
    async with asking(lambda _: answer([{**MARKET, "market_event": event}])) as (rest, _):
        (market,) = await rest.markets()
    assert market.market_event in (None, MarketWarnings())


async def test_warnings_are_told_by_name_new_ones_too() -> None:
    event = {"warning": True, "caution": {"PRICE_FLUCTUATIONS": True, "TRADING_VOLUME_SOARING": False, "NEW": True}}
    async with asking(lambda _: answer([{**MARKET, "market_event": event}])) as (rest, _):
        (market,) = await rest.markets()
    assert market.market_event == MarketWarnings(True, ("PRICE_FLUCTUATIONS", "NEW"))


async def test_packed_answers_are_unpacked() -> None:
    packed = gzip.compress(json.dumps([MARKET]).encode())
    async with asking(lambda _: answer(packed, Content_Encoding="gzip")) as (rest, _):
        (market,) = await rest.markets()
    assert market.korean_name == "비트코인"


async def test_nothing_listens_there() -> None:
    async with asking(lambda _: answer([])) as (_, gone):
        pass
    async with RestClient(gone.config(), sleep=at_once) as rest:
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert (caught.value.name, caught.value.status) == ("network", None)
    assert "nothing listens there" in str(caught.value)


async def test_too_many_is_waited_out_and_asked_again() -> None:
    replies: list[Answer] = [answer(b"slow down", 429), answer([MARKET], Remaining_Req="group=market; min=1; sec=9")]
    async with asking(lambda _: replies.pop(0)) as (rest, peer):
        assert len(await rest.markets()) == 1
        (usage,) = rest.usage()
    assert (usage.asked, usage.refused, len(peer.asked)) == (2, 1, 2)


async def test_too_many_for_ever_is_told_with_its_wait() -> None:
    async with asking(lambda _: answer({"error": {"name": 429, "message": "x"}}, 429, Retry_After="0")) as (rest, peer):
        with pytest.raises(RestError) as caught:
            await rest.markets()
    assert (caught.value.status, caught.value.name, len(peer.asked)) == (429, 429, 4)
    assert caught.value.recovery is RecoveryStrategy.WAIT


async def test_a_block_holds_all_of_the_address_and_can_be_given_up() -> None:
    async with asking(lambda _: answer("blocked for 5 minutes", 418)) as (rest, peer):
        first = asyncio.ensure_future(rest.markets())
        while not any(usage.refused for usage in rest.usage()):
            await asyncio.sleep(0.001)
        second = asyncio.ensure_future(rest.tickers("KRW-BTC"))
        await asyncio.sleep(0)
        usages = {usage.group: usage for usage in rest.usage()}
        assert 290 < usages["market"].blocked_for <= 300.1
        assert usages["ticker"].waiting == 1
        assert usages["ticker"].blocked_for > 290
        assert "default" not in usages, "account data is counted by key"
        for task in (first, second):
            task.cancel()
        await asyncio.wait({first, second})
        assert not any(usage.waiting for usage in rest.usage())
    assert len(peer.asked) == 1
