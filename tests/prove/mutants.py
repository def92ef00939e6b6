"""Puts something wrong into the product on purpose: the simulation has to find each in the first 200 seeds.

`make prove-mutants` plays seeds for each until one fails, and prints the table of docs/reliability.md;
`make prove-mutants ARGS="fill-twice --jobs 2"` those that are named.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

__all__ = ["MUTANTS", "Mutant", "install", "main"]

ROOT = Path(__file__).parents[2]
MOST_SEEDS = 200


class Mutant(NamedTuple):
    """A line that is wrong.

    Attributes:
        name: in a word or two.
        module: where it is.
        right: what stands there, once.
        wrong: what stands there instead.
        meaning: what it does wrong.
        needs: steps without which it cannot show, with commas between: seeds whose courses lack one are passed over.
    """

    name: str
    module: str
    right: str
    wrong: str
    meaning: str
    needs: str = ""


MUTANTS = (
    Mutant(
        "epoch-of-the-line-before",
        "upbit_ws_qt.connection.dialer",
        "line = Line(self._ws_type, epoch, self.limiter.successor(), sink, self._on_control)",
        "line = Line(self._ws_type, epoch - (epoch % 4 == 3), self.limiter.successor(), sink, self._on_control)",
        "each fourth line stamps its frames with the epoch before",
    ),
    Mutant(
        "epoch-untold",
        "upbit_ws_qt.connection.epoch",
        "        epoch = self._epochs[ws_type]\n"
        "        # A copy: whoever is told may stop listening.\n"
        "        for listener in tuple(self._listeners):\n",
        "        epoch = self._epochs[ws_type]\n"
        "        for listener in tuple(self._listeners)[: None if epoch % 4 else 0]:\n",
        "each fourth epoch is not told",
    ),
    Mutant(
        "gap-forgets",
        "upbit_ws_qt.connection.epoch",
        "        if loss is None:\n",
        "        if loss is None or True:\n",
        "a loss is told as a planned change",
    ),
    Mutant(
        "gap-narrow",
        "upbit_ws_qt.routing.engine",
        "return StreamGap(stream, max(at for at, _ in places), max(ids, default=None))",
        "return StreamGap(stream, max(at for at, _ in places) + 3000, max(ids, default=None))",
        "a gap begins three seconds late",
    ),
    Mutant(
        "gap-mended-early",
        "upbit_ws_qt.connection.epoch",
        "        if self._loss is None:\n            self._loss = _Loss(at, cause)",
        "        self._loss, self._ranges = None, None",
        "a loss is forgotten at once",
    ),
    Mutant(
        "dead-is-alive",
        "upbit_ws_qt.connection.supervisor",
        "if not lived:",
        "if not lived and False:",
        "a line that was dead before it was replaced leaves no gap",
        needs="stuck",
    ),
    Mutant(
        "trade-twice",
        "upbit_ws_qt.routing.ordering",
        "        if not ids.add(event.sequential_id):\n            return Verdict.DUPLICATE\n",
        "        ids.add(event.sequential_id)\n",
        "what two lines carried is handed out twice",
        needs="reconnect",
    ),
    Mutant(
        "trade-older-dropped",
        "upbit_ws_qt.routing.ordering",
        "            self.timestamp = event.timestamp\n        return _NEWS",
        "            self.timestamp = event.timestamp\n"
        "        return _NEWS if event.sequential_id % 50 else Verdict.STALE",
        "one trade in fifty is taken for old",
    ),
    Mutant(
        "limit-none",
        "upbit_ws_qt.connection.rate_limit",
        "        return max(0.0, self._sent_at[-1] + spacing - now, delay)",
        "        return 0.0",
        "changes of what is wanted leave as they come, whatever the limit",
        needs="flurry",
    ),
    Mutant(
        "limit-second",
        "upbit_ws_qt.connection.rate_limit",
        "SECOND = 1.05\n",
        "SECOND = 0.5\n",
        "a second of the limits is over after half of it",
        needs="flurry",
    ),
    Mutant(
        "limit-minute",
        "upbit_ws_qt.connection.rate_limit",
        "MINUTE = 60.6\n",
        "MINUTE = 20.0\n",
        "a minute of the limits is over after a third of it",
        needs="flurry",
    ),
    Mutant(
        "limit-dials",
        "upbit_ws_qt.connection.rate_limit",
        "            until = max(until, self._finished_at[-room] + SECOND)\n        return max(0.0, until - now)\n",
        "            pass\n        return max(0.0, self._blocked_until - now)\n",
        "lines are dialled as often as it comes, whatever the limit and what the exchange says is left of it",
        needs="reconnect",
    ),
    Mutant(
        "overlap-older",
        "upbit_ws_qt.routing.ordering",
        "        elif event.epoch < self.epoch or (timestamp < self.timestamp and self._is_overlap(event)):\n",
        "        elif event.epoch < self.epoch:\n",
        "a new line may bring what is older than what the old one has brought",
        needs="reconnect",
    ),
    Mutant(
        "fill-twice",
        "upbit_ws_qt.routing.ordering",
        "                self._fills.add(event.trade_uuid)\n",
        "                pass\n",
        "a fill that REST has told is told by the line, too",
        needs="trading",
    ),
    Mutant(
        "candle-floor",
        "upbit_ws_qt.backfill.walks",
        "            if start < self._floor.start:\n",
        "            if start <= self._floor.start:\n",
        "the candle that ran before a gap is not made good",
    ),
    Mutant(
        "planner-loses-one",
        "upbit_ws_qt.subscriptions.planner",
        "tuple(sorted(group.symbols)),",
        "tuple(sorted(group.symbols))[: 3 if group.mode is not _Mode.PLAIN else None],",
        "a request leaves out some of what flows",
    ),
    Mutant(
        "planner-snapshot-only",
        "upbit_ws_qt.subscriptions.planner",
        "        only_snapshot=group.mode is _Mode.SNAPSHOT,\n        only_realtime=group.mode is _Mode.REALTIME,\n",
        "        only_snapshot=group.mode is not _Mode.PLAIN,\n        only_realtime=False,\n",
        "what flows already is asked for as snapshot only, and ends",
    ),
    Mutant(
        "backfill-floor",
        "upbit_ws_qt.backfill.driver",
        "healing.floor = TradeFloor(max(gap.since if each.since is None else each.since, recovered))",
        "healing.floor = TradeFloor(max(gap.since if each.since is None else each.since, recovered) + 3000)",
        "the past is asked for from three seconds too late on",
    ),
    Mutant(
        "backfill-again",
        "upbit_ws_qt.backfill.driver",
        "            healing.again = healing.walk is not None\n",
        "            healing.again = False\n",
        "a second cut while a gap is healed is not healed",
    ),
    Mutant(
        "backfill-again-twice",
        "upbit_ws_qt.backfill.driver",
        "recovered = self._made_good.get(each.stream, 0) - DISORDER_MS",
        "recovered = 0",
        "what was recovered is recovered again behind a line that was never proved",
        needs="waking",
    ),
    Mutant(
        "backfill-order",
        "upbit_ws_qt.backfill.walks",
        "    merged.extend(waiting.values())\n    return merged",
        "    merged[:0] = waiting.values()\n    return merged",
        "live events that waited come before what was missed",
    ),
    Mutant(
        "backfill-lag",
        "upbit_ws_qt.backfill.healing",
        "        return first.sequential_id != walk.floor.after_id and not walk.has(first.sequential_id)",
        "        return False",
        "REST that is behind the line is believed",
        needs="rest_lag",
    ),
)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module with one thing wrong in it."""

    def __init__(self, fullname: str, path: str, mutant: Mutant) -> None:
        super().__init__(fullname, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        """Compile the source with the mutant in it; no cached code is read or written."""
        path = self.get_filename(fullname)
        source = self.get_data(path).decode()
        if source.count(self._mutant.right) != 1:
            raise ImportError(f"{self._mutant.name}: what is to be replaced does not stand there once")
        return compile(source.replace(self._mutant.right, self._mutant.wrong), path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find the one module."""
        if fullname != self._mutant.module:
            return None
        file = str(ROOT / Path(*fullname.split(".")).with_suffix(".py"))
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(fullname, file, self._mutant))


def install(name: str) -> None:
    """Have a mutant loaded in the place of its module, which must not have been imported yet."""
    mutant = next(each for each in MUTANTS if each.name == name)
    assert mutant.module not in sys.modules
    sys.meta_path.insert(0, _Finder(mutant))


def hunt(mutant: Mutant) -> tuple[str, str]:
    """Play the first seeds with a mutant; return the first one that fails, "none" where all are well, and how.

    Raises:
        RuntimeError: the seeds were not played to the end.
    """
    command = [sys.executable, "-m", "tests.prove", "--mutant", mutant.name, "--seeds", str(MOST_SEEDS),
               "--having", mutant.needs, "--jobs", "1", "--most-failures", "1", "--no-shrinking"]  # fmt: skip
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "0"}, check=False
    )
    found = re.search(r"seed (\d+) fails: (.*)", done.stdout)
    if found is not None:
        return found[1], found[2][:70]
    played = re.search(r"(\d+) seeds, .* 0 failed: $", done.stdout, re.MULTILINE)
    if done.returncode or played is None:
        raise RuntimeError(f"{mutant.name}: broken off with {done.returncode}: {done.stderr[-300:]}")
    return "none", f"all {played[1]} seeds were well"


def _row(mutant: Mutant) -> tuple[bool, str]:
    try:
        seed, how = hunt(mutant)
    except RuntimeError as error:
        return False, str(error)
    return seed != "none", f"| `{mutant.name}` | {mutant.meaning} | {seed} | {how} |"


def main() -> int:
    """Play seeds with each mutant until one fails; return how many mutants were not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help="which; all where none is named")
    parser.add_argument("--jobs", type=int, default=1, help="so many at a time")
    options = parser.parse_args()
    if unknown := set(options.names) - {mutant.name for mutant in MUTANTS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    chosen = [mutant for mutant in MUTANTS if not options.names or mutant.name in options.names]
    missed = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        for found, row in pool.map(_row, chosen):
            missed += not found
            print(row, flush=True)
    return missed


if __name__ == "__main__":
    sys.exit(main())
