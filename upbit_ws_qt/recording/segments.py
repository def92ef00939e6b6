"""The format of a recording: segments that are only appended to, readable whatever became of their writer.

A recording is a folder. Each of its files, a segment, belongs to one track ("market": the public and the info line;
"account": the private one) and begins with two lines of text: what it is, and a JSON object about it. Chunks follow,
each written at once: a header of fixed size, then compressed entries. A chunk is lost whole or not at all; a file that
ends in the middle of one was cut off there, and what stands before it can be read.

About every 10 s a chapter begins: its first chunk holds the newest frame of each stream and how the lines stand, so
that any moment is reached by reading one chapter. The chunks of a chapter share one compressor, whose window of 8 MB
still knows what each market looked like a second ago; nothing refers beyond its chapter. The headers of the chunks are
the index: an hour has some thousand of them, found by skipping from one to the next.
"""

from __future__ import annotations

import json
import os
import re
import struct
import sys
from array import array
from bisect import bisect_right
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "ACCOUNT",
    "LINES",
    "MARKET",
    "SUFFIX",
    "Chapter",
    "Chunk",
    "Entry",
    "Kind",
    "RecordingError",
    "Segment",
    "SegmentWriter",
    "chapter_at",
    "find_segments",
    "frame_time",
    "number_of",
    "stream_name",
    "track_of",
]

MARKET, ACCOUNT = "market", "account"
LINES = ("public", "private", "info")
SUFFIX = ".rec"
VERSION = 1

_FIRST_LINE = b"upbit_ws_qt recording\n"
_LONGEST_LINE = 1 << 16
# Mark, flags, checksum of what follows, bytes packed and unpacked, wall clock of the first and the last entry.
_HEADER = struct.Struct("<4sIIIIdd")
_MARK = b"uwrc"
_CHAPTER, _SNAPSHOT = 1, 2
_BODY = struct.Struct("<IId")  # entries, bytes of new streams' names, wall clock less loop clock
_LARGEST_BODY = 1 << 30  # a header that says more is damage
_LEVEL = 3  # of zstandard; 6 packs a fifth tighter and takes twice the time
_WINDOW_LOG = 23
_STALE = 4
_IS_FRAME = bytes(not value & 7 for value in range(256))  # by an entry's kind byte
_NAME = re.compile(rb'\[?\s*\{\s*"(?:type|ty)"\s*:\s*"([\w.]{1,40})"(?:\s*,\s*"(?:code|cd)"\s*:\s*"([^"\\]{1,60})")?')
_BOOK_LEVEL = re.compile(rb'"(?:level|lv)"\s*:\s*([\d.eE+-]{1,30})')
_INDICATOR = re.compile(rb'"(?:timeframe|tf)".{1,400}?"(?:value|v|candle_date_time_utc|cdttmu)"', re.DOTALL)
_TIME = re.compile(rb'"(?:timestamp|tms)"\s*:\s*(\d{1,16})')
_TAIL = 160
_NUMBER = re.compile(r"-(\d{6,})\.rec$")


class RecordingError(ValueError):
    """A file or folder that is no recording, or cannot be read; one line that names it."""


class Kind(IntEnum):
    """What an entry is."""

    RECEIVED = 0
    """A frame, as it came."""
    SENT = 1
    """A request, as it went."""
    NOTE = 2
    """What happened besides: a JSON object, its "note" says what."""


_KINDS = tuple(Kind)


class Entry(NamedTuple):
    """One thing that was recorded.

    Attributes:
        kind: what it is.
        line: "public", "private" or "info".
        epoch: which line to that endpoint it came on.
        at: when, loop clock of the recording program, seconds.
        data: the frame, the request, or a note's JSON.
        stale: a frame of a line that had been replaced already.
        wall: when, seconds since 1970.
        stream: what the frame is one of, see `stream_name`; "" for what is no frame.
    """

    kind: Kind
    line: str
    epoch: int
    at: float
    data: bytes
    stale: bool = False
    wall: float = 0.0
    stream: str = ""

    @property
    def note(self) -> dict[str, Any]:
        """What a note says."""
        value = json.loads(self.data)
        return value if isinstance(value, dict) else {}


def stream_name(data: bytes) -> str:
    """Return what a frame is one of: type, market and variant ("orderbook KRW-BTC"); "" where it does not say.

    Found without decoding the frame; an order book of level 0 has no variant, one of another its level.
    """
    found = _NAME.match(data)
    if found is None:
        return ""
    name = found[1].decode()
    if found[2] is not None:
        name += " " + found[2].decode("utf-8", "replace")
    if name.startswith("orderbook"):
        levels = _BOOK_LEVEL.findall(data, max(0, len(data) - _TAIL)) or _BOOK_LEVEL.findall(data)
        if levels and float(levels[-1] or 0):
            name += " " + levels[-1].decode()
    elif name.startswith("indicator"):
        several = _INDICATOR.search(data)
        if several is not None:
            name += f" {crc32(several[0]):08x}"
    return name


def frame_time(data: bytes) -> int:
    """Return a frame's exchange time in milliseconds, 0 where it says none."""
    found = _TIME.findall(data, max(0, len(data) - _TAIL)) or _TIME.findall(data)
    return int(found[-1]) if found else 0


def track_of(line: str) -> str:
    """Return which track a line is recorded in."""
    return ACCOUNT if line == "private" else MARKET


def _packed_array(values: array[Any]) -> bytes:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()


def _unpacked_array(code: str, data: bytes | memoryview) -> array[Any]:
    values: array[Any] = array(code)
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _zstandard() -> Any:
    try:
        import zstandard  # when something is recorded or read, and not before
    except ModuleNotFoundError as error:
        raise RecordingError("recordings need zstandard: pip install zstandard") from error
    return zstandard


class SegmentWriter:
    """Writes one segment; a file of that name must not be there.

    Args:
        path: of the new file.
        about: what its second line says besides the version.

    Attributes:
        bytes: written so far.
        raw_bytes: the same before they were packed.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        self.bytes = 0
        self.raw_bytes = 0
        self._packer: Any = None
        self._streams: dict[str, int] = {}
        self._write(_FIRST_LINE + json.dumps({"version": VERSION, **about}).encode() + b"\n")

    def begin_chapter(self, entries: Sequence[Entry], offset: float) -> None:
        """Begin a chapter with how everything stands: notes, and the newest frame of each stream."""
        zstandard = _zstandard()
        parameters = zstandard.ZstdCompressionParameters.from_level(_LEVEL, window_log=_WINDOW_LOG)
        self._packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
        self._streams = {}
        self._chunk(entries, offset, _CHAPTER | _SNAPSHOT)

    def write(self, entries: Sequence[Entry], offset: float) -> None:
        """Append entries to the chapter, in one write.

        Args:
            entries: in the order in which they happened.
            offset: wall clock less loop clock, seconds.
        """
        if entries:
            self._chunk(entries, offset, 0)

    def sync(self) -> None:
        """Have what was written survive a loss of power, too."""
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file; idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _chunk(self, entries: Sequence[Entry], offset: float, flags: int) -> None:
        body = self._body(entries, offset)
        flush = _zstandard().COMPRESSOBJ_FLUSH_BLOCK
        packed: bytes = self._packer.compress(body) + self._packer.flush(flush)
        ats = [entry.at for entry in entries] or [0.0]
        rest = _HEADER.pack(_MARK, flags, crc32(packed), len(packed), len(body), min(ats) + offset, max(ats) + offset)
        self.raw_bytes += sum(len(entry.data) for entry in entries)
        self._write(rest + packed)

    def _body(self, entries: Sequence[Entry], offset: float) -> bytes:
        streams, known = array("I"), self._streams
        new: list[str] = []
        for entry in entries:
            number = known.get(entry.stream)
            if number is None:
                number = known[entry.stream] = len(known)
                new.append(entry.stream)
            streams.append(number)
        kinds = bytes([entry.kind | entry.stale << 2 | LINES.index(entry.line) << 3 for entry in entries])
        # The bits of a double that grows grow too: their differences are small, and give back the very same number.
        bits = _unpacked_array("q", _packed_array(array("d", [entry.at for entry in entries])))
        steps = array("q", [now - before for now, before in zip(bits, (0, *bits), strict=False)])
        names = json.dumps(new, ensure_ascii=False).encode() if new else b""
        # Frames of one stream side by side: they differ in a few digits.
        order = sorted(range(len(entries)), key=streams.__getitem__)
        return b"".join(
            (
                _BODY.pack(len(entries), len(names), offset),
                kinds,
                _packed_array(array("I", [entry.epoch for entry in entries])),
                _packed_array(array("I", [len(entry.data) for entry in entries])),
                _packed_array(streams),
                _packed_array(steps),
                names,
                *(entries[place].data for place in order),
            )
        )

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._file, view)
            self.bytes += written
            view = view[written:]


class Chunk:
    """The entries of one chunk, taken out one by one.

    Attributes:
        count: how many there are.
        is_snapshot: whether it says how everything stood at the beginning of its chapter.
        offset: wall clock less loop clock, seconds.
        ats: loop clock of each.
        streams: number of each one's stream.
        names: of the streams by number; those of the whole chapter so far.
        kinds: kind, staleness and line of each, see `line` and `kind`.
        is_frame: of each whether it is a frame that came, on a line that had not been replaced.
    """

    __slots__ = (
        "_body",
        "_epochs",
        "_lengths",
        "_places",
        "ats",
        "count",
        "is_frame",
        "is_snapshot",
        "kinds",
        "names",
        "offset",
        "streams",
    )

    def __init__(self, body: bytes, names: list[str], *, is_snapshot: bool) -> None:
        self._body = body
        self.is_snapshot = is_snapshot
        self.count, names_size, self.offset = _BODY.unpack_from(body)
        count, view = self.count, memoryview(body)
        at = _BODY.size
        self.kinds = body[at : at + count]
        self.is_frame = self.kinds.translate(_IS_FRAME)
        at += count
        columns = []
        for code, size in (("I", 4), ("I", 4), ("I", 4), ("q", 8)):
            columns.append(_unpacked_array(code, view[at : at + size * count]))
            at += size * count
        self._epochs, self._lengths, self.streams, bits = columns
        total = 0
        for place, step in enumerate(bits):
            total += step
            bits[place] = total
        self.ats = _unpacked_array("d", _packed_array(bits))
        if names_size:
            names.extend(json.loads(body[at : at + names_size]))
        self.names = names
        self._places: list[int] | None = None
        self._body = body[at + names_size :]

    def kind(self, place: int) -> Kind:
        """Return the kind of an entry."""
        return _KINDS[self.kinds[place] & 3]

    def line(self, place: int) -> str:
        """Return the line of an entry."""
        return LINES[self.kinds[place] >> 3]

    def is_stale(self, place: int) -> bool:
        """Whether an entry is a frame of a line that had been replaced."""
        return bool(self.kinds[place] & _STALE)

    def epoch(self, place: int) -> int:
        """Return the epoch of an entry."""
        return int(self._epochs[place])

    def data(self, place: int) -> bytes:
        """Return the bytes of an entry."""
        if self._places is None:
            self._places = self._find_places()
        begin = self._places[place]
        return self._body[begin : begin + self._lengths[place]]

    def entry(self, place: int) -> Entry:
        """Return an entry with all that is known of it."""
        return Entry(
            self.kind(place),
            self.line(place),
            self.epoch(place),
            self.ats[place],
            self.data(place),
            self.is_stale(place),
            self.ats[place] + self.offset,
            self.names[self.streams[place]],
        )

    def entries(self) -> Iterator[Entry]:
        """Yield all entries in their order."""
        return map(self.entry, range(self.count))

    def _find_places(self) -> list[int]:
        places = [0] * self.count
        begin = 0
        lengths = self._lengths
        for place in sorted(range(self.count), key=self.streams.__getitem__):
            places[place] = begin
            begin += lengths[place]
        return places


class _Place(NamedTuple):
    """Where a chunk stands, as its header says."""

    offset: int
    flags: int
    crc: int
    packed: int
    raw: int
    first: float
    last: float

    @property
    def ends(self) -> int:
        """Where the next one may begin."""
        return self.offset + _HEADER.size + self.packed


class Chapter(NamedTuple):
    """Some seconds of a segment that can be read without the rest of it.

    Attributes:
        segment: where it is.
        places: of its chunks.
    """

    segment: Segment
    places: tuple[_Place, ...]

    @property
    def begins(self) -> float:
        """Wall clock at its beginning: of its first entry that is no snapshot, where there is one."""
        return self.places[1].first if len(self.places) > 1 else self.places[0].last

    @property
    def ends(self) -> float:
        """Wall clock of its last entry."""
        return self.places[-1].last

    def chunks(self, until: float | None = None) -> Iterator[Chunk]:
        """Yield its chunks, those that begin after `until` left out; a damaged one ends it and is counted as torn."""
        unpacker = _zstandard().ZstdDecompressor(max_window_size=1 << _WINDOW_LOG).decompressobj()
        names: list[str] = []
        with self.segment.path.open("rb") as file:
            for place in self.places:
                if until is not None and place.first > until and not place.flags & _SNAPSHOT:
                    return
                file.seek(place.offset + _HEADER.size)
                packed = file.read(place.packed)
                if len(packed) < place.packed or crc32(packed) != place.crc:
                    self.segment.note_damage(place.offset, self.places[-1].ends)
                    return
                body: bytes = unpacker.decompress(packed)
                yield Chunk(body, names, is_snapshot=bool(place.flags & _SNAPSHOT))


class Segment:
    """One file of a recording.

    Raises RecordingError where it is none.

    Attributes:
        path: where it is.
        about: what its writer said of it; "track" and "session" are there.
        chapters: what can be read of it, oldest first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unreadable = 0
        self._damaged: dict[int, int] = {}  # bytes by the place from which on they cannot be read
        try:
            with path.open("rb") as file:
                first = file.readline(_LONGEST_LINE)
                about = file.readline(_LONGEST_LINE)
                begin = file.tell()
        except OSError as error:
            raise RecordingError(f"cannot read {path}: {error.strerror}") from error
        if first != _FIRST_LINE:
            raise RecordingError(f"{path} is not a segment of a recording")
        try:
            self.about: dict[str, Any] = json.loads(about)
            version = self.about["version"]
        except (ValueError, KeyError, TypeError):
            # Cut off within its second line: it never held anything.
            self.about, version = {}, VERSION
        if version != VERSION:
            raise RecordingError(f"{path} has version {version!r} of the format; this program reads {VERSION}")
        self._begin = begin
        self.chapters: tuple[Chapter, ...] = ()
        self.refresh()

    @property
    def track(self) -> str:
        """Which lines it is of."""
        return str(self.about.get("track", MARKET))

    @property
    def session(self) -> str:
        """Which run of a program it is of: within one the loop clock goes on."""
        return str(self.about.get("session", ""))

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    @property
    def torn(self) -> int:
        """Bytes that cannot be read: what no header leads to, and what was found damaged when it was read."""
        return self._unreadable + sum(self._damaged.values())

    def note_damage(self, begin: int, end: int) -> None:
        """Count what cannot be read from a damaged chunk on to the end of its chapter."""
        self._damaged[begin] = end - begin

    def refresh(self) -> None:
        """Look again at what the file holds; somebody may be writing it."""
        chapters: list[list[_Place]] = []
        self._unreadable = 0
        self._damaged.clear()
        with self.path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            at = self._begin
            while at < size:
                place = _read_header(file, at, size)
                if place is None:
                    begin = _next_chapter(file, at + 1, size)
                    self._unreadable += begin - at
                    at = begin
                    continue
                if place.flags & _CHAPTER:
                    chapters.append([])
                if chapters:
                    chapters[-1].append(place)
                at = place.ends
        self.chapters = tuple(Chapter(self, tuple(places)) for places in chapters)


def _read_header(file: Any, at: int, size: int) -> _Place | None:
    file.seek(at)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_MARK):
        return None
    _, flags, crc, packed, raw, first, last = _HEADER.unpack(header)
    if at + _HEADER.size + packed > size or raw > _LARGEST_BODY or flags > _CHAPTER | _SNAPSHOT:
        return None
    return _Place(at, flags, crc, packed, raw, first, last)


def _next_chapter(file: Any, at: int, size: int) -> int:
    """Return where the next chapter begins after damage; the end where none does."""
    mark = _MARK + (_CHAPTER | _SNAPSHOT).to_bytes(4, "little")
    keep = len(mark) - 1
    while at < size:
        file.seek(at)
        block = file.read(1 << 20)
        found = block.find(mark)
        if found >= 0:
            return int(at + found)
        at += max(1, len(block) - keep)
    return size


def find_segments(path: Path) -> list[Segment]:
    """Return the segments of a recording, oldest first; of one file that one.

    Raises:
        RecordingError: there is no recording there.
    """
    if not path.is_dir():
        return [Segment(path)]
    files = sorted(path.glob(f"*{SUFFIX}"), key=number_of)
    if not files:
        raise RecordingError(f"{path} holds no recording")
    return [Segment(file) for file in files]


def number_of(path: Path) -> tuple[int, str]:
    """Return what segments are sorted by: the number in their names."""
    found = _NUMBER.search(path.name)
    return (int(found[1]) if found is not None else 0, path.name)


def chapter_at(chapters: Sequence[Chapter], wall: float) -> int:
    """Return the number of the chapter that a moment lies in, that before it for one between two; 0 at least."""
    begins = [chapter.begins for chapter in chapters]
    return max(0, bisect_right(begins, wall) - 1)
