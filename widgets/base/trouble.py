"""What keeps a service from its exchange, where the program knows more than the lines do; for panels and notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal

from .text import said

if TYPE_CHECKING:
    from upbit_ws_qt import WebSocketService

__all__ = ["Trouble", "trouble_of"]


class Trouble(QObject):
    """One for each service, made by `trouble_of`; it ends with the service.

    Signals:
        changed: there is other trouble than before, or none any more.
        retryRequested: somebody wants it tried again.
    """

    changed = pyqtSignal()
    retryRequested = pyqtSignal()

    def __init__(self, service: WebSocketService) -> None:
        super().__init__(service)
        self._cause = ""

    @property
    def text(self) -> str:
        """The cause, in the language in force; empty where there is none."""
        return said(self._cause) if self._cause else ""

    def tell(self, cause: str) -> None:
        """Say what is the matter, as a Phrase where it is to be translated; empty: nothing any more."""
        if cause != self._cause:
            self._cause = cause
            self.changed.emit()

    def retry(self) -> None:
        """Have it tried again, by whoever knows how."""
        self.retryRequested.emit()


def trouble_of(service: WebSocketService) -> Trouble:
    """Return the trouble of a service."""
    return next(iter(service.findChildren(Trouble)), None) or Trouble(service)
