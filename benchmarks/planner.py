"""How long a plan takes: 10,000 wishes to one request.

    python benchmarks/planner.py [--rounds 20]

Two ways to have 10,000 wishes: 100 components that each want 100 of 1,500 streams, as in a large desk, and one stream
for each wish, which is more than the exchange has. The plan is what `optimize_subscriptions` does from the changed
state; building the bytes is the wire's share.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from typing import TYPE_CHECKING

from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.subscriptions import IntelligentSubscriptionOptimizer, SubscriptionStateManager
from upbit_ws_qt.types import DataType, WebSocketType
from upbit_ws_qt.wire import encode_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.subscriptions import OptimizationResult

PUBLIC = WebSocketType.PUBLIC
TYPES = (DataType.TICKER, DataType.TRADE, DataType.ORDERBOOK)
TARGET_MS = 10.0


def overlapping(state: SubscriptionStateManager) -> None:
    """Give 100 components 100 wishes each among 500 symbols and three types."""
    rng = random.Random(1)
    for number in range(100):
        codes = rng.sample([f"KRW-C{index}" for index in range(500)], 34)
        specs = [SubscriptionSpec(data_type, codes[: 34 if data_type is TYPES[0] else 33]) for data_type in TYPES]
        state.replace(f"component {number}", specs)


def distinct(state: SubscriptionStateManager) -> None:
    """Give 100 components 100 streams each that nobody else wants."""
    for number in range(100):
        codes = [f"KRW-C{number}X{index}" for index in range(100)]
        state.replace(f"component {number}", [SubscriptionSpec(TYPES[number % 3], codes)])


def best(rounds: int, work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    """Return the shortest of some runs, in ms."""
    times = []
    for _ in range(rounds):
        before()
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * min(times)


def measure(name: str, fill: Callable[[SubscriptionStateManager], None], rounds: int) -> float:
    """Print the figures of one case and return the plan's ms."""
    state = SubscriptionStateManager()
    started = time.perf_counter()
    fill(state)
    filling = 1000 * (time.perf_counter() - started)
    optimizer = IntelligentSubscriptionOptimizer()

    def plan() -> OptimizationResult:
        return optimizer.optimize_subscriptions(state.demand(PUBLIC))

    flowing = dict(state.demand(PUBLIC))
    extra = SubscriptionSpec(DataType.TICKER, "KRW-ONEMORE")

    def touch() -> None:
        state.replace("one more", [] if state.specs_of("one more") else [extra])

    whole = best(rounds, plan, touch)
    step = best(rounds, lambda: optimizer.optimize_subscriptions(state.demand(PUBLIC), flowing=flowing), touch)
    objects = plan().objects
    building = best(rounds, lambda: encode_request(objects))
    print(
        f"{name:12} {len(flowing):6,} streams  registering {filling:6.1f} ms  plan {whole:5.2f} ms  "
        f"plan after one change {step:5.2f} ms  bytes {building:5.2f} ms ({len(encode_request(objects)):,} B)"
    )
    return max(whole, step)


def main() -> int:
    """Measure both cases; exit code 1 where the target is missed."""
    parser = argparse.ArgumentParser(description="Time the planner on 10,000 wishes.")
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    worst = max(measure("overlapping", overlapping, rounds), measure("distinct", distinct, rounds))
    print(f"10,000 wishes planned in at most {worst:.2f} ms (target: under {TARGET_MS:.0f} ms)")
    return 0 if worst < TARGET_MS else 1


if __name__ == "__main__":
    sys.exit(main())
