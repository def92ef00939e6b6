"""Chooses an indicator or a signal; each list offers only what fits what was chosen before it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from PyQt6.QtCore import pyqtSignal, pyqtSlot
from PyQt6.QtWidgets import QComboBox, QGridLayout, QHBoxLayout, QLabel, QPushButton, QWidget

from upbit_ws_qt import TIMEFRAMES, IndicatorSpec

from ..base.panel import plain_label
from ..base.spacing import spaced
from ..base.text import tr
from ..base.units import unit_text
from .choice import (
    Offer,
    event_offers,
    indicator_types,
    param_offers,
    spec_of,
    trigger_text,
    triggers_of,
    type_text,
    word_text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["IndicatorPicker"]

_MOST_PARAMS = 4  # three parameters, and the limit of a trigger


class IndicatorPicker(QWidget):
    """Lists of kinds, types, time frames, parameters, conditions and limits.

    Signals:
        added(object, str): an IndicatorSpec and a time frame were chosen; a spec with a trigger is for a signal.
    """

    added = pyqtSignal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wished: dict[str, Any] = {"period": 14}
        self._params: list[Offer] = []
        self._limits: list[Offer] = []
        self.kind, self.type, self.timeframe, self.trigger = (QComboBox(self) for _ in range(4))
        self.trigger.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)  # others are offered all the time
        self.add = QPushButton(self)
        self._fields = [_Field(self) for _ in range(_MOST_PARAMS)]
        self._fill(self.kind, ("value", "signal"))
        self._fill(self.type, indicator_types())
        self._fill(self.timeframe, TIMEFRAMES)
        self.type.setCurrentIndex(self.type.findData("rsi"))
        self._arrange()
        for box in (self.kind, self.type, self.trigger):
            box.currentIndexChanged.connect(self._offer)
        for field in self._fields:
            field.box.activated.connect(self._on_param)
        self.add.clicked.connect(self._on_add)
        self.retranslate()
        self._offer()

    def _arrange(self) -> None:
        first, second = QHBoxLayout(), QHBoxLayout()
        for box in (self.kind, self.type, self.timeframe):
            first.addWidget(box)
        first.addStretch()
        first.addWidget(self.add)
        second.addWidget(self.trigger)
        for field in self._fields:
            second.addWidget(field.label)
            second.addWidget(field.box)
        second.addStretch()
        layout = QGridLayout(self)
        spaced(layout)
        layout.addLayout(first, 0, 0)
        layout.addLayout(second, 1, 0)

    @property
    def for_signal(self) -> bool:
        """Whether a signal is being chosen."""
        return bool(self.kind.currentData() == "signal")

    @property
    def spec(self) -> IndicatorSpec:
        """What is chosen; always valid."""
        trigger = self.trigger.currentData() if self.for_signal else None
        return spec_of(self.type.currentData(), self._params, trigger, self._limits)

    @pyqtSlot()
    def _offer(self) -> None:
        """Offer what fits; what was chosen before stays where it fits."""
        indicator = self.type.currentData()
        triggers = triggers_of(indicator)
        if [self.trigger.itemData(place) for place in range(self.trigger.count())] != list(triggers):
            self.trigger.blockSignals(True)
            self.trigger.clear()
            self._fill(self.trigger, triggers)
            self.trigger.blockSignals(False)
            self._name_triggers()
        self.trigger.setVisible(self.for_signal)
        self._params = param_offers(indicator, self._wished, signal=self.for_signal)
        self._limits = event_offers(indicator, self.trigger.currentData(), self._wished) if self.for_signal else []
        for field, offer in zip(self._fields, _padded([*self._params, *self._limits]), strict=True):
            field.show_offer(offer)

    @pyqtSlot()
    def _on_param(self) -> None:
        for field in self._fields:
            if field.offer is not None:
                self._wished[field.offer.name] = field.box.currentData()
        self._offer()

    @pyqtSlot()
    def _on_add(self) -> None:
        self.added.emit(self.spec, self.timeframe.currentData())

    @staticmethod
    def _fill(box: QComboBox, values: Sequence[str]) -> None:
        for value in values:
            box.addItem(value, value)

    def _name_triggers(self) -> None:
        for place in range(self.trigger.count()):
            self.trigger.setItemText(place, trigger_text(self.trigger.itemData(place)))

    def retranslate(self) -> None:
        """Name everything."""
        for place, text in enumerate((tr("Values"), tr("Signals"))):
            self.kind.setItemText(place, text)
        for place in range(self.type.count()):
            self.type.setItemText(place, type_text(self.type.itemData(place)))
        for place in range(self.timeframe.count()):
            self.timeframe.setItemText(place, unit_text(self.timeframe.itemData(place)))
        self._name_triggers()
        self.add.setText(tr("Add"))
        self.kind.setAccessibleName(tr("Values or signals"))
        self.type.setAccessibleName(tr("Indicator"))
        self.timeframe.setAccessibleName(tr("Time frame"))
        self.trigger.setAccessibleName(tr("Condition"))
        for field in self._fields:
            field.show_offer(field.offer)


class _Field:
    """A parameter: its name and the list of its values."""

    def __init__(self, parent: QWidget) -> None:
        self.label: QLabel = plain_label("", parent)
        self.box = QComboBox(parent)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.label.setBuddy(self.box)
        self.offer: Offer | None = None

    def show_offer(self, offer: Offer | None) -> None:
        """Offer other values, or nothing."""
        self.label.setVisible(offer is not None)
        self.box.setVisible(offer is not None)
        if offer is not None:
            name = word_text(offer.name)
            self.label.setText(name)
            self.box.setAccessibleName(name)
            if self.offer is None or offer.values != self.offer.values or self.box.count() == 0:
                self.box.clear()
                for value in offer.values:
                    self.box.addItem(format(value, "f") if isinstance(value, Decimal) else str(value), value)
            self.box.setCurrentIndex(offer.values.index(offer.chosen))
            self.box.setEnabled(len(offer.values) > 1)
        self.offer = offer


def _padded(found: list[Offer]) -> list[Offer | None]:
    return [*found, *([None] * (_MOST_PARAMS - len(found)))]
