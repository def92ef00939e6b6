"""An old commit beside this checkout: the same benchmarks in turn, in the same minutes, by CPU time.

    python -m benchmarks.compare OLD [NAME ...] [--rounds 5]

Each round runs each benchmark once with the code of the commit OLD and once with the code here, each with the
benchmark as it was written there, the one first in one round and the other in the next. Printed are the medians and the
median of the rounds' ratios: 1.03 means that the code here costs three percent more. The clock on the wall is not asked
where that can be avoided, for on a busy machine it measures the others.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
USUAL = ("throughput", "latency", "planner", "crowd")
# What to say on the command line, so that a round takes seconds.
ARGUMENTS = {"throughput": ["1.5", "1"], "latency": ["4"], "planner": ["--rounds", "40"]}
# These run for a time and not for a number of events: their CPU time says nothing, what they print does.
LAST_FOR_A_TIME = ("throughput", "latency")
_RATE = re.compile(r"^(.+?)\s+([\d,]+) messages per CPU second", re.MULTILINE)
_SHARE = re.compile(r"market at\s+(\d+) messages/s.*?([\d,]+) slots/s,\s+CPU\s+([\d.]+) %", re.MULTILINE)
_PLAN = re.compile(r"^(\w+)\s.*?plan\s+([\d.]+) ms\s+plan after one change\s+([\d.]+) ms\s+bytes\s+([\d.]+) ms", re.M)
_CPU = re.compile(r"^CPU seconds ([\d.]+)$", re.MULTILINE)
# What is imported is paid for before: only the benchmark itself counts, and no child process such as the exchange.
# A stopwatch in a benchmark of a fixed amount of work is a stopwatch of CPU time.
_RUN = """
import importlib, sys, time
name, stopwatch = sys.argv[1:3]
if stopwatch == "CPU":
    time.perf_counter = time.process_time
sys.argv = [name, *sys.argv[3:]]
benchmark = importlib.import_module("benchmarks." + name)
began = time.process_time()
benchmark.main()
print(f"CPU seconds {time.process_time() - began:.4f}")
"""


def costs(name: str, printed: str) -> dict[str, float]:
    """Return what a benchmark's output says as costs: the less the better."""
    found: dict[str, float] = {}
    for contender, rate in _RATE.findall(printed):
        if not contender.startswith(("bare loop", "ccxt", "pyupbit", "upbit-sdk")):  # not our code
            found[f"{contender}: CPU µs a message"] = 1e6 / float(rate.replace(",", ""))
    for rate, slots, share in _SHARE.findall(printed):
        found[f"market at {rate}/s: CPU µs a slot"] = 1e4 * float(share) / float(slots.replace(",", ""))
    for case, plan, step, built in _PLAN.findall(printed):
        found |= {f"{case}: plan, ms": float(plan), f"{case}: one change, ms": float(step)}
        found[f"{case}: bytes, ms"] = float(built)
    cpu = _CPU.search(printed)
    if cpu is not None and name not in LAST_FOR_A_TIME:
        found["CPU s in all"] = float(cpu[1])
    return found


def run_one(tree: Path, name: str) -> dict[str, float]:
    """Run a benchmark of a tree in a process of its own; RuntimeError with the end of what it said if it fails."""
    stopwatch = "wall" if name in LAST_FOR_A_TIME else "CPU"
    done = subprocess.run(
        [sys.executable, "-c", _RUN, name, stopwatch, *ARGUMENTS.get(name, [])],
        cwd=tree,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    found = costs(name, done.stdout)
    if done.returncode or not found:
        raise RuntimeError(f"{name} in {tree}: {(done.stdout + done.stderr)[-2000:]}")
    return found


@contextlib.contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """Check a commit out in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "old"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], cwd=ROOT, check=True)
        try:
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], cwd=ROOT, check=True)


def compare(old: Path, new: Path, name: str, rounds: int) -> Iterator[tuple[str, float, float, float]]:
    """Yield each figure of a benchmark: its name, the medians of both trees, the median of the rounds' ratios."""
    before: list[dict[str, float]] = []
    after: list[dict[str, float]] = []
    for number in range(rounds):
        for tree, kept in ((old, before), (new, after))[:: -1 if number % 2 else 1]:
            kept.append(run_one(tree, name))
    for figure in before[0]:
        pairs = [(b[figure], a[figure]) for b, a in zip(before, after, strict=True) if figure in b and figure in a]
        if pairs:
            olds, news = zip(*pairs, strict=True)
            ratio = statistics.median(a / b for b, a in pairs)
            yield figure, statistics.median(olds), statistics.median(news), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", help="the commit to compare with")
    parser.add_argument("names", nargs="*", default=USUAL, help=f"benchmarks; {' '.join(USUAL)} if none is named")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    print(f"{'':44} {arguments.old:>10} {'here':>10} {'ratio':>7}   (load {os.getloadavg()[0]:.1f})")
    with tree_of(arguments.old) as old:
        for name in arguments.names:
            for figure, before, after, ratio in compare(old, ROOT, name, arguments.rounds):
                print(f"{name + ': ' + figure:54} {before:9.3f} {after:9.3f} {ratio:6.3f}", flush=True)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
