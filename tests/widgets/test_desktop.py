"""The program as it is started: options, no screen, a picture."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PyQt6.QtGui import QImage

ROOT = Path(__file__).parent.parent.parent


def _start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"}
    }
    return subprocess.run(
        [sys.executable, str(ROOT / "run_desktop_ui.py"), *arguments],
        capture_output=True,
        text=True,
        timeout=500,
        env={**kept, **environment},
        check=False,
    )


@pytest.mark.skipif(
    sys.platform in {"win32", "darwin"}, reason="these systems always have a screen to open a window on"
)
@pytest.mark.parametrize("environment", [{}, {"DISPLAY": ":7654"}, {"WAYLAND_DISPLAY": "wayland-none"}])
def test_without_a_screen_one_line_names_the_way_out(environment: dict[str, str]) -> None:
    done = _start(**environment)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "--screenshot" in line


def test_a_picture_needs_no_screen(tmp_path: Path) -> None:
    path = tmp_path / "window.png"
    done = _start("--screenshot", str(path), "--after", "0.2")
    assert done.returncode == 0, done.stderr
    picture = QImage(str(path))
    assert picture.width() >= 640
    assert len({picture.pixel(x, y) for x in range(0, 300, 2) for y in range(0, 200, 2)}) > 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["--colour"],
        ["--screenshot"],
        ["--screenshot", "a.txt"],
        ["--screenshot", "/no/such/folder/a.png"],
        ["--after", "soon"],
    ],
)
def test_a_wrong_option_is_one_line(arguments: list[str]) -> None:
    done = _start(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "--help" in done.stderr


def test_the_version_is_told_without_qt() -> None:
    done = _start("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("upbit-ws-desktop 0.")
