"""The protocol sheet, statement by statement: what stands in messages, as it comes over the wire."""

from __future__ import annotations

import json
import re
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.exchange.server.raw import BTC, RawClient, client
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FIELDS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "data" / "fields.json").read_text(encoding="utf-8")
)
INNER = {
    "assets": "assets",
    "params": "indicator.params",
    "value": "indicator.value",
    "event_params": "indicator_signal.event_params",
}
FORMATS = ("DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST")
BANDS = {"type": "bollinger_bands", "params": {"period": 20, "multiplier": 2.0}}
CROSSING = {"type": "moving_average", "params": {"type": "SMA", "period": 5}, "trigger": "price_cross_above"}


def shortened(message: dict[str, Any], group: str) -> dict[str, Any]:
    """Return a message under its SIMPLE keys, those inside it too."""
    short = {field["name"]: field["simple"] for field in FIELDS[group]}
    made = {}
    for name, value in message.items():
        inner = INNER.get(name)
        if inner and isinstance(value, list):
            value = [shortened(item, inner) for item in value]
        elif inner and isinstance(value, dict):
            value = shortened(value, inner)
        made[short[name]] = value
    return made


def the_same_in_all(spoken: dict[str, Any], group: str) -> None:
    """Hold one message in the four formats against each other."""
    assert [spoken["DEFAULT"]] == spoken["JSON_LIST"]
    assert [spoken["SIMPLE"]] == spoken["SIMPLE_LIST"]
    short = shortened(spoken["DEFAULT"], group)
    assert list(short) == list(spoken["SIMPLE"])
    assert short == spoken["SIMPLE"]


@asynccontextmanager
async def in_four_formats(
    exchange: EmbeddedExchange, endpoint: str, part: dict[str, Any]
) -> AsyncIterator[dict[str, RawClient]]:
    """Four connections that want the same, one in each format."""
    async with AsyncExitStack() as stack:
        lines = {format_: await stack.enter_async_context(client(exchange, endpoint)) for format_ in FORMATS}
        for format_, line in lines.items():
            await line.request(part, format=format_)
            await line.listing(format=format_)
        yield lines


@pytest.mark.parametrize("type_", ["myOrder", "myAsset", "announcement"])
@pytest.mark.statement("P9.6", "P9.7", "P9.19", "P9.20", "P9.21")
async def test_private_types_speak_the_four_formats(exchange: EmbeddedExchange, type_: str) -> None:
    part = {"type": type_, **({"include_body": True} if type_ == "announcement" else {})}
    async with in_four_formats(exchange, "private", part) as lines:
        exchange.place_order(BTC, "BID", "limit", 1_000_000, "0.01")
        exchange.publish_announcement("제목", "notice", body="글")
        spoken = {format_: await line.message() for format_, line in lines.items()}
    the_same_in_all(spoken, type_)
    assert spoken["DEFAULT"]["stream_type"] == "REALTIME"


@pytest.mark.parametrize("type_", ["indicator", "indicator_signal"])
@pytest.mark.statement("P10.9")
async def test_info_types_shorten_the_keys_inside_too(type_: str) -> None:
    entry = CROSSING if type_ == "indicator_signal" else BANDS
    part = {"type": type_, "codes": [BTC], "timeframe": "5m", "indicators": [entry]}
    # In the market of this seed a crossing comes soon.
    settings = ExchangeSettings(seed=3, markets=1, rate=1, stopped=True, start_ms=1_790_000_000_000)
    async with (
        EmbeddedExchange(settings) as exchange,
        in_four_formats(exchange, "info", part) as lines,
    ):
        for _ in range(200):  # a signal waits for its condition
            await exchange.advance(300)
            if exchange.connections[0].frames_sent > 1:
                break
        spoken = {format_: await line.message() for format_, line in lines.items()}
    the_same_in_all(spoken, type_)
    assert spoken["DEFAULT"].get("event_params", {}) == {}
    assert ("event_params" in spoken["DEFAULT"]) == (type_ == "indicator_signal")


@pytest.mark.statement("P10.9")
async def test_simple_does_not_shorten_requests(exchange: EmbeddedExchange) -> None:
    async with client(exchange, "info") as info:
        entry = {"type": "bollinger_bands", "params": {"p": 20, "m": 2.0}}
        part = {"type": "indicator", "codes": [BTC], "timeframe": "5m", "indicators": [entry]}
        await info.request(part, format="SIMPLE")
        assert await info.error() == "INVALID_PARAM"


@pytest.mark.statement("P9.8")
async def test_dates_of_tickers_and_trades_are_spelt_differently_and_in_utc(exchange: EmbeddedExchange) -> None:
    await exchange.advance(5)
    async with client(exchange) as public:
        await public.request({"type": "ticker", "codes": [BTC]}, {"type": "trade", "codes": [BTC]})
        ticker, trade = await public.messages(2)
    assert re.fullmatch(r"\d{8}", ticker["trade_date"])
    assert re.fullmatch(r"\d{6}", ticker["trade_time"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", trade["trade_date"])
    assert re.fullmatch(r"\d\d:\d\d:\d\d", trade["trade_time"])
    for message in (ticker, trade):
        told = re.sub(r"\D", "", message["trade_date"] + message["trade_time"])
        assert told == f"{datetime.fromtimestamp(message['trade_timestamp'] // 1000, UTC):%Y%m%d%H%M%S}"


@pytest.mark.statement("P9.14")
async def test_a_snapshot_may_be_minutes_old() -> None:
    settings = ExchangeSettings(markets=20, rate=1, stopped=True, start_ms=1_790_000_000_000)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        await exchange.advance(600)
        codes = sorted(exchange.world.codes)
        await public.request({"type": "trade", "codes": codes, "is_only_snapshot": True})
        ages = [exchange.world.now_ms - message["timestamp"] for message in await public.messages(len(codes))]
        assert max(ages) > 60_000


@pytest.mark.statement("P9.10", "P9.11")
async def test_every_book_is_whole_and_a_thin_one_is_padded_with_zeros() -> None:
    settings = ExchangeSettings(rate=2000, stopped=True, prepare=False, start_ms=1_790_000_000_000)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        await public.request({"type": "orderbook", "codes": sorted(exchange.world.codes)})
        units = [unit for message in await public.messages(len(exchange.world.codes)) for unit in _units(message)]
    padded = [unit for unit in units if unit["ask_price"] == 0 or unit["bid_price"] == 0]
    assert padded
    for unit in padded:
        for side in ("ask", "bid"):
            assert (unit[f"{side}_price"] == 0) == (unit[f"{side}_size"] == 0)


def _units(message: dict[str, Any]) -> list[dict[str, Any]]:
    units: list[dict[str, Any]] = message["orderbook_units"]
    assert len(units) == 30
    return units
