"""The protocol sheet, statement by statement: what is different in Singapore, Indonesia and Thailand."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from tests.exchange.server.conftest import START_MS
from tests.exchange.server.raw import BTC, RawClient, bearer, client
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.exchange.settings import SettingsError

if TYPE_CHECKING:
    from tests.exchange.server.hand_clock import HandClock

OTHERS = ("sg", "id", "th")
FIRST = {"sg": "SGD-BTC", "id": "IDR-BTC", "th": "THB-BTC"}


def of(region: str, **changes: Any) -> ExchangeSettings:
    usual: dict[str, Any] = {"markets": 5, "stopped": True, "start_ms": START_MS, "connects_per_second": None}
    return ExchangeSettings(region=region, **{**usual, **changes})


@pytest.mark.parametrize(("region", "pairs"), [("sg", 12), ("id", 444), ("th", 270)])
def test_the_number_of_pairs(region: str, pairs: int) -> None:
    exchange = EmbeddedExchange(of(region, markets=None))
    codes = [market.market for market in exchange.world.markets]
    assert len(set(codes)) == len(codes) == pairs
    quotes = Counter(code.partition("-")[0] for code in codes)
    assert quotes.most_common(1)[0][0] == FIRST[region][:3]
    assert "KRW" not in quotes


def test_an_unknown_region_is_refused() -> None:
    with pytest.raises(SettingsError, match="kr, sg, id, th"):
        ExchangeSettings(region="jp")


@pytest.mark.statement("P11.1")
@pytest.mark.parametrize("region", OTHERS)
async def test_there_is_no_info_endpoint(region: str) -> None:
    async with EmbeddedExchange(of(region)) as exchange:
        assert exchange.info_url == ""
        with pytest.raises(InvalidStatus) as refused:
            await connect(exchange.public_url + "/info", proxy=None, additional_headers=bearer(exchange))
        assert refused.value.response.status_code == 404


@pytest.mark.statement("P11.2")
@pytest.mark.parametrize("region", OTHERS)
async def test_an_announcement_costs_the_whole_private_request(region: str) -> None:
    async with EmbeddedExchange(of(region)) as exchange, client(exchange, "private") as private:
        await private.request({"type": "myOrder"}, {"type": "announcement"})
        error = (await private.message())["error"]
        assert error == {"name": "INVALID_PARAM", "message": "type announcement is not supported."}
        assert exchange.subscribed("private") == set()


@pytest.mark.statement("P11.3", "P11.4")
async def test_in_indonesia_books_have_no_level_neither_in_requests_nor_in_frames() -> None:
    book = {"type": "orderbook", "codes": ["IDR-BTC"]}
    async with EmbeddedExchange(of("id")) as exchange:
        for fmt, key in (("DEFAULT", "level"), ("SIMPLE", "lv")):
            async with client(exchange) as public:
                await public.request(book, format=fmt)
                snapshot = await public.message()
                assert key not in snapshot
                assert len(snapshot["orderbook_units" if fmt == "DEFAULT" else "obu"]) == 30
                listing = await public.listing(format=fmt)
                assert key not in listing["result" if fmt == "DEFAULT" else "rslt"][0]
        for level in (0, 1000):
            async with client(exchange) as public:
                await public.request({**book, "level": level})
                assert (await public.message())["error"]["name"] == "WRONG_FORMAT"


@pytest.mark.parametrize("region", ["sg", "th", "kr"])
async def test_elsewhere_they_have_one(region: str) -> None:
    code = FIRST.get(region, BTC)
    async with EmbeddedExchange(of(region)) as exchange, client(exchange) as public:
        await public.request({"type": "orderbook", "codes": [code], "level": 0})
        assert (await public.message())["level"] == 0


TEXTS = [
    ("{}", "WRONG_FORMAT", "Requested using wrong format.", "Format 이 맞지 않습니다."),
    ('[{"type":"ticker","codes":["X"]}]', "NO_TICKET", "Ticket field must be contained.",
     "티켓이 존재하지 않거나, 유효하지 않습니다."),
    ('[{"ticket":"t"},{"type":"nope","codes":["X"]}]', "INVALID_PARAM", "type nope is not supported.",
     "nope 은 지원하지 않는 타입입니다."),
    ('[{"ticket":"t"},{"type":"ticker"}]', "NO_CODES", "codes field not exists.", None),
]  # fmt: skip


@pytest.mark.statement("P7.5", "P11.5")
@pytest.mark.parametrize(("request_", "name", "english", "korean"), TEXTS)
async def test_errors_are_told_in_english_and_in_korea_in_korean(
    request_: str, name: str, english: str, korean: str | None
) -> None:
    for region in ("id", "kr"):
        async with EmbeddedExchange(of(region)) as exchange, client(exchange) as public:
            await public.raw(request_)
            error = (await public.message())["error"]
            assert error["name"] == name
            if region == "id":
                assert error["message"] == english
            elif korean is not None:
                assert error["message"] == korean
            else:
                assert re.search("[가-힣]", error["message"])


@pytest.mark.statement("P7.1")
async def test_the_order_of_the_keys_of_an_error_varies() -> None:
    orders = set()
    async with EmbeddedExchange(of("kr")) as exchange:
        for _ in range(2):
            async with client(exchange) as public:
                await public.raw("{}")
                orders.add(tuple((await public.message())["error"]))
    assert orders == {("name", "message"), ("message", "name")}


@pytest.mark.statement("P7.4", "P11.6")
@pytest.mark.parametrize(("region", "soonest", "latest"), [("kr", 0.150, 0.180), ("sg", 0.603, 0.810)])
async def test_after_an_error_the_line_is_closed_as_late_as_it_was_seen(
    hand: HandClock, region: str, soonest: float, latest: float
) -> None:
    async with EmbeddedExchange(of(region), now=hand) as exchange, client(exchange) as public:
        await public.raw("{}")
        assert await public.error() == "WRONG_FORMAT"
        hand.move(soonest - 0.02)  # the pump looks every 10 ms
        await public.request({"type": "ticker", "codes": [BTC]})
        await until(lambda: exchange.connections[0].messages_received == 2)
        assert exchange.connections
        hand.move(latest - soonest + 0.02)
        with pytest.raises(ConnectionClosedOK):
            await public.frame()


@pytest.mark.statement("P11.7")
async def test_rupiahs_are_spelt_with_an_exponent() -> None:
    async with EmbeddedExchange(of("id", rate=200)) as exchange, client(exchange) as public:
        await exchange.advance(2)
        for type_, name in (("ticker", "trade_price"), ("trade", "trade_price"), ("candle.1m", "opening_price")):
            await public.request({"type": type_, "codes": ["IDR-BTC"], "is_only_snapshot": True})
            frame = await public.frame()
            found = re.search(rb'"%b":([^,}]+)' % name.encode(), frame)
            assert found is not None
            assert re.fullmatch(rb"1\.[45]\d*E9", found[1]), frame
            price = json.loads(frame, parse_float=Decimal)[name]
            assert 1_300_000_000 < price < 1_700_000_000
            assert price % 1000 == 0, "the value is exact"
        await public.request({"type": "ticker", "codes": ["IDR-BTC"], "is_only_snapshot": True}, format="SIMPLE")
        assert b"E9" not in await public.frame()


@pytest.mark.parametrize("region", OTHERS)
async def test_a_trader_of_the_country_trades_in_its_currency(region: str) -> None:
    async with EmbeddedExchange(of(region, demo=True)) as exchange, client(exchange, "private") as private:
        await private.request({"type": "myOrder"}, {"type": "myAsset"})
        await until(lambda: exchange.subscribed("private"))
        await exchange.advance(60)
        order = await private.message()
        assert order["type"] == "myOrder"
        assert order["code"].startswith(FIRST[region][:4])


async def test_the_region_can_be_told_to_raw_clients(exchange: EmbeddedExchange) -> None:
    assert exchange.region == "kr"
    async with connect(exchange.public_url, proxy=None) as websocket:
        assert await RawClient(websocket).listing()
