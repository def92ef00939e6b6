"""Plays seeds and tells what broke: `make prove`, `make prove SEED=17`, `make prove ARGS="--seeds 60"`.

A seed that fails is shrunk to what is needed for it. Figures are printed as they are: seeds, faults, simulated hours.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tests.prove import mutants
from tests.prove.course import Course

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.prove.stage import Outcome

SHRUNK = 3  # of the seeds that fail, so many are shrunk


class Told(NamedTuple):
    """What is told of a seed: what can go from one process to another."""

    seed: int
    faults: int
    seconds: float
    violations: tuple[str, ...]
    counts: Counter[str]
    cpu: float
    digest: str


def main() -> int:
    """Play, print, and return 1 where something was not as promised."""
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets is chance too
        os.execve(sys.executable, [sys.executable, "-m", "tests.prove", *sys.argv[1:]],  # noqa: S606
                  {**os.environ, "PYTHONHASHSEED": "0"})  # fmt: skip
    options = _options()
    if options.mutant:
        mutants.install(options.mutant)
    if options.seed is not None:
        return _one(options.seed, trace=options.trace, shrink=not options.whole)
    began, cpu = time.monotonic(), 0.0
    seeds, faults, seconds = 0, 0, 0.0
    counts: Counter[str] = Counter()
    failed: list[Told] = []
    chosen = [seed for seed in range(options.first, options.first + options.seeds) if _has(seed, options.having)]
    for told in _play_all(chosen, options.jobs, options.minutes):
        seeds, faults, seconds, cpu = seeds + 1, faults + told.faults, seconds + told.seconds, cpu + told.cpu
        counts += told.counts
        if told.violations:
            failed.append(told)
            print(f"seed {told.seed} fails: {told.violations[0]}", flush=True)
        if seeds % 100 == 0:
            print(f"{seeds} seeds, {faults} faults, {seconds / 3600:.1f} h, {len(failed)} failed", flush=True)
        if len(failed) >= options.most_failures:
            break
    for told in () if options.no_shrinking else failed[:SHRUNK]:
        _one(told.seed, trace=False, shrink=True)
    trades, missed = counts.pop("trades", 0), counts.pop("trades missed", 0)
    print(f"{seeds} seeds, {faults} faults, {seconds / 3600:.1f} simulated hours, {len(failed)} failed: "
          f"{', '.join(str(told.seed) for told in failed)}")  # fmt: skip
    print(f"{trades} trades were to be handed out, {missed} of them lie in gaps that were told and not to be healed")
    print(f"{time.monotonic() - began:.0f} s on {options.jobs} processes, {cpu:.0f} s of CPU, "
          f"load {os.getloadavg()[0]:.1f}")  # fmt: skip
    print(", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--seed", type=int, help="this one only, and what is needed for it to fail")
    parser.add_argument("--trace", action="store_true", help="with --seed: print all that happens")
    parser.add_argument("--whole", action="store_true", help="with --seed: do not shrink it")
    parser.add_argument("--having", default="", help="play only seeds whose courses have such steps: drop,flurry")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no seed after so many; 0 for all")
    parser.add_argument("--most-failures", type=int, default=10, help="end after so many")
    parser.add_argument("--no-shrinking", action="store_true", help="only say which seeds fail")
    parser.add_argument("--mutant", help="with something wrong in the product, see mutants.py")
    return parser.parse_args()


def play(course: Course) -> Outcome:
    """Play a course; the product is loaded by the first one, with whatever is wrong in it on purpose."""
    from tests.prove import stage

    return stage.play(course)


def _has(seed: int, names: str) -> bool:
    """Whether the course of a seed has each of the steps that are named, with commas between."""
    wanted = set(filter(None, names.split(",")))
    return not wanted or wanted <= {step.what for step in Course.of(seed).steps}


def _play_all(seeds: Sequence[int], jobs: int, minutes: float) -> Iterator[Told]:
    ends = time.monotonic() + minutes * 60 if minutes else float("inf")
    if jobs <= 1:
        for seed in seeds:
            if time.monotonic() > ends:
                return
            yield tell(seed)
        return
    with multiprocessing.Pool(jobs, maxtasksperchild=100) as pool:
        for told in pool.imap_unordered(tell, seeds):
            yield told
            if time.monotonic() > ends:
                return


def tell(seed: int) -> Told:
    """Play one seed."""
    course, cpu = Course.of(seed), time.process_time()
    outcome = play(course)
    took = time.process_time() - cpu
    return Told(seed, course.faults, outcome.seconds, tuple(outcome.violations), outcome.counts, took, outcome.digest)


def _one(seed: int, *, trace: bool, shrink: bool) -> int:
    course = Course.of(seed)
    outcome = play(course)
    if outcome.violations and shrink:
        course = course.shrunk(lambda tried: _same(outcome, play(tried)))
        outcome = play(course)
    if trace:
        print("\n".join(outcome.trace))
    if outcome.violations:
        print(f"\n{course}")
        for text in outcome.violations:
            print(f"  ! {text}")
        print(f"  make prove SEED={seed}")
    else:
        print(f"seed {seed}: all well, {course.faults} faults in {outcome.seconds:.0f} s, trace {outcome.digest}")
    return 1 if outcome.violations else 0


def _same(first: Outcome, other: Outcome) -> bool:
    """Whether another course fails in the same way, whatever the figures in it."""
    return _kind(first.violations[0]) in map(_kind, other.violations)


def _kind(violation: str) -> str:
    return " ".join(word for word in violation.split()[:12] if word.isalpha())


if __name__ == "__main__":
    sys.exit(main())
