"""Each program in tests/promises runs to its end, in a process of its own, and says that its promise is kept."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = sorted(
    path.stem for path in (ROOT / "tests" / "promises").glob("*.py") if path.stem not in ("__init__", "stage")
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_promise_is_kept(program: str) -> None:
    command = [sys.executable, "-m", f"tests.promises.{program}"]
    done = subprocess.run(command, check=False, cwd=ROOT, timeout=500, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "kept"


def _tests_of(path: Path) -> set[str]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, functions)}


def test_each_promise_names_tests_that_are_there() -> None:
    rows = [
        line
        for line in (ROOT / "docs" / "promises.md").read_text("utf-8").splitlines()
        if line[:3].strip("| ").isdigit()
    ]
    assert [int(row.split("|")[1]) for row in rows] == list(range(1, 34))
    for row in rows:
        named = re.findall(r"`(tests/[^`]+)`", row)
        assert named, row
        for name in named:
            file, _, test = name.partition("::")
            assert (ROOT / file).exists(), name
            assert not test or test in _tests_of(ROOT / file), name
