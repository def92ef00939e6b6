"""Each program in tests/promises runs to its end, in a process of its own, and says that its promise is kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = sorted(
    path.stem for path in (ROOT / "tests" / "promises").glob("*.py") if path.stem not in ("__init__", "stage")
)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("program", PROGRAMS)
def test_the_promise_is_kept(program: str) -> None:
    command = [sys.executable, "-m", f"tests.promises.{program}"]
    done = subprocess.run(command, check=False, cwd=ROOT, timeout=170, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "kept"
