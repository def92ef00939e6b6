"""An asyncio loop beside a Qt program that keeps its own `app.exec()`: it runs whenever Qt does."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any, TypeVar

from PyQt6.QtCore import QCoreApplication, QEventLoop, QThread

from upbit_ws_qt.qt.ending import follow_application
from upbit_ws_qt.qt.loop import QtLoop
from upbit_ws_qt.qt.nested_loops import keep_tasks_going
from upbit_ws_qt.qt.service import WebSocketService

if TYPE_CHECKING:
    from collections.abc import Awaitable

__all__ = ["AttachedLoop", "Attachment", "attach"]

_T = TypeVar("_T")
_LOOK_AGAIN = 0.01  # seconds


class AttachedLoop(QtLoop):
    """The running loop of this thread from when it is made until `stop()`: also for plain code that Qt calls.

    Qt's event loop drives it, whoever runs that: `app.exec()`, a dialog, `qtbot.waitSignal`.
    """

    def __init__(self, app: QCoreApplication) -> None:
        super().__init__(app, already_running=True)
        self._completing = 0
        # qasync would tidy up then, and so before anybody can say goodbye to an exchange: `stop()` does it.
        app.aboutToQuit.disconnect(self._after_run_forever)
        keep_tasks_going(self)

    @property
    def is_completing(self) -> bool:
        """Whether it is `run_until_complete` that has Qt run, and not the program."""
        return self._completing > 0

    def run_until_complete(self, future: Awaitable[_T]) -> _T:
        """Process Qt's events until a coroutine or future is done, and return its result; for plain code.

        Raises:
            RuntimeError: in a coroutine, which has to await it.
        """
        if asyncio.current_task(self) is not None:
            raise RuntimeError("this is inside a coroutine: await it")
        task: asyncio.Future[_T] = asyncio.ensure_future(future, loop=self)
        waiting = QEventLoop()
        task.add_done_callback(lambda _: waiting.quit())
        self._completing += 1
        try:
            if not task.done():
                waiting.exec()
            while not task.done():  # somebody has quit the program, and with it every event loop there was
                waiting.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        finally:
            self._completing -= 1
        return task.result()

    def stop(self) -> None:
        """Be the running loop no more; Qt's own goes on. A second call changes nothing."""
        if self.is_running():
            self._QEventLoop__is_running = False
            if asyncio._get_running_loop() is self:
                asyncio._set_running_loop(None)
            self._after_run_forever()

    def finish(self) -> None:
        """Cancel what still runs on it, and close it; a second call does nothing."""
        if self.is_closed():
            return
        self.run_until_complete(_cancel_others())
        self.run_until_complete(self.shutdown_asyncgens())
        self.stop()
        self.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class Attachment:
    """What `attach` has added to a program; `stop()` takes it away again.

    Attributes:
        loop: the asyncio loop, for `loop.create_task(…)`; it is the running one wherever Qt calls your code.
    """

    def __init__(self, app: QCoreApplication, service: WebSocketService | None) -> None:
        self.loop: Any = AttachedLoop(app)
        self._service = service
        self._stopped = False
        self._starting = self.loop.call_soon(self._start)

    def __repr__(self) -> str:
        return f"<Attachment {'stopped' if self._stopped else 'running'}>"

    @property
    def service(self) -> WebSocketService:
        """The service that is started and stopped with it."""
        return self._service or WebSocketService.instance()

    def stop(self) -> None:
        """Stop the service and close the loop, within 2 s; after `app.exec()`, or when a plugin is unloaded.

        It is a plain call that lets Qt process events meanwhile; a second one does nothing.
        """
        if self._stopped:
            return
        self._stopped = True
        self._starting.cancel()
        self.loop.run_until_complete(self.service.stop())
        self.loop.finish()

    def _start(self) -> None:
        if self.loop.is_completing:  # the program is still being set up, and may yet make a service of its own
            self._starting = self.loop.call_later(_LOOK_AGAIN, self._start)
            return
        task = self.loop.create_task(self.service.start(), name="upbit_ws_qt start")
        task.add_done_callback(_report)


def _report(task: asyncio.Task[None]) -> None:
    """Hand an error to the program's own hook, as Qt does with that of a slot."""
    if not task.cancelled() and (error := task.exception()) is not None:
        sys.excepthook(type(error), error, error.__traceback__)


def attach(app: QCoreApplication | None = None, *, service: WebSocketService | None = None) -> Attachment:
    """Have services, proxies and coroutines work in a program that keeps its own `app.exec()`.

    For programs that are there already, and for plugins in a program that is not one's own. Nothing of it is replaced:
    not its event loop, its `sys.excepthook` or its signal handlers. The service is started as soon as the
    program's own event loop runs; until then WebSocketService.instance() may be made with a configuration of its own.

    Example:
        attachment = attach(app)
        window = MainWindow()
        window.show()
        code = app.exec()
        attachment.stop()

    Args:
        app: the application, by default the one there is.
        service: which one to start and to stop; WebSocketService.instance() by default.

    Raises:
        RuntimeError: there is no application, this is not its thread, or an asyncio loop is running here already
            (then `await service.start()` there).
    """
    app = app or QCoreApplication.instance()
    if app is None:
        raise RuntimeError("attach() needs an application: make a QApplication (or QCoreApplication) first")
    if app.thread() != QThread.currentThread():
        raise RuntimeError("attach() belongs into the application's thread: call it from there")
    if asyncio._get_running_loop() is not None:
        raise RuntimeError(
            "an asyncio loop is running here already: `await service.start()` on it, and stop() likewise"
        )
    follow_application()
    return Attachment(app, service)
