"""What was recorded is played again: the same events in the same order, however fast, from wherever one begins."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from tests.manager.conftest import Diary, config_for
from tests.recording.frames import book, trade
from tests.waiting import until
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.recorder import Recorder
from upbit_ws_qt.recording.replay import Replay
from upbit_ws_qt.recording.segments import Entry, Kind, RecordingError, stream_name
from upbit_ws_qt.recording.writer import RecordingWriter, note_entry
from upbit_ws_qt.routing.ordering import content_of
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

    from upbit_ws_qt.events import BaseWebSocketEvent

CODES = ("KRW-BTC", "KRW-ETH", "KRW-XRP")
WALL = 1_700_000_000.0


def told(event: BaseWebSocketEvent) -> str:
    """Everything that an event says, and how it came."""
    return json.dumps([event.to_dict(), event.epoch, event.received_at], default=str, sort_keys=True)


def digest(events: Iterable[BaseWebSocketEvent]) -> str:
    return hashlib.sha256("\n".join(map(told, events)).encode()).hexdigest()


def write(folder: Path, seconds: int = 40, *, cut_at: int | None = None) -> None:
    """Record ten frames a second of three markets by hand; the line is replaced at a second, if one is given."""
    writer = RecordingWriter(folder, {"session": "s"})
    epoch, state = 1, "connected"
    begin = [note_entry("public", 0, 100.0, note="session", session="s")]
    begin += [note_entry("public", 0, 100.0, note="epoch", epoch=1)]
    begin += [note_entry("public", 0, 100.0, note="state", state=state, cause="proved")]
    writer.write(begin, WALL - 100)
    for second in range(seconds):
        entries: list[Entry] = []
        at = 100.0 + second
        if second == cut_at:
            epoch = 2
            entries.append(note_entry("public", 0, at, note="state", state="reconnecting", cause="cut", code=1006))
            entries.append(note_entry("public", 0, at, note="epoch", epoch=2))
            gap = {"old": 1, "new": 2, "down": 0.25, "cause": "cut", "since": 5, "ranges": []}
            streams = [["trade", "KRW-BTC", ""]]
            entries.append(note_entry("public", 0, at, note="gap", streams=streams, **gap))
            entries.append(note_entry("public", 0, at, note="state", state="syncing", cause="open"))
            entries.append(note_entry("public", 0, at, note="state", state="connected", cause="proved"))
            entries.append(note_entry("public", 0, at, note="resumed", epoch=2))
        for tenth in range(10):
            number = second * 10 + tenth
            data = (trade if number % 2 else book)(CODES[number % 3], number)
            name = stream_name(data)
            entries.append(Entry(Kind.RECEIVED, "public", epoch, at + tenth / 10, data, stream=name))
        writer.write(entries, WALL - 100)
    writer.close()


class Playing:
    """A manager on a replay, with all that it handed out."""

    def __init__(self, replay: Replay, manager: GlobalWebSocketManager) -> None:
        self.replay = replay
        self.clock = replay.clock
        self.manager = manager
        self.events: list[BaseWebSocketEvent] = []
        self.diary = Diary()
        manager.add_listener(self.diary)

    def want(self, *data_types: DataType, codes: tuple[str, ...] = CODES) -> None:
        for data_type in data_types:
            self.manager.register_component(f"test {data_type}", SubscriptionSpec(data_type, codes), self.events.append)

    async def end(self) -> None:
        await until(lambda: self.clock.is_at_end and self.manager.wiring.is_settled)


@asynccontextmanager
async def playing(path: Path, speed: float = math.inf, *, paused: bool = False) -> AsyncIterator[Playing]:
    replay = Replay(path, ServiceConfig(), speed, paused=paused)
    manager = GlobalWebSocketManager(replay.config, source=replay)
    try:
        yield Playing(replay, manager)
    finally:
        await manager.stop()


async def played(path: Path, speed: float) -> list[BaseWebSocketEvent]:
    async with playing(path, speed) as play:
        play.want(DataType.TRADE, DataType.ORDERBOOK)
        await play.manager.start()
        await play.end()
        return play.events


@pytest.mark.real_time
async def test_a_session_is_played_to_the_last_byte_at_every_speed(tmp_path: Path) -> None:
    live: list[BaseWebSocketEvent] = []
    settings = ExchangeSettings(seed=5, prepare=False, markets=10, rate=400)
    async with EmbeddedExchange(settings) as exchange:
        manager = GlobalWebSocketManager(config_for(exchange))
        try:
            async with Recorder(manager, tmp_path):
                for data_type in (DataType.TRADE, DataType.ORDERBOOK):
                    spec = SubscriptionSpec(data_type, CODES)
                    manager.register_component(f"live {data_type}", spec, live.append)
                await manager.start()
                await until(lambda: len(live) > 60)
                await manager.reconnect(WebSocketType.PUBLIC)  # both lines at once for a while
                await until(lambda: len(live) > 120)
                exchange.cut()
                await until(lambda: manager.get_current_epoch(WebSocketType.PUBLIC) == 3)
                count = len(live)
                await until(lambda: len(live) > count + 40)
        finally:
            await manager.stop()
    slow = await played(tmp_path, 1.0)
    fast = await played(tmp_path, 100.0)
    fastest = await played(tmp_path, math.inf)
    assert {event.epoch for event in slow} == {1, 2, 3}
    assert digest(slow) == digest(fast) == digest(fastest)
    # And the live program was handed the very same while its line stood. What was on its way to it when the line was
    # cut, and when it stopped itself, it was not handed; a replay is.
    before = [event for event in live if event.epoch < 3]
    assert digest(before) == digest([event for event in slow if event.epoch < 3][: len(before)])
    known = {(event.type, event.code, event.timestamp) for event in slow}
    assert {(event.type, event.code, event.timestamp) for event in live[: count + 40]} <= known


async def test_lines_come_and_go_as_they_did(tmp_path: Path) -> None:
    write(tmp_path, 10, cut_at=5)
    async with playing(tmp_path) as play:
        play.want(DataType.TRADE)
        await play.manager.start()
        await play.end()
        assert play.diary.path(WebSocketType.PUBLIC)[-3:] == [
            ConnectionState.RECONNECTING,
            ConnectionState.SYNCING,
            ConnectionState.CONNECTED,
        ]
        assert [epoch for line, epoch in play.diary.epochs if line is WebSocketType.PUBLIC] == [1, 2]
        (gap,) = play.diary.gaps
        assert (gap.old, gap.new, gap.down_seconds, gap.cause, gap.since) == (1, 2, 0.25, "cut", 5)
        assert [str(stream) for stream in gap.streams] == ["trade KRW-BTC"]
        assert {event.epoch for event in play.events} == {1, 2}
        assert play.diary.told_in_task == 0
        assert play.manager.connection_state(WebSocketType.PUBLIC) is ConnectionState.CONNECTED


async def test_the_clock_stands_runs_and_goes_step_by_step(tmp_path: Path) -> None:
    write(tmp_path, 5)
    async with playing(tmp_path, 1.0, paused=True) as play:
        play.want(DataType.TRADE)
        await play.manager.start()
        await asyncio.sleep(1)
        assert (play.events, play.clock.now) == ([], play.clock.begins)
        for number in range(1, 4):
            assert play.clock.step()
            await until(lambda: len(play.events) >= number)  # noqa: B023
            await asyncio.sleep(1)
            assert len(play.events) == number
        assert play.clock.now == pytest.approx(WALL + 0.5)
        play.clock.resume()
        await asyncio.sleep(1)
        play.clock.pause()
        now = play.clock.now
        assert now == pytest.approx(WALL + 1.5, abs=0.2)
        await until(lambda: play.manager.wiring.is_drained)  # what was handed in is still handed out
        count = len(play.events)
        await asyncio.sleep(5)
        assert (len(play.events), play.clock.now) == (count, now)
        play.clock.set_speed(1000)
        play.clock.resume()
        await play.end()
        assert len(play.events) == 25
        assert not play.clock.step()
        assert play.clock.now == play.clock.ends


async def digest_at(path: Path, speed: float) -> tuple[int, str]:
    """Play a recording from end to end; return how many events that are, and what they are in one figure."""
    async with playing(path, speed) as play:
        play.want(DataType.TRADE, DataType.ORDERBOOK)
        await play.manager.start()
        async with asyncio.timeout(2 * (play.clock.ends - play.clock.begins) / min(speed, 100.0) + 60):
            while not (play.clock.is_at_end and play.manager.wiring.is_settled):
                await asyncio.sleep(0.5)
        return len(play.events), digest(play.events)


@pytest.mark.parametrize("seconds", [120, pytest.param(3600, marks=pytest.mark.soak)])
async def test_an_hour_gives_the_same_at_its_own_pace_and_a_hundred_times_as_fast(tmp_path: Path, seconds: int) -> None:
    write(tmp_path, seconds, cut_at=seconds // 2)
    slow = await digest_at(tmp_path, 1.0)
    assert slow[0] == seconds * 10
    assert await digest_at(tmp_path, 100.0) == slow


async def test_a_step_of_the_moment_before_is_not_made_after_a_seek(tmp_path: Path) -> None:
    write(tmp_path)
    async with playing(tmp_path, 1.0, paused=True) as play:
        play.want(DataType.TRADE, DataType.ORDERBOOK)
        await play.manager.start()
        await until(lambda: play.manager.connection_state(WebSocketType.PUBLIC) is ConnectionState.DISCONNECTED)
        play.clock.seek(play.clock.begins + 10)
        await until(lambda: play.replay.is_primed)
        for _ in range(50):
            play.clock.step()
        play.clock.seek(play.clock.begins + 20)
        await until(lambda: play.replay.is_primed and play.manager.wiring.is_settled)
        assert play.clock.now == play.clock.begins + 20


async def test_seeking_anywhere_is_as_playing_there(tmp_path: Path) -> None:
    write(tmp_path, 45, cut_at=22)
    everything = await played(tmp_path, math.inf)
    async with playing(tmp_path, paused=True) as play:
        play.want(DataType.TRADE, DataType.ORDERBOOK)
        await play.manager.start()
        for wall in (WALL + 30.05, WALL + 3.05, WALL + 21.95, WALL + 22.05, WALL + 44.5, WALL + 19.95, WALL + 0.15):
            await until(lambda: play.manager.wiring.is_settled or play.clock.now == play.clock.begins)
            play.events.clear()
            play.clock.pause()
            play.clock.seek(wall)
            before = [event for event in everything if WALL - 100 + event.received_at <= wall]
            newest = {(event.type, event.code): content_of(event) for event in before}
            await until(lambda: len(play.events) >= len(newest))  # noqa: B023
            assert {(event.type, event.code): content_of(event) for event in play.events} == newest
            assert all(event.is_snapshot for event in play.events)
            count = len(play.events)
            play.clock.resume()
            await play.end()
            assert digest(play.events[count:]) == digest(everything[len(before) :])


async def test_who_comes_late_is_shown_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, 30)
    async with playing(tmp_path, paused=True) as play:
        await play.manager.start()
        play.clock.seek(WALL + 20.05)
        await asyncio.sleep(1)
        play.want(DataType.ORDERBOOK)
        await until(lambda: len(play.events) == 3)
        assert {event.code for event in play.events} == set(CODES)
        spec = SubscriptionSpec(DataType.TRADE, ("KRW-BTC",))
        snapshots = await play.manager.fetch_snapshot(spec)
        assert snapshots["KRW-BTC"].timestamp == 1_700_000_000_000 + 195 * 10


async def test_what_was_not_recorded_is_told(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, {"session": "s"})
    entries = [
        note_entry("public", 0, 1.0, note="epoch", epoch=7),
        note_entry("public", 0, 1.0, note="state", state="connected", cause=""),
        note_entry("public", 0, 2.0, note="lost", count=5, since=1.5),
    ]
    writer.write(entries, WALL)
    writer.close()
    async with playing(tmp_path) as play:
        await play.manager.start()
        await play.end()
        await until(lambda: play.diary.gaps)
        assert (play.diary.gaps[0].old, play.diary.gaps[0].new) == (7, 7)
        assert str(play.diary.gaps[0].cause) == "5 frames were not recorded"


async def test_a_speed_or_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError):
        Replay(tmp_path, ServiceConfig())
    write(tmp_path, 2)
    for speed in (0.0, -1.0, 2000.0, math.nan):
        with pytest.raises(ValueError, match="speed"):
            Replay(tmp_path, ServiceConfig(), speed)
    replay = Replay(tmp_path, ServiceConfig())
    with pytest.raises(ValueError, match="speed"):
        replay.clock.set_speed(0)
    assert Recording(tmp_path).begins == replay.clock.begins
