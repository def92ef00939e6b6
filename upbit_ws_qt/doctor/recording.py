"""What came and went during an examination, as JSON lines that may be handed on."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.doctor.masking import mask_private, mask_secrets

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Recording"]

# The embedded exchange can play such a file: `--replay FILE`.
_KIND = "upbit_ws_qt exchange frames"


class Recording:
    """Writes frames to a new file, those of the private endpoint masked.

    Each line has the time in epoch milliseconds, the number of the connection, the endpoint and the frame; what else
    happened (requests, headers of handshakes, ends of lines) stands as "note". Tokens and keys are never written.

    Args:
        path: of the file; what is there is replaced. Where it cannot be written, OSError is raised.
        secrets: texts that must not stand in it, whoever says them.
    """

    def __init__(self, path: Path, secrets: tuple[str, ...] = ()) -> None:
        self._secrets = secrets
        self._file = path.open("w", encoding="utf-8")
        self.frames = 0
        self._write({"recording": _KIND, "version": 1, "start_ms": _now_ms(), "by": "upbit-ws-doctor"})

    def frame(self, connection: int, endpoint: str, text: str, *, as_text: bool) -> None:
        """Write down a frame that came."""
        self.frames += 1
        entry = self._entry(connection, endpoint)
        entry["frame"] = self._clean(mask_private(text) if endpoint == "private" else text)
        if as_text:
            entry["as_text"] = True
        self._write(entry)

    def event(self, connection: int, endpoint: str, **what: str) -> None:
        """Write down something else by its name: `sent`, `handshake`, `closed`."""
        entry = self._entry(connection, endpoint)
        entry["note"] = {name: self._clean(text) for name, text in what.items()}
        self._write(entry)

    def close(self) -> None:
        """Close the file; idempotent."""
        self._file.close()

    def _entry(self, connection: int, endpoint: str) -> dict[str, Any]:
        return {"ms": _now_ms(), "connection": connection, "endpoint": endpoint}

    def _clean(self, text: str) -> str:
        return mask_secrets(text, *self._secrets)

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n")


def _now_ms() -> int:
    return int(time.time() * 1000)
