"""The same seed gives the same frames, byte for byte, however time is cut up and whoever looks."""

from __future__ import annotations

import hashlib
from itertools import islice
from typing import TYPE_CHECKING

from tests.exchange.world.reading import UNITS, run, world
from upbit_ws_qt.exchange.messages import FORMATS

if TYPE_CHECKING:
    from upbit_ws_qt.exchange.world import World

_WANTED = 10_000


def _digest(of: World, step_ms: int, seconds: float = 3) -> tuple[str, int]:
    found = hashlib.sha256()
    count = 0
    for change in islice(run(of, seconds, step_ms), _WANTED):
        count += 1
        found.update(change.render(FORMATS[count % 4], "REALTIME"))
    return found.hexdigest(), count


def _world(seed: int = 5) -> World:
    of = world(seed=seed, markets=None, rate=1500, demo=True)
    of.indicators.watch("KRW-BTC", "5m", "rsi", {"period": 14})
    return of


def test_ten_thousand_frames_are_the_same_byte_for_byte() -> None:
    first = _digest(_world(), 50, 8)
    assert first[1] == _WANTED
    assert _digest(_world(), 50, 8) == first


def test_the_width_of_the_steps_does_not_matter() -> None:
    assert _digest(_world(), 7) == _digest(_world(), 60_000)


def test_looking_does_not_change_anything() -> None:
    watched, alone = _world(), _world()
    for code in sorted(watched.codes)[::3]:
        for kind in ("ticker", "trade", "orderbook", *UNITS):
            change = watched.snapshot(kind, code)
            assert change is not None
            change.render("SIMPLE", "SNAPSHOT")
    watched.candles("KRW-BTC", 60, None, 200)
    assert _digest(watched, 100) == _digest(alone, 100)


def test_another_seed_is_another_world() -> None:
    assert _digest(_world(6), 50) != _digest(_world(7), 50)


def test_time_does_not_run_backwards() -> None:
    of = _world()
    of.advance_to(of.now_ms + 5000)
    now = of.now_ms
    assert of.advance_to(now - 3000) == []
    assert of.now_ms == now
