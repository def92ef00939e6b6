"""Writes a recording: chooses when a segment and a chapter begin, and what of the old is forgotten."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from upbit_ws_qt.recording.segments import (
    ACCOUNT,
    LINES,
    MARKET,
    SUFFIX,
    Entry,
    Kind,
    Segment,
    SegmentWriter,
    frame_time,
    number_of,
    track_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["Limits", "LineStanding", "RecordingWriter", "Standing", "note_entry"]

OVERLAP = 1.0
"""Seconds, as in routing/ordering.py: so long what a new line says of an older state is what the old one said."""
CHAPTER_SECONDS = 10.0
CHAPTER_BYTES = 48 * 1024 * 1024
MOST_STREAMS = 20_000
MOST_HELD = 50_000


class Limits(NamedTuple):
    """When what is old gives way.

    Attributes:
        segment_bytes: a segment that has become larger is followed by a new one.
        segment_seconds: one that is older is, too.
        keep_bytes: of all segments together; the oldest go first, None keeps all.
        keep_seconds: a segment whose last entry is older goes; None keeps all.
    """

    segment_bytes: int = 64 * 1024 * 1024
    segment_seconds: float = 600.0
    keep_bytes: int | None = None
    keep_seconds: float | None = None


class LineStanding(NamedTuple):
    """How a line stands.

    Attributes:
        state: of the connection, its plain name; "" where nothing was told.
        epoch: which line serves, 0 for none yet.
    """

    state: str = ""
    epoch: int = 0


def note_entry(line: str, epoch: int, at: float, /, **what: Any) -> Entry:
    """Return a note; `note` names it."""
    return Entry(Kind.NOTE, line, epoch, at, json.dumps(what, ensure_ascii=False, separators=(",", ":")).encode())


class Standing:
    """How everything stands after some entries: the lines, the newest frame of each stream, and what waits its turn.

    Which frame is the newest follows the order guard of the routing: by the exchange's time within a line, and a new
    line's word counts where it is newer, or comes later than two lines overlap. Trades have no newest state: the last
    that came is.

    Attributes:
        lines: how each line stands.
        newest: by (line, stream).
        held: frames of a line that has not taken over yet, in the order in which they came.
    """

    def __init__(self) -> None:
        self.lines: dict[str, LineStanding] = {}
        self.newest: dict[tuple[str, str], Entry] = {}
        self.held: dict[str, list[Entry]] = {}
        self._times: dict[tuple[str, str], int] = {}

    def take(self, entry: Entry) -> None:
        """Take in the next entry."""
        if entry.kind is Kind.RECEIVED:
            if entry.stale or not entry.stream:
                return
            if entry.epoch > self.epoch(entry.line):
                held = self.held.setdefault(entry.line, [])
                if len(held) < MOST_HELD:
                    held.append(entry)
                return
            self._take_frame(entry)
        elif entry.kind is Kind.NOTE:
            self._take_note(entry)

    def epoch(self, line: str) -> int:
        """Return which line serves."""
        standing = self.lines.get(line)
        return 0 if standing is None else standing.epoch

    def entries(self, at: float) -> list[Entry]:
        """Return what a chapter begins with: the lines, then the newest frames and those that wait, oldest first."""
        lines = {line: list(standing) for line, standing in self.lines.items()}
        frames = sorted(self.newest.values(), key=lambda entry: entry.at)
        held = [entry for line in LINES for entry in self.held.get(line, ())]
        return [note_entry(LINES[0], 0, at, note="lines", lines=lines), *frames, *held]

    def _take_frame(self, entry: Entry) -> None:
        key = (entry.line, entry.stream)
        before = self.newest.get(key)
        if entry.stream.startswith("trade"):
            self.newest[key] = entry
            return
        time = frame_time(entry.data)
        if before is not None:
            known = self._times[key]
            if entry.epoch == before.epoch:
                if time < known:
                    return
            elif entry.epoch < before.epoch or (time < known and entry.at <= before.at + OVERLAP):
                return
        elif len(self.newest) >= MOST_STREAMS:
            return
        self.newest[key] = entry
        self._times[key] = time

    def _take_note(self, entry: Entry) -> None:
        note = entry.note
        line = entry.line
        standing = self.lines.get(line, LineStanding())
        match note.get("note"):
            case "lines":
                self.lines = {name: LineStanding(*values) for name, values in note["lines"].items()}
            case "session":  # another run of a program: nothing of before holds
                self.lines, self.newest, self.held, self._times = {}, {}, {}, {}
            case "state":
                self.lines[line] = standing._replace(state=note["state"])
            case "epoch":
                self.lines[line] = standing._replace(epoch=note["epoch"])
                for held in self.held.pop(line, ()):
                    self.take(held)


class _Track:
    """The segments of some lines."""

    def __init__(self, folder: Path, name: str, about: Mapping[str, Any], limits: Limits) -> None:
        self._folder = folder
        self._name = name
        self._about = about
        self._limits = limits
        self._segment: SegmentWriter | None = None
        self._segment_began = 0.0
        self._chapter_began = 0.0
        self._chapter_bytes = 0
        self._standing = Standing()
        self._past = [0, 0]
        self.segments = 0

    @property
    def bytes(self) -> tuple[int, int]:
        """Bytes written, and the same before they were packed."""
        packed, raw = self._past
        segment = self._segment
        return (packed, raw) if segment is None else (packed + segment.bytes, raw + segment.raw_bytes)

    def write(self, entries: list[Entry], offset: float) -> None:
        """Append entries."""
        at = entries[0].at
        wall = at + offset
        segment = self._due(wall)
        if segment is None:
            segment = self._begin_segment(wall)
            self._begin_chapter(segment, at, wall, offset)
        elif self._chapter_is_due(wall):
            self._begin_chapter(segment, at, wall, offset)
        segment.write(entries, offset)
        self._chapter_bytes += sum(len(entry.data) for entry in entries)
        for entry in entries:
            self._standing.take(entry)

    @property
    def path(self) -> Path | None:
        """The segment that is being written."""
        return None if self._segment is None else self._segment.path

    def rotate(self) -> None:
        """End the present segment; the next entry begins another."""
        if self._segment is not None:
            self._past = list(self.bytes)
            segment, self._segment = self._segment, None
            segment.close()

    def _due(self, wall: float) -> SegmentWriter | None:
        """Return the segment to go on with, None where a new one is due."""
        segment = self._segment
        if segment is None:
            return None
        limits = self._limits
        age = wall - self._segment_began
        # A clock that was set back would else let one grow for ever.
        if segment.bytes >= limits.segment_bytes or not 0 <= age < limits.segment_seconds:
            self.rotate()
            return None
        return segment

    def _begin_segment(self, wall: float) -> SegmentWriter:
        number = 1 + max((number_of(path)[0] for path in self._folder.glob(f"*{SUFFIX}")), default=0)
        path = self._folder / f"{self._name}-{number:06}{SUFFIX}"
        segment = self._segment = SegmentWriter(path, {"track": self._name, "began": wall, **self._about})
        self._segment_began = wall
        self.segments += 1
        return segment

    def _begin_chapter(self, segment: SegmentWriter, at: float, wall: float, offset: float) -> None:
        segment.begin_chapter(self._standing.entries(at), offset)
        self._chapter_began = wall
        self._chapter_bytes = 0

    def _chapter_is_due(self, wall: float) -> bool:
        age = wall - self._chapter_began
        # While two lines overlap, what is known of one is needed to tell what the other one repeats.
        seconds = CHAPTER_SECONDS if not any(self._standing.held.values()) else 3 * CHAPTER_SECONDS
        return self._chapter_bytes >= CHAPTER_BYTES or not 0 <= age < seconds


class RecordingWriter:
    """Writes entries to a folder; for one thread at a time.

    Args:
        folder: made where it is not there; what is in it already stays, and new segments are numbered on.
        about: what each segment says of itself; "session" names this run.
        limits: when what is old gives way.

    Raises:
        OSError: the folder cannot be written to. After one that `write` raises it may be called again: what it was
            given is lost, and a new segment is begun.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], limits: Limits = Limits()) -> None:  # noqa: B008 - it cannot change
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._limits = limits
        self._ends: dict[Path, float] = {}  # wall clock of the last entry of segments that are done
        self._tracks = {name: _Track(folder, name, about, limits) for name in (MARKET, ACCOUNT)}

    @property
    def bytes(self) -> int:
        """Written so far."""
        return sum(track.bytes[0] for track in self._tracks.values())

    @property
    def raw_bytes(self) -> int:
        """The frames and notes in it, before they were packed."""
        return sum(track.bytes[1] for track in self._tracks.values())

    @property
    def segments(self) -> int:
        """Segments begun so far."""
        return sum(track.segments for track in self._tracks.values())

    def write(self, entries: Iterable[Entry], offset: float) -> None:
        """Append entries to their tracks.

        Args:
            entries: in the order in which they happened.
            offset: wall clock less loop clock, seconds.
        """
        by_track: dict[str, list[Entry]] = {}
        for entry in entries:
            by_track.setdefault(track_of(entry.line), []).append(entry)
        segments = self.segments
        for name, some in by_track.items():
            try:
                self._tracks[name].write(some, offset)
            except OSError:
                self._tracks[name].rotate()  # half a chunk may stand at its end
                raise
        if self.segments != segments:
            self.forget_old(max(entry.at for some in by_track.values() for entry in some) + offset)

    def rotate(self) -> None:
        """End the present segments; the next entry begins others."""
        for track in self._tracks.values():
            track.rotate()

    close = rotate

    def forget_old(self, wall: float) -> None:
        """Delete the segments that the limits do not let stay, the oldest first; never those that are being written.

        Args:
            wall: seconds since 1970, now.
        """
        keep_bytes, keep_seconds = self._limits.keep_bytes, self._limits.keep_seconds
        if keep_bytes is None and keep_seconds is None:
            return
        open_now = {track.path for track in self._tracks.values()}
        files = sorted(self.folder.glob(f"*{SUFFIX}"), key=number_of)
        total = sum(file.stat().st_size for file in files)
        for file in files:
            if file in open_now:
                continue
            if file not in self._ends:
                self._ends[file] = max((chapter.ends for chapter in Segment(file).chapters), default=0.0)
            too_old = keep_seconds is not None and wall - self._ends[file] > keep_seconds
            if too_old or (keep_bytes is not None and total > keep_bytes):
                size = file.stat().st_size
                with contextlib.suppress(PermissionError):  # somebody reads it, on Windows: the next time then
                    file.unlink(missing_ok=True)
                    total -= size
                    del self._ends[file]
