"""What a dialog that a coroutine opens with exec() may do to everybody else: nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6 import sip
from PyQt6.QtCore import QEventLoop, QTimer
from PyQt6.QtWidgets import QDialog, QMenu, QMessageBox

from tests.qt.serving import config_for, served
from tests.waiting import until
from upbit_ws_qt.exchange import EmbeddedExchange, ExchangeSettings
from upbit_ws_qt.qt import NestedLoopError, WebSocketClientProxy, WebSocketService
from upbit_ws_qt.types import ConnectionState, WebSocketType

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

PUBLIC = WebSocketType.PUBLIC
SETTINGS = ExchangeSettings(
    markets=3, rate=100, connects_per_second=None, messages_per_second=None, messages_per_minute=None
)


def _run_dialog(done: Callable[[], object]) -> None:
    _run_any_dialog(QDialog(), done)


def _run_message_box(done: Callable[[], object]) -> None:
    _run_any_dialog(QMessageBox(), done)


def _run_any_dialog(dialog: QDialog, done: Callable[[], object]) -> None:
    _when(done, dialog.accept, dialog)
    dialog.exec()
    sip.delete(dialog)  # its timer's slot would keep it


def _run_menu(done: Callable[[], object]) -> None:
    menu = QMenu()
    menu.addAction("buy")
    _when(done, menu.close, menu)
    menu.exec()
    sip.delete(menu)


def _run_event_loop(done: Callable[[], object]) -> None:
    nested = QEventLoop()
    _when(done, nested.quit, nested)
    nested.exec()
    sip.delete(nested)


def _when(condition: Callable[[], object], then: Callable[[], object], parent: Any) -> None:
    """Close what is open as soon as a condition holds."""
    timer = QTimer(parent)
    timer.timeout.connect(lambda: then() if condition() else None)
    timer.start(5)


WAYS = pytest.mark.parametrize("run_nested", [_run_dialog, _run_message_box, _run_menu, _run_event_loop])


async def _flows(proxy: WebSocketClientProxy) -> None:
    """Return when something has come that was not there before."""
    came: list[object] = []
    subscription = proxy.subscribe_ticker("KRW-BTC", came.append)
    await until(lambda: len(came) > 3)
    subscription.close()


@WAYS
@pytest.mark.qt_log_ignore("does not support")  # Qt without a screen cannot grab the keyboard for a menu
@served(SETTINGS)
async def test_in_the_setup_the_line_is_dialled_and_comes_back_while_the_dialog_is_open(
    exchange: EmbeddedExchange, service: WebSocketService, run_nested: Callable[[Callable[[], object]], None]
) -> None:
    told: list[object] = []
    service.errorOccurred.connect(told.append)
    proxy = WebSocketClientProxy("prices", service=service)
    proxy.subscribe_ticker("KRW-BTC", lambda event: None)
    run_nested(lambda: service.connection_state(PUBLIC) is ConnectionState.CONNECTED)  # it was not even dialled before
    before = service.epoch(PUBLIC)
    exchange.faults.inject("drop", endpoint="public")
    run_nested(lambda: service.epoch(PUBLIC) > before and service.connection_state(PUBLIC) is ConnectionState.CONNECTED)
    await _flows(proxy)
    assert [type(error) for error in told].count(NestedLoopError) == 1, "said, and not again for the same coroutine"


@WAYS
@pytest.mark.qt_log_ignore("does not support")  # Qt without a screen cannot grab the keyboard for a menu
@served(SETTINGS)
async def test_in_an_async_callback_everybody_else_is_served_while_the_dialog_is_open(
    exchange: EmbeddedExchange, service: WebSocketService, run_nested: Callable[[Callable[[], object]], None]
) -> None:
    others: list[object] = []
    closed: list[bool] = []

    async def ask(event: object) -> None:
        if not closed:
            closed.append(False)
            before, epoch = len(others), service.epoch(PUBLIC)
            exchange.faults.inject("drop", endpoint="public")
            run_nested(lambda: len(others) > before + 3 and service.epoch(PUBLIC) > epoch)
            closed.append(True)

    async def take(event: object) -> None:
        others.append(event)

    proxy = WebSocketClientProxy("asks", service=service)
    proxy.subscribe_ticker("KRW-BTC", ask)
    WebSocketClientProxy("other", service=service).subscribe_ticker("KRW-BTC", take)
    await until(lambda: True in closed)
    await _flows(proxy)


@pytest.mark.qasync_loop
async def test_stop_ends_while_a_dialog_of_a_coroutine_is_open() -> None:
    async with EmbeddedExchange(SETTINGS) as exchange:
        service = WebSocketService(config_for(exchange))
        await service.start()
        proxy = WebSocketClientProxy("prices", service=service)
        await proxy.subscribe_ticker("KRW-BTC", lambda event: None)
        stopping = asyncio.create_task(service.stop())
        _run_dialog(stopping.done)
        assert not exchange.connections
        service.deleteLater()


@pytest.mark.qasync_loop
async def test_dialogs_of_several_coroutines_may_be_open_in_each_other() -> None:
    order: list[str] = []

    async def sleeper() -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        order.append("sleeper")

    async def inner() -> None:
        await asyncio.sleep(0)
        nested = asyncio.create_task(sleeper())
        _run_dialog(nested.done)
        order.append("inner")
        assert asyncio.current_task() is tasks[0]

    async with EmbeddedExchange(SETTINGS) as exchange:
        service = WebSocketService(config_for(exchange))
        await service.start()  # whoever has a service has its loop looked after
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(_of(inner()))]
        _run_dialog(tasks[0].done)
        order.append("outer")
        await service.stop()
        service.deleteLater()
    assert order == ["sleeper", "inner", "outer"]


@pytest.mark.qasync_loop
async def test_what_is_no_refused_step_still_goes_to_the_programs_own_handler() -> None:
    async with EmbeddedExchange(SETTINGS) as exchange:
        service = WebSocketService(config_for(exchange))
        await service.start()
        told: list[dict[str, Any]] = []
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context))

        def broken() -> None:
            raise RuntimeError("Cannot enter into task, says a callback")

        loop.call_soon(broken)
        _run_dialog(lambda: told)
        await service.stop()
        service.deleteLater()
    assert [str(context["exception"]) for context in told] == ["Cannot enter into task, says a callback"]


async def _of(work: Coroutine[Any, Any, None]) -> None:
    await work
