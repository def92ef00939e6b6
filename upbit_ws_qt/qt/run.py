"""Runs a Qt program on an asyncio loop, from its first window until its service has stopped."""

from __future__ import annotations

import asyncio
import inspect
import logging
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QCoreApplication, QEventLoop, QTimer

from upbit_ws_qt.qt.ending import delete_what_waits, follow_application
from upbit_ws_qt.qt.excepthook import install_excepthook
from upbit_ws_qt.qt.loop import QtLoop
from upbit_ws_qt.qt.nested_loops import keep_tasks_going
from upbit_ws_qt.qt.service import WebSocketService

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from PyQt6.QtCore import QAbstractEventDispatcher

__all__ = ["run"]

_log = logging.getLogger(__name__)

_QUIT_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# Where the loop cannot watch signals (Windows), Python only notices one when it runs some code: this often, then.
_SIGNAL_POLL_MS = 200


def run(
    setup: Callable[[], object],
    teardown: Callable[[], object] | None = None,
    *,
    service: WebSocketService | None = None,
) -> int:
    """Run `setup` on a qasync loop, start the service, and stop it when the program is quit.

    A QCoreApplication or QApplication must exist. What `setup` returns is kept until the end, so a window needs no
    other reference. `setup` may be a coroutine function; awaiting a subscription in it starts the service at once.
    Closing the last window, `quit()`, Ctrl+C, SIGTERM and SIGHUP (a session or terminal that ends; not under nohup) all
    end with the service stopped and its lines closed.
    Unexpected errors in slots are reported and not fatal (see install_excepthook) while the program runs; a
    `sys.excepthook` of the program's own is told of each of them as before.

    Args:
        setup: makes the windows; an exception in it ends the program and comes out of `run`.
        teardown: called when the program has been quit, while the service still serves and the loop still runs; a
            coroutine function is awaited. What `setup` may still be doing has been cancelled before. An exception in it
            comes out of `run` once the service has stopped.
        service: which service to start after `setup`, and to stop; WebSocketService.instance() by default, which
            `setup` may make with a configuration of its own.

    Returns:
        The exit code of the application.
    """
    app = QCoreApplication.instance()
    if app is None:
        raise RuntimeError("run() needs an application: make a QApplication (or QCoreApplication) first")
    _check_setup(setup)
    if teardown is not None and not callable(teardown):
        raise TypeError(f"the teardown of run() is a function or coroutine function, not {teardown!r:.80}")
    follow_application()
    hook = install_excepthook()
    try:
        with asyncio.Runner(loop_factory=lambda: QtLoop(_Application(app))) as runner:
            program = _Program(setup, teardown, service)
            loop: Any = runner.get_loop()
            keep_tasks_going(loop)
            loop.call_soon(program.start)
            with _quit_on_signals(loop):
                code = loop.run_forever()
            runner.run(program.stop())
            if program.failure is not None:
                raise program.failure
            return int(code)
    finally:
        delete_what_waits()  # closed windows: the loop that would have deleted them is over
        hook.uninstall()


class _Application:
    """The application as qasync runs it: its own `exec()` once, and a plain event loop for what comes after.

    asyncio runs its loop several times more to clean up. Each `exec()` of the application would emit `aboutToQuit`
    again, and a second `quit()` or `exit()` would break the cleaning up off.
    """

    def __init__(self, app: QCoreApplication) -> None:
        self._app = app
        self._ran = False
        self._event_loop: QEventLoop | None = None

    def exec(self) -> int:
        """Run until `exit` is called here; the first time also until the program is quit."""
        if not self._ran:
            self._ran = True
            return self._app.exec()
        self._event_loop = event_loop = QEventLoop()
        code = event_loop.exec()
        while self._event_loop is event_loop:  # ended by somebody else, who also keeps it from being executed again
            event_loop.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        return code

    def exit(self, code: int = 0) -> None:
        """End what `exec` runs."""
        if self._event_loop is None:
            self._app.exit(code)
        else:
            self._event_loop.exit(code)
            self._event_loop = None

    def eventDispatcher(self) -> QAbstractEventDispatcher | None:
        """Return what makes Qt process its events."""
        return self._app.eventDispatcher()


class _Program:
    """The user's program: its setup, what that has made, and the service."""

    def __init__(
        self,
        setup: Callable[[], object],
        teardown: Callable[[], object] | None,
        service: WebSocketService | None,
    ) -> None:
        self.failure: BaseException | None = None
        self._setup = setup
        self._teardown = teardown
        self._service = service
        self._made: object = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Call the setup, outside any Task: a plain function may open dialogs."""
        try:
            self._made = self._setup()
        except BaseException as error:  # noqa: BLE001 - not swallowed: it comes out of run()
            self._give_up(error)
            return
        self._task = asyncio.get_running_loop().create_task(self._start(), name="upbit_ws_qt start")
        self._task.add_done_callback(self._on_started)

    async def stop(self) -> None:
        """Undo `start`, however far it has come."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        try:
            if self._teardown is not None:
                await self._tear_down(self._teardown)
        except BaseException as error:  # noqa: BLE001 - not swallowed: it comes out of run()
            self.failure = self.failure or error
        await self._its_service().stop()
        self._made = None

    async def _tear_down(self, teardown: Callable[[], object]) -> None:
        """Call the user's function from the loop, as everything of his is, and await what it returns."""
        called: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def call() -> None:
            try:
                called.set_result(teardown())
            except BaseException as error:  # noqa: BLE001 - handed on to who awaits
                called.set_exception(error)

        asyncio.get_running_loop().call_soon(call)
        made = await called
        if inspect.isawaitable(made):
            await made

    async def _start(self) -> None:
        if inspect.isawaitable(self._made):
            self._made = await self._made
        await self._its_service().start()

    def _its_service(self) -> WebSocketService:
        return self._service or WebSocketService.instance()

    def _on_started(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._give_up(error)

    def _give_up(self, error: BaseException) -> None:
        self.failure = error
        QCoreApplication.exit(1)


def _check_setup(setup: object) -> None:
    if inspect.iscoroutine(setup):
        setup.close()
        raise TypeError("run() needs the function itself: run(main), not run(main())")
    if not callable(setup):
        raise TypeError(f"run() needs a function that makes the windows, not {setup!r:.80}")
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "run() makes the program's loop, and here one is running already (a notebook, or a coroutine): call your setup "
        "there, and `await service.start()` and `await service.stop()` yourself"
    )


@contextmanager
def _quit_on_signals(loop: asyncio.AbstractEventLoop) -> Iterator[None]:
    poll: QTimer | None = None
    previous: dict[signal.Signals, Any] = {}
    watched = [number for number in _QUIT_SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    try:
        for number in watched:
            loop.add_signal_handler(number, QCoreApplication.quit)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        poll = QTimer()
        poll.timeout.connect(lambda: None)
        poll.start(_SIGNAL_POLL_MS)
        previous = _install_plain_handlers(watched)
    try:
        yield
    finally:
        if poll is None:
            for number in watched:
                loop.remove_signal_handler(number)
        else:
            poll.stop()
            for number, handler in previous.items():
                signal.signal(number, handler)


def _install_plain_handlers(watched: list[signal.Signals]) -> dict[signal.Signals, Any]:
    previous: dict[signal.Signals, Any] = {}
    for number in watched:
        try:
            previous[number] = signal.signal(number, lambda *_: QCoreApplication.quit())
        except ValueError:
            _log.warning("run() is not in the main thread: %s will not be seen", number.name)
    return previous
