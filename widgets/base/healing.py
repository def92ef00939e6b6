"""Says in a panel's head what became of a gap: how much was recovered, or that something is lost for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtWidgets import QLabel

from upbit_ws_qt import DataType, GapReport

from .text import said, tr

if TYPE_CHECKING:
    from PyQt6.QtWidgets import QWidget

    from upbit_ws_qt import WebSocketService

__all__ = ["HealingLabel"]


class HealingLabel(QLabel):
    """Hidden until a gap of the panel's own stream is done with; then it stays until the next one, or `forget`.

    Args:
        service: what tells of gaps.
        parent: the panel.
    """

    def __init__(self, service: WebSocketService, parent: QWidget) -> None:
        super().__init__(parent)
        self._data_type: DataType | None = None
        self._symbol = ""
        self._report: GapReport | None = None
        service.gapHealed.connect(self._on_gap_healed)
        self.hide()

    def be_about(self, data_type: DataType, symbol: str = "") -> None:
        """Say what becomes of one stream from now on; another one than before begins with nothing."""
        if (data_type, symbol) != (self._data_type, self._symbol):
            self._data_type, self._symbol = data_type, symbol
            self._report = None
            self.retranslate()

    def retranslate(self) -> None:
        """Say it anew, in the language in force."""
        report = self._report
        self.setVisible(report is not None)
        if report is None:
            return
        mine = [each for each in report.streams if self._is_mine(each.stream.data_type, each.stream.symbol)]
        recovered = sum(each.recovered for each in mine)
        lost = next((each for each in mine if not each.is_whole), None)
        self.setText("⚠ " + tr("gap") if lost is not None else f"↺ {recovered:,}")
        told = tr("%n recovered that had been missed", recovered)
        if lost is not None:
            told += "\n" + tr("Something is lost for good: {reason}", reason=said(lost.reason))
        self.setToolTip(told)
        self.setAccessibleName(told)

    def _is_mine(self, data_type: DataType, symbol: str) -> bool:
        return data_type is self._data_type and symbol in (self._symbol, "")

    @pyqtSlot(GapReport)
    def _on_gap_healed(self, report: GapReport) -> None:
        mine = [each for each in report.streams if self._is_mine(each.stream.data_type, each.stream.symbol)]
        if mine and (any(each.expected for each in mine) or not all(each.is_whole for each in mine)):
            self._report = report
            self.retranslate()
