"""`python -m tools.protocol_page` writes docs/protocol.md from the statements and the tests that carry their numbers.

A test carries numbers by `@pytest.mark.statement("P3.2", …)`. With `--check` nothing is written, and the exit code
tells whether the page is as it should be.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from upbit_ws_qt.doctor import CHECKS, SECTIONS, STATEMENTS, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "protocol.md"

_HEAD = """\
# The protocol, in numbered statements

What this project takes Upbit's WebSocket for, in its own words. Each statement has a number that stays: tests carry it, `upbit-ws-doctor` reports by it, comments cite it. The statements
are kept in `upbit_ws_qt/doctor/statements.py`; this page is written by `python -m tools.protocol_page`.

**documented**: the exchange's documentation says so · **seen**: observed on the real exchange · **unsure**: reports disagree, or nobody has shown it. The client is lenient about what is not
documented, the embedded exchange strict. A country in brackets: the statement is about that one only (kr Korea, sg Singapore, id Indonesia, th Thailand).

The last column names the tests that hold a statement: those under `tests/exchange` hold the embedded exchange to it, the others the client. Where the doctor cannot look, it says why.

Is it true of the exchange you reach? `upbit-ws-doctor --live` asks it, statement by statement ([how](../README.md#is-it-true)).
"""


@cache
def marked_tests() -> dict[str, list[str]]:
    """Return number → tests that carry it, as `path::name`, in the order of paths and lines."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, numbers in _marks(ast.parse(path.read_text("utf-8"))):
            for number in numbers:
                found[number].append(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return dict(found)


def page() -> str:
    """Return the whole page."""
    tests = marked_tests()
    asked = {number for each in CHECKS for number in each.numbers}
    lines = [_HEAD]
    for section, title in SECTIONS.items():
        lines += ["", f"## {section} {title}", "", "| | statement | known | held by |", "|---|---|---|---|"]
        for each in STATEMENTS:
            if each.section != section:
                continue
            where = f" [{', '.join(each.regions)}]" if each.regions else ""
            known = each.source.value if each.source is Source.DOCUMENTED else f"**{each.source.value}**"
            held = _held(tests.get(each.number, [])) or f"no test: {each.untested}"
            if each.number not in asked:
                held += f"; not by the doctor: {each.unchecked}"
            lines.append(f"| {each.number} | {each.text}{where} | {known} | {held} |")
    return "\n".join(lines) + "\n"


def _held(tests: list[str]) -> str:
    files: defaultdict[str, list[str]] = defaultdict(list)
    for test in tests:
        path, _, name = test.partition("::")
        files[path].append(name)
    return "; ".join(f"`{path}` {', '.join(f'`{name}`' for name in names)}" for path, names in files.items())


def _marks(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.statement":
                    yield node.name, [str(ast.literal_eval(argument)) for argument in decorator.args]


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is out of date")
    if parser.parse_args().check:
        return int(PAGE.read_text("utf-8") != page())
    PAGE.write_text(page(), "utf-8")
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
