"""Captures that others made, JSON lines of raw frames with times, made a recording; events of one written as CSV."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.events import BaseWebSocketEvent
from upbit_ws_qt.recording.segments import LINES, Entry, Kind, RecordingError, stream_name
from upbit_ws_qt.recording.writer import RecordingWriter, note_entry
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import TextIO

    from upbit_ws_qt.recording.reader import Recording

__all__ = ["import_lines", "rows_of", "write_csv"]

_TIMES = ("ms", "time_ms", "ts_ms", "at", "time", "ts", "timestamp", "received_at", "recv_ts", "t")
_FRAMES = ("frame", "raw", "data", "message", "msg", "payload")
_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138: a larger number counts ms, us or ns
_AT_ONCE = 2000


def import_lines(source: Path, target: Path) -> int:
    """Read a capture into a new recording; return how many frames it holds.

    Each line is a JSON object with a time ("ms", "time", "ts" …: seconds, milliseconds, micro- or nanoseconds since
    1970, or ISO 8601) and a frame ("frame", "raw", "data", "message" …: a text, or the JSON itself); "endpoint" or
    "line" says which line it came on, public where nothing does. Lines without a frame are left out, so that what
    the embedded exchange and the doctor write can be read. A name that ends in .gz is unpacked.

    Raises:
        RecordingError: a line that is no JSON object, or has a frame and no time; or nothing was found.
        OSError: the file cannot be read, or the recording not be written.
    """
    writer = RecordingWriter(target, {"session": f"import {source.name}", "by": "upbit-ws-record import"})
    waiting: list[Entry] = []
    known: set[str] = set()
    count = 0
    with _opened(source) as file:
        for number, entry in _entries(source, file):
            if entry.line not in known:
                known.add(entry.line)
                waiting.append(note_entry(entry.line, 0, entry.at, note="epoch", epoch=1))
                waiting.append(note_entry(entry.line, 0, entry.at, note="state", state="connected", cause="import"))
            waiting.append(entry)
            count += 1
            if number % _AT_ONCE == 0:
                writer.write(waiting, 0.0)
                waiting = []
    if waiting:
        writer.write(waiting, 0.0)
    writer.close()
    if not count:
        raise RecordingError(f"{source} holds no frames with times")
    return count


def rows_of(
    recording: Recording,
    *,
    types: Iterable[str] = (),
    codes: Iterable[str] = (),
    since: float | None = None,
    until: float | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the events of a recording as flat rows, in order; numbers are as exact as they came.

    Args:
        recording: what is read.
        types: names on the wire, such as "trade"; none for all.
        codes: markets; none for all.
        since: wall clock from which on, seconds.
        until: wall clock up to which, seconds.
    """
    names, markets = frozenset(types), frozenset(codes)
    for spot in recording.spots():
        if (since is not None and spot.wall < since) or (until is not None and spot.wall > until):
            continue
        entry = spot.chunk.entry(spot.place)
        if entry.kind is not Kind.RECEIVED or (names and entry.stream.split(" ")[0] not in names):
            continue
        try:
            messages = decode(entry.data)
        except DecodeError:
            continue
        for event in messages:
            if isinstance(event, BaseWebSocketEvent) and (not markets or event.code in markets):
                received = datetime.fromtimestamp(entry.wall, UTC).isoformat(timespec="microseconds")
                yield {"received": received, "epoch": entry.epoch, **_flat(event.to_dict())}


def write_csv(rows: Iterable[dict[str, Any]], file: TextIO) -> int:
    """Write rows with a line of headings; return how many they were.

    Columns are those of the first row, and what later ones have besides is left out: of one type all are alike.
    """
    writer: csv.DictWriter[str] | None = None
    count = 0
    for row in rows:
        if writer is None:
            writer = csv.DictWriter(file, list(row), extrasaction="ignore", restval="")
            writer.writeheader()
        writer.writerow(row)
        count += 1
    return count


def _flat(fields: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in fields.items():
        if isinstance(value, (list, tuple)):
            for number, item in enumerate(value, 1):
                parts = item if isinstance(item, dict) else {"": item}
                flat.update({f"{part or name}_{number}": inner for part, inner in parts.items()})
        elif isinstance(value, dict):
            flat.update({f"{name}_{part}": inner for part, inner in value.items()})
        else:
            flat[name] = value
    return flat


def _opened(source: Path) -> TextIO:
    if source.suffix == ".gz":
        return gzip.open(source, "rt", encoding="utf-8")
    return source.open(encoding="utf-8")


def _entries(source: Path, file: TextIO) -> Iterator[tuple[int, Entry]]:
    for number, text in enumerate(file, 1):
        if not text.strip():
            continue
        try:
            fields = json.loads(text)
        except ValueError as error:
            raise RecordingError(f"{source}, line {number}: no JSON") from error
        if not isinstance(fields, dict):
            raise RecordingError(f"{source}, line {number}: not an object with a time and a frame")
        frame = next((fields[name] for name in _FRAMES if name in fields), None)
        if frame is None:
            continue
        at = _seconds(next((fields[name] for name in _TIMES if name in fields), None))
        if at is None:
            raise RecordingError(f"{source}, line {number}: no time; it may be called {', '.join(_TIMES)}")
        line = str(fields.get("endpoint", fields.get("line", "public")))
        data = (
            frame if isinstance(frame, str) else json.dumps(frame, separators=(",", ":"), ensure_ascii=False)
        ).encode()
        yield number, Entry(Kind.RECEIVED, line if line in LINES else "public", 1, at, data, stream=stream_name(data))


def _seconds(value: object) -> float | None:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).timestamp()
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    number = float(value)
    while number >= _MILLISECONDS_FROM:
        number /= 1000.0
    return number
