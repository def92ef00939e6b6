"""A window with all examples: what each is about, its source, and a button that starts it in a process of its own."""

from __future__ import annotations

import sys

from PyQt6.QtCore import QProcess, Qt, pyqtSlot
from PyQt6.QtGui import QFontDatabase
from PyQt6.QtWidgets import (
    QApplication,
    QLabel,
    QListWidget,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from upbit_ws_qt.examples import examples

__all__ = ["Gallery", "show_gallery"]

_MOST_LINES = 2000  # of what programs print


class Gallery(QSplitter):
    """The list on the left, the chosen program on the right; what it prints, below. Closing the window ends it."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setWindowTitle("upbit_ws_qt examples")
        self.resize(1100, 760)
        self.examples = examples()
        self.names = QListWidget()
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.source, self.printed = QPlainTextEdit(), QPlainTextEdit()
        self.start_button, self.stop_button = QPushButton("Start (Return)"), QPushButton("Stop")
        self.process = QProcess(self)
        self._lay_out()
        self.names.addItems([example.name for example in self.examples])
        self.names.currentRowChanged.connect(self._on_chosen)
        self.names.itemActivated.connect(self.start)
        self.start_button.clicked.connect(self.start)
        self.stop_button.clicked.connect(self.stop)
        self.process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        self.process.readyReadStandardOutput.connect(self._on_output)
        self.process.stateChanged.connect(self._on_state)
        self.process.finished.connect(self._on_finished)
        self._on_state(self.process.state())
        self.names.setCurrentRow(0)

    def _lay_out(self) -> None:
        right = QWidget()
        layout = QVBoxLayout(right)
        panes = QSplitter(Qt.Orientation.Vertical)
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        for pane, share in ((self.source, 3), (self.printed, 1)):
            pane.setReadOnly(True)
            pane.setFont(fixed)
            pane.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
            panes.addWidget(pane)
            panes.setStretchFactor(panes.count() - 1, share)
        self.printed.setMaximumBlockCount(_MOST_LINES)
        self.printed.setPlaceholderText("What the program prints")
        layout.addWidget(self.summary)
        layout.addWidget(panes, 1)
        layout.addWidget(self.start_button)
        layout.addWidget(self.stop_button)
        self.addWidget(self.names)
        self.addWidget(right)
        self.setStretchFactor(1, 1)
        self.setSizes([200, 900])

    @pyqtSlot()
    def start(self) -> None:
        """Start the chosen program; one at a time."""
        if self.process.state() is not QProcess.ProcessState.NotRunning:
            return
        self.printed.clear()
        name = self.examples[self.names.currentRow()].name
        self.process.start(sys.executable, ["-u", "-m", "upbit_ws_qt.examples", name])

    @pyqtSlot()
    def stop(self) -> None:
        """Ask the program to end."""
        self.process.terminate()

    @pyqtSlot(int)
    def _on_chosen(self, row: int) -> None:
        self.summary.setText(self.examples[row].summary)
        self.source.setPlainText(self.examples[row].source)

    @pyqtSlot()
    def _on_output(self) -> None:
        self.printed.appendPlainText(self.process.readAllStandardOutput().data().decode(errors="replace").rstrip("\n"))

    @pyqtSlot(QProcess.ProcessState)
    def _on_state(self, state: QProcess.ProcessState) -> None:
        runs = state is not QProcess.ProcessState.NotRunning
        self.start_button.setEnabled(not runs)
        self.stop_button.setEnabled(runs)

    @pyqtSlot(int, QProcess.ExitStatus)
    def _on_finished(self, code: int, _how: QProcess.ExitStatus) -> None:
        self.printed.appendPlainText(f"[ended with {code}]")

    def end(self) -> None:
        """End the program, if one runs; it is given a moment to say goodbye."""
        self.process.terminate()
        if not self.process.waitForFinished(3000):
            self.process.kill()
            self.process.waitForFinished()


def show_gallery() -> int:
    """Show the window until it is closed."""
    app = QApplication.instance() or QApplication([])
    gallery = Gallery()
    gallery.show()
    code = app.exec()
    gallery.end()
    return code
