"""What every test stands on: an offscreen Qt, the loop it asks for, and a look round for what it left behind."""

from __future__ import annotations

import asyncio
import asyncio.constants
import contextlib
import faulthandler
import gc
import logging
import os
import random
import signal
import traceback
import warnings
from typing import TYPE_CHECKING, Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault(
    "UPBIT_LOOPBACK_ONLY", "1"
)  # as our own plugin does where the package was installed since it has one
# Nobody's real keys, proxies or key logs may reach a test.
for _name in ("UPBIT_ACCESS_KEY", "UPBIT_SECRET_KEY", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSLKEYLOGFILE"):
    os.environ.pop(_name, None)
    os.environ.pop(_name.lower(), None)

# Who is started in the background by a shell, or by nohup, ignores these; and so would the programs under test.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number is signal.SIGINT else signal.SIG_DFL)

import pytest
import qasync
from hypothesis import HealthCheck, settings
from PyQt6.QtCore import QEvent, Qt
from PyQt6.QtWidgets import QApplication, QWidget
from pytest_asyncio import is_async_test

from tests.idle_machine import IdleMachineLoop, wall_clock_of_an_idle_machine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

# What a commit waits for is the same each time it runs. New examples are sought by `--hypothesis-profile=search`, which
# is how the long forms run.
settings.register_profile(
    "project", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")

# Debug mode writes down for each handle and task where it was made: three frames tell it, ten cost three times as much.
asyncio.constants.DEBUG_STACK_DEPTH = 3  # type: ignore[misc]  # Final, so that nobody does it in passing
# For futures and tasks, which are written in C, that is this function without arguments: all frames, unless it is told.
traceback.extract_stack.__defaults__ = (None, asyncio.constants.DEBUG_STACK_DEPTH)

_stderr: int | None = None

_application: QApplication | None = None  # a QApplication that loses its last reference takes Qt down with it


def _qt_application() -> QApplication:
    global _application
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        _application = existing
    if _application is None:
        _application = QApplication(["upbit_ws_qt-tests"])
    _application.setQuitOnLastWindowClosed(False)  # whoever made it: a closed window would stop the loop of a test
    return _application


def _qasync_loop() -> asyncio.AbstractEventLoop:
    loop: asyncio.AbstractEventLoop = qasync.QEventLoop(_qt_application())
    return loop


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run tests marked `qasync_loop` on the loop that programs run on; the others need no Qt.

    Those run on a loop whose clock does not tell how busy this machine is, unless they are marked `real_time`.
    """
    if item.get_closest_marker("qasync_loop"):
        return {"qasync": _qasync_loop}
    if item.get_closest_marker("real_time"):
        return {"asyncio": asyncio.new_event_loop}
    return {"idle machine": IdleMachineLoop}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--soak` runs the long forms of tests, and only them; `--hangs-after` is for the test of what it does."""
    parser.addoption("--soak", action="store_true", help="run the tests marked `soak`, and no others")
    parser.addoption(
        "--hangs-after",
        type=float,
        default=720.0,
        help="seconds after which a test is ended that hangs inside C; pytest-timeout ends the others earlier",
    )
    parser.addoption(
        "--order", type=int, help="run the tests in the order of this number, as a run before said; 0: as they stand"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real stderr, since pytest captures what is called so; and choose the order, in one process for all."""
    global _stderr
    _stderr = os.dup(2)
    if config.option.soak:
        settings.load_profile("search")
    if config.option.order is None:
        chosen = getattr(config, "workerinput", {}).get("order")
        config.option.order = random.SystemRandom().randrange(1, 1_000_000) if chosen is None else chosen


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Have each worker of pytest-xdist use the same order."""
    node.workerinput["order"] = node.config.option.order


def pytest_report_header(config: pytest.Config) -> str:
    """Tell the order at the beginning."""
    return f"order of the tests: --order {config.option.order}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell the order at the end too, where something failed that it may be the reason for."""
    if terminalreporter.hasopt("quiet") or terminalreporter.stats.keys() & {"failed", "error"}:
        terminalreporter.write_line(f"order of the tests: --order {config.option.order}")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Twice as many workers as processors: tests of windows and of whole programs wait about as long as they work."""
    return 2 * (os.cpu_count() or 1)


def _shuffle(items: list[pytest.Item], number: int) -> None:
    """Put files in another order, and the tests within each."""
    rng = random.Random(number)
    files: dict[object, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    mixed = list(files.values())
    rng.shuffle(mixed)
    for tests in mixed:
        rng.shuffle(tests)
    items[:] = [item for tests in mixed for item in tests]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mix the tests; take the long forms out of a plain run, and all else out of a soak run: pytest says how many."""
    if config.option.order:
        _shuffle(items, config.option.order)
    soak = config.getoption("--soak")
    left_out = [item for item in items if bool(item.get_closest_marker("soak")) is not soak]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if bool(item.get_closest_marker("soak")) is soak]


def pytest_collection_finish() -> None:
    """Put the modules and the collected tests out of the garbage collector's sight: they live until the end."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End a test that hangs for good, with the stacks of all threads; and have each clean up after itself only.

    What a test leaves for good (modules, caches, fixtures of its module) is put out of the collector's sight as well:
    otherwise each later collection would walk all of it, and there is one after every test, of what that test made.
    """
    faulthandler.dump_traceback_later(item.config.getoption("--hangs-after"), exit=True, file=_stderr or 2)
    result = yield
    faulthandler.cancel_dump_traceback_later()
    gc.collect()  # what the test's fixtures and arguments still held
    gc.freeze()
    return result


def pytest_sessionfinish() -> None:
    """Let the last collection, which is pytest's, see everything again."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _wall_clock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the wall clock go as the loop's of an idle machine; on the usual loop they agree anyway."""
    with contextlib.ExitStack() as stack:
        if not request.node.get_closest_marker("real_time"):
            stack.enter_context(wall_clock_of_an_idle_machine())
        yield


@pytest.fixture(autouse=True)
def _logs_are_at_their_level_again() -> Iterator[None]:
    """Put back the level that a program in a test sets for the process, or all later tests keep more records."""
    level = logging.root.level
    yield
    logging.root.setLevel(level)


@pytest.fixture(autouse=True)
def _no_top_level_widget_is_left() -> Iterator[None]:
    app = QApplication.instance()
    before = set(app.topLevelWidgets()) if isinstance(app, QApplication) else set()
    yield
    app = QApplication.instance()
    if isinstance(app, QApplication):
        app.processEvents()
        if any(w not in before for w in app.topLevelWidgets()):  # none of them is kept in a name while garbage goes
            gc.collect()
            app.sendPostedEvents()
            # What is to be deleted later is not left behind: only a loop that goes on would have come to it.
            app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
        left = [w for w in app.topLevelWidgets() if w not in before]
        assert not left, f"top-level widgets left behind: {left}"


@pytest.fixture(autouse=True)
def _no_key_is_held_down() -> Iterator[None]:
    """Let go of Ctrl and Shift: Qt takes those of the last event for held until the next one, in another test too."""
    yield
    if isinstance(QApplication.instance(), QApplication) and QApplication.keyboardModifiers().value:
        from tests.widgets.showing import press  # when it is first needed: few tests press anything

        press(QWidget(), Qt.Key.Key_Control)
        assert not QApplication.keyboardModifiers().value


@pytest.fixture(autouse=True)
def _look_round_the_loop(request: pytest.FixtureRequest) -> None:
    """Give async tests a look for what they leave on their loop; the others are spared making one."""
    if is_async_test(request.node):
        request.getfixturevalue("_no_task_or_timer_is_left")


@pytest.fixture
async def _no_task_or_timer_is_left() -> AsyncIterator[None]:
    """Fail a test that leaves a task, or a timer of this package, on its loop."""
    yield
    loop = asyncio.get_running_loop()
    me = asyncio.current_task()
    for _ in range(3):  # callbacks of tasks that have just ended may still be queued
        await asyncio.sleep(0)
    tasks = [task for task in asyncio.all_tasks(loop) if task is not me and not task.done()]
    assert not tasks, f"tasks left behind: {tasks}"
    scheduled = [h for h in getattr(loop, "_scheduled", ()) if not h.cancelled() and "upbit_ws_qt" in repr(h)]
    assert not scheduled, f"timers left behind: {scheduled}"


@pytest.fixture(autouse=True)
def _garbage_reports_in_time() -> Iterator[None]:
    """Collect at the end of each test, so that 'never awaited' and unclosed sockets are charged to their test."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
