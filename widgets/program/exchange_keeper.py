"""Looks after the embedded exchange: one that dies is started again, not for ever, and the user is told."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QTimer, pyqtSignal, pyqtSlot

from upbit_ws_qt import Phrase

from ..base.text import mark

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .exchange_process import ExchangeProcess

__all__ = ["ExchangeKeeper"]

_log = logging.getLogger("upbit_ws_qt.desktop")

PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each new start; after as many starts in vain it is given up."""
_LOOK_MS = 500
_SETTLED = 60.0
"""Seconds after which an exchange that lives counts as sound, so that all starts are free again."""


class ExchangeKeeper(QObject):
    """Starts a child process again that ended though nobody ended it.

    Args:
        exchange: the child; it keeps its port, so that the lines find it again by themselves.
        parent: of the QObject.
        pauses: seconds before each new start.
        clock: seconds.

    Signals:
        troubleChanged(object): a Phrase that says what is the matter; an empty text when it serves again.
    """

    troubleChanged = pyqtSignal(object)

    def __init__(
        self,
        exchange: ExchangeProcess,
        parent: QObject,
        *,
        pauses: Sequence[float] = PAUSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._exchange = exchange
        self._pauses = tuple(pauses)
        self._clock = clock
        self._starts = 0
        self._due: float | None = None
        self._since = clock()
        self._down = False
        self.given_up = False
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def stop(self) -> None:
        """Look no more: the program ends it itself."""
        self._timer.stop()

    @pyqtSlot()
    def retry(self) -> None:
        """Try again where it was given up."""
        if self.given_up:
            self.given_up, self._starts, self._due = False, 0, self._clock()

    @pyqtSlot()
    def look(self) -> None:
        """See whether it lives, and do what is due; happens by itself twice a second."""
        now = self._clock()
        if self.given_up:
            return
        if self._due is not None:
            if now >= self._due:
                self._due = None
                self._since = now
                self._starts += 1
                self._exchange.restart()
            return
        if not self._exchange.running:
            self._on_ended(now)
        elif self._exchange.serves:
            if self._down:
                self._down = False
                _log.warning("%s", Phrase(mark("the embedded exchange serves again")))
                self.troubleChanged.emit("")
            if now - self._since > _SETTLED:
                self._starts = 0

    def _on_ended(self, now: float) -> None:
        code = self._exchange.exit_code
        self._down = True
        if self._starts >= len(self._pauses):
            self.given_up = True
            told = Phrase(
                mark("The embedded exchange ended (code {code}) and did not come back after {count} starts: "
                     "F5 tries again"),
                code=code, count=self._starts,
            )  # fmt: skip
        else:
            self._due = now + self._pauses[self._starts]
            told = Phrase(
                mark("The embedded exchange ended (code {code}); it is started again, {number} of {count}"),
                code=code,
                number=self._starts + 1,
                count=len(self._pauses),
            )
        _log.warning("%s", told)
        self.troubleChanged.emit(told)
