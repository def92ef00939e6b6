"""How long the program took to open its window, to show a first price, and to end; in the log at info level."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, pyqtSlot

from upbit_ws_qt import Phrase

from ..base.panel import Panel, PanelState
from ..base.text import mark

if TYPE_CHECKING:
    from .program import Program

__all__ = ["StartMarks"]

_log = logging.getLogger("upbit_ws_qt.desktop")

_PRICED = ("watch_list", "order_book", "tape")


class StartMarks(QObject):
    """Logs "window shown" at the first paint and "first price" when the first panel has one, and nothing after that.

    Args:
        program: which opens the window; it keeps the marks.
        began: `time.monotonic()` from which to count.
    """

    def __init__(self, program: Program, began: float) -> None:
        super().__init__(program)
        self._program = program
        self._began = began
        program.opened.connect(self._on_opened)

    @pyqtSlot()
    def _on_opened(self) -> None:
        self._program.opened.disconnect(self._on_opened)
        window = self._program.window
        if window is None:
            return
        window.installEventFilter(self)
        for name in _PRICED:
            panel = window.panels.get(name)
            if isinstance(panel, Panel):
                panel.stateChanged.connect(self._on_state)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Wait for the first paint."""
        if watched is not None and event is not None and event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            self._tell(mark("window shown after {seconds:.2f} s"))
        return False

    @pyqtSlot(PanelState)
    def _on_state(self, state: PanelState) -> None:
        window = self._program.window
        if state is not PanelState.LIVE or window is None:
            return
        for name in _PRICED:
            panel = window.panels.get(name)
            if isinstance(panel, Panel):
                panel.stateChanged.disconnect(self._on_state)
        self._tell(mark("first price after {seconds:.2f} s"))

    def _tell(self, what: str) -> None:
        _log.info("%s", Phrase(what, seconds=time.monotonic() - self._began))
