"""How long the desktop program takes from exec to its window and first price, and from quitting to its end."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
# The program as run_desktop_ui.py runs it, with its own log on the standard output; it is closed at the first price.
_PROGRAM = """
import logging, sys
class Told(logging.Handler):
    def emit(self, record):
        print(record.getMessage(), flush=True)
        if record.getMessage().startswith("first price"):
            from PyQt6.QtCore import QTimer
            from PyQt6.QtWidgets import QApplication
            QTimer.singleShot(0, QApplication.quit)
logger = logging.getLogger("upbit_ws_qt.desktop")
logger.setLevel(logging.INFO)
logger.addHandler(Told())
from widgets.desktop import main
raise SystemExit(main(["--embedded"]))
"""


def once(environment: dict[str, str]) -> tuple[float, float, float]:
    """Return the seconds from exec to window and to first price, and from there to the end of the process."""
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout is not None
        at: dict[str, float] = {}
        for line in process.stdout:
            at.setdefault(line.partition(" after ")[0], time.perf_counter() - began)
        process.wait()
    ended = time.perf_counter() - began
    return at["window shown"], at["first price"], ended - at["first price"]


def version(environment: dict[str, str]) -> float:
    """Return how long `--version` takes."""
    began = time.perf_counter()
    command = [sys.executable, str(ROOT / "run_desktop_ui.py"), "--version"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - began


def main() -> None:
    """Measure; the targets are 2 s to the first price, 2 s to the end, 0.3 s for --version."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        found = [once(environment) for _ in range(runs)]
        versions = [version(environment) for _ in range(runs)]
    for name, values in (
        ("exec to window", [each[0] for each in found]),
        ("exec to first price", [each[1] for each in found]),
        ("quit to the end of the process", [each[2] for each in found]),
        ("--version", versions),
    ):
        print(f"{name}: median {statistics.median(values):.2f} s, slowest {max(values):.2f} s of {runs}")


if __name__ == "__main__":
    main()
