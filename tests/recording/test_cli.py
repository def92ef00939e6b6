"""upbit-ws-record, as it is called; captures of others; and the exchange that serves a recording."""

from __future__ import annotations

import csv
import gzip
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.server.raw import client
from tests.recording.frames import book, trade
from tests.recording.test_format import session
from tests.recording.test_replay import playing
from upbit_ws_qt.events import TradeEvent
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.exchange.recording import ReplayError, load_recording
from upbit_ws_qt.recording.captures import import_lines, rows_of, write_csv
from upbit_ws_qt.recording.cli import main
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.segments import Kind, RecordingError
from upbit_ws_qt.types import DataType


def test_what_a_recording_holds_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session(tmp_path, 30)
    assert main(["info", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "(29.9 s)" in said
    assert "300 frames of 6 streams, 0 requests, 0 frames lost" in said
    assert "24 hours of this would take" in said
    assert main(["info", str(tmp_path / "absent")]) == 1
    assert "cannot read" in capsys.readouterr().err


def test_events_are_exported_to_the_last_digit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session(tmp_path, 10)
    out = tmp_path / "trades.csv"
    assert main(["export", str(tmp_path), "--type", "trade", "--codes", "KRW-A,KRW-B", "--out", str(out)]) == 0
    rows = list(csv.DictReader(io.StringIO(out.read_text("utf-8"))))
    assert {row["code"] for row in rows} == {"KRW-A", "KRW-B"}
    assert rows[0]["trade_volume"] == "0.125"
    assert Decimal(rows[1]["trade_price"]) > 50_000_000
    assert rows[0]["received"].startswith("2023-11-14T22:30:00.1")
    since = ["--since", "2023-11-14T22:30:02+00:00", "--until", "2023-11-14T22:30:02.950+00:00"]
    assert main(["export", str(tmp_path), "--type", "orderbook", *since]) == 0
    said = capsys.readouterr()
    books = list(csv.DictReader(io.StringIO(said.out)))
    assert len(books) == 5
    assert books[0]["ask_price_1"].startswith("1")
    assert "bid_size_5" in books[0]


def test_nothing_that_fits_is_an_empty_file(tmp_path: Path) -> None:
    session(tmp_path, 2)
    file = io.StringIO()
    assert write_csv(rows_of(Recording(tmp_path), types=["ticker"]), file) == 0
    assert file.getvalue() == ""


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda at, data: {"ms": int(at * 1000), "frame": data.decode()}, "a.jsonl"),
        (lambda at, data: {"ts": at, "raw": json.loads(data), "endpoint": "public"}, "a.jsonl.gz"),
        (lambda at, data: {"time": "2023-11-14T22:13:20+00:00", "message": data.decode()}, "b.jsonl"),
        (lambda at, data: {"t": int(at * 1e9), "data": json.loads(data)}, "c.jsonl"),
    ],
)
def test_captures_of_others_are_read(tmp_path: Path, make: Any, name: str) -> None:
    frames = [(1_700_000_000.0 + number, (trade if number % 2 else book)("KRW-A", number)) for number in range(20)]
    text = "\n".join(json.dumps(make(at, data)) for at, data in frames)
    source = tmp_path / name
    if source.suffix == ".gz":
        source.write_bytes(gzip.compress(text.encode()))
    else:
        source.write_text(f'{{"recording": "somebody"}}\n\n{text}\n', encoding="utf-8")
    assert main(["import", str(source), str(tmp_path / "out")]) == 0
    read = [entry for entry in Recording(tmp_path / "out").entries() if entry.kind is Kind.RECEIVED]
    assert [json.loads(entry.data) for entry in read] == [json.loads(data) for _, data in frames]
    assert read[0].wall == pytest.approx(1_700_000_000.0)


@pytest.mark.parametrize("text", ["no json", "[1]", '{"frame": "{}"}', '{"frame": "{}", "ts": true}', '{"a": 1}'])
def test_what_is_no_capture_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(RecordingError, match=r"a\.jsonl"):
        import_lines(source, tmp_path / "out")


async def test_the_exchange_serves_a_recording_to_any_client(tmp_path: Path) -> None:
    session(tmp_path / "day", 5)
    settings = ExchangeSettings(replay=tmp_path / "day", stopped=True)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as public:
        await public.request({"type": "trade", "codes": ["KRW-A"], "is_only_realtime": True})
        await exchange.advance(10)
        first = json.loads(await public.frame())
    assert first["code"] == "KRW-A"
    assert first["sequential_id"] in {1_700_000_000_000_0000 + number for number in range(50)}


def test_the_exchange_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="holds no recording"):
        load_recording(tmp_path)


@pytest.mark.real_time
async def test_the_command_records_until_it_is_told_to_end(tmp_path: Path) -> None:
    import asyncio

    settings = ExchangeSettings(seed=5, prepare=False, markets=10, rate=200)
    async with EmbeddedExchange(settings) as exchange:
        config = tmp_path / "settings.toml"
        config.write_text(
            f'public_url = "{exchange.public_url}"\nrest_url = "{exchange.rest_url}"\n'
            f'private_url = "{exchange.private_url}"\ninfo_url = "{exchange.info_url}"\n',
            encoding="utf-8",
        )
        command = [sys.executable, "-m", "upbit_ws_qt.recording.cli", "record", str(tmp_path / "day"), "--seconds", "3"]
        command += ["--types", "trade,orderbook", "--config", str(config)]
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
        _, said = await process.communicate()
    assert process.returncode == 0, said
    kinds = {entry.stream.split(" ")[0] for entry in Recording(tmp_path / "day").entries() if entry.stream}
    assert kinds == {"trade", "orderbook"}
    assert b"0 dropped" in said


async def test_what_the_exchange_has_recorded_a_client_replays(tmp_path: Path) -> None:
    settings = ExchangeSettings(markets=3, rate=20, stopped=True, record=tmp_path / "day", prepare=False)
    async with EmbeddedExchange(settings) as exchange, client(exchange) as one, client(exchange) as two:
        for each in (one, two):
            await each.request({"type": "trade", "codes": ["KRW-BTC"]})
            await each.frame()
        await exchange.advance(60)
        sent = {json.loads(await one.frame())["sequential_id"] for _ in range(5)}
    async with playing(tmp_path / "day") as play:
        play.want(DataType.TRADE)
        await play.manager.start()
        await play.end()
        ids = [event.sequential_id for event in play.events if isinstance(event, TradeEvent)]
    assert sent <= set(ids)
    assert len(ids) == len(set(ids))


def test_the_example_hands_out_the_same_at_every_speed() -> None:
    example = Path(__file__).parents[2] / "examples" / "time_travel.py"
    done = subprocess.run([sys.executable, example], capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    recorded, slow, fast, half = done.stdout.splitlines()
    assert recorded.startswith("recorded ")
    assert slow.split(", ")[1] == fast.split(", ")[1] != half.split(", ")[1]
