"""Recordings: every outgoing data frame with its time, one JSON object a line; and reading them back."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from .session import Session
    from .world import World

_KIND = "upbit_ws_qt exchange frames"
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
    """Read a recording.

    Raises:
        ReplayError: If it cannot be read or is none.
    """
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


def _frame(entry: dict[str, Any]) -> RecordedFrame:
    frame = entry["frame"].encode() if "frame" in entry else base64.b64decode(entry["base64"], validate=True)
    return RecordedFrame(int(entry["ms"]), int(entry["connection"]), str(entry["endpoint"]), frame)
