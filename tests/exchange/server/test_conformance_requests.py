"""The protocol sheet, statement by statement: requests, replacement, listings, formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.server.raw import BTC, ETH, RawClient, client
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

FIELDS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "fields.json").read_text(encoding="utf-8")
)
TICKER = {"type": "ticker", "codes": [BTC]}
LISTED = {"type": "ticker", "codes": [BTC]}


async def codes_of(public: RawClient, count: int) -> list[tuple[str, str, str]]:
    """Return type, code and stream type of the next messages."""
    return [(m["type"], m["code"], m["stream_type"]) for m in await public.messages(count)]


async def realtime_only(exchange: EmbeddedExchange, public: RawClient, seconds: float = 3) -> list[Any]:
    """Play some time, once the exchange has taken the last request, and return what comes of it."""
    await until(lambda: exchange.counters.messages_received == public.sent)
    await exchange.advance(seconds)
    await public.request({"method": "LIST_SUBSCRIPTIONS"}, ticket="end of play")
    messages: list[Any] = []
    while True:
        message = await public.message()
        if "method" in message:
            return messages
        messages.append(message)


def supported_level(exchange: EmbeddedExchange) -> int:
    """Return a level, other than 0, that KRW-BTC's book can be grouped by."""
    (instrument,) = exchange.world.orderbook_instruments([BTC])
    levels: Any = instrument["supported_levels"]
    return int(levels[1])


async def test_the_ticket_may_stand_elsewhere(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.raw(json.dumps([TICKER, {"ticket": "late"}]))
        assert (await public.message())["code"] == BTC
        assert exchange.connections[0].ticket == "late"


@pytest.mark.statement("P3.3")
async def test_the_ticket_does_not_keep_subscriptions_apart(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, ticket="one")
        await public.request({"type": "trade", "codes": [ETH]}, ticket="two")
        assert (await public.listing())["result"] == [{"type": "trade", "codes": [ETH]}]


@pytest.mark.statement("P3.9")
async def test_a_type_may_stand_in_several_objects(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, {"type": "ticker", "codes": [ETH]})
        assert await codes_of(public, 2) == [("ticker", BTC, "SNAPSHOT"), ("ticker", ETH, "SNAPSHOT")]
        assert exchange.subscribed("public") == {("ticker", BTC), ("ticker", ETH)}


@pytest.mark.parametrize("place", [1, 2])
@pytest.mark.statement("P3.10")
async def test_the_format_may_stand_last_or_second(exchange: EmbeddedExchange, place: int) -> None:
    parts: list[dict[str, Any]] = [{"ticket": "f"}, TICKER]
    parts.insert(place, {"format": "SIMPLE"})
    async with client(exchange) as public:
        await public.raw(json.dumps(parts))
        assert (await public.message())["cd"] == BTC


@pytest.mark.statement("P3.11")
async def test_default_when_the_format_is_absent(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, format="SIMPLE")
        await public.message()
        await public.request(TICKER)
        assert (await public.message())["code"] == BTC


@pytest.mark.parametrize("type_", ["ticker", "trade", "orderbook", "candle.1s"])
@pytest.mark.statement("P9.2", "P9.3", "P9.4", "P9.5", "P9.6", "P9.7", "P9.16")
async def test_the_four_formats(exchange: EmbeddedExchange, type_: str) -> None:
    table = FIELDS[type_.partition(".")[0]]
    spoken: dict[str, Any] = {}
    await exchange.advance(2)
    async with client(exchange) as public:
        for format_ in ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"):
            await public.request({"type": type_, "codes": [BTC], "is_only_snapshot": True}, format=format_)
            spoken[format_] = await public.message()
    assert list(spoken["DEFAULT"]) == [field["name"] for field in table]
    assert list(spoken["SIMPLE"]) == [field["simple"] for field in table]
    assert [spoken["DEFAULT"]] == spoken["JSON_LIST"]
    assert [spoken["SIMPLE"]] == spoken["SIMPLE_LIST"]
    short = {field["name"]: field["simple"] for field in [*table, *FIELDS["orderbook_units"]]}
    assert _renamed(spoken["DEFAULT"], short) == spoken["SIMPLE"]


def _renamed(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {names[key]: _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value


@pytest.mark.parametrize(
    ("code", "units"),
    [("KRW-BTC", 30), ("KRW-BTC.1", 1), ("KRW-BTC.5", 5), ("KRW-BTC.15", 15), ("KRW-BTC.30", 30), ("KRW-BTC.7", 30)],
)
@pytest.mark.statement("P3.16")
async def test_orderbook_depth(exchange: EmbeddedExchange, code: str, units: int) -> None:
    async with client(exchange) as public:
        await public.request({"type": "orderbook", "codes": [code]})
        message = await public.message()
        assert message["code"] == BTC, "the reply's code is the bare pair"
        assert len(message["orderbook_units"]) == units
        await exchange.advance(2)
        assert len((await public.message())["orderbook_units"]) == units


@pytest.mark.statement("P3.17")
async def test_orderbook_level_of_krw_markets(exchange: EmbeddedExchange) -> None:
    level = supported_level(exchange)
    async with client(exchange) as public:
        await public.request({"type": "orderbook", "codes": [BTC], "level": level})
        message = await public.message()
        assert message["level"] == level
        assert all(unit["bid_price"] % level == 0 for unit in message["orderbook_units"])


@pytest.mark.statement("P3.9", "P3.17")
async def test_orderbooks_of_several_levels_in_one_request(exchange: EmbeddedExchange) -> None:
    level = supported_level(exchange)
    async with client(exchange) as public:
        await public.request(
            {"type": "orderbook", "codes": [BTC]}, {"type": "orderbook", "codes": [BTC], "level": level}
        )
        assert [message["level"] for message in await public.messages(2)] == [0, level]
        await exchange.advance(1)
        assert [message["level"] for message in await public.messages(2)] == [0, level]
        rows = (await public.listing())["result"]
        assert [row["level"] for row in rows] == [0, level]
        assert exchange.subscribed("public") == {("orderbook", BTC, 0, 30), ("orderbook", BTC, level, 30)}


@pytest.mark.statement("P3.18")
async def test_an_unsupported_level_gives_no_data_and_no_error(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "orderbook", "codes": [BTC], "level": 12345}, TICKER)
        assert {kind for kind, _, _ in await codes_of(public, 1)} == {"ticker"}
        assert {message["type"] for message in await realtime_only(exchange, public)} == {"ticker"}


@pytest.mark.statement("P3.18")
async def test_a_level_of_a_btc_market_gives_no_data() -> None:
    settings = ExchangeSettings(stopped=True, prepare=False, rate=2000)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        await public.request({"type": "orderbook", "codes": ["BTC-ETH"], "level": 1})
        await public.nothing_before_listing()
        await public.request({"type": "orderbook", "codes": ["BTC-ETH"]})
        assert (await public.message())["code"] == "BTC-ETH"


@pytest.mark.statement("P3.19")
async def test_there_is_no_positive_acknowledgement(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "ticker", "codes": [BTC], "is_only_realtime": True})
        await public.nothing_before_listing()


@pytest.mark.statement("P4.3")
async def test_without_flags_one_snapshot_per_code_then_realtime(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "trade", "codes": [BTC, ETH]})
        assert await codes_of(public, 2) == [("trade", BTC, "SNAPSHOT"), ("trade", ETH, "SNAPSHOT")]
        assert {message["stream_type"] for message in await realtime_only(exchange, public)} == {"REALTIME"}


@pytest.mark.parametrize("flag", ["is_only_snapshot", "isOnlySnapshot"])
@pytest.mark.statement("P4.4", "P3.12")
async def test_only_snapshot(exchange: EmbeddedExchange, flag: str) -> None:
    async with client(exchange) as public:
        await public.request({**TICKER, flag: True})
        assert await codes_of(public, 1) == [("ticker", BTC, "SNAPSHOT")]
        assert await realtime_only(exchange, public) == []
        assert exchange.subscribed("public") == set()
        assert exchange.connections[0].subscriptions[0]["only_snapshot"] is True


@pytest.mark.parametrize("flag", ["is_only_realtime", "isOnlyRealtime"])
@pytest.mark.statement("P4.5", "P3.12")
async def test_only_realtime(exchange: EmbeddedExchange, flag: str) -> None:
    async with client(exchange) as public:
        await public.request({**TICKER, flag: True})
        messages = await realtime_only(exchange, public)
        assert messages
        assert {message["stream_type"] for message in messages} == {"REALTIME"}


@pytest.mark.statement("P4.6")
async def test_private_and_info_types_send_no_snapshot(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "private") as private:
        await private.request({"type": "myOrder"}, {"type": "myAsset"}, {"type": "announcement"})
        await private.nothing_before_listing()
    async with client(exchange, "info") as info:
        indicators = [{"type": "rsi", "params": {"period": 14}}]
        await info.request({"type": "indicator", "codes": [BTC], "timeframe": "5m", "indicators": indicators})
        await info.nothing_before_listing()


@pytest.mark.statement("P4.1")
async def test_a_new_request_replaces_everything_across_types(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, {"type": "trade", "codes": [BTC]}, {"type": "orderbook", "codes": [ETH]})
        await public.messages(3)
        await public.request({"type": "ticker", "codes": [ETH]})
        assert await codes_of(public, 1) == [("ticker", ETH, "SNAPSHOT")]
        await exchange.advance(1)  # the residual frames' time
        await public.listing()
        assert {(m["type"], m["code"]) for m in await realtime_only(exchange, public, 8)} == {("ticker", ETH)}
        assert exchange.subscribed("public") == {("ticker", ETH)}


@pytest.mark.statement("P4.2")
async def test_at_most_two_residual_frames_of_a_dropped_stream(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "orderbook", "codes": sorted(exchange.world.codes), "is_only_realtime": True})
        await exchange.advance(1)
        await public.listing()
        await public.request({"type": "candle.240m", "codes": ["KRW-NOTHING"]})
        messages = await realtime_only(exchange, public)
        assert len(messages) == 2
        assert {message["type"] for message in messages} == {"orderbook"}
        assert exchange.counters.residual_frames == 2


async def test_no_residual_frame_of_a_stream_that_was_kept(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "ticker", "codes": [BTC], "is_only_realtime": True})
        await public.request({"type": "ticker", "codes": [BTC, ETH], "is_only_realtime": True})
        await realtime_only(exchange, public)
        assert exchange.counters.residual_frames == 0


@pytest.mark.parametrize("bad", ["KRW-NOTHING", "krw-btc", "KRWBTC", "", "한글", "KRW-BTC.foo"])
@pytest.mark.statement("P3.14")
async def test_an_unknown_or_lower_case_code_is_no_error(exchange: EmbeddedExchange, bad: str) -> None:
    async with client(exchange) as public:
        await public.request({"type": "ticker", "codes": [bad, BTC]}, {"type": "orderbook", "codes": [bad]})
        assert await codes_of(public, 1) == [("ticker", BTC, "SNAPSHOT")]
        assert {message["code"] for message in await realtime_only(exchange, public)} == {BTC}


async def test_a_duplicate_code_is_served_once(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "trade", "codes": [BTC, BTC, ETH, BTC]})
        assert await codes_of(public, 2) == [("trade", BTC, "SNAPSHOT"), ("trade", ETH, "SNAPSHOT")]
        ids = [(m["code"], m["sequential_id"]) for m in await realtime_only(exchange, public)]
        assert len(ids) == len(set(ids)) > 0


@pytest.mark.statement("P3.20")
async def test_855_codes_in_one_request_are_served() -> None:
    async with EmbeddedExchange(ExchangeSettings(markets=50, stopped=True)) as exchange, client(exchange) as public:
        real = sorted(exchange.world.codes)
        codes = real + [f"KRW-{number:04}" for number in range(855 - len(real))]
        await public.request({"type": "ticker", "codes": codes})
        assert [code for _, code, _ in await codes_of(public, len(real))] == real


@pytest.mark.statement("P5.1", "P5.2")
async def test_listing_shows_what_is_subscribed(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, {"type": "orderbook", "codes": ["KRW-ETH.15", "KRW-NOTHING"]})
        assert await public.listing(ticket="my own") == {
            "method": "LIST_SUBSCRIPTIONS",
            "result": [LISTED, {"type": "orderbook", "codes": ["KRW-ETH.15", "KRW-NOTHING"], "level": 0}],
            "ticket": "my own",
        }


@pytest.mark.statement("P5.6")
async def test_listing_speaks_the_four_formats(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER)
        long = {"method": "LIST_SUBSCRIPTIONS", "result": [LISTED], "ticket": "l"}
        short = {"mthd": "LIST_SUBSCRIPTIONS", "rslt": [{"ty": "ticker", "cds": [BTC]}], "tckt": "l"}
        assert await public.listing("JSON_LIST") == [long]
        assert await public.listing("SIMPLE") == short
        assert await public.listing("SIMPLE_LIST") == [short]


@pytest.mark.statement("P5.3")
async def test_listing_of_info_types_carries_timeframe_and_indicators(exchange: EmbeddedExchange) -> None:
    indicators = [
        {"type": "bollinger_bands", "params": {"period": 20, "multiplier": 2.0}, "trigger": "price_cross_above",
         "event_params": {}},
    ]  # fmt: skip
    part = {"type": "indicator_signal", "codes": [BTC], "timeframe": "1d", "indicators": indicators}
    async with client(exchange, "info") as info:
        await info.request(part)
        assert (await info.listing())["result"] == [part]


@pytest.mark.statement("P5.4")
async def test_listing_flips_the_format_of_the_running_streams(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request(TICKER, format="SIMPLE")
        assert "cd" in await public.message()
        await public.listing(format=None)  # DEFAULT when absent
        await exchange.advance(3)
        assert "code" in await public.message()
        await public.listing(format="SIMPLE_LIST")
        await exchange.advance(3)
        while not isinstance(message := await public.message(), list):
            continue
        assert "cd" in message[0]
        assert exchange.connections[0].format == "SIMPLE_LIST"
        assert exchange.subscribed("public") == {("ticker", BTC)}, "it changes nothing but the format"


@pytest.mark.statement("P5.5")
async def test_listing_counts_as_a_message_of_the_rate_limit(strict: EmbeddedExchange) -> None:
    async with client(strict) as public:
        for _ in range(6):
            await public.request({"method": "LIST_SUBSCRIPTIONS"})
        assert await public.error() == "TOO_MANY_REQUEST"


@pytest.mark.statement("P3.8", "P9.18")
async def test_my_order_without_codes_means_every_market(exchange: EmbeddedExchange) -> None:
    for part in ({"type": "myOrder"}, {"type": "myOrder", "codes": []}):
        async with client(exchange, "private") as private:
            await private.request(part)
            await private.listing()
            exchange.place_order(ETH, "BID", "limit", 1_000_000, "0.01")
            assert (await private.message())["code"] == ETH


@pytest.mark.statement("P3.8")
async def test_my_order_with_codes_means_these(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "private") as private:
        await private.request({"type": "myOrder", "codes": [BTC]})
        await private.listing()
        exchange.place_order(ETH, "BID", "limit", 1_000_000, "0.01")
        exchange.place_order(BTC, "BID", "limit", 1_000_000, "0.01")
        assert (await private.message())["code"] == BTC


async def test_all_orders_and_one_code_give_each_order_once(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "private") as private:
        await private.request({"type": "myOrder"}, {"type": "myOrder", "codes": [BTC]})
        await private.listing()
        exchange.place_order(BTC, "BID", "limit", 1_000_000, "0.01")
        assert (await private.message())["type"] == "myOrder"
        await private.nothing_before_listing()


@pytest.mark.statement("P9.21")
async def test_announcements_by_category_with_and_without_body(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "private") as some, client(exchange, "private") as full:
        await some.request({"type": "announcement", "categories": ["event"]})
        await full.request({"type": "announcement", "include_body": True})
        await until(lambda: exchange.counters.subscribe_requests == 2)
        exchange.publish_announcement("A", "notice", body="text")
        (change,) = exchange.publish_announcement("B", "event", body=None)
        exchange.update_announcement(change.uuid, title="C")
        first, second = await some.messages(2)
        assert [first["title"], second["title"]] == ["B", "C"]
        assert [first["event_type"], second["event_type"]] == ["CREATED", "UPDATED"]
        assert "body" not in first
        assert [message["body"] for message in await full.messages(3)] == ["text", None, None]


async def test_the_table_of_a_connection_tells_everything(exchange: EmbeddedExchange) -> None:
    async with client(exchange) as public:
        await public.request({"type": "orderbook", "codes": ["KRW-ETH.5", "KRW-BTC.5"], "is_only_realtime": True})
        await public.listing()
        (view,) = exchange.connections
        assert view.subscriptions == [
            {
                "type": "orderbook",
                "codes": ("KRW-BTC.5", "KRW-ETH.5"),
                "level": 0,
                "depth": 5,
                "timeframe": None,
                "indicators": [],
                "only_snapshot": False,
                "only_realtime": True,
            }
        ]
        assert [json.loads(raw)[0]["ticket"] for _, raw in view.requests] == ["t", "l"]
        assert view.messages_received == 2
        assert view.frames_sent == 1
