"""The program as a process: how it ends, and that nothing is left of it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
_PATIENCE = 250.0  # seconds for what takes less than two on an idle machine
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nobody's own settings; no screen."""
    return {
        **os.environ,
        "QT_QPA_PLATFORM": "offscreen",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }


# Does by itself what a user would do, as soon as there is a price, and tells what the program says of itself.
_ACTING = """
import logging, sys
class Acting(logging.Handler):
    def emit(self, record):
        print(record.getMessage(), flush=True)
        if record.getMessage().startswith("first price"):
            from PyQt6.QtCore import QTimer
            QTimer.singleShot(0, act)
def act():
    from PyQt6.QtWidgets import QApplication, QMainWindow
    import psutil
    print("exchange", *(each.pid for each in psutil.Process().children(recursive=True)), flush=True)
    app = QApplication.instance()
    (window,) = [each for each in app.topLevelWidgets() if isinstance(each, QMainWindow)]
    {deed}
logger = logging.getLogger("upbit_ws_qt.desktop")
logger.setLevel(logging.INFO)
logger.addHandler(Acting())
from widgets.desktop import main
raise SystemExit(main(["--embedded", "--size", "1000x700"]))
"""


@pytest.fixture
def program(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program whose exchange serves its first line."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run_desktop_ui.py"), "--embedded", "--size", "1000x700"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        deadline = time.monotonic() + _PATIENCE
        while not connected(process) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.communicate()


def children(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def connected(process: subprocess.Popen[str]) -> bool:
    try:
        return any(
            each.status == psutil.CONN_ESTABLISHED for each in psutil.Process(process.pid).net_connections("tcp")
        )
    except psutil.Error:
        return False


def living(pids: list[int]) -> list[psutil.Process]:
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=_PATIENCE)
    return not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    "deed",
    [
        pytest.param("window.close()", id="closed by its X"),
        pytest.param("app.quit()", id="quit by the menu", marks=pytest.mark.soak),
        pytest.param("app.commitDataRequest.emit(None); os._exit(9)", id="logged out, and not waited for"),
        pytest.param("app.commitDataRequest.emit(None); app.quit()", id="logged out", marks=pytest.mark.soak),
        pytest.param("signal.raise_signal(signal.SIGHUP)", id="the terminal goes"),
    ],
)
def test_however_it_ends_nothing_is_left_and_the_layout_is_kept(environment: dict[str, str], deed: str) -> None:
    before = set(psutil.Process().children(recursive=True))
    done = subprocess.run(
        [sys.executable, "-c", "import os, signal" + _ACTING.format(deed=deed)],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    told = done.stdout.splitlines()
    print(told)
    [exchange] = [[int(pid) for pid in line.split()[1:]] for line in told if line.startswith("exchange ")]
    at_once = "os._exit" in deed
    assert done.returncode == (9 if at_once else 0)
    assert done.stderr == ""
    marks = [line.partition(" after ")[0] for line in told if " after " in line]
    assert marks[:2] == ["window shown", "first price"]
    assert at_once or any(line.startswith("stopped within") for line in told)
    assert exchange
    assert gone(living(exchange))
    assert set(psutil.Process().children(recursive=True)) <= before
    assert Path(environment["XDG_CONFIG_HOME"], "upbit_ws_qt", "layout.json").is_file()


def test_what_lives_as_long_as_the_program_is_kept_out_of_garbage_collections(environment: dict[str, str]) -> None:
    deed = "import gc; print('counted', len(gc.get_objects()), gc.get_freeze_count()); app.quit()"
    done = subprocess.run(
        [sys.executable, "-c", _ACTING.format(deed=deed)],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    [counted] = [line for line in done.stdout.splitlines() if line.startswith("counted ")]
    (visited, frozen) = (int(count) for count in counted.split()[1:])
    assert frozen > 2 * visited


# SIGHUP is what "the terminal goes" is about.
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.soak)])
def test_a_signal_ends_everything(
    program: subprocess.Popen[str], number: signal.Signals, environment: dict[str, str]
) -> None:
    exchange = children(program)
    assert exchange
    program.send_signal(number)
    output, errors = program.communicate(timeout=_PATIENCE)
    assert program.returncode == 0
    assert (output, errors) == ("", "")
    assert gone(exchange)
    saved = Path(environment["XDG_CONFIG_HOME"], "upbit_ws_qt", "layout.json")
    assert saved.is_file(), "the layout is remembered"


def test_a_program_that_is_killed_leaves_no_exchange_behind(program: subprocess.Popen[str]) -> None:
    exchange = children(program)
    assert exchange
    program.kill()
    program.communicate()
    assert gone(exchange)


def test_smoke_visits_every_panel(environment: dict[str, str]) -> None:
    # One second from when each panel has data: how long they need for it is the machine's business.
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_desktop_ui.py"), "--smoke", "1", "--lang", "ko", "--theme", "dark"],
        capture_output=True,
        text=True,
        timeout=2 * _PATIENCE,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "panels got data" in done.stdout
    assert done.stderr == ""
    assert not Path(environment["XDG_CONFIG_HOME"], "upbit_ws_qt").exists(), "nothing is remembered of it"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--live", "--config", __file__],
        ["--live", "--embedded"],
        ["--region", "sg"],
        ["--symbols", "bitcoin"],
        ["--size", "big"],
        ["--size", "1x1"],
        ["--smoke", "0"],
        ["--lang", "fr"],
        ["--config", "/no/such/file.toml"],
        ["--rate", "nan"],
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_desktop_ui.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        env=environment,
        check=False,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_configuration_that_cannot_work_is_one_line(tmp_path: Path, environment: dict[str, str]) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text("ping_interval = 'often'\n")
    done = subprocess.run(
        [sys.executable, str(ROOT / "run_desktop_ui.py"), "--config", str(path)],
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        env=environment,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "ping_interval" in line
