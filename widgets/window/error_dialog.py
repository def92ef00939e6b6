"""One dialog for each distinct unexpected error, with Copy; the program goes on."""

from __future__ import annotations

from typing import Protocol

from PyQt6.QtCore import QObject, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtWidgets import QApplication, QMessageBox, QPushButton

from ..base.labels import breakable
from ..base.text import tr

__all__ = ["ErrorReport", "ErrorReporter"]

MOST_DIALOGS = 3  # at a time; the log has the others


class ErrorReport(Protocol):
    """What install_excepthook() hands over; as text it is one line."""

    @property
    def text(self) -> str:
        """The traceback."""


class ErrorReporter(QObject):
    """Shows what install_excepthook() reports.

    Args:
        parent: of the QObject.
        silent: whether nobody is there to close a dialog; the log has it anyway.
    """

    _reported = pyqtSignal(object)

    def __init__(self, parent: QObject, *, silent: bool = False) -> None:
        super().__init__(parent)
        self._silent = silent
        self._boxes: set[QMessageBox] = set()  # one without a window behind it has no other owner
        self._reported.connect(self._show)  # queued by Qt where another thread reports

    def report(self, error: ErrorReport) -> None:
        """Take a report, in any thread."""
        self._reported.emit(error)

    @pyqtSlot(object)
    def _show(self, error: ErrorReport) -> None:
        if self._silent or len(self._boxes) >= MOST_DIALOGS:
            return
        box = QMessageBox(QApplication.activeWindow())
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(tr("Unexpected error"))
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(tr("Something unexpected happened; the program goes on."))
        box.setInformativeText(breakable(str(error), 300))
        box.setDetailedText(error.text)
        copy = QPushButton(tr("Copy"), box)
        box.addButton(copy, QMessageBox.ButtonRole.ActionRole)
        copy.clicked.disconnect()  # Qt would close the box
        copy.clicked.connect(lambda: _copy(error.text))
        box.addButton(QMessageBox.StandardButton.Close)
        box.setDefaultButton(QMessageBox.StandardButton.Close)
        box.finished.connect(lambda _result: self._boxes.discard(box))
        self._boxes.add(box)
        box.open()


def _copy(text: str) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)
