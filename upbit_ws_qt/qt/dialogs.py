"""A dialog in a coroutine, without an event loop inside the event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PyQt6 import sip
from PyQt6.QtCore import Qt

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QDialog

__all__ = ["exec_dialog"]


async def exec_dialog(dialog: QDialog) -> int:
    """Open a dialog and return its result, as `dialog.exec()` does in plain code.

    Only this coroutine waits: the lines, all other coroutines and all widgets go on. The dialog is modal for its
    parent's window, and for the whole program where it has no parent. A QMessageBox returns the button.

    Where the coroutine is cancelled, the dialog is closed. A dialog that is deleted while it is open (its window was,
    say) counts as rejected, 0.

    Example:
        if await exec_dialog(LoginDialog(window)):
            await service.start()
    """
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def finish(result: int) -> None:
        if not done.done():
            done.set_result(result)

    def vanish() -> None:
        finish(0)

    dialog.finished.connect(finish)
    dialog.destroyed.connect(vanish)
    if dialog.parentWidget() is None:
        if dialog.windowModality() is Qt.WindowModality.NonModal:
            dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
        dialog.show()
    else:
        dialog.open()
    try:
        return await done
    finally:
        if not sip.isdeleted(dialog):
            dialog.finished.disconnect(finish)
            dialog.destroyed.disconnect(vanish)
            if dialog.isVisible():
                dialog.reject()
