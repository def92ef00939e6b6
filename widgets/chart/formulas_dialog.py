"""Chooses the formulas of a chart: which, with which parameters, in which colours; the chart follows at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import Qt, pyqtSignal, pyqtSlot
from PyQt6.QtGui import QIcon, QPixmap
from PyQt6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..base.ink import curve_colour
from ..base.spacing import Step, spaced
from ..base.text import tr
from ..base.theme import colours_of
from ..formulas.catalog import FORMULAS
from .choice import CURVE_COLOURS, MOST_FORMULAS, ChosenFormula
from .words import colour_text, formula_text, line_text, parameter_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FormulasDialog"]

_DECIMALS = 3


class FormulasDialog(QDialog):
    """A list of the chosen formulas, and beside it what can be set of the one that is marked.

    Args:
        formulas: those that are chosen.
        parent: the chart.

    Signals:
        formulasChanged(tuple): other formulas are chosen now, or in another way.
    """

    formulasChanged = pyqtSignal(tuple)

    def __init__(self, formulas: Iterable[ChosenFormula], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._chosen = list(formulas)
        self.setWindowTitle(tr("Chart indicators"))
        self.offered = QComboBox(self)
        for name in FORMULAS:
            self.offered.addItem(formula_text(name), name)
        self.offered.setAccessibleName(tr("Indicator to add"))
        self.add = QPushButton(tr("Add"), self)
        self.add.clicked.connect(self._on_add)
        self.list = QListWidget(self)
        self.list.setAccessibleName(tr("Indicators of this chart"))
        self.list.currentRowChanged.connect(self._show_one)
        self.remove = QPushButton(tr("Remove"), self)
        self.remove.clicked.connect(self._on_remove)
        self._place = QWidget(self)
        self._place_layout = QVBoxLayout(self._place)
        spaced(self._place_layout)
        self._form: QWidget | None = None
        self.fields: list[QDoubleSpinBox] = []
        self.colours: list[QComboBox] = []
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.rejected.connect(self.reject)
        head, middle = QHBoxLayout(), QHBoxLayout()
        spaced(head)
        spaced(middle, Step.MEDIUM)
        head.addWidget(self.offered, 1)
        head.addWidget(self.add)
        left = QVBoxLayout()
        spaced(left)
        left.addWidget(self.list, 1)
        left.addWidget(self.remove)
        middle.addLayout(left, 1)
        middle.addWidget(self._place, 1)
        layout = QVBoxLayout(self)
        spaced(layout, Step.MEDIUM, Step.MEDIUM)
        layout.addLayout(head)
        layout.addLayout(middle, 1)
        layout.addWidget(buttons)
        self._fill(0)

    @property
    def formulas(self) -> tuple[ChosenFormula, ...]:
        """Those that are chosen now."""
        return tuple(self._chosen)

    # -- inside -------------------------------------------------------------------------------------------------------
    def _fill(self, row: int) -> None:
        self.list.blockSignals(True)
        self.list.clear()
        self.list.addItems([each.title for each in self._chosen])
        self.list.setCurrentRow(min(row, len(self._chosen) - 1))
        self.list.blockSignals(False)
        self.add.setEnabled(len(self._chosen) < MOST_FORMULAS)
        self._show_one(self.list.currentRow())

    @pyqtSlot(int)
    def _show_one(self, row: int) -> None:
        if self._form is not None:
            self._place_layout.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
        self.fields, self.colours = [], []
        self.remove.setEnabled(0 <= row < len(self._chosen))
        self._form = form = QWidget(self._place)
        self._place_layout.addWidget(form, 0, Qt.AlignmentFlag.AlignTop)
        layout = QFormLayout(form)
        if not 0 <= row < len(self._chosen):
            return
        chosen = self._chosen[row]
        for parameter, value in zip(chosen.formula.parameters, chosen.values, strict=True):
            field = QDoubleSpinBox(form)
            field.setDecimals(0 if parameter.whole else _DECIMALS)
            field.setRange(parameter.least, parameter.most)
            field.setSingleStep(1.0 if parameter.whole else parameter.usual / 10)
            field.setValue(value)
            field.setAccessibleName(parameter_text(parameter.name))
            field.valueChanged.connect(self._on_changed)
            layout.addRow(parameter_text(parameter.name), field)
            self.fields.append(field)
        theme = colours_of(self.palette())
        swatch = self.fontMetrics().height()
        for line, number in zip(chosen.formula.lines, chosen.colours, strict=True):
            box = QComboBox(form)
            for each in range(CURVE_COLOURS):
                colour = QPixmap(swatch, swatch)
                colour.fill(curve_colour(each, theme))
                box.addItem(QIcon(colour), colour_text(each))
            box.setCurrentIndex(number)
            box.setAccessibleName(line_text(line.name))
            box.currentIndexChanged.connect(self._on_changed)
            layout.addRow(line_text(line.name), box)
            self.colours.append(box)
        form.show()

    @pyqtSlot()
    def _on_add(self) -> None:
        self._chosen.append(ChosenFormula.usual(str(self.offered.currentData())))
        self._fill(len(self._chosen) - 1)
        self.formulasChanged.emit(self.formulas)

    @pyqtSlot()
    def _on_remove(self) -> None:
        row = self.list.currentRow()
        if 0 <= row < len(self._chosen):
            del self._chosen[row]
            self._fill(row)
            self.formulasChanged.emit(self.formulas)

    @pyqtSlot()
    def _on_changed(self) -> None:
        row = self.list.currentRow()
        if not 0 <= row < len(self._chosen):
            return
        values = self._chosen[row].formula.allowed([field.value() for field in self.fields])
        colours = tuple(box.currentIndex() for box in self.colours)
        self._chosen[row] = replace(self._chosen[row], values=values, colours=colours)
        item = self.list.item(row)
        if item is not None:
            item.setText(self._chosen[row].title)
        self.formulasChanged.emit(self.formulas)
