"""HTTP on the same port: the control path and the public REST calls."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.exchange.server.conftest import START_MS
from tests.exchange.server.raw import BTC, ETH, client
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.exchange.server.hand_clock import HandClock


async def http(
    exchange: EmbeddedExchange, target: str, method: str = "GET", body: Any = None, **headers: str
) -> tuple[int, Any, dict[str, str]]:
    """Ask once and return status, JSON and headers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    data = b"" if body is None else json.dumps(body).encode()
    lines = {"Host": f"127.0.0.1:{exchange.port}", "Content-Length": str(len(data)), "Connection": "close", **headers}
    head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(head.encode() + b"\r\n" + data)
    raw_head, _, raw_body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    status, *rest = raw_head.decode().split("\r\n")
    answered = dict(line.lower().split(": ", 1) for line in rest)
    assert int(answered["content-length"]) == len(raw_body)
    return int(status.split()[1]), json.loads(raw_body, parse_float=Decimal), answered


@pytest.fixture
async def controlled() -> AsyncIterator[EmbeddedExchange]:
    """An exchange with a control path."""
    settings = ExchangeSettings(markets=5, stopped=True, start_ms=START_MS, control=True)
    async with EmbeddedExchange(settings) as running:
        yield running


async def test_control_is_off_unless_asked_for(exchange: EmbeddedExchange) -> None:
    status, _, _ = await http(exchange, "/control/connections")
    assert status == 404


@pytest.mark.parametrize("headers", [{"Origin": "http://evil"}, {"Host": "evil.example"}, {"Host": "10.0.0.1:80"}])
async def test_control_is_for_this_machine_only(controlled: EmbeddedExchange, headers: dict[str, str]) -> None:
    status, _, _ = await http(controlled, "/control/time", "POST", {"running": True}, **headers)
    assert status == 403
    assert not controlled.clock.running


async def test_control_shows_the_oracle(controlled: EmbeddedExchange) -> None:
    async with client(controlled) as public:
        await public.request({"type": "orderbook", "codes": [BTC]})
        await public.message()
        _, (connection,), _ = await http(controlled, "/control/connections")
        assert connection["endpoint"] == "public"
        assert connection["subscriptions"][0]["codes"] == [BTC]
        assert json.loads(connection["requests"][0]["text"])[1] == {"type": "orderbook", "codes": [BTC]}
        assert (await http(controlled, "/control/subscribed/public"))[1] == [["orderbook", BTC, 0, 30]]
        counters = (await http(controlled, "/control/counters"))[1]
        assert (counters["connects_accepted"], counters["frames_sent"]) == (1, 1)
    await until(lambda: controlled.closed_connections)
    assert (await http(controlled, "/control/closed"))[1][0]["close_reason"] == "client close 1000"


async def test_control_never_shows_a_token(controlled: EmbeddedExchange) -> None:
    async with client(controlled, "private") as private:
        await private.listing()
        shown = str((await http(controlled, "/control/connections"))[1])
        assert "Bearer" not in shown
        assert "authorization" not in shown


async def test_control_moves_time_and_rate(controlled: EmbeddedExchange) -> None:
    _, time, _ = await http(controlled, "/control/time", "POST", {"advance": 2.5, "scale": 3})
    assert time == {"now_ms": START_MS + 2500, "running": False, "scale": 3}
    _, time, _ = await http(controlled, "/control/time", "POST", {"running": True})
    assert time["running"]
    assert (await http(controlled, "/control/rate", "POST", {"rate": 10}))[0] == 200
    assert controlled.world.rate == 10


async def test_control_injects_shows_and_clears_faults(controlled: EmbeddedExchange) -> None:
    body = {"name": "delay", "endpoint": "public", "options": {"seconds": 0.25}}
    status, fault, _ = await http(controlled, "/control/faults", "POST", body)
    assert (status, fault["active"]) == (200, True)
    assert [each["name"] for each in (await http(controlled, "/control/faults"))[1]] == ["delay"]
    assert (await http(controlled, f"/control/faults/{fault['id']}", "DELETE"))[1]["active"] is False
    await http(controlled, "/control/faults", "POST", {"name": "refuse"})
    await http(controlled, "/control/faults", "DELETE")
    assert controlled.faults.active == []
    assert "delay" in (await http(controlled, "/control"))[1]["faults"]


async def test_control_drives_the_account_and_announcements(controlled: EmbeddedExchange) -> None:
    async with client(controlled, "private") as private:
        await private.request({"type": "myOrder"}, {"type": "announcement"})
        await private.listing()
        order = {"code": BTC, "side": "BID", "order_type": "limit", "price": 1_000_000, "volume": "0.02"}
        _, (placed, _), _ = await http(controlled, "/control/orders", "POST", order)
        path = f"/control/orders/{placed['uuid']}"
        assert (await http(controlled, f"{path}/fill", "POST", {"volume": "0.01"}))[0] == 200
        assert (await http(controlled, f"{path}/cancel", "POST"))[0] == 200
        _, (published,), _ = await http(
            controlled, "/control/announcements", "POST", {"title": "T", "category": "event"}
        )
        await http(controlled, f"/control/announcements/{published['uuid']}", "POST", {"title": "U"})
        states = [message.get("state", message.get("title")) for message in await private.messages(5)]
        assert states == ["wait", "trade", "cancel", "T", "U"]
        assert (await http(controlled, "/control/orders"))[1][0]["state"] == "cancel"
        assert "KRW" in (await http(controlled, "/control/balances"))[1]


async def test_control_sends_hand_made_frames(controlled: EmbeddedExchange) -> None:
    async with client(controlled) as public:
        await public.listing()
        _, sent, _ = await http(controlled, "/control/frames", "POST", {"endpoint": "public", "frame": "한글 { "})
        assert sent == {"sent": 1}
        assert await public.frame() == "한글 { ".encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/control/nothing", None, 404),
        ("POST", "/control/faults", {"name": "flood"}, 400),
        ("POST", "/control/faults", {}, 400),
        ("PUT", "/control/faults", {}, 405),
        ("DELETE", "/control/faults/77", None, 404),
        ("POST", "/control/time", {"scale": 0}, 400),
        ("POST", "/control/time", {"speed": 1}, 400),
        ("POST", "/control/time", {"advance": 1e9}, 400),
        ("POST", "/control/rate", [1], 400),
        ("POST", "/control/orders", {"code": "KRW-NOTHING"}, 400),
        ("POST", "/control/orders/none/cancel", None, 400),
        ("GET", "/control/subscribed/everything", None, 400),
    ],
)
async def test_control_refuses_what_it_cannot_do(
    controlled: EmbeddedExchange, method: str, path: str, body: Any, status: int
) -> None:
    answered, error, _ = await http(controlled, path, method, body)
    assert answered == status
    assert error["error"]["message"]


@pytest.mark.statement("P12.1")
async def test_markets(exchange: EmbeddedExchange) -> None:
    status, markets, headers = await http(exchange, "/v1/market/all?isDetails=true")
    assert status == 200
    assert markets[0] == {"market": "KRW-BTC", "korean_name": "비트코인", "english_name": "Bitcoin"}
    assert {each["market"] for each in markets} == exchange.world.codes
    assert headers["remaining-req"] == "group=market; min=600; sec=9"


async def test_markets_with_details_carry_warnings_and_reasons_to_be_careful(exchange: EmbeddedExchange) -> None:
    _, markets, _ = await http(exchange, "/v1/market/all?is_details=true")
    events = {each["market"]: each["market_event"] for each in markets}
    assert events.keys() == exchange.world.codes
    names = {
        "PRICE_FLUCTUATIONS", "TRADING_VOLUME_SOARING", "DEPOSIT_AMOUNT_SOARING", "GLOBAL_PRICE_DIFFERENCES",
        "CONCENTRATION_OF_SMALL_ACCOUNTS",
    }  # fmt: skip
    assert all(event["caution"].keys() == names and event["warning"] is False for event in events.values())
    assert any(any(event["caution"].values()) for event in events.values())
    assert not any(any(event["caution"].values()) for code, event in events.items() if code == BTC)


@pytest.mark.statement("P12.3", "P12.5")
async def test_rest_tickers_and_instruments(exchange: EmbeddedExchange) -> None:
    _, tickers, _ = await http(exchange, f"/v1/ticker?markets={BTC},{ETH}")
    assert [each["market"] for each in tickers] == [BTC, ETH]
    async with client(exchange) as public:
        await public.request({"type": "ticker", "codes": [BTC]})
        assert (await public.message())["trade_price"] == tickers[0]["trade_price"]
    _, (instrument,), _ = await http(exchange, f"/v1/orderbook/instruments?markets={BTC}")
    assert {"market", "quote_currency", "tick_size", "supported_levels"} <= set(instrument)


@pytest.mark.parametrize("unit", [1, 3, 5, 10, 15, 30, 60, 240])
@pytest.mark.statement("P12.4")
async def test_candles_of_every_unit(exchange: EmbeddedExchange, unit: int) -> None:
    status, candles, _ = await http(exchange, f"/v1/candles/minutes/{unit}?market={BTC}&count=200")
    assert (status, len(candles)) == (200, 200)
    starts = [each["candle_date_time_utc"] for each in candles]
    assert starts == sorted(starts, reverse=True)
    assert {each["unit"] for each in candles} == {unit}


async def test_candles_of_a_second(exchange: EmbeddedExchange) -> None:
    status, candles, headers = await http(exchange, f"/v1/candles/seconds?market={BTC}&count=200")
    assert (status, len(candles)) == (200, 200)
    starts = [each["candle_date_time_utc"] for each in candles]
    assert starts == sorted(set(starts), reverse=True)
    assert "unit" not in candles[0]
    assert headers["remaining-req"].startswith("group=candles;")
    _, older, _ = await http(exchange, f"/v1/candles/seconds?market={BTC}&count=5&to={starts[-1]}Z")
    assert max(each["candle_date_time_utc"] for each in older) < starts[-1]


@pytest.mark.parametrize("to", ["2026-09-21T00:00:00Z", "2026-09-21 00:00:00", "2026-09-21T09:00:00+09:00"])
@pytest.mark.statement("P12.4")
async def test_candles_up_to_a_moment(exchange: EmbeddedExchange, to: str) -> None:
    _, (candle,), _ = await http(exchange, f"/v1/candles/minutes/60?market={BTC}&count=1&to={quote(to)}")
    assert candle["candle_date_time_utc"] == "2026-09-20T23:00:00"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/v1/nothing", 404),
        ("/v1/ticker", 400),
        ("/v1/ticker?markets=KRW-NOTHING", 404),
        (f"/v1/candles/minutes/7?market={BTC}", 400),
        (f"/v1/candles/minutes/0?market={BTC}", 400),
        (f"/v1/candles/seconds/1?market={BTC}", 404),
        ("/v1/candles/seconds?market=KRW-NOTHING", 404),
        (f"/v1/candles/seconds?market={BTC}&count=0", 400),
        ("/v1/candles/minutes/1?market=KRW-NOTHING", 404),
        (f"/v1/candles/minutes/1?market={BTC}&count=201", 400),
        (f"/v1/candles/minutes/1?market={BTC}&to=yesterday", 400),
    ],
)
@pytest.mark.statement("P12.6")
async def test_rest_errors(exchange: EmbeddedExchange, target: str, status: int) -> None:
    answered, error, _ = await http(exchange, target)
    assert (answered, list(error)) == (status, ["error"])


async def test_rest_serves_get_only(exchange: EmbeddedExchange) -> None:
    assert (await http(exchange, "/v1/market/all", "POST", {}))[0] == 405


@pytest.mark.statement("P12.2")
async def test_rest_is_limited_per_group(strict: EmbeddedExchange, hand: HandClock) -> None:
    statuses = [(await http(strict, "/v1/market/all"))[0] for _ in range(11)]
    assert statuses == [200] * 10 + [429]
    assert (await http(strict, f"/v1/ticker?markets={BTC}"))[0] == 200
    hand.move(1.0)
    assert (await http(strict, "/v1/market/all"))[0] == 200


async def test_rest_with_an_origin_is_served_once_in_ten_seconds(strict: EmbeddedExchange, hand: HandClock) -> None:
    assert (await http(strict, "/v1/market/all", Origin="http://x"))[0] == 200
    assert (await http(strict, "/v1/market/all", Origin="http://x"))[0] == 429
    assert (await http(strict, "/v1/market/all"))[0] == 200
    hand.move(10.0)
    assert (await http(strict, "/v1/market/all", Origin="http://x"))[0] == 200


async def test_one_connection_serves_many_requests_even_sent_at_once(exchange: EmbeddedExchange) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    writer.write(b"GET /v1/market/all HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    for _ in range(3):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        assert len(json.loads(await reader.readexactly(length))) == len(exchange.world.codes)
    writer.close()
    await writer.wait_closed()
