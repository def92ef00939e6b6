"""Remembers, for each table of each panel, which columns its user wants, where, and how rows are sorted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import QObject, pyqtSlot

from ..base.panel_table import PanelTable

if TYPE_CHECKING:
    from ..window.main_window import MainWindow
    from .store import Store

__all__ = ["TableMemory"]


class TableMemory(QObject):
    """Arranges the tables of a window as they were left, and notes each change at once.

    Args:
        window: whose panels have them; the memory ends with it.
        store: where it is kept.
    """

    def __init__(self, window: MainWindow, store: Store) -> None:
        super().__init__(window)
        self._store = store
        self._chosen: dict[str, Any] = store.tables()
        self._window = window
        for panel in window.panels:
            self._take(panel)
        window.panelAdded.connect(self._take)

    @pyqtSlot(str)
    def _take(self, panel: str) -> None:
        for table in self._window.panels[panel].findChildren(PanelTable):
            if table.objectName():
                name = f"{panel}/{table.objectName()}"
                table.restore(self._chosen.get(name))
                table.arrangementChanged.connect(partial(self._on_changed, name, table))

    def _on_changed(self, name: str, table: PanelTable) -> None:
        arrangement = table.arrangement()
        if arrangement:
            self._chosen[name] = arrangement
        else:
            self._chosen.pop(name, None)
        self._store.save_tables(self._chosen)
