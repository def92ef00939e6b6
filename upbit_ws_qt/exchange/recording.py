"""Recordings: every outgoing data frame with its time, in the client's format or one JSON object a line; reading both.

The format of the client (upbit_ws_qt/recording/segments.py) is a folder. The lines of JSON came before it, and are what
a name with a suffix stands for.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.recording.reader import Recording
from upbit_ws_qt.recording.segments import LINES, SUFFIX, Entry, Kind, RecordingError, stream_name
from upbit_ws_qt.recording.writer import RecordingWriter, note_entry

if TYPE_CHECKING:
    from pathlib import Path

    from .session import Session
    from .world import World

_KIND = "upbit_ws_qt exchange frames"
_AT_ONCE = 500
_LONGEST_LINE = 16 * 1024 * 1024


class ReplayError(ValueError):
    """A file that is no recording, or cannot be read; one line that names it."""


@dataclass(frozen=True, slots=True)
class RecordedFrame:
    """A frame of a recording: exchange time in epoch milliseconds, connection, endpoint, bytes."""

    ms: int
    connection: int
    endpoint: str
    frame: bytes


def make_recorder(path: Path, world: World) -> Recorder | FolderRecorder:
    """Return what writes to a file where the name has a suffix, to a folder where not; OSError where that cannot be."""
    return Recorder(path, world) if path.suffix else FolderRecorder(path, world)


class FolderRecorder:
    """Writes a recording as a client makes it; what several connections are sent at the same moment is in it once."""

    def __init__(self, folder: Path, world: World) -> None:
        self._world = world
        folder.mkdir(exist_ok=True)  # a folder for it has to be there: else a misspelt path would be made
        self._writer = RecordingWriter(folder, {"session": f"exchange {world.now_ms}"})
        self._waiting = [note_entry(LINES[0], 0, world.now_ms / 1000, note="session", session="exchange")]
        self._known: set[str] = set()
        self._now_ms = 0
        self._at_once: set[tuple[str, bytes]] = set()

    def note(self, session: Session, frame: bytes) -> None:
        """Write down one data frame of a session."""
        ms, line = self._world.now_ms, session.endpoint
        if ms != self._now_ms:
            self._now_ms, self._at_once = ms, set()
        if (line, frame) in self._at_once:
            return
        self._at_once.add((line, frame))
        if line not in self._known:
            self._known.add(line)
            self._waiting.append(note_entry(line, 0, ms / 1000, note="epoch", epoch=1))
            self._waiting.append(note_entry(line, 0, ms / 1000, note="state", state="connected", cause="open"))
        self._waiting.append(Entry(Kind.RECEIVED, line, 1, ms / 1000, frame, stream=stream_name(frame)))
        if len(self._waiting) >= _AT_ONCE:
            self._write()

    def close(self) -> None:
        """Write what is buffered and close the files."""
        self._write()
        self._writer.close()

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._writer.write(waiting, 0.0)


class Recorder:
    """Appends frames to a new file; raises OSError where it cannot be written."""

    def __init__(self, path: Path, world: World) -> None:
        self._world = world
        self._file = path.open("w", encoding="utf-8", buffering=1 << 16)
        self._write({"recording": _KIND, "version": 1, "start_ms": world.now_ms})

    def note(self, session: Session, frame: bytes) -> None:
        """Write down one data frame of a session; what is not UTF-8 as base64."""
        entry: dict[str, Any] = {"ms": self._world.now_ms, "connection": session.id, "endpoint": session.endpoint}
        try:
            entry["frame"] = frame.decode()
        except UnicodeDecodeError:
            entry["base64"] = base64.b64encode(frame).decode()
        self._write(entry)

    def close(self) -> None:
        """Write what is buffered and close the file."""
        self._file.close()

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")


def load_recording(path: Path) -> list[RecordedFrame]:
    """Read a recording: a folder or segment of a client's recorder, or a file of this exchange's own.

    Raises:
        ReplayError: If it cannot be read or is none.
    """
    if path.is_dir() or path.suffix == SUFFIX:
        return _frames_of_client(path)
    try:
        with path.open(encoding="utf-8") as file:
            first = json.loads(file.readline(_LONGEST_LINE))
            if not isinstance(first, dict) or first.get("recording") != _KIND:
                raise ReplayError(f"{path} is not a recording of this exchange")
            entries = map(json.loads, file)
            return [_frame(entry) for entry in entries if "note" not in entry]  # requests and ends, as others note them
    except OSError as error:
        raise ReplayError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, RecursionError) as error:
        raise ReplayError(f"{path} is damaged: {type(error).__name__}: {error}") from error
    except ReplayError:
        raise
    except ValueError as error:
        raise ReplayError(f"{path} is damaged: {error}") from error


def _frames_of_client(path: Path) -> list[RecordedFrame]:
    try:
        return [
            RecordedFrame(int(entry.wall * 1000), entry.epoch, entry.line, entry.data)
            for entry in Recording(path).entries()
            if entry.kind is Kind.RECEIVED
        ]
    except RecordingError as error:
        raise ReplayError(str(error)) from error


def _frame(entry: dict[str, Any]) -> RecordedFrame:
    frame = entry["frame"].encode() if "frame" in entry else base64.b64decode(entry["base64"], validate=True)
    return RecordedFrame(int(entry["ms"]), int(entry["connection"]), str(entry["endpoint"]), frame)
