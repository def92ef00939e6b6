"""Small files to remember things in: JSON of at most 1 MiB, for its owner only, written whole or not at all.

Neither QSettings (its files run code when read) nor QMainWindow.restoreState (tampered bytes crash it).
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

__all__ = ["MOST_BYTES", "read_json", "write_json"]

MOST_BYTES = 1024 * 1024


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file; empty for a file that is missing, unreadable, too long or not such an object."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return {}
    return parse_json(data)


def parse_json(data: bytes) -> dict[str, Any]:
    """Return the object that `data` spells; empty where it spells none."""
    if len(data) > MOST_BYTES:
        return {}
    try:
        value = json.loads(data, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Replace a file; OSError where that is not possible, ValueError where `value` is too long to be read back."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) > MOST_BYTES:
        raise ValueError(f"{len(data)} bytes are more than {MOST_BYTES}")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600 from the start
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
