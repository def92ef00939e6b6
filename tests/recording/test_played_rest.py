"""REST of a replay answers what the recording holds up to the moment, page by page, and refuses the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.recording.frames import book, trade
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import RestError
from upbit_ws_qt.recording.marks import MarkKind, recording_marks
from upbit_ws_qt.recording.played_rest import PlayedTransport
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.segments import Entry, Kind, stream_name
from upbit_ws_qt.recording.writer import RecordingWriter, note_entry
from upbit_ws_qt.rest import RestClient

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_700_000_000 // 60 * 60
SECONDS = 200


def candle(minute: int, second: int) -> bytes:
    """A candle as it stood in one of its seconds."""
    start = datetime.fromtimestamp(BEGIN + minute * 60, UTC)
    return (
        f'{{"type":"candle.1m","code":"KRW-BTC","candle_date_time_utc":"{start:%Y-%m-%dT%H:%M:%S}",'
        f'"candle_date_time_kst":"{start:%Y-%m-%dT%H:%M:%S}","opening_price":100.5,"high_price":{100.5 + second},'
        f'"low_price":100.5,"trade_price":{100.5 + second},"candle_acc_trade_volume":0.1234567{second % 10},'
        f'"candle_acc_trade_price":12.5,"timestamp":{(BEGIN + minute * 60 + second) * 1000},"stream_type":"REALTIME"}}'
    ).encode()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of 200 seconds: a trade, a book and a candle a second."""
    folder = tmp_path_factory.mktemp("played") / "r"
    writer = RecordingWriter(folder, {"session": "s"})
    writer.write([note_entry("public", 0, 0.0, note="epoch", epoch=1)], BEGIN)
    for second in range(SECONDS):
        frames = (trade("KRW-BTC", second), book("KRW-ETH", second), candle(second // 60, second % 60))
        entries = [Entry(Kind.RECEIVED, "public", 1, float(second), data, stream=stream_name(data)) for data in frames]
        if second == 50:
            gap: dict[str, Any] = {"old": 1, "new": 2, "down": 3.5, "cause": "cut", "since": 5, "ranges": []}
            entries.append(note_entry("public", 0, second, note="gap", streams=[], **gap))
            entries.append(note_entry("public", 0, second, note="alert", text="slow"))
            entries.append(note_entry("public", 0, second, note="lost", count=3, since=1.0))
        writer.write(entries, BEGIN)
    writer.close()
    return folder


def client(path: Path, second: float) -> RestClient:
    return RestClient(ServiceConfig(), transport=PlayedTransport(Recording(path), lambda: BEGIN + second))


async def test_trades_are_paged_back_to_the_first_one(path: Path) -> None:
    rest = client(path, 150.0)
    first = await rest.trade_page("KRW-BTC", count=100)
    second = await rest.trade_page("KRW-BTC", count=100, before=first[-1].sequential_id)
    ids = [each.sequential_id - 1_700_000_000_000_0000 for each in (*first, *second)]
    assert ids == list(range(150, -1, -1))
    assert await rest.trade_page("KRW-BTC", before=second[-1].sequential_id) == ()
    assert first[0].trade_price == Decimal(50_000_150)
    assert await rest.trade_page("KRW-ETH") == ()


async def test_candles_are_as_they_stood_at_the_moment(path: Path) -> None:
    rest = client(path, 150.0)
    candles = await rest.candles("KRW-BTC", "1m")
    assert [each.start.timestamp() - BEGIN for each in candles] == [120, 60, 0]
    assert [each.trade_price for each in candles] == [Decimal("130.5"), Decimal("159.5"), Decimal("159.5")]
    assert candles[0].candle_acc_trade_volume == Decimal("0.12345670")
    older = await rest.candles("KRW-BTC", "1m", candles[0].start, 1)
    assert older == candles[1:2]
    assert await rest.candles("KRW-BTC", "5m") == ()


async def test_what_was_not_recorded_is_refused(path: Path) -> None:
    rest = client(path, 150.0)
    assert [each.market for each in await rest.markets()] == ["KRW-BTC", "KRW-ETH"]
    for question in (rest.candles("KRW-BTC", "days"), rest.orderbook("KRW-BTC"), rest.instruments("KRW-BTC")):
        with pytest.raises(RestError, match="not in the recording"):
            await question
    await rest.close()
    with pytest.raises(RestError):
        await rest.markets()


def test_what_happened_is_listed_with_its_time(path: Path) -> None:
    found = [mark for marks in recording_marks(path) for mark in marks]
    assert [(mark.at - BEGIN, mark.kind, mark.down) for mark in found] == [
        (50.0, MarkKind.GAP, 3.5), (50.0, MarkKind.ALERT, 0.0), (50.0, MarkKind.LOST, 0.0),
    ]  # fmt: skip
    assert [str(mark.text) for mark in found] == ["public: a new line, cut", "slow", "3 frames were not recorded"]
