"""Measures what docs/figures.md shows, keeps what each command printed, and draws the page and its curves from that.

    python -m benchmarks.figures                    all of it: ten minutes on an idle machine (make figures)
    python -m benchmarks.figures latency growth     these anew, and the page
    python -m benchmarks.figures --draw             the page from what was printed last
    python -m benchmarks.figures --keep NAME FILE   FILE is what the command of that name printed on this machine

What a command printed is kept in benchmarks/printed/, with the date, the machine and the versions. The page, in both
languages, has nothing else in it, so that nobody can mend a figure by hand: a test compares.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks._curves import Series, drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent
PRINTED = Path(__file__).parent / "printed"
PAGES = {"en": ROOT / "docs" / "figures.md", "ko": ROOT / "docs" / "figures.ko.md"}
IMAGES = ROOT / "docs" / "images"
VERSIONS = ("PyQt6", "qasync", "websockets", "msgspec")
OTHERS = ("ccxt", "pyupbit", "upbit-sdk", "picows")
SLOWEST = 600.0  # seconds that a command may take


@dataclass(frozen=True)
class Row:
    """A figure on the page: what it is in each language, where it stands in what was printed, how it is shown."""

    english: str
    korean: str
    pattern: str
    shown: str | Callable[..., str]

    def figure(self, printed: str) -> str:
        """Return the figure; ValueError where a command prints something else than it did."""
        found = re.search(self.pattern, printed, re.DOTALL | re.MULTILINE)
        if found is None:
            raise ValueError(f"nothing printed looks like {self.pattern!r}")
        shown = self.shown.format if isinstance(self.shown, str) else self.shown
        return shown(*(group.strip() for group in found.groups()))


@dataclass(frozen=True)
class Command:
    """What is run, and the rows of the page that come from it."""

    arguments: str
    rows: tuple[Row, ...] = ()
    program: str = "python -m"

    @property
    def line(self) -> str:
        """Return what a reader types."""
        return f"{self.program} {self.arguments}"


def _paces(kind: str, english: str, korean: str) -> tuple[Row, ...]:
    """Return the rows of one kind of data: pace to a typed slot and by display frames, single and in bursts."""
    of = rf"^{kind}, {{regime}}.*?channels to typed slots[^\n]*\)\s+([\d.]+)\n\s+conflated[^\n]*\)\s+([\d.]+)"
    burst, single = (of.format(regime=regime) for regime in ("burst", "single"))
    return (
        Row(f"{english}, one a read", f"{korean}, 한 번에 하나", single, "{0} / {1}"),
        Row(f"{english}, in bursts of 200", f"{korean}, 200개씩 몰려서", burst, "{0} / {1}"),
    )


def _times(ours: str, theirs: str) -> str:
    """Return how many times a contender's pace ours is, and the µs of both."""
    return f"{float(theirs) / float(ours):.1f} × ({ours} / {theirs} µs)"


def _others(contender: str, name: str) -> tuple[Row, ...]:
    pair = r"^ticker, {0}.*?channels to typed slots\s+([\d.]+) µs.*?^\s+{1}\s+([\d.]+) µs"
    found = []
    for regime, english, korean in (("single", "one a read", "한 번에 하나"), ("burst", "in bursts", "몰려서")):
        pattern = pair.format(regime, re.escape(contender))
        found.append(
            Row(
                f"ticker, {english}: pace beside {name}",
                f"현재가, {korean}: {name}에 대한 속도",
                pattern,
                _times,
            )
        )
    return tuple(found)


def _count(name: str, english: str, korean: str) -> Row:
    return Row(english, korean, rf"^{re.escape(name)}\s+([\d.]+)", "{0}")


COMMANDS: dict[str, Command] = {
    "counts": Command(
        "benchmarks.counts",
        (
            _count("message ticker", "steps of a message, ticker", "메시지 하나의 걸음, 현재가"),
            _count("message trade", "the same, trade", "같은 것, 체결"),
            _count("message book30", "the same, book of 30", "같은 것, 30단 호가"),
            _count("message mix", "the same, a desktop's mix", "같은 것, 데스크톱의 섞임"),
            _count(
                "one change overlapping",
                "steps of one change more, for each of 1,500 streams",
                "구독 하나를 바꿀 때의 걸음, 스트림 1,500개 각각",
            ),
            _count("bytes simple", "bytes in SIMPLE", "SIMPLE 형식의 바이트"),
            _count("bytes simple deflate", "bytes in SIMPLE, compressed", "SIMPLE 형식에 압축"),
        ),
    ),
    "instructions": Command(
        "benchmarks.instructions --kinds ticker mix --regimes burst --contenders slots",
        (
            Row(
                "pace by instructions, ticker",
                "명령어로 센 속도, 현재가",
                r"^ticker, burst.*?slots\s+[\d,]+\s+([\d.]+)",
                "{0}",
            ),
            Row(
                "pace by instructions, a desktop's mix",
                "명령어로 센 속도, 데스크톱의 섞임",
                r"^mix, burst.*?slots\s+[\d,]+\s+([\d.]+)",
                "{0}",
            ),
        ),
    ),
    "throughput": Command(
        "benchmarks.throughput --kinds ticker trade book30 mix --rounds 4",
        (
            *_paces("ticker", "ticker", "현재가"),
            *_paces("trade", "trade", "체결"),
            *_paces("book30", "book of 30", "30단 호가"),
            *_paces("mix", "a desktop's mix", "데스크톱의 섞임"),
        ),
    ),
    "others": Command(
        'benchmarks.throughput --kinds ticker --rounds 2 --seconds 1 --contenders "bare loop" '
        '"channels to typed slots" ccxt.pro pyupbit upbit-sdk',
        (*_others("ccxt.pro", "ccxt.pro"), *_others("pyupbit", "pyupbit"), *_others("upbit-sdk", "upbit-sdk")),
    ),
    "planner": Command(
        "benchmarks.planner",
        (
            Row(
                "plan of 1,500 streams / of 10,000",
                "스트림 1,500개 / 10,000개의 계획",
                r"overlapping.*?plan\s+([\d.]+) ms.*?distinct.*?plan\s+([\d.]+) ms",
                "{0} / {1} ms",
            ),
        ),
    ),
    "heal": Command(
        "benchmarks.heal --streams 20 --gaps 5 600",
        tuple(
            Row(
                f"20 streams after a gap of {english}: whole again after; trades recovered; questions asked",
                f"스트림 20개, {korean} 끊긴 뒤: 다시 온전해지기까지, 되찾은 체결, 질문 수",
                rf"gap of {gap} s: whole after ([\d.]+ s), ([\d,]+) of ([\d,]+) trades, (\d+) questions",
                "{0}; {1} / {2}; {3}",
            )
            for gap, english, korean in ((5, "5 s", "5초"), (600, "10 min", "10분"))
        ),
    ),
    "turns": Command(
        "benchmarks.turns --seconds 4",
        (
            Row(
                "longest turn of the loop, 1,248 streams of 100 components",
                "루프가 한 번에 가장 오래 붙잡힌 시간, 스트림 1,248개",
                r"^longest: ([\d.]+ ms)",
                "{0}",
            ),
        ),
    ),
    "latency": Command(
        "benchmarks.latency 4 --rates 500 1000 2000 5000 10000",
        tuple(
            Row(
                f"frame to slot, p50 / p99, the market at {rate:,} messages a second, 1,000 subscriptions",
                f"프레임에서 슬롯까지 p50 / p99, 시장 전체 초당 {rate:,}개, 구독 1,000개",
                rf"market at\s+{rate} messages.*?p50\s+([\d.]+) ms, p99\s+([\d.]+) ms",
                "{0} / {1} ms",
            )
            for rate in (1_000, 10_000)
        ),
    ),
    "growth": Command(
        "benchmarks.growth",
        (
            Row(
                "bytes for each stream more, up to 100 / up to 5,000 of them",
                "스트림이 하나 늘 때의 바이트, 100개까지 / 5,000개까지",
                r"streams.*?^\s+100\s+\d+\s+[\d,]+\s+([\d,]+).*?^\s+5,000\s+[\d,]+\s+[\d,]+\s+([\d,]+)",
                "{0} / {1}",
            ),
            Row(
                "bytes for each component of ten streams more, up to 100 / up to 1,000 of them",
                "스트림 열 개짜리 컴포넌트가 하나 늘 때의 바이트, 100개까지 / 1,000개까지",
                r"components.*?^\s+100\s+\d+\s+[\d,]+\s+([\d,]+).*?^\s+1,000\s+\d+\s+[\d,]+\s+([\d,]+)",
                "{0} / {1}",
            ),
        ),
    ),
}
"""In the order of the page. What asks no clock comes first; each of the others has the machine to itself."""

SAME = {"en": "the same", "ko": "위와 같음"}
PACE = {"en": "pace", "ko": "속도"}
VERSIONS_ARE = {"en": "Versions", "ko": "버전"}


@dataclass(frozen=True)
class Output:
    """What a command printed, with when and where."""

    command: str
    date: str
    machine: str
    versions: str
    load: str
    text: str

    @classmethod
    def read(cls, name: str) -> Output:
        """Read what is kept of a command."""
        head, _, text = (PRINTED / f"{name}.txt").read_text("utf-8").partition("\n\n")
        command, date, machine, versions, load = (line.partition(": ")[2] for line in head.splitlines())
        return cls(command, date, machine, versions, load, text)

    def write(self, name: str) -> None:
        """Keep it."""
        PRINTED.mkdir(exist_ok=True)
        told = {"command": self.command, "date": self.date, "machine": self.machine}
        told |= {"versions": self.versions, "load": self.load}
        head = "\n".join(f"{key}: {value}" for key, value in told.items())
        (PRINTED / f"{name}.txt").write_text(f"{head}\n\n{self.text.strip()}\n", "utf-8")


def machine() -> str:
    """Return what this computer is, as far as it matters to a figure."""
    name = platform.processor() or platform.machine()
    told = Path("/proc/cpuinfo")
    if told.exists() and (found := re.search(r"^model name\s*: (.+)$", told.read_text(), re.MULTILINE)):
        name = found[1]
    return f"{os.cpu_count()} × {name}, {platform.system()} {platform.machine()}"


def versions() -> str:
    """Return the versions of what a figure depends on."""
    found = [f"Python {platform.python_version()}"]
    for name in (*VERSIONS, *OTHERS):
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def load() -> str:
    """Return how much else this computer has to do."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "-"


def kept(name: str, text: str, busy: str) -> None:
    """Keep what a command printed here and today; ValueError where the page cannot make use of it."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    output = Output(COMMANDS[name].line, today, machine(), versions(), busy, text)
    for row in COMMANDS[name].rows:
        row.figure(output.text)  # what cannot be read is not kept
    output.write(name)


def measure(name: str) -> None:
    """Run a command and keep what it printed."""
    print(f"== {COMMANDS[name].line}", flush=True)
    busy = load()
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', COMMANDS[name].arguments)]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=SLOWEST,
        check=False,
    )
    if not done.stdout.strip():
        raise SystemExit(done.stderr)
    print(done.stdout, flush=True)
    kept(name, done.stdout, busy)


def _numbers(pattern: str, printed: str) -> list[tuple[float, ...]]:
    found = re.findall(pattern, printed, re.MULTILINE)
    return [tuple(float(each.replace(",", "")) for each in groups) for groups in found]


def curves(language: str) -> dict[str, str]:
    """Return the pictures, by their names without an ending."""
    number = 0 if language == "en" else 1

    def of(*texts: str) -> str:
        return texts[number]

    printed = Output.read("growth").text
    row = r"^\s+([\d,]+)\s+[\d,]+\s+([\d,]+)\s+-?[\d,]+\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)$"
    streams, components = (_numbers(row, part) for part in re.split(r"^ *components", printed, flags=re.MULTILINE))
    found = {}
    for name, title, rows in (
        ("streams", of("streams", "스트림"), streams),
        ("components", of("components", "컴포넌트"), components),
    ):
        counts = [each[0] for each in rows]
        memory = [Series(of("memory", "메모리"), counts, [each[1] for each in rows])]
        found[f"{name}-memory"] = drawn(of("memory, KiB", "메모리, KiB"), title, memory)
        told = ((2, of("register all", "모두 등록")), (3, of("one more", "하나 더")), (4, of("a reading", "읽기")))
        times = [Series(what, counts, [each[place] for each in rows]) for place, what in told]
        found[f"{name}-time"] = drawn(of("CPU time, ms", "CPU 시간, ms"), title, times)
    rows = _numbers(
        r"market at\s+(\d+) messages.*?CPU\s+([\d.]+) %.*?p50\s+([\d.]+) ms, p99\s+([\d.]+) ms",
        Output.read("latency").text,
    )
    rates = [each[0] for each in rows]
    title = of("messages a second", "초당 메시지")
    found["rate-cpu"] = drawn(
        of("share of a core, %", "코어 하나의 몫, %"), title, [Series("CPU", rates, [r[1] for r in rows])]
    )
    times = [Series(what, rates, [each[place] for each in rows]) for place, what in ((2, "p50"), (3, "p99"))]
    found["rate-latency"] = drawn(of("frame to slot, ms", "프레임에서 슬롯까지, ms"), title, times)
    return found


def page(language: str) -> str:
    """Return the page in one language: its template with what was printed."""
    outputs = {name: Output.read(name) for name in COMMANDS}
    used = dict.fromkeys(each.versions for each in outputs.values())
    return Template((Path(__file__).parent / f"page.{language}.md").read_text("utf-8")).substitute(
        rows="\n".join(_rows(language, outputs)),
        when="\n".join(
            f"| `{each.command}` | {each.date} | {each.machine} | {each.load} |" for each in outputs.values()
        ),
        versions="\n\n".join(f"{VERSIONS_ARE[language]}: {told}." for told in used),
    )


def _rows(language: str, outputs: dict[str, Output]) -> Iterator[str]:
    for name, command in COMMANDS.items():
        told = f"`{command.line}`"
        for row in command.rows:
            what = row.english if language == "en" else row.korean
            if name == "throughput":
                what = f"{what}: {PACE[language]}"
            yield f"| {what} | {row.figure(outputs[name].text)} | {told} |"
            told = SAME[language]


def draw() -> None:
    """Write the pages and the curves from what is kept."""
    for language, path in PAGES.items():
        end = "" if language == "en" else f".{language}"
        for name, picture in curves(language).items():
            (IMAGES / f"curve-{name}{end}.svg").write_text(picture, "utf-8")
        path.write_text(page(language), "utf-8")
        print(path.relative_to(ROOT))


def main() -> int:
    """Measure what is asked for, and draw the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*COMMANDS, []], help="which commands; all where none is named")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument("--keep", nargs=2, metavar=("NAME", "FILE"), help="what a command has printed on this machine")
    arguments = parser.parse_args()
    failed: list[str] = []
    if arguments.keep:
        kept(arguments.keep[0], Path(arguments.keep[1]).read_text("utf-8"), load())
    elif not arguments.draw:
        for name in arguments.names or COMMANDS:
            try:
                measure(name)
            except ValueError as error:
                print(f"not kept: {error}", file=sys.stderr, flush=True)
                failed.append(name)
    draw()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
