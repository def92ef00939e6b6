"""Runs the window on Qt's loop until it is closed, or until its picture is taken."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import QApplication

from widgets.main_window import MainWindow

if TYPE_CHECKING:
    from pathlib import Path

    from widgets.options import Options

__all__ = ["run"]


def run(options: Options) -> int:
    """Open the window; returns the exit code, 1 where the picture could not be saved."""
    app = QApplication(sys.argv[:1])
    app.setApplicationName("upbit_ws_qt")
    window = MainWindow()
    window.show()
    if options.screenshot is not None:
        QTimer.singleShot(int(options.after * 1000), lambda: app.exit(_save(window, options.screenshot)))
    return app.exec()


def _save(window: MainWindow, path: Path | None) -> int:
    if window.grab().save(str(path), "PNG"):
        return 0
    sys.stderr.write(f"The picture could not be saved to {path}\n")
    return 1
