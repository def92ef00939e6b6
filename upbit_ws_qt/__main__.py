"""`python -m upbit_ws_qt`: what is installed and where, to be pasted into a report; no key is ever shown."""

from __future__ import annotations

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution, requires
from pathlib import Path

import upbit_ws_qt

_DISTRIBUTION = "upbit-ws-qt"
_NAME = re.compile(r"[A-Za-z0-9._-]+")
# Shown as set or not; the first two hold keys.
_ENVIRONMENT = ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY", "UPBIT_LOOPBACK_ONLY", "QT_QPA_PLATFORM", "QT_API")
_PROGRAMS = (
    ("python -m upbit_ws_qt.exchange", "an exchange of your own on this machine"),
    ("python -m upbit_ws_qt.examples", "programs to begin with"),
    ("upbit-ws-desktop", "the desktop program"),
    ("upbit-ws-record", "record, replay and export what comes on the lines"),
    ("upbit-ws-doctor", "is an exchange as this package takes it to be?"),
)


def main() -> int:
    """Print it; return the exit code."""
    lines = [
        ("upbit_ws_qt", f"{upbit_ws_qt.__version__} in {Path(upbit_ws_qt.__file__).parent}"),
        ("Python", f"{platform.python_version()} ({platform.python_implementation()}) in {sys.executable}"),
        ("system", platform.platform()),
        *map(_installed, _needed()),
        *((name, "set" if os.environ.get(name) else "not set") for name in _ENVIRONMENT),
    ]
    width = max(len(name) for name, _ in lines)
    text = [f"{name:{width}}  {value}" for name, value in lines]
    text += ["", *(f"{command}: {what}" for command, what in _PROGRAMS)]
    sys.stdout.write("\n".join(text) + "\n")
    return 0


def _needed() -> list[str]:
    """Return what the package needs to run, as its installed metadata name it; Qt itself comes with PyQt6."""
    try:
        needed = [
            found[0] for line in requires(_DISTRIBUTION) or () if ";" not in line and (found := _NAME.match(line))
        ]
    except PackageNotFoundError:
        return ["PyQt6", "PyQt6-Qt6", "qasync", "websockets"]
    return [*needed, "PyQt6-Qt6"]


def _installed(name: str) -> tuple[str, str]:
    """Return a distribution's name as it spells it itself, and its version."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return name, "not installed"
    return found.metadata["Name"], found.version


if __name__ == "__main__":
    sys.exit(main())
