"""The plugin as projects meet it: in a pytest of its own, in a folder of its own, found or not asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
# By name: in a checkout the entry point may be one that an older version of the package was installed with.
PLUGINS = ("pytestqt.plugin", "pytest_asyncio.plugin", "xdist.plugin", "upbit_ws_qt.testing.plugin")
OURS = PLUGINS[-1:]
SETTINGS = """
[pytest]
qt_api = pyqt6
asyncio_mode = {mode}
asyncio_default_fixture_loop_scope = function
filterwarnings = error
"""
# In which part each fails, and what it says.
FAILURES = {
    "test_callback": ("failure", "a bug of mine"),
    "test_coroutine_callback": ("failure", "a bug of mine"),
    "test_slot": ("failure", "a bug of mine"),
    "test_handler_of_the_loop": ("failure", "a bug of mine"),
    "test_task": ("failure", "a bug of mine"),
    "test_assertion_in_a_coroutine": ("failure", "never"),
    "test_callback_and_an_assertion": ("failure", "never"),
    "test_real_exchange": ("failure", "UPBIT_LOOPBACK_ONLY=1"),
    "test_real_rest": ("failure", "UPBIT_LOOPBACK_ONLY=1"),
    "test_left_wish": ("error", "wish ticker KRW-BTC, of leaky"),
    "test_left_channel": ("error", "wish trade KRW-BTC, of channel trade KRW-BTC"),
    "test_left_task": ("error", "name='mine'"),
    "test_left_timer": ("error", "timer"),
    "test_left_window": ("error", "QLabel"),
    "test_marker_with_a_value": ("error", "takes settings by name"),
    "test_setting_that_cannot_be": ("error", "frame_rate"),
}


def environment() -> dict[str, str]:
    """Return what a project's pytest is started in: this checkout, and no plugin but those that are named."""
    return {
        **{name: value for name, value in os.environ.items() if name != "UPBIT_LOOPBACK_ONLY"},
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(ROOT),
        "QT_QPA_PLATFORM": "offscreen",
    }


def pytest_in(folder: Path, *arguments: str, plugins: Iterable[str] = PLUGINS) -> subprocess.CompletedProcess[str]:
    """Run the tests of a folder as a project runs its own, with these plugins and no other."""
    loaded = [part for name in plugins for part in ("-p", name)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *loaded, "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


def run_suite(folder: Path, suite: str, *arguments: str, mode: str = "auto") -> tuple[int, dict[str, tuple[str, str]]]:
    """Run a suite in a folder; return pytest's exit code and, by test, how it ended and what it said."""
    shutil.copy(HERE / suite, folder / f"test_{suite}")
    (folder / "pytest.ini").write_text(SETTINGS.format(mode=mode), encoding="utf-8")
    done = pytest_in(folder, "--junitxml=said.xml", *arguments)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    said: dict[str, tuple[str, str]] = {}
    for case in ElementTree.parse(folder / "said.xml").iter("testcase"):  # noqa: S314 -- written by our own process
        problem = next((part for part in case if part.tag in ("failure", "error", "skipped")), None)
        text = "" if problem is None else f"{problem.get('message')}\n{problem.text}"
        said[case.get("name", "")] = ("passed" if problem is None else problem.tag, text)
    return done.returncode, said


@pytest.mark.parametrize(("mode", "workers"), [("auto", ()), ("strict", ("-n", "2"))])
def test_tests_pass_one_after_the_other_and_side_by_side(tmp_path: Path, mode: str, workers: tuple[str, ...]) -> None:
    without = ("--deselect", "test_suite_that_passes.py::test_so_is_pytest_asyncio") if mode == "strict" else ()
    code, said = run_suite(tmp_path, "suite_that_passes.py", *workers, *without, mode=mode)
    assert {name: how for name, how in said.items() if how[0] != "passed"} == {}
    assert code == 0
    assert len(said) >= 20


def test_each_failure_is_charged_to_its_own_test_and_ends_no_process(tmp_path: Path) -> None:
    code, said = run_suite(tmp_path, "suite_that_fails.py")
    assert code == 1
    assert {name for name, (how, _) in said.items() if how == "passed"} == {"test_after_all_that_a_good_one_passes"}
    for name, (how, words) in FAILURES.items():
        assert (name, said[name][0]) == (name, how)
        assert words in said[name][1], name


def test_a_run_that_asks_for_nothing_loads_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        """
import sys

def test_mine() -> None:
    assert "upbit_ws_qt.testing.plugin" in sys.modules
    ours = {name for name in sys.modules if name.startswith("upbit_ws_qt")}
    assert ours == {"upbit_ws_qt", "upbit_ws_qt.testing", "upbit_ws_qt.testing.plugin", "upbit_ws_qt.testing.wishes"}
    for other in ("PyQt6", "qasync", "msgspec", "websockets", "jwt", "asyncio"):
        assert other not in sys.modules, other
""",
        encoding="utf-8",
    )
    done = pytest_in(tmp_path, plugins=OURS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_pytest_qt_the_fixtures_say_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text("def test_mine(upbit_service): ...\n", encoding="utf-8")
    done = pytest_in(tmp_path, plugins=OURS)
    assert done.returncode == 1
    assert "pip install pytest-qt" in done.stdout
