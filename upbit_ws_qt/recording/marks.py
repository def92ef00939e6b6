"""What happened in a recording besides the market: gaps, losses, alerts, own fills, and the marks somebody put."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from upbit_ws_qt.errors import DecodeError
from upbit_ws_qt.events import MyOrderEvent
from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.segments import Kind
from upbit_ws_qt.text import Phrase, safe_text
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.recording.segments import Entry

__all__ = ["MarkKind", "RecordingMark", "recording_marks"]

_LONGEST = 200


class MarkKind(StrEnum):
    """What a mark is about."""

    SESSION = "session"
    """The recording program was started."""
    GAP = "gap"
    """A line was lost and replaced: something may have been missed."""
    LOST = "lost"
    """Frames came and were not recorded."""
    ALERT = "alert"
    FILL = "fill"
    """An own order was filled, in whole or in part."""
    NOTE = "note"
    """Somebody put it there: `Recorder.mark`."""


class RecordingMark(NamedTuple):
    """Something to jump to.

    Attributes:
        at: seconds since 1970, by the recording computer's clock.
        kind: what it is about.
        text: in words; a Phrase where the program says it.
        down: seconds for which a line was away before this; 0 for all that is no gap.
    """

    at: float
    kind: MarkKind
    text: str
    down: float = 0.0


def recording_marks(path: str | Path) -> Iterator[tuple[RecordingMark, ...]]:
    """Yield what happened in a recording, part by part, some without anything.

    The whole recording is read for that, some milliseconds for each part: whoever has a window takes them one by one
    between other things. Within a track (market, account) they come in their order.

    Example:
        >>> for marks in recording_marks(folder):
        ...     for mark in marks:
        ...         print(mark.kind, mark.text)
        session the recording begins

    Raises:
        RecordingError: there is no recording.
    """
    for entries in Recording(Path(path)).notes():
        yield tuple(mark for entry in entries for mark in _marks_of(entry))


def _marks_of(entry: Entry) -> Iterator[RecordingMark]:
    if entry.kind is Kind.RECEIVED:
        yield from _fills_of(entry)
        return
    note: dict[str, Any] = entry.note
    match note.get("note"):
        case "session":
            yield RecordingMark(entry.wall, MarkKind.SESSION, Phrase("the recording begins"))
        case "gap" if note["old"] != note["new"]:
            cause = safe_text(note["cause"], _LONGEST)
            text = Phrase("{line}: a new line, {cause}", line=Phrase(entry.line), cause=cause)
            yield RecordingMark(entry.wall, MarkKind.GAP, text, max(0.0, float(note["down"])))
        case "lost":
            text = Phrase("{count} frames were not recorded", count=note["count"])
            yield RecordingMark(entry.wall, MarkKind.LOST, text)
        case "alert":
            yield RecordingMark(entry.wall, MarkKind.ALERT, safe_text(note["text"], _LONGEST))
        case "mark":
            yield RecordingMark(entry.wall, MarkKind.NOTE, safe_text(note["text"], _LONGEST))


def _fills_of(entry: Entry) -> Iterator[RecordingMark]:
    try:
        messages = decode(entry.data)
    except DecodeError:
        return
    for event in messages:
        if isinstance(event, MyOrderEvent) and event.is_fill:
            values = {"code": event.code, "volume": f"{event.volume or 0:,f}", "price": f"{event.price or 0:,f}"}
            if event.is_bid:
                text = Phrase("{code}: bought {volume} at {price}", **values)
            else:
                text = Phrase("{code}: sold {volume} at {price}", **values)
            yield RecordingMark(entry.wall, MarkKind.FILL, text)
