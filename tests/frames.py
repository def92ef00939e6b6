"""Sample frames of every type, as they stand in tests/data/frames, and in all four formats."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"

DEFAULT_FRAMES: list[bytes] = (DATA / "frames" / "default.jsonl").read_bytes().splitlines()
SIMPLE_FRAMES: list[bytes] = (DATA / "frames" / "simple.jsonl").read_bytes().splitlines()
FIELDS: dict[str, list[dict[str, Any]]] = json.loads((DATA / "fields.json").read_bytes())

CONTROL_FRAMES: list[bytes] = [
    b'{"error":{"name":"NO_CODES","message":"codes are missing"}}',
    b'{"status":"UP"}',
    b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"indicator","codes":["KRW-BTC"],"timeframe":"5m",'
    b'"indicators":[{"type":"rsi","params":{"period":14}}]}],"ticket":"t"}',
]


def listed(frame: bytes) -> bytes:
    """Return the frame as the LIST formats wrap it."""
    return b"[" + frame + b"]"


def all_frames() -> list[bytes]:
    """Return every sample in every format."""
    plain = [*DEFAULT_FRAMES, *SIMPLE_FRAMES]
    return [*plain, *map(listed, plain), *CONTROL_FRAMES]
