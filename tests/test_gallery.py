"""The gallery: every example is in it, can be imported, listed and started; services among them end as they should."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from upbit_ws_qt.examples import FOLDER, examples

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

ROOT = Path(__file__).parent.parent
GALLERY = [sys.executable, "-m", "upbit_ws_qt.examples"]
# Importing them opens no window and asks nobody anything.
_IMPORT_ALL = """
import importlib, sys
from upbit_ws_qt.examples import examples
for example in examples():
    module = importlib.import_module("upbit_ws_qt.examples." + example.name)
    assert module.__file__ == str(example.path), module
from PyQt6.QtCore import QCoreApplication
assert QCoreApplication.instance() is None
print(len(examples()))
"""


def test_each_file_is_an_example_that_says_what_it_shows() -> None:
    found = examples()
    assert FOLDER == ROOT / "examples"
    assert {example.name for example in found} == {path.stem for path in FOLDER.glob("*.py")}
    assert all(len(example.summary) > 20 and example.summary[-1] in ".:" for example in found), found
    assert all('if __name__ == "__main__":' in example.source for example in found)


def test_the_list_names_all_with_their_folder() -> None:
    done = subprocess.run([*GALLERY, "--list"], capture_output=True, text=True, check=True, cwd=ROOT)
    *lines, _, folder = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == [example.name for example in examples()]
    assert folder == str(FOLDER)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    done = subprocess.run([*GALLERY, "nothing"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert "there is no example 'nothing'; there is channels, " in done.stderr


def test_all_can_be_imported_under_one_name() -> None:
    done = subprocess.run([sys.executable, "-c", _IMPORT_ALL], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout == f"{len(examples())}\n", done.stderr


def test_the_window_shows_a_source_and_starts_and_stops_its_program(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    from upbit_ws_qt.examples.gallery import Gallery

    monkeypatch.chdir(ROOT)
    gallery = Gallery()
    qtbot.addWidget(gallery)
    assert gallery.names.count() == len(examples())
    gallery.names.setCurrentRow([example.name for example in examples()].index("headless"))
    assert "class Strategy" in gallery.source.toPlainText()
    assert not gallery.stop_button.isEnabled()
    gallery.start_button.click()
    assert not gallery.start_button.isEnabled()
    qtbot.waitUntil(lambda: "begun" in gallery.printed.toPlainText(), timeout=300_000)
    gallery.stop_button.click()
    qtbot.waitUntil(gallery.start_button.isEnabled, timeout=300_000)
    assert "[ended with 0]" in gallery.printed.toPlainText()
    assert "ended after " in gallery.printed.toPlainText()
    gallery.end()


@pytest.mark.skipif(sys.platform == "win32", reason="there a process can be ended, but not be asked to end")
@pytest.mark.parametrize(("name", "number"), [("headless_qt", signal.SIGTERM), ("headless", signal.SIGINT)])
def test_a_service_ends_in_order_when_the_system_wants_it_to(name: str, number: signal.Signals) -> None:
    with subprocess.Popen([*GALLERY, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "begun\n"
        run.send_signal(number)
        said, complaints = run.communicate(timeout=500)
    assert run.returncode == 0
    assert said.startswith("ended after ")
    assert "Traceback" not in complaints


@pytest.mark.parametrize(
    ("name", "lines", "line"),
    [
        ("from_pyupbit", 10, r"KRW-(BTC|ETH) [0-9.]+ -?[0-9.]+"),
        ("from_ccxt", 10, r"20\d\d-\d\d-\d\dT[0-9:.]+\+00:00 (buy|sell) [0-9.]+ [0-9.]+"),
    ],
)
def test_programs_that_were_written_for_others_print_what_they_did(name: str, lines: int, line: str) -> None:
    done = subprocess.run([*GALLERY, name], capture_output=True, text=True, check=False, cwd=ROOT, timeout=500)
    assert len([said for said in done.stdout.splitlines() if re.fullmatch(line, said)]) == lines, done.stdout
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.parametrize("limit", ["a lot", "160,000,000원", "NaN", "0", "Infinity"])
def test_a_limit_that_is_no_price_is_told_with_the_usage(limit: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "tray_alert.py", "KRW-BTC", limit],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
    assert limit in done.stderr
    assert "Traceback" not in done.stderr
