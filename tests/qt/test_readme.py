"""The example that the READMEs show is the file in examples/, is short, and runs offline as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.example_programs import run_watched

ROOT = Path(__file__).parents[2]


def block(readme: str) -> str:
    """Return the example as a README shows it."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.search(r"<!-- example begins -->\n```python\n(.*?)```\n<!-- example ends -->", text, re.DOTALL)
    assert found is not None, f"{readme} has no example between its markers"
    return found.group(1)


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_readme_shows_the_file(readme: str) -> None:
    text = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    shown = text.split("# README begins\n")[1].split("# README ends\n")[0].strip("\n") + "\n"
    assert block(readme) == shown


def test_it_has_eighteen_lines() -> None:
    assert len([line for line in block("README.md").splitlines() if line.strip()]) == 18


def test_it_runs_offline_as_it_stands() -> None:
    done = run_watched(block("README.md"))
    # A price as it is written in Korea: no decimals where the tick has none.
    shown = re.search(r"shown: \['(KRW-BTC  [0-9]{2,3},[0-9]{3},000  [+-][0-9.]+%)'\]", done.stdout)
    assert shown, done.stdout + done.stderr
    assert "sizes: [(360, 80)]" in done.stdout
    assert done.stdout.endswith("ended\n")
    assert done.returncode == 0
    assert done.stderr == ""


def test_the_channels_example_runs() -> None:
    done = run_watched(example="channels")
    assert "shown:" in done.stdout, done.stderr
    assert "exit code 0" in done.stdout
    assert set(done.stderr.splitlines()) <= {"This plugin does not support propagateSizeHints()"}  # of a bare platform


def test_the_pull_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "upbit_ws_qt.examples", "pull"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        cwd=ROOT,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 9, done.stderr
    assert all(re.fullmatch(r"KRW-(BTC|ETH|XRP) [0-9.]+", line) for line in lines), lines
    assert done.stderr == ""
