"""What tests/conftest.py sees of tests that misbehave; they run in a pytest of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

MESSY = """
import asyncio
import gc

KEPT = []


async def test_task():
    asyncio.get_running_loop().create_task(asyncio.sleep(100))


def test_cycle():
    gc.disable()
    cycle = [asyncio.sleep(0)]
    cycle.append(cycle)


def test_that_keeps():
    KEPT.append({"kept": []})


def test_after_one_that_keeps():
    assert all(each is not KEPT[0] for each in gc.get_objects()), "each collection would walk it again"


async def test_good():
    await asyncio.sleep(0)
"""

HANGING = """
import ctypes


def test_hang():
    ctypes.PyDLL(None).sleep(600)  # keeps the interpreter's lock, so that no thread and no signal handler can run
"""


def run(tmp_path: Path, tests: str, *options: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "test_these.py").write_text(tests, encoding="utf-8")
    pytest = [sys.executable, "-m", "pytest", "-v", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest"]
    return subprocess.run(
        [*pytest, "-p", "no:cacheprovider", f"--rootdir={tmp_path}", *options, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def outcomes(told: list[str]) -> list[list[str]]:
    """Return each test with what became of it, in the order in which they ran."""
    return [line.split("::")[1].split()[:2] for line in told if ".py::" in line and line.endswith("%]")]


def test_what_a_test_leaves_is_charged_to_it(tmp_path: Path) -> None:
    told = run(tmp_path, MESSY, "--order=0").stdout.splitlines()
    assert outcomes(told) == [
        ["test_task", "PASSED"],
        ["test_task", "ERROR"],
        ["test_cycle", "PASSED"],
        ["test_cycle", "ERROR"],
        ["test_that_keeps", "PASSED"],
        ["test_after_one_that_keeps", "PASSED"],
        ["test_good", "PASSED"],
    ], told


def test_tests_run_in_an_order_that_is_told_and_can_be_repeated(tmp_path: Path) -> None:
    many = "".join(f"def test_{number}(): pass\n" for number in range(40))
    first = run(tmp_path, many).stdout.splitlines()
    told = next(line for line in first if line.startswith("order of the tests: --order"))
    again = run(tmp_path, many, *told.split()[-2:]).stdout.splitlines()
    assert outcomes(first) == outcomes(again)
    assert outcomes(first) != sorted(outcomes(first), key=lambda test: int(test[0].split("_")[1]))
    assert len(outcomes(first)) == 40


def test_a_hang_inside_c_is_ended_and_shown(tmp_path: Path) -> None:
    ended = run(tmp_path, HANGING, "--hangs-after=2")
    assert ended.returncode == 1
    assert "::test_hang" in ended.stdout
    assert "Timeout (0:00:02)" in ended.stderr
    assert "most recent call first" in ended.stderr
