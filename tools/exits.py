"""Ends small programs in every way a program can end, again and again, and counts those that ended badly.

    python -m tools.exits --runs 300 --jobs 3

A program ends badly when its exit code is another than the one expected, when it writes a traceback, or when Python
code runs while PyQt deletes what is left at the interpreter's exit. The last is what kills a program there, once in
some twenty runs (see upbit_ws_qt/qt/ending.py); here it is seen each time.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["WAYS", "Way", "run_once"]

ROOT = Path(__file__).parent.parent
PATIENCE = 180.0  # seconds; a program that has not ended by then hangs
LATE = 97  # exit code of a program in which Python code ran while PyQt deleted what was left

# Handlers of the exit are called last registered first: `report`, PyQt's own, `watch`, upbit_ws_qt's own.
_WATCH = f"""
import atexit, os, signal, sys
for number in (signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGINT)):  # a shell's background jobs ignore them
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
called = []
def report():
    sys.setprofile(None)
    if called:
        print("called while PyQt deleted the rest:", *sorted(set(called)), file=sys.stderr, flush=True)
        os._exit({LATE})
def watch():
    sys.setprofile(lambda frame, event, _: called.append(frame.f_code.co_qualname)
                   if event == "call" and frame.f_code not in (report.__code__, rest.__code__) else None)
def rest():
    sys.setprofile(None)
atexit.register(report)
from PyQt6 import QtCore, QtWidgets, sip
atexit.register(watch)
"""

_HEAD = """
import asyncio, weakref
import qasync
from PyQt6.QtCore import QCoreApplication, QEventLoop, Qt, QTimer, pyqtSignal
from PyQt6.QtWidgets import QApplication, QDialog, QLabel, QMainWindow, QMessageBox
from upbit_ws_qt import IndependenceLevel, ServiceConfig, WebSocketClientProxy, WebSocketService, run
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from widgets import ConnectionMonitorDock

class Window(QMainWindow):
    got = pyqtSignal(object)

async def opened(level=IndependenceLevel.ENHANCED):
    "Return a window with a dock and wishes of all kinds, as soon as there is data."
    window = Window()
    window.exchange = exchange = EmbeddedExchange(ExchangeSettings(markets=3, rate=50))
    await exchange.start()
    WebSocketService.instance(ServiceConfig.for_exchange(exchange, independence_level=level))
    window.dock = ConnectionMonitorDock(WebSocketService.instance())
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, window.dock)
    window.proxy = proxy = WebSocketClientProxy("window", window)
    window.label = QLabel("…", window)
    proxy.subscribe_trade("KRW-BTC", window.got)
    proxy.ticker("KRW-BTC").frame.connect(lambda event: window.label.setText(event.code))
    WebSocketService.instance().orderbook("KRW-BTC").received.connect(lambda event: None)
    came = asyncio.Event()
    async def take(event):
        came.set()
    proxy.subscribe_ticker("KRW-BTC", take)
    window.show()
    await WebSocketService.instance().start()
    await came.wait()
    return window

app = QApplication([])
watching = weakref.ref(app, lambda _: watch())  # PyQt deletes the rest also when the application goes before the exit
"""


@dataclass(frozen=True)
class Way:
    """A program and how it is expected to end.

    Attributes:
        program: its text, behind the head that all have.
        code: the expected exit code.
        send: the signal it is sent once it has printed READY.
    """

    program: str
    code: int = 0
    send: signal.Signals | None = None


_READY = """
async def main():
    window = await opened()
    print("READY", flush=True)
    return window
raise SystemExit(run(main))
"""
_OWN_LOOP = """
loop = qasync.QEventLoop(app)
window = loop.run_until_complete(opened())
"""
_DESKTOP = """
from widgets.desktop import main
raise SystemExit(main({arguments}))
"""
_EXAMPLE = """
import runpy
QTimer.singleShot(1500, app.quit)
class TheOne(QApplication):  # examples make their own; here there is one already
    def __new__(cls, *_):
        return app
QApplication = TheOne
QtWidgets.QApplication = QApplication
runpy.run_path({path!r}, run_name="__main__")
"""

WAYS: dict[str, Way] = {
    "window closed": Way("""
async def main():
    window = await opened()
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    QTimer.singleShot(0, window.close)
    return window
raise SystemExit(run(main))
"""),
    "quit with dialogs and a floating dock open": Way("""
async def main():
    window = await opened()
    window.dock.setFloating(True)
    for parent in (window, None):
        dialog = QDialog(parent)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()
    QMessageBox(window).open()
    QTimer.singleShot(0, lambda: app.exit(3))
    return window, dialog
raise SystemExit(run(main))
""", code=3),
    "quit while a coroutine has a dialog open": Way("""
async def main():
    window = await opened()
    QTimer.singleShot(50, app.quit)
    QDialog(window).exec()
    return window
raise SystemExit(run(main))
"""),
    "the window is kept by the program": Way("""
window = None
async def main():
    global window
    window = await opened()
    QTimer.singleShot(0, app.quit)
raise SystemExit(run(main))
"""),
    "the QApplication and the window go with main()": Way("""
async def opened_and_quit():
    QTimer.singleShot(0, app.quit)
    return await opened()
def main():
    global app
    run(opened_and_quit)
    app = None
    rest()
main()
"""),
    "the QApplication goes before a window that is kept": Way("""
async def open_and_quit():
    global window
    window = await opened()
    QTimer.singleShot(0, app.quit)
run(open_and_quit)
app = None
rest()
"""),
    "own loop, and the QApplication goes first": Way(_OWN_LOOP + "app = loop = None; rest()"),
    "SIGINT": Way(_READY, send=signal.SIGINT),
    "SIGTERM": Way(_READY, send=signal.SIGTERM),
    **({"SIGHUP": Way(_READY, send=signal.SIGHUP)} if hasattr(signal, "SIGHUP") else {}),
    "sys.exit in a slot": Way("""
async def main():
    window = await opened()
    QTimer.singleShot(20, lambda: sys.exit(4))
    return window
run(main)
""", code=4),
    "sys.exit in a callback": Way("""
async def main():
    window = await opened()
    window.proxy.subscribe_ticker("KRW-BTC", lambda event: sys.exit(5))
    return window
run(main)
""", code=5),
    "the setup raises": Way("""
async def main():
    global window
    window = await opened()
    raise LookupError("no")
run(main)
""", code=1),
    "the setup raises before a service runs": Way("""
def main():
    global window
    window = Window()
    window.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, ConnectionMonitorDock(WebSocketService.instance()))
    window.show()
    raise LookupError("no")
run(main)
""", code=1),
    "own loop, service stopped": Way(_OWN_LOOP + """
loop.run_until_complete(WebSocketService.instance().stop())
"""),
    "own loop, nothing stopped or closed": Way(_OWN_LOOP),
    "own loop, closed without stopping the service": Way(_OWN_LOOP + "loop.close()"),
    "own loop, with worker threads": Way(_OWN_LOOP + """
loop.run_until_complete(loop.getaddrinfo("localhost", 80))
"""),
    "own loop, in a function": Way("""
def main():
    loop = qasync.QEventLoop(app)
    window = loop.run_until_complete(opened())
main()
"""),
    "own loop, lines in threads of their own": Way("""
loop = qasync.QEventLoop(app)
window = loop.run_until_complete(opened(IndependenceLevel.ISOLATED))
"""),
    "the QApplication is deleted early": Way(_OWN_LOOP + """
del app
sip.delete(QApplication.instance())
"""),
    "the loop's Qt objects are deleted before the window": Way(_OWN_LOOP + """
sip.delete(loop._timer)
sip.delete(window)
"""),
    "the loop's Qt objects are deleted before the service": Way(_OWN_LOOP + """
sip.delete(loop._timer)
sip.delete(WebSocketService.instance())
"""),
    "example quickstart": Way(_EXAMPLE.format(path=str(ROOT / "examples" / "quickstart.py"))),
    "example panels": Way(_EXAMPLE.format(path=str(ROOT / "examples" / "panels.py"))),
    "example orders": Way(_EXAMPLE.format(path=str(ROOT / "examples" / "orders.py"))),
    "desktop, smoke": Way(_DESKTOP.format(arguments='["--smoke", "2"]')),
    "desktop, settings open and panels detached": Way("""
from widgets.program import program
opened_window = program.Program.open
def open_and_end(self):
    opened_window(self)
    self._on_settings()
    for name in ("chart", "monitor"):
        self.window.docks[name].setFloating(True)
    QtCore.QTimer.singleShot(1500, QtWidgets.QApplication.quit)
program.Program.open = open_and_end
from widgets.desktop import main
raise SystemExit(main(["--embedded"]))
"""),
}  # fmt: skip


def run_once(name: str, *, python: str = sys.executable, perturb: bool = False) -> tuple[bool, int, str]:
    """Run a program once.

    Args:
        name: of the way it ends.
        python: the interpreter.
        perturb: whether freed memory is overwritten, so that what is used after it was freed is wrong at once.

    Returns:
        Whether it ended well, its exit code, and what it wrote to stderr.
    """
    way = WAYS[name]
    head = _WATCH if name.startswith("desktop") else _WATCH + _HEAD
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONFAULTHANDLER": "1"}
    environment["XDG_CONFIG_HOME"] = os.devnull  # nobody's own settings
    environment.pop("PYTHONWARNINGS", None)
    if perturb:
        environment["MALLOC_PERTURB_"] = "165"
    with subprocess.Popen(  # noqa: S603 - an interpreter that was asked for, and programs from here
        [python, "-c", head + way.program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment,
    ) as process:
        try:
            if way.send is not None:
                assert process.stdout is not None
                while (line := process.stdout.readline()) and "READY" not in line:
                    pass
                process.send_signal(way.send)
            _, errors = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
            errors += f"it had not ended after {PATIENCE:g} s"
        except BaseException:
            process.kill()
            raise
    raised = "Traceback" in errors and way.code != 1  # 1 is what an exception out of run() ends with
    return process.returncode == way.code and not raised, process.returncode, errors


def main() -> int:
    """Run what the command line asks for; 1 where a program ended badly."""
    parser = argparse.ArgumentParser(prog="python -m tools.exits", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10, metavar="N", help="runs of each program (10)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="programs side by side (2)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only programs with this in their name")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="another interpreter")
    given = parser.parse_args()
    names = [name for name in WAYS if given.only in name]
    codes: dict[str, collections.Counter[int]] = {name: collections.Counter() for name in names}
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        # All programs in turn, so that unlike ones run beside each other.
        todo = [(name, turn) for turn in range(given.runs) for name in names]
        found = pool.map(lambda each: run_once(each[0], python=given.python, perturb=each[1] % 2 == 1), todo)
        for (name, turn), (well, code, errors) in zip(todo, found, strict=True):
            codes[name][code] += 1
            if not well:
                bad += 1
                print(f"{name}, run {turn}: exit code {code}, expected {WAYS[name].code}\n{errors[-3000:]}", flush=True)
            if name == names[-1]:
                print(f"each program {turn + 1} times, {bad} runs ended badly", flush=True)
    for name in names:
        print(f"{name}: " + ", ".join(f"{count} x exit code {code}" for code, count in sorted(codes[name].items())))
    print(f"{bad} of {len(todo)} runs ended badly")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
