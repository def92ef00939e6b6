"""Ctrl+K: find a market by code, English or Korean name, or 초성."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import QEvent, QObject, Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QKeyEvent
from PyQt6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from ..base.market_marks import marks_hint, marks_of, marks_text
from ..base.panel import plain_label
from ..base.text import tr
from ..base.tokens import SEARCH_SIZE

if TYPE_CHECKING:
    from ..base.market_catalog import MarketCatalog
    from ..base.market_marks import MarketMarks

__all__ = ["SymbolSearch"]

_MOVES: dict[int, int] = {
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Down: 1,
    Qt.Key.Key_PageUp: -10,
    Qt.Key.Key_PageDown: 10,
}


class SymbolSearch(QDialog):
    """A small window with a line to type in and the markets that fit.

    Example:
        >>> search = SymbolSearch(catalog, window)
        >>> search.symbolSelected.connect(print)
        >>> search.open()

    Signals:
        symbolSelected(str): Enter was pressed, or a market clicked.
    """

    symbolSelected = pyqtSignal(str)

    def __init__(
        self, catalog: MarketCatalog, parent: QWidget | None = None, *, marks: MarketMarks | None = None
    ) -> None:
        super().__init__(parent)
        self._catalog = catalog
        self._marks = marks
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(tr("Find a market"))
        self.resize(*SEARCH_SIZE)
        self.line = QLineEdit(self)
        self.line.setPlaceholderText(tr("Code, English or Korean name, 초성"))
        self.line.setAccessibleName(tr("Find a market"))
        self.line.installEventFilter(self)
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("Markets"))
        self.list.setUniformItemSizes(True)
        self.nothing = plain_label(tr("No market fits this search."), self)
        self.nothing.hide()
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.nothing, 1, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignHCenter)
        self.line.textChanged.connect(self._on_text)
        self.line.returnPressed.connect(self._on_chosen)
        self.list.itemActivated.connect(self._on_chosen)
        self.list.itemClicked.connect(self._on_chosen)
        catalog.changed.connect(self._on_text)
        self._on_text()
        self.line.setFocus()

    @property
    def codes(self) -> list[str]:
        """What fits, best first."""
        items = (self.list.item(row) for row in range(self.list.count()))
        return [str(item.data(Qt.ItemDataRole.UserRole)) for item in items if item is not None]

    @pyqtSlot()
    @pyqtSlot(str)
    def _on_text(self, _text: str = "") -> None:
        self.list.clear()
        for market in self._catalog.search(self.line.text()):
            marks = self._marks.of(market.code) if self._marks is not None else marks_of(market.market_event, None)
            warning = f"    ⚠ {marks_text(marks)}" if marks else ""
            item = QListWidgetItem(f"{market.code}    {market.korean_name} · {market.english_name}{warning}")
            item.setToolTip(marks_hint(marks))
            item.setData(Qt.ItemDataRole.UserRole, market.code)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setVisible(self.list.count() > 0)
        self.nothing.setVisible(self.list.count() == 0)

    @pyqtSlot()
    @pyqtSlot(QListWidgetItem)
    def _on_chosen(self, _item: QListWidgetItem | None = None) -> None:
        item = self.list.currentItem()
        if item is not None:
            self.symbolSelected.emit(str(item.data(Qt.ItemDataRole.UserRole)))
            self.accept()
            self.close()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Arrow keys move in the list while the cursor stays in the line."""
        if (
            watched is self.line
            and isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() in _MOVES
        ):
            row = self.list.currentRow() + _MOVES[event.key()]
            self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
            return True
        return super().eventFilter(watched, event)
