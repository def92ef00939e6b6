"""What routing costs per frame beside bare decode + callback in the same run, and what overload saves."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.frames import DEFAULT_FRAMES
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.connection.inbox import RawFrame
from upbit_ws_qt.routing import DataPoolManager, DataRoutingEngine
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.types import Delivery, WebSocketType
from upbit_ws_qt.wire import decode

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET = 1.25
CODES = 100


class Stock:
    """Fresh frames of one type over a hundred codes, each newer than the one before."""

    def __init__(self, data_type: str, clock: Callable[[], float]) -> None:
        sample = next(f for f in DEFAULT_FRAMES if f'"type":"{data_type}"'.encode() in f[:30])
        fields = json.loads(sample, parse_float=lambda text: f"@{text}@")
        fields |= {"code": "#CODE#", "timestamp": "@#TIME#@", "level": "@0@"}
        if data_type == "orderbook":
            fields["orderbook_units"] = (fields["orderbook_units"] * 30)[:30]
        if "sequential_id" in fields:
            fields["sequential_id"] = "@#TIME#@"
        self._text = json.dumps(fields, separators=(",", ":")).replace('"@', "").replace('@"', "")
        self._clock = clock
        self._time = 1_795_176_000_000
        self.codes = [f"KRW-C{number}" for number in range(CODES)]

    def frames(self, count: int) -> list[RawFrame]:
        """Return so many frames more."""
        now = self._clock()
        made = []
        for number in range(count):
            self._time += 1
            text = self._text.replace("#CODE#", self.codes[number % CODES]).replace("#TIME#", str(self._time))
            made.append(RawFrame(text.encode(), now, 1, WebSocketType.PUBLIC))
        return made


def callback(event: Any) -> None:
    """Do nothing, as the bare loop's callback does."""


def engine_for(specs: list[SubscriptionSpec], *, pool: bool = True) -> DataRoutingEngine:
    engine = DataRoutingEngine(
        ServiceConfig(),
        is_current_epoch=lambda ws_type, epoch: epoch == 1,
        on_component_failed=lambda component_id, error: print(component_id, error),
        on_decode_error=lambda ws_type, error: print(error),
        on_control=lambda ws_type, message: None,
        pool=DataPoolManager() if pool else None,
    )
    for number, spec in enumerate(specs):
        engine.register_route(f"c{number}", spec, callback)
    return engine


def bare(frames: list[RawFrame]) -> float:
    began = perf_counter()
    for frame in frames:
        callback(decode(frame.data)[0])
    return (perf_counter() - began) / len(frames)


def routed(engine: DataRoutingEngine, frames: list[RawFrame]) -> float:
    route_frame = engine.route_frame
    began = perf_counter()
    for frame in frames:
        route_frame(frame)
    return (perf_counter() - began) / len(frames)


def compare(data_type: str, rounds: int, count: int, *, consumers: int = 1) -> tuple[float, float, float]:
    """Return µs per frame of the bare loop and of the engine, and the median of the ratios of neighbouring rounds."""
    stock = Stock(data_type, asyncio.get_running_loop().time)
    engine = engine_for([SubscriptionSpec(data_type, stock.codes)] * consumers)
    plain, full = [], []
    for _ in range(rounds):
        frames = stock.frames(count)
        plain.append(bare(frames))
        full.append(routed(engine, frames))
    figures = engine.get_routing_statistics()
    assert figures.delivered == rounds * count * consumers, figures
    ratio = median(b / a for a, b in zip(plain, full, strict=True))
    return min(plain) * 1e6, min(full) * 1e6, ratio


def run(rounds: int, count: int) -> None:
    print(f"{'frame to callback, µs':36}{'bare':>8}{'routed':>8}{'ratio':>8}")
    for data_type in ("ticker", "trade", "orderbook"):
        plain, full, ratio = compare(data_type, rounds, count)
        verdict = "ok" if ratio <= TARGET else f"over the target of {TARGET}"
        print(f"{data_type + ', one consumer':36}{plain:8.2f}{full:8.2f}{ratio:8.2f}  {verdict}")
    plain, full, ratio = compare("ticker", rounds, count, consumers=10)
    print(f"{'ticker, ten consumers':36}{plain:8.2f}{full:8.2f}{ratio:8.2f}  {(full - plain) / 10:.2f} µs a consumer")
    stock = Stock("ticker", asyncio.get_running_loop().time)
    quiet = engine_for([SubscriptionSpec("ticker", "KRW-OTHER")])
    print(
        f"{'ticker nobody wants':36}{'':8}{min(routed(quiet, stock.frames(count)) for _ in range(rounds)) * 1e6:8.2f}"
    )
    shown = engine_for([SubscriptionSpec("ticker", stock.codes, delivery=Delivery.FRAME)])
    print(f"{'ticker, display frame, every decoded':36}{'':8}", end="")
    print(f"{min(routed(shown, stock.frames(count)) for _ in range(rounds)) * 1e6:8.2f}")
    shown.note_backlog(10_000)
    best = min(routed(shown, stock.frames(count)) for _ in range(rounds)) * 1e6
    figures = shown.get_routing_statistics()
    print(f"{'ticker under overload':36}{plain:8.2f}{best:8.2f}{best / plain:8.2f}  {figures.superseded:,} not decoded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--frames", type=int, default=10_000, help="per round")
    arguments = parser.parse_args()

    async def in_the_loop() -> None:
        done = asyncio.get_running_loop().create_future()

        def call() -> None:
            run(arguments.rounds, arguments.frames)
            done.set_result(None)

        asyncio.get_running_loop().call_soon(call)  # the engine is not used from inside a Task
        await done

    asyncio.run(in_the_loop())


if __name__ == "__main__":
    main()
