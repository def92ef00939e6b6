"""What a frame costs: decode and peek beside json.loads, bare msgspec into the same struct, and json + dataclass.

    python benchmarks/decode.py [--rounds 200]

Best of N rounds, the contestants taking turns, so that a busy machine hits all of them alike: judge the ratios.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import make_dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from upbit_ws_qt.events import OrderbookEvent, TickerEvent, TradeEvent
from upbit_ws_qt.wire import decode, peek

if TYPE_CHECKING:
    from collections.abc import Callable

FRAMES = Path(__file__).parent.parent / "tests" / "data" / "frames" / "default.jsonl"
BATCH_SECONDS = 0.001  # short, so that some batches of each run undisturbed
DECODE_TARGET = 1.5  # times bare msgspec
PEEK_TARGET = 0.6  # µs


def dataclass_reader(frame: bytes) -> Callable[[bytes], Any]:
    """Return what many write by hand: json with Decimal into a dataclass."""
    made = make_dataclass("Event", list(json.loads(frame)), frozen=True, slots=True)
    unit: Any = None
    if "orderbook_units" in json.loads(frame):
        unit = make_dataclass("Unit", ["ask_price", "bid_price", "ask_size", "bid_size"], frozen=True, slots=True)

    def read(data: bytes) -> Any:
        message = json.loads(data, parse_float=Decimal)
        if unit is not None:
            message["orderbook_units"] = [unit(**row) for row in message["orderbook_units"]]
        return made(**message)

    return read


def contest(name: str, event_class: type[msgspec.Struct]) -> tuple[bytes, dict[str, Callable[[], Any]]]:
    """Return the first sample frame of a type, and the contestants, each ready to be called."""
    long = FRAMES.read_bytes().splitlines()
    place = next(index for index, line in enumerate(long) if line.startswith(b'{"type":"' + name.encode()))
    frame = long[place]
    simple = FRAMES.with_name("simple.jsonl").read_bytes().splitlines()[place]
    bare = msgspec.json.Decoder(event_class).decode
    return frame, {
        "decode": partial(decode, frame),
        "SIMPLE decode": partial(decode, simple),
        "peek": partial(peek, frame),
        "bare msgspec": partial(bare, frame),
        "json.loads": partial(json.loads, frame),
        "json + dataclass": partial(dataclass_reader(frame), frame),
    }


def measure(contestants: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the best µs per call of each."""
    counts: dict[str, int] = {}
    for name, call in contestants.items():
        begin = time.perf_counter()
        for _ in range(100):
            call()
        counts[name] = max(20, int(100 * BATCH_SECONDS / (time.perf_counter() - begin)))
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, call in contestants.items():
            count = range(counts[name])
            begin = time.perf_counter()
            for _ in count:
                call()
            best[name] = min(best[name], (time.perf_counter() - begin) / counts[name] * 1e6)
    return best


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    print(f"µs per message, best of {rounds}; Python {sys.version.split()[0]}, msgspec {msgspec.__version__}")
    classes: dict[str, type[msgspec.Struct]] = {"ticker": TickerEvent, "trade": TradeEvent, "orderbook": OrderbookEvent}
    for index, (kind, event_class) in enumerate(classes.items()):
        frame, contestants = contest(kind, event_class)
        best = measure(contestants, rounds)
        if index == 0:
            print(f"{'':12}{'bytes':>7}{''.join(f'{name:>18}' for name in best)}{'decode/bare':>14}{'/json.loads':>13}")
        times = "".join(f"{best[name]:18.2f}" for name in best)
        over_bare, over_json = best["decode"] / best["bare msgspec"], best["decode"] / best["json.loads"]
        print(f"{kind:12}{len(frame):>7}{times}{over_bare:14.2f}{over_json:13.2f}")
    print(f"targets: decode/bare <= {DECODE_TARGET}, ticker decode/json.loads < 1, peek <= {PEEK_TARGET} µs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
