"""What goes wrong in tests, each in its own; tests/testing/test_plugin.py says how each has to fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from PyQt6.QtWidgets import QLabel

from upbit_ws_qt import WebSocketClientProxy, WebSocketService

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from upbit_ws_qt.exchange import EmbeddedExchange
    from upbit_ws_qt.qt.attach import AttachedLoop

BTC = "KRW-BTC"
kept: list[Any] = []


def fail(_event: object) -> None:
    raise LookupError("a bug of mine")


async def fail_later(_event: object) -> None:
    await asyncio.sleep(0)
    raise LookupError("a bug of mine")


def test_callback(upbit_exchange: EmbeddedExchange, upbit_service: object, upbit_loop: AttachedLoop) -> None:
    WebSocketClientProxy("bad").subscribe_ticker(BTC, fail)
    upbit_loop.run_until_complete(upbit_exchange.settle())


async def test_coroutine_callback(qtbot: QtBot, upbit_service: WebSocketService) -> None:
    failed = asyncio.Event()
    upbit_service.componentFailed.connect(lambda *_: failed.set())
    WebSocketClientProxy("bad").subscribe_ticker(BTC, fail_later)
    await failed.wait()


@pytest.mark.upbit_exchange(stopped=False, rate=5000, markets=1)
def test_slot(qtbot: QtBot, upbit_service: WebSocketService) -> None:
    """It goes on failing until its channel is gone, which is after the test."""
    channel = upbit_service.ticker(BTC)
    kept.append(channel)
    channel.received.connect(fail)
    qtbot.waitUntil(lambda: channel.latest is not None)


def test_handler_of_the_loop(upbit_loop: AttachedLoop) -> None:
    upbit_loop.call_soon(fail, None)
    upbit_loop.run_until_complete(asyncio.sleep(0))


def test_task(upbit_loop: AttachedLoop) -> None:
    task = upbit_loop.create_task(fail_later(None))
    upbit_loop.run_until_complete(asyncio.wait([task]))
    del task


async def test_assertion_in_a_coroutine(upbit_loop: AttachedLoop) -> None:
    await asyncio.sleep(0)
    assert kept == ["never"]


def test_callback_and_an_assertion(
    upbit_exchange: EmbeddedExchange, upbit_service: object, upbit_loop: AttachedLoop
) -> None:
    WebSocketClientProxy("bad").subscribe_ticker(BTC, fail)
    upbit_loop.run_until_complete(upbit_exchange.settle())
    assert kept == ["never"]


async def test_real_exchange(upbit_loop: AttachedLoop) -> None:
    await WebSocketClientProxy("of a widget without a service").subscribe_ticker(BTC, print)


async def test_real_rest(upbit_loop: AttachedLoop) -> None:
    service = WebSocketService.instance()
    try:
        await service.rest.markets()
    finally:
        await service.stop()


def test_left_wish(upbit_service: object, upbit_no_leaks: None) -> None:
    WebSocketClientProxy("leaky").subscribe_ticker(BTC, print)


def test_left_channel(upbit_service: WebSocketService, upbit_no_leaks: None) -> None:
    kept.append(upbit_service.trade(BTC))
    kept[-1].received.connect(print)


def test_left_task(upbit_no_leaks: None, upbit_loop: AttachedLoop) -> None:
    kept.append(upbit_loop.create_task(asyncio.Event().wait(), name="mine"))


def test_left_timer(upbit_loop: AttachedLoop, upbit_no_leaks: None) -> None:
    upbit_loop.call_later(1000, fail, None)


def test_left_window(upbit_no_leaks: None) -> None:
    kept.append(QLabel())


@pytest.mark.upbit_exchange("fast")
def test_marker_with_a_value(upbit_exchange: object) -> None: ...


@pytest.mark.upbit_service(frame_rate=0)
def test_setting_that_cannot_be(upbit_service: object) -> None: ...


def test_after_all_that_a_good_one_passes(qtbot: QtBot, upbit_service: WebSocketService, upbit_no_leaks: None) -> None:
    with qtbot.waitSignal(upbit_service.ticker(BTC).received):
        pass
