"""How many steps of Python a piece of work takes, as ratios: the same on a busy machine and on an idle one.

    python -m benchmarks.counts             prints each ratio beside the one recorded
    python -m benchmarks.counts --check     the same; exit code 1 where one got 20 % worse: part of `make check`
    python -m benchmarks.counts --record    keeps what is counted, for this version of Python, in benchmarks/counts.json

A step is one instruction of the interpreter, whatever it does; what C code does inside one is not seen here
(benchmarks/instructions.py sees it, and takes minutes). Messages are handed over as there, without a network and 200 at
once, and counted beside the bare loop that gets the same bytes in the same process: websockets, msgspec into the same
struct, a callback. Nothing here asks a clock, so nothing here can fail because somebody else was busy. Versions of
Python differ in what they call an instruction: each has its own record.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks._flood import _frame, _Stock, codes
from benchmarks.bandwidth import MIX, stream
from benchmarks.instructions import MARKETS, _bare, _own
from benchmarks.planner import PUBLIC, distinct, overlapping
from upbit_ws_qt.specs import SubscriptionSpec
from upbit_ws_qt.subscriptions import IntelligentSubscriptionOptimizer, SubscriptionStateManager
from upbit_ws_qt.types import DataType
from upbit_ws_qt.wire import SimpleFormatConverter, encode_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType

RECORD = Path(__file__).with_suffix(".json")
TOLERATED = 1.2
KINDS = ("ticker", "trade", "book30", "mix")
AT_ONCE = 200
# Each market's frames have come in all their outlines before the counting begins.
WARM_UP, COUNTED = 2000, 2000


class Steps:
    """Counts the interpreter's instructions inside a `with` block."""

    def __init__(self) -> None:
        self.count = 0
        self._before = sys.gettrace()

    def __enter__(self) -> Steps:
        if sys.version_info >= (3, 12):
            # What settrace() tells of instructions differs there from one patch release to the next.
            monitoring = sys.monitoring
            monitoring.use_tool_id(monitoring.PROFILER_ID, "steps")
            monitoring.register_callback(monitoring.PROFILER_ID, monitoring.events.INSTRUCTION, self._step)
            monitoring.set_events(monitoring.PROFILER_ID, monitoring.events.INSTRUCTION)
        else:
            sys.settrace(self._trace)
        return self

    def __exit__(self, *_: object) -> None:
        if sys.version_info >= (3, 12):
            sys.monitoring.set_events(sys.monitoring.PROFILER_ID, 0)
            sys.monitoring.free_tool_id(sys.monitoring.PROFILER_ID)
        else:
            sys.settrace(self._before)

    def _step(self, *_: object) -> None:
        self.count += 1

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "call":
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
        elif event == "opcode":
            self.count += 1
        return self._trace


async def _steps_of(contender: Any, frames: list[bytes]) -> float:
    """Return the steps for each message that is counted."""
    connection, seen = await contender

    async def take(some: list[bytes]) -> None:
        wanted = seen() + len(some)
        for at in range(0, len(some), AT_ONCE):
            connection.data_received(b"".join(map(_frame, some[at : at + AT_ONCE])))
            await asyncio.sleep(0)
        while seen() < wanted:  # noqa: ASYNC110 - the contenders have no event in common
            await asyncio.sleep(0)

    await take(frames[:WARM_UP])
    with Steps() as steps:
        await take(frames[WARM_UP:])
    return steps.count / (len(frames) - WARM_UP)


def message_ratios() -> dict[str, float]:
    """Return, for each kind of data, the steps of a message to a typed slot beside those of the bare loop."""
    from PyQt6.QtCore import QCoreApplication

    app = QCoreApplication.instance() or QCoreApplication([])
    found = {}
    for kind in KINDS:
        stock = _Stock(kind, codes(MARKETS))
        frames = [stock.next() for _ in range(WARM_UP + COUNTED)]
        bare = asyncio.run(_steps_of(_bare(kind), frames))
        own = asyncio.run(_steps_of(_own(kind, frames=False), frames))
        found[f"message {kind}"] = own / bare
    del app
    return found


def _counted(work: Callable[[], object]) -> int:
    with Steps() as steps:
        work()
    return steps.count


def plan_ratios() -> dict[str, float]:
    """Return the steps of planning for each wish, and those of one change beside a whole plan's."""
    optimizer = IntelligentSubscriptionOptimizer()
    found = {}
    for name, fill in (("overlapping", overlapping), ("distinct", distinct)):
        state = SubscriptionStateManager()
        registering = _counted(lambda state=state, fill=fill: fill(state))  # type: ignore[misc]
        whole = _counted(lambda state=state: optimizer.optimize_subscriptions(state.demand(PUBLIC)))  # type: ignore[misc]
        flowing = dict(state.demand(PUBLIC))
        found[f"registering {name}"] = registering / 10_000
        found[f"plan {name}"] = whole / len(flowing)
        state.replace("one more", [SubscriptionSpec(DataType.TICKER, "KRW-ONEMORE")])
        one = _counted(
            lambda state=state, flowing=flowing: optimizer.optimize_subscriptions(  # type: ignore[misc]
                state.demand(PUBLIC), flowing=flowing
            )
        )
        found[f"one change {name}"] = one / len(flowing)
        objects = optimizer.optimize_subscriptions(state.demand(PUBLIC)).objects
        found[f"request {name}"] = len(encode_request(objects)) / len(flowing)
    return found


def byte_ratios() -> dict[str, float]:
    """Return the bytes of a message in each format beside DEFAULT's without compression."""
    savings = SimpleFormatConverter.analyze(stream(5000, MIX))
    return {
        "bytes simple": 1 - savings.simple,
        "bytes deflate": 1 - savings.deflate,
        "bytes simple deflate": 1 - savings.simple_deflate,
    }


def count() -> dict[str, float]:
    """Return every ratio, by its name; the less the better."""
    return {**message_ratios(), **plan_ratios(), **byte_ratios()}


def recorded() -> dict[str, dict[str, float]]:
    """Return the ratios that were kept, by version of Python."""
    if not RECORD.exists():
        return {}
    kept: dict[str, dict[str, float]] = json.loads(RECORD.read_text("utf-8"))
    return kept


def version() -> str:
    """Return the version of Python that instructions are counted of."""
    return "{}.{}".format(*sys.version_info)


def worse(now: dict[str, float], kept: dict[str, float]) -> list[str]:
    """Return the names of the ratios that got worse than is tolerated, and of those that are missing on one side."""
    missing = now.keys() ^ kept.keys()
    return sorted(missing | {name for name in now.keys() & kept.keys() if now[name] > TOLERATED * kept[name]})


def lines(now: dict[str, float], kept: dict[str, float]) -> Iterable[str]:
    """Yield each ratio beside the one recorded."""
    for name, value in now.items():
        before = f"{kept[name]:10.3f}{value / kept[name]:8.2f}" if name in kept else f"{'-':>10}"
        yield f"{name:26}{value:10.3f}{before}"


def main() -> int:
    """Count; exit code 1 where something got worse and is not to be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--record", action="store_true")
    arguments = parser.parse_args()
    now, every = count(), recorded()
    kept = every.get(version(), {})
    print(f"{'Python ' + version():26}{'now':>10}{'recorded':>10}{'':>8}")
    print("\n".join(lines(now, kept)))
    if arguments.record:
        every[version()] = {name: round(value, 4) for name, value in now.items()}
        RECORD.write_text(json.dumps(dict(sorted(every.items())), indent=1) + "\n", "utf-8")
    elif arguments.check and (found := worse(now, kept)):
        print(f"worse than recorded by more than 20 %, or not recorded (--record): {', '.join(found)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
