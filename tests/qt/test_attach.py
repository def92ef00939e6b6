"""A program that keeps its own `app.exec()`: everything works in it, and nothing of it is replaced."""

from __future__ import annotations

from tests.qt.test_run import run_program

_ATTACHED = """
from upbit_ws_qt.qt import Attachment, attach

quits = []
app.aboutToQuit.connect(lambda: quits.append(1))
mine = lambda *what: print("my hook", what[1], flush=True)
sys.excepthook = mine
handler = signal.getsignal(signal.SIGINT)
exchange = EmbeddedExchange(ExchangeSettings(markets=3, rate=50))
attachment = attach(app)
attachment.loop.run_until_complete(exchange.start())
service = service_on(exchange)
assert attachment.service is service
proxy = WebSocketClientProxy("main", service=service)
came = []
"""


def test_it_runs_with_the_programs_loop_and_ends_with_what_was_attached() -> None:
    done = run_program(
        _ATTACHED
        + """
proxy.subscribe_ticker("KRW-BTC", lambda event: (came.append(event), app.exit(5)))
code = app.exec()
assert came and app.exec is not None
attachment.stop()
attachment.stop()
assert states[-1] == "stopped", states
assert exchange.connections == [], exchange.connections
assert sys.excepthook is mine and signal.getsignal(signal.SIGINT) is handler
assert asyncio._get_running_loop() is None and attachment.loop.is_closed()
print("code", code, "quits", quits, attachment)
print(asyncio.run(asyncio.sleep(0, "asyncio as before")))
"""
    )
    assert "code 5 quits [1] <Attachment stopped>\nasyncio as before" in done.stdout, done.stderr
    assert (done.returncode, done.stderr) == (0, "")


def test_an_own_coroutine_is_cancelled_at_the_end_and_may_say_goodbye() -> None:
    done = run_program(
        _ATTACHED
        + """
async def strategy():
    try:
        await asyncio.Event().wait()
    finally:
        print("goodbye", len(exchange.connections))

task = attachment.loop.create_task(strategy())
proxy.subscribe_ticker("KRW-BTC", lambda event: app.quit())
app.exec()
attachment.stop()
print("cancelled", task.cancelled())
"""
    )
    assert "goodbye 0\ncancelled True" in done.stdout, done.stderr
    assert (done.returncode, done.stderr) == (0, "")


def test_it_may_be_stopped_when_the_application_is_about_to_quit() -> None:
    done = run_program(
        _ATTACHED
        + """
app.aboutToQuit.connect(attachment.stop)
proxy.subscribe_ticker("KRW-BTC", lambda event: app.quit())
print("code", app.exec(), attachment, states[-1])
"""
    )
    assert "code 0 <Attachment stopped> stopped" in done.stdout, done.stderr
    assert (done.returncode, done.stderr) == (0, "")


def test_what_goes_wrong_at_the_start_comes_to_the_programs_own_hook() -> None:
    done = run_program(
        _ATTACHED
        + """
attachment.stop()
attachment = attach(app, service=service)  # which is stopped, and cannot be started again
sys.excepthook = lambda *what: (mine(*what), app.quit())
app.exec()
attachment.stop()
"""
    )
    assert "my hook" in done.stdout, done.stderr
    assert (done.returncode, done.stderr) == (0, "")


def test_where_it_cannot_be_it_says_so() -> None:
    done = run_program("""
from upbit_ws_qt.qt import attach
import threading

def refused():
    try:
        attach(app)
    except RuntimeError as error:
        print(error)

async def inside():
    refused()

asyncio.run(inside())
thread = threading.Thread(target=refused)
thread.start()
thread.join()
del app
try:
    attach()
except RuntimeError as error:
    print(error)
""")
    running, thread, none = done.stdout.splitlines()
    assert "running here already" in running
    assert "application's thread" in thread
    assert "needs an application" in none
    assert (done.returncode, done.stderr) == (0, "")
