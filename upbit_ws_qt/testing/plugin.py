"""The pytest plugin: an exchange, a service and a running loop for each test that asks for them.

It is loaded by every pytest run in an environment that has the package. So it imports nothing but pytest; Qt, asyncio
and the exchange are loaded by the first test that asks for a fixture.
"""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from upbit_ws_qt.credentials import Credentials
    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt import WebSocketService
    from upbit_ws_qt.qt.attach import AttachedLoop
    from upbit_ws_qt.testing.stage import ReplayMaker, Stage

_STAGE = "_upbit_stage"
_NO_LEAKS = "upbit_no_leaks"
_MARKERS = (
    "upbit_exchange(faults=(), **settings): how the test's exchange is set up: ExchangeSettings by name, and faults "
    "that are there from the beginning, each a name or (name, options)",
    "upbit_service(**settings): settings of the test's service that differ from ServiceConfig.testing(exchange)",
)


def pytest_configure(config: pytest.Config) -> None:
    """Name the markers, and keep every test, and what it starts, from the real exchange."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    # Read by every way out of the library; who tests against the real exchange says UPBIT_LOOPBACK_ONLY=0 himself.
    os.environ.setdefault("UPBIT_LOOPBACK_ONLY", "1")
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # where there is no screen, Qt would abort the process


@pytest.fixture
def upbit_loop(request: pytest.FixtureRequest) -> Iterator[AttachedLoop]:
    """The test's asyncio loop; it runs whenever Qt does, so `qtbot.waitSignal` and `waitUntil` just work.

    Plain tests, fixtures, slots and callbacks may do what they may in a program under `run()`; a coroutine is run by
    `upbit_loop.run_until_complete(…)`. An `async def` test that asks for this fixture, or for one that is built on it,
    runs on this loop.

    What a callback, a task or a handler of the loop raises fails the test. Whatever tasks are left are cancelled.
    """
    if _NO_LEAKS in request.fixturenames:
        request.getfixturevalue(_NO_LEAKS)  # so that it looks when everything else has ended
    for name in request.node.fixturenames:
        # pytest-asyncio makes a loop for each async test, also for those that we run. It has to be made before ours,
        # and so to end after it: one cannot be closed while another is the running one.
        if name.endswith("_scoped_runner"):
            request.getfixturevalue(name)
    try:
        qapp = request.getfixturevalue("qapp")
    except pytest.FixtureLookupError:
        raise pytest.UsageError("the fixtures of upbit_ws_qt need pytest-qt: pip install pytest-qt") from None

    from upbit_ws_qt.testing.stage import Stage

    stage = Stage(qapp)
    setattr(request.node, _STAGE, stage)
    try:
        yield stage.loop
    finally:
        stage.close()


@pytest.fixture
def upbit_failures(upbit_loop: AttachedLoop, request: pytest.FixtureRequest) -> list[BaseException]:
    """What callbacks, tasks and handlers of the loop have raised so far; what is in it at the end fails the test.

    A test that means one to fail takes it out: `assert isinstance(upbit_failures.pop(), KeyError)`.
    """
    failures: list[BaseException] = _stage(request).failures
    return failures


@pytest.fixture
def upbit_exchange(upbit_loop: AttachedLoop, request: pytest.FixtureRequest) -> Iterator[EmbeddedExchange]:
    """An exchange of the test's own, started, in which nothing happens but what the test makes happen.

    Its time stands still, it has the 30 busiest markets, and no limits of rate. The marker `upbit_exchange` changes
    that: `@pytest.mark.upbit_exchange(stopped=False, rate=500, markets=None, faults=["too_many"])`.
    """
    from upbit_ws_qt.testing.stage import begin_exchange

    exchange = begin_exchange(_stage(request), _settings(request, "upbit_exchange"))
    yield exchange
    upbit_loop.run_until_complete(exchange.stop())


@pytest.fixture
def upbit_key(monkeypatch: pytest.MonkeyPatch) -> Credentials:
    """The key that the test's exchange knows, also for `Credentials.from_env()` in the program under test."""
    from upbit_ws_qt.credentials import Credentials
    from upbit_ws_qt.exchange.settings import ACCESS_KEY, SECRET_KEY

    monkeypatch.setenv("UPBIT_ACCESS_KEY", ACCESS_KEY)
    monkeypatch.setenv("UPBIT_SECRET_KEY", SECRET_KEY)
    return Credentials(ACCESS_KEY, SECRET_KEY)


@pytest.fixture
def upbit_service(upbit_exchange: EmbeddedExchange, request: pytest.FixtureRequest) -> Iterator[WebSocketService]:
    """The program's service (`WebSocketService.instance()`), started, on the test's exchange and with its key.

    The marker `upbit_service` changes settings: `@pytest.mark.upbit_service(credentials=None, frame_rate=30)`. What a
    callback raises fails the test.
    """
    from upbit_ws_qt.testing.stage import begin_service, end_service

    stage = _stage(request)
    service = begin_service(stage, upbit_exchange, _settings(request, "upbit_service"))
    yield service
    end_service(stage, service, look_for_leaks=_NO_LEAKS in request.fixturenames)


@pytest.fixture
def upbit_replay(upbit_loop: AttachedLoop, request: pytest.FixtureRequest) -> Iterator[ReplayMaker]:
    """Plays recordings: `upbit_replay(path)` is the program's service on one, started, its clock at the beginning.

    A path that is not absolute is looked for beside the test's file. The clock stands until `service.clock.resume()`;
    `upbit_replay.to_end()` plays all that is left, as fast as it is taken, and returns when it is handed out. Not
    together with `upbit_service`: a program has one service.
    """
    from upbit_ws_qt.testing.stage import ReplayMaker

    maker = ReplayMaker(_stage(request), request.path.parent, look_for_leaks=_NO_LEAKS in request.fixturenames)
    yield maker
    maker.end()


@pytest.fixture
def upbit_no_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves something behind: wishes (of channels too), tasks, timers of the loop, or windows.

    For all tests of a file: `pytestmark = pytest.mark.usefixtures("upbit_no_leaks")`. Widgets that `qtbot.addWidget`
    was given are closed before it looks.
    """
    from upbit_ws_qt.testing.stage import top_level_widgets

    request.getfixturevalue("qapp")
    before = set(top_level_widgets())
    yield
    stage: Stage | None = getattr(request.node, _STAGE, None)
    left = [] if stage is None else stage.leaks
    left += [f"top-level widget {widget!r}" for widget in top_level_widgets() if widget not in before]
    if left:
        pytest.fail("left behind:\n" + "\n".join(f"  {each}" for each in left), pytrace=False)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test that has `upbit_loop` on it; pytest-asyncio and the like run the others."""
    stage: Stage | None = getattr(pyfuncitem, _STAGE, None)
    if stage is None:
        return None
    test: Any = inspect.unwrap(pyfuncitem.obj)  # pytest-asyncio has wrapped it, to run it on its own loop
    if not inspect.iscoroutinefunction(test):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    instance = getattr(pyfuncitem.obj, "__self__", None)
    coroutine = test(**arguments) if instance is None or inspect.ismethod(test) else test(instance, **arguments)
    stage.loop.run_until_complete(coroutine)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Fail the test in which a callback failed, and not a later one."""
    stage: Stage | None
    try:
        result = yield
    except BaseException:
        if (stage := getattr(item, _STAGE, None)) is not None:
            stage.tell_failures(item)
        raise
    if (stage := getattr(item, _STAGE, None)) is not None:
        stage.end_call()
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Keep the process alive where a slot has failed its test and goes on failing until its widget is closed."""
    stage: Stage | None = getattr(item, _STAGE, None)
    if stage is None:
        return (yield)
    with stage.outliving_slots(item):
        return (yield)


def _stage(request: pytest.FixtureRequest) -> Stage:
    stage: Stage = getattr(request.node, _STAGE)
    return stage


def _settings(request: pytest.FixtureRequest, marker: str) -> dict[str, Any]:
    """Return what the markers of a test say, the closest winning."""
    found: dict[str, Any] = {}
    for mark in request.node.iter_markers(marker):
        if mark.args:
            raise pytest.UsageError(f"{marker} takes settings by name: @pytest.mark.{marker}(name=value)")
        found = {**mark.kwargs, **found}
    return found
