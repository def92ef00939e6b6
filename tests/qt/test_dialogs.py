"""A dialog that a coroutine awaits: it gets the result, and everybody else goes on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from PyQt6 import sip
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QDialog, QMessageBox, QWidget

from tests.qt.serving import served
from tests.waiting import until
from upbit_ws_qt.qt import NestedLoopError, WebSocketClientProxy, WebSocketService, exec_dialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from upbit_ws_qt.exchange import EmbeddedExchange


@served()
async def test_the_line_is_dialled_and_comes_back_while_it_is_open(
    exchange: EmbeddedExchange, service: WebSocketService
) -> None:
    errors: list[object] = []
    service.errorOccurred.connect(errors.append)
    came: list[object] = []
    proxy = WebSocketClientProxy("prices", service=service)
    dialog = QDialog()
    waiting = asyncio.ensure_future(exec_dialog(dialog))
    await until(dialog.isVisible)
    proxy.subscribe_ticker("KRW-BTC", came.append)
    await until(lambda: len(came) > 3)
    exchange.faults.inject("drop")
    await until(lambda: service.epoch(proxy.subscriptions[0].specs[0].data_type.websocket_type) == 2)
    dialog.done(7)
    assert await waiting == 7
    assert not any(isinstance(error, NestedLoopError) for error in errors)
    sip.delete(dialog)
    await proxy.cleanup()


@pytest.mark.qasync_loop
async def test_a_message_box_returns_its_button() -> None:
    box = QMessageBox()
    box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No)
    waiting = asyncio.ensure_future(exec_dialog(box))
    await until(box.isVisible)
    button = box.button(QMessageBox.StandardButton.Yes)
    assert button is not None
    button.click()
    assert await waiting == QMessageBox.StandardButton.Yes.value
    sip.delete(box)


@pytest.mark.qasync_loop
async def test_it_is_modal_for_its_window_or_for_the_program() -> None:
    window = QWidget()
    alone, within, own = QDialog(), QDialog(window), QDialog()
    own.setWindowModality(Qt.WindowModality.WindowModal)
    for dialog, modality in (
        (alone, Qt.WindowModality.ApplicationModal),
        (within, Qt.WindowModality.WindowModal),
        (own, Qt.WindowModality.WindowModal),
    ):
        waiting = asyncio.ensure_future(exec_dialog(dialog))
        await until(dialog.isVisible)
        assert dialog.windowModality() is modality
        assert QApplication.activeModalWidget() is dialog
        dialog.accept()
        assert await waiting == QDialog.DialogCode.Accepted.value
    for widget in (alone, own, window):
        sip.delete(widget)


@pytest.mark.qasync_loop
@pytest.mark.parametrize("end", [sip.delete, lambda window: window.deleteLater()])
async def test_one_that_goes_with_its_window_is_rejected(end: Callable[[QWidget], object]) -> None:
    window = QWidget()
    dialog = QDialog(window)
    waiting = asyncio.ensure_future(exec_dialog(dialog))
    await until(dialog.isVisible)
    end(window)
    assert await waiting == 0
    assert sip.isdeleted(dialog)


@pytest.mark.qasync_loop
async def test_it_closes_when_who_waits_is_cancelled() -> None:
    dialog = QDialog()
    waiting = asyncio.ensure_future(exec_dialog(dialog))
    await until(dialog.isVisible)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not dialog.isVisible()
    sip.delete(dialog)
