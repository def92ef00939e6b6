"""The main window: for now it says what already works."""

from __future__ import annotations

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QLabel, QMainWindow, QVBoxLayout, QWidget

__all__ = ["MainWindow"]

WORKING = (
    "Typed, exact events for all nine message types",
    "Decoder for DEFAULT, SIMPLE, JSON_LIST and SIMPLE_LIST frames",
    "Requests that are checked before the exchange sees them",
)


class MainWindow(QMainWindow):
    """Shows the list of what works."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("upbit_ws_qt")
        self.resize(640, 360)
        body = QWidget(self)
        layout = QVBoxLayout(body)
        layout.addWidget(QLabel("Working in this version:", body))
        for line in WORKING:
            label = QLabel(f"✓  {line}", body)
            label.setTextFormat(Qt.TextFormat.PlainText)
            layout.addWidget(label)
        layout.addStretch()
        self.setCentralWidget(body)
