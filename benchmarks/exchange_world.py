"""What the simulated market costs: processor time to make a change, to spell it, and to begin; asserts nothing."""

from __future__ import annotations

import gc
import time
from collections import defaultdict
from typing import TYPE_CHECKING

from upbit_ws_qt.exchange.messages import FORMATS
from upbit_ws_qt.exchange.world import World, WorldSettings

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.messages import Change

_START_MS = 1_790_000_000_123
_STEPS, _STEP_MS = 150, 20


def _beginning() -> World:
    started = time.process_time()
    world = World(WorldSettings(start_ms=_START_MS, rate=50_000))
    made = time.process_time()
    for code in world.codes:
        world.snapshot("ticker", code)
    looked = time.process_time()
    print(f"a world of {len(world.codes)} markets: {(made - started) * 1e3:.0f} ms")
    print(f"the first ticker of each, with 24 hours of history: {(looked - made) / len(world.codes) * 1e3:.2f} ms")
    for unit in (1, 15, 240):
        started = time.process_time()
        world.candles("KRW-ETH", unit, None, 200)
        print(f"200 candles of {unit} minutes: {(time.process_time() - started) * 1e3:.1f} ms")
    return world


def _running(world: World) -> None:
    world.advance_to(world.now_ms + 2000)
    gc.collect()
    gc.freeze()  # as a program does that has long started
    making, made = 0.0, 0
    spelling: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for step in range(_STEPS):
        started = time.process_time()
        changes = world.advance_to(world.now_ms + _STEP_MS)
        making += time.process_time() - started
        made += len(changes)
        fmt = FORMATS[step % 2]
        by_kind: dict[str, list[Change]] = defaultdict(list)
        for change in changes:
            by_kind[change.kind.split(".")[0]].append(change)
        for kind, some in by_kind.items():
            started = time.process_time()
            for change in some:
                change.render(fmt, "REALTIME")
            taken = spelling[kind, fmt]
            taken[0] += len(some)
            taken[1] += time.process_time() - started
    gc.unfreeze()
    print(f"making a change: {making / made * 1e6:.1f} us")
    for (kind, fmt), (count, seconds) in sorted(spelling.items()):
        print(f"spelling {kind} {fmt}: {seconds / count * 1e6:.1f} us")
    whole = making + sum(seconds for _, seconds in spelling.values())
    print(f"all of it: {whole / made * 1e6:.1f} us a frame, {made / whole:,.0f} frames/s")


def main() -> None:
    _running(_beginning())


if __name__ == "__main__":
    main()
