"""A real program on a real X server: what passes offscreen has to pass where windows are shown, too."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from ctypes.util import find_library
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

XVFB = shutil.which("Xvfb")
pytestmark = [
    pytest.mark.skipif(XVFB is None, reason="no X server here"),
    pytest.mark.skipif(
        find_library("xcb-cursor") is None, reason="no libxcb-cursor here, without which Qt shows nothing"
    ),
]

ROOT = Path(__file__).parents[2]

# The README's example comes before this, without its last line, which runs it.
_A_DAY = """
import sys

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QDialog, QMainWindow

from upbit_ws_qt import WebSocketClientProxy


class Window(QMainWindow):
    \"\"\"Opens a dialog in the slot of an event, which only events behind it close; is closed while data flows.\"\"\"

    def __init__(self, price):
        super().__init__()
        self.setCentralWidget(price)
        self.resize(400, 120)
        self.trades = 0
        self.behind_dialog = 0
        self.dialog = None
        WebSocketClientProxy("trades", owner=self).subscribe_trade("KRW-BTC", self.on_trade)
        WebSocketClientProxy("other", owner=self).subscribe_orderbook("KRW-BTC", self.on_book)

    def on_trade(self, event):
        self.trades += 1
        if self.trades == 3:
            self.dialog = QDialog(self)
            self.dialog.exec()
            print("dialog closed", flush=True)
            QTimer.singleShot(0, self.close)

    def on_book(self, event):
        if self.dialog is not None and self.dialog.isVisible():
            self.behind_dialog += 1
            seen = self.windowHandle().isExposed() and self.dialog.windowHandle().isExposed()
            if self.behind_dialog >= 5 and seen:  # the X server shows them when it comes to it
                self.dialog.accept()


async def day():
    window = Window(await main())
    window.show()
    return window


print("platform", app.platformName(), flush=True)
code = run(day)
print("code", code, flush=True)
sys.exit(code)
"""


@pytest.fixture
def display() -> Iterator[str]:
    """An X server of this test's own."""
    assert XVFB is not None
    # -displayfd: the server looks for a free number itself, and says it when it is ready.
    arguments = [XVFB, "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            number = server.stdout.readline().strip()
            assert number, "Xvfb did not start"
            yield f":{number}"
        finally:
            server.terminate()


def run_on(display: str, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        cwd=ROOT,
        env={**os.environ, "DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "PYTHONWARNINGS": "error"},
    )


def test_the_readmes_example_in_a_window_with_a_dialog_that_is_closed_while_data_flows(display: str) -> None:
    example = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    head, last = example.split("# README begins\n")[1].split("# README ends\n")[0].split('if __name__ == "__main__":\n')
    made, run = textwrap.dedent(last).strip("\n").rsplit("\n", 1)
    assert run == "run(main)"
    done = run_on(display, f"{head}\n{made}\n{_A_DAY}")
    assert done.stdout.splitlines() == ["platform xcb", "dialog closed", "code 0"], done.stderr
    assert done.stderr == ""
    assert done.returncode == 0
