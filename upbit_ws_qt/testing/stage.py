"""What a test with a loop of ours stands on: how its exchange and service begin and end, and what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
import sys
import traceback
import weakref
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QCoreApplication, QEvent
from PyQt6.QtWidgets import QApplication

from upbit_ws_qt.config import ServiceConfig
from upbit_ws_qt.errors import BackpressureError
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.manager import GlobalWebSocketManager
from upbit_ws_qt.qt import WebSocketService
from upbit_ws_qt.qt.attach import AttachedLoop
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from PyQt6.QtWidgets import QWidget

__all__ = ["ReplayMaker", "Stage", "begin_exchange", "begin_service", "end_service", "top_level_widgets"]

LOOK_EVERY = 0.001
"""Seconds between two looks whether a replay is at its end."""

# Nothing happens by itself, and nobody is told to wait; a test of the limits asks for them by the marker.
_QUIET = {
    "stopped": True,
    "markets": 30,
    "prepare": False,
    "connects_per_second": None,
    "messages_per_second": None,
    "messages_per_minute": None,
    "rest_per_second": None,
}


class _TestLoop(AttachedLoop):
    """Knows which of its timers have not gone off."""

    def __init__(self, app: QCoreApplication) -> None:
        self._due: weakref.WeakKeyDictionary[asyncio.Handle, float] = weakref.WeakKeyDictionary()
        super().__init__(app)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.Handle:
        handle: asyncio.Handle = super().call_later(delay, callback, *args, context=context)
        if delay > 0:
            self._due[handle] = self.time() + delay
        return handle

    def timers(self) -> list[asyncio.Handle]:
        """Return what is yet to go off."""
        now = self.time()
        return [handle for handle, due in self._due.items() if due > now and not handle.cancelled()]


class Stage:
    """One test's loop, and what came to light on it.

    Attributes:
        loop: the running loop of the test's thread, until `close`.
        failures: what callbacks, tasks and handlers have raised.
        leaks: what was found left behind so far, in words.
    """

    def __init__(self, app: object) -> None:
        if not isinstance(app, QApplication):
            raise pytest.UsageError(
                f"upbit_ws_qt needs PyQt6, and the application of pytest-qt is a {type(app).__module__} one: "
                "set qt_api = pyqt6 in pytest's configuration"
            )
        self._app = app
        self._quits = app.quitOnLastWindowClosed()
        app.setQuitOnLastWindowClosed(False)  # the window that one test closes is not the end of the others
        self.failures: list[BaseException] = []
        self.leaks: list[str] = []
        self.loop = _TestLoop(app)
        self.loop.set_exception_handler(self._on_loop_error)

    def on_component_failed(self, _component_id: str, error: Exception) -> None:
        """Note what a callback has raised; that it is put aside for it later on is no failure of its own."""
        if not isinstance(error, BackpressureError):
            self.failures.append(error)

    @contextlib.contextmanager
    def outliving_slots(self, item: pytest.Item) -> Iterator[None]:
        """Show what slots raise that go on failing after their test has failed for it; PyQt would abort the process."""
        if sys.excepthook is not sys.__excepthook__:  # pytest-qt listens still: nothing has failed so far
            yield
            return
        told: set[str] = set()

        def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            text = "".join(traceback.format_exception(kind, error, trace))
            if text not in told:
                told.add(text)
                item.add_report_section("teardown", "raised by a slot", text)

        sys.excepthook = tell
        try:
            yield
        finally:
            sys.excepthook = sys.__excepthook__

    def _on_loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.failures.append(error if error is not None else RuntimeError(context["message"]))

    def end_call(self) -> None:
        """Raise what came to light while the test itself ran, also of tasks that nobody awaits any more."""
        gc.collect()  # a task says what it raised when it goes, and where it is in a cycle that is now
        self.raise_failures("during this test")

    def raise_failures(self, when: str) -> None:
        """Raise what was noted and not taken out, once."""
        failures, self.failures[:] = list(self.failures), []
        if failures:
            raise BaseExceptionGroup(f"raised {when} in callbacks, tasks or handlers of the loop", failures)

    def tell_failures(self, item: pytest.Item) -> None:
        """Show what was noted with a test that has failed anyhow, for it may be why."""
        failures, self.failures[:] = list(self.failures), []
        for error in failures:
            item.add_report_section("call", "upbit_ws_qt", "".join(traceback.format_exception(error)))

    def close(self) -> None:
        """End the loop; what has failed since the test is raised here."""
        loop = self.loop
        try:
            gc.collect()  # a task that nobody awaits any more says now what it raised
            self.leaks += [f"task {task!r}" for task in asyncio.all_tasks(loop) if not task.done()]
            self.leaks += [f"timer {handle!r}" for handle in loop.timers()]
            loop.finish()
        finally:
            self._app.setQuitOnLastWindowClosed(self._quits)
        self.raise_failures("after the test, while it was taken down,")


def begin_exchange(stage: Stage, settings: dict[str, Any]) -> EmbeddedExchange:
    """Start an exchange on the test's loop, with what a marker says."""
    faults = settings.pop("faults", ())
    exchange = EmbeddedExchange(ExchangeSettings(**{**_QUIET, **settings}))
    for fault in (faults,) if isinstance(faults, str) else faults:
        name, options = (fault, {}) if isinstance(fault, str) else fault
        exchange.faults.inject(name, **options)
    stage.loop.run_until_complete(exchange.start())
    return exchange


def begin_service(stage: Stage, exchange: EmbeddedExchange, settings: dict[str, Any]) -> WebSocketService:
    """Start the program's service on the test's loop and exchange."""
    service = WebSocketService.instance(ServiceConfig.testing(exchange, **settings))
    service.componentFailed.connect(stage.on_component_failed)
    service.manager  # noqa: B018 -- it is made at the first use
    stage.loop.run_until_complete(service.start())
    forget = exchange.settle_with(lambda: _has_settled(service, exchange))
    service.destroyed.connect(forget)
    return service


class ReplayMaker:
    """Makes the program's service on a recording; what the fixture `upbit_replay` is.

    Calling it returns the service: `upbit_replay("session", speed=10.0, paused=False)`; a second call ends the first.
    """

    def __init__(self, stage: Stage, folder: Path, *, look_for_leaks: bool) -> None:
        self._stage = stage
        self._folder = folder
        self._look_for_leaks = look_for_leaks
        self._service: WebSocketService | None = None

    def __call__(
        self, path: str | Path, speed: float = 1.0, *, paused: bool = True, **settings: Any
    ) -> WebSocketService:
        """Start the service; `settings` are of ServiceConfig."""
        self.end()
        config = ServiceConfig.testing(**settings)
        service = self._service = WebSocketService.replay(self._folder / path, speed, paused=paused, config=config)
        service.componentFailed.connect(self._stage.on_component_failed)
        self._stage.loop.run_until_complete(service.start())
        return service

    def to_end(self) -> None:
        """Play all that is left, and return when it is handed out."""
        service = self._service
        clock = None if service is None else service.clock
        if service is None or clock is None:
            raise RuntimeError("upbit_replay(path) comes first")
        clock.set_speed(math.inf)
        clock.resume()

        async def end() -> None:
            # The queues of all consumers have no common event.
            while not (clock.is_at_end and service.manager.wiring.is_drained):  # noqa: ASYNC110
                await asyncio.sleep(LOOK_EVERY)

        self._stage.loop.run_until_complete(end())

    def end(self) -> None:
        """Stop the service, if there is one."""
        service, self._service = self._service, None
        if service is not None:
            end_service(self._stage, service, look_for_leaks=self._look_for_leaks)


def _has_settled(service: WebSocketService, exchange: EmbeddedExchange) -> bool:
    """Whether the service has done with all it has read, and has noticed which of its lines were cut."""
    manager = service.manager
    there = {view.endpoint for view in exchange.connections}
    up = {each.value for each in WebSocketType if manager.connection_state(each) is ConnectionState.CONNECTED}
    return up <= there and manager.wiring.is_settled


def end_service(stage: Stage, service: WebSocketService, *, look_for_leaks: bool) -> None:
    """Stop the program's service, so that the next test has one of its own."""
    if look_for_leaks:
        stage.leaks += _wishes_left(service)
    stage.loop.run_until_complete(service.stop())
    stage.loop.run_until_complete(GlobalWebSocketManager.reset_instance())
    service.deleteLater()
    _delete_what_waits()


def _wishes_left(service: WebSocketService) -> list[str]:
    _delete_what_waits()
    gc.collect()
    wishes = service.manager.get_active_subscriptions()
    return [f"wish {stream}, of {', '.join(components)}" for stream, components in wishes.items()]


def top_level_widgets() -> list[QWidget]:
    """Return the windows there are, once all has gone that only waits to be deleted."""
    _delete_what_waits()
    gc.collect()
    return [widget for widget in QApplication.topLevelWidgets() if not sip.isdeleted(widget)]


def _delete_what_waits() -> None:
    QCoreApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
