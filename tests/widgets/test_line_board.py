"""A board of lines rests when nobody listens, and does not ask Qt while Qt holds its locks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# Qt has 131 mutexes for the connections of all objects, and chooses one by the object's address. While a receiver is
# deleted its own is locked; so whoever asks for the receivers of a sender that has the same one waits for ever.
_PROGRAM = """
import asyncio
import qasync
from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSlot
from PyQt6.QtWidgets import QApplication
from upbit_ws_qt import ServiceConfig, WebSocketService
from widgets.base.line_state import line_board

MUTEXES = 131

class Receiver(QObject):
    @pyqtSlot()
    def on_changed(self): pass

def mutex(thing):
    return (sip.unwrapinstance(thing) & 0xFFFFFFFF) % MUTEXES

async def main():
    service = WebSocketService(ServiceConfig.testing(public_url="ws://127.0.0.1:9/", private_url=None, info_url=None))
    board = line_board(service)
    kept = []
    while not kept or mutex(kept[-1]) != mutex(board):
        kept.append(Receiver())
    board.changed.connect(kept[-1].on_changed)
    assert board.is_looking
    sip.delete(kept.pop())
    while board.is_looking:
        await asyncio.sleep(0.001)
    await service.stop()
    print("rests", flush=True)

application = QApplication([])
with qasync.QEventLoop(application) as loop:
    loop.run_until_complete(main())
"""


def test_a_listener_that_dies_does_not_freeze_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert "rests" in done.stdout, done.stderr
