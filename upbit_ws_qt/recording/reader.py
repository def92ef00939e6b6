"""Reads a recording: all of it in order, or how everything stood at one moment and what came from there on."""

from __future__ import annotations

from bisect import bisect_right
from heapq import merge
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from upbit_ws_qt.recording.segments import (
    ACCOUNT,
    LINES,
    MARKET,
    Chapter,
    Chunk,
    Entry,
    Kind,
    RecordingError,
    chapter_at,
    find_segments,
)
from upbit_ws_qt.recording.writer import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Moment", "Recording", "Spot"]

# Of a stream's frames in a chapter so many are looked at for the newest one by the exchange's time; the exchange's
# disorder is a matter of milliseconds.
_LAST_FEW = 3


_Rest = tuple[Chunk, int] | None


class Spot(NamedTuple):
    """An entry that was not taken out yet.

    Attributes:
        wall: seconds since 1970.
        chunk: where it is.
        place: which one in there.
    """

    wall: float
    chunk: Chunk
    place: int


class Moment(NamedTuple):
    """How everything stood at a moment, and what follows.

    Attributes:
        standing: lines, newest frames, and frames of lines that had not taken over.
        following: what comes after it, in order.
    """

    standing: Standing
    following: Iterator[Spot]


class Recording:
    """A recording on disk, as it was when this was made, or when `refresh` was called last.

    Args:
        path: its folder, or one segment.

    Attributes:
        path: the same.
        segments: its files, oldest first.

    Raises:
        RecordingError: there is none, or another program is needed to read it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.segments = find_segments(path)
        self._chapters: dict[str, list[Chapter]] = {}
        self._sort()

    def refresh(self) -> None:
        """Look again; somebody may be writing it."""
        self.segments = find_segments(self.path)
        self._sort()

    @property
    def begins(self) -> float:
        """Wall clock of its first entry, seconds since 1970; 0 for an empty one."""
        return min((some[0].begins for some in self._chapters.values() if some), default=0.0)

    @property
    def ends(self) -> float:
        """Wall clock of its last entry; 0 for an empty one."""
        return max((some[-1].ends for some in self._chapters.values() if some), default=0.0)

    @property
    def torn(self) -> int:
        """Bytes that cannot be read."""
        return sum(segment.torn for segment in self.segments)

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return sum(segment.size for segment in self.segments)

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in order."""
        for spot in self.spots():
            yield spot.chunk.entry(spot.place)

    def spots(self, wanted: Callable[[str], bool] | None = None) -> Iterator[Spot]:
        """Yield where all entries are, in order; of frames only those of streams that are `wanted`."""
        return _merged([_walk(_chunks(chapters), wanted) for chapters in self._chapters.values()])

    def moment(self, wall: float, wanted: Callable[[str], bool] | None = None) -> Moment:
        """Return how everything stood right after `wall`, and what follows.

        Args:
            wall: seconds since 1970; before the beginning nothing stands.
            wanted: which streams matter; the frames of others are left out. None for all.
        """
        standing = Standing()
        following: list[Iterator[Spot]] = []
        for chapters in self._chapters.values():
            if chapters:
                number = chapter_at(chapters, wall)
                chunks = chapters[number].chunks()
                begun = _stand_at(standing, chunks, wanted, wall)
                rest = _walk(chain(chunks, _chunks(chapters[number + 1 :])), wanted)
                following.append(rest if begun is None else chain(_walk_one(*begun, wanted), rest))
        return Moment(standing, _merged(following))

    def lately(self, wall: float, wanted: Callable[[str], bool]) -> Iterator[Entry]:
        """Yield the frames of some streams that came up to a moment, from the beginning of its chapter on."""
        for chapters in self._chapters.values():
            for chunk in chapters[chapter_at(chapters, wall)].chunks(wall) if chapters else ():
                for spot in _walk_one(chunk, 0, wanted):
                    if chunk.is_frame[spot.place] and spot.wall <= wall:
                        yield chunk.entry(spot.place)

    def back(self, wall: float, wanted: Callable[[str], bool]) -> Iterator[Iterator[list[Entry]]]:
        """Yield the frames of some streams up to a moment, the newest chapter first, chunk by chunk within each.

        How everything stood at the beginning of a chapter is among them, so that nothing is missing between two.
        """
        for chapters in self._chapters.values():
            for number in range(chapter_at(chapters, wall), -1, -1) if chapters else ():
                yield (_frames_of(chunk, wall, wanted) for chunk in chapters[number].chunks(wall))

    def codes(self, wall: float) -> tuple[str, ...]:
        """Return the markets that had been heard of when the chapter of a moment ended, in the order of their names."""
        found: set[str] = set()
        for chapters in self._chapters.values():
            for chunk in chapters[chapter_at(chapters, wall)].chunks() if chapters else ():
                found.update(name.split(" ")[1] for name in chunk.names if " " in name)
        return tuple(sorted(found))

    def notes(self) -> Iterator[list[Entry]]:
        """Yield what happened besides frames, chunk by chunk, with own orders; an empty list where nothing did."""
        for chapters in self._chapters.values():
            for chunk in _chunks(chapters):
                yield [] if chunk.is_snapshot else _notes_of(chunk)

    def _sort(self) -> None:
        self._chapters = {
            track: [chapter for segment in self.segments if segment.track == track for chapter in segment.chapters]
            for track in (MARKET, ACCOUNT)
        }
        if any(segment.track not in self._chapters for segment in self.segments):
            raise RecordingError(f"{self.path} has tracks that this program does not know")


def _frames_of(chunk: Chunk, wall: float, wanted: Callable[[str], bool]) -> list[Entry]:
    return [
        chunk.entry(spot.place)
        for spot in _walk_one(chunk, 0, wanted)
        if chunk.is_frame[spot.place] and spot.wall <= wall
    ]


def _notes_of(chunk: Chunk) -> list[Entry]:
    orders = {number for number, name in enumerate(chunk.names) if name.startswith("myOrder")}
    return [
        chunk.entry(place)
        for place in range(chunk.count)
        if (not chunk.is_frame[place] and chunk.kind(place) is Kind.NOTE) or chunk.streams[place] in orders
    ]


def _chunks(chapters: list[Chapter]) -> Iterator[Chunk]:
    for chapter in chapters:
        yield from chapter.chunks()


def _walk(chunks: Iterator[Chunk], wanted: Callable[[str], bool] | None) -> Iterator[Spot]:
    """Yield the entries of chunks; where a chapter begins, how everything stood is known already."""
    for chunk in chunks:
        if not chunk.is_snapshot:
            yield from _walk_one(chunk, 0, wanted)


def _walk_one(chunk: Chunk, begin: int, wanted: Callable[[str], bool] | None) -> Iterator[Spot]:
    ats, streams, names, offset, is_frame = chunk.ats, chunk.streams, chunk.names, chunk.offset, chunk.is_frame
    for place in range(begin, chunk.count):
        if wanted is None or not is_frame[place] or wanted(names[streams[place]]):
            yield Spot(ats[place] + offset, chunk, place)


def _merged(tracks: list[Iterator[Spot]]) -> Iterator[Spot]:
    if len(tracks) == 1:
        return tracks[0]
    return merge(*tracks, key=_wall_of)


def _wall_of(spot: Spot) -> float:
    return spot.wall


def _stand_at(standing: Standing, chunks: Iterator[Chunk], wanted: Callable[[str], bool] | None, wall: float) -> _Rest:
    """Take in what came up to a moment; return what follows in the chapter."""
    last_few: dict[tuple[str, int], list[tuple[Chunk, int]]] = {}
    for chunk in chunks:
        kinds, streams, names, is_frame = chunk.kinds, chunk.streams, chunk.names, chunk.is_frame
        # By a bisection: what is received at once bears one time, and the clock never goes back within a chunk.
        count = chunk.count if chunk.is_snapshot else bisect_right(chunk.ats, wall, key=chunk.offset.__add__)
        epochs = {kind: standing.epoch(LINES[kind >> 3]) for kind in set(kinds)}
        for place in range(count):
            kind = kinds[place]
            if is_frame[place] and chunk.epoch(place) <= epochs[kind]:
                name = names[streams[place]]
                if wanted is None or wanted(name):
                    # Most frames are replaced by a later one of their stream before anybody looks at them.
                    few = last_few.get((name, kind))
                    if few is None:
                        few = last_few[name, kind] = []
                    few.append((chunk, place))
            elif is_frame[place] or chunk.kind(place) is Kind.NOTE:
                _settle(standing, last_few)
                standing.take(chunk.entry(place))
                epochs = {kind: standing.epoch(LINES[kind >> 3]) for kind in set(kinds)}
        if count < chunk.count:
            _settle(standing, last_few)
            return chunk, count
    _settle(standing, last_few)
    return None


def _settle(standing: Standing, last_few: dict[tuple[str, int], list[tuple[Chunk, int]]]) -> None:
    """Take in what was put off, since an entry comes before which it has to be known."""
    for few in last_few.values():
        for chunk, place in few[-_LAST_FEW:]:
            standing.take(chunk.entry(place))
    last_few.clear()
