"""Reading frames of the simulated world as any client would: JSON with exact numbers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from upbit_ws_qt.exchange.world import World, WorldSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upbit_ws_qt.exchange.messages import Change

START_MS = 1_790_000_000_123  # 2026-09-21 14:13:20 UTC, in the middle of every candle
DAY_MS = 86_400_000
UNITS = {
    "candle.1s": 1000,
    **{f"candle.{minutes}m": minutes * 60_000 for minutes in (1, 3, 5, 10, 15, 30, 60, 240)},
}


def read(change: Change, fmt: str = "DEFAULT", stream_type: str = "REALTIME", **options: Any) -> dict[str, Any]:
    """Return the one message of a frame, numbers as Decimal or int."""
    value = json.loads(change.render(fmt, stream_type, **options), parse_float=Decimal)
    if fmt.endswith("LIST"):
        assert isinstance(value, list)
        assert len(value) == 1
        value = value[0]
    assert isinstance(value, dict)
    return value


def shown(of: World, kind: str, code: str) -> dict[str, Any]:
    """Return the snapshot of a pair that has one."""
    change = of.snapshot(kind, code)
    assert change is not None
    return read(change, "DEFAULT", "SNAPSHOT") | {"stream_type": "REALTIME"}


def world(seed: int = 1, markets: int | None = 6, rate: float = 400.0, start_ms: int = START_MS, **more: Any) -> World:
    return World(WorldSettings(seed=seed, markets=markets, rate=rate, start_ms=start_ms, **more))


def run(of: World, seconds: float, step_ms: int = 1000) -> Iterator[Change]:
    """Let time pass and yield what happens."""
    end = of.now_ms + int(seconds * 1000)
    while of.now_ms < end:
        yield from of.advance_to(min(end, of.now_ms + step_ms))
