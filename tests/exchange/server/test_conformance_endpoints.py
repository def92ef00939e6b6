"""The protocol sheet, statement by statement: endpoints and authentication, with raw websockets."""

from __future__ import annotations

import base64
import json
import uuid
from typing import TYPE_CHECKING

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from tests.exchange.server.raw import BTC, RawClient, bearer, client, token
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from websockets.datastructures import Headers

    from tests.exchange.server.hand_clock import HandClock

PUBLIC_TYPES = [
    "ticker", "trade", "orderbook", "candle.1s", "candle.1m", "candle.3m", "candle.5m", "candle.10m", "candle.15m",
    "candle.30m", "candle.60m", "candle.240m",
]  # fmt: skip
RSI = {"timeframe": "5m", "indicators": [{"type": "rsi", "params": {"period": 14}}]}


async def refused_with(exchange: EmbeddedExchange, headers: dict[str, str]) -> str:
    """Return the error that a private handshake with these headers gets, and see the line close with 1000."""
    async with client(exchange, "private", additional_headers=headers) as private:
        name = await private.error()
        with pytest.raises(ConnectionClosedOK) as closed:
            await private.frame()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
        return name


@pytest.mark.parametrize("type_", PUBLIC_TYPES)
@pytest.mark.statement("P1.1", "P1.7", "P3.15")
async def test_public_carries(exchange: EmbeddedExchange, type_: str) -> None:
    await exchange.advance(2)
    async with client(exchange) as public:
        await public.request({"type": type_, "codes": [BTC]})
        message = await public.message()
        assert (message["type"], message["code"]) == (type_, BTC)


@pytest.mark.statement("P1.1", "P1.2", "P1.3")
async def test_the_endpoints_are_on_their_paths(exchange: EmbeddedExchange) -> None:
    assert exchange.public_url.endswith("/websocket/v1")
    assert exchange.private_url.endswith("/websocket/v1/private")
    assert exchange.info_url.endswith("/websocket/v1/info")
    with pytest.raises(InvalidStatus) as refused:
        await connect(exchange.public_url + "/other", proxy=None)
    assert refused.value.response.status_code == 404


@pytest.mark.statement("P1.2")
async def test_private_carries_orders_assets_and_announcements(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "private") as private:
        await private.request({"type": "myOrder"}, {"type": "myAsset"}, {"type": "announcement"})
        await until(lambda: exchange.subscribed("private"))
        exchange.place_order(BTC, "BID", "limit", 1_000_000, "0.01")
        exchange.publish_announcement("Title", "notice")
        kinds = [message["type"] for message in await private.messages(3)]
        assert kinds == ["myOrder", "myAsset", "announcement"]


@pytest.mark.statement("P1.3")
async def test_info_carries_indicators(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "info") as info:
        await info.request({"type": "indicator", "codes": [BTC], **RSI})
        await info.listing()
        await exchange.advance(301)
        message = await info.message()
        assert (message["type"], message["code"], message["timeframe"]) == ("indicator", BTC, "5m")
        assert message["stream_type"] == "REALTIME"


@pytest.mark.parametrize(
    ("endpoint", "part"),
    [
        ("public", {"type": "myOrder"}),
        ("public", {"type": "indicator", "codes": [BTC], **RSI}),
        ("private", {"type": "ticker", "codes": [BTC]}),
        ("info", {"type": "announcement"}),
        ("public", {"type": "candle.2m", "codes": [BTC]}),
    ],
)
@pytest.mark.statement("P1.4")
async def test_a_type_of_another_endpoint_is_refused(
    exchange: EmbeddedExchange, endpoint: str, part: dict[str, object]
) -> None:
    async with client(exchange, endpoint) as other:
        await other.request(part)
        assert await other.error() == "INVALID_PARAM"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("endpoint", ["private", "info"])
@pytest.mark.statement("P2.1", "P2.2")
async def test_all_three_algorithms_open_the_door(exchange: EmbeddedExchange, endpoint: str, algorithm: str) -> None:
    async with client(exchange, endpoint, additional_headers=bearer(exchange, algorithm=algorithm)) as private:
        assert (await private.listing())["result"] == []
    assert exchange.counters.auth_failures == 0


@pytest.mark.statement("P1.1")
async def test_public_needs_no_token(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        assert (await public.listing())["result"] == []


@pytest.mark.statement("P2.3")
async def test_a_missing_token_gets_invalid_auth(exchange: EmbeddedExchange) -> None:
    assert await refused_with(exchange, {}) == "INVALID_AUTH"
    assert exchange.counters.auth_failures == 1


@pytest.mark.statement("P2.5")
async def test_a_replayed_token_gets_invalid_auth(exchange: EmbeddedExchange) -> None:
    headers = bearer(exchange)
    async with client(exchange, "private", additional_headers=headers) as private:
        await private.listing()
    assert await refused_with(exchange, headers) == "INVALID_AUTH"


@pytest.mark.statement("P2.5")
async def test_a_nonce_may_not_come_twice_even_in_another_token(exchange: EmbeddedExchange) -> None:
    nonce = str(uuid.uuid4())
    async with client(exchange, "info", additional_headers=bearer(exchange, nonce=nonce)) as info:
        await info.listing()
    assert await refused_with(exchange, bearer(exchange, nonce=nonce, algorithm="HS256")) == "INVALID_AUTH"


def _bad_tokens(exchange: EmbeddedExchange) -> dict[str, str]:
    access, secret = exchange.access_key, exchange.secret_key
    good = token(access, secret)
    return {
        "another secret": token(access, "another"),
        "another key": token("another", secret),
        "base64 secret": token(access, base64.b64encode(secret.encode()).decode()),
        "unsigned": token(access, secret, algorithm="none"),
        "no nonce": token(access, secret, nonce=""),
        "a number as nonce": token(access, secret, nonce=42),
        "cut": good[:-4],
        "two parts": good.rpartition(".")[0],
        "not base64": good.replace(".", ".*", 1),
        "not JSON": f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.e30.e30",
        "empty": "",
    }


@pytest.mark.statement("P2.4")
async def test_every_bad_token_gets_invalid_auth(exchange: EmbeddedExchange) -> None:
    for why, bad in _bad_tokens(exchange).items():
        assert await refused_with(exchange, {"Authorization": f"Bearer {bad}"}) == "INVALID_AUTH", why
    assert await refused_with(exchange, {"Authorization": f"Basic {token('a', 'b')}"}) == "INVALID_AUTH"


@pytest.mark.statement("P2.3")
async def test_the_token_can_be_refused_at_the_handshake_instead() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=2, auth_failure="http", stopped=True)) as exchange:
        with pytest.raises(InvalidStatus) as refused:
            await connect(exchange.private_url, proxy=None)
        assert refused.value.response.status_code == 401
        assert json.loads(refused.value.response.body or b"")["error"]["name"] == "INVALID_AUTH"


@pytest.mark.parametrize(
    ("scope", "refused", "served"),
    [("view_assets", "myOrder", "myAsset"), ("view_orders", "myAsset", "myOrder")],
)
@pytest.mark.statement("P2.6")
async def test_scopes_of_a_key(scope: str, refused: str, served: str) -> None:
    settings = ExchangeSettings(markets=2, scopes=(scope,), stopped=True)
    async with EmbeddedExchange(settings) as exchange, client(exchange, "private") as private:
        await private.request({"type": served}, {"type": "announcement"})
        assert [row["type"] for row in (await private.listing())["result"]] == [served, "announcement"]
        await private.request({"type": refused})
        assert await private.error() == "INVALID_AUTH"


@pytest.mark.statement("P2.6", "P1.3")
async def test_announcements_and_indicators_need_no_scope() -> None:
    async with (
        EmbeddedExchange(ExchangeSettings(markets=2, scopes=(), stopped=True)) as exchange,
        client(exchange, "private") as private,
        client(exchange, "info") as info,
    ):
        await private.request({"type": "announcement"})
        assert len((await private.listing())["result"]) == 1
        await info.request({"type": "indicator", "codes": [BTC], **RSI})
        assert len((await info.listing())["result"]) == 1


@pytest.mark.statement("P1.6")
async def test_deflate_is_used_only_if_the_client_offers_it(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as offering:
        assert "permessage-deflate" in _headers(offering)["Sec-WebSocket-Extensions"]
        await offering.request({"type": "ticker", "codes": [BTC]})
        assert (await offering.message())["code"] == BTC
    async with client(exchange, compression=None) as plain:
        assert "Sec-WebSocket-Extensions" not in _headers(plain)
        await plain.request({"type": "ticker", "codes": [BTC]})
        assert (await plain.message())["code"] == BTC
    await until(lambda: len(exchange.closed_connections) == 2)
    deflated, raw = exchange.closed_connections
    assert (deflated.deflate, raw.deflate) == (True, False)
    assert 0 < deflated.bytes_sent < raw.bytes_sent


def _headers(public: RawClient) -> Headers:
    assert public.websocket.response is not None
    return public.websocket.response.headers


async def test_requests_may_come_as_binary_frames_too(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.raw(json.dumps([{"ticket": "b"}, {"type": "ticker", "codes": [BTC]}]).encode())
        assert (await public.message())["code"] == BTC


async def test_a_request_may_come_in_fragments(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        text = json.dumps([{"ticket": "b"}, {"type": "ticker", "codes": [BTC]}])
        await public.websocket.send([text[:10], text[10:20], text[20:]])
        assert (await public.message())["code"] == BTC
        assert exchange.connections[0].messages_received == 1


async def test_connections_are_numbered_and_seen(exchange: EmbeddedExchange) -> None:
    async with client(exchange), client(exchange, "private"), client(exchange, "info"):
        await until(lambda: len(exchange.connections) == 3)
        assert [(view.id, view.endpoint) for view in exchange.connections] == [
            (1, "public"),
            (2, "private"),
            (3, "info"),
        ]
        assert "origin" not in exchange.connections[0].headers
    await until(lambda: len(exchange.closed_connections) == 3)
    assert {view.close_reason for view in exchange.closed_connections} == {"client close 1000"}
    assert exchange.counters.connects_accepted == 3


async def test_the_same_paths_serve_the_regional_hosts(exchange: EmbeddedExchange) -> None:
    port = exchange.port
    async with connect(
        f"ws://sg-api.upbit.com:{port}/websocket/v1", host="127.0.0.1", proxy=None, ping_interval=None
    ) as websocket:
        public = RawClient(websocket)
        await public.request({"type": "ticker", "codes": [BTC]})
        assert (await public.message())["code"] == BTC


def _left(told: Headers) -> tuple[str | None, str | None]:
    return told.get("remaining-req"), told.get("limit-by-ip")


@pytest.mark.statement("P8.6")
async def test_the_handshakes_answer_says_what_is_left_of_the_budget_for_connects(
    strict: EmbeddedExchange, hand: HandClock
) -> None:
    for left in (4, 3, 2):
        async with client(strict) as public:
            assert public.websocket.response is not None
            told = _left(public.websocket.response.headers)
            assert told == (f"group=websocket; min=300; sec={left}", "Yes")
    async with client(strict, "private") as private:  # counted for its key, not for this address
        assert private.websocket.response is not None
        assert _left(private.websocket.response.headers) == ("group=websocket; min=300; sec=4", None)
    hand.move(1.0)
    async with client(strict) as public:
        assert public.websocket.response is not None
        assert _left(public.websocket.response.headers)[0] == "group=websocket; min=300; sec=4"


async def test_with_an_origin_the_budget_is_another_one(strict: EmbeddedExchange) -> None:
    async with client(strict, additional_headers={"Origin": "https://example.net"}) as browser:
        assert browser.websocket.response is not None
        assert _left(browser.websocket.response.headers) == ("group=origin; min=6; sec=0", "Yes")


async def test_no_budget_is_told_where_none_is_kept(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        assert public.websocket.response is not None
        assert _left(public.websocket.response.headers) == (None, None)


@pytest.mark.statement("P8.8")
async def test_a_header_that_comes_twice_is_refused(exchange: EmbeddedExchange) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with client(exchange, additional_headers=[("X-Mine", "1"), ("x-mine", "1")]):
            pass
    assert refused.value.response.status_code == 400
