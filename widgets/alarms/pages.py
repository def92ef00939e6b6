"""The part of the form that is about the condition: one page for each kind."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Protocol

from PyQt6.QtCore import pyqtSlot
from PyQt6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from ..alarm_rules.rules import (
    INDICATOR_UNITS,
    Condition,
    Crossing,
    DataLost,
    DataSilent,
    IndicatorLevel,
    Keyword,
    NewListing,
    PriceChange,
    PriceLevel,
    SpreadWide,
    VolumeSpike,
    formula_lines,
)
from ..base.labels import contained, plain_label
from ..base.spacing import Step, spaced
from ..base.text import tr
from ..base.units import unit_text
from ..chart.words import formula_text, line_text, parameter_text
from ..formulas.catalog import FORMULAS
from .words import crossing_text

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ConditionPage", "page_for"]

_WAYS = (Crossing.EITHER, Crossing.UP, Crossing.DOWN)
_QUOTES = ("", "KRW", "BTC", "USDT")


class ConditionPage(Protocol):
    """A page on which one kind of condition is set."""

    def condition(self) -> Condition:
        """Return what is set; ValueError, with a text to be shown, where that is nothing."""

    def show_condition(self, condition: Any) -> None:
        """Set it."""


class _Page(QWidget):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.form = QFormLayout(self)
        spaced(self.form, Step.SMALL, across=Step.LARGE)

    def _add(self, text: str, field: Any) -> Any:
        label = plain_label(text, self)
        label.setBuddy(field)
        field.setAccessibleName(text)
        self.form.addRow(label, field)
        return field

    def _choice(self, text: str, pairs: Iterable[tuple[str, object]]) -> QComboBox:
        box = contained(QComboBox(self))
        for word, value in pairs:
            box.addItem(word, value)
        self._add(text, box)
        return box

    def _crossing(self) -> QComboBox:
        return self._choice(tr("Direction"), ((crossing_text(each), each) for each in _WAYS))

    def _unit(self) -> QComboBox:
        return self._choice(tr("Candle unit"), ((unit_text(each), each) for each in INDICATOR_UNITS))

    def _number(self, text: str, least: float, most: float, usual: float, decimals: int = 2) -> QDoubleSpinBox:
        box = QDoubleSpinBox(self)
        box.setDecimals(decimals)
        box.setRange(least, most)
        box.setValue(usual)
        box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        self._add(text, box)
        return box

    def _count(self, text: str, least: int, most: int, usual: int) -> QSpinBox:
        box = QSpinBox(self)
        box.setRange(least, most)
        box.setValue(usual)
        self._add(text, box)
        return box


class _PricePage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.price: QLineEdit = self._add(tr("Price"), QLineEdit(self))
        self.crossing = self._crossing()

    def condition(self) -> Condition:
        price = number_in(self.price)
        if price <= 0:
            raise ValueError(tr("A price above 0 is wanted."))
        return PriceLevel(price, self.crossing.currentData())

    def show_condition(self, condition: PriceLevel) -> None:
        self.price.setText(format(condition.price, "f"))
        choose(self.crossing, condition.crossing)


class _ChangePage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.percent = self._number(tr("Percent"), 0.01, 1000, 3)
        self.minutes = self._count(tr("Minutes"), 1, 24 * 60, 5)
        self.crossing = self._crossing()

    def condition(self) -> Condition:
        return PriceChange(value_of(self.percent), self.minutes.value(), self.crossing.currentData())

    def show_condition(self, condition: PriceChange) -> None:
        self.percent.setValue(float(condition.percent))
        self.minutes.setValue(condition.minutes)
        choose(self.crossing, condition.crossing)


class _VolumePage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.times = self._number(tr("Times the mean"), 1, 10_000, 5, 1)
        self.candles = self._count(tr("Mean of so many candles"), 2, 200, 20)
        self.unit = self._unit()

    def condition(self) -> Condition:
        return VolumeSpike(value_of(self.times), self.candles.value(), self.unit.currentData())

    def show_condition(self, condition: VolumeSpike) -> None:
        self.times.setValue(float(condition.times))
        self.candles.setValue(condition.candles)
        choose(self.unit, condition.unit)


class _SpreadPage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.percent = self._number(tr("Percent"), 0.001, 1000, 0.5, 3)

    def condition(self) -> Condition:
        return SpreadWide(value_of(self.percent))

    def show_condition(self, condition: SpreadWide) -> None:
        self.percent.setValue(float(condition.percent))


class _IndicatorPage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.formula = self._choice(tr("Indicator"), ((formula_text(name), name) for name in FORMULAS))
        self.values: list[QDoubleSpinBox] = []
        self._first_value = self.form.rowCount()
        self.line = self._choice(tr("Line"), ())
        self.against = self._choice(
            tr("Crosses"), ((tr("a value"), "value"), (tr("the price (the price crosses it)"), "price"))
        )
        self.level: QLineEdit = self._add(tr("Value"), QLineEdit("30", self))
        self.crossing = self._crossing()
        choose(self.crossing, Crossing.UP)
        self.unit = self._unit()
        choose(self.unit, "15m")
        self.open = QCheckBox(tr("The present candle counts, too; it may turn back"), self)
        self.form.addRow(self.open)
        self.formula.currentIndexChanged.connect(self._on_formula)
        self.against.currentIndexChanged.connect(self._on_against)
        choose(self.formula, "rsi")

    @pyqtSlot()
    def _on_formula(self) -> None:
        """Offer the parameters and lines of another indicator."""
        formula = FORMULAS[self.formula.currentData()]
        for field in self.values:
            self.form.removeRow(field)
        self.values = []
        for place, parameter in enumerate(formula.parameters):
            field = QDoubleSpinBox(self)
            field.setDecimals(0 if parameter.whole else 3)
            field.setRange(parameter.least, parameter.most)
            field.setValue(parameter.usual)
            text = parameter_text(parameter.name)
            field.setAccessibleName(text)
            label = plain_label(text, self)
            label.setBuddy(field)
            self.form.insertRow(self._first_value + place, label, field)
            self.values.append(field)
        self.line.clear()
        for name in formula_lines(formula.name):
            self.line.addItem(line_text(name), name)

    @pyqtSlot()
    def _on_against(self) -> None:
        self.level.setEnabled(self.against.currentData() == "value")

    def condition(self) -> Condition:
        level = number_in(self.level) if self.against.currentData() == "value" else None
        return IndicatorLevel(
            self.formula.currentData(), tuple(field.value() for field in self.values), self.line.currentData(),
            self.crossing.currentData(), level, self.unit.currentData(), not self.open.isChecked(),
        )  # fmt: skip

    def show_condition(self, condition: IndicatorLevel) -> None:
        choose(self.formula, condition.formula)
        allowed = FORMULAS[condition.formula].allowed(condition.values)
        for field, value in zip(self.values, allowed, strict=True):
            field.setValue(value)
        choose(self.line, condition.line)
        choose(self.against, "price" if condition.level is None else "value")
        if condition.level is not None:
            self.level.setText(format(condition.level, "f"))
        choose(self.crossing, condition.crossing)
        choose(self.unit, condition.unit)
        self.open.setChecked(not condition.closed)


class _ListingPage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.quote = self._choice(tr("Quoted in"), ((each or tr("any currency"), each) for each in _QUOTES))

    def condition(self) -> Condition:
        return NewListing(self.quote.currentData())

    def show_condition(self, condition: NewListing) -> None:
        choose(self.quote, condition.quote)


class _KeywordPage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.words: QLineEdit = self._add(tr("Words, parted by commas"), QLineEdit(self))
        self.words.setMaxLength(200)

    def condition(self) -> Condition:
        if not self.words.text().replace(",", " ").strip():
            raise ValueError(tr("A word is wanted."))
        return Keyword(self.words.text().strip())

    def show_condition(self, condition: Keyword) -> None:
        self.words.setText(condition.words)


class _SilencePage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.seconds = self._count(tr("Seconds"), 1, 86_400, 30)

    def condition(self) -> Condition:
        return DataSilent(self.seconds.value())

    def show_condition(self, condition: DataSilent) -> None:
        self.seconds.setValue(condition.seconds)


class _LossPage(_Page):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        note = plain_label(tr("Trades that an outage has cost are asked for; this tells of those that are gone."), self)
        note.setWordWrap(True)
        self.form.addRow(note)

    def condition(self) -> Condition:
        return DataLost()

    def show_condition(self, condition: DataLost) -> None:
        del condition  # there is nothing to set


_PAGES: dict[type, type[_Page]] = {
    PriceLevel: _PricePage,
    PriceChange: _ChangePage,
    VolumeSpike: _VolumePage,
    SpreadWide: _SpreadPage,
    IndicatorLevel: _IndicatorPage,
    NewListing: _ListingPage,
    Keyword: _KeywordPage,
    DataSilent: _SilencePage,
    DataLost: _LossPage,
}


def page_for(kind: type, parent: QWidget) -> Any:
    """Return the page of a kind of condition: a widget that is a ConditionPage."""
    return _PAGES[kind](parent)


def choose(box: QComboBox, value: object) -> None:
    """Choose a value; one that is not offered changes nothing."""
    place = box.findData(value)
    if place >= 0:
        box.setCurrentIndex(place)


def number_in(field: QLineEdit) -> Decimal:
    """Return the number that is typed into a line; ValueError for what is none."""
    try:
        number = Decimal(field.text().replace(",", "").strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise ValueError(tr("“{typed}” is no number.", typed=field.text()[:40]))
    return number


def value_of(box: QDoubleSpinBox) -> Decimal:
    """Return what a box shows, exact."""
    return Decimal(f"{box.value():.{box.decimals()}f}")
