"""Whatever was recorded: to set the clock to a moment is as good as to have played up to there."""

from __future__ import annotations

import asyncio
import itertools
import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recording.frames import book, trade
from tests.recording.test_replay import WALL, digest, played, playing
from tests.waiting import until
from upbit_ws_qt.recording.segments import Entry, Kind, stream_name
from upbit_ws_qt.recording.writer import RecordingWriter, note_entry
from upbit_ws_qt.routing.ordering import content_of
from upbit_ws_qt.types import DataType

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real_time
_folders = itertools.count()

CODES = ("KRW-BTC", "KRW-ETH")
# What comes next: after how many tenths of a second, of which market, a trade or a book, how far its time is out of
# order (milliseconds), and what became of the line just before: it was cut, or another one was opened beside it, which
# takes over three frames later.
STEP = st.tuples(
    st.sampled_from([0, 1, 1, 2, 90]),
    st.sampled_from(CODES),
    st.booleans(),
    st.sampled_from([0, 0, 0, -15, -25]),
    st.sampled_from([""] * 10 + ["cut", "renewed"]),
)
Step = tuple[int, str, bool, int, str]


def write(folder: Path, steps: list[Step]) -> None:
    writer = RecordingWriter(folder, {"session": "s"})
    epoch, tenths = 1, 0
    entries = [
        note_entry("public", 0, 100.0, note="epoch", epoch=1),
        note_entry("public", 0, 100.0, note="state", state="connected", cause="proved"),
    ]
    overlap = 0
    for number, (pause, code, is_trade, disorder, fate) in enumerate(steps):
        tenths += pause
        at = 100.0 + tenths / 10
        if fate == "renewed" and not overlap:
            overlap = 4
        if fate == "cut" and not overlap:
            epoch += 1
            entries.append(note_entry("public", 0, at, note="state", state="reconnecting", cause="cut"))
            entries.append(note_entry("public", 0, at, note="epoch", epoch=epoch))
            entries.append(note_entry("public", 0, at, note="state", state="connected", cause="proved"))
        data = (trade if is_trade else book)(code, number, ms=1_700_000_000_000 + number * 10 + disorder)
        entries.append(Entry(Kind.RECEIVED, "public", epoch, at, data, stream=stream_name(data)))
        if overlap:
            entries.append(Entry(Kind.RECEIVED, "public", epoch + 1, at, data, stream=stream_name(data)))
            overlap -= 1
            if not overlap:
                epoch += 1
                entries.append(note_entry("public", 0, at, note="epoch", epoch=epoch))
        if number % 5 == 4:
            writer.write(entries, WALL - 100)
            entries = []
    writer.write(entries, WALL - 100)
    writer.close()


async def check(folder: Path, wall: float) -> None:
    everything = await played(folder, math.inf)
    before = [event for event in everything if event.received_at + (WALL - 100) <= wall]
    newest = {(event.type, event.code): content_of(event) for event in before}
    async with playing(folder, paused=True) as play:
        play.want(DataType.TRADE, DataType.ORDERBOOK)
        await play.manager.start()
        await until(lambda: play.replay.is_primed)
        play.clock.seek(wall)
        await until(lambda: play.replay.is_primed and play.manager.wiring.is_drained)
        assert {(event.type, event.code): content_of(event) for event in play.events} == newest
        assert len(play.events) == len(newest)
        play.events.clear()
        play.clock.resume()
        await until(lambda: play.clock.is_at_end and play.manager.wiring.is_drained)
        assert digest(play.events) == digest(everything[len(before) :])


@settings(deadline=None, max_examples=12)
@given(st.lists(STEP, min_size=3, max_size=60), st.floats(0, 1))
def test_seeking_anywhere_equals_playing_there(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], share: float
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"seek-{next(_folders)}"
    write(folder, steps)
    length = sum(step[0] for step in steps) / 10
    asyncio.run(check(folder, WALL + 0.05 + length * share))


@pytest.mark.soak
@settings(deadline=None, max_examples=500)
@given(st.lists(STEP, min_size=3, max_size=300), st.floats(0, 1))
def test_seeking_anywhere_equals_playing_there_for_long(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], share: float
) -> None:
    test_seeking_anywhere_equals_playing_there.hypothesis.inner_test(tmp_path_factory, steps, share)  # type: ignore[attr-defined]


def test_trades_that_two_lines_bring_are_handed_out_once(tmp_path: Path) -> None:
    steps: list[Step] = [(1, "KRW-BTC", True, 0, "renewed" if number == 5 else "") for number in range(12)]
    write(tmp_path, steps)
    for tenths in (6, 7, 8):  # the second line brings what the first has brought, and has not taken over
        asyncio.run(check(tmp_path, WALL + 0.05 + tenths / 10))


def test_books_of_one_millisecond_that_two_lines_bring_are_handed_out_once(tmp_path: Path) -> None:
    # The last two books before the second line takes over bear one time; what comes after them are trades.
    steps: list[Step] = [
        (1, "KRW-BTC", number in (6, 7), -25 if number % 2 else -15, "renewed" if number == 4 else "")
        for number in range(12)
    ]
    write(tmp_path, steps)
    for tenths in (5, 6, 7, 8):
        asyncio.run(check(tmp_path, WALL + 0.05 + tenths / 10))
