"""The flight recorder: minutes come and go; what an alert, a crash or a person wants kept is kept, so much of it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.manager.conftest import config_for
from tests.recording.test_recorder import notes, want
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.recording.flight import FlightRecorder
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.segments import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from upbit_ws_qt.events import BaseWebSocketEvent

pytestmark = pytest.mark.real_time


@pytest.fixture
async def manager() -> AsyncIterator[GlobalWebSocketManager]:
    settings = ExchangeSettings(seed=5, prepare=False, markets=10, rate=200)
    async with EmbeddedExchange(settings) as exchange:
        manager = GlobalWebSocketManager(config_for(exchange))
        yield manager
        await manager.stop()


def frames(path: Path) -> int:
    return sum(entry.kind is Kind.RECEIVED for entry in Recording(path).entries())


async def test_the_last_minutes_are_kept_when_somebody_says_so(manager: GlobalWebSocketManager, tmp_path: Path) -> None:
    seen: list[BaseWebSocketEvent] = []
    flight = FlightRecorder(manager, tmp_path).start()
    want(manager, seen)
    await manager.start()
    await until(lambda: len(seen) >= 30)
    flight.mark("odd")
    kept = await flight.keep("it looked / odd")
    assert kept.name.endswith("it looked odd")
    assert frames(kept) >= 30
    assert any(note.get("text") == "odd" for note in notes(kept))
    count = len(seen)
    await until(lambda: len(seen) >= count + 20)
    again = await flight.keep("again")
    assert frames(again) > frames(kept)
    await flight.stop()
    assert flight.kept() == (kept, again)
    assert not list((tmp_path / "live").glob("*.rec"))
    assert frames(kept) >= 30


async def test_minutes_that_are_over_are_forgotten_and_old_keepings_give_way(
    manager: GlobalWebSocketManager, tmp_path: Path
) -> None:
    seen: list[BaseWebSocketEvent] = []
    flight = FlightRecorder(manager, tmp_path, minutes=2 / 60, most_kept=2).start()
    want(manager, seen)
    await manager.start()
    await until(lambda: flight.figures().segments >= 6)
    recording = Recording(tmp_path / "live")
    assert recording.segments[0].path.name != "market-000001.rec"
    for name in "abc":
        await flight.keep(name)
    assert [path.name[-1] for path in flight.kept()] == ["b", "c"]
    await flight.stop()


async def test_an_alert_keeps_them(tmp_path: Path) -> None:
    settings = ExchangeSettings(seed=5, prepare=False, markets=10, rate=200)
    async with EmbeddedExchange(settings) as exchange:
        manager = GlobalWebSocketManager(config_for(exchange, metrics_interval=0.2))
        flight = FlightRecorder(manager, tmp_path).start()
        seen: list[BaseWebSocketEvent] = []
        want(manager, seen)
        await manager.start()
        await until(lambda: len(seen) >= 10)
        await exchange.stop()  # it does not come back, and that is an alert some time
        await until(flight.kept)
        await flight.stop()
        await manager.stop()
    assert frames(flight.kept()[0]) >= 10


async def test_what_a_crash_has_left_is_kept_by_the_next_start(manager: GlobalWebSocketManager, tmp_path: Path) -> None:
    seen: list[BaseWebSocketEvent] = []
    flight = FlightRecorder(manager, tmp_path / "a").start()
    want(manager, seen)
    await manager.start()
    await until(lambda: len(seen) >= 30)
    await flight.keep("now")
    shutil.copytree(tmp_path / "a" / "live", tmp_path / "b" / "live")  # as a program that was killed leaves it
    await flight.stop()
    after = FlightRecorder(manager, tmp_path / "b").start()
    (kept,) = after.kept()
    assert kept.name.endswith("crash")
    assert frames(kept) >= 30
    await after.stop()


async def test_one_that_has_ended_leaves_nothing_that_looks_like_a_crash(
    manager: GlobalWebSocketManager, tmp_path: Path
) -> None:
    seen: list[BaseWebSocketEvent] = []
    want(manager, seen)
    flight = FlightRecorder(manager, tmp_path).start()
    await manager.start()
    await until(lambda: len(seen) > 20 and sum(len(data) for _, data in flight.latest(10**9)) > 4000)
    names = [name for name, _ in flight.latest(10**9)]
    assert all(name.startswith("market-") for name in names)
    assert flight.latest(1) == ()
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, data in flight.latest(10**9):
        (copy / name).write_bytes(data)
    assert frames(copy) > 0
    flight.end()
    flight.end()
    assert not flight.is_recording
    assert flight.latest(10**9) == ()
    assert FlightRecorder(manager, tmp_path).start().kept() == ()
