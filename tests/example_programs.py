"""Starts a program with windows in a process of its own, looks at what it shows, and closes it as its user would."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["run_watched"]

# Looks from outside until every label has a figure in it (or one row of a table has), then closes all windows. Nothing
# but this machine can be reached meanwhile.
_WATCHER = """
import socket, threading, time
from PyQt6.QtCore import QCoreApplication, QMetaObject, QObject, Qt, pyqtSlot
from PyQt6.QtWidgets import QApplication, QLabel, QTableView

def texts_of(top):
    tables = [each for each in [top, *top.findChildren(QTableView)] if isinstance(each, QTableView)]
    if tables:
        models = [table.model() for table in tables]
        rows = [" ".join(str(m.index(0, column).data() or "") for column in range(m.columnCount())) for m in models]
        return [row for row in rows if any(c.isdigit() for c in row)]
    return [label.text() for label in [top, *top.findChildren(QLabel)] if isinstance(label, QLabel)]

class Eye(QObject):
    @pyqtSlot()
    def look(self):
        if QApplication.quitOnLastWindowClosed() is False:  # a program without windows
            print("shown: no window")
            QApplication.quit()
        tops = [top for top in QApplication.topLevelWidgets() if top.isVisible()]
        texts = [text for top in tops for text in texts_of(top)]
        if texts and all(any(c.isdigit() for c in text) for text in texts):
            print("shown:", texts)
            print("sizes:", [(top.width(), top.height()) for top in tops])
            QApplication.closeAllWindows()

def watch():
    while QCoreApplication.instance() is None:
        time.sleep(0.01)
    eye.moveToThread(QCoreApplication.instance().thread())
    while not over:
        try:
            QMetaObject.invokeMethod(eye, "look", Qt.ConnectionType.QueuedConnection)
        except RuntimeError:  # the program has ended, and Qt has deleted it
            return
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
    START
except SystemExit as end:
    print("exit code", end.code)
finally:
    over.append(True)
    thread.join()
print("ended")
"""


def run_watched(
    source: str | None = None, *, example: str = "", python: Path | str = sys.executable, **options: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a program until it has shown something; return what it printed, and what it showed.

    Args:
        source: its text; None for an example.
        example: its name in the gallery.
        python: with which to run it.
        **options: `cwd`.
    """
    if source is None:
        start = f"import runpy; runpy.run_module('upbit_ws_qt.examples.{example}', run_name='__main__')"
    else:
        start = f"exec(compile({source!r}, 'example', 'exec'), {{'__name__': '__main__'}})"
    return subprocess.run(
        [python, "-c", _WATCHER.replace("START", start)],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
        cwd=options.get("cwd"),
    )
