"""The protocol sheet, statement by statement: errors, limits, keeping the line open, numbers."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK, InvalidStatus

from tests.exchange.server.conftest import START_MS
from tests.exchange.server.hand_clock import HandClock
from tests.exchange.server.raw import BTC, bearer, client
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

TICKER = {"type": "ticker", "codes": [BTC]}
RSI = {"type": "rsi", "params": {"period": 14}}


def indicator(**changes: Any) -> dict[str, Any]:
    """Return a type object for an indicator, changed."""
    return {"type": "indicator", "codes": [BTC], "timeframe": "5m", "indicators": [RSI], **changes}


def signal(**changes: Any) -> dict[str, Any]:
    """Return an entry of `indicators` for a signal, changed."""
    return {**RSI, "trigger": "overbought", "event_params": {"threshold": 70}, **changes}


MALFORMED = [
    ("WRONG_FORMAT", "public", "not JSON"),
    ("WRONG_FORMAT", "public", "{}"),
    ("WRONG_FORMAT", "public", "[]"),
    ("WRONG_FORMAT", "public", '["ticker"]'),
    ("WRONG_FORMAT", "public", "[" * 100_000),
    ("WRONG_FORMAT", "public", '[{"ticket":"a"},{"type":"ticker","codes":"KRW-BTC"}]'),
    ("WRONG_FORMAT", "public", '[{"ticket":"a"},{"type":"ticker","codes":[1]}]'),
    ("WRONG_FORMAT", "public", '[{"ticket":"a"},{"type":"orderbook","codes":["KRW-BTC"],"level":NaN}]'),
    (
        "WRONG_FORMAT",
        "public",
        '[{"ticket":"a"},{"method":"LIST_SUBSCRIPTIONS"},{"type":"ticker","codes":["KRW-BTC"]}]',
    ),
    ("WRONG_FORMAT", "public", "ping"),
    ("WRONG_FORMAT", "private", '[{"ticket":"a"},{"type":"myAsset","codes":["KRW-BTC"]}]'),
    ("WRONG_FORMAT", "private", '[{"ticket":"a"},{"type":"myAsset","codes":[]}]'),
    ("NO_TICKET", "public", '[{"type":"ticker","codes":["KRW-BTC"]}]'),
    ("NO_TICKET", "public", '[{"ticket":""},{"type":"ticker","codes":["KRW-BTC"]}]'),
    ("NO_TICKET", "public", '[{"ticket":7},{"type":"ticker","codes":["KRW-BTC"]}]'),
    ("NO_TICKET", "public", '[{"method":"LIST_SUBSCRIPTIONS"}]'),
    ("NO_TYPE", "public", '[{"ticket":"a"}]'),
    ("NO_TYPE", "public", '[{"ticket":"a"},{"codes":["KRW-BTC"]}]'),
    ("NO_TYPE", "public", '[{"ticket":"a"},{"format":"SIMPLE"}]'),
    ("NO_CODES", "public", '[{"ticket":"a"},{"type":"ticker"}]'),
    ("NO_CODES", "public", '[{"ticket":"a"},{"type":"candle.1s","codes":null}]'),
    ("NO_CODES", "info", json.dumps([{"ticket": "a"}, {k: v for k, v in indicator().items() if k != "codes"}])),
    ("INVALID_PARAM", "public", '[{"ticket":"a"},{"type":"ticker","codes":[]}]'),
    ("INVALID_PARAM", "public", '[{"ticket":"a"},{"type":"weather","codes":["KRW-BTC"]}]'),
    ("INVALID_PARAM", "public", '[{"ticket":"a"},{"type":"ticker","codes":["KRW-BTC"]},{"format":"XML"}]'),
    ("INVALID_PARAM", "public", '[{"ticket":"a"},{"type":"ticker","codes":["KRW-BTC"],"is_only_snapshot":1}]'),
    (
        "INVALID_PARAM",
        "public",
        '[{"ticket":"a"},{"type":"ticker","codes":["KRW-BTC"],"is_only_snapshot":true,"isOnlyRealtime":true}]',
    ),
    ("INVALID_PARAM", "public", '[{"ticket":"a"},{"type":"orderbook","codes":["KRW-BTC"],"level":"10000"}]'),
    ("INVALID_PARAM", "public", '[{"ticket":"a"},{"method":"FORGET_SUBSCRIPTIONS"}]'),
    ("INVALID_PARAM", "private", '[{"ticket":"a"},{"type":"myOrder","is_only_snapshot":true}]'),
    *(
        ("INVALID_PARAM", "info", json.dumps([{"ticket": "a"}, part]))
        for part in (
            indicator(timeframe="3m"),
            indicator(timeframe=["5m"]),
            indicator(indicators=[]),
            indicator(indicators=[{"type": "rsi", "params": {"period": 15}}]),
            indicator(indicators=[{"type": "rsi", "params": [14]}]),
            indicator(indicators=[{"type": "rsi", "params": {"period": True}}]),
            indicator(indicators=[{"type": "stochastic"}]),
            indicator(type="indicator_signal"),
            indicator(type="indicator_signal", indicators=[signal(event_params={"threshold": 75})]),
            indicator(type="indicator_signal", indicators=[signal(trigger="golden_cross")]),
        )
    ),
]


@pytest.mark.parametrize(("name", "endpoint", "text"), MALFORMED)
@pytest.mark.statement("P3.1", "P3.2", "P3.4", "P3.5", "P3.6", "P3.7", "P3.21", "P7.2", "P10.3", "P10.4", "P10.6")
async def test_errors_have_their_names(exchange: EmbeddedExchange, name: str, endpoint: str, text: str) -> None:
    async with client(exchange, endpoint) as public:
        await public.raw(text)
        assert await public.error() == name
    assert exchange.counters.errors == {name: 1}


@pytest.mark.statement("P7.3", "P7.4")
async def test_after_an_error_the_line_is_closed_with_1000_after_150_to_180_ms(exchange: EmbeddedExchange) -> None:
    loop = asyncio.get_running_loop()
    async with client(exchange) as public:
        asked_at = loop.time()
        await public.request({"type": "ticker"})
        await public.error()
        with pytest.raises(ConnectionClosedOK) as closed:
            await public.frame()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000
        assert loop.time() - asked_at >= 0.15  # the far end depends on the machine
    await until(lambda: exchange.closed_connections)
    assert exchange.closed_connections[0].close_reason == "error NO_CODES"


@pytest.mark.parametrize("format_", ["SIMPLE", "JSON_LIST", "SIMPLE_LIST"])
@pytest.mark.statement("P7.1")
async def test_an_error_is_the_same_in_every_format(exchange: EmbeddedExchange, format_: str) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, format=format_)
        await public.message()
        await public.request({"type": "ticker"}, format=format_)
        message = await public.message()
        assert list(message) == ["error"]
        assert list(message["error"]) == ["name", "message"]


@pytest.mark.statement("P3.13")
async def test_the_whole_request_is_refused_never_a_part(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, {"type": "trade"})
        assert await public.error() == "NO_CODES"
        assert exchange.subscribed("public") == set()
        with pytest.raises(ConnectionClosed):
            await public.frame()


@pytest.mark.statement("P7.3")
async def test_after_an_error_every_subscription_of_the_connection_is_gone(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER)
        await public.message()
        assert exchange.subscribed("public") == {("ticker", BTC)}
        await public.request({"type": "ticker"})
        await public.error()
        with pytest.raises(ConnectionClosed):
            await public.frame()
    await until(lambda: not exchange.connections)
    assert exchange.subscribed("public") == set()


async def test_messages_after_an_error_are_ignored(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "ticker"})
        await public.request(TICKER)
        await public.error()
        with pytest.raises(ConnectionClosed):
            await public.frame()
    assert exchange.counters.errors == {"NO_CODES": 1}
    assert exchange.counters.subscribe_requests == 0


@pytest.mark.parametrize("spelling", ["2", "2.0", "2.00"])
@pytest.mark.statement("P10.5")
async def test_numbers_of_indicators_are_the_same_in_any_spelling(exchange: EmbeddedExchange, spelling: str) -> None:
    text = (
        '[{"ticket":"a"},{"type":"indicator","codes":["KRW-BTC"],"timeframe":"5m","indicators":'
        '[{"type":"bollinger_bands","params":{"period":20.0,"multiplier":%s}}]}]'
    )
    async with client(exchange, "info") as info:
        await info.raw(text % spelling)
        assert len((await info.listing())["result"]) == 1
        await info.raw(text % "2.04")
        assert await info.error() == "INVALID_PARAM"


@pytest.mark.parametrize(("codes", "kinds", "accepted"), [(10, 10, True), (101, 1, False), (34, 3, False)])
@pytest.mark.statement("P8.7")
async def test_at_most_100_indicator_combinations(codes: int, kinds: int, accepted: bool) -> None:
    settings = ExchangeSettings(stopped=True, prepare=False, messages_per_second=None)
    async with EmbeddedExchange(settings) as exchange, client(exchange, "info") as info:
        periods = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11][:kinds]
        indicators = [{"type": "rsi", "params": {"period": period}} for period in periods]
        names = sorted(code for code in exchange.world.codes if code.startswith("KRW-"))[:codes]
        half = len(names) // 2  # the sum goes over all type objects
        parts = [indicator(codes=part, indicators=indicators) for part in (names[:half], names[half:])]
        await info.request(*parts)
        if accepted:
            assert len((await info.listing())["result"]) == 2
        else:
            assert await info.error() == "TOO_MANY_REQUEST"


@pytest.mark.statement("P8.7")
async def test_the_same_combination_counts_once_and_indicators_and_signals_count_together() -> None:
    periods = (*range(2, 15), 21, 25)  # 15 of them; five are for signals too
    several = [{"type": "rsi", "params": {"period": period}} for period in periods]
    codes = [f"KRW-A{number}" for number in range(6)]
    six = indicator(codes=codes, indicators=several)  # 90
    again = indicator(codes=codes[:2], indicators=[{"type": "rsi", "params": {"period": 14.0}}])
    signals = indicator(
        type="indicator_signal",
        codes=codes[:5],
        indicators=[signal(), signal(trigger="oversold", event_params={"threshold": 30})],
    )  # 10
    one_more = indicator(type="indicator_signal", codes=["KRW-B"], indicators=[signal()])
    async with EmbeddedExchange(ExchangeSettings(markets=2, stopped=True)) as exchange:
        async with client(exchange, "info") as info:
            await info.request(six, again, signals, signals)
            assert len((await info.listing())["result"]) == 4
        async with client(exchange, "info") as info:
            await info.request(six, again, signals, one_more)
            assert await info.error() == "TOO_MANY_REQUEST"


@pytest.mark.statement("P10.3")
@pytest.mark.parametrize(
    "entry",
    [
        {"type": "rsi", "params": {"period": "14"}},
        {"type": "rsi", "params": {"period": [14]}},
        {"type": "bollinger_bands", "params": {"period": 20, "multiplier": "2.0"}},
        {"type": "macd", "params": {"fast": [12], "slow": 26, "signal_period": 9}},
    ],
)
async def test_numbers_of_indicators_as_texts_or_arrays_are_a_wrong_format(
    exchange: EmbeddedExchange, entry: dict[str, Any]
) -> None:
    async with client(exchange, "info") as info:
        await info.request(indicator(indicators=[entry]))
        assert await info.error() == "WRONG_FORMAT"
    threshold = signal(event_params={"threshold": "70"})
    async with client(exchange, "info") as info:
        await info.request(indicator(type="indicator_signal", indicators=[threshold]))
        assert await info.error() == "WRONG_FORMAT"


@pytest.mark.statement("P10.7")
async def test_indicators_exist_for_krw_markets_only() -> None:
    settings = ExchangeSettings(stopped=True, rate=20, prepare=False, start_ms=START_MS)
    async with EmbeddedExchange(settings) as exchange, client(exchange, "info") as info:
        await info.request(indicator(codes=["BTC-ETH", BTC]))
        await info.listing()
        await exchange.advance(301)
        await info.request({"method": "LIST_SUBSCRIPTIONS"})
        assert (await info.message())["code"] == BTC
        assert "method" in await info.message()


@pytest.mark.statement("P8.2")
async def test_five_messages_a_second(strict: EmbeddedExchange, hand: HandClock) -> None:
    async with client(strict) as public:
        for _ in range(3):
            hand.move(1.0)
            for _ in range(5):
                assert "method" in await public.listing()
        hand.move(0.99)
        await public.request(TICKER)
        assert await public.error() == "TOO_MANY_REQUEST"
        hand.move(0.16)
        with pytest.raises(ConnectionClosedOK):
            await public.frame()
    assert strict.counters.message_violations == strict.counters.rate_limit_violations == 1


@pytest.mark.statement("P8.2")
async def test_the_message_limit_counts_per_connection(strict: EmbeddedExchange) -> None:
    async with client(strict) as one, client(strict) as two:
        for _ in range(5):
            await one.listing()
            await two.listing()
    assert strict.counters.rate_limit_violations == 0


@pytest.mark.statement("P8.3")
async def test_a_hundred_messages_a_minute() -> None:
    settings = ExchangeSettings(markets=2, messages_per_second=None, stopped=True)
    async with EmbeddedExchange(settings, now=HandClock()) as exchange, client(exchange) as public:
        for _ in range(100):
            await public.listing()
        await public.request(TICKER)
        assert await public.error() == "TOO_MANY_REQUEST"


@pytest.mark.statement("P8.1", "P8.5")
async def test_five_connects_a_second_then_429_then_418_with_growing_blocks(strict: EmbeddedExchange) -> None:
    knocks = [connect(strict.public_url, proxy=None) for _ in range(15)]
    answers = await asyncio.gather(*knocks, return_exceptions=True)
    accepted = [answer for answer in answers if isinstance(answer, ClientConnection)]
    for websocket in accepted:
        await websocket.close()
    refused = [answer.response for answer in answers if isinstance(answer, InvalidStatus)]
    assert len(accepted) == 5
    assert len(refused) == 10
    for response in refused:
        assert json.loads(response.body or b"")["error"]["name"] == "TOO_MANY_REQUEST"
        assert not {"retry-after", "remaining-req"} & {name.lower() for name in response.headers}
    bodies = [response.body or b"" for response in refused if response.status_code == 418]
    blocks = sorted(float(re.findall(rb"\d+", body)[0]) for body in bodies)
    assert blocks == [2, 2, 2, 4, 4, 4, 8, 8], "going on dialling makes the block longer"
    assert strict.counters.connect_violations == 10
    assert strict.counters.refused_by_status == {429: 2, 418: 8}


@pytest.mark.statement("P8.1")
async def test_connects_with_a_token_count_per_key(strict: EmbeddedExchange) -> None:
    urls = [strict.private_url, strict.info_url] * 3
    knocks = [connect(url, proxy=None, additional_headers=bearer(strict)) for url in urls]
    answers = await asyncio.gather(*knocks, return_exceptions=True)
    accepted = [answer for answer in answers if isinstance(answer, ClientConnection)]
    for websocket in accepted:
        await websocket.close()
    assert len(accepted) == 5
    assert [answer.response.status_code for answer in answers if isinstance(answer, InvalidStatus)] == [429]
    async with client(strict):  # the address has its own budget
        pass


@pytest.mark.statement("P8.5")
async def test_repeated_message_violations_block_connects_too(strict: EmbeddedExchange) -> None:
    for _ in range(3):
        async with client(strict) as public:
            for _ in range(6):
                await public.request({"method": "LIST_SUBSCRIPTIONS"})
            assert await public.error() == "TOO_MANY_REQUEST"
    with pytest.raises(InvalidStatus) as refused:
        await connect(strict.public_url, proxy=None)
    assert refused.value.response.status_code == 418


@pytest.mark.statement("P8.4")
async def test_an_origin_is_served_once_in_ten_seconds(strict: EmbeddedExchange) -> None:
    async with client(strict, origin="https://upbit.com") as public:
        await public.listing()
        await public.request({"method": "LIST_SUBSCRIPTIONS"})
        assert await public.error() == "TOO_MANY_REQUEST"
    with pytest.raises(InvalidStatus) as refused:
        await connect(strict.public_url, proxy=None, origin="https://upbit.com")  # type: ignore[arg-type]
    assert refused.value.response.status_code == 429
    async with client(strict) as other:  # without Origin all is well
        await other.listing()
    assert strict.counters.connects_with_origin == 2


@pytest.mark.statement("P6.1", "P6.2")
async def test_an_idle_line_is_cut_without_a_close_frame() -> None:
    settings = ExchangeSettings(markets=2, idle_timeout=0.2, stopped=True)
    async with EmbeddedExchange(settings) as exchange:
        async with client(exchange) as public:
            with pytest.raises(ConnectionClosedError) as closed:
                await public.frame()
            assert closed.value.rcvd is None
            assert public.websocket.close_code == 1006
        await until(lambda: exchange.closed_connections)
        assert exchange.closed_connections[0].close_reason == "idle"
        assert exchange.counters.idle_closes == 1


@pytest.mark.statement("P6.1")
def test_the_idle_timeout_is_60_seconds_and_120_can_be_chosen() -> None:
    assert ExchangeSettings().idle_timeout == 60
    assert ExchangeSettings(idle_timeout=120).idle_timeout == 120


@pytest.mark.statement("P6.3", "P6.5")
async def test_pings_keep_the_line_open_and_are_answered(strict: EmbeddedExchange, hand: HandClock) -> None:
    async with client(strict) as public:
        for _ in range(5):
            hand.move(59)
            await (await public.websocket.ping())
            await a_turn_of(strict)
        assert strict.connections[0].pings_received == 5
        assert strict.counters.idle_closes == 0
        hand.move(60)
        await until(lambda: strict.counters.idle_closes == 1)


async def test_data_from_the_exchange_keeps_the_line_open(strict: EmbeddedExchange, hand: HandClock) -> None:
    async with client(strict) as public:
        await public.listing()
        for _ in range(5):
            hand.move(59)
            strict.send_raw("public", b"{}")
            assert await public.frame() == b"{}"
            await a_turn_of(strict)
        assert strict.counters.idle_closes == 0
        hand.move(60)
        await until(lambda: strict.counters.idle_closes == 1)


async def a_turn_of(exchange: EmbeddedExchange) -> None:
    """Wait until the exchange has done what is due."""
    marker = exchange.faults.inject("garbage", "info")  # there is nobody there; it is over with the next turn
    await until(lambda: not marker.active)


@pytest.mark.statement("P6.6")
async def test_ping_as_text_makes_it_send_its_status_again_and_again() -> None:
    assert ExchangeSettings().status_interval == 10
    settings = ExchangeSettings(markets=2, status_interval=0.05, stopped=True)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        await public.raw("PING")
        assert [await public.frame() for _ in range(3)] == [b'{"status":"UP"}'] * 3


@pytest.mark.statement("P6.4")
async def test_the_exchange_sends_no_pings_of_its_own(exchange: EmbeddedExchange) -> None:
    seen: list[bytes] = []
    reader, writer = await asyncio.open_connection("127.0.0.1", exchange.port)
    writer.write(
        b"GET /websocket/v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            seen.append(await reader.read(100))
    assert seen == []
    writer.close()
    await writer.wait_closed()


@pytest.mark.statement("P4.7")
async def test_a_resubscription_sends_the_last_trade_again(exchange: EmbeddedExchange) -> None:
    await exchange.advance(2)
    async with client(exchange) as public:
        ids = []
        for _ in range(2):
            await public.request({"type": "trade", "codes": [BTC]})
            ids.append((await public.message())["sequential_id"])
        assert ids[0] == ids[1]
        assert ids[0] > 2**53


@pytest.mark.statement("P9.1")
async def test_numbers_come_in_every_spelling() -> None:
    async with (
        EmbeddedExchange(
            ExchangeSettings(markets=60, stopped=True, prepare=False, rate=2000, start_ms=START_MS)
        ) as exchange,
        client(exchange) as public,
    ):
        await exchange.advance(1)
        await public.request({"type": "ticker", "codes": sorted(exchange.world.codes)})
        text = b"".join([await public.frame() for _ in exchange.world.codes])
        assert re.search(rb":\d+\.0[,}]", text)
        assert re.search(rb":\d+\.\d*0000[,}]", text)
        assert re.search(rb"\d[eE]-\d", text)


@pytest.mark.statement("P9.13")
async def test_a_quiet_market_has_a_candle_too() -> None:
    async with (
        EmbeddedExchange(
            ExchangeSettings(markets=20, stopped=True, prepare=False, rate=1, start_ms=START_MS)
        ) as exchange,
        client(exchange) as public,
    ):
        codes = sorted(exchange.world.codes)
        await public.request({"type": "candle.1s", "codes": codes})
        for _ in codes:
            assert (await public.message())["stream_type"] == "SNAPSHOT"


@pytest.mark.statement("P9.12")
async def test_candles_come_at_most_once_a_second_and_repeat_their_start(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "candle.1m", "codes": [BTC], "is_only_realtime": True})
        await public.listing()
        await exchange.advance(30)
        await public.request({"method": "LIST_SUBSCRIPTIONS"})
        candles = []
        while "method" not in (message := await public.message()):
            candles.append(message)
        assert 5 < len(candles) <= 30
        assert len({candle["candle_date_time_utc"] for candle in candles}) <= 2


@pytest.mark.statement("P8.1", "P8.2", "P8.3")
async def test_limits_are_those_of_the_sheet_by_default() -> None:
    settings = ExchangeSettings()
    assert (settings.connects_per_second, settings.messages_per_second, settings.messages_per_minute) == (5, 5, 100)
    assert settings.origin_seconds == 10
