from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

_HEAD = """
import asyncio, logging, os, signal, sys
from PyQt6.QtCore import QCoreApplication, QTimer
from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.qt import WebSocketClientProxy, WebSocketService, run
from upbit_ws_qt.types import GlobalManagerState

# stderr is to be empty of errors; on a busy machine turns of the loop and dials take long, and that is not one.
for name in ("asyncio", "qasync", "upbit_ws_qt.manager", "upbit_ws_qt.monitoring"):
    logging.getLogger(name).setLevel(logging.ERROR)
app = QCoreApplication([])
states = []
exchange = None

def service_on(exchange):
    config = ServiceConfig.testing(public_url=exchange.public_url, private_url=None, info_url=None)
    service = WebSocketService.instance(config)
    service.stateChanged.connect(lambda state: states.append(str(state)))
    return service

async def connected(service, callback):
    proxy = WebSocketClientProxy("main", service=service)
    await proxy.subscribe_ticker("KRW-BTC", callback)
    return proxy
"""


def run_program(body: str, *, send: signal.Signals | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program in its own process; with `send`, once it has printed READY."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONWARNINGS": "error", "PYTHONASYNCIODEBUG": "1"}
    command = [sys.executable, "-c", _HEAD + body]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        head = ""
        try:
            if send is not None:
                assert process.stdout is not None
                while "READY" not in head:
                    line = process.stdout.readline()
                    if not line:
                        break
                    head += line
                process.send_signal(send)
            out, errors = process.communicate(timeout=500)
        except BaseException:
            process.kill()
            raise
        return subprocess.CompletedProcess(command, process.returncode, head + out, errors)


_SERVE = """
async def setup():
    global exchange
    exchange = EmbeddedExchange(ExchangeSettings(markets=3, rate=50))
    await exchange.start()
    service = service_on(exchange)
    got = asyncio.Event()
    proxy = await connected(service, lambda event: got.set())
    await got.wait()
    print("READY", flush=True)
    {end}
    return proxy

code = run(setup)
print("code", code, "open lines", len(exchange.connections), "last state", states[-1])
"""


def test_quit_stops_the_service_and_leaves_nothing() -> None:
    done = run_program(_SERVE.format(end="app.exit(3)"))
    assert "code 3 open lines 0 last state stopped" in done.stdout, done.stderr
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_from_outside_stops_the_service_and_leaves_nothing(number: signal.Signals) -> None:
    done = run_program(_SERVE.format(end="pass"), send=number)
    assert "code 0 open lines 0 last state stopped" in done.stdout, done.stderr
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_under_nohup_a_terminal_that_goes_ends_nothing() -> None:
    done = run_program(
        """
import signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it to its child
async def setup():
    signal.raise_signal(signal.SIGHUP)
    asyncio.get_running_loop().call_later(0.1, app.exit, 7)
print("code", run(setup))
"""
    )
    assert "code 7" in done.stdout, done.stderr


def test_an_exception_in_a_plain_setup_comes_out_of_run() -> None:
    done = run_program("""
def setup():
    raise LookupError("no window")
try:
    run(setup)
except LookupError as error:
    print("came out:", error)
""")
    assert "came out: no window" in done.stdout, done.stderr
    assert done.returncode == 0


def test_an_exception_in_an_async_setup_comes_out_of_run() -> None:
    done = run_program("""
async def setup():
    await asyncio.sleep(0)
    raise LookupError("no window")
try:
    run(setup)
except LookupError as error:
    print("came out:", error)
""")
    assert "came out: no window" in done.stdout, done.stderr
    assert done.returncode == 0


def test_what_a_plain_setup_returns_is_kept_and_slots_may_raise() -> None:
    done = run_program("""
from PyQt6.QtCore import QObject
class Window(QObject):
    def __init__(self):
        super().__init__()
        self.timer = QTimer(self)
        self.timer.timeout.connect(self.tick)
        self.timer.start(5)
        self.ticks = 0
    def tick(self):
        self.ticks += 1
        if self.ticks == 5:
            print("still here")
            app.exit(0)
        raise ValueError("in a slot")
print("code", run(Window))
print("hook given back", sys.excepthook is sys.__excepthook__)
""")
    assert "still here\ncode 0\nhook given back True" in done.stdout, done.stderr
    assert "ValueError in Window.tick" in done.stderr


def test_without_an_application_run_says_what_is_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from upbit_ws_qt.qt import run; run(print)"],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert "make a QApplication" in done.stderr


def test_a_quit_in_the_middle_of_the_setup_still_stops_everything() -> None:
    done = run_program("""
async def setup():
    app.exit(5)
    await asyncio.sleep(60)
print("code", run(setup))
""")
    assert "code 5" in done.stdout, done.stderr
    assert done.stderr == ""


def test_a_program_that_forgets_to_stop_ends_without_a_crash() -> None:
    done = run_program("""
import qasync
from PyQt6 import sip
from PyQt6.QtCore import QObject, pyqtSignal
class Relay(QObject):
    event = pyqtSignal(object)
async def main():
    global exchange, service, proxy, relay
    exchange = EmbeddedExchange(ExchangeSettings(markets=3, rate=50))
    await exchange.start()
    service = service_on(exchange)
    await service.start()
    got = asyncio.Event()
    owner = QObject()
    proxy = WebSocketClientProxy("main", owner, service=service)
    proxy.subscribe_ticker("KRW-BTC", lambda event: got.set())
    service.ticker("KRW-BTC").received.connect(print_nothing)
    relay = Relay()
    proxy.subscribe_ticker("KRW-BTC", relay.event)
    await got.wait()
    return owner
def print_nothing(event):
    pass
loop = qasync.QEventLoop(app)
loop.set_debug(False)
owner = loop.run_until_complete(main())
loop.close()
sip.delete(relay)  # what was relayed to it is told so, and has no loop any more
del owner  # its wishes end on a loop that is closed
print("end")
os.environ.pop("PYTHONWARNINGS")
import warnings
warnings.simplefilter("ignore")
""")
    assert done.stdout.endswith("end\n"), done.stderr
    assert done.returncode == 0, done.stderr
    assert "upbit_ws_qt/qt" not in done.stderr


def test_what_run_cannot_run_is_refused_in_words() -> None:
    done = run_program("""
async def setup():
    pass
for wrong in (setup(), 5):
    try:
        run(wrong)
    except TypeError as error:
        print(error)
""")
    assert "run(main), not run(main())" in done.stdout, done.stderr
    assert "not 5" in done.stdout
    assert done.stderr == ""


def test_where_a_loop_runs_already_run_refuses_and_leaves_that_loop_running() -> None:
    done = run_program("""
async def cell():
    try:
        run(print)
    except RuntimeError as error:
        print(error)
    await asyncio.sleep(0.01)
    print("still running", asyncio.get_running_loop().is_running())
asyncio.run(cell())
""")
    assert "one is running already (a notebook" in done.stdout, done.stderr
    assert done.stdout.endswith("still running True\n")
    assert done.stderr == ""


def test_about_to_quit_is_told_once_and_a_second_quit_does_not_break_the_stopping_off() -> None:
    done = run_program("""
quits = []
app.aboutToQuit.connect(lambda: quits.append(1))
def quit_again(state):
    states.append(str(state))
    if state is GlobalManagerState.STOPPING:
        app.quit()
        app.exit(9)
async def setup():
    global exchange
    exchange = EmbeddedExchange(ExchangeSettings(markets=3, rate=50))
    await exchange.start()
    service = service_on(exchange)
    service.stateChanged.connect(quit_again)
    proxy = await connected(service, print_nothing)
    QTimer.singleShot(0, app.quit)
    return proxy
def print_nothing(event):
    pass
print("code", run(setup), "open lines", len(exchange.connections), "last state", states[-1], "told", len(quits))
""")
    assert "code 0 open lines 0 last state stopped told 1" in done.stdout, done.stderr
    assert done.stderr == ""


_TORN_DOWN = """
async def setup():
    global exchange
    exchange = EmbeddedExchange(ExchangeSettings(markets=3, rate=50))
    await exchange.start()
    service = service_on(exchange)
    proxy = await connected(service, lambda event: None)
    QTimer.singleShot(0, app.quit)
    await asyncio.Event().wait()  # a strategy that runs until it is cancelled

async def goodbye():
    assert asyncio.current_task() is not None
    await asyncio.sleep(0)
    print("goodbye", len(exchange.connections), states[-1])
    {end}

def plain():
    assert asyncio.current_task() is None
    print("goodbye", len(exchange.connections), states[-1])
    {end}

try:
    print("code", run(setup, {name}))
except LookupError as error:
    print("came out:", error)
print("open lines", len(exchange.connections), "last state", states[-1])
"""


@pytest.mark.parametrize("name", ["goodbye", "plain"])
@pytest.mark.parametrize(
    ("end", "said"), [("pass", "code 0"), ("raise LookupError('no goodbye')", "came out: no goodbye")]
)
def test_a_teardown_is_called_while_the_lines_are_up_and_what_it_raises_comes_out_when_they_are_closed(
    name: str, end: str, said: str
) -> None:
    done = run_program(_TORN_DOWN.format(name=name, end=end))
    assert done.stdout == f"goodbye 1 active\n{said}\nopen lines 0 last state stopped\n", done.stderr
    assert (done.returncode, done.stderr) == (0, "")


def test_a_teardown_that_is_none_is_refused() -> None:
    done = run_program("""
async def goodbye(): ...
coroutine = goodbye()
try:
    run(print, coroutine)
except TypeError as error:
    print(error)
coroutine.close()
""")
    assert "teardown of run() is a function or coroutine function" in done.stdout, done.stderr
    assert done.stderr == ""


def test_a_hook_of_the_programs_own_is_told_of_slots_that_raise_and_stays() -> None:
    done = run_program("""
mine = lambda kind, error, trace: print("mine:", error)
sys.excepthook = mine
def fail():
    raise LookupError("a bug of mine")
def setup():
    service_on(exchange_of_nobody)
    QTimer.singleShot(0, fail)
    QTimer.singleShot(0, app.quit)
class exchange_of_nobody:
    public_url = "ws://127.0.0.1:9/"
logging.getLogger("upbit_ws_qt.qt").setLevel(logging.CRITICAL)
run(setup)
print(sys.excepthook is mine)
""")
    assert done.stdout == "mine: a bug of mine\nTrue\n", done.stderr
    assert done.stderr == ""
