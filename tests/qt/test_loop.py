"""The loop that Qt drives: what of qasync is mended for Python 3.14, and that qasync still is what is mended.

No Python 3.14 is needed for this: what it forbids is watched for, whatever Python runs.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from upbit_ws_qt.qt.loop import QtLoop, qasync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PyQt6.QtCore import QCoreApplication


@pytest.fixture
def loop(qapp: QCoreApplication) -> Iterator[QtLoop]:
    made = QtLoop(qapp)
    yield made
    made.close()


def test_qasync_is_what_this_mends() -> None:
    assert issubclass(QtLoop, qasync.QEventLoop)
    assert {"call_soon", "call_at"} <= vars(qasync._QEventLoop).keys(), "they come by `call_later`, which is mended"
    assert list(inspect.signature(qasync._QEventLoop.call_later).parameters) == [
        "self", "delay", "callback", "args", "context",
    ]  # fmt: skip
    source = inspect.getsource(qasync._QEventLoop)
    assert source.count("asyncio.iscoroutinefunction") == 1, "in call_later and nowhere else"
    assert "self.call_later(0, callback" in source
    assert "self.__app.eventDispatcher().processEvents(" in source


def test_what_warns_in_python_3_14_is_not_called(loop: QtLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("deprecated in Python 3.14")

    monkeypatch.setattr(asyncio, "iscoroutinefunction", refuse)
    called: list[str] = []

    async def main() -> None:
        here = asyncio.get_running_loop()
        here.call_soon(called.append, "soon")
        here.call_later(0.0, called.append, "later")
        here.call_at(here.time(), called.append, "at")
        await asyncio.sleep(0.01)
        with pytest.raises(TypeError, match="coroutine"):
            here.call_soon(main)  # type: ignore[unused-ignore, arg-type]
        with pytest.raises(TypeError, match="callable"):
            here.call_soon(None)  # type: ignore[arg-type]

    loop.run_until_complete(main())
    assert sorted(called) == ["at", "later", "soon"]


def test_the_last_events_find_a_running_loop(loop: QtLoop) -> None:
    """Python 3.14 lets no Task take a step while there is none; qasync processes events then."""
    found: list[object] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            found.append(asyncio._get_running_loop())

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(linger())
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(task.cancel)
        asyncio.get_running_loop().call_soon(lambda: found.append(asyncio._get_running_loop()))
        return task

    task = loop.run_until_complete(main())
    if not task.done():
        loop.run_until_complete(asyncio.wait({task}))
    assert found == [loop, loop]
    assert asyncio._get_running_loop() is None


def test_a_loop_that_is_stopped_or_running_says_so(loop: QtLoop) -> None:
    async def again() -> None:
        with pytest.raises(RuntimeError, match="running already"):
            loop.run_until_complete(loop.create_future())

    async def stop() -> None:
        loop.stop()
        await asyncio.sleep(3600)

    loop.run_until_complete(again())
    task: Any = loop.create_task(stop())
    with pytest.raises(RuntimeError, match="stopped before"):
        loop.run_until_complete(task)
    task.cancel()
    loop.run_until_complete(asyncio.wait({task}))


def test_no_program_of_ours_uses_what_python_3_14_deprecates() -> None:
    """A whole program, with the warnings of later Pythons as errors where this one has them."""
    code = """
import sys
from PyQt6.QtCore import QCoreApplication, QTimer
from upbit_ws_qt import run
app = QCoreApplication([])
quits = []
app.aboutToQuit.connect(lambda: quits.append("quit"))
code = run(lambda: QTimer.singleShot(0, app.quit))
print(code, quits)
"""
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert (done.returncode, done.stdout) == (0, "0 ['quit']\n"), done.stderr
