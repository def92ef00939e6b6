"""What is written is read again, to the byte and to the last bit of a time, whatever became of the file meanwhile."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recording.frames import book, trade
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.segments import (
    Entry,
    Kind,
    RecordingError,
    Segment,
    SegmentWriter,
    frame_time,
    stream_name,
)
from upbit_ws_qt.recording.writer import Limits, RecordingWriter, Standing, note_entry

if TYPE_CHECKING:
    from pathlib import Path

_numbers = itertools.count()

ENTRIES = st.lists(
    st.builds(
        Entry,
        kind=st.sampled_from(list(Kind)),
        line=st.sampled_from(["public", "info"]),
        epoch=st.integers(0, 2**32 - 1),
        at=st.floats(0, 1e9),
        data=st.binary(max_size=300),
        stale=st.booleans(),
        wall=st.just(0.0),
        stream=st.sampled_from(["", "trade KRW-BTC", "orderbook KRW-ETH 10000", "티커 원화"]),
    ).filter(lambda entry: entry.kind is not Kind.NOTE),
    min_size=1,
    max_size=40,
)


def received(at: float, data: bytes, *, line: str = "public", epoch: int = 1) -> Entry:
    return Entry(Kind.RECEIVED, line, epoch, at, data, stream=stream_name(data))


def session(folder: Path, seconds: int, *, limits: Limits = Limits(), begin: float = 1000.0) -> list[Entry]:  # noqa: B008
    """Write a recording of one frame in each tenth of a second, a chunk a second; return what is in it."""
    writer = RecordingWriter(folder, {"session": f"{begin}"}, limits)
    written: list[Entry] = []
    for second in range(seconds):
        entries = [note_entry("public", 0, begin + second, note="epoch", epoch=1)] if not second else []
        for tenth in range(10):
            number = second * 10 + tenth
            make = trade if number % 2 else book
            entries.append(received(begin + second + tenth / 10, make(f"KRW-{'ABC'[number % 3]}", number)))
        writer.write(entries, 1_700_000_000.0)
        written += entries
    writer.close()
    return written


@settings(deadline=None, max_examples=60)
@given(st.lists(ENTRIES, min_size=1, max_size=4))
def test_every_entry_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, chunks: list[list[Entry]]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"{next(_numbers)}.rec"
    writer = SegmentWriter(path, {"track": "market", "session": "s"})
    writer.begin_chapter(chunks[0], 7.0)
    for chunk in chunks:
        writer.write(chunk, 7.0)
    writer.close()
    (chapter,) = Segment(path).chapters
    read = [entry for chunk in chapter.chunks() for entry in chunk.entries()]
    expected = [*chunks[0], *(entry for chunk in chunks for entry in chunk)]
    assert [entry._replace(wall=0.0) for entry in read] == expected
    assert all(entry.wall == entry.at + 7.0 for entry in read)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**31), st.booleans())
def test_a_file_that_ends_anywhere_is_read_up_to_there(
    tmp_path_factory: pytest.TempPathFactory, cut: int, garbage: bool
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"cut-{next(_numbers)}"
    written = session(folder, 8)
    (file,) = folder.glob("*.rec")
    whole = file.read_bytes()
    (chapter,) = Segment(file).chapters
    begin = chapter.places[0].offset
    size = begin + cut % (len(whole) - begin + 1)
    file.write_bytes(whole[:size] + (b"\0uwrc garbage" * 9 if garbage else b""))
    recording = Recording(folder)
    read = [entry._replace(wall=0.0) for entry in recording.entries()]
    ends = [place.offset for place in chapter.places[1:]] + [len(whole)]
    chunks = sum(end <= size for end in ends) - 1  # the first of them is how everything stood
    assert read == written[: 10 * chunks + 1 if chunks > 0 else 0]
    assert size in (begin, *ends) or recording.torn > 0


def test_a_chunk_whose_end_was_replaced_by_as_many_bytes_is_counted_when_it_is_read(tmp_path: Path) -> None:
    written = session(tmp_path, 8)
    (file,) = tmp_path.glob("*.rec")
    (chapter,) = Segment(file).chapters
    last = chapter.places[-1]
    data = bytearray(file.read_bytes())
    data[-9:] = b"\0 damage\0"
    file.write_bytes(data)
    recording = Recording(tmp_path)
    assert recording.torn == 0  # only its header was looked at
    for _ in range(2):
        assert [entry._replace(wall=0.0) for entry in recording.entries()] == written[:-10]
        assert recording.torn == len(data) - last.offset


def test_what_is_damaged_in_the_middle_costs_its_chapter_only(tmp_path: Path) -> None:
    written = session(tmp_path, 65)
    (segment,) = Recording(tmp_path).segments
    assert len(segment.chapters) == 7
    data = bytearray(segment.path.read_bytes())
    hurt = segment.chapters[1].places[3]
    data[hurt.offset : hurt.offset + 60] = b"x" * 60
    segment.path.write_bytes(data)
    read = [entry._replace(wall=0.0) for entry in Recording(tmp_path).entries()]
    missing = [entry for entry in written if entry not in read]
    assert read == [entry for entry in written if entry not in missing]
    assert 0 < len(missing) <= 100
    assert Recording(tmp_path).torn > 0


def test_a_segment_is_followed_by_another_and_the_oldest_are_forgotten(tmp_path: Path) -> None:
    session(tmp_path, 100, limits=Limits(segment_seconds=10.0, keep_seconds=35.0))
    recording = Recording(tmp_path)
    assert recording.ends - 56 <= recording.begins <= recording.ends - 34
    assert len(recording.segments) < 10
    sizes, one = recording.size, recording.segments[0].size
    session(tmp_path, 50, limits=Limits(segment_seconds=5.0, keep_bytes=sizes // 2), begin=2000.0)
    assert Recording(tmp_path).size <= sizes // 2 + one


def test_two_runs_of_a_program_go_into_one_folder(tmp_path: Path) -> None:
    written = [*session(tmp_path, 3), *session(tmp_path, 3, begin=5000.0)]
    assert [entry._replace(wall=0.0) for entry in Recording(tmp_path).entries()] == written


def test_the_private_line_has_files_of_its_own(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path, {"session": "s"})
    entries = [
        received(1.0, trade("KRW-A", 1)),
        received(2.0, b'{"type":"myOrder","code":"KRW-A"}', line="private"),
        received(3.0, trade("KRW-A", 2)),
    ]
    writer.write(entries, 0.0)
    writer.close()
    assert sorted(path.name.partition("-")[0] for path in tmp_path.glob("*")) == ["account", "market"]
    assert [entry._replace(wall=0.0) for entry in Recording(tmp_path).entries()] == entries
    assert not any(b"myOrder" in entry.data for entry in Recording(next(tmp_path.glob("market*"))).entries())


def test_what_is_no_recording_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="holds no recording"):
        Recording(tmp_path)
    other = tmp_path / "other.rec"
    other.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(RecordingError, match="not a segment of a recording"):
        Recording(other)
    other.write_bytes(b'upbit_ws_qt recording\n{"version": 99}\n')
    with pytest.raises(RecordingError, match="version 99"):
        Recording(other)
    with pytest.raises(RecordingError, match="cannot read"):
        Recording(tmp_path / "absent.rec")


def test_a_frame_says_what_it_is_one_of() -> None:
    assert stream_name(trade("KRW-BTC", 1)) == "trade KRW-BTC"
    assert stream_name(book("KRW-BTC", 1)) == "orderbook KRW-BTC"
    assert stream_name(b'[{"ty":"orderbook","cd":"KRW-BTC","lv":10000.0}]') == "orderbook KRW-BTC 10000.0"
    assert stream_name(b'{"type": "ticker", "code": "KRW-BTC"}') == "ticker KRW-BTC"
    assert stream_name(b'{"type":"myAsset","assets":[]}') == "myAsset"
    assert stream_name(b'{"status":"UP"}') == ""
    assert stream_name(b"\xff") == ""
    assert frame_time(trade("KRW-BTC", 1, ms=1234)) == 1234
    assert frame_time(b'{"ty":"ticker","tms":99}') == 99
    assert frame_time(b"[]") == 0


def test_how_everything_stands_is_the_same_wherever_one_begins_to_read(tmp_path: Path) -> None:
    written = session(tmp_path, 65)
    recording = Recording(tmp_path)
    for place in range(1, len(written), 37):
        wall = written[place].at + 1_700_000_000.0
        by_playing = Standing()
        for entry in written[: place + 1]:
            by_playing.take(entry)
        moment = recording.moment(wall)
        assert {key: entry.data for key, entry in moment.standing.newest.items()} == {
            key: entry.data for key, entry in by_playing.newest.items()
        }
        assert moment.standing.lines == by_playing.lines
        rest = [spot.chunk.entry(spot.place)._replace(wall=0.0) for spot in moment.following]
        assert rest == written[place + 1 :]


def test_only_what_is_wanted_is_taken_out(tmp_path: Path) -> None:
    session(tmp_path, 5)
    found = [spot.chunk.entry(spot.place) for spot in Recording(tmp_path).spots(lambda name: name == "trade KRW-A")]
    assert {entry.stream for entry in found if entry.kind is Kind.RECEIVED} == {"trade KRW-A"}
    assert len(found) > 5
