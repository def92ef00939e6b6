"""The recorder writes what came on the lines, costs nobody anything, and survives the end of its program."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.manager.conftest import config_for
from tests.waiting import until
from upbit_ws_qt.errors import ConfigurationError, WebSocketError
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager, ManagerListener
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.recorder import Recorder
from upbit_ws_qt.recording.segments import Entry, Kind
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import ConnectionState, DataType, WebSocketType
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


pytestmark = pytest.mark.real_time  # the writer is a thread

CODES = ("KRW-BTC", "KRW-ETH")


@pytest.fixture
async def exchange() -> AsyncIterator[EmbeddedExchange]:
    async with EmbeddedExchange(ExchangeSettings(seed=5, prepare=False, markets=10, rate=200)) as exchange:
        yield exchange


@pytest.fixture
async def manager(exchange: EmbeddedExchange) -> AsyncIterator[GlobalWebSocketManager]:
    manager = GlobalWebSocketManager(config_for(exchange))
    yield manager
    await manager.stop()


def want(manager: GlobalWebSocketManager, seen: list[BaseWebSocketEvent]) -> None:
    for data_type in (DataType.TRADE, DataType.ORDERBOOK):
        manager.register_component(f"test {data_type}", SubscriptionSpec(data_type, CODES), seen.append)


def frames(path: Path) -> list[Entry]:
    return [entry for entry in Recording(path).entries() if entry.kind is Kind.RECEIVED]


def notes(path: Path) -> list[dict[str, Any]]:
    return [entry.note for entry in Recording(path).entries() if entry.kind is Kind.NOTE]


async def test_every_frame_is_there_with_its_time_and_epoch(manager: GlobalWebSocketManager, tmp_path: Path) -> None:
    seen: list[BaseWebSocketEvent] = []
    async with Recorder(manager, tmp_path) as recorder:
        want(manager, seen)
        await manager.start()
        await until(lambda: len(seen) >= 50)
        await manager.reconnect(WebSocketType.PUBLIC)
        count = len(seen)
        await until(lambda: len(seen) >= count + 30)
    await until(lambda: len(seen) > count + 40)  # what comes after the end is not recorded
    assert recorder.figures().dropped == 0
    assert recorder.figures().waiting_bytes == 0
    assert recorder.figures().frames == len(frames(tmp_path))
    by_time = {(entry.at, entry.epoch) for entry in frames(tmp_path)}
    assert {(event.received_at, event.epoch) for event in seen[: count + 30]} <= by_time
    data = [message for entry in frames(tmp_path) for message in decode(entry.data)]
    known = {(e.type, e.code, e.timestamp) for e in data if isinstance(e, BaseWebSocketEvent)}
    assert {(e.type, e.code, e.timestamp) for e in seen[: count + 30]} <= known
    assert {entry.epoch for entry in frames(tmp_path)} == {1, 2}
    asked = [entry.data for entry in Recording(tmp_path).entries() if entry.kind is Kind.SENT]
    assert any(b"orderbook" in data and b"KRW-ETH" in data for data in asked)
    told = [(note["note"], note.get("epoch") or note.get("state") or note.get("new")) for note in notes(tmp_path)]
    assert told[0][0] == "session"
    assert told[-1][0] == "end"
    assert [what for what in told if what[0] == "gap"] == [("gap", 2)]
    assert ("epoch", 2) in told
    assert ("state", "connected") in told
    assert [what for what in told if what[0] == "resumed"] == [("resumed", 1), ("resumed", 2)]


async def test_own_orders_are_left_out_unless_asked_for(
    exchange: EmbeddedExchange, manager: GlobalWebSocketManager, tmp_path: Path
) -> None:
    orders: list[BaseWebSocketEvent] = []
    manager.register_component("orders", SubscriptionSpec(DataType.MY_ORDER, ()), orders.append)
    async with Recorder(manager, tmp_path / "without"), Recorder(manager, tmp_path / "with", private=True):
        await manager.start()
        await until(lambda: manager.connection_state(WebSocketType.PRIVATE) is ConnectionState.CONNECTED)
        exchange.order("KRW-BTC", "BID", price="1000", volume="10")
        exchange.order("KRW-BTC", "BID", price="1000", volume="11")
        await until(lambda: len(orders) >= 2)
    assert not any(entry.line == "private" for entry in Recording(tmp_path / "without").entries())
    found = [entry for entry in frames(tmp_path / "with") if entry.line == "private"]
    assert len(found) >= 2
    for segment in Recording(tmp_path / "with").segments:
        private = any(entry.line == "private" for entry in Recording(segment.path).entries())
        assert private is (segment.track == "account")
        assert segment.path.name.startswith(segment.track)
    assert not any(exchange.secret_key.encode() in entry.data for entry in Recording(tmp_path / "with").entries())


async def test_it_ends_with_the_service_and_is_whole_then(manager: GlobalWebSocketManager, tmp_path: Path) -> None:
    seen: list[BaseWebSocketEvent] = []
    recorder = Recorder(manager, tmp_path).start()
    want(manager, seen)
    await manager.start()
    await until(lambda: len(seen) >= 5)
    await manager.stop()
    await until(lambda: not recorder.is_recording)
    await recorder.stop()
    assert notes(tmp_path)[-1] == {"note": "end"}
    assert recorder.figures().waiting_bytes == 0


async def test_what_the_queue_has_no_room_for_is_counted_and_told(
    manager: GlobalWebSocketManager, tmp_path: Path
) -> None:
    errors: list[WebSocketError] = []

    class Listener(ManagerListener):
        def on_error(self, error: WebSocketError) -> None:
            errors.append(error)

    manager.add_listener(Listener())
    seen: list[BaseWebSocketEvent] = []
    async with Recorder(manager, tmp_path, queue_bytes=20_000) as recorder:
        want(manager, seen)
        await manager.start()
        await until(lambda: recorder.figures().dropped > 0)
        dropped = recorder.figures().dropped
        # The disk comes after, and what follows is recorded again.
        await until(lambda: recorder.figures().frames > 200)
    lost = [note for note in notes(tmp_path) if note["note"] == "lost"]
    assert sum(note["count"] for note in lost) == recorder.figures().dropped >= dropped
    assert any("loses frames" in str(error) for error in errors)


async def test_a_disk_that_refuses_is_told_and_tried_again(
    manager: GlobalWebSocketManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = os.write, [True]

    def write(file: int, data: bytes) -> int:
        if full[0] and len(data) > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    monkeypatch.setattr("upbit_ws_qt.recording.recorder.TRY_AGAIN_AFTER", 0.01)
    seen: list[BaseWebSocketEvent] = []
    async with Recorder(manager, tmp_path) as recorder:
        monkeypatch.setattr("upbit_ws_qt.recording.segments.os.write", write)
        want(manager, seen)
        await manager.start()
        await until(lambda: recorder.figures().trouble)
        assert "No space left" in recorder.figures().trouble
        full[0] = False
        await until(lambda: not recorder.figures().trouble)
        count = len(seen)
        await until(lambda: len(seen) > count + 20)
    assert recorder.figures().dropped > 0
    assert len(frames(tmp_path)) == recorder.figures().frames - recorder.figures().dropped + _requests_lost(
        tmp_path, recorder
    )


def _requests_lost(path: Path, recorder: Recorder) -> int:
    kept = sum(entry.kind is Kind.SENT for entry in Recording(path).entries())
    return recorder.figures().requests - kept


async def test_something_can_be_done_behind_what_is_noted(manager: GlobalWebSocketManager, tmp_path: Path) -> None:
    async with Recorder(manager, tmp_path) as recorder:
        recorder.mark("here", price="5")
        there: list[str] = []

        def look() -> None:
            there.extend(note["text"] for note in notes(tmp_path) if note["note"] == "mark")

        await recorder.rotate(look)
        assert there == ["here"]

        def fail() -> None:
            raise OSError(errno.EACCES, "no")

        with pytest.raises(OSError, match="no"):
            await recorder.rotate(fail)


async def test_limits_that_cannot_work_are_refused(manager: GlobalWebSocketManager, tmp_path: Path) -> None:
    for name in ("keep_bytes", "keep_seconds", "segment_bytes", "segment_seconds", "queue_bytes"):
        with pytest.raises(ConfigurationError, match=name):
            Recorder(manager, tmp_path, **cast("Any", {name: 0}))
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match="file"):
        Recorder(manager, blocked).start()


VICTIM = """
import asyncio, sys
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.recording.recorder import Recorder
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import DataType

async def main():
    async with EmbeddedExchange(ExchangeSettings(seed=5, prepare=False, markets=10, rate=300)) as exchange:
        manager = GlobalWebSocketManager(ServiceConfig.testing(exchange))
        recorder = Recorder(manager, sys.argv[1], segment_bytes=20_000).start()
        codes = tuple(exchange.world.codes)
        told = [0]
        def on_event(event):
            told[0] += 1
            sys.stdout.write(f"{event.received_at!r} {recorder.figures().bytes}\\n")
            sys.stdout.flush()
        for data_type in (DataType.TRADE, DataType.ORDERBOOK, DataType.TICKER):
            manager.register_component(data_type.value, SubscriptionSpec(data_type, codes), on_event)
        await manager.start()
        await asyncio.Event().wait()

asyncio.run(main())
"""


def kill_while_recording(folder: Path, chance: random.Random) -> None:
    """Start a program that records, kill it some time later, and look at what is left."""
    process = subprocess.Popen(
        [sys.executable, "-c", VICTIM, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    heard: list[float] = []
    written = 0
    goal = chance.randint(2, 1500)
    for line in process.stdout:
        heard.append(float(line.split()[0]))
        written = int(line.split()[1])
        if len(heard) >= goal:
            break
    time.sleep(chance.random() * 0.3)  # any moment, also in the middle of a write
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().split(b"\n")[:-1]
    process.stdout.close()
    process.wait()
    heard += [float(line.split()[0]) for line in rest]
    written = int(rest[-1].split()[1]) if rest else written
    if not list(folder.glob("*.rec")):
        assert not written
        return
    recording = Recording(folder)  # opens, each file of it
    read = [entry.at for entry in recording.entries() if entry.kind is Kind.RECEIVED]
    # What was written is there and can be read: all but the chunk in the middle of which it was killed.
    assert recording.size - recording.torn >= written
    assert set(read) >= {at for at in heard if at <= max(read, default=0.0)}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.parametrize("seed", range(3))
def test_a_program_that_is_killed_leaves_a_recording_that_can_be_read(tmp_path: Path, seed: int) -> None:
    kill_while_recording(tmp_path, random.Random(seed))


@pytest.mark.soak
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_hundred_programs_that_are_killed_leave_recordings_that_can_be_read(tmp_path: Path) -> None:
    for seed in range(100):
        kill_while_recording(tmp_path / str(seed), random.Random(1000 + seed))


async def test_two_recorders_and_a_trace_see_the_same(manager: GlobalWebSocketManager, tmp_path: Path) -> None:
    seen: list[BaseWebSocketEvent] = []
    async with Recorder(manager, tmp_path / "a"), Recorder(manager, tmp_path / "b"):
        trace = manager.wiring.traces.open()
        want(manager, seen)
        await manager.start()
        await until(lambda: len(seen) > 40)
        manager.wiring.traces.remove_tap(print)  # nobody knows it
        trace.close()
    a, b = frames(tmp_path / "a"), frames(tmp_path / "b")
    shorter = min(len(a), len(b))
    assert [(entry.at, entry.data) for entry in a[:shorter]] == [(entry.at, entry.data) for entry in b[:shorter]]
    assert trace.count > 20
    await asyncio.sleep(0)
