"""The example that the READMEs show is the file in examples/, has fifteen lines, and runs offline as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Looks at the running program from outside until a label shows a price, then closes it as its user would.
_WATCHER = """
import socket, threading, time
from PyQt6.QtCore import QCoreApplication, QMetaObject, QObject, Qt, pyqtSlot
from PyQt6.QtWidgets import QApplication, QLabel

class Eye(QObject):
    @pyqtSlot()
    def look(self):
        labels = [w for top in QApplication.topLevelWidgets() for w in [top, *top.findChildren(QLabel)]]
        texts = [w.text() for w in labels if isinstance(w, QLabel)]
        if texts and all(any(c.isdigit() for c in text) for text in texts):
            print("shown:", texts)
            QApplication.closeAllWindows()

def watch():
    while QCoreApplication.instance() is None:
        time.sleep(0.01)
    eye.moveToThread(QCoreApplication.instance().thread())
    while not over:
        QMetaObject.invokeMethod(eye, "look", Qt.ConnectionType.QueuedConnection)
        time.sleep(0.05)

connect = socket.socket.connect
def loopback_only(self, address):
    assert not isinstance(address, tuple) or address[0] == "127.0.0.1", address
    return connect(self, address)
socket.socket.connect = loopback_only

over = []
eye = Eye()
thread = threading.Thread(target=watch)
thread.start()
try:
    exec(compile(SOURCE, "example", "exec"), {"__name__": "__main__"})
except SystemExit as end:
    print("exit code", end.code)
finally:
    over.append(True)
    thread.join()
print("ended")
"""


def block(readme: str) -> str:
    """Return the example as a README shows it."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.search(r"<!-- example begins -->\n```python\n(.*?)```\n<!-- example ends -->", text, re.DOTALL)
    assert found is not None, f"{readme} has no example between its markers"
    return found.group(1)


def run_example(source: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"SOURCE = {source!r}\n{_WATCHER}"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )


@pytest.mark.parametrize("readme", ["README.md", "README.ko.md"])
def test_the_readme_shows_the_file(readme: str) -> None:
    text = (ROOT / "examples" / "quickstart.py").read_text(encoding="utf-8")
    shown = text.split("# README begins\n")[1].split("# README ends\n")[0].strip("\n") + "\n"
    assert block(readme) == shown


def test_it_has_fifteen_lines() -> None:
    assert len([line for line in block("README.md").splitlines() if line.strip()]) == 15


def test_it_runs_offline_as_it_stands() -> None:
    done = run_example(block("README.md"))
    assert re.search(r"shown: \['KRW-BTC  [0-9,.]+  [+-][0-9.]+%'\]", done.stdout), done.stderr
    assert done.stdout.endswith("ended\n")
    assert done.returncode == 0
    assert done.stderr == ""


def test_the_channels_example_runs() -> None:
    done = run_example((ROOT / "examples" / "channels.py").read_text(encoding="utf-8"))
    assert "shown:" in done.stdout, done.stderr
    assert "exit code 0" in done.stdout
    assert set(done.stderr.splitlines()) <= {"This plugin does not support propagateSizeHints()"}  # of a bare platform


def test_the_pull_example_runs() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "pull.py"], capture_output=True, text=True, timeout=500, check=False
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 9, done.stderr
    assert all(re.fullmatch(r"KRW-(BTC|ETH|XRP) [0-9.]+", line) for line in lines)
    assert done.stderr == ""
