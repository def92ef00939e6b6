"""The same seed gives the same frames; what is recorded can be played again in every format."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.server.conftest import START_MS
from tests.exchange.server.raw import BTC, ETH, client
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.exchange.recording import RecordedFrame, ReplayError, load_recording
from upbit_ws_qt.exchange.replay import ReplayWorld
from upbit_ws_qt.exchange.simple_keys import SIMPLE_KEYS

PUBLIC = ("ticker", "trade", "orderbook", "candle.1s")


async def frames(seed: int, count: int, step: float, *, compression: str | None = None) -> list[bytes]:
    """Return the first frames that a client of everything gets, time being played in steps of `step` seconds."""
    settings = ExchangeSettings(seed=seed, markets=20, rate=2000, stopped=True, start_ms=START_MS)
    async with EmbeddedExchange(settings) as exchange, client(exchange, compression=compression) as public:
        codes = sorted(exchange.world.codes)
        await public.request(*({"type": kind, "codes": codes} for kind in PUBLIC))
        await until(lambda: exchange.counters.subscribe_requests == 1)
        while exchange.counters.frames_sent < count:
            await exchange.advance(step)
        return [await public.frame() for _ in range(count)]


async def test_the_same_seed_gives_the_same_10000_frames_byte_for_byte() -> None:
    digests = {hashlib.sha256(b"\n".join(await frames(7, 10_000, 0.5))).hexdigest() for _ in range(2)}
    assert len(digests) == 1


async def test_neither_steps_nor_compression_change_a_frame_but_the_seed_does() -> None:
    plain = await frames(7, 3000, 0.25)
    assert await frames(7, 3000, 0.07, compression="deflate") == plain
    assert await frames(8, 3000, 0.25) != plain


async def test_a_running_clock_plays_the_same_frames_as_a_stopped_one() -> None:
    settings = ExchangeSettings(seed=7, markets=20, rate=2000, start_ms=START_MS, time_scale=20, stopped=True)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        codes = sorted(exchange.world.codes)
        await public.request(*({"type": kind, "codes": codes, "is_only_realtime": True} for kind in PUBLIC))
        await until(lambda: exchange.counters.subscribe_requests == 1)
        exchange.continue_time()
        running = [await public.frame() for _ in range(1000)]
    stopped = [frame for frame in await frames(7, 10_000, 0.5) if b'"SNAPSHOT"' not in frame]
    assert stopped[:1000] == running


def test_the_simple_keys_are_those_of_the_sheet() -> None:
    path = Path(__file__).parents[2] / "data" / "fields.json"
    tables: dict[str, list[dict[str, Any]]] = json.loads(path.read_text(encoding="utf-8"))
    for name, keys in SIMPLE_KEYS.items():
        table = next(tables[each] for each in (name, f"indicator.{name}", f"indicator_signal.{name}") if each in tables)
        assert keys == {field["name"]: field["simple"] for field in table}


async def record(path: Path, format_: str) -> list[Any]:
    """Record some seconds of everything in a format and return what two clients were sent, in DEFAULT terms."""
    settings = ExchangeSettings(
        markets=3, rate=5, stopped=True, start_ms=START_MS, record=path, messages_per_second=None
    )
    async with EmbeddedExchange(settings) as exchange, client(exchange) as one, client(exchange) as two:
        for each in (one, two):
            await each.request(*({"type": kind, "codes": [BTC, ETH]} for kind in PUBLIC), format=format_)
        await until(lambda: exchange.counters.subscribe_requests == 2)
        async with client(exchange, "info") as info, client(exchange, "private") as private:
            indicators = [{"type": "rsi", "params": {"period": 14}}]
            await info.request(
                {"type": "indicator", "codes": [BTC], "timeframe": "5m", "indicators": indicators}, format=format_
            )
            await private.request({"type": "myOrder"}, {"type": "myAsset"}, {"type": "announcement"}, format=format_)
            await until(lambda: exchange.counters.subscribe_requests == 4)
            exchange.faults.inject("garbage", "public", kind="binary")
            exchange.place_order(BTC, "BID", "limit", 1_000_000, "0.01")
            exchange.publish_announcement("Title", "event")
            await exchange.advance(310)
            return [exchange.counters.frames_sent]


@pytest.mark.parametrize("format_", ["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"])
async def test_a_recording_is_played_to_any_format(tmp_path: Path, format_: str) -> None:
    path = tmp_path / "frames.jsonl"
    (count,) = await record(path, format_)
    recorded = load_recording(path)
    assert len(recorded) == count
    settings = ExchangeSettings(replay=path, stopped=True, messages_per_second=None)
    async with (
        EmbeddedExchange(settings) as exchange,
        client(exchange) as public,
        client(exchange, "info") as info,
        client(exchange, "private") as private,
    ):
        assert isinstance(exchange.world, ReplayWorld)
        assert exchange.world.frames_left_out == 2
        await public.request(*({"type": kind, "codes": [BTC, ETH], "is_only_realtime": True} for kind in PUBLIC))
        indicators = [{"type": "rsi", "params": {"period": 14.0}}]
        await info.request({"type": "indicator", "codes": [BTC], "timeframe": "5m", "indicators": indicators})
        await private.request({"type": "myOrder"}, {"type": "myAsset"}, {"type": "announcement"})
        await until(lambda: exchange.counters.subscribe_requests == 3)
        await exchange.advance(320)
        assert (await info.message())["params"] == {"period": 14}
        assert [message["type"] for message in await private.messages(3)] == ["myOrder", "myAsset", "announcement"]
        await public.request({"method": "LIST_SUBSCRIPTIONS"})
        played = []
        while "method" not in (message := await public.message()):
            played.append(message)
    mine = [frame for frame in recorded if frame.connection == 1 and b"SNAPSHOT" not in frame.frame]
    sent = [json.loads(frame.frame, parse_float=Decimal) for frame in mine if b"\xff" not in frame.frame]
    assert len(played) == len(sent) > 300
    if format_ == "DEFAULT":
        assert played == sent
    assert {message["type"] for message in played} == set(PUBLIC)


async def test_a_replay_keeps_spelling_and_depth(tmp_path: Path) -> None:
    book = b'{"type":"orderbook","code":"KRW-X","total_ask_size":1.50,"total_bid_size":6E-8,"orderbook_units":[%s],' % (
        b",".join(b'{"ask_price":%d.0,"bid_price":1.10,"ask_size":0,"bid_size":0.0}' % n for n in range(30))
    )
    frame = book + b'"timestamp":1790000000000,"level":0,"stream_type":"REALTIME"}'
    path = tmp_path / "frames.jsonl"
    header = {"recording": "upbit_ws_qt exchange frames", "version": 1, "start_ms": START_MS}
    entry = {"ms": START_MS, "connection": 1, "endpoint": "public", "frame": frame.decode()}
    path.write_text(f"{json.dumps(header)}\n{json.dumps(entry)}\n", encoding="utf-8")
    async with (
        EmbeddedExchange(ExchangeSettings(replay=path, stopped=True)) as exchange,
        client(exchange) as public,
    ):
        await public.request({"type": "orderbook", "codes": ["KRW-X", "KRW-X.1"]})
        snapshot = await public.frame()
        assert snapshot == frame.replace(b"REALTIME", b"SNAPSHOT")
        assert b"1.50" in snapshot
        assert len((await public.message())["orderbook_units"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        '{"recording":"something else"}',
        '{"recording":"upbit_ws_qt exchange frames"}\n{"ms":"x"}',
        '{"recording":"upbit_ws_qt exchange frames"}\n[]',
        '{"recording":"upbit_ws_qt exchange frames"}\n{"ms":1,"connection":1,"endpoint":"public","base64":"*"}',
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReplayError, match=str(path)) as refused:
        load_recording(path)
    assert "\n" not in str(refused.value)


async def test_what_is_not_utf8_is_recorded_too(tmp_path: Path) -> None:
    path = tmp_path / "frames.jsonl"
    settings = ExchangeSettings(markets=1, stopped=True, start_ms=START_MS, record=path)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        await public.listing()
        exchange.send_raw("public", b"\xff\xfe")
        await public.frame()
    assert load_recording(path)[-1] == RecordedFrame(START_MS, 1, "public", b"\xff\xfe")
