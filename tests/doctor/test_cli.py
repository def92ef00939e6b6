"""The doctor as a program: exit codes, one line for what is wrong, JSON, an end by Ctrl-C, and no Qt."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from upbit_ws_qt.doctor import STATEMENTS
from upbit_ws_qt.doctor.cli import build_parser, main

ROOT = Path(__file__).parents[2]
WITHOUT_QT = """
import sys
for name in ("PyQt6", "qasync", "pyqtgraph"):
    sys.modules[name] = None
from upbit_ws_qt.doctor.cli import main
raise SystemExit(main(sys.argv[1:]))
"""


def test_the_whole_on_the_embedded_exchange_without_qt(tmp_path: Path) -> None:
    record = tmp_path / "seen.jsonl"
    command = [sys.executable, "-c", WITHOUT_QT, "--quick", "--json", "--record", str(record)]
    done = subprocess.run(command, check=False, cwd=ROOT, timeout=500, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report["broken"] else 0), done.stderr
    found = {each["number"]: each["seen"] for each in report["findings"] if each["verdict"] == "broken"}
    assert found == {}
    here = [each.number for each in STATEMENTS if not each.regions or "kr" in each.regions]
    assert [finding["number"] for finding in report["findings"]] == here
    assert report["line"].startswith("upbit-ws-doctor ")
    assert "Traceback" not in done.stderr
    assert record.stat().st_size > 10_000


@pytest.mark.skipif(sys.platform == "win32", reason="a console signal cannot be sent to one process there")
def test_an_interrupt_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "upbit_ws_qt.doctor"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stderr is not None
        assert program.stderr.readline().startswith("examining 127.0.0.1")
        program.send_signal(signal.SIGINT)
        out, errors = program.communicate(timeout=300)
    assert program.returncode == 130
    assert out == ""
    assert errors.strip() == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "ws://127.0.0.1:1/websocket/v1"], "127.0.0.1:1"),
        (["--url", "http://127.0.0.1:1/"], "public_url"),
        (["--url", "ws://example.com/websocket/v1"], "public_url"),
        (["--live", "--key", "env"], "UPBIT_ACCESS_KEY"),
        (["--live", "--url", "ws://127.0.0.1:1/"], "not allowed with"),
        (["--rest-url", "http://127.0.0.1:1"], "--url"),
        (["--region", "us"], "us"),
        (["--quick", "--record", "/nowhere/at/all"], "/nowhere/at/all"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("examining")]
    assert len(lines) == 1
    assert said in lines[0]


def test_real_keys_do_not_go_out_in_the_clear(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "UPBIT_ACCESS_KEY", "a real access key")
    monkeypatch.setitem(os.environ, "UPBIT_SECRET_KEY", "a real secret key")
    with pytest.raises(SystemExit):
        main(["--url", "ws://127.0.0.1:1/websocket/v1", "--key", "env"])
    said = capsys.readouterr().err
    assert "wss://" in said
    assert "a real" not in said


def test_the_help_says_what_it_does_and_what_it_does_not() -> None:
    text = build_parser().format_help()
    for word in ("--live", "--record", "places no\norders", "exit codes", "masked", "within the exchange's limits"):
        assert word in text
